"""`lateen top`, driven by keys: what is on the screen, and that it follows what happens."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Tree

from lateen import hub
from lateen.api.application import Application
from lateen.api.manifest import Key
from lateen.base import documents
from lateen.cli import beholding, lookout
from tests.cli.conftest import APP
from tests.cli.test_events import IMPOSSIBLE

pytestmark = pytest.mark.anyio

NOBODY = """\
current-context: x
contexts: [{name: x, context: {cluster: x, user: x}}]
clusters: [{name: x, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: x, user: {}}]
"""


def status(namespace, phase="unhealthy", *, healthy=False):
    entry = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "namespace": namespace}
    return {
        "observedGeneration": 1,
        "status": phase,
        "latestRevision": {"name": "shop-v1", "revision": 1, "revisionHash": "0"},
        "workflow": {"status": "succeeded"},
        "services": [{"name": "web", "healthy": healthy, "message": "Ready:0/1"}],
        "appliedResources": [entry],
    }


@asynccontextmanager
async def shown(kube, namespace) -> AsyncIterator[tuple[Pilot[Any], hub.Client]]:
    """`top` of one namespace, on a screen of its own."""
    async with hub.connect(kube.kubeconfig) as client, anyio.create_task_group() as tasks:
        look = lookout.Lookout(client, tasks, namespace)
        await look.start()
        async with beholding.Top(look).run_test(size=(140, 40)) as pilot:
            yield pilot, client
        tasks.cancel_scope.cancel()


async def deliver(client: hub.Client, namespace, **reported: Any) -> None:
    """An application with a Deployment whose pod finds no node, as the controllers leave it."""
    labels = {"app.oam.dev/name": "shop", "app.oam.dev/namespace": namespace}
    for manifest in (IMPOSSIBLE, documents.load(APP, "app.yaml")[0].data):
        meta = manifest["metadata"]
        own = {**meta, "namespace": namespace, "labels": {**meta.get("labels", {}), **labels}}
        await client.create({**manifest, "metadata": own})
    await report(client, namespace, **reported)


async def report(client: hub.Client, namespace, **reported: Any) -> None:
    key = Key("core.oam.dev", "Application", namespace, "shop", "v1beta1")
    body = {"status": status(namespace, **reported)}
    await client.patch(key, body, subresource="status")


async def until(pilot: Pilot[Any], condition: Callable[[], object], seconds=60.0) -> None:
    last = anyio.current_time() + seconds
    while not condition():
        assert anyio.current_time() < last, text(pilot)
        await pilot.pause(0.1)


def text(pilot: Pilot[Any]) -> str:
    """All that is on the screen."""
    drawn = re.sub("<style.*?</style>", "", pilot.app.export_screenshot(), flags=re.DOTALL)
    return html.unescape(re.sub("<[^>]+>", " ", drawn)).replace("\xa0", " ")


def row(pilot: Pilot[Any]) -> list[str]:
    table = pilot.app.screen.query_one(DataTable)
    return [cell.plain for cell in table.get_row_at(0)] if table.row_count else []


def labels(pilot: Pilot[Any]) -> list[str]:
    def walk(node):
        yield str(node.label)
        for child in node.children:
            yield from walk(child)

    return list(walk(pilot.app.screen.query_one(Tree).root))


async def test_applications_are_shown_as_they_come_and_change(plane, namespace):
    async with shown(plane, namespace) as (pilot, client):
        await until(pilot, lambda: "0 applications" in text(pilot))
        await deliver(client, namespace)
        await until(pilot, lambda: row(pilot)[2:4] == ["unhealthy", "no"])
        assert row(pilot)[:2] == ["shop", namespace]
        assert row(pilot)[5] == "shop-v1"
        assert "component web is not healthy: Ready:0/1" in row(pilot)[7]
        await report(client, namespace, phase="running", healthy=True)
        await until(pilot, lambda: row(pilot)[2:4] == ["running", "yes"])


async def test_one_goes_from_an_application_to_its_pods_and_back(plane, namespace):
    async with shown(plane, namespace) as (pilot, client):
        await deliver(client, namespace)
        await until(pilot, lambda: row(pilot))
        await pilot.press("enter")

        def kinds() -> list[str]:
            return [label.split()[1] for label in labels(pilot)[1:]]

        await until(pilot, lambda: kinds() == ["Deployment", "ReplicaSet", "Pod"])
        await until(pilot, lambda: "no nodes available" in labels(pilot)[3])
        await pilot.press("down", "y")
        await until(pilot, lambda: "kind: Deployment" in text(pilot))
        await pilot.press("escape", "w")
        await until(pilot, lambda: "has no node: no nodes available" in text(pilot))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: row(pilot)[0] == "shop")


async def test_only_what_is_looked_for_is_listed(plane, namespace):
    async with shown(plane, namespace) as (pilot, client):
        await deliver(client, namespace, phase="running", healthy=True)
        await until(pilot, lambda: row(pilot)[2:4] == ["running", "yes"])
        await pilot.press("u")
        await until(pilot, lambda: not row(pilot) and "0 shown" in text(pilot))
        await pilot.press("u", "slash", "o", "p")
        await until(pilot, lambda: row(pilot)[:1] == ["shop"])
        await pilot.press("x")
        await until(pilot, lambda: not row(pilot))
        await pilot.press("enter", "escape")
        await until(pilot, lambda: row(pilot)[:1] == ["shop"])


async def test_an_application_that_goes_is_said_to_be_gone(plane, namespace):
    async with shown(plane, namespace) as (pilot, client):
        await deliver(client, namespace)
        await until(pilot, lambda: row(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: len(labels(pilot)) > 1)
        await client.delete(Key("core.oam.dev", "Application", namespace, "shop", "v1beta1"))
        await until(pilot, lambda: "shop is gone" in text(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: not row(pilot))


async def test_a_control_plane_that_is_away_does_not_end_the_looks_for_a_member(tmp_path):
    entry = {"cluster": "east", "apiVersion": "v1", "kind": "ConfigMap", "name": "a"}
    app = Application({"status": {"appliedResources": [{**entry, "namespace": "n"}]}})
    file = tmp_path / "config"
    file.write_text(NOBODY)
    async with hub.connect(file) as client, anyio.create_task_group() as tasks:
        look = lookout.Lookout(client, tasks)
        with anyio.fail_after(30):
            while "127.0.0.1:1" not in (await look.tree(app))[0].message:
                await anyio.sleep(0.1)
        tasks.cancel_scope.cancel()
