"""A definition is compiled with what it may import, before any application uses it."""

from __future__ import annotations

import pytest

from lateen.api.definition import Definition
from lateen.cue.engine import Engine
from lateen.definitions import files, proving
from lateen.providers import external

pytestmark = pytest.mark.anyio


def text(template: str, word: str = "trait", imports: str = "") -> str:
    return f'{imports}\nt: type: "{word}"\ntemplate: {{\n{template}\n}}\n'


@pytest.mark.parametrize(
    ("template", "word", "imports"),
    [
        pytest.param("patch: {}", "trait", "", id="without parameters"),
        pytest.param("patch: x: parameter.x\nparameter: x: string", "trait", "", id="parameters"),
        pytest.param("patch: x: context.name", "trait", "", id="the context"),
        pytest.param("patch: x: parameter.anything", "trait", "", id="parameters it does not name"),
        pytest.param(
            "a: kube.#Apply & {$params: value: {}}",
            "workflow-step",
            'import "vela/kube"',
            id="step",
        ),
        pytest.param("a: op.#Log", "workflow-step", 'import "vela/op"', id="an older step"),
        pytest.param(
            'output: base64.#Encode & {$params: "x"}', "component", 'import "vela/base64"', id="b64"
        ),
        pytest.param(
            "x: [1] + [2]\npatch: {}", "trait", "", id="CUE as it was before lists were functions"
        ),
    ],
)
async def test_what_holds(engine: Engine, template: str, word: str, imports: str):
    read = await files.read(text(template, word, imports), "t.cue", engine)
    assert await proving.prove(read, engine) == ()


@pytest.mark.parametrize(
    ("template", "imports", "code", "place"),
    [
        pytest.param("patch: x: nothing", "", "cue.reference", "t.cue:4:11", id="a name"),
        pytest.param("patch: x: 1\npatch: x: 2", "", "cue.conflict", "t.cue:4:11", id="a conflict"),
        pytest.param("patch: {}", 'import "vela/nope"', "cue.reference", "t.cue:1:8", id="import"),
        pytest.param("patch: {}", 'import "strings"', "cue.error", "t.cue:1:8", id="not used"),
        pytest.param(
            "patch: x: parameter.b\nparameter: close({a: 1})", "", "cue.", "t.cue:4:", id="c"
        ),
    ],
)
async def test_what_does_not(engine: Engine, template: str, imports: str, code: str, place: str):
    read = await files.read(text(template, imports=imports), "t.cue", engine)
    problem = (await proving.prove(read, engine))[0]
    assert problem.code.startswith(code)
    assert any(str(position).startswith(place) for position in problem.positions)


async def test_all_that_is_wrong_is_told(engine: Engine):
    read = await files.read(text("patch: x: one\npatch: y: two"), "t.cue", engine)
    assert len(await proving.prove(read, engine)) == 2


async def test_packages_of_users(engine: Engine):
    package = {
        "apiVersion": external.API_VERSION,
        "kind": external.KIND,
        "metadata": {"name": "acme", "namespace": "vela-system"},
        "spec": {"path": "ext/acme", "templates": {"acme.cue": 'package acme\n#Tier: "gold"\n'}},
    }
    given = text("patch: tier: acme.#Tier", imports='import "ext/acme"')
    read = await files.read(given, "t.cue", engine)
    assert await proving.prove(read, engine) != ()
    assert await proving.prove(read, engine, external.Shelf([package])) == ()


HCL = {"configuration": 'output "a" {\n  value = 1\n}\n'}
BROKEN, REMOTE = {"configuration": "output {"}, {"type": "remote"}


@pytest.mark.parametrize(
    ("spec", "right"),
    [
        pytest.param({}, False, id="nothing"),
        pytest.param({"schematic": {"cue": {"template": "  "}}}, False, id="white space"),
        pytest.param({"schematic": {"terraform": HCL}}, True, id="terraform"),
        pytest.param({"schematic": {"terraform": HCL | BROKEN}}, False, id="no HCL"),
        pytest.param({"schematic": {"terraform": BROKEN | REMOTE}}, True, id="in a repository"),
        pytest.param({"extension": {"template": "patch: {}"}}, True, id="the old place"),
    ],
)
async def test_without_a_template(engine: Engine, spec: dict[str, object], right: bool):
    made = Definition.of({"kind": "TraitDefinition", "metadata": {"name": "t"}, "spec": spec})
    assert (await proving.prove(made, engine) == ()) is right


async def test_a_template_that_gives_nothing_is_doubtful(engine: Engine):
    for template, doubtful in (("parameter: {}", True), ("if true {patch: {}}", False)):
        read = await files.read(text(template), "t.cue", engine)
        assert bool(proving.doubts(read)) is doubtful
    step = await files.read(text("parameter: {}", "workflow-step"), "t.cue", engine)
    assert proving.doubts(step) == ()


async def test_every_built_in_definition_holds(engine: Engine, builtins: dict[str, Definition]):
    """Read from files without checks, for speed: here they are checked."""
    for name, definition in builtins.items():
        assert await proving.prove(definition, engine) == (), name
