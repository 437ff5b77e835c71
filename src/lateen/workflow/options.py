"""The properties of the native steps, read strictly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lateen.api import checking
from lateen.api.application import Policy, Step
from lateen.base import durations, suggest
from lateen.base.problem import Problem, raise_any

DEPLOY, APPLY, SUSPEND, GROUP = "deploy", "apply-component", "suspend", "step-group"
ENVIRONMENT = "deploy2env"  # of an env-binding policy: a definition, as any other type
DELIVERING = frozenset({DEPLOY, APPLY})

_FIELDS: Mapping[str, Mapping[str, type]] = {
    DEPLOY: {
        "auto": bool,
        "policies": list,
        "parallelism": int,
        "ignoreTerraformComponent": bool,
        "inlinePolicies": tuple,
    },
    APPLY: {"component": str, "cluster": str, "namespace": str},
    SUSPEND: {"duration": str, "message": str},
}
_WORDS: Mapping[type, str] = {
    bool: "true or false",
    list: "a list of names",
    tuple: "a list of policies, each with type and properties",
    int: "a whole number above 0",
    str: "text",
}


@dataclass(frozen=True)
class Deploy:
    """The properties of a `deploy` step (semantics F8)."""

    auto: bool
    policies: tuple[str, ...]
    parallelism: int
    ignore_terraform: bool = True
    inline: tuple[Policy, ...] = ()

    @property
    def named(self) -> tuple[str, ...]:
        """The policies by their names, inline ones last."""
        return (*self.policies, *(policy.name for policy in self.inline))


@dataclass(frozen=True)
class Suspend:
    """The properties of a `suspend` step. `duration` is in seconds, None for until resumed."""

    duration: float | None
    message: str


def deploy(step: Step, properties: Mapping[str, Any]) -> Deploy:
    """Read the properties of a `deploy` step.

    Raises:
        Problem | Problems: `workflow.property`.
    """
    raise_any(check(step, properties))
    return Deploy(
        auto=bool(properties.get("auto", True)),
        policies=tuple(properties.get("policies") or ()),
        parallelism=int(properties.get("parallelism", 5)),
        ignore_terraform=bool(properties.get("ignoreTerraformComponent", True)),
        inline=tuple(_inline(step, properties)),
    )


def _inline(step: Step, properties: Mapping[str, Any]) -> Iterator[Policy]:
    """Policies written into a step; one without a name gets one that no other has."""
    for index, raw in enumerate(properties.get("inlinePolicies") or ()):
        name = str(raw.get("name") or f"{step.name}/inline-{index}")
        path = f"{step.path}.properties.inlinePolicies[{index}]"
        yield Policy(name, str(raw["type"]), raw.get("properties"), path)


def suspend(step: Step, properties: Mapping[str, Any]) -> Suspend:
    """Read the properties of a `suspend` step.

    Raises:
        Problem | Problems: `workflow.property`.
    """
    raise_any(check(step, properties))
    text = properties.get("duration")
    duration = durations.seconds(text) if text else None
    return Suspend(duration, str(properties.get("message") or ""))


def check(step: Step, properties: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the properties of a native step; nothing is known of other types."""
    known = _FIELDS.get(step.type)
    if known is None:
        return []
    problems = []
    for name, value in properties.items():
        path = f"{step.path}.properties.{name}"
        if name not in known:
            if step.type == DEPLOY:  # the others accept what they do not know, as KubeVela's do
                hint = suggest.nearest(name, known) or f"fields are {', '.join(known)}"
                said = f'invalid WorkflowStep {step.name}: unknown field "{name}"'
                problems.append(Problem("workflow.property", said, path=path, hint=hint))
        elif value is not None and not _fits(value, known[name]):
            said = f"expected {_WORDS[known[name]]}, found {checking.describe(value)}"
            problems.append(Problem("workflow.property", said, path=path))
    return problems or _bad_duration(step, properties)


def _fits(value: Any, kind: type) -> bool:
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool) and value > 0
    if kind is tuple:
        return isinstance(value, list) and all(
            isinstance(item, Mapping) and isinstance(item.get("type"), str) for item in value
        )
    if kind is list:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    return isinstance(value, kind)


def _bad_duration(step: Step, properties: Mapping[str, Any]) -> list[Problem]:
    text = properties.get("duration") if step.type == SUSPEND else None
    try:
        if text:
            durations.seconds(text)
    except ValueError as error:
        return [Problem("workflow.property", str(error), path=f"{step.path}.properties.duration")]
    return []
