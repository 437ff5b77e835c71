"""What a definition rendered to, and questions a test asks about it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lateen.api import manifest, names
from lateen.api.manifest import Key, Manifest
from lateen.base import merge, paths
from lateen.base.problem import Problem, Problems, every, raise_any
from lateen.definitions import rendering, renditions
from lateen.dispatch import preparing
from lateen.health import assessing
from lateen.testing import benches, refusals
from lateen.testing.cases import Case

Health = assessing.ComponentHealth


@dataclass(frozen=True)
class Rendering:
    """The manifests of a component with its traits, as they would be applied.

    They are plain maps. Left out is only the label with the hash of all the others.
    """

    case: Case
    rendered: renditions.Rendered
    warnings: tuple[Problem, ...]  # parameters without effect, for example
    bench: benches.Bench

    @property
    def workload(self) -> Manifest:
        """The main object: what a component's template calls `output`, patched by the traits."""
        return _clean(self.rendered.workload)

    @property
    def outputs(self) -> dict[str, Manifest]:
        """The other objects by their names below `outputs`."""
        return {extra.key: _clean(extra.manifest) for extra in self.rendered.auxiliaries}

    @property
    def manifests(self) -> list[Manifest]:
        """Everything that is applied, in the order it is."""
        return [_clean(each) for each in self.rendered.manifests]

    def object(self, which: str) -> Manifest:
        """The one object of a kind (`Service`), or of a kind and name (`Service/web`).

        Raises:
            AssertionError: there is none, or more than one; names what there is.
        """
        __tracebackhide__ = True
        kind, _, name = which.partition("/")
        found = [
            each
            for each in self.manifests
            if each["kind"] == kind and (not name or each["metadata"]["name"] == name)
        ]
        if len(found) != 1:
            there = ", ".join(_named(each) for each in self.manifests) or "nothing"
            many = "more than one" if found else "no"
            raise AssertionError(f"there is {many} {which}; rendered is {there}")
        return found[0]

    def value(self, which: str, path: str) -> Any:
        """The value at a field path of an object: `("Service", "spec.ports[0].port")`.

        Raises:
            AssertionError: no such object or field; says how far the path leads.
        """
        __tracebackhide__ = True
        at: tuple[str | int, ...] = ()
        value: Any = self.object(which)
        for step in paths.parse(path):
            inner = paths.lookup(value, (step,))
            if inner is paths.MISSING:
                where = f"{which} {paths.render(at)}".rstrip()
                missing = paths.render((step,))
                raise AssertionError(f'{where} has no "{missing}"; it has {_inside(value)}')
            at, value = (*at, step), inner
        return value

    def has(self, which: str, path: str) -> bool:
        """Whether the object has a field.

        Raises:
            AssertionError: no such object.
        """
        return paths.lookup(self.object(which), paths.parse(path)) is not paths.MISSING

    def assess(
        self,
        *live: Mapping[str, Any],
        status: Mapping[str, Any] | None = None,
        missing: Collection[str] = (),
    ) -> Health:
        """The health of what was rendered, were it in a cluster like this.

        Every object is taken to be there as it was rendered, in its first generation. `status` is
        that of the main object; `live` are objects, or the parts of them that differ, each with
        its kind, and its name where there are several. `missing` are those that are not there:
        `["Service/web"]`.

        Raises:
            AssertionError: a live or missing object is none of those rendered.
        Source: semantics B8.
        """
        objects = {_named(each): _living(each) for each in self._applied()}
        if status is not None:
            objects[_named(self.workload)]["status"] = status
        for each in live:
            name = (each.get("metadata") or {}).get("name") or ""
            key = _pick(objects, f"{each.get('kind', '')}/{name}".rstrip("/"))
            objects[key] = merge.deep(objects[key], each)
        for which in missing:
            del objects[_pick(objects, which)]
        found = {manifest.key(each): each for each in objects.values()}
        return self.bench.call(self._assess, found)

    def _applied(self) -> Iterator[Manifest]:
        """What would be there: the main object also where a trait makes it."""
        if self.rendered.managed:
            yield self.workload
        yield from self.manifests

    async def _assess(self, live: Mapping[Key, Manifest]) -> Health:
        return await assessing.assess(self.rendered, live, self.case.facts, self.bench.engine)


def render(case: Case, bench: benches.Bench, *, strict: bool) -> Rendering:
    """Render a case as a delivery would: checked first, traits that wait for health included.

    Raises:
        Refused: it does not render.
    """
    __tracebackhide__ = True
    try:
        return bench.call(_render, case, bench, strict)
    except (Problem, Problems) as error:
        definition = case.definition
        kind = definition.kind.word
        texts = {each.source: benches.text_of(each) for each in case.definitions}
        title = f'{kind} "{definition.name}" does not render'
        raise refusals.parameters(every(error), title, texts, case.given, case.path) from error


async def _render(case: Case, bench: benches.Bench, strict: bool) -> Rendering:
    renderer = rendering.Renderer(bench.engine, case.catalogue, bench.shelf)
    component, facts, place = case.written, case.facts, case.placement
    findings = await renderer.check(component, facts)
    raise_any([*findings.problems, *(findings.warnings if strict else ())])

    async def run(workload: Manifest | None, *, post: bool) -> renditions.Rendered:
        seen = rendering.Live(workload)
        return await renderer.render(
            component, facts, place, live=seen, post=post, replica_key=case.replica_key
        )

    rendered = await run(None, post=False)
    if case.live is not None or any(trait.pending for trait in rendered.traits):
        there = merge.deep(_living(rendered.workload), case.live or {})
        rendered = await run(there, post=True)
    warnings = tuple(refusals.below(warning, case.path) for warning in findings.warnings)
    return Rendering(case, rendered, warnings, bench)


def _clean(found: Manifest) -> Manifest:
    sent = preparing.prepare(found, namespaced=True)
    labels = {k: v for k, v in sent["metadata"]["labels"].items() if k != names.RENDER_HASH}
    return _relabelled(sent, labels)


def _relabelled(found: Manifest, labels: Mapping[str, str]) -> Manifest:
    return {**found, "metadata": {**found["metadata"], "labels": dict(labels)}}


def _living(found: Manifest) -> Manifest:
    return {**found, "metadata": {**found["metadata"], "generation": 1}}


def _named(found: Manifest) -> str:
    return f"{found['kind']}/{found['metadata'].get('name', '')}"


def _pick(objects: Mapping[str, Manifest], which: str) -> str:
    found = [key for key in objects if key == which or key.partition("/")[0] == which]
    if len(found) != 1:
        many = "several objects are" if found else "no object is"
        raise AssertionError(f"{many} {which or 'of no kind'}; rendered is {', '.join(objects)}")
    return found[0]


def _inside(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(value) or "nothing"
    return f"{len(value)} items" if isinstance(value, list) else repr(value)
