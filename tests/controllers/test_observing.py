"""What was written is known at once, whether or not the watch has told of it."""

from __future__ import annotations

import anyio

from lateen.api import manifest, names
from lateen.controllers import observing
from tests.controllers.apps import configmap


async def written(client, namespace):
    """What is owned right after an object was written, the first of its kind, and nobody told."""
    labels = {names.APP_NAME: "shop", names.APP_NAMESPACE: namespace}
    # the API server knows nothing of it, so that no watch can
    meta = {"name": "a", "namespace": namespace, "uid": "1", "resourceVersion": "9" * 15}
    made = {**configmap("a"), "metadata": {**meta, "labels": labels}}
    async with anyio.create_task_group() as tasks:
        live = observing.Owned(client, tasks, lambda namespace, name: None)
        assert await live.find(manifest.key(made)) is None
        live.observe(made)
        found = live.owned_by((namespace, "shop"))
        tasks.cancel_scope.cancel()
    return [each["metadata"]["name"] for each in found]


def test_the_first_object_of_a_kind_is_known_as_well(kube, namespace):
    assert kube.call(written, kube.client, namespace) == ["a"]
