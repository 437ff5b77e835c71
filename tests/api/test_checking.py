"""What is wrong with a document's form, and where in the file."""

from __future__ import annotations

import copy

import pytest

from lateen.api import checking
from lateen.base import documents

GOOD = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata:
  name: shop
  labels: {tier: "1"}
spec:
  components:
    - name: web
      type: webservice
      properties: {image: nginx, anything: [1, {deep: true}]}
      traits:
        - type: scaler
          properties: {replicas: 2}
      dependsOn: [db]
      inputs:
        - from: address
          parameterKey: env[0].value
      outputs:
        - name: port
          valueFrom: output.spec.ports[0]
    - name: db
      type: worker
  policies:
    - name: here
      type: topology
      properties: {clusters: [local]}
  workflow:
    mode: {steps: DAG, subSteps: StepByStep}
    steps:
      - type: step-group
        name: both
        mode: DAG
        meta: {alias: Both}
        if: always
        timeout: 5m
        subSteps:
          - type: deploy
            name: go
            properties: {policies: [here]}
"""


def found(text):
    """Every problem as `line:column code path`, as a user is shown it."""
    result = []
    for document in documents.load(text, "app.yaml"):
        for problem in checking.check(document.data):
            place = document.position(problem.path)
            assert place is not None
            result.append(f"{place.line}:{place.column} {problem.code} {problem.path}")
    return result


def change(old, new):
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def test_a_full_application_is_right():
    assert found(GOOD) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            change("apiVersion: core.oam.dev/v1beta1\n", ""),
            ["1:1 field.missing apiVersion"],
            id="no apiVersion",
        ),
        pytest.param(change("kind: Application\n", ""), ["1:1 field.missing kind"], id="no kind"),
        pytest.param(
            change("kind: Application", "kind: Aplication"),
            ["2:1 document.kind kind"],
            id="a mistyped kind",
        ),
        pytest.param(
            change("core.oam.dev/v1beta1", "core.oam.dev/v1"),
            ["1:1 document.version apiVersion"],
            id="a version there is not",
        ),
        pytest.param(
            change("core.oam.dev/v1beta1", "v1beta1"),
            ["1:1 document.version apiVersion"],
            id="a version without its group",
        ),
        pytest.param(
            change("  name: shop\n", ""), ["3:1 field.missing metadata.name"], id="no name"
        ),
        pytest.param(
            change("name: shop", "name: My_Shop"),
            ["4:3 field.value metadata.name"],
            id="a name Kubernetes refuses",
        ),
        pytest.param(
            change('{tier: "1"}', "{tier: 1}"),
            ["5:12 field.type metadata.labels.tier"],
            id="a label that is a number",
        ),
        pytest.param(
            change("  labels:", "  lables:"),
            ["5:3 field.unknown metadata.lables"],
            id="a mistyped field of metadata",
        ),
        pytest.param(
            change("      type: webservice\n", ""),
            ["8:7 field.missing spec.components[0].type"],
            id="a component without a type: its place is the component's",
        ),
        pytest.param(
            change("      type: webservice", "      tpye: webservice"),
            ["9:7 field.unknown spec.components[0].tpye"],
            id="a mistyped field is not missing as well",
        ),
        pytest.param(
            change("    - name: web", "    - name: 80"),
            ["8:7 field.type spec.components[0].name"],
            id="a name that is a number",
        ),
        pytest.param(
            change("properties: {image: nginx, anything: [1, {deep: true}]}", "properties: []"),
            ["10:7 field.type spec.components[0].properties"],
            id="properties that are a list",
        ),
        pytest.param(
            change("[db]", "db"),
            ["14:7 field.type spec.components[0].dependsOn"],
            id="one name instead of a list",
        ),
        pytest.param(
            change("    - name: db", "    - name: web"),
            ["21:7 component.duplicate spec.components[1].name"],
            id="two components of one name",
        ),
        pytest.param(
            change("        timeout: 5m", "        timeout: 5"),
            ["35:9 field.type spec.workflow.steps[0].timeout"],
            id="a duration without a unit is a number",
        ),
        pytest.param(
            change("            properties: {policies", "            parameters: {policies"),
            ["39:13 field.unknown spec.workflow.steps[0].subSteps[0].parameters"],
            id="an unknown field of a sub-step",
        ),
        pytest.param(
            change("spec:\n", "spec:\n  replicas: 3\n"),
            ["7:3 field.unknown spec.replicas"],
            id="an unknown field of the spec",
        ),
        pytest.param("just text", ["1:1 field.type "], id="no map at all"),
        pytest.param(
            "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: a}\n",
            ["1:1 field.missing spec"],
            id="no spec",
        ),
        pytest.param(
            "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: a}\n"
            "spec:\n  components:\n",
            ["5:3 field.type spec.components"],
            id="components left empty",
        ),
        pytest.param(
            "apiVersion: core.oam.dev/v1alpha1\nkind: Policy\nmetadata: {name: a}\nspec: {}\n",
            ["4:1 field.unknown spec", "1:1 field.missing type"],
            id="an external policy has no spec",
        ),
        pytest.param(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, lables: {}}\ndata: {a: 1}\n",
            ["3:21 field.unknown metadata.lables"],
            id="of other kinds only what all kinds have",
        ),
        pytest.param(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a}\nspec: 1\n",
            [],
            id="a kind of that name in another group is not ours",
        ),
    ],
)
def test_each_mistake_is_found_at_its_place(text, expected):
    if text == "just text":
        problems = checking.check(documents.load(text, "app.yaml")[0].data)
        assert [f"1:1 {problem.code} {problem.path}" for problem in problems] == expected
    else:
        assert found(text) == expected


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        pytest.param(
            "      type: webservice",
            "      typ: webservice",
            "there is no field typ here",
            'did you mean "type"?',
            id="did you mean",
        ),
        pytest.param(
            "      type: webservice",
            "      type: webservice\n      image: nginx",
            "there is no field image here",
            'parameters of the type go under "properties"',
            id="a parameter in the wrong place",
        ),
        pytest.param(
            "    - name: web",
            "    - name: true",
            "expected text, found true",
            'put it in quotes: "true"',
            id="quotes",
        ),
        pytest.param(
            "[db]", "db", 'expected a list, found the text "db"', "write a list: [db]", id="a list"
        ),
        pytest.param(
            "name: shop",
            "name: My_Shop",
            '"My_Shop" is not a name: lower-case letters, digits, "-" and "." only, '
            "starting and ending with a letter or digit",
            'for example "my-shop"',
            id="a name that would do",
        ),
    ],
)
def test_a_problem_says_what_was_expected_and_what_to_do(old, new, message, hint):
    [document] = documents.load(change(old, new), "app.yaml")
    [problem] = checking.check(document.data)
    assert (problem.message, problem.hint) == (message, hint)


def test_an_application_exported_from_a_cluster_is_right():
    [document] = documents.load(GOOD, "app.yaml")
    exported = copy.deepcopy(document.data)
    exported["metadata"] |= {
        "namespace": "default",
        "uid": "1",
        "generation": 3,
        "resourceVersion": "12",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "managedFields": [{"manager": "x"}],
        "ownerReferences": [{"name": "y"}],
    }
    exported["status"] = {"status": "running", "unheardOf": 1}
    assert checking.check(exported) == []


def test_fields_left_empty_are_as_good_as_not_there():
    [document] = documents.load(
        """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata:
  name: shop
  labels:
spec:
  components:
    - name: web
      type: webservice
      properties: {command: null}
      traits:
      dependsOn:
  workflow:
""",
        "app.yaml",
    )
    assert checking.check(document.data) == []
    pruned = checking.pruned(document.data)
    assert pruned["spec"] == {
        "components": [{"name": "web", "type": "webservice", "properties": {"command": None}}]
    }, "what is free-form stays as it was written"
