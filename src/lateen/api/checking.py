"""What can be said about a document before anything is looked up: its form.

Pure. The shape comes from the OpenAPI schemas of the kinds themselves, so a field added there is
known here. Parameters (`properties`) are free-form to these schemas; definitions judge them later.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lateen.api import names, schemas
from lateen.base import paths, suggest
from lateen.base.problem import Problem

Schema = Mapping[str, Any]

_WORDS = {
    "object": "a map",
    "array": "a list",
    "string": "text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
}
_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "object", "nullable": True, "additionalProperties": _TEXT}
_FREE: Schema = {"x-kubernetes-preserve-unknown-fields": True}
# Kubernetes' own ObjectMeta; what only the server writes is let through unread, as in an object
# that was exported from a cluster.
_METADATA: Schema = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": _TEXT,
        "namespace": _TEXT,
        "labels": _TEXTS,
        "annotations": _TEXTS,
        "finalizers": {"type": "array", "nullable": True, "items": _TEXT},
        "ownerReferences": {
            "type": "array",
            "nullable": True,
            "items": {"type": "object", **_FREE},
        },
        **dict.fromkeys(
            (
                "generateName",
                "uid",
                "resourceVersion",
                "generation",
                "creationTimestamp",
                "deletionTimestamp",
                "deletionGracePeriodSeconds",
                "managedFields",
                "selfLink",
            ),
            _FREE,
        ),
    },
}
_KIND = "add `kind: Application`"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def check(data: Any) -> list[Problem]:
    """Everything wrong with the form of one document, in the order it stands there.

    Kinds of core.oam.dev are checked against their schemas; of any other Kubernetes object only
    what all objects have in common. Paths are paths in the document.
    """
    if not isinstance(data, Mapping):
        hint = f"an application starts with `apiVersion: {names.V1BETA1}`"
        return [_mismatch((), "object", data, hint)]
    found = list(_identity(data))
    if found:
        return found
    schema = _schema(data)
    found = [
        problem
        for problem in _walk(data, schema, ())
        if not problem.path.startswith("status")  # written by the control plane, ignored in a file
    ]
    found += _bad_names(data)
    if data["kind"] == "Application" and data["apiVersion"] == names.V1BETA1:
        found += _duplicates(data)
    return found


def pruned(data: Mapping[str, Any]) -> dict[str, Any]:
    """The document without fields left empty (`traits:` and nothing behind it).

    The API server drops them from what is created, but refuses them in what is applied. What may be
    null, and what is free-form, stays.
    """
    kept: dict[str, Any] = _prune(data, _schema(data))
    return kept


def _prune(value: Any, schema: Schema) -> Any:
    if isinstance(value, list):
        return [_prune(item, schema.get("items") or {}) for item in value]
    if not isinstance(value, Mapping):
        return value
    known: Mapping[str, Schema] = schema.get("properties") or {}
    return {
        field: _prune(item, known.get(field) or {})
        for field, item in value.items()
        if item is not None or field not in known or known[field].get("nullable")
    }


def _identity(data: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with apiVersion and kind, without which nothing else can be judged."""
    for field in ("apiVersion", "kind"):
        if field not in data:
            likely, _ = schemas.KINDS.get(str(data.get("kind")), (names.V1BETA1, ""))
            hint = f"add `apiVersion: {likely}`" if field == "apiVersion" else _KIND
            yield Problem("field.missing", f"{field} is missing", path=field, hint=hint)
        elif not isinstance(data[field], str) or not data[field]:
            yield _mismatch((field,), "string", data[field])
    version, kind = data.get("apiVersion"), data.get("kind")
    if not isinstance(version, str) or not isinstance(kind, str):
        return
    group = version.rpartition("/")[0]
    if group != names.GROUP and (group or kind not in schemas.KINDS):
        return
    if kind not in schemas.KINDS:
        hint = suggest.nearest(kind, schemas.KINDS) or f"kinds are {', '.join(schemas.KINDS)}"
        yield Problem("document.kind", f"{names.GROUP} has no kind {kind}", path="kind", hint=hint)
    elif version != schemas.KINDS[kind][0]:
        yield Problem(
            "document.version",
            f"{kind} has no version {version}",
            path="apiVersion",
            hint=f"write `apiVersion: {schemas.KINDS[kind][0]}`",
        )


def _schema(data: Mapping[str, Any]) -> Schema:
    version, kind = data["apiVersion"], data["kind"]
    if schemas.KINDS.get(kind, ("",))[0] != version:
        return {**_FREE, "required": ["metadata"], "properties": {"metadata": _METADATA}}
    schema = schemas.openapi(kind)
    required = ["metadata", *schema.get("required", ())]
    if "spec" in schema["properties"] and schema["properties"]["spec"].get("required"):
        required.append("spec")
    return {
        **schema,
        "required": required,
        "properties": {**schema["properties"], "metadata": _METADATA},
    }


