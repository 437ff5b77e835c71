"""From an application to the steps of its workflow (semantics C4)."""

import copy
from typing import Any

import pytest

from lateen.api.application import Step
from lateen.base.problem import Problem, Problems, every
from lateen.policies import deciding
from lateen.workflow import planning, steps
from tests.fakes.workflow import application, planned

TOPOLOGY = {"name": "prod", "type": "topology", "properties": {}}
SECOND = {"name": "test", "type": "topology", "properties": {}}
OVERRIDE = {"name": "big", "type": "override", "properties": {}}


def outline(plan):
    return [(step.name, step.type, step.properties.get("policies")) for step in plan.steps]


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        pytest.param(
            [], [("web", "apply-component", None), ("db", "apply-component", None)], id="components"
        ),
        pytest.param(
            [TOPOLOGY, OVERRIDE, SECOND],
            [
                ("deploy-prod", "deploy", ["big", "prod"]),
                ("deploy-test", "deploy", ["big", "test"]),
            ],
            id="one for each topology, with every override",
        ),
        pytest.param([OVERRIDE], [("deploy", "deploy", ["big"])], id="overrides alone"),
        pytest.param(
            [{"name": "gc", "type": "garbage-collect", "properties": {}}],
            [("web", "apply-component", None), ("db", "apply-component", None)],
            id="other policies change nothing",
        ),
    ],
)
def test_steps_are_generated(policies, expected):
    plan = planned(application([{"name": "web"}, {"name": "db"}], policies))
    assert outline(plan) == expected
    assert str(plan.mode) == "DAG-DAG"


def test_referred_objects_are_deployed():
    plan = planned(application([{"name": "refs", "type": "ref-objects"}]))
    assert outline(plan) == [("deploy", "deploy", [])]


def test_a_component_becomes_a_step():
    web = {
        "name": "web",
        "properties": {"image": "a"},
        "dependsOn": ["db"],
        "inputs": [
            {"from": "pw", "parameterKey": "env[0].value"},
            {"from": "n", "parameterKey": "properties.cpu"},
            {"from": "r", "parameterKey": "traits[0].properties.replicas"},
            {"from": "only"},
        ],
        "outputs": [{"name": "ip", "valueFrom": "output.status.podIP"}],
    }
    db = {"name": "db", "outputs": [{"name": v, "valueFrom": "output"} for v in ("pw", "n", "r")]}
    step = planned(application([web, db])).steps[0]
    assert step.depends_on == ("db",)
    assert [given.get("parameterKey") for given in step.inputs] == [
        "value.properties.env[0].value",
        "value.properties.cpu",
        "value.traits[0].properties.replicas",
        None,
    ]
    assert step.outputs == ({"name": "ip", "valueFrom": "output.status.podIP"},)
    assert step.properties["value"] == {
        "name": "web",
        "type": "webservice",
        "properties": {"image": "a"},
    }


@pytest.mark.parametrize(
    ("workflow", "expected"),
    [
        pytest.param(None, "DAG-DAG", id="no workflow"),
        pytest.param({}, "StepByStep-DAG", id="a workflow, nothing said"),
        pytest.param({"mode": {"steps": "DAG"}}, "DAG-DAG", id="the mode of steps"),
        pytest.param({"mode": {"subSteps": "StepByStep"}}, "StepByStep-StepByStep", id="of groups"),
    ],
)
def test_the_mode(workflow, expected):
    assert str(planned(application([{"name": "web"}], workflow=workflow)).mode) == expected


def test_the_mode_of_a_referred_workflow_gives_way_to_the_application():
    app = application(
        [{"name": "web"}], workflow={"ref": "common", "mode": {"subSteps": "StepByStep"}}
    )
    given = [Step.of({"name": "s", "type": "suspend"}, "workflow.steps[0]", "step-0")]
    workflow = {"mode": {"steps": "DAG", "subSteps": "DAG"}}
    plan = planning.plan(app, given=given, policies={}, types=steps.TYPES, workflow=workflow)
    assert str(plan.mode) == "DAG-StepByStep"


