"""`if`: when a step runs although, or only because (semantics E3)."""

import pytest

from lateen.base.problem import Problem
from lateen.cue.engine import Engine
from lateen.workflow.ports import Result
from tests.fakes.workflow import Rig, application

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def cue(anyio_backend):
    async with Engine() as engine:
        yield engine


def rig(condition, cue=None, evaluator=None, **fields):
    steps = [
        {"name": "apply-db", "type": "script", "outputs": [{"name": "o-1", "valueFrom": "output"}]},
        {"name": "other", "type": "script", "properties": {"component": "db"}, "if": "always"},
        {"name": "s", "type": "script", "if": condition, **fields},
    ]
    flow = Rig(
        application([{"name": "web"}], workflow={"steps": steps}), cue=cue, evaluator=evaluator
    )
    flow.script["apply-db"] = [Result("failed", "Action", "no", {"output": {"a": 1}})]
    return flow


@pytest.mark.parametrize(
    ("condition", "runs"),
    [
        pytest.param('status["apply-db"].failed', True, id="a failed step, quoted"),
        pytest.param("status.other.succeeded", True, id="a plain path"),
        pytest.param("status.other.failed", False, id="that is false"),
        pytest.param("status.db.succeeded", True, id="by the component it applies"),
        pytest.param("status.s.failed", False, id="a step that has not begun has not failed"),
        pytest.param(
            'status["apply-db"].failed && context.appName == "app"', True, id="and the context"
        ),
        pytest.param('status["apply-db"].reason == "Action"', True, id="every field of a status"),
        pytest.param('inputs["o-1"].a > 0', True, id="an input"),
        pytest.param('parameter.colour == "red"', True, id="its own properties"),
        pytest.param(
            'import "strings"\nstrings.HasPrefix(context.name, "a")', True, id="with an import"
        ),
        pytest.param("!status.other.succeeded", False, id="not"),
    ],
)
async def test_a_condition_decides(condition, runs, cue):
    flow = rig(condition, cue, inputs=[{"from": "o-1"}], properties={"colour": "red"})
    await flow.finish()
    assert ("s" in flow.ran) is runs
    assert flow.step("s").get("message", "") == ""


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        pytest.param(
            "status.nosuch.failed",
            "pre check error: invalid if value: if: undefined field: nosuch",
            id="an unknown step",
        ),
        pytest.param(
            "status.nosuch.failed || true",
            "pre check error: invalid if value: if: undefined field: nosuch",
            id="an unknown step in an expression",
        ),
        pytest.param(
            '"abc"',
            'pre check error: if: cannot use value "abc" (type string) as bool',
            id="text",
        ),
        pytest.param(
            "1 + 1", "pre check error: if: cannot use value 2 (type int) as bool", id="a number"
        ),
    ],
)
async def test_a_bad_condition_skips_the_step_and_says_why(condition, message, cue):
    flow = rig(condition, cue)
    await flow.finish()
    assert flow.step("s")["phase"] == "skipped"
    assert flow.step("s")["message"] == message


async def test_a_broken_expression_skips_the_step(cue):
    flow = rig("status.other.succeeded &&", cue)
    await flow.finish()
    assert flow.step("s")["phase"] == "skipped"
    assert flow.step("s")["message"].startswith("pre check error: invalid if value: if: ")


async def test_a_condition_is_asked_once():
    flow = rig("status.other.succeeded")
    flow.script["s"] = [Result("running"), Result("succeeded")]
    await flow.advance()
    flow.status["steps"][1]["phase"] = "skipped"
    flow.clock.pass_by(1)
    await flow.advance()
    assert flow.phases["s"] == "succeeded"


class FlakyExpressions:
    """An evaluator that crashes once, after the outputs were taken."""

    def __init__(self, outputs):
        self.calls = -outputs

    async def evaluate(self, expression, scope):
        self.calls += 1
        if self.calls == 1:
            raise Problem("cue.engine", "the evaluator crashed", retry=True)
        return expression == "output"


async def test_a_crash_of_the_evaluator_decides_nothing():
    flow = rig("status.other.succeeded && true", evaluator=FlakyExpressions(outputs=1))
    progress = await flow.advance()
    assert (progress.state, progress.next_after) == ("executing", 1)
    assert flow.step("s")["phase"] == "pending"
    await flow.finish()
    assert flow.phases["s"] == "skipped"
