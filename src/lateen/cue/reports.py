"""What the evaluator says, as our own values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lateen.base.problem import Position, Problem


def problem(raw: Mapping[str, Any]) -> Problem:
    """One problem of the wire form as a `Problem` with code `cue.<kind>`, or of what is not CUE,
    with the whole kind as its code.
    """
    kind = raw["kind"]
    return Problem(
        kind if "." in kind else f"cue.{kind}",
        raw["message"],
        raw["path"],
        tuple(Position(**position) for position in raw["positions"] or ()),
    )


def problems(raw: Iterable[Mapping[str, Any]] | None) -> tuple[Problem, ...]:
    return tuple(problem(each) for each in raw or ())


@dataclass(frozen=True)
class Origin:
    """A place that helped to make a value. `default`: it counts only because nothing was given."""

    position: Position
    default: bool = False

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Origin:
        place = {key: value for key, value in raw.items() if key != "default"}
        return cls(Position(**place), raw.get("default", False))


@dataclass(frozen=True)
class Field:
    """A field of a schema, as people fill it in.

    `type` is a word: string, int, number, bool, bytes, null, list, map, struct, any, or several
    joined by ` | `. A `list` has its items' schema in `items`, so has a `map` (for its values).
    """

    name: str
    type: str
    optional: bool  # declared with `?`
    required: bool  # must be given: no default, not optional, not already decided by the template
    has_default: bool
    default: Any  # None without a default
    usage: str  # `+usage=` of its doc comment, else the comment without marks
    marks: Mapping[
        str, str
    ]  # `+key=value` lines of its doc comment; "" for a flag such as `+ignore`
    fields: tuple[Field, ...]  # of a struct
    items: Field | None
    values: tuple[Any, ...]  # the only values allowed, when they are few and concrete
    choices: tuple[Field, ...]  # the shapes of a struct that may take one of several
    closed: bool  # a struct that allows no other fields
    ignored: bool  # `+ignore`: not shown to people
    open: bool = False  # a struct that welcomes more: by `...`, a pattern, or an undecided guard
    position: Position | None = None  # where it is declared

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Field:
        return cls(
            name=raw["name"],
            type=raw["type"],
            optional=raw["optional"],
            required=raw["required"],
            has_default="default" in raw,
            default=raw.get("default"),
            usage=raw["usage"],
            marks=raw["marks"],
            fields=tuple(cls.of(field) for field in raw.get("fields") or ()),
            items=cls.of(raw["items"]) if raw.get("items") else None,
            values=tuple(raw.get("values") or ()),
            choices=tuple(cls.of(choice) for choice in raw.get("choices") or ()),
            closed=raw["closed"],
            ignored="ignore" in raw["marks"],
            open=raw["open"],
            position=Position(**raw["position"]) if raw.get("position") else None,
        )


@dataclass(frozen=True)
class Module:
    """What can be read off a Terraform module without running it.

    `parameter` is a struct of its variables. `providers` are the local names of those it uses
    itself; where it `calls` other modules, theirs are not among them.
    """

    parameter: Field
    outputs: tuple[str, ...]
    sensitive: frozenset[str]  # variables and outputs that it says are
    providers: tuple[str, ...]
    calls: bool

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Module:
        return cls(
            Field.of(raw["parameter"]),
            tuple(raw["outputs"]),
            frozenset(raw["sensitive"]),
            tuple(raw["providers"]),
            raw["calls"],
        )


@dataclass(frozen=True)
class Span:
    """A range of bytes (not characters) of the UTF-8 text, its end excluded."""

    start: int
    end: int

    def of(self, text: str) -> str:
        return text.encode()[self.start : self.end].decode()


@dataclass(frozen=True)
class OutlineField:
    """A field of the top level; `constraint` is `?` or `!` where the label carries one."""

    name: str
    constraint: str
    label: Span
    value: Span


@dataclass(frozen=True)
class Outline:
    """The declarations of a text. `imports` are whole declarations, `paths` what they import."""

    package: str
    imports: tuple[Span, ...]
    paths: tuple[str, ...]
    fields: tuple[OutlineField, ...]

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Outline:
        return cls(
            package=raw["package"],
            imports=tuple(Span(each["start"], each["end"]) for each in raw["imports"]),
            paths=tuple(path for each in raw["imports"] for path in each["paths"]),
            fields=tuple(
                OutlineField(
                    field["name"],
                    field["constraint"],
                    Span(**field["label"]),
                    Span(**field["value"]),
                )
                for field in raw["fields"]
            ),
        )
