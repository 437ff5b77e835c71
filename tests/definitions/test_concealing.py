"""Two versions of an object without what is secret in them."""

from __future__ import annotations

import base64

import pytest

from lateen.base import paths
from lateen.definitions import concealing
from lateen.definitions.comparing import HIDDEN
from lateen.definitions.concealing import CHANGED


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


SECRET = {
    "kind": "Secret",
    "data": {"password": encoded("hunter22"), "short": encoded("80")},
    "stringData": {"token": "abcdefgh"},
}
SECRETS = concealing.held([SECRET, {"kind": "ConfigMap", "data": {"open": "not-secret"}}])


def test_what_secrets_hold():
    assert {
        encoded("hunter22"),
        encoded(encoded("hunter22")),
        "hunter22",
        encoded(encoded("80")),
        "abcdefgh",
        encoded("abcdefgh"),
    } == SECRETS


def test_the_texts_of_a_value():
    value = {"a": ["hunter22", 12345678, None], "b": {"c": "abcdefgh", "d": "80"}}
    plain = {"hunter22", "abcdefgh"}
    assert concealing.texts(value) == plain | {encoded(each) for each in plain}


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        pytest.param(
            {"kind": "Secret", "data": {"a": "1", "b": "1"}},
            {"kind": "Secret", "data": {"a": "1", "b": "2"}},
            (
                {"kind": "Secret", "data": {"a": HIDDEN, "b": HIDDEN}},
                {"kind": "Secret", "data": {"a": HIDDEN, "b": CHANGED}},
            ),
            id="the data of a Secret, whatever it is",
        ),
        pytest.param(
            {"objects": [{"kind": "Secret", "stringData": {"a": "1"}}]},
            {"objects": [{"kind": "Secret", "stringData": {"a": "2"}}]},
            (
                {"objects": [{"kind": "Secret", "stringData": {"a": HIDDEN}}]},
                {"objects": [{"kind": "Secret", "stringData": {"a": CHANGED}}]},
            ),
            id="a Secret in an application",
        ),
        pytest.param(
            {"url": "db://me:hunter22@here", "port": "80"},
            {"url": "db://me:hunter22@there", "port": "81"},
            ({"url": HIDDEN, "port": "80"}, {"url": CHANGED, "port": "81"}),
            id="a text with a secret in it, but none too short to tell",
        ),
        pytest.param(
            {"token": "plain"},
            {"token": "abcdefgh"},
            ({"token": "plain"}, {"token": HIDDEN}),
            id="what was no secret is shown",
        ),
        pytest.param(
            {"env": [{"name": "a", "value": "hunter22"}, {"name": "b", "value": "abcdefgh"}]},
            {"env": [{"name": "b", "value": "abcdefgh"}, {"name": "c", "value": "hunter22"}]},
            (
                {"env": [{"name": "a", "value": HIDDEN}, {"name": "b", "value": HIDDEN}]},
                {"env": [{"name": "b", "value": HIDDEN}, {"name": "c", "value": HIDDEN}]},
            ),
            id="items are told apart by their names",
        ),
        pytest.param(
            {"args": ["hunter22", "x"]},
            {"args": ["abcdefgh", "x", "hunter22"]},
            ({"args": [HIDDEN, "x"]}, {"args": [CHANGED, "x", HIDDEN]}),
            id="items without names by their places",
        ),
        pytest.param(
            {"value": "hunter22"},
            {"value": {"from": ["hunter22"]}},
            ({"value": HIDDEN}, {"value": {"from": [HIDDEN]}}),
            id="a value of another form",
        ),
        pytest.param(
            paths.MISSING,
            SECRET,
            (
                paths.MISSING,
                {
                    "kind": "Secret",
                    "data": {"password": HIDDEN, "short": HIDDEN},
                    "stringData": {"token": HIDDEN},
                },
            ),
            id="an object that is new",
        ),
    ],
)
def test_what_is_shown(before, after, shown):
    assert concealing.conceal(before, after, SECRETS) == shown
