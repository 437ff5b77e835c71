"""Questions about what applications brought (`vela/query`, `vela/ql`).

What is asked for is read live and as the author of the application, so nobody sees through here
what they may not see otherwise.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.application import Application
from lateen.api.manifest import Key, Manifest
from lateen.api.tracker import Tracker
from lateen.base import clock
from lateen.base.problem import Problem
from lateen.hub.errors import ApiError
from lateen.providers import descending, endpoints
from lateen.providers.calls import Answer, Call
from lateen.providers.ports import Entry, Objects, need

_DEPLOY_VERSION = "app.oam.dev/deployVersion"
_LOG_OPTIONS: Final = (
    "previous",
    "sinceSeconds",
    "sinceTime",
    "timestamps",
    "tailLines",
    "limitBytes",
)


def entries(trackers: Iterable[Tracker], app: Application) -> list[Entry]:
    """The inventory of an application, older revisions last. For implementations of the port."""
    known = sorted(trackers, key=lambda each: each.generation, reverse=True)
    return [
        Entry(
            resource,
            manifests.labels(each.raw).get(names.APP_REVISION, ""),
            each.publish_version,
            each.tracks(app),
        )
        for each in known
        if not each.deleting
        for resource in each.resources
    ]


async def list_resources(call: Call) -> Answer:
    return await _told(_resources, call)


async def list_applied(call: Call) -> Answer:
    return await _told(_applied, call)


async def collect_resources(call: Call) -> Answer:
    return await _told(_collected, call)


async def collect_endpoints(call: Call) -> Answer:
    return await _told(_endpoints, call)


async def search_events(call: Call) -> Answer:
    return await _told(_events, call)


async def collect_logs(call: Call) -> Answer:
    """The log of a container in base64; what cannot be read is an `err` among the results."""
    logs, objects = need(call.runtime.logs, "logs"), need(call.runtime.objects, "objects")
    cluster, place, name = call.text("cluster"), call.text("namespace"), call.text("pod")
    options = {"container": call.text("options", "container")}
    for option in _LOG_OPTIONS:
        value = call.given("options", option)
        if value not in (None, False):
            options[option] = "true" if value is True else str(value)
    try:
        pod = await objects.get(cluster, Key("", "Pod", place, name, "v1"))
        text = await logs.read(cluster, place, name, options)
    except ApiError as error:
        return Answer({"outputs": {"err": error.message}})
    now = call.runtime.clock.now()
    since = str(options.get("sinceTime") or manifests.metadata(pod)["creationTimestamp"])
    if "sinceSeconds" in options:
        since = clock.stamp(now - timedelta(seconds=int(options["sinceSeconds"])))
    info = {"fromDate": since, "toDate": clock.stamp(now)}
    encoded = base64.b64encode(text.encode()).decode()
    return Answer({"outputs": {"logs": encoded, "info": info}})


@dataclass(frozen=True)
class _Asked:
    """The application and the filter of a question."""

    app: str
    namespace: str
    filter: Mapping[str, Any] = field(default_factory=dict)
    tree: bool = False

    @classmethod
    def of(cls, call: Call) -> _Asked:
        return cls(
            call.text("app", "name"),
            call.text("app", "namespace"),
            call.map("app", "filter", default={}),
            call.flag("app", "withTree", default=False),
        )

    def covers(self, entry: Entry) -> bool:
        """Whether an entry is at the place and of the components asked for."""
        resource, wanted = entry.resource, self.filter
        if wanted.get("cluster") and wanted["cluster"] != (resource.cluster or names.LOCAL):
            return False
        place = wanted.get("clusterNamespace")
        if place and place != resource.namespace:
            return False
        if wanted.get("queryNewest") and not entry.latest:
            return False
        components = wanted.get("components") or ()
        return not components or resource.component in components

    def matches(self, api_version: str, kind: str) -> bool:
        wanted = self.filter
        return wanted.get("kind") in (None, "", kind) and (
            wanted.get("apiVersion") in (None, "", api_version)
        )


async def _told(ask: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
    """What the world refuses is an `err` among the results."""
    try:
        return await ask(call)
    except ApiError as error:
        return Answer({"err": error.message})
    except Problem as problem:
        if problem.code.startswith("provider."):
            raise
        return Answer({"err": problem.message})


async def _inventory(call: Call, asked: _Asked) -> list[Entry]:
    """The entries asked for; an object that several revisions list counts once."""
    inventories = need(call.runtime.inventories, "the inventory of applications")
    found: dict[tuple[str, ...], Entry] = {}
    for entry in await inventories.entries(asked.app, asked.namespace):
        if asked.covers(entry):
            found.setdefault(entry.resource.identity, entry)
    return list(found.values())


async def _live(objects: Objects, entry: Entry) -> Manifest | None:
    try:
        return await objects.get(entry.resource.cluster, entry.resource.key)
    except ApiError as error:
        if error.not_found:
            return None
        raise


async def _resources(call: Call) -> Answer:
    asked, objects = _Asked.of(call), need(call.runtime.objects, "objects")
    found: list[dict[str, Any]] = []
    for entry in await _inventory(call, asked):
        resource = entry.resource
        if not asked.matches(resource.api_version, resource.kind):
            continue
        live = await _live(objects, entry)
        if live is not None:
            found.append(
                {
                    "cluster": resource.cluster or names.LOCAL,
                    "component": resource.component,
                    "revision": entry.publish_version,
                    "object": live,
                }
            )
    return _listing(found)


async def _applied(call: Call) -> Answer:
    asked = _Asked.of(call)
    inventory = await _inventory(call, asked)
    if not asked.tree:
        return _listing([_line(e) for e in inventory if _named(asked, e)])
    objects = need(call.runtime.objects, "objects")
    forest = descending.Forest(objects)
    found = []
    for entry in inventory:
        live = await _live(objects, entry)
        if live is None:
            continue
        root = await forest.below(entry.resource.cluster, live)
        if any(_fits(asked, node.manifest) for node, _ in root.walk()):
            found.append({**_line(entry), "resourceTree": _tree(root, call)})
    return _listing(found)


async def _collected(call: Call) -> Answer:
    asked, objects = _Asked.of(call), need(call.runtime.objects, "objects")
    forest = descending.Forest(objects)
    found = []
    for entry in await _inventory(call, asked):
        live = await _live(objects, entry)
        if live is None:
            continue
        root = await forest.below(entry.resource.cluster, live)
        for node, parent in root.walk():
            if _fits(asked, node.manifest):
                found.append(_item(entry, node, parent))
    return _listing(found)


async def _endpoints(call: Call) -> Answer:
    asked, objects = _Asked.of(call), need(call.runtime.objects, "objects")
    found: list[dict[str, Any]] = []
    for entry in await _inventory(call, asked):
        if entry.resource.kind not in ("Service", "Ingress", "HTTPRoute"):
            continue
        live = await _live(objects, entry)
        if live is None:
            continue
        whose = {
            "ref": _reference(live),
            "cluster": entry.resource.cluster or names.LOCAL,
            "component": entry.resource.component,
        }
        found += [{"endpoint": each, **whose} for each in await _served(objects, entry, live)]
    return _listing(found)


async def _served(objects: Objects, entry: Entry, live: Manifest) -> list[dict[str, Any]]:
    cluster, kind = entry.resource.cluster, entry.resource.kind
    if kind == "Ingress":
        return endpoints.of_ingress(live)
    if kind == "HTTPRoute":
        gateways = []
        for key, section in endpoints.gateways_of(live):
            try:
                gateways.append((await objects.get(cluster, key), section))
            except ApiError as error:
                if not (error.not_found or error.forbidden):
                    raise
        return endpoints.of_route(live, gateways)
    nodes = []
    if (live.get("spec") or {}).get("type") == "NodePort":
        nodes = await objects.list(cluster, "v1", "Node")
    return endpoints.of_service(live, endpoints.address_of(nodes))


async def _events(call: Call) -> Answer:
    given = call.map("value")
    key, uid = manifests.key(given), manifests.metadata(given).get("uid")
    wanted = {
        "involvedObject.kind": key.kind,
        "involvedObject.name": key.name,
        "involvedObject.namespace": key.namespace,
        "involvedObject.uid": str(uid or ""),
    }
    found = await need(call.runtime.objects, "objects").list(
        call.text("cluster"),
        "v1",
        "Event",
        namespace=key.namespace,
        fields=",".join(f"{name}={value}" for name, value in wanted.items() if value),
    )
    return _listing(found)


def _listing(found: list[Any]) -> Answer:
    secret = tuple(
        f"list[{index}].object.data"
        for index, each in enumerate(found)
        if isinstance(each, dict) and (each.get("object") or {}).get("kind") == "Secret"
    )
    return Answer({"list": found}, secret=secret)


def _named(asked: _Asked, entry: Entry) -> bool:
    return asked.matches(entry.resource.api_version, entry.resource.kind)


def _fits(asked: _Asked, manifest: Manifest) -> bool:
    key = manifests.key(manifest)
    return asked.matches(key.api_version, key.kind)


def _line(entry: Entry) -> dict[str, Any]:
    resource = entry.resource
    shown = {
        "namespace": resource.namespace,
        "apiVersion": resource.api_version,
        "publishVersion": entry.publish_version,
        "deployVersion": manifests.annotation(resource.raw or {}, _DEPLOY_VERSION),
        "revision": entry.revision,
    }
    return {
        "cluster": resource.cluster or names.LOCAL,
        "component": resource.component,
        "trait": resource.trait,
        "kind": resource.kind,
        "name": resource.name,
        "latest": entry.latest,
        **{name: value for name, value in shown.items() if value},
    }


def _tree(node: descending.Node, call: Call) -> dict[str, Any]:
    key, meta = manifests.key(node.manifest), manifests.metadata(node.manifest)
    tree = {
        "cluster": node.cluster,
        "apiVersion": key.api_version,
        "kind": key.kind,
        "namespace": key.namespace,
        "name": key.name,
        "uid": meta.get("uid", ""),
        "creationTimestamp": meta.get("creationTimestamp", ""),
    }
    if meta.get("deletionTimestamp"):
        tree["deletionTimestamp"] = meta["deletionTimestamp"]
    if call.runtime.assess is not None:
        healthy, message = call.runtime.assess(node.manifest)
        tree["healthStatus"] = {
            "statusCode": "Healthy" if healthy else "UnHealthy",
            "message": message,
        }
    if node.children:
        tree["leafNodes"] = [_tree(child, call) for child in node.children]
    return tree


def _item(entry: Entry, node: descending.Node, parent: descending.Node) -> dict[str, Any]:
    key = manifests.key(parent.manifest)
    version = manifests.annotation(node.manifest, names.PUBLISH_VERSION)
    return {
        "cluster": node.cluster,
        "workload": {
            "apiVersion": key.api_version,
            "kind": key.kind,
            "name": key.name,
            "namespace": key.namespace,
        },
        "component": entry.resource.component,
        "object": node.manifest,
        "publishVersion": version or entry.publish_version,
        "deployVersion": manifests.annotation(node.manifest, _DEPLOY_VERSION),
    }


def _reference(manifest: Manifest) -> dict[str, Any]:
    key, meta = manifests.key(manifest), manifests.metadata(manifest)
    return {
        "apiVersion": key.api_version,
        "kind": key.kind,
        "namespace": key.namespace,
        "name": key.name,
        "uid": meta.get("uid", ""),
        "resourceVersion": meta.get("resourceVersion", ""),
    }


ACTIONS: Final = {
    "listResourcesInApp": list_resources,
    "listAppliedResources": list_applied,
    "collectResources": collect_resources,
    "collectServiceEndpoints": collect_endpoints,
    "searchEvents": search_events,
    "collectLogsInPod": collect_logs,
}
