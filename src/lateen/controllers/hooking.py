"""Webhooks: who changes a source says so, and it is looked at now and not when that is due.

An application that wants to be called names a Secret with a token (`lateen.dev/hook-secret`); who
calls proves that it knows the token, as GitHub, Gitea and GitLab do, or as a bearer.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lateen.api import names
from lateen.api.application import Application
from lateen.api.manifest import Key, Manifest

_LOG: Final = logging.getLogger(__name__)
_KEY: Final = "token"
_SIGNED: Final = ("X-Hub-Signature-256", "X-Gitea-Signature")


@dataclass(frozen=True)
class Answer:
    status: int
    text: str


@dataclass(frozen=True)
class Receiver:
    """Answers calls about applications.

    Attributes:
        listed: whether applications are known: not at the start, nor while other controllers work.
        application: by namespace and name, None where there is none.
        read: an object of the control plane, None where there is none.
        refresh: has the sources of an application looked at.
    """

    listed: Callable[[], bool]
    application: Callable[[str, str], Application | None]
    read: Callable[[Key], Awaitable[Manifest | None]]
    refresh: Callable[[str, str], None]

    async def receive(
        self, namespace: str, name: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """Whoever does not know the token is not told whether there is such an application."""
        if not self.listed():
            return Answer(503, "these controllers are not at work: ask others, or ask again\n")
        app = self.application(namespace, name)
        token = await self._token(app) if app is not None else b""
        if app is None or not token or not proven(headers, body, token):
            return Answer(403, "this call proves no token of such an application\n")
        if app.publish_version:
            said = f"{name} is delivered when its {names.PUBLISH_VERSION} changes\n"
            return Answer(202, said)
        _LOG.info("application %s/%s: called, its sources are looked at", namespace, name)
        self.refresh(namespace, name)
        return Answer(202, f"the sources of {name} are looked at\n")

    async def _token(self, app: Application) -> bytes:
        name = app.annotations.get(names.CALLED_BY, "")
        found = await self.read(Key("", "Secret", app.namespace, name, "v1")) if name else None
        return _decoded((found or {}).get("data") or {})


def proven(headers: Mapping[str, str], body: bytes, token: bytes) -> bool:
    """Whether a call knows a token: by a signature over its body, or by saying it."""
    signature = hmac.new(token, body, hashlib.sha256).hexdigest().encode()
    for header in _SIGNED:
        if given := headers.get(header):
            return hmac.compare_digest(given.removeprefix("sha256=").encode(), signature)
    said = headers.get("X-Gitlab-Token") or headers.get("Authorization", "").removeprefix("Bearer ")
    return hmac.compare_digest(said.encode(), token)


def _decoded(data: Mapping[str, Any]) -> bytes:
    try:
        return base64.b64decode(str(data.get(_KEY) or ""), validate=True).strip()
    except (binascii.Error, ValueError):
        return b""
