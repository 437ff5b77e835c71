"""Kubernetes events of an application (inventory 1.2): one for each change worth telling."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.controllers import settings as chosen
from lateen.controllers.application import announcing
from tests.controllers.apps import app, apply_step, settings, step
from tests.controllers.laboratory import writes


def status(
    *conditions: tuple[str, bool] | tuple[str, bool, str],
    run: str = "",
    revision: str = "shop-v1",
    start: str = "1",
) -> dict[str, Any]:
    """A status: conditions as (type, true, message), and how far the workflow is."""
    return {
        "conditions": [
            {
                "type": kind,
                "status": "True" if true else "False",
                "reason": "Available" if true else "ReconcileError",
                "message": "".join(more),
            }
            for kind, true, *more in conditions
        ],
        "latestRevision": {"name": revision},
        "workflow": {"status": run, "appRevision": revision, "startTime": start} if run else {},
    }


PARSED = ("Parsed", True)
DONE = [PARSED, ("Revision", True), ("Render", True), ("Workflow", True), ("Ready", True)]


@pytest.mark.parametrize(
    ("before", "after", "wanted", "expected"),
    [
        pytest.param({}, status(*DONE, run="succeeded"), "outcome", ["Deployed"], id="outcome"),
        pytest.param(
            {},
            status(*DONE, run="succeeded"),
            "all",
            ["Parsed", "Revisioned", "Rendered", "Applied", "Deployed"],
            id="every stage",
        ),
        pytest.param({}, status(*DONE, run="succeeded"), "failures", [], id="failures only"),
        pytest.param(
            status(*DONE, run="succeeded"),
            status(*DONE, run="succeeded"),
            "all",
            [],
            id="nothing new",
        ),
        pytest.param(
            status(*DONE, run="succeeded"),
            status(*DONE, run="succeeded", revision="shop-v2"),
            "all",
            ["Parsed", "Revisioned", "Rendered", "Applied", "Deployed"],
            id="another revision",
        ),
        pytest.param(
            status(*DONE, run="succeeded"),
            status(*DONE, run="succeeded", start="2"),
            "outcome",
            ["Deployed"],
            id="the workflow ran again",
        ),
        pytest.param(
            {},
            status(("Parsed", False, "no type"), ("Ready", False, "no type")),
            "failures",
            ["FailedParse: no type"],
            id="Ready only repeats it",
        ),
        pytest.param(
            status(("Parsed", False, "no type"), ("Ready", False, "no type")),
            status(("Parsed", False, "no type"), ("Ready", False, "no type")),
            "failures",
            [],
            id="the same failure again",
        ),
        pytest.param(
            status(("Parsed", False, "no type")),
            status(("Parsed", False, "no name")),
            "failures",
            ["FailedParse: no name"],
            id="another failure",
        ),
        pytest.param(
            status(*DONE, run="succeeded"),
            status(*DONE[:3], ("Workflow", False, "a"), ("Ready", False, "a"), run="failed"),
            "outcome",
            ["FailedWorkflow: a"],
            id="a workflow that failed",
        ),
        pytest.param(
            status(*DONE, run="succeeded"),
            status(*DONE[:4], ("StateKeep", False, "b"), ("Ready", False, "b"), run="succeeded"),
            "outcome",
            ["FailedStateKeep: b"],
            id="drift that cannot be put back",
        ),
        pytest.param(
            status(*DONE, run="succeeded"),
            status(*DONE[:4], ("Ready", False, "c"), run="succeeded"),
            "outcome",
            ["FailedGC: c"],
            id="what is left over cannot be deleted",
        ),
    ],
)
def test_what_is_told(
    before: dict[str, Any], after: dict[str, Any], wanted: chosen.Events, expected: list[str]
):
    found = announcing.news(before, after, wanted)
    told = [
        f"{each.reason}: {each.message}" if each.kind == announcing.WARNING else each.reason
        for each in found
    ]
    assert told == expected


def test_waiting_for_a_deletion_is_no_failure():
    waiting = status()
    waiting["conditions"] = [{"type": "Ready", "status": "False", "reason": "Deleting"}]
    assert list(announcing.news({}, waiting, "all")) == []


def events(lab, **expected):
    """Wait for the events of `shop`; reason -> (type, message)."""

    def found():
        every = [e for e in lab.list("Event") if e["involvedObject"]["name"] == "shop"]
        return {e["reason"]: (e["type"], e["message"]) for e in every}

    lab.eventually("told", lambda: set(found()) >= set(expected))
    return found()


def test_a_delivery_is_told_once(lab):
    declared = lab.deliver(app(settings("a")))
    assert events(lab, Deployed=1) == {"Deployed": ("Normal", "shop-v1 is deployed")}
    [event] = lab.list("Event")
    assert event["involvedObject"]["uid"] == declared["metadata"]["uid"]
    assert event["source"] == {"component": "lateen"}
    before = lab.settle()
    lab.plane.restart()
    assert writes(lab.settle(calm=0.5) - before) == {}


def test_a_failure_is_told(lab):
    lab.apply(app({"name": "a", "type": "nothing"}))
    kind, message = events(lab, FailedParse=1)["FailedParse"]
    assert kind == "Warning"
    assert 'there is no component type "nothing"' in message


def test_what_is_told_again_is_counted(lab):
    good = [apply_step("a")]
    lab.deliver(app(settings("a"), steps=good))
    lab.deliver(app(settings("a"), steps=[*good, step("b", "suspend", **{"if": "false"})]))
    lab.deliver(app(settings("a"), steps=good))  # the first revision once more
    expected = {"shop-v1 is deployed": 2, "shop-v2 is deployed": 1}

    def told():
        return {e["message"]: e["count"] for e in lab.list("Event")}

    lab.eventually("counted", lambda: told() == expected)
