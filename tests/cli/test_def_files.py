"""`lateen def` on files alone: vet, render, init, doc-gen and gen-schema need no control plane."""

from __future__ import annotations

import http.server
import json
import threading
from functools import partial

import pytest

from lateen.cli.defs import sketching
from lateen.cli.exits import Exit

WEB = """\
import "strconv"

web: {
	type: "component"
	description: "A web server | and more"
	attributes: workload: definition: {apiVersion: "apps/v1", kind: "Deployment"}
}
template: {
	output: {
		apiVersion: "apps/v1"
		kind:       "Deployment"
		metadata: annotations: n: strconv.FormatInt(parameter.replicas, 10)
	}
	parameter: {
		// +usage=How many
		replicas: *1 | int
		image:    string
	}
}
"""
YAML = """\
apiVersion: core.oam.dev/v1beta1
kind: TraitDefinition
metadata: {name: mark}
spec:
  podDisruptive: true
  schematic:
    cue:
      template: |
        patch: metadata: labels: mark: parameter.mark
        parameter: mark: string
"""


@pytest.fixture
def run(alone):
    """Runs `lateen def` in an empty directory, without a control plane."""
    return partial(alone, "def")


@pytest.fixture
def write(tmp_path):
    def written(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return name

    return written


def test_vet_says_what_is_right(run, write):
    write("defs/web.cue", WEB)
    write("defs/below/mark.yaml", YAML)
    write("defs/README.md", "no definition")
    result = run("vet", "defs")
    assert result.exit_code == Exit.OK, result.output
    assert result.stdout.splitlines() == [
        "defs/below/mark.yaml: trait mark is right",
        "defs/web.cue: component web is right",
    ]


def test_vet_shows_everything_that_is_wrong_at_once(run, write):
    write("a.cue", WEB.replace("strconv.FormatInt", "strconf.FormatInt"))
    write("b.cue", WEB.replace("attributes: workload:", "attributes: workloads:"))
    write("c.yaml", YAML.replace("podDisruptive: true", "podDisruptive: maybe"))
    write("d.cue", WEB)
    result = run("vet", "a.cue", "b.cue", "c.yaml")
    assert result.exit_code == Exit.INPUT
    shown = [line.split()[1] for line in result.stderr.splitlines() if "-->" in line]
    places = [place.rpartition(":")[0] for place in shown]
    assert places == ["a.cue:1", "a.cue:12", "b.cue:6", "c.yaml:5"]
    assert 'did you mean "workload"?' in result.stderr
    assert "4 problems" in result.stderr


def test_vet_warns_of_what_means_nothing(run, write):
    write("a.cue", WEB.replace("description:", "descripton:"))
    result = run("vet", "a.cue")
    assert result.exit_code == Exit.OK
    assert 'warning: a definition has no field "descripton"' in result.stderr


def test_vet_as_data(run, write):
    write("good.cue", WEB)
    write("bad.cue", WEB.replace("string", "strin").replace("web:", "bad:"))
    result = run("vet", "bad.cue", "good.cue", "-o", "json")
    assert result.exit_code == Exit.INPUT
    bad, good = json.loads(result.stdout)
    assert good == {
        "source": "good.cue",
        "definitions": [{"kind": "ComponentDefinition", "name": "web"}],
        "problems": [],
        "warnings": [],
    }
    [problem] = bad["problems"]
    assert problem["code"] == "cue.reference"
    assert problem["positions"][0] == {"source": "bad.cue", "line": 17, "column": 13}


@pytest.mark.parametrize(("text", "kind"), [(WEB, "component web"), (YAML, "trait mark")])
def test_vet_reads_standard_input(run, text, kind):
    result = run("vet", "-", given=text)
    assert (result.exit_code, result.stdout) == (Exit.OK, f"standard input: {kind} is right\n")


def test_vet_reads_an_address(run, write, tmp_path):
    write("web.cue", WEB)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, *_):
            """Says nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/web.cue"
        found, missing = run("vet", url), run("vet", f"{url}x")
        server.shutdown()
        thread.join()
    assert (found.exit_code, found.stdout) == (Exit.OK, f"{url}: component web is right\n")
    assert missing.exit_code == Exit.INPUT
    assert "answers 404" in missing.stderr


@pytest.mark.parametrize(
    ("files", "target", "message"),
    [
        pytest.param({}, "none.cue", "there is no file none.cue", id="no file"),
        pytest.param({"d/a.md": "x"}, "d", "there is no .cue or", id="an empty directory"),
        pytest.param({"a.yaml": "\n"}, "a.yaml", "there is no definition in a.yaml", id="nothing"),
        pytest.param({"a.yaml": "kind: Pod"}, "a.yaml", "Pod is not a definition", id="other"),
        pytest.param({"a.yaml": "{"}, "a.yaml", "", id="no YAML"),
        pytest.param({"a.cue": "{"}, "a.cue", "", id="no CUE"),
        pytest.param(
            {"d/a.cue": WEB, "d/b.cue": WEB}, "d", "web is given by d/a.cue as well", id="twice"
        ),
    ],
)
def test_vet_of_nothing_good(run, write, files, target, message):
    for name, text in files.items():
        write(name, text)
    result = run("vet", target)
    assert result.exit_code == Exit.INPUT, result.output
    assert message in result.stderr


def test_steps_may_import_what_steps_may(run):
    step = (
        'import "vela/kube"\ns: type: "workflow-step"\ntemplate: {a: kube.#Apply, parameter: {}}\n'
    )
    assert run("vet", "-", given=step).exit_code == Exit.OK
    wrong = run("vet", "-", given=step.replace("vela/kube", "vela/nothing"))
    assert wrong.exit_code == Exit.INPUT
    assert "standard input:1:8" in wrong.stderr


def test_render_to_the_screen(run, write):
    write("web.cue", WEB)
    result = run("render", "web.cue", "--message", "made by hand\nfor a test")
    assert result.exit_code == Exit.OK
    assert result.stdout.startswith(
        "# made by hand\n# for a test\napiVersion: core.oam.dev/v1beta1\n"
    )
    assert json.loads(run("render", "web.cue", "--to", "json").stdout)["kind"] == (
        "ComponentDefinition"
    )


def test_render_a_directory_and_back(run, write, tmp_path):
    write("in/web.cue", WEB)
    write("in/below/mark.cue", 'mark: type: "trait"\ntemplate: patch: {}\n')
    there = run("render", "in", "-o", "out")
    assert there.stdout.splitlines() == ["out/below/mark.yaml written", "out/web.yaml written"]
    back = run("render", "out", "--to", "cue", "-o", "again")
    assert back.stdout.splitlines() == ["again/below/mark.cue written", "again/web.cue written"]
    run("render", "again", "-o", "twice")
    for name in ("below/mark.yaml", "web.yaml"):
        once, twice = ((tmp_path / d / name).read_text() for d in ("out", "twice"))
        assert (
            once.replace("definition.oam.dev/alias: ''", "")
            == twice.replace("definition.oam.dev/alias: ''", "").replace("    \n", "")
            or "alias" in twice
        )


def test_render_writes_nothing_when_something_is_wrong(run, write, tmp_path):
    write("in/a.cue", WEB)
    write("in/b.cue", WEB.replace('"component"', '"compnent"'))
    result = run("render", "in", "-o", "out")
    assert result.exit_code == Exit.INPUT
    assert 'did you mean "component"?' in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("image: string", sketching.Parameter("image", "string")),
        ("replicas: int = 1", sketching.Parameter("replicas", "int", default="1")),
        ("name: string = a b", sketching.Parameter("name", "string", default='"a b"')),
        ("debug?: bool // Say more", sketching.Parameter("debug", "bool", True, usage="Say more")),
        ('mode: "a" | "b" = "a"', sketching.Parameter("mode", '"a" | "b"', default='"a"')),
        ("n: int & >=1", sketching.Parameter("n", "int & >=1")),
        (
            "at: string = http://x // Where",
            sketching.Parameter("at", "string", default='"http://x"', usage="Where"),
        ),
    ],
)
def test_how_a_parameter_is_written(text, expected):
    assert sketching.parameter(text) == expected


OBJECTS = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: x}
spec:
  replicas: ${replicas}
  template: {spec: {containers: [{image: "reg/${image}:${other}"}]}}
---
apiVersion: v1
kind: Service
metadata: {name: x}
---
apiVersion: v1
kind: Service
metadata: {name: y}
"""


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("component", ["output: {", "outputs: {", "service2: {", 'kind:       "Deployment"']),
        ("trait", ["outputs: {", "deployment: {", "service: {", "service2: {"]),
        ("policy", ["output: {", "outputs: {"]),
        ("workflow-step", ['import "vela/kube"', "deployment: kube.#Apply & {"]),
    ],
)
def test_init_from_objects(run, write, kind, expected):
    write("objects.yaml", OBJECTS)
    result = run(
        *("init", "my-def", "-t", kind, "-d", 'Says "hi"', "-f", "objects.yaml"),
        *("-p", "replicas: int = 1 // How many", "-p", "image: string", "-o", "d/my-def.cue"),
    )
    assert (result.exit_code, result.stdout) == (Exit.OK, "d/my-def.cue written\n"), result.output
    text = run("render", "d/my-def.cue", "--to", "cue").stdout
    for line in (*expected, "replicas: parameter.replicas", "*1 | int", "// +usage=How many"):
        assert line in text
    assert '"reg/\\(parameter.image):${other}"' in text
    assert run("init", "my-def", "-t", kind, "-o", "d/my-def.cue").exit_code == Exit.INPUT


