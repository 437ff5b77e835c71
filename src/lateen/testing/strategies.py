"""Parameters made from a definition's schema, for property tests (needs Hypothesis).

What the schema tells decides: types, values, defaults, what may be left out, and bounds and
patterns where they have an OpenAPI form. CUE has the last word: values it does not accept for
`parameter` are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from lateen.base import merge, paths
from lateen.base.problem import Problem, Problems
from lateen.cue.reports import Field
from lateen.cue.templates import Fill
from lateen.testing.subjects import Subject

Schema = Mapping[str, Any]  # OpenAPI v3, as far as there is one

_LARGEST = 2**31 - 1  # of the numbers Kubernetes takes
_MANY = 3  # items of a list without bounds
_OPTIONS = 6  # of the fields that may be left out, about so many are given at once

# letters and signs, and nothing a YAML file could not hold
_LETTERS = st.characters(exclude_categories=("Cc", "Cs", "Cn"))
_TEXT = st.one_of(
    st.text(_LETTERS, max_size=12),
    st.sampled_from(
        ["web", "1", "100m", "128Mi", "true", "null", "a.b/c", "a-b", "a b", "/", '"', "\\(x)", "é"]
    ),
    st.text("ab", min_size=64, max_size=70),
)
_NAMES = st.one_of(st.text("abc", min_size=1, max_size=4), _TEXT.filter(bool))
_JSON: SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-_LARGEST, _LARGEST), _TEXT),
    lambda inner: st.one_of(
        st.lists(inner, max_size=_MANY), st.dictionaries(_NAMES, inner, max_size=_MANY)
    ),
    max_leaves=5,
)


def parameters(
    subject: Subject, overrides: Mapping[str, SearchStrategy[Any]] | None = None
) -> SearchStrategy[dict[str, Any]]:
    """A strategy for parameters the definition accepts.

    `overrides` are strategies for parameters by name, where the schema says too little (`{"image":
    st.just("nginx")}`); those are always given.

    Raises:
        Problem, Problems: on the first draw, where the template does not compile.
    """
    return st.deferred(lambda: _parameters(subject, overrides or {}))


def _parameters(
    subject: Subject, overrides: Mapping[str, SearchStrategy[Any]]
) -> SearchStrategy[dict[str, Any]]:
    made = _value(subject.schema, _openapi(subject, subject.schema, "parameter"))
    if overrides:
        chosen = st.fixed_dictionaries(dict(overrides))
        made = st.tuples(made, chosen).map(lambda both: {**both[0], **both[1]})
    return made.filter(lambda given: accepts(subject, given))


def accepts(subject: Subject, given: Mapping[str, Any]) -> bool:
    """Whether CUE takes the parameters, whatever the template makes of them."""

    async def ask() -> bool:
        template = await subject.bench.shelf.compiled(subject.definition)
        fills = [Fill("parameter", given, "parameter")]
        found = await template.evaluate(fills, ["parameter"])
        schema = await subject.bench.shelf.schema(subject.definition)
        return not any(_against(problem, schema) for problem in found.problems)

    return subject.bench.call(ask)


def _against(problem: Problem, schema: Field) -> bool:
    """Whether a problem is one of the parameters.

    What may be anything may also be left out, though CUE then calls it incomplete.
    """
    at = paths.parse(problem.path)
    if at[:1] != ("parameter",):
        return False
    found: Field | None = schema
    for step in at[1:]:
        if found is not None:
            named = {each.name: each for each in found.fields}
            found = found.items if isinstance(step, int) else named.get(step, found.items)
    return not (found and found.type == "any" and problem.code == "cue.incomplete")


def _openapi(subject: Subject, field: Field, path: str) -> Schema:
    """The OpenAPI form of a field, or of as many of its fields as have one."""

    async def ask() -> Schema:
        template = await subject.bench.shelf.compiled(subject.definition)
        return await template.schema(path)

    try:
        return subject.bench.call(ask)
    except (Problem, Problems):
        if field.type != "struct":
            return {}  # the type has to do
        return {
            "properties": {
                inner.name: _openapi(subject, inner, f"{path}.{_label(inner.name)}")
                for inner in field.fields
            }
        }


def _label(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z]\w*", name) else f'"{name}"'


def _value(field: Field, bounds: Schema) -> SearchStrategy[Any]:
    if field.values:
        return st.sampled_from(field.values)
    given = [make(field, _bounds_of(bounds, kind)) for kind, make in _kinds(field)]
    made = st.one_of(given) if given else _JSON
    # a default is worth trying: templates may treat it apart
    return st.one_of(st.just(field.default), made) if field.has_default else made


def _kinds(field: Field) -> list[tuple[str, Callable[[Field, Schema], SearchStrategy[Any]]]]:
    """The words of a field's type with what makes values of them; none for one that is open."""
    return [(kind, _MAKERS[kind]) for kind in field.type.split(" | ") if kind in _MAKERS]


