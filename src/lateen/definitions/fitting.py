"""Whether traits belong on a component: `appliesToWorkloads` and `conflictsWith` (A2, B5). Pure.

Says only what is certain: a component whose kind is not known in advance is never complained about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lateen.api import manifest, names
from lateen.base.problem import Problem
from lateen.definitions import templates

_SELECTOR = "labelSelector:"


def check(body: templates.Part, traits: Sequence[templates.Part]) -> list[Problem]:
    """What definitions of traits say against the component they are on, or against one another.

    `trait.workload` for a trait that is for other workloads, `trait.conflict` for two that exclude
    one another: told once, at the later of them.
    Source: semantics A2, B5.
    """
    found = [problem for trait in traits for problem in _misplaced(body, trait)]
    for index, trait in enumerate(traits):
        for earlier in traits[:index]:
            if _excludes(trait, earlier) or _excludes(earlier, trait):
                message = f'trait "{trait.type}" cannot be combined with trait "{earlier.type}"'
                found.append(Problem("trait.conflict", message, trait.path))
    return found


def _misplaced(body: templates.Part, trait: templates.Part) -> list[Problem]:
    wanted = [str(each) for each in trait.definition.spec.get("appliesToWorkloads") or ()]
    known = _workload_names(body)
    if not wanted or not known or any(_matches(each, known) for each in wanted):
        return []
    message = f'trait "{trait.type}" is not made for components of type "{body.type}"'
    return [Problem("trait.workload", message, trait.path, hint=f"it is for {', '.join(wanted)}")]


def _workload_names(body: templates.Part) -> set[str]:
    """What a component's workload may be called: its type, `deployments.apps`, the kind."""
    workload = body.definition.spec.get("workload") or {}
    resource = str(workload.get("type") or "")
    kind = body.definition.workload["kind"]
    if resource == names.AUTODETECTS or not (resource or kind):
        return set()
    found = {body.definition.name, resource, kind}
    if kind:
        # the plural as Kubernetes derives it where nobody says otherwise
        lower = kind.lower()
        plural = f"{lower}es" if lower.endswith("s") else f"{lower}s"
        plural = f"{lower[:-1]}ies" if lower.endswith("y") else plural
        group = manifest.split_version(body.definition.workload["apiVersion"])[0]
        found |= {f"{plural}.{group}" if group else plural}
    return found - {""}


def _matches(wanted: str, known: set[str]) -> bool:
    """`*` is any, `*.apps` a group, anything else a name; a core resource may end in a dot."""
    if wanted == "*":
        return True
    if wanted.startswith("*."):
        return any(each.partition(".")[2] == wanted[2:] for each in known)
    return wanted.rstrip(".") in known


def _excludes(trait: templates.Part, other: templates.Part) -> bool:
    rules = [str(each) for each in trait.definition.spec.get("conflictsWith") or ()]
    reference = str((other.definition.spec.get("definitionRef") or {}).get("name") or "")
    known = {other.definition.name, reference} - {""}
    labels = other.definition.raw["metadata"].get("labels") or {}
    return any(
        _selected(rule.removeprefix(_SELECTOR), labels)
        if rule.startswith(_SELECTOR)
        else _matches(rule, known)
        for rule in rules
    )


def _selected(selector: str, labels: Mapping[str, Any]) -> bool:
    """`key=value`, `key!=value`, `key`, `!key`, joined by commas; other forms select nothing."""
    return all(_holds(each.strip(), labels) for each in selector.split(","))


def _holds(requirement: str, labels: Mapping[str, Any]) -> bool:
    if "!=" in requirement:
        key, _, value = requirement.partition("!=")
        return labels.get(key.strip()) != value.strip()
    if "=" in requirement:
        key, _, value = requirement.partition("=")
        return labels.get(key.strip()) == value.lstrip("=").strip()
    if requirement.startswith("!"):
        return requirement[1:].strip() not in labels
    return requirement in labels
