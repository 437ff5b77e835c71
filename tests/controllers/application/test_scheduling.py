"""Restarts by annotation, and looks at an interval (semantics C5, inventory 1.4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lateen.api.application import Application
from lateen.base import clock
from lateen.controllers.application import scheduling
from tests.controllers.apps import app, apply_step, configmap, policy, settings
from tests.controllers.laboratory import Laboratory, condition
from tests.controllers.neighbours import act

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
RESTART = "app.oam.dev/restart-workflow"
INTERVAL = "app.oam.dev/reconcile-interval"


def at(seconds: float) -> str:
    return clock.stamp(NOW + timedelta(seconds=seconds))


def declared(**annotations: str) -> Application:
    names = {"restart": RESTART, "interval": INTERVAL}
    found = {names[name]: value for name, value in annotations.items()}
    return Application({"metadata": {"annotations": found}})


def finished(ended: float, scheduled: str = "") -> dict[str, Any]:
    status: dict[str, Any] = {"workflow": {"finished": True, "endTime": at(ended)}}
    return status | ({scheduling.FIELD: scheduled} if scheduled else {})


@pytest.mark.parametrize(
    ("text", "status", "expected"),
    [
        pytest.param("true", finished(-5), at(0), id="now"),
        pytest.param("true", finished(0), at(1), id="now, after a run that has just ended"),
        pytest.param("true", {}, at(0), id="now, before any run"),
        pytest.param("true", finished(-5, at(-2)), at(-2), id="noted already"),
        pytest.param("true", finished(-5, at(3600)), at(0), id="noted for later: comes first"),
        pytest.param("2026-02-01T00:00:00Z", finished(-5), "2026-02-01T00:00:00Z", id="a time"),
        pytest.param(
            "2026-02-01T02:00:00+02:00", {}, "2026-02-01T00:00:00Z", id="a time elsewhere"
        ),
        pytest.param("1h", finished(-600), at(3000), id="an hour after the last run"),
        pytest.param("1h", {"workflow": {}}, "", id="an hour after a run that goes on"),
        pytest.param("tomorrow", finished(-5), "", id="not a time"),
        pytest.param("-1h", finished(-5), "", id="not a time to come"),
    ],
)
def test_what_is_noted(text: str, status: dict[str, Any], expected: str) -> None:
    assert scheduling.scheduled(declared(restart=text), status, NOW) == expected


@pytest.mark.parametrize(
    ("text", "status", "expected"),
    [
        pytest.param("true", finished(-5), False, id="not noted yet"),
        pytest.param("true", finished(-5, at(0)), True, id="noted"),
        pytest.param("true", finished(-5, at(9)), False, id="noted for later is another one"),
        pytest.param(at(60), finished(-5, at(60)), True, id="a time, noted"),
        pytest.param("1h", finished(-5, at(3595)), False, id="again and again"),
    ],
)
def test_when_the_annotation_has_done_its_part(
    text: str, status: dict[str, Any], expected: bool
) -> None:
    assert scheduling.spent(declared(restart=text), status, NOW) is expected


@pytest.mark.parametrize(
    ("text", "status", "expected"),
    [
        pytest.param("", finished(-60, at(-5)), 0.0, id="due"),
        pytest.param("", finished(-60, at(30)), 30.0, id="in a while"),
        pytest.param("", finished(-60), None, id="never"),
        pytest.param("", finished(-5, at(-60)), None, id="done by a later run"),
        pytest.param("", {scheduling.FIELD: at(-5)}, None, id="a run goes on"),
        pytest.param("true", finished(-60, at(-5)), None, id="the annotation goes first"),
        pytest.param("1h", finished(-60, at(-5)), 0.0, id="one that stays does not"),
    ],
)
def test_when_it_runs_again(text: str, status: dict[str, Any], expected: float | None) -> None:
    found = declared(restart=text) if text else declared()
    assert scheduling.wait(found, status, NOW) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("30s", 30.0, id="a duration"),
        pytest.param("9s", None, id="too short"),
        pytest.param("soon", None, id="no duration"),
    ],
)
def test_the_interval(text: str, expected: float | None) -> None:
    app = declared(interval=text)
    assert scheduling.interval(app) == expected
    assert bool(scheduling.check(app)) is (expected is None)


def first(found: dict[str, Any]) -> str:
    """The id of the first step: another one in each run."""
    steps = (found["status"].get("workflow") or {}).get("steps") or [{}]
    return str(steps[0].get("id"))


def test_a_workflow_is_restarted_once(lab: Laboratory) -> None:
    before = lab.deliver(app(settings("a")))
    lab.patch("Application", "shop", {"metadata": {"annotations": {RESTART: "true"}}})
    found = lab.until("restarted", lambda found: first(found) not in ("None", first(before)))
    lab.running()
    lab.settle()
    after = lab.app()
    assert first(after) == first(found)
    assert RESTART not in after["metadata"].get("annotations", {})
    assert scheduling.FIELD not in after["status"]
    assert after["status"]["latestRevision"] == before["status"]["latestRevision"]
    assert lab.owned("ConfigMap") == {"a"}


def test_a_workflow_is_restarted_again_and_again(lab: Laboratory) -> None:
    lab.apply(app(settings("a"), annotations={RESTART: "2s"}))
    before = lab.running()
    other = ("None", first(before))
    second = lab.until("restarted", lambda found: first(found) not in other)
    seen = {first(before), first(second), "None"}
    lab.until("restarted again", lambda found: first(found) not in seen)
    assert lab.app()["metadata"]["annotations"][RESTART] == "2s"


def test_a_restart_at_a_time_survives_the_controller(lab: Laboratory) -> None:
    before = lab.deliver(app(settings("a")))
    moment = clock.stamp(datetime.now(UTC) + timedelta(hours=1))
    lab.patch("Application", "shop", {"metadata": {"annotations": {RESTART: moment}}})
    lab.until(
        "scheduled",
        lambda found: (
            found["status"].get(scheduling.FIELD) == moment
            and RESTART not in (found["metadata"].get("annotations") or {})
        ),
    )
    lab.plane.stop()
    soon = clock.stamp(datetime.now(UTC) + timedelta(seconds=2))  # the hour is nearly over
    lab.patch("Application", "shop", {"status": {scheduling.FIELD: soon}}, "status")
    lab.plane.start()
    lab.until("restarted", lambda found: first(found) not in ("None", first(before)))


def test_a_time_that_is_none_is_told(lab: Laboratory) -> None:
    found = lab.deliver(app(settings("a"), annotations={RESTART: "tomorrow"}))
    assert '"tomorrow" is no time to restart' in condition(found, "Policy")["message"]
    assert found["metadata"]["annotations"][RESTART] == "tomorrow"


@pytest.mark.slow
def test_it_is_looked_at_in_its_interval(lab: Laboratory) -> None:
    """What is only read is not watched: each look asks for it."""
    lab.apply(configmap("foreign"))
    only_read = {"selector": {"componentNames": ["foreign"]}}
    lab.deliver(
        app(
            settings("foreign"),
            policies=[policy("look", "read-only", rules=[only_read])],
            annotations={INTERVAL: "10s"},
        )
    )
    before = lab.settle()[("get", "configmaps")]
    lab.eventually("looked at", lambda: lab.sent()[("get", "configmaps")] > before)


def test_a_step_has_the_workflow_run_again(lab: Laboratory) -> None:
    again = act("again", "restart-workflow", {"after": "2s"})
    lab.apply(app(settings("a"), steps=[again, apply_step("a")]))
    before = lab.until("begun", lambda found: first(found) != "None")
    lab.until("restarted", lambda found: first(found) not in ("None", first(before)))


@pytest.mark.parametrize(
    ("given", "noted"),
    [
        pytest.param({"every": "2d"}, "172800s", id="again and again, in days"),
        pytest.param({"at": "2999-01-01T00:00:00Z"}, None, id="at a time"),
    ],
)
def test_a_step_notes_when(lab: Laboratory, given: dict[str, str], noted: str | None) -> None:
    lab.apply(app(settings("a"), steps=[act("again", "restart-workflow", given)]))
    lab.running()
    lab.until("noted", lambda found: scheduling.FIELD in found["status"])
    lab.until(
        "in the annotation, while it is to stay there",
        lambda found: (found["metadata"].get("annotations") or {}).get(RESTART) == noted,
    )
