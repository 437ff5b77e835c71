"""The config system: Secrets made from properties by a template (inventory 1.1).

A config is a Secret with the label `config.oam.dev/catalog: velacore-config`; its template is the
ConfigMap `config-template-<name>`, by default in `vela-system`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.manifest import Key, Manifest
from lateen.base.problem import Problem, raise_any
from lateen.cue.engine import Evaluation, Fill, Template
from lateen.hub.errors import ApiError
from lateen.providers.calls import Answer, Call
from lateen.providers.packages import Flavour
from lateen.providers.ports import Objects, Outcome, Runtime, need

CATALOG, CORE = "config.oam.dev/catalog", "velacore-config"
TYPE, SCOPE = "config.oam.dev/type", "config.oam.dev/scope"
SENSITIVE = "config.oam.dev/sensitive"
TEMPLATE_NAMESPACE = "config.oam.dev/template-namespace"
ALIAS, DESCRIPTION = "config.oam.dev/alias", "config.oam.dev/description"
PROPERTIES, REFERENCES = "input-properties", "objects-reference"
PREFIX = "config-template-"

_OUTPUT, _OUTPUTS = "template.output", "template.outputs"
_PARAMETER = "template.parameter"
_VALIDATION = "template.validation.$returns"


async def create(call: Call) -> Answer:
    """Render a config and write it, the Secret first, then what else its template brings.

    Raises:
        Problem, Problems: `config.template` for a template that is missing or cannot be used,
            `config.invalid` for properties that it refuses, `config.exists` for a Secret of that
            name with another template or type.
    """
    objects = _objects(call)
    name, namespace = call.text("name"), call.text("namespace")
    given = _Given(name, namespace, call.text("template", default=""), call.map("config"))
    secret, others = await _render(given, call)
    existing = await _secret(objects, name, namespace)
    if existing is not None:
        _check_change(existing, secret)
    for each in (secret, *others):
        await _sent(objects, each)
    return Answer()


def _objects(call: Call) -> Objects:
    """Configs belong to nobody: they are there for others, and stay when an application goes."""
    return need(call.runtime.unowned or call.runtime.objects, "configs")


async def read(call: Call) -> Answer:
    found = await _config(call)
    if manifests.annotation(found, SENSITIVE) == "true":
        raise Problem("config.sensitive", f"the config {call.text('name')} is sensitive", call.path)
    return Answer({"config": _properties(found)}, secret=("config",))


async def list_(call: Call) -> Answer:
    """The configs of a template in a namespace. The properties of sensitive ones are left out."""
    objects = _objects(call)
    template = call.text("template").rpartition("/")[2]
    namespace = call.text("namespace")
    if not template or not namespace:
        raise Problem("provider.input", "template and namespace must not be empty", call.path)
    found = await objects.list(
        "", "v1", "Secret", namespace=namespace, labels={CATALOG: CORE, TYPE: template}
    )
    return Answer({"configs": [_listed(each) for each in found]}, secret=("configs",))


async def delete(call: Call) -> Answer:
    """Delete a config with all that its template brought.

    Raises:
        Problem: `config.missing`; `config.foreign` for a Secret that is no config.
    """
    objects = _objects(call)
    found = await _config(call)
    check_own(found, call.text("name"), call.text("namespace"), call.path)
    text = _decoded(found).get(REFERENCES)
    for each in orjson.loads(text) if text else ():
        await objects.delete("", manifests.key({**each, "metadata": each}))
    await objects.delete("", manifests.key(found))
    return Answer()


def check_own(found: Manifest | None, name: str, namespace: str, path: str = "") -> None:
    """Raises: Problem: `config.missing`; `config.foreign` for a Secret that is no config."""
    if found is None:
        raise _missing(name, namespace, path)
    if manifests.labels(found).get(CATALOG) != CORE:
        raise Problem("config.foreign", f"the secret {name} is not a config", path)


@dataclass(frozen=True)
class _Given:
    name: str
    namespace: str
    template: str
    properties: Mapping[str, Any]


async def _render(given: _Given, call: Call) -> tuple[Manifest, list[Manifest]]:
    """The Secret and the other objects of a config."""
    secret: Manifest = {"type": "Opaque"}
    labels = {CATALOG: CORE, TYPE: ""}
    annotations = {
        ALIAS: call.text("alias", default=""),
        DESCRIPTION: call.text("description", default=""),
    }
    others: list[Manifest] = []
    if given.template:
        where, _, name = given.template.rpartition("/")
        stored = await _template(call, name, where or names.SYSTEM_NAMESPACE)
        found = await _evaluated(stored, given, call)
        secret = found.values.get(_OUTPUT) or {"type": f"/{name}"}
        brought = (found.values.get(_OUTPUTS) or {}).values()
        others = [_placed(each, given.namespace) for each in brought]
        labels = {CATALOG: CORE, TYPE: name, SCOPE: manifests.labels(stored).get(SCOPE, "")}
        annotations[SENSITIVE] = manifests.annotation(stored, SENSITIVE, "false")
        annotations[TEMPLATE_NAMESPACE] = where or names.SYSTEM_NAMESPACE
    kept = {PROPERTIES: orjson.dumps(given.properties).decode()}
    if others:
        kept[REFERENCES] = orjson.dumps([_reference(each) for each in others]).decode()
    metadata = manifests.metadata(secret)
    return {
        **secret,
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            **metadata,
            "name": metadata.get("name") or given.name,
            "namespace": given.namespace,
            "labels": {**manifests.labels(secret), **labels},
            "annotations": {**(metadata.get("annotations") or {}), **annotations},
        },
        "data": {**(secret.get("data") or {}), **{k: _encoded(v) for k, v in kept.items()}},
    }, others


async def _evaluated(stored: Manifest, given: _Given, call: Call) -> Evaluation:
    """Evaluate a template until its actions have all been answered.

    Raises:
        Problem, Problems: `config.invalid`, `config.template`, or what an action fails with.
    """
    engine = need(call.runtime.engine, "the evaluator")
    text = (stored.get("data") or {}).get("template") or ""
    source = f"config template {manifests.metadata(stored)['name'].removeprefix(PREFIX)}"
    packages = call.runtime.external.texts(Flavour.TEMPLATE)
    template = await engine.compile(f"{text}\ncontext: _\n", source=source, packages=packages)
    fills = [
        Fill("context", {"name": given.name, "namespace": given.namespace}, "context"),
        Fill("template.parameter", given.properties, "config"),
    ]
    found = await _settled(template, fills, call)
    refused = found.values.get(_VALIDATION) or {}
    if refused.get("message"):
        message = f"the template refuses the config: {refused['message']}"
        raise Problem("config.invalid", message, f"{call.inputs_path}.config")
    # what lacks a parameter is wrong for it all over: the parameter is what is to be told
    theirs = [each for each in found.problems if each.path.startswith(_PARAMETER)]
    raise_any(_blamed(problem, call) for problem in theirs or found.problems)
    return found


def _blamed(problem: Problem, call: Call) -> Problem:
    """What is wrong with a parameter is the user's to mend, the rest the template's author's."""
    inside = problem.path.removeprefix(_PARAMETER)
    if inside == problem.path:
        return replace(problem, code="config.template")
    message = problem.message
    if message.startswith("is required"):
        message = f"{inside.removeprefix('.')} {message}"
    where = f"{call.inputs_path}.config{inside}"
    return replace(problem, code="config.invalid", message=message, path=where)


