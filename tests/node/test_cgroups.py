"""What processes may use of the processors, where the kernel lets us say so, and what is said where
it does not.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from lateen.node import cgroups, registration
from lateen.node.cgroups import Cgroups
from lateen.node.runtimes import Runtimes
from tests.node.conftest import until
from tests.node.test_processes import ANYIO, POD, driving, ended, launch, loopback, shell

__all__ = ["loopback"]

WHY_NOT = Cgroups("lateen-asked").reason
ABLE = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
SPIN = "while :; do :; done"
APART = "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct"
ONE = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate"
TERMINAL = "user.slice/user-1000.slice/user@1000.service/app.slice/term.scope"


def limited(launched, cpu="20m", **requests):
    resources = {"limits": {"cpu": cpu}, "requests": {"cpu": cpu, **requests}}
    return replace(launched, spec={"name": "main", "resources": resources})


def group_of(driver, uid=POD["metadata"]["uid"]):
    return Path(cgroups.entrance(driver._pods / uid, "main")).parent


def found(path):
    return {line.rpartition(":")[2] for line in Path(path).read_text().splitlines()}


@ABLE
@ANYIO
async def test_a_process_gets_no_more_than_its_limit(loopback):
    async with driving(loopback) as driver:
        sandbox = await driver.open(POD)
        await sandbox.start(limited(shell(f"({SPIN}) & wait")))
        group = group_of(driver)
        until(lambda: "nr_throttled 0\n" not in (group / "cpu.stat").read_text())
        began, before = time.monotonic(), _used(group)
        await anyio.sleep(1)
        used, passed = _used(group) - before, time.monotonic() - began
        assert used < passed / 5  # with what the kernel counts in whole ticks
        [attempt] = sandbox.attempts()
        assert any(path.endswith(group.name) for path in found(f"/proc/{attempt.pid}/cgroup"))
        assert len((group / "cgroup.procs").read_text().split()) == 2


def _used(group):
    """Seconds of the processors, of all in a cgroup."""
    pids = (group / "cgroup.procs").read_text().split()
    stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(ticks) for stat in stats for ticks in stat[11:13]) / os.sysconf("SC_CLK_TCK")


@ABLE
@ANYIO
async def test_a_command_beside_it_counts_too(loopback):
    async with driving(loopback) as driver:
        sandbox = await driver.open(POD)
        await sandbox.start(limited(launch("sleep", "60")))
        inside = f"until grep -q {group_of(driver).name} /proc/self/cgroup; do sleep 0.05; done"
        outcome = await sandbox.execute("main", ["sh", "-c", inside], 60)
        assert outcome.exit_code == 0


@ABLE
@ANYIO
async def test_a_cgroup_goes_with_its_pod(loopback):
    async with driving(loopback) as driver:
        sandbox = await driver.open(POD)
        await sandbox.start(limited(launch("sleep", "60")))
        group = group_of(driver)
        [share] = [each for each in ("cpu.shares", "cpu.weight") if (group / each).exists()]
        whole = {"cpu.shares": 1024, "cpu.weight": 100}[share]
        assert int((group / share).read_text()) == whole // 50
        assert int((group.parent / share).read_text()) == whole * (os.cpu_count() or 1)
        await driver.release(POD["metadata"]["uid"])
        assert not group.exists()
    assert not group.parent.exists()


@ABLE
@ANYIO
async def test_the_next_driver_removes_what_an_earlier_one_left(loopback):
    async with driving(loopback, leave=True) as driver:
        sandbox = await driver.open(POD)
        await sandbox.start(limited(launch("sleep", "60")))
        group = group_of(driver)
    assert group.is_dir()
    async with driving(loopback) as driver:
        [uid] = driver.known()
        await driver.discard(uid)
        assert not group.exists()


@ABLE
@ANYIO
async def test_one_elsewhere_is_left_when_a_container_starts_again(loopback, tmp_path):
    """As when Lateen is started from another session, which has other cgroups."""
    async with driving(loopback) as driver:
        sandbox = await driver.open(POD)
        await sandbox.start(limited(shell("exit 1")))
        await ended(sandbox)
        group = group_of(driver)
        elsewhere = group.with_name("elsewhere")
        elsewhere.mkdir()
        record = driver._pods / POD["metadata"]["uid"] / "containers" / "main" / "cgroup"
        record.write_text(str(elsewhere))
        await sandbox.start(limited(launch("sleep", "60", number=1)))
        assert not elsewhere.exists()
        assert group_of(driver) == group


@pytest.fixture
def nowhere(tmp_path):
    """What the kernel would say of a process whose cgroups are not to be divided."""
    place = tmp_path / "kernel"
    place.mkdir()
    (place / "mountinfo").write_text(APART.replace("/sys/fs/cgroup/cpu", str(tmp_path / "absent")))
    (place / "cgroup").write_text("1:cpu,cpuacct:/")
    return Cgroups("lateen-nowhere", place)


@ANYIO
async def test_where_nothing_can_be_limited_a_process_runs_and_the_node_says_why(
    loopback, nowhere, tmp_path
):
    why = f"no cgroup can be made in {tmp_path}/absent: No such file or directory"
    async with driving(loopback) as driver:
        driver.cgroups = nowhere
        sandbox = await driver.open(POD)
        await sandbox.start(limited(shell("exit 3")))
        assert (await ended(sandbox)).exit_code == 3
        assert cgroups.entrance(driver._pods / POD["metadata"]["uid"], "main") == ""
        runtimes = Runtimes(loopback, driver._network, lambda uid: None, lambda: None)
        runtimes._processes.cgroups = nowhere
        assert "cpu" not in runtimes.held({"spec": {"runtimeClassName": "process"}})
        unlimited = runtimes.unlimited
        assert unlimited == f"limits of CPU do not hold for processes: {why}"
        runtimes.close()
    told = registration.Told(1, unlimited=unlimited)
    conditions = registration.status(loopback, told, {}, 0.0)["conditions"]
    [limits] = [each for each in conditions if each["type"] == "ProcessLimits"]
    assert (limits["status"], limits["reason"]) == ("False", "NotLimited")
    assert limits["message"] == unlimited


@pytest.mark.parametrize(
    ("mounts", "own", "expected"),
    [
        pytest.param([APART], "3:cpu,cpuacct:/", ["1 /sys/fs/cgroup/cpu"], id="1, of the machine"),
        pytest.param([APART], "3:cpu:/a", ["1 /sys/fs/cgroup/cpu/a"], id="1, below its own"),
        pytest.param(
            [APART.replace(" / ", " /docker/a ")],
            "3:cpu,cpuacct:/docker/a",
            ["1 /sys/fs/cgroup/cpu"],
            id="1, of which a container sees a part",
        ),
        pytest.param(
            [APART.replace("cpu,cpuacct", "memory")], "3:memory:/", [], id="1, of something else"
        ),
        pytest.param([APART, ONE], "3:cpu:/\n0::/", ["1 /sys/fs/cgroup/cpu"], id="both"),
        pytest.param([ONE], "0::/", ["2 /sys/fs/cgroup"], id="2, its own is the first of all"),
        pytest.param(
            [ONE],
            f"0::/{TERMINAL}",
            [
                "2 /sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice",
                "2 /sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service",
                "2 /sys/fs/cgroup/user.slice/user-1000.slice",
                "2 /sys/fs/cgroup/user.slice",
                "2 /sys/fs/cgroup",
            ],
            id="2, in a terminal",
        ),
        pytest.param([ONE], "0::/../other", [], id="2, its own is out of sight"),
        pytest.param(
            [ONE.replace("/sys/fs/cgroup", r"/a\040b")], "0::/", ["2 /a b"], id="a blank in a path"
        ),
        pytest.param([], "0::/", [], id="not mounted"),
    ],
)
def test_where_a_cgroup_may_be_made(mounts, own, expected):
    found = cgroups.hierarchies("\n".join(mounts), own)
    assert [f"{each.version} {each.parent}" for each in found] == expected


@pytest.mark.parametrize(
    ("resources", "first", "second"),
    [
        pytest.param({}, "2 -1", "1 max", id="it says nothing"),
        pytest.param(
            {"limits": {"cpu": "500m"}, "requests": {"cpu": "500m"}},
            "512 50000",
            "50 50000",
            id="half a core",
        ),
        pytest.param({"requests": {"cpu": 2}}, "2048 -1", "200 max", id="a request alone"),
        pytest.param({"limits": {"cpu": "1m"}}, "2 1000", "1 1000", id="less than there can be"),
        pytest.param(
            {"limits": {"cpu": "9999"}, "requests": {"cpu": "9999"}},
            "262144 999900000",
            "10000 999900000",
            id="more than there is",
        ),
        pytest.param({"limits": {"cpu": "0"}}, "2 -1", "1 max", id="nothing is no limit"),
    ],
)
def test_what_is_written_into_it(resources, first, second):
    one, two = (cgroups.values(version, resources) for version in (1, 2))
    assert f"{one['cpu.shares']} {one['cpu.cfs_quota_us']}" == first
    assert one["cpu.cfs_period_us"] == "100000"
    assert f"{two['cpu.weight']} {two['cpu.max'].removesuffix(' 100000')}" == second
