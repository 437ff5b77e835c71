"""Releases as Helm itself stores them: a Secret, or a ConfigMap, for each revision. Pure."""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from lateen.base.problem import Problem

LABELS: Final = {"owner": "helm"}  # with `name`, those of one release
DRIVERS: Final = {"secret": "Secret", "configmap": "ConfigMap"}  # and what each stores them in
DEPLOYED: Final = "deployed"
_PENDING: Final = "pending-"


@dataclass(frozen=True)
class Release:
    """One revision of a release. `chart` is name and version, `values` what the user gave."""

    name: str
    namespace: str
    number: int
    status: str
    chart: tuple[str, str]
    values: Mapping[str, Any]
    manifest: str  # YAML documents: all objects but hooks and custom resource definitions
    stored: str  # the name of the Secret
    kind: str = "Secret"  # or ConfigMap


def read(secrets: Iterable[Mapping[str, Any]]) -> list[Release]:
    """The releases that some Secrets, or ConfigMaps, hold, the newest first; what holds something
    else is passed by.

    Raises:
        Problem: `source.release` for one that cannot be read.
    """
    found = [_decoded(each) for each in secrets if "release" in (each.get("data") or {})]
    return sorted(found, key=lambda each: each.number, reverse=True)


def deployed(found: Iterable[Release]) -> Release | None:
    """The revision that is in the cluster, None where there is none."""
    return next((each for each in found if each.status == DEPLOYED), None)


def under_way(found: Iterable[Release]) -> Release | None:
    """The revision that Helm is at work on, or gave up on without a word."""
    return next((each for each in found if each.status.startswith(_PENDING)), None)


def _decoded(secret: Mapping[str, Any]) -> Release:
    name = str(secret["metadata"]["name"])
    kind = str(secret.get("kind") or "Secret")
    try:
        text = secret["data"]["release"]
        packed = base64.b64decode(base64.b64decode(text) if kind == "Secret" else text)
        text = gzip.decompress(packed) if packed.startswith(b"\x1f\x8b") else packed
        raw = orjson.loads(text)
        head = raw["chart"]["metadata"]
        return Release(
            str(raw["name"]),
            str(raw.get("namespace") or secret["metadata"].get("namespace") or ""),
            int(raw["version"]),
            str(raw["info"]["status"]),
            (str(head["name"]), str(head["version"])),
            raw.get("config") or {},
            str(raw.get("manifest") or ""),
            name,
            kind,
        )
    except (
        OSError,
        EOFError,
        zlib.error,
        ValueError,
        KeyError,
        TypeError,
    ) as error:
        message = f"{kind} {name} holds no release of Helm that can be read"
        raise Problem("source.release", message) from error
