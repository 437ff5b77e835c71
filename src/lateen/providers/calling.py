"""Carry out an action: who answers for it, and where its results go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

from lateen.base import suggest
from lateen.base.problem import Problem
from lateen.providers import (
    builtin,
    charts,
    configs,
    converting,
    delivering,
    environments,
    kube,
    mailing,
    measuring,
    overlays,
    queries,
    registries,
    requesting,
    serving,
)
from lateen.providers.calls import Answer, Call
from lateen.providers.packages import Flavour
from lateen.providers.ports import Asked, Outcome, Runtime

Run = Callable[[Call], Awaitable[Answer]]
Group = Mapping[str, Run]

_SHARED: Final[Mapping[str, Group]] = {
    "base64": converting.BASE64,
    "cue": converting.CUE,
    "helm": charts.ACTIONS,
    "http": requesting.ACTIONS,
    "kustomize": overlays.ACTIONS,
}
_OP: Final[Group] = {
    **builtin.ACTIONS,
    **kube.STEP,
    **requesting.ACTIONS,
    **mailing.ACTIONS,
    **{f"{do}-config": run for do, run in configs.ACTIONS.items()},
    **delivering.MULTICLUSTER,
    **delivering.OAM,
    **delivering.TERRAFORM,
    **environments.ACTIONS,
    **converting.TIME,
    **converting.UTIL,
    **measuring.ACTIONS,
}
_PROVIDERS: Final[Mapping[Flavour, Mapping[str, Group]]] = {
    Flavour.STEP: {
        **_SHARED,
        "builtin": builtin.ACTIONS,
        "kube": kube.STEP,
        "email": mailing.ACTIONS,
        "config": configs.ACTIONS,
        "multicluster": delivering.MULTICLUSTER,
        "oam": delivering.OAM,
        "terraform": delivering.TERRAFORM,
        "time": converting.TIME,
        "util": converting.UTIL,
        "metrics": measuring.ACTIONS,
        "query": queries.ACTIONS,
        "ql": queries.ACTIONS,
        "op": _OP,
    },
    Flavour.TEMPLATE: {**_SHARED, "kube": kube.TEMPLATE, "config": registries.TEMPLATE},
}
_FLAT: Final = frozenset({"op", "ql"})  # results stand beside the inputs
_EFFECTS: Final[Mapping[Run, Callable[[Call], bool]]] = {
    requesting.do: lambda call: not requesting.repeatable(call),
    mailing.send: lambda call: True,
}


async def call(action: Asked, runtime: Runtime, *, key: str = "") -> Outcome:
    """Carry out an action whose inputs are there.

    `key` names this run of it (step id and path, and which attempt): with one, and a journal in the
    runtime, mail and HTTP requests that change something are sent once, whatever happens between.

    Raises:
        Problem, Problems: `provider.unknown` for an action nobody answers for; `provider.pending`
            for one whose inputs are not there; what the action itself fails with. `path` is where
            the text has the action, or an input of it.
    Source: semantics E5, E8.
    """
    if action.incomplete:
        lacks = action.incomplete[0]
        raise Problem("provider.pending", lacks.message, lacks.path, lacks.positions)
    run = _find(action, runtime)
    inputs, where = _inputs(action)
    asked = Call(inputs, action.path, where, runtime, call)
    answer = await _once(run, asked, key) if key else await run(asked)
    return _outcome(action, answer)


async def _once(run: Run, asked: Call, key: str) -> Answer:
    journal = asked.runtime.journal
    effect = _EFFECTS.get(run)
    if journal is None or effect is None or not effect(asked):
        return await run(asked)
    done = await journal.begin(key)
    if done is not None:
        return Answer(done["results"])
    answer = await run(asked)
    await journal.end(key, {"results": answer.results})
    return answer


def _find(action: Asked, runtime: Runtime) -> Run:
    groups = _PROVIDERS[runtime.flavour]
    group = groups.get(action.provider)
    if group is None:
        package = runtime.external.find(action.provider)
        if package is not None and package.endpoint:
            return partial(serving.ask, package, action.do)
        raise _unknown(action, f"provider {action.provider} not found", action.provider, groups)
    if action.do not in group:
        message = f"function {action.do} not found in provider {action.provider}"
        raise _unknown(action, message, action.do, group)
    return group[action.do]


def _unknown(action: Asked, message: str, name: str, known: Mapping[str, Any]) -> Problem:
    return Problem("provider.unknown", message, action.path, hint=suggest.nearest(name, known))


def _inputs(action: Asked) -> tuple[Any, str]:
    value = action.value
    if isinstance(value, Mapping) and "$params" in value:
        return value["$params"], f"{action.path}.$params"
    if action.provider in _FLAT:
        return value, action.path
    return {}, f"{action.path}.$params"


def _outcome(action: Asked, answer: Answer) -> Outcome:
    if answer.results is None:
        return Outcome(signal=answer.signal)
    if action.provider not in _FLAT:
        # a list has no dot before its index
        secret = tuple(f"$returns.{path}" for path in answer.secret)
        return Outcome({"$returns": answer.results}, answer.signal, secret)
    results, secret = dict(answer.results), answer.secret
    if action.do == "do":
        results, secret = {"response": results}, ()
    if action.do == "list" and "values" in results:
        results["list"] = results.pop("values")
        secret = tuple(f"list{path.removeprefix('values')}" for path in secret)
    if "value" in results:
        results["value"] = _agreeing(results["value"], action.value.get("value"))
    return Outcome(results, answer.signal, secret)


def _agreeing(found: Any, given: Any) -> Any:
    """What was found, but where both have a value, the one given.

    Input and result stand at one path in the older form and have to unify; the server writes
    "1000m" as "1", and no definition could be applied that says otherwise.
    """
    if isinstance(found, Mapping) and isinstance(given, Mapping):
        return {k: _agreeing(v, given[k]) if k in given else v for k, v in found.items()}
    if isinstance(found, list) and isinstance(given, list) and len(found) == len(given):
        return [_agreeing(each, own) for each, own in zip(found, given, strict=True)]
    return found if given is None or isinstance(found, Mapping | list) else given
