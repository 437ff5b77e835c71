"""What the status texts of a definition give, also when they fail (semantics B8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from lateen.cue.engine import Engine
from lateen.cue.templates import Evaluation, Fill
from lateen.health import expressions

pytestmark = pytest.mark.anyio

CONTEXT = {
    "name": "web",
    "output": {"spec": {"replicas": 2}, "status": {"readyReplicas": 1}},
    "parameter": {"size": 3},
}


async def judge(engine: Engine, **texts: str) -> expressions.Judgement:
    return await expressions.judge(texts, CONTEXT, {"size": 3}, engine, source="definition x")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("isHealth: true", True, id="true"),
        pytest.param("isHealth: false", False, id="false"),
        pytest.param('isHealth: "true"', False, id="a text is no boolean"),
        pytest.param("isHealth: context.output.status.ready == 1", False, id="fails for now"),
        pytest.param("isHealth: context.output.spec.replicas == 2", True, id="reads the object"),
        pytest.param("isHealth: parameter.size == 3", True, id="reads the parameter"),
        pytest.param("isHealth: context.parameter.size == 3", True, id="in the context too"),
        pytest.param("isHealth: true\nisHealth: false", False, id="contradicts itself"),
        pytest.param("a: 1 & 2\nisHealth: true", False, id="an error anywhere in it"),
        pytest.param("isHealth: {", False, id="does not parse"),
        pytest.param("isHealth: other", False, id="does not compile"),
        pytest.param("healthy: true", False, id="does not answer"),
        pytest.param(
            'import "strings"\nisHealth: strings.Contains(context.name, "w")', True, id="imports"
        ),
        pytest.param(
            '// why\nimport (\n\t"strings"\n\tl "list"\n)\n'
            'isHealth: strings.Contains(context.name, "w") && l.Contains([1], 1)',
            True,
            id="imports in a block, under another name",
        ),
        pytest.param(
            "ready: *0 | int\nif context.output.status.readyReplicas != _|_ {\n"
            "\tready: context.output.status.readyReplicas\n}\nisHealth: ready == 1",
            True,
            id="steps on the way",
        ),
    ],
)
async def test_health_policy(engine: Engine, text: str, expected: bool):
    assert (await judge(engine, healthPolicy=text)).healthy is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            'message: "\\(context.output.status.readyReplicas)/\\(context.output.spec.replicas)"',
            "1/2",
            id="a text",
        ),
        pytest.param("message: 5", "", id="a number is no message"),
        pytest.param("message: context.output.gone", "", id="fails"),
    ],
)
async def test_custom_status(engine: Engine, text: str, expected: str):
    judged = await judge(engine, customStatus=text)
    assert (judged.message, judged.healthy) == (expected, True)


async def test_no_texts_are_healthy_and_cost_nothing():
    class Unasked(Engine):
        async def evaluate(self, *args: Any, **kwargs: Any) -> Evaluation:
            raise AssertionError("the engine was asked")

    judged = await expressions.judge({}, CONTEXT, None, Unasked(), source="definition x")
    assert judged == expressions.Judgement()


async def test_a_failing_text_does_not_spoil_the_others(engine: Engine):
    judged = await judge(engine, healthPolicy="isHealth: 1 & 2", customStatus='message: "m"')
    assert (judged.healthy, judged.message) == (False, "m")
    judged = await judge(engine, healthPolicy="isHealth: true", customStatus="message: 1 & 2")
    assert (judged.healthy, judged.message) == (True, "")
    judged = await judge(engine, healthPolicy="isHealth: true", customStatus="message: {")
    assert judged.healthy is True
    assert "customStatus of definition x cannot be used" in judged.fault


async def test_both_may_use_one_name_and_one_package(engine: Engine):
    text = 'import "strings"\nx: strings.ToUpper("%s")\n'
    judged = await judge(
        engine,
        healthPolicy=text % "a" + 'isHealth: x == "A"',
        customStatus=text % "b" + "message: x",
    )
    assert (judged.healthy, judged.message) == (True, "B")


async def test_later_texts_see_what_earlier_ones_gave(engine: Engine):
    judged = await judge(
        engine,
        details='ready: context.output.status.readyReplicas\n$limit: 1\nname: "n"',
        healthPolicy="isHealth: context.status.details.ready >= context.status.details.$limit",
        customStatus='message: "\\(context.status.healthy) \\(context.status.details.name)"',
    )
    assert judged == expressions.Judgement(True, "true n", {"ready": "1", "name": "n"})


async def test_details_are_exported_as_texts(engine: Engine):
    judged = await judge(
        engine,
        details=f"""
text: "a"
number: 5
yes: true
list: [1, 2]
struct: {{a: 1, "b-c": ["x", {{d: true}}]}}
none: {{}}
open: string
$kept: "for later"
mine: "x" @local()
alsoMine: "y" @private()
_hidden: 1
#Definition: {{}}
{"l" * 31}: 1
{"l" * 32}: 1
""",
    )
    assert judged.details == {
        "text": "a",
        "number": "5",
        "yes": "true",
        "list": "[1, 2]",
        "struct": '{\n\ta: 1\n\t"b-c": ["x", {\n\t\td: true\n\t}]\n}',
        "none": "{}",
        "open": "_|_",
        "l" * 31: "1",
    }


async def test_a_private_detail_is_no_part_of_the_context(engine: Engine):
    judged = await judge(
        engine,
        details='a: "x"\nb: "y" @local()',
        healthPolicy="isHealth: context.status.details.b == _|_",
    )
    assert judged.details == {"a": "x"}
    assert judged.healthy is True


async def test_texts_that_do_not_build_on_each_other_take_one_call(engine: Engine):
    calls: list[Sequence[str]] = []

    class Counting(Engine):
        async def evaluate(
            self, text: str, fills: Sequence[Fill], paths: Sequence[str], **kwargs: Any
        ) -> Evaluation:
            calls.append(paths)
            return await engine.evaluate(text, fills, paths, **kwargs)

    texts = {"details": "a: 1", "healthPolicy": "isHealth: true", "customStatus": 'message: "m"'}
    judged = await expressions.judge(texts, CONTEXT, None, Counting(), source="definition x")
    assert judged == expressions.Judgement(True, "m", {"a": "1"})
    assert calls == [["details", "healthPolicy.isHealth", "customStatus.message"]]
