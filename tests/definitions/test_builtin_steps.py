"""The built-in workflow steps: what each asks to be done, and in which order (inventory 2.4).

An action is answered as somebody else would, until the step asks for nothing more. What it asked is
kept as a golden.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from lateen.api import checking
from lateen.api.application import Step
from lateen.api.definition import Definition, DefinitionKind
from lateen.base import documents
from lateen.base.problem import raise_any
from lateen.cue.engine import Engine
from lateen.cue.reports import Field
from lateen.cue.templates import Evaluation, Fill
from lateen.definitions import parameters, templates
from lateen.providers import packages

pytestmark = pytest.mark.anyio

CONTEXT = {
    "name": "shop",
    "appName": "shop",
    "namespace": "default",
    "stepName": "do",
    "stepSessionID": "abcde12345",
}
NATIVE = {"apply-component", "deploy", "suspend", "step-group"}
OF_APPLICATIONS = {
    "apply-application",
    "apply-application-in-parallel",
    "apply-remaining",
    "deploy2env",
    "deploy2runtime",
    "apply-component",
    "deploy",
    "export-data",
    "export-service",
    "restart-workflow",
    "deploy-cloud-resource",
    "share-cloud-resource",
}
PARAMETERS = {
    "apply-application": "",
    "apply-application-in-parallel": "",
    "apply-remaining": "exceptions",
    "deploy2env": "policy env parallel",
    "deploy2runtime": "clusters",
    "apply-component": "component cluster namespace",
    "apply-deployment": "image replicas cluster cmd",
    "apply-object": "value cluster",
    "apply-terraform-config": "source deleteResource variable writeConnectionSecretToRef "
    "providerRef region jobEnv forceDelete",
    "apply-terraform-provider": "type name accessKey secretKey region token subscriptionID "
    "tenantID clientID clientSecret apiKey credentials project secretID publicKey privateKey "
    "projectID",
    "build-push-image": "kanikoExecutor context dockerfile image platform buildArgs credentials "
    "verbosity",
    "check-metrics": "query metricEndpoint condition duration failDuration",
    "clean-jobs": "labelselector namespace",
    "collect-service-endpoints": "name namespace components port portName outer protocal",
    "create-config": "name namespace template config",
    "delete-config": "name namespace",
    "depends-on-app": "name namespace",
    "deploy": "auto policies parallelism ignoreTerraformComponent",
    "deploy-cloud-resource": "policy env",
    "export-data": "name namespace kind data topology",
    "export-service": "name namespace ip port targetPort topology",
    "export2config": "configName namespace data cluster",
    "export2secret": "secretName namespace type data cluster kind dockerRegistry",
    "generate-jdbc-connection": "name namespace",
    "list-config": "template namespace",
    "notification": "lark dingding slack email",
    "print-message-in-status": "message",
    "read-config": "name namespace",
    "read-object": "apiVersion kind name namespace cluster",
    "request": "url method body header",
    "restart-workflow": "at after every",
    "share-cloud-resource": "placements policy env",
    "step-group": "",
    "suspend": "duration message",
    "vela-cli": "command image serviceAccountName storage",
    "webhook": "url data",
}
REQUIRED = {
    "deploy2env": "env",
    "apply-component": "component",
    "apply-deployment": "image",
    "apply-terraform-config": "source",
    "build-push-image": "context image",
    "check-metrics": "query condition",
    "create-config": "name",
    "delete-config": "name",
    "depends-on-app": "name namespace",
    "deploy-cloud-resource": "env",
    "export-service": "ip port targetPort",
    "export2config": "configName",
    "export2secret": "secretName",
    "generate-jdbc-connection": "name",
    "list-config": "template",
    "print-message-in-status": "message",
    "read-config": "name",
    "read-object": "name",
    "request": "url",
    "share-cloud-resource": "env",
    "webhook": "url",
}


@pytest.fixture(scope="module")
def shelf(engine: Engine) -> templates.Shelf:
    return templates.Shelf(engine)


def steps(definitions: Mapping[str, Definition]) -> set[str]:
    return {each.name for each in definitions.values() if each.kind is DefinitionKind.STEP}


def example(name: str) -> dict[str, Any]:
    """The application that shows a step."""
    folder = resources.files("lateen.definitions") / "builtin" / "examples"
    text = (folder / f"{name}.yaml").read_text("utf-8")
    [document] = documents.load(text, f"examples/{name}.yaml")
    return dict(document.data)


def shown(name: str) -> Step:
    """The step of that type in its example."""
    raws = example(name)["spec"]["workflow"]["steps"]
    return next(step for step in (Step.of(raw, "", "") for raw in raws) if step.type == name)


async def test_there_are_all_of_them(builtins: dict[str, Definition]):
    assert steps(builtins) == set(PARAMETERS)


@pytest.mark.parametrize("name", sorted(PARAMETERS))
async def test_parameters(shelf: templates.Shelf, builtins: dict[str, Definition], name: str):
    schema = await shelf.schema(builtins[name])
    assert {field.name for field in schema.fields} == set(PARAMETERS[name].split())
    required = {field.name for field in schema.fields if field.required}
    assert required == set(REQUIRED.get(name, "").split())


@pytest.mark.parametrize("name", sorted(PARAMETERS))
async def test_everything_is_explained(
    shelf: templates.Shelf, builtins: dict[str, Definition], name: str
):
    def bare(field: Field, path: str) -> list[str]:
        below = [*field.fields, *(field.items.fields if field.items else ())]
        found = [f"{path}.{inner.name}" for inner in below if not inner.usage]
        return found + [p for inner in below for p in bare(inner, f"{path}.{inner.name}")]

    assert bare(await shelf.schema(builtins[name]), name) == []
    assert builtins[name].description


@pytest.mark.parametrize("name", sorted(PARAMETERS))
async def test_where_it_may_be_used(builtins: dict[str, Definition], name: str):
    meta = builtins[name].raw["metadata"]
    assert meta["annotations"]["custom.definition.oam.dev/category"]
    scope = meta.get("labels", {}).get("custom.definition.oam.dev/scope")
    assert scope == ("Application" if name in OF_APPLICATIONS else None)


@pytest.mark.parametrize("name", sorted(PARAMETERS))
async def test_the_stored_form_compiles(engine: Engine, builtins: dict[str, Definition], name: str):
    stored = Definition.of(builtins[name].raw)
    text = f"{stored.text}\ncontext: _\n"
    template = await engine.compile(text, source=stored.source, packages=packages.STEP)
    assert await template.vet() == ()


@pytest.mark.parametrize("name", sorted(PARAMETERS))
async def test_the_example_is_right(
    shelf: templates.Shelf, builtins: dict[str, Definition], name: str
):
    app = example(name)
    assert checking.check(app) == []
    schema = await shelf.schema(builtins[name])
    found = parameters.check(shown(name).properties, schema, "properties", strict=True)
    assert found == parameters.Findings()


@dataclass(frozen=True)
class Case:
    """`answers`: what actions give, by their paths; others give nothing.

    `properties` are those of the example where there are none. `values`: paths that outputs of the
    step may take values from.
    """

    step: str
    answers: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] | None = None
    values: tuple[str, ...] = ()


def found(value: Any) -> dict[str, Any]:
    return {"$returns": {"value": value}}


def secret(**data: str) -> dict[str, Any]:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return found({"apiVersion": "v1", "kind": "Secret", "data": encoded})


def phase(phase: str) -> dict[str, Any]:
    return found({"status": {"phase": phase}})


NOT_FOUND = {"$returns": {"err": "not found"}}
LOCAL = {"$returns": {"placements": [{"cluster": "local", "namespace": ""}]}}
ENDPOINTS = {
    "$returns": {
        "list": [
            {"endpoint": {"protocol": "TCP", "port": 80, "host": "web", "inner": True}, "ref": {}},
            {
                "endpoint": {
                    "protocol": "TCP",
                    "port": 8080,
                    "portName": "http",
                    "host": "192.0.2.1",
                },
                "ref": {},
            },
        ]
    }
}
RDS = {"DB_HOST": "db", "DB_PORT": "3306", "DB_NAME": "shop", "DB_USER": "u", "DB_PASSWORD": "p"}
WEBHOOKS = {
    "slack": {"url": {"value": "http://slack.example"}, "message": {"text": "done"}},
    "dingding": {
        "url": {"value": "http://ding.example"},
        "message": {"text": {"content": "done"}},
    },
    "lark": {
        "url": {"value": "http://lark.example"},
        "message": {"msg_type": "text", "content": '{"text": "done"}'},
    },
}
CARD = {
    "dingding": {
        "url": {"secretRef": {"name": "chat", "key": "url"}},
        "message": {"msgtype": "markdown", "markdown": {"title": "t", "text": "*t*"}},
    }
}
CLOUDS = {
    "aws": {"accessKey": "a", "secretKey": "s", "region": "r"},
    "azure": {"clientID": "c", "clientSecret": "s", "subscriptionID": "b", "tenantID": "t"},
    "baidu": {"accessKey": "a", "secretKey": "s", "region": "r"},
    "ec": {"apiKey": "k"},
    "gcp": {"credentials": "{}", "region": "r", "project": "p"},
    "tencent": {"secretID": "i", "secretKey": "s", "region": "r"},
    "ucloud": {"publicKey": "a", "privateKey": "b", "projectID": "p", "region": "r"},
}
BUILD = {
    "image": "registry.example/web",
    "context": "dir:///workspace",
    "platform": "linux/arm64",
    "credentials": {"git": {"name": "git", "key": "token"}},
}
MOUNTS = {
    "command": ["vela", "ls"],
    "serviceAccountName": "robot",
    "storage": {
        "secret": [
            {"name": "a", "mountPath": "/a", "secretName": "s"},
            {"name": "a", "mountPath": "/b", "secretName": "s", "subPath": "x"},
        ],
        "hostPath": [{"name": "h", "path": "/p", "mountPath": "/m"}],
    },
}

CASES: dict[str, Case] = {
    **{name: Case(name) for name in sorted(PARAMETERS.keys() - NATIVE)},
    "deploy2runtime": Case("deploy2runtime", {"app": {"value": {"web": {"name": "web"}}}}),
    "deploy2runtime-all": Case(
        "deploy2runtime",
        {
            "app": {"value": {"web": {"name": "web"}, "db": {"name": "db"}}},
            "joined": {"outputs": {"clusters": ["east", "west"]}},
        },
        properties={},
    ),
    "apply-deployment": Case(
        "apply-deployment", {"output": found({"status": {"readyReplicas": 2}})}
    ),
    "apply-terraform-config": Case(
        "apply-terraform-config",
        {
            "apply": found(
                {
                    "metadata": {"generation": 2},
                    "status": {"observedGeneration": 2, "apply": {"state": "Available"}},
                }
            )
        },
    ),
    "apply-terraform-config-before": Case(
        "apply-terraform-config",
        {
            "apply": found(
                {
                    "metadata": {"generation": 2},
                    "status": {
                        "observedGeneration": 1,
                        "apply": {"state": "Available", "message": "ready"},
                    },
                }
            )
        },
    ),
    "apply-terraform-config-repository": Case(
        "apply-terraform-config",
        properties={
            "source": {"path": "alibaba/oss"},
            "variable": {},
            "region": "eu",
            "jobEnv": {"A": "1"},
            "writeConnectionSecretToRef": {"name": "bucket"},
        },
    ),
    "apply-terraform-provider": Case(
        "apply-terraform-provider", {"read": found({"status": {"state": "ready"}})}
    ),
    **{
        f"apply-terraform-provider-{cloud}": Case(
            "apply-terraform-provider", properties={"type": cloud, **given}
        )
        for cloud, given in CLOUDS.items()
    },
    "build-push-image": Case("build-push-image", {"read": phase("Succeeded")}),
    "build-push-image-failed": Case("build-push-image", {"read": phase("Failed")}, BUILD),
    "check-metrics": Case("check-metrics", {"check": {"$returns": {"result": True}}}),
    "check-metrics-failed": Case(
        "check-metrics",
        {"check": {"$returns": {"result": False, "failed": True, "message": "0.1 is too low"}}},
    ),
    "clean-jobs-of-the-workflow": Case("clean-jobs", properties={}),
    "collect-service-endpoints": Case(
        "collect-service-endpoints", {"collect": ENDPOINTS}, values=("value.url",)
    ),
    "collect-service-endpoints-outer": Case(
        "collect-service-endpoints",
        {"collect": ENDPOINTS},
        {"outer": True, "protocal": "https"},
        ("value.url", "value.endpoint", "outputs.endpoints"),
    ),
    "collect-service-endpoints-port-name": Case(
        "collect-service-endpoints", {"collect": ENDPOINTS}, {"portName": "http"}, ("value.url",)
    ),
    "depends-on-app": Case(
        "depends-on-app", {"dependsOn": found({"status": {"status": "running"}})}
    ),
    "depends-on-app-absent": Case(
        "depends-on-app",
        {
            "dependsOn": NOT_FOUND,
            "load.configMap": found({"data": {"application": "kind: Application\n"}}),
            "load.apply": found({"status": {"status": "running"}}),
        },
    ),
    "depends-on-app-nowhere": Case(
        "depends-on-app", {"dependsOn": NOT_FOUND, "load.configMap": NOT_FOUND}
    ),
    "export-data": Case("export-data", {"getPlacements": LOCAL}),
    "export-data-secret": Case(
        "export-data", {"getPlacements": LOCAL}, {"kind": "Secret", "data": {"a": "1"}}
    ),
    "export-service": Case("export-service", {"getPlacements": LOCAL}),
    "export2secret-generic": Case(
        "export2secret",
        properties={"secretName": "keys", "type": "Opaque", "namespace": "x", "data": {"a": "1"}},
    ),
    "generate-jdbc-connection": Case(
        "generate-jdbc-connection", {"output": secret(**RDS)}, values=("env",)
    ),
    "notification": Case(
        "notification",
        {
            "slack.address.read": secret(url="http://slack.example"),
            "email0.password.read": secret(password="word"),
        },
    ),
    "notification-webhooks": Case("notification", properties=WEBHOOKS),
    "notification-card": Case(
        "notification", {"ding.address.read": secret(url="http://ding.example")}, CARD
    ),
    "read-object": Case("read-object", {"output": found({"data": {"image": "x"}})}),
    "request": Case(
        "request",
        {"req": {"$returns": {"statusCode": 200, "body": '{"version": "1"}'}}},
        values=("response.version",),
    ),
    "request-refused": Case(
        "request",
        {"req": {"$returns": {"statusCode": 503, "body": "busy"}}},
        {"url": "http://x.example"},
        ("response",),
    ),
    "restart-workflow-at": Case("restart-workflow", properties={"at": "2026-01-15T14:30:00Z"}),
    "restart-workflow-after": Case(
        "restart-workflow",
        {
            "now": {"$returns": {"timestamp": 1767225600}},
            "due": {"$returns": {"date": "2026-01-03T00:00:00Z"}},
        },
        {"after": "2d"},
    ),
    "restart-workflow-both": Case("restart-workflow", properties={"after": "2d", "every": "1h"}),
    "vela-cli": Case("vela-cli", {"job": found({"status": {"succeeded": 1}})}),
    "vela-cli-failed": Case("vela-cli", {"job": found({"status": {"failed": 3}})}, MOUNTS),
    "webhook-of-the-application": Case(
        "webhook",
        {
            "data.read": found({"kind": "Application"}),
            "webhook.read": secret(url="http://x.example"),
        },
        {"url": {"secretRef": {"name": "hook", "key": "url"}}},
    ),
}


async def settle(
    engine: Engine, definition: Definition, case: Case
) -> tuple[list[Any], Evaluation]:
    """Everything the step asks for, in order, with its last evaluation."""
    given = shown(case.step).properties if case.properties is None else case.properties
    fills = [Fill("parameter", given, "parameter"), Fill("context", CONTEXT, "context")]
    asked: list[Any] = []
    answered: set[str] = set()
    while True:
        result = await engine.evaluate(
            f"{definition.text}\ncontext: _\n",
            fills,
            list(case.values),
            source=definition.source,
            packages=packages.STEP,
            actions=True,
        )
        raise_any(result.problems)
        action = next((each for each in result.actions if each.path not in answered), None)
        if action is None or action.incomplete:
            return asked, result
        answered.add(action.path)
        inputs = {k: v for k, v in action.value.items() if k != "$returns"}
        asked.append({"at": action.path, "do": f"{action.provider}.{action.do}", **inputs})
        if action.path in case.answers:
            fills.append(Fill(action.path, case.answers[action.path], "answer"))


@pytest.mark.parametrize("name", sorted(CASES))
async def test_what_a_step_asks_for(
    engine: Engine, builtins: dict[str, Definition], golden: SnapshotAssertion, name: str
):
    case = CASES[name]
    asked, result = await settle(engine, builtins[case.step], case)
    assert asked
    assert documents.dump({"actions": asked, "values": dict(result.values)}) == golden


@pytest.mark.parametrize("name", sorted(NATIVE))
async def test_native_steps_ask_for_nothing(
    engine: Engine, builtins: dict[str, Definition], name: str
):
    asked, _ = await settle(engine, builtins[name], Case(name))
    assert asked == []
