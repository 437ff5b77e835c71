"""Real processes under their shims."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from lateen.node import addresses, networks, records
from lateen.node.drivers import Launch, Phase
from lateen.node.processes import Processes
from tests.node.conftest import NETWORKS, settings_at, until

POD = {"metadata": {"uid": "11111111-2222", "name": "web", "namespace": "default"}}
ANYIO = pytest.mark.anyio
ENV = {"PATH": os.environ["PATH"], "GREETING": "hello"}

SERVE = """
import os, socket
server = socket.create_server((os.environ["HOST"], 8000))
while True:
    connection, _ = server.accept()
    connection.sendall(os.environ["NAME"].encode())
    connection.close()
"""


def launch(*argv, number=0, **rest):
    return Launch("main", number, argv, {**ENV, **rest.pop("env", {})}, "", 5.0)


def shell(script, number=0, **rest):
    return launch("sh", "-c", script, number=number, **rest)


@pytest.fixture(params=NETWORKS)
def settings(request, tmp_path):
    return settings_at(tmp_path, network=request.param)


@pytest.fixture
def loopback(tmp_path):
    return settings_at(tmp_path, isolation="off")


@asynccontextmanager
async def driving(settings, *, leave=False):
    """A driver; what it runs is ended with it, unless it is to be left to the next."""
    network = await networks.choose(settings, settings.directory / "pods")
    driver = Processes(settings, network, lambda uid: None)
    try:
        yield driver
    finally:
        if not leave:
            for uid in driver.known():
                await driver.discard(uid)
            await network.close()
        driver.close()


async def ended(sandbox, number=0):
    with anyio.fail_after(90):
        while True:
            for attempt in sandbox.attempts():
                if attempt.number == number and attempt.ended:
                    return attempt
            await anyio.sleep(0.01)


def lines(driver):
    text = driver.log(POD["metadata"]["uid"], "main", 0).path.read_text()
    return [line.split(" ", 3)[1:] for line in text.splitlines()]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@ANYIO
async def test_output_and_exit_code(settings):
    async with driving(settings) as driver:
        sandbox = await driver.open(POD)
        await sandbox.start(shell("echo $GREETING; echo oops >&2; exit 3"))
        attempt = await ended(sandbox)
        assert (attempt.phase, attempt.exit_code, attempt.signal) == (Phase.EXITED, 3, 0)
        assert sorted(lines(driver)) == [["stderr", "F", "oops"], ["stdout", "F", "hello"]]


@ANYIO
async def test_two_pods_listen_on_one_port(settings):
    async with driving(settings) as driver:
        addresses = {}
        for name in ("one", "two"):
            sandbox = await driver.open({"metadata": {"uid": name}})
            env = {"HOST": sandbox.address, "NAME": name}
            await sandbox.start(launch(sys.executable, "-c", SERVE, env=env))
            addresses[name] = sandbox.address
        assert len(set(addresses.values())) == 2
        for name, address in addresses.items():
            assert await _greeting(address) == name


async def _greeting(address):
    with anyio.fail_after(30):
        while True:
            try:
                async with await anyio.connect_tcp(address, 8000) as stream:
                    return (await stream.receive()).decode()
            except OSError:
                await anyio.sleep(0.05)


@ANYIO
async def test_nothing_is_left_in_the_kernel(settings):
    plane = addresses.identity(settings.directory)[:4]

    def interfaces():
        return [name for _, name in socket.if_nameindex() if name[2:].strip("-").startswith(plane)]

    async with driving(settings) as driver:
        await (await driver.open(POD)).start(launch("sleep", "60"))
        assert len(interfaces()) == (2 if settings.network == "namespaces" else 0)
    assert interfaces() == []
    assert list((settings.directory / "pods").iterdir()) == []


@ANYIO
async def test_a_stop_right_after_the_start_is_heard(loopback):
    async with driving(loopback) as driver:
        for number in range(20):
            sandbox = await driver.open(POD)
            await sandbox.start(launch("sleep", "60", number=number))
            await sandbox.stop("main", 5, "deleted")
            assert sandbox.attempts()[-1].stopped_for == "deleted"


@ANYIO
@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        pytest.param(["no-such-command"], 127, "cannot run no-such-command", id="not there"),
        pytest.param(["/"], 128, "Permission denied", id="not executable"),
    ],
)
async def test_a_command_that_cannot_run(command, code, message, loopback):
    async with driving(loopback) as driver:
        sandbox = await driver.open(POD)
        await sandbox.start(launch(*command))
        [attempt] = sandbox.attempts()
        assert (attempt.phase, attempt.exit_code) == (Phase.FAILED, code)
        assert message in attempt.message


@ANYIO
async def test_a_working_directory_that_is_not_there(loopback):
    async with driving(loopback) as driver:
        sandbox = await driver.open(POD)
        await sandbox.start(replace(launch("true"), directory="/no/such"))
        [attempt] = sandbox.attempts()
        assert attempt.message == (
            "cannot use the working directory /no/such: No such file or directory"
        )


@ANYIO
async def test_a_process_may_end_itself_within_its_grace(loopback):
    async with driving(loopback) as driver:
        sandbox = await driver.open(POD)
        await sandbox.start(
            shell("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done")
        )
        await _printed(driver, "up")
        await sandbox.stop("main", 10, "deleted")
        [attempt] = sandbox.attempts()
        assert (attempt.exit_code, attempt.stopped_for) == (0, "deleted")
        assert ["stdout", "F", "bye"] in lines(driver)


@ANYIO
async def test_who_does_not_end_is_killed_with_all_its_children(loopback, tmp_path):
    pids = tmp_path / "pids"
    script = (
        f"trap '' TERM; sleep 60 & echo $! >> {pids}; setsid sleep 60 & echo $! >> {pids}; "
        f"echo up; sleep 60; sleep 60"
    )
    async with driving(loopback) as driver:
        sandbox = await driver.open(POD)
        await sandbox.start(shell(script))
        await _printed(driver, "up")
        began = time.monotonic()
        await sandbox.stop("main", 0.5, "deleted")
        assert 0.4 < time.monotonic() - began < 30
        [attempt] = sandbox.attempts()
        assert (attempt.exit_code, attempt.signal) == (137, signal.SIGKILL)
        assert [pid for pid in pids.read_text().split() if alive(pid)] == []


async def _printed(driver, text):
    with anyio.fail_after(90):
        while ["stdout", "F", text] not in lines(driver):
            await anyio.sleep(0.01)


@ANYIO
async def test_the_same_attempt_is_never_started_twice(loopback):
    async with driving(loopback) as driver:
        sandbox = await driver.open(POD)
        for _ in range(3):
            await sandbox.start(launch("sleep", "60"))
        assert len(sandbox.attempts()) == 1
    async with driving(loopback, leave=True) as driver:
        sandbox = await driver.open(POD)
        await sandbox.start(shell("exit 1"))
        await ended(sandbox)
    async with driving(loopback) as driver:
        sandbox = await driver.open(POD)
        await sandbox.start(shell("exit 2"))
        assert [a.exit_code for a in sandbox.attempts()] == [1]


@ANYIO
async def test_the_next_driver_adopts_what_runs(settings):
    async with driving(settings, leave=True) as driver:
        sandbox = await driver.open(POD)
        env = {"HOST": sandbox.address, "NAME": "adopted"}
        await sandbox.start(launch(sys.executable, "-c", SERVE, env=env))
        [before] = sandbox.attempts()
        address = sandbox.address
    async with driving(settings) as driver:
        sandbox = await driver.open(POD)
        assert sandbox.attempts() == [before]
        assert sandbox.address == address
        assert await _greeting(address) == "adopted"
        outcome = await sandbox.execute("main", ["sh", "-c", "echo $NAME"], 60)
        assert outcome.output == "adopted"  # its environment was found again
        os.kill(before.pid, signal.SIGTERM)
        assert (await ended(sandbox)).signal == signal.SIGTERM


@ANYIO
async def test_an_exit_while_no_driver_was_there_is_told_to_the_next(loopback):
    async with driving(loopback, leave=True) as driver:
        sandbox = await driver.open(POD)
        await sandbox.start(shell("sleep 0.3; exit 9"))
        shim = records.shim(sandbox.directory, "main", 0)
    until(lambda: not alive(shim))
    async with driving(loopback) as driver:
        [attempt] = (await driver.open(POD)).attempts()
        assert (attempt.exit_code, attempt.interrupted) == (9, False)


@ANYIO
@pytest.mark.skipif(sys.platform != "linux", reason="needs PR_SET_PDEATHSIG")
async def test_with_its_shim_a_process_is_lost_and_ended(loopback, tmp_path):
    pids = tmp_path / "pids"
    async with driving(loopback) as driver:
        sandbox = await driver.open(POD)
        await sandbox.start(shell(f"sleep 60 & echo $! > {pids}; echo up; wait"))
        await _printed(driver, "up")
        [attempt] = sandbox.attempts()
        shim = records.shim(sandbox.directory, "main", 0)
        os.kill(shim, signal.SIGKILL)
        lost = await ended(sandbox)
        assert (lost.exit_code, lost.stopped_for, lost.interrupted) == (137, "lost", True)
        child = int(pids.read_text())
        until(lambda: not alive(attempt.pid) and not alive(child))


@ANYIO
async def test_a_stop_with_the_node_is_an_interruption(loopback):
    async with driving(loopback, leave=True) as driver:
        sandbox = await driver.open(POD)
        await sandbox.start(launch("sleep", "60"))
        await driver.stop_everything(5)
        [attempt] = sandbox.attempts()
        assert (attempt.stopped_for, attempt.interrupted) == ("node", True)
    async with driving(loopback) as driver:
        [attempt] = (await driver.open(POD)).attempts()
        assert attempt.interrupted


@ANYIO
async def test_only_the_last_two_attempts_are_kept(loopback):
    async with driving(loopback) as driver:
        sandbox = await driver.open(POD)
        for number in range(4):
            await sandbox.start(shell(f"echo {number}; exit {number}", number))
            await ended(sandbox, number)
        assert [a.number for a in sandbox.attempts()] == [2, 3]
        uid = POD["metadata"]["uid"]
        texts = [driver.log(uid, "main", back).path.read_text() for back in (0, 1)]
        assert [text.split()[-1] for text in texts] == ["3", "2"]
        assert driver.log(uid, "main", 2) is None


@ANYIO
async def test_commands_beside_a_process(settings):
    async with driving(settings) as driver:
        sandbox = await driver.open(POD)
        await sandbox.start(launch("sleep", "60"))
        outcome = await sandbox.execute("main", ["sh", "-c", "echo $GREETING; exit 4"], 60)
        assert (outcome.exit_code, outcome.output) == (4, "hello")
        missing = await sandbox.execute("main", ["no-such-command"], 60)
        assert missing.exit_code == 127
        with pytest.raises(TimeoutError):
            await sandbox.execute("main", ["sleep", "60"], 0.2)


@ANYIO
async def test_secrets_of_the_environment_are_not_on_disk(loopback):
    async with driving(loopback) as driver:
        sandbox = await driver.open(POD)
        await sandbox.start(launch("sleep", "60", env={"TOKEN": "s3cr3t-value"}))
        files = [path for path in loopback.directory.rglob("*") if path.is_file()]
        assert [path for path in files if b"s3cr3t-value" in path.read_bytes()] == []
