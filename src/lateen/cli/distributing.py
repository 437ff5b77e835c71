"""`config distribute`: an application brings a config to other namespaces and clusters."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import typer

from lateen import hub
from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.application import Application
from lateen.api.manifest import Key, Manifest
from lateen.base import documents
from lateen.base.problem import Problem
from lateen.cli import applying, connecting, deleting, printing
from lateen.cli.exits import Exit
from lateen.dispatch import writing
from lateen.providers import configs

_CATALOG: Final = "config-distribution"
_SPEC: Final = "config.oam.dev/distribution-spec"
_SOURCE: Final = ("app.oam.dev/source-of-truth", "from-inner-system")


@dataclass(frozen=True)
class Order:
    """What the user asked for. `targets` are [CLUSTER/]NAMESPACE, `timeout` is in seconds."""

    name: str
    namespace: str
    targets: Sequence[str]
    timeout: float
    yes: bool = False

    @property
    def key(self) -> Key:
        return connecting.key(self.namespace, f"distribute-{self.name}")


async def distribute(order: Order, kubeconfig: str | None) -> Exit:
    """Bring the config to the targets, and nowhere else.

    Raises:
        Problem: `config.missing`, `config.foreign`; what `up` refuses.
    """
    async with connecting.plane(kubeconfig) as client:
        return await deliver(client, order)


async def deliver(client: hub.Client, order: Order) -> Exit:
    """The same over a connection that is there."""
    key = Key("", "Secret", order.namespace, order.name, "v1")
    configs.check_own(await writing.fetch(client, key), order.name, order.namespace)
    text = documents.dump(_application(order))
    given = applying.Order((), order.namespace, wait=True, timeout=order.timeout)
    return await applying.deliver(client, documents.load(text, f"config {order.name}"), given)


async def recall(order: Order, kubeconfig: str | None) -> Exit:
    """Take the config back from everywhere.

    Raises:
        Problem: `config.missing` where it is distributed to nobody.
    """
    async with connecting.plane(kubeconfig) as client:
        if await writing.fetch(client, order.key) is None:
            said = f"config {order.name} of namespace {order.namespace} is not distributed"
            raise Problem("config.missing", said, hint="`lateen config list` shows what is")
        if not (order.yes or not sys.stdin.isatty()) and not typer.confirm(
            f"Take {order.name} back from everywhere?", err=True
        ):
            printing.stderr().print("Nothing was changed.")
            return Exit.OK
        return await gone(client, order)


async def gone(client: hub.Client, order: Order) -> Exit:
    """Delete the distribution, if there is one, and wait until nothing of it is left."""
    if await writing.fetch(client, order.key) is None:
        return Exit.OK
    wanted = deleting.Order(
        [order.key.name], order.namespace, wait=True, timeout=order.timeout, yes=True
    )
    return await deleting.remove(client, wanted)


async def known(
    client: hub.Client, namespace: str
) -> dict[tuple[str, str], list[Mapping[str, str]]]:
    """Where configs are distributed to, and how that is, by their namespace and name."""
    labels = manifests.selector({configs.CATALOG: _CATALOG})
    found: dict[tuple[str, str], list[Mapping[str, str]]] = {}
    for app in await connecting.applications(client, namespace, labels):
        name = app.name.removeprefix("distribute-")
        found[app.namespace, name] = list(_targets(app))
    return found


def _targets(app: Application) -> list[Mapping[str, str]]:
    steps = {
        str(step.get("name")): str(step.get("phase"))
        for step in (app.status.get("workflow") or {}).get("steps") or ()
    }
    return [
        {
            "target": f"{cluster}/{policy.properties.get('namespace', '')}",
            "status": steps.get(f"deploy-{policy.name}", "pending"),
        }
        for policy in app.policies
        if policy.type == "topology" and policy.properties
        for cluster in policy.properties.get("clusters") or ()
    ]


def _application(order: Order) -> Manifest:
    """What KubeVela writes as well, so that either takes over from the other."""
    name = order.key.name
    where = places(order)
    spec = {
        "Targets": [{"clusterName": cluster, "namespace": place} for cluster, place in where],
        "Configs": [{"name": order.name, "namespace": order.namespace}],
    }
    policies: list[dict[str, Any]] = [
        {
            "name": f"{cluster}-{place}",
            "type": "topology",
            "properties": {"clusters": [cluster], "namespace": place},
        }
        for cluster, place in dict.fromkeys(where)
    ]
    shared = {"rules": [{"selector": {"componentNames": [name]}}]}
    policies.append({"name": "share-config", "type": "shared-resource", "properties": shared})
    config = {"resource": "secret", "name": order.name, "namespace": order.namespace}
    component = {"name": name, "type": "ref-objects", "properties": {"objects": [config]}}
    return {
        "apiVersion": names.V1BETA1,
        "kind": "Application",
        "metadata": {
            "name": name,
            "namespace": order.namespace,
            # the application's labels are those of the copies too: they are no configs themselves
            "labels": {_SOURCE[0]: _SOURCE[1], configs.CATALOG: _CATALOG},
            "annotations": {
                _SPEC: orjson.dumps(spec).decode(),
                # the Secret is read anew each time
                names.PUBLISH_VERSION: f"config-{time.time_ns() // 10**6}",
            },
        },
        "spec": {"components": [component], "policies": policies},
    }


def places(order: Order) -> list[tuple[str, str]]:
    """Cluster and namespace of each target.

    Raises:
        typer.BadParameter: one is not written as they are.
    """
    return [_place(each) for each in order.targets]


def _place(target: str) -> tuple[str, str]:
    cluster, slash, place = target.rpartition("/")
    if "/" in cluster or not place or (slash and not cluster):
        raise typer.BadParameter(
            f'"{target}" is no target: write NAMESPACE or CLUSTER/NAMESPACE', param_hint="--target"
        )
    return cluster or names.LOCAL, place
