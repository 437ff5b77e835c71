"""The texts of `vela/...`: they compile, and definitions can use every action in them."""

from __future__ import annotations

import re

import pytest

from lateen.base.problem import Problem, Problems, every
from lateen.cue.engine import Action, Engine, Fill
from lateen.providers import calling, packages
from lateen.providers.packages import Flavour
from lateen.providers.ports import Runtime

pytestmark = pytest.mark.anyio

ALL = [(flavour, path) for flavour in Flavour for path in sorted(packages.of(flavour))]

OBJECT = '{apiVersion: "v1", kind: "ConfigMap", metadata: name: "c"}'
APP = 'app: {name: "shop", namespace: "n"}'
# what an action needs at least, as definitions write it: the flat form inside, `$params` around it
INPUTS = {
    "DoVar": 'path: "a.b"',
    "ConditionalWait": "continue: true",
    "Suspend": 'duration: "30s"',
    "Break": 'message: "m"',
    "Fail": 'message: "m"',
    "Message": 'message: "m"',
    "Apply": f"value: {OBJECT}",
    "Patch": f'value: {OBJECT}, patch: data: a: "b"',
    "ApplyInParallel": f"value: [{OBJECT}]",
    "Read": f"value: {OBJECT}",
    "List": 'resource: {apiVersion: "v1", kind: "ConfigMap"}, filter: matchingLabels: a: "b"',
    "Delete": f"value: {OBJECT}",
    "HTTPDo": 'method: "POST", url: "http://u", request: {body: "b", header: "A-B": "c"}',
    "HTTPGet": 'url: "http://u"',
    "HTTPPost": 'url: "http://u", request: body: "b"',
    "HTTPPut": 'url: "http://u"',
    "HTTPDelete": 'url: "http://u"',
    "SendEmail": 'from: {address: "a@b", password: "p", host: "h", port: 25}, to: ["c@d"],'
    ' content: {subject: "s", body: "b"}',
    "CreateConfig": 'name: "c", namespace: "n", config: a: "b"',
    "DeleteConfig": 'name: "c", namespace: "n"',
    "ReadConfig": 'name: "c", namespace: "n"',
    "ListConfig": 'template: "t", namespace: "n"',
    "ListClusters": "",
    "GetPlacementsFromTopologyPolicies": 'policies: ["p"]',
    "GetPlacementsFromTmulticlusterologyPolicies": 'policies: ["p"]',
    "Deploy": 'policies: ["p"], parallelism: 5, ignoreTerraformComponent: true',
    "ApplyComponent": 'value: {name: "web", type: "webservice"}, cluster: "east"',
    "RenderComponent": 'value: {name: "web", type: "webservice"}',
    "LoadComponents": "",
    "LoadComponentsInOrder": "",
    "LoadComponets": 'app: "other"',
    "LoadComponetsInOrder": "",
    "Load": "",
    "LoadInOrder": "",
    "LoadPolicies": "",
    "DateToTimestamp": 'date: "2026-01-01T00:00:00Z"',
    "TimestampToDate": "timestamp: 1",
    "PatchK8sObject": f'value: {OBJECT}, patch: data: a: "b"',
    "ConvertString": "bt: 'text'",
    "Log": 'data: "d"',
    "PromCheck": 'query: "up", condition: ">0"',
    "LoadTerraformComponents": "",
    "GetConnectionStatus": 'inputs: componentName: "db"',
    "ListResourcesInApp": f'{APP}, app: filter: kind: "Pod"',
    "ListAppliedResources": APP,
    "GetApplicationTree": APP,
    "CollectPods": f'{APP}, app: filter: cluster: "east"',
    "CollectServices": APP,
    "SearchEvents": f'value: {OBJECT}, cluster: ""',
    "CollectLogsInPod": 'cluster: "", namespace: "n", pod: "p", options: container: "c"',
    "CollectServiceEndpoints": f'{APP}, app: filter: components: ["web"]',
    "ApplyEnvBindApp": 'env: "e", policy: "", app: "a", namespace: "n"',
    "DeployCloudResource": 'env: "e", policy: "", name: "a", namespace: "n"',
    "ShareCloudResource": 'env: "e", policy: "", name: "a", namespace: "n", placements: []',
    # templates
    "Do": 'url: "http://u"',
    "Get": 'url: "http://u"',
    "Post": 'url: "http://u"',
    "Put": 'url: "http://u"',
    "Connect": 'url: "http://u"',
    "OPTIONS": 'url: "http://u"',
    "TRACE": 'url: "http://u"',
    "StrategyUnify": "value: a: 1, patch: b: 2",
    "ImageRegistry": 'auth: {username: "u", password: "p"}',
    "HelmRepository": 'url: "http://u"',
    "Build": 'source: url: "http://u"',
    "Render": 'chart: {source: "c", repoURL: "http://u"}',
}
RESOURCE = f"resource: {OBJECT}"
TEMPLATE = {
    ("vela/kube", "Apply"): RESOURCE,
    ("vela/kube", "Get"): RESOURCE,
    ("vela/kube", "Patch"): f'{RESOURCE}, patch: {{type: "json", data: [{{op: "remove"}}]}}',
    ("vela/http", "Patch"): 'url: "http://u"',
    ("vela/http", "Delete"): 'url: "http://u"',
}
COMPOSED = {"ApplyApplication", "ApplyApplicationInParallel", "ApplyRemaining"}
COMPOSED |= {"ApplyComponentRemaining"}
DATA = {"App", "Applied", "Filter", "Options", "Placement", "Reference", "Steps"}  # no actions


