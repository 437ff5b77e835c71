"""What is started next, and when."""

from __future__ import annotations

import pytest

from lateen.node import planning
from lateen.node.drivers import Attempt, Phase
from lateen.node.planning import Plan

NOW = 1000.0


def pod(policy="Always", inits=(), mains=("a",)):
    return {
        "metadata": {"uid": "u"},
        "spec": {
            "restartPolicy": policy,
            "initContainers": [{"name": name} for name in inits],
            "containers": [{"name": name} for name in mains],
        },
    }


def running(name="a", number=0):
    return Attempt(name, number, Phase.RUNNING, started=NOW - 5)


def exited(name="a", number=0, code=0, finished=NOW, why=""):
    return Attempt(
        name,
        number,
        Phase.EXITED,
        started=finished - 5,
        finished=finished,
        exit_code=code,
        stopped_for=why,
    )


@pytest.mark.parametrize(
    ("the_pod", "attempts", "expected"),
    [
        pytest.param(pod(), [], Plan(start=(("a", 0),)), id="a new pod is started"),
        pytest.param(pod(), [running()], Plan(), id="what runs is left alone"),
        pytest.param(
            pod(mains=("a", "b")), [running()], Plan(start=(("b", 0),)), id="all containers start"
        ),
        pytest.param(
            pod(inits=("i", "j")), [], Plan(start=(("i", 0),)), id="init containers come first"
        ),
        pytest.param(
            pod(inits=("i", "j")), [exited("i")], Plan(start=(("j", 0),)), id="and in their order"
        ),
        pytest.param(
            pod(inits=("i",)), [exited("i")], Plan(start=(("a", 0),)), id="then the containers"
        ),
        pytest.param(
            pod("Never", inits=("i",)),
            [exited("i", code=1)],
            Plan(finished=True),
            id="a failed init container ends a pod that never restarts",
        ),
        pytest.param(
            pod(inits=("i",)),
            [exited("i", code=1)],
            Plan(wake=NOW + 1),
            id="a failed init container is tried again",
        ),
        pytest.param(pod(), [exited()], Plan(wake=NOW + 1), id="Always: success restarts, later"),
        pytest.param(
            pod(), [exited(finished=NOW - 1)], Plan(start=(("a", 1),)), id="when the delay is over"
        ),
        pytest.param(
            pod("OnFailure"), [exited()], Plan(finished=True), id="OnFailure: success ends"
        ),
        pytest.param(
            pod("OnFailure"), [exited(code=1)], Plan(wake=NOW + 1), id="OnFailure: failure restarts"
        ),
        pytest.param(pod("Never"), [exited(code=1)], Plan(finished=True), id="Never: all ends"),
        pytest.param(
            pod("Never", mains=("a", "b")),
            [exited("a"), running("b")],
            Plan(),
            id="a pod ends with its last container",
        ),
        pytest.param(
            pod("OnFailure"),
            [exited(why="node")],
            Plan(start=(("a", 1),)),
            id="what the node interrupted is started at once, though it said success",
        ),
        pytest.param(
            pod("Never"),
            [exited(code=137, why="lost")],
            Plan(finished=True),
            id="Never: not even when interrupted, half of its work may be done",
        ),
    ],
)
def test_plan(the_pod, attempts, expected):
    assert planning.plan(the_pod, attempts, {"a": 1, "i": 1}, NOW) == expected


@pytest.mark.parametrize(
    ("streak", "delay"), [(1, 1), (2, 2), (5, 16), (9, 256), (10, 300), (1000, 300)]
)
def test_delays_double_up_to_five_minutes(streak, delay):
    assert planning.due(exited(code=1), {"a": streak}) == NOW + delay


def test_ten_steady_minutes_forget_earlier_failures():
    long = Attempt("a", 7, Phase.EXITED, started=1.0, finished=601.0, exit_code=1)
    assert planning.streak(7, long) == 1
    assert planning.streak(7, exited(number=7, code=1)) == 8


def test_an_interruption_is_no_failure():
    assert planning.streak(3, exited(why="node")) == 3


def with_sidecar(policy="Always"):
    """Init containers i, then s beside the others, then j."""
    made = pod(policy, inits=("i", "s", "j"))
    made["spec"]["initContainers"][1]["restartPolicy"] = "Always"
    return made


FIRST, THIRD = exited("i"), exited("j")


@pytest.mark.parametrize(
    ("the_pod", "attempts", "started", "expected"),
    [
        pytest.param(
            with_sidecar(), [FIRST], [], Plan(start=(("s", 0),)), id="it starts in its turn"
        ),
        pytest.param(
            with_sidecar(), [FIRST, running("s")], [], Plan(), id="others wait for its start"
        ),
        pytest.param(
            with_sidecar(),
            [FIRST, running("s")],
            ["s"],
            Plan(start=(("j", 0),)),
            id="not for its end",
        ),
        pytest.param(
            with_sidecar(),
            [FIRST, running("s"), THIRD],
            ["s"],
            Plan(start=(("a", 0),)),
            id="then the rest",
        ),
        pytest.param(
            with_sidecar("Never"),
            [FIRST, exited("s", finished=NOW - 1), THIRD, running()],
            [],
            Plan(start=(("s", 1),)),
            id="it is started again, whatever the pod says",
        ),
        pytest.param(
            with_sidecar(),
            [FIRST, exited("s", finished=NOW - 1)],
            [],
            Plan(start=(("s", 1),)),
            id="also before the rest",
        ),
        pytest.param(
            with_sidecar(),
            [FIRST, exited("s"), THIRD],
            [],
            Plan(wake=NOW + 1),
            id="when its delay is over",
        ),
        pytest.param(
            with_sidecar("Never"),
            [FIRST, running("s"), THIRD, exited()],
            ["s"],
            Plan(finished=True),
            id="it holds up no end",
        ),
        pytest.param(
            with_sidecar("OnFailure"),
            [FIRST, exited("s", finished=NOW - 9), THIRD, exited()],
            [],
            Plan(finished=True),
            id="and is not started after it",
        ),
        pytest.param(
            with_sidecar(),
            [FIRST, exited("s", finished=NOW - 1), THIRD, exited(finished=NOW - 1)],
            [],
            Plan(start=(("s", 1), ("a", 1))),
            id="both at once",
        ),
    ],
)
def test_a_sidecar(the_pod, attempts, started, expected):
    streaks = {"a": 1, "s": 1}
    assert planning.plan(the_pod, attempts, streaks, NOW, started) == expected
