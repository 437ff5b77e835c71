"""`up` and `dry-run` ask the API servers of joined clusters before anything is sent."""

from __future__ import annotations

import pytest

from lateen.api import names
from lateen.api.manifest import Key
from lateen.base.problem import Problem
from lateen.cli import reaching, surroundings
from lateen.cli.exits import Exit
from lateen.hub import ApiError
from tests.cli.conftest import Member

APP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: settings
      type: k8s-objects
      properties:
        objects:
          - apiVersion: v1
            kind: ConfigMap
            metadata: {name: settings}
            data: DATA
  policies:
    - name: there
      type: topology
      properties: {clusters: [CLUSTERS], namespace: "SPACE"}
"""


@pytest.fixture
def asked(shell, namespace):
    """Writes the application for some clusters, and asks with a command."""

    def ask(*arguments, clusters, data="{x: y}", space=""):
        text = APP.replace("CLUSTERS", ", ".join(clusters))
        text = text.replace("DATA", data).replace("SPACE", space)
        return shell.run(*arguments, "-n", namespace, "-f", shell.write(text))

    return ask


@pytest.mark.parametrize("command", [["up", "--no-wait"], ["dry-run"]], ids=["up", "dry-run"])
def test_a_member_that_would_refuse_is_named(asked, plane, namespace, member, command):
    done = asked(*command, clusters=[member.name], space="nowhere")
    assert done.exit_code == Exit.INPUT, done.output
    assert f"in cluster {member.name}: there is no namespace nowhere" in done.stderr
    done = asked(*command, clusters=[member.name], data="{x: {y: z}}")
    assert done.exit_code == Exit.INPUT, done.output
    assert f"in cluster {member.name}: the cluster would not take ConfigMap settings" in done.stderr
    assert "app.yaml:6:7" in done.stderr  # the component
    with pytest.raises(ApiError):
        plane.call(plane.client.get, Key("core.oam.dev", "Application", namespace, "shop", ""))


def test_what_is_wrong_everywhere_is_said_once(asked, member):
    done = asked("dry-run", clusters=["local", member.name], data="{x: {y: z}}")
    assert done.exit_code == Exit.INPUT
    assert done.stderr.count("would not take ConfigMap settings") == 1
    assert "in cluster" not in done.stderr


def test_an_object_of_another_application_in_a_member_is_found(asked, plane, namespace, member):
    foreign = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "settings",
            "namespace": namespace,
            "labels": {"app.oam.dev/name": "other", "app.oam.dev/namespace": namespace},
        },
    }
    plane.call(plane.client.create, foreign)
    done = asked("dry-run", clusters=[member.name])
    assert done.exit_code != Exit.OK
    assert f"in cluster {member.name}: " in done.stderr
    assert "is managed by other application" in done.stderr


def test_a_member_that_is_down_is_a_warning(asked, member):
    member.cut()
    done = asked("up", "--no-wait", clusters=["local", member.name])
    assert done.exit_code == Exit.OK, done.output
    assert "application shop created" in done.stdout
    assert f"cluster {member.name} does not answer" in done.stderr


def test_a_member_that_is_down_gets_what_is_changed_later(asked, plane, namespace, member):
    both = ["local", member.name]
    assert asked("up", "--no-wait", clusters=both).exit_code == Exit.OK
    member.cut()
    done = asked("up", "--no-wait", clusters=both, data="{x: z}")
    assert done.exit_code == Exit.OK, done.output
    assert "application shop updated" in done.stdout


def test_what_is_in_a_member_that_is_down_counts_as_there(asked, plane, namespace, member):
    asked("up", "--no-wait", clusters=["local", member.name])
    app = plane.call(plane.client.get, Key("core.oam.dev", "Application", namespace, "shop", ""))
    labels = {names.APP_NAME: "shop", names.APP_NAMESPACE: namespace}
    there = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": f"c{index}", "namespace": namespace}
        for index in range(21)
    ]
    tracker = {
        "apiVersion": names.V1BETA1,
        "kind": "ResourceTracker",
        "metadata": {
            "name": f"shop-v1-{namespace}",
            "labels": {**labels, names.APP_UID: app["metadata"]["uid"]},
        },
        "spec": {
            "type": "versioned",
            "applicationGeneration": 1,
            "managedResources": [
                {**each, "cluster": member.name, "component": "old", "raw": sent(each, labels)}
                for each in there
            ],
        },
    }
    plane.call(plane.client.create, tracker)
    key = Key(names.GROUP, "ResourceTracker", "", f"shop-v1-{namespace}", "v1beta1")
    member.cut()
    done = asked("up", "--no-wait", clusters=["local"], data="{x: z}")
    plane.call(plane.client.delete, key)
    assert done.exit_code == Exit.INPUT, done.output
    assert "this removes 21 objects" in done.stderr


def sent(entry, labels):
    """The object of an entry, as it was sent."""
    meta = {"name": entry["name"], "namespace": entry["namespace"], "labels": labels}
    return {"apiVersion": entry["apiVersion"], "kind": entry["kind"], "metadata": meta}


def test_without_a_control_plane_named_clusters_are_taken_at_their_word(asked):
    done = asked("dry-run", "--offline", clusters=["local", "berlin"])
    assert done.exit_code == Exit.OK, done.output
    assert "on cluster berlin" in done.stdout


@pytest.mark.parametrize(
    ("selector", "code", "said"),
    [
        pytest.param(
            "{region: eu}", Exit.INPUT, "error: labels of clusters are not known offline", id="none"
        ),
        pytest.param("{}", Exit.OK, "warning: policy there selects clusters by labels", id="all"),
    ],
)
def test_without_a_control_plane_labels_are_not_known(shell, selector, code, said):
    text = APP.replace("clusters: [CLUSTERS]", f"clusterLabelSelector: {selector}")
    file = shell.write(text.replace("DATA", "{}").replace("SPACE", ""))
    done = shell.run("dry-run", "--offline", "-f", file)
    assert done.exit_code == code, done.output
    assert said in done.stderr
    assert "without --offline" in done.stderr


REFERRING = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: copy
      type: ref-objects
      properties: {objects: [{resource: configmap, name: NAME, cluster: CLUSTER}]}
  policies:
    - {name: there, type: topology, properties: {namespace: default}}
"""


