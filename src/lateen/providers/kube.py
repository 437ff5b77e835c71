"""Actions on Kubernetes objects (semantics E8)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import anyio

from lateen.api import manifest as manifests
from lateen.api.manifest import Key, Manifest
from lateen.base import merge
from lateen.base.problem import Problem, Problems, every, raise_any
from lateen.hub.errors import ApiError
from lateen.providers.calls import Answer, Call
from lateen.providers.ports import Objects, need

_DEFAULT: Final = "default"  # the namespace of objects that name none


async def apply(call: Call) -> Answer:
    """Raises: Problem, Problems: what the API server or the owner of the object has against it."""
    given = _labelled(_placed(call.map("value")), call)
    live = await _asked(lambda objects: objects.apply(_cluster(call), given), call, "value")
    return Answer({"value": _shown(live)}, secret=_hidden(live, "value"))


async def apply_in_parallel(call: Call) -> Answer:
    given = [_labelled(_placed(each), call) for each in call.items("value")]
    live: list[Manifest] = [{} for _ in given]
    failed: dict[int, tuple[Problem, ...]] = {}

    async def one(index: int) -> None:
        try:
            live[index] = await _asked(
                lambda objects: objects.apply(_cluster(call), given[index]), call, f"value[{index}]"
            )
        except (Problem, Problems) as error:  # the others go on
            failed[index] = every(error)

    async with anyio.create_task_group() as tasks:
        for index in range(len(given)):
            tasks.start_soon(one, index)
    raise_any(problem for index in sorted(failed) for problem in failed[index])
    secret = tuple(p for i, o in enumerate(live) for p in _hidden(o, f"value[{i}]"))
    return Answer({"value": [_shown(each) for each in live]}, secret=secret)


async def patch(call: Call) -> Answer:
    """Lay a patch over a live object by its marks, and send what that changes.

    Only what changes: the other fields stay their managers', and the object its owner's. Fails when
    somebody else was faster, to be tried again.
    """
    patching = need(call.runtime.patching, "patching")
    key = manifests.key(_placed(call.map("value")))
    live = await _asked(lambda objects: objects.get(_cluster(call), key), call, "value")
    laid = await patching(f"{call.inputs_path}.patch", live, call.map("patch"))
    change = merge.difference(live, laid)
    if change:
        version = {"resourceVersion": manifests.metadata(live).get("resourceVersion")}
        change = {**change, "metadata": {**change.get("metadata", {}), **version}}
        live = await _asked(lambda o: o.patch(_cluster(call), key, change), call, "value")
    return Answer({"result": _shown(live)}, secret=_hidden(live, "result"))


async def read(call: Call) -> Answer:
    """What is not there is an `err`; a server that does not answer fails the action, to be tried
    again, since nothing is known then.
    """
    key = manifests.key(_placed(call.map("value")))
    try:
        live = await need(call.runtime.objects, "objects").get(_cluster(call), key)
    except (ApiError, Problem) as error:
        return Answer({"err": _told(error)})
    return Answer({"value": _shown(live)}, secret=_hidden(live, "value"))


async def list_(call: Call) -> Answer:
    try:
        found = await _listed(call)
    except (ApiError, Problem) as error:
        return Answer({"err": _told(error)})
    return Answer({"values": found}, secret=_hidden_items(found, "values."))


async def delete(call: Call) -> Answer:
    objects = need(call.runtime.objects, "objects")
    given = call.map("value")
    chosen = call.given("filter")
    try:
        if chosen is None:
            await objects.delete(_cluster(call), manifests.key(_placed(given)))
            return Answer()
        if not (chosen.get("namespace") or chosen.get("matchingLabels")):
            message = "a filter without namespace and labels would delete all there are"
            raise Problem("provider.input", message, f"{call.inputs_path}.filter")
        where = chosen.get("namespace") or manifests.metadata(given).get("namespace") or _DEFAULT
        found = await objects.list(
            _cluster(call),
            call.text("value", "apiVersion"),
            call.text("value", "kind"),
            namespace=where,
            labels=chosen.get("matchingLabels") or {},
        )
        for each in found:
            await objects.delete(_cluster(call), manifests.key(each))
    except (ApiError, Problem) as error:
        return Answer({"err": _told(error)})
    return Answer()


async def apply_resource(call: Call) -> Answer:
    """Apply, as templates ask for it: the object itself is the result."""
    given = _placed(call.map("resource"))
    live = await _asked(lambda objects: objects.apply(_cluster(call), given), call, "resource")
    return Answer(_shown(live), secret=_hidden(live))


async def get_resource(call: Call) -> Answer:
    key = manifests.key(_placed(call.map("resource")))
    live = await _asked(lambda objects: objects.get(_cluster(call), key), call, "resource")
    return Answer(_shown(live), secret=_hidden(live))


async def list_resources(call: Call) -> Answer:
    found = await _asked(lambda _: _listed(call), call, "resource")
    return Answer(found, secret=_hidden_items(found))


async def patch_resource(call: Call) -> Answer:
    key = manifests.key(_placed(call.map("resource")))
    kind, body = call.text("patch", "type"), call.given("patch", "data")
    if isinstance(body, list) is not (kind == "json"):
        said = "a list of operations" if kind == "json" else "a struct"
        raise Problem("provider.input", f"data must be {said}", f"{call.inputs_path}.patch.data")
    strategic = kind == "strategic"
    live = await _asked(
        lambda objects: objects.patch(_cluster(call), key, body, strategic=strategic),
        call,
        "resource",
    )
    return Answer(_shown(live), secret=_hidden(live))


async def _asked(ask: Callable[[Objects], Awaitable[Any]], call: Call, named: str) -> Any:
    """Ask; what is refused is told with where the text has the object, which `named` holds."""
    objects = need(call.runtime.objects, "objects")
    try:
        return await ask(objects)
    except ApiError as error:
        raise_any(problem.at(f"{call.inputs_path}.{named}") for problem in error.problems())
        raise


async def _listed(call: Call) -> dict[str, Any]:
    """The list object. The kind stands in `resource`, or in `value` in the older form."""
    named = "resource" if call.given("resource") else "value"
    api_version, kind = call.text(named, "apiVersion"), call.text(named, "kind")
    chosen = call.map("filter", default={})
    items = await need(call.runtime.objects, "objects").list(
        _cluster(call),
        api_version,
        kind,
        namespace=chosen.get("namespace") or "",
        labels=chosen.get("matchingLabels") or {},
    )
    shown = [_shown(each) for each in items]
    return {"apiVersion": api_version, "kind": f"{kind}List", "items": shown}


def _cluster(call: Call) -> str:
    return call.text("cluster", default="")


def _told(error: ApiError | Problem) -> str:
    """The text of `err`.

    Raises:
        Problem: what the world may heal; to take it for "not there" would be wrong.
    """
    if isinstance(error, Problem):
        if error.code != "hub.unknown-kind":
            raise error
        return error.message
    if error.transient:
        raise_any(error.problems())
    return error.message


def _placed(manifest: Mapping[str, Any]) -> Manifest:
    """With a namespace. The server drops it for kinds that have none."""
    metadata = manifests.metadata(manifest)
    return {
        **manifest,
        "metadata": {**metadata, "namespace": metadata.get("namespace") or _DEFAULT},
    }


def _labelled(manifest: Manifest, call: Call) -> Manifest:
    if not call.runtime.labels:
        return manifest
    labels = {**manifests.labels(manifest), **call.runtime.labels}
    return {**manifest, "metadata": {**manifests.metadata(manifest), "labels": labels}}


def _shown(live: Manifest) -> Manifest:
    """Without who manages which field: long, and nothing a definition asks for."""
    if "managedFields" not in manifests.metadata(live):
        return live
    metadata = {k: v for k, v in live["metadata"].items() if k != "managedFields"}
    return {**live, "metadata": metadata}


def _hidden(live: Manifest, at: str = "") -> tuple[str, ...]:
    key: Key = manifests.key(live)
    if (key.group, key.kind) != ("", "Secret"):
        return ()
    return tuple(f"{at}.{each}" if at else each for each in ("data", "stringData") if each in live)


def _hidden_items(found: Mapping[str, Any], at: str = "") -> tuple[str, ...]:
    items = enumerate(found["items"])
    return tuple(path for i, each in items for path in _hidden(each, f"{at}items[{i}]"))


STEP: Final = {
    "apply": apply,
    "apply-in-parallel": apply_in_parallel,
    "patch": patch,
    "read": read,
    "list": list_,
    "delete": delete,
}
TEMPLATE: Final = {
    "apply": apply_resource,
    "get": get_resource,
    "list": list_resources,
    "patch": patch_resource,
}
