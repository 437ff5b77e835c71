"""Definitions as a control plane has them: `def get` and `def list`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.text import Text

from lateen import hub
from lateen.api import names
from lateen.api.definition import Definition, DefinitionKind, DefinitionRevision
from lateen.base import clock, documents, durations, suggest
from lateen.base.problem import Problem
from lateen.cli import connecting, printing
from lateen.cli.forms import Output
from lateen.cue.engine import Engine
from lateen.definitions import writing
from lateen.hub import informer


@dataclass(frozen=True)
class Wanted:
    """Which definition: `kind` None where the name alone says it."""

    name: str
    kind: DefinitionKind | None
    namespace: str


def kind_of(word: str | None) -> DefinitionKind | None:
    """The kind of a word: `workflow-step`; None for none."""
    return next((kind for kind in DefinitionKind if kind.word == word), None)


async def every(
    client: hub.Client, namespace: str = "", kind: DefinitionKind | None = None
) -> list[Definition]:
    """The definitions of a namespace, or of all where it is empty, by kind and name.

    Raises:
        Problem: `hub.not-installed`.
    """
    found: list[Definition] = []
    for one in [kind] if kind else DefinitionKind:
        with connecting.installed():
            live, _ = await client.list(names.GROUP, "v1beta1", one, namespace=namespace)
        found += sorted(
            (
                Definition.of({"apiVersion": names.V1BETA1, "kind": one.value, **raw})
                for raw in live
            ),
            key=lambda each: (each.name, each.namespace),
        )
    return found


async def revisions(client: hub.Client, namespace: str) -> list[DefinitionRevision]:
    """Every definition revision of a namespace."""
    with connecting.installed():
        live, _ = await client.list(
            names.GROUP, "v1beta1", "DefinitionRevision", namespace=namespace
        )
    return [DefinitionRevision(raw) for raw in live]


async def one(client: hub.Client, wanted: Wanted) -> Definition:
    """The definition that is meant.

    Raises:
        Problem: `hub.not-found`, with what may have been meant; `input.type` where several kinds
            have one of that name.
    """
    everywhere = await every(client, kind=wanted.kind)
    here = [each for each in everywhere if each.namespace == wanted.namespace]
    found = [each for each in here if each.name == wanted.name]
    if len(found) == 1:
        return found[0]
    if found:
        words = [each.kind.word for each in found]
        raise Problem(
            "input.type",
            f"{wanted.name} is the name of {len(found)} definitions: {', '.join(words)}",
            hint=f"say which: --type {words[0]}",
        )
    word = f"{wanted.kind.word} definition" if wanted.kind else "definition"
    elsewhere = [each.namespace for each in everywhere if each.name == wanted.name]
    if elsewhere:
        hint = f"there is one in namespace {elsewhere[0]}: add -n {elsewhere[0]}"
    else:
        hint = suggest.nearest(wanted.name, (each.name for each in here))
    raise Problem(
        "hub.not-found",
        f"there is no {word} {wanted.name} in namespace {wanted.namespace}",
        hint=hint or "`lateen def list -A` lists all of them",
    )


async def list_all(
    namespace: str, kind: DefinitionKind | None, output: Output, kubeconfig: str | None
) -> None:
    """Print the definitions of a namespace; of all where it is empty."""
    async with connecting.plane(kubeconfig) as client:
        found = await every(client, namespace, kind)
    if output is not Output.TABLE:
        printing.structured([informer.trim(each.raw) for each in found], output)
        return
    if not found:
        where = printing.place(namespace)
        printing.stderr().print(f"There are no definitions {where}.")
        return
    printing.table(
        ("NAME", "TYPE", "NAMESPACE", "REVISION", "DESCRIPTION"),
        [
            (each.name, each.kind.word, each.namespace, revision(each), each.description)
            for each in found
        ],
    )


def revision(definition: Definition) -> str:
    """What stands behind `@` for the definition as it is: `v3`; nothing before it is known."""
    latest = (definition.raw.get("status") or {}).get("latestRevision") or {}
    return str(latest.get("name") or "").removeprefix(f"{definition.name}-")


async def get(wanted: Wanted, which: str, form: str, kubeconfig: str | None) -> None:
    """Print a definition, or that `which` revision of it, as cue, yaml or json.

    Raises:
        Problem: as `one`; `hub.not-found` for a revision there is none of.
    """
    async with connecting.plane(kubeconfig) as client:
        definition = await one(client, wanted)
        if which:
            definition = _pick(await _of(client, definition), definition, which)
    if form != "cue":
        printing.structured(_clean(definition.raw), Output(form))
        return
    async with Engine() as engine:
        printing.line_out((await writing.cue(definition, engine)).rstrip("\n"))


async def list_revisions(wanted: Wanted, output: Output, kubeconfig: str | None) -> None:
    """Print the revisions of a definition, the newest first."""
    async with connecting.plane(kubeconfig) as client:
        definition = await one(client, wanted)
        found = await _of(client, definition)
    found.sort(key=lambda each: -each.number)
    if output is not Output.TABLE:
        printing.structured([informer.trim(each.raw) for each in found], output)
        return
    if not found:
        printing.stderr().print(f"{definition.name} has no revision yet.")
        return
    current, now = revision(definition), clock.SystemClock().now()
    rows: list[tuple[str | Text, ...]] = []
    for each in found:
        created = each.raw["metadata"].get("creationTimestamp")
        age = durations.short((now - clock.parse(created)).total_seconds()) if created else ""
        mark = "yes" if f"v{each.version}" == current else ""
        rows.append((f"{definition.name}@v{each.version}", str(each.number), mark, each.hash, age))
    printing.table(("TYPE", "REVISION", "CURRENT", "HASH", "AGE"), rows)


async def _of(client: hub.Client, definition: Definition) -> list[DefinitionRevision]:
    return [
        each
        for each in await revisions(client, definition.namespace)
        if (each.kind, each.of) == (definition.kind, definition.name)
    ]


def _pick(kept: Sequence[DefinitionRevision], definition: Definition, which: str) -> Definition:
    version = which.rpartition("@")[2].removeprefix("v")
    found = next((each for each in kept if each.version == version), None)
    if found:
        return replace(found.definition, source=definition.source)
    known = ", ".join(f"v{each.version}" for each in kept)
    raise Problem(
        "hub.not-found",
        f"{definition.name} has no revision v{version}",
        hint=f"there are: {known}" if known else "it has none yet",
    )


def _clean(raw: dict[str, Any]) -> dict[str, Any]:
    """As its author would write it: without what only the server says."""
    meta = {
        key: raw["metadata"][key]
        for key in ("name", "namespace", "labels", "annotations")
        if raw["metadata"].get(key)
    }
    return {
        "apiVersion": names.V1BETA1,
        "kind": raw["kind"],
        "metadata": meta,
        "spec": raw.get("spec") or {},
    }


def yaml(definition: Definition) -> str:
    """A definition as its author would write it in YAML."""
    return documents.dump(_clean(definition.raw))
