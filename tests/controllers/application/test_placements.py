"""Where components go, and how they differ there (semantics F2, F3, F8)."""

from __future__ import annotations

from lateen.workflow import operations
from tests.controllers.apps import LAMP, app, configmap, lamp, policy, settings, step
from tests.controllers.laboratory import condition, steps
from tests.controllers.laboratory import step as record


def data(lab, namespace, name="a"):
    found = [
        each
        for each in lab.plane.call(everywhere, lab)
        if (each["metadata"]["namespace"], each["metadata"]["name"]) == (namespace, name)
    ]
    return found[0].get("data") if found else None


async def everywhere(lab):
    selector = f"app.oam.dev/namespace={lab.namespace}"
    return (await lab.plane.user.list("", "v1", "ConfigMap", label_selector=selector))[0]


def test_a_topology_decides_the_namespace(lab):
    place = lab.another_namespace()
    there = policy("there", "topology", clusters=["local"], namespace=place)
    found = lab.deliver(app(settings("a", {"x": "1"}), policies=[there]))
    assert steps(found) == {"deploy-there": "succeeded"}
    assert data(lab, place) == {"x": "1"}
    assert data(lab, lab.namespace) is None
    [service] = found["status"]["services"]
    assert (service["cluster"], service["namespace"]) == ("local", place)
    [applied] = found["status"]["appliedResources"]
    assert (applied["cluster"], applied["namespace"]) == ("local", place)
    [made] = lab.plane.call(everywhere, lab)
    assert made["metadata"]["labels"]["app.oam.dev/cluster"] == "local"
    assert made["metadata"]["labels"]["app.oam.dev/namespace"] == lab.namespace

    lab.delete("Application", "shop")
    lab.gone()
    assert data(lab, place) is None


def test_two_places_with_a_difference(lab):
    test, prod = lab.another_namespace(), lab.another_namespace()
    declared = app(
        settings("a", {"level": "low", "kept": "yes"}),
        policies=[
            policy("test", "topology", namespace=test),
            policy("prod", "topology", namespace=prod),
            policy(
                "louder",
                "override",
                components=[
                    {
                        "name": "a",
                        "properties": {
                            "objects": [
                                {
                                    "apiVersion": "v1",
                                    "kind": "ConfigMap",
                                    "metadata": {"name": "a"},
                                    "data": {"level": "high"},
                                }
                            ]
                        },
                    }
                ],
            ),
        ],
        steps=[
            step("first", "deploy", properties={"policies": ["test"]}),
            step("ask", "suspend"),
            step("second", "deploy", properties={"policies": ["louder", "prod"]}),
        ],
    )
    lab.apply(declared)
    lab.phase("workflowSuspending")
    assert data(lab, test) == {"level": "low", "kept": "yes"}
    assert data(lab, prod) is None
    lab.steer(operations.resume)
    found = lab.running()
    assert data(lab, prod) == {"level": "high"}
    assert data(lab, test) == {"level": "low", "kept": "yes"}
    places = [(each["name"], each["namespace"]) for each in found["status"]["services"]]
    assert sorted(places) == sorted([("a", test), ("a", prod)])


def test_an_override_of_traits(lab):
    lab.apply(LAMP)
    declared = app(
        lamp("hall", traits=[{"type": "labels", "properties": {"a": "1"}}]),
        policies=[
            policy(
                "marked",
                "override",
                components=[
                    {"traits": [{"type": "labels", "properties": {"b": "2"}}]},
                    {"name": "hall", "traits": [{"type": "annotations", "properties": {"c": "3"}}]},
                ],
            )
        ],
    )
    lab.apply(declared)
    made = lab.eventually("applied", lambda: lab.find("ConfigMap", "hall"))["metadata"]
    assert (made["labels"]["a"], made["labels"]["b"]) == ("1", "2")
    assert made["annotations"]["c"] == "3"
    found = lab.until("waiting", lambda found: steps(found).get("deploy") == "running")
    assert record(found, "deploy")["message"] == "local///hall is not healthy"


def test_an_application_that_moves_leaves_nothing_behind(lab):
    old, new = lab.another_namespace(), lab.another_namespace()
    lab.deliver(app(settings("a"), policies=[policy("p", "topology", namespace=old)]))
    lab.deliver(app(settings("a"), policies=[policy("p", "topology", namespace=new)]))
    lab.eventually(
        "moved",
        lambda: (
            [each["metadata"]["namespace"] for each in lab.plane.call(everywhere, lab)] == [new]
        ),
    )


def test_an_unknown_cluster(lab):
    lab.apply(app(settings("a"), policies=[policy("far", "topology", clusters=["locla"])]))
    found = lab.until("failing", lambda found: "failed" in steps(found).values())
    message = record(found, "deploy-far")["message"]
    assert 'spec.policies[0].properties.clusters[0]: there is no cluster "locla"' in message
    assert lab.owned("ConfigMap") == set()

    healed = lab.deliver(
        app(settings("a"), policies=[policy("far", "topology", clusters=["local"])])
    )
    assert steps(healed) == {"deploy-far": "succeeded"}
    assert condition(healed, "Ready")["status"] == "True"


def test_an_unknown_cluster_of_one_component(lab):
    far = {"component": "a", "cluster": "nosuch"}
    lab.apply(app(settings("a"), steps=[step("s", "apply-component", properties=far)]))
    found = lab.until("failing", lambda found: "failed" in steps(found).values())
    assert 'there is no cluster "nosuch"' in record(found, "s")["message"]


def test_a_component_for_another_namespace(lab):
    place = lab.another_namespace()
    there = {"component": "a", "namespace": place}
    lab.deliver(
        app(settings("a", {"x": "1"}), steps=[step("s", "apply-component", properties=there)])
    )
    assert data(lab, place) == {"x": "1"}


def test_order_inside_a_deploy_step(lab):
    lab.apply(LAMP)
    lab.apply(
        app(
            lamp("first", outputs=[{"name": "c", "valueFrom": "output.data.colour"}]),
            settings("second", {"x": "1"}, dependsOn=["first"])
            | {"inputs": [{"from": "c", "parameterKey": "objects[0].data.colour"}]},
            policies=[policy("here", "topology", clusters=["local"])],
        )
    )
    found = lab.until("waiting", lambda found: steps(found).get("deploy-here") == "running")
    message = record(found, "deploy-here")["message"]
    assert message == "local///first is not healthy,local///second is waiting dependents"
    lab.switch("first", on=True)
    lab.running()
    assert lab.get("ConfigMap", "second")["data"] == {"x": "1", "colour": "red"}


def test_environments_of_an_env_binding_policy_are_delivered_each_to_its_place(lab):
    """What topology and override policies have replaced goes on working."""
    test = lab.another_namespace()
    louder = {"objects": [configmap("a", level="high")]}
    bound = policy(
        "bound",
        "env-binding",
        envs=[
            {
                "name": "test",
                "placement": {"namespaceSelector": {"name": test}},
                "patch": {"components": [{"type": "k8s-objects", "properties": louder}]},
            },
            {"name": "prod", "selector": {"components": ["b"]}},
        ],
    )
    found = lab.deliver(app(settings("a", {"level": "low"}), settings("b"), policies=[bound]))
    assert steps(found) == {"deploy-bound-test": "succeeded", "deploy-bound-prod": "succeeded"}
    assert data(lab, test)["level"] == "high"
    assert data(lab, lab.namespace) is None
    assert lab.get("ConfigMap", "b")["metadata"]["namespace"] == lab.namespace

    lab.delete("Application", "shop")
    lab.gone()
    assert data(lab, test) is None
