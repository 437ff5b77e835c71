"""Packages that users bring (`Package`, cue.oam.dev): CUE texts and a server for their actions.

Source: inventory 1.1, semantics B1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lateen import hub
from lateen.api.manifest import Manifest
from lateen.base.problem import Problem
from lateen.providers import packages
from lateen.providers.packages import Flavour

API_VERSION: Final = "cue.oam.dev/v1alpha1"
KIND: Final = "Package"


@dataclass(frozen=True)
class Package:
    """`name` is what its actions have as `#provider`, `path` what definitions import."""

    name: str
    path: str
    templates: Mapping[str, str]
    endpoint: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Package:
        """Read a Package object.

        Raises:
            Problem: `package.path` for one that would stand in the way of `vela/...`;
                `package.protocol` for a protocol that is not spoken.
        """
        name, spec = str(manifest["metadata"]["name"]), manifest.get("spec") or {}
        path = str(spec.get("path") or "")
        if not path or path.startswith("vela/"):
            raise Problem("package.path", f'package {name} cannot be "{path}"', "spec.path")
        server = spec.get("provider") or {}
        endpoint = str(server.get("endpoint") or "")
        protocol = str(server.get("protocol") or "http")
        if endpoint and protocol not in ("http", "https"):
            raise Problem(
                "package.protocol",
                f"package {name} is served over {protocol}, which is not spoken here",
                "spec.provider.protocol",
                hint="serve it over http or https",
            )
        if endpoint and "://" not in endpoint:
            endpoint = f"{protocol}://{endpoint}"
        headers = {str(k): str(v) for k, v in (server.get("header") or {}).items()}
        return cls(name, path, dict(spec.get("templates") or {}), endpoint.rstrip("/"), headers)


class Shelf:
    """The packages there are, kept as objects come and go.

    Of several for one path the first by namespace and name stands; of one that cannot be used
    `faults` tells why.
    """

    def __init__(self, manifests: Iterable[Manifest] = ()) -> None:
        self._found: dict[tuple[str, str], Package] = {}
        self.faults: dict[tuple[str, str], Problem] = {}
        self._texts: dict[Flavour, packages.Packages] = {}
        for manifest in manifests:
            self.put(manifest)

    def put(self, manifest: Manifest) -> None:
        """Take in a Package object, new or changed."""
        key = _key(manifest)
        self.drop(manifest)
        try:
            self._found[key] = Package.of(manifest)
        except Problem as problem:
            self.faults[key] = problem

    def drop(self, manifest: Manifest) -> None:
        self._found.pop(_key(manifest), None)
        self.faults.pop(_key(manifest), None)
        self._texts.clear()

    def texts(self, flavour: Flavour) -> packages.Packages:
        """Everything that may be imported: the packages there are, and `vela/...`.

        The same object until something changes.
        """
        if flavour not in self._texts:
            own = {package.path: dict(package.templates) for package in reversed(self._sorted())}
            self._texts[flavour] = {**own, **packages.of(flavour)} if own else packages.of(flavour)
        return self._texts[flavour]

    def find(self, name: str) -> Package | None:
        return next((package for package in self._sorted() if package.name == name), None)

    def _sorted(self) -> list[Package]:
        return [self._found[key] for key in sorted(self._found)]


async def load(client: hub.Client) -> Shelf:
    """The packages of a cluster, none where the kind is not served.

    Raises:
        ApiError: the API server refuses, or does not answer.
    """
    group, _, version = API_VERSION.partition("/")
    try:
        found, _ = await client.list(group, version, KIND)
    except Problem as problem:
        if problem.code != "hub.unknown-kind":
            raise
        found = []
    return Shelf(found)


def _key(manifest: Manifest) -> tuple[str, str]:
    return manifest["metadata"].get("namespace") or "", manifest["metadata"]["name"]
