"""`diff`: files against what is live, files against a revision, one revision against another.

Both sides come from where `dry-run` and `up` have theirs. Where one is live, the other is what the
API server says it would make of the object: with its defaults, and what other writers own.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from lateen import hub
from lateen.api import checking, names
from lateen.api import manifest as manifests
from lateen.api.application import Application
from lateen.api.manifest import Key, Manifest
from lateen.base.documents import Document
from lateen.base.problem import Problem
from lateen.cli import connecting, foreseeing, offline, reaching, reverting, showing, sources
from lateen.cli.forms import Differences
from lateen.cli.showing import Pair
from lateen.controllers.application import memories
from lateen.definitions import concealing
from lateen.dispatch import writing


@dataclass(frozen=True)
class Order:
    """What the user asked for: `files`, or the application `name`; one or two `revisions`."""

    files: Sequence[str]
    name: str
    revisions: Sequence[str]
    definitions: Sequence[Path]
    namespace: str


@dataclass(frozen=True)
class Shown:
    """How to print it; `context` is how many lines are shown around a change."""

    output: Differences
    context: int


async def diff(order: Order, shown: Shown, kubeconfig: str | None) -> bool:
    """Print what differs; whether anything does.

    Raises:
        Blamed: what is wrong in the files, with its place.
        Problem: `hub.not-found` for an application or revision there is not; `input.*`.
    """
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(connecting.plane(kubeconfig))
        if order.files:
            documents = [offline.placed(d, order.namespace) for d in sources.checked(order.files)]
            if order.revisions:
                pairs = await _with_revision(client, order, documents)
            else:
                pairs = await ahead(client, documents, order.namespace, order.definitions)
        else:
            app = await connecting.application(client, order.namespace, order.name)
            pairs = await _of_application(client, app, order.revisions)
        secret = await hidden(client, [each for pair in pairs for each in pair.versions])
    return showing.show(pairs, secret, shown.output, shown.context)


async def ahead(
    client: hub.Client,
    documents: Sequence[Document],
    namespace: str,
    definitions: Sequence[Path] = (),
) -> list[Pair]:
    """What `up` would change: the objects of the files, and those of their applications.

    `namespace` is where objects go that name none, `definitions` come before those installed.
    """
    coming = {}
    found: dict[tuple[str, str], Application] = {}
    for document in documents:
        if sources.is_application(document.data):
            app = Application(document.data)
            at = (app.namespace, app.name)
            live = await writing.fetch(client, connecting.key(*at))
            if live is not None:
                found[at] = Application(live)
            coming[at] = _next(app, found.get(at))
    rendered = await offline.check(documents, client, definitions, revisions=coming)
    pairs = []
    for document in documents:
        wanted = {k: v for k, v in checking.pruned(document.data).items() if k != "status"}
        pairs.append(await foreseeing.declared(client, wanted, namespace))
    async with reaching.every(client) as reach:
        for each in rendered:
            before = found.get((each.app.namespace, each.app.name))
            pairs += await foreseeing.delivered(reach, each, before)
    return pairs


def _next(app: Application, live: Application | None) -> str:
    """The name of the revision that a text comes to."""
    latest = (live.status.get("latestRevision") or {}) if live else {}
    if live and latest and live.spec == app.spec:
        return str(latest["name"])
    return f"{app.name}-v{int(latest.get('revision') or 0) + 1}"


async def _with_revision(
    client: hub.Client, order: Order, documents: Sequence[Document]
) -> list[Pair]:
    """What is different in the one application of the files, as they are rendered."""
    apps = sources.applications(documents)
    if len(apps) > 1:
        raise Problem(
            "input.several",
            "a revision is of one application, and the files have several",
            hint="give the file of one",
        )
    [after] = await offline.check(documents, client, order.definitions)
    live = await connecting.application(client, after.app.namespace, after.app.name)
    before = await _revision(client, live, order.revisions[0])
    return _both(before, after)


async def _of_application(
    client: hub.Client, app: Application, revisions: Sequence[str]
) -> list[Pair]:
    if not revisions:
        async with reaching.every(client) as reach:
            return await foreseeing.delivered(reach, await offline.revisit(client, app), app)
    before = await _revision(client, app, revisions[0])
    if len(revisions) > 1:
        return _both(before, await _revision(client, app, revisions[1]))
    return _both(before, await offline.revisit(client, app))


async def _revision(client: hub.Client, app: Application, wanted: str) -> offline.Rendered:
    """An application as one of its revisions renders.

    Raises:
        Problem: `hub.not-found`, with those there are.
    """
    found = reverting.find(app, await reverting.revisions(client, app), wanted)
    then = found.application
    meta = {**app.metadata, "labels": then.labels, "annotations": then.annotations}
    version = Application({**app.raw, "metadata": meta, "spec": then.spec})
    return await offline.revisit(client, version, found.name)


def _both(before: offline.Rendered, after: offline.Rendered) -> list[Pair]:
    """Two renderings side by side, their applications first."""
    sides = [foreseeing.objects(each) for each in (before, after)]
    old, new = ({_identity(found): found for found in side} for side in sides)
    pairs = [Pair(old.get(identity), new.get(identity)) for identity in {**new, **old}]
    return [Pair(_written(before), _written(after)), *pairs]


def _identity(found: Manifest) -> tuple[str, tuple[str, str, str, str]]:
    return manifests.labels(found).get(names.APP_CLUSTER, ""), manifests.key(found).identity


def _written(rendered: offline.Rendered) -> Manifest:
    """The application as its author wrote it."""
    app = Application(rendered.document.data)
    meta: Manifest = {"name": app.name, "namespace": app.namespace}
    meta |= {k: v for k in ("labels", "annotations") if (v := app.metadata.get(k))}
    return {"apiVersion": names.V1BETA1, "kind": "Application", "metadata": meta, "spec": app.spec}


async def hidden(client: hub.Client, found: Sequence[Manifest]) -> frozenset[str]:
    """Texts that are not to be shown: what the Secrets among the objects hold, and what the
    workflows of their applications have read from others.
    """
    held = concealing.held(found)
    for namespace, name in filter(None, {manifests.owner(each) for each in found}):
        key = Key("", "Secret", namespace, f"workflow-{name}-context", "v1")
        try:
            kept = await writing.fetch(client, key)
        except hub.ApiError as error:
            if not error.forbidden:  # who may not read it is shown what else they may read
                raise
            continue
        held |= concealing.texts(memories.secrets(kept)) if kept else frozenset()
    return held
