"""TLS contexts from PEM texts."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path


def context(
    authority: str = "", certificate: str = "", key: str = "", *, verify: bool = True
) -> ssl.SSLContext | bool:
    """What aiohttp takes as `ssl`: True where what the system trusts is enough.

    Raises:
        ValueError: the texts are no certificates, or do not belong together.
    """
    if not (authority or certificate or not verify):
        return True
    try:
        made = ssl.create_default_context(cadata=authority or None)
        if not verify:
            made.check_hostname = False
            made.verify_mode = ssl.CERT_NONE
        if certificate:
            _present(made, certificate, key)
    except (ssl.SSLError, TypeError) as error:  # TypeError: no ASCII
        raise ValueError(str(error)) from error
    return made


def _present(made: ssl.SSLContext, certificate: str, key: str) -> None:
    """The standard library reads a key from files only; these are gone before anything is sent."""
    with tempfile.TemporaryDirectory(prefix="lateen-tls-") as folder:
        first, second = Path(folder, "client.crt"), Path(folder, "client.key")
        second.touch(0o600)
        first.write_text(certificate)
        second.write_text(key)
        made.load_cert_chain(first, second)
