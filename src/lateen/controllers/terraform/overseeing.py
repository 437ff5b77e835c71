"""Runs the Terraform controller: Configurations and Providers, watched, queued and worked on."""

from __future__ import annotations

import logging
import uuid
from pathlib import Path
from typing import Final

import anyio
from anyio.abc import TaskGroup

from lateen.api import configuration as conf
from lateen.api import manifest as manifests
from lateen.api.configuration import Configuration, Provider
from lateen.api.manifest import Manifest
from lateen.base.backoff import Backoff
from lateen.base.clock import Clock
from lateen.controllers import queueing, settings
from lateen.controllers.terraform import (
    authorizing,
    connections,
    operating,
    provisioning,
    states,
    turns,
)
from lateen.cue.engine import Engine
from lateen.hub import client, errors, informer
from lateen.sources.obtaining import Sources

_LOG = logging.getLogger(__name__)

_RETRY: Final = Backoff(first=1.0, factor=2.0, ceiling=60.0)
_WORKERS: Final = 64  # most of them wait for a place to run, or for a process
_EXAMINE: Final = 60.0  # seconds until a Provider that is not ready is looked at again
_SOON: Final = 0.05

_Key = tuple[str, str, str]  # kind, namespace, name


class Overseer:
    """Keeps every Configuration of one control plane as it is declared."""

    def __init__(
        self,
        hub: client.Client,
        engine: Engine,
        clock: Clock,
        chosen: settings.Settings,
        sources: Sources,
        directory: Path,
    ) -> None:
        """`sources` fetches modules; `directory` is where Terraform works."""
        self._hub = hub
        limits = operating.Limits(
            chosen.terraform_runs,
            chosen.terraform_minutes,
            chosen.terraform_drift_minutes,
            chosen.terraform_program,
            chosen.terraform_rc,
        )
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        known = states.States(hub, clock, _holder(directory))
        site = operating.Site(hub, engine, clock, limits, directory, known, sources, anyio.Lock())
        self._queue: queueing.Queue[_Key] = queueing.Queue(backoff=_RETRY, clock=clock)
        self._configurations = informer.Informer(
            hub, conf.GROUP, conf.VERSION, conf.KIND, index=_by_provider
        )
        self._providers = informer.Informer(hub, conf.GROUP, conf.PROVIDER_VERSION, conf.PROVIDER)
        self._connections = informer.Informer(
            hub,
            "",
            "v1",
            "Secret",
            label_selector=connections.LABELS,
            field_selector=connections.FIELDS,
        )
        self._provisioner = provisioning.Provisioner(
            site, self._configurations.observe, self._connections
        )
        self._turns: dict[_Key, turns.Turn] = {}

    async def run(self, tasks: TaskGroup) -> None:
        """Work until cancelled; what runs then is interrupted, and goes on when we are back."""
        self._configurations.on_change(self._configured)
        self._providers.on_change(self._provided)
        self._connections.on_change(self._connected)
        watched = (self._configurations, self._providers, self._connections)
        for each in watched:
            tasks.start_soon(each.run)
        for each in watched:
            await each.wait_synced()
        await self._queue.run(self._handle, workers=_WORKERS)

    def _configured(self, old: Manifest | None, new: Manifest | None) -> None:
        found = Configuration(new or old or {})
        key = (conf.KIND, found.namespace, found.name)
        self._queue.add(key)
        if new is not None and (turn := self._turns.get(key)):
            turn.notice(found)

    def _provided(self, old: Manifest | None, new: Manifest | None) -> None:
        found = Provider(new or old or {})
        namespace, name = found.key.namespace, found.key.name
        self._queue.add((conf.PROVIDER, namespace, name))
        was, now = (Provider(each).ready if each else False for each in (old, new))
        if was == now:
            return
        for each in map(Configuration, self._configurations.by_index((namespace, name))):
            if not each.settled:
                self._provisioner.hurry(each)
                self._queue.add((conf.KIND, each.namespace, each.name))

    def _connected(self, old: Manifest | None, new: Manifest | None) -> None:
        labels = manifests.labels(new or old or {})
        owner = labels.get(conf.OWNED_NAMESPACE, ""), labels.get(conf.OWNED_BY, "")
        if self._configurations.get(*owner) is not None:
            self._queue.add((conf.KIND, *owner))

    async def _handle(self, key: _Key) -> float | None:
        kind, namespace, name = key
        try:
            if kind == conf.PROVIDER:
                return await self._examine(namespace, name)
            found = self._configurations.get(namespace, name)
            return None if found is None else await self._work(key, Configuration(found))
        except errors.ApiError as error:
            if error.conflict or error.not_found:
                return _SOON
            raise

    async def _work(self, key: _Key, declared: Configuration) -> float | None:
        turn = self._turns[key] = turns.Turn(declared)
        with turn.scope:
            try:
                return await self._provisioner.reconcile(declared, turn)
            finally:
                del self._turns[key]
        return _SOON

    async def _examine(self, namespace: str, name: str) -> float | None:
        found = self._providers.get(namespace, name)
        if found is None:
            return None
        await authorizing.examine(self._hub, Provider(found))
        return _EXAMINE


def _by_provider(found: Manifest) -> list[tuple[str, str]]:
    return [Configuration(found).provider]


def _holder(directory: Path) -> str:
    """Who we are to others: the same after a restart, so that our own locks do not stop us."""
    file = directory / "holder"
    if not file.exists():
        file.write_text(f"lateen-{uuid.uuid4().hex[:12]}", encoding="utf-8")
    return file.read_text(encoding="utf-8")
