"""What the actions of workflow steps may do in the cluster, as the application they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lateen.api import configuration as conf
from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.application import Application
from lateen.api.definition import Definition, DefinitionKind
from lateen.api.manifest import Check, Key, Manifest
from lateen.api.tracker import Resource, Tracker
from lateen.api.workflowrun import WorkflowRun
from lateen.base.problem import Problem
from lateen.controllers import tidings
from lateen.controllers.application import deliver, referring
from lateen.dispatch import ownership, recording, writing
from lateen.dispatch.applying import Desired
from lateen.hub import client, errors
from lateen.providers import external, mailing, objects, ports
from lateen.providers.packages import Flavour
from lateen.sources import obtaining


class Books(Protocol):
    """Applications and what they brought; `controllers.caches.Caches` is one."""

    def application(self, namespace: str, name: str) -> Application | None: ...
    def trackers(self, app: Application) -> Iterable[Tracker]: ...


@dataclass(frozen=True)
class World:
    """What is the same for the steps of every application."""

    clients: Mapping[str, client.Client]
    books: Books
    http: ports.Http | None = None
    packages: external.Shelf | None = None
    sources: obtaining.Sources | None = None
    tidings: tidings.Tidings | None = None

    def runtime(
        self,
        app: Application,
        definitions: Iterable[Definition],
        target: deliver.Dispatch,
        ledger: recording.Ledger,
        identity: client.Identity | None,
        revision: str = "",
    ) -> ports.Runtime:
        """What the actions of one application's steps may use (semantics B6, E8)."""
        reach = Recorded(self.clients, identity, target=target, ledger=ledger)
        return ports.Runtime(
            Flavour.STEP,
            namespace=app.namespace,
            labels={names.APP_NAME: app.name, names.APP_NAMESPACE: app.namespace},
            revision=revision,
            objects=reach,
            unowned=objects.Direct(self.clients, identity),
            logs=reach,
            http=self.http,
            mail=mailing.Smtp(),
            cloud=Cloud(app, tuple(definitions), reach),
            inventories=Inventories(self.books),
            external=self.packages or external.Shelf(),
        )

    def lookup(self, identity: client.Identity | None) -> referring.Lookup:
        """Reads what an application refers to, in any cluster, as that application."""

        async def at(cluster: str) -> client.Client:
            return self.clients[cluster]

        return referring.Lookup(at, self.http, identity)

    def alone(self, run: WorkflowRun, identity: client.Identity | None) -> ports.Runtime:
        """What the actions of a WorkflowRun's steps may use. What they apply is labelled as its,
        and stays: no inventory lists it.
        """
        reach = Unrecorded(self.clients, identity)
        return ports.Runtime(
            Flavour.STEP,
            namespace=run.namespace,
            labels={names.RUN_NAME: run.name, names.RUN_NAMESPACE: run.namespace},
            objects=reach,
            unowned=reach,
            logs=reach,
            http=self.http,
            mail=mailing.Smtp(),
            inventories=Inventories(self.books),
            external=self.packages or external.Shelf(),
            sources=self.sources,
            abilities=reach,
        )

    def templates(
        self, app: Application, identity: client.Identity | None, *, goes_back: bool = False
    ) -> ports.Runtime:
        """What the actions in an application's templates may use: a template is evaluated again
        and again, so what it writes belongs to nobody.
        """
        direct = objects.Direct(self.clients, identity)
        news: ports.News = ports.NoNews()
        if self.tidings is not None and not app.publish_version:
            news = self.tidings.of(app.namespace, app.name)
        return ports.Runtime(
            Flavour.TEMPLATE,
            namespace=app.namespace,
            objects=direct,
            http=self.http,
            external=self.packages or external.Shelf(),
            sources=self.sources,
            abilities=direct,
            news=news,
            goes_back=goes_back,
        )


@dataclass(frozen=True, kw_only=True)
class Recorded(objects.Direct):
    """Objects that steps bring are the application's: recorded before they are there, kept in
    their state, and gone when they are no longer brought.
    """

    target: deliver.Dispatch
    ledger: recording.Ledger

    async def apply(self, cluster: str, manifest: Manifest, check: Check | None = None) -> Manifest:
        """See `providers.ports.Objects`."""
        await self.client(cluster)
        wanted = Desired(_placed(manifest, cluster), "", check=check)
        [live] = await self.target.dispatch([wanted])
        return live

    async def delete(self, cluster: str, key: Key) -> None:
        """See `providers.ports.Objects`. What is not there any more is not to be repaired."""
        await self.ledger.forget(
            [Resource(key.api_version, key.kind, key.namespace, key.name, cluster)]
        )
        await super().delete(cluster, key)


