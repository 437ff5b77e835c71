"""Policies of a type that is not built in (semantics B1, B2, B6)."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.api.application import Policy
from lateen.base.problem import Problem, Problems, every
from lateen.cue.engine import Engine
from lateen.definitions import renditions
from tests.definitions import shops

pytestmark = pytest.mark.anyio

QUOTA = """
output: {
	apiVersion: "v1"
	kind:       "ResourceQuota"
	metadata: labels: mine: "kept"
	spec: hard: pods: parameter.pods
}
outputs: note: {
	apiVersion: "v1"
	kind:       "ConfigMap"
	metadata: {
		name:      "\\(context.name)-note"
		namespace: "elsewhere"
	}
	data: {
		for name, each in context.artifacts {
			"\\(name)": each.workload.kind
		}
		app: "\\(context.appName)/\\(context.namespace)/\\(context.appRevisionNum)"
	}
}
parameter: pods: int
"""


def shop(engine: Engine, text: str = QUOTA) -> shops.Shop:
    body = 'output: {apiVersion: "apps/v1", kind: "Deployment"}'
    meta = {"labels": {"team": "a"}, "annotations": {"note": "n"}}
    return shops.Shop(engine, body, policies={"quota": text}, metadata=meta)


def policy(**properties: Any) -> Policy:
    return Policy("limits", "quota", properties, "spec.policies[0]")


async def test_its_objects_are_labelled_as_the_policys(engine: Engine) -> None:
    made = shop(engine)
    first, _ = await made.renderer.render_policy(policy(pods=3), made.facts(made.application()))
    assert first == {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {
            "name": "limits",
            "namespace": "prod",
            "labels": {
                "mine": "kept",
                "app.oam.dev/name": "shop",
                "app.oam.dev/namespace": "prod",
                "app.oam.dev/appRevision": "shop-v1",
                "app.oam.dev/component": "limits",
                "app.oam.dev/cluster": "",
            },
        },
        "spec": {"hard": {"pods": 3}},
    }


async def test_it_sees_what_components_came_to(engine: Engine) -> None:
    made = shop(engine)
    artifacts = renditions.artifacts_of([await made.render()])
    _, second = await made.renderer.render_policy(
        policy(pods=3), made.facts(made.application()), artifacts
    )
    assert second["data"] == {"web": "Deployment", "app": "shop/prod/1"}
    assert second["metadata"]["name"] == "limits-note"
    assert second["metadata"]["namespace"] == "elsewhere"


async def test_one_that_gives_nothing_is_fine(engine: Engine) -> None:
    made = shop(engine, 'errs: [if parameter.pods > 5 {"too many"}]\nparameter: pods: int')
    facts = made.facts(made.application())
    assert await made.renderer.render_policy(policy(pods=3), facts) == []


@pytest.mark.parametrize(
    ("text", "properties", "code", "path"),
    [
        pytest.param(QUOTA, {}, "parameter.missing", "spec.policies[0].properties.pods", id="pods"),
        pytest.param(
            'errs: ["no"]\nparameter: {}', {}, "template.user", "spec.policies[0]", id="it refuses"
        ),
        pytest.param("output: {", {}, "template.error", "spec.policies[0].type", id="syntax"),
        pytest.param("output: {}", {}, "template.object", "spec.policies[0]", id="no object"),
    ],
)
async def test_what_is_wrong_is_led_back_to_the_policy(
    engine: Engine, text: str, properties: dict[str, Any], code: str, path: str
) -> None:
    made = shop(engine, text)
    with pytest.raises((Problem, Problems)) as caught:
        await made.renderer.render_policy(policy(**properties), made.facts(made.application()))
    assert isinstance(caught.value, Problem | Problems)
    assert [(each.code, each.path) for each in every(caught.value)] == [(code, path)]


async def test_the_objects_of_traits_are_found_by_type_and_key(engine: Engine) -> None:
    made = shop(engine)
    made.traits = {"expose": 'outputs: service: {apiVersion: "v1", kind: "Service"}'}
    found = renditions.artifacts_of([await made.render()])
    assert found["web"]["traits"]["expose"]["service"]["kind"] == "Service"
