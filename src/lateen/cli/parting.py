"""`cluster detach` and `rename`: what becomes of what was delivered to a cluster."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import typer
from rich.text import Text

from lateen import hub
from lateen.api import manifest as manifests
from lateen.api import names, tracker
from lateen.api.application import Application
from lateen.api.manifest import Manifest
from lateen.api.tracker import Resource, Tracker
from lateen.base.problem import Problem
from lateen.cli import connecting, joining, printing
from lateen.cli.exits import Exit
from lateen.hub import members

_ATTEMPTS = 5  # the controllers write inventories too

Owned = dict[str, list[Resource]]  # application as people name it -> what it has in a cluster


async def detach(name: str, plane: str | None, *, yes: bool) -> Exit:
    """Say what nobody will look after any more, and let the cluster go.

    Raises:
        Problem: `hub.not-found`, `cluster.local`; `cluster.in-use` when there is something left
            and nobody there to ask.
    """
    async with connecting.plane(plane) as client:
        member = await joining.find(client, name)
        trackers = await connecting.inventories(client)
        orphans = _in(name, trackers)
        apps = [app for app in await connecting.applications(client) if _named(app.spec, name)]
        _announce(name, orphans, apps)
        if orphans and not yes and not _agreed(name):
            printing.stderr().print("It stays joined.")
            return Exit.OK
        await client.delete(member.key, uid=manifests.metadata(member.secret)["uid"])
        for book in trackers:
            await _rewritten(client, book, lambda each: None if each.cluster == name else each)
    printing.line_out(f"cluster {name} detached")
    return Exit.OK


async def rename(name: str, new: str, plane: str | None) -> None:
    """Call a cluster something else, in its Secret and in the inventories.

    Raises:
        Problem: `cluster.name`, `cluster.exists`, `hub.not-found`, `cluster.local`.
    """
    joining.check(new)
    async with connecting.plane(plane) as client:
        member = await joining.find(client, name)
        meta = manifests.metadata(member.secret)
        kind = meta["labels"][names.CLUSTER_CREDENTIAL]
        hidden = {k: v for k, v in meta["labels"].items() if k != names.CLUSTER_CREDENTIAL}
        kept = {
            "name": new,
            "namespace": names.SYSTEM_NAMESPACE,
            "labels": hidden,
            "annotations": meta.get("annotations") or {},
        }
        # kept under its new name first, and only known by it when it is no longer by the old one:
        # one cluster under two names is one too many
        body = {**member.secret, "metadata": kept}
        try:
            await client.create(body)
        except hub.ApiError as error:
            if not error.already_exists:
                raise
            said = f"there is a cluster, or another Secret, called {new} already"
            raise Problem("cluster.exists", said, hint="choose another name") from error
        await client.delete(member.key, uid=meta["uid"])
        for book in await connecting.inventories(client):
            await _rewritten(client, book, lambda each: _moved(each, name, new))
        known = {"metadata": {"labels": {names.CLUSTER_CREDENTIAL: kind}}}
        await client.patch(members.key(new), known)
        apps = [app for app in await connecting.applications(client) if _named(app.spec, name)]
    printing.line_out(f"cluster {name} is now called {new}")
    for app in apps:
        _warn(f"application {app.name} (namespace {app.namespace}) names {name}: change that")


def _announce(name: str, orphans: Owned, apps: list[Application]) -> None:
    console = printing.stderr()
    if orphans:
        console.print(f"On cluster {name} stays, and nobody looks after it any more:")
    for owner, resources in orphans.items():
        console.print(Text.assemble("  of application ", (owner, "bold")))
        for each in resources:
            console.print(f"    {each.key}")
    for app in apps:
        _warn(f"application {app.name} (namespace {app.namespace}) names {name}: it will wait")


def _warn(text: str) -> None:
    printing.stderr().print(Text(text, "yellow"))


def _agreed(name: str) -> bool:
    if not sys.stdin.isatty():
        raise Problem(
            "cluster.in-use",
            f"applications have objects on cluster {name}",
            hint="detach it with --yes to leave them there, or move the applications first",
        )
    return typer.confirm(f"Detach {name}?", err=True)


def _in(cluster: str, trackers: list[Tracker]) -> Owned:
    found: dict[str, dict[tuple[str, ...], Resource]] = {}
    for book in trackers:
        labels = manifests.labels(book.raw)
        owner = f"{labels.get(names.APP_NAME)} (namespace {labels.get(names.APP_NAMESPACE)})"
        for each in book.resources:
            if each.cluster == cluster:
                found.setdefault(owner, {})[each.identity] = each
    return {owner: list(resources.values()) for owner, resources in found.items()}


async def _rewritten(
    client: hub.Client, book: Tracker, change: Callable[[Resource], Resource | None]
) -> None:
    """Store an inventory with every entry changed, or gone."""
    for attempt in range(_ATTEMPTS):
        entries = [changed for each in book.resources if (changed := change(each)) is not None]
        if tuple(entries) == book.resources:
            return
        try:
            await client.replace(tracker.holding(book, entries).raw)
            return
        except hub.ApiError as error:
            if error.not_found:
                return
            if not error.conflict or attempt + 1 == _ATTEMPTS:
                raise
        book = Tracker(await client.get(tracker.key_of(book)))


def _moved(each: Resource, name: str, new: str) -> Resource:
    if each.cluster != name:
        return each
    raw = _relabelled(each.raw, new) if each.raw is not None else None
    return replace(each, cluster=new, raw=raw)


def _relabelled(raw: Manifest, cluster: str) -> Manifest:
    meta = manifests.metadata(raw)
    labels = {**manifests.labels(raw), names.APP_CLUSTER: cluster}
    return {**raw, "metadata": {**meta, "labels": labels}}


def _named(spec: Mapping[str, Any], cluster: str) -> bool:
    """Whether an application says the name of a cluster where one is meant."""
    return cluster in _clusters(spec)


def _clusters(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "cluster" and isinstance(inner, str):
                yield inner
            elif key == "clusters" and isinstance(inner, list):
                yield from (each for each in inner if isinstance(each, str))
            else:
                yield from _clusters(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _clusters(inner)
