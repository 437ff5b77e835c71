"""What policies with the scope `Application` made of an application, or would make (F12)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from lateen.api import manifest as manifests
from lateen.api.application import Application
from lateen.api.manifest import Manifest
from lateen.base import documents
from lateen.base.problem import Problem
from lateen.cli import connecting, offline, printing, rehearsing
from lateen.cli.forms import Output
from lateen.controllers.application import scoping

_HEADERS = ("POLICY", "TYPE", "SOURCE", "APPLIED", "CHANGES", "MESSAGE")
_PARTS = ("components", "workflow", "policies", "labels", "annotations", "ctx")


@dataclass(frozen=True)
class Order:
    """What the user asked for: which policies, and whether only what comes of them."""

    policies: tuple[str, ...] = ()
    outcome: bool = False


async def view(
    name: str, namespace: str, order: Order, output: Output, kubeconfig: str | None
) -> None:
    """Print what policies did to the revision that is delivered.

    Raises:
        Problem: `hub.not-found`; `policy.none` for a policy that did nothing here.
    """
    async with connecting.plane(kubeconfig) as client:
        app = await connecting.application(client, namespace, name)
        found = await offline.latest(client, app)
    records = found.scoped if found is not None else {}
    changed = scoping.seen(found.of(app), records) if found is not None else app
    _show([(changed, records)], order, output)


async def dry_run(
    wanted: rehearsing.Order, order: Order, output: Output, kubeconfig: str | None
) -> None:
    """Print what policies would do to applications in files.

    Raises:
        Blamed, Problem: as `rehearsing.dry_run`; `policy.none`.
    """
    rendered = await rehearsing.rendered(wanted, kubeconfig)
    changed = [each.changed or scoping.Transformed(each.app) for each in rendered]
    _show([(each.app, each.records) for each in changed], order, output)


def _show(
    found: Iterable[tuple[Application, Mapping[str, Manifest]]], order: Order, output: Output
) -> None:
    told = [(app, _chosen(app, records, order.policies)) for app, records in found]
    if order.outcome:
        for app, _ in told:
            printing.line_out(f"---\n{documents.dump(_outcome(app))}".rstrip())
        return
    if output is not Output.TABLE:
        plain = [{"application": app.name, "policies": records} for app, records in told]
        printing.structured(plain, output)
        return
    for app, records in told:
        if not records:
            printing.stderr().print(f"No policy with the scope Application changes {app.name}.")
            continue
        printing.table(_HEADERS, [_row(each) for each in records])


def _chosen(
    app: Application, records: Mapping[str, Manifest], wanted: tuple[str, ...]
) -> list[Manifest]:
    """The records of some policies, or all, in the order they did their work."""
    every = sorted(records.values(), key=lambda each: int(each.get("sequence") or 0))
    names = [str(each.get("name")) for each in every]
    for name in wanted:
        if name not in names:
            raise Problem(
                "policy.none",
                f"no policy {name} has the scope Application for {app.name}",
                hint=f"there are {', '.join(names)}" if names else "there are none",
            )
    return [each for each in every if not wanted or each.get("name") in wanted]


def _row(record: Manifest) -> list[str | Text]:
    output = record.get("output") or {}
    parts = [part for part in _PARTS if output.get(part) is not None and output.get(part) != {}]
    return [
        str(record.get("name") or ""),
        str(record.get("type") or ""),
        str(record.get("source") or ""),
        printing.state(str(bool(record.get("applied"))).lower()),
        ", ".join(parts),
        str(record.get("message") or ""),
    ]


def _outcome(app: Application) -> dict[str, Any]:
    """The application as its author could have written it."""
    meta = manifests.metadata(app.raw)
    kept = {k: meta[k] for k in ("name", "namespace", "labels", "annotations") if meta.get(k)}
    head = {"apiVersion": app.raw["apiVersion"], "kind": app.raw["kind"]}
    return {**head, "metadata": kept, "spec": app.spec}
