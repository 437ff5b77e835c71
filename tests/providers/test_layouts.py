"""Dates in Go's layouts, both ways."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.providers import layouts

MOMENT = datetime(2026, 3, 7, 15, 4, 5, 120000, tzinfo=timezone(timedelta(hours=-7, minutes=-30)))


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        pytest.param(layouts.RFC3339, "2026-03-07T15:04:05-07:30", id="RFC 3339"),
        pytest.param(
            "2006-01-02T15:04:05.999999999Z07:00", "2026-03-07T15:04:05.12-07:30", id="9s"
        ),
        pytest.param("15:04:05.000", "15:04:05.120", id="0s keep their digits"),
        pytest.param(
            "Mon, 02 Jan 2006 15:04:05 -0700", "Sat, 07 Mar 2026 15:04:05 -0730", id="mail"
        ),
        pytest.param("Monday, 2 January 06 3:04PM", "Saturday, 7 March 26 3:04PM", id="in words"),
        pytest.param("_2/1 03:4:5 pm", " 7/3 03:4:5 pm", id="padded, and not"),
        pytest.param("002 2006", "066 2026", id="day of the year"),
        pytest.param("20060102150405", "20260307150405", id="digits only"),
        pytest.param("Z0700 at", "-0730 at", id="other words stay"),
    ],
)
def test_writing(layout: str, expected: str) -> None:
    assert layouts.write(MOMENT, layout) == expected


@pytest.mark.parametrize(
    ("text", "layout", "expected"),
    [
        pytest.param(
            "2026-03-07T15:04:05-07:30",
            layouts.RFC3339,
            MOMENT.replace(microsecond=0),
            id="RFC 3339",
        ),
        pytest.param(
            "2026-03-07T15:04:05.12-07:30", layouts.RFC3339, MOMENT, id="a fraction goes anywhere"
        ),
        pytest.param(
            "2026-03-07T22:34:05Z", layouts.RFC3339, MOMENT.replace(microsecond=0), id="Z"
        ),
        pytest.param("7 March 26", "2 January 06", datetime(2026, 3, 7, tzinfo=UTC), id="in words"),
        pytest.param("12:30 AM", "3:04 PM", datetime(1, 1, 1, 0, 30, tzinfo=UTC), id="midnight"),
        pytest.param("12:30 PM", "3:04 PM", datetime(1, 1, 1, 12, 30, tzinfo=UTC), id="noon"),
        pytest.param(
            "066 2026", "002 2006", datetime(2026, 3, 7, tzinfo=UTC), id="day of the year"
        ),
        pytest.param("69", "06", datetime(1969, 1, 1, tzinfo=UTC), id="the last century"),
    ],
)
def test_reading(text: str, layout: str, expected: datetime) -> None:
    assert layouts.read(text, layout) == expected


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("2026-03-07", layouts.RFC3339),
        ("2026-02-30", "2006-01-02"),
        ("2026-03-07 x", "2006-01-02"),
        ("25:00", "15:04"),
    ],
)
def test_what_is_no_date(text: str, layout: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        layouts.read(text, layout)


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)))  # noqa: DTZ001
def test_what_was_written_is_read_again(moment: datetime) -> None:
    moment = moment.replace(tzinfo=UTC)
    layout = "Mon Jan _2 15:04:05.000000 2006 -0700"
    assert layouts.read(layouts.write(moment, layout), layout) == moment
