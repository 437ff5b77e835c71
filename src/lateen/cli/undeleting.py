"""`undelete`: what is in the recycle bin, and out of it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lateen import hub
from lateen.api.manifest import Key
from lateen.base import clock, durations, suggest
from lateen.base.problem import Problem, raise_any
from lateen.cli import connecting, printing, reaching
from lateen.cli.exits import Exit
from lateen.cli.forms import Output
from lateen.gc import recycling
from lateen.gc.recycling import Recycled

_APPLICATION = "Application"


@dataclass(frozen=True)
class Order:
    """What the user asked for. `name` empty: of every application."""

    name: str
    objects: Sequence[str]
    namespace: str
    output: Output


async def show(order: Order, kubeconfig: str | None) -> Exit:
    """List what is in the bin; never what is in the objects."""
    async with connecting.plane(kubeconfig) as client:
        owner = (order.namespace, order.name) if order.name else None
        found = await recycling.content(client, owner)
    if order.output is not Output.TABLE:
        printing.structured([_entry(each) for each in found], order.output)
    elif not found:
        of = f" of {order.name}" if order.name else ""
        printing.stderr().print(f"Nothing that was deleted{of} is kept.")
    else:
        now = clock.SystemClock().now()
        printing.table(
            ("APPLICATION", "NAMESPACE", "OBJECT", "CLUSTER", "DELETED"),
            [
                (each.owner[1], each.owner[0], _short(each.key), each.cluster, _ago(each, now))
                for each in found
            ],
        )
    return Exit.OK


def _ago(recycled: Recycled, now: Any) -> str:
    return f"{durations.short((now - recycled.deleted).total_seconds())} ago"


def _entry(recycled: Recycled) -> dict[str, Any]:
    return {
        "application": recycled.owner[1],
        "namespace": recycled.owner[0],
        "apiVersion": recycled.key.api_version,
        "kind": recycled.key.kind,
        "name": recycled.key.name,
        "objectNamespace": recycled.key.namespace,
        "cluster": recycled.cluster,
        "deleted": clock.stamp(recycled.deleted),
    }


async def restore(order: Order, kubeconfig: str | None) -> Exit:
    """Bring objects back, the application last: it takes up what is there.

    Raises:
        Problem: `undelete.unknown` for what is not in the bin; nothing is brought back then.
    """
    async with connecting.plane(kubeconfig) as client:
        found = recycling.latest(await recycling.content(client, (order.namespace, order.name)))
        chosen = _chosen(found, order)
        refused = False
        async with reaching.every(client) as reach:
            for each in sorted(chosen, key=lambda each: each.key.kind == _APPLICATION):
                refused |= not await _restored(reach, each)
        return Exit.FAILED if refused else Exit.OK


def _chosen(found: Sequence[Recycled], order: Order) -> list[Recycled]:
    if not found:
        raise Problem(
            "undelete.unknown",
            f"nothing that was deleted of application {order.name} is kept",
            hint="`lateen undelete --list` shows all that is kept",
        )
    if not order.objects:
        return list(found)
    known: dict[str, list[Recycled]] = {}
    for each in found:  # one name may be there in several clusters
        known.setdefault(_short(each.key), []).append(each)
    problems = [
        Problem(
            "undelete.unknown",
            f"no {wanted} that was deleted of application {order.name} is kept",
            hint=suggest.nearest(wanted, known) or f"kept are {', '.join(sorted(known))}",
        )
        for wanted in order.objects
        if wanted not in known
    ]
    raise_any(problems)
    return [each for wanted in order.objects for each in known[wanted]]


async def _restored(reach: reaching.Reach, recycled: Recycled) -> bool:
    """Bring one object back and say so; whether it is there now."""
    key = recycled.key
    try:
        made = await recycling.restore(reach.client, await reach.at(recycled.cluster), recycled)
    except (hub.ApiError, Problem) as error:
        printing.stderr().print(f"{_short(key)} cannot be brought back: {error.message}")
        return False
    printing.line_out(
        f"{_short(key)} restored" if made else f"{_short(key)} is there already, and left as it is"
    )
    return True


def _short(key: Key) -> str:
    return f"{key.kind}/{key.name}"
