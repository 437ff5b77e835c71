"""Helm charts: fetched, rendered by Helm itself, hooks in their places."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lateen.api import bequests, names
from lateen.api import manifest as manifests
from lateen.api.manifest import Key, Manifest
from lateen.base import hashing
from lateen.base.problem import Problem, Problems, every
from lateen.hub.errors import ApiError
from lateen.providers import originals
from lateen.providers.calls import Answer, Call
from lateen.providers.originals import Record, Whose
from lateen.providers.ports import Objects, need
from lateen.sources import depending, releases
from lateen.sources.obtaining import Sources
from lateen.sources.places import Credentials, Pin, Source

_TIMEOUT: Final = "5m"
_ROUNDS: Final = 10  # of questions to the cluster; the answer to one may lead to another
_FIXED: Final = re.compile(r"v?\d+\.\d+\.\d+([-+].*)?|sha256:[0-9a-f]{64}")
_WEIGHTY: Final = ("includeCRDs", "skipHooks", "skipTests", "recreatePods")
_TEST: Final = "test"
_LIVES: Final = ("mutableTTL", "ttl")  # of a cached chart, in the words of `helmchart`
_RUNNING: Final = frozenset({("apps", k) for k in ("DaemonSet", "Deployment", "StatefulSet")})
_ROLLBACK: Final = frozenset({"pre-rollback", "post-rollback"})


async def render(call: Call) -> Answer:
    """What a chart holds, with hooks marked for when they are to run (see `_hooks`).

    Raises:
        Problem, Problems: `chart.*`, `source.*`.
    """
    sources = need(call.runtime.sources, "charts")
    release = _release(call)
    whose = Whose.of(call, release.namespace)
    source = _source(call)
    wanted = await originals.values(call, whose)
    options = call.map("options", default={})
    opened = await originals.access(call, whose, "chart", "auth", "secretRef")
    request = hashing.digest([source.__dict__, release.__dict__, wanted, _weighty(options)], 32)
    record = await Record.read(call.runtime, whose, release.record)
    known = Record() if call.runtime.news.pending(whose.slot) else record
    try:
        pin = known.pin(request) or await sources.resolve(source, opened)
        path, parts = await _complete(sources, source, pin, known.parts(request), opened)
    except (Problem, Problems) as error:
        raise _at(error, f"{call.inputs_path}.chart", source) from error
    asked = {
        "path": str(path),
        "values": wanted,
        "valuesFiles": call.items("chart", "valuesFiles", default=[]),
        "name": release.name,
        "namespace": release.namespace,
    }
    deadline = originals.seconds(call, "options", "timeout", default=_TIMEOUT)

    async def rendered(history: _History) -> dict[str, Any]:
        numbered = {**asked, "revision": history.number, "upgrade": history.upgrade}
        return await _rendered(call, whose, numbered, pin, source, deadline)

    needed = depending.dumped(parts)
    identity = hashing.digest([request, pin.digest, *([needed] if needed else [])], 32)
    try:
        former = None if record.data else await _former(call.runtime.objects, whose, release)
        if former is None:
            history = _history(record, identity, goes_back=call.runtime.goes_back)
            found = await rendered(history)
        else:
            history, found = await _succeeding(former, identity, wanted, rendered)
    except (Problem, Problems) as error:
        raise _at(error, call.inputs_path, source) from error
    call.runtime.news.taken(whose.slot)
    _follow(call, whose, source, pin, opened, wanted)
    laid = _laid(found, history, options, await _namespace(call, whose, options), release)
    originals.told_apart(laid.objects, call.path)
    return Answer(
        {
            "resources": laid.objects,
            "notes": found["notes"],
            "chart": {
                "name": found["chart"]["name"],
                "version": found["chart"]["version"],
                "appVersion": str(found["chart"].get("appVersion") or ""),
            },
            "record": {
                "request": request,
                "identity": history.identity,
                "release": str(history.number),
                "event": history.event,
                "revision": pin.revision,
                "digest": pin.digest,
                "address": pin.address,
                **({"dependencies": needed} if needed else {}),
            },
            "marks": laid.marks,
        }
    )


@dataclass(frozen=True)
class _Release:
    name: str
    namespace: str

    @property
    def record(self) -> str:
        return f"{self.name}-helm-release"


def _release(call: Call) -> _Release:
    given = call.map("release", default={})
    context = call.map("context", default={})
    return _Release(
        str(given.get("name") or context.get("name") or "release"),
        str(given.get("namespace") or context.get("namespace") or call.runtime.namespace),
    )


def _source(call: Call) -> Source:
    """What `chart` means: an address says itself what is there, a name is one of a repository."""
    where = call.text("chart", "source")
    version = call.text("chart", "version", default="")
    repository = call.text("chart", "repoURL", default="")
    if call.given("chart", "git") is not None:
        reference = call.text("chart", "git", default="")
        return Source("git", repository, where, reference=reference)
    if call.given("chart", "region") is not None:
        return Source("bucket", repository, where, reference=call.text("chart", "region"))
    if where.startswith("oci://"):
        return Source("oci", where, version=version)
    if repository.startswith("oci://"):
        return Source("oci", f"{repository.rstrip('/')}/{where}", version=version)
    if where.startswith(("http://", "https://")):
        return Source("archive", where, version=version)
    if repository:
        return Source("repository", repository, where, version)
    if where.startswith(("/", "./", "../", "file://")):
        return Source("local", where)
    raise Problem(
        "source.address",
        f"{where} is no address of a chart",
        f"{call.inputs_path}.chart.source",
        hint="give repoURL for a chart in a repository; an address begins with oci:// or https://, "
        "a directory with / or ./",
    )


async def _complete(
    sources: Sources,
    source: Source,
    pin: Pin,
    parts: list[depending.Part] | None,
    access: Credentials,
) -> tuple[Path, list[depending.Part]]:
    """Where the chart is, with all that it needs, and what of that was put beside it."""
    root = await sources.chart(source, pin, access)
    chart = root / source.name if source.kind in ("git", "bucket") else root
    if parts is None:
        parts = await sources.needs(source, chart, access)
    if not parts:
        return chart, []
    return await sources.completed(source, pin, root, chart, parts, access), parts


def _weighty(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that change what is released."""
    return {k: v for k, v in options.items() if k in _WEIGHTY}


