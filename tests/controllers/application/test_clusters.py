"""Applications on joined clusters: delivered, kept, and cleaned up there (semantics D, F2, F8)."""

from __future__ import annotations

import anyio
from typer.testing import CliRunner

from lateen.api import names
from lateen.cli import main
from lateen.hub import members
from lateen.workflow import operations
from tests.controllers.apps import app, policy, settings, step
from tests.controllers.laboratory import condition, steps


def placed(*names, **more):
    """A policy that leads to clusters by their names."""
    return policy("there", "topology", clusters=list(names), **more)


def here_and_there(*names):
    return app(settings("a", {"x": "1"}), policies=[placed(*names)])


def joined(*clusters, **labels):
    for each in clusters:
        each.join(labels)


def renamed(lab, cluster):
    new = f"{cluster.name}-new"
    done = CliRunner().invoke(
        main.build(),
        ["cluster", "rename", cluster.name, new],
        env={"KUBECONFIG": str(lab.plane.kube.kubeconfig)},
    )
    assert done.exit_code == 0, done.output
    cluster.name = new


def services(found):
    given = found["status"].get("services") or ()
    return {(each["cluster"], each["name"]): each["healthy"] for each in given}


def test_an_application_is_delivered_to_clusters_by_name_and_cleaned_up_there(lab, fleet):
    east, west = fleet
    joined(east, west)
    found = lab.deliver(here_and_there("local", east.name, west.name))
    for each in fleet:
        made = each.find("ConfigMap", "a")
        assert made["data"] == {"x": "1"}
        assert made["metadata"]["labels"]["app.oam.dev/cluster"] == each.name
    assert lab.owned("ConfigMap") == {"a"}
    every = {"local", east.name, west.name}
    assert services(found) == {(name, "a"): True for name in every}
    assert {each["cluster"] for each in found["status"]["appliedResources"]} == every
    [tracker] = lab.trackers()
    assert {each["cluster"] for each in tracker["spec"]["managedResources"]} == every

    lab.deliver(app(settings("b"), policies=[placed(east.name)]))
    lab.eventually("cleaned up", lambda: not west.owned() and east.owned() == {"b"})
    assert not lab.owned("ConfigMap")

    lab.delete("Application", "shop")
    lab.gone()
    assert not east.owned()


def test_what_is_changed_in_a_member_is_put_back(lab, fleet):
    east, _ = fleet
    joined(east)
    lab.deliver(here_and_there(east.name))
    east.patch("ConfigMap", "a", {"data": {"x": "2"}})
    lab.eventually("put back", lambda: east.find("ConfigMap", "a")["data"] == {"x": "1"})
    east.delete("ConfigMap", "a")
    lab.eventually("there again", lambda: east.find("ConfigMap", "a"))


def test_a_cluster_that_is_joined_later_is_waited_for(lab, fleet):
    east, _ = fleet
    lab.apply(here_and_there(east.name))
    found = lab.until(
        "waiting for the cluster",
        lambda found: f'there is no cluster "{east.name}"' in str(found["status"].get("workflow")),
    )
    assert steps(found) == {"deploy-there": "failed"}
    joined(east)
    lab.running()
    assert east.owned() == {"a"}


def test_a_cluster_that_is_down_does_not_hold_up_the_others(lab, fleet):
    east, west = fleet
    joined(east, west)
    lab.eventually("looked at", lambda: "annotations" in east.secret()["metadata"])
    east.reset()
    lab.apply(here_and_there(east.name, west.name))
    lab.eventually("delivered to the other", lambda: west.owned() == {"a"})
    apart = {(east.name, "a"): False, (west.name, "a"): True}
    silent = f"cluster {east.name} does not answer"
    lab.until(
        "told apart",
        lambda found: services(found) == apart and silent in str(found["status"]["services"]),
    )
    marks = lab.eventually(
        "noted",
        lambda: (
            marks
            if (marks := east.secret()["metadata"]["annotations"]).get(
                "status.cluster.core.oam.dev/healthy"
            )
            == "false"
            else None
        ),
    )
    assert "status.cluster.core.oam.dev/last-seen" in marks
    assert marks["status.cluster.core.oam.dev/healthy-reason"]
    east.mend()
    lab.running()
    assert east.owned() == {"a"}


