"""Label selectors mean here what they mean on the server."""

from __future__ import annotations

import pytest

from lateen.hub import selectors

LABELS = {"app": "web", "tier": "front", "a.b/c-d": "1"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("app=web", True),
        ("app==web,tier=front", True),
        ("app=db", False),
        ("app!=web", False),
        ("none!=x", True),
        ("app", True),
        ("none", False),
        ("!none", True),
        ("!app", False),
        ("app in (db, web)", True),
        ("app notin (db,web)", False),
        ("none notin (x)", True),
        ("none in (x)", False),
        ("a.b/c-d=1 , app in (web),!gone", True),
        ("app=web,tier=back", False),
    ],
)
def test_matching(text, expected):
    assert selectors.parse(text)(LABELS) is expected


@pytest.mark.parametrize("text", ["app=web=x", "app in web", "=web", "app web", "a,,b"])
def test_what_is_no_selector(text):
    with pytest.raises(ValueError, match="not a label selector at character"):
        selectors.parse(text)
