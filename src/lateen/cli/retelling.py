"""`workflow logs`: what steps logged themselves, and the logs they point to (semantics E8)."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final

import orjson
from rich.text import Text

from lateen import hub
from lateen.api import manifest as manifests
from lateen.api.manifest import Manifest
from lateen.base.problem import Problem
from lateen.cli import connecting, flows, printing, reaching, tailing
from lateen.cli.forms import Workflows
from lateen.controllers.application import memories
from lateen.workflow import remembering
from lateen.workflow.records import Record
from lateen.workflow.remembering import Memory
from lateen.workflow.steps import custom

_CONFIG: Final = "logConfig"
_PATIENCE: Final = 10.0  # seconds for an address to answer


async def logs(
    name: str, namespace: str, step: str, kind: Workflows | None, kubeconfig: str | None
) -> None:
    """Print the logs of a step, or of all that have any, each line marked with its step.

    Raises:
        Problem: `hub.not-found`, `workflow.unknown-step`; `workflow.no-log` for a step without.
    """
    async with connecting.plane(kubeconfig) as client, reaching.every(client) as reach:
        flow = await flows.find(client, namespace, name, kind)
        memory = await memories.load(flow.owner, flow.state, client)
        chosen = [flow.step(step)] if step else flow.records()
        told = False
        for record in chosen:
            async for line in _lines(reach, flow, record, memory):
                told = True
                printing.stdout().print(Text(f"{record.name} | ", "cyan").append(line, "default"))
    if not told and step:
        raise Problem(
            "workflow.no-log",
            f"step {step} has logged nothing and points to no log",
            hint="its definition has to use util.#Log",
        )
    if not told:
        printing.stderr().print(f"No step of {name} has logged anything.")


async def _lines(
    reach: reaching.Reach, flow: flows.Flow, record: Record, memory: Memory
) -> AsyncIterator[str]:
    for line in memory.value(remembering.key(record.id, custom.LOG)).splitlines():
        yield line
    config = orjson.loads(memory.value(_CONFIG) or "{}").get(record.name) or {}
    source = config.get("source") or {}
    for resource in source.get("resources") or ():
        client = await reach.at(str(resource.get("cluster") or ""))
        for pod in await _pods(client, flow, resource):
            async for line in _of_pod(client, pod):
                yield line
    if source.get("url"):
        for line in _fetched(str(source["url"])):
            yield line


async def _pods(client: hub.Client, flow: flows.Flow, wanted: Mapping[str, Any]) -> list[Manifest]:
    """The pods a step names, by name or by labels."""
    labels = wanted.get("labelSelector") or {}
    labels = labels.get("matchLabels", labels)
    fields = f"metadata.name={wanted['name']}" if wanted.get("name") else ""
    found, _ = await client.list(
        "",
        "v1",
        "Pod",
        namespace=str(wanted.get("namespace") or flow.owner.namespace),
        label_selector=manifests.selector(labels),
        field_selector=fields,
    )
    return found


async def _of_pod(client: hub.Client, pod: Manifest) -> AsyncIterator[str]:
    sources = list(tailing.containers(pod))
    if not sources:
        yield f"(pod {pod['metadata']['name']} has not written yet)"
    for source in sources:
        try:
            async for line in client.stream(source.path, {"container": source.container}):
                yield line.decode(errors="replace")
        except hub.ApiError as error:
            if error.status not in tailing.NOT_YET:
                raise
            yield f"(no log of {source.pod} {source.container}: {error.message})"


def _fetched(url: str) -> Iterator[str]:
    """The lines at an address.

    Raises:
        Problem: `input.url`.
    """
    if not url.startswith(("http://", "https://")):
        raise Problem("input.url", f"{url} is no address of a log")
    try:
        # the scheme was just checked
        with urllib.request.urlopen(url, timeout=_PATIENCE) as answer:  # noqa: S310
            yield from answer.read().decode(errors="replace").splitlines()
    except urllib.error.HTTPError as error:
        error.close()
        raise Problem("input.url", f"{url} answers {error.code} {error.reason}") from error
    except OSError as error:
        reason = getattr(error, "reason", None) or error
        raise Problem("input.url", f"{url} cannot be fetched: {reason}") from error
