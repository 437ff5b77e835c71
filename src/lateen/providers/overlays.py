"""Directories of manifests: fetched, and built by Kustomize itself."""

from __future__ import annotations

from typing import Any, Final

import orjson

from lateen.base import hashing
from lateen.base.problem import Problem, Problems, every
from lateen.providers import originals
from lateen.providers.calls import Answer, Call
from lateen.providers.originals import Record, Whose
from lateen.providers.ports import need
from lateen.sources.places import Kind, Source

_KINDS: Final[dict[str, Kind]] = {
    "git": "git",
    "oci": "oci",
    "archive": "archive",
    "local": "local",
    "oss": "bucket",
}
_INTERVAL: Final = "5m"


async def build(call: Call) -> Answer:
    """The objects of a directory, with a kustomization laid over them.

    Raises:
        Problem, Problems: `kustomize.*`, `source.*`.
    """
    sources = need(call.runtime.sources, "sources")
    whose = Whose.of(call, str(call.map("context", default={}).get("namespace") or "default"))
    source = _source(call)
    directory = call.text("directory", default=".")
    overlay = _overlay(call)
    opened = await originals.access(call, whose, "source", "secretRef")
    request = hashing.digest([source.__dict__, directory, overlay], 32)
    record = await Record.read(call.runtime, whose, f"{whose.component}-kustomization")
    pin = record.pin(request)
    try:
        if pin is None or call.runtime.news.pending(whose.slot):
            pin = await sources.resolve(source, opened)
        root = await sources.tree(source, pin, opened, directory)
        objects = await sources.renderer.kustomize(root, directory, overlay, source.shown)
    except (Problem, Problems) as error:
        raise Problems(_said(each, source, call) for each in every(error)) from error
    call.runtime.news.taken(whose.slot)
    if not source.reference.startswith("commit:") and not call.flag("suspend", default=False):
        known = pin.digest

        async def look() -> str:
            return (await sources.resolve(source, opened)).digest

        seconds = originals.seconds(call, "interval", default=_INTERVAL)
        call.runtime.news.follow(whose.slot, known, seconds, look)
    originals.told_apart(objects, call.path)
    pinned = {"revision": pin.revision, "digest": pin.digest, "address": pin.address}
    return Answer({"resources": objects, "record": {"request": request, **pinned}})


def _source(call: Call) -> Source:
    url = call.text("source", "url")
    given = call.text("source", "kind", default="git")
    if given == "git" and url.startswith(("/", "./", "../", "file://")):
        given = "local"
    if given not in _KINDS:
        where = f"{call.inputs_path}.source.kind"
        raise Problem("provider.input", f'"{given}" is no kind of source', where)
    version = call.text("source", "version", default="")
    reference = call.text("source", "reference", default="")
    return Source(_KINDS[given], url, version=version, reference=reference)


def _overlay(call: Call) -> dict[str, Any]:
    """The kustomization that is laid over the directory. A patch may be an object or a list of
    operations instead of its text, which is what Kustomize takes.
    """
    overlay = call.map("overlay", default={})
    patches = [
        {**each, "patch": _text(each["patch"])} if "patch" in each else {"patch": _text(each)}
        for each in overlay.get("patches") or ()
    ]
    return {**overlay, "patches": patches} if patches else overlay


def _text(patch: Any) -> str:
    return patch if isinstance(patch, str) else orjson.dumps(patch).decode()


def _said(problem: Problem, source: Source, call: Call) -> Problem:
    message = problem.message
    if source.shown not in message:
        message = f"{source.shown}: {message}"
    path = problem.path or call.inputs_path
    return Problem(problem.code, message, path, problem.positions, problem.hint, retry=True)


ACTIONS: Final = {"build": build}
