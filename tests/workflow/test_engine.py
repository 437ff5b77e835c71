"""One pass after another: order, failure, timeouts, groups (semantics E2, E3)."""

import anyio
import pytest

from lateen.base.problem import Problem
from lateen.workflow.ports import Result
from tests.fakes.workflow import Rig, application

pytestmark = pytest.mark.anyio

FAILURE = Result("failed", "Action", "no")
FINE = Result("succeeded")
BROKEN = Problem("x.y", "cannot")


def step(name, **fields):
    return {"name": name, "type": "script", **fields}


def rig(*steps, mode=None, sub=None, components=({"name": "web"},), **options):
    modes = {key: value for key, value in (("steps", mode), ("subSteps", sub)) if value}
    workflow = {"steps": list(steps), "mode": modes}
    return Rig(application(list(components), workflow=workflow), **options)


async def test_steps_run_one_by_one():
    flow = rig(step("a"), step("b"))
    progress = await flow.advance()
    assert (progress.state, flow.ran) == ("succeeded", ["a", "b"])
    assert flow.status == {
        "mode": "StepByStep-DAG",
        "startTime": "2026-01-01T00:00:00Z",
        "endTime": "2026-01-01T00:00:00Z",
        "status": "succeeded",
        "suspend": False,
        "terminated": False,
        "finished": True,
        "steps": [
            {
                "id": f"id{number}",
                "name": name,
                "type": "script",
                "phase": "succeeded",
                "firstExecuteTime": "2026-01-01T00:00:00Z",
                "lastExecuteTime": "2026-01-01T00:00:00Z",
            }
            for number, name in ((1, "a"), (2, "b"))
        ],
    }


async def test_a_pass_over_a_finished_workflow_changes_nothing():
    flow = rig(step("a"))
    before = (await flow.advance()).status
    flow.clock.pass_by(100)
    progress = await flow.advance()
    assert progress.status == before
    assert progress.next_after is None


async def test_a_running_step_holds_those_behind_it():
    flow = rig(step("a"), step("b"))
    flow.script["a"] = [Result("running", "Wait", "soon"), Result("succeeded")]
    progress = await flow.advance()
    assert (progress.state, progress.next_after) == ("executing", 1)
    assert flow.phases == {"a": "running"}
    assert (await flow.finish()).state == "succeeded"


async def test_a_pass_without_news_leaves_the_status_alone():
    flow = rig(step("a"))
    flow.script["a"] = [Result("running", "Wait", "soon")]
    before = (await flow.advance()).status
    flow.clock.pass_by(5)
    assert (await flow.advance()).status == before


async def test_the_caller_keeps_its_status():
    flow = rig(step("a"))
    flow.script["a"] = [Result("running")]
    await flow.advance()
    given = repr(flow.status)
    before = flow.status
    flow.script["a"] = [Result("succeeded")]
    await flow.advance()
    assert repr(before) == given


async def test_what_others_keep_in_the_status_survives():
    flow = rig(step("a"))
    flow.status = {"appRevision": "app-v1", "contextBackend": {"name": "cm"}}
    await flow.advance()
    assert flow.status["appRevision"] == "app-v1"
    assert flow.status["contextBackend"] == {"name": "cm"}


async def test_the_example_of_the_specification():
    flow = rig(
        step("s1"),
        step("s2"),
        step("s3", **{"if": "always"}),
        step("s4", dependsOn=["s3"]),
        step("s5", dependsOn=["s2"]),
    )
    flow.script["s1"] = [FAILURE]
    assert (await flow.finish()).state == "failed"
    assert flow.phases == {
        "s1": "failed",
        "s2": "skipped",
        "s3": "succeeded",
        "s4": "succeeded",
        "s5": "skipped",
    }
    assert flow.step("s2")["reason"] == "Skip"


async def test_a_skipped_step_does_not_skip_the_next_one():
    flow = rig(step("a", **{"if": "false"}), step("b"))
    assert (await flow.finish()).state == "succeeded"
    assert flow.phases == {"a": "skipped", "b": "succeeded"}


