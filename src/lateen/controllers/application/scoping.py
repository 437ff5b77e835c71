"""Policies that change an application before it is understood (semantics F12).

What they did is decided with a revision and recorded in it: whoever reads the revision later finds
the text they made of the application, and the labels, annotations and context they gave it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from lateen.api import manifest, names
from lateen.api.application import Application, Policy
from lateen.api.definition import Definition, DefinitionKind
from lateen.api.manifest import Manifest
from lateen.api.revision import Revision, Snapshot
from lateen.base import hashing
from lateen.base.problem import Problem, Problems, told
from lateen.controllers.application import parsing
from lateen.definitions import contexts, governing, loading, templates
from lateen.providers import ports

SCOPE = "Application"
GLOBAL, EXPLICIT = "global", "explicit"
_SPEC = ("components", "workflow", "policies")
_LONGEST = 253  # characters of a name
_LARGE = 256_000  # bytes of one record in the ConfigMap


@dataclass(frozen=True)
class Scoped:
    """A policy that takes part. `order` decides between those of one priority."""

    policy: Policy
    definition: Definition
    source: str
    priority: int = 0
    order: tuple[Any, ...] = ()

    @property
    def key(self) -> str:
        return f"{GLOBAL}:{self.policy.name}" if self.source == GLOBAL else self.policy.name


@dataclass(frozen=True)
class Transformed:
    """The application as policies leave it, and what each of them did."""

    app: Application
    records: Mapping[str, Manifest] = field(default_factory=dict)
    definitions: tuple[Definition, ...] = ()
    written: str = ""

    def into(self, snapshot: Snapshot) -> Snapshot:
        """What a revision is made of, with the part that policies had in it."""
        if not self.records:
            return snapshot
        known = {(each.kind, each.name) for each in snapshot.definitions}
        more = [each for each in self.definitions if (each.kind, each.name) not in known]
        return replace(
            snapshot,
            definitions=(*snapshot.definitions, *more),
            scoped=self.records,
            written=self.written,
        )


def participants(app: Application, catalogue: loading.Catalogue) -> list[Scoped]:
    """The policies that change the application, in the order in which they do.

    Raises:
        Problem: `policy.global` where it names one that applies by itself.
    Source: semantics F12.
    """
    found = [] if app.skips_global else list(_global(app, catalogue))
    found += _explicit(app, catalogue)
    return sorted(found, key=lambda each: (each.priority, each.source == EXPLICIT, each.order))


def _global(app: Application, catalogue: loading.Catalogue) -> Iterator[Scoped]:
    """Those of its namespace and of the system; the nearer one of a name counts."""
    seen: set[str] = set()
    for place in dict.fromkeys((app.namespace, names.SYSTEM_NAMESPACE)):
        for name in sorted(catalogue.names(DefinitionKind.POLICY, place)):
            found = catalogue.find(DefinitionKind.POLICY, name, place)
            if found is None or not found.spec.get("global") or name in seen or not _scoped(found):
                continue
            seen.add(name)
            policy = Policy(name, name, None, f"PolicyDefinition {place}/{name}")
            priority = int(found.spec.get("priority") or 0)
            yield Scoped(policy, found, GLOBAL, priority, (name,))


def _explicit(app: Application, catalogue: loading.Catalogue) -> Iterator[Scoped]:
    for index, policy in enumerate(app.policies):
        if policy.type in parsing.BUILTIN_POLICIES:
            continue
        try:
            found = loading.lookup(catalogue, DefinitionKind.POLICY, policy.type, app.namespace)
        except Problem:
            continue  # it is told of when the application is parsed, with what was meant
        if not _scoped(found):
            continue
        if found.spec.get("global"):
            raise Problem(
                "policy.global",
                f'policy "{policy.type}" is marked as Global and cannot be explicitly referenced',
                path=f"{policy.path}.type",
                hint="leave it out: it applies to every application by itself",
            )
        asked = policy.type if "@" in policy.type else ""
        yield Scoped(policy, replace(found, asked=asked), EXPLICIT, 0, (index,))


def _scoped(definition: Definition) -> bool:
    return definition.spec.get("scope") == SCOPE


def unchanged(app: Application, latest: Revision | None) -> bool:
    """Whether the author has written nothing new since a revision, so that what policies did then
    still stands.
    """
    if latest is None or app.auto_revision:
        return False
    return (latest.written or written(latest.application)) == written(app)


def written(app: Application) -> str:
    """A hash of what the author of an application wrote that policies may change."""
    return hashing.digest([app.spec, *([names.SKIP_GLOBAL] if app.skips_global else [])])


def standing(app: Application, latest: Revision) -> Transformed:
    """The application as policies left it for a revision that still says what its author wants."""
    if not latest.scoped:
        return Transformed(app)
    used = tuple(
        each for each in latest.definitions if each.kind is DefinitionKind.POLICY and _scoped(each)
    )
    changed = seen(app.with_spec(latest.application.spec), latest.scoped)
    return Transformed(changed, latest.scoped, used, latest.written)


async def transform(
    app: Application,
    policies: Sequence[Scoped],
    facts: contexts.AppFacts,
    shelf: templates.Shelf,
    runtime: ports.Runtime,
) -> Transformed:
    """Let policies change the application, each on what those before it left.

    A global one that fails is left out; its record says why.

    Raises:
        Problem | Problems: what is wrong with one that the application names.
    """
    changed, records = app, dict[str, Manifest]()
    for number, each in enumerate(policies, start=1):
        base = _record(each, number)
        try:
            output = await _output(each, changed, facts, shelf, runtime)
        except (Problem, Problems) as error:
            if each.source == EXPLICIT:
                raise
            records[each.key] = {**base, "applied": False, "error": True, "message": told(error)}
            continue
        if output is None:
            records[each.key] = {**base, "applied": False, "message": "enabled=false"}
            continue
        records[each.key] = {**base, "applied": True, "output": output}
        changed = changed.with_spec(_merged(changed.spec, output))
        changed = seen(changed, {each.key: records[each.key]})
    used = tuple(each.definition for each in policies)
    return Transformed(changed, records, used, written(app) if records else "")


async def _output(
    scoped: Scoped,
    app: Application,
    facts: contexts.AppFacts,
    shelf: templates.Shelf,
    runtime: ports.Runtime,
) -> dict[str, Any] | None:
    policy = scoped.policy
    scope = contexts.Scope(
        policy.name,
        policy.type,
        app.spec.get("components") or (),
        app.spec.get("workflow"),
        app.spec.get("policies") or (),
        (scoped.definition.raw.get("status") or {}).get("latestRevision") or {},
    )
    seen_by = replace(facts, labels=app.labels, annotations=app.annotations)
    part = templates.Part(scoped.definition, policy.type, policy.path, policy.properties, -1)
    return await governing.transform(part, scope, seen_by, shelf, runtime)


def _merged(spec: Mapping[str, Any], output: Mapping[str, Any]) -> dict[str, Any]:
    """Lists and the workflow are replaced as wholes; what is not given stays."""
    return {**spec, **{name: output[name] for name in _SPEC if output.get(name) is not None}}


def _record(scoped: Scoped, number: int) -> Manifest:
    known = (scoped.definition.raw.get("status") or {}).get("latestRevision") or {}
    fields = {
        "sequence": number,
        "name": scoped.policy.name,
        "type": scoped.policy.type,
        "namespace": scoped.definition.namespace,
        "source": scoped.source,
        "priority": scoped.priority,
        "definitionRevisionName": known.get("name"),
        "revision": known.get("revision"),
        "revisionHash": known.get("revisionHash"),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _outputs(records: Mapping[str, Manifest]) -> list[Mapping[str, Any]]:
    """What each policy wanted, in the order they did their work."""
    return [each.get("output") or {} for each in _ordered(records)]


def _ordered(records: Mapping[str, Manifest]) -> list[Manifest]:
    return sorted(records.values(), key=lambda each: int(each.get("sequence") or 0))


def seen(app: Application, records: Mapping[str, Manifest]) -> Application:
    """The application with the labels and annotations that policies gave it."""
    meta = dict(app.metadata)
    for output in _outputs(records):
        for section in ("labels", "annotations"):
            if output.get(section):
                meta[section] = {**(meta.get(section) or {}), **output[section]}
    return Application({**app.raw, "metadata": meta})


def custom(records: Mapping[str, Manifest]) -> dict[str, Any] | None:
    """`context.custom`, what policies tell every template; None where they tell nothing."""
    found: dict[str, Any] = {}
    for output in _outputs(records):
        found |= output.get("ctx") or {}
    return found or None


def status(records: Mapping[str, Manifest]) -> list[Manifest]:
    """`status.appliedApplicationPolicies`."""
    return [dict(_told(each)) for each in _ordered(records)]


def _told(record: Manifest) -> Iterator[tuple[str, Any]]:
    shown = ("name", "type", "namespace", "source", "applied", "error", "message")
    versions = ("definitionRevisionName", "revision", "revisionHash")
    yield from ((name, record[name]) for name in (*shown, *versions) if name in record)
    if output := record.get("output"):
        yield "specModified", any(output.get(name) is not None for name in _SPEC)
        yield "labelsCount", len(output.get("labels") or ())
        yield "annotationsCount", len(output.get("annotations") or ())
        yield "hasContext", bool(output.get("ctx"))


def config_map(app: Application, revision: Revision) -> Manifest:
    """What policies did to an application, for people to read: one entry for each of them."""
    data = {}
    for each in _ordered(revision.scoped):
        body = orjson.dumps(each, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
        key = f"{int(each['sequence']):03d}-{each['name']}"
        data[key] = body if len(body) < _LARGE else _short(each)
    rendered = orjson.dumps(revision.application.spec, option=orjson.OPT_INDENT_2).decode()
    if len(rendered) < _LARGE:
        data["rendered_spec"] = data["applied_spec"] = rendered
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": config_map_name(app),
            "namespace": app.namespace,
            "labels": {"app.oam.dev/application-policies": "true", names.APP_UID: app.uid},
            "ownerReferences": [
                manifest.controller(names.V1BETA1, "Application", app.name, app.uid)
            ],
        },
        "data": data,
    }


def _short(record: Manifest) -> str:
    return orjson.dumps({k: v for k, v in record.items() if k != "output"}).decode()


def config_map_name(app: Application) -> str:
    name = f"application-policies-{app.namespace}-{app.name}"
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 9]}-{hashing.digest([app.namespace, app.name], 8)}"


def inputs(app: Application, policies: Iterable[Scoped]) -> str:
    """Changes when what policies are made of, or work on, changes."""
    used = [(each.key, each.definition.hash, each.policy.properties) for each in policies]
    return hashing.digest([app.spec, app.labels, app.annotations, used])
