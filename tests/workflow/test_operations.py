"""Steering a workflow by hand (semantics E3)."""

import pytest

from lateen.base.problem import Problem
from lateen.workflow import operations
from lateen.workflow.ports import Result
from tests.fakes.workflow import Rig, application

pytestmark = pytest.mark.anyio

FAILURE = Result("failed", "Action", "no", {"output": {"x": 1}})


def rig(*steps, mode=None):
    workflow = {"steps": list(steps), **({"mode": {"steps": mode}} if mode else {})}
    return Rig(application([{"name": "web"}], workflow=workflow))


def step(name, **fields):
    return {"name": name, "type": "script", **fields}


async def running(mode=None):
    """Step a runs, b comes after it."""
    flow = rig(step("a"), step("b", dependsOn=["a"]), mode=mode)
    flow.script["a"] = [Result("running", "Wait")]
    await flow.advance()
    return flow


async def test_a_held_workflow_stands_still_until_it_is_resumed():
    flow = await running()
    flow.status = operations.suspend(flow.status)
    flow.script["a"] = [Result("succeeded")]
    flow.clock.pass_by(100)
    progress = await flow.advance()
    assert (progress.state, progress.next_after) == ("suspending", None)
    assert flow.phases == {"a": "suspending"}
    assert flow.step("a")["reason"] == "Wait"
    flow.status = operations.resume(flow.status)
    assert flow.phases == {"a": "running"}
    assert (await flow.advance()).state == "succeeded"


async def test_one_step_can_be_held():
    flow = rig(step("a"), step("b"), mode="DAG")
    flow.script = {"a": [Result("running")], "b": [Result("running")]}
    await flow.advance()
    flow.status = operations.suspend(flow.status, "b")
    assert flow.phases == {"a": "running", "b": "suspending"}
    flow.status = operations.resume(flow.status, "b")
    assert flow.phases == {"a": "running", "b": "running"}
    assert not flow.status["suspend"]


@pytest.mark.parametrize("mode", ["StepByStep", "DAG"])
async def test_a_terminated_workflow_begins_nothing_more(mode):
    flow = await running(mode)
    flow.status = operations.terminate(flow.status)
    assert (await flow.advance()).state == "terminated"
    assert flow.step("a")["reason"] == "Terminate"
    assert flow.phases == {"a": "failed", "b": "skipped"}
    assert flow.status["finished"]


async def test_a_terminated_workflow_cleans_up_if_it_was_told_to():
    flow = rig(step("a"), step("b"), step("clean", **{"if": "always"}))
    flow.script["a"] = [Result("running")]
    await flow.advance()
    flow.status = operations.terminate(flow.status)
    assert (await flow.advance()).state == "terminated"
    assert flow.ran == ["a", "clean"]


async def test_a_workflow_that_waits_for_nothing_can_be_ended():
    flow = rig(step("a", inputs=[{"from": "nowhere"}]))
    assert (await flow.advance()).next_after is None
    flow.status = operations.terminate(flow.status)
    assert (await flow.advance()).state == "terminated"
    assert flow.phases == {"a": "skipped"}


async def test_those_who_wait_for_a_terminated_step_do_not_hang():
    sub = step("in", outputs=[{"name": "o", "valueFrom": "output"}])
    first = step("first")
    group = {"name": "g", "type": "step-group", "mode": "StepByStep", "subSteps": [first, sub]}
    flow = rig(group, step("take", inputs=[{"from": "o"}]), step("dep", dependsOn=["in"]))
    flow.script["first"] = [Result("running")]
    await flow.advance()
    flow.status = operations.terminate(flow.status)
    assert (await flow.advance()).state == "terminated"
    assert flow.phases["take"] == flow.phases["dep"] == flow.phases["in"] == "skipped"


async def test_a_step_that_was_tried_again_is_terminated_too():
    flow = rig(step("a"))
    flow.script["a"] = [Problem("x.y", "cannot")]
    await flow.advance()
    flow.status = operations.terminate(flow.status)
    assert (await flow.advance()).state == "terminated"


async def test_a_restart_is_a_status_that_never_was():
    flow = await running()
    assert operations.restart(flow.status) == {}


