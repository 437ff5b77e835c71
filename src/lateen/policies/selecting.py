"""Which objects a rule of a policy is for (semantics F1). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lateen.api import manifest, names
from lateen.base.problem import Problem
from lateen.policies import decoding

# what a selector may list -> the label of an object it is compared with
_LABELS = {
    "componentNames": names.APP_COMPONENT,
    "componentTypes": names.WORKLOAD_TYPE,
    "oamTypes": names.RESOURCE_TYPE,
    "traitTypes": names.TRAIT_TYPE,
}
_FIELDS = (*_LABELS, "resourceTypes", "resourceNames")


@dataclass(frozen=True)
class Selector:
    """Lists of what is accepted, by name; an object has to be in every list that is given."""

    accepted: Mapping[str, tuple[str, ...]]

    def matches(self, found: Mapping[str, Any]) -> bool:
        """Whether a manifest or a live object is meant. An empty selector means none."""
        return bool(self.accepted) and all(
            _value(found, name) in texts for name, texts in self.accepted.items()
        )


def decode(raw: Any, path: str, problems: list[Problem]) -> Selector:
    """Read a selector; what is wrong with it is added to `problems`."""
    fields = decoding.Fields(raw, path, _FIELDS, problems, "a selector")
    lists = {name: fields.texts(name) for name in _FIELDS}
    return Selector({name: texts for name, texts in lists.items() if texts})


def _value(found: Mapping[str, Any], name: str) -> str:
    if name == "resourceTypes":
        return str(found.get("kind", ""))
    if name == "resourceNames":
        return manifest.key(found).name
    return manifest.labels(found).get(_LABELS[name], "")
