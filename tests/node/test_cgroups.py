"""What processes may use of the machine, where the kernel lets us say so, and what is said where it
does not.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from lateen.node import cgroups, registration
from lateen.node.cgroups import Cgroups, Hierarchy
from lateen.node.runtimes import Runtimes
from tests.node.conftest import CGROUPS, until
from tests.node.test_processes import ANYIO, POD, driving, ended, launch, lines, loopback, shell

__all__ = ["loopback"]

WHY_NOT = CGROUPS.reason()
ABLE = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
KINDS = ("cpu", "memory", "pids")
SPIN = "while :; do :; done"
APART = "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct"
ONE = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate"
TERMINAL = "user.slice/user-1000.slice/user@1000.service/app.slice/term.scope"


def limited(launched, cpu="20m", **limits):
    resources = {"limits": {"cpu": cpu, **limits}, "requests": {"cpu": cpu}}
    return replace(launched, spec={"name": "main", "resources": resources})


def groups_of(driver, uid=POD["metadata"]["uid"]):
    return [Path(each).parent for each in cgroups.entrances(driver._pods / uid, "main")]


def group_of(driver, kind="cpu"):
    """The cgroup of the only pod that holds this kind of limit."""
    return next(each for each in groups_of(driver) if list(each.glob(f"{kind}.*")))


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
        places, name = len(groups_of(driver)), group_of(driver).name
        counted = f"$(grep -c {name} /proc/self/cgroup)"
        inside = f"until [ {counted} = {places} ]; do sleep 0.05; done"
        outcome = await sandbox.execute("main", ["sh", "-c", inside], 60)
        assert outcome.exit_code == 0


FORK = """
import os, signal
for made in range(100):
    try:
        if os.fork() == 0:
            signal.pause()
    except BlockingIOError:
        print(made, flush=True)
        break
"""


@ABLE
@ANYIO
async def test_it_has_no_more_processes_than_it_may(loopback):
    async with driving(replace(loopback, process_pids=12)) as driver:
        sandbox = await driver.open(POD)
        await sandbox.start(launch(sys.executable, "-c", FORK))
        assert (await ended(sandbox)).exit_code == 0
        assert [text for _, _, text in lines(driver)] == ["11"]


LEAVE = """
import os
fd = os.open("/dev/shm/NAME", os.O_CREAT | os.O_RDWR)
try:
    while os.write(fd, b"x" * 1048576):
        pass
finally:
    os.kill(os.getpid(), 9)
"""


@ABLE
@ANYIO
async def test_another_attempt_begins_at_nothing(loopback):
    """What the first one left in the machine's memory, and that it was killed, is not its own."""
    left = Path("/dev/shm", loopback.directory.parent.name)
    try:
        async with driving(loopback) as driver:
            sandbox = await driver.open(POD)
            script = LEAVE.replace("NAME", left.name)
            first = launch(sys.executable, "-c", script)
            await sandbox.start(limited(first, cpu="1", memory="40Mi"))
            assert (await ended(sandbox)).reason == "OOMKilled"
            hold = "held = b'x' * (16 << 20)"
            again = launch(sys.executable, "-c", hold, number=1)
            await sandbox.start(limited(again, cpu="1", memory="40Mi"))
            found = await ended(sandbox, 1)
            assert (found.exit_code, found.reason) == (0, "")
    finally:
        left.unlink(missing_ok=True)


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
        groups = groups_of(driver)
        await driver.release(POD["metadata"]["uid"])
        assert not any(each.exists() for each in groups)
    assert not any(each.parent.exists() for each in groups)


@ABLE
@ANYIO
async def test_the_next_driver_removes_what_an_earlier_one_left(loopback):
    async with driving(loopback, leave=True) as driver:
        sandbox = await driver.open(POD)
        await sandbox.start(limited(launch("sleep", "60")))
        groups = groups_of(driver)
    assert all(each.is_dir() for each in groups)
    async with driving(loopback) as driver:
        [uid] = driver.known()
        await driver.discard(uid)
        assert not any(each.exists() for each in groups)


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
    return Cgroups("lateen-nowhere", process=place)


@ANYIO
async def test_where_nothing_can_be_limited_a_process_runs_and_the_node_says_why(
    loopback, nowhere, tmp_path
):
    why = (
        f"no cgroup can be made in {tmp_path}/absent: No such file or directory; "
        "no cgroups with limits of pids are to be seen"
    )
    async with driving(loopback) as driver:
        driver.cgroups = nowhere
        sandbox = await driver.open(POD)
        await sandbox.start(limited(shell("exit 3")))
        assert (await ended(sandbox)).exit_code == 3
        assert groups_of(driver) == []
        runtimes = Runtimes(loopback, driver._network, lambda uid: None, lambda: None)
        runtimes._processes.cgroups = nowhere
        assert "cpu" not in runtimes.held({"spec": {"runtimeClassName": "process"}})
        unlimited = runtimes.unlimited
        assert unlimited == f"limits of CPU and pids do not hold for processes: {why}"
        runtimes.close()
    told = registration.Told(1, unlimited=unlimited)
    conditions = registration.status(loopback, told, {}, 0.0)["conditions"]
    [limits] = [each for each in conditions if each["type"] == "ProcessLimits"]
    assert (limits["status"], limits["reason"]) == ("False", "NotLimited")
    assert limits["message"] == unlimited


