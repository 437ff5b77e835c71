"""The commands where there is no control plane."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from lateen.cli import main
from lateen.cli.exits import Exit
from tests.cli.conftest import APP

DEFINITION = """\
settings: {
	type: "component"
	description: "Some settings"
	attributes: workload: type: "autodetects.core.oam.dev"
}
template: {
	output: {apiVersion: "v1", kind: "ConfigMap", data: level: "\\(parameter.level)"}
	parameter: {
		// +usage=How much of it
		level: *1 | int
		// +usage=Where it goes
		places: [...{
			// +usage=Which one
			name: "here" | "there"
			aliases?: [string]: string
		}]
		// +ignore
		secret?: string
	}
}
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs `lateen` where nothing leads to a control plane."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    for name in ("HOME", "LATEEN_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(main.build(), list(arguments))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "app.yaml"
    path.write_text(APP)
    return path


def test_what_needs_a_control_plane_says_how_to_start_one(run, file):
    for command in (["ls"], ["status", "a"], ["up", "-f", str(file)], ["delete", "a", "-y"]):
        result = run(*command)
        assert result.exit_code == Exit.UNREACHABLE, command
        assert "run `lateen start`" in result.stderr


def test_a_control_plane_that_does_not_answer(run, tmp_path):
    config = tmp_path / "config"
    config.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: x\n"
        'clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]\n'
        "users: [{name: u, user: {token: t}}]\n"
        "contexts: [{name: x, context: {cluster: c, user: u}}]"
    )
    result = run("ls", "--kubeconfig", str(config))
    assert result.exit_code == Exit.UNREACHABLE
    assert "cannot be reached" in result.stderr
    assert "Traceback" not in result.output


def test_version(run):
    assert json.loads(run("version", "-o", "json").stdout)["server"] is None
    assert run("--version").stdout.strip() == run("version", "--client").stdout.split()[1]


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["nope"], id="no such command"),
        pytest.param(["up"], id="no file"),
        pytest.param(["ls", "--nope"], id="no such option"),
        pytest.param(["ls", "-o", "xml"], id="no such format"),
        pytest.param(["up", "-f", "x", "--timeout", "5"], id="no duration"),
        pytest.param(["status", "a", "--tree", "--endpoint"], id="one or the other"),
    ],
)
def test_wrong_use(run, arguments):
    assert run(*arguments).exit_code == Exit.INPUT


def test_bad_files_are_told_before_a_control_plane_is_looked_for(run, file):
    file.write_text(APP.replace("name: web", "nmae: web"))
    result = run("up", "-f", str(file))
    assert result.exit_code == Exit.INPUT
    assert f"--> {file}:6:7  spec.components[0].nmae" in result.stderr
    assert 'did you mean "name"?' in result.stderr


def test_dry_run_prints_each_manifest_under_where_it_comes_from(run, file):
    result = run("dry-run", "-f", str(file), "--offline")
    assert result.exit_code == Exit.OK, result.output
    lines = result.stdout.splitlines()
    assert lines[:2] == ["---", "# Application(shop) -- Component(web)"]
    assert "kind: Deployment" in lines


def test_dry_run_with_definitions_of_ones_own(run, file, tmp_path):
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions" / "settings.cue").write_text(DEFINITION)
    file.write_text(APP.replace("webservice", "settings").replace("{image: nginx}", "{level: 2}"))
    result = run(
        "dry-run", "-f", str(file), "--offline", "-o", "json", "-d", str(tmp_path / "definitions")
    )
    assert result.exit_code == Exit.OK, result.output
    [config_map] = json.loads(result.stdout)
    assert config_map["data"] == {"level": "2"}


def test_dry_run_of_an_unknown_type(run, file):
    file.write_text(APP.replace("webservice", "webservic"))
    result = run("dry-run", "-f", str(file), "--offline")
    assert result.exit_code == Exit.INPUT
    assert f"--> {file}:7:7  spec.components[0].type" in result.stderr
    assert 'did you mean "webservice"?' in result.stderr


def test_show_lists_parameters(run, tmp_path):
    path = tmp_path / "settings.cue"
    path.write_text(DEFINITION)
    found = json.loads(run("show", "settings", "-d", str(path), "-o", "json").stdout)
    assert [(p["name"], p["type"], p["required"]) for p in found[0]["parameters"]] == [
        ("level", "int", False),
        ("places[]", "list of struct", False),
        ("places[].name", '"here" | "there"', True),
        ("places[].aliases.*", "map of string", False),
    ], "what is ignored is not shown"
    assert found[0]["parameters"][0] == {
        "name": "level",
        "type": "int",
        "required": False,
        "default": 1,
        "description": "How much of it",
    }


def test_show_is_a_table_too(run):
    result = run("show", "scaler")
    assert result.exit_code == Exit.OK
    assert result.stdout.splitlines()[0] == "scaler (trait)"
    table, _, example = result.stdout.partition("\nExample:\n\n")
    assert [line.split()[:4] for line in table.splitlines()[3:]] == [
        ["PARAMETER", "TYPE", "DEFAULT", "REQUIRED"],
        ["replicas", "int", "1", "no"],
    ]
    assert "traits:\n    - type: scaler\n" in example


def test_show_of_what_there_is_not(run):
    result = run("show", "scalr")
    assert result.exit_code == Exit.NOT_FOUND
    assert 'did you mean "scaler"?' in result.stderr


def test_completion_is_silent_without_a_control_plane(run):
    from lateen.cli import completing

    assert completing.applications(None, "default", "") == []


def test_help_names_every_exit_code(run):
    said = run("--help").stdout.split("Exit codes:")[1]
    for code in Exit:
        assert f" {code.value} " in said.replace("\n", " "), code


def test_each_command_is_found_in_its_module():
    """Only the module of a command is imported for it: the table must say which that is."""
    for module, names in main._MODULES.items():
        given = typer.main.get_group(main.registered([module])).commands
        assert sorted(given) == sorted(names), module


def test_a_command_that_is_near_is_named_whatever_its_module(run):
    said = run("staus", "shop")
    assert said.exit_code == Exit.INPUT
    assert "'status'" in said.stderr


def test_help_waits_for_nothing_heavy():
    """`lateen --help` is what people try first; it must be there at once."""
    code = (
        "import sys\n"
        "from lateen.cli import main\n"
        "try: main.build()(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'aiohttp', 'anyio', 'kubernetes_asyncio', 'ruamel.yaml'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []"