class Unrecorded(objects.Direct):
    """Objects that belong to no application, and those of applications are left alone."""

    async def apply(self, cluster: str, manifest: Manifest, check: Check | None = None) -> Manifest:
        """See `providers.ports.Objects`.

        Raises:
            Problem: `dispatch.owned`.
        """
        live = await writing.fetch(await self.client(cluster), manifests.key(manifest))
        if live is not None and manifests.owner(live) is not None:
            ownership.stance(live, ("", ""))
        return await super().apply(cluster, manifest, check)


@dataclass(frozen=True)
class Inventories:
    """Implements `providers.ports.Inventories`."""

    books: Books

    async def entries(self, app: str, namespace: str) -> Sequence[ports.Entry]:
        found = self.books.application(namespace, app)
        if found is None:
            said = f"there is no application {app} in namespace {namespace}"
            raise Problem("query.application", said, retry=True)
        return [
            ports.Entry(each, revision, book.publish_version, book.root or book.tracks(found))
            for book in self.books.trackers(found)
            for revision in [book.raw["metadata"].get("labels", {}).get(names.APP_REVISION, "")]
            for each in book.resources
        ]


@dataclass(frozen=True)
class Cloud:
    """The Terraform components of an application. Implements `providers.ports.Cloud`."""

    app: Application
    definitions: Sequence[Definition]
    objects: ports.Objects

    async def components(self) -> Sequence[Mapping[str, Any]]:
        types = {
            each.asked or each.name
            for each in self.definitions
            if each.kind is DefinitionKind.COMPONENT and each.terraform
        }
        return [each.raw for each in self.app.components if each.type in types]

    async def healthy(self, component: str) -> bool:
        """Whether Terraform says that what the component asks for is there."""
        key = Key(conf.GROUP, conf.KIND, self.app.namespace, component, conf.VERSION)
        try:
            found = await self.objects.get("", key)
        except errors.ApiError as error:
            if error.not_found:
                return False
            raise
        # not what was asked for before: its outputs are those of then
        return conf.Configuration(found).settled


@dataclass(frozen=True)
class Paper:
    """Implements `providers.ports.Objects` without a cluster: what is applied is shown, and what
    is there is not known.
    """

    target: deliver.Dispatch

    async def get(self, cluster: str, key: Key) -> Manifest:
        raise _unknown()

    async def list(
        self,
        cluster: str,
        api_version: str,
        kind: str,
        *,
        namespace: str = "",
        labels: Mapping[str, str] | None = None,
        fields: str = "",
    ) -> list[Manifest]:
        raise _unknown()

    async def apply(self, cluster: str, manifest: Manifest, check: Check | None = None) -> Manifest:
        [shown] = await self.target.dispatch([Desired(_placed(manifest, cluster), "", check=check)])
        return shown

    async def patch(
        self, cluster: str, key: Key, body: Any, *, strategic: bool = False
    ) -> Manifest:
        raise _unknown()

    async def delete(self, cluster: str, key: Key) -> None:
        raise _unknown()


def on_paper(
    namespace: str,
    name: str,
    target: deliver.Dispatch,
    packages: external.Shelf | None = None,
) -> ports.Runtime:
    """What the actions of an application's steps may use where nothing is to happen."""
    return ports.Runtime(
        Flavour.STEP,
        namespace=namespace,
        labels={names.APP_NAME: name, names.APP_NAMESPACE: namespace},
        objects=Paper(target),
        external=packages or external.Shelf(),
    )


def _unknown() -> Problem:
    return Problem("provider.unavailable", "objects cannot be read or changed in a dry run")


def _placed(manifest: Manifest, cluster: str) -> Manifest:
    """With the label that says which cluster it is in (semantics B6)."""
    meta = manifest.get("metadata") or {}
    labels = {**(meta.get("labels") or {}), names.APP_CLUSTER: cluster}
    return {**manifest, "metadata": {**meta, "labels": labels}}
