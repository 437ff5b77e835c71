"""Two joined clusters in a test: joined to the control plane of the laboratory, and looked into."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lateen import hub
from lateen.api import manifest, names
from lateen.api.manifest import Key, Manifest
from lateen.hub import kubeconfig, members
from tests.conftest import Neighbour
from tests.controllers.laboratory import CLUSTER_WIDE, VERSIONS, Laboratory


@dataclass
class Joined:
    """One joined cluster, as somebody at its own API server sees it."""

    name: str
    lab: Laboratory
    neighbour: Neighbour

    @property
    def proxy(self) -> Any:
        return self.neighbour.proxy

    def join(self, labels: Mapping[str, str] | None = None) -> None:
        """Store its credentials in the control plane; or other labels."""
        entries = kubeconfig.read(self.neighbour.kubeconfig)
        server = f"https://127.0.0.1:{self.proxy.port}"
        cluster = {**entries.cluster, "server": server}
        secret = members.secret(self.name, cluster, entries.user, labels or {})

        async def store() -> None:
            await self.lab.plane.user.apply(secret, force=True)

        self.lab.plane.call(store)

    def distrust(self) -> None:
        """Its credentials are no longer good."""
        wrong = {"data": {"token": base64.b64encode(b"wrong").decode()}}
        self.lab.plane.call(self.lab.plane.user.patch, members.key(self.name), wrong)

    def leave(self) -> None:
        self.lab.plane.call(self.lab.plane.user.delete, members.key(self.name))

    def secret(self) -> Manifest:
        return self.lab.plane.call(self.lab.plane.user.get, members.key(self.name))

    def key(self, kind: str, name: str) -> Key:
        group, version = manifest.split_version(VERSIONS.get(kind, "v1"))
        space = "" if kind in CLUSTER_WIDE else self.lab.namespace
        return Key(group, kind, space, name, version)

    def find(self, kind: str, name: str) -> Manifest | None:
        try:
            return self.lab.plane.call(self.neighbour.client.get, self.key(kind, name))
        except hub.ApiError as error:
            if error.not_found:
                return None
            raise

    def owned(self, kind: str = "ConfigMap", app: str = "shop") -> set[str]:
        """Names of the objects of an application here."""

        async def read() -> tuple[list[Manifest], str]:
            return await self.neighbour.client.list(
                "",
                "v1",
                kind,
                namespace=self.lab.namespace,
                label_selector=f"{names.APP_NAME}={app}",
            )

        return {each["metadata"]["name"] for each in self.lab.plane.call(read)[0]}

    def patch(self, kind: str, name: str, body: Any) -> None:
        async def patch() -> None:
            await self.neighbour.client.patch(self.key(kind, name), body)

        self.lab.plane.call(patch)

    def delete(self, kind: str, name: str) -> None:
        self.lab.plane.call(self.neighbour.client.delete, self.key(kind, name))

    def make_namespace(self) -> None:
        body = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": self.lab.namespace},
        }
        self.lab.plane.call(self.neighbour.client.create, body)

    def mend(self) -> None:
        self.lab.plane.call(self._mend)

    async def _mend(self) -> None:
        self.proxy.mend()

    def reset(self) -> None:
        """No connection gets through any more."""
        self.lab.plane.call(self._reset)

    async def _reset(self) -> None:
        self.proxy.reset()

    def allow(self, account: str) -> None:
        """Let a service account of the control plane's namespace do anything in this one."""
        body = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": account, "namespace": self.lab.namespace},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "cluster-admin",
            },
            "subjects": [
                {"kind": "ServiceAccount", "name": account, "namespace": self.lab.namespace}
            ],
        }
        self.lab.plane.call(self.neighbour.client.create, body)
