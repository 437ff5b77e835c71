"""The Secret that tells others how to reach what Terraform has brought."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from lateen.api import manifest as manifests
from lateen.api.configuration import OWNED_BY, OWNED_NAMESPACE, Configuration
from lateen.api.manifest import Key
from lateen.base.problem import Problem
from lateen.controllers.terraform import readings
from lateen.hub import client, errors


async def write(
    hub: client.Client, declared: Configuration, outputs: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write the outputs to the Secret that a Configuration names, if it names one.

    Raises:
        Problem: `terraform.connection` for a Secret that is another's.
    """
    if declared.connection is None:
        return
    namespace, name = declared.connection
    where = Key("", "Secret", namespace, name, "v1")
    try:
        _check(declared, await hub.get(where))
    except errors.ApiError as error:
        if not error.not_found:
            raise
    data = {
        key: base64.b64encode(readings.written(each["value"]).encode()).decode()
        for key, each in outputs.items()
    }
    metadata = {"name": name, "namespace": namespace, "labels": declared.marks}
    secret = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata}
    await hub.apply({**secret, "data": data}, force=True)


async def remove(hub: client.Client, declared: Configuration) -> None:
    """Delete the Secret, if it is this Configuration's."""
    if declared.connection is None:
        return
    namespace, name = declared.connection
    where = Key("", "Secret", namespace, name, "v1")
    try:
        found = await hub.get(where)
        _check(declared, found)
    except Problem:
        return
    except errors.ApiError as error:
        if error.not_found:
            return
        raise
    await hub.delete(where, uid=found["metadata"]["uid"])


def _check(declared: Configuration, found: dict[str, Any]) -> None:
    labels = manifests.labels(found)
    owner = labels.get(OWNED_BY, "")
    space = labels.get(OWNED_NAMESPACE, declared.namespace)
    if (space, owner) == (declared.namespace, declared.name):
        return
    whose = f"is written by the Configuration {space}/{owner}" if owner else "is somebody else's"
    raise Problem(
        "terraform.connection",
        f"the Secret {found['metadata']['name']} {whose}",
        "spec.writeConnectionSecretToRef",
        hint="give another name, or delete that Secret",
        retry=True,
    )
