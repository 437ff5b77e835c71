"""The status of a pod from the states of its containers. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lateen.base import clock
from lateen.node import limiting, planning
from lateen.node.drivers import Attempt, Phase
from lateen.node.planning import Container

Status = dict[str, Any]

_COMPLETED = "Completed"
ISOLATED = "lateen.dev/Isolated"
LIMITED = "lateen.dev/Limited"
NETWORKED = "lateen.dev/Networked"


@dataclass(frozen=True)
class Waiting:
    """Why a container does not run."""

    reason: str
    message: str = ""


_CREATING = Waiting("ContainerCreating")


@dataclass(frozen=True)
class View:
    """What is known of a pod at one moment. `now` is in seconds since 1970.

    `ready` and `started` name the containers whose probes say so; `problems` those that cannot be
    started, or under the name "" what holds up the whole pod. `unisolated` says why its processes
    are not isolated: empty when they are, None where there are none. `held` are the kinds of limits
    that hold, `alone` is why it reaches no other pods, empty when it does.
    """

    attempts: Sequence[Attempt] = ()
    problems: Mapping[str, Waiting] = field(default_factory=dict)
    ready: frozenset[str] = frozenset()
    started: frozenset[str] = frozenset()
    streaks: Mapping[str, int] = field(default_factory=dict)
    address: str = ""
    host: str = "127.0.0.1"
    unisolated: str | None = None
    held: frozenset[str] = limiting.ALL
    alone: str = ""
    now: float = 0.0


def status(pod: Mapping[str, Any], view: View) -> Status:
    """The pod's status: what the node answers for, and conditions of others as they are."""
    inits, mains = planning.containers(pod)
    deleting = bool((pod.get("metadata") or {}).get("deletionTimestamp"))
    policy = planning.restart_policy(pod)
    initialised = _initialised(inits, mains, view)
    main_policy = "Never" if deleting else policy
    init_policy = planning.init_policy(main_policy)
    holding = Waiting("PodInitializing") if inits and not initialised else None
    statuses = [_container(c, pod, view, main_policy, holding) for c in mains]
    beside_policy = "Never" if deleting or planning.done(pod, view.attempts) else "Always"
    init_statuses = [
        _container(c, pod, view, beside_policy, None)
        if planning.is_sidecar(c)
        else _container(c, pod, view, init_policy, None, init=True)
        for c in inits
    ]
    sidecars = planning.sidecars(pod)
    beside = [found for found in init_statuses if found["name"] in sidecars]
    proper = [found for found in init_statuses if found["name"] not in sidecars]
    opening = [*proper, *({**b, "ready": initialised or b["started"]} for b in beside)]
    phase = _phase(proper, statuses, main_policy, beside)
    if deleting and phase == "Pending" and all(a.ended for a in view.attempts):
        phase = "Failed"  # it will never run: a Job counts on hearing so
    built: Status = {
        "phase": phase,
        "conditions": _conditions(pod, phase, opening, [*beside, *statuses], view),
        "hostIP": view.host,
        "hostIPs": [{"ip": view.host}],
        "startTime": (pod.get("status") or {}).get("startTime") or moment(view.now),
        "containerStatuses": statuses,
        **_explanation(phase, policy, view.attempts, deleting),
    }
    if inits:
        built["initContainerStatuses"] = init_statuses
    if view.address:
        built |= {"podIP": view.address, "podIPs": [{"ip": view.address}]}
    return built


def moment(seconds: float) -> str:
    return clock.stamp(datetime.fromtimestamp(seconds, UTC))


def _initialised(inits: Sequence[Container], mains: Sequence[Container], view: View) -> bool:
    latest = planning.last(view.attempts)
    if any(c["name"] in latest for c in mains):
        return True
    return all(
        c["name"] in view.started
        if planning.is_sidecar(c)
        else c["name"] in latest and planning.succeeded(latest[c["name"]])
        for c in inits
    )


def _explanation(
    phase: str, policy: str, attempts: Sequence[Attempt], deleting: bool
) -> dict[str, str]:
    interrupted = any(a.interrupted for a in planning.last(attempts).values())
    if phase == "Failed" and policy == "Never" and interrupted and not deleting:
        message = "the node was stopped while the pod ran, and its restart policy is Never"
        return {"reason": "NodeShutdown", "message": message}
    return {}


def _container(
    container: Container,
    pod: Mapping[str, Any],
    view: View,
    policy: str,
    holding: Waiting | None,
    *,
    init: bool = False,
) -> Status:
    name = container["name"]
    mine = {a.number: a for a in view.attempts if a.container == name}
    attempt = mine[max(mine)] if mine else None
    waiting = view.problems.get(name) or view.problems.get("") or holding
    state, earlier = _state(attempt, pod, view, policy, waiting)
    last = attempt if earlier else mine.get(attempt.number - 1) if attempt else None
    running = "running" in state
    if init:
        ready = attempt is not None and planning.succeeded(attempt)
    else:
        ready = running and name in view.ready
    built: Status = {
        "name": name,
        "image": container.get("image", ""),
        "imageID": attempt.image if attempt else "",
        "state": state,
        "lastState": {"terminated": _terminated(last, pod)} if last and last.ended else {},
        "ready": ready,
        "started": running and (init or name in view.started),
        "restartCount": attempt.number if attempt else 0,
    }
    if attempt:
        built["containerID"] = _identity(attempt, pod)
    return built


