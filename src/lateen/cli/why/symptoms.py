"""What is the matter with a live object, and with what it made: down to the event of a pod. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lateen.api import manifest as manifests
from lateen.api.manifest import Manifest
from lateen.cli import chronicles, trees
from lateen.cli.chronicles import Event
from lateen.cli.why import causes
from lateen.cli.why.causes import Cause
from lateen.cli.why.evidence import Evidence, Spot

_IMAGE = frozenset({"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull"})
_CONFIG = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_BEGINNING = frozenset({"", "ContainerCreating", "PodInitializing"})
# it says only that it was tried again; what went wrong is in another one
_ECHO = frozenset({"BackOff", "Killing", "Pulling"})
_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"})


def of(node: trees.Node, evidence: Evidence) -> Cause | None:
    """What is wrong with an object or below it; None where nothing is."""
    if node.live is None:
        return _absent(node)
    below = causes.alike(filter(None, (of(child, evidence) for child in node.children)))
    if node.key.kind == "Pod":
        own = tuple(_pod(node.live, evidence)) if not node.healthy else ()
    else:
        own = tuple(_object(node.live, evidence)) if not (below and node.children) else ()
    found = (*below, *own)
    if not found and node.healthy:
        return None
    what = f"{node.key.kind} {node.key.name}"
    return Cause(what, _verdict(node), f"{node.key.kind.lower()}.unhealthy", below=found)


def _absent(node: trees.Node) -> Cause | None:
    if node.healthy:  # in a cluster that is not read from here
        return None
    return Cause(
        f"{node.key.kind} {node.key.name}",
        "it is not there: it was not applied yet, or somebody deleted it",
        "object.missing",
        ("`lateen status NAME` shows whether it will be put back",),
    )


def _verdict(node: trees.Node) -> str:
    if node.message:
        return node.message
    status = (node.live or {}).get("status") or {}
    spec = (node.live or {}).get("spec") or {}
    if node.key.kind in ("Deployment", "StatefulSet"):
        return f"{status.get('readyReplicas') or 0} of {spec.get('replicas', 1)} ready"
    return "it is not as it should be"


def silent(nodes: Sequence[trees.Node]) -> Iterator[tuple[Spot, bool]]:
    """The containers whose last words explain something, and whether they are of the run before."""
    for pod in trees.pods(nodes):
        if pod.live is None or pod.healthy:
            continue
        for status, _ in _containers(pod.live):
            state = status.get("state") or {}
            if (state.get("terminated") or {}).get("exitCode"):
                yield (pod.key.namespace, pod.key.name, str(status.get("name"))), False
            elif _ended(status):
                yield (pod.key.namespace, pod.key.name, str(status.get("name"))), True


def _containers(pod: Manifest) -> Iterator[tuple[Mapping[str, Any], bool]]:
    """Statuses of containers and whether each is an init container, in the order they start."""
    status = pod.get("status") or {}
    for each in status.get("initContainerStatuses") or ():
        yield each, True
    for each in status.get("containerStatuses") or ():
        yield each, False


def _ended(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """How a container ended last, if it has."""
    now = (status.get("state") or {}).get("terminated")
    return now or (status.get("lastState") or {}).get("terminated") or {}


# ---- pods ----


def _pod(pod: Manifest, evidence: Evidence) -> Iterator[Cause]:
    status, meta = pod.get("status") or {}, manifests.metadata(pod)
    events = _warnings(pod, evidence)
    if meta.get("deletionTimestamp"):
        yield Cause(
            f"Pod {meta['name']}", "it is being deleted and ends its containers", "pod.ending"
        )
        return
    if status.get("reason") == "Evicted":
        yield Cause(
            "eviction", str(status.get("message") or "it was evicted"), "pod.evicted", _ROOM
        )
        return
    scheduled = _condition(status, "PodScheduled")
    if scheduled.get("status") == "False":
        yield _unscheduled(scheduled)
        return
    named = [_container(each, init, pod, events, evidence) for each, init in _containers(pod)]
    found = [cause for cause in named if cause is not None]
    yield from found
    if found:
        return
    whole = [event for event in events if not event.container]
    if whole:
        yield _event(whole[-1])
    elif not status.get("containerStatuses"):
        yield _not_started(pod, status)
    elif status.get("message"):
        yield Cause("the node", str(status["message"]), "pod.node")


_ROOM = (
    "give it less to ask for (`cpu`, `memory`, volumes), or make room on the nodes: "
    "`kubectl describe nodes`",
)


def _unscheduled(condition: Mapping[str, Any]) -> Cause:
    message = str(condition.get("message") or "no node takes it")
    hints = _ROOM
    if "persistentvolumeclaim" in message.lower():
        hints = ("its claim has no volume yet: `kubectl describe pvc`",)
    elif "taint" in message or "affinity" in message or "selector" in message:
        hints = ("it asks for nodes there are none of; see its affinity and tolerations", *hints)
    return Cause("scheduler", message, "pod.unschedulable", hints, _time(condition))


def _not_started(pod: Manifest, status: Mapping[str, Any]) -> Cause:
    node = (pod.get("spec") or {}).get("nodeName")
    if not node:
        return Cause(
            "scheduler",
            "it has not looked at this pod yet",
            "pod.unseen",
            ("is the scheduler running? `lateen server status`",),
        )
    return Cause(
        f"node {node}",
        str(status.get("message") or "it has not started the pod yet"),
        "pod.node",
        (f"is the node alive? `kubectl describe node {node}`, `lateen server logs node`",),
    )


def _container(
    status: Mapping[str, Any],
    init: bool,
    pod: Manifest,
    events: Sequence[Event],
    evidence: Evidence,
) -> Cause | None:
    """What keeps one container from its work; None when it does it, or waits for another."""
    state = status.get("state") or {}
    name = str(status.get("name") or "")
    what = f"{'init container' if init else 'container'} {name}"
    own = [event for event in events if event.container == name]
    waiting = state.get("waiting") or {}
    reason = str(waiting.get("reason") or "")
    if "waiting" in state and reason in _BEGINNING:
        return None
    if reason in _IMAGE:
        kind, hints = "pod.image", _image_hints(status)
    elif reason in _CONFIG:
        kind, hints = "pod.config", (_CONFIG_HINT,)
    elif reason and reason != "CrashLoopBackOff":
        kind, hints = "pod.waiting", ()
    elif reason or (state.get("terminated") or {}).get("exitCode"):
        return _crashed(what, status, pod, evidence)
    elif init or status.get("ready") or "terminated" in state:
        return None
    else:
        return _unready(what, status, pod, own, evidence)
    said = ": ".join(filter(None, (reason, str(waiting.get("message") or ""))))
    return Cause(what, said, kind, hints).over(_newest(own, said))


_CONFIG_HINT = "a ConfigMap, Secret or key that it names is not there, or it cannot be started so"


def _image_hints(status: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        f"check the name and tag of `image: {status.get('image')}`, that the registry can be "
        "reached, and for a private one `imagePullSecrets`",
    )


def _crashed(what: str, status: Mapping[str, Any], pod: Manifest, evidence: Evidence) -> Cause:
    """A container that ended though it should not have."""
    ended, meta = _ended(status), manifests.metadata(pod)
    restarts = int(status.get("restartCount") or 0)
    again = f", started {restarts} times again" if restarts else ""
    where = f"-n {meta.get('namespace')} {meta.get('name')} -c {status.get('name')}"
    log = f"`kubectl logs {where}{' -p' if restarts else ''}` has all it wrote"
    reason, code = str(ended.get("reason") or ""), ended.get("exitCode")
    if reason == "OOMKilled":
        kind, said = "container.memory", "it used more memory than it may (OOMKilled)"
        hints: tuple[str, ...] = ("give it more `memory`, or let it need less",)
    elif code in (126, 127):
        kind, said = "container.command", f"exit code {code}: its command cannot be run"
        hints = ("check `cmd` and `args`: is that program in the image?", log)
    else:
        kind, said = "container.exit", f"exit code {code}" if code is not None else "it ended"
        hints = (f"it ended by itself: mend what it says; {log}",)
    message = str(ended.get("message") or "")
    line = evidence.logs.get((str(meta.get("namespace")), str(meta.get("name")), what.split()[-1]))
    cause = Cause(what, f"{said}{again}", kind, hints, str(ended.get("finishedAt") or ""))
    last = line or (message.strip().splitlines() or [""])[-1]
    if not last:
        return cause
    return cause.over([Cause("its last line", last, "container.log")])


def _unready(
    what: str,
    status: Mapping[str, Any],
    pod: Manifest,
    events: Sequence[Event],
    evidence: Evidence,
) -> Cause:
    """A container that runs and is not ready; it may have crashed a moment ago."""
    failed = [event for event in events if event.reason == "Unhealthy"]
    if _ended(status).get("exitCode") and not failed:
        return _crashed(what, status, pod, evidence)
    name = status.get("name")
    spec = next(
        (c for c in (pod.get("spec") or {}).get("containers") or () if c.get("name") == name), {}
    )
    probe = next((p for p in ("startupProbe", "readinessProbe") if spec.get(p)), "")
    said = "it runs, but does not say that it is ready" if probe else "it runs for a moment only"
    hints = (f"check its `{probe}`: path, port, and how long it takes to start",) if probe else ()
    return Cause(what, said, "container.probe", hints).over(_newest(failed or events, said))


# ---- other objects ----


def _object(live: Manifest, evidence: Evidence) -> Iterator[Cause]:
    """What an object says of itself; for one that made nothing, or is not well on its own."""
    spec, status = live.get("spec") or {}, live.get("status") or {}
    kind = str(live.get("kind"))
    generation = int(manifests.metadata(live).get("generation") or 0)
    said = list(_failed_conditions(status))
    # what it made says more than that it is late
    if kind in _WORKLOADS and spec.get("paused"):
        yield Cause("rollout", "it is paused", "object.paused", ("`kubectl rollout resume`",))
    elif kind == "CronJob" and spec.get("suspend"):
        yield Cause("schedule", "it is suspended", "object.paused", ("set `suspend: false`",))
    elif kind in _WORKLOADS and int(status.get("observedGeneration") or 0) < generation:
        if kind != "Job":
            yield Cause(
                "its controller",
                "it has not looked at the latest change yet",
                "object.unseen",
                ("is the controller manager running? `lateen server status`",),
            )
    events = _warnings(live, evidence)
    unwell = said or kind in _WORKLOADS or not trees.health.health_of(live)[0]
    yield from said
    if unwell and events and not any(events[-1].message in cause.why for cause in said):
        yield _event(events[-1])


_GOOD_WHEN_FALSE = frozenset({"ReplicaFailure", "Failed", "FailureTarget", "Stalled", "Degraded"})
_GOOD_WHEN_TRUE = frozenset({"Ready", "Progressing", "Synced", "Reconciled", "Established"})


def _failed_conditions(status: Mapping[str, Any]) -> Iterator[Cause]:
    conditions = status.get("conditions")
    for each in conditions if isinstance(conditions, list) else ():
        kind, verdict = str(each.get("type")), str(each.get("status"))
        bad = (kind in _GOOD_WHEN_FALSE and verdict == "True") or (
            kind in _GOOD_WHEN_TRUE and verdict == "False"
        )
        if bad:
            said = str(each.get("message") or each.get("reason") or verdict)
            yield Cause(f"condition {kind}", said, "object.condition", (), _time(each))


# ---- events ----


def _warnings(live: Manifest, evidence: Evidence) -> list[Event]:
    """Its warnings, the one that tells most last."""
    uid = manifests.metadata(live).get("uid")
    found = [
        event
        for event in evidence.events
        if event.type == chronicles.WARNING
        and (event.uid == uid or (not event.uid and event.about == manifests.key(live)))
    ]
    return sorted(found, key=lambda event: event.reason not in _ECHO)


def _newest(events: Sequence[Event], said: str) -> list[Cause]:
    """The event that tells more than was said already, if there is one."""
    telling = [event for event in events if event.reason not in _ECHO]
    return [_event(telling[-1])] if telling and telling[-1].message not in said else []


def _event(event: Event) -> Cause:
    return Cause(
        f"event {event.reason}",
        chronicles.told(event),
        f"event.{event.reason}",
        _EVENT_HINTS.get(event.reason, ()),
        event.when,
    )


_EVENT_HINTS: Mapping[str, tuple[str, ...]] = {
    "FailedMount": ("a volume cannot be mounted: is its ConfigMap, Secret or claim there?",),
    "FailedAttachVolume": ("the volume may still be attached to another node",),
    "FailedCreate": ("pods are refused: see quotas, service account and admission webhooks",),
    "NoContainerEngine": (
        "this node runs processes only: use a `process` component, or install Docker or Podman",
    ),
    "ProvisioningFailed": ("check the `storageClassName` of the claim",),
    "FailedBinding": ("no volume fits, and no storage class makes one",),
}


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    conditions = status.get("conditions") or ()
    return next((found for found in conditions if found.get("type") == kind), {})


def _time(condition: Mapping[str, Any]) -> str:
    return str(condition.get("lastTransitionTime") or "")
