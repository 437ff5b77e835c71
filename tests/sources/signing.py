"""Authors with keys, who sign charts as `helm package --sign` does."""

from __future__ import annotations

import hashlib

from pysequoia import SignatureMode, Tsk, sign

from tests.sources import packing


class Author:
    """Somebody with a key pair."""

    def __init__(self, name: str) -> None:
        self._key = Tsk.generate(user_ids=[f"{name} <{name}@example.com>"])

    @property
    def keyring(self) -> bytes:
        """The public key, as `gpg --export` gives it."""
        return bytes(self._key.extract_certificate())

    def provenance(self, files: packing.Files, archive: bytes, name: str) -> bytes:
        """What stands beside a chart: its description and the sum of its archive, signed."""
        total = hashlib.sha256(archive).hexdigest()
        text = f"{files['Chart.yaml']}\n...\nfiles:\n  {name}: sha256:{total}\n"
        return bytes(sign(self._key.signer(), text.encode(), mode=SignatureMode.CLEAR))
