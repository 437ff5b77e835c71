"""The way from documents to manifests without changing anything: what `dry-run` shows and `up`
checks before it changes anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lateen import hub
from lateen.api import names
from lateen.api.application import Application
from lateen.api.definition import Definition, DefinitionKind
from lateen.api.manifest import Manifest
from lateen.base.documents import Document
from lateen.base.problem import Problem, Problems, every
from lateen.cli import connecting, problems, sources, vetting
from lateen.controllers.application import preview
from lateen.cue.engine import Engine
from lateen.definitions import files, loading

_REVISED = {
    DefinitionKind.COMPONENT: "componentDefinition",
    DefinitionKind.TRAIT: "traitDefinition",
    DefinitionKind.POLICY: "policyDefinition",
    DefinitionKind.STEP: "workflowStepDefinition",
}


@dataclass(frozen=True)
class Rendered:
    """An application and its manifests: (component, trait type or None, manifest)."""

    app: Application
    manifests: Sequence[tuple[str, str | None, Manifest]]


def placed(document: Document, namespace: str) -> Document:
    """The document with the namespace an application that names none goes to."""
    meta = document.data["metadata"]
    if meta.get("namespace") or not sources.is_application(document.data):
        return document
    return replace(document, data={**document.data, "metadata": {**meta, "namespace": namespace}})


async def check(
    documents: Sequence[Document], client: hub.Client | None, extra: Sequence[Path] = ()
) -> list[Rendered]:
    """Render every application among the documents, with the definitions among them.

    `client` is where installed definitions are read, None for the built-in ones only; `extra` are
    files and directories of definitions that come before all others.

    Raises:
        Blamed: everything that is wrong, in all of the applications.
    """
    apps = [document for document in documents if sources.is_application(document.data)]
    if not apps:
        return []
    rendered: list[Rendered] = []
    wrong: list[tuple[Document, tuple[Problem, ...]]] = []
    async with Engine() as engine:
        spaces = sorted({Application(document.data).namespace for document in apps})
        known = await catalogue(documents, client, extra, engine, spaces)
        shared = await _shared(documents, client, spaces)
        version = await client.version() if client else None
        for document in apps:
            app = Application(document.data)
            try:
                found = await preview.preview(
                    app, known, engine, externals=shared, cluster_version=version
                )
            except (Problem, Problems) as error:
                wrong.append((document, every(error)))
                continue
            rendered.append(Rendered(app, found.manifests))
            if client is not None:
                judged = await _vet(client, app, documents, found)
                if judged.problems:
                    wrong.append((document, tuple(judged.problems)))
                found.warnings += judged.warnings
            located = [problems.locate(w, document) for w in found.warnings]
            problems.warn(located, {document.source: document.text})
    if wrong:
        raise problems.blame(wrong)
    return rendered


async def _vet(
    client: hub.Client, app: Application, documents: Sequence[Document], found: preview.Preview
) -> vetting.Vetting:
    coming = [document.data for document in documents if not sources.is_application(document.data)]
    judged = vetting.Vetting(client, app, coming)
    await judged.run(found.manifests)
    return judged


async def _shared(
    documents: Sequence[Document], client: hub.Client | None, namespaces: Sequence[str]
) -> preview.Nowhere:
    """Policy and Workflow objects that applications refer to; those in the documents come first."""
    found: dict[str, dict[tuple[str, str], Manifest]] = {"Policy": {}, "Workflow": {}}
    for kind, objects in found.items():
        if client is not None:
            objects |= await _live(client, kind, namespaces)
        for document in documents:
            meta = document.data["metadata"]
            if (document.data["apiVersion"], document.data["kind"]) == (names.V1ALPHA1, kind):
                for namespace in [meta["namespace"]] if meta.get("namespace") else namespaces:
                    objects[namespace, meta["name"]] = document.data
    return preview.Nowhere(found["Policy"], found["Workflow"])


async def _live(
    client: hub.Client, kind: str, namespaces: Sequence[str]
) -> dict[tuple[str, str], Manifest]:
    found: dict[tuple[str, str], Manifest] = {}
    for namespace in namespaces:
        with connecting.installed():
            live, _ = await client.list(names.GROUP, "v1alpha1", kind, namespace=namespace)
        found |= {(namespace, str(each["metadata"]["name"])): each for each in live}
    return found


async def catalogue(
    documents: Sequence[Document],
    client: hub.Client | None,
    extra: Sequence[Path],
    engine: Engine,
    namespaces: Sequence[str],
) -> loading.Catalogue:
    """Definitions as applications in these namespaces see them: first those of `extra`, then those
    among the documents, then installed ones, then the built-in ones.
    """
    given = [d for path in extra for d in await files.load_path(path, engine)]
    given += [
        files.from_object(document.data, document)
        for document in documents
        if document.data["kind"] in list(DefinitionKind)
    ]
    builtin = loading.Static(await files.builtins(engine))
    first = loading.Static(_everywhere(given, namespaces))
    if client is None:
        return loading.Layered(first, builtin)
    return loading.Layered(first, loading.Layered(await installed(client, namespaces), builtin))


def _everywhere(given: Iterable[Definition], spaces: Sequence[str]) -> list[Definition]:
    """Given definitions that name no namespace, in every namespace that is looked at."""
    found = []
    for definition in given:
        meta = definition.raw["metadata"]
        for space in [meta["namespace"]] if meta.get("namespace") else [*spaces, ""]:
            raw = {**definition.raw, "metadata": {**meta, "namespace": space}}
            found.append(replace(definition, raw=raw))
    return found


class _Installed(loading.Static):
    """The definitions of a control plane, with their revisions, as they were when read."""

    def __init__(self, definitions: Iterable[Definition], revisions: Iterable[Manifest]) -> None:
        super().__init__(definitions)
        self._revisions = {
            (each["metadata"]["namespace"], each["metadata"]["name"]): each for each in revisions
        }

    def find_revision(
        self, kind: DefinitionKind, name: str, revision: str, namespace: str
    ) -> Definition | None:
        found = self._revisions.get((namespace, f"{name}-v{revision}"))
        embedded: dict[str, Any] | None = (found or {}).get("spec", {}).get(_REVISED[kind])
        if not embedded:
            return None
        return Definition.of({"apiVersion": names.V1BETA1, "kind": kind.value, **embedded})


async def installed(client: hub.Client, namespaces: Sequence[str]) -> loading.Catalogue:
    """The definitions applications in these namespaces see on a control plane."""
    definitions: list[Definition] = []
    revisions: list[Manifest] = []
    for namespace in dict.fromkeys([*namespaces, names.SYSTEM_NAMESPACE]):
        for kind in (*DefinitionKind, "DefinitionRevision"):
            with connecting.installed():
                found, _ = await client.list(names.GROUP, "v1beta1", kind, namespace=namespace)
            if kind == "DefinitionRevision":
                revisions += found
            else:
                definitions += [Definition.of(raw) for raw in found]
    return _Installed(definitions, revisions)
