"""`adopt`: an application out of what others brought: a release of Helm, or single objects."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import typer

from lateen import hub
from lateen.api import manifest as manifests
from lateen.api.manifest import Key, Manifest
from lateen.base import documents
from lateen.base.problem import Problem, raise_any
from lateen.cli import applying, assembling, connecting, printing
from lateen.cli.assembling import Whole
from lateen.cli.exits import Exit
from lateen.cli.forms import Manifests, Mode, Output
from lateen.dispatch import writing
from lateen.gc import recycling
from lateen.sources import releases
from lateen.sources.releases import Release


@dataclass(frozen=True)
class Order:
    """What the user asked for. `timeout` is in seconds."""

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


async def adopt(order: Order, output: Manifests, kubeconfig: str | None) -> Exit:
    """Print the application, or deliver it.

    Raises:
        Problem, Problems: `adopt.*`, `hub.not-found`, `source.release`.
    """
    async with connecting.plane(kubeconfig) as client:
        if not order.helm:
            whole, old = await _native(client, order), list[Release]()
        else:
            whole, old = await _released(client, order)
        if not order.apply:
            printing.structured(whole.manifest, Output(output.value))
            return Exit.OK
        await _refuse_taken(client, whole)
        given = applying.Order((), whole.namespace, wait=True, timeout=order.timeout)
        text = documents.dump(whole.manifest)
        code = await applying.deliver(client, documents.load(text, "the application"), given)
        if code is Exit.OK and order.recycle:
            await _recycle(client, order, old)
        return code


async def _native(client: hub.Client, order: Order) -> Whole:
    wanted = [await _key(client, text, order.namespace) for text in order.named]
    found, wrong = [], []
    for key in wanted:
        try:
            found.append(await _adoptable(client, key))
        except Problem as problem:
            wrong.append(problem)
    raise_any(wrong)
    name = order.app or wanted[0].name
    return Whole(name, order.namespace, order.mode, assembling.objects(found, name, order.mode))


async def _released(client: hub.Client, order: Order) -> tuple[Whole, list[Release]]:
    if len(order.named) != 1:
        raise Problem("adopt.release", "one release of Helm at a time is adopted")
    [name] = order.named
    history = await _history(client, order.namespace, name)
    if stuck := releases.under_way(history):
        raise Problem(
            "adopt.release",
            f"release {name} is {stuck.status} (revision {stuck.number}): Helm is at work on it, "
            "or gave up",
            hint=f"wait for Helm, or end it with `helm rollback {name}`",
        )
    release = releases.deployed(history)
    if release is None:
        said = f"it is {history[0].status}" if history else "there is none"
        raise Problem(
            "hub.not-found",
            f"no release {name} of Helm is deployed in namespace {order.namespace}: {said}",
            hint="`helm list -A -a` lists all of them",
        )
    app = order.app or name
    if order.chart is not None:
        components = [assembling.chart(release, order.chart)]
    else:
        found = [await _adoptable(client, key) for key in await _brought(client, release)]
        components = assembling.objects(found, app, order.mode)
    return Whole(app, order.namespace, order.mode, components), history


async def _history(client: hub.Client, namespace: str, name: str) -> list[Release]:
    labels = ",".join(f"{k}={v}" for k, v in {**releases.LABELS, "name": name}.items())
    found, _ = await client.list("", "v1", "Secret", namespace=namespace, label_selector=labels)
    return releases.read(found)


async def _brought(client: hub.Client, release: Release) -> list[Key]:
    """The objects of a release, but its hooks."""
    found = []
    for document in documents.load(release.manifest, f"release {release.name}"):
        items = document.data.get("items") if document.data.get("kind") == "List" else None
        for each in items or [document.data]:
            key = manifests.key(each)
            resource = await client.resources.find(key.group, key.version, key.kind)
            namespace = (key.namespace or release.namespace) if resource.namespaced else ""
            found.append(Key(key.group, key.kind, namespace, key.name, key.version))
    return found


async def _key(client: hub.Client, text: str, namespace: str) -> Key:
    """Which object `KIND/NAME` or `KIND/NAMESPACE/NAME` means."""
    parts = text.split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise Problem(
            "adopt.object",
            f"{text} names no object",
            hint="write KIND/NAME or KIND/NAMESPACE/NAME; for a release of Helm add --type helm",
        )
    resource = await client.resources.named(parts[0])
    where = (parts[1] if len(parts) == 3 else namespace) if resource.namespaced else ""
    return Key(resource.group, resource.kind, where, parts[-1], resource.version)


async def _adoptable(client: hub.Client, key: Key) -> Manifest:
    """The object as it could be declared.

    Raises:
        Problem: `hub.not-found`, `adopt.owned` for what an application or a controller has.
    """
    live = await writing.fetch(client, key)
    if live is None:
        raise Problem("hub.not-found", f"there is no {key}")
    if owner := manifests.owner(live):
        said = f"{key} belongs to application {owner[0]}/{owner[1]}"
        raise Problem("adopt.owned", said, hint="an object has one owner: leave it out")
    for maker in manifests.metadata(live).get("ownerReferences") or ():
        if maker.get("controller"):
            said = f"{key} is made by {maker['kind']} {maker['name']}"
            raise Problem("adopt.owned", said, hint=f"adopt {maker['kind']}/{maker['name']}")
    return recycling.lean(live)


async def _refuse_taken(client: hub.Client, whole: Whole) -> None:
    if await writing.fetch(client, connecting.key(whole.namespace, whole.name)) is not None:
        raise Problem(
            "adopt.name",
            f"there is an application {whole.name} in namespace {whole.namespace} already",
            hint="give the new one another name with --app-name",
        )


async def _recycle(client: hub.Client, order: Order, old: Sequence[Release]) -> None:
    """Delete the record that Helm has of the release, which is the application's now."""
    [name] = order.named
    if not (order.yes or not sys.stdin.isatty()) and not typer.confirm(
        f"Have Helm forget its release {name}?", err=True
    ):
        return
    for each in old:
        await client.delete(Key("", "Secret", order.namespace, each.stored, "v1"))
    printing.line_out(f"release {name} of Helm is forgotten ({len(old)} revisions)")