def test_a_cluster_that_is_down_is_not_forgotten(lab, fleet):
    east, west = fleet
    joined(east, west)
    lab.deliver(here_and_there(east.name, west.name))
    east.reset()
    lab.apply(here_and_there(west.name))  # east is to be cleaned up, and cannot be
    lab.eventually("told the cluster", lambda: len(lab.trackers()) == 2)
    lab.delete("Application", "shop")
    told = f"Waiting for ConfigMap a (Namespace: {lab.namespace}, Cluster: {east.name}) to delete"
    lab.until("waiting", lambda found: told in str(found["status"]))
    lab.eventually("cleaned up where it can be", lambda: not west.owned())
    assert east.owned() == {"a"}
    east.mend()
    lab.gone()
    assert not east.owned()


def test_context_tells_the_cluster_and_its_version(lab, fleet):
    east, _ = fleet
    joined(east)
    lab.apply(TELLER)
    lab.deliver(app({"name": "a", "type": "teller"}, policies=[placed(east.name)]))
    assert east.find("ConfigMap", "a")["data"]["cluster"] == east.name
    assert east.find("ConfigMap", "a")["data"]["version"].startswith("v1.")


TELLER = """\
apiVersion: core.oam.dev/v1beta1
kind: ComponentDefinition
metadata: {name: teller}
spec:
  workload: {type: autodetects.core.oam.dev}
  schematic:
    cue:
      template: |
        output: {
          apiVersion: "v1"
          kind:       "ConfigMap"
          data: {
            cluster: context.cluster
            version: context.clusterVersion.gitVersion
          }
        }
"""


def test_steps_reach_into_clusters(lab, fleet):
    east, _ = fleet
    joined(east)
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "step"}}
    declared = app(
        settings("a"),
        steps=[
            step(
                "put",
                "apply-object",
                properties={
                    "value": made | {"metadata": {"name": "step", "namespace": lab.namespace}},
                    "cluster": east.name,
                },
            ),
            step("comp", "apply-component", properties={"component": "a", "cluster": east.name}),
        ],
    )
    lab.deliver(declared)
    assert east.owned() == {"a", "step"}
    assert not lab.owned("ConfigMap")
    lab.delete("Application", "shop")
    lab.gone()
    assert not east.owned()


def test_a_selector_is_live(lab, fleet):
    east, west = fleet
    mark = {"fleet": lab.namespace}
    joined(east, **mark)
    eu = policy("eu", "topology", clusterLabelSelector=mark, allowEmpty=True)
    steps_ = [
        step("eu", "deploy", properties={"policies": ["eu"], "auto": False}),
        step("last", "deploy", properties={"policies": []}),
    ]
    pair = [
        settings("a", {"x": "1"}, outputs=[{"name": "x", "valueFrom": "output.data.x"}]),
        settings(
            "b",
            {"y": ""},
            inputs=[{"from": "x", "parameterKey": "objects[0].data.y"}],
        ),
    ]
    lab.apply(app(*pair, policies=[eu], steps=steps_))
    lab.phase("workflowSuspending")
    lab.steer(operations.resume)
    found = lab.running()
    lab.eventually("delivered", lambda: east.owned() == {"a", "b"})
    started = found["status"]["workflow"]["startTime"]

    joined(west, **mark)  # one that joins gets everything, with what is passed there
    lab.eventually("delivered to", lambda: west.owned() == {"a", "b"})
    assert west.find("ConfigMap", "b")["data"] == {"y": "1"}
    everywhere = {(place, name) for place in ("local", east.name, west.name) for name in "ab"}
    found = lab.until("told", lambda found: services(found) == dict.fromkeys(everywhere, True))
    assert found["status"]["workflow"]["startTime"] == started  # nobody was asked again
    assert {each["phase"] for each in found["status"]["workflow"]["steps"]} == {"succeeded"}

    joined(east, fleet="none")  # one that is relabelled is left, and cleaned up
    lab.eventually("cleaned up", lambda: not east.owned())
    found = lab.until("told", lambda found: east.name not in str(found["status"]))
    assert found["status"]["status"] == "running"
    assert west.owned() == lab.owned("ConfigMap") == {"a", "b"}
    lab.eventually("no tracker names it", lambda: east.name not in str(lab.trackers()))