@pytest.mark.parametrize(
    ("mode", "again", "kept"),
    [
        pytest.param("StepByStep", ["bad", "use", "last"], ["ok"], id="all later steps"),
        pytest.param("DAG", ["bad", "use"], ["ok", "last"], id="what waited for it"),
    ],
)
async def test_a_restart_from_a_failed_step(mode, again, kept):
    flow = rig(
        step("ok"),
        step("bad", outputs=[{"name": "o", "valueFrom": "output.x"}]),
        step("use", inputs=[{"from": "o"}], **{"if": "inputs.o"}),
        step("last", **{"if": "always"}),
        mode=mode,
    )
    flow.script["bad"] = [FAILURE]
    await flow.finish()
    before = {name: flow.step(name)["id"] for name in flow.phases}
    flow.status = operations.restart_from(flow.status, "bad", flow.plan, flow.memory)
    assert list(flow.phases) == kept
    assert flow.memory.variables == {}
    assert not flow.status["terminated"]
    assert not flow.status["finished"]
    flow.script["bad"] = [Result("succeeded", document={"output": {"x": True}})]
    assert (await flow.finish()).state == "succeeded"
    assert {n for n in before if flow.step(n)["id"] != before[n]} == set(again)


async def test_a_restart_does_not_rely_on_the_memory_it_was_given():
    flow = rig(
        step("bad", outputs=[{"name": "o", "valueFrom": "output.x"}]),
        step("use", inputs=[{"from": "o", "parameterKey": "v"}], **{"if": "always"}),
        mode="DAG",
    )
    flow.script["bad"] = [FAILURE]
    await flow.finish()
    another = type(flow.memory).load(flow.memory.dump())  # the command line's own
    flow.status = operations.restart_from(flow.status, "bad", flow.plan, another)
    flow.script["bad"] = [Result("succeeded", document={"output": {"x": 2}})]
    assert (await flow.finish()).state == "succeeded"
    assert flow.memory.variables == {"o": 2}


async def test_a_restart_inside_a_group():
    group = {"name": "g", "type": "step-group", "subSteps": [step("a"), step("b")]}
    flow = rig(group, step("c"))
    flow.script["a"] = [FAILURE]
    await flow.finish()
    flow.status = operations.restart_from(flow.status, "a", flow.plan, flow.memory)
    assert flow.phases == {"g": "running", "b": "succeeded"}
    flow.script["a"] = [Result("succeeded")]
    assert (await flow.finish()).state == "succeeded"
    assert flow.ran == ["a", "b", "a", "c"]


async def finished():
    flow = rig(step("a"), step("b"))
    await flow.finish()
    return flow


@pytest.mark.parametrize("verb", [operations.suspend, operations.resume, operations.terminate])
async def test_what_is_over_cannot_be_steered(verb):
    flow = await finished()
    never: dict[str, object] = {}
    for status in (flow.status, never):
        with pytest.raises(Problem) as raised:
            verb(status)
        assert raised.value.code == "workflow.not-running"


async def test_what_runs_cannot_be_resumed():
    with pytest.raises(Problem) as raised:
        operations.resume((await running()).status)
    assert raised.value.code == "workflow.not-suspended"


async def test_a_step_must_exist_and_run():
    flow = rig(step("apply"), step("b", dependsOn=["apply"]), mode="DAG")
    flow.script["apply"] = [Result("running")]
    await flow.advance()
    with pytest.raises(Problem) as raised:
        operations.suspend(flow.status, "aply")
    assert raised.value.code == "workflow.unknown-step"
    assert raised.value.hint == 'did you mean "apply"?'
    with pytest.raises(Problem) as raised:
        operations.suspend(flow.status, "b")
    assert raised.value.code == "workflow.step-not-running"


async def test_only_a_failed_step_can_be_restarted_from():
    flow = await finished()
    with pytest.raises(Problem) as raised:
        operations.restart_from(flow.status, "a", flow.plan, flow.memory)
    assert raised.value.code == "workflow.step-not-failed"
    with pytest.raises(Problem) as raised:
        operations.restart({})
    assert raised.value.code == "workflow.not-running"


async def test_an_operation_leaves_the_status_it_is_given_alone():
    flow = await running()
    before = repr(flow.status)
    operations.suspend(flow.status)
    operations.terminate(flow.status)
    assert repr(flow.status) == before
