"""Processes that bubblewrap isolates, as the kernel lets it."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from lateen.base.problem import Problem
from lateen.node import isolating, records
from lateen.node.drivers import Phase
from lateen.node.isolating import Isolation
from tests.node.conftest import settings_at, until
from tests.node.test_processes import (
    ANYIO,
    POD,
    _printed,
    alive,
    driving,
    ended,
    launch,
    lines,
    shell,
)

WHY_NOT = Isolation("auto").reason
isolated = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)


def test_only_the_kernel_may_be_why_it_is_not_tested():
    assert "not installed" not in WHY_NOT, "install the package bubblewrap, as .ci/run does"


def put(made, *, pod=None, container=None, places=None, resolver=""):
    """A launch as `launching` gives it."""
    whole = {**POD, "spec": {**(pod or {}), "containers": [{"name": "main", **(container or {})}]}}
    [spec] = whole["spec"]["containers"]
    return replace(made, pod=whole, spec=spec, places=places or {}, resolver=resolver)


@pytest.fixture
def settings(tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "token").write_text("of the control plane")
    return settings_at(tmp_path, isolation="on", hidden=(secret, tmp_path / "n"))


async def said(settings, made):
    """What it prints until it ends, and how it ends."""
    async with driving(settings) as driver:
        sandbox = await driver.open(POD)
        await sandbox.start(made)
        attempt = await ended(sandbox)
        return [text for _, _, text in lines(driver)], attempt


@isolated
@ANYIO
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("touch /usr/x 2>&1 | grep -o Read-only", ["Read-only"], id="the system"),
        pytest.param("ls $DIR/secret | wc -l", ["0"], id="Lateen's own is hidden"),
        pytest.param("ls $DIR/n/pods", [POD["metadata"]["uid"]], id="other pods are hidden"),
        pytest.param("echo $$", ["2"], id="other processes are not there"),
        pytest.param("grep NoNewPrivs /proc/self/status | cut -f2", ["1"], id="no new privileges"),
        pytest.param("touch x && basename $PWD", ["work"], id="its own directory is writable"),
    ],
)
async def test_what_a_process_sees(script, expected, settings, tmp_path):
    (settings.directory / "pods" / "another").mkdir(parents=True)
    found, _ = await said(settings, put(shell(script, env={"DIR": str(tmp_path)})))
    assert found == expected


@isolated
@ANYIO
@pytest.mark.parametrize(
    ("script", "env", "expected"),
    [
        pytest.param("ls /tmp/*.sh | wc -l; ls -d {dir}", {}, ["{dir}"], id="named by a command"),
        pytest.param("cat $FILE", {"FILE": "{dir}/file"}, ["here"], id="named by a variable"),
        pytest.param("ls $(dirname $(dirname $PWD))/../..", {}, ["n"], id="its own otherwise"),
    ],
)
async def test_the_machines_tmp_is_there_for_who_names_it(
    script, env, expected, settings, tmp_path
):
    (tmp_path / "file").write_text("here\n")
    made = shell(
        script.format(dir=tmp_path), env={k: v.format(dir=tmp_path) for k, v in env.items()}
    )
    found, _ = await said(settings, put(made))
    assert found[-1:] == [each.format(dir=tmp_path) for each in expected]


@isolated
@ANYIO
async def test_volumes_are_where_they_are_mounted(settings, tmp_path):
    volume = settings.directory / "volumes" / "data"
    (volume / "part").mkdir(parents=True)
    (volume / "part" / "file").write_text("kept\n")
    mounts = [
        {"name": "data", "mountPath": "/not-there/before"},
        {"name": "data", "mountPath": "/etc/not-there", "subPath": "part", "readOnly": True},
        {"name": "data", "mountPath": "/mnt", "subPath": "new"},
    ]
    script = (
        "cat /not-there/before/part/file; cat /etc/not-there/file; test -s /etc/passwd && echo etc;"
        "touch /etc/not-there/x 2>&1 | grep -o Read-only; echo new > /mnt/file"
    )
    made = put(shell(script), container={"volumeMounts": mounts}, places={"data": str(volume)})
    found, attempt = await said(settings, made)
    assert (found, attempt.exit_code) == (["kept", "kept", "etc", "Read-only"], 0)
    assert (volume / "new" / "file").read_text() == "new\n"
    assert not Path("/not-there").exists()


@isolated
@ANYIO
@pytest.mark.parametrize(
    ("pod", "security", "script", "expected"),
    [
        pytest.param(
            {},
            {"readOnlyRootFilesystem": True},
            "touch {dir}/x 2>&1 | grep -o Read-only; touch y && echo own",
            ["Read-only", "own"],
            id="nothing of the machine can be changed",
        ),
        pytest.param({}, {}, "touch {dir}/x && echo written", ["written"], id="the user's can"),
        pytest.param({}, {"privileged": True}, "ls {dir}/secret", ["token"], id="as it is"),
        pytest.param({"hostPID": True}, {}, "kill -0 {us} && echo seen", ["seen"], id="all pids"),
        pytest.param(
            {}, {"capabilities": {"drop": ["ALL"]}}, "grep CapEff /proc/self/status | cut -f2",
            ["0000000000000000"], id="no rights of root",
        ),
    ],
)  # fmt: skip
async def test_a_pod_says_how_much_it_wants(pod, security, script, expected, settings, tmp_path):
    made = put(
        shell(script.format(dir=tmp_path, us=os.getpid())),
        pod=pod,
        container={"securityContext": security},
    )
    found, _ = await said(settings, made)
    assert found == expected


@isolated
@ANYIO
@pytest.mark.parametrize(
    ("made", "code", "message"),
    [
        pytest.param(launch("no-such-command"), 127, "cannot run no-such-command", id="not there"),
        pytest.param(launch("/"), 128, "cannot run /: Permission denied", id="not executable"),
        pytest.param(
            replace(launch("true"), directory="/no/such"), 128,
            "cannot use the working directory /no/such: No such file or directory",
            id="no directory",
        ),
    ],
)  # fmt: skip
async def test_what_cannot_run_says_why(made, code, message, settings):
    _, attempt = await said(settings, put(made))
    assert (attempt.phase, attempt.exit_code) == (Phase.FAILED, code)
    assert message in attempt.message


@isolated
@ANYIO
async def test_exit_codes_and_signals(settings):
    for script, code, number in (("exit 3", 3, 0), ("kill -USR1 $$", 138, 10)):
        _, attempt = await said(settings, put(shell(script)))
        assert (attempt.exit_code, attempt.signal) == (code, number)


@isolated
@ANYIO
async def test_it_ends_in_good_order_within_its_grace(settings):
    async with driving(settings) as driver:
        sandbox = await driver.open(POD)
        script = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done"
        await sandbox.start(put(shell(script)))
        await _printed(driver, "up")
        await sandbox.stop("main", 10, "deleted")
        [attempt] = sandbox.attempts()
        assert (attempt.exit_code, attempt.stopped_for) == (0, "deleted")
        assert ["stdout", "F", "bye"] in lines(driver)


@isolated
@ANYIO
@pytest.mark.parametrize("end", ["stop", "shim"])
async def test_nothing_of_it_outlives_it(end, settings):
    async with driving(settings) as driver:
        sandbox = await driver.open(POD)
        script = "trap '' TERM; sleep 6321 & setsid sleep 6321 & echo up; sleep 60; sleep 60"
        await sandbox.start(put(shell(script)))
        await _printed(driver, "up")
        [before] = sandbox.attempts()
        inside = [pid for pid in _all() if _namespace(pid) == _namespace(before.pid)]
        assert len(inside) >= 4  # the first process, the shell, and both that sleep
        if end == "stop":
            await sandbox.stop("main", 0.5, "deleted")
        else:
            os.kill(records.shim(sandbox.directory, "main", 0), signal.SIGKILL)
        attempt = await ended(sandbox)
        assert attempt.exit_code == 137
        with anyio.fail_after(15):
            while any(alive(pid) for pid in inside):
                await anyio.sleep(0.05)


def _all():
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def _namespace(pid):
    try:
        return Path(f"/proc/{pid}/ns/pid").readlink()
    except OSError:
        return None


@isolated
@ANYIO
async def test_commands_beside_it_see_what_it_sees_also_when_adopted(settings, tmp_path):
    volume = tmp_path / "volume"
    volume.mkdir()
    mounts = [{"name": "data", "mountPath": "/not-there"}]
    script = "touch mine /not-there/there; echo up; sleep 60"
    made = put(shell(script), container={"volumeMounts": mounts}, places={"data": str(volume)})
    command = ["sh", "-c", "echo $GREETING; ls . /not-there; exit 4"]
    async with driving(settings, leave=True) as driver:
        sandbox = await driver.open(POD)
        await sandbox.start(made)
        await _printed(driver, "up")
        first = await sandbox.execute("main", command, 60)
    async with driving(settings) as driver:
        second = await (await driver.open(POD)).execute("main", command, 60)
    assert first == second
    assert (first.exit_code, first.output) == (4, "hello\n.:\nmine\n\n/not-there:\nthere")


@isolated
@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_it_works_for_a_user_without_rights(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    with tempfile.TemporaryDirectory() as name:  # not below a directory of ours alone
        own = Path(name)
        (own / "work").mkdir()
        made = Isolation("on").enclose(shell("true"), own, "")
        for path in (own, *own.iterdir()):
            os.chown(path, 65534, 65534)
        command = [*user, *made, "--json-status-fd", "2", "--", "sh", "-c"]
        with subprocess.Popen(
            [*command, "echo $$; id -u; touch mine; read end"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            assert [process.stdout.readline() for _ in range(2)] == [b"2\n", b"65534\n"]
            leader = int(process.stderr.readline().split()[2].strip(b","))
            until((own / "work" / "mine").exists)
            beside = [*user, *isolating.inside(leader), "sh", "-c", "ls; kill -0 2; echo $?"]
            assert subprocess.check_output(beside, cwd="/") == b"mine\n0\n"
            process.stdin.close()
            assert process.wait(20) == 1  # of `read`, at the end of its input


@pytest.mark.parametrize(
    ("program", "why"),
    [
        pytest.param("", "bwrap is not installed (package bubblewrap)", id="not there"),
        pytest.param(
            "#!/bin/sh\necho 'bwrap: No permissions to create a new namespace' >&2\nexit 1\n",
            "bubblewrap does not work here: bwrap: No permissions to create a new namespace",
            id="refused by the kernel",
        ),
    ],
)
@ANYIO
async def test_where_it_does_not_work_there_is_a_reason(program, why, settings, monkeypatch):
    place = settings.directory.parent / "bin"
    place.mkdir()
    if program:
        (place / "bwrap").write_text(program)
        (place / "bwrap").chmod(0o755)
        (place / "nsenter").symlink_to("/bin/true")
    monkeypatch.setenv("PATH", str(place))
    auto = replace(settings, isolation="auto")
    async with driving(auto) as driver:
        assert driver.isolation.reason == why
        sandbox = await driver.open(POD)
        await sandbox.start(put(launch("/bin/sh", "-c", "exit 7")))
        assert (await ended(sandbox)).exit_code == 7
    async with driving(settings) as driver:
        with pytest.raises(Problem, match="cannot be isolated") as caught:
            await (await driver.open(POD)).start(put(launch("/bin/true")))
        assert caught.value.code == "node.isolation"