def test_a_dependency_leads_to_the_step_that_applies_the_component():
    workflow = {
        "steps": [
            {"name": "first", "type": "apply-component", "properties": {"component": "db"}},
            {"name": "then", "type": "apply-component", "properties": {"component": "web"}},
        ]
    }
    app = application([{"name": "web", "dependsOn": ["db"]}, {"name": "db"}], workflow=workflow)
    assert planned(app).steps[1].depends_on == ("first",)


def problems(components=({"name": "web"},), policies=None, steps_=None, mode=None):
    workflow = None
    if steps_ is not None:
        workflow = {"steps": steps_, **({"mode": mode} if mode else {})}
    try:
        planned(application(list(components), policies, workflow))
    except (Problem, Problems) as error:
        return [(each.code, each.path, each.message) for each in every(error)]
    return []


STEPS = "spec.workflow.steps"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param(
            [{"name": "a", "type": "suspend"}, {"name": "a", "type": "suspend"}],
            (
                "workflow.duplicate-step",
                f"{STEPS}[1].name",
                f'the step name "a" is taken by {STEPS}[0]',
            ),
            id="a name twice",
        ),
        pytest.param(
            [
                {"name": "g", "type": "step-group", "subSteps": [{"name": "a", "type": "suspend"}]},
                {"name": "a", "type": "suspend"},
            ],
            (
                "workflow.duplicate-step",
                f"{STEPS}[1].name",
                f'the step name "a" is taken by {STEPS}[0].subSteps[0]',
            ),
            id="a name twice on two levels",
        ),
        pytest.param(
            [{"name": "a", "type": "apply-component", "properties": {"component": "wbe"}}],
            ("component.unknown", f"{STEPS}[0].properties.component", "component wbe not found"),
            id="an unknown component",
        ),
        pytest.param(
            [{"name": "a", "type": "apply-component"}],
            (
                "workflow.property",
                f"{STEPS}[0].properties.component",
                "step a does not say which component to apply",
            ),
            id="no component",
        ),
        pytest.param(
            [{"name": "a", "type": "suspend", "dependsOn": ["nope"]}],
            (
                "workflow.dependency",
                f"{STEPS}[0].dependsOn[0]",
                "step nope not found, which is depended by a",
            ),
            id="an unknown step",
        ),
        pytest.param(
            [{"name": "a", "type": "suspend", "timeout": "1d"}],
            (
                "workflow.timeout",
                f"{STEPS}[0].timeout",
                '"1d" is not a duration: write 30s, 5m or 1h30m (units ns, us, ms, s, m, h)',
            ),
            id="days are no duration",
        ),
        pytest.param(
            [
                {
                    "name": "g",
                    "type": "step-group",
                    "subSteps": [{"name": "a", "type": "suspend", "timeout": "soon"}],
                }
            ],
            (
                "workflow.timeout",
                f"{STEPS}[0].subSteps[0].timeout",
                '"soon" is not a duration: write 30s, 5m or 1h30m (units ns, us, ms, s, m, h)',
            ),
            id="in a group as well",
        ),
        pytest.param(
            [{"name": "a", "type": "supend"}],
            ("workflow.step-type", f"{STEPS}[0].type", 'there is no step type "supend"'),
            id="an unknown type",
        ),
        pytest.param(
            [{"name": "a", "type": "deploy", "properties": {"policies": ["nope"]}}],
            (
                "policy.unknown",
                f"{STEPS}[0].properties.policies[0]",
                "failed to parsePolicies: external policy nope not found",
            ),
            id="an unknown policy",
        ),
        pytest.param(
            [{"name": "d", "type": "deploy", "properties": {"foo": 1}}],
            (
                "workflow.property",
                f"{STEPS}[0].properties.foo",
                'invalid WorkflowStep d: unknown field "foo"',
            ),
            id="a property deploy does not have",
        ),
        pytest.param(
            [{"name": "d", "type": "deploy", "properties": {"parallelism": 0}}],
            (
                "workflow.property",
                f"{STEPS}[0].properties.parallelism",
                "expected a whole number above 0, found the number 0",
            ),
            id="no parallelism at all",
        ),
        pytest.param(
            [{"name": "a", "type": "suspend", "properties": {"duration": "soon"}}],
            (
                "workflow.property",
                f"{STEPS}[0].properties.duration",
                '"soon" is not a duration: write 30s, 5m or 1h30m (units ns, us, ms, s, m, h)',
            ),
            id="a bad duration",
        ),
        pytest.param(
            [
                {
                    "name": "g",
                    "type": "step-group",
                    "subSteps": [{"name": "h", "type": "step-group"}],
                }
            ],
            ("workflow.group", f"{STEPS}[0].subSteps[0].type", "a group cannot be in a group"),
            id="a group in a group",
        ),
        pytest.param(
            [{"name": "a", "type": "suspend", "subSteps": [{"name": "b", "type": "suspend"}]}],
            (
                "workflow.group",
                f"{STEPS}[0].subSteps",
                "a step of type suspend has no subSteps",
            ),
            id="steps in what is no group",
        ),
    ],
)
def test_a_bad_step_is_found_before_the_start(written, expected):
    assert problems(steps_=written) == [expected]


