"""`lateen cluster`: clusters joined, looked after, and let go."""

from __future__ import annotations

import json
import uuid

import pytest
from ruamel.yaml import YAML

from lateen import hub
from lateen.api import names
from lateen.api.manifest import Key
from lateen.api.tracker import Tracker
from lateen.cli.exits import Exit
from lateen.hub import members


@pytest.fixture
def name(plane):
    """A name for a cluster, which is let go in the end: these tests join the plane to itself."""
    name = f"east-{uuid.uuid4().hex[:6]}"
    yield name
    for each in (name, f"{name}-new"):
        plane.call(plane.client.delete, members.key(each))


@pytest.fixture
def joined(shell, plane, name):
    done = shell.run(
        "cluster", "join", str(plane.kubeconfig), "--name", name, "--labels", "region=eu,tier=1"
    )
    assert (done.exit_code, done.stdout) == (Exit.OK, f"cluster {name} joined\n"), done.output
    return name


@pytest.fixture
def tracked(plane, namespace, joined):
    """An inventory that lists an object in the cluster, and one here."""

    def entry(place, cluster):
        found = {"apiVersion": "v1", "kind": "ConfigMap", "name": place, "namespace": namespace}
        labels = {names.APP_CLUSTER: cluster}
        raw = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": place, "labels": labels},
        }
        return {**found, "cluster": cluster, "component": "web", "raw": raw}

    key = Key(names.GROUP, "ResourceTracker", "", f"shop-v1-{namespace}", "v1beta1")
    body = {
        "apiVersion": names.V1BETA1,
        "kind": "ResourceTracker",
        "metadata": {
            "name": key.name,
            "labels": {names.APP_NAME: "shop", names.APP_NAMESPACE: namespace},
        },
        "spec": {
            "type": "versioned",
            "applicationGeneration": 1,
            "managedResources": [entry("there", joined), entry("here", "local")],
        },
    }
    plane.call(plane.client.create, body)
    yield lambda: Tracker(plane.call(plane.client.get, key)).resources
    plane.call(plane.client.delete, key)


def listed(shell, name):
    done = shell.run("cluster", "list", "-o", "json")
    assert done.exit_code == Exit.OK, done.output
    return next((each for each in json.loads(done.stdout) if each["name"] == name), None)


def secret(plane, name):
    return plane.call(plane.client.get, members.key(name))


def test_a_joined_cluster_is_kept_as_kubevela_does_and_listed(shell, plane, joined):
    kept = secret(plane, joined)
    assert kept["metadata"]["labels"] == {
        "region": "eu",
        "tier": "1",
        "cluster.core.oam.dev/cluster-credential-type": "ServiceAccountToken",
        "cluster.core.oam.dev/cluster-endpoint-type": "Const",
    }
    assert {"endpoint", "ca.crt", "token"} == set(kept["data"])
    version = json.loads(kept["metadata"]["annotations"]["cluster.core.oam.dev/cluster-version"])
    assert version["gitVersion"].startswith("v1.")
    found = listed(shell, joined)
    assert found["labels"] == {"region": "eu", "tier": "1"}
    assert found["healthy"] is None  # nobody looked at it yet
    assert listed(shell, "local")["type"] == "Internal"
    table = shell.run("cluster", "list").stdout
    assert f"{joined} " in table
    assert "unknown" in table


def test_labels_and_alias(shell, joined):
    done = shell.run("cluster", "labels", "add", joined, "tier=2,ring=a")
    assert done.stdout == f"cluster {joined}: region=eu,ring=a,tier=2\n"
    done = shell.run("cluster", "labels", "del", joined, "region", "ring")
    assert done.stdout == f"cluster {joined}: tier=2\n"
    assert shell.run("cluster", "alias", joined, "Frankfurt").exit_code == Exit.OK
    found = listed(shell, joined)
    assert (found["labels"], found["alias"]) == ({"tier": "2"}, "Frankfurt")


def test_a_probe_asks_now(shell, plane, joined):
    done = shell.run("cluster", "probe", joined, "local")
    assert done.exit_code == Exit.OK, done.output
    assert done.stdout.count("true") == 2
    gone = {"data": {"endpoint": "aHR0cHM6Ly8xMjcuMC4wLjE6MQ=="}}  # port 1
    plane.call(plane.client.patch, members.key(joined), gone)
    done = shell.run("cluster", "probe", joined, "-o", "json")
    assert done.exit_code == Exit.FAILED
    [found] = json.loads(done.stdout)
    assert "cannot be reached" in found["reason"]


def test_an_exported_kubeconfig_leads_there(shell, joined, tmp_path):
    done = shell.run("cluster", "export-config", "-l", "region=eu")
    exported = YAML(typ="safe", pure=True).load(done.stdout)
    assert exported["current-context"] == joined
    file = tmp_path / "exported.yaml"
    file.write_text(done.stdout)
    there = shell.run("ls", "-A", "--kubeconfig", str(file))
    assert there.exit_code == Exit.OK, there.output
    none = shell.run("cluster", "export-config", "-l", "region=mars")
    assert none.exit_code == Exit.INPUT
    assert "no joined cluster has these labels" in none.stderr


