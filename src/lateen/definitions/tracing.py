"""Who set a field of a rendered object: defaults, parameters, override policies, templates, traits
and the labels an application gets, in the order they had their say (pain 1, 2, 31).

Rendering keeps a `Story` of each object when it is given a `Recorder`. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.application import Component
from lateen.api.manifest import Manifest
from lateen.base import jsonpatch, paths
from lateen.base.problem import Position, Problem
from lateen.cue.reports import Origin
from lateen.cue.templates import Evaluation
from lateen.definitions import blaming, patching

if TYPE_CHECKING:
    from lateen.definitions import contexts, templates

DEFAULT = "default"
PARAMETER = "parameter"
CONTEXT = "context"
OVERRIDE = "override"
TEMPLATE = "template"
TRAIT = "trait"
STAMP = "stamp"
ANSWER = "answer"
MANAGER = "manager"

PASSED = "passes it on"


@dataclass(frozen=True)
class Cause:
    """One that had a say in a field."""

    kind: str  # one of the words above
    who: str  # component "webservice", policy "prod", Lateen
    path: str = ""  # field of the application this comes from
    position: Position | None = None  # in a definition
    value: Any = paths.MISSING  # what it gave, where that is known
    note: str = ""


@dataclass(frozen=True)
class Layer:
    """What one template did to one object. `at` is where in its result the object or patch is."""

    part: templates.Part
    result: Evaluation
    at: tuple[str, ...]
    before: Any
    after: Any
    soft: Collection[str] = ()  # paths of the object before that only held a default


@dataclass(frozen=True)
class Scene:
    """For what, and for where, an object was rendered."""

    component: Component
    app: contexts.AppFacts
    place: contexts.Place


@dataclass(frozen=True)
class Story:
    """How one object came to be. `type` as that of `Auxiliary`, None for the main object."""

    scene: Scene
    type: str | None
    layers: tuple[Layer, ...]
    manifest: Manifest


@dataclass
class Recorder:
    """Keeps the stories of a rendering; of an object rendered twice, the last."""

    stories: list[Story] = field(default_factory=list)

    def keep(self, story: Story) -> None:
        self.stories.append(story)

    def of(self, component: str, kind: str | None, manifest: Manifest) -> Story | None:
        """The story of a manifest as it was dispatched for a component."""
        wanted = _identity(manifest)
        for story in reversed(self.stories):
            same = (story.scene.component.name, story.type) == (component, kind)
            if same and _identity(story.manifest) == wanted:
                return story
        return None


def _identity(manifest: Manifest) -> tuple[str, ...]:
    """Without the namespace, which dispatch takes from what lives in none."""
    key = manifests.key(manifest)
    cluster = manifests.labels(manifest).get(names.APP_CLUSTER, "")
    return key.group, key.kind, key.name, cluster


def leaves(value: Any, at: paths.Path = ()) -> Iterator[tuple[paths.Path, Any]]:
    """What has no fields or items of its own, with its path; empty maps and lists too."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from leaves(inner, (*at, name))
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from leaves(inner, (*at, index))
    else:
        yield at, value


def causes(story: Story, path: paths.Path, app: Mapping[str, Any]) -> list[Cause]:
    """Who set a field of the object, the last writer last.

    `app` is the application as its author wrote it. A field that is not in the object was set by
    nobody, unless something took it away.
    """
    told: list[Cause] = []
    for layer in story.layers:
        told += _of_layer(layer, path, story.scene, app)
    last = paths.lookup(story.layers[-1].after, path) if story.layers else paths.MISSING
    final = paths.lookup(story.manifest, path)
    if final is not paths.MISSING and (last is paths.MISSING or last != final):
        told.append(_stamped(story, path, final, app))
    return told


def conflict(problem: Problem, layer: Layer, history: Sequence[Layer]) -> Problem:
    """The problem of a patch with its chain: where the patch says what it does, and where the field
    got what it has. `layer` is the patch that failed, its `after` as its `before`.

    Needs an evaluation with origins; without them the problem stays as it is.
    """
    at = paths.parse(problem.path)
    where = _where(layer, at)
    patched = _origins(layer, where) if where is not None else ()
    if not patched and layer.at == ("patch",):
        patched = _origins(layer, at)  # the path of an operation of a JSON patch
    places = [replace(each.position, note="patched here") for each in _in_text(patched)]
    for earlier in reversed(history):
        found = _where(earlier, at)
        every = _origins(earlier, found) if found is not None else ()
        origins = _in_text(every)
        if origins:
            source = next((each.position for each in every if _is_given(each)), None)
            note = f"set here, by the {earlier.part.word}"
            note += f" from its {source.path}" if source else ""
            places += [replace(each.position, note=note) for each in origins[:1]]
            break
    if not places:
        places = list(blaming.declared(layer.part.definition, layer.at[0], "patched here"))
    given = [each.position.path for each in patched if _is_given(each)]
    path = blaming.place(paths.parse(given[0]), layer.part) if given else layer.part.path
    return replace(problem, path=path, positions=tuple(places))