@pytest.mark.parametrize(
    ("components", "expected"),
    [
        pytest.param(
            [{"name": "web", "dependsOn": ["bd"]}, {"name": "db"}],
            (
                "component.unknown",
                "spec.components[0].dependsOn[0]",
                "component bd not found, which is depended by web",
            ),
            id="an unknown component",
        ),
        pytest.param(
            [
                {"name": "a", "dependsOn": ["b"]},
                {"name": "b", "dependsOn": ["c"]},
                {"name": "c", "dependsOn": ["b"]},
            ],
            (
                "component.cycle",
                "spec.components[1].dependsOn",
                "components wait for each other: b -> c -> b",
            ),
            id="a circle",
        ),
        pytest.param(
            [{"name": "a", "dependsOn": ["a"]}],
            (
                "component.cycle",
                "spec.components[0].dependsOn",
                "components wait for each other: a -> a",
            ),
            id="itself",
        ),
        pytest.param(
            [
                {
                    "name": "a",
                    "inputs": [{"from": "o"}],
                    "outputs": [{"name": "p", "valueFrom": "output"}],
                },
                {
                    "name": "b",
                    "inputs": [{"from": "p.x"}],
                    "outputs": [{"name": "o", "valueFrom": "output"}],
                },
            ],
            (
                "component.cycle",
                "spec.components[0].inputs",
                "components wait for each other: a -> b -> a",
            ),
            id="a circle of inputs",
        ),
    ],
)
@pytest.mark.parametrize("policies", [None, [TOPOLOGY]], ids=["components", "deploy"])
def test_bad_dependencies_of_components_are_found(components, expected, policies):
    assert problems(components, policies) == [expected]


def test_a_dependency_that_no_step_applies():
    written = [{"name": "s", "type": "apply-component", "properties": {"component": "web"}}]
    [(code, path, message)] = problems(
        [{"name": "web", "dependsOn": ["db"]}, {"name": "db"}], steps_=written
    )
    assert (code, path) == ("workflow.dependency", "spec.components[0].dependsOn[0]")
    assert message == "component web depends on db, which no step of the workflow applies"


@pytest.mark.parametrize(
    ("written", "mode", "names"),
    [
        pytest.param(
            [
                {"name": "a", "type": "script", "dependsOn": ["b"]},
                {"name": "b", "type": "script", "dependsOn": ["a"]},
            ],
            {"steps": "DAG"},
            "a -> b -> a",
            id="dependsOn",
        ),
        pytest.param(
            [
                {"name": "a", "type": "script", "dependsOn": ["b"]},
                {"name": "b", "type": "script"},
            ],
            {},
            "a -> b -> a",
            id="a later step, one by one",
        ),
        pytest.param(
            [
                {"name": "a", "type": "script", "inputs": [{"from": "o"}]},
                {"name": "b", "type": "script", "outputs": [{"name": "o", "valueFrom": "x"}]},
            ],
            {},
            "a -> b -> a",
            id="the output of a later step, one by one",
        ),
        pytest.param(
            [
                {
                    "name": "g",
                    "type": "step-group",
                    "subSteps": [{"name": "a", "type": "script", "dependsOn": ["g"]}],
                }
            ],
            {"steps": "DAG"},
            "g -> a -> g",
            id="the group it is in",
        ),
    ],
)
def test_steps_that_would_wait_for_ever(written, mode, names):
    [(code, _, message)] = problems(steps_=written, mode=mode)
    assert code == "workflow.cycle"
    assert message == f"steps wait for each other: {names}"


