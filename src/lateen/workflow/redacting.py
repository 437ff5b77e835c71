"""Keep what was read from Secrets out of what everybody may read. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, Protocol

from lateen.api.manifest import Manifest
from lateen.base import paths
from lateen.base.problem import Problem, Problems, every

HIDDEN: Final = "<secret>"
_SHORTEST: Final = 4  # shorter texts are in everything, and give nothing away


class Secrets:
    """The secret texts one step has come across, and what they are hidden behind."""

    def __init__(self) -> None:
        self._texts: set[str] = set()

    @property
    def any(self) -> bool:
        return bool(self._texts)

    def learn(self, value: Any, at: Iterable[str] = ("",)) -> None:
        """Take in every text below `value`, or below the paths `at`; data of Secrets as it is
        written, and decoded.
        """
        for path in at:
            found = paths.lookup(value, paths.parse(path)) if path else value
            if found is not paths.MISSING:
                self._texts.update(_readings(found))

    def learn_objects(self, value: Any) -> None:
        """Take in the data of every Secret somewhere below `value`."""
        for each in _secrets(value):
            self.learn([each.get("data"), each.get("stringData")])

    def conceal(self, value: Any) -> Any:
        """The value without secret texts, also where one is the whole of a short value."""
        if isinstance(value, Mapping):
            return {key: self.conceal(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.conceal(each) for each in value]
        if value is None or isinstance(value, bool):
            return value
        if str(value) in self._texts:
            return HIDDEN
        return self.hide(value) if isinstance(value, str) else value

    def hide(self, text: str) -> str:
        for each in sorted(self._texts, key=len, reverse=True):
            if len(each) >= _SHORTEST:
                text = text.replace(each, HIDDEN)
        return text

    def problems(self, error: Problem | Problems) -> Iterator[Problem]:
        for each in every(error):
            yield replace(each, message=self.hide(each.message), hint=self.hide(each.hint))


class Variables(Protocol):
    """What a workflow remembers; `workflow.remembering.Memory` is one."""

    @property
    def variables(self) -> Mapping[str, Any]: ...
    def is_secret(self, name: str) -> bool: ...


def of(memory: Variables) -> Secrets:
    """The secret variables of a workflow."""
    found = Secrets()
    found.learn([value for name, value in memory.variables.items() if memory.is_secret(name)])
    return found


def _secrets(value: Any) -> Iterator[Manifest]:
    if isinstance(value, Mapping):
        if (value.get("apiVersion"), value.get("kind")) == ("v1", "Secret"):
            yield dict(value)
        for each in value.values():
            yield from _secrets(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _secrets(each)


def _readings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        try:
            yield base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _readings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _readings(each)
    elif value is not None and not isinstance(value, bool):
        yield str(value)
