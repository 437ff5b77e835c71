"""Clusters whose credentials end: an exec plugin is asked again, a login is refreshed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from typer.testing import CliRunner

from lateen.base import documents
from lateen.cli import main
from lateen.cli.exits import Exit
from lateen.hub import kubeconfig, members
from lateen.hub.connection import Call
from tests.controllers.apps import app, policy, settings
from tests.hub import issuer as issuers

pytestmark = [pytest.mark.xdist_group("clusters"), pytest.mark.slow]

JSON = (("Content-Type", "application/json"),)


def lateen(lab, *arguments):
    env = {"KUBECONFIG": str(lab.plane.kube.kubeconfig), "COLUMNS": "300"}
    return CliRunner().invoke(main.build(), list(arguments), env=env)


def account(joined, name):
    """A service account of the cluster that may do anything there; its token."""
    lab = joined.lab
    meta = {"name": name, "namespace": lab.namespace}
    made = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}
    lab.plane.call(joined.neighbour.client.create, made)
    group = "rbac.authorization.k8s.io"
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"{lab.namespace}-{name}"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
        # gone with the account; who has its name later is in another namespace
        "subjects": [{"kind": "ServiceAccount", **meta}],
    }
    lab.plane.call(joined.neighbour.client.create, binding)
    path = f"/api/v1/namespaces/{lab.namespace}/serviceaccounts/{name}/token"
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}

    async def ask():
        call = Call(
            "POST", path, "create", "serviceaccounts", body=orjson.dumps(asked), headers=JSON
        )
        return await joined.neighbour.client.connection.request(call)

    return lab.plane.call(ask)["status"]["token"]


@pytest.fixture
def plugin(tmp_path):
    """A program that gives the token in a file, and notes each time it is run."""
    token, runs = tmp_path / "token", tmp_path / "runs"
    until = datetime.now(UTC) + timedelta(hours=1)
    given = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "TOKEN", "expirationTimestamp": until.strftime("%Y-%m-%dT%H:%M:%SZ")},
    }
    program = tmp_path / "plugin"
    program.write_text(
        f"#!/bin/sh\necho run >> {runs}\n"
        f"sed \"s/TOKEN/$(cat {token})/\" <<'EOF'\n{json.dumps(given)}\nEOF\n"
    )
    program.chmod(0o755)

    class Plugin:
        @property
        def user(self):
            version = "client.authentication.k8s.io/v1"
            how = {"apiVersion": version, "command": str(program), "interactiveMode": "Never"}
            return {"exec": how}

        def gives(self, text):
            token.write_text(text)

        @property
        def runs(self):
            return len(runs.read_text().splitlines())

    return Plugin()


def test_a_token_that_ended_is_replaced(lab, fleet, plugin):
    east, _ = fleet
    plugin.gives(account(east, "first"))
    entries = kubeconfig.read(east.neighbour.kubeconfig)
    cluster = {**entries.cluster, "server": f"https://127.0.0.1:{east.proxy.port}"}
    secret = members.secret(east.name, cluster, plugin.user, {})

    async def store():
        await lab.plane.user.apply(secret, force=True)

    lab.plane.call(store)
    there = policy("there", "topology", clusters=[east.name])
    lab.deliver(app(settings("a", {"x": "1"}), policies=[there]))
    assert east.secret()["metadata"]["labels"]["cluster.core.oam.dev/cluster-credential-type"] == (
        "Dynamic"
    )
    before = plugin.runs

    plugin.gives(account(east, "second"))
    east.delete("ServiceAccount", "first")  # and with it its token; the server remembers for 10 s
    lab.eventually("asked again", lambda: plugin.runs > before, within=60.0)
    east.patch("ConfigMap", "a", {"data": {"x": "2"}})
    put_back = lambda: east.find("ConfigMap", "a")["data"] == {"x": "1"}  # noqa: E731
    lab.eventually("put back with another token", put_back, within=60.0)

    done = lateen(lab, "status", "shop", "--tree", "-n", lab.namespace)
    assert f"cluster {east.name}" in done.stdout
    assert "ConfigMap a" in done.stdout
    assert "does not answer" not in done.output


def test_a_login_that_ended_is_refreshed(lab, fleet, tmp_path):
    east, _ = fleet
    with issuers.running() as issuer:
        issuer.gives = account(east, "first")
        entries = kubeconfig.read(east.neighbour.kubeconfig)
        server = f"https://127.0.0.1:{east.proxy.port}"
        given = tmp_path / "config"
        config = {
            "clusters": [{"name": "it", "cluster": {**entries.cluster, "server": server}}],
            "users": [{"name": "it", "user": issuer.login()}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "current-context": "it",
        }
        given.write_text(documents.dump(config))
        done = lateen(lab, "cluster", "join", str(given), "--name", east.name)
        assert done.exit_code == Exit.OK, done.output
        assert "refreshes this login itself" in done.stderr
        # whoever wrote the kubeconfig has what became of the login too
        assert issuer.good in given.read_text()
        kind = "cluster.core.oam.dev/cluster-credential-type"
        assert east.secret()["metadata"]["labels"][kind] == "OIDC"
        there = policy("there", "topology", clusters=[east.name])
        lab.deliver(app(settings("a", {"x": "1"}), policies=[there]))
        assert len(issuer.asked) == 1

        issuer.answer = (400, {"error": "invalid_grant", "error_description": "no more"})
        ended = {"id-token": issuers.token("it", -1), "refresh-token": issuer.good}
        lab.plane.call(lab.plane.user.patch, members.key(east.name), members.refreshed(ended))
        east.delete("ServiceAccount", "first")  # the server remembers its token for 10 s
        told = lambda: lateen(lab, "cluster", "list").stderr  # noqa: E731
        lab.eventually("told", lambda: "cannot be refreshed: invalid_grant: no more" in told())

        issuer.gives, issuer.answer = account(east, "second"), None
        east.patch("ConfigMap", "a", {"data": {"x": "2"}})
        put_back = lambda: east.find("ConfigMap", "a")["data"] == {"x": "1"}  # noqa: E731
        lab.eventually("put back with another token", put_back)
        kept = members.Member(east.secret()).kubeconfig["users"][0]["user"]["auth-provider"]
        assert kept["config"]["refresh-token"] == issuer.good
        probed = lateen(lab, "cluster", "probe", east.name)
        assert probed.exit_code == Exit.OK, probed.output
