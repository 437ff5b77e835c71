"""Evaluate the status texts of a definition: `details`, `healthPolicy`, `customStatus` (B8).

Each text is plain CUE with `context` and `parameter`. A text may read what the one before it gave,
as `context.status`; those that do not are evaluated together, in one engine call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from lateen.base import paths
from lateen.base.problem import Problem, Problems, every
from lateen.cue.engine import Engine
from lateen.cue.templates import Evaluation, Fill
from lateen.definitions import blaming, contexts

DETAILS, HEALTH, MESSAGE = "details", "healthPolicy", "customStatus"
ORDER = (DETAILS, HEALTH, MESSAGE)
_ASKED = {
    DETAILS: "details",
    HEALTH: "healthPolicy.isHealth",
    MESSAGE: "customStatus.message",
}
_LABEL_LIMIT = 32
_PLAIN = re.compile(r"[A-Za-z$][\w$]*")

_IMPORTS = re.compile(
    r'\A(?:\s|//[^\n]*\n)*((?:import\s+(?:\([^)]*\)|(?:\w+\s+)?"[^"]*")(?:\s|//[^\n]*\n)*)+)'
)
_IMPORT = re.compile(r'(?:\b(?!import\b)(\w+)\s+)?"([^"]+)"')


@dataclass
class Judgement:
    """What the texts of one definition say of its objects.

    `fault` says why a text cannot be used at all, which no change of the objects will mend.
    """

    healthy: bool = True
    message: str = ""
    details: dict[str, str] = field(default_factory=dict)
    fault: str = ""


async def judge(
    texts: Mapping[str, str],
    context: Mapping[str, Any],
    parameter: Mapping[str, Any] | None,
    engine: Engine,
    *,
    source: str,
) -> Judgement:
    """Evaluate what texts there are. None of them costs nothing.

    A health policy that fails, or gives no boolean, is unhealthy; a status that fails gives no
    message. Nothing here raises for what a definition's author got wrong.

    Source: semantics B8.
    """
    judgement = Judgement()
    status: dict[str, Any] = {}
    given = [(name, texts[name]) for name in ORDER if (texts.get(name) or "").strip()]
    for batch in _batches(given):
        work = _Batch(batch, {**context, "status": status}, parameter, engine, source)
        results = await work.evaluate()
        judgement.fault = judgement.fault or work.fault
        for name, _ in batch:
            _take(judgement, status, name, results.get(name))
    return judgement


def _batches(texts: Sequence[tuple[str, str]]) -> Iterable[list[tuple[str, str]]]:
    """Split the texts where one reads the results of those before it."""
    batch: list[tuple[str, str]] = []
    for name, text in texts:
        read = contexts.reads(text)
        if batch and (read is None or "status" in read):
            yield batch
            batch = []
        batch.append((name, text))
    if batch:
        yield batch


def _take(judgement: Judgement, status: dict[str, Any], name: str, value: Any) -> None:
    if name == DETAILS:
        public = {k: v for k, v in (value or {}).items() if len(k) < _LABEL_LIMIT}
        status["details"] = {k: v for k, v in public.items() if v is not paths.MISSING}
        judgement.details = {k: _exported(v) for k, v in public.items() if not k.startswith("$")}
    elif name == HEALTH:
        judgement.healthy = status["healthy"] = value is True
    elif isinstance(value, str):
        judgement.message = value


def _exported(value: Any) -> str:
    if value is paths.MISSING:
        return "_|_"
    return value if isinstance(value, str) else _syntax(value)


def _syntax(value: Any, depth: int = 0) -> str:
    """A value as CUE writes it."""
    if isinstance(value, Mapping):
        indent = "\t" * (depth + 1)
        lines = [f"{indent}{_label(k)}: {_syntax(v, depth + 1)}\n" for k, v in value.items()]
        return "{\n" + "".join(lines) + "\t" * depth + "}" if lines else "{}"
    if isinstance(value, list):
        return f"[{', '.join(_syntax(each, depth) for each in value)}]"
    return orjson.dumps(value).decode()


def _label(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else orjson.dumps(name).decode()


@dataclass
class _Batch:
    """Texts evaluated as one document, each below a field of its own."""

    texts: list[tuple[str, str]]
    context: Mapping[str, Any]
    parameter: Mapping[str, Any] | None
    engine: Engine
    source: str
    fault: str = ""

    async def evaluate(self) -> dict[str, Any]:
        """The value each text gives; a text that fails gives none."""
        try:
            result = await self._run(self.texts, [_ASKED[name] for name, _ in self.texts])
        except (Problem, Problems) as error:
            if len(self.texts) > 1:  # one bad text must not spoil the others
                return await self._one_by_one()
            self.fault = f"{self.texts[0][0]} of {self.source} cannot be used: {every(error)[0]}"
            return {}
        failed = {paths.parse(problem.path)[:1] for problem in result.problems}
        values: dict[str, Any] = {}
        for name, text in self.texts:
            if name == DETAILS:
                values[name] = await self._details(text, result.values.get(DETAILS))
            elif (name,) not in failed and _ASKED[name] in result.values:
                values[name] = result.values[_ASKED[name]]
        return values

    async def _one_by_one(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for each in self.texts:
            alone = _Batch([each], self.context, self.parameter, self.engine, self.source)
            values |= await alone.evaluate()
            self.fault = self.fault or alone.fault
        return values

    async def _run(self, texts: Sequence[tuple[str, str]], asked: Sequence[str]) -> Evaluation:
        wanted = [contexts.reads(text) for _, text in texts]
        known = [each for each in wanted if each is not None]
        sent = dict(self.context)
        if len(known) == len(wanted):
            names = frozenset().union(*known)
            sent = {name: value for name, value in sent.items() if name in names}
        fills = [
            Fill("context", sent, blaming.CONTEXT),
            Fill("parameter", self.parameter, blaming.PARAMETER),
        ]
        document = _document(tuple(texts))
        return await self.engine.evaluate(document, fills, asked, source=self.source)

    async def _details(self, text: str, whole: Any) -> dict[str, Any]:
        """Every regular field but those marked private; one without a value gives MISSING."""
        private: frozenset[str] = frozenset()
        names = list(whole or {})
        if whole is None or "@local" in text or "@private" in text:
            outline = await self.engine.outline(text, source=self.source)
            private = frozenset(
                each.name for each in outline.fields if _is_private(text, each.value.end)
            )
            if whole is None:
                names = [each.name for each in outline.fields if _is_regular(each.name)]
        found = dict(whole or {})
        if whole is None and names:
            asked = {name: paths.render((DETAILS, name)) for name in names}
            result = await self._run([(DETAILS, text)], list(asked.values()))
            found = {n: result.values.get(path, paths.MISSING) for n, path in asked.items()}
        hidden = {*private, "context", "parameter"}
        return {name: value for name, value in found.items() if name not in hidden}


def _is_regular(name: str) -> bool:
    return not name.startswith(("_", "#"))


def _is_private(text: str, end: int) -> bool:
    """Whether the field whose value ends at a byte carries @local or @private on that line."""
    rest = text.encode()[end:].decode(errors="ignore").split("\n", 1)[0]
    return "@local" in rest or "@private" in rest


@lru_cache(maxsize=1024)
def _document(texts: tuple[tuple[str, str], ...]) -> str:
    """One document of several texts. Their imports are lifted to its top."""
    imports: dict[tuple[str, str], None] = {}
    bodies = []
    for name, text in texts:
        head = _IMPORTS.match(text)
        body = text[head.end() :] if head else text
        if head:
            imports |= dict.fromkeys(_IMPORT.findall(head[1]))
        bodies.append(f"{name}: {{\n{body}\n}}")
    lines = [f'import {alias} "{path}"' for alias, path in imports]
    return "\n".join([*lines, "context: _", "parameter: _", *bodies, ""])
