"""The four kinds of definition as views over their objects (semantics A2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lateen.api import names


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


@dataclass(frozen=True)
class Definition:
    """A definition object. `source` is where its template's lines are counted: a file, or
    `definition NAME` when it was read from a cluster. `text` is the CUE that is compiled; for a
    file it is padded so that its line numbers are the file's.
    """

    raw: dict[str, Any]
    source: str
    text: str

    @classmethod
    def of(cls, raw: dict[str, Any]) -> Definition:
        name = (raw.get("metadata") or {}).get("name", "")
        schematic = (raw.get("spec") or {}).get("schematic") or {}
        template = (schematic.get("cue") or {}).get("template") or ""
        return cls(raw, f"definition {name}", template)

    @property
    def name(self) -> str:
        return str(self.raw["metadata"]["name"])

    @property
    def kind(self) -> DefinitionKind:
        return DefinitionKind(self.raw["kind"])

    @property
    def spec(self) -> dict[str, Any]:
        return self.raw.get("spec") or {}

    @property
    def description(self) -> str:
        found = (self.raw["metadata"].get("annotations") or {}).get(names.DESCRIPTION, "")
        return str(found)

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
