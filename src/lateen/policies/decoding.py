"""Strict reading of a policy's properties: what is not known is an error, not ignored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lateen.api import checking
from lateen.api.application import Policy
from lateen.base import durations, suggest
from lateen.base.problem import Problem

_WORDS: dict[type, str] = {str: "text", bool: "true or false", list: "a list", dict: "a map"}


class Fields:
    """The fields of one map, read one by one; every problem is kept, none raised.

    A field of the wrong type reads as if it were absent. `path` is where the map stands in the
    application: `spec.policies[0].properties`.
    """

    def __init__(
        self, raw: Any, path: str, known: tuple[str, ...], problems: list[Problem], what: str
    ) -> None:
        self._path = path
        self._problems = problems
        self._what = what
        self._raw: Mapping[str, Any] = {}
        if isinstance(raw, Mapping):
            self._raw = raw
        elif raw is not None:
            problems.append(_mismatch(raw, dict, path))
        problems.extend(
            Problem(
                "policy.unknown-field",
                f'{what} has no field "{name}"',
                path=f"{path}.{name}",
                hint=suggest.nearest(name, known) or f"fields are {', '.join(known)}",
            )
            for name in self._raw
            if name not in known
        )

    def given(self, name: str) -> bool:
        return self._raw.get(name) is not None

    def raw(self, name: str) -> tuple[Any, str]:
        """What is given, whatever it is, and its path."""
        return self._raw.get(name), f"{self._path}.{name}"

    def text(self, name: str) -> str:
        return str(self._typed(name, str, ""))

    def flag(self, name: str, *, default: bool = False) -> bool:
        return bool(self._typed(name, bool, default))

    def duration(self, name: str, default: float) -> float:
        """Seconds, given as `30s` or `1h30m`, not negative."""
        text = self.text(name)
        if not text:
            return default
        try:
            seconds = durations.seconds(text)
        except ValueError as error:
            self._complain(name, str(error))
            return default
        if seconds < 0:
            self._complain(name, f'"{text}" is negative')
        return seconds

    def count(self, name: str) -> int | None:
        """A whole number that is not negative; None when it is not given."""
        value = self._raw.get(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
            return value
        self._complain(name, f"expected a count, found {checking.describe(value)}")
        return None

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """One of some words; empty when it is not given."""
        value = self.text(name)
        if value and value not in choices:
            near = suggest.nearest(value, choices)
            self._complain(name, f'"{value}" is none of {", ".join(choices)}', near)
            return ""
        return value

    def inner(self, name: str, known: tuple[str, ...]) -> Fields:
        """The fields of a map within."""
        raw, path = self._raw.get(name), f"{self._path}.{name}"
        return Fields(raw, path, known, self._problems, f"{name} of {self._what}")

    def map(self, name: str) -> dict[str, Any]:
        return dict(self._typed(name, dict, {}))

    def labels(self, name: str) -> dict[str, str]:
        return {
            key: value
            for key, value in self.map(name).items()
            if self._is(value, str, f'{self._path}.{name}["{key}"]')
        }

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(str(item) for item, path in self.items(name) if self._is(item, str, path))

    def items(self, name: str) -> list[tuple[Any, str]]:
        """The entries of a list, each with its path."""
        entries = self._typed(name, list, [])
        return [(item, f"{self._path}.{name}[{i}]") for i, item in enumerate(entries)]

    def _complain(self, name: str, message: str, hint: str = "") -> None:
        path = f"{self._path}.{name}"
        self._problems.append(Problem("policy.value", message, path=path, hint=hint))

    def _typed(self, name: str, kind: type, default: Any) -> Any:
        value = self._raw.get(name)
        if value is None or not self._is(value, kind, f"{self._path}.{name}"):
            return default
        return value

    def _is(self, value: Any, kind: type, path: str) -> bool:
        if isinstance(value, kind):
            return True
        self._problems.append(_mismatch(value, kind, path))
        return False


def _mismatch(value: Any, kind: type, path: str) -> Problem:
    expected = f"expected {_WORDS[kind]}, found {checking.describe(value)}"
    return Problem("policy.type", expected, path=path)


def properties(policy: Policy, known: tuple[str, ...], problems: list[Problem]) -> Fields:
    """The properties of a policy, `known` being all it may have."""
    what = f"{policy.type} policy {policy.name}"
    return Fields(policy.properties, f"{policy.path}.properties", known, problems, what)
