"""Keep what was read from Secrets out of what everybody may read. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

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

    def hide(self, text: str) -> str:
        for each in sorted(self._texts, key=len, reverse=True):
            if len(each) >= _SHORTEST:
                text = text.replace(each, HIDDEN)
        return text

    def problems(self, error: Problem | Problems) -> Iterator[Problem]:
        for each in every(error):
            yield replace(each, message=self.hide(each.message), hint=self.hide(each.hint))


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
