"""Tokens of service accounts, as pods are given them to talk to the API server."""

from __future__ import annotations

import time
from dataclasses import dataclass

import anyio

from lateen.api.manifest import Key, Manifest
from lateen.base import clock
from lateen.hub import Client

_OLD = 0.8  # of its life: then it is replaced


@dataclass(frozen=True)
class _Token:
    text: str
    replace_at: float  # seconds since 1970


class Tokens:
    """Each token is asked for once, and again when it is old: kept in memory only."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[tuple[str, str, int], _Token] = {}
        self._lock = anyio.Lock()

    async def get(self, pod: Manifest, audience: str, seconds: int) -> str:
        """A token for the pod's service account that is good for at least a fifth of `seconds`.

        Raises:
            ApiError: the server gives none.
        """
        key = str(pod["metadata"]["uid"]), audience, seconds
        async with self._lock:
            token = self._known.get(key)
            if token is None or time.time() >= token.replace_at:
                token = self._known[key] = await self._ask(pod, audience, seconds)
        return token.text

    def forget(self, uid: str) -> None:
        self._known = {key: token for key, token in self._known.items() if key[0] != uid}

    async def _ask(self, pod: Manifest, audience: str, seconds: int) -> _Token:
        meta, began = pod["metadata"], time.time()
        reference = {"kind": "Pod", "apiVersion": "v1", "name": meta["name"], "uid": meta["uid"]}
        account = str(pod["spec"].get("serviceAccountName") or "default")
        answer = await self._client.submit(
            Key("", "ServiceAccount", str(meta["namespace"]), account, "v1"),
            "token",
            {
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": {
                    "audiences": [audience] if audience else [],
                    "expirationSeconds": seconds,
                    "boundObjectRef": reference,
                },
            },
        )
        ends = clock.parse(answer["status"]["expirationTimestamp"]).timestamp()
        return _Token(str(answer["status"]["token"]), began + (ends - began) * _OLD)