def _is_given(origin: Origin) -> bool:
    return origin.position.source == blaming.PARAMETER


def _in_text(origins: Sequence[Origin]) -> list[Origin]:
    return [each for each in origins if not each.position.path and not each.default]


def stamped(path: paths.Path, value: Any) -> Cause:
    """A field that dispatch adds: the hash by which unchanged objects are known."""
    return Cause(STAMP, "Lateen", value=value)


def _of_layer(
    layer: Layer, path: paths.Path, scene: Scene, app: Mapping[str, Any]
) -> Iterator[Cause]:
    before, after = paths.lookup(layer.before, path), paths.lookup(layer.after, path)
    part = layer.part
    kind = TRAIT if part.is_trait else TEMPLATE
    where = _where(layer, path)
    if after is paths.MISSING:
        if before is not paths.MISSING:
            yield Cause(kind, part.word, part.path, note="takes it away")
        return
    if where is None:
        if not jsonpatch.same(before, after):
            yield Cause(kind, part.word, part.path, _operation(layer), after)
        return
    origins = _origins(layer, where)
    value = after if layer.before is None else paths.lookup(_said(layer), where)
    yield from _inputs(origins, part, scene, app, value)
    # what is named is written before what names it
    written = {
        (o.position.source, o.position.line): o.position for o in reversed(_in_text(origins))
    }
    lines = list(written.values())
    for position in lines[:-1]:
        yield Cause(kind, part.word, position=position, note=PASSED)
    if not lines and any(origin.default for origin in origins):
        return  # it is the template's own default, and was told as such
    same = layer.before is not None and jsonpatch.same(before, after)
    note = "says the same" if same and not _only_default(layer, path) else ""
    yield Cause(kind, part.word, part.path, lines[-1] if lines else None, value, note)


def _only_default(layer: Layer, path: paths.Path) -> bool:
    return any(paths.parse(soft) == path for soft in layer.soft)


def _said(layer: Layer) -> Any:
    """What the template gave for this object: the object itself, or a patch."""
    return paths.lookup(layer.result.values, layer.at)


def _where(layer: Layer, path: paths.Path) -> paths.Path | None:
    """The place in what the template gave that a field of the object comes from, if any."""
    if layer.before is None:
        return path
    patch, marks = _said(layer), _marks(layer)
    match marks.get("", {}).get("patchStrategy") if layer.at == ("patch",) else None:
        case "jsonPatch":
            return _operated(layer, path)
        case "jsonMergePatch":
            return path if paths.lookup(patch, path) is not paths.MISSING else None
    soft = _below(layer.result.soft.get(layer.at[0], ()), layer.at[1:])
    written = patching.written(layer.before, patch, marks, layer.soft, soft)
    for size in range(len(path), 0, -1):
        found = written.get(paths.render(path[:size]))
        if found is not None:
            return (*paths.parse(found), *path[size:])
    return None


def _marks(layer: Layer) -> dict[str, Mapping[str, str]]:
    found = layer.result.marks.get(layer.at[0], {})
    if len(layer.at) == 1:
        return dict(found)
    split = ((paths.parse(path), mark) for path, mark in found.items())
    return {paths.render(p[1:]): mark for p, mark in split if p and p[0] == layer.at[1]}


def _below(found: Collection[str], at: tuple[str, ...]) -> list[str]:
    split = (paths.parse(path) for path in found)
    return [paths.render(path[len(at) :]) for path in split if path[: len(at)] == at]


def _operated(layer: Layer, path: paths.Path) -> paths.Path | None:
    """The value of the last operation of a JSON patch that changed the field."""
    operations = (_said(layer) or {}).get("operations") or []
    value, found = layer.before, None
    for index, operation in enumerate(operations):
        old = paths.lookup(value, path)
        try:
            value = jsonpatch.apply(value, [operation])
        except ValueError:  # the one that was refused
            break
        new = paths.lookup(value, path)
        if new is not paths.MISSING and not jsonpatch.same(old, new):
            at = tuple(str(operation.get("path", "")).strip("/").split("/"))
            found = ("operations", index, "value", *path[len(at) :])
    return found


