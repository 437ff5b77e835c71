"""What `adopt --all` would make of a namespace, or of a cluster: one application for each release
of Helm, or for each workload with what belongs to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from lateen import hub
from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.manifest import Key, Manifest
from lateen.api.tracker import Resource
from lateen.base.problem import Problem, Problems, every
from lateen.cli import affinities, belongings, connecting, proposing
from lateen.cli.forms import Mode
from lateen.cli.proposing import Order, Proposal
from lateen.cli.scripting import Script
from lateen.sources import releases

_HELM: Final = "meta.helm.sh/release-name"


@dataclass
class Harvest:
    """What is proposed, what is left alone and why, and what cannot be adopted. The texts say what
    it is about.
    """

    proposed: list[Proposal] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    wrong: list[tuple[str, Sequence[Problem]]] = field(default_factory=list)


@dataclass
class _Gleaner:
    order: Order
    there: hub.Client  # the cluster that is looked through
    template: Script | None
    rules: affinities.Rules | None
    owners: dict[tuple[str, ...], str]  # what applications have, and which
    found: Harvest = field(default_factory=Harvest)

    async def releases(self) -> None:
        labels = manifests.selector(releases.LABELS)
        kind = ("", "v1", releases.DRIVERS[self.order.driver])
        grouped: dict[tuple[str, str], list[Manifest]] = {}
        for each in await _listed(self.there, kind, self.order.namespace, labels):
            where = manifests.key(each).namespace, manifests.labels(each).get("name", "")
            grouped.setdefault(where, []).append(each)
        for (namespace, name), stored in sorted(grouped.items()):
            await self._release(f"release {namespace}/{name}", namespace, name, stored)

    async def _release(
        self, said: str, namespace: str, name: str, stored: Sequence[Manifest]
    ) -> None:
        try:
            history = releases.read(stored)
            if not (releases.deployed(history) or releases.under_way(history)):
                self.found.left.append((said, f"it is {history[0].status}"))
                return
            release = proposing.deployed(history, namespace, name)
            if self._taken(said, await proposing.brought(self.there, release)):
                return
            self.found.proposed.append(
                await proposing.of_release(self.there, self.order, release, history, self.template)
            )
        except (Problem, Problems) as error:
            self.found.wrong.append((said, every(error)))

    async def workloads(self) -> None:
        kinds = [await self._kind(text) for text in self.order.named] or belongings.WORKLOADS
        firsts = [each for kind in kinds for each in await self._all(kind)]
        around = [each for kind in belongings.NEIGHBOURS for each in await self._all(kind)]
        groups = await self._grouped(firsts, around)
        several = belongings.shared(groups)
        for group in groups:
            said = str(manifests.key(group.first))
            if self._taken(said, [manifests.key(group.first)]):
                continue
            if release := manifests.annotation(group.first, _HELM):
                self.found.left.append((said, f"it is of release {release}: --type helm"))
                continue
            whole = [each for each in group.objects if self._free(each, several)]
            try:
                self.found.proposed.append(
                    await proposing.of_objects(self.order, self._name(group), whole, self.template)
                )
            except (Problem, Problems) as error:
                self.found.wrong.append((said, every(error)))
        for identity, users in several.items():
            if self.order.mode is Mode.TAKE_OVER and identity not in self.owners:
                what = Key(*identity)
                by = ", ".join(str(manifests.key(each.first)) for each in users)
                self.found.left.append((str(what), f"several use it: {by}"))

    async def _grouped(
        self, firsts: Sequence[Manifest], around: Sequence[Manifest]
    ) -> list[belongings.Group]:
        """Workloads with what belongs to them: by the user's rules, where there are any."""
        if self.rules is None:
            return belongings.grouped(firsts, around)
        found = []
        for first in firsts:
            rule = await self.rules.about(first)
            try:
                if rule is None:
                    belonging = affinities.Belonging()
                else:
                    belonging = await self.rules.belonging(first, rule, around)
            except (Problem, Problems) as error:
                self.found.wrong.append((str(manifests.key(first)), every(error)))
                continue
            own = []
            for each in belonging.objects:
                if made := proposing.maker(each):
                    said = f"{made['kind']} {made['name']} makes it"
                    self.found.left.append((str(manifests.key(each)), said))
                else:
                    own.append(each)
            found.append(belongings.Group(first, own))
            for key in belonging.missing:
                said = f"{manifests.key(first)} should have it, but it is not there"
                self.found.left.append((str(key), said))
        return belongings.apart(found)

    def _free(self, each: Manifest, several: Iterable[tuple[str, ...]]) -> bool:
        """Whether an object may become the application's: an object has one owner."""
        if self.order.mode is Mode.READ_ONLY:
            return True
        identity = manifests.key(each).identity
        helms = bool(manifests.annotation(each, _HELM))
        return identity not in self.owners and identity not in several and not helms

    def _name(self, group: belongings.Group) -> str:
        key = manifests.key(group.first)
        taken = {
            each.key.name
            for each in self.found.proposed
            if each.key.namespace == (self.order.home or key.namespace)
        }
        return f"{key.name}-{key.kind.lower()}" if key.name in taken else key.name

    async def _kind(self, text: str) -> belongings.Kind:
        resource = await self.there.resources.named(text)
        return resource.group, resource.version, resource.kind

    async def _all(self, kind: belongings.Kind) -> list[Manifest]:
        """Objects of a kind, but those that another object makes."""
        found = await _listed(self.there, kind, self.order.namespace)
        return [each for each in found if proposing.maker(each) is None]

    def _taken(self, said: str, keys: Sequence[Key]) -> bool:
        """Whether an application has all of it already."""
        having = [self.owners.get(key.identity) for key in keys]
        if not having or None in having:
            return False
        several = ", ".join(sorted({str(each) for each in having}))
        self.found.left.append((said, f"application {several} has it already"))
        return True


async def glean(
    client: hub.Client,
    there: hub.Client,
    order: Order,
    template: Script | None,
    rules: Script | None,
) -> Harvest:
    """Look through a namespace of a cluster, or through all but those of Kubernetes itself.

    Raises:
        Problem, Problems: `hub.unknown-kind`, `hub.not-installed`; `cue.*` and `adopt.rule` for
            rules.
    """
    held = affinities.Rules(rules, there) if rules else None
    gleaner = _Gleaner(order, there, template, held, await _owners(client, order.cluster))
    await (gleaner.releases() if order.helm else gleaner.workloads())
    return gleaner.found


async def _owners(client: hub.Client, cluster: str) -> dict[tuple[str, ...], str]:
    """Which application has an object of a cluster, whether it owns it or only looks at it."""
    found: dict[tuple[str, ...], str] = {}
    for book in await connecting.inventories(client):
        labels = manifests.labels(book.raw)
        owner = f"{labels.get(names.APP_NAMESPACE)}/{labels.get(names.APP_NAME)}"
        found |= {each.key.identity: owner for each in book.resources if _in(each, cluster)}
    return found


def _in(each: Resource, cluster: str) -> bool:
    return (each.cluster or names.LOCAL) == (cluster or names.LOCAL)


async def _listed(
    client: hub.Client, kind: belongings.Kind, namespace: str, labels: str = ""
) -> list[Manifest]:
    found, _ = await client.list(*kind, namespace=namespace, label_selector=labels)
    if namespace:
        return found
    return [each for each in found if not _system(manifests.key(each).namespace)]


def _system(namespace: str) -> bool:
    return namespace.startswith("kube-") or namespace == names.SYSTEM_NAMESPACE
