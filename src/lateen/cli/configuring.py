"""`config create|list|delete`: what the steps `create-config` and `delete-config` do, by hand."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import typer

from lateen import hub
from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.manifest import Check, Key, Manifest
from lateen.base import clock, documents, paths
from lateen.base.documents import Document
from lateen.base.problem import Problem, Problems, every
from lateen.cli import (
    connecting,
    describing,
    distributing,
    explaining,
    moulding,
    printing,
    problems,
    sources,
)
from lateen.cli.defs import taking
from lateen.cli.exits import Exit
from lateen.cli.forms import Output
from lateen.cue.engine import Engine
from lateen.cue.reports import Field
from lateen.definitions import parameters
from lateen.dispatch import writing
from lateen.providers import calling, configs, objects, sending
from lateen.providers.calls import Call
from lateen.providers.packages import Flavour
from lateen.providers.ports import Runtime

_PLAIN = re.compile(r"-?(0|[1-9]\d*)|true|false|null")  # as Helm's --set has it
_HIDDEN = "<secret>"
_PATIENCE = 300.0  # seconds that a distribution may take
_HOLDS = ("data", "stringData")


@dataclass(frozen=True)
class Order:
    """What the user asked for. `properties` are written KEY=VALUE."""

    name: str
    namespace: str
    template: str
    properties: Sequence[str]
    file: str
    alias: str
    description: str
    targets: Sequence[str]
    dry_run: bool


@dataclass(frozen=True)
class _Paper(objects.Direct):
    """Objects that are not written but kept, to be shown."""

    written: list[Manifest] = field(default_factory=list)

    async def apply(self, cluster: str, manifest: Manifest, check: Check | None = None) -> Manifest:
        """See `providers.ports.Objects`."""
        self.written.append(manifest)
        return manifest


async def create(order: Order, kubeconfig: str | None) -> Exit:
    """Write a config; distribute it, where that is asked for.

    Raises:
        Blamed: what is wrong with properties in a file, with their lines.
        Problem, Problems: `config.*`, `input.*`; `delivery.*` for a distribution.
    """
    async with Engine() as engine, connecting.plane(kubeconfig) as client:
        wanted = distributing.Order(order.name, order.namespace, order.targets, _PATIENCE)
        distributing.places(wanted)  # before anything is written
        document = await _properties(order, client, engine)
        paper = _Paper({names.LOCAL: client})
        inputs = {
            "name": order.name,
            "namespace": order.namespace,
            "template": order.template,
            "alias": order.alias,
            "description": order.description,
            "config": document.data,
        }
        reach = paper if order.dry_run else objects.Direct({names.LOCAL: client})
        try:
            async with _call(client, reach, engine, inputs) as call:
                await configs.create(call)
        except (Problem, Problems) as error:
            raise _located(error, document, order) from error
        if order.dry_run:
            printing.manifests(
                (f"# {manifests.key(each)}", _concealed(each)) for each in paper.written
            )
            return Exit.OK
        printing.line_out(f"config {order.name} written")
        if not order.targets:
            return Exit.OK
        return await distributing.deliver(client, wanted)


async def _properties(order: Order, client: hub.Client, engine: Engine) -> Document:
    """What the config is given, as far as its template can take it.

    Raises:
        Blamed, Problem, Problems: `parameter.*`, `input.*`, `config.*`.
    """
    schema = None
    if order.template:
        stored = await moulding.fetch(client, *moulding.named(order.template))
        schema = await moulding.parameter(stored, engine, await taking.brought(client))
    document = _of_file(order.file) if order.file else _written(order.properties, schema)
    if schema is not None:
        found = parameters.check(document.data, schema, "")
        if found.problems:
            raise _located(Problems(found.problems), document, order)
        told = problems.blame([(document, found.warnings)]) if order.file else None
        problems.warn(told.problems if told else found.warnings, told.texts if told else None)
    return document


def _of_file(file: str) -> Document:
    [document, *others] = sources.read([file])
    if others or not isinstance(document.data, dict):
        raise Problem("config.invalid", f"{file} is to hold the properties of one config, as a map")
    return document


def _written(properties: Sequence[str], schema: Field | None) -> Document:
    rows = explaining.rows(schema) if schema else ()
    texts = {row.name for row in rows if row.type == "string"}
    data: Any = {}
    taken: list[paths.Path] = []
    for given in properties:
        key, equals, value = given.partition("=")
        try:
            path = paths.parse(key)
        except ValueError:
            path = ()
        if not (path and equals and isinstance(path[0], str)):
            raise typer.BadParameter(f'"{given}" is no property: write KEY=VALUE, as in a.b=c')
        if other := next((each for each in taken if paths.related(each, path)), None):
            twice = f"{paths.render(other)} and {key} cannot both be given"
            raise typer.BadParameter(f"{key} is given twice" if other == path else twice)
        taken.append(path)
        try:
            data = paths.assign(data, path, value if key in texts else _value(value))
        except (TypeError, ValueError) as error:
            raise typer.BadParameter(f"{key} does not go with the others: {error}") from error
    return Document("", data, {})


def _value(text: str) -> Any:
    """What is written as a whole number, `true`, `false`, `null`, `[...]` or `{...}` is that."""
    if not (_PLAIN.fullmatch(text) or text.startswith(("[", "{"))):
        return text
    try:
        [found] = documents.load(text, "")
    except (Problem, Problems, ValueError):
        return text
    return found.data


def _located(error: Problem | Problems, document: Document, order: Order) -> Exception:
    """What is wrong, where the user has written it."""
    hint = "`lateen config-template list -A` shows those there are"
    found = [
        replace(
            each,
            path=each.path.removeprefix(".config").removeprefix("."),
            hint=hint if each.path == ".template" else each.hint,
        )
        for each in every(error)
    ]
    if not order.file:
        return Problems(found)
    return problems.blame([(document, found)])


@asynccontextmanager
async def _call(
    client: hub.Client, reach: objects.Direct, engine: Engine, inputs: Mapping[str, Any]
) -> AsyncIterator[Call]:
    async with sending.sender(clock.SystemClock()) as http:
        runtime = Runtime(
            Flavour.STEP,
            namespace=str(inputs["namespace"]),
            external=await taking.brought(client),
            engine=engine,
            objects=reach,
            http=http,
        )
        yield Call(inputs, "", "", runtime, calling.call)


def _concealed(found: Manifest) -> Manifest:
    if found.get("kind") != "Secret":
        return found
    hidden: dict[str, Any] = {
        part: dict.fromkeys(found[part], _HIDDEN) for part in _HOLDS if part in found
    }
    return {**found, **hidden}


async def list_(namespace: str, template: str, output: Output, kubeconfig: str | None) -> None:
    """Print configs, without what is in them; an empty namespace means all."""
    labels = {configs.CATALOG: configs.CORE}
    if template:
        labels[configs.TYPE] = template.rpartition("/")[2]
    async with connecting.plane(kubeconfig) as client:
        found, _ = await client.list(
            "", "v1", "Secret", namespace=namespace, label_selector=manifests.selector(labels)
        )
        spread = await distributing.known(client, namespace)
    rows = [_to_map(each, spread) for each in found]
    if output is not Output.TABLE:
        printing.structured(rows, output)
        return
    if not rows:
        where = printing.place(namespace)
        printing.stderr().print(f"There is no config {where}.")
        return
    now = clock.SystemClock().now()
    printing.table(
        ("NAMESPACE", "NAME", "ALIAS", "DISTRIBUTION", "TEMPLATE", "AGE", "DESCRIPTION"),
        [
            (
                row["namespace"],
                row["name"],
                row["alias"],
                ", ".join(f"{each['target']} ({each['status']})" for each in row["targets"]),
                row["template"],
                describing.age(row["created"], now),
                row["description"],
            )
            for row in rows
        ],
    )


def _to_map(
    secret: Manifest, spread: Mapping[tuple[str, str], Sequence[Mapping[str, str]]]
) -> dict[str, Any]:
    key = manifests.key(secret)
    name = manifests.labels(secret).get(configs.TYPE, "")
    where = manifests.annotation(secret, configs.TEMPLATE_NAMESPACE)
    return {
        "namespace": key.namespace,
        "name": key.name,
        "alias": manifests.annotation(secret, configs.ALIAS),
        "template": f"{where}/{name}" if where else name,
        "sensitive": manifests.annotation(secret, configs.SENSITIVE) == "true",
        "created": manifests.metadata(secret).get("creationTimestamp"),
        "description": manifests.annotation(secret, configs.DESCRIPTION),
        "targets": list(spread.get((key.namespace, key.name), ())),
    }


async def delete(order: distributing.Order, kubeconfig: str | None, *, recall: bool) -> Exit:
    """Delete a config, after it is taken back from everywhere.

    Raises:
        Problem: `config.missing`, `config.foreign`.
    """
    async with Engine() as engine, connecting.plane(kubeconfig) as client:
        key = Key("", "Secret", order.namespace, order.name, "v1")
        live = await writing.fetch(client, key)
        configs.check_own(live, order.name, order.namespace)
        if not (order.yes or not sys.stdin.isatty()) and not typer.confirm(
            f"Delete config {order.name}?", err=True
        ):
            printing.stderr().print("Nothing was deleted.")
            return Exit.OK
        if recall:
            code = await distributing.gone(client, order)
            if code is not Exit.OK:
                return code
        inputs = {"name": order.name, "namespace": order.namespace}
        reach = objects.Direct({names.LOCAL: client})
        async with _call(client, reach, engine, inputs) as call:
            await configs.delete(call)
    printing.line_out(f"config {order.name} deleted")
    return Exit.OK
