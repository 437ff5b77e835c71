"""Render a policy of a type that is not built in: its objects stand by themselves (B1, B6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lateen.api import manifest as manifests
from lateen.api.manifest import Manifest
from lateen.base.problem import Problem, Problems, raise_any
from lateen.cue.templates import Fill
from lateen.definitions import acting, blaming, contexts, stamping, templates, uniting
from lateen.providers import ports

_ASKED = ("output", "outputs", "errs")
_SCOPED = ("config", "enabled", "output", "errs")
CHANGES = ("components", "workflow", "policies", "labels", "annotations", "ctx")
"""What a policy with the scope `Application` may change of it."""


async def render(
    part: templates.Part,
    name: str,
    app: contexts.AppFacts,
    shelf: templates.Shelf,
    runtime: ports.Runtime,
    artifacts: Mapping[str, Any] | None = None,
) -> list[Manifest]:
    """The objects of a policy, its `output` first; none for one that only checks something.

    `artifacts` are the rendered components (see `contexts.of_policy`).

    Raises:
        Problem, Problems: `parameter.*`, `template.*`, with the path in the application.
    """
    context = contexts.of_policy(
        app, name, wanted=contexts.reads(part.definition.text), artifacts=artifacts
    )
    values = await _evaluate(part, context, _ASKED, shelf, runtime)
    given = {"output": values.get("output")}
    given |= {f"outputs.{k}": v for k, v in (values.get("outputs") or {}).items()}
    wanted = {where: value for where, value in given.items() if value is not None}
    raise_any(
        problem
        for where, value in wanted.items()
        for problem in stamping.malformed(value, where, part.path)
    )
    stamped = {where: stamping.policy(value, app, name) for where, value in wanted.items()}
    raise_any(_duplicates(stamped, part))
    return list(stamped.values())


async def transform(
    part: templates.Part,
    scope: contexts.Scope,
    app: contexts.AppFacts,
    shelf: templates.Shelf,
    runtime: ports.Runtime,
) -> dict[str, Any] | None:
    """What a policy with the scope `Application` wants the application to be; None where it says
    that it is not enabled.

    Raises:
        Problem, Problems: `parameter.*`, `template.*`, `policy.output`.
    Source: semantics F12.
    """
    context = contexts.of_scope(app, scope, wanted=contexts.reads(part.definition.text))
    values = await _evaluate(part, context, _SCOPED, shelf, runtime)
    config = values.get("config")
    enabled = (config if isinstance(config, dict) else values).get("enabled", True)
    if not isinstance(enabled, bool):
        raise Problem(
            "policy.output",
            f"{part.word}: enabled is {enabled!r}, which is neither true nor false",
            path=part.path,
        )
    if not enabled:
        return None
    output = values.get("output")
    if not isinstance(output, dict):
        message = f"{part.word} has no output that says what to change"
        raise Problem("policy.output", message, path=part.path)
    if strange := sorted(set(output) - set(CHANGES)):
        raise Problem(
            "policy.output",
            f"{part.word}: output.{strange[0]} is not allowed",
            path=part.path,
            hint=f"a policy may change {', '.join(CHANGES)}",
        )
    own = [*(output.get("labels") or ()), *(output.get("annotations") or ())]
    if reserved := [name for name in own if contexts.internal(name)]:
        message = f"{part.word} may not set {reserved[0]}: it is the machinery's own"
        raise Problem("policy.output", message, path=part.path)
    return output


async def _evaluate(
    part: templates.Part,
    context: Mapping[str, Any],
    asked: Sequence[str],
    shelf: templates.Shelf,
    runtime: ports.Runtime,
) -> Mapping[str, Any]:
    fills = [
        Fill("context", context, blaming.CONTEXT),
        Fill("parameter", part.properties or {}, blaming.PARAMETER),
    ]
    try:
        result = await shelf.evaluate(part.definition, fills, asked, (), runtime)
    except acting.Failed as failed:
        raise Problems(blaming.action(failed, part)) from failed
    except (Problem, Problems) as error:
        raise Problems(blaming.compilation(error, part)) from error
    said = blaming.user_errors(result.values.get("errs"), part)
    if said or result.problems:
        stated = (await shelf.check(part, ())).problems
        raise_any([*said, *blaming.translate(result.problems, part, stated)])
    return result.values


def _duplicates(stamped: Mapping[str, Manifest], part: templates.Part) -> Iterator[Problem]:
    """Objects of one name; what has none has the policy's."""
    first: dict[tuple[str, ...], str] = {}
    for where, given in stamped.items():
        identity = uniting.identity(given)
        before = first.setdefault(identity, where) if identity else where
        if before != where:
            yield Problem(
                "template.duplicate",
                f'"{before}" and "{where}" are one object, {manifests.key(given)}',
                part.path,
                blaming.declared(part.definition, where.partition(".")[0], "given here"),
                hint="the author of the definition has to give one of them a name",
            )
