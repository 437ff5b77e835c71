"""Limits of processes: who takes more memory than its limit is killed, nobody else is."""

from __future__ import annotations

import signal
import sys
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from lateen.node import engines, limiting, shim
from lateen.node.cgroups import Cgroups
from lateen.node.drivers import Phase
from lateen.node.isolating import Isolation
from tests.node.conftest import CGROUPS, until
from tests.node.test_processes import ANYIO, POD, driving, ended, launch, lines, loopback

__all__ = ["loopback"]

pytestmark = pytest.mark.skipif(
    "memory" not in limiting.OF_SHIMS,
    reason="the kernel does not tell who descends from whom",
)

MIB = 1 << 20
EAT = "import time\ntaken = bytearray(b'x') * (200 << 20)\ntime.sleep(600)"
CHILD = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {EAT!r}])"
THREAD = f"import threading\nthreading.Thread(target=lambda: exec({CHILD!r})).start()"
# of its own session, and no more than the whole is over the limit
AWAY = f"""
import subprocess, sys, time
eat = [sys.executable, "-c", {EAT.replace("200", "60")!r}]
[subprocess.Popen(eat, start_new_session=True) for _ in range(2)]
time.sleep(600)
"""
WHY_NOT = Isolation("auto").reason
WHY_UNHELD = CGROUPS.reason({"memory"})


def limited(script, memory="100Mi"):
    spec = {"name": "main", "resources": {"limits": {"memory": memory}}}
    return replace(launch(sys.executable, "-c", script), spec=spec)


@pytest.fixture(
    params=[
        "off",
        pytest.param("on", marks=pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)),
    ]
)
def settings(request, loopback):
    return replace(loopback, isolation=request.param)


@pytest.fixture(params=["by the kernel", "by its shim"])
def holding(request, tmp_path):
    """Makes a driver hold memory in that way."""
    by_kernel = request.param == "by the kernel"
    if by_kernel and WHY_UNHELD:
        pytest.skip(WHY_UNHELD)

    def hold(driver):
        if not by_kernel:
            driver.cgroups = Cgroups("lateen-nowhere", process=tmp_path / "none")
        assert ("memory" in driver.cgroups.held) is by_kernel

    return hold


@ANYIO
@pytest.mark.parametrize(
    "script",
    [
        pytest.param(EAT, id="itself"),
        pytest.param(CHILD, id="a child"),
        pytest.param(THREAD, id="a child of a thread"),
        pytest.param(AWAY, id="several together, in sessions of their own"),
    ],
)
async def test_who_takes_more_than_its_limit_is_killed(script, settings, holding):
    uid = uuid.uuid4().hex
    async with driving(settings) as driver:
        holding(driver)
        sandbox = await driver.open({"metadata": {"uid": uid}})
        await sandbox.start(limited(script))
        found = await ended(sandbox)
        assert (found.phase, found.exit_code, found.signal) == (Phase.EXITED, 137, signal.SIGKILL)
        assert found.reason == "OOMKilled"
        assert found.message == "it took more memory than its limit of 100 MiB"
        until(lambda: not any(_carries(each, uid) for each in Path("/proc").glob("[0-9]*")))


def _carries(process, uid):
    try:
        return f"LATEEN_POD_UID={uid}".encode() in (process / "environ").read_bytes()
    except OSError:
        return False


@ANYIO
@pytest.mark.skipif(bool(WHY_UNHELD), reason=WHY_UNHELD)
async def test_too_little_memory_to_begin_with_is_told_as_such(settings):
    async with driving(settings) as driver:
        sandbox = await driver.open(POD)
        await sandbox.start(limited("pass", memory="1"))
        found = await ended(sandbox)
        assert (found.phase, found.exit_code, found.reason) == (Phase.EXITED, 137, "OOMKilled")
        assert found.message == "it took more memory than its limit of 1 bytes"


@ANYIO
async def test_who_is_killed_by_others_ran_out_of_nothing(settings, holding):
    async with driving(settings) as driver:
        holding(driver)
        sandbox = await driver.open(POD)
        await sandbox.start(limited("import os\nos.kill(os.getpid(), 9)"))
        found = await ended(sandbox)
        assert (found.exit_code, found.reason) == (137, "")


# a parent with much memory that four children see as well, as servers do before they fork
SHARE = """
import os, signal
taken = bytearray(b"x") * (60 << 20)
for _ in range(4):
    if os.fork() == 0:
        signal.pause()
print("shared", flush=True)
signal.pause()
"""


@ANYIO
async def test_what_several_share_counts_once(loopback):
    async with driving(loopback) as driver:
        sandbox = await driver.open(POD)
        await sandbox.start(limited(SHARE))
        until(lambda: lines(driver))
        [attempt] = sandbox.attempts()
        keeper = int(Path(f"/proc/{attempt.pid}/stat").read_text().rpartition(")")[2].split()[1])
        family = shim._descendants(keeper)
        assert len(family) == 5
        assert sum(shim._resident(pid)[0] for pid in family) > 250 * MIB
        assert 60 * MIB < sum(shim._taken(pid) for pid in family) < 100 * MIB
        assert not sandbox.attempts()[0].ended


@ANYIO
async def test_when_the_machine_runs_out_pods_go_before_the_node(loopback):
    async with driving(loopback) as driver:
        sandbox = await driver.open(POD)
        await sandbox.start(launch("cat", "/proc/self/oom_score_adj"))
        await ended(sandbox)
        assert [text for _, _, text in lines(driver)] == ["500"]
        assert Path("/proc/self/oom_score_adj").read_text().strip() != "500"


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        pytest.param({"memory": "64Mi"}, 64 * MIB, id="as Kubernetes writes it"),
        pytest.param({"memory": 1000}, 1000, id="a number"),
        pytest.param({"memory": "512m"}, 1, id="thousandths, which somebody took for megabytes"),
        pytest.param({"memory": "0"}, 0, id="nothing is no limit"),
        pytest.param({"cpu": "1"}, 0, id="none"),
    ],
)
def test_bytes(limits, expected):
    assert limiting.memory({"resources": {"limits": limits}}) == expected


def test_a_pod_is_told_which_limits_do_not_hold():
    def missing(limits, held=limiting.OF_SHIMS):
        main = {"name": "main", "resources": {"limits": limits}}
        return limiting.missing({"spec": {"containers": [main]}}, held)

    assert missing({}) is None
    assert missing({"memory": "1Gi"}) == ""
    said = "nothing here holds cpu of main: for scheduling only"
    assert missing({"cpu": "1", "memory": "1Gi"}) == said
    assert missing({"cpu": "1", "memory": "1Gi"}, limiting.ALL) == ""


@pytest.mark.parametrize(
    ("info", "held"),
    [
        pytest.param({}, limiting.ALL, id="it says nothing"),
        pytest.param({"MemoryLimit": True, "CpuCfsQuota": False}, {"memory"}, id="no CPU"),
        pytest.param({"Rootless": True, "CgroupVersion": "1"}, set(), id="Podman, cgroups of root"),
        pytest.param({"Rootless": True, "CgroupVersion": "2"}, limiting.ALL, id="delegated"),
        pytest.param(
            {"SecurityOptions": ["name=rootless"], "CgroupVersion": "1"}, set(), id="Docker"
        ),
    ],
)
def test_which_limits_an_engine_holds(info, held):
    assert engines._held(info) == held
