"""What holds for every workflow."""

from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lateen.base.problem import Problem
from lateen.workflow.ports import Result
from tests.fakes.workflow import Rig, application

NAMES = [f"s{i}" for i in range(6)]
_ENDS = st.sampled_from(["succeeded", "failed", "error", "slow"])


@st.composite
def graphs(draw):
    """Steps that depend on earlier ones only, in any order."""
    steps = []
    for index, name in enumerate(NAMES):
        before = NAMES[:index]
        depends_on = draw(st.lists(st.sampled_from(before), unique=True)) if before else []
        steps.append({"name": name, "type": "script", "dependsOn": depends_on})
    return draw(st.permutations(steps))


@given(steps=graphs())
@settings(deadline=None)
def test_a_graph_runs_in_topological_order(steps):
    workflow = {"steps": steps, "mode": {"steps": "DAG"}}
    flow = Rig(application([{"name": "web"}], workflow=workflow))
    assert anyio.run(flow.finish).state == "succeeded"
    assert sorted(flow.ran) == NAMES
    for step in steps:
        for name in step["dependsOn"]:
            assert flow.ran.index(name) < flow.ran.index(step["name"])


@st.composite
def workflows(draw):
    """Any workflow without a suspension: groups, both modes, values, conditions, timeouts."""
    steps: list[dict[str, Any]] = []
    outputs: list[str] = []
    for index, name in enumerate(NAMES):
        step: dict[str, Any] = {"name": name, "type": "script"}
        before = NAMES[:index]
        if before and draw(st.booleans()):
            step["dependsOn"] = [draw(st.sampled_from(before))]
        if outputs and draw(st.booleans()):
            step["inputs"] = [{"from": draw(st.sampled_from(outputs)), "parameterKey": "a[0]"}]
        if draw(st.booleans()):
            step["outputs"] = [{"name": f"o{index}", "valueFrom": "output.x"}]
            outputs.append(f"o{index}")
        condition = draw(st.sampled_from(["", "always", "false", "status.s0.failed"]))
        if condition:
            step["if"] = condition
        if draw(st.booleans()):
            step["timeout"] = "20s"
        steps.append(step)
    start = draw(st.integers(0, len(steps)))
    end = draw(st.integers(start, len(steps)))
    group = {"name": "g", "type": "step-group", "subSteps": steps[start:end]}
    modes = st.sampled_from(["DAG", "StepByStep"])
    return {
        "steps": [*steps[:start], group, *steps[end:]],
        "mode": {"steps": draw(modes), "subSteps": draw(modes)},
    }


@given(workflow=workflows(), ends=st.lists(_ENDS, min_size=6, max_size=6))
@settings(deadline=None)
def test_every_workflow_comes_to_an_end(workflow, ends):
    try:
        flow = Rig(application([{"name": "web"}], workflow=workflow))
    except Problem as problem:
        # a group makes its steps wait for what comes before it, and others for all of it
        assert problem.code == "workflow.cycle"  # noqa: PT017
        return
    document = {"output": {"x": 1}}
    results: dict[str, list[Any]] = {
        "succeeded": [Result("succeeded", document=document)],
        "failed": [Result("failed", "Action", "no", document)],
        "error": [Problem("x.y", "cannot")],
        "slow": [Result("running"), Result("running"), Result("succeeded", document=document)],
    }
    flow.script = {name: list(results[end]) for name, end in zip(NAMES, ends, strict=True)}
    progress = anyio.run(flow.finish)
    assert progress.state in ("succeeded", "failed")
    assert set(flow.phases) == {*NAMES, "g"}
    failed = "failed" in flow.phases.values()
    assert failed is (progress.state == "failed")


@given(steps=graphs())
@settings(deadline=None)
def test_a_workflow_can_go_on_after_every_pass(steps):
    """Nothing but the status and the memory is needed: the rest may be lost at any time."""
    workflow = {"steps": steps, "mode": {"steps": "DAG"}}
    flow = Rig(application([{"name": "web"}], workflow=workflow))
    flow.script = {name: [Result("running"), Result("succeeded")] for name in NAMES}

    async def run():
        for _ in range(40):
            flow.attempts = type(flow.attempts)()
            flow.memory = type(flow.memory).load(flow.memory.dump())
            if (await flow.advance()).over:
                return
            flow.clock.pass_by(1)
        pytest.fail(f"no end: {flow.phases}")

    anyio.run(run)
    assert set(flow.phases.values()) == {"succeeded"}
