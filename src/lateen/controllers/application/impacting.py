"""What another definition would do to live applications: each is rendered with the old and with the
new one, through the path that delivers it, and the manifests are compared. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio

from lateen.api import names
from lateen.api.application import Application
from lateen.api.definition import Definition, DefinitionKind
from lateen.api.manifest import Manifest
from lateen.base.problem import Problem, Problems, every
from lateen.controllers.application import deliver, parsing, preview
from lateen.cue.engine import Engine
from lateen.definitions import comparing, loading, templates
from lateen.definitions.comparing import Change, Effect
from lateen.hub import members
from lateen.providers import external, ports

_AT_ONCE = 8  # applications; the engine answers more, but each has several requests under way


@dataclass(frozen=True)
class Impact:
    """What would become of one application that uses a definition.

    `broken`: why it could no longer be delivered. `unknown`: why it cannot be rendered today, so
    that nothing can be said. `held`: not before its next `publishVersion`.
    """

    app: Application
    changes: tuple[Change, ...] = ()
    broken: tuple[Problem, ...] = ()
    unknown: tuple[Problem, ...] = ()
    held: bool = False

    @property
    def restarts(self) -> tuple[Change, ...]:
        """The changes that end or restart pods."""
        return tuple(change for change in self.changes if change.effect is not Effect.NONE)


@dataclass(frozen=True)
class Scene:
    """What applications are rendered in, besides definitions.

    Attributes:
        own: packages of users.
        surroundings: what templates of a namespace may ask of others, such as charts.
    """

    externals: preview.Nowhere = field(default_factory=preview.Nowhere)
    clusters: deliver.Clusters = members.ALONE
    own: external.Shelf | None = None
    surroundings: Callable[[str], ports.Runtime | None] = lambda _: None


async def assess(
    apps: Sequence[Application],
    before: loading.Catalogue,
    after: loading.Catalogue,
    engine: Engine,
    scene: Scene,
) -> list[Impact]:
    """The impact on every application to which a type means something else in `after`.

    In the order of `apps`; those that are being deleted are left out.
    """
    touched = [app for app in apps if not app.deleting and _differs(app, before, after, scene)]
    found: dict[int, Impact] = {}
    slots = anyio.Semaphore(_AT_ONCE)
    work = _Work(engine, templates.Shelf(engine, own=scene.own), scene)

    async def one(index: int, app: Application) -> None:
        async with slots:
            found[index] = await _impact(app, before, after, work)

    async with anyio.create_task_group() as group:
        for index, app in enumerate(touched):
            group.start_soon(one, index, app)
    return [found[index] for index in sorted(found)]


def users(
    apps: Iterable[Application],
    definition: Definition,
    catalogue: loading.Catalogue,
    scene: Scene,
) -> list[Application]:
    """The applications to which one of their types means this definition, in any revision."""
    return [
        app
        for app in apps
        if any(
            kind is definition.kind and _means(found, definition)
            for kind, _, found in _resolved(app, catalogue, scene)
        )
    ]


def _means(found: Definition | None, definition: Definition) -> bool:
    if found is None:
        return False
    return (found.name, found.namespace) == (definition.name, definition.namespace)


def _differs(
    app: Application, before: loading.Catalogue, after: loading.Catalogue, scene: Scene
) -> bool:
    old, new = (_resolved(app, catalogue, scene) for catalogue in (before, after))
    return any(
        (was and was.spec) != (will and will.spec)
        for (_, _, was), (_, _, will) in zip(old, new, strict=True)
    )


def _resolved(
    app: Application, catalogue: loading.Catalogue, scene: Scene
) -> Iterator[tuple[DefinitionKind, str, Definition | None]]:
    """Every type an application names, or something it refers to, and what it means."""
    seen = parsing.seen_by(app, catalogue)
    for name in _types(app, scene.externals):
        for kind in DefinitionKind:
            try:
                yield kind, name, loading.lookup(seen, kind, name, app.namespace)
            except (Problem, Problems):  # of another kind, most often
                yield kind, name, None


def _types(app: Application, externals: preview.Nowhere) -> list[str]:
    """What stands under `type` anywhere; a name too many costs a rendering, one too few a surprise.

    External policies count for every application of their namespace: steps may name them.
    """
    shared: list[Any] = [
        found for (space, _), found in externals.policies.items() if space == app.namespace
    ]
    reference = (app.workflow or {}).get("ref")
    shared.append(externals.workflow(app.namespace, str(reference)) if reference else None)
    return list(dict.fromkeys(name for root in (app.spec, *shared) for name in _named(root)))


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(value.get("type"), str) and value["type"]:
            yield value["type"]
        for inner in value.values():
            yield from _named(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner)


@dataclass(frozen=True)
class _Work:
    """What all renderings share."""

    engine: Engine
    shelf: templates.Shelf
    scene: Scene


async def _impact(
    app: Application, before: loading.Catalogue, after: loading.Catalogue, work: _Work
) -> Impact:
    held = bool(app.publish_version)
    try:
        old = await _manifests(app, before, work)
    except (Problem, Problems) as error:
        return Impact(app, unknown=every(error), held=held)
    try:
        new = await _manifests(app, after, work)
    except (Problem, Problems) as error:
        return Impact(app, broken=every(error), held=held)
    return Impact(app, tuple(comparing.compare(old, new)), held=held)


async def _manifests(app: Application, catalogue: loading.Catalogue, work: _Work) -> list[Manifest]:
    revision = str((app.status.get("latestRevision") or {}).get("name") or "")
    found = await preview.preview(
        app,
        catalogue,
        work.engine,
        externals=work.scene.externals,
        cluster_version=work.scene.clusters.version(names.LOCAL),
        clusters=work.scene.clusters,
        revision=revision,
        shelf=work.shelf,
        surroundings=work.scene.surroundings(app.namespace),
    )
    return [manifest for _, _, manifest in found.manifests]
