"""Applications out of what is in a cluster: out of objects, or of a release of Helm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lateen import hub
from lateen.api import manifest as manifests
from lateen.api.manifest import Key, Manifest
from lateen.base import documents
from lateen.base.problem import Problem, raise_any
from lateen.cli import assembling, tailoring
from lateen.cli.forms import Mode
from lateen.cli.scripting import Script
from lateen.dispatch import writing
from lateen.gc import recycling
from lateen.sources import releases
from lateen.sources.releases import Release


@dataclass(frozen=True)
class Order:
    """What the user asked for. `timeout` is in seconds, `namespace` empty for all of them, `home`
    the namespace of the applications where that is another one, `driver` how Helm stores releases,
    `template` and `rules` files of CUE.
    """

    named: Sequence[str]
    namespace: str
    helm: bool
    mode: Mode
    app: str
    chart: assembling.Chart | None
    apply: bool
    recycle: bool
    yes: bool
    timeout: float
    all: bool = False
    cluster: str = ""
    home: str = ""
    driver: str = "secret"
    template: str = ""
    rules: str = ""


@dataclass(frozen=True)
class Proposal:
    """An application to be, and what Helm has stored of the release that it is made of."""

    manifest: Manifest
    history: Sequence[Release] = ()

    @property
    def key(self) -> Key:
        return manifests.key(self.manifest)

    @property
    def title(self) -> str:
        return f"{self.key.namespace}/{self.key.name}"


async def one(there: hub.Client, order: Order, template: Script | None) -> Proposal:
    """The application of what is named.

    Raises:
        Problem, Problems: `adopt.*`, `hub.not-found`, `source.release`; `cue.*` for a template.
    """
    if not order.helm:
        return await of_objects(order, order.app, await _wanted(there, order), template)
    if len(order.named) != 1:
        raise Problem(
            "adopt.release",
            "one release of Helm at a time is adopted",
            hint="--all adopts every one of a namespace",
        )
    [name] = order.named
    history = await _history(there, order, name)
    release = deployed(history, order.namespace, name)
    return await of_release(there, order, release, history, template)


async def of_objects(
    order: Order, name: str, live: Sequence[Manifest], template: Script | None
) -> Proposal:
    """An application of objects as they are; without a name it is called as the first."""
    first = manifests.key(live[0])
    home = order.namespace or first.namespace
    return Proposal(await _made(order, name or first.name, home, live, template))


async def of_release(
    there: hub.Client,
    order: Order,
    release: Release,
    history: Sequence[Release],
    template: Script | None,
) -> Proposal:
    """An application of a release: of its chart, where that is given, or of its objects.

    Raises:
        Problem, Problems: `hub.not-found`, `adopt.owned` for objects; `cue.*` for a template.
    """
    name = order.app or release.name
    if order.chart is not None:
        component = assembling.chart(release, order.chart)
        return Proposal(_whole(order, name, release.namespace, [component]), history)
    live = await _each(there, await brought(there, release))
    made = await _made(order, name, release.namespace, live, template, release.name)
    return Proposal(made, history)


async def _made(
    order: Order,
    name: str,
    namespace: str,
    live: Sequence[Manifest],
    template: Script | None,
    release: str = "",
) -> Manifest:
    if template is None:
        lean = [recycling.lean(each) for each in live]
        return _whole(order, name, namespace, assembling.objects(lean, name, order.mode))
    adoption = tailoring.Adoption(
        order.mode.value,
        _kind(order),
        name,
        order.home or namespace,
        order.cluster,
        tuple(live),
        release,
        order.driver,
    )
    return await tailoring.application(template, adoption)


def _whole(
    order: Order, name: str, namespace: str, components: Sequence[Mapping[str, Any]]
) -> Manifest:
    home = order.home or namespace
    whole = assembling.Whole(name, home, order.mode, components, order.cluster, _kind(order))
    return whole.manifest


def _kind(order: Order) -> str:
    return "helm" if order.helm else "native"


async def _wanted(there: hub.Client, order: Order) -> list[Manifest]:
    """The objects that are named."""
    return await _each(there, [await _key(there, text, order.namespace) for text in order.named])


async def _each(there: hub.Client, keys: Iterable[Key]) -> list[Manifest]:
    found, wrong = [], []
    for key in keys:
        try:
            found.append(await _adoptable(there, key))
        except Problem as problem:
            wrong.append(problem)
    raise_any(wrong)
    return found


def deployed(history: Sequence[Release], namespace: str, name: str) -> Release:
    """The revision of a release that is in the cluster.

    Raises:
        Problem: `adopt.release` for one that Helm is at work on, `hub.not-found` for none.
    """
    if stuck := releases.under_way(history):
        raise Problem(
            "adopt.release",
            f"release {name} is {stuck.status} (revision {stuck.number}): Helm is at work on it, "
            "or gave up",
            hint=f"wait for Helm, or end it with `helm rollback {name} -n {namespace}`",
        )
    release = releases.deployed(history)
    if release is None:
        said = f"it is {history[0].status}" if history else "there is none"
        raise Problem(
            "hub.not-found",
            f"no release {name} of Helm is deployed in namespace {namespace}: {said}",
            hint="`helm list -A -a` lists all of them",
        )
    return release


async def _history(there: hub.Client, order: Order, name: str) -> list[Release]:
    labels = manifests.selector({**releases.LABELS, "name": name})
    kind = releases.DRIVERS[order.driver]
    found, _ = await there.list("", "v1", kind, namespace=order.namespace, label_selector=labels)
    return releases.read(found)


async def brought(there: hub.Client, release: Release) -> list[Key]:
    """The objects of a release, but its hooks."""
    found = []
    for document in documents.load(release.manifest, f"release {release.name}"):
        items = document.data.get("items") if document.data.get("kind") == "List" else None
        for each in items or [document.data]:
            key = manifests.key(each)
            resource = await there.resources.find(key.group, key.version, key.kind)
            namespace = (key.namespace or release.namespace) if resource.namespaced else ""
            found.append(Key(key.group, key.kind, namespace, key.name, key.version))
    return found


async def _key(there: hub.Client, text: str, namespace: str) -> Key:
    """Which object `KIND/NAME` or `KIND/NAMESPACE/NAME` means."""
    parts = text.split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise Problem(
            "adopt.object",
            f"{text} names no object",
            hint="write KIND/NAME or KIND/NAMESPACE/NAME; for a release of Helm add --type helm",
        )
    resource = await there.resources.named(parts[0])
    where = (parts[1] if len(parts) == 3 else namespace) if resource.namespaced else ""
    return Key(resource.group, resource.kind, where, parts[-1], resource.version)


async def _adoptable(there: hub.Client, key: Key) -> Manifest:
    """The object as it is.

    Raises:
        Problem: `hub.not-found`, `adopt.owned` for what an application or a controller has.
    """
    live = await writing.fetch(there, key)
    if live is None:
        raise Problem("hub.not-found", f"there is no {key}")
    if owner := manifests.owner(live):
        said = f"{key} belongs to application {owner[0]}/{owner[1]}"
        raise Problem("adopt.owned", said, hint="an object has one owner: leave it out")
    if made := maker(live):
        said = f"{key} is made by {made['kind']} {made['name']}"
        raise Problem("adopt.owned", said, hint=f"adopt {made['kind']}/{made['name']}")
    return live


def maker(live: Manifest) -> dict[str, Any] | None:
    """The entry of `ownerReferences` of what makes an object, and would make it again."""
    owners = manifests.metadata(live).get("ownerReferences") or ()
    return next((each for each in owners if each.get("controller")), None)
