"""Kubernetes objects and pod logs straight from the API servers: nothing is recorded, nobody's
ownership checked. For templates, queries and what belongs to no application.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lateen import hub
from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.manifest import Check, Key, Manifest
from lateen.base import suggest
from lateen.base.problem import Problem
from lateen.hub import errors

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


@dataclass(frozen=True)
class Direct:
    """`ports.Objects` and `ports.Logs` over clients by cluster name, as one identity.

    `clients` has the control plane's own as `local`.
    """

    clients: Mapping[str, hub.Client]
    identity: hub.Identity | None = None

    async def client(self, cluster: str) -> hub.Client:
        """Raises: Problem: `provider.cluster`."""
        name = cluster or names.LOCAL
        if name not in self.clients:
            hint = suggest.nearest(name, self.clients)
            message = f'there is no cluster "{name}"'
            raise Problem("provider.cluster", message, hint=hint, retry=True)
        return self.clients[name]

    async def abilities(self, cluster: str) -> tuple[str, Sequence[str]]:
        """See `ports.Abilities`."""
        client = await self.client(cluster)
        version = str((await client.version()).get("gitVersion") or "")
        served = await client.resources.served()
        groups = {each.api_version for each in served}
        return version, sorted(groups | {f"{each.api_version}/{each.kind}" for each in served})

    async def get(self, cluster: str, key: Key) -> Manifest:
        client = await self.client(cluster)
        return await client.get(key, identity=self.identity)

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
        client = await self.client(cluster)
        group, version = manifests.split_version(api_version)
        found, _ = await client.list(
            group,
            version,
            kind,
            namespace=namespace,
            label_selector=manifests.selector(labels or {}),
            field_selector=fields,
            identity=self.identity,
        )
        return found

    async def apply(self, cluster: str, manifest: Manifest, check: Check | None = None) -> Manifest:
        """Forced, as deliveries are: a definition that applies an object means it to be so."""
        client = await self.client(cluster)
        if check is None:
            return await client.apply(manifest, force=True, identity=self.identity)
        looks = 0
        while True:
            looks += 1
            seen = await self._shown(client, manifest, check)
            try:
                return await client.apply(
                    {**manifest, "metadata": {**manifests.metadata(manifest), **seen}},
                    force=True,
                    new=not seen,
                    identity=self.identity,
                )
            except hub.ApiError as error:
                if not error.conflict or looks == errors.LOOKS:
                    raise

    async def _shown(self, client: hub.Client, manifest: Manifest, check: Check) -> dict[str, str]:
        """Have what is there checked; returns the condition that it is still that."""
        try:
            live = await client.get(manifests.key(manifest), identity=self.identity)
        except hub.ApiError as error:
            if not error.not_found:
                raise
            return {}
        check(live)
        return {"resourceVersion": manifests.metadata(live)["resourceVersion"]}

    async def patch(
        self, cluster: str, key: Key, body: Any, *, strategic: bool = False
    ) -> Manifest:
        client = await self.client(cluster)
        return await client.patch(key, body, strategic=strategic, identity=self.identity)

    async def delete(self, cluster: str, key: Key) -> None:
        client = await self.client(cluster)
        await client.delete(key, identity=self.identity)

    async def read(self, cluster: str, namespace: str, pod: str, options: Mapping[str, str]) -> str:
        """The log of a pod; `options` are those of the Kubernetes API.

        Raises:
            Problem: `provider.input` for a name that is none.
        """
        for name in (namespace, pod):  # a slash would lead to another path, however it is quoted
            if not _NAME.fullmatch(name):
                raise Problem("provider.input", f'"{name}" is not a name')
        client = await self.client(cluster)
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        return await client.read_text(path, identity=self.identity, **options)
