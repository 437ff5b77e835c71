"""Helm charts: fetched, rendered by Helm itself, hooks in their places."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.manifest import Key, Manifest
from lateen.base import hashing
from lateen.base.problem import Problem, Problems, every
from lateen.hub.errors import ApiError
from lateen.providers import originals
from lateen.providers.calls import Answer, Call
from lateen.providers.originals import Record, Whose
from lateen.providers.ports import Objects, need
from lateen.sources.places import Credentials, Pin, Source

_TIMEOUT: Final = "5m"
_ROUNDS: Final = 10  # of questions to the cluster; the answer to one may lead to another
_FIXED: Final = re.compile(r"v?\d+\.\d+\.\d+([-+].*)?|sha256:[0-9a-f]{64}")
_TEST: Final = "test"


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
    try:
        pin = record.pin(request)
        if pin is None or call.runtime.news.pending(whose.slot):
            pin = await sources.resolve(source, opened)
        path = await sources.chart(source, pin, opened)
    except (Problem, Problems) as error:
        raise _at(error, f"{call.inputs_path}.chart", source) from error
    history = _history(record, hashing.digest([request, pin.digest], 32))
    asked = {
        "path": str(path / source.name if source.kind == "git" else path),
        "values": wanted,
        "valuesFiles": call.items("chart", "valuesFiles", default=[]),
        "name": release.name,
        "namespace": release.namespace,
        "revision": history.number,
        "upgrade": history.upgrade,
    }
    deadline = originals.seconds(call, "options", "timeout", default=_TIMEOUT)
    try:
        found = await _rendered(call, whose, asked, pin, source, deadline)
    except (Problem, Problems) as error:
        raise _at(error, call.inputs_path, source) from error
    call.runtime.news.taken(whose.slot)
    _follow(call, whose, source, pin, opened, wanted)
    laid = _laid(found, history, options, await _namespace(call, whose, options), release.namespace)
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


def _weighty(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that change what is released."""
    return {k: v for k, v in options.items() if k in ("includeCRDs", "skipHooks", "skipTests")}


@dataclass(frozen=True)
class _History:
    """Which release of its name this is. `done`: it has been delivered, its hooks have run."""

    identity: str
    number: int
    upgrade: bool
    done: bool

    @property
    def event(self) -> str:
        return "upgrade" if self.upgrade else "install"


def _history(record: Record, identity: str) -> _History:
    data = record.data
    if data.get("identity") == identity:
        return _History(identity, int(data["release"]), data["event"] == "upgrade", True)
    number = int(data.get("release") or 0)
    return _History(identity, number + 1, number > 0, False)


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
    namespace: str,
) -> _Laid:
    """Put everything into waves: what others need to be there (`leading`, and definitions of
    kinds), then hooks before, the chart, hooks after.

    Each hook is a wave of its own, as Helm runs one after another. The record comes last: once it
    says that this release is there, no hook is left to run.
    """
    plain = [_placed(each["object"], namespace) for each in found["objects"]]
    crds = found["crds"] if options.get("includeCRDs", True) else []
    kinds = [*leading, *(_placed(each["object"], namespace) for each in crds)]
    before, after = [], []
    tests = not options.get("skipTests", True)
    if not history.done:
        hooks = found["hooks"] if not options.get("skipHooks") else []
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
        placed = _placed(hook["object"], namespace)
        if placed.get("kind") == "Job":  # gone before anybody saw it succeed, it would run again
            spec = placed.get("spec") or {}
            kept = {k: v for k, v in spec.items() if k != "ttlSecondsAfterFinished"}
            placed = {**placed, "spec": kept}
        yield _marked(placed, {k: v for k, v in marks.items() if v})


def _placed(manifest: Manifest, namespace: str) -> Manifest:
    """In the namespace of the release if it names none; dispatch knows which kinds have none."""
    meta = dict(manifest.get("metadata") or {})
    meta["namespace"] = meta.get("namespace") or namespace
    return {**manifest, "metadata": meta}


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
    """Have it looked at again from time to time: other versions, and other values elsewhere."""
    moves = source.kind != "archive" and not _FIXED.fullmatch(source.version)
    interval = call.text("chart", "interval", default="")
    moves = moves and bool(interval)
    if not moves and not call.given("valuesFrom"):
        return
    sources = need(call.runtime.sources, "charts")

    async def look() -> str:
        values = await originals.values(call, whose)
        now = await sources.resolve(source, opened) if moves else pin
        return hashing.digest([now.digest, values], 32)

    seconds = originals.seconds(call, "chart", "interval", default=interval or _TIMEOUT)
    token = hashing.digest([pin.digest, dict(wanted)], 32)
    call.runtime.news.follow(whose.slot, token, seconds, look)


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