async def _settled(template: Template, fills: list[Fill], call: Call) -> Evaluation:
    runtime = _within_template(call.runtime)
    answered: set[str] = set()
    paths = [_OUTPUT, _OUTPUTS, _VALIDATION]
    while True:
        found = await template.evaluate(fills, paths, require=["template.parameter"], actions=True)
        ready = (a for a in found.actions if a.path not in answered and not a.incomplete)
        action = next(ready, None)
        if action is None:
            return found
        answered.add(action.path)
        outcome: Outcome = await call.again(action, runtime)
        if outcome.fill:
            fills.append(Fill(action.path, outcome.fill, f"result of {action.path}"))


def _within_template(runtime: Runtime) -> Runtime:
    return Runtime(
        flavour=Flavour.TEMPLATE,
        namespace=runtime.namespace,
        clock=runtime.clock,
        external=runtime.external,
        engine=runtime.engine,
        objects=runtime.objects,
        http=runtime.http,
    )


async def _template(call: Call, name: str, namespace: str) -> Manifest:
    objects = _objects(call)
    try:
        return await objects.get("", Key("", "ConfigMap", namespace, PREFIX + name, "v1"))
    except ApiError as error:
        if not error.not_found:
            raise_any(error.problems())
        message = f"there is no config template {name} in {namespace}"
        where = f"{call.inputs_path}.template"
        raise Problem("config.template", message, where, retry=True) from error


async def _secret(objects: Objects, name: str, namespace: str) -> Manifest | None:
    try:
        return await objects.get("", Key("", "Secret", namespace, name, "v1"))
    except ApiError as error:
        if not error.not_found:
            raise_any(error.problems())
        return None


async def _config(call: Call) -> Manifest:
    objects = _objects(call)
    name, namespace = call.text("name"), call.text("namespace")
    found = await _secret(objects, name, namespace)
    if found is None:
        raise _missing(name, namespace, call.path)
    return found


def _missing(name: str, namespace: str, path: str) -> Problem:
    message = f"there is no config {name} in namespace {namespace}"
    return Problem("config.missing", message, path, retry=True)


async def _sent(objects: Objects, manifest: Manifest) -> None:
    try:
        await objects.apply("", manifest)
    except ApiError as error:
        raise_any(error.problems())


def _check_change(existing: Manifest, secret: Manifest) -> None:
    if manifests.labels(existing).get(CATALOG) != CORE:
        what = "somebody else's, and no config"
    elif manifests.labels(existing).get(TYPE, "") != manifests.labels(secret)[TYPE]:
        what = "of another template"
    elif existing.get("type") != secret.get("type"):
        what = f"of type {existing.get('type')}"
    else:
        return
    name = manifests.metadata(existing)["name"]
    raise Problem("config.exists", f"there is a secret {name} already, {what}")


def _listed(secret: Manifest) -> dict[str, Any]:
    sensitive = manifests.annotation(secret, SENSITIVE) == "true"
    return {
        "name": secret["metadata"]["name"],
        "alias": manifests.annotation(secret, ALIAS),
        "description": manifests.annotation(secret, DESCRIPTION),
        "config": {} if sensitive else _properties(secret),
    }


def _properties(secret: Manifest) -> dict[str, Any]:
    text = _decoded(secret).get(PROPERTIES)
    found = orjson.loads(text) if text else {}
    return found if isinstance(found, dict) else {}


def _placed(manifest: Manifest, namespace: str) -> Manifest:
    metadata = {"namespace": namespace, **manifests.metadata(manifest)}
    return {**manifest, "metadata": metadata}


def _reference(manifest: Manifest) -> dict[str, str]:
    key = manifests.key(manifest)
    return {
        "apiVersion": key.api_version,
        "kind": key.kind,
        "namespace": key.namespace,
        "name": key.name,
    }


def _decoded(secret: Manifest) -> dict[str, bytes]:
    return {k: base64.b64decode(v) for k, v in (secret.get("data") or {}).items()}


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


ACTIONS: Final = {"create": create, "read": read, "list": list_, "delete": delete}