@dataclass(frozen=True)
class _History:
    """Which release of its name this is. `done`: it has been delivered, its hooks have run."""

    identity: str
    number: int
    event: str  # install, upgrade or rollback
    done: bool

    @property
    def upgrade(self) -> bool:
        return self.event != "install"


def _history(record: Record, identity: str, *, goes_back: bool) -> _History:
    data = record.data
    if data.get("identity") == identity:
        return _History(identity, int(data["release"]), data["event"], True)
    number = int(data.get("release") or 0)
    event = "install" if not number else "rollback" if goes_back else "upgrade"
    return _History(identity, number + 1, event, False)


async def _former(
    objects: Objects | None, whose: Whose, release: _Release
) -> releases.Release | None:
    """The release of that name that Helm itself installed: ours goes on where it is.

    Who may not read where Helm stores it adopts nothing.
    """
    if objects is None:
        return None
    for kind in releases.DRIVERS.values():
        stored = await _stored(objects, kind, whose.cluster, release)
        if found := releases.deployed(releases.read(stored)):
            return found
    return None


async def _stored(
    objects: Objects, kind: str, cluster: str, release: _Release
) -> Sequence[Manifest]:
    labels = {**releases.LABELS, "name": release.name}
    try:
        return await objects.list(cluster, "v1", kind, namespace=release.namespace, labels=labels)
    except ApiError as error:
        if error.forbidden or error.not_found:
            return ()
        raise
    except Problem as problem:
        if problem.code == "provider.unavailable":
            return ()
        raise


async def _succeeding(
    former: releases.Release,
    identity: str,
    wanted: Mapping[str, Any],
    rendered: Callable[[_History], Awaitable[dict[str, Any]]],
) -> tuple[_History, dict[str, Any]]:
    """What follows a release of Helm: that release itself where chart and values are the same,
    so that nothing changes and no hook runs; else the one after it.
    """
    if former.values == wanted:
        event = "upgrade" if former.number > 1 else "install"
        same = _History(identity, former.number, event, True)
        found = await rendered(same)
        if former.chart == (found["chart"]["name"], found["chart"]["version"]):
            return same, found
    after = _History(identity, former.number + 1, "upgrade", False)
    return after, await rendered(after)


