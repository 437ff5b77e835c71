"""What a plan tells of the clouds where that cannot be told."""

from __future__ import annotations

import json

from lateen import hub
from lateen.api import manifest as manifests
from lateen.base import documents
from lateen.cli import forecasting
from lateen.cli.showing import Pair


def test_a_state_that_whoever_plans_may_not_read_is_not_known(plane, namespace, tmp_path):
    async def stranger():
        """The kubeconfig of somebody who may read nothing."""
        meta = {"name": "stranger", "namespace": namespace}
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}
        await plane.client.create(account)
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        given = await plane.client.submit(manifests.key(account), "token", asked)
        [config] = documents.load(plane.kubeconfig.read_text(), "kubeconfig")
        user = {"token": given["status"]["token"]}
        users = [{**each, "user": user} for each in config.data["users"]]
        file = tmp_path / "config"
        file.write_text(json.dumps({**config.data, "users": users}))
        return file

    async def forecast():
        async with hub.connect(await stranger()) as client:
            return await forecasting.forecast(client, [Pair(bucket, None)])

    bucket = {
        "apiVersion": "terraform.core.oam.dev/v1beta2",
        "kind": "Configuration",
        "metadata": {"name": "bucket", "namespace": namespace},
        "spec": {"hcl": "", "backend": {}},
    }
    [found] = plane.call(forecast)
    assert (found.namespace, found.name, list(found.changes)) == (namespace, "bucket", [])
    assert "forbidden" in found.unknown