def test_what_is_referred_to_in_a_member_is_shown(shell, plane, namespace, member):
    def run(name, *more):
        text = REFERRING.replace("NAME", name).replace("CLUSTER", member.name)
        return shell.run("dry-run", "-f", shell.write(text), "-n", namespace, *more)

    meta = {"name": f"of-{namespace}", "namespace": namespace}
    plane.call(
        plane.client.create,
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"x": "1"}},
    )
    done = run(meta["name"])
    assert done.exit_code == Exit.OK, done.output
    assert "x: '1'" in done.stdout
    assert "resourceVersion" not in done.stdout
    done = run("nosuch")
    assert done.exit_code == Exit.INPUT
    assert f"there is no configmap {namespace}/nosuch in cluster {member.name}" in done.stderr
    assert "app.yaml:8:30" in done.stderr
    done = run("nosuch", "--offline")
    assert done.exit_code == Exit.OK, done.output
    assert "copy cannot be shown: what it refers to is known to a control plane" in done.stderr


@pytest.mark.parametrize(
    "broken",
    [Member.cut, Member.spoil, Member.unplug],
    ids=["down", "no way to it", "a plugin that is not on this machine"],
)
def test_a_template_reads_in_a_member_and_knows_nothing_of_one_that_is_away(plane, member, broken):
    async def ask():
        async with surroundings.sources() as fetching, reaching.every(plane.client) as reach:
            runtime = surroundings.of(reach, "default", fetching)
            assert runtime.objects
            assert runtime.abilities
            able = await runtime.abilities.abilities(member.name)
            try:
                listed = await runtime.objects.list(member.name, "v1", "Namespace")
                key = Key("", "Namespace", "", "default", "")
                return able, listed, await runtime.objects.get(member.name, key)
            except Problem as problem:
                return able, problem, None

    able, listed, found = plane.call(ask)
    assert found["metadata"]["uid"] in [each["metadata"]["uid"] for each in listed]
    broken(member)
    able_then, problem, _ = plane.call(ask)
    assert problem.code == "provider.unavailable"
    assert "nothing is known of it" in problem.message
    assert able_then == able  # those of the control plane's own
