"""Conditions: one of each type, and a time that tells when the verdict last changed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lateen.api import conditions

EARLY, LATE = (datetime(2026, 11, 23, hour, tzinfo=UTC) for hour in (8, 20))
STAMP = "2026-11-23T{}:00:00Z"


def put(known, kind="Ready", now=EARLY, *, true=True, reason="Available", message=""):
    return conditions.put(known, kind, now, true=true, reason=reason, message=message)


def test_a_new_one_comes_last():
    found = put(put([], "Parsed"), "Ready", true=False, reason="Deleting", message="Waiting")
    assert found == [
        {
            "type": "Parsed",
            "status": "True",
            "reason": "Available",
            "lastTransitionTime": STAMP.format("08"),
        },
        {
            "type": "Ready",
            "status": "False",
            "reason": "Deleting",
            "message": "Waiting",
            "lastTransitionTime": STAMP.format("08"),
        },
    ]


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        pytest.param({}, False, id="the same again"),
        pytest.param({"message": "other words"}, False, id="other words"),
        pytest.param({"true": False}, True, id="another verdict"),
        pytest.param({"reason": "Deleting"}, True, id="another reason"),
    ],
)
def test_the_time_moves_with_the_verdict(change, moved):
    [found] = put(put([]), now=LATE, **change)
    assert found["lastTransitionTime"] == STAMP.format("20" if moved else "08")


def test_the_others_stay_as_they_are_and_where_they_are():
    known = put(put(put([], "Parsed"), "Render"), "Ready")
    found = put(known, "Render", LATE, true=False)
    assert [each["type"] for each in found] == ["Parsed", "Render", "Ready"]
    assert (found[0], found[2]) == (known[0], known[2])
    assert known[1]["status"] == "True", "what was given is not changed"


def test_finding():
    known = put([], "Parsed")
    assert conditions.find(known, "Parsed") is known[0]
    assert conditions.find(known, "Ready") is None