def _bounds_of(bounds: Schema, kind: str) -> Schema:
    """What a schema says of one type, where it offers several."""
    merged = dict(bounds)
    for each in bounds.get("allOf") or ():
        merged = merge.deep(merged, each)
    several = [*(merged.get("oneOf") or ()), *(merged.get("anyOf") or ())]
    fitting = [each for each in several if each.get("type") in (None, _OPENAPI.get(kind))]
    if len(fitting) == 1 and "enum" not in fitting[0]:
        merged = merge.deep(merged, fitting[0])
    return merged


def _integer(field: Field, bounds: Schema) -> SearchStrategy[Any]:
    least, most = bounds.get("minimum"), bounds.get("maximum")
    low = -_LARGEST if least is None else int(least) + bool(bounds.get("exclusiveMinimum"))
    high = _LARGEST if most is None else int(most) - bool(bounds.get("exclusiveMaximum"))
    return st.integers(low, max(low, high))


def _number(field: Field, bounds: Schema) -> SearchStrategy[Any]:
    least, most = bounds.get("minimum"), bounds.get("maximum")
    return st.one_of(
        _integer(field, bounds),
        st.floats(
            -1e9 if least is None else float(least),
            1e9 if most is None else float(most),
            exclude_min=bool(bounds.get("exclusiveMinimum")),
            exclude_max=bool(bounds.get("exclusiveMaximum")),
            allow_subnormal=False,
        ),
    )


def _float(field: Field, bounds: Schema) -> SearchStrategy[Any]:
    return st.floats(-1e9, 1e9, allow_subnormal=False)


def _text(field: Field, bounds: Schema) -> SearchStrategy[Any]:
    least, most = bounds.get("minLength", 0), bounds.get("maxLength")
    if pattern := bounds.get("pattern"):
        made = _matching(pattern)
    elif least or most is not None:
        made = st.text(_LETTERS, min_size=least, max_size=most if most is not None else least + 12)
    else:
        return _TEXT
    return made.filter(lambda text: least <= len(text) <= (len(text) if most is None else most))


def _matching(pattern: str) -> SearchStrategy[str]:
    if pattern.endswith("$") and not pattern.endswith("\\$"):
        pattern = rf"{pattern[:-1]}\Z"  # for Python `$` is also before the last line end
    try:
        return st.from_regex(pattern, alphabet=_LETTERS)
    except (re.error, ValueError):  # the syntax of Go: CUE sorts out what does not match
        return _TEXT


def _list(field: Field, bounds: Schema) -> SearchStrategy[Any]:
    least = bounds.get("minItems", 0)
    most = bounds.get("maxItems", least + _MANY)
    items = _JSON if field.items is None else _value(field.items, bounds.get("items") or {})
    return st.lists(items, min_size=least, max_size=min(most, least + _MANY))


def _map(field: Field, bounds: Schema) -> SearchStrategy[Any]:
    inner = bounds.get("additionalProperties")
    schema = inner if isinstance(inner, Mapping) else {}
    items = _JSON if field.items is None else _value(field.items, schema)
    return st.dictionaries(_NAMES, items, max_size=_MANY)


def _struct(field: Field, bounds: Schema) -> SearchStrategy[Any]:
    if field.choices:
        return st.one_of([_shape(shape, field.choices) for shape in field.choices])
    if not field.fields and not field.closed:
        return st.dictionaries(_NAMES, _JSON, max_size=_MANY)
    return _members(field.fields, bounds.get("properties") or {})


def _shape(shape: Field, shapes: Sequence[Field]) -> SearchStrategy[Any]:
    """One of several shapes of a struct, what tells it from the others always given."""
    values: dict[str, list[Any]] = {}
    for each in shapes:
        for member in each.fields:
            if member.has_default and member.default not in values.setdefault(member.name, []):
                values[member.name].append(member.default)
    fixed = [each for each in shape.fields if each.has_default and len(values[each.name]) > 1]
    others = [each for each in shape.fields if each not in fixed]
    marks = {each.name: each.default for each in fixed}
    return _members(others, {}).map(lambda rest: {**marks, **rest})


def _members(fields: Sequence[Field], bounds: Mapping[str, Schema]) -> SearchStrategy[Any]:
    made = [(each, _value(each, bounds.get(each.name) or {})) for each in fields]
    # not all of many at once: examples would be too large to say much
    optional = sum(not each.required for each in fields)
    given = st.sampled_from([False] * max(1, optional // _OPTIONS) + [True])

    @st.composite
    def struct(draw: st.DrawFn) -> dict[str, Any]:
        # whether a field is given stands beside its value, so that both can go at once
        return {each.name: draw(value) for each, value in made if each.required or draw(given)}

    return struct()


_MAKERS: Mapping[str, Callable[[Field, Schema], SearchStrategy[Any]]] = {
    "string": _text,
    "bytes": _text,
    "int": _integer,
    "float": _float,
    "number": _number,
    "bool": lambda field, bounds: st.booleans(),
    "null": lambda field, bounds: st.none(),
    "list": _list,
    "map": _map,
    "struct": _struct,
}
_OPENAPI = {
    "string": "string",
    "int": "integer",
    "number": "number",
    "float": "number",
    "bool": "boolean",
    "list": "array",
    "map": "object",
    "struct": "object",
}
