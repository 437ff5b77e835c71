"""What actions may use, in memory, and the running of a text with actions in the real engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

from lateen.api.application import Component, Policy
from lateen.api.placement import Placement
from lateen.base.problem import Problem
from lateen.cue.engine import Engine, Fill
from lateen.definitions import patching
from lateen.policies import overriding
from lateen.providers import calling
from lateen.providers.ports import Delivered, Deployment, Outcome, Runtime, Wanted


@dataclass
class Run:
    """What became of a text: asked paths, outcomes by action, in order, and what came after."""

    values: Mapping[str, Any]
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    problems: Sequence[Problem] = ()


async def run(engine: Engine, text: str, runtime: Runtime, *paths: str, key: str = "") -> Run:
    """Carry out the actions of a text one after another, as a step does; a stop ends it."""
    packages = runtime.external.texts(runtime.flavour)
    template = await engine.compile(text, source="step.cue", packages=packages)
    fills: list[Fill] = []
    outcomes: dict[str, Outcome] = {}

    async def laid(path: str, base: Any, patch: Any) -> Any:
        found = await template.evaluate(fills, [], marks=[path])
        return patching.apply(
            base, patch, found.marks.get(path), (), found.soft.get(path, ())
        ).value

    runtime = replace(runtime, engine=engine, patching=laid)
    while True:
        found = await template.evaluate(fills, paths, actions=True)
        ready = [a for a in found.actions if a.path not in outcomes and not a.incomplete]
        if not ready:
            return Run(found.values, outcomes, found.problems)
        action = ready[0]
        name = f"{key}/{action.path}" if key else ""
        outcomes[action.path] = outcome = await calling.call(action, runtime, key=name)
        if outcome.fill:
            fills.append(Fill(action.path, outcome.fill, f"result of {action.path}"))
        if outcome.signal is not None and outcome.signal.stops:
            return Run(found.values, outcomes, found.problems)


@dataclass
class Deliveries:
    """An application in memory."""

    listed: Sequence[Mapping[str, Any]] = field(default_factory=list)
    healthy: bool = True
    applied: list[Wanted] = field(default_factory=list)
    rendered: list[Wanted] = field(default_factory=list)
    deployed: list[Deployment] = field(default_factory=list)

    async def apply(self, wanted: Wanted) -> Delivered:
        self.applied.append(wanted)
        return self._of(wanted)

    async def render(self, wanted: Wanted) -> Delivered:
        self.rendered.append(wanted)
        return self._of(wanted)

    async def deploy(self, deployment: Deployment) -> Delivered:
        self.deployed.append(deployment)
        return Delivered(self.healthy, "" if self.healthy else "wait healthy: web")

    async def components(
        self, app: str, override: Mapping[str, Any] | None = None
    ) -> Sequence[Mapping[str, Any]]:
        if app:
            raise Problem("application.missing", f"there is no application {app}")
        laid = overriding.decode(Policy("envs", overriding.TYPE, dict(override or {}), "envs"))
        listed = [Component.of(each) for each in self.listed]
        return [each.raw for each in overriding.apply(listed, [laid])]

    async def policies(self, app: str) -> Sequence[Mapping[str, Any]]:
        return [{"name": "here", "type": "topology"}]

    def _of(self, wanted: Wanted) -> Delivered:
        name = wanted.component["name"]
        main = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}}
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}}
        return Delivered(self.healthy, "", main, {"service": service})


@dataclass(frozen=True)
class Joined:
    def names(self) -> Sequence[str]:
        return ["east", "west"]

    async def placements(self, policies: Sequence[str]) -> Sequence[Placement]:
        return [Placement("east", policy) for policy in policies]


@dataclass(frozen=True)
class Clouds:
    async def components(self) -> Sequence[Mapping[str, Any]]:
        return [{"name": "db", "type": "alibaba-rds"}]

    async def healthy(self, component: str) -> bool:
        return component == "db"


@dataclass
class Notes:
    """A journal in memory; a key whose result is None was begun and never ended."""

    kept: dict[str, Mapping[str, Any] | None] = field(default_factory=dict)

    async def begin(self, key: str) -> Mapping[str, Any] | None:
        if key not in self.kept:
            self.kept[key] = None
            return None
        found = self.kept[key]
        if found is None:
            raise Problem("provider.interrupted", "it is not known whether this was done")
        return found

    async def end(self, key: str, result: Mapping[str, Any]) -> None:
        self.kept[key] = result


@asynccontextmanager
async def served(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]], **options: Any
) -> AsyncIterator[str]:
    """A real HTTP server on loopback that answers everything with `answer`."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, **options)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"{'https' if options else 'http'}://{host}:{port}"
    finally:
        await runner.cleanup()
