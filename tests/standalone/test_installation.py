"""The chart that installs Lateen on a cluster: what it renders is applied, and its controllers run
with exactly its arguments, settings and rights.
"""

from __future__ import annotations

import base64
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest

from lateen import hub
from lateen.api import manifest, names
from lateen.api.manifest import Key
from lateen.hub import kubeconfig
from lateen.hub.connection import Call
from lateen.sources import turning
from tests.conftest import Embedded

CHART = Path(__file__).parents[2] / "charts" / "lateen"
MOUNTED = Path("/var/run/secrets/kubernetes.io/serviceaccount")
JSON = (("Content-Type", "application/json"),)


def rendered(namespace: str, **values: Any) -> dict[str, dict[str, Any]]:
    """What the chart gives, by kind."""

    async def render() -> dict[str, Any]:
        async with turning.Renderer() as renderer:
            asked = {
                "path": str(CHART),
                "values": values,
                "name": "lateen",
                "namespace": namespace,
                "revision": 1,
                "kubeVersion": "v1.30.0",
            }
            return await renderer.chart(asked, "lateen", key=namespace)

    found = anyio.run(render)
    return {each["object"]["kind"]: each["object"] for each in found["objects"]}


@pytest.mark.parametrize("admin", [True, False], ids=["all rights", "its own"])
def test_what_it_renders_is_taken_by_a_cluster(
    kube: Embedded, namespace: str, *, admin: bool
) -> None:
    found = rendered(
        namespace,
        rbac={"clusterAdmin": admin},
        env=[{"name": "HTTPS_PROXY", "value": "http://proxy"}],
        nodeSelector={"role": "system"},
        tolerations=[{"key": "system", "operator": "Exists"}],
        podAnnotations={"a": "b"},
        imagePullSecrets=[{"name": "registry"}],
    )
    assert ("ClusterRole" in found) is not admin

    async def judge() -> None:
        for each in found.values():
            await kube.client.apply(each, dry_run=True)

    kube.call(judge)


class Pod:
    """A process with the arguments of the Deployment, and what its pod would have."""

    def __init__(self, kube: Embedded, folder: Path, found: dict[str, Any]) -> None:
        self.log = folder.with_suffix(".log")
        [container] = found["Deployment"]["spec"]["template"]["spec"]["containers"]
        folder.mkdir()
        secrets = folder / "account"
        secrets.mkdir()
        account = found["ServiceAccount"]["metadata"]
        (secrets / "token").write_text(kube.call(token, kube.client, account))
        entries = kubeconfig.read(kube.kubeconfig)
        server = str(entries.cluster["server"])
        authority = base64.b64decode(entries.cluster["certificate-authority-data"])
        (secrets / "ca.crt").write_bytes(authority)
        for name, text in found["ConfigMap"]["data"].items():
            here = text.replace(str(MOUNTED), str(secrets))
            here = here.replace("https://kubernetes.default.svc", server)
            here = here.replace("listen_port: 8080", "listen_port: 0").replace(
                "0.0.0.0", "127.0.0.1"
            )
            (folder / name).write_text(here)
        arguments = [each.replace("/etc/lateen", str(folder)) for each in container["args"]]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LATEEN_DATA")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "lateen.app", *arguments],
                env={**environment, "HOME": str(folder), "TMPDIR": str(folder)},
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def ready(self) -> dict[str, Any]:
        """What it says when it works."""
        assert self.process.stdout is not None
        found: dict[str, Any] = orjson.loads(self.process.stdout.readline() or b"{}")
        return found

    def end(self) -> None:
        self.process.kill()
        self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()


async def token(client: hub.Client, account: dict[str, Any]) -> str:
    path = f"/api/v1/namespaces/{account['namespace']}/serviceaccounts/{account['name']}/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    call = Call("POST", path, "create", "serviceaccounts", body=orjson.dumps(body), headers=JSON)
    answer = await client.connection.request(call)
    return str(answer["status"]["token"])


@pytest.fixture
def installed(kube: Embedded, namespace: str, tmp_path: Path) -> Iterator[list[Pod]]:
    """The chart on the cluster, and two pods of it, the first of which works."""
    with installation(kube, rendered(namespace), tmp_path, "first", "second") as pods:
        yield pods


@pytest.fixture
def restricted(kube: Embedded, namespace: str, tmp_path: Path) -> Iterator[list[Pod]]:
    """The same with no more rights than its own, and one pod."""
    found = rendered(namespace, rbac={"clusterAdmin": False})
    with installation(kube, found, tmp_path, "only") as pods:
        yield pods


