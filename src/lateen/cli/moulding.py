"""`config-template apply|list|show|delete`: what configs are made by."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

import typer

from lateen import hub
from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.manifest import Key, Manifest
from lateen.base import clock, documents
from lateen.base.problem import Position, Problem, Problems, every, raise_any
from lateen.cli import connecting, describing, explaining, printing, problems, scripting
from lateen.cli.defs import taking
from lateen.cli.forms import Output
from lateen.cue.engine import Engine, Template
from lateen.cue.reports import Field
from lateen.dispatch import writing
from lateen.providers import configs, external
from lateen.providers.packages import Flavour

_CONTEXT: Final = "context: _"
_PARAMETER: Final = "template.parameter"
_HEAD: Final = {"name": "", "alias": "", "description": "", "scope": "", "sensitive": False}


async def apply(file: str, name: str, namespace: str, kubeconfig: str | None) -> None:
    """Check a template, and write it.

    Raises:
        Blamed: what is wrong with it, with its lines.
        Problem: `input.*`, `config.template`.
    """
    async with Engine() as engine, connecting.plane(kubeconfig) as client:
        script = await scripting.read(file, engine)
        texts = {script.source: script.text}
        try:
            stored = await _stored(script, name, namespace, await taking.brought(client))
        except (Problem, Problems) as error:
            raise problems.Blamed(every(error), texts) from error
        before = await writing.fetch(client, manifests.key(stored))
        if before is not None and manifests.labels(before).get(configs.CATALOG) != configs.CORE:
            said = f"{manifests.key(stored)} is there, and is no config template"
            raise Problem("config.exists", said)
        after = await client.apply(stored, force=True)
    same = before is not None and (
        manifests.metadata(before)["resourceVersion"]
        == manifests.metadata(after)["resourceVersion"]
    )
    word = "created" if before is None else "unchanged" if same else "updated"
    called = manifests.key(stored).name.removeprefix(configs.PREFIX)
    printing.line_out(f"config template {called} {word}")


async def _stored(
    script: scripting.Script, name: str, namespace: str, own: external.Shelf
) -> Manifest:
    """The ConfigMap of a template.

    Raises:
        Problem, Problems: `cue.*`, `config.template`.
    """
    fields = await script.fields()
    template = await _compiled(script.text, script.source, script.engine, own)
    raise_any(await template.vet())
    found = await template.evaluate([], ["metadata"])
    head = {**_HEAD, **(found.values.get("metadata") or {})}
    called = name or str(head["name"])
    place = (Position(script.source, 1, 1),)
    if "template" not in fields:
        raise Problem("config.template", f"{script.source} has no field template", "", place)
    if not called:
        hint = 'write `metadata: name: "..."`, or give --name'
        raise Problem("config.template", f"{script.source} has no name", "metadata", place, hint)
    try:
        schema = await template.schema(_PARAMETER)
    except Problem as problem:
        if problem.code != "cue.reference":
            raise
        said = f"{script.source} does not say what properties there are"
        hint = "write `template: parameter: {...}`"
        raise Problem("config.template", said, _PARAMETER, place, hint) from problem
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": configs.PREFIX + called,
            "namespace": namespace,
            "labels": {configs.CATALOG: configs.CORE, configs.SCOPE: str(head["scope"])},
            "annotations": {
                configs.ALIAS: str(head["alias"]),
                configs.DESCRIPTION: str(head["description"]),
                configs.SENSITIVE: str(bool(head["sensitive"])).lower(),
            },
        },
        "data": {"template": script.text, "schema": documents.dump(schema)},
    }


async def _compiled(text: str, source: str, engine: Engine, own: external.Shelf) -> Template:
    packages = own.texts(Flavour.TEMPLATE)
    return await engine.compile(f"{text}\n{_CONTEXT}\n", source=source, packages=packages)


def named(text: str) -> tuple[str, str]:
    """Namespace and name of a template, written [NAMESPACE/]NAME."""
    where, _, name = text.rpartition("/")
    return where or names.SYSTEM_NAMESPACE, name


async def fetch(client: hub.Client, namespace: str, name: str) -> Manifest:
    """A template as it is stored.

    Raises:
        Problem: `hub.not-found`.
    """
    live = await writing.fetch(client, Key("", "ConfigMap", namespace, configs.PREFIX + name, "v1"))
    if live is None:
        said = f"there is no config template {name} in namespace {namespace}"
        hint = "`lateen config-template list -A` shows those there are"
        raise Problem("hub.not-found", said, hint=hint)
    return live


async def parameter(stored: Manifest, engine: Engine, own: external.Shelf | None = None) -> Field:
    """What properties configs of a template have."""
    text = (stored.get("data") or {}).get("template") or ""
    name = manifests.key(stored).name.removeprefix(configs.PREFIX)
    source = f"config template {name}"
    template = await _compiled(text, source, engine, own or external.Shelf())
    return await template.describe(_PARAMETER)


async def list_(namespace: str, output: Output, kubeconfig: str | None) -> None:
    """Print the templates of a namespace, or of all when it is empty."""
    labels = manifests.selector({configs.CATALOG: configs.CORE})
    async with connecting.plane(kubeconfig) as client:
        found, _ = await client.list(
            "", "v1", "ConfigMap", namespace=namespace, label_selector=labels
        )
    rows = [_to_map(each) for each in found if _is_template(each)]
    if output is not Output.TABLE:
        printing.structured(rows, output)
        return
    if not rows:
        where = printing.place(namespace)
        printing.stderr().print(f"There is no config template {where}.")
        return
    now = clock.SystemClock().now()
    printing.table(
        ("NAMESPACE", "NAME", "ALIAS", "SCOPE", "SENSITIVE", "AGE"),
        [
            (
                row["namespace"],
                row["name"],
                row["alias"],
                row["scope"],
                str(row["sensitive"]).lower(),
                describing.age(row["created"], now),
            )
            for row in rows
        ],
    )


def _is_template(stored: Manifest) -> bool:
    return manifests.key(stored).name.startswith(configs.PREFIX)


def _to_map(stored: Manifest) -> dict[str, Any]:
    key = manifests.key(stored)
    return {
        "namespace": key.namespace,
        "name": key.name.removeprefix(configs.PREFIX),
        "alias": manifests.annotation(stored, configs.ALIAS),
        "description": manifests.annotation(stored, configs.DESCRIPTION),
        "scope": manifests.labels(stored).get(configs.SCOPE, ""),
        "sensitive": manifests.annotation(stored, configs.SENSITIVE) == "true",
        "created": manifests.metadata(stored).get("creationTimestamp"),
    }


async def show(name: str, namespace: str, output: Output, kubeconfig: str | None) -> None:
    """Print the properties that configs of a template have.

    Raises:
        Problem, Problems: `hub.not-found`; `cue.*` for a template that somebody else broke.
    """
    async with Engine() as engine, connecting.plane(kubeconfig) as client:
        stored = await fetch(client, namespace, name)
        found = await parameter(stored, engine, await taking.brought(client))
    told: Mapping[str, Any] = _to_map(stored)
    rows = list(explaining.rows(found))
    if output is not Output.TABLE:
        printing.structured({**told, "properties": [row.to_map() for row in rows]}, output)
        return
    explaining.tell(f"{name} (config template)", told["description"] or told["alias"], rows)


async def delete(name: str, namespace: str, kubeconfig: str | None, *, yes: bool) -> None:
    """Delete a template.

    Raises:
        Problem: `hub.not-found`.
    """
    labels = {configs.CATALOG: configs.CORE, configs.TYPE: name}
    async with connecting.plane(kubeconfig) as client:
        stored = await fetch(client, namespace, name)
        made, _ = await client.list("", "v1", "Secret", label_selector=manifests.selector(labels))
        mine = [
            str(manifests.key(each))
            for each in made
            if manifests.annotation(each, configs.TEMPLATE_NAMESPACE) == namespace
        ]
        if mine:
            said = f"Made by it, and cannot be made anew without it: {', '.join(mine)}."
            printing.stderr().print(said)
        if not (yes or not sys.stdin.isatty()) and not typer.confirm(
            f"Delete config template {name}?", err=True
        ):
            printing.stderr().print("Nothing was deleted.")
            return
        await client.delete(manifests.key(stored))
    printing.line_out(f"config template {name} deleted")
