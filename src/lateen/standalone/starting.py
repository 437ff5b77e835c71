"""Brings a control plane up in the background, and takes it down."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from lateen.base.problem import Problem
from lateen.standalone import directories, locate, locks, programs
from lateen.standalone.directories import Directory
from lateen.standalone.locate import Running

_START = 150.0  # seconds; the first start of a slow disk is not to be given up
STOP = 90.0  # seconds; the node waits for the processes of its pods


def command(
    directory: Directory,
    *,
    port: int,
    without: Iterable[str] = (),
    runtime: programs.Runtime = programs.USUAL,
) -> list[str]:
    """The command line of the supervisor."""
    options = [f"--data-dir={directory.root}", f"--port={port}", *runtime.options]
    options += [f"--without={name}" for name in without]
    return [sys.executable, "-m", "lateen.standalone", *options]


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that outlives the current directory."""
    if not (path := given.get("PYTHONPATH")):
        return dict(given)
    absolute = os.pathsep.join(os.path.abspath(part) for part in path.split(os.pathsep))  # noqa: PTH100
    return {**given, "PYTHONPATH": absolute}


def start(
    directory: Directory,
    *,
    port: int = 0,
    without: Iterable[str] = (),
    runtime: programs.Runtime = programs.USUAL,
    tell: Callable[[Mapping[str, Any]], None] = lambda status: None,
) -> Running:
    """Start the supervisor and wait until all is ready.

    `tell` is called with the status again and again, as in `run/status.json`.

    Raises:
        Problem: `standalone.*`: why it did not start, with the log to look at.
    """
    directory.prepare()
    with directory.log("supervisor").open("ab") as log, Path(os.devnull).open("rb") as nothing:
        arguments = command(directory, port=port, without=without, runtime=runtime)
        # not subprocess: we leave it alone when it is ready, as its parent or not
        pid = os.posix_spawn(
            arguments[0],
            arguments,
            environment(os.environ),
            file_actions=[
                (os.POSIX_SPAWN_DUP2, nothing.fileno(), 0),
                (os.POSIX_SPAWN_DUP2, log.fileno(), 1),
                (os.POSIX_SPAWN_DUP2, log.fileno(), 2),
            ],
            setsid=True,
        )
    return wait_ready(directory, pid, tell)


def wait_ready(
    directory: Directory,
    pid: int | None = None,
    tell: Callable[[Mapping[str, Any]], None] = lambda status: None,
) -> Running:
    """Wait for a supervisor that was started, by us (`pid`) or by somebody else.

    Raises:
        Problem: as `start`.
    """
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline:
        gone = _ended(pid) if pid else not locks.held(directory.lock)
        status = directories.read(directory.status)
        ours = pid is None or status.get("pid") == pid
        if ours and status.get("state") == "ready":
            found = locate.running(directory.root)
            if found:
                return found
        if gone:
            raise _failure(directory, status if ours else {})
        tell(status if ours else {})
        time.sleep(0.05)
    raise Problem(
        "standalone.slow",
        f"the control plane was not ready after {_START:.0f} s",
        hint=f"it is still starting; see {directory.logs}",
    )


def _ended(pid: int) -> bool:
    """Tell whether our child has ended."""
    return os.waitpid(pid, os.WNOHANG)[0] == pid


def _failure(directory: Directory, status: Mapping[str, Any]) -> Problem:
    if lack := directories.lack(directory):
        return Problem("standalone.disk-full", lack, hint=_HINTS["standalone.disk-full"])
    told = status.get("problem", {})
    code = str(told.get("code", "standalone.died"))
    lines = [str(told.get("hint") or _HINTS.get(code, ""))]
    failed = [child for child in status.get("children", ()) if child.get("last_exit") is not None]
    name = failed[0]["name"] if failed and code in _UNEXPLAINED else "supervisor"
    if code in _UNEXPLAINED or not told:
        lines.append(f"the log is in {directory.log(name)}")
    message = str(told.get("message", "the control plane ended while it was starting"))
    return Problem(code, message, hint="\n".join(line for line in lines if line))


_UNEXPLAINED = frozenset({"standalone.died", "standalone.slow", "standalone.failed"})
_HINTS = {
    "standalone.disk-full": "make room, and start it again: nothing of the data is lost",
    "standalone.port-in-use": "choose another with --port, or leave it out for a free one",
    "standalone.data-dir-in-use": "choose another with --data-dir, or stop what uses it",
    "standalone.data-newer": "use the newer Lateen, or another --data-dir",
    "standalone.data-dir-invalid": "choose another with --data-dir",
}


def stop(directory: Directory) -> bool:
    """Stop the control plane and wait until it is gone; tells whether one was running.

    Raises:
        Problem: `standalone.stuck` when it does not end; nothing is killed.
    """
    found = locate.running(directory.root)
    if found is None:
        return False
    if found.pid > 0:
        try:
            os.kill(found.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass  # it ended in between
        except PermissionError as error:
            raise Problem(
                "standalone.forbidden", f"process {found.pid} belongs to another user"
            ) from error
    if locks.wait_free(directory.lock, STOP):
        return True
    raise Problem(
        "standalone.stuck",
        f"the control plane (process {found.pid}) did not stop in {STOP:.0f} s",
        hint=f"the log is in {directory.log('supervisor')}; `kill -9 {found.pid}` ends all of it",
    )
