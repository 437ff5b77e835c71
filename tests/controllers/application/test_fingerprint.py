"""When a pass may be skipped: only if nothing it would look at has changed."""

from __future__ import annotations

import pytest

from lateen.api.application import Application
from lateen.controllers.application import sessions

META = {"name": "shop", "generation": 1, "labels": {"a": "1"}, "annotations": {"b": "1"}}


def owned(version="5", uid="u"):
    return (uid, version)


OWNED = (owned(),)


def mark(status=None, objects=OWNED, others=(("x", "1"),), **meta):
    app = Application({"metadata": META | meta})
    return sessions.fingerprint(app, {"status": "running"} | (status or {}), objects, others)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(mark(generation=2), id="the text"),
        pytest.param(mark(labels={}), id="a label"),
        pytest.param(mark(annotations={"b": "2"}), id="an annotation"),
        pytest.param(mark(deletionTimestamp="2026-11-23T20:00:00Z"), id="it is being deleted"),
        pytest.param(mark({"status": "unhealthy"}), id="the status, by someone else's hand"),
        pytest.param(mark(objects=()), id="an object that is gone"),
        pytest.param(mark(objects=[owned("6")]), id="an object that changed"),
        pytest.param(mark(objects=[owned(uid="v")]), id="an object made anew"),
        pytest.param(mark(others=[("x", "2")]), id="an object it refers to"),
    ],
)
def test_a_change_shows(other):
    assert other != mark()


def test_what_does_not_matter_does_not_show():
    assert mark(resourceVersion="9", managedFields=[{}]) == mark()
    pair = [owned(uid="a"), owned(uid="b")]
    assert mark(objects=pair) == mark(objects=pair[::-1])


def test_an_application_made_anew_has_a_session_of_its_own():
    known = sessions.Sessions()
    first = known.of(Application({"metadata": META | {"uid": "1"}}))
    assert known.of(Application({"metadata": META | {"uid": "1"}})) is first
    assert known.of(Application({"metadata": META | {"uid": "2"}})) is not first
    last = known.of(Application({"metadata": META | {"uid": "2"}}))
    known.forget("default", "shop")
    assert known.of(Application({"metadata": META | {"uid": "2"}})) is not last


def test_a_new_run_forgets():
    session = sessions.Session("u", settled="x")
    assert not session.complete, "what an earlier process delivered is not known"
    session.restart()
    assert session.complete
    assert session.settled == ""
