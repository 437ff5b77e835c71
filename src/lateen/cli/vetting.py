"""Would the clusters take what an application renders to? Asked before anything is sent.

The controller asks the same before it applies (semantics C7); asked here, the answer has a file, a
line and a column, and nothing was changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import anyio

from lateen import hub
from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.application import Application
from lateen.api.manifest import Key, Manifest
from lateen.base.problem import Problem
from lateen.cli import reaching
from lateen.dispatch import ownership, preparing, writing
from lateen.policies import treating

_PARALLEL = 10
_NAMED = 3  # clusters that a message names, before it counts the others
_FLAWED = frozenset({400, 422})  # statuses of what will be refused again
# the rule behind a refusal, said in words before it
_REGEX = re.compile(r" \(e\.g\. .*?regex used for validation is '[^']*'\)")

Rendered = tuple[str, str | None, Manifest]  # component, trait type or None, manifest


@dataclass(frozen=True)
class Verdict:
    """What keeps an application out of its clusters, and what may do so."""

    problems: Sequence[Problem]
    warnings: Sequence[Problem]


async def vet(
    reach: reaching.Reach,
    app: Application,
    coming: Sequence[Manifest],
    rendered: Sequence[Rendered],
) -> Verdict:
    """Find everything that keeps the objects out of their clusters: their kind, namespace, owner,
    or a field. What may have changed when the controller comes to it is a warning, and so is a
    cluster that does not answer: its objects wait for it.

    `coming` is what is applied before the application, to the control plane's own cluster.
    """
    limit = anyio.CapacityLimiter(_PARALLEL)
    placed: dict[str, list[Rendered]] = {names.LOCAL: []}
    for each in rendered:
        placed.setdefault(manifests.cluster(each[2]) or names.LOCAL, []).append(each)
    places = [
        _Place(cluster, app, its, coming if cluster == names.LOCAL else (), limit)
        for cluster, its in placed.items()
    ]
    async with anyio.create_task_group() as group:
        for place in places:
            group.start_soon(place.look, reach)
    return Verdict(
        _gathered((place.cluster, each) for place in places for each in place.problems),
        [
            *_gathered((place.cluster, each) for place in places for each in place.warnings),
            *(place.away for place in places if place.away is not None),
        ],
    )


@dataclass
class _Place:
    """One cluster, and what is to go there. `away` is why it could not be asked."""

    cluster: str
    app: Application
    rendered: Sequence[Rendered]
    coming: Sequence[Manifest]
    limit: anyio.CapacityLimiter
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    away: Problem | None = None

    async def look(self, reach: reaching.Reach) -> None:
        try:
            self.client = await reach.at(self.cluster)
            await self._judge()
        except* (hub.ApiError, Problem) as errors:
            if self.cluster == names.LOCAL:
                raise
            self.away = reaching.away(self.cluster, errors)

    async def _judge(self) -> None:
        leaders = [*self.coming, *(m for _, _, m in self.rendered if preparing.precedes(m))]
        absent = await self._absent(leaders)
        found: list[Problem | None] = [None] * len(self.rendered)

        async def look(index: int) -> None:
            async with self.limit:
                found[index] = await self._look(self.rendered[index], leaders, absent)

        async with anyio.create_task_group() as group:
            for index in range(len(self.rendered)):
                group.start_soon(look, index)
        self.problems += [problem for problem in found if problem]

    async def _absent(self, leaders: list[Manifest]) -> set[str]:
        """Namespaces that are not there and do not come, each with a problem of its own."""
        wanted = {self.app.namespace: "metadata.namespace"} if self.cluster == names.LOCAL else {}
        for each in self.rendered:
            wanted.setdefault(manifests.key(each[2]).namespace, _path(self.app, each))
        made = {m["metadata"]["name"] for m in leaders if m.get("kind") == "Namespace"}
        absent = set()
        for name, path in wanted.items():
            if name and name not in made and not await self._exists(name):
                absent.add(name)
                self.problems.append(no_namespace(name, path))
        return absent

    async def _exists(self, namespace: str) -> bool:
        try:
            await self.client.get(Key("", "Namespace", "", namespace, "v1"))
        except hub.ApiError as error:
            if error.not_found:
                return False
            if not error.forbidden:  # who may not look may still deliver
                raise
        return True

    async def _look(
        self, each: Rendered, leaders: list[Manifest], absent: set[str]
    ) -> Problem | None:
        """What is wrong with one object, if anything is."""
        key = manifests.key(each[2])
        if key.namespace in absent or preparing.makes_room_for(each[2], leaders):
            return None
        try:
            resource = await self.client.resources.find(key.group, key.version, key.kind)
            await self._try(preparing.prepare(each[2], namespaced=resource.namespaced), key)
        except Problem as problem:
            said = Problem(problem.code, problem.message, _path(self.app, each), hint=problem.hint)
            # what a CustomResourceDefinition may yet bring; Kubernetes' own kinds have no dot
            if problem.code == "hub.unknown-kind" and "." in key.group:
                self.warnings.append(said)
                return None
            return said
        except hub.ApiError as error:
            if error.status in _FLAWED and "dry run" not in error.message:
                return _refusal(self.app, each, error)
        return None

    async def _try(self, desired: Manifest, key: Key) -> None:
        """Let the API server judge it as the controller will.

        Raises:
            Problem: `dispatch.owned`, `dispatch.unowned`, `dispatch.missing`.
            ApiError: it would not take it, or could not be asked.
        """
        owner = (self.app.namespace, self.app.name)
        treatment = treating.read(self.app).treatment(desired)
        writer = writing.Writer(self.client, owner)
        if treatment.read_only:
            ownership.present(await writing.fetch(self.client, key), key)
            return
        try:
            await writer.rehearse(desired, None)
            return
        except hub.ApiError as error:
            if not error.already_exists:
                raise
        live = await self.client.get(key)
        if manifests.annotation(desired, names.ONCE):
            return  # another run of it, which makes room
        stance = ownership.stance(live, owner, treatment)
        await writer.rehearse(desired, live, stance, treatment)


def _refusal(app: Application, each: Rendered, error: hub.ApiError) -> Problem:
    key = manifests.key(each[2])
    said = [
        _REGEX.sub("", f"{problem.path}: {problem.message}" if problem.path else str(problem))
        for problem in error.problems()
    ]
    return Problem(
        "dispatch.refused",
        f"the cluster would not take {key.kind} {key.name}: {said[0]}",
        _path(app, each),
        hint="\n".join(["Kubernetes validates these fields of the rendered object", *said[1:]])
        if len(said) > 1
        else "`lateen dry-run --offline` shows the object as it is rendered",
    )


def _path(app: Application, each: Rendered) -> str:
    """Where the object comes from in the application."""
    component = next((c for c in app.components if c.name == each[0]), None)
    if component is None:  # added by a policy
        return "spec.policies"
    trait = next((t for t in component.traits if t.type == each[1]), None)
    return trait.path if trait else component.path


def _gathered(found: Iterable[tuple[str, Problem]]) -> list[Problem]:
    """Each problem once, with the joined clusters it is about."""
    where: dict[Problem, list[str]] = {}
    for cluster, problem in found:
        where.setdefault(problem, []).append(cluster)
    return [_located(problem, places) for problem, places in where.items()]


def _located(problem: Problem, places: Sequence[str]) -> Problem:
    if names.LOCAL in places:
        return problem  # wrong here already
    first, more = places[:_NAMED], len(places) - _NAMED
    listed = ", ".join(first) + (f" and {more} more" if more > 0 else "")
    noun = "cluster" if len(places) == 1 else "clusters"
    return replace(problem, message=f"in {noun} {listed}: {problem.message}")


def no_namespace(namespace: str, path: str) -> Problem:
    """A namespace that has to be there first."""
    return Problem(
        "input.namespace",
        f"there is no namespace {namespace}",
        path,
        hint=f"create it with `kubectl create namespace {namespace}`, or put it into the file",
    )
