"""Definition objects become files again, and nothing is lost on the way (semantics A5)."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lateen.api.definition import Definition
from lateen.base.problem import Problem, Problems
from lateen.cue.engine import Engine
from lateen.definitions import files, writing

pytestmark = pytest.mark.anyio


def trait(template: str = "patch: {}\n", **spec: Any) -> Definition:
    return Definition.of(
        {
            "apiVersion": "core.oam.dev/v1beta1",
            "kind": "TraitDefinition",
            "metadata": {
                "name": "t",
                "annotations": {
                    "definition.oam.dev/alias": "",
                    "definition.oam.dev/description": "",
                },
            },
            "spec": {**spec, "schematic": {"cue": {"template": template}}},
        }
    )


async def again(definition: Definition, engine: Engine) -> dict[str, Any]:
    return (await files.read(await writing.cue(definition, engine), "again.cue", engine)).raw


async def test_every_built_in_definition_survives(engine: Engine, builtins: dict[str, Definition]):
    for name, definition in builtins.items():
        definition.raw["metadata"]["annotations"].setdefault("definition.oam.dev/alias", "")
        wanted = {**definition.raw, "metadata": {**definition.raw["metadata"]}}
        del wanted["metadata"]["namespace"]
        assert await again(definition, engine) == wanted, name


async def test_what_a_file_looks_like(engine: Engine):
    made = trait('import "strconv"\n// why\npatch: x: strconv.Quote("a")\n', podDisruptive=True)
    made.raw["metadata"]["annotations"]["custom.definition.oam.dev/team"] = "a"
    made.raw["metadata"]["labels"] = {"custom.definition.oam.dev/ui-hidden": "true"}
    assert await writing.cue(made, engine) == (
        """\
import "strconv"

t: {
	type:        "trait"
	alias:       ""
	description: ""
	annotations: {
		team: "a"
	}
	labels: {
		"ui-hidden": "true"
	}
	attributes: {
		podDisruptive: true
	}
}

template: {
	// why
	patch: x: strconv.Quote("a")
}
"""
    )


@pytest.mark.parametrize(
    "template",
    [
        pytest.param("// first\npatch: {} // beside\n\n// last\n", id="comments"),
        pytest.param('patch: x: """\n\ta\n\t  \n\n\tb\n\t"""\n', id="white space in a text"),
        pytest.param('patch: x: """\na\n\tb\n"""\n', id="a text at the margin"),
        pytest.param("\tpatch: {}\n\tx: 1\n", id="indented as a whole"),
        pytest.param('import "strconv"\nimport "strings"\npatch: {}\n', id="imports"),
        pytest.param('import (\n\t"strconv" // why\n\tx "strings"\n)\npatch: {}\n', id="a group"),
        pytest.param('patch: x: "größer → \\u0041"\n', id="beyond ascii"),
    ],
)
async def test_a_template_keeps_its_text(engine: Engine, template: str):
    found = (await again(trait(template), engine))["spec"]["schematic"]["cue"]["template"]
    wanted = template.replace("\tpatch", "patch").replace("\tx: 1", "x: 1")
    assert found == (wanted if template.startswith("\tpatch") else template)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        pytest.param("isHealth: true", "healthPolicy: {\n\t\t\t\tisHealth: true", id="a struct"),
        pytest.param(
            'import "strings"\nisHealth: strings.HasPrefix("a", "a")',
            'healthPolicy: #"""\n\t\t\t\timport "strings"',
            id="an import keeps it a text",
        ),
        pytest.param(
            "// cue-attr:@disableValidation()\nx: 1",
            "x: 1\n\t\t\t} @disableValidation()",
            id="attributes stand behind it",
        ),
        pytest.param("", 'healthPolicy: ""', id="nothing"),
    ],
)
async def test_status_expressions(engine: Engine, text: str, written: str):
    made = trait(status={"healthPolicy": text})
    assert written in await writing.cue(made, engine)
    if text:
        assert (await again(made, engine))["spec"]["status"]["healthPolicy"] == text


async def test_what_is_no_cue_is_written_as_it_is(engine: Engine):
    """Somebody will want to mend it in the file."""
    made = trait(status={"healthPolicy": "isHealth: {"})
    assert 'healthPolicy: "isHealth: {"' in await writing.cue(made, engine)


async def test_annotations_of_the_model_come_back(engine: Engine):
    made = trait()
    kept = {"definition.oam.dev/example-url": "u", "definitionrevision.oam.dev/name": "2"}
    made.raw["metadata"]["annotations"] |= {
        **kept,
        "app.oam.dev/last-applied-configuration": "{}",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
    }
    found = (await again(made, engine))["metadata"]["annotations"]
    assert {key for key in found if key.partition("/")[2] not in ("alias", "description")} == {
        *kept
    }


async def test_without_a_template_there_is_no_file(engine: Engine):
    made = trait()
    made.raw["spec"]["schematic"] = {"terraform": {"configuration": "x"}}
    with pytest.raises(Problem, match="is made from terraform"):
        await writing.cue(made, engine)


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
# CUE takes two spellings of one character in a name for the same name
label = text.filter(lambda found: unicodedata.is_normalized("NFC", found))
value = st.recursive(
    st.none() | st.booleans() | st.integers() | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(label, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=60, suppress_health_check=[*HealthCheck])
@given(description=text, name=label, extension=st.dictionaries(label, value, max_size=4))
async def test_whatever_it_says_survives(
    engine: Engine, description: str, name: str, extension: dict[str, Any]
):
    made = trait(extension=extension)
    made.raw["metadata"]["annotations"]["definition.oam.dev/description"] = description
    made.raw["metadata"]["labels"] = {f"custom.definition.oam.dev/{name}": description}
    assert await again(made, engine) == made.raw


lines = st.lists(
    st.sampled_from(
        ["// a comment", "", 'x: "a" // b', "y: {\n\tz: 1\n}", 'w: """\n\t\n   a\n  """', "  v: 1"]
    ),
    min_size=1,
    max_size=6,
)


@settings(deadline=None, max_examples=60, suppress_health_check=[*HealthCheck])
@given(body=lines)
async def test_what_was_read_is_read_again(engine: Engine, body: list[str]):
    template = "\n".join(["first: 1", *body])
    try:
        await engine.outline(template, source="t")
    except (Problem, Problems):  # it is no CUE: the comment swallowed a brace, say
        return
    once = await again(trait(template), engine)
    assert await again(Definition.of(once), engine) == once
    assert once["spec"]["schematic"]["cue"]["template"].strip() == template.strip()
