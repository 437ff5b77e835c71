"""What the command line tells of itself and of the types there are."""

from __future__ import annotations

import subprocess

import pytest

from tests.e2e import planes
from tests.e2e.planes import EXAMPLES, FILES, LATEEN, Plane, Shell


def test_show_lists_the_parameters(plane: Plane) -> None:
    said = plane.run("show", "scaler").out
    assert said.startswith("scaler (trait)\nSet how many replicas run\n\n")
    [row] = planes.table(said.split("\n\n")[1])
    assert row == {
        "PARAMETER": "replicas",
        "TYPE": "int",
        "DEFAULT": "1",
        "REQUIRED": "no",
        "DESCRIPTION": "Number of replicas",
    }


def test_show_needs_no_control_plane(stranger: Shell) -> None:
    [found] = stranger.run("show", "process", "-o", "json").data
    assert (found["name"], found["kind"]) == ("process", "ComponentDefinition")
    required = [each["name"] for each in found["parameters"] if each["required"]]
    assert required[0] == "command[]"
    own = stranger.run("show", "strict", "-d", FILES / "strict.cue").out
    assert "A ConfigMap with a size, which must be even" in own


def test_show_of_an_unknown_type_names_the_nearest(stranger: Shell) -> None:
    said = stranger.run("show", "sclaer", expect=4)
    assert said.err == 'error: there is no type sclaer\n  = did you mean "scaler"?\n'


@pytest.mark.parametrize("kind", ["bash", "zsh", "fish"])
def test_the_shell_gets_its_completion(stranger: Shell, kind: str) -> None:
    script = stranger.run(environment={"_LATEEN_COMPLETE": f"source_{kind}"}).out
    assert "_LATEEN_COMPLETE=complete_" in script
    if kind == "bash":
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_names_of_applications_are_completed(plane: Plane, namespace: str) -> None:
    plane.run("up", "-f", EXAMPLES / "hello.yaml", "-n", namespace, "--no-wait")
    line = f"lateen status -n {namespace} he"
    asked = {"_LATEEN_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": "4"}
    assert plane.run(environment=asked).out.split() == ["hello"]


def test_help_is_there_for_every_command(stranger: Shell) -> None:
    said = stranger.run("--help", environment={"COLUMNS": "120"}).out
    for command in ("start", "stop", "up", "ls", "status", "logs", "delete", "dry-run", "workflow"):
        assert f"│ {command} " in said
    assert "Exit codes: 0 done; 1 failed; 2 wrong use" in said


def test_a_closed_pipe_is_no_error(plane: Plane) -> None:
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {LATEEN} show webservice | head -1"],
        capture_output=True,
        text=True,
        env=plane.environment,
    )
    assert done.stdout == "webservice (component)\n"
    assert "Traceback" not in done.stderr
    assert "error" not in done.stderr
