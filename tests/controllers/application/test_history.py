"""History: every revision with its author, its changes and its end."""

from __future__ import annotations

import json

import pytest

from lateen.cli.exits import Exit
from tests.controllers.application.test_rollback import lateen
from tests.controllers.apps import app, apply_step, settings, step


@pytest.fixture
def delivered(lab):
    """One that went well, one that was given up, one that was terminated."""
    lab.deliver(app(settings("a", {"x": "1"})))
    lab.apply(app(settings("b"), steps=[apply_step("b"), step("wait", "suspend")]))
    lab.phase("workflowSuspending")
    lab.apply(app(settings("c"), steps=[apply_step("c"), step("wait", "suspend")]))
    lab.phase("workflowSuspending")
    assert lateen(lab, "workflow", "terminate", "shop").exit_code == Exit.OK
    lab.phase("workflowTerminated")
    lab.eventually("noted", lambda: lab.get("ApplicationRevision", "shop-v3").get("status"))
    return lab


def test_who_what_and_how_it_ended(delivered):
    shown = lateen(delivered, "history", "shop", "-o", "json")
    assert shown.exit_code == Exit.OK, shown.output
    found = {each["name"]: each for each in json.loads(shown.stdout)}
    assert list(found) == ["shop-v3", "shop-v2", "shop-v1"]
    assert [each["result"] for each in found.values()] == ["terminated", "given up", "succeeded"]
    assert found["shop-v3"]["changes"] == ["+component c", "-component b", "workflow"]
    assert {each["author"] for each in found.values()} == {"user"}, "the field manager of the text"
    assert [each["delivered"] for each in found.values()] == [True, False, False]
    table = lateen(delivered, "history", "shop").stdout.splitlines()
    assert table[1].startswith("* shop-v3")


def test_revisions_are_listed_as_kubevela_does(delivered):
    shown = lateen(delivered, "revision", "list", "shop")
    assert shown.exit_code == Exit.OK, shown.output
    head, *rows = (line.split() for line in shown.stdout.splitlines())
    assert head == [
        "NAME",
        "PUBLISH_VERSION",
        "SUCCEEDED",
        "HASH",
        "BEGIN_TIME",
        "STATUS",
        "SIZE",
    ]
    assert [(row[0], row[2]) for row in rows] == [
        ("shop-v1", "true"),
        ("shop-v2", "false"),
        ("shop-v3", "false"),
    ]
    assert lateen(delivered, "revision", "list").stdout == shown.stdout, "all there are here"


def test_one_revision_and_a_definition_of_then(delivered):
    whole = lateen(delivered, "revision", "get", "shop-v2", "-o", "json")
    assert json.loads(whole.stdout)["spec"]["application"]["spec"]["components"][0]["name"] == "b"
    text = lateen(delivered, "revision", "get", "shop-v2", "-d", "k8s-objects", "-o", "json")
    assert json.loads(text.stdout)["kind"] == "ComponentDefinition"
    for arguments in (["shop-v9"], ["shop-v2", "-d", "webservice"]):
        missing = lateen(delivered, "revision", "get", *arguments)
        assert missing.exit_code == Exit.NOT_FOUND, missing.output
