"""Kubernetes Events about pods: what a person should know, told once."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Mapping
from typing import Any

from lateen.hub import ApiError, Client
from lateen.node import phases

_LOG = logging.getLogger(__name__)
_REMEMBERED = 2048


class Recorder:
    def __init__(self, client: Client, node: str) -> None:
        self._client = client
        self._node = node
        self._told: dict[tuple[str, str, str], None] = {}

    async def warn(self, pod: Mapping[str, Any], reason: str, message: str) -> None:
        """Record a warning about a pod; the same one is not recorded again.

        An event that cannot be written is logged, and lost: nothing may fail over it.
        """
        metadata = pod["metadata"]
        key = (metadata["uid"], reason, message)
        if key in self._told:
            return
        self._told[key] = None
        while len(self._told) > _REMEMBERED:
            del self._told[next(iter(self._told))]
        now = phases.moment(time.time())
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{metadata['name'][:200]}.{secrets.token_hex(8)}",
                "namespace": metadata["namespace"],
            },
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
            },
            "type": "Warning",
            "reason": reason,
            "message": message[:1024],
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "source": {"component": "lateen-node", "host": self._node},
            "reportingComponent": "lateen-node",
            "reportingInstance": self._node,
        }
        try:
            await self._client.create(event)
        except ApiError as error:
            _LOG.warning("event %s of pod %s is lost: %s", reason, metadata["name"], error)
