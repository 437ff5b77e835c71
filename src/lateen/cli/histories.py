"""Revisions of applications: what there is, what each changed, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from lateen import hub
from lateen.api import authors, manifest, names, returns
from lateen.api.application import Application
from lateen.api.manifest import Manifest
from lateen.api.revision import Revision
from lateen.base import clock, durations, suggest
from lateen.base.problem import Problem
from lateen.cli import connecting, printing, reverting
from lateen.cli.forms import Output
from lateen.controllers.application import running
from lateen.hub import informer

_UNITS = ("B", "KiB", "MiB")


@dataclass(frozen=True)
class Entry:
    """One revision, with the application as it is now, where it is still there."""

    revision: Revision
    app: Application | None
    before: Revision | None = None

    @property
    def delivered(self) -> bool:
        """Whether the application is at this revision now."""
        latest = (self.app.status.get("latestRevision") or {}) if self.app else {}
        return bool(latest.get("name") == self.revision.name)

    @property
    def workflow(self) -> Mapping[str, Any]:
        """Its last run; one that goes on is not in the revision yet."""
        if self.delivered and self.app is not None:
            return self.app.status.get("workflow") or {}
        return self.revision.status.get("workflow") or {}

    @property
    def held(self) -> bool:
        """Whether it is what the author wrote, and is not delivered."""
        app = self.app
        return app is not None and returns.put_aside(app, [self.revision]) is not None

    @property
    def result(self) -> str:
        """How it ended, in a word."""
        if self.held:
            return "quarantined"
        status = str(self.workflow.get("status") or "")
        if status in ("executing", "suspending") and not self.delivered:
            return "given up"  # another one took its place
        return status or "not run"

    @property
    def reason(self) -> str:
        """Why it did not end well, where that is known."""
        if aside := returns.quarantine(self.revision):
            return aside.reason
        if self.workflow.get("status") == "failed":
            return running.Pass("failed", dict(self.workflow), None).failure().message
        return ""

    def to_map(self) -> dict[str, Any]:
        return {
            "name": self.revision.name,
            "publishVersion": self.revision.publish_version,
            "delivered": self.delivered,
            "author": authors.of_revision(self.revision.raw),
            "created": _created(self.revision),
            "started": self.workflow.get("startTime") or "",
            "ended": self.workflow.get("endTime") or "",
            "result": self.result,
            "reason": self.reason,
            "changes": changes(self.before, self.revision),
        }


async def history(name: str, namespace: str, output: Output, kubeconfig: str | None) -> None:
    """Print every revision of an application, the latest first.

    Raises:
        Problem: `hub.not-found`.
    """
    async with connecting.plane(kubeconfig) as client:
        app = await connecting.application(client, namespace, name)
        known = await reverting.revisions(client, app)
    earlier = [None, *known]
    entries = [Entry(each, app, earlier[at]) for at, each in enumerate(known)][::-1]
    if output is not Output.TABLE:
        printing.structured([each.to_map() for each in entries], output)
        return
    if not entries:
        printing.stderr().print(f"{name} has not been delivered yet.")
        return
    printing.table(
        ("REVISION", "VERSION", "AUTHOR", "CREATED", "RESULT", "CHANGES"), map(_row, entries)
    )


def _row(entry: Entry) -> list[Any]:
    told = entry.to_map()
    mark = "* " if entry.delivered else "  "
    said = f"{told['result']}: {told['reason']}" if told["reason"] else told["result"]
    changed = "; ".join(told["changes"])
    created = _ago(told["created"])
    return [mark + told["name"], told["publishVersion"], told["author"], created, said, changed]


def changes(before: Revision | None, after: Revision) -> list[str]:
    """What one revision has otherwise than the one before it, in a few words each."""
    if before is None:
        return ["first one kept"]
    old, new = before.application, after.application
    found = list(_among("component", old.spec.get("components"), new.spec.get("components")))
    found += _among("policy", old.spec.get("policies"), new.spec.get("policies"))
    if old.workflow != new.workflow or before.workflow != after.workflow:
        found.append("workflow")
    if before.policies != after.policies:
        found.append("shared policies")
    found += [f"definition {name}" for name in _redefined(before, after)]
    if old.publish_version != new.publish_version:
        found.append(f"version {new.publish_version or '(none)'}")
    return found or ["nothing"]


def _among(noun: str, before: Any, after: Any) -> Iterator[str]:
    old, new = _by_name(before), _by_name(after)
    yield from (f"+{noun} {name}" for name in new if name not in old)
    yield from (f"-{noun} {name}" for name in old if name not in new)
    for name in new:
        if name in old and old[name] != new[name]:
            yield f"{noun} {name} ({', '.join(_fields(old[name], new[name]))})"


def _fields(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Which of its fields differ: properties by name, traits by type."""
    before, after = old.get("properties") or {}, new.get("properties") or {}
    yield from (key for key in {**before, **after} if before.get(key) != after.get(key))
    yield from _among("trait", *(_typed(each.get("traits")) for each in (old, new)))
    rest = [key for key in {**old, **new} if key not in ("properties", "traits")]
    yield from (key for key in rest if old.get(key) != new.get(key))


