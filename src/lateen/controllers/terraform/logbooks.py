"""What Terraform has written for a Configuration, kept where `lateen logs` finds it.

In a Secret: outputs of programs, and values of variables that nobody called sensitive, are not for
everybody's eyes. It goes with the Configuration.
"""

from __future__ import annotations

import base64
from typing import Final

from lateen.api.configuration import KIND, VERSION, Configuration
from lateen.api.manifest import Key, Manifest
from lateen.base import clock as clocks
from lateen.base.clock import Clock
from lateen.hub import client, errors
from lateen.workflow.redacting import Secrets

TYPE: Final = "lateen.dev/terraform-log"
_LONGEST: Final = 200_000  # bytes kept; what is older is let go
_FIELD: Final = "log"


def key(namespace: str, name: str) -> Key:
    """The Secret with the log of a Configuration."""
    return Key("", "Secret", namespace, f"tf-log-{name}", "v1")


def text(secret: Manifest) -> str:
    packed = (secret.get("data") or {}).get(_FIELD) or ""
    return base64.b64decode(packed).decode(errors="replace")


class Logbook:
    """The log of one Configuration; `secrets` is what is not written down."""

    def __init__(
        self, hub: client.Client, declared: Configuration, clock: Clock, secrets: Secrets
    ) -> None:
        self._hub = hub
        self._declared = declared
        self._clock = clock
        self._secrets = secrets
        self._before: str | None = None  # what was there when we began
        self._lines: list[str] = []
        self._flushed = 0

    def write(self, line: str) -> None:
        moment = clocks.stamp(self._clock.now())
        self._lines.append(f"{moment} {self._secrets.hide(line)}")

    async def flush(self) -> None:
        """Store what has been written since the last time."""
        if len(self._lines) == self._flushed:
            return
        count = len(self._lines)
        whole = "\n".join([await self._earlier(), *self._lines[:count]]).strip("\n") + "\n"
        kept = whole.encode()[-_LONGEST:]
        if len(kept) == _LONGEST:
            kept = kept[kept.find(b"\n") + 1 :]
        await self._hub.apply(self._secret(kept), force=True)
        self._flushed = count

    async def _earlier(self) -> str:
        if self._before is None:
            where = key(self._declared.namespace, self._declared.name)
            try:
                self._before = text(await self._hub.get(where))
            except errors.ApiError as error:
                if not error.not_found:
                    raise
                self._before = ""
        return self._before

    def _secret(self, kept: bytes) -> Manifest:
        where = key(self._declared.namespace, self._declared.name)
        owner = {
            "apiVersion": f"{self._declared.key.group}/{VERSION}",
            "kind": KIND,
            "name": self._declared.name,
            "uid": self._declared.uid,
        }
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": TYPE,
            "metadata": {
                "name": where.name,
                "namespace": where.namespace,
                "labels": self._declared.marks,
                "ownerReferences": [owner],
            },
            "data": {_FIELD: base64.b64encode(kept).decode()},
        }


class Unkept(Logbook):
    """Of a run that nobody but who asked for it is to know of."""

    async def flush(self) -> None:
        pass
