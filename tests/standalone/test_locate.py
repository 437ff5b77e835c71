"""A control plane is found while its supervisor lives, and only then."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from lateen.standalone import directories, locate, locks, ports
from lateen.standalone.directories import Directory


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    made = Directory(tmp_path / "data")
    made.prepare()
    return made


def test_nothing_runs_where_nothing_is(tmp_path: Path) -> None:
    assert locate.running(tmp_path / "none") is None
    assert locate.kubeconfig(tmp_path / "none") is None


def test_a_held_lock_is_a_running_plane(directory: Directory) -> None:
    directories.write(directory.status, {"port": 7000, "state": "ready"})
    directory.kube.mkdir()
    directory.kubeconfig().write_text("")
    with locks.hold(directory.lock, json.dumps({"pid": 42})) as mine:
        assert mine
        found = locate.running(directory.root)
        assert found is not None
        assert (found.pid, found.port, found.state) == (42, 7000, "ready")
        assert locate.kubeconfig(directory.root) == directory.kubeconfig()
    # the files are still there, as after kill -9
    assert locate.running(directory.root) is None
    assert locate.kubeconfig(directory.root) is None


def test_a_plane_without_status_yet_is_starting(directory: Directory) -> None:
    with locks.hold(directory.lock, json.dumps({"pid": 42})):
        found = locate.running(directory.root)
    assert found is not None
    assert (found.port, found.state) == (0, "starting")


def test_a_second_holder_is_told_no(directory: Directory) -> None:
    with (
        locks.hold(directory.lock, "first"),
        locks.hold(directory.lock, "second", patience=0.1) as mine,
    ):
        assert not mine
    assert directory.lock.read_text() == "first"


def test_the_data_directory_is_the_one_given_or_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LATEEN_DATA_DIR", str(tmp_path / "environment"))
    assert directories.directory("given").root == Path.cwd() / "given"
    assert directories.directory().root == tmp_path / "environment"
    monkeypatch.delenv("LATEEN_DATA_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert directories.directory().root == tmp_path / ".lateen"


def test_the_port_asked_for_is_taken_as_it_is() -> None:
    assert ports.choose(4321, 5000) == 4321


def test_the_remembered_port_is_taken_unless_it_is_in_use() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert ports.choose(0, port) not in (0, port)
    with socket.socket() as kept:  # so that no other test takes it; it does not listen
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", 0))
        port = kept.getsockname()[1]
        assert ports.choose(0, port) == port


def test_a_port_file_that_makes_no_sense_remembers_nothing(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("x")
    assert ports.remembered(tmp_path / "port") == 0
    assert ports.remembered(tmp_path / "none") == 0