def test_each_kind_of_limit_is_held_where_it_can_be(tmp_path):
    """As for a user whom only some of version 1 was given; files of directories do for its own."""
    place = tmp_path / "kernel"
    for each in (place, tmp_path / "cpu", tmp_path / "pids"):
        each.mkdir()
    mounts = (f"3 2 0:1 / {tmp_path}/{kind} rw - cgroup cgroup rw,{kind}" for kind in KINDS)
    (place / "mountinfo").write_text("\n".join(mounts))
    (place / "cgroup").write_text("\n".join(f"1:{kind}:/" for kind in KINDS))
    found = Cgroups("lateen-some", process=place)
    assert found.held == {"cpu", "pids"}
    assert found.reason({"cpu", "pids"}) == ""
    said = f"no cgroup can be made in {tmp_path}/memory: No such file or directory"
    assert found.reason() == found.reason({"memory"}) == said


@pytest.mark.parametrize(
    ("mounts", "own", "expected"),
    [
        pytest.param(
            [APART], "3:cpu,cpuacct:/", ["1 /sys/fs/cgroup/cpu cpu"], id="1, of the machine"
        ),
        pytest.param([APART], "3:cpu:/a", ["1 /sys/fs/cgroup/cpu/a cpu"], id="1, below its own"),
        pytest.param(
            [APART.replace(" / ", " /docker/a ")],
            "3:cpu,cpuacct:/docker/a",
            ["1 /sys/fs/cgroup/cpu cpu"],
            id="1, of which a container sees a part",
        ),
        pytest.param(
            [APART.replace("cpu", "pids"), APART.replace("cpu,cpuacct", "devices")],
            "4:pids:/a\n3:devices:/\n",
            ["1 /sys/fs/cgroup/pids/a pids"],
            id="1, of processes and of something else",
        ),
        pytest.param(
            [APART, ONE],
            "3:cpu:/\n0::/",
            ["1 /sys/fs/cgroup/cpu cpu", "2 /sys/fs/cgroup memory,pids"],
            id="both",
        ),
        pytest.param(
            [APART, ONE],
            "3:cpu:/\n4:memory:/\n5:pids:/\n0::/",
            ["1 /sys/fs/cgroup/cpu cpu"],
            id="both, and 2 has nothing to give",
        ),
        pytest.param(
            [ONE], "0::/", ["2 /sys/fs/cgroup cpu,memory,pids"], id="2, its own is the first of all"
        ),
        pytest.param(
            [ONE],
            f"0::/{TERMINAL}",
            [
                f"2 /sys/fs/cgroup{place} cpu,memory,pids"
                for place in (
                    "/user.slice/user-1000.slice/user@1000.service/app.slice",
                    "/user.slice/user-1000.slice/user@1000.service",
                    "/user.slice/user-1000.slice",
                    "/user.slice",
                    "",
                )
            ],
            id="2, in a terminal",
        ),
        pytest.param([ONE], "0::/../other", [], id="2, its own is out of sight"),
        pytest.param(
            [ONE.replace("/sys/fs/cgroup", r"/a\040b")],
            "0::/",
            ["2 /a b cpu,memory,pids"],
            id="a blank in a path",
        ),
        pytest.param([], "0::/", [], id="not mounted"),
    ],
)
def test_where_a_cgroup_may_be_made(mounts, own, expected):
    found = cgroups.hierarchies("\n".join(mounts), own)
    told = [f"{each.version} {each.parent} {','.join(sorted(each.kinds))}" for each in found]
    assert told == expected


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
def test_what_is_written_of_processors(resources, first, second):
    one, two = (written(version, "cpu", resources) for version in (1, 2))
    assert f"{one['cpu.shares']} {one['cpu.cfs_quota_us']}" == first
    assert one["cpu.cfs_period_us"] == "100000"
    assert f"{two['cpu.weight']} {two['cpu.max'].removesuffix(' 100000')}" == second


def written(version, kind, resources, pids=0):
    hierarchy = Hierarchy(version, Path("/"), frozenset({kind}))
    return cgroups.values(hierarchy, {"resources": resources}, pids)


def test_what_is_written_of_memory_and_processes():
    limits = {"limits": {"memory": "1Mi", "cpu": "1"}}
    assert written(1, "memory", limits, 5) == {
        "memory.limit_in_bytes": "1048576",
        "memory.swappiness": "0",
    }
    assert written(2, "memory", limits, 5) == {
        "memory.max": "1048576",
        "memory.swap.max": "0",
        "memory.oom.group": "1",
    }
    for version in (1, 2):
        assert written(version, "memory", {}) == {}
        assert written(version, "pids", limits, 5) == {"pids.max": "5"}
        assert written(version, "pids", limits) == {}
