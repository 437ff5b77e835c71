"""The verbs against a real API server."""

from __future__ import annotations

import pytest

from lateen import hub
from lateen.api.manifest import Key

pytestmark = pytest.mark.anyio


def config_map(namespace, name="settings", **data):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }


async def test_apply_creates_then_updates(kube, namespace):
    async with hub.connect(kube.kubeconfig) as client:
        await client.apply(config_map(namespace, a="1", b="1"))
        changed = await client.apply(config_map(namespace, a="2"))
        assert changed["data"] == {"a": "2"}, "what we no longer apply, we no longer own"
        found = await client.get(Key("", "ConfigMap", namespace, "settings", "v1"))
        assert found == changed