def test_a_cluster_that_leaves_is_left_alone(lab, fleet):
    east, west = fleet
    mark = {"fleet": lab.namespace}
    joined(east, west, **mark)
    lab.deliver(app(settings("a"), policies=[policy("eu", "topology", clusterLabelSelector=mark)]))
    lab.eventually("everywhere", lambda: east.owned() == west.owned() == {"a"})
    east.leave()
    found = lab.until("without it", lambda found: (east.name, "a") not in services(found))
    assert found["status"]["status"] == "running"
    assert east.owned() == {"a"}  # nobody may delete there any more
    assert west.owned() == {"a"}


def test_the_last_cluster_of_a_selector_is_not_cleaned_up_in_haste(lab, fleet):
    east, _ = fleet
    mark = {"fleet": lab.namespace}
    joined(east, **mark)
    lab.deliver(app(settings("a"), policies=[policy("eu", "topology", clusterLabelSelector=mark)]))
    assert east.owned() == {"a"}
    joined(east, fleet="none")
    found = lab.until("wrong", lambda found: condition(found, "StateKeep").get("status") == "False")
    assert "failed to find any cluster matches" in condition(found, "StateKeep")["message"]
    assert east.owned() == {"a"}
    joined(east, **mark)
    lab.until("well", lambda found: not condition(found, "StateKeep"))


def test_a_cluster_that_is_called_otherwise_is_still_told_of(lab, fleet):
    east, west = fleet
    mark = {"fleet": lab.namespace}
    joined(east, west, **mark)
    lab.deliver(
        app(
            settings("a", {"x": "1"}),
            policies=[policy("eu", "topology", clusterLabelSelector=mark)],
        )
    )
    uid = lab.eventually("there", lambda: east.find("ConfigMap", "a"))["metadata"]["uid"]
    renamed(lab, east)
    every = {(east.name, "a"): True, (west.name, "a"): True}
    found = lab.until("told", lambda found: services(found) == every)
    assert found["status"]["status"] == "running"
    east.patch("ConfigMap", "a", {"data": {"x": "2"}})
    lab.eventually("put back", lambda: east.find("ConfigMap", "a")["data"] == {"x": "1"})
    assert east.find("ConfigMap", "a")["metadata"]["uid"] == uid


def test_nothing_is_deleted_where_nobody_knew_of_when_it_was_decided(lab, fleet):
    east, _ = fleet
    mark = {"fleet": lab.namespace}
    joined(east, **mark)
    lab.deliver(
        app(
            settings("a", {"x": "1"}),
            policies=[
                placed("local"),
                policy("eu", "topology", clusterLabelSelector=mark, allowEmpty=True),
            ],
        )
    )
    uid = lab.eventually("there", lambda: east.find("ConfigMap", "a"))["metadata"]["uid"]
    lab.plane.stop()
    kind = east.secret()["metadata"]["labels"][names.CLUSTER_CREDENTIAL]
    renamed(lab, east)
    user, key = lab.plane.user, members.key(east.name)

    def known(by):
        return {"metadata": {"labels": {names.CLUSTER_CREDENTIAL: by}}}

    async def come():
        """It is known again, and looked at, while a pass is under way."""
        seen = {"metadata": {"annotations": {names.CLUSTER_HEALTHY: None}}}
        await user.patch(key, seen)
        await user.patch(key, known(kind))
        while names.CLUSTER_HEALTHY not in (await user.get(key))["metadata"]["annotations"]:
            await anyio.sleep(0.05)
        await anyio.sleep(0.5)  # for the controller to hear that it was written

    lab.plane.call(user.patch, key, known(None))
    lab.patch("ConfigMap", "a", {"data": {"x": "2"}})
    lab.interrupt("apply", "configmaps", come)
    lab.plane.start()
    lab.eventually("put back", lambda: lab.get("ConfigMap", "a")["data"] == {"x": "1"})
    every = {("local", "a"): True, (east.name, "a"): True}
    lab.until("told", lambda found: services(found) == every)
    assert lab.settle()
    assert east.find("ConfigMap", "a")["metadata"]["uid"] == uid
