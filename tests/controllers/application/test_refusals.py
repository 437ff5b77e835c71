"""What cannot be delivered says why, in the status, and nothing of it is applied."""

from __future__ import annotations

import pytest

from tests.controllers.apps import app, configmap, objects, settings, webservice
from tests.controllers.laboratory import condition, step


def failed_step(lab, name):
    found = lab.until("failing", lambda found: step(found, name).get("phase") == "failed")
    return step(found, name)


@pytest.mark.parametrize(
    ("component", "said"),
    [
        pytest.param(
            webservice("bad", ports=[{"port": 99999, "expose": True}]),
            "99999",
            id="an invalid Deployment with its Service",
        ),
        pytest.param(
            objects("bad", configmap("good"), {**configmap("x"), "data": {"no key!": "1"}}),
            "no key!",
            id="the second of two objects",
        ),
        pytest.param(
            objects("bad", configmap("good"), {**configmap("x"), "metadata": {"name": "No_Name"}}),
            "No_Name",
            id="a name that is none",
        ),
        pytest.param(
            objects(
                "bad",
                configmap("good"),
                {"apiVersion": "v1", "kind": "Nosuch", "metadata": {"name": "x"}},
            ),
            "Nosuch",
            id="a kind that there is not",
        ),
        pytest.param(
            objects(
                "bad",
                configmap("good"),
                {**configmap("x"), "metadata": {"name": "x", "namespace": "nowhere"}},
            ),
            "nowhere",
            id="a namespace that there is not",
        ),
    ],
)
def test_nothing_of_a_refused_component_is_applied(lab, component, said):
    lab.apply(app(component, settings("other")))
    record = failed_step(lab, "bad")
    assert said in record["message"]
    assert record["reason"] == "Execute"
    lab.eventually("the other is applied", lambda: lab.find("ConfigMap", "other"))
    assert lab.owned("ConfigMap") == {"other"}
    assert lab.owned("Deployment") == set()
    assert lab.owned("Service") == set()
    [tracker] = lab.trackers()
    assert [e["name"] for e in tracker["spec"]["managedResources"]] == ["other"]


def test_the_message_of_the_api_server_is_shown(lab):
    lab.apply(app(webservice("bad", ports=[{"port": 99999}])))
    message = failed_step(lab, "bad")["message"]
    assert message.startswith("Dispatch: pre-dispatch dryrun failed: Found 1 errors. [(")
    assert "spec.template.spec.containers[0].ports[0].containerPort" in message


@pytest.mark.parametrize(
    ("component", "said"),
    [
        pytest.param(
            {"name": "bad", "type": "webservice", "properties": {"image": 5}},
            ["spec.components[0].properties.image", "string"],
            id="a parameter of the wrong type",
        ),
        pytest.param(
            {"name": "bad", "type": "webservice", "properties": {}},
            ["spec.components[0].properties", "image"],
            id="a parameter that is missing",
        ),
    ],
)
def test_a_wrong_parameter_is_named(lab, component, said):
    lab.apply(app(component))
    message = failed_step(lab, "bad")["message"]
    for part in said:
        assert part in message


@pytest.mark.parametrize(
    ("declared", "kind", "said"),
    [
        pytest.param(
            app(settings("a"), settings("a")),
            "Parsed",
            'spec.components[1].name: the name "a" is given twice, first at spec.components[0]',
            id="a name given twice",
        ),
        pytest.param(
            app({"name": "a", "type": "webservise"}),
            "Parsed",
            'spec.components[0].type: there is no component type "webservise"',
            id="an unknown type",
        ),
        pytest.param(
            app(settings("a", dependsOn=["b"]), settings("b", dependsOn=["a"])),
            "Render",
            "components wait for each other: a -> b -> a",
            id="a circle",
        ),
        pytest.param(
            app(settings("a", dependsOn=["nosuch"])),
            "Render",
            "component nosuch not found, which is depended by a",
            id="a dependency on nothing",
        ),
        pytest.param(
            app(settings("a"), policies=[{"name": "t", "type": "topology"}]),
            "Parsed",
            "policy topology named t must not have empty properties",
            id="a policy without properties",
        ),
        pytest.param(
            app(
                settings("a"),
                policies=[{"name": "t", "type": "topology", "properties": {"foo": 1}}],
            ),
            "Render",
            "foo",
            id="an unknown property of a policy",
        ),
        pytest.param(
            app(settings("a"), steps=[{"name": "s", "type": "nosuch"}]),
            "Parsed",
            'there is no workflow step type "nosuch"',
            id="an unknown type of step",
        ),
    ],
)
def test_what_is_wrong_with_the_text_fails_a_condition(lab, declared, kind, said):
    lab.apply(declared)
    found = lab.until("refused", lambda found: condition(found, "Ready").get("status") == "False")
    failed = condition(found, kind)
    assert failed["status"] == "False"
    assert failed["reason"] == condition(found, "Ready")["reason"] == "ReconcileError"
    assert said in failed["message"]
    assert said in condition(found, "Ready")["message"]
    assert found["status"]["status"] == "rendering"
    assert found["status"]["observedGeneration"] == 1
    assert lab.owned("ConfigMap") == set()


def test_a_running_application_with_a_wrong_edit_does_not_say_that_it_runs(lab):
    """What it delivered before goes on, but the edit is not delivered."""
    lab.deliver(app(settings("a")))
    lab.apply(app(settings("a"), {"name": "b", "type": "nosuch"}))
    found = lab.phase("rendering")
    assert condition(found, "Parsed")["status"] == "False"
    assert lab.owned("ConfigMap") == {"a"}

    healed = lab.deliver(app(settings("a")))
    assert {c["status"] for c in healed["status"]["conditions"]} == {"True"}


def test_every_problem_is_named_at_once(lab):
    lab.apply(app({"name": "a", "type": "nosuch"}, {"name": "a", "type": "neither"}))
    found = lab.until("refused", lambda found: condition(found, "Parsed").get("status") == "False")
    message = condition(found, "Parsed")["message"]
    assert "given twice" in message
    assert "nosuch" in message
    assert "neither" in message