def _operation(layer: Layer) -> Position | None:
    """Where a template first says anything of what it gave."""
    for found in _traced(layer).values():
        for origin in found:
            if not origin.position.path:
                return origin.position
    return None


def _traced(layer: Layer) -> Mapping[str, Sequence[Origin]]:
    return layer.result.origins.get(layer.at[0], {})


def _origins(layer: Layer, where: paths.Path) -> Sequence[Origin]:
    """The origins of a leaf; of a map or list, of the first leaf in it."""
    traced = _traced(layer)
    at = (*layer.at[1:], *where)
    exact = traced.get(paths.render(at))
    if exact is not None:
        return exact
    for leaf, found in traced.items():
        if paths.parse(leaf)[: len(at)] == at:
            return [o for o in found if not o.position.path]
    return ()


def _inputs(
    origins: Sequence[Origin],
    part: templates.Part,
    scene: Scene,
    app: Mapping[str, Any],
    value: Any,
) -> Iterator[Cause]:
    """What a template made the value from, before it did."""
    alone = not any(origin.position.path for origin in origins)
    own = not _in_text(origins)  # no parameter's, but of the field itself
    for origin in origins:
        at = origin.position
        if origin.default:
            held = value if alone else paths.MISSING
            yield Cause(DEFAULT, part.word, part.path if own else "", at, held)
        elif at.source == blaming.PARAMETER:
            yield from given(blaming.place(paths.parse(at.path), part), scene, app)
        elif at.source == blaming.CONTEXT:
            yield _of_context(at.path, scene)
        elif at.path:
            yield Cause(ANSWER, at.source, note="read while it was rendered")


def given(path: str, scene: Scene, app: Mapping[str, Any]) -> Iterator[Cause]:
    """Who gave a property of a component: the application, then override policies."""
    at = paths.parse(path)
    written = paths.lookup(app, at)
    overlays = [
        (overlay, there)
        for overlay in scene.component.overlays
        if (there := blaming.laid(overlay, at)) is not None
    ]
    if written is not paths.MISSING or not overlays:
        yield Cause(PARAMETER, f'component "{scene.component.name}"', path, value=written)
    for overlay, there in overlays:
        value = paths.lookup(overlay.values, there[len(paths.parse(overlay.path)) :])
        yield Cause(OVERRIDE, f'policy "{overlay.policy}"', paths.render(there), value=value)


def _of_context(path: str, scene: Scene) -> Cause:
    """Where the application says what a template read from its context."""
    at = paths.parse(path)
    written = {
        "name": f"{scene.component.path}.name",
        "appName": "metadata.name",
        "namespace": "metadata.namespace",
        "appLabels": "metadata.labels",
        "appAnnotations": "metadata.annotations",
    }.get(str(at[0]) if at else "", "")
    if written and at[1:]:
        written = paths.render((*paths.parse(written), *at[1:]))
    return Cause(CONTEXT, f"context.{path}", written)


def _stamped(story: Story, path: paths.Path, value: Any, app: Mapping[str, Any]) -> Cause:
    """What Lateen put on an object of an application, and why."""
    scene = story.scene
    cause = Cause(STAMP, "Lateen", value=value)
    match path:
        case ("metadata", "labels" | "annotations" as what, str(key)):
            ours = scene.app.labels if what == "labels" else scene.app.annotations
            if ours.get(key) == value and key in (app.get("metadata") or {}).get(what, {}):
                at = paths.render(("metadata", what, key))
                return replace(cause, path=at, note=f"{what} of the application")
            return replace(cause, note="how it knows what belongs to an application")
        case ("metadata", "namespace"):
            return replace(cause, path=_placed(scene, app), note="where it goes")
        case ("metadata", "name"):
            if story.type is None:
                return replace(cause, path=f"{scene.component.path}.name")
            return replace(cause, note="from the component, the trait and a hash")
    for layer in story.layers:
        if layer.part.definition.spec.get("workloadRefPath"):
            return replace(cause, who=layer.part.word, path=layer.part.path, note="workloadRefPath")
    return cause


def _placed(scene: Scene, app: Mapping[str, Any]) -> str:
    """The topology policy that names the namespace, or the application's own."""
    for index, policy in enumerate((app.get("spec") or {}).get("policies") or ()):
        if (policy.get("properties") or {}).get("namespace") == scene.place.namespace != "":
            return f"spec.policies[{index}].properties.namespace"
    return "metadata.namespace"
