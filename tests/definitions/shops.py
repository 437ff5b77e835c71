"""An application of one component, rendered with definitions given as texts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from lateen.api.application import Application
from lateen.api.definition import Definition
from lateen.base.problem import Problem, Problems, every
from lateen.cue.engine import Engine
from lateen.definitions import contexts, loading, rendering, renditions, templates
from lateen.providers import external, ports

# one that takes any object
PLAIN = "output: parameter.object\nparameter: object: {...}"


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """The address of a server on this machine that answers as `app` does."""
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@dataclass(frozen=True)
class Place:
    cluster: str = ""
    namespace: str = ""


def definition(kind: str, name: str, text: str, **spec: Any) -> Definition:
    schematic = {"schematic": {"cue": {"template": text}}}
    return Definition.of({"kind": kind, "metadata": {"name": name}, "spec": schematic | spec})


@dataclass
class Shop:
    """One component of the type `thing`, its template `body`, and traits by their texts."""

    engine: Engine
    body: str = PLAIN
    traits: Mapping[str, str] = field(default_factory=dict)
    policies: Mapping[str, str] = field(default_factory=dict)
    specs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    runtime: ports.Runtime | None = None
    rules: rendering.Rules | None = None
    own: external.Shelf | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def renderer(self) -> rendering.Renderer:
        named = [
            ("ComponentDefinition", {"thing": self.body}),
            ("TraitDefinition", self.traits),
            ("PolicyDefinition", self.policies),
        ]
        kinds = [
            definition(kind, name, text, **self.specs.get(name, {}))
            for kind, texts in named
            for name, text in texts.items()
        ]
        return rendering.Renderer(
            self.engine,
            loading.Static(kinds),
            templates.Shelf(self.engine, own=self.own),
            runtime=self.runtime,
            rules=self.rules,
        )

    def application(
        self, properties: dict[str, Any] | None = None, **traits: dict[str, Any] | None
    ) -> Application:
        """With every trait there is, or those given with their properties."""
        chosen = traits or dict.fromkeys(self.traits)
        first = {
            "name": "web",
            "type": "thing",
            "properties": properties,
            "traits": [{"type": name, "properties": given} for name, given in chosen.items()],
        }
        meta = {"name": "shop", "namespace": "prod", **self.metadata}
        return Application({"metadata": meta, "spec": {"components": [first]}})

    def facts(self, app: Application, **changes: Any) -> contexts.AppFacts:
        return contexts.AppFacts.of(
            app, controller_version="v1", revision="shop-v1", revision_hash="abc", **changes
        )

    async def render(
        self, properties: dict[str, Any] | None = None, **traits: dict[str, Any] | None
    ) -> renditions.Rendered:
        app = self.application(properties, **traits)
        return await self.renderer.render(app.components[0], self.facts(app), Place())

    async def problems(
        self, properties: dict[str, Any] | None = None, **traits: dict[str, Any] | None
    ) -> tuple[Problem, ...]:
        """What is wrong with it, which is something."""
        try:
            rendered = await self.render(properties, **traits)
        except (Problem, Problems) as error:
            return every(error)
        raise AssertionError(f"nothing was wrong: {rendered.manifests}")
