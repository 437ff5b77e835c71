"""What resource policies say about single objects (semantics F1, F5 to F7, F10).

Pure. Read once for a revision, asked for every object that is written, kept or removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lateen.api import manifest, names
from lateen.api.application import Application, Policy
from lateen.api.treatment import WHOLE, Lifetime, Treatment
from lateen.base import paths
from lateen.base.problem import Problem, raise_any
from lateen.policies import decoding, safeguarding, selecting

GARBAGE_COLLECT = "garbage-collect"
APPLY_ONCE = "apply-once"
SHARED = "shared-resource"
READ_ONLY = "read-only"
TAKE_OVER = "take-over"
UPDATE = "resource-update"
TYPES = frozenset(
    {GARBAGE_COLLECT, APPLY_ONCE, SHARED, READ_ONLY, TAKE_OVER, UPDATE, safeguarding.TYPE}
)

_ADDON = "addons.oam.dev/name"  # a label of the applications that addons are


@dataclass(frozen=True)
class Rule:
    """One rule: which objects, and what of `Treatment` it sets for them."""

    selector: selecting.Selector
    sets: Mapping[str, Any]


@dataclass(frozen=True)
class Governance:
    """The resource policies of one application, those of a type as one (semantics F1).

    `warnings` are fields that no policy has: KubeVela ignores them, their author should not.
    """

    rules: Mapping[str, tuple[Rule, ...]]
    once: bool = False  # apply-once for everything
    legacy_kept: bool = False  # keepLegacyResource
    despite_failure: bool = False  # continueOnFailure
    by_dependency: bool = False  # order: dependency
    revisions: int | None = None  # applicationRevisionLimit
    rollback: safeguarding.Terms | None = None
    warnings: tuple[Problem, ...] = ()

    def treatment(self, found: Mapping[str, Any]) -> Treatment:
        """What is to be done with an object, given as rendered or as it is live.

        Of each type of policy the first rule that matches counts.
        """
        sets: dict[str, Any] = {"unrecorded": self.once and not self.rules.get(APPLY_ONCE)}
        for rules in self.rules.values():
            rule = next((each for each in rules if each.selector.matches(found)), None)
            sets |= rule.sets if rule else {}
        if manifest.annotation(found, names.ONCE):
            sets["unrecorded"] = True  # it has run: that it is gone or changed is no drift
        if manifest.annotation(found, names.REPLACE) == "true":
            sets["replace"] = True
        if (
            manifest.annotation(found, names.KEEP) == "true"
            or manifest.annotation(found, names.HELM_POLICY) == "keep"
        ):
            sets["lifetime"] = Lifetime.FOREVER
        return Treatment(**sets)


NONE = Governance({})


def read(app: Application) -> Governance:
    """Read every resource policy of an application.

    Raises:
        Problem | Problems: `policy.type`, `policy.value`, `policy.path`: all at once.
    """
    problems: list[Problem] = []
    given = {kind: [each for each in app.policies if each.type == kind] for kind in TYPES}
    collecting = [_collecting(policy, problems) for policy in given[GARBAGE_COLLECT]]
    once = [_once(policy, problems) for policy in given[APPLY_ONCE]]
    rules = {
        GARBAGE_COLLECT: _joined(each.rules[GARBAGE_COLLECT] for each in collecting),
        APPLY_ONCE: _joined(rules for _, rules in once),
        UPDATE: _joined(_rules(each, _updating, problems) for each in given[UPDATE]),
        SHARED: _flagged(given[SHARED], "shared", problems),
        READ_ONLY: _flagged(given[READ_ONLY], "read_only", problems),
        TAKE_OVER: _flagged(given[TAKE_OVER], "take_over", problems),
    }
    rollback = safeguarding.read(app.policies, problems)
    unknown = [each for each in problems if each.code == "policy.unknown-field"]
    raise_any([each for each in problems if each not in unknown])
    return Governance(
        rules,
        once=any(enabled for enabled, _ in once) or bool(app.labels.get(_ADDON)),
        legacy_kept=any(each.legacy_kept for each in collecting),
        despite_failure=any(each.despite_failure for each in collecting),
        by_dependency=any(each.by_dependency for each in collecting),
        revisions=next((e.revisions for e in collecting if e.revisions is not None), None),
        rollback=rollback,
        warnings=tuple(unknown),
    )


def _joined(lists: Iterable[tuple[Rule, ...]]) -> tuple[Rule, ...]:
    return tuple(rule for rules in lists for rule in rules)


def _collecting(policy: Policy, problems: list[Problem]) -> Governance:
    known = ("applicationRevisionLimit", "keepLegacyResource", "continueOnFailure", "order")
    fields = decoding.properties(policy, (*known, "rules"), problems)
    return Governance(
        {GARBAGE_COLLECT: _read(fields, _collected, problems)},
        legacy_kept=fields.flag("keepLegacyResource"),
        despite_failure=fields.flag("continueOnFailure"),
        by_dependency=fields.choice("order", ("dependency",)) == "dependency",
        revisions=fields.count("applicationRevisionLimit"),
    )


def _collected(raw: Any, path: str, problems: list[Problem]) -> Rule:
    known = ("selector", "strategy", "propagation")
    fields = decoding.Fields(raw, path, known, problems, "a rule")
    lifetimes = tuple(each.value for each in Lifetime)
    strategy = fields.choice("strategy", lifetimes) or Lifetime.DECLARED.value
    orphan = fields.choice("propagation", ("orphan", "cascading")) == "orphan"
    return Rule(_selector(fields, problems), {"lifetime": Lifetime(strategy), "orphan": orphan})


def _once(policy: Policy, problems: list[Problem]) -> tuple[bool, tuple[Rule, ...]]:
    fields = decoding.properties(policy, ("enable", "rules"), problems)
    enabled = fields.flag("enable")
    rules = _read(fields, _left, problems)
    return enabled, rules if enabled else ()


def _left(raw: Any, path: str, problems: list[Problem]) -> Rule:
    fields = decoding.Fields(raw, path, ("selector", "strategy"), problems, "a rule")
    strategy = fields.inner("strategy", ("path", "affect"))
    affect = strategy.choice("affect", ("onUpdate", "onStateKeep", "always")) or "always"
    left = tuple(dict.fromkeys(_field_paths(strategy, "path", problems)))
    sets = {
        "left_on_update": left if affect != "onStateKeep" else (),
        "left_on_drift": left if affect != "onUpdate" else (),
    }
    return Rule(_selector(fields, problems), sets)


def _updating(raw: Any, path: str, problems: list[Problem]) -> Rule:
    fields = decoding.Fields(raw, path, ("selector", "strategy"), problems, "a rule")
    strategy = fields.inner("strategy", ("op", "recreateFields"))
    replace = strategy.choice("op", ("patch", "replace")) == "replace"
    recreate = tuple(_field_paths(strategy, "recreateFields", problems))
    return Rule(_selector(fields, problems), {"replace": replace, "recreate": recreate})


def _field_paths(fields: decoding.Fields, name: str, problems: list[Problem]) -> Iterable[str]:
    for text, path in fields.items(name):
        try:
            if text != WHOLE:
                paths.parse(str(text))
            yield str(text)
        except ValueError as error:
            problems.append(Problem("policy.path", str(error), path=path))


def _flagged(policies: Iterable[Policy], flag: str, problems: list[Problem]) -> tuple[Rule, ...]:
    def rule(raw: Any, path: str, problems: list[Problem]) -> Rule:
        fields = decoding.Fields(raw, path, ("selector",), problems, "a rule")
        return Rule(_selector(fields, problems), {flag: True})

    return _joined(_rules(policy, rule, problems) for policy in policies)


def _selector(fields: decoding.Fields, problems: list[Problem]) -> selecting.Selector:
    raw, path = fields.raw("selector")
    return selecting.decode(raw, path, problems)


Reading = Callable[[Any, str, list[Problem]], Rule]


def _rules(policy: Policy, read_one: Reading, problems: list[Problem]) -> tuple[Rule, ...]:
    return _read(decoding.properties(policy, ("rules",), problems), read_one, problems)


def _read(fields: decoding.Fields, read_one: Reading, problems: list[Problem]) -> tuple[Rule, ...]:
    return tuple(read_one(raw, path, problems) for raw, path in fields.items("rules"))