@contextlib.contextmanager
def installation(
    kube: Embedded, found: dict[str, dict[str, Any]], folder: Path, *names: str
) -> Iterator[list[Pod]]:
    kube.call(apply, kube.client, found)
    with contextlib.ExitStack() as stack:
        pods = []
        for name in names:
            pod = Pod(kube, folder / name, found)
            stack.callback(pod.end)
            pods.append(pod)
            if not pods[1:]:
                assert pod.ready().get("event") == "ready", pod.log.read_text()
        yield pods
    for kind in ("ClusterRoleBinding", "ClusterRole"):
        if kind in found:
            kube.call(kube.client.delete, manifest.key(found[kind]))


async def apply(client: hub.Client, found: dict[str, dict[str, Any]]) -> None:
    for each in found.values():
        await client.apply(each, force=True)


def application(namespace: str, value: str) -> dict[str, Any]:
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a"},
        "data": {"x": value},
    }
    component = {"name": "a", "type": "k8s-objects", "properties": {"objects": [config]}}
    return {
        "apiVersion": names.V1BETA1,
        "kind": "Application",
        "metadata": {"name": "shop", "namespace": namespace},
        "spec": {"components": [component]},
    }


def until(question: Any, pods: list[Pod], seconds: float = 60.0) -> Any:
    last = time.monotonic() + seconds
    while not (found := question()):
        assert time.monotonic() < last, "\n".join(pod.log.read_text() for pod in pods)
        time.sleep(0.1)
    return found


@pytest.mark.slow
def test_its_controllers_deliver_and_another_takes_over(
    kube: Embedded, namespace: str, installed: list[Pod]
) -> None:
    def delivered() -> str | None:
        try:
            found = kube.call(kube.client.get, Key("", "ConfigMap", namespace, "a", "v1"))
        except hub.ApiError as error:
            if error.not_found:
                return None
            raise
        return str(found["data"]["x"])

    async def declare(value: str) -> None:
        await kube.client.apply(application(namespace, value), force=True)

    kube.call(declare, "1")
    until(lambda: delivered() == "1", installed)
    first, second = installed
    until(lambda: "works; waiting" in second.log.read_text(), installed)
    os.kill(first.process.pid, 9)
    kube.call(declare, "2")
    until(lambda: delivered() == "2", installed)
    assert "works from now on" in second.log.read_text()

    async def drop() -> None:
        await kube.client.delete(Key(names.GROUP, "Application", namespace, "shop", "v1beta1"))

    kube.call(drop)
    until(lambda: delivered() is None, installed)


ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "Role",
    "rules": [
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["*"]},
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]},
    ],
}


def deployment(namespace: str, account: str = "") -> dict[str, Any]:
    pod = {"containers": [{"name": "it", "image": "x"}]}
    labels = {"app": "web"}
    declared = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
    made = application(namespace, "1")
    made["spec"]["components"][0]["properties"]["objects"] = [declared]
    if account:
        made["metadata"]["annotations"] = {names.SERVICE_ACCOUNT: account}
    return made


@pytest.mark.slow
def test_with_its_own_rights_an_application_needs_an_account(
    kube: Embedded, namespace: str, restricted: list[Pod]
) -> None:
    key = Key(names.GROUP, "Application", namespace, "shop", "v1beta1")

    def status() -> str:
        found = kube.call(kube.client.get, key)
        return orjson.dumps(found.get("status") or {}).decode()

    def there() -> bool:
        try:
            return bool(
                kube.call(kube.client.get, Key("apps", "Deployment", namespace, "web", "v1"))
            )
        except hub.ApiError as error:
            if error.not_found:
                return False
            raise

    async def apply_all(*manifests: dict[str, Any]) -> None:
        for each in manifests:
            await kube.client.apply(each, force=True)

    kube.call(apply_all, deployment(namespace))
    missing = 'cannot create resource \\"deployments\\" in API group \\"apps\\"'
    until(lambda: missing in status(), restricted)
    assert f"system:serviceaccount:{namespace}:lateen" in status()
    assert f"one that has it, by the annotation {names.SERVICE_ACCOUNT}" in status()
    assert not there()
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "author", "namespace": namespace},
    }
    kube.call(apply_all, account, deployment(namespace, "author"))
    until(lambda: f"system:serviceaccount:{namespace}:author" in status(), restricted)
    meta = {"name": "author", "namespace": namespace}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": meta,
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "Role",
            "name": "author",
        },
        "subjects": [{"kind": "ServiceAccount", **meta}],
    }
    kube.call(apply_all, ROLE | {"metadata": meta}, binding)
    until(there, restricted)
    until(lambda: '"status":"running"' in status(), restricted)
    kube.call(kube.client.delete, key)
    until(lambda: not there(), restricted)
    assert "Traceback" not in restricted[0].log.read_text()
