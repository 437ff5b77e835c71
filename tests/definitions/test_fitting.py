"""Traits that say where they belong (semantics A2, B5)."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.base.problem import Problem
from lateen.cue.engine import Engine
from lateen.definitions import rendering
from tests.definitions import shops

pytestmark = pytest.mark.anyio

BODY = 'output: {apiVersion: "apps/v1", kind: "Deployment"}'
DEPLOYMENT = {"definition": {"apiVersion": "apps/v1", "kind": "Deployment"}}
STRICT = rendering.Rules(strict_traits=True)


def shop(engine: Engine, workload: Any = None, **specs: dict[str, Any]) -> shops.Shop:
    traits = dict.fromkeys(specs, "patch: metadata: labels: a: *1 | _")
    named = {"thing": {"workload": workload or DEPLOYMENT}, **specs}
    return shops.Shop(engine, BODY, traits, specs=named)


async def warnings(made: shops.Shop) -> list[Problem]:
    app = made.application()
    found = await made.renderer.check(app.components[0], made.facts(app))
    assert not found.problems
    return list(found.warnings)


@pytest.mark.parametrize(
    ("workload", "applies", "fits"),
    [
        pytest.param(None, ["deployments.apps"], True, id="a resource, known by its kind"),
        pytest.param({"type": "deployments.apps"}, ["deployments.apps"], True, id="by its name"),
        pytest.param(None, ["statefulsets.apps"], False, id="another resource"),
        pytest.param(None, ["jobs.batch", "deployments.apps"], True, id="one of several"),
        pytest.param(None, ["*"], True, id="any"),
        pytest.param(None, ["*.apps"], True, id="any of a group"),
        pytest.param(None, ["*.batch"], False, id="any of another group"),
        pytest.param(None, ["thing"], True, id="the type of a component"),
        pytest.param(None, ["Deployment"], True, id="a kind"),
        pytest.param(None, [], True, id="no word about it"),
        pytest.param(
            {"type": "autodetects.core.oam.dev"}, ["jobs.batch"], True, id="nobody can know"
        ),
        pytest.param(
            {"definition": {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}},
            ["networkpolicies.networking.k8s.io"],
            True,
            id="a plural that is not only an s",
        ),
    ],
)
async def test_a_trait_says_which_workloads_it_is_for(
    engine: Engine, workload: Any, applies: list[str], fits: bool
) -> None:
    made = shop(engine, workload, one={"appliesToWorkloads": applies})
    found = [(each.code, each.path) for each in await warnings(made)]
    assert found == ([] if fits else [("trait.workload", "spec.components[0].traits[0]")])


@pytest.mark.parametrize(
    ("rule", "spec", "conflict"),
    [
        pytest.param("two", {}, True, id="by name"),
        pytest.param("three", {}, False, id="another name"),
        pytest.param("services", {"definitionRef": {"name": "services"}}, True, id="a resource"),
        pytest.param(
            "*.k8s.io", {"definitionRef": {"name": "ingresses.k8s.io"}}, True, id="a group"
        ),
        pytest.param("*", {}, True, id="any other"),
        pytest.param("labelSelector:a=b", {}, False, id="labels it does not have"),
        pytest.param("labelSelector:!a, c!=d", {}, True, id="labels it must not have"),
    ],
)
async def test_traits_may_exclude_one_another(
    engine: Engine, rule: str, spec: dict[str, Any], conflict: bool
) -> None:
    made = shop(engine, one={"conflictsWith": [rule]}, two=spec)
    found = [(each.code, each.path) for each in await warnings(made)]
    assert found == ([("trait.conflict", "spec.components[0].traits[1]")] if conflict else [])


async def test_it_does_not_matter_which_of_them_says_so(engine: Engine) -> None:
    [found] = await warnings(shop(engine, one={}, two={"conflictsWith": ["one"]}))
    assert found.message == 'trait "two" cannot be combined with trait "one"'


async def test_it_is_rendered_all_the_same(engine: Engine) -> None:
    rendered = await shop(engine, one={"appliesToWorkloads": ["jobs.batch"]}).render()
    assert rendered.workload["kind"] == "Deployment"


async def test_strict_rules_refuse_it(engine: Engine) -> None:
    made = shop(engine, one={"appliesToWorkloads": ["jobs.batch"]}, two={"conflictsWith": ["one"]})
    made.rules = STRICT
    assert [each.code for each in await made.problems()] == ["trait.workload", "trait.conflict"]
    app = made.application()
    found = await made.renderer.check(app.components[0], made.facts(app))
    assert [each.code for each in found.problems] == ["trait.workload", "trait.conflict"]
    assert not found.warnings


async def test_strict_rules_refuse_unknown_parameters(engine: Engine) -> None:
    made = shops.Shop(engine, BODY + "\nparameter: size?: int")
    await made.render({"sise": 1})
    made.rules = rendering.Rules(strict_parameters=True)
    [problem] = await made.problems({"sise": 1})
    assert (problem.code, problem.path) == (
        "parameter.unknown",
        "spec.components[0].properties.sise",
    )
    assert 'did you mean "size"' in problem.hint