def _state(
    attempt: Attempt | None,
    pod: Mapping[str, Any],
    view: View,
    policy: str,
    waiting: Waiting | None,
) -> tuple[Status, bool]:
    """The state of a container, and whether its latest attempt belongs to the last state."""
    if attempt is None or attempt.phase is Phase.STARTING:
        return _waiting(waiting or _CREATING), False
    if attempt.phase is Phase.RUNNING:
        return {"running": {"startedAt": moment(attempt.started)}}, False
    if not planning.restarts(policy, attempt):
        return {"terminated": _terminated(attempt, pod)}, False
    if waiting is None and not attempt.interrupted:
        delay = planning.due(attempt, view.streaks) - attempt.finished
        text = f"starts again {delay:g} s after its last end: {_ending(attempt)}"
        waiting = Waiting("CrashLoopBackOff", text)
    return _waiting(waiting or _CREATING), True


def _ending(attempt: Attempt) -> str:
    if attempt.stopped_for == "liveness":
        return "its liveness probe failed"
    return attempt.message or f"exit code {attempt.exit_code}"


def _waiting(waiting: Waiting) -> Status:
    built = {"reason": waiting.reason}
    if waiting.message:
        built["message"] = waiting.message
    return {"waiting": built}


def _terminated(attempt: Attempt, pod: Mapping[str, Any]) -> Status:
    reason = attempt.reason or (_COMPLETED if attempt.exit_code == 0 else "Error")
    message = attempt.message
    if attempt.phase is Phase.FAILED:
        reason = "StartError"
    elif attempt.stopped_for == "lost":
        reason = "ContainerStatusUnknown"
        message = "it was gone when the node looked for it"
    elif attempt.interrupted:
        reason = "NodeShutdown"  # also with exit code 0: it was not done
    built: Status = {
        "exitCode": attempt.exit_code,
        "reason": reason,
        "startedAt": moment(attempt.started),
        "finishedAt": moment(attempt.finished),
        "containerID": _identity(attempt, pod),
    }
    if attempt.signal:
        built["signal"] = attempt.signal
    if message:
        built["message"] = message
    return built


def _identity(attempt: Attempt, pod: Mapping[str, Any]) -> str:
    if attempt.identity:
        return attempt.identity
    return f"process://{pod['metadata']['uid']}/{attempt.container}/{attempt.number}"


def _phase(
    inits: Sequence[Status], mains: Sequence[Status], policy: str, beside: Sequence[Status]
) -> str:
    """As kubelet does it: Pending until every container has run once, and over when all but those
    beside have ended, and those then too.
    """
    for found in inits:
        ended = found["state"].get("terminated")
        if ended is None:
            return "Pending"
        if ended["reason"] != _COMPLETED:
            return "Failed" if policy == "Never" else "Pending"
    states = [found["state"] for found in mains]
    if any(
        "waiting" in s and not found["lastState"] for s, found in zip(states, mains, strict=True)
    ):
        return "Pending"
    if not all("terminated" in state for state in states):
        return "Running"
    if any("running" in found["state"] for found in beside):
        return "Running"
    failed = any(state["terminated"]["reason"] != _COMPLETED for state in states)
    return "Failed" if failed else "Succeeded"


def _conditions(
    pod: Mapping[str, Any],
    phase: str,
    inits: Sequence[Status],
    mains: Sequence[Status],
    view: View,
) -> list[Status]:
    before = {c["type"]: c for c in (pod.get("status") or {}).get("conditions") or ()}
    done = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(phase, "")
    open_inits = [found["name"] for found in inits if not found["ready"]]
    unready = [found["name"] for found in mains if not found["ready"]]
    gates = [gate["conditionType"] for gate in pod["spec"].get("readinessGates") or ()]
    shut = [gate for gate in gates if before.get(gate, {}).get("status") != "True"]
    contained = (
        (done, "")
        if done
        else ("ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]")
        if unready
        else None
    )
    gated = (
        ("ReadinessGatesNotReady", f"conditions that are not true: [{' '.join(shut)}]")
        if shut
        else None
    )
    incomplete = (
        ("ContainersNotInitialized", f"containers with incomplete status: [{' '.join(open_inits)}]")
        if open_inits and phase != "Succeeded"
        else None
    )
    found = {
        "PodScheduled": None,
        "Initialized": incomplete,
        "ContainersReady": contained,
        "Ready": contained or gated,
    }
    if view.unisolated is not None:
        found[ISOLATED] = ("NotIsolated", view.unisolated) if view.unisolated else None
    if (loose := limiting.missing(pod, view.held)) is not None:
        found[LIMITED] = ("NotLimited", loose) if loose else None
    if view.alone or NETWORKED in before:
        found[NETWORKED] = ("LoopbackNetwork", view.alone) if view.alone else None
    ours = [_condition(kind, why, before.get(kind), view.now) for kind, why in found.items()]
    return [*ours, *(c for kind, c in before.items() if kind not in found)]


def _condition(
    kind: str, why: tuple[str, str] | None, before: Mapping[str, Any] | None, now: float
) -> Status:
    """True, or False for a reason and a message; the time changes with the status only."""
    state = "False" if why else "True"
    same = before is not None and before.get("status") == state
    since = before.get("lastTransitionTime") if before and same else None
    built: Status = {
        "type": kind,
        "status": state,
        "lastProbeTime": None,  # as the server gives it back
        "lastTransitionTime": since or moment(now),
    }
    if why:
        built["reason"] = why[0]
        if why[1]:
            built["message"] = why[1]
    return built
