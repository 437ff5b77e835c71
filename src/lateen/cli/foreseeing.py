"""What the API server would make of objects, beside what they are now. Nothing is written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import anyio

from lateen import hub
from lateen.api import manifest as manifests
from lateen.api.application import Application
from lateen.api.manifest import Manifest
from lateen.api.treatment import WHOLE
from lateen.base.problem import Problem
from lateen.cli import departing, offline, printing, reaching
from lateen.cli.showing import Pair
from lateen.dispatch import drift, ownership, preparing, writing
from lateen.policies import treating

_PARALLEL = 10
T = TypeVar("T")
R = TypeVar("R")


async def declared(client: hub.Client, wanted: Manifest, namespace: str) -> Pair:
    """An object of a file as it is, and as `up` would leave it."""
    key = manifests.key(wanted)
    try:
        resource = await client.resources.find(key.group, key.version, key.kind)
    except Problem as problem:
        if problem.code != "hub.unknown-kind":
            raise
        return Pair(None, wanted)  # its definition comes with it, or `up` will say so
    if resource.namespaced and not key.namespace:
        wanted = {**wanted, "metadata": {**wanted["metadata"], "namespace": namespace}}
        key = manifests.key(wanted)
    live = await writing.fetch(client, key)
    return Pair(
        live, await _foreseen(wanted, lambda: client.apply(wanted, force=True, dry_run=True))
    )


def objects(rendered: offline.Rendered) -> list[Manifest]:
    """What an application renders to, by its components: they are delivered side by side, so that
    their order is another one each time.
    """
    places = {component.name: at for at, component in enumerate(rendered.app.components)}
    found = sorted(rendered.manifests, key=lambda each: places.get(each[0], len(places)))
    return [manifest for _, _, manifest in found]


async def delivered(
    reach: reaching.Reach, rendered: offline.Rendered, live: Application | None
) -> list[Pair]:
    """The objects of an application as they are, and as its delivery would leave them.

    `live` is the application as it is delivered now, whose objects may no longer be wanted.
    """
    if rendered.unrun:
        printing.stderr().print(f"Not run, and not compared: {', '.join(rendered.unrun)}.")
    governed = treating.read(rendered.app)
    owner = (rendered.app.namespace, rendered.app.name)

    async def look(manifest: Manifest) -> Pair:
        client = await reach.at(manifests.cluster(manifest))
        return await _delivered(client, manifest, owner, governed)

    pairs = await _each(objects(rendered), look)
    if live is not None:
        going = departing.deleted(await departing.leaving(reach, rendered, live))
        pairs += [Pair(each.live, None) for each in going]
    return pairs


async def _delivered(
    client: hub.Client,
    manifest: Manifest,
    owner: tuple[str, str],
    governed: treating.Governance,
) -> Pair:
    key = manifests.key(manifest)
    try:
        resource = await client.resources.find(key.group, key.version, key.kind)
    except Problem as problem:
        if problem.code != "hub.unknown-kind":
            raise
        return Pair(None, manifest)
    desired = preparing.prepare(manifest, namespaced=resource.namespaced)
    live = await writing.fetch(client, manifests.key(desired)) if key.name else None
    treatment = governed.treatment(desired)
    writer = writing.Writer(client, owner)
    if live is None:
        return Pair(None, await _foreseen(desired, lambda: writer.rehearse(desired, None)))
    if treatment.read_only or WHOLE in treatment.left_on_update:
        return Pair(live, live)
    sent = drift.leaving(desired, live, treatment.left_on_update)
    stance = ownership.stance(live, owner, treatment)
    if drift.recreates(sent, live, treatment.recreate):
        return Pair(live, sent)
    return Pair(live, await writer.rehearse(sent, live, stance, treatment))


async def _foreseen(wanted: Manifest, ask: Callable[[], Awaitable[Manifest]]) -> Manifest:
    try:
        return await ask()
    except hub.ApiError as error:
        if not error.not_found:  # its namespace comes with it
            raise
        return wanted


async def _each(items: Sequence[T], work: Callable[[T], Awaitable[R]]) -> list[R]:
    """Run `work` on all items side by side; the results in the order of the items."""
    results: dict[int, R] = {}
    limit = anyio.CapacityLimiter(_PARALLEL)

    async def one(index: int) -> None:
        async with limit:
            results[index] = await work(items[index])

    async with anyio.create_task_group() as group:
        for index in range(len(items)):
            group.start_soon(one, index)
    return [results[index] for index in range(len(items))]
