"""`suspend`, and waiting for approval (semantics E6)."""

import pytest

from lateen.workflow import operations
from lateen.workflow.ports import Result
from tests.fakes.workflow import Rig, application

pytestmark = pytest.mark.anyio


def rig(*steps, mode=None, components=({"name": "web"},)):
    workflow = {"steps": list(steps), **({"mode": {"steps": mode}} if mode else {})}
    return Rig(application(list(components), workflow=workflow))


def suspend(**fields):
    properties = {key: fields.pop(key) for key in ("duration", "message") if key in fields}
    return {"name": "wait", "type": "suspend", "properties": properties, **fields}


AFTER = {"name": "after", "type": "script"}


async def test_a_workflow_waits_for_a_person():
    flow = rig(suspend(), AFTER)
    progress = await flow.advance()
    assert (progress.state, progress.next_after) == ("suspending", None)
    assert flow.status["suspend"]
    waiting = flow.step("wait")
    assert (waiting["phase"], waiting["reason"]) == ("suspending", "Suspend")
    assert waiting["message"] == "Suspended by field suspend"
    flow.clock.pass_by(100000)
    assert (await flow.advance()).state == "suspending"
    flow.status = operations.resume(flow.status)
    assert (await flow.advance()).state == "succeeded"
    assert not flow.status["suspend"]


async def test_its_message_is_shown():
    flow = rig(suspend(message="ask Kim"))
    await flow.advance()
    assert flow.step("wait")["message"] == "ask Kim"


async def test_a_workflow_waits_for_a_time():
    flow = rig(suspend(duration="90s"), AFTER)
    progress = await flow.advance()
    assert (progress.state, progress.next_after) == ("suspending", 90)
    flow.clock.pass_by(89.5)
    assert (await flow.advance()).next_after == 0.5
    flow.clock.pass_by(0.5)
    assert (await flow.advance()).state == "succeeded"


async def test_a_time_can_be_cut_short():
    flow = rig(suspend(duration="1h"), AFTER)
    await flow.advance()
    flow.status = operations.resume(flow.status)
    assert (await flow.advance()).state == "succeeded"


async def test_the_time_survives_a_restart_of_the_controller():
    flow = rig(suspend(duration="90s"), AFTER)
    await flow.advance()
    flow.memory = type(flow.memory).load(flow.memory.dump())
    flow.attempts = type(flow.attempts)()
    flow.clock.pass_by(30)
    assert (await flow.advance()).next_after == 60


async def test_waiting_can_run_out_of_time():
    flow = rig(suspend(timeout="10s"), AFTER)
    assert (await flow.advance()).next_after == 10
    flow.clock.pass_by(10)
    assert (await flow.advance()).state == "failed"
    assert flow.step("wait")["reason"] == "Timeout"


async def test_in_a_graph_what_can_run_runs_and_nothing_else_begins():
    flow = rig(
        suspend(),
        {"name": "beside", "type": "script"},
        {"name": "behind", "type": "script", "dependsOn": ["beside"]},
        mode="DAG",
    )
    assert (await flow.advance()).state == "suspending"
    assert flow.ran == ["beside"]
    await flow.advance()
    assert flow.ran == ["beside"]
    flow.status = operations.resume(flow.status)
    assert (await flow.advance()).state == "succeeded"
    assert flow.ran == ["beside", "behind"]


async def test_in_a_graph_what_is_running_is_looked_at_meanwhile():
    flow = rig(suspend(), {"name": "beside", "type": "script"}, mode="DAG")
    flow.script["beside"] = [Result("running"), Result("succeeded")]
    progress = await flow.advance()
    assert (progress.state, progress.next_after) == ("suspending", 1)
    flow.clock.pass_by(1)
    await flow.advance()
    assert flow.phases == {"wait": "suspending", "beside": "succeeded"}


async def test_a_group_is_suspended_with_its_step():
    group = {"name": "g", "type": "step-group", "subSteps": [suspend()]}
    flow = rig(group, AFTER)
    assert (await flow.advance()).state == "suspending"
    assert flow.phases == {"g": "suspending", "wait": "suspending"}
    flow.status = operations.resume(flow.status)
    assert (await flow.advance()).state == "succeeded"


async def test_a_deployment_waits_for_approval():
    flow = rig({"name": "go", "type": "deploy", "properties": {"auto": False}})
    assert (await flow.advance()).state == "suspending"
    assert flow.delivery.log == []
    flow.status = operations.resume(flow.status)
    assert (await flow.advance()).state == "succeeded"
    assert flow.delivery.order == ["web"]


async def test_an_approved_deployment_that_fails_does_not_ask_again():
    flow = rig({"name": "go", "type": "deploy", "properties": {"auto": False}})
    await flow.advance()
    flow.status = operations.resume(flow.status)
    flow.delivery.broken["web"] = "refused"
    await flow.advance()
    assert flow.step("go")["reason"] == "Execute"
    flow.delivery.broken.clear()
    assert (await flow.finish()).state == "succeeded"
