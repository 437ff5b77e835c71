"""The four kinds of definition, and their revisions, as views over their objects (A2, A3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from lateen.api import manifest, names
from lateen.api.manifest import Key, Manifest
from lateen.base import hashing


class DefinitionKind(StrEnum):
    """The kinds of definition; the value is the Kubernetes kind."""

    COMPONENT = "ComponentDefinition"
    TRAIT = "TraitDefinition"
    POLICY = "PolicyDefinition"
    STEP = "WorkflowStepDefinition"

    @property
    def word(self) -> str:
        """As a definition file and an error message name it: `component`, `workflow-step`."""
        return {"WorkflowStepDefinition": "workflow-step"}.get(
            self.value, self.value.removesuffix("Definition").lower()
        )

    @property
    def section(self) -> str:
        """The field of a DefinitionRevision that holds one of this kind: `traitDefinition`."""
        return self.value[0].lower() + self.value[1:]

    @property
    def name_label(self) -> str:
        """The label of a DefinitionRevision that names its definition."""
        return {
            DefinitionKind.COMPONENT: "componentdefinition.oam.dev/name",
            DefinitionKind.TRAIT: "trait.oam.dev/name",
            DefinitionKind.POLICY: "policydefinition.oam.dev/name",
            DefinitionKind.STEP: "workflowstepdefinition.oam.dev/name",
        }[self]


@dataclass(frozen=True)
class Definition:
    """A definition object. `source` is where its template's lines are counted: a file, or
    `TraitDefinition NAMESPACE/NAME template` when it was read from a cluster. `text` is the CUE
    that is compiled; for a file it is padded so that its line numbers are the file's. `asked` is
    the type an application names it by, where that says which revision: `web@v2`.
    """

    raw: dict[str, Any]
    source: str
    text: str
    asked: str = ""

    @classmethod
    def of(cls, raw: dict[str, Any]) -> Definition:
        meta = raw.get("metadata") or {}
        name = "/".join(filter(None, (meta.get("namespace"), meta.get("name", ""))))
        source = f"{raw.get('kind', 'Definition')} {name} template"
        return cls(raw, source, _template(raw.get("spec") or {}))

    @classmethod
    def of_workload(cls, raw: dict[str, Any]) -> Definition:
        """A WorkloadDefinition, the old form of a component definition, as one (semantics A4)."""
        spec = {**(raw.get("spec") or {})}
        reference = spec.pop("definitionRef", None) or {}
        spec["workload"] = {"type": reference.get("name") or names.AUTODETECTS}
        return cls.of({**raw, "kind": DefinitionKind.COMPONENT.value, "spec": spec})

    @property
    def name(self) -> str:
        return str(self.raw["metadata"]["name"])

    @property
    def kind(self) -> DefinitionKind:
        return DefinitionKind(self.raw["kind"])

    @property
    def namespace(self) -> str:
        return str(self.raw["metadata"].get("namespace") or "")

    @property
    def spec(self) -> dict[str, Any]:
        return self.raw.get("spec") or {}

    @property
    def annotations(self) -> dict[str, str]:
        return self.raw["metadata"].get("annotations") or {}

    @property
    def hash(self) -> str:
        """Changes with anything in the spec (semantics A3)."""
        return hashing.digest(self.spec)

    @property
    def key(self) -> Key:
        return Key(names.GROUP, self.kind, self.namespace, self.name, "v1beta1")

    @property
    def description(self) -> str:
        return str(self.annotations.get(names.DESCRIPTION, ""))

    @property
    def terraform(self) -> bool:
        """Rendered by Terraform, not by CUE (semantics A4)."""
        schematic = self.spec.get("schematic") or {}
        return bool(schematic.get("terraform")) or self.annotations.get("type") == "terraform"

    @property
    def required_controller(self) -> str:
        """The only version of the controller that is to look at it; empty for any (A3)."""
        wanted = (names.REQUIRED_CONTROLLER, names.REQUIRED_CONTROLLER_OF_DEFINITION)
        return next((self.annotations[name] for name in wanted if self.annotations.get(name)), "")

    @property
    def stage(self) -> str:
        return str(self.spec.get("stage") or "DefaultDispatch")

    @property
    def status(self) -> dict[str, str]:
        """CUE texts `customStatus`, `healthPolicy` and `details`, those that are given."""
        return self.spec.get("status") or {}

    @property
    def workload(self) -> dict[str, str]:
        """`{apiVersion, kind}` of the main object; empty strings for autodetects (semantics B8)."""
        found = (self.spec.get("workload") or {}).get("definition") or {}
        return {"apiVersion": found.get("apiVersion", ""), "kind": found.get("kind", "")}


@dataclass(frozen=True)
class DefinitionRevision:
    """A definition at one moment: a view of one DefinitionRevision object (semantics A3)."""

    raw: Manifest

    @property
    def name(self) -> str:
        return str(self.raw["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.raw["metadata"].get("namespace") or "")

    @property
    def key(self) -> Key:
        return Key(names.GROUP, "DefinitionRevision", self.namespace, self.name, "v1beta1")

    @property
    def number(self) -> int:
        return int(self.raw["spec"].get("revision") or 0)

    @property
    def hash(self) -> str:
        return str(self.raw["spec"].get("revisionHash", ""))

    @property
    def kind(self) -> DefinitionKind | None:
        """None where it holds no definition of the four kinds."""
        spec = self.raw.get("spec") or {}
        return next((kind for kind in DefinitionKind if spec.get(kind.section)), None)

    @property
    def of(self) -> str:
        """The name of the definition it is a revision of."""
        embedded = self._embedded.get("metadata") or {}
        return str(embedded.get("name") or self.name.rpartition("-v")[0])

    @property
    def version(self) -> str:
        """What stands after `@v` for it: `3`, `1.2.0`."""
        return self.name.removeprefix(f"{self.of}-v")

    @property
    def definition(self) -> Definition:
        """The definition as it was; only where `kind` is known."""
        kind = self.kind
        assert kind is not None
        meta = {"namespace": self.namespace, **(self._embedded.get("metadata") or {})}
        complete = {"apiVersion": names.V1BETA1, "kind": kind.value, **self._embedded}
        found = Definition.of({**complete, "metadata": {**meta, "name": self.of}})
        return replace(found, source=f"{kind} {found.namespace}/{self.of}@v{self.version} template")

    @property
    def _embedded(self) -> dict[str, Any]:
        spec = self.raw.get("spec") or {}
        kind = self.kind
        return spec[kind.section] if kind else {}


def revise(definition: Definition, version: str, number: int) -> DefinitionRevision:
    """The revision `<definition>-v<version>` of a definition as it is, owned by it."""
    meta = definition.raw["metadata"]
    owned = manifest.controller(
        names.V1BETA1, definition.kind.value, definition.name, meta.get("uid", "")
    )
    return DefinitionRevision(
        {
            "apiVersion": names.V1BETA1,
            "kind": "DefinitionRevision",
            "metadata": {
                "name": f"{definition.name}-v{version}",
                "namespace": definition.namespace,
                "labels": {
                    **(meta.get("labels") or {}),
                    definition.kind.name_label: definition.name,
                },
                "ownerReferences": [owned],
            },
            "spec": {
                "revision": number,
                "revisionHash": definition.hash,
                "definitionType": definition.kind.value.removesuffix("Definition"),
                definition.kind.section: trimmed(definition),
            },
        }
    )


def trimmed(definition: Definition) -> Manifest:
    """A definition without what only its live object needs."""
    meta = definition.raw["metadata"]
    kept = {k: meta[k] for k in ("name", "namespace", "labels", "annotations") if meta.get(k)}
    return {"metadata": kept, "spec": definition.spec}


def _template(spec: dict[str, Any]) -> str:
    """The CUE text: of the schematic, else of the free-form `extension` (semantics A2)."""
    schematic = (spec.get("schematic") or {}).get("cue") or {}
    fallback = spec.get("extension") or {}
    found = schematic.get("template") or fallback.get("template") or ""
    return found if isinstance(found, str) else ""