@pytest.mark.parametrize("kind", ["component", "trait", "policy", "workflow-step"])
def test_init_with_an_example(run, kind):
    made = run("init", "my-def", "-t", kind)
    assert made.exit_code == Exit.OK, made.output
    assert run("vet", "-", given=made.stdout).exit_code == Exit.OK


def test_init_asks(run):
    answers = "nothing\ntrait\nMarks things\n\nreplicas\nreplicas: int = 1 // How many\n\n"
    result = run("init", "asked", given=answers)
    assert result.exit_code == Exit.OK, result.output
    assert '"replicas" is no parameter' in result.stderr
    assert 'description: "Marks things"' in result.stdout
    assert "replicas: *1 | int" in result.stdout
    drafted = result.stdout[result.stdout.index("asked: {") :]  # the answers are echoed before it
    assert run("vet", "-", given=drafted).exit_code == Exit.OK


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["No_Name", "-t", "trait"], "is no name", id="name"),
        pytest.param(["a", "-t", "trait", "-p", "x"], "is no parameter", id="parameter"),
        pytest.param(["a", "-t", "trait", "-p", "x: strin"], '"strin"', id="type of a parameter"),
        pytest.param(["a", "-t", "trait", "-f", "no.yaml"], "no file", id="template"),
        pytest.param(["a", "-t", "thing"], "thing", id="kind"),
    ],
)
def test_init_of_what_makes_no_definition(run, arguments, message):
    result = run("init", *arguments)
    assert result.exit_code == Exit.INPUT, result.output
    assert message in result.stderr


