"""Log lines for machines."""

from __future__ import annotations

import json
import logging

import pytest

from lateen.base import loglines
from tests.controllers.insight.test_measuring import SHOP
from tests.controllers.laboratory import Laboratory


def record(message: str, *given: object, **more: object) -> logging.LogRecord:
    made = logging.LogRecord("lateen.x", logging.WARNING, "x.py", 1, message, given, None)
    made.__dict__.update(more)
    return made


def test_a_line_is_one_object_with_what_it_is_about() -> None:
    about = loglines.about(application="shop", namespace="n", step="", revision="shop-v1")
    line = loglines.formatter("json").format(record("it is %s", "late\nand more", **about))
    assert "\n" not in line
    found = json.loads(line)
    assert found.pop("time").endswith("Z")
    assert found == {
        "level": "warning",
        "logger": "lateen.x",
        "message": "it is late\nand more",
        "application": "shop",
        "namespace": "n",
        "revision": "shop-v1",
    }


def test_an_error_keeps_its_trace() -> None:
    made = record("broken")
    try:
        raise ValueError("bad")
    except ValueError as error:
        made.exc_info = (type(error), error, error.__traceback__)
    assert "ValueError: bad" in json.loads(loglines.formatter("json").format(made))["trace"]


def test_lines_for_people_stay_as_they_are() -> None:
    about = loglines.about(application="shop")
    line = loglines.formatter("text").format(record("it is late", **about))
    assert line.endswith(" WARNING lateen.x it is late")


def test_a_delivery_tells_of_its_steps_and_phases(
    lab: Laboratory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lateen.applications")
    lab.apply(SHOP)
    lab.running("shop")
    common = {"application": "shop", "namespace": lab.namespace, "revision": "shop-v1"}

    def told() -> list[dict[str, str]]:
        found = [getattr(each, "about", {}) for each in caplog.records]
        return [each for each in found if each.get("namespace") == lab.namespace]

    # what is logged is what has been written, so it comes a moment later
    done = {**common, "phase": "running"}
    lab.eventually("a line of the last phase", lambda: done in told())
    assert {**common, "step": "settings", "phase": "succeeded"} in told()
