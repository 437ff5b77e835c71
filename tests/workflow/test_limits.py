"""What a setting gives a workflow: time for all of it, and retries of a step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lateen.base.problem import Problem
from lateen.workflow import operations
from lateen.workflow.ports import Limits, Result
from tests.fakes.workflow import Rig, application

pytestmark = pytest.mark.anyio

RUNNING = Result("running", "Wait", "not yet")
BROKEN = Problem("x.y", "cannot")


def step(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "type": "script", **fields}


def rig(*steps: dict[str, Any], mode: str = "StepByStep", **limits: Any) -> Rig:
    workflow = {"steps": list(steps), "mode": {"steps": mode}}
    flow = Rig(application([{"name": "web"}], workflow=workflow))
    flow.tools = replace(flow.tools, limits=Limits(**limits))
    return flow


async def ended(flow: Rig) -> str:
    return (await flow.finish()).state


async def test_what_runs_when_the_time_is_over_times_out() -> None:
    flow = rig(step("a"), step("b"), step("c", **{"if": "always"}), timeout=60)
    flow.script["a"] = [RUNNING]
    progress = await flow.advance()
    assert progress.state == "executing"
    assert await ended(flow) == "failed"
    assert flow.phases == {"a": "failed", "b": "skipped", "c": "succeeded"}
    assert flow.step("a")["reason"] == "Timeout"
    assert flow.step("a")["message"] == flow.status["message"]
    assert flow.status["message"] == "the workflow has not ended within 60s"
    assert flow.status["endTime"] == "2026-01-01T00:01:00Z"


async def test_what_waits_for_a_value_that_never_comes_ends_as_well() -> None:
    flow = rig(step("a", inputs=[{"from": "nothing"}]), step("b"), mode="DAG", timeout=60)
    assert await ended(flow) == "failed"
    assert flow.phases == {"b": "succeeded", "a": "skipped"}
    assert flow.step("a")["message"] == "input nothing was never set"


@pytest.mark.parametrize("by_hand", [False, True], ids=["suspended itself", "by hand"])
async def test_a_pause_ends_with_the_time(by_hand: bool) -> None:
    flow = rig({"name": "a", "type": "script" if by_hand else "suspend"}, step("b"), timeout=60)
    flow.script["a"] = [RUNNING]
    await flow.advance()
    if by_hand:
        flow.status = operations.suspend(flow.status)
    progress = await flow.advance()
    assert (progress.state, progress.next_after, progress.rests) == ("suspending", 60, True)
    assert await ended(flow) == "failed"
    assert flow.phases == {"a": "failed", "b": "skipped"}


async def test_a_group_ends_with_the_time() -> None:
    group = {"name": "g", "type": "step-group", "subSteps": [step("a"), step("b")]}
    group["subSteps"][1]["dependsOn"] = ["a"]  # type: ignore[index]
    flow = rig(group, step("c"), timeout=60)
    flow.script["a"] = [RUNNING]
    assert await ended(flow) == "failed"
    assert flow.phases["g"] == flow.phases["a"] == "failed"
    assert flow.phases["c"] == "skipped"


async def test_what_cleans_up_afterwards_has_its_time_too() -> None:
    flow = rig(step("a"), step("b", **{"if": "always"}), timeout=60)
    flow.script |= {"a": [RUNNING], "b": [RUNNING]}
    assert await ended(flow) == "failed"
    assert flow.step("b")["firstExecuteTime"] == "2026-01-01T00:01:00Z"
    assert flow.step("b")["reason"] == "Timeout"
    assert flow.status["endTime"] == "2026-01-01T00:02:00Z"


async def test_a_timeout_of_its_own_comes_first() -> None:
    flow = rig(step("a", timeout="5s"), timeout=60)
    flow.script["a"] = [RUNNING]
    assert await ended(flow) == "failed"
    assert "message" not in flow.step("a")
    assert "message" not in flow.status


async def test_restarted_from_a_step_it_has_its_time_again() -> None:
    flow = rig(step("a"), step("b"), timeout=60)
    flow.script["a"] = [RUNNING]
    assert await ended(flow) == "failed"
    flow.status = operations.restart_from(flow.status, "a", flow.plan, flow.memory)
    flow.script["a"] = [Result("succeeded")]
    assert await ended(flow) == "succeeded"
    assert "message" not in flow.status


async def test_without_a_limit_it_may_take_for_ever() -> None:
    flow = rig(step("a"))
    flow.script["a"] = [RUNNING]
    await flow.advance()
    flow.clock.pass_by(10_000_000)
    assert (await flow.advance()).state == "executing"


@pytest.mark.parametrize("retries", [0, 2])
async def test_a_step_is_tried_again_so_often(retries: int) -> None:
    flow = rig(step("a"), retries=retries)
    flow.script["a"] = [BROKEN]
    assert await ended(flow) == "failed"
    assert flow.ran == ["a"] * (retries + 1)
    assert flow.step("a")["reason"] == "FailedAfterRetries"
