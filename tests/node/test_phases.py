"""The status of a pod from the states of its containers."""

from __future__ import annotations

import pytest

from lateen.node import phases
from lateen.node.drivers import Attempt, Phase
from lateen.node.phases import View, Waiting
from tests.node.test_planning import NOW, exited, pod, running


def status(the_pod, *attempts, **view):
    return phases.status(the_pod, View(attempts, now=NOW, streaks={"a": 2}, **view))


def conditions(found):
    return {c["type"]: c["status"] for c in found["conditions"]}


@pytest.mark.parametrize(
    ("the_pod", "attempts", "expected"),
    [
        pytest.param(pod(), [], "Pending", id="nothing has started"),
        pytest.param(pod(), [running()], "Running", id="it runs"),
        pytest.param(pod(mains=("a", "b")), [running()], "Pending", id="one has yet to start"),
        pytest.param(pod(), [exited(code=1)], "Running", id="waiting to restart is running"),
        pytest.param(pod("Never"), [exited()], "Succeeded", id="all ended well"),
        pytest.param(pod("Never"), [exited(code=1)], "Failed", id="one failed for good"),
        pytest.param(pod("OnFailure"), [exited(code=1)], "Running", id="it is tried again"),
        pytest.param(
            pod("Never", mains=("a", "b")),
            [exited("a", code=1), running("b")],
            "Running",
            id="one left",
        ),
        pytest.param(pod(inits=("i",)), [running("i")], "Pending", id="initialising"),
        pytest.param(pod("Never", inits=("i",)), [exited("i", code=1)], "Failed", id="init failed"),
        pytest.param(
            pod("Never"), [exited(code=0, why="node")], "Failed", id="interrupted, whatever it says"
        ),
    ],
)
def test_phase(the_pod, attempts, expected):
    assert status(the_pod, *attempts)["phase"] == expected


def test_a_running_container():
    found = status(pod(), running(number=2), ready=frozenset("a"), started=frozenset("a"))
    [container] = found["containerStatuses"]
    assert container["state"] == {"running": {"startedAt": "1970-01-01T00:16:35Z"}}
    assert (container["ready"], container["started"], container["restartCount"]) == (True, True, 2)
    assert container["containerID"] == "process://u/a/2"
    assert set(conditions(found).values()) == {"True"}


def test_a_container_that_waits_to_restart():
    [container] = status(pod(), exited(number=3, code=7))["containerStatuses"]
    assert container["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert container["state"]["waiting"]["message"].startswith("starts again 2 s after")
    assert container["lastState"]["terminated"]["exitCode"] == 7
    assert container["restartCount"] == 3


def test_a_restarted_container_remembers_how_the_last_one_ended():
    [container] = status(pod(), exited(number=0, code=7), running(number=1))["containerStatuses"]
    assert container["lastState"]["terminated"]["exitCode"] == 7


def test_a_command_that_is_not_there():
    failed = Attempt("a", 0, Phase.FAILED, finished=NOW, exit_code=127, message="cannot run x")
    [container] = status(pod("Never"), failed)["containerStatuses"]
    terminated = container["state"]["terminated"]
    assert (terminated["reason"], terminated["exitCode"]) == ("StartError", 127)
    assert terminated["message"] == "cannot run x"


def test_what_holds_up_a_container_is_told():
    waiting = Waiting("CreateContainerConfigError", "Secret s has no key k")
    [container] = status(pod(), problems={"a": waiting})["containerStatuses"]
    assert container["state"]["waiting"] == {
        "reason": "CreateContainerConfigError",
        "message": "Secret s has no key k",
    }


def test_what_holds_up_the_pod_is_told_for_every_container():
    found = status(pod(mains=("a", "b")), problems={"": Waiting("NoContainerEngine")})
    reasons = [c["state"]["waiting"]["reason"] for c in found["containerStatuses"]]
    assert reasons == ["NoContainerEngine"] * 2


def test_conditions_keep_their_time_and_those_of_others():
    the_pod = pod()
    the_pod["status"] = {
        "conditions": [
            {"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z"},
            {"type": "example.com/gate", "status": "True"},
        ]
    }
    found = {c["type"]: c for c in status(the_pod, running())["conditions"]}
    assert found["Ready"]["lastTransitionTime"] == "2026-01-01T00:00:00Z"
    assert found["Initialized"]["lastTransitionTime"] == "1970-01-01T00:16:40Z"
    assert found["example.com/gate"]["status"] == "True"


def test_a_readiness_gate_holds_back_ready_but_not_its_containers():
    the_pod = pod()
    the_pod["spec"]["readinessGates"] = [{"conditionType": "example.com/gate"}]
    found = conditions(status(the_pod, running(), ready=frozenset("a")))
    assert (found["ContainersReady"], found["Ready"]) == ("True", "False")


def test_limits_and_a_network_that_are_less_than_declared_are_told():
    the_pod = pod()
    the_pod["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "1", "memory": "1Gi"}}
    found = status(the_pod, running(), held=frozenset({"memory"}), alone="for a reason")
    told = {c["type"]: c for c in found["conditions"] if c["type"].startswith("lateen.dev/")}
    assert told["lateen.dev/Limited"]["status"] == "False"
    assert "cpu of a:" in told["lateen.dev/Limited"]["message"]
    assert told["lateen.dev/Networked"]["message"] == "for a reason"
    whole = status(the_pod, running())
    assert conditions(whole)["lateen.dev/Limited"] == "True"
    assert "lateen.dev/Networked" not in conditions(whole)
    later = status({**the_pod, "status": found}, running())  # with another node
    assert conditions(later)["lateen.dev/Networked"] == "True"


def test_a_pod_deleted_before_it_ran_has_failed():
    the_pod = pod()
    the_pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert status(the_pod)["phase"] == "Failed"


def test_the_status_of_the_same_facts_is_the_same():
    the_pod = pod(inits=("i",))
    facts = (exited("i"), exited(code=1))
    the_pod["status"] = status(the_pod, *facts)
    later = View(facts, now=NOW + 60, streaks={"a": 2})
    assert phases.status(the_pod, later) == the_pod["status"]
