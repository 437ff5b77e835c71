"""`adopt`: applications out of what others brought: releases of Helm, or objects."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack

import typer
from rich.text import Text

from lateen import hub
from lateen.api import manifest as manifests
from lateen.api.manifest import Key, Manifest
from lateen.base import documents
from lateen.base.problem import Problem, Problems, every
from lateen.cli import (
    applying,
    connecting,
    exits,
    failures,
    gleaning,
    printing,
    problems,
    proposing,
    reaching,
    scripting,
)
from lateen.cli.exits import Exit
from lateen.cli.forms import Manifests, Output
from lateen.cli.proposing import Order, Proposal
from lateen.cli.scripting import Script
from lateen.cue.engine import Engine
from lateen.dispatch import writing


async def adopt(order: Order, output: Manifests, kubeconfig: str | None) -> Exit:
    """Print the applications, or deliver them.

    Raises:
        Problem, Problems: `adopt.*`, `hub.not-found`, `source.release`, `cluster.*`, `input.*`.
        Blamed: what is wrong in the template, or in the rules.
    """
    async with AsyncExitStack() as stack:
        template = await _script(order.template, stack)
        rules = await _script(order.rules, stack)
        texts = {each.source: each.text for each in (template, rules) if each}
        client = await stack.enter_async_context(connecting.plane(kubeconfig))
        reach = await stack.enter_async_context(reaching.every(client))
        there = await reach.at(order.cluster)
        try:
            if not order.all:
                proposal = await proposing.one(there, order, template)
            else:
                harvest = await gleaning.glean(client, there, order, template, rules)
        except (Problem, Problems) as error:
            raise problems.Blamed(every(error), texts) from error
        if order.all:
            return await _all(client, there, order, output, harvest, texts)
        if not order.apply:
            printing.structured(proposal.manifest, Output(output.value))
            return Exit.OK
        return await _deliver(client, there, proposal, order)


async def _script(file: str, stack: AsyncExitStack) -> Script | None:
    return await scripting.read(file, await stack.enter_async_context(Engine())) if file else None


async def _all(
    client: hub.Client,
    there: hub.Client,
    order: Order,
    output: Manifests,
    harvest: gleaning.Harvest,
    texts: Mapping[str, str],
) -> Exit:
    """Everything there is: said first, then printed or delivered one by one. What cannot be
    adopted holds up nothing else, and decides the exit code.
    """
    _announce(harvest, order, texts)
    codes = [exits.code(found) for _, found in harvest.wrong]
    if not order.apply:
        _print([each.manifest for each in harvest.proposed], output)
    elif harvest.proposed and _agreed(order, f"Make {_counted(harvest.proposed)}?"):
        for proposal in harvest.proposed:
            try:
                codes.append(await _deliver(client, there, proposal, order))
            except (Problem, Problems, problems.Blamed, hub.ApiError) as error:
                printing.stderr().print(Text(f"{proposal.title} is not adopted:", "yellow"))
                codes.append(failures.report(error))
    return next((code for code in codes if code is not Exit.OK), Exit.OK)


def _announce(harvest: gleaning.Harvest, order: Order, texts: Mapping[str, str]) -> None:
    console = printing.stderr()
    verb = "to be made" if order.apply else "that --apply makes"
    if harvest.proposed:
        console.print(f"{_counted(harvest.proposed)} {verb} ({order.mode.value})")
    else:
        where = printing.place(order.namespace)
        console.print(f"There is nothing {where} to be adopted that is not already.")
    for proposal in harvest.proposed:
        said = ", ".join(_contents(proposal.manifest))
        console.print(Text.assemble("  ", (proposal.title, "bold"), f"  {said}"))
    for what, why in harvest.left:
        console.print(Text.assemble("left alone: ", (what, "bold"), f": {why}"))
    for what, found in harvest.wrong:
        console.print(Text.assemble(("cannot be adopted: ", "red"), (what, "bold")))
        problems.show(found, texts)


def _counted(proposed: Sequence[Proposal]) -> str:
    return f"{len(proposed)} application{'' if len(proposed) == 1 else 's'}"


def _contents(app: Manifest) -> list[str]:
    """What becomes of the application, in a few words."""
    found = []
    for component in app["spec"]["components"]:
        properties = component.get("properties") or {}
        if component["type"] == "helmchart":
            chart = properties["chart"]
            found.append(f"chart {chart['source']} {chart.get('version', '')}".rstrip())
        elif component["type"] == "k8s-objects":
            keys = (manifests.key(each) for each in properties.get("objects") or ())
            found += [f"{key.kind} {key.name}" for key in keys]
        else:
            found.append(f"{component['type']} {component['name']}")
    return found


def _print(found: Sequence[Manifest], output: Manifests) -> None:
    if output is Manifests.JSON:
        printing.structured(list(found), Output.JSON)
        return
    printing.manifests((f"# {each['metadata']['name']}", each) for each in found)


async def _deliver(client: hub.Client, there: hub.Client, proposal: Proposal, order: Order) -> Exit:
    whole = proposal.key
    if await writing.fetch(client, whole) is not None:
        raise Problem(
            "adopt.name",
            f"there is an application {whole.name} in namespace {whole.namespace} already",
            hint="give the new one another name with --app-name",
        )
    if (
        order.cluster
        and await writing.fetch(client, Key("", "Namespace", "", whole.namespace, "v1")) is None
    ):
        raise Problem(
            "adopt.namespace",
            f"the control plane has no namespace {whole.namespace} for application {whole.name}",
            hint="create it, or say where the application is to be with --app-namespace",
        )
    given = applying.Order((), whole.namespace, wait=True, timeout=order.timeout)
    text = documents.dump(proposal.manifest)
    code = await applying.deliver(client, documents.load(text, "the application"), given)
    if code is Exit.OK and order.recycle:
        await _recycle(there, order, proposal)
    return code


async def _recycle(there: hub.Client, order: Order, proposal: Proposal) -> None:
    """Delete the record that Helm has of a release, which is the application's now."""
    name = proposal.history[0].name
    # of all of them it was asked before
    if not order.all and not _agreed(order, f"Have Helm forget its release {name}?"):
        return
    for each in proposal.history:
        await there.delete(Key("", each.kind, each.namespace, each.stored, "v1"))
    printing.line_out(f"release {name} of Helm is forgotten ({len(proposal.history)} revisions)")


def _agreed(order: Order, question: str) -> bool:
    return order.yes or not sys.stdin.isatty() or typer.confirm(question, err=True)
