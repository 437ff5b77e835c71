"""Would the cluster take what an application renders to? Asked before anything is sent.

The controller asks the same before it applies (semantics C7); asked here, the answer has a file, a
line and a column, and nothing was changed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio

from lateen import hub
from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.application import Application
from lateen.api.manifest import Key, Manifest
from lateen.base.problem import Problem
from lateen.dispatch import ownership, preparing, writing
from lateen.policies import treating

_PARALLEL = 10
_FLAWED = frozenset({400, 422})  # statuses of what will be refused again
# the rule behind a refusal, said in words before it
_REGEX = re.compile(r" \(e\.g\. .*?regex used for validation is '[^']*'\)")

Rendered = tuple[str, str | None, Manifest]  # component, trait type or None, manifest


@dataclass
class Vetting:
    """One application on its way; `coming` is what is applied before it."""

    client: hub.Client
    app: Application
    coming: Sequence[Manifest]
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    async def run(self, rendered: Sequence[Rendered]) -> None:
        """Find everything that keeps the objects out of the cluster: their kind, namespace, owner,
        or a field. What may have changed when the controller comes to it is a warning.
        """
        here = [each for each in rendered if _cluster(each[2]) in ("", names.LOCAL)]
        leaders = [*self.coming, *(m for _, _, m in here if preparing.precedes(m))]
        absent = await self._absent(here, leaders)
        limit = anyio.CapacityLimiter(_PARALLEL)
        found: list[Problem | None] = [None] * len(here)

        async def look(index: int) -> None:
            async with limit:
                found[index] = await self._look(here[index], leaders, absent)

        async with anyio.create_task_group() as group:
            for index in range(len(here)):
                group.start_soon(look, index)
        self.problems += [problem for problem in found if problem]

    async def _absent(self, rendered: Sequence[Rendered], leaders: list[Manifest]) -> set[str]:
        """Namespaces that are not there and do not come, each with a problem of its own."""
        wanted = {self.app.namespace: "metadata.namespace"}
        for each in rendered:
            wanted.setdefault(manifests.key(each[2]).namespace, self._path(each))
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
            said = Problem(problem.code, problem.message, self._path(each), hint=problem.hint)
            # what a CustomResourceDefinition may yet bring; Kubernetes' own kinds have no dot
            if problem.code == "hub.unknown-kind" and "." in key.group:
                self.warnings.append(said)
                return None
            return said
        except hub.ApiError as error:
            if error.status in _FLAWED and "dry run" not in error.message:
                return self._refusal(each, error)
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

    def _refusal(self, each: Rendered, error: hub.ApiError) -> Problem:
        key = manifests.key(each[2])
        said = [
            _REGEX.sub("", f"{problem.path}: {problem.message}" if problem.path else str(problem))
            for problem in error.problems()
        ]
        return Problem(
            "dispatch.refused",
            f"the cluster would not take {key.kind} {key.name}: {said[0]}",
            self._path(each),
            hint="\n".join(["Kubernetes validates these fields of the rendered object", *said[1:]])
            if len(said) > 1
            else "`lateen dry-run --offline` shows the object as it is rendered",
        )

    def _path(self, each: Rendered) -> str:
        """Where the object comes from in the application."""
        component = next((c for c in self.app.components if c.name == each[0]), None)
        if component is None:  # added by a policy
            return "spec.policies"
        trait = next((t for t in component.traits if t.type == each[1]), None)
        return trait.path if trait else component.path


def no_namespace(namespace: str, path: str) -> Problem:
    """A namespace that has to be there first."""
    return Problem(
        "input.namespace",
        f"there is no namespace {namespace}",
        path,
        hint=f"create it with `kubectl create namespace {namespace}`, or put it into the file",
    )


def _cluster(manifest: Manifest) -> str:
    return manifests.labels(manifest).get(names.APP_CLUSTER, "")
