"""`dry-run`: the manifests of applications as they would be applied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.manifest import Manifest
from lateen.cli import accounting, connecting, offline, printing, reaching, sources
from lateen.cli.forms import Manifests, Output


@dataclass(frozen=True)
class Order:
    """What the user asked for."""

    files: Sequence[str]
    definitions: Sequence[Path]
    offline: bool
    namespace: str
    strict: bool = False
    blame: bool = False


async def dry_run(order: Order, output: Manifests, kubeconfig: str | None) -> None:
    """Print the manifests in the order they would be applied.

    Raises:
        Blamed: what is wrong in the files, with its place.
        Problem: `input.no-application`, or no control plane to take definitions from.
    """
    previews = await rendered(order, kubeconfig, traced=order.blame)
    for each in previews:
        if not each.manifests:
            printing.stderr().print(f"{each.app.name} would create nothing.")
        if each.unrun:
            printing.stderr().print(f"Not run in a dry run: {', '.join(each.unrun)}.")
    if output is Manifests.JSON:
        every = [manifest for each in previews for _, _, manifest in each.manifests]
        printing.structured(every, Output.JSON)
        return
    if order.blame:
        for each in previews:
            headed = _headed(each.app.name, each.manifests)
            for (comment, _), told in zip(headed, _objects(each), strict=True):
                printing.line_out(f"---\n{comment}\n{accounting.annotated(told)}")
        return
    printing.manifests(
        (comment, manifest)
        for each in previews
        for comment, manifest in _headed(each.app.name, each.manifests)
    )


async def blame(
    order: Order, wanted: accounting.Wanted, output: Output, kubeconfig: str | None
) -> None:
    """Print who sets the fields of what applications would create.

    Raises:
        Blamed, Problem: as `dry_run`; `input.object`, `input.field`.
    """
    previews = await rendered(order, kubeconfig, traced=True)
    objects = [told for each in previews for told in _objects(each)]
    accounting.show(accounting.select(objects, wanted), wanted, output)


async def blame_live(
    name: str, namespace: str, wanted: accounting.Wanted, output: Output, kubeconfig: str | None
) -> None:
    """Print who set the fields of what an application has created, other writers among them.

    It is rendered again as its revision has it, and compared with what is there.

    Raises:
        Problem: `hub.not-found`, `input.object`, `input.field`.
    """
    async with connecting.plane(kubeconfig) as client:
        app = await connecting.application(client, namespace, name)
        rendered = await offline.revisit(client, app)
        chosen = accounting.select(_objects(rendered), wanted)
        async with reaching.every(client) as reach:
            objects = [replace(each, live=await _live(reach, each.manifest)) for each in chosen]
    accounting.show(objects, wanted, output)


async def _live(reach: reaching.Reach, manifest: Manifest) -> Manifest | None:
    """The object as its cluster has it, None where it has not."""
    return await reach.fetch(manifests.cluster(manifest), manifests.key(manifest))


async def rendered(
    order: Order, kubeconfig: str | None, *, traced: bool = False
) -> list[offline.Rendered]:
    """The applications of the files, rendered; `traced` as in `offline.check`.

    Raises:
        Blamed, Problem: as `dry_run`.
    """
    documents = [offline.placed(d, order.namespace) for d in sources.checked(order.files)]
    sources.applications(documents)
    async with AsyncExitStack() as stack:
        client = None
        if not order.offline:
            client = await stack.enter_async_context(connecting.plane(kubeconfig))
        return await offline.check(
            documents, client, order.definitions, strict=order.strict, traced=traced
        )


def _objects(each: offline.Rendered) -> list[accounting.Object]:
    assert each.recorder is not None
    return [
        accounting.Object(manifest, each.document, each.recorder.of(component, trait, manifest))
        for component, trait, manifest in each.manifests
    ]


def _headed(
    app: str, rendered: Sequence[tuple[str, str | None, Manifest]]
) -> Iterator[tuple[str, Manifest]]:
    """Each manifest with the comment that says where it comes from (semantics C10)."""
    for component, trait, manifest in rendered:
        place = manifests.labels(manifest).get(names.APP_CLUSTER, "")
        cluster = f" on cluster {place}" if place else ""
        if not component:
            yield f"# Application({app}) -- applied by a workflow step{cluster}", manifest
        elif trait is None:
            yield f"# Application({app}) -- Component({component}){cluster}", manifest
        elif trait == names.AUXILIARY:
            yield f"## From the auxiliary workload of {component}{cluster}", manifest
        else:
            yield f"## From the trait {trait} of {component}{cluster}", manifest
