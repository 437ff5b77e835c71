"""`dry-run`: the manifests of applications as they would be applied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.manifest import Manifest
from lateen.cli import connecting, offline, printing, sources
from lateen.cli.options import Manifests, Output


@dataclass(frozen=True)
class Order:
    """What the user asked for."""

    files: Sequence[str]
    definitions: Sequence[Path]
    offline: bool
    namespace: str


async def dry_run(order: Order, output: Manifests, kubeconfig: str | None) -> None:
    """Print the manifests in the order they would be applied.

    Raises:
        Blamed: what is wrong in the files, with its place.
        Problem: `input.no-application`, or no control plane to take definitions from.
    """
    documents = [offline.placed(d, order.namespace) for d in sources.checked(order.files)]
    sources.applications(documents)
    async with AsyncExitStack() as stack:
        client = None
        if not order.offline:
            client = await stack.enter_async_context(connecting.plane(kubeconfig))
        previews = await offline.check(documents, client, order.definitions)
    for each in previews:
        if not each.manifests:
            printing.stderr().print(f"{each.app.name} would create nothing.")
    if output is Manifests.JSON:
        every = [manifest for each in previews for _, _, manifest in each.manifests]
        printing.structured(every, Output.JSON)
        return
    printing.manifests(
        (comment, manifest)
        for each in previews
        for comment, manifest in _headed(each.app.name, each.manifests)
    )


def _headed(
    app: str, rendered: Sequence[tuple[str, str | None, Manifest]]
) -> Iterator[tuple[str, Manifest]]:
    """Each manifest with the comment that says where it comes from (semantics C10)."""
    for component, trait, manifest in rendered:
        place = manifests.labels(manifest).get(names.APP_CLUSTER, "")
        cluster = f" on cluster {place}" if place else ""
        if trait is None:
            yield f"# Application({app}) -- Component({component}){cluster}", manifest
        elif trait == names.AUXILIARY:
            yield f"## From the auxiliary workload of {component}{cluster}", manifest
        else:
            yield f"## From the trait {trait} of {component}{cluster}", manifest
