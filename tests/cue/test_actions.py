"""Actions: what an evaluated value asks somebody else to do."""

from __future__ import annotations

import pytest

from lateen.cue.engine import Action, Engine, Evaluation, Fill

pytestmark = pytest.mark.anyio

PACKAGES = {
    "vela/demo": {
        "demo.cue": """
package demo

#Ask: {
	#do:       "ask"
	#provider: "demo"
	$params: {
		what:  string
		times: *1 | int
		more?: string
	}
	$returns?: {answer: string, ...}
	...
}
#Flat: {
	#do:       "flat"
	#provider: "demo"
	what: string
	answer?: string
	...
}
"""
    }
}
IMPORT = 'import "vela/demo"\n'


async def evaluate(
    engine: Engine, text: str, *fills: Fill, paths: tuple[str, ...] = ()
) -> Evaluation:
    return await engine.evaluate(
        IMPORT + text, fills, paths, source="t.cue", packages=PACKAGES, actions=True
    )


async def names(engine: Engine, text: str, *fills: Fill) -> list[str]:
    return [action.path for action in (await evaluate(engine, text, *fills)).actions]


async def test_an_action_has_its_inputs_with_their_defaults(engine: Engine) -> None:
    found = await evaluate(engine, 'a: demo.#Ask & {$params: what: "time"}')
    assert found.actions == (
        Action("a", "demo", "ask", {"$params": {"what": "time", "times": 1}}, ()),
    )


async def test_nothing_is_searched_unless_asked(engine: Engine) -> None:
    found = await engine.evaluate(
        IMPORT + 'a: demo.#Ask & {$params: what: "x"}', [], [], source="t.cue", packages=PACKAGES
    )
    assert found.actions == ()


async def test_an_action_whose_inputs_are_open_says_what_they_wait_for(engine: Engine) -> None:
    [action] = (await evaluate(engine, "a: demo.#Ask & {$params: times: 3}")).actions
    assert action.value == {"$params": {"times": 3}}
    [problem] = action.incomplete
    assert (problem.code, problem.path) == ("cue.incomplete", "a.$params.what")


async def test_the_inputs_of_a_flat_action_are_all_its_fields(engine: Engine) -> None:
    found = await evaluate(engine, 'a: demo.#Flat & {what: "x"}\nb: demo.#Flat')
    assert [(each.value, bool(each.incomplete)) for each in found.actions] == [
        ({"what": "x"}, False),
        ({}, True),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("b: _A\na: _A\n", ["b", "a"], id="fields in the order of the text"),
        pytest.param("l: [_A, {x: _A}]\n", ["l[0]", "l[1].x"], id="items of lists"),
        pytest.param("b: _A\na: _A @step(1)\n", ["a", "b"], id="a step number goes first"),
        pytest.param("b: _A @step(2)\na: _A @step(1)\n", ["a", "b"], id="by their numbers"),
        pytest.param("o: {in: _A, #do: 1}\n", ["o.in"], id="a #do that is no text is none"),
        pytest.param(
            'o: {in: _A, #do: "steps", #provider: "demo"}\n', ["o.in", "o"], id="inner before outer"
        ),
        pytest.param("#d: _A\no?: _A\n", [], id="neither definitions nor optional fields"),
        pytest.param('"a.b-c": _A\n', ['"a.b-c"'], id="a name that has to be quoted"),
        pytest.param("_h: x: _A\n", ["_h.x"], id="hidden fields"),
        pytest.param("if false {a: _A}\nif true {b: _A}\n", ["b"], id="only where the guard holds"),
    ],
)
async def test_the_order_of_actions(engine: Engine, text: str, expected: list[str]) -> None:
    alias = 'let _A = demo.#Ask & {$params: what: "x"}\n'
    assert await names(engine, alias + text) == expected


async def test_answers_do_not_change_the_order(engine: Engine) -> None:
    text = """
_ask: demo.#Ask & {$params: what: "x"}
a: _ask
b: _ask
if a.$returns.answer != _|_ {c: _ask}
"""
    answer = Fill("a", {"$returns": {"answer": "42"}}, "answer")
    assert await names(engine, text, answer) == ["_ask", "a", "b", "c"]


@pytest.mark.parametrize("path", ["a", "l[0].x", 'q."r-s"', "_h"])
async def test_an_answer_is_filled_at_the_path_of_its_action(engine: Engine, path: str) -> None:
    reference = path.replace('."r-s"', '["r-s"]')
    text = f"""
_ask: demo.#Ask & {{$params: what: "x"}}
a: _ask
l: [{{x: _ask}}, 1]
q: "r-s": _ask
_h: _ask
out: said: {reference}.$returns.answer
"""
    before = await evaluate(engine, text, paths=("out",))
    assert path in [action.path for action in before.actions]
    answer = {"$returns": {"answer": "42"}}
    after = await evaluate(engine, text, Fill(path, answer, "answer"), paths=("out",))
    assert after.values == {"out": {"said": "42"}}


async def test_an_answer_may_bring_further_actions(engine: Engine) -> None:
    text = """
first: demo.#Ask & {$params: what: "x"}
if first.$returns.answer == "go" {
	second: demo.#Ask & {$params: what: first.$returns.answer}
}
"""
    assert await names(engine, text) == ["first"]
    fill = Fill("first", {"$returns": {"answer": "go"}}, "answer")
    found = await evaluate(engine, text, fill)
    assert [each.path for each in found.actions] == ["first", "second"]
    assert found.actions[1].value == {"$params": {"what": "go", "times": 1}}


async def test_what_came_from_outside_is_no_action(engine: Engine) -> None:
    """A live object with fields named like this must not make us do something."""
    value = {"#do": "ask", "#provider": "demo", "$params": {"what": "x"}}
    assert await names(engine, "given: _\n_d: demo\n", Fill("given", value, "value")) == []