async def test_in_a_graph_only_named_dependencies_count():
    flow = rig(
        step("bad"),
        step("after", dependsOn=["bad"]),
        step("clean", dependsOn=["bad"], **{"if": "always"}),
        step("then", dependsOn=["clean"]),
        step("beside"),
        mode="DAG",
    )
    flow.script["bad"] = [FAILURE]
    assert (await flow.finish()).state == "failed"
    # `then` runs: what it names succeeded, though behind that something failed (surprise 11)
    assert flow.phases == {
        "bad": "failed",
        "beside": "succeeded",
        "after": "skipped",
        "clean": "succeeded",
        "then": "succeeded",
    }


async def test_what_waits_is_shown_after_what_ran():
    flow = rig(step("late", dependsOn=["early"]), step("early"), mode="DAG")
    flow.script["early"] = [Result("running")]
    await flow.advance()
    assert flow.phases == {"early": "running", "late": "pending"}
    assert flow.step("late")["message"] == "Pending on DependsOn: early"
    assert "firstExecuteTime" not in flow.step("late")


async def test_independent_steps_run_at_the_same_time():
    flow = rig(
        *[{"name": n, "type": "apply-component", "properties": {"component": n}} for n in "ab"],
        mode="DAG",
        components=[{"name": "a"}, {"name": "b"}],
    )
    started = {"a": anyio.Event(), "b": anyio.Event()}

    async def meet(name):
        started[name].set()
        await started["b" if name == "a" else "a"].wait()

    flow.delivery.during = meet
    with anyio.fail_after(30):
        assert (await flow.advance()).state == "succeeded"


async def test_no_more_steps_at_a_time_than_allowed():
    names = [f"c{i}" for i in range(30)]
    flow = Rig(application([{"name": name} for name in names]))
    busy, most = 0, 0

    async def count(_):
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await anyio.lowlevel.checkpoint()
        busy -= 1

    flow.delivery.during = count
    await flow.advance()
    assert 1 < most <= flow.tools.parallel


async def test_an_error_is_tried_again_and_then_given_up():
    flow = rig(step("a"), step("b"), step("c", **{"if": "always"}))
    flow.script["a"] = [BROKEN]
    first = await flow.advance()
    assert first.state == "executing"
    assert flow.step("a")["reason"] == "Execute"
    assert flow.step("a")["message"] == "cannot"
    assert (await flow.finish()).state == "failed"
    assert flow.ran == ["a"] * 11 + ["c"]
    assert flow.step("a")["reason"] == "FailedAfterRetries"
    assert flow.phases == {"a": "failed", "b": "skipped", "c": "succeeded"}
    assert flow.status["terminated"]
    assert flow.clock.monotonic() == 52


async def test_an_event_does_not_use_up_a_retry():
    flow = rig(step("a"))
    flow.script["a"] = [BROKEN]
    for _ in range(50):
        await flow.advance()
    assert flow.ran == ["a"]


async def test_an_error_may_heal():
    flow = rig(step("a"), step("b"))
    flow.script["a"] = [BROKEN, BROKEN, Result("succeeded")]
    assert (await flow.finish()).state == "succeeded"
    assert "message" not in flow.step("a")


async def test_a_bug_is_not_a_failed_step():
    flow = rig(step("a"), step("b"), mode="DAG")
    flow.script["a"] = [ZeroDivisionError("bug")]
    with pytest.raises(ZeroDivisionError):
        await flow.advance()


async def test_a_step_runs_out_of_time():
    flow = rig(step("a", timeout="5s"), step("b"), step("c", **{"if": "status.a.timeout"}))
    flow.script["a"] = [Result("running", "Wait", "never")]
    assert (await flow.finish()).state == "failed"
    assert flow.step("a")["reason"] == "Timeout"
    assert "message" not in flow.step("a")
    assert flow.phases == {"a": "failed", "b": "skipped", "c": "succeeded"}
    assert flow.clock.monotonic() == 5  # not beyond the timeout, whatever the backoff


