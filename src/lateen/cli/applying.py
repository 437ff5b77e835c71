"""`up`: checks everything, then applies it in the order it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lateen import hub
from lateen.api import checking, names
from lateen.api import manifest as manifests
from lateen.api.application import Application
from lateen.api.manifest import Manifest
from lateen.base.documents import Document
from lateen.base.problem import Problem
from lateen.cli import (
    connecting,
    delivering,
    limits,
    offline,
    printing,
    problems,
    reverting,
    sealing,
    sources,
    vetting,
)
from lateen.cli.exits import Exit

# what others need comes before them; applications come last
_RANKS = {
    "Namespace": 0,
    "CustomResourceDefinition": 1,
    "ComponentDefinition": 2,
    "TraitDefinition": 2,
    "PolicyDefinition": 2,
    "WorkflowStepDefinition": 2,
    "Policy": 3,
    "Workflow": 3,
}
_PATIENCE = 10.0  # seconds
# what only a delivery can know, it is about to know
_LATER = frozenset({"parameter.late"})


@dataclass(frozen=True)
class Order:
    """What the user asked for. `timeout` is in seconds."""

    files: Sequence[str]
    namespace: str | None
    wait: bool
    timeout: float
    strict: bool = False
    name: str = ""  # of an application that is there, instead of files
    revision: str = ""
    version: str = ""
    plan: str = ""  # a file that `plan` wrote, instead of files
    allow: int = 0  # how many objects may be deleted beyond the limit


async def up(order: Order, kubeconfig: str | None) -> Exit:
    """Deliver the files; nothing is sent before everything that can be checked is right.

    Raises:
        Blamed: what is wrong in the files, or refused by the server, with its place.
        Problem: no control plane, nothing to read.
    """
    if order.name:
        return await _again(order, kubeconfig)
    if order.plan:
        return await _planned(order, kubeconfig)
    documents = [_placed(document, order.namespace) for document in sources.checked(order.files)]
    documents = [_published(document, order.version) for document in documents]
    async with connecting.plane(kubeconfig) as client:
        return await deliver(client, documents, order)


async def _planned(order: Order, kubeconfig: str | None) -> Exit:
    """Do what a plan says, if it still holds: what it deletes was looked at."""
    kept = sealing.read(order.plan)
    async with connecting.plane(kubeconfig) as client:
        documents = await sealing.confirm(client, kept, order.plan)
        agreed = replace(order, allow=sealing.deletions(kept), namespace=str(kept["namespace"]))
        return await deliver(client, documents, agreed)


async def deliver(client: hub.Client, documents: list[Document], order: Order) -> Exit:
    """Apply documents in the order they need, once all that can be checked is right."""
    documents.sort(key=lambda document: _rank(document.data))
    kinds = {document.data["kind"] for document in documents}
    # a definition of a kind among them takes a moment to be served
    patience = _PATIENCE if "CustomResourceDefinition" in kinds else 0.0
    rendered = await offline.check(documents, client, strict=order.strict, unsaid=_LATER)
    consents = await limits.consents(client, rendered, order.allow)
    if consents is None:
        printing.stderr().print("Nothing was changed.")
        return Exit.OK
    delivered = [
        applied
        for document in documents
        if (applied := await _apply(client, document, order.namespace, patience, consents))
    ]
    if not order.wait:
        return Exit.OK
    codes = [await delivering.follow(client, app, order.timeout) for app in delivered]
    return next((code for code in codes if code is not Exit.OK), Exit.OK)


async def _again(order: Order, kubeconfig: str | None) -> Exit:
    """Deliver an application that is there once more."""
    namespace = order.namespace or "default"
    async with connecting.plane(kubeconfig) as client:
        app = await reverting.republish(
            client, order.name, namespace, order.revision, order.version, order.allow
        )
        said = [f"as {order.revision}"] if order.revision else []
        said += [f"published as {order.version}"] if order.version else []
        printing.line_out(f"application {app.name} is delivered again, {', '.join(said)}")
        return await delivering.follow(client, app, order.timeout) if order.wait else Exit.OK


def _published(document: Document, version: str) -> Document:
    """The document with the publishVersion that was asked for, if it is an application."""
    if not version or not sources.is_application(document.data):
        return document
    meta = document.data["metadata"]
    annotations = {**(meta.get("annotations") or {}), names.PUBLISH_VERSION: version}
    placed = {**document.data, "metadata": {**meta, "annotations": annotations}}
    return replace(document, data=placed)


def _rank(data: Manifest) -> int:
    return 5 if sources.is_application(data) else _RANKS.get(str(data["kind"]), 4)


def _placed(document: Document, namespace: str | None) -> Document:
    """The document with the namespace it goes to, as far as that can be told from its text."""
    meta = document.data["metadata"]
    given = meta.get("namespace")
    if namespace and given and given != namespace:
        problem = Problem(
            "input.namespace",
            f"the file says namespace {given}, the command says {namespace}",
            "metadata.namespace",
            hint="leave out -n, or the namespace in the file",
        )
        raise problems.blame([(document, [problem])])
    if given or not sources.is_application(document.data):
        return document
    placed = {**document.data, "metadata": {**meta, "namespace": namespace or "default"}}
    return Document(document.source, placed, document.lines, document.text)


async def _apply(
    client: hub.Client,
    document: Document,
    namespace: str | None,
    patience: float,
    consents: Mapping[tuple[str, str], int],
) -> Application | None:
    """Apply one document and say what came of it; returns it if it is an application.

    `patience` is how many seconds its kind may take to be served, `consents` how many objects of
    an application may be deleted, by its namespace and name.
    """
    wanted = {k: v for k, v in checking.pruned(document.data).items() if k != "status"}
    key = manifests.key(wanted)
    with problems.blaming(document):
        target = (key.group, key.version, key.kind)
        if patience:
            resource = await client.resources.wait(*target, timeout=patience)
        else:
            resource = await client.resources.find(*target)
        if resource.namespaced and not key.namespace:
            meta = {**wanted["metadata"], "namespace": namespace or "default"}
            wanted = {**wanted, "metadata": meta}
            key = manifests.key(wanted)
        try:
            before = await _existing(client, key)
            if count := consents.get((key.namespace, key.name)):
                wanted = await limits.consenting(client, wanted, before, count)
            # what the file says, it says: whoever wrote those fields before, the user does now
            after = await client.apply(wanted, force=True)
        except hub.ApiError as error:
            if error.not_found and key.namespace:
                raise vetting.no_namespace(key.namespace, "metadata.namespace") from error
            raise problems.blame([(document, error.problems())]) from error
    word = "created"
    if before is not None:
        same = manifests.metadata(before)["resourceVersion"]
        unchanged = manifests.metadata(after)["resourceVersion"] == same
        word = "unchanged" if unchanged else "updated"
    printing.line_out(f"{_noun(after)} {key.name} {word}")
    return Application(after) if sources.is_application(after) else None


def _noun(found: Manifest) -> str:
    return "application" if sources.is_application(found) else str(found["kind"])


async def _existing(client: hub.Client, key: manifests.Key) -> Manifest | None:
    try:
        return await client.get(key)
    except hub.ApiError as error:
        if error.not_found:
            return None
        raise
