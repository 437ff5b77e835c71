"""Where settings come from: the data directory, an option; and who refuses those with mistakes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from lateen.cli import problems, server

NOWHERE = "no-kubeconfig-is-read-before-the-settings"


def controllers(*options: str) -> dict[str, str]:
    """Start the program; what it tells the supervisor."""
    command = [sys.executable, "-m", "lateen.app", "controllers", f"--kubeconfig={NOWHERE}"]
    found = subprocess.run([*command, *options], capture_output=True, text=True, timeout=60)
    assert found.returncode == 1, found.stderr
    told: dict[str, str] = json.loads(found.stdout)
    return told


def test_the_controllers_read_the_data_directory(tmp_path: Path):
    (tmp_path / "settings.yaml").write_text("events: all\nstrict_trait: true\n")
    told = controllers(f"--data-dir={tmp_path}")
    assert (told["event"], told["code"]) == ("error", "settings.unknown")
    assert told["message"].startswith(f"{tmp_path}/settings.yaml:2:1: strict_trait: there is no")


def test_a_named_file_comes_instead(tmp_path: Path):
    (tmp_path / "settings.yaml").write_text("one: 1")
    (tmp_path / "other.yaml").write_text("two: 2")
    told = controllers(f"--data-dir={tmp_path}", f"--settings={tmp_path / 'other.yaml'}")
    assert '"two"' in told["message"]


def test_without_a_file_it_goes_on(tmp_path: Path):
    assert NOWHERE in controllers(f"--data-dir={tmp_path}")["message"]


def test_start_refuses_before_anything_runs(tmp_path: Path):
    (tmp_path / "settings.yaml").write_text("definition_revisions: many\n")
    app = typer.Typer(pretty_exceptions_enable=False)
    server.register(app)
    found = CliRunner().invoke(app, ["start", "--data-dir", str(tmp_path)])
    assert isinstance(found.exception, problems.Blamed)
    [problem] = found.exception.problems
    assert (problem.code, problem.positions[0].line) == ("settings.value", 1)
    assert list(tmp_path.iterdir()) == [tmp_path / "settings.yaml"]


@pytest.mark.parametrize("value", ["maybe", "2"])
def test_start_refuses_a_variable(tmp_path: Path, value: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LATEEN_STRICT_TRAITS", value)
    app = typer.Typer(pretty_exceptions_enable=False)
    server.register(app)
    found = CliRunner().invoke(app, ["start", "--data-dir", str(tmp_path)])
    assert isinstance(found.exception, problems.Blamed)
    assert found.exception.problems[0].path == "LATEEN_STRICT_TRAITS"
