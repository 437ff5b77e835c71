"""Why one object is not as it should be: down to the container, the event, the finalizer.

Pure: told from objects that were read before, in the words of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from lateen.api import configuration as conf
from lateen.api import manifest as manifests
from lateen.api.manifest import Key, Manifest
from lateen.base import clock
from lateen.cli import trees

_ENDED = "Error"  # says nothing that the exit code does not
_STARTLESS = "StartError"  # it has written nothing
_PROGRESS = frozenset({"ContainerCreating", "PodInitializing"})


@dataclass(frozen=True)
class Link:
    """One link of a chain: what waits, what it says, and what that waits for in turn.

    `since` is a time as Kubernetes writes it; `hint` is what a person can do about it.
    """

    what: str
    says: str
    since: str = ""
    causes: tuple[Link, ...] = ()
    hint: str = ""

    def walk(self) -> Iterator[Link]:
        yield self
        for cause in self.causes:
            yield from cause.walk()

    def to_map(self) -> dict[str, Any]:
        """For JSON and YAML; what is empty is left out."""
        fields = {
            "what": self.what,
            "says": self.says,
            "since": self.since,
            "hint": self.hint,
            "causes": [cause.to_map() for cause in self.causes],
        }
        return {name: value for name, value in fields.items() if value not in ("", [])}


@dataclass(frozen=True)
class Surroundings:
    """What an explanation may point at beside the objects of the application themselves."""

    now: datetime
    logs: str = "lateen logs"  # the command that shows what the application's containers write
    events: Sequence[Manifest] = ()
    claims: Sequence[Manifest] = ()  # PersistentVolumeClaims of the namespaces
    nodes: Sequence[Manifest] = ()
    hidden: Sequence[str] = ()  # kinds that whoever asks may not read

    def warnings(self, live: Manifest) -> list[Manifest]:
        """The warnings about an object, the newest first."""
        uid = manifests.metadata(live).get("uid")
        found = [
            event
            for event in self.events
            if event.get("type") == "Warning"
            and (event.get("involvedObject") or {}).get("uid") == uid
        ]
        return sorted(found, key=moment, reverse=True)


def moment(event: Manifest) -> str:
    """When an event happened last, in either form that Kubernetes knows."""
    series = event.get("series") or {}
    stamps = (
        series.get("lastObservedTime"),
        event.get("lastTimestamp"),
        event.get("eventTime"),
        manifests.metadata(event).get("creationTimestamp"),
    )
    return str(next((stamp for stamp in stamps if stamp), ""))


def times(event: Manifest) -> int:
    """How often an event happened."""
    return int((event.get("series") or {}).get("count") or event.get("count") or 1)


def told(event: Manifest) -> Link:
    """An event as the end of a chain."""
    often = f" ({times(event)} times)" if times(event) > 1 else ""
    message = " ".join(str(event.get("message") or "").split())
    return Link("event", f"{event.get('reason')}{often}: {message}", moment(event))


def of_object(node: trees.Node, around: Surroundings) -> Link:
    """The chain from an object down to what is wrong with it, whatever its own health says."""
    what = f"{node.key.kind} {node.key.name}"
    if node.live is None:
        return Link(what, node.message)
    if manifests.metadata(node.live).get("deletionTimestamp"):
        return leaving(node.live, around)
    if node.key.identity[:2] == ("", "Pod"):
        return _pod(node.live, what, around)
    unwell = [of_object(child, around) for child in node.children if not child.healthy]
    since = _since(node.live)
    if unwell:
        return Link(what, node.message or _counted(node.live), since, alike(unwell))
    failed = "; ".join(_said(each) for each in trees.conditions(node.live) if not each.fine)
    own = "; ".join(part for part in (_counted(node.live), failed) if part)
    says = node.message or own or "is there"
    return Link(what, says, since, _newest(node.live, says, around))


def _counted(live: Manifest) -> str:
    """What an object says of itself, in few words: how much of it is ready, or its phase."""
    counted = trees.ready(live)
    if counted:
        done = "done" if live.get("kind") == "Job" else "ready"
        return f"{counted.replace('/', ' of ')} {done}"
    return str((live.get("status") or {}).get("phase") or "")


def _said(condition: trees.Condition) -> str:
    return f"{condition.type}: {condition.message or condition.reason or 'not met'}"


def _since(live: Manifest) -> str:
    for condition in (live.get("status") or {}).get("conditions") or ():
        if condition.get("type") in ("Ready", "Available", "Complete"):
            return str(condition.get("lastTransitionTime") or "")
    return ""


def alike(links: Iterable[Link]) -> tuple[Link, ...]:
    """Links that tell the same become one: ten pods that cannot be scheduled are one cause."""
    groups: dict[Any, list[Link]] = {}
    for link in links:
        told_by = tuple((each.what.partition(" ")[0], each.says) for each in link.walk())
        groups.setdefault(told_by, []).append(link)
    return tuple(
        replace(same[0], what=f"{same[0].what} and {len(same) - 1} more") if same[1:] else same[0]
        for same in groups.values()
    )


def _newest(live: Manifest, said: str, around: Surroundings) -> tuple[Link, ...]:
    """The newest warning about an object, unless the object says the same."""
    fresh = [event for event in around.warnings(live) if str(event.get("message")) not in said]
    return (told(fresh[0]),) if fresh else ()


def _pod(live: Manifest, what: str, around: Surroundings) -> Link:
    status = live.get("status") or {}
    scheduled = _condition(status, "PodScheduled")
    if scheduled.get("status") == "False":
        says = str(scheduled.get("message") or "waits for a node")
        causes = tuple(_claims(live, around)) or _newest(live, says, around)
        since = str(scheduled.get("lastTransitionTime") or "")
        hint = "" if causes else _NO_NODE
        return Link(what, f"has no node: {says}", since, causes, hint)
    containers = [link for each in _statuses(status) if (link := _container(each, live, around))]
    if containers:
        phase = str(status.get("phase") or "Pending").lower()
        return Link(what, phase, _since(live), tuple(containers))
    node = str((live.get("spec") or {}).get("nodeName") or "")
    says = str(status.get("message") or status.get("reason") or "")
    if not says and not _statuses(status):
        says = f"was given to node {node} and is not started" if node else "waits for a node"
    causes = (*_machine(node, around), *_newest(live, says, around))
    return Link(what, says or _slow(status), str(status.get("startTime") or ""), causes)


def _slow(status: Mapping[str, Any]) -> str:
    waiting = [
        str(each.get("name"))
        for each in _statuses(status)
        if ((each.get("state") or {}).get("waiting") or {}).get("reason") in _PROGRESS
    ]
    return f"is starting ({', '.join(waiting)})" if waiting else "is not ready"


def _statuses(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    ]


def _container(each: Mapping[str, Any], pod: Manifest, around: Surroundings) -> Link | None:
    """What keeps one container from being ready; None for one that is, or has done its work."""
    name, now = str(each.get("name")), each.get("state") or {}
    waiting, running, ended = (now.get(key) or {} for key in ("waiting", "running", "terminated"))
    last = (each.get("lastState") or {}).get("terminated") or {}
    reason = str(waiting.get("reason") or "")
    since = str(running.get("startedAt") or ended.get("finishedAt") or last.get("finishedAt") or "")
    if reason in _PROGRESS or (ended and not ended.get("exitCode")):
        return None
    if waiting:
        says = f"{reason}: {waiting['message']}" if waiting.get("message") else reason
    elif ended:
        says = _ending(ended)
    elif now.get("running") is not None and not each.get("ready"):
        says = "runs and is not ready"
    else:
        return None
    causes = []
    if last and (waiting or running):
        restarts = f", restarted {each.get('restartCount') or 0} times"
        finished = str(last.get("finishedAt") or "")
        causes.append(Link("last run", f"{_ending(last)}{restarts}", finished))
    causes += _newest(pod, says, around)
    hint = _ADVICE.get(reason, "")
    if not hint and _STARTLESS not in (ended.get("reason"), last.get("reason")) and (ended or last):
        hint = f"what it wrote: `{around.logs} --container {name}`"
    return Link(f"container {name}", says, since, tuple(causes), hint)


def _ending(ended: Mapping[str, Any]) -> str:
    reason = str(ended.get("reason") or "")
    reason = "" if reason == _ENDED else f" ({reason})"
    said = f": {' '.join(str(ended['message']).split())}" if ended.get("message") else ""
    return f"ended with exit code {ended.get('exitCode')}{reason}{said}"


def _claims(pod: Manifest, around: Surroundings) -> Iterator[Link]:
    """The claims of a pod that have no volume yet."""
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    wanted = {(each.get("persistentVolumeClaim") or {}).get("claimName") for each in volumes}
    found = {manifests.key(claim).name: claim for claim in around.claims}
    for name in sorted(name for name in wanted if name):
        claim = found.get(name)
        if claim is None:
            yield Link(f"PersistentVolumeClaim {name}", "is not there")
        elif (phase := (claim.get("status") or {}).get("phase")) != "Bound":
            says = f"is {str(phase or 'Pending').lower()}"
            if storage := (claim.get("spec") or {}).get("storageClassName"):
                says += f" (storage class {storage})"
            yield Link(f"PersistentVolumeClaim {name}", says, "", _newest(claim, says, around))


def _machine(name: str, around: Surroundings) -> Iterator[Link]:
    """The node a pod is bound to, when it does not work."""
    for node in around.nodes:
        ready = _condition(node.get("status") or {}, "Ready")
        if manifests.key(node).name == name and ready.get("status") != "True":
            says = f"is not ready: {ready.get('message') or ready.get('reason') or 'no word of it'}"
            yield Link(f"Node {name}", says, str(ready.get("lastTransitionTime") or ""))


def leaving(live: Manifest, around: Surroundings) -> Link:
    """What holds an object that is being deleted: its finalizers, and who set them."""
    meta, key = manifests.metadata(live), manifests.key(live)
    what, since = f"{key.kind} {key.name}", str(meta.get("deletionTimestamp") or "")
    holders = tuple(_finalizer(name, live) for name in meta.get("finalizers") or ())
    if key.group == conf.GROUP and (why := conf.Configuration(live).undestroyed):
        return Link(what, f"cannot be destroyed: {why}", since, (), _undestroyed(key))
    if key.group == conf.GROUP and (said := conf.Configuration(live).parting):
        return Link(what, f"is being deleted: {said}", since)
    if holders:
        return Link(what, "is being deleted", since, (*holders, *_newest(live, "", around)))
    left = [
        Link("condition", str(condition.get("message")), condition.get("lastTransitionTime") or "")
        for condition in (live.get("status") or {}).get("conditions") or ()
        if condition.get("status") == "True" and condition.get("message")
    ]  # a namespace says what is left in it
    if key.kind == "Namespace" and left:
        return Link(what, "is being deleted", since, tuple(left))
    if key.kind == "Pod":
        node = str((live.get("spec") or {}).get("nodeName") or "")
        late = since and clock.parse(since) < around.now
        says = "is being stopped" if not late else "should have stopped by now"
        return Link(what, says, since, (*_machine(node, around), *_newest(live, "", around)))
    return Link(what, "is being deleted", since, _newest(live, "", around))


def _finalizer(name: str, live: Manifest) -> Link:
    key = manifests.key(live)
    says = "keeps it until whoever set it has cleaned up"
    if by := _setter(name, live):
        says += f"; set by {by}"
    place = f" -n {key.namespace}" if key.namespace else ""
    kind = f"{key.kind}.{key.group}" if key.group else key.kind
    command = (
        f"kubectl patch {kind} {key.name}{place} --type=merge "
        """-p '{"metadata":{"finalizers":null}}'"""
    )
    hint = _FINALIZERS.get(
        name,
        f"see why the owner of {name} does not answer; if it is gone for good, `{command}` lets go "
        "of the object, and what the finalizer protects stays behind",
    )
    return Link(f"finalizer {name}", says, "", (), hint)


def _undestroyed(key: Key) -> str:
    kind, place = f"{key.kind}.{key.group}", f"-n {key.namespace}"
    command = (
        f"kubectl patch {kind} {key.name} {place} --type=merge "
        """-p '{"spec":{"forceDelete":true}}'"""
    )
    return (
        f"mend the cause, in the cloud or by `kubectl edit {kind} {key.name} {place}`: it is tried "
        f"again; `{command}` lets go of it, and leaves what it has brought"
    )


def _setter(name: str, live: Manifest) -> str:
    """The field manager that set a finalizer, where the API server still knows."""
    for entry in manifests.metadata(live).get("managedFields") or ():
        owned = ((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get("f:finalizers") or {}
        if f'v:"{name}"' in owned:
            return str(entry.get("manager") or "")
    return ""


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    found = status.get("conditions") or ()
    return next((each for each in found if each.get("type") == kind), {})


_NO_NODE = "make room, change what the pod asks for, or add a node"
_IMAGE = "check the name and the tag of the image, and whether the registry wants a login"
_ADVICE = {
    "ImagePullBackOff": _IMAGE,
    "ErrImagePull": _IMAGE,
    "InvalidImageName": "an image is named like registry/name:tag",
    "CreateContainerConfigError": "what it refers to (a Secret, a ConfigMap, a key) must be there",
}
_FINALIZERS = {
    "kubernetes.io/pvc-protection": "it goes when no pod uses the claim any more",
    "kubernetes.io/pv-protection": "it goes when no claim is bound to the volume any more",
    "foregroundDeletion": "it goes when everything it made is gone",
    "orphan": "the garbage collection of Kubernetes takes it off in a moment",
}
