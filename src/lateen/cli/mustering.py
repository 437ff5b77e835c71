"""`cluster list`, `probe` and `export-config`: how clusters are, and the way to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import anyio
from rich.text import Text

from lateen.api import names
from lateen.base import clock, durations
from lateen.base.problem import Problem
from lateen.cli import connecting, joining, printing, reaching
from lateen.cli.exits import Exit
from lateen.cli.forms import Output
from lateen.hub import clusters, members
from lateen.hub.members import Member

# seconds; what was written longer ago says nothing of now: the controllers do so every few minutes
_STALE = 900.0
_SLOW = 2.0  # seconds


async def show(output: Output, plane: str | None) -> None:
    """The clusters with how the controllers last found them."""
    async with connecting.plane(plane) as client:
        roster = await reaching.roster(client)
    now = clock.SystemClock().now()
    entries = [_local(roster), *(_entry(member, now) for member in _ordered(roster))]
    if output is not Output.TABLE:
        printing.structured(entries, output)
        return
    printing.table(
        ("CLUSTER", "ALIAS", "TYPE", "ENDPOINT", "VERSION", "HEALTHY", "LAST SEEN", "LABELS"),
        [
            (
                e["name"],
                e["alias"],
                e["type"],
                e["endpoint"],
                e["version"],
                printing.state(_health(e["healthy"])),
                _ago(e["lastSeen"], now),
                joining.shown(e["labels"]),
            )
            for e in entries
        ],
    )
    for entry in entries:
        if entry["reason"]:
            printing.stderr().print(Text(f"{entry['name']}: {entry['reason']}", "yellow"))


def _ordered(roster: members.Roster) -> list[Member]:
    return [roster.members[name] for name in roster.labels if name != names.LOCAL]


def _local(roster: members.Roster) -> dict[str, Any]:
    return {
        "name": names.LOCAL,
        "alias": "",
        "type": members.INTERNAL,
        "endpoint": "",
        "version": str(roster.local_version.get("gitVersion") or ""),
        "healthy": True,  # it has just answered
        "reason": "",
        "lastSeen": "",
        "labels": {},
    }


def _entry(member: Member, now: datetime) -> dict[str, Any]:
    fresh = bool(member.seen) and (now - clock.parse(member.seen)).total_seconds() < _STALE
    return {
        "name": member.name,
        "alias": member.alias,
        "type": member.credential,
        "endpoint": member.endpoint,
        "version": str((member.version or {}).get("gitVersion") or ""),
        # well, long ago, is not known to be well
        "healthy": member.healthy if fresh or not member.healthy else None,
        "reason": member.reason,
        "lastSeen": member.seen,
        "labels": member.own_labels,
    }


def _health(healthy: bool | None) -> str:
    return "unknown" if healthy is None else str(healthy).lower()


def _ago(moment: str, now: datetime) -> str:
    if not moment:
        return ""
    return f"{durations.short(max(0.0, (now - clock.parse(moment)).total_seconds()))} ago"


async def probe(wanted: Sequence[str], output: Output, plane: str | None) -> Exit:
    """Ask clusters from here whether they are well; the exit code is bad when one is not.

    Raises:
        Problem: `hub.not-found`.
    """
    found: dict[str, str] = {}
    took: dict[str, float] = {}
    async with connecting.plane(plane) as client, reaching.every(client) as reach:
        for name in wanted:
            if not reach.roster.knows(name):
                raise joining.missing(name, reach.roster)

        async def ask(name: str) -> None:
            began = anyio.current_time()
            found[name] = await _fault(reach, name)
            took[name] = round(anyio.current_time() - began, 3)

        asked = list(wanted or reach.roster.labels)
        async with anyio.create_task_group() as group:
            for name in asked:
                group.start_soon(ask, name)
    rows = [
        {"name": n, "healthy": not found[n], "seconds": took[n], "reason": found[n]} for n in asked
    ]
    if output is not Output.TABLE:
        printing.structured(rows, output)
    else:
        printing.table(
            ("CLUSTER", "HEALTHY", "TOOK", "REASON"),
            [
                (n, printing.state(_health(not found[n])), _lasting(took[n]), found[n])
                for n in asked
            ],
        )
    return Exit.FAILED if any(found.values()) else Exit.OK


def _lasting(seconds: float) -> Text:
    """How long two answers took; a cluster that is slow makes its deliveries slow."""
    return Text(f"{seconds:.2f}s", "yellow" if seconds > _SLOW else "")


async def _fault(reach: reaching.Reach, name: str) -> str:
    """Why a cluster is not well, empty when it is."""
    try:
        return await clusters.look((await reach.at(name)).connection)
    except Problem as problem:
        return problem.message


async def export(labels: Mapping[str, str], plane: str | None) -> None:
    """One kubeconfig for the clusters that have these labels; the first is the current context."""
    async with connecting.plane(plane) as client:
        roster = await reaching.roster(client)
    found: dict[str, list[Any]] = {"clusters": [], "users": [], "contexts": []}
    for member in _ordered(roster):
        if all(member.labels.get(key) == value for key, value in labels.items()):
            config = member.kubeconfig
            for part, entries in found.items():
                entries += config[part]
    if not found["contexts"]:
        raise Problem(
            "cluster.none",
            "no joined cluster has these labels" if labels else "no cluster is joined",
            hint="`lateen cluster list` shows those there are",
        )
    first = found["contexts"][0]["name"]
    config = {"apiVersion": "v1", "kind": "Config", **found, "current-context": first}
    printing.structured(config, Output.YAML)
