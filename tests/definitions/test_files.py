"""Definition files in, definition objects out (semantics A5)."""

from __future__ import annotations

from pathlib import Path

import pytest

from lateen.api.definition import Definition, DefinitionKind
from lateen.base.problem import Problem, Problems, every
from lateen.cue.engine import Engine
from lateen.cue.templates import Fill
from lateen.definitions import files

pytestmark = pytest.mark.anyio

TRAIT = """\
import "strconv"

"my-trait": {
	type: "trait"
	alias: ""
	description: "adds x"
	annotations: {team: "a", "definition.oam.dev/example-url": "u"}
	labels: {"ui-hidden": "true"}
	attributes: {podDisruptive: true, appliesToWorkloads: ["*"]}
}
template: {
	patch: x: strconv.FormatInt(parameter.n, 10)
	parameter: n: int
}
"""


def text(header: str = 'type: "trait"', template: str = "{}", name: str = "t") -> str:
    return f"{name}: {{\n{header}\n}}\ntemplate: {template}\n"


async def test_the_object(engine: Engine):
    read = await files.read(TRAIT, "my-trait.cue", engine)
    assert read.raw == {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "TraitDefinition",
        "metadata": {
            "name": "my-trait",
            "annotations": {
                "definition.oam.dev/alias": "",
                "definition.oam.dev/description": "adds x",
                "custom.definition.oam.dev/team": "a",
                "definition.oam.dev/example-url": "u",
            },
            "labels": {"custom.definition.oam.dev/ui-hidden": "true"},
        },
        "spec": {
            "podDisruptive": True,
            "appliesToWorkloads": ["*"],
            "schematic": {
                "cue": {
                    "template": 'import "strconv"\n'
                    "patch: x: strconv.FormatInt(parameter.n, 10)\nparameter: n: int\n"
                }
            },
        },
    }


async def test_the_text_has_the_lines_and_columns_of_the_file(engine: Engine):
    read = await files.read(TRAIT, "my-trait.cue", engine)
    for before, after in zip(TRAIT.split("\n"), read.text.split("\n"), strict=True):
        assert len(before) == len(after)
        assert after.strip() in (before.strip(), "")
    assert "my-trait" not in read.text
    wrong = [Fill("parameter", {"n": "x"}, "parameter")]
    result = await engine.evaluate(read.text, wrong, ["parameter"], source=read.source)
    [problem] = result.problems
    assert "my-trait.cue:13:16" in [str(position) for position in problem.positions]


async def test_both_texts_mean_the_same(engine: Engine):
    read = await files.read(TRAIT, "my-trait.cue", engine)
    stored = Definition.of(read.raw)
    for definition in (read, stored):
        given = [Fill("parameter", {"n": 7}, "parameter")]
        result = await engine.evaluate(definition.text, given, ["patch"], source=definition.source)
        assert result.values == {"patch": {"x": "7"}}


async def test_text_beyond_ascii_keeps_its_columns(engine: Engine):
    source = text('type: "trait"\ndescription: "ein Größenwähler → x"', "{parameter: {n: int}}")
    read = await files.read(source, "f.cue", engine)
    assert read.description == "ein Größenwähler → x"
    assert read.text.split("\n")[4].index("parameter") == source.split("\n")[4].index("parameter")


async def test_a_template_without_braces(engine: Engine):
    read = await files.read(text(template="parameter: n: int"), "f.cue", engine)
    assert read.raw["spec"]["schematic"]["cue"]["template"] == "parameter: n: int\n"


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("attributes: status: healthPolicy: {isHealth: context.a}", id="chained"),
        pytest.param(
            "attributes: {\n status: {\n  healthPolicy: {isHealth: context.a}\n}\n}", id="nested"
        ),
        pytest.param(
            'attributes: status: {customStatus: #"message: x, x: "1""#\n'
            "healthPolicy: {\n isHealth: context.a\n}}",
            id="beside a text",
        ),
    ],
)
async def test_a_status_struct_becomes_text(engine: Engine, header: str):
    read = await files.read(text('type: "component"\n' + header), "f.cue", engine)
    assert read.status["healthPolicy"].strip() == "isHealth: context.a"
    if "customStatus" in header:
        assert read.status["customStatus"] == 'message: x, x: "1"'


async def test_a_status_text_stays_as_it_is(engine: Engine):
    header = 'type: "trait"\nattributes: status: healthPolicy: #"""\n\tisHealth: true\n\t"""#'
    read = await files.read(text(header), "f.cue", engine)
    assert read.status == {"healthPolicy": "isHealth: true"}


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("component", DefinitionKind.COMPONENT),
        ("trait", DefinitionKind.TRAIT),
        ("policy", DefinitionKind.POLICY),
        ("workflow-step", DefinitionKind.STEP),
    ],
)
async def test_kinds(engine: Engine, word: str, kind: DefinitionKind):
    read = await files.read(text(f'type: "{word}"'), "f.cue", engine)
    assert read.kind is kind