def definitions(flavour: Flavour, path: str) -> list[str]:
    texts = "\n".join(packages.of(flavour)[path].values())
    return sorted(set(re.findall(r"^#(\w+):", texts, re.MULTILINE)))


ACTIONS = [
    (flavour, path, name)
    for flavour, path in ALL
    for name in definitions(flavour, path)
    if name not in DATA | COMPOSED
]


def usage(flavour: Flavour, path: str, name: str) -> str:
    inputs = INPUTS.get(name)
    if flavour is Flavour.TEMPLATE:
        inputs = TEMPLATE.get((path, name), inputs)
    if path == "vela/base64":
        wrapped = '{$params: "dGV4dA=="}'
    elif path in ("vela/op", "vela/ql"):
        wrapped = f"{{{inputs}}}"
    else:
        wrapped = f"{{$params: {{{inputs}}}}}" if inputs else "{}"
    return f'import "{path}"\na: {path.rpartition("/")[2]}.#{name} & {wrapped}\n'


@pytest.mark.parametrize(("flavour", "path"), ALL)
async def test_every_text_is_in_the_official_layout(
    engine: Engine, flavour: Flavour, path: str
) -> None:
    for name, text in packages.of(flavour)[path].items():
        assert await engine.format(text, source=name) == text


@pytest.mark.parametrize(("flavour", "path", "name"), ACTIONS)
async def test_a_definition_can_use_every_action(
    engine: Engine, flavour: Flavour, path: str, name: str
) -> None:
    """It compiles, its inputs are concrete, and somebody answers for it: all that is missing here
    is a world to act on.
    """
    found = await engine.evaluate(
        usage(flavour, path, name),
        [],
        [],
        source="t.cue",
        packages=packages.of(flavour),
        actions=True,
    )
    [action] = found.actions
    assert action.incomplete == (), usage(flavour, path, name)
    codes = await attempted(action, flavour)
    assert codes <= {"provider.unavailable", "helm.unavailable"}


async def attempted(action: Action, flavour: Flavour) -> set[str]:
    """The codes of what goes wrong with it."""
    try:
        await calling.call(action, Runtime(flavour))
    except (Problem, Problems) as error:
        return {problem.code for problem in every(error)}
    return set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("kube.#Read & {$params: vaule: {}}", "vaule", id="an input that is not one"),
        pytest.param(
            "kube.#Read & {$params: cluster: 1, $params: value: {}}", "cluster", id="type"
        ),
        pytest.param("kube.#Raed & {}", "Raed", id="an action that is not there"),
    ],
)
async def test_a_mistake_is_named(engine: Engine, text: str, expected: str) -> None:
    found = await mistakes(engine, f'import "vela/kube"\na: {text}\n')
    assert any(expected in str(problem) for problem in found)


async def mistakes(engine: Engine, text: str) -> tuple[Problem, ...]:
    try:
        found = await engine.evaluate(text, [], ["a"], source="t.cue", packages=packages.STEP)
    except (Problem, Problems) as error:
        return every(error)
    return found.problems


COMPONENTS = [{"name": name, "type": "t"} for name in ("web", "db", "cache")]


@pytest.mark.parametrize(
    ("name", "inputs", "expected"),
    [
        pytest.param("ApplyApplication", "", ["web", "db", "cache"], id="all"),
        pytest.param("ApplyApplicationInParallel", "", ["web", "db", "cache"], id="not waiting"),
        pytest.param("ApplyRemaining", 'exceptions: ["db"]', ["web", "cache"], id="all but one"),
    ],
)
async def test_compositions_apply_what_was_loaded(
    engine: Engine, name: str, inputs: str, expected: list[str]
) -> None:
    text = f'import "vela/op"\na: op.#{name} & {{{inputs}}}\n'
    by_name = {each["name"]: each for each in COMPONENTS}
    value = by_name if name == "ApplyRemaining" else COMPONENTS
    found = await engine.evaluate(
        text,
        [Fill("a.load", {"value": value}, "loaded")],
        [],
        source="t.cue",
        packages=packages.STEP,
        actions=True,
    )
    applied = [action for action in found.actions if action.do == "component-apply"]
    assert [action.path for action in applied] == [f"a.components.{name}" for name in expected]
    waits = {action.value["waitHealthy"] for action in applied}
    assert waits == {name != "ApplyApplicationInParallel"}


async def test_the_rest_of_a_component_is_applied_object_by_object(engine: Engine) -> None:
    text = 'import "vela/op"\na: op.#ApplyComponentRemaining & {component: "web"'
    text += ', exceptions: ["route"]}\n'
    output = {"kind": "Deployment"}
    outputs = {"service": {"kind": "Service"}, "route": {"kind": "Ingress"}}
    fills = [
        Fill("a.load", {"value": {"web": COMPONENTS[0]}}, "loaded"),
        Fill("a.render.rendered", {"output": output, "outputs": outputs}, "rendered"),
    ]
    found = await engine.evaluate(
        text, fills, [], source="t.cue", packages=packages.STEP, actions=True
    )
    applied = {a.path: a.value["value"] for a in found.actions if a.do == "apply"}
    assert applied == {"a.render.comp": output, "a.render.service": outputs["service"]}
