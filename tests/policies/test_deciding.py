"""Policies by name, as `deploy` steps ask for them."""

import pytest

from lateen.api.application import Application
from lateen.base.problem import Problems, every
from lateen.policies import deciding


def application(*policies):
    spec = {
        "components": [{"name": "web", "type": "webservice", "properties": {"image": "a"}}],
        "policies": list(policies),
    }
    return Application({"metadata": {"name": "app", "namespace": "ns"}, "spec": spec})


PROD = {"name": "prod", "type": "topology", "properties": {"namespace": "prod"}}
BIG = {
    "name": "big",
    "type": "override",
    "properties": {"components": [{"name": "web", "properties": {"cpu": "4"}}]},
}


def test_only_the_policies_that_are_named_count():
    app = application(PROD, BIG)
    decisions = deciding.Decisions(app.components, deciding.named(app, {}), {"local": {}})
    assert [str(p) for p in decisions.placements(["big", "prod"])] == ["local/prod"]
    assert [str(p) for p in decisions.placements([])] == ["local"]
    assert decisions.components(["big", "prod"])[0].properties == {"image": "a", "cpu": "4"}
    assert decisions.components(["prod"])[0].properties == {"image": "a"}


def test_policy_objects_beside_the_application_can_be_named():
    app = application(PROD)
    external = {
        "ns/far": {"type": "topology", "properties": {"namespace": "far"}},
        "ns/prod": {"type": "topology", "properties": {"namespace": "other"}},
        "elsewhere/near": {"type": "topology", "properties": {}},
    }
    found = deciding.named(app, external)
    assert set(found) == {"prod", "far"}
    assert found["prod"].properties == {"namespace": "prod"}  # its own comes first


def test_every_bad_policy_is_named_at_once():
    app = application(
        {"name": "a", "type": "topology", "properties": {"foo": 1}},
        {"name": "b", "type": "garbage-collect", "properties": {"any": "thing"}},
        {"name": "c", "type": "override", "properties": {"bar": 1}},
    )
    with pytest.raises(Problems) as raised:
        deciding.Decisions(app.components, deciding.named(app, {}), {})
    assert [problem.path for problem in every(raised.value)] == [
        "spec.policies[0].properties.foo",
        "spec.policies[2].properties.bar",
    ]