def _typed(traits: Any) -> list[dict[str, Any]]:
    return [{"name": each.get("type"), **each} for each in traits or ()]


def _by_name(entries: Any) -> dict[str, Mapping[str, Any]]:
    return {str(each.get("name") or each.get("type")): each for each in entries or ()}


def _redefined(before: Revision, after: Revision) -> list[str]:
    """Definitions that both use, and that say something else."""
    old = {(d.kind, d.asked or d.name): d.hash for d in before.definitions}
    new = {(d.kind, d.asked or d.name): d.hash for d in after.definitions}
    return [key[1] for key in new if key in old and old[key] != new[key]]


async def listing(name: str, namespace: str, output: Output, kubeconfig: str | None) -> None:
    """Print the revisions of one application, or of all in the namespace.

    Raises:
        Problem: `hub.not-found`.
    """
    async with connecting.plane(kubeconfig) as client:
        if name:
            apps = [await connecting.application(client, namespace, name)]
        else:
            apps = await connecting.applications(client, namespace)
        entries = [
            Entry(each, app) for app in apps for each in await reverting.revisions(client, app)
        ]
    if output is not Output.TABLE:
        printing.structured([informer.trim(each.revision.raw) for each in entries], output)
        return
    _list(entries)


def _list(entries: Sequence[Entry]) -> None:
    headers = ("NAME", "PUBLISH_VERSION", "SUCCEEDED", "HASH", "BEGIN_TIME", "STATUS", "SIZE")
    printing.table(
        headers,
        [
            (
                each.revision.name,
                each.revision.publish_version,
                printing.state(str(each.revision.succeeded).lower()),
                each.revision.hash,
                str(each.workflow.get("startTime") or ""),
                printing.state(each.result),
                _size(each.revision),
            )
            for each in entries
        ],
    )


async def get(
    name: str, namespace: str, definition: str, output: Output, kubeconfig: str | None
) -> None:
    """Print one revision, or a definition as it was then.

    Raises:
        Problem: `hub.not-found` for a revision or definition there is not.
    """
    async with connecting.plane(kubeconfig) as client:
        found, app = await _revision(client, name, namespace)
    if definition:
        kind = Output.YAML if output is Output.TABLE else output
        printing.structured(_definition(found, definition), kind)
    elif output is Output.TABLE:
        _list([Entry(found, app)])
    else:
        printing.structured({**informer.trim(found.raw), "spec": found.spec}, output)


async def _revision(
    client: hub.Client, name: str, namespace: str
) -> tuple[Revision, Application | None]:
    with connecting.installed():
        raw, _ = await client.list(
            names.GROUP, "v1beta1", "ApplicationRevision", namespace=namespace
        )
    known = {each.name: each for each in map(Revision, raw)}
    if name not in known:
        raise Problem(
            "hub.not-found",
            f"there is no revision {name} in namespace {namespace}",
            hint=suggest.nearest(name, known) or "`lateen revision list` shows all of them",
        )
    owner = manifest.labels(known[name].raw).get(names.APP_NAME, "")
    apps = await connecting.applications(client, namespace)
    return known[name], next((app for app in apps if app.name == owner), None)


def _definition(found: Revision, wanted: str) -> Manifest:
    known = {each.asked or each.name: each.raw for each in found.definitions}
    if wanted not in known:
        raise Problem(
            "hub.not-found",
            f"revision {found.name} was not rendered with a definition {wanted}",
            hint=suggest.nearest(wanted, known) or f"it has {', '.join(sorted(known))}",
        )
    return known[wanted]


def _created(revision: Revision) -> str:
    return str(revision.raw["metadata"].get("creationTimestamp") or "")


def _ago(moment: str) -> str:
    if not moment:
        return ""
    passed = clock.SystemClock().now() - clock.parse(moment)
    return f"{durations.short(passed.total_seconds())} ago"


def _size(revision: Revision) -> str:
    size = float(len(orjson.dumps(revision.raw)))
    for unit in _UNITS[:-1]:
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} {_UNITS[-1]}"
