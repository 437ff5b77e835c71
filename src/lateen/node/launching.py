"""From a pod to what a driver is told to run: what it refers to is read, its volumes are made."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lateen.api.manifest import Key, Manifest
from lateen.base.problem import Problem
from lateen.hub import ApiError, Client
from lateen.node import environment, naming, volumes
from lateen.node.drivers import Launch, Sandbox
from lateen.node.environment import Reference, Sources
from lateen.node.probing import Kind


@dataclass(frozen=True)
class Surroundings:
    """What the node offers its pods: `variables` gives those of the Services in a namespace,
    `names` is the address of a name server, empty for none.
    """

    variables: Callable[[str], Mapping[str, str]]
    names: str = ""


PROCESS = "process"  # the runtime class


def is_process(pod: Mapping[str, Any]) -> bool:
    return (pod.get("spec") or {}).get("runtimeClassName") == PROCESS


async def prepare(
    client: Client,
    pod: Manifest,
    container: Mapping[str, Any],
    number: int,
    sandbox: Sandbox,
    around: Surroundings,
) -> Launch:
    """The launch of an attempt.

    Raises:
        Problem: `node.config` when something it needs is missing, or cannot be had here.
    """
    _check(pod, container)
    space = str(pod["metadata"]["namespace"])
    named = environment.references(container) | volumes.references(pod)
    sources = await _read(client, space, named.union(_pull_references(pod)))
    status = {**(pod.get("status") or {}), "podIP": sandbox.address, "hostIP": "127.0.0.1"}
    told = {**pod, "status": status}
    claims = {name: await _claimed(client, space, name) for name in volumes.claims(pod)}
    shared = not is_process(pod)
    where = volumes.Place(sandbox.directory, sources, shared, claims)
    places = volumes.place(told, where)
    grace = float(pod["spec"].get("terminationGracePeriodSeconds") or 0)
    directory = str(container.get("workingDir") or "")
    links = pod["spec"].get("enableServiceLinks") is not False
    base = dict(around.variables(space)) if links else {}
    resolver = _resolver(pod, space, around)
    if is_process(pod):
        base |= environment.base(container, sandbox.address, places, os.environ)
        values = environment.build(container, told, sources, base)
        return Launch(
            container["name"],
            number,
            environment.command(container, values),
            values,
            directory,
            grace,
            pod=pod,
            spec=container,
            places=places,
            resolver=resolver,
        )
    values = environment.build(container, told, sources, base)
    return Launch(
        container["name"],
        number,
        [environment.expand(word, values) for word in container.get("command") or ()],
        values,
        directory,
        grace,
        args=[environment.expand(word, values) for word in container.get("args") or ()],
        pod=pod,
        spec=container,
        places=places,
        resolver=resolver,
        pull_secrets=[
            sources.objects[reference]
            for reference in _pull_references(pod)
            if reference in sources.objects  # as kubelet: one that is missing may not be needed
        ],
    )


def _resolver(pod: Mapping[str, Any], namespace: str, around: Surroundings) -> str:
    """The pod's resolv.conf, empty for that of the machine."""
    spec = pod["spec"]
    policy = spec.get("dnsPolicy") or "ClusterFirst"
    cluster = policy == "ClusterFirstWithHostNet" or (
        policy == "ClusterFirst" and not spec.get("hostNetwork")
    )
    if not cluster or not around.names:
        return ""
    return naming.resolver(around.names, namespace, spec.get("dnsConfig"))


def _pull_references(pod: Mapping[str, Any]) -> list[Reference]:
    if is_process(pod):
        return []
    named = pod["spec"].get("imagePullSecrets") or ()
    return [Reference("Secret", str(each.get("name", ""))) for each in named]


async def _read(client: Client, namespace: str, references: Iterable[Reference]) -> Sources:
    objects = {}
    for reference in sorted(set(references)):
        key = Key("", reference.kind, namespace, reference.name, "v1")
        try:
            objects[reference] = environment.decode(await client.get(key))
        except ApiError as error:
            if not error.not_found:
                message = f"{reference.kind} {reference.name} cannot be read: {error.message}"
                raise Problem("node.config", message, retry=True) from error
    return Sources(objects)


async def _claimed(client: Client, namespace: str, name: str) -> str:
    """The directory of the volume that a claim is bound to.

    Raises:
        Problem: `node.config` while there is none, or when it is on no directory of a machine.
    """
    try:
        key = Key("", "PersistentVolumeClaim", namespace, name, "v1")
        bound = (await client.get(key)).get("spec", {}).get("volumeName")
        if not bound:
            message = f"PersistentVolumeClaim {name} is not bound to a volume yet"
            raise Problem("node.config", message, retry=True)
        volume = await client.get(Key("", "PersistentVolume", "", str(bound), "v1"))
    except ApiError as error:
        if error.not_found:
            message = f"PersistentVolumeClaim {name}, or its volume, does not exist"
            raise Problem("node.config", message, retry=True) from error
        raise
    source = volume["spec"].get("hostPath") or volume["spec"].get("local")
    if not source:
        message = f"PersistentVolumeClaim {name} is bound to a volume that is no directory"
        raise Problem("node.config", message)
    return str(source["path"])


def _check(pod: Mapping[str, Any], container: Mapping[str, Any]) -> None:
    """Refuse what would be left out without a word.

    Raises:
        Problem: `node.config`.
    """
    refused = {
        "a restart policy of its own": container.get("restartPolicy"),
        "a gRPC probe": any((container.get(kind) or {}).get("grpc") for kind in Kind),
        "block devices": container.get("volumeDevices"),
    }
    for what, found in refused.items():
        if found:
            message = f"container {container['name']} has {what}, which this node cannot give it"
            raise Problem("node.config", message)
