"""What to do next for a pod: which containers to start, when to look again. Pure.

The first delays of a crash loop are shorter than kubelet's 10 s, as plain processes start at once:
1 s, doubling up to 5 minutes, forgotten after 10 minutes of running.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lateen.base.backoff import Backoff
from lateen.node.drivers import Attempt, Phase

BACKOFF = Backoff(first=1.0, factor=2.0, ceiling=300.0)
STEADY = 600.0  # seconds of running after which earlier failures do not count

Container = Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """`start` are (container, attempt number); `wake` is when to plan again, seconds since 1970,
    0 when only a change can matter. `finished`: nothing runs, and nothing will.
    """

    start: tuple[tuple[str, int], ...] = ()
    wake: float = 0.0
    finished: bool = False


def plan(
    pod: Mapping[str, Any],
    attempts: Sequence[Attempt],
    streaks: Mapping[str, int],
    now: float,
    started: Collection[str] = (),
) -> Plan:
    """The next step for a pod that is not being deleted.

    `streaks` counts how often each container ended in a row (see `streak`), `started` names those
    that run and whose startup probe, if any, has passed.
    """
    latest = last(attempts)
    _, mains = containers(pod)
    if done(pod, attempts):
        return Plan(finished=True)
    beside = [latest[name] for name in sidecars(pod) if name in latest and latest[name].ended]
    kept = _starts(beside, streaks, now)
    step = _initialise(pod, latest, streaks, now, started)
    if step is None:
        step = _run(pod, mains, latest, streaks, now)
    start = dict([*kept.start, *step.start])
    wakes = [wake for wake in (kept.wake, step.wake) if wake]
    return Plan(tuple(start.items()), min(wakes, default=0.0), step.finished)


def done(pod: Mapping[str, Any], attempts: Sequence[Attempt]) -> bool:
    """Whether all containers but sidecars have ended for good."""
    latest, policy = last(attempts), restart_policy(pod)
    _, mains = containers(pod)
    ended = [latest[c["name"]] for c in mains if c["name"] in latest and latest[c["name"]].ended]
    return len(ended) == len(mains) and not any(restarts(policy, each) for each in ended)


def _initialise(
    pod: Mapping[str, Any],
    latest: Mapping[str, Attempt],
    streaks: Mapping[str, int],
    now: float,
    started: Collection[str],
) -> Plan | None:
    """What is to be done before the containers proper can start; None when nothing is left."""
    policy = restart_policy(pod)
    inits, mains = containers(pod)
    begun = any(container["name"] in latest for container in mains)
    for container in inits:
        attempt = latest.get(container["name"])
        if attempt is None:
            return Plan(start=((container["name"], 0),))
        if is_sidecar(container):
            if not begun and container["name"] not in started:
                return Plan()
            continue
        if not attempt.ended:
            return Plan()
        if succeeded(attempt):
            continue
        if not restarts(init_policy(policy), attempt):
            return Plan(finished=True)
        return _starts([attempt], streaks, now)
    return None


def _run(
    pod: Mapping[str, Any],
    mains: Sequence[Container],
    latest: Mapping[str, Attempt],
    streaks: Mapping[str, int],
    now: float,
) -> Plan:
    policy = restart_policy(pod)
    fresh = tuple((c["name"], 0) for c in mains if c["name"] not in latest)
    ended = [latest[c["name"]] for c in mains if c["name"] in latest and latest[c["name"]].ended]
    due = _starts([a for a in ended if restarts(policy, a)], streaks, now)
    return Plan(start=fresh + due.start, wake=due.wake)


def _starts(ended: Iterable[Attempt], streaks: Mapping[str, int], now: float) -> Plan:
    start: list[tuple[str, int]] = []
    wakes: list[float] = []
    for attempt in ended:
        when = due(attempt, streaks)
        if when <= now:
            start.append((attempt.container, attempt.number + 1))
        else:
            wakes.append(when)
    return Plan(start=tuple(start), wake=min(wakes, default=0.0))


def due(attempt: Attempt, streaks: Mapping[str, int]) -> float:
    """When an attempt that ended is followed by the next, in seconds since 1970."""
    if attempt.interrupted:
        return attempt.finished
    return attempt.finished + BACKOFF.delay(streaks.get(attempt.container, 1))


def streak(before: int, attempt: Attempt) -> int:
    """How often a container has ended in a row, with this attempt."""
    if attempt.interrupted:
        return before
    steady = attempt.started and attempt.finished - attempt.started >= STEADY
    return 1 if steady else before + 1


def restarts(policy: str, attempt: Attempt) -> bool:
    """Whether an ended attempt is to be followed by another.

    With `Never` not even one that was interrupted: the process may have done half of its work.
    """
    if policy == "Never":
        return False
    return policy == "Always" or not succeeded(attempt)


def succeeded(attempt: Attempt) -> bool:
    return attempt.phase is Phase.EXITED and attempt.exit_code == 0 and not attempt.interrupted


def init_policy(policy: str) -> str:
    """Init processes are started again until they succeed once."""
    return "Never" if policy == "Never" else "OnFailure"


def last(attempts: Iterable[Attempt]) -> dict[str, Attempt]:
    """The latest attempt of each container."""
    latest: dict[str, Attempt] = {}
    for attempt in attempts:
        if attempt.number >= latest.get(attempt.container, attempt).number:
            latest[attempt.container] = attempt
    return latest


def restart_policy(pod: Mapping[str, Any]) -> str:
    return str((pod.get("spec") or {}).get("restartPolicy") or "Always")


def is_sidecar(container: Mapping[str, Any]) -> bool:
    """Whether an init container goes on beside the others, as its own restart policy says."""
    return container.get("restartPolicy") == "Always"


def sidecars(pod: Mapping[str, Any]) -> list[str]:
    return [str(each["name"]) for each in containers(pod)[0] if is_sidecar(each)]


PROCESS = "process"  # the runtime class


def is_process(pod: Mapping[str, Any]) -> bool:
    return (pod.get("spec") or {}).get("runtimeClassName") == PROCESS


def containers(pod: Mapping[str, Any]) -> tuple[list[Container], list[Container]]:
    """(init containers, containers)."""
    spec = pod.get("spec") or {}
    return list(spec.get("initContainers") or ()), list(spec.get("containers") or ())
