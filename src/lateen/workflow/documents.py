"""Values out of the document of a step: what `valueFrom` of its outputs asks for (semantics E4)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lateen.base.problem import Problem, Problems, every
from lateen.cue.engine import Engine, Fill
from lateen.providers.packages import Packages
from lateen.workflow import expressions

_ANSWER: Final = "$answer"
_FIRST: Final = re.compile(r"\w+")
_QUOTED: Final = re.compile(r'"([^"]+)"')


@dataclass(frozen=True)
class Document:
    """The document of a step after its actions. Implements `workflow.ports.Expressions`."""

    engine: Engine
    text: str
    fills: tuple[Fill, ...]
    source: str
    packages: Packages

    async def evaluate(self, expression: str, scope: Mapping[str, Any]) -> Any:
        """The concrete value of a path, an expression or a script with imports in the document.

        `scope` is not looked at: all of it is in the document. A path that leads nowhere is tried
        again with `$returns` after its first part.

        Raises:
            Problem: as `workflow.ports.Expressions`.
        """
        text = expression.strip()
        if not expressions.PLAIN.fullmatch(text):
            return await self._ask(text)
        further = _FIRST.sub(r"\g<0>.$returns", text, count=1)
        values = await self._values(self.text, [text, further])
        for tried in (text, further):
            if tried in values:
                return values[tried]
        shown = f"{text}.$returns"
        said = f"failed to lookup value: var(path={shown}) not exist"
        raise Problem("expression.undefined", said)

    async def _ask(self, text: str) -> Any:
        imports, body = expressions.split(text)
        known = set(_QUOTED.findall(self.text.partition("{")[0]))
        new = "".join(
            f'import "{each}"\n' for each in _QUOTED.findall(imports) if each not in known
        )
        document = f"{new}{self.text}\n{_ANSWER}: {body}\n"
        values = await self._values(document, [_ANSWER], require=True)
        return values[_ANSWER]

    async def _values(
        self, text: str, asked: list[str], *, require: bool = False
    ) -> Mapping[str, Any]:
        try:
            result = await self.engine.evaluate(
                text,
                self.fills,
                asked,
                source=self.source,
                packages=self.packages,
                require=asked if require else (),
            )
        except (Problem, Problems) as error:
            raise expressions.failure(every(error)) from error
        if require and asked[0] not in result.values:
            raise expressions.failure(result.problems)
        return result.values
