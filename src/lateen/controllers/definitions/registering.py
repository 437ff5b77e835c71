"""Looks after definitions: a revision of each state, the schema of the parameters, conditions.

One queue for the four kinds. Applications do not wait for it: what a type means is read from the
definition itself. So it works one definition at a time, behind everything else.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import anyio
from anyio.abc import TaskGroup

from lateen import __version__
from lateen.api import conditions, names
from lateen.api.definition import Definition, DefinitionKind
from lateen.api.manifest import Manifest
from lateen.base import merge
from lateen.base.backoff import Backoff
from lateen.base.clock import Clock
from lateen.base.problem import Problem, Problems, every
from lateen.controllers import caches, queueing
from lateen.controllers.definitions import numbering, publishing
from lateen.cue.engine import Engine
from lateen.definitions import acting, borrowing, loading, openapi, proving, terraforming
from lateen.hub import client, errors, informer
from lateen.providers.packages import Packages

_LOG = logging.getLogger(__name__)

_RETRY = Backoff(first=1.0, factor=2.0, ceiling=60.0)
_YIELD: Final = 1.0  # seconds a definition waits at most while applications are being delivered
_DECLARED: Final = "\ncontext: _\nparameter: _\n"

_Key = tuple[DefinitionKind, str, str]


@dataclass(frozen=True)
class Schema:
    """The parameters of a definition as OpenAPI; None where there is none, with why."""

    openapi: dict[str, Any] | None
    problems: tuple[Problem, ...] = ()
    remark: str = ""


@dataclass(frozen=True)
class _Read:
    """A schema, and what it was read from."""

    text: str
    packages: Packages
    schema: Schema


class Registry:
    """Keeps what belongs to every definition of one control plane.

    `calm` returns when no application is being worked on: they come first. `limit` is how many
    revisions are kept beside the latest. `modules` reads those that are in repositories.
    """

    def __init__(
        self,
        hub: client.Client,
        engine: Engine,
        clock: Clock,
        cached: caches.Caches,
        *,
        calm: Callable[[], Awaitable[None]],
        limit: int,
        modules: borrowing.Modules | None = None,
    ) -> None:
        self._hub = hub
        self._engine = engine
        self._clock = clock
        self._caches = cached
        self._calm = calm
        self._limit = limit
        self._modules = modules
        self._queue: queueing.Queue[_Key] = queueing.Queue(backoff=_RETRY, clock=clock)
        self._published = informer.Informer(
            hub,
            "",
            "v1",
            "ConfigMap",
            label_selector=publishing.SELECTOR,
            transform=publishing.trim,
        )
        self._published.on_change(self._republish)
        self._failures: dict[_Key, int] = {}
        self._read: dict[_Key, _Read] = {}  # those that have no schema: why not

    def changed(self, kind: DefinitionKind, namespace: str, name: str) -> None:
        """Look at a definition: it, its status or one of its revisions has changed."""
        self._queue.add((kind, namespace, name))

    async def run(self, tasks: TaskGroup) -> None:
        """Look after definitions until cancelled, once the caches are filled."""
        tasks.start_soon(self._published.run, name="watch schemas")
        await self._published.wait_synced()
        await self._queue.run(self._handle)

    def _republish(self, old: Manifest | None, new: Manifest | None) -> None:
        if key := publishing.origin(new or old or {}):
            self._queue.add(key)

    async def _handle(self, key: _Key) -> float | None:
        with anyio.move_on_after(_YIELD):
            await self._calm()
        definition = self._caches.find(key[0], key[2], key[1])
        if definition is None or not _ours(definition):
            self._failures.pop(key, None)
            self._read.pop(key, None)
            return None
        try:
            again = await self._pass(definition)
        except errors.ApiError as error:
            if error.doomed:
                return None
            if not (error.conflict or error.not_found or error.already_exists):
                _LOG.warning("%s %s/%s: %s", *key, error)
            again = True
        if not again:
            self._failures.pop(key, None)
            return None
        self._failures[key] = self._failures.get(key, 0) + 1
        return _RETRY.delay(self._failures[key])

    async def _pass(self, definition: Definition) -> bool:
        """One look at a definition; what is as it should be is not written. Whether to try again.

        Source: semantics A2, A3.
        """
        status = dict(definition.raw.get("status") or {})
        problems: list[Problem] = list(faults(definition))
        try:
            status["latestRevision"] = await self._revise(definition)
        except Problem as problem:
            problems.append(problem)
        schema = await self._publish(definition)
        problems += schema.problems
        if schema.openapi is not None:
            status["configMapRef"] = publishing.name(definition.kind, definition.name)
        else:
            status.pop("configMapRef", None)
        status["conditions"] = conditions.put(
            status.get("conditions") or (),
            "Synced",
            self._clock.now(),
            true=not problems,
            reason="ReconcileError" if problems else "ReconcileSuccess",
            message="\n".join(map(_said, problems)) or schema.remark,
        )
        await self._commit(definition, status)
        return any(problem.retry for problem in problems)

    async def _revise(self, definition: Definition) -> dict[str, Any]:
        """Store the revision of a definition if it is new; returns `status.latestRevision`."""
        place = (definition.kind, definition.name, definition.namespace)
        kept = self._caches.kept(*place)
        recorded = str((definition.raw.get("status") or {}).get("latestRevision", {}).get("name"))
        choice = numbering.choose(
            definition, kept, latest=recorded, taken=self._caches.taken(*place)
        )
        revision = choice.revision
        if choice.new:
            stored = await self._hub.create(revision.raw)
            self._caches.observe_kept(stored)
            kept = self._caches.kept(*place)
        if len(kept) > self._limit + 1:
            pinned = self._pinned(definition, {each.version for each in kept})
            for old in numbering.spare(kept, revision.name, pinned, self._limit):
                await self._hub.delete(old.key, uid=old.raw["metadata"]["uid"])
        return {
            "name": revision.name,
            "revision": revision.number,
            "revisionHash": revision.hash,
        }

    def _pinned(self, definition: Definition, versions: set[str]) -> set[str]:
        asked = self._caches.pins(definition.name, definition.namespace)
        return {loading.best(each, versions) for each in asked}

    async def _publish(self, definition: Definition) -> Schema:
        name = publishing.name(definition.kind, definition.name)
        found = self._published.get(definition.namespace, name)
        if publishing.current(definition, found):
            return Schema({})
        schema = await self._schema(definition)
        if schema.openapi is not None:
            wanted = publishing.render(definition, schema.openapi)
            self._published.observe(await self._hub.apply(wanted, force=True))
        return schema

    async def _schema(self, definition: Definition) -> Schema:
        key = (definition.kind, definition.namespace, definition.name)
        packages = proving.packages(definition.kind, self._caches.packages)
        text = terraforming.text(definition)
        known = self._read.get(key)
        if known and known.text == text and known.packages is packages:
            return known.schema
        found = await self._judge(definition, packages)
        if found.openapi is None and not any(problem.retry for problem in found.problems):
            self._read[key] = _Read(text, packages, found)
        return found

    async def _judge(self, definition: Definition, known: Packages) -> Schema:
        """What a template says of its parameters, and everything that is wrong with it."""
        if self._modules and terraforming.remote(definition):
            return await self._borrowed(definition, self._modules)
        hcl = terraforming.inline(definition)
        if not (definition.text.strip() or hcl):
            return Schema(None, remark="it has no CUE template, so there is no schema")
        problems = await proving.prove(definition, self._engine, self._caches.packages)
        if problems:
            return Schema(None, problems)
        if hcl:
            module = await self._engine.module(hcl, source=definition.source)
            return Schema(openapi.schema(terraforming.parameter(module)))
        text = definition.text + _DECLARED
        packages = acting.needed(text, known)
        try:
            template = await self._engine.compile(text, source=definition.source, packages=packages)
            described = await template.describe("parameter")
            await template.release()
        except (Problem, Problems) as error:
            return Schema(None, every(error))
        return Schema(openapi.schema(described))

    async def _borrowed(self, definition: Definition, modules: borrowing.Modules) -> Schema:
        try:
            module = await modules.read(definition, self._engine)
        except (Problem, Problems) as error:
            return Schema(None, every(error))
        return Schema(openapi.schema(terraforming.parameter(module)))

    async def _commit(self, definition: Definition, status: dict[str, Any]) -> None:
        change = merge.difference(definition.raw.get("status") or {}, status)
        if change:
            body = {"status": change}
            stored = await self._hub.patch(definition.key, body, subresource="status")
            self._caches.observe_definition(definition.kind, stored)


def faults(definition: Definition) -> list[Problem]:
    """What a webhook would refuse: a workload that is said twice, differently (semantics A2)."""
    given = definition.spec.get("workload") or {}
    named, meant = str(given.get("type") or ""), given.get("definition") or {}
    if not named or not meant or named == names.AUTODETECTS:
        return []
    plural, _, group = named.partition(".")
    kind = str(meant.get("kind", "")).lower()
    if group == str(meant.get("apiVersion", "")).rpartition("/")[0] and plural[:2] == kind[:2]:
        return []
    return [
        Problem(
            "definition.workload",
            f"workload.type {named} is not {meant.get('kind')} of {meant.get('apiVersion')}",
            "spec.workload.type",
            hint="leave type out: it follows from definition",
        )
    ]


def _ours(definition: Definition) -> bool:
    meta = definition.raw["metadata"]
    paused = (meta.get("labels") or {}).get(names.PAUSE) == "true"
    version = definition.required_controller
    return not (meta.get("deletionTimestamp") or paused) and version in ("", __version__)


def _said(problem: Problem) -> str:
    return ": ".join([*map(str, problem.positions[:1]), str(problem)])
