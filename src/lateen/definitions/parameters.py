"""Check properties against the described `parameter` of a definition, before any evaluation.

Pure. Says only what is certain: CUE has the last word, and where a schema offers alternatives it
has the only one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from lateen.api.application import Component
from lateen.base import paths, suggest
from lateen.base.problem import Position, Problem
from lateen.cue.reports import Field

_NUMBER = re.compile(r"-?\d+")


@dataclass(frozen=True)
class Findings:
    """What a check found: problems that make rendering pointless, and what looks like a slip."""

    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()

    def __add__(self, other: Findings) -> Findings:
        return Findings(self.problems + other.problems, self.warnings + other.warnings)


def check(
    properties: Mapping[str, Any],
    schema: Field,
    path: str,
    filled: Collection[str] = (),
    *,
    strict: bool = False,
) -> Findings:
    """Check the properties at `path` of an application against the schema of a `parameter`.

    `filled` are paths in the application that a workflow input sets later: what is missing there
    is no mistake, and what stands there is not quoted. An unknown parameter is a warning, unless
    the schema is closed or the check `strict`.

    Problems have the codes `parameter.type`, `.missing`, `.value` and `.unknown`.
    """
    work = _Check(tuple(map(paths.parse, filled)), strict)
    work.value(properties, schema, paths.parse(path))
    return Findings(tuple(work.problems), tuple(work.warnings))


def input_targets(component: Component) -> frozenset[str]:
    """Where in the application the inputs of a component put their values (semantics C4, F8)."""
    keys = (str(given.get("parameterKey") or "") for given in component.inputs)
    return frozenset(
        f"{component.path}.{key}"
        if key.startswith(("properties", "traits["))
        else f"{component.path}.properties.{key}"
        for key in keys
        if key
    )


@dataclass
class _Check:
    filled: tuple[paths.Path, ...]
    strict: bool
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def value(self, value: Any, schema: Field, at: paths.Path) -> None:
        kinds = schema.type.split(" | ")
        if not _fits(value, kinds):
            message = f"expected {_expected(kinds)}, found {self._found(value, at)}"
            hint = "" if self._given_later(at) else _mend(value, kinds)
            self._problem("type", message, at, hint, schema)
        elif schema.values and not any(_same(value, allowed) for allowed in schema.values):
            allowed = ", ".join(_quoted(each) for each in schema.values)
            message = f"expected one of {allowed}, found {self._found(value, at)}"
            hint = suggest.nearest(value, map(str, schema.values)) if isinstance(value, str) else ""
            self._problem("value", message, at, "" if self._given_later(at) else hint, schema)
        elif isinstance(value, Mapping) and "any" not in kinds:
            self._members(value, schema, at)
        elif isinstance(value, list) and schema.items is not None:
            for index, item in enumerate(value):
                self.value(item, schema.items, (*at, index))

    def _members(self, value: Mapping[str, Any], schema: Field, at: paths.Path) -> None:
        if schema.choices:
            self._choice(value, schema, at)
            return
        known = {each.name: each for each in schema.fields}
        others = schema.items if "map" in schema.type.split(" | ") else None
        unknown = []
        for name, given in value.items():
            if name in known:
                self._idle(known[name], (*at, name))
                self.value(given, known[name], (*at, name))
            elif others is not None:
                self.value(given, others, (*at, name))
            elif not schema.open and (known or schema.closed):
                unknown.append(name)
        for name in unknown:
            self._unknown(name, schema, at)
        for each in schema.fields:
            if each.name not in value and each.required:
                self._missing(each, (*at, each.name), unknown)

    def _choice(self, value: Mapping[str, Any], schema: Field, at: paths.Path) -> None:
        """Judge by the one shape that allows the names given; between several only CUE can tell."""
        possible = [shape for shape in schema.choices if _allows(shape, value)]
        agreeing = [shape for shape in possible if _agrees(shape, value)]
        if len(agreeing) == 1:
            self._members(value, agreeing[0], at)
        elif not possible:
            unknown = [n for n in value if not any(_allows(s, (n,)) for s in schema.choices)]
            for name in unknown:
                self._unknown(name, schema, at, closed=True)
            if not unknown:
                shapes = (" and ".join(each.name for each in s.fields) for s in schema.choices)
                message = f"{' and '.join(value)} cannot be given together"
                self._problem("value", message, at, f"give {', or '.join(shapes)}", schema)

    def _unknown(self, name: str, schema: Field, at: paths.Path, *, closed: bool = False) -> None:
        names = [each.name for each in schema.fields]
        hint = suggest.nearest(name, names)
        if not hint and names:
            hint = f"known are {', '.join(sorted(names))}"
        refused = closed or schema.closed or self.strict
        problem = Problem(
            "parameter.unknown",
            f'unknown parameter "{name}"' + ("" if refused else ", it has no effect"),
            paths.render((*at, name)),
            _place(schema, "what there is, is declared here"),
            hint,
        )
        (self.problems if refused else self.warnings).append(problem)

    def _idle(self, schema: Field, at: paths.Path) -> None:
        """A parameter that its definition has for others to understand, and does nothing with."""
        if "idle" in schema.marks:
            message = f'"{schema.name}" has no effect'
            where = _place(schema, "declared here")
            problem = Problem("parameter.idle", message, paths.render(at), where, schema.usage)
            self.warnings.append(problem)

    def _missing(self, schema: Field, at: paths.Path, unknown: Collection[str]) -> None:
        """What has to be given: of a struct with fields, those of them that have no value."""
        if self._given_later(at):
            return
        if schema.type == "struct" and schema.fields:
            for each in schema.fields:
                if each.required:
                    self._missing(each, (*at, each.name), ())
            return
        slip = suggest.nearest(schema.name, unknown)
        usage = f": {schema.usage}" if schema.usage else ""
        hint = slip and slip.replace("did you mean", "is it what was meant by")
        self._problem(
            "missing",
            f'required parameter "{schema.name}" is not set',
            at,
            hint or f"add {schema.name} ({schema.type}){usage}",
            schema,
        )

    def _problem(self, code: str, message: str, at: paths.Path, hint: str, schema: Field) -> None:
        declared = _place(schema, "declared here")
        problem = Problem(f"parameter.{code}", message, paths.render(at), declared, hint)
        self.problems.append(problem)

    def _given_later(self, at: paths.Path) -> bool:
        return any(paths.related(at, path) for path in self.filled)

    def _found(self, value: Any, at: paths.Path) -> str:
        kind = next(_kinds(value))
        if isinstance(value, list | dict) or value is None or self._given_later(at):
            return kind
        return f"{kind} {_quoted(value)}"


def _place(schema: Field, note: str) -> tuple[Position, ...]:
    return (replace(schema.position, note=note),) if schema.position else ()


def _kinds(value: Any) -> Iterator[str]:
    """The words of a schema a JSON value may stand for, the plainest first."""
    match value:
        case None:
            yield "null"
        case bool():
            yield "bool"
        case int():
            yield from ("number", "int")
        case float():
            yield from ("number", "float")
        case str():
            yield from ("string", "bytes")
        case list():
            yield "list"
        case _:
            yield from ("map", "struct")


def _allows(shape: Field, given: Collection[str]) -> bool:
    return not shape.closed or set(given) <= {each.name for each in shape.fields}


def _agrees(shape: Field, given: Mapping[str, Any]) -> bool:
    """Whether what is fixed in a shape, such as its `type`, is so in what is given."""
    return all(
        any(_same(given[each.name], allowed) for allowed in each.values)
        for each in shape.fields
        if each.values and each.name in given
    )


def _fits(value: Any, kinds: list[str]) -> bool:
    # no kind at all: the schema depends on the values given
    return kinds == [""] or "any" in kinds or any(kind in kinds for kind in _kinds(value))


def _expected(kinds: Collection[str]) -> str:
    return " or ".join("map" if kind == "struct" else kind for kind in kinds)


def _mend(value: Any, kinds: Collection[str]) -> str:
    """What to write instead of a plain value of the wrong type."""
    if isinstance(value, list | dict) or value is None:
        return ""
    if "string" in kinds:
        return f'put it in quotes: "{_quoted(value)}"'
    if "list" in kinds:
        return f"write a list: [{_quoted(value)}]"
    if isinstance(value, str) and _NUMBER.fullmatch(value) and {"int", "number"} & set(kinds):
        return f"write it without quotes: {value}"
    return ""


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: true is not 1."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _quoted(value: Any, limit: int = 60) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
