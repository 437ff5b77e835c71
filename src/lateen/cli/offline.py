"""The way from documents to manifests without changing anything: what `dry-run` shows and `up`
checks before it changes anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from lateen import hub
from lateen.api import names
from lateen.api.application import Application
from lateen.api.definition import Definition, DefinitionKind, DefinitionRevision
from lateen.api.manifest import Key, Manifest
from lateen.api.revision import Revision
from lateen.base import paths
from lateen.base.documents import Document
from lateen.base.problem import Problem, Problems, every
from lateen.cli import connecting, problems, reaching, sources, surroundings, vetting
from lateen.controllers.application import preview, scoping
from lateen.cue.engine import Engine
from lateen.definitions import files, loading, rendering, tracing, wording
from lateen.hub import members
from lateen.policies import placements


@dataclass(frozen=True)
class Rendered:
    """An application and its manifests: (component, trait type or None, manifest).

    `unrun` are the steps that only a delivery can run.
    """

    app: Application
    manifests: Sequence[tuple[str, str | None, Manifest]]
    document: Document
    recorder: tracing.Recorder | None = None  # how they came to be, where that was asked for
    unrun: Sequence[str] = ()
    changed: scoping.Transformed | None = None


def placed(document: Document, namespace: str) -> Document:
    """The document with the namespace an application that names none goes to."""
    meta = document.data["metadata"]
    if meta.get("namespace") or not sources.is_application(document.data):
        return document
    return replace(document, data={**document.data, "metadata": {**meta, "namespace": namespace}})


async def check(
    documents: Sequence[Document],
    client: hub.Client | None,
    extra: Sequence[Path] = (),
    *,
    strict: bool = False,
    traced: bool = False,
    revisions: Mapping[tuple[str, str], str] | None = None,
    unsaid: Collection[str] = (),
) -> list[Rendered]:
    """Render every application among the documents, with the definitions among them.

    `client` is where installed definitions are read, None for the built-in ones only; `extra` are
    files and directories of definitions that come before all others. `strict` refuses parameters
    that a type does not have, `traced` records who set which field. `revisions` are the names of
    revisions the applications come to, by namespace and name, where that is known, `unsaid` codes
    of warnings that are none to whoever asks.

    Raises:
        Blamed: everything that is wrong, in all of the applications.
    """
    apps = [document for document in documents if sources.is_application(document.data)]
    if not apps:
        return []
    rendered: list[Rendered] = []
    wrong: list[tuple[Document, tuple[Problem, ...]]] = []
    async with (
        Engine() as engine,
        surroundings.sources() as fetching,
        AsyncExitStack() as stack,
    ):
        spaces = sorted({Application(document.data).namespace for document in apps})
        known = await catalogue(documents, client, extra, engine, spaces)
        around = await shared(documents, client, spaces)
        reach = await stack.enter_async_context(reaching.every(client)) if client else None
        roster = reach.roster if reach else members.Hearsay()
        shelf = surroundings.shelf(client, engine, fetching)
        referred = await surroundings.referred(reach, stack) if reach else None
        for document in apps:
            app = Application(document.data)
            recorder = tracing.Recorder() if traced else None
            try:
                found = await preview.preview(
                    app,
                    known,
                    engine,
                    externals=around,
                    cluster_version=roster.local_version,
                    clusters=roster,
                    recorder=recorder,
                    revision=(revisions or {}).get((app.namespace, app.name), ""),
                    rules=rendering.Rules(strict, strict),
                    shelf=shelf,
                    surroundings=surroundings.of(reach, app.namespace, fetching),
                    referred=referred,
                )
            except (Problem, Problems) as error:
                said = map(_unlabelled, every(error)) if reach is None else every(error)
                wrong.append((document, tuple(said)))
                continue
            rendered.append(
                Rendered(app, found.manifests, document, recorder, found.unrun, found.changed)
            )
            if reach is not None:
                judged = await _vet(reach, app, documents, found)
                if judged.problems:
                    wrong.append((document, tuple(judged.problems)))
                found.warnings += judged.warnings
            else:
                found.warnings += _selecting(app)
            located = [problems.locate(w, document) for w in found.warnings if w.code not in unsaid]
            texts = _texts((w for w in located), known)
            problems.warn(located, {**texts, document.source: document.text})
    if wrong:
        wrong = _at_home(wrong, documents)
        raise problems.blame(wrong, _texts((each for _, its in wrong for each in its), known))
    return rendered


def _unlabelled(problem: Problem) -> Problem:
    """What it means without a control plane that a selector of clusters selects none."""
    if problem.code != "cluster.none":
        return problem
    said = "labels of clusters are not known offline: no joined cluster matches any"
    return replace(problem, message=said, hint=_UNLABELLED)


def _selecting(app: Application) -> Iterator[Problem]:
    """Policies that may lead to more clusters than can be known offline."""
    for policy in app.policies:
        if policy.type == placements.TYPE and "clusterLabelSelector" in (policy.properties or {}):
            yield Problem(
                "cluster.unlabelled",
                f"policy {policy.name} selects clusters by labels, which are not known offline: "
                "it is shown for the control plane's own only, if for any",
                path=f"{policy.path}.properties.clusterLabelSelector",
                hint=_UNLABELLED,
            )


_UNLABELLED = "ask a control plane (without --offline), or name the clusters in `clusters`"


def _at_home(
    wrong: Iterable[tuple[Document, tuple[Problem, ...]]], documents: Sequence[Document]
) -> list[tuple[Document, tuple[Problem, ...]]]:
    """Problems of Policy objects among the documents, with the document of the policy."""
    policies = {
        str(document.data["metadata"]["name"]): document
        for document in documents
        if (document.data["apiVersion"], document.data["kind"]) == (names.V1ALPHA1, "Policy")
    }
    found: list[tuple[Document, tuple[Problem, ...]]] = []
    for document, its in wrong:
        own: list[Problem] = []
        for problem in its:
            home, path = _policy(problem.path, policies)
            if home is None:
                own.append(problem)
            else:
                found.append((home, (replace(problem, path=path),)))
        found.insert(0, (document, tuple(own)))
    return [each for each in found if each[1]]


def _policy(path: str, policies: Mapping[str, Document]) -> tuple[Document | None, str]:
    """The document of `policies["shared/prod"].properties` and the path in it, if it is known."""
    try:
        parts = paths.parse(path)
    except ValueError:  # a path in words, such as one into a template
        return None, path
    if len(parts) < 2 or parts[0] != "policies":
        return None, path
    return policies.get(str(parts[1]).rpartition("/")[2]), paths.render(parts[2:])


def _texts(found: Iterable[Problem], known: loading.Catalogue | None) -> dict[str, str]:
    """The texts of the definitions that problems have to do with, by the source they name."""
    sources_ = {place.source for problem in found for place in problem.positions}
    texts = {source: _text(source, known) for source in sources_}
    return {source: text for source, text in texts.items() if text is not None}


def _text(source: str, known: loading.Catalogue | None) -> str | None:
    """The text of a definition: of a file, a built-in one, or one that is in the cluster."""
    words = source.split(" ")
    if known is not None and len(words) == 3 and words[0] in list(DefinitionKind):
        kind = DefinitionKind(words[0])
        namespace, _, name = words[1].rpartition("/")
        name, _, version = name.partition("@v")
        if version:
            found = known.find_revision(kind, name, version, namespace)
        else:
            found = known.find(kind, name, namespace)
        return found.text if found else None
    path = Path(source)
    try:
        return path.read_text("utf-8") if path.is_file() else files.builtin(source)
    except (OSError, ValueError):  # an excerpt is a help, not more
        return None


async def _vet(
    reach: reaching.Reach, app: Application, documents: Sequence[Document], found: preview.Preview
) -> vetting.Verdict:
    coming = [document.data for document in documents if not sources.is_application(document.data)]
    return await vetting.vet(reach, app, coming, found.manifests)


async def shared(
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
    try:
        given = [d for path in extra for d in await files.load_path(path, engine)]
    except (Problem, Problems) as error:
        texts = _texts(every(error), None)
        raise problems.Blamed(wording.reading(every(error), texts), texts) from error
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


async def installed(client: hub.Client, namespaces: Sequence[str]) -> loading.Catalogue:
    """The definitions applications in these namespaces see on a control plane."""
    found: dict[str, list[Manifest]] = {}
    for namespace in dict.fromkeys([*namespaces, names.SYSTEM_NAMESPACE]):
        for kind in (*DefinitionKind, "DefinitionRevision", "WorkloadDefinition"):
            with connecting.installed():
                live, _ = await client.list(names.GROUP, "v1beta1", kind, namespace=namespace)
            found.setdefault(kind, []).extend(live)
    return loading.Static(
        [Definition.of(raw) for kind in DefinitionKind for raw in found[kind]],
        map(DefinitionRevision, found["DefinitionRevision"]),
        map(Definition.of_workload, found["WorkloadDefinition"]),
    )


async def revisit(client: hub.Client, app: Application, revision: str = "") -> Rendered:
    """Render a delivered application again, with the definitions and policies of its revision.

    That is the latest one, or the `revision` of that name, which has to be there.

    Raises:
        Problem, Problems: it cannot be rendered.
    """
    latest = revision or str((app.status.get("latestRevision") or {}).get("name") or "")
    found = await _revision(client, app.namespace, latest)
    document = Document(f"Application {app.namespace}/{app.name}", app.raw, {})
    recorder = tracing.Recorder()
    async with (
        Engine() as engine,
        surroundings.sources() as fetching,
        reaching.every(client) as reach,
    ):
        known = await catalogue([], client, [], engine, [app.namespace])
        externals = preview.Nowhere()
        if found is not None:
            document = replace(document, data={**app.raw, "spec": found.application.spec})
            known = loading.Layered(loading.Recorded(found.definitions), known)
            externals = _then(found, app.namespace)
        roster = reach.roster
        done = await preview.preview(
            Application(document.data),
            known,
            engine,
            externals=externals,
            cluster_version=roster.local_version,
            clusters=roster,
            recorder=recorder,
            revision=latest,
            surroundings=surroundings.of(reach, app.namespace, fetching),
            referred=_as_then(found) if found is not None else None,
        )
    return Rendered(app, done.manifests, document, recorder, done.unrun)


async def latest(client: hub.Client, app: Application) -> Revision | None:
    """The revision of an application that its status names, None where there is none (yet)."""
    name = str((app.status.get("latestRevision") or {}).get("name") or "")
    return await _revision(client, app.namespace, name)


async def _revision(client: hub.Client, namespace: str, name: str) -> Revision | None:
    """The ApplicationRevision of that name, None where there is none (yet)."""
    if not name:
        return None
    try:
        key = Key(names.GROUP, "ApplicationRevision", namespace, name, "v1beta1")
        return Revision(await client.get(key))
    except hub.ApiError as error:
        if error.not_found:
            return None
        raise


def _as_then(found: Revision) -> preview.Referred:
    """What the application referred to, as its revision keeps it."""

    async def referred(_: Application) -> Sequence[Manifest]:
        return found.referred

    return referred


def _then(found: Revision, namespace: str) -> preview.Nowhere:
    """Policies and the workflow an application referred to, as its revision keeps them."""
    policies: dict[tuple[str, str], Manifest] = {}
    for key, raw in found.policies.items():
        place, _, name = key.rpartition("/")
        policies[place, name] = raw
    reference = (found.application.workflow or {}).get("ref")
    kept = reference and found.workflow
    return preview.Nowhere(policies, {(namespace, str(reference)): kept} if kept else {})
