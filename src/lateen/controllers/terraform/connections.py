"""The Secret that tells others how to reach what Terraform has brought."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.configuration import (
    CREATED_BY,
    CREATOR,
    OWNED_BY,
    OWNED_NAMESPACE,
    Configuration,
)
from lateen.api.manifest import Key, Manifest
from lateen.base.problem import Problem
from lateen.controllers.terraform import readings
from lateen.hub import client, errors

_TYPE: Final = "Opaque"
_SHARED: Final = (names.APP_NAME, names.APP_NAMESPACE)
LABELS: Final = manifests.selector({CREATED_BY: CREATOR})
FIELDS: Final = f"type={_TYPE}"
"""What selects these Secrets, and no logs."""


async def write(
    hub: client.Client, declared: Configuration, outputs: Mapping[str, Mapping[str, Any]]
) -> Manifest | None:
    """Write the outputs to the Secret that a Configuration names, if it names one; returns it.

    It says which application it is for, as its Configuration does: copies follow it by that.

    Raises:
        Problem: `terraform.connection` for a Secret that is another's.
    """
    if declared.connection is None:
        return None
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
    theirs = manifests.labels(declared.raw)
    labels = declared.marks | {each: theirs[each] for each in _SHARED if each in theirs}
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    secret = {"apiVersion": "v1", "kind": "Secret", "type": _TYPE, "metadata": metadata}
    return await hub.apply({**secret, "data": data}, force=True)


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
