"""From a pod to what a driver is told to run: what it refers to is read, its volumes are made."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lateen.api.manifest import Key, Manifest
from lateen.base.problem import Problem
from lateen.hub import ApiError, Client
from lateen.node import environment, naming, planning, volumes
from lateen.node.drivers import Launch, Sandbox
from lateen.node.environment import Reference, Sources
from lateen.node.tokens import Tokens


@dataclass(frozen=True)
class Reader:
    """Reads what pods refer to."""

    client: Client
    tokens: Tokens

    async def read(self, pod: Manifest, references: Iterable[Reference]) -> Sources:
        """Raises `Problem` `node.config` for what is there and cannot be read."""
        objects = {}
        for reference in sorted(set(references)):
            space = str(pod["metadata"]["namespace"])
            key = Key("", reference.kind, space, reference.name, "v1")
            try:
                objects[reference] = environment.decode(await self.client.get(key))
            except ApiError as error:
                if not error.not_found:
                    message = f"{reference.kind} {reference.name} cannot be read: {error.message}"
                    raise Problem("node.config", message, retry=True) from error
        return Sources(objects)


@dataclass(frozen=True)
class Surroundings:
    """What the node offers its pods: `variables` gives those that lead to the API server, if a pod
    is to know it, and to the Services of a namespace, if it wants them, by the addresses that they
    have for who is inside; `names` gives the address of a name server for a pod, empty for none,
    which is for who is not.
    """

    variables: Callable[[str, bool, bool, bool], Mapping[str, str]]
    names: Callable[[str], str]


async def prepare(
    reader: Reader,
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
    sources = await reader.read(pod, named.union(_pull_references(pod)))
    told = _told(pod, sandbox)
    places = await _furnish(reader, told, sandbox, sources)
    grace = float(pod["spec"].get("terminationGracePeriodSeconds") or 0)
    directory = str(container.get("workingDir") or "")
    links = pod["spec"].get("enableServiceLinks") is not False
    names = around.names(str(pod["metadata"]["uid"]))
    base = dict(around.variables(space, volumes.knows_api(pod), links, bool(names)))
    resolver = _resolver(pod, space, names)
    process = planning.is_process(pod)
    if process:
        base |= environment.base(container, sandbox.address, places, os.environ)
    values = environment.build(container, told, sources, base)
    if process:
        argv, args = environment.command(container, values), []
    else:
        argv, args = (
            [environment.expand(word, values) for word in container.get(part) or ()]
            for part in ("command", "args")
        )
    return Launch(
        container["name"],
        number,
        argv,
        values,
        directory,
        grace,
        args=args,
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


async def refresh(reader: Reader, pod: Manifest, sandbox: Sandbox) -> None:
    """Bring the files of the pod's volumes up to date with what they are taken from; other volumes
    are left alone.

    Raises:
        Problem: as `prepare`; the files stay as they are.
        ApiError: something cannot be read.
    """
    sources = await reader.read(pod, volumes.references(pod))
    told = _told(pod, sandbox)
    told["spec"] = {**pod["spec"], "volumes": volumes.changing(pod)}
    await _furnish(reader, told, sandbox, sources)


async def _furnish(
    reader: Reader, pod: Manifest, sandbox: Sandbox, sources: Sources
) -> dict[str, str]:
    space = str(pod["metadata"]["namespace"])
    claims = {name: await _claimed(reader.client, space, name) for name in volumes.claims(pod)}
    tokens = {wish: await reader.tokens.get(pod, *wish) for wish in volumes.tokens(pod)}
    shared = not planning.is_process(pod)
    where = volumes.Place(sandbox.directory, sources, shared, claims, tokens)
    return volumes.place(pod, where)


def _told(pod: Manifest, sandbox: Sandbox) -> Manifest:
    """The pod with what is known of its addresses by now."""
    addresses = {"podIP": sandbox.address, "hostIP": "127.0.0.1"}
    return {**pod, "status": {**(pod.get("status") or {}), **addresses}}


def _resolver(pod: Mapping[str, Any], namespace: str, names: str) -> str:
    """The pod's resolv.conf, empty for that of the machine."""
    spec = pod["spec"]
    policy = spec.get("dnsPolicy") or "ClusterFirst"
    cluster = policy == "ClusterFirstWithHostNet" or (
        policy == "ClusterFirst" and not spec.get("hostNetwork")
    )
    if not cluster or not names:
        return ""
    return naming.resolver(names, namespace, spec.get("dnsConfig"))


def _pull_references(pod: Mapping[str, Any]) -> list[Reference]:
    if planning.is_process(pod):
        return []
    named = pod["spec"].get("imagePullSecrets") or ()
    return [Reference("Secret", str(each.get("name", ""))) for each in named]


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
    inits, _ = planning.containers(pod)
    sidecar = planning.is_sidecar(container) and container["name"] in {c["name"] for c in inits}
    refused = {
        "a restart policy of its own": container.get("restartPolicy") and not sidecar,
        "block devices": container.get("volumeDevices"),
    }
    for what, found in refused.items():
        if found:
            message = f"container {container['name']} has {what}, which this node cannot give it"
            raise Problem("node.config", message)
