"""A child is started, listened to and stopped."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import anyio
import pytest

from lateen.base.problem import Problem
from lateen.standalone.children import Child
from lateen.standalone.journals import Journal
from lateen.standalone.programs import Program
from tests.standalone import scripts

pytestmark = pytest.mark.anyio


def child(program: Program, directory: Path) -> Child:
    return Child(program, Journal(directory / "child.log"))


async def test_start_returns_when_the_child_says_so(tmp_path: Path) -> None:
    steady = child(scripts.steady("steady"), tmp_path)
    await steady.start()
    assert (steady.state, steady.said["port"]) == ("running", 1)
    assert steady.pid is not None
    os.kill(steady.pid, 0)
    await steady.stop()
    assert [steady.state, steady.pid, steady.last_exit] == ["stopped", None, 0]


async def test_what_it_notes_later_is_told(tmp_path: Path) -> None:
    changed = anyio.Event()
    later = """print(json.dumps({"event": "notes", "notes": ["not here"]}), flush=True)"""
    program = scripts.script("noting", scripts.READY + later + scripts.WAIT)
    noting = Child(program, Journal(tmp_path / "child.log"), lambda: told())

    def told() -> None:
        if noting.said.get("notes"):
            changed.set()

    await noting.start()
    told()
    with anyio.fail_after(30):
        await changed.wait()
    assert (noting.said["notes"], noting.said["port"]) == (["not here"], 1)
    await noting.stop()


@pytest.mark.parametrize(
    ("text", "code", "message", "within"),
    [
        pytest.param(
            """print('{"event": "error", "code": "port-in-use", "message": "taken"}')""",
            "standalone.port-in-use",
            "taken",
            60.0,
            id="it says why",
        ),
        pytest.param(
            "raise SystemExit(7)",
            "standalone.died",
            "odd ended before it was ready, exit code 7",
            60.0,
            id="it ends without a word",
        ),
        pytest.param(
            "import time; print('{not json'); time.sleep(60)",
            "standalone.slow",
            "odd was not ready after 1 s",
            1.0,
            id="it hangs",
        ),
    ],
)
async def test_a_failed_start_tells_why(
    tmp_path: Path, text: str, code: str, message: str, within: float
) -> None:
    odd = child(scripts.script("odd", text, ready_within=within), tmp_path)
    with pytest.raises(Problem) as caught:
        await odd.start()
    assert (caught.value.code, caught.value.message) == (code, message)
    assert odd.pid is None


async def test_a_program_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    absent = child(Program("absent", (str(tmp_path / "none"),)), tmp_path)
    with pytest.raises(Problem, match="absent cannot be started"):
        await absent.start()
    assert absent.pid is None


async def test_both_outputs_reach_the_log(tmp_path: Path) -> None:
    text = f"{scripts.READY}\nsys.stderr.write('from stderr')"
    talker = child(scripts.script("talker", text), tmp_path)
    await talker.start()
    await talker.ended()
    await talker.stop()
    log = (tmp_path / "child.log").read_text()
    assert '"event": "ready"' in log
    assert "from stderr" in log
    assert "ended, exit code 0" in log


async def test_a_child_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    text = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{scripts.READY}"
    stubborn = child(
        scripts.script("stubborn", f"{text}\ntime.sleep(60)", stop_within=0.3), tmp_path
    )
    await stubborn.start()
    await stubborn.stop()
    assert stubborn.last_exit == -signal.SIGKILL


async def test_what_a_child_leaves_in_its_session_goes_with_it(tmp_path: Path) -> None:
    text = f"""
import subprocess, sys
helper = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
open({str(tmp_path / "helper")!r}, "w").write(str(helper.pid))
{scripts.READY}
import os
os._exit(1)
"""
    leaver = child(scripts.script("leaver", text), tmp_path)
    await leaver.start()
    await leaver.ended()
    await leaver.stop()
    helper = int((tmp_path / "helper").read_text())
    with anyio.fail_after(30):
        while alive(helper):
            await anyio.sleep(0.02)


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
