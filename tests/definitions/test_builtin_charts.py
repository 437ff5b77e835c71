"""The built-in helmchart: what it asks of the provider, and what it makes of the answer."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.api.definition import Definition, DefinitionKind
from lateen.base import problem
from lateen.cue.engine import Engine
from lateen.cue.templates import Action, Evaluation, Fill
from lateen.definitions import proving

pytestmark = pytest.mark.anyio

CONTEXT = {"name": "web", "appName": "shop", "namespace": "default", "cluster": "local"}
CHART = {"source": "redis", "repoURL": "https://charts.example.com", "version": "1.2.3"}
OBJECTS = [
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}},
    {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "b"}},
]


async def evaluate(
    engine: Engine, definition: Definition, parameter: Any, *answers: Fill
) -> Evaluation:
    fills = [Fill("parameter", parameter, "parameter"), Fill("context", CONTEXT, "context")]
    return await engine.evaluate(
        f"{definition.text}\ncontext: _\nparameter: _\n",
        [*fills, *answers],
        ["output", "outputs"],
        source=definition.source,
        packages=proving.packages(DefinitionKind.COMPONENT),
        actions=True,
    )


async def asked(engine: Engine, definition: Definition, parameter: Any) -> Action:
    [action] = (await evaluate(engine, definition, parameter)).actions
    return action


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(
            {},
            {"release": {"name": "web", "namespace": "default"}, "options": {}},
            id="released as the component, where the application is",
        ),
        pytest.param(
            {"release": {"name": "cache"}},
            {"release": {"name": "cache", "namespace": "default"}, "options": {}},
            id="a name of its own",
        ),
        pytest.param(
            {"release": {"namespace": "data"}, "options": {"wait": True}},
            {
                "release": {"name": "web", "namespace": "data"},
                "options": {"wait": True},
            },
            id="a namespace of its own",
        ),
        pytest.param(
            {
                "values": {"replicas": 2},
                "valuesFrom": [{"kind": "Secret", "name": "more"}],
                "options": {"cache": {"key": "all", "ttl": "1h"}},
            },
            {
                "release": {"name": "web", "namespace": "default"},
                "values": {"replicas": 2},
                "valuesFrom": [{"kind": "Secret", "name": "more"}],
                "options": {"cache": {"key": "all", "ttl": "1h"}},
            },
            id="values and a cache of its own",
        ),
    ],
)
async def test_what_it_asks(
    engine: Engine, builtins: dict[str, Definition], given: Any, expected: dict[str, Any]
):
    action = await asked(engine, builtins["helmchart"], {"chart": CHART, **given})
    assert (action.provider, action.do, action.incomplete) == ("helm", "render", ())
    whose = {"appNamespace": "default", **CONTEXT}
    assert action.value["$params"] == {"chart": CHART, "context": whose, **expected}


def answered(objects: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "resources": objects,
        "chart": {"name": "redis", "version": "1.2.3", "appVersion": "7"},
        "record": {"release": "1", "revision": "1.2.3"},
        "marks": {"lateen.dev/wave": "2"},
    }


async def test_what_it_makes_of_the_answer(engine: Engine, builtins: dict[str, Definition]):
    parameter = {"chart": CHART, "release": {"name": "cache"}}
    action = await asked(engine, builtins["helmchart"], parameter)
    answer = Fill(action.path, {"$returns": answered(OBJECTS)}, "answer")
    result = await evaluate(engine, builtins["helmchart"], parameter, answer)
    problem.raise_any(result.problems)
    assert result.values["output"] == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "cache-helm-release",
            "namespace": "default",
            "labels": {
                "app.oam.dev/name": "shop",
                "app.oam.dev/namespace": "default",
                "app.oam.dev/component": "web",
                "helm.oam.dev/chart": "redis",
            },
            "annotations": {"helm.oam.dev/chart": "redis", "lateen.dev/wave": "2"},
        },
        "data": {
            "chartSource": "redis",
            "releaseName": "cache",
            "releaseNamespace": "default",
            "repoURL": "https://charts.example.com",
            "chartVersion": "1.2.3",
            "resourceCount": "2",
            "release": "1",
            "revision": "1.2.3",
            "resolvedVersion": "1.2.3",
            "appVersion": "7",
        },
    }
    assert result.values["outputs"] == {
        "helm-resource-0": OBJECTS[0],
        "helm-resource-1": OBJECTS[1],
    }


async def test_an_address_is_no_label(engine: Engine, builtins: dict[str, Definition]):
    parameter = {"chart": {"source": "oci://charts.example.com/redis"}}
    action = await asked(engine, builtins["helmchart"], parameter)
    answer = Fill(action.path, {"$returns": answered([])}, "answer")
    result = await evaluate(engine, builtins["helmchart"], parameter, answer)
    meta = result.values["output"]["metadata"]
    assert "helm.oam.dev/chart" not in meta["labels"]
    assert meta["annotations"]["helm.oam.dev/chart"] == "oci://charts.example.com/redis"
    assert result.values["outputs"] == {}