async def test_a_step_that_runs_out_of_time_has_outputs():
    flow = rig(
        step("a", timeout="2s", outputs=[{"name": "o", "valueFrom": "output.x"}]),
        step("b", inputs=[{"from": "o"}], **{"if": "inputs.o"}),
    )
    flow.script["a"] = [Result("running", document={"output": {"x": True}})]
    await flow.finish()
    assert flow.memory.variables == {"o": True}
    assert flow.phases == {"a": "failed", "b": "succeeded"}


def group(*subs, **fields):
    return {"name": "g", "type": "step-group", "subSteps": list(subs), **fields}


async def test_a_group_runs_its_steps_as_a_graph():
    flow = rig(group(step("a", dependsOn=["b"]), step("b")), step("c"))
    assert (await flow.finish()).state == "succeeded"
    assert flow.ran == ["b", "a", "c"]
    assert [sub["name"] for sub in flow.step("g")["subSteps"]] == ["b", "a"]
    assert flow.step("g")["phase"] == "succeeded"


@pytest.mark.parametrize("own", [True, False], ids=["the group says so", "the workflow says so"])
async def test_a_group_may_run_its_steps_one_by_one(own):
    steps = group(step("a"), step("b"), **({"mode": "StepByStep"} if own else {}))
    flow = rig(steps, sub=None if own else "StepByStep")
    flow.script["a"] = [Result("running")]
    await flow.advance()
    assert flow.phases == {"g": "running", "a": "running"}


async def test_a_group_fails_with_its_steps():
    flow = rig(group(step("a"), step("b")), step("c"), step("d", **{"if": "status.g.failed"}))
    flow.script["a"] = [FAILURE]
    assert (await flow.finish()).state == "failed"
    assert flow.phases == {
        "g": "failed",
        "a": "failed",
        "b": "succeeded",
        "c": "skipped",
        "d": "succeeded",
    }
    assert flow.step("g")["reason"] == "Action"


async def test_a_group_waits_for_the_retries_of_its_steps():
    flow = rig(group(step("a")))
    flow.script["a"] = [BROKEN, Result("succeeded")]
    assert (await flow.advance()).state == "executing"
    assert (flow.step("g")["phase"], flow.step("g")["reason"]) == ("failed", "Execute")
    assert (await flow.finish()).state == "succeeded"


async def test_a_skipped_group_skips_its_steps():
    flow = rig(group(step("a"), **{"if": "false"}))
    assert (await flow.finish()).state == "succeeded"
    assert flow.phases == {"g": "skipped", "a": "skipped"}


async def test_a_group_that_waits_is_not_asked_again_whether_it_runs():
    inside = step("b", dependsOn=["a"])
    flow = rig(
        step("a"),
        step("z"),
        group(inside, dependsOn=["z"], **{"if": "status.a.failed"}),
        mode="DAG",
    )
    flow.script = {"a": [BROKEN, Result("succeeded")], "z": [Result("running"), FINE]}
    await flow.advance()
    await flow.advance()
    assert flow.phases == {"a": "failed", "z": "succeeded", "g": "pending", "b": "pending"}
    assert (await flow.finish()).state == "succeeded"
    assert flow.ran[-1] == "b"


async def test_a_group_out_of_time_takes_its_steps_along():
    flow = rig(group(step("a"), step("b", dependsOn=["a"]), timeout="3s"))
    flow.script["a"] = [Result("running")]
    assert (await flow.finish()).state == "failed"
    assert {name: flow.step(name)["reason"] for name in "gab"} == dict.fromkeys("gab", "Timeout")


async def test_an_empty_group_and_an_empty_workflow_succeed():
    assert (await rig(group()).advance()).state == "succeeded"
    assert (await Rig(application([])).advance()).state == "succeeded"


async def test_a_rehearsal_waits_for_nothing():
    flow = rig(
        {"name": "pause", "type": "suspend"},
        {"name": "go", "type": "deploy", "properties": {"auto": False}},
        components=[
            {"name": "web", "outputs": [{"name": "ip", "valueFrom": "output.status.podIP"}]},
            {"name": "api", "inputs": [{"from": "ip", "parameterKey": "upstream"}]},
        ],
        rehearsal=True,
    )
    assert (await flow.advance()).state == "succeeded"
    assert flow.delivery.order == ["web", "api"]
