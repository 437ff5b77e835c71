"""What dies is started again; what is stopped is stopped in order; the status tells all of it."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from lateen.base.backoff import Backoff
from lateen.base.problem import Problem
from lateen.standalone import directories
from lateen.standalone.directories import Directory
from lateen.standalone.programs import Program
from lateen.standalone.supervisor import Supervisor
from tests.standalone import scripts

pytestmark = pytest.mark.anyio


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    made = Directory(tmp_path)
    made.prepare()
    return made


@asynccontextmanager
async def supervised(
    directory: Directory, stages: Sequence[Sequence[Program]], **given: Any
) -> AsyncIterator[Supervisor]:
    """A supervisor at work, stopped at the end."""
    supervisor = Supervisor(directory, stages, port=1, **given)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(supervisor.run)
        await until(lambda: supervisor.state == "ready")
        yield supervisor
        supervisor.stop()


async def until(true: Callable[[], bool]) -> None:
    with anyio.fail_after(30):
        while not true():
            await anyio.sleep(0.01)


async def test_the_status_file_tells_of_every_child(directory: Directory) -> None:
    stages = [[scripts.steady("kube")], [scripts.steady("node"), scripts.steady("controllers")]]
    async with supervised(directory, stages) as supervisor:
        told = directories.read(directory.status)
        assert (told["pid"], told["port"], told["state"]) == (os.getpid(), 1, "ready")
        assert [each["name"] for each in told["children"]] == ["kube", "node", "controllers"]
        assert [each["pid"] for each in told["children"]] == [
            each.pid for each in supervisor.children
        ]
        assert {each["state"] for each in told["children"]} == {"running"}
        assert {each["restarts"] for each in told["children"]} == {0}
    told = directories.read(directory.status)
    assert told["state"] == "stopped"
    assert {each["pid"] for each in told["children"]} == {None}


async def test_children_stop_from_the_last_to_the_first(
    directory: Directory, tmp_path: Path
) -> None:
    stopped = tmp_path / "stopped"
    names = ("kube", "node", "controllers")
    kube, node, controllers = (scripts.steady(name, stopped) for name in names)
    async with supervised(directory, [[kube], [node, controllers]]):
        pass
    assert stopped.read_text().split() == ["controllers", "node", "kube"]


async def test_a_later_stage_waits_for_the_one_before(directory: Directory, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    first = f"import time; time.sleep(0.3); open({str(mark)!r}, 'w'){scripts.READY}{scripts.WAIT}"
    second = f"open({str(mark)!r}){scripts.READY}{scripts.WAIT}"
    stages = [[scripts.script("first", first)], [scripts.script("second", second)]]
    async with supervised(directory, stages) as supervisor:
        assert [child.state for child in supervisor.children] == ["running", "running"]


async def test_a_killed_child_is_started_again(directory: Directory) -> None:
    async with supervised(directory, [[scripts.steady("a"), scripts.steady("b")]]) as supervisor:
        killed, other = supervisor.children
        pids = killed.pid, other.pid
        assert pids[0] is not None
        os.kill(pids[0], signal.SIGKILL)
        await until(lambda: killed.restarts == 1 and killed.state == "running")
        assert killed.pid not in pids
        assert other.pid == pids[1]
        told = directories.read(directory.status)["children"][0]
        assert (told["restarts"], told["last_exit"]) == (1, -signal.SIGKILL)


async def test_a_status_that_could_not_be_written_is_written_later(directory: Directory) -> None:
    aside = directory.root / "aside"
    async with supervised(directory, [[scripts.steady("a")]], again=0.05) as supervisor:
        [child] = supervisor.children
        directory.run.rename(aside)  # as on a disk that is full
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        await until(lambda: child.restarts == 1 and child.state == "running")
        assert directories.read(aside / directory.status.name)["children"][0]["restarts"] == 0
        aside.rename(directory.run)
        await until(lambda: directories.read(directory.status)["children"][0]["restarts"] == 1)


async def test_failures_in_a_row_wait_longer_and_longer(directory: Directory) -> None:
    asked: list[int] = []

    class Recorded(Backoff):
        def delay(self, failures: int) -> float:
            asked.append(failures)
            return 0.0

    dying = scripts.script("dying", f"{scripts.READY}time.sleep(0.2)")
    async with supervised(directory, [[dying]], backoff=Recorded()):
        await until(lambda: len(asked) >= 4)
    assert asked[:4] == [1, 2, 3, 4]


async def test_a_child_that_ran_long_enough_starts_from_the_first_delay(
    directory: Directory,
) -> None:
    asked: list[int] = []

    class Recorded(Backoff):
        def delay(self, failures: int) -> float:
            asked.append(failures)
            return 0.0

    dying = scripts.script("dying", f"{scripts.READY}time.sleep(0.2)")
    async with supervised(directory, [[dying]], backoff=Recorded(), stable=0.0):
        await until(lambda: len(asked) >= 3)
    assert asked[:3] == [1, 1, 1]


async def test_a_failed_first_start_stops_what_was_started(directory: Directory) -> None:
    failing = """print('{"event": "error", "code": "data-newer", "message": "too new"}')"""
    stages = [[scripts.steady("kube")], [scripts.script("node", failing)]]
    supervisor = Supervisor(directory, stages, port=1)
    with pytest.raises(Problem) as caught:
        await supervisor.run()
    assert (caught.value.code, caught.value.message) == ("standalone.data-newer", "too new")
    assert [child.pid for child in supervisor.children] == [None, None]
    told = directories.read(directory.status)
    assert told["state"] == "failed"
    assert told["problem"]["message"] == "too new"
    assert not directory.port.exists(), "a port that failed is not remembered"


async def test_a_stop_while_starting_is_heard(directory: Directory) -> None:
    silent = scripts.script("silent", f"import time{scripts.WAIT}", ready_within=60)
    supervisor = Supervisor(directory, [[silent]], port=1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(supervisor.run)
        await until(lambda: supervisor.children[0].state == "starting")
        with anyio.fail_after(30):
            supervisor.stop()
            await until(lambda: supervisor.state == "stopped")
