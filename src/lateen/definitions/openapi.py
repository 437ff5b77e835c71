"""The schema of parameters as OpenAPI v3, which user interfaces make forms of (semantics A2).

Made of what the evaluator describes, and not by its own OpenAPI export: that one refuses parameters
with several shapes, and takes for ever for nested ones.
"""

from __future__ import annotations

from typing import Any

from lateen.cue.reports import Field

_TYPES = {
    "string": {"type": "string"},
    "bytes": {"type": "string", "format": "byte"},
    "int": {"type": "integer"},
    "number": {"type": "number"},
    "bool": {"type": "boolean"},
    "list": {"type": "array"},
    "map": {"type": "object"},
    "struct": {"type": "object"},
}


def schema(parameter: Field) -> dict[str, Any]:
    """The OpenAPI v3 schema of a described `parameter`. What CUE alone can say is left out.

    A field with a default is not required: nobody has to fill it in.
    """
    return {key: value for key, value in _field(parameter).items() if key != "title"}


def _field(field: Field) -> dict[str, Any]:
    found: dict[str, Any] = {"title": field.name} if field.name else {}
    if field.usage:
        found["description"] = field.usage
    kinds = field.type.split(" | ")
    if "null" in kinds:
        found["nullable"] = True
    known = [kind for kind in kinds if kind in _TYPES]
    shapes = [_shape(kind, field) for kind in known]
    if len(shapes) == 1:
        found |= shapes[0]
    elif shapes:
        found["oneOf"] = shapes
    if field.values:
        found["enum"] = list(field.values)
    if field.has_default:
        found["default"] = field.default
    return found


def _shape(kind: str, field: Field) -> dict[str, Any]:
    found: dict[str, Any] = dict(_TYPES[kind])
    if kind == "list":
        found["items"] = _field(field.items) if field.items else {}
    elif kind == "map":
        found["additionalProperties"] = _field(field.items) if field.items else True
        found |= _members(field)
    elif kind == "struct":
        found |= _members(field)
        if field.choices:
            found["oneOf"] = [_field(choice) for choice in field.choices]
    return found


def _members(field: Field) -> dict[str, Any]:
    if not field.fields:
        return {}
    required = [each.name for each in field.fields if each.required]
    members = {each.name: _field(each) for each in field.fields}
    return {"properties": members} | ({"required": required} if required else {})