def _walk(value: Any, schema: Schema, at: paths.Path) -> Iterator[Problem]:
    kind = schema.get("type", "")
    if value is None and schema.get("nullable"):
        return
    if kind and not _is(value, kind):
        yield _mismatch(at, kind, value)
        return
    if "enum" in schema and value not in schema["enum"]:
        known = [str(item) for item in schema["enum"]]
        yield Problem(
            "field.value",
            f'"{value}" is not one of {", ".join(known)}',
            path=paths.render(at),
            hint=suggest.nearest(str(value), known),
        )
    if isinstance(value, Mapping):
        yield from _walk_map(value, schema, at)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, schema.get("items") or {}, (*at, index))


def _walk_map(value: Mapping[str, Any], schema: Schema, at: paths.Path) -> Iterator[Problem]:
    known: Mapping[str, Schema] = schema.get("properties") or {}
    others = schema.get("additionalProperties")
    closed = not others and not schema.get("x-kubernetes-preserve-unknown-fields")
    required = schema.get("required") or ()
    meant = set()
    for field, item in value.items():
        if item is None and field in known and field not in required:
            continue  # as good as not there (see `pruned`)
        if field in known:
            yield from _walk(item, known[field], (*at, field))
        elif isinstance(others, Mapping):
            yield from _walk(item, others, (*at, field))
        elif closed and known:
            problem = _unknown(field, known, at)
            meant.add(problem.hint)
            yield problem
    for field in required:
        # one that was only mistyped is not missing as well
        if field not in value and suggest.nearest(field, [field]) not in meant:
            about = str((known.get(field) or {}).get("description", ""))
            yield Problem(
                "field.missing",
                f"{field} is missing",
                path=paths.render((*at, field)),
                hint=f"add `{field}`: {about[:1].lower()}{about[1:]}"
                if about
                else f"add `{field}`",
            )


def _unknown(field: str, known: Mapping[str, Schema], at: paths.Path) -> Problem:
    hint = suggest.nearest(field, known)
    if not hint and "properties" in known:
        hint = 'parameters of the type go under "properties"'
    return Problem(
        "field.unknown",
        f"there is no field {field} here",
        path=paths.render((*at, field)),
        hint=hint or f"fields are {', '.join(known)}",
    )


def _is(value: Any, kind: str) -> bool:
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(
        value, {"object": Mapping, "array": list, "string": str, "boolean": bool}[kind]
    )


def _mismatch(at: paths.Path, kind: str, value: Any, hint: str = "") -> Problem:
    if not hint and kind == "string" and isinstance(value, bool | int | float):
        written = str(value).lower() if isinstance(value, bool) else value
        hint = f'put it in quotes: "{written}"'
    elif not hint and kind == "array" and value is not None:
        entry = f"[{value}]" if isinstance(value, str | int | float) else "`- ` before each entry"
        hint = f"write a list: {entry}"
    elif not hint and kind == "object" and isinstance(value, list):
        hint = "remove the `- `: this is one map, not a list"
    return Problem(
        "field.type",
        f"expected {_WORDS[kind]}, found {describe(value)}",
        path=paths.render(at),
        hint=hint,
    )


def describe(value: Any) -> str:
    """A value in the words of a message: `the number 80`, `a list`, `nothing`."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f'the text "{value}"' if 0 < len(value) <= 40 else "text" if value else "empty text"
    return "a list" if isinstance(value, list) else "a map"


def _bad_names(data: Mapping[str, Any]) -> Iterator[Problem]:
    meta = data.get("metadata")
    name = meta.get("name") if isinstance(meta, Mapping) else None
    ours = data["apiVersion"].rpartition("/")[0] == names.GROUP  # core kinds allow other names
    if ours and isinstance(name, str) and (not _NAME.fullmatch(name) or len(name) > 253):
        safe = re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-.")
        yield Problem(
            "field.value",
            f'"{name}" is not a name: lower-case letters, digits, "-" and "." only, '
            "starting and ending with a letter or digit",
            path="metadata.name",
            hint=f'for example "{safe}"' if safe and len(safe) <= 253 else "",
        )


def _duplicates(data: Mapping[str, Any]) -> Iterator[Problem]:
    spec = data.get("spec")
    components = spec.get("components") if isinstance(spec, Mapping) else None
    first: dict[str, int] = {}
    for index, component in enumerate(components if isinstance(components, list) else ()):
        name = component.get("name") if isinstance(component, Mapping) else None
        if not isinstance(name, str):
            continue
        if name in first:
            yield Problem(
                "component.duplicate",
                f'the name "{name}" is taken by spec.components[{first[name]}]',
                path=f"spec.components[{index}].name",
                hint="give each component a name of its own",
            )
        first.setdefault(name, index)
