"""Steps that make a Provider, and tell a program of a database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lateen.controllers.terraform import clouds, logins
from lateen.cue.engine import Engine, Fill
from tests.controllers.terraform.sites import Site


def stepping(*steps: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": "shop"},
        "spec": {"components": [], "workflow": {"steps": list(steps)}},
    }


@pytest.mark.anyio
@pytest.mark.parametrize("cloud", clouds.VARIABLES)
async def test_what_a_template_writes_is_a_login(cloud: str) -> None:
    wanted = clouds.VARIABLES[cloud]
    text = logins.text(cloud, wanted)
    given = {name: f"a {key}" for name, key in wanted.items()}
    fills = [
        Fill("context", {"name": "mine", "namespace": "vela-system"}, "context"),
        Fill("template.parameter", given, "config"),
    ]
    async with Engine() as engine:
        template = await engine.compile(f"{text}\ncontext: _\n", source=cloud)
        found = await template.evaluate(fills, ["template.output", "template.outputs"])
    assert not found.problems
    spec = found.values["template.outputs"]["provider"]["spec"]
    assert found.values["template.outputs"]["provider"]["metadata"]["namespace"] == "default"
    login = found.values["template.output"]["stringData"]["credentials"]
    assert clouds.environment(cloud, login, spec.get("region", "")) == given


def test_a_step_makes_a_provider_that_is_ready(site: Site) -> None:
    properties = {
        "type": "aws",
        "name": "mine",
        "accessKey": "somebody",
        "secretKey": "geheim-1234",
        "region": "eu-west-1",
    }
    step = {"name": "login", "type": "apply-terraform-provider", "properties": properties}
    site.lab.apply(stepping(step))
    site.lab.eventually("running", lambda: phase(site) == "running")
    provider = site.lab.get("Provider", "mine")
    assert provider["status"]["state"] == "ready"
    assert provider["spec"]["region"] == "eu-west-1"
    assert "geheim" not in str(provider) + str(site.lab.get("Application", "shop")["status"])


def test_a_connection_that_is_not_there_yet_is_waited_for(site: Site) -> None:
    step = {"name": "jdbc", "type": "generate-jdbc-connection", "properties": {"name": "db"}}
    site.lab.apply(stepping(step))

    def said() -> str:
        status = site.lab.get("Application", "shop").get("status") or {}
        return str(
            [each.get("message") for each in (status.get("workflow") or {}).get("steps", ())]
        )

    everything = "waiting for DB_HOST, DB_PORT, DB_NAME, DB_USER, DB_PASSWORD in the Secret"
    site.lab.eventually("it waits", lambda: everything in said())
    data = dict.fromkeys(("DB_HOST", "DB_NAME", "DB_USER", "DB_PASSWORD"), "x")
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}}
    site.lab.apply({**secret, "stringData": data})
    site.lab.eventually("it says what lacks", lambda: "waiting for DB_PORT in" in said())
    site.lab.apply({**secret, "stringData": {**data, "DB_PORT": "3306"}})
    site.lab.eventually("running", lambda: phase(site) == "running")


def phase(site: Site) -> str:
    found = site.lab.get("Application", "shop")
    return str((found.get("status") or {}).get("status") or "")
