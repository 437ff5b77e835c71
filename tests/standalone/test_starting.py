"""The command line's way: a supervisor in the background, found again, stopped."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lateen.base.problem import Problem
from lateen.standalone import directories, locate, starting
from lateen.standalone.directories import Directory

WITHOUT = ("node", "controllers")


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    made = Directory(tmp_path / "data")
    yield made
    starting.stop(made)


def test_a_plane_starts_comes_back_after_a_kill_and_stops(directory: Directory) -> None:
    told: list[str] = []
    first = starting.start(directory, without=WITHOUT, tell=lambda status: told.append(str(status)))
    assert (first.state, locate.kubeconfig(directory.root)) == ("ready", directory.kubeconfig())
    assert any("'starting'" in each for each in told), "progress is told"

    # all of it goes with the supervisor, and the next one has the same address
    os.kill(first.pid, signal.SIGKILL)
    second = starting.start(directory, without=WITHOUT)
    assert second.pid != first.pid
    assert second.port == first.port

    assert starting.stop(directory)
    assert locate.running(directory.root) is None
    assert not starting.stop(directory), "stopping twice is no error"
    told_last = directories.read(directory.status)
    assert (told_last["state"], told_last["children"][0]["last_exit"]) == ("stopped", 0)


def test_a_second_supervisor_says_that_one_runs(directory: Directory) -> None:
    starting.start(directory, without=WITHOUT)
    second = subprocess.run(
        starting.command(directory, port=0, without=WITHOUT),
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
        env=starting.environment(os.environ),
    )
    assert second.returncode == 1
    assert "already running" in second.stderr
    assert locate.running(directory.root) is not None


def test_a_failed_start_gives_the_reason_and_leaves_nothing(directory: Directory) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Problem) as caught:
            starting.start(directory, port=port, without=WITHOUT)
    assert caught.value.code == "standalone.port-in-use"
    assert str(port) in caught.value.message
    assert "--port" in caught.value.hint
    assert locate.running(directory.root) is None


def test_a_missing_native_program_is_told(
    directory: Directory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LATEEN_NATIVE_DIR", str(tmp_path))
    with pytest.raises(Problem) as caught:
        starting.start(directory)
    assert caught.value.code == "native.missing"
    assert "make build" in caught.value.hint


def test_the_supervisor_imports_nothing_heavy() -> None:
    code = (
        "import json, sys, lateen.standalone.__main__\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        env=starting.environment(os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}),
    )
    heavy = {"aiohttp", "anyio", "kubernetes_asyncio", "orjson", "pydantic", "rich", "typer"}
    assert not heavy & set(json.loads(found.stdout))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"A": "1"}, {"A": "1"}, id="no path, nothing to do"),
        pytest.param({"PYTHONPATH": "/a"}, {"PYTHONPATH": "/a"}, id="absolute stays"),
    ],
)
def test_the_environment_of_what_outlives_the_directory(
    given: dict[str, str], expected: dict[str, str]
) -> None:
    assert starting.environment(given) == expected


def test_a_relative_path_is_made_absolute() -> None:
    assert starting.environment({"PYTHONPATH": "src"}) == {"PYTHONPATH": str(Path.cwd() / "src")}
