"""One of several controllers works, the others wait: a Lease says whose turn it is.

Whoever holds the Lease renews it; whoever sees that it was not renewed for its whole duration takes
it. Times are measured here, from when a change was seen: the clocks of two machines may differ.
"""

from __future__ import annotations

import logging
import socket
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import anyio

from lateen.api import manifest
from lateen.api.manifest import Key, Manifest
from lateen.base.clock import Clock
from lateen.base.problem import Problem
from lateen.dispatch import writing
from lateen.hub import client, errors

_LOG = logging.getLogger(__name__)

_NAME = "lateen-controllers"


@dataclass
class Candidate:
    """One that would work. `name` is its own among all that would; the Lease is in `namespace`.

    `duration` is how many seconds a Lease holds without being renewed, `pause` how many pass
    between two looks, or two renewals.
    """

    hub: client.Client
    clock: Clock
    namespace: str
    name: str = field(default_factory=lambda: f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}")
    duration: float = 15.0
    pause: float = 2.0
    waiting: bool = True
    _seen: str = ""  # the version of somebody else's Lease, and when it came
    _since: float = field(default=0.0)

    async def lead(self, work: Callable[[], Awaitable[None]]) -> None:
        """Wait for the turn, and work while it lasts.

        Raises:
            Problem: `leading.lost` when the Lease could not be renewed in time, or was taken.
        """
        told = ""
        while (holder := await self._other()) is not None:
            if holder != told:
                _LOG.info("%s works; waiting", holder or "somebody else")
                told = holder
            await anyio.sleep(self.pause)
        _LOG.info("%s works from now on", self.name)
        self.waiting = False
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._hold)
                await work()
                tasks.cancel_scope.cancel()
        finally:
            with anyio.move_on_after(self.duration / 3, shield=True):
                await self._let_go()

    @property
    def _key(self) -> Key:
        return Key("coordination.k8s.io", "Lease", self.namespace, _NAME, "v1")

    async def _other(self) -> str | None:
        """Who works, None when it is us from now on."""
        found = await writing.fetch(self.hub, self._key)
        if found is None:
            return await self._write(self.hub.create, self._lease({}))
        spec = found.get("spec") or {}
        holder = str(spec.get("holderIdentity") or "")
        version = str(manifest.metadata(found)["resourceVersion"])
        if version != self._seen:
            self._seen, self._since = version, self.clock.monotonic()
        over = self.clock.monotonic() - self._since > float(
            spec.get("leaseDurationSeconds") or self.duration
        )
        if holder in ("", self.name) or over:
            return await self._write(self.hub.replace, self._lease(found))
        return holder

    async def _write(
        self, write: Callable[[Manifest], Awaitable[Manifest]], lease: Manifest
    ) -> str | None:
        try:
            await write(lease)
        except errors.ApiError as error:
            if error.conflict or error.already_exists:
                return ""  # somebody was faster
            raise
        return None

    async def _hold(self) -> None:
        """Renew the Lease for as long as that goes well."""
        renewed = self.clock.monotonic()
        while True:
            await anyio.sleep(self.pause)
            # that long, for after the whole duration another one may take it
            left = self.duration * 2 / 3 - (self.clock.monotonic() - renewed)
            try:
                with anyio.fail_after(max(left, 0.0)):
                    found = await self.hub.get(self._key)
                    holder = str((found.get("spec") or {}).get("holderIdentity") or "")
                    if holder != self.name:
                        raise _lost(f"{holder or 'nobody'} holds it")
                    await self.hub.replace(self._lease(found))
                renewed = self.clock.monotonic()
            except TimeoutError as error:
                raise _lost("it could not be renewed in time") from error
            except errors.ApiError as error:
                _LOG.warning("the lease is not renewed yet: %s", error)

    async def _let_go(self) -> None:
        """Leave the turn to others at once, where it is still ours."""
        try:
            found = await self.hub.get(self._key)
            if (found.get("spec") or {}).get("holderIdentity") == self.name:
                await self.hub.replace({**found, "spec": {**found["spec"], "holderIdentity": ""}})
        except errors.ApiError as error:
            _LOG.warning("the lease is left to run out: %s", error)

    def _lease(self, found: Manifest) -> Manifest:
        now = self.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        before: dict[str, Any] = found.get("spec") or {}
        taken = before.get("holderIdentity") != self.name
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": found.get("metadata") or {"name": _NAME, "namespace": self.namespace},
            "spec": {
                "holderIdentity": self.name,
                "leaseDurationSeconds": int(self.duration),
                "acquireTime": now if taken else before.get("acquireTime", now),
                "renewTime": now,
                "leaseTransitions": int(before.get("leaseTransitions") or 0) + taken,
            },
        }


def _lost(why: str) -> Problem:
    return Problem(
        "leading.lost",
        f"this is not the one that works any more: {why}",
        hint="it is started again, and waits for its turn",
        retry=True,
    )
