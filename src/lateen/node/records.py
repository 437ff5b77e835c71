"""The files a shim keeps of an attempt: who reads them learns what runs, also after a crash.

`N.lock` is held while the shim of attempt N lives, `N.state` says what became of the process,
`N.stop` how and why it is to end, `N.log` is its output. State files are lines of `key=value`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from lateen.node.drivers import Attempt, Phase

CONTAINED = "engine"  # a file of a pod that is in containers: their shims are not ours
MARK = "LATEEN_POD_UID"  # in the environment of every process of a pod


def prefix(directory: Path, container: str, number: int) -> Path:
    return directory / "containers" / container / str(number)


def numbers(directory: Path) -> list[tuple[str, int]]:
    """(container, attempt) of everything on file, in order."""
    found = (directory / "containers").glob("*/*.state")
    return sorted((path.parent.name, int(path.stem)) for path in found)


def read(directory: Path, container: str, number: int) -> Attempt | None:
    """An attempt as it is now, None when it was never made.

    One whose shim is gone without a word is told as lost, and what it left running is ended.
    """
    at = prefix(directory, container, number)
    alive = held(at)
    state = load(at.with_suffix(".state"))
    if not state and not alive:
        return None
    if not alive and state["phase"] in (Phase.STARTING, Phase.RUNNING):
        _end_leftovers(int(state.get("group") or state.get("pid") or 0), directory.name)
        state |= {"phase": "exited", "exit": "137", "lost": "1", "finished": str(time.time())}
        store(at.with_suffix(".state"), state)
    return attempt(container, number, state, load(at.with_suffix(".stop")))


def attempt(
    container: str, number: int, state: Mapping[str, str], stop: Mapping[str, str]
) -> Attempt:
    """What the files say, taken at their word."""
    phase = Phase(state.get("phase", Phase.STARTING))
    why = "lost" if "lost" in state else stop.get("why", "")
    return Attempt(
        container,
        number,
        phase,
        pid=int(state.get("pid", 0)),
        group=int(state.get("group", 0)),
        started=float(state.get("started", 0)),
        finished=float(state.get("finished", 0)),
        exit_code=int(state.get("exit", 0)),
        signal=int(state.get("signal", 0)),
        reason=state.get("reason", ""),
        message=state.get("message", ""),
        stopped_for=why if phase is Phase.EXITED else "",
        identity=state.get("identity", ""),
        image=state.get("image", ""),
    )


def shim(directory: Path, container: str, number: int) -> int:
    """The pid of the shim, 0 when it is gone. Trust it only while `held`."""
    state = load(prefix(directory, container, number).with_suffix(".state"))
    return int(state.get("shim", 0))


def held(at: Path) -> bool:
    """Whether the shim of the attempt with this prefix is alive."""
    try:
        with at.with_suffix(".lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def load(path: Path) -> dict[str, str]:
    try:
        text = path.read_text(errors="replace")
    except FileNotFoundError:
        return {}
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def store(path: Path, values: Mapping[str, str]) -> None:
    """Replace the file as a whole."""
    new = path.with_suffix(".tmp")
    new.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    new.replace(path)


def prune(directory: Path, container: str, below: int) -> None:
    """Forget attempts with numbers under `below`, their logs too."""
    folder = directory / "containers" / container
    for path in folder.glob("*"):
        number = path.name.partition(".")[0]
        if number.isdigit() and int(number) < below:
            path.unlink(missing_ok=True)


def _end_leftovers(group: int, uid: str) -> None:
    """Kill what is left of a process group whose shim was killed.

    The number may belong to others by now, so only processes that carry the pod's mark are ended.
    """
    if not group:
        return
    mark = f"{MARK}={uid}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended while we looked, or is another user's
            if os.getpgid(int(entry.name)) != group:
                continue
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)
