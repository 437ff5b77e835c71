"""What carries out an action: what it is given, and what it gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lateen.base.problem import Problem
from lateen.providers.ports import Asked, Outcome, Runtime, Signal


@dataclass(frozen=True)
class Answer:
    """What an action gives, before it is put where its form has results. None gives nothing."""

    results: Any = None
    signal: Signal | None = None
    secret: tuple[str, ...] = ()


@dataclass(frozen=True)
class Call:
    """One action under way.

    Attributes:
        path: where the text has the action.
        inputs_path: where it has the inputs.
        again: for actions inside what an action evaluates.
    """

    inputs: Any
    path: str
    inputs_path: str
    runtime: Runtime
    again: Callable[[Asked, Runtime], Awaitable[Outcome]]

    def text(self, *names: str, default: str | None = None) -> str:
        """A text among the inputs, `text("from", "address")` for one further in.

        Raises:
            Problem: `provider.input` where it is missing or no text.
        """
        return str(self._of(str, "text", names, default))

    def whole(self, *names: str, default: int | None = None) -> int:
        return int(self._of(int, "a whole number", names, default))

    def flag(self, *names: str, default: bool | None = None) -> bool:
        return bool(self._of(bool, "true or false", names, default))

    def map(self, *names: str, default: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return dict(self._of(Mapping, "a struct", names, default))

    def items(self, *names: str, default: Sequence[Any] | None = None) -> list[Any]:
        return list(self._of(list, "a list", names, default))

    def given(self, *names: str) -> Any:
        """Whatever is there, None for nothing."""
        value = self.inputs
        for name in names:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    def _of(self, kind: Any, said: str, names: tuple[str, ...], default: Any) -> Any:
        value = self.given(*names)
        if value is None and default is not None:
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            where = ".".join((self.inputs_path, *names))
            raise Problem("provider.input", f"{names[-1]} must be {said}", where)
        return value
