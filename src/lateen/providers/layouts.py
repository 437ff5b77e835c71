"""Dates as Go lays them out: `2006-01-02 15:04:05`, the reference time written as wanted."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

RFC3339: Final = "2006-01-02T15:04:05Z07:00"

_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# longer ones first: 2006 is no 2 with 006 behind it
_TOKEN: Final = re.compile(
    r"January|Jan|Monday|Mon|MST|2006|Z07:00:00|Z070000|Z07:00|Z0700|Z07|-07:00:00|-070000|-07:00"
    r"|-0700|-07|[.,]0+(?!\d)|[.,]9+(?!\d)|__2|002|01|02|03|04|05|06|_2|15|PM|pm|1|2|3|4|5"
)
_NUMBERS: Final = {
    "2006": (r"\d{4}", "year"),
    "06": (r"\d{2}", "short_year"),
    "01": (r"\d{2}", "month"),
    "1": (r"\d{1,2}", "month"),
    "02": (r"\d{2}", "day"),
    "_2": (r" ?\d{1,2}", "day"),
    "2": (r"\d{1,2}", "day"),
    "002": (r"\d{3}", "year_day"),
    "__2": (r" {0,2}\d{1,3}", "year_day"),
    "15": (r"\d{2}", "hour"),
    "03": (r"\d{2}", "half_hour"),
    "3": (r"\d{1,2}", "half_hour"),
    "04": (r"\d{2}", "minute"),
    "4": (r"\d{1,2}", "minute"),
    "05": (r"\d{2}", "second"),
    "5": (r"\d{1,2}", "second"),
}


def write(moment: datetime, layout: str = RFC3339) -> str:
    """The moment as the layout has it."""
    return _TOKEN.sub(lambda found: _written(found[0], moment), layout)


def read(text: str, layout: str = RFC3339) -> datetime:
    """The moment a text means. Without a zone it is in UTC; what is not in the layout is 1 or 0.

    Raises:
        ValueError: the text is not laid out so, or no such moment.
    """
    tokens: list[str] = []
    pattern, at = "", 0
    for found in _TOKEN.finditer(layout):
        pattern += re.escape(layout[at : found.start()]) + f"({_pattern(found[0])})"
        tokens.append(found[0])
        at = found.end()
    # seconds may have a fraction, whether the layout has one or not
    match = re.fullmatch(pattern + re.escape(layout[at:]), text)
    if match is None:
        raise ValueError(f'"{text}" is not laid out as "{layout}"')
    return _moment(list(zip(tokens, match.groups(), strict=True)))


def _pattern(token: str) -> str:
    if token in _NUMBERS:
        digits = _NUMBERS[token][0]
        return rf"{digits}(?:[.,]\d+)?" if token in ("05", "5") else digits
    if token[0] in ".,":
        return r"(?:[.,]\d+)?"
    if token[0] in "Z-":
        sign = r"[+-]\d{2}(?::?\d{2}){0,2}"
        return rf"Z|{sign}" if token[0] == "Z" else sign
    names = {"January": _MONTHS, "Jan": _short(_MONTHS), "Monday": _DAYS, "Mon": _short(_DAYS)}
    return (
        "|".join(names[token]) if token in names else {"MST": "[A-Z]{3,4}"}.get(token, "[AaPp][Mm]")
    )


def _short(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word[:3] for word in words)


def _moment(found: list[tuple[str, str]]) -> datetime:
    parts: dict[str, int] = {}
    zone: timezone = UTC
    micros, afternoon = 0, None
    for token, text in found:
        if token in _NUMBERS:
            whole, _, fraction = text.replace(",", ".").partition(".")
            parts[_NUMBERS[token][1]] = int(whole)
            micros = micros or int(f"{fraction:0<6.6}") if fraction else micros
        elif token in ("January", "Jan"):
            parts["month"] = _short(_MONTHS).index(text[:3]) + 1
        elif token in ("PM", "pm"):
            afternoon = text.lower() == "pm"
        elif token[0] in "Z-":
            zone = _zone(text)
        elif token[0] in ".," and text:
            micros = int(f"{text[1:]:0<6.6}")
    hour = _hour(parts, afternoon)
    moment = datetime(
        _year(parts),
        parts.get("month", 1),
        parts.get("day", 1),
        hour,
        parts.get("minute", 0),
        parts.get("second", 0),
        micros,
        tzinfo=zone,
    )
    if "year_day" in parts:
        moment = moment.replace(month=1, day=1) + timedelta(days=parts["year_day"] - 1)
    return moment


def _year(parts: dict[str, int]) -> int:
    if "short_year" in parts:
        return parts["short_year"] + (1900 if parts["short_year"] >= 69 else 2000)
    return parts.get("year", 1)


def _hour(parts: dict[str, int], afternoon: bool | None) -> int:
    if "half_hour" not in parts:
        return parts.get("hour", 0)
    hour = parts["half_hour"]
    if afternoon is None:
        return hour
    return hour % 12 + (12 if afternoon else 0)


def _zone(text: str) -> timezone:
    if text == "Z":
        return UTC
    digits = text[1:].replace(":", "").ljust(6, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]), seconds=int(digits[4:6]))
    return timezone(-offset if text[0] == "-" else offset)


def _written(token: str, moment: datetime) -> str:
    if token in _NUMBERS:
        return _number(token, moment)
    if token[0] in ".,":
        digits = f"{moment.microsecond:06d}000"[: len(token) - 1]
        kept = digits.rstrip("0") if token[1] == "9" else digits
        return token[0] + kept if kept else ""
    if token[0] in "Z-":
        return _offset(token, moment)
    month, day = _MONTHS[moment.month - 1], _DAYS[moment.weekday()]
    half = "PM" if moment.hour >= 12 else "AM"
    written = {
        "January": month,
        "Jan": month[:3],
        "Monday": day,
        "Mon": day[:3],
        "MST": moment.tzname() or "UTC",
        "PM": half,
        "pm": half.lower(),
    }
    return written[token]


def _number(token: str, moment: datetime) -> str:
    values = {
        "year": moment.year,
        "short_year": moment.year % 100,
        "month": moment.month,
        "day": moment.day,
        "year_day": moment.timetuple().tm_yday,
        "hour": moment.hour,
        "half_hour": moment.hour % 12 or 12,
        "minute": moment.minute,
        "second": moment.second,
    }
    pad = " " if token[0] == "_" else "0"
    return f"{values[_NUMBERS[token][1]]:{pad}>{len(token)}d}"


def _offset(token: str, moment: datetime) -> str:
    offset = moment.utcoffset() or timedelta()
    if token[0] == "Z" and not offset:
        return "Z"
    seconds = abs(int(offset.total_seconds()))
    parts = [seconds // 3600, seconds // 60 % 60, seconds % 60]
    wanted = (len(token.replace(":", "")) - 1) // 2
    sign = "-" if offset < timedelta() else "+"
    return sign + (":" if ":" in token else "").join(f"{part:02d}" for part in parts[:wanted])
