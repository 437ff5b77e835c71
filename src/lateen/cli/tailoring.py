"""`adopt --adopt-template`: the application of what is adopted, as a template of the user says.

The template is KubeVela's: CUE with a field `#Adopt`, which is given `$args` and makes `$returns`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from lateen.api import checking, names
from lateen.api import manifest as manifests
from lateen.api.manifest import Manifest
from lateen.base.problem import Position, Problem, raise_any
from lateen.cli.scripting import Script
from lateen.cue.engine import Fill
from lateen.gc import recycling

_ENTRY: Final = "#Adopt"
_USE: Final = "adopt"  # what KubeVela calls it as well
_GIVEN: Final = "what is adopted"
_WHERE: Final = ("policies", "workflow")  # what may say to which cluster components go
_SECRET: Final = ("data", "stringData")


@dataclass(frozen=True)
class Adoption:
    """What a template is told. `objects` are as they are in the cluster, `release` the name of
    Helm's, if it is one, `driver` where Helm keeps it.
    """

    mode: str
    kind: str  # native or helm
    name: str
    namespace: str
    cluster: str
    objects: tuple[Manifest, ...]
    release: str = ""
    driver: str = ""

    def arguments(self) -> dict[str, Any]:
        return {
            "mode": self.mode,
            "type": self.kind,
            "appName": self.name,
            "appNamespace": self.namespace,
            "resources": [_shown(each, self.cluster or names.LOCAL) for each in self.objects],
            "HelmReleaseName": self.release,
            "HelmReleaseNamespace": self.namespace if self.release else "",
            "HelmDriver": self.driver if self.release else "",
        }


async def application(template: Script, adoption: Adoption) -> Manifest:
    """The application that a template makes; what it leaves open, its name and namespace, is added.

    Raises:
        Problem, Problems: `cue.*`, `adopt.template`, and what is wrong with the application, each
            with its place in the template.
    """
    if _ENTRY not in await template.fields():
        raise Problem(
            "adopt.template",
            f"{template.source} has no field {_ENTRY}",
            positions=(Position(template.source, 1, 1),),
            hint=f"a template is `{_ENTRY}: {{$args: {{...}}, $returns: {{...}}}}`",
        )
    fill = Fill(f"{_USE}.$args", adoption.arguments(), _GIVEN)
    found = await template.evaluate(f"{_USE}: {_ENTRY}", fill, f"{_USE}.$returns", added=f"{_USE}.")
    made = found.value
    if not isinstance(made, dict) or made.get("kind") != "Application":
        kind = made.get("kind") if isinstance(made, dict) else made
        raise Problem(
            "adopt.template",
            f"{template.source} makes {checking.describe(kind)}, not an Application",
            "$returns.kind",
            found.place("kind"),
        )
    whole = _named(made, adoption)
    raise_any(
        replace(each, path=f"$returns.{each.path}", positions=found.place(each.path))
        for each in checking.check(whole)
    )
    spec = whole["spec"]
    if adoption.cluster and not _says([spec.get(k) for k in _WHERE], adoption.cluster):
        raise Problem(
            "adopt.template",
            f"{template.source} makes an application that says nothing of cluster "
            f"{adoption.cluster}: its objects would be made in the control plane",
            "$returns.spec",
            found.place("spec"),
            'the annotation "app.oam.dev/cluster" of each of `$args.resources` says where it is: '
            "add a topology policy, or name the cluster in the steps",
        )
    return whole


def _named(made: Mapping[str, Any], adoption: Adoption) -> dict[str, Any]:
    meta = made.get("metadata") or {}
    return {
        **made,
        "metadata": {
            **meta,
            "name": meta.get("name") or adoption.name,
            "namespace": meta.get("namespace") or adoption.namespace,
        },
    }


def _says(value: Any, word: str) -> bool:
    if isinstance(value, Mapping):
        return any(_says(inner, word) for inner in value.values())
    if isinstance(value, list):
        return any(_says(inner, word) for inner in value)
    return bool(value == word)


def _shown(live: Manifest, cluster: str) -> Manifest:
    """An object as a template sees it: as it could be declared, and how it is. What a Secret holds
    is left out: an application is a text that many may read.
    """
    lean = recycling.lean(live)
    meta = manifests.metadata(lean)
    given = meta.get("annotations") or {}
    kept = {k: v for k, v in given.items() if k != names.KUBECTL_LAST_APPLIED}
    key = manifests.key(live)
    secret = _SECRET if (key.group, key.kind) == ("", "Secret") else ()
    body = {k: v for k, v in lean.items() if k not in secret}
    meta = {**meta, "annotations": {**kept, names.APP_CLUSTER: cluster}}
    shown = {**body, "metadata": {field: value for field, value in meta.items() if value}}
    return {**shown, "status": live["status"]} if "status" in live else shown
