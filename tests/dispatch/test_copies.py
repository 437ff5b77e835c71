"""Secrets that are copies of another one."""

from __future__ import annotations

import pytest

from lateen.api import names
from lateen.api.manifest import Key
from lateen.dispatch import copies

OURS = {names.APP_NAME: "shop", names.APP_NAMESPACE: "n"}


def secret(data, labels=None, of=""):
    meta = {"name": "conn", "namespace": "n", "labels": labels or OURS}
    if of:
        meta["annotations"] = {names.COPY_OF: of}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data}


COPY = secret({"A": "old", "B": "old"}, of="n/conn-test")


@pytest.mark.parametrize(
    ("original", "data"),
    [
        pytest.param(secret({"A": "new"}), {"A": "new"}, id="it says what its source says"),
        pytest.param(None, {"A": "old", "B": "old"}, id="it outlives its source"),
        pytest.param(
            secret({"A": "theirs"}, {names.APP_NAME: "other", names.APP_NAMESPACE: "n"}),
            {"A": "old", "B": "old"},
            id="what is another's by now is none of its business",
        ),
        pytest.param(secret(None), {}, id="a source without anything"),
    ],
)
def test_what_a_copy_is_to_say(original, data):
    assert copies.of(COPY, original) == {**COPY, "data": data}


def test_what_is_a_copy_says_of_what():
    assert copies.source(secret({})) is None
    assert str(copies.source(COPY)) == str(Key("", "Secret", "n", "conn-test", "v1"))


def test_what_its_source_has_lost_is_outdated():
    desired = copies.of(COPY, secret({"A": "new"}))
    assert copies.outdated(COPY, desired, secret({"A": "new", "B": "old"}))
    assert not copies.outdated(COPY, desired, secret({"A": "new", "mine": "x"}))
