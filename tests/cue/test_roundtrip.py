"""Property: JSON that goes in comes out as it was."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import given, settings
from hypothesis import strategies as st

from lateen.cue.engine import Engine, Fill

# a float without a fraction is written 1.0 and read back so; the sign of zero is not kept
numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(-1e300, 1e300).map(lambda n: n + 0.0)
texts = st.text(st.characters(exclude_categories=["Cs"]))
# CUE takes labels that Unicode holds to be the same for the same
keys = texts.map(lambda text: unicodedata.normalize("NFC", text))
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[BlockingPortal, Engine]]:
    """Hypothesis calls plain functions, so the engine runs in a loop of its own."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(portal.call(Engine)) as engine,
    ):
        yield portal, engine


@settings(deadline=None, max_examples=150)
@given(value=json_values)
def test_json_round_trips(running: tuple[BlockingPortal, Engine], value: Any) -> None:
    portal, engine = running

    async def through() -> Any:
        fills = [Fill("x", value, "values")]
        found = await engine.evaluate("x: _", fills, ["x"], source="t.cue")
        assert not found.problems
        return found.values["x"]

    assert portal.call(through) == value
