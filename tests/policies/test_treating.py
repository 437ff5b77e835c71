"""What resource policies say about one object (semantics F1, F5 to F7, F10)."""

from __future__ import annotations

import pytest

from lateen.api.application import Application
from lateen.api.treatment import Lifetime, Treatment
from lateen.base.problem import Problem, every
from lateen.policies import treating


def app(*policies, labels=None):
    named = [{"name": f"p{i}", **policy} for i, policy in enumerate(policies)]
    return Application({"metadata": {"labels": labels or {}}, "spec": {"policies": named}})


def policy(kind, **properties):
    return {"type": kind, "properties": properties}


WEB = {
    "kind": "Deployment",
    "metadata": {
        "name": "web",
        "labels": {
            "app.oam.dev/component": "web",
            "workload.oam.dev/type": "webservice",
            "app.oam.dev/resourceType": "WORKLOAD",
        },
    },
}
ROUTE = {
    "kind": "Ingress",
    "metadata": {
        "name": "route",
        "labels": {
            "app.oam.dev/component": "web",
            "trait.oam.dev/type": "gateway",
            "app.oam.dev/resourceType": "TRAIT",
        },
    },
}


@pytest.mark.parametrize(
    ("selector", "meant"),
    [
        pytest.param({"componentNames": ["web"]}, [WEB, ROUTE], id="all of a component"),
        pytest.param({"componentTypes": ["webservice"]}, [WEB], id="types: main objects only"),
        pytest.param({"oamTypes": ["TRAIT"]}, [ROUTE], id="what traits made"),
        pytest.param({"traitTypes": ["gateway", "x"]}, [ROUTE], id="one of a list"),
        pytest.param({"resourceTypes": ["Deployment"]}, [WEB], id="a kind"),
        pytest.param({"resourceNames": ["route"]}, [ROUTE], id="a name"),
        pytest.param(
            {"resourceTypes": ["Ingress"], "resourceNames": ["web"]}, [], id="every list counts"
        ),
        pytest.param({}, [], id="an empty selector means nothing"),
    ],
)
def test_a_rule_is_for_what_its_selector_says(selector, meant):
    found = treating.read(app(policy("read-only", rules=[{"selector": selector}])))
    assert [each for each in (WEB, ROUTE) if found.treatment(each).read_only] == meant


DEPLOYMENTS = {"selector": {"resourceTypes": ["Deployment"]}}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param([], Treatment(), id="no policy"),
        pytest.param(
            [policy("take-over", rules=[DEPLOYMENTS])], Treatment(take_over=True), id="take-over"
        ),
        pytest.param(
            [policy("shared-resource", rules=[DEPLOYMENTS])], Treatment(shared=True), id="shared"
        ),
        pytest.param(
            [
                policy("garbage-collect", rules=[{**DEPLOYMENTS, "strategy": "onAppDelete"}]),
                policy("garbage-collect", rules=[{**DEPLOYMENTS, "strategy": "never"}]),
            ],
            Treatment(lifetime=Lifetime.APPLICATION),
            id="the first rule of all policies of a type counts",
        ),
        pytest.param(
            [policy("garbage-collect", rules=[{**DEPLOYMENTS, "propagation": "orphan"}])],
            Treatment(orphan=True),
            id="let go",
        ),
        pytest.param(
            [policy("apply-once", enable=True)], Treatment(unrecorded=True), id="once, everything"
        ),
        pytest.param(
            [
                policy(
                    "apply-once",
                    enable=True,
                    rules=[{**DEPLOYMENTS, "strategy": {"path": ["spec.replicas"]}}],
                )
            ],
            Treatment(left_on_update=("spec.replicas",), left_on_drift=("spec.replicas",)),
            id="once, a field, always",
        ),
        pytest.param(
            [
                policy(
                    "apply-once",
                    enable=True,
                    rules=[{**DEPLOYMENTS, "strategy": {"path": ["*"], "affect": "onStateKeep"}}],
                )
            ],
            Treatment(left_on_drift=("*",)),
            id="once, when keeping",
        ),
        pytest.param(
            [
                policy(
                    "apply-once",
                    enable=False,
                    rules=[{**DEPLOYMENTS, "strategy": {"path": ["*"]}}],
                )
            ],
            Treatment(),
            id="not enabled",
        ),
        pytest.param(
            [
                policy(
                    "resource-update",
                    rules=[
                        {
                            **DEPLOYMENTS,
                            "strategy": {"op": "replace", "recreateFields": ["spec.selector"]},
                        }
                    ],
                )
            ],
            Treatment(replace=True, recreate=("spec.selector",)),
            id="update",
        ),
    ],
)
def test_what_is_to_be_done_with_an_object(given, expected):
    assert treating.read(app(*given)).treatment(WEB) == expected


def test_policies_of_one_type_are_one():
    found = treating.read(
        app(
            policy("garbage-collect", keepLegacyResource=True, applicationRevisionLimit=3),
            policy("garbage-collect", continueOnFailure=True, applicationRevisionLimit=5),
            policy("garbage-collect", order="dependency"),
        )
    )
    assert (found.legacy_kept, found.despite_failure, found.by_dependency) == (True, True, True)
    assert found.revisions == 3


def test_an_addon_is_applied_once():
    found = treating.read(app(labels={"addons.oam.dev/name": "fluxcd"}))
    assert found.treatment(WEB) == Treatment(unrecorded=True)


@pytest.mark.parametrize(
    ("given", "path", "message"),
    [
        pytest.param(
            policy("garbage-collect", rules=[{"strategy": "onAppDelet"}]),
            "spec.policies[0].properties.rules[0].strategy",
            '"onAppDelet" is none of onAppUpdate, onAppDelete, never',
            id="a word that is none of those",
        ),
        pytest.param(
            policy("garbage-collect", applicationRevisionLimit=-1),
            "spec.policies[0].properties.applicationRevisionLimit",
            "expected a count, found the number -1",
            id="a negative number",
        ),
        pytest.param(
            policy("read-only", rules=[{"selector": {"resourceTypes": "Deployment"}}]),
            "spec.policies[0].properties.rules[0].selector.resourceTypes",
            'expected a list, found the text "Deployment"',
            id="a list that is none",
        ),
        pytest.param(
            policy("apply-once", enable=True, rules=[{"strategy": {"path": ["spec[.x"]}}]),
            "spec.policies[0].properties.rules[0].strategy.path[0]",
            "not a field path at character 5: spec[.x",
            id="no field path",
        ),
    ],
)
def test_what_cannot_be_read(given, path, message):
    with pytest.raises(Problem) as caught:
        treating.read(app(given))
    assert (caught.value.path, caught.value.message) == (path, message)


def test_a_field_that_no_policy_has_is_a_warning():
    found = treating.read(app(policy("apply-once", enabel=True)))
    [warning] = every(found.warnings[0])
    assert warning.path == "spec.policies[0].properties.enabel"
    assert warning.hint == 'did you mean "enable"?'
