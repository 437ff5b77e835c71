"""What override policies make of components (semantics F3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.api.application import Component, Policy
from lateen.base.problem import Problem
from lateen.policies import overriding


def component(name, **fields):
    raw = {"name": name, "type": "webservice", **fields}
    return Component.of(raw, f"spec.components[{name}]")


def override(*components, **properties):
    given_properties = {"components": list(components), **properties}
    return overriding.decode(Policy("o", "override", given_properties, "spec.policies[0]"))


def apply(components, *overrides):
    return overriding.apply(components, overrides)


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        pytest.param({"cpu": "1"}, {"image": "a", "cpu": "1"}, id="adds a key"),
        pytest.param({"image": "b"}, {"image": "b"}, id="a scalar replaces"),
        pytest.param(
            {"ports": []}, {"image": "a", "ports": []}, id="an empty list replaces, it stays"
        ),
        pytest.param({"image": None}, {"image": None}, id="null replaces"),
        pytest.param({"image": ""}, {"image": ""}, id="empty text replaces"),
    ],
)
def test_properties_are_merged(patch, expected):
    base = component("web", properties={"image": "a"})
    [merged] = apply([base], override({"name": "web", "properties": patch}))
    assert merged.properties == expected
    assert merged.raw["properties"] == expected


def test_the_example_of_the_specification():
    base = component("web", properties={"image": "a", "cpu": "1"})
    patch = {"name": "web", "properties": {"image": "b", "ports": []}}
    [merged] = apply([base], override(patch))
    assert merged.properties == {"image": "b", "cpu": "1", "ports": []}


@pytest.mark.parametrize(
    ("patch", "changed"),
    [
        pytest.param({"name": "web"}, ["web", "webapp"], id="a name matches anywhere"),
        pytest.param({"name": "^web$"}, ["web"], id="unless it is anchored"),
        pytest.param({"name": "*p*"}, ["webapp", "api"], id="stars mean anything"),
        pytest.param({}, ["web", "webapp", "api"], id="no name and no type: all"),
        pytest.param({"type": "worker"}, ["api"], id="a type alone: all of that type"),
    ],
)
def test_a_patch_finds_its_components(patch, changed):
    base = [component("web"), component("webapp"), component("api", type="worker")]
    merged = apply(base, override({**patch, "properties": {"x": 1}}))
    assert [each.name for each in merged if each.properties == {"x": 1}] == changed
    assert [each.name for each in merged] == ["web", "webapp", "api"]


def test_a_name_that_matches_nothing_adds_a_component():
    new = {"name": "cache", "type": "redis", "properties": {"size": 1}, "traits": [{"type": "t"}]}
    merged = apply([component("web")], override(new))
    assert [each.name for each in merged] == ["web", "cache"]
    assert merged[1].raw == new
    assert merged[1].path == "spec.policies[0].properties.components[0]"


@pytest.mark.parametrize("name", ["api*", "CACHE", "1"])
def test_a_pattern_without_a_match_adds_nothing(name):
    assert [c.name for c in apply([component("web")], override({"name": name, "type": "t"}))] == [
        "web"
    ]


def test_without_a_type_none_can_be_added():
    with pytest.raises(Problem) as raised:
        apply([component("web")], override({"name": "wbe", "properties": {}}))
    assert raised.value.code == "override.unknown-component"
    assert raised.value.path == "spec.policies[0].properties.components[0].name"
    assert raised.value.hint == 'did you mean "web"?'


def test_another_type_replaces_the_component():
    base = component("web", properties={"image": "a"}, traits=[{"type": "scaler"}])
    [replaced] = apply([base], override({"name": "web", "type": "task", "properties": {"n": 1}}))
    assert replaced.raw == {"name": "web", "type": "task", "properties": {"n": 1}}


def test_what_orders_a_component_survives_a_merge():
    base = component(
        "web", dependsOn=["db"], inputs=[{"from": "o"}], outputs=[{"name": "p", "valueFrom": "x"}]
    )
    [merged] = apply([base], override({"properties": {"a": 1}}))
    assert merged.depends_on == ("db",)
    assert merged.inputs == ({"from": "o"},)
    assert merged.outputs == ({"name": "p", "valueFrom": "x"},)


@pytest.mark.parametrize(
    ("patches", "expected"),
    [
        pytest.param(
            [{"type": "scaler", "properties": {"replicas": 3}}],
            [{"type": "scaler", "properties": {"min": 1, "replicas": 3}}, {"type": "expose"}],
            id="merged where it stands",
        ),
        pytest.param([{"type": "scaler", "disable": True}], [{"type": "expose"}], id="taken away"),
        pytest.param(
            [{"type": "env", "properties": {"a": "b"}}],
            [
                {"type": "scaler", "properties": {"min": 1}},
                {"type": "expose"},
                {"type": "env", "properties": {"a": "b"}},
            ],
            id="added at the end",
        ),
        pytest.param(
            [{"type": "expose"}],
            [{"type": "scaler", "properties": {"min": 1}}, {"type": "expose"}],
            id="nothing to say changes nothing",
        ),
        pytest.param(
            [{"type": "nosuch", "disable": True}],
            [{"type": "scaler", "properties": {"min": 1}}, {"type": "expose"}],
            id="taking away what is not there changes nothing",
        ),
    ],
)
def test_traits_are_merged_by_type(patches, expected):
    traits = [{"type": "scaler", "properties": {"min": 1}}, {"type": "expose"}]
    [merged] = apply([component("web", traits=traits)], override({"traits": patches}))
    assert merged.raw["traits"] == expected


def test_two_traits_of_a_type_keep_what_they_differ_in():
    traits = [{"type": "t", "properties": {"a": 1}}, {"type": "t", "properties": {"a": 2}}]
    patch = {"traits": [{"type": "t", "properties": {"b": 3}}]}
    [merged] = apply([component("web", traits=traits)], override(patch))
    assert [t.properties for t in merged.traits] == [{"a": 1, "b": 3}, {"a": 2, "b": 3}]


def test_an_added_trait_is_blamed_on_the_policy_that_added_it():
    base = component("web", traits=[{"type": "scaler"}])
    [merged] = apply([base], override({"traits": [{"type": "env"}]}))
    assert [trait.path for trait in merged.traits] == [
        "spec.components[web].traits[0]",
        "spec.policies[0].properties.components[0].traits[0]",
    ]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        pytest.param(["b", "a"], ["a", "b"], id="in the order of the components"),
        pytest.param([], [], id="an empty one keeps none"),
        pytest.param(None, ["a", "b", "c"], id="none keeps all"),
    ],
)
def test_a_selector_keeps_components(selector, expected):
    base = [component("a"), component("b"), component("c")]
    assert [each.name for each in apply(base, override(selector=selector))] == expected


@pytest.mark.parametrize(
    ("patch", "path", "code"),
    [
        ({"nam": "a"}, "components[0].nam", "policy.unknown-field"),
        ({"properties": []}, "components[0].properties", "policy.type"),
        ({"name": "("}, "components[0].name", "policy.pattern"),
        ({"traits": [{"disable": True}]}, "components[0].traits[0].type", "policy.trait-type"),
        (
            {"traits": [{"type": "a", "disabled": True}]},
            "components[0].traits[0].disabled",
            "policy.unknown-field",
        ),
    ],
)
def test_decoding_is_strict(patch, path, code):
    with pytest.raises(Problem) as raised:
        override(patch)
    assert raised.value.code == code
    assert raised.value.path == f"spec.policies[0].properties.{path}"


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("abc", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2)
    ),
    max_leaves=6,
)
_MAPS = st.dictionaries(st.sampled_from("abcd"), _VALUES, max_size=3)
_TRAIT = st.fixed_dictionaries({"type": st.sampled_from(["t", "u"]), "properties": _MAPS})
_TRAITS = st.lists(_TRAIT, max_size=2, unique_by=lambda trait: str(trait["type"]))
_PATCHES = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["web", "api", "new", "*"]),
        "properties": _MAPS,
        "traits": _TRAITS,
    },
).map(lambda patch: {**patch, "type": "webservice"} if patch.get("name") else patch)


@given(properties=_MAPS, traits=_TRAITS, patch=_PATCHES)
def test_an_override_applied_twice_is_applied_once(properties, traits, patch):
    base = [component("web", properties=properties, traits=traits), component("api")]
    once = override(patch)
    assert apply(base, once, once) == apply(base, once)


@given(properties=_MAPS, patch=_PATCHES)
def test_an_override_leaves_its_input_alone(properties, patch):
    base = [component("web", properties=properties)]
    before = repr(base)
    apply(base, override(patch))
    assert repr(base) == before