def test_detaching_says_what_is_orphaned(shell, plane, namespace, joined, tracked):
    done = shell.run("cluster", "detach", joined)
    assert done.exit_code == Exit.INPUT
    assert f"application shop (namespace {namespace})" in done.stderr
    assert f"ConfigMap {namespace}/there" in done.stderr
    assert "/here" not in done.stderr
    assert "detach it with --yes" in done.stderr
    assert listed(shell, joined)

    done = shell.run("cluster", "detach", joined, "--yes")
    assert (done.exit_code, done.stdout) == (Exit.OK, f"cluster {joined} detached\n")
    assert listed(shell, joined) is None
    assert [each.name for each in tracked()] == ["here"]


def test_a_renamed_cluster_keeps_what_it_has(shell, plane, joined, tracked):
    done = shell.run("cluster", "rename", joined, f"{joined}-new")
    assert done.exit_code == Exit.OK, done.output
    assert listed(shell, joined) is None
    assert listed(shell, f"{joined}-new")["labels"] == {"region": "eu", "tier": "1"}
    there = next(each for each in tracked() if each.name == "there")
    assert there.cluster == f"{joined}-new"
    assert there.raw["metadata"]["labels"][names.APP_CLUSTER] == f"{joined}-new"


def test_credentials_are_renewed(shell, plane, joined):
    plane.call(plane.client.patch, members.key(joined), {"data": {"token": "d3Jvbmc="}})
    again = shell.run("cluster", "join", str(plane.kubeconfig), "--name", joined)
    assert again.exit_code == Exit.INPUT
    assert "--renew" in again.stderr
    done = shell.run("cluster", "join", str(plane.kubeconfig), "--name", joined, "--renew")
    assert done.exit_code == Exit.OK, done.output
    assert shell.run("cluster", "probe", joined).exit_code == Exit.OK
    assert listed(shell, joined)["labels"] == {"region": "eu", "tier": "1"}


def test_one_cluster_is_not_joined_twice(shell, plane, joined):
    done = shell.run("cluster", "join", str(plane.kubeconfig), "--name", f"{joined}-new")
    assert done.exit_code == Exit.INPUT
    assert f"is joined already, as {joined}" in done.stderr


@pytest.mark.parametrize(
    ("user", "said"),
    [
        pytest.param({"token": "wrong"}, "does not let us in", id="a wrong token"),
        pytest.param({"username": "a", "password": "b"}, "has neither a token", id="a password"),
        pytest.param(
            {
                "exec": {
                    "apiVersion": "client.authentication.k8s.io/v1",
                    "command": "no-such-plugin",
                }
            },
            "no-such-plugin",
            id="a plugin that is not there",
        ),
    ],
)
def test_credentials_that_do_not_serve(shell, plane, name, tmp_path, user, said):
    yaml = YAML(typ="safe", pure=True)
    config = yaml.load(plane.kubeconfig.read_text())
    config["users"][0]["user"] = user
    file = tmp_path / "wrong.yaml"
    with file.open("w") as stream:
        yaml.dump(config, stream)
    done = shell.run("cluster", "join", str(file), "--name", name)
    assert done.exit_code != Exit.OK
    assert said in done.stderr
    assert listed(shell, name) is None


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["detach", "nosuch"], Exit.NOT_FOUND, 'no cluster "nosuch"', id="unknown"),
        pytest.param(["detach", "local"], Exit.INPUT, "is the control plane itself", id="itself"),
        pytest.param(["labels", "add", "x", "eu"], Exit.INPUT, "write KEY=VALUE", id="no label"),
        pytest.param(["join", "nosuch.yaml"], Exit.INPUT, "no file nosuch.yaml", id="no file"),
        pytest.param(["probe", "nosuch"], Exit.NOT_FOUND, 'no cluster "nosuch"', id="to probe"),
    ],
)
def test_wrong_use(shell, arguments, code, said):
    done = shell.run("cluster", *arguments)
    assert done.exit_code == code, done.output
    assert said in done.stderr


def test_a_name_that_cannot_be_one(shell, plane):
    for wrong in ("local", "East!"):
        done = shell.run("cluster", "join", str(plane.kubeconfig), "--name", wrong)
        assert done.exit_code == Exit.INPUT
        assert "cannot be the name of a cluster" in done.stderr


def test_a_namespace_is_made_there(shell, plane, name):
    done = shell.run(
        "cluster",
        "join",
        str(plane.kubeconfig),
        "--name",
        name,
        "--create-namespace",
        f"made-{name}",
    )
    assert done.exit_code == Exit.OK, done.output
    key = Key("", "Namespace", "", f"made-{name}", "v1")
    assert plane.call(plane.client.get, key)
    plane.call(plane.client.delete, key)


def test_a_plugin_gives_the_credentials(shell, plane, name, tmp_path):
    yaml = YAML(typ="safe", pure=True)
    config = yaml.load(plane.kubeconfig.read_text())
    token = config["users"][0]["user"]["token"]
    given = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": token},
    }
    plugin = tmp_path / "plugin"
    plugin.write_text(f"#!/bin/sh\ncat <<EOF\n{json.dumps(given)}\nEOF\n")
    plugin.chmod(0o755)
    config["users"][0]["user"] = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": str(plugin),
            "interactiveMode": "Never",
        }
    }
    file = tmp_path / "plugin.yaml"
    with file.open("w") as stream:
        yaml.dump(config, stream)
    done = shell.run("cluster", "join", str(file), "--name", name)
    assert done.exit_code == Exit.OK, done.output
    assert listed(shell, name)["type"] == "Dynamic"
    assert shell.run("cluster", "probe", name).exit_code == Exit.OK
    with pytest.raises(hub.ApiError):
        plane.call(plane.client.get, members.key(f"{name}-new"))