async def _rendered(
    call: Call, whose: Whose, asked: dict[str, Any], pin: Pin, source: Source, deadline: float
) -> dict[str, Any]:
    """Render, answering what templates look up in the cluster until nothing is left to ask."""
    sources = need(call.runtime.sources, "charts")
    if call.runtime.abilities is not None:
        version, served = await call.runtime.abilities.abilities(whose.cluster)
        asked |= {"kubeVersion": version, "apiVersions": served}
    answers: list[dict[str, Any]] = []
    for _ in range(_ROUNDS):
        found = await sources.renderer.chart(
            {**asked, "lookups": answers}, source.shown, deadline, key=pin.digest
        )
        if not found["asked"]:
            return found
        answers += [await _looked_up(call.runtime.objects, whose, each) for each in found["asked"]]
    raise Problem("chart.lookup", f"{source.shown} asks the cluster for more and more")


async def _looked_up(
    objects: Objects | None, whose: Whose, asked: Mapping[str, Any]
) -> dict[str, Any]:
    """The answer to `lookup`: an object or a list, and nothing where there is nothing."""
    group, version = manifests.split_version(asked["apiVersion"])
    found: Mapping[str, Any] | None
    try:
        if asked["name"]:
            key = Key(group, asked["kind"], asked["namespace"], asked["name"], version)
            found = await originals.find(objects, whose.cluster, key)
        else:
            found = await _listed(objects, whose, asked)
    except ApiError as error:
        message = f"the chart looks up {asked['kind']} {asked['name']}: {error.message}"
        raise Problem("chart.lookup", message.replace(" :", ":"), retry=True) from error
    return {**asked, "found": found or {}}


async def _listed(
    objects: Objects | None, whose: Whose, asked: Mapping[str, Any]
) -> dict[str, Any] | None:
    if objects is None:
        return None
    try:
        items = await objects.list(
            whose.cluster, asked["apiVersion"], asked["kind"], namespace=asked["namespace"]
        )
    except Problem as problem:
        if problem.code in ("provider.unavailable", "hub.unknown-kind"):
            return None
        raise
    typed = {"apiVersion": asked["apiVersion"], "kind": asked["kind"]}
    listed = {**typed, "kind": f"{asked['kind']}List"}
    return {**listed, "items": [{**typed, **each} for each in items]}


@dataclass(frozen=True)
class _Laid:
    """Objects in the order in which they go out, and what the record is to be marked with."""

    objects: Sequence[Manifest]
    marks: Mapping[str, str]


def _laid(
    found: Mapping[str, Any],
    history: _History,
    options: Mapping[str, Any],
    leading: Sequence[Manifest],
    release: _Release,
) -> _Laid:
    """Put everything into waves: what others need to be there (`leading`, and definitions of
    kinds), then hooks before, the chart, hooks after.

    Each hook is a wave of its own, as Helm runs one after another. The record comes last: once it
    says that this release is there, no hook is left to run.
    """
    namespace = release.namespace
    plain = [
        _handled(_placed(each["object"], namespace), options, history) for each in found["objects"]
    ]
    skipped = bool(options.get("skipHooks"))
    if not skipped:
        plain += _farewell(found["hooks"], release)
    crds = found["crds"] if options.get("includeCRDs", True) else []
    kinds = [*leading, *(_placed(each["object"], namespace) for each in crds)]
    before, after = [], []
    tests = not options.get("skipTests", True)
    if not history.done:
        hooks = found["hooks"] if not skipped else []
        before = list(_hooks(hooks, f"pre-{history.event}", history, namespace))
        after = list(_hooks(hooks, f"post-{history.event}", history, namespace))
        after += _hooks(found["hooks"], _TEST, history, namespace) if tests else []
    count = len(before)
    if before:
        kinds = [_marked(each, {names.WAVE: str(-count - 1)}) for each in kinds]
    waved = [_marked(each, {names.WAVE: str(i - count)}) for i, each in enumerate(before)]
    waved += [_marked(each, {names.WAVE: str(i + 1)}) for i, each in enumerate(after)]
    waits = bool(options.get("wait") or options.get("atomic") or tests)
    marks = {names.WAVE: str(len(after) + 1)} if waved or waits else {}
    if waits:
        marks[names.WAIT] = "true"
    if not skipped and any(_ROLLBACK & {*each["events"]} for each in found["hooks"]):
        marks[names.ANEW] = "true"
    return _Laid([*kinds, *plain, *waved], marks)


def _hooks(
    hooks: Sequence[Mapping[str, Any]], event: str, history: _History, namespace: str
) -> Iterator[Manifest]:
    """The hooks of an event in their order, each to run once for this release."""
    run = f"{event}-{history.number}-{history.identity[:8]}"
    for hook in hooks:
        if event not in hook["events"]:
            continue
        marks = {names.ONCE: run, names.ONCE_DELETE: ",".join(hook["deletePolicies"])}
        yield _marked(_lasting(hook, namespace), {k: v for k, v in marks.items() if v})


