"""`lateen undelete`: what was deleted is listed, and brought back."""

from __future__ import annotations

import json

import pytest

from lateen import hub
from lateen.api.manifest import Key
from lateen.base.clock import SystemClock
from lateen.cli.exits import Exit
from lateen.gc import recycling


@pytest.fixture
def deleted(plane, namespace):
    """Two ConfigMaps of the application `shop`, in the bin."""

    async def throw(name):
        made = await plane.client.create(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": name, "namespace": namespace},
                "data": {"key": "private"},
            }
        )
        await recycling.Bin(plane.client, SystemClock(), days=7).keep(made, (namespace, "shop"))
        await plane.client.delete(Key("", "ConfigMap", namespace, name, "v1"))

    for name in ("one", "two"):
        plane.call(throw, name)


def data(plane, namespace, name):
    async def get():
        return await plane.client.get(Key("", "ConfigMap", namespace, name, "v1"))

    return plane.call(get)["data"]


def test_what_is_kept_is_listed_without_its_content(shell, namespace, deleted):
    listed = shell.run("undelete", "shop", "--list", "-n", namespace)
    assert listed.exit_code == Exit.OK, listed.output
    assert "ConfigMap/one" in listed.stdout
    assert "private" not in listed.stdout
    entries = json.loads(shell.run("undelete", "shop", "-l", "-n", namespace, "-o", "json").stdout)
    assert {each["name"] for each in entries} == {"one", "two"}


def test_one_object_comes_back(shell, plane, namespace, deleted):
    done = shell.run("undelete", "shop", "ConfigMap/one", "-n", namespace)
    assert (done.exit_code, done.stdout) == (Exit.OK, "ConfigMap/one restored\n")
    assert data(plane, namespace, "one") == {"key": "private"}
    with pytest.raises(hub.ApiError):
        data(plane, namespace, "two")


def test_everything_comes_back(shell, plane, namespace, deleted):
    done = shell.run("undelete", "shop", "-n", namespace)
    assert done.exit_code == Exit.OK, done.output
    assert data(plane, namespace, "one") == data(plane, namespace, "two") == {"key": "private"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["shopp"], "nothing that was deleted of application shopp", id="the name"),
        pytest.param(["shop", "ConfigMap/ones"], 'did you mean "ConfigMap/one"?', id="the object"),
    ],
)
def test_what_is_not_kept(shell, namespace, deleted, arguments, said):
    done = shell.run("undelete", *arguments, "-n", namespace)
    assert done.exit_code == Exit.NOT_FOUND
    assert said in done.stderr