def test_doc_gen(run, write):
    write("web.cue", WEB)
    page = run("doc-gen", "web.cue").stdout
    assert page.startswith("# web\n\nA component type.\n\nA web server | and more\n")
    assert "| `replicas` | int | `1` |  | How many |" in page
    assert "| `image` | string |  | yes |  |" in page


def test_doc_gen_of_built_in_types_to_a_directory(run, tmp_path):
    result = run("doc-gen", "webservice", "scaler", "-o", "pages")
    assert result.stdout.splitlines() == ["pages/webservice.md written", "pages/scaler.md written"]
    assert (tmp_path / "pages/scaler.md").read_text().startswith("# scaler\n")
    wrong = run("doc-gen", "webservise")
    assert wrong.exit_code == Exit.NOT_FOUND
    assert 'did you mean "webservice"?' in wrong.stderr


def test_gen_schema(run, write, tmp_path):
    write("web.cue", WEB)
    schema = json.loads(run("gen-schema", "web.cue").stdout)
    assert schema["properties"]["replicas"]["default"] == 1
    assert "image" in schema["required"]
    run("gen-schema", "web.cue", "-o", "out.json")
    assert json.loads((tmp_path / "out.json").read_text()) == schema


def test_gen_schema_of_what_has_none(run, write, tmp_path):
    """The others are written all the same."""
    write("a.cue", WEB)
    odd = 'odd: type: "trait"\ntemplate: {patch: {}, parameter: [string]: context.x}\n'
    write("b.cue", odd)
    result = run("gen-schema", "a.cue", "b.cue", "-o", "out")
    assert result.exit_code == Exit.INPUT
    assert "the parameters of odd have no OpenAPI form" in result.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["web.json"]


def test_every_command_explains_itself(run):
    for name in ("init", "vet", "render", "apply", "impact", "list", "get", "show", "edit", "del"):
        result = run(name, "--help")
        assert result.exit_code == Exit.OK
        assert name in result.stdout
