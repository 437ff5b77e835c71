"""Which control plane a command talks to."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from lateen import hub
from lateen.api import names
from lateen.api.application import Application
from lateen.api.manifest import Key
from lateen.api.tracker import Tracker
from lateen.base import suggest
from lateen.base.problem import Problem
from lateen.hub import kubeconfig as kubeconfigs
from lateen.standalone import locate


def kubeconfig(given: str | None) -> str:
    """The kubeconfig to use: the one given, `$KUBECONFIG`, a running standalone, `~/.kube/config`.

    Raises:
        Problem: `hub.no-control-plane`, `hub.kubeconfig`.
    """
    return kubeconfigs.choose(given, os.environ, standalone=locate.kubeconfig(), home=Path.home())


@asynccontextmanager
async def plane(given: str | None, *, timeout: float = 30.0) -> AsyncIterator[hub.Client]:
    """A client of the control plane; nothing is sent yet.

    Raises:
        Problem: as `kubeconfig`.
    """
    async with hub.connect(kubeconfig(given), timeout=timeout) as client:
        yield client


def key(namespace: str, name: str) -> Key:
    """The key of an application."""
    return Key(names.GROUP, "Application", namespace, name, "v1beta1")


async def application(client: hub.Client, namespace: str, name: str) -> Application:
    """An application by its name.

    Raises:
        Problem: `hub.not-found`, with the name that may have been meant and where it is.
    """
    try:
        with installed():
            return Application(await client.get(key(namespace, name)))
    except hub.ApiError as error:
        if not error.not_found:
            raise
        raise await _missing(client, namespace, name) from error


async def applications(
    client: hub.Client, namespace: str = "", labels: str = "", fields: str = ""
) -> list[Application]:
    """The applications of a namespace, or of all when it is empty; those that selectors of labels
    and fields, as kubectl has them, choose.

    Raises:
        Problem: `hub.not-installed`.
    """
    with installed():
        found, _ = await client.list(
            names.GROUP,
            "v1beta1",
            "Application",
            namespace=namespace,
            label_selector=labels,
            field_selector=fields,
        )
    return [Application(raw) for raw in found]


async def trackers(client: hub.Client, app: Application) -> list[Tracker]:
    """The inventories of an application."""
    selector = f"{names.APP_NAME}={app.name},{names.APP_NAMESPACE}={app.namespace}"
    with installed():
        found, _ = await client.list(
            names.GROUP, "v1beta1", "ResourceTracker", label_selector=selector
        )
    return [each for each in map(Tracker, found) if each.belongs_to(app)]


async def inventories(client: hub.Client) -> list[Tracker]:
    """The inventories of all applications."""
    with installed():
        found, _ = await client.list(names.GROUP, "v1beta1", "ResourceTracker")
    return [Tracker(each) for each in found]


@contextmanager
def installed() -> Iterator[None]:
    """Around requests for kinds of ours: says what it means when there are none of them."""
    try:
        yield
    except Problem as problem:
        if problem.code != "hub.unknown-kind":
            raise
        raise Problem(
            "hub.not-installed",
            "this Kubernetes does not know applications",
            hint="is Lateen installed there? `lateen start` starts a control plane here",
        ) from problem


async def _missing(client: hub.Client, namespace: str, name: str) -> Problem:
    found = await applications(client)
    elsewhere = [app.namespace for app in found if app.name == name]
    if elsewhere:
        hint = f"there is one in namespace {elsewhere[0]}: add -n {elsewhere[0]}"
    else:
        hint = suggest.nearest(name, (app.name for app in found if app.namespace == namespace))
    return Problem(
        "hub.not-found",
        f"there is no application {name} in namespace {namespace}",
        hint=hint or "`lateen ls -A` lists all of them",
    )