@pytest.mark.parametrize(
    ("content", "code", "message", "position"),
    [
        pytest.param("template: {}\n", "definition.header", "is missing", "f.cue:1:1", id="header"),
        pytest.param(
            'a: {type: "trait"}\nb: {}\ntemplate: {}\n',
            "definition.header",
            'found "a" and "b"',
            "f.cue:2:1",
            id="two headers",
        ),
        pytest.param('a: {type: "trait"}\n', "definition.template", "missing", "f.cue:2:1", id="t"),
        pytest.param(
            'a: {type: "trait"}\n"template": {}\n',
            "definition.header",
            "found",
            "f.cue:2:1",
            id="a quoted template is a header",
        ),
        pytest.param(
            text('type: "triat"'), "definition.header", '"triat" is not a kind', "f.cue:2:1", id="k"
        ),
        pytest.param(text(""), "definition.header", "type is missing", "f.cue:1:1", id="no type"),
        pytest.param(
            text('type: "trait"\nattributes: {podDisrupt: true}'),
            "definition.field",
            'no attribute "podDisrupt"',
            "f.cue:3:14",
            id="unknown attribute",
        ),
        pytest.param(
            text('type: "component"\nattributes: workload: {definition: {kind: 1}}'),
            "field.type",
            "expected text, found the number 1",
            "f.cue:3:37",
            id="an attribute of another form",
        ),
        pytest.param(
            text('type: "trait"\nlabels: {a: 1}'),
            "field.type",
            "expected text",
            "f.cue:3:10",
            id="a label that is no text",
        ),
        pytest.param(
            text('type: "trait"\nlabels: "a"'),
            "definition.header",
            "labels must be a struct",
            "f.cue:3:1",
            id="labels that are none",
        ),
        pytest.param("a: {\n", "cue.syntax", "", "f.cue:", id="syntax"),
        pytest.param(
            text('type: "trait"\nalias: 1 & 2'), "cue.", "conflicting", "f.cue:3:", id="conflict"
        ),
    ],
)
async def test_wrong_files(engine: Engine, content: str, code: str, message: str, position: str):
    with pytest.raises((Problem, Problems)) as caught:
        await files.read(content, "f.cue", engine)
    assert isinstance(caught.value, Problem | Problems)
    problem = every(caught.value)[0]
    assert problem.code.startswith(code)
    assert message in problem.message
    assert str(problem.positions[0]).startswith(position)


YAML = """\
apiVersion: core.oam.dev/v1beta1
kind: TraitDefinition
metadata:
  name: from-yaml
spec:
  schematic:
    cue:
      template: |
        patch: x: parameter.n
        parameter: {
          n: int
        }
"""


async def test_yaml_keeps_the_lines_and_columns_of_the_file(engine: Engine, tmp_path: Path):
    file = tmp_path / "d.yaml"
    file.write_text("---\n" + YAML)
    [read] = await files.load_path(file, engine)
    wrong = [Fill("parameter", {"n": "x"}, "parameter")]
    result = await engine.evaluate(read.text, wrong, ["parameter"], source=read.source)
    [problem] = result.problems
    assert f"{file}:12:14" in [str(position) for position in problem.positions]


async def test_yaml_that_writes_its_template_in_one_line(engine: Engine, tmp_path: Path):
    file = tmp_path / "d.yaml"
    file.write_text(YAML.split("template:")[0] + 'template: "parameter: n: int\\n"\n')
    [read] = await files.load_path(file, engine)
    line = YAML.split("template:")[0].count("\n") + 1
    assert (read.text, read.source) == ("parameter: n: int\n", f"{file}:{line} template")


async def test_a_directory_holds_definitions_of_both_forms(engine: Engine, tmp_path: Path):
    (tmp_path / "b.yaml").write_text(YAML)
    (tmp_path / "a.cue").write_text(TRAIT)
    (tmp_path / "README.md").write_text("no definition")
    (tmp_path / "sub").mkdir()
    read = await files.load_path(tmp_path, engine)
    assert [definition.name for definition in read] == ["my-trait", "from-yaml"]


async def test_every_wrong_file_of_a_directory_is_named(engine: Engine, tmp_path: Path):
    (tmp_path / "a.cue").write_text("template: {}")
    (tmp_path / "b.yaml").write_text("kind: Deployment")
    (tmp_path / "c.cue").write_text(TRAIT)
    with pytest.raises(Problems) as caught:
        await files.load_path(tmp_path, engine)
    named = [Path(problem.positions[0].source).name for problem in caught.value.problems]
    assert named == ["a.cue", "b.yaml"]


async def test_a_field_that_means_nothing_is_a_warning(engine: Engine):
    """KubeVela passes over it, and the public catalogue has such files."""
    [read] = await files.examine(text('type: "trait"\ndescribtion: ""'), "f.cue", engine)
    [warning] = read.warnings
    assert 'no field "describtion"' in warning.message
    assert warning.hint == 'did you mean "description"?'
    assert str(warning.positions[0]) == "f.cue:3:1"


async def test_the_form_of_an_object_is_examined(engine: Engine):
    unknown = YAML.replace("spec:", "spec:\n  appliesTo: [a]")
    [read] = await files.examine(unknown, "d.yaml", engine)
    assert [str(warning.positions[0]) for warning in read.warnings] == ["d.yaml:6:3"]
    with pytest.raises(Problem, match="expected true or false") as caught:
        await files.examine(YAML.replace("spec:", "spec:\n  podDisruptive: 1"), "d.yaml", engine)
    assert str(caught.value.positions[0]) == "d.yaml:6:3"


@pytest.mark.parametrize("content", ["- a\n", "just a text\n", "42\n"])
async def test_a_document_that_is_no_object(engine: Engine, content: str):
    with pytest.raises(Problem, match="is not a definition"):
        await files.read_any(content, "d.yaml", engine)


async def test_no_definition(engine: Engine, tmp_path: Path):
    with pytest.raises(Problem, match="no definition in"):
        await files.load_path(tmp_path, engine)
    with pytest.raises(Problem, match="no file"):
        await files.load_path(tmp_path / "nope.cue", engine)
