"""The inventory of an application, from trackers on a real API server."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.api import manifest as manifests
from lateen.api import schemas
from lateen.base.problem import Problem
from lateen.providers.inventories import Tracked
from lateen.providers.objects import Direct

pytestmark = pytest.mark.anyio


def tracker(namespace: str, generation: int, uid: str, name: str) -> dict[str, Any]:
    entry = {"apiVersion": "v1", "kind": "ConfigMap", "namespace": namespace, "name": name}
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "ResourceTracker",
        "metadata": {
            "name": f"shop-v{generation}-{namespace}-{uid[:4]}",
            "labels": {
                "app.oam.dev/name": "shop",
                "app.oam.dev/namespace": namespace,
                "app.oam.dev/uid": uid,
            },
        },
        "spec": {
            "type": "versioned",
            "applicationGeneration": generation,
            "managedResources": [entry],
        },
    }


async def test_what_an_application_brought(objects: Direct, namespace: str) -> None:
    """Not what one of the same name had brought before it."""
    client = await objects.client("local")
    for crd in schemas.crds():
        await client.apply(crd)
    for kind in ("Application", "ResourceTracker"):
        await client.resources.wait("core.oam.dev", "v1beta1", kind, timeout=60)
    inventory = Tracked(client)
    with pytest.raises(Problem) as raised:
        await inventory.entries("shop", namespace)
    assert raised.value.code == "query.application"
    app = {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": "shop", "namespace": namespace},
        "spec": {"components": []},
    }
    uid = (await client.apply(app))["metadata"]["uid"]
    trackers = [
        await client.apply(tracker(namespace, 1, uid, "ours")),
        await client.apply(tracker(namespace, 1, "gone-before", "theirs")),
    ]
    found = await inventory.entries("shop", namespace)
    for each in trackers:
        await client.delete(manifests.key(each))
    assert [(each.resource.name, each.latest) for each in found] == [("ours", True)]
