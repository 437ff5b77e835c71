"""Answers that refuse, read into errors and into the user's terms."""

from __future__ import annotations

import orjson
import pytest

from lateen.hub import errors


def read(status, body, retry_after=None):
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return errors.read(status, raw, verb="get", key=None, retry_after=retry_after)


@pytest.mark.parametrize(
    ("status", "body", "reason", "message"),
    [
        pytest.param(
            404,
            {"kind": "Status", "reason": "NotFound", "message": "no x"},
            "NotFound",
            "no x",
            id="a Status",
        ),
        pytest.param(
            502,
            b"<html>Bad Gateway</html>",
            "",
            "the server answered 502, with a page and not as Kubernetes does",
            id="a proxy",
        ),
        pytest.param(500, b"", "", "the server answered 500", id="nothing"),
        pytest.param(500, b'["a"]', "", '["a"]', id="JSON that is no Status"),
        pytest.param(500, b"\xff\xfe", "", "\ufffd\ufffd", id="bytes that are no text"),
        pytest.param(
            403, {"kind": "Status"}, "", "the server gave no reason", id="an empty Status"
        ),
    ],
)
def test_reading(status, body, reason, message):
    error = read(status, body)
    assert (error.status, error.reason, error.message) == (status, reason, message)


@pytest.mark.parametrize(
    ("header", "details", "seconds"),
    [
        pytest.param("3", {}, 3.0, id="the header"),
        pytest.param(None, {"retryAfterSeconds": 2}, 2.0, id="the Status"),
        pytest.param("3", {"retryAfterSeconds": 2}, 3.0, id="the header goes first"),
        pytest.param("Wed, 21 Oct 2015 07:28:00 GMT", {}, 0.0, id="a date is left alone"),
        pytest.param(None, {}, 0.0, id="nothing"),
    ],
)
def test_how_long_to_wait(header, details, seconds):
    assert read(429, {"kind": "Status", "details": details}, header).retry_after == seconds


@pytest.mark.parametrize(
    ("status", "reason", "true"),
    [
        (404, "NotFound", "not_found"),
        (409, "AlreadyExists", "already_exists"),
        (409, "Conflict", "conflict"),
        (403, "Forbidden", "forbidden"),
        (422, "Invalid", "unprocessable"),
        (410, "Expired", "gone"),
        (503, "ServiceUnavailable", "transient"),
        (0, "Timeout", "transient"),
        (0, "Certificate", None),
    ],
)
def test_questions(status, reason, true):
    error = errors.ApiError(status, reason, "", details={"name": "x"})
    questions = (
        "not_found",
        "already_exists",
        "conflict",
        "forbidden",
        "unprocessable",
        "gone",
        "transient",
    )
    assert [name for name in questions if getattr(error, name)] == ([true] if true else [])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"404 page not found\n", id="a version that is not served"),
        pytest.param(
            {
                "kind": "Status",
                "reason": "NotFound",
                "message": "the server could not find the requested resource",
                "details": {},
            },
            id="a kind that is not there",
        ),
        pytest.param(b"<html>404</html>", id="what stands before the API server"),
    ],
)
def test_what_says_nothing_of_an_object(body):
    error = read(404, body)
    assert error.unserved
    assert not error.not_found


def test_one_problem_for_each_refused_field():
    causes = [
        {
            "reason": "FieldValueInvalid",
            "message": "Invalid value: 70000",
            "field": "spec.ports[0]",
        },
        {"reason": "FieldValueRequired", "message": "Required value", "field": "spec.selector"},
    ]
    body = {
        "kind": "Status",
        "reason": "Invalid",
        "message": 'Service "x" is invalid: ...',
        "details": {"causes": causes},
    }
    found = read(422, body).problems()
    assert [(p.code, p.path, p.message) for p in found] == [
        ("hub.invalid", "spec.ports[0]", "Invalid value: 70000"),
        ("hub.invalid", "spec.selector", "Required value"),
    ]


@pytest.mark.parametrize(
    ("message", "manager"),
    [
        ('conflict with "kubectl" using apps/v1', "kubectl"),
        (
            'conflict with "hpa" with subresource "scale" using apps/v1 at 2026-01-01T00:00:00Z',
            "hpa",
        ),
        ("conflicts with an unknown manager", "conflicts with an unknown manager"),
    ],
)
def test_who_owns_a_field(message, manager):
    cause = {"reason": "FieldManagerConflict", "message": message, "field": ".spec.replicas"}
    error = read(409, {"kind": "Status", "reason": "Conflict", "details": {"causes": [cause]}})
    assert error.owned_fields == {"spec.replicas": manager}


def test_codes_are_words():
    error = errors.ApiError(429, "TooManyRequests", "slow down.")
    [problem] = error.problems()
    assert (problem.code, problem.message, problem.retry) == (
        "hub.too-many-requests",
        "slow down",
        True,
    )