def test_waiting_for_a_later_step_is_fine_in_a_graph():
    written = [
        {"name": "a", "type": "script", "dependsOn": ["b"]},
        {"name": "b", "type": "script"},
    ]
    workflow = {"steps": written, "mode": {"steps": "DAG"}}
    assert len(planned(application([{"name": "web"}], workflow=workflow)).steps) == 2


def test_everything_wrong_is_told_at_once():
    found = problems(
        [{"name": "web", "dependsOn": ["db"]}],
        steps_=[
            {"name": "a", "type": "nope", "timeout": "1d"},
            {"name": "b", "type": "apply-component", "properties": {"component": "api"}},
        ],
        mode={"steps": "dag"},
    )
    assert [code for code, _, _ in found] == [
        "workflow.mode",
        "component.unknown",
        "workflow.step-type",
        "workflow.timeout",
        "component.unknown",
    ]


def test_a_replication_policy_can_be_named():
    replication = {"name": "r", "type": "replication", "properties": {"keys": ["a"]}}
    written = [{"name": "d", "type": "deploy", "properties": {"policies": ["r"]}}]
    assert problems(policies=[replication], steps_=written) == []


def test_an_external_policy_can_be_named():
    app = application([{"name": "web"}])
    external = {"default/far": {"type": "topology", "properties": {}}}
    deploy = Step("d", "deploy", {"policies": ["far"]}, path=f"{STEPS}[0]")
    plan = planning.plan(
        app, given=[deploy], policies=deciding.named(app, external), types=steps.TYPES
    )
    assert plan.steps == (deploy,)


STEPS_WITH_INPUTS: list[dict[str, Any]] = [
    {"name": "a", "type": "suspend", "outputs": [{"name": "made", "valueFrom": "x"}]},
    {"name": "g", "type": "step-group", "subSteps": [{"name": "b", "type": "suspend"}]},
]


@pytest.mark.parametrize(
    ("source", "possible"),
    [
        pytest.param("made", True, id="put out by a step"),
        pytest.param("made.deep[0]", True, id="a part of it"),
        pytest.param("address", True, id="put out by a component"),
        pytest.param("context.name", True, id="in the context"),
        pytest.param("context.stepName", True, id="of every step"),
        pytest.param("parameter.x", True, id="a property of its own"),
        pytest.param("mode", False, id="nothing puts it out"),
        pytest.param("context.nmae", False, id="not in the context"),
    ],
)
@pytest.mark.parametrize("where", ["step", "sub-step", "component"])
def test_an_input_that_never_comes_is_found(source, possible, where):
    given = [{"from": source}]
    components = [
        {"name": "web", "outputs": [{"name": "address", "valueFrom": "output.x"}]},
        {"name": "db", "inputs": given if where == "component" else []},
    ]
    raws = copy.deepcopy(STEPS_WITH_INPUTS)
    if where == "step":
        raws.append({"name": "c", "type": "suspend", "inputs": given})
    elif where == "sub-step":
        raws[1]["subSteps"][0]["inputs"] = given
    app = application(components, workflow={"steps": raws})
    steps_ = [Step.of(raw, f"spec.workflow.steps[{i}]", "") for i, raw in enumerate(raws)]

    def plan():
        roots = planning.Roots(frozenset({"name"}))
        return planning.plan(app, given=steps_, policies={}, types=steps.TYPES, roots=roots)

    if possible:
        plan()
        return
    with pytest.raises(Problem) as raised:
        plan()
    assert (raised.value.code, f'nothing puts out "{source}"' in raised.value.message) == (
        "workflow.input",
        True,
    )
    assert raised.value.path.endswith("inputs[0].from")