def _farewell(hooks: Sequence[Mapping[str, Any]], release: _Release) -> Iterator[Manifest]:
    """The object that holds the hooks for deletion, if there are any."""
    found = [
        bequests.Hook(
            event,
            _lasting(hook, release.namespace),
            after=event == "post-delete",
            brief=bequests.brief(hook["deletePolicies"]),
        )
        for event in ("pre-delete", "post-delete")
        for hook in hooks
        if event in hook["events"]
    ]
    if found:
        yield bequests.written(f"{release.name}-helm-farewell", release.namespace, found)


def _lasting(hook: Mapping[str, Any], namespace: str) -> Manifest:
    """The object of a hook. A Job that goes before anybody saw it succeed would run again."""
    placed = _placed(hook["object"], namespace)
    if placed.get("kind") != "Job":
        return placed
    spec = placed.get("spec") or {}
    return {**placed, "spec": {k: v for k, v in spec.items() if k != "ttlSecondsAfterFinished"}}


def _placed(manifest: Manifest, namespace: str) -> Manifest:
    """In the namespace of the release if it names none; dispatch knows which kinds have none."""
    meta = dict(manifest.get("metadata") or {})
    meta["namespace"] = meta.get("namespace") or namespace
    return {**manifest, "metadata": meta}


def _handled(manifest: Manifest, options: Mapping[str, Any], history: _History) -> Manifest:
    """With what the options say about its writing, and the restart of its pods."""
    if options.get("force"):
        manifest = _marked(manifest, {names.REPLACE: "true"})
    if options.get("recreatePods") and manifests.key(manifest).identity[:2] in _RUNNING:
        spec = manifest.get("spec") or {}
        template = {"metadata": {}, **(spec.get("template") or {})}
        template = _marked(template, {names.RELEASE: str(history.number)})
        manifest = {**manifest, "spec": {**spec, "template": template}}
    return manifest


def _marked(manifest: Manifest, marks: Mapping[str, str]) -> Manifest:
    meta = manifest["metadata"]
    annotations = {**(meta.get("annotations") or {}), **marks}
    return {**manifest, "metadata": {**meta, "annotations": annotations}}


async def _namespace(call: Call, whose: Whose, options: Mapping[str, Any]) -> Sequence[Manifest]:
    """The namespace of the release, where nobody else has made it."""
    name = whose.namespace
    if not options.get("createNamespace", True) or name == whose.app_namespace:
        return ()
    key = Key("", "Namespace", "", name, "v1")
    found = await originals.find(call.runtime.objects, whose.cluster, key)
    if found is not None and manifests.owner(found) != whose.owner:
        return ()
    return ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},)


def _follow(
    call: Call,
    whose: Whose,
    source: Source,
    pin: Pin,
    opened: Credentials,
    wanted: Mapping[str, Any],
) -> None:
    """Have it looked at again: another version from time to time, or when somebody says that there
    is one; and other values elsewhere.
    """
    sources, news = need(call.runtime.sources, "charts"), call.runtime.news

    async def version() -> str:
        return (await sources.resolve(source, opened)).digest

    async def values() -> str:
        return hashing.digest(await originals.values(call, whose), 32)

    if source.kind != "archive" and not _FIXED.fullmatch(source.version):
        news.follow(whose.slot, pin.digest, _interval(call), version)
    if call.given("valuesFrom"):
        seconds = originals.seconds(call, "chart", "interval", default=_TIMEOUT)
        token = hashing.digest(dict(wanted), 32)
        news.follow(f"{whose.slot} values", token, seconds, values)


def _interval(call: Call) -> float:
    """How often a range of versions is resolved again; not by itself where nobody says."""
    for where in (("chart", "interval"), *(("options", "cache", each) for each in _LIVES)):
        if call.given(*where):
            return originals.seconds(call, *where, default="")
    return math.inf


def _at(error: Problem | Problems, path: str, source: Source) -> Problems:
    """With the place in the text, for what does not know one; what it is of is said once."""
    found = []
    for each in every(error):
        message = each.message
        if source.shown not in message:
            message = f"{source.shown}: {message}"
        found.append(
            Problem(
                each.code,
                message,
                each.path or path,
                each.positions,
                each.hint,
                retry=True,
            )
        )
    return Problems(found)


ACTIONS: Final = {"render": render}
