"""`lateen start`, `stop`, `server` and `kubeconfig` as a user types them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from lateen.base.problem import Problem
from lateen.cli import failures, server
from lateen.standalone import directories, locks, starting
from lateen.standalone.directories import Directory

WITHOUT = ("--without", "node", "--without", "controllers")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    """A running plane, its kube program only."""
    made = Directory(tmp_path_factory.mktemp("plane"))
    starting.start(made, without=("node", "controllers"))
    yield made
    starting.stop(made)


def lateen(*arguments: str | Path) -> tuple[int, str]:
    """Run a command; its exit code and what it printed."""
    app = typer.Typer(pretty_exceptions_enable=False)
    server.register(app)
    found = CliRunner().invoke(app, [str(each) for each in arguments])
    if found.exception and not isinstance(found.exception, SystemExit):
        return failures.report(found.exception), str(found.exception)
    return found.exit_code, found.output


def test_start_says_that_it_runs_already(directory: Directory) -> None:
    code, said = lateen("start", "--data-dir", directory.root)
    assert code == 0
    assert "already running" in said


def test_status_lists_the_processes(directory: Directory) -> None:
    code, said = lateen("server", "status", "--data-dir", directory.root, "-o", "json")
    told = json.loads(said)
    assert code == 0
    assert (told["running"], told["dataDir"]) == (True, str(directory.root))
    assert [(each["name"], each["restarts"]) for each in told["processes"]] == [
        ("supervisor", 0),
        ("kube", 0),
    ]
    code, said = lateen("server", "status", "--data-dir", directory.root)
    assert "PROCESS" in said
    assert str(told["port"]) in said
    assert str(told["processes"][1]["pid"]) in said


def test_status_does_not_call_running_what_has_ended(tmp_path: Path) -> None:
    """What is told may be old: on a disk that is full nothing newer is written."""
    made = Directory(tmp_path)
    made.prepare()
    gone = subprocess.Popen(["true"])
    gone.wait()
    child = {"name": "kube", "pid": gone.pid, "state": "running", "since": "2026-01-01T00:00:00Z"}
    with locks.hold(made.lock, json.dumps({"pid": os.getpid()})):
        directories.write(made.status, {"state": "ready", "port": 1, "children": [child]})
        _, said = lateen("server", "status", "--data-dir", made.root, "-o", "json")
    told = {each["name"]: each["state"] for each in json.loads(said)["processes"]}
    assert told == {"supervisor": "ready", "kube": "ended"}


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[Directory]:
    """On a disk with hardly any room."""
    made = Directory(tmp_path / "narrow")
    made.root.mkdir()
    options = ["-t", "tmpfs", "-o", "size=1m", "tmpfs", str(made.root)]
    if subprocess.run(["mount", *options], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield made
    finally:
        subprocess.run(["umount", "--lazy", str(made.root)], check=True)  # somebody may still end


@pytest.mark.timeout(400)  # it starts as far as it comes, on a busy machine
def test_a_disk_that_is_full_is_said_to_be(narrow: Directory) -> None:
    said = f"there is no room left where {narrow.root} is: 1024 KiB are free"
    assert directories.lack(narrow) == said
    with pytest.raises(Problem) as caught:
        starting.start(narrow, without=("node", "controllers"))
    assert caught.value.code == "standalone.disk-full"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="memory is told on Linux")
def test_status_tells_memory(directory: Directory) -> None:
    _, said = lateen("server", "status", "--data-dir", directory.root, "-o", "json")
    supervisor, kube = json.loads(said)["processes"]
    assert 5 << 20 < supervisor["memory"] < 40 << 20
    assert 50 << 20 < kube["memory"] < 1 << 30


def test_kubeconfig_prints_the_path(directory: Directory) -> None:
    assert lateen("kubeconfig", "--data-dir", directory.root) == (
        0,
        f"{directory.kubeconfig()}\n",
    )


def test_logs_of_one_process_are_its_lines(directory: Directory) -> None:
    code, said = lateen("server", "logs", "supervisor", "--data-dir", directory.root, "--tail", "1")
    assert code == 0
    assert len(said.splitlines()) == 1
    assert "ready after" in said


def test_logs_of_all_name_the_process(directory: Directory) -> None:
    _, said = lateen("server", "logs", "--data-dir", directory.root, "--tail", "2")
    assert {line.partition("|")[0].strip() for line in said.splitlines()} == {"kube", "supervisor"}


def test_an_unknown_log_is_a_wrong_use(directory: Directory) -> None:
    code, said = lateen("server", "logs", "kubelet", "--data-dir", directory.root)
    assert code == 2
    assert "supervisor" in said


def test_without_a_plane_each_command_says_so(tmp_path: Path) -> None:
    code, said = lateen("server", "status", "--data-dir", tmp_path)
    assert (code, "lateen start" in said) == (3, True)
    code, said = lateen("server", "status", "--data-dir", tmp_path, "-o", "json")
    assert (code, json.loads(said)["running"]) == (3, False)
    code, said = lateen("kubeconfig", "--data-dir", tmp_path)
    assert (code, "no control plane" in said) == (3, True)
    code, said = lateen("server", "logs", "--data-dir", tmp_path)
    assert (code, "no logs" in said) == (1, True)
    assert lateen("stop", "--data-dir", tmp_path) == (0, "Lateen is not running.\n")


def test_start_and_stop_say_what_to_do_next(tmp_path: Path) -> None:
    code, said = lateen("start", "--data-dir", tmp_path, *WITHOUT)
    try:
        assert code == 0, said
        assert f"export KUBECONFIG={tmp_path}/kube/admin.kubeconfig" in said
        assert f"lateen stop --data-dir {tmp_path}" in said
    finally:
        assert lateen("stop", "--data-dir", tmp_path) == (0, "Lateen is stopped.\n")


def test_in_the_foreground_it_runs_until_interrupted(tmp_path: Path) -> None:
    directory = Directory(tmp_path)
    program = (
        "import typer; from lateen.cli import server\n"
        "app = typer.Typer(); server.register(app); app()"
    )
    arguments = ["start", "--foreground", "--data-dir", str(tmp_path), *WITHOUT]
    with subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env=starting.environment(os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}),
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "ready after" in line:
                break
        # the thin supervisor has taken the place of the command
        assert directories.read(directory.status)["pid"] == process.pid
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert not locks.held(directory.lock)
