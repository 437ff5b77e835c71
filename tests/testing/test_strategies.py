"""Parameters made from a schema: they fit it, and what breaks a template is found, made small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from lateen import testing
from lateen.testing import strategies

HERE = Path(__file__).parent / "definitions"

MANY = """
// Everything a schema may say.

import ("strings", "list")

many: {
	type:        "component"
	description: "Takes parameters of every kind"
}

template: {
	output: {
		apiVersion: "v1"
		kind:       "ConfigMap"
	}
	parameter: {
		port:     int & >0 & <=65535
		small:    uint8
		share:    number & >=0 & <1
		name:     =~"^[a-z]([a-z0-9-]{0,5}[a-z0-9])?$"
		long:     strings.MinRunes(3) & strings.MaxRunes(5)
		policy:   "Always" | *"Never" | 3
		flag:     *false | bool
		mixed:    string | int
		nothing:  string | null
		odd:      int & !=7
		either:   {kind: "a", size: int} | {kind: "b", colour: "red" | "green"}
		map: [string]: int
		free: {...}
		any:  _
		optional?: {inner: string, deeper?: [...{leaf: bool}]}
		some: [...string] & list.MaxItems(2)
		"a.b/c": string
		closed: close({one: int, two?: int})
	}
}
"""


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    path = tmp_path_factory.mktemp("definitions") / "many.cue"
    path.write_text(MANY)
    return testing.load(path)


def examples(subject, count, **named) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(testing.parameters(subject, **named))
    def collect(parameters):
        found.append(parameters)

    collect()
    return found


@pytest.fixture(scope="module")
def found(many):
    return examples(many, 100)


def test_parameters_fit_their_schema(many, found):
    for each in found:
        assert 0 < each["port"] <= 65535
        assert 0 <= each["small"] < 256
        assert 0 <= each["share"] < 1
        assert 3 <= len(each["long"]) <= 5
        assert each.get("policy", "Never") in ("Always", "Never", 3)
        assert each["odd"] != 7
        assert each["either"]["kind"] in ("a", "b")
        assert set(each["closed"]) <= {"one", "two"}
        assert many.render(each).workload["kind"] == "ConfigMap"


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        pytest.param("mixed", {str, int}, id="every type of several"),
        pytest.param("nothing", {str, type(None)}, id="null where it is allowed"),
        pytest.param("flag", {bool}, id="what has a default is given, too"),
        pytest.param("optional", {dict}, id="what is optional is given, too"),
        pytest.param("map", {dict}, id="maps"),
        pytest.param("policy", {str, int}, id="the values of a choice"),
    ],
)
def test_parameters_are_of_every_kind(found, name, kinds):
    assert {type(each[name]) for each in found if name in each} == kinds


def test_what_may_be_left_out_is_left_out(found):
    for name in ("policy", "flag", "optional"):
        assert {name in each for each in found} == {True, False}


def test_the_shapes_of_a_struct_are_all_tried(found):
    assert {each["either"]["kind"] for each in found} == {"a", "b"}


def test_a_parameter_may_have_a_strategy_of_its_own(many):
    own = examples(many, 20, overrides={"mixed": st.just("own")})
    assert {each["mixed"] for each in own} == {"own"}


def test_cue_has_the_last_word(many):
    [fitting] = examples(many, 1)
    assert strategies.accepts(many, fitting)
    for name, value in (("odd", 7), ("name", "A"), ("closed", {"one": 1, "three": 3})):
        assert not strategies.accepts(many, {**fitting, name: value}), name


def test_what_breaks_a_template_is_found_and_made_small():
    with pytest.raises(testing.Refused) as raised:
        testing.breaks_nothing(testing.load(HERE / "fragile.cue"))
    said = str(raised.value)
    assert "fragile.cue:12:" in said
    assert said.endswith('with the parameters:\n  image: ""') or "image: ''" in said


def test_what_breaks_nothing():
    testing.breaks_nothing(testing.load(HERE / "cache.cue"), examples=50)
    # it renders where there is a colon
    colon = {"image": st.sampled_from(["a:b", ":"])}
    testing.breaks_nothing(testing.load(HERE / "fragile.cue"), examples=20, overrides=colon)


def test_a_definition_that_takes_nothing_is_not_passed_over():
    cache = testing.load(HERE / "cache.cue")
    only = st.just({"version": "9", "replicas": 101})
    with pytest.raises(AssertionError, match="component 'cache' refuses all parameters tried"):
        testing.breaks_nothing(cache, parameters=only, examples=5)
