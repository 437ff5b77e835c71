"""Runs one process of a pod and outlives the node: a program of its own, `python -I -S shim.py`.

It reads what to run from its standard input (marshal, a map: see `Task`), holds an exclusive lock
on `PREFIX.lock` for as long as it lives, and tells about the process in `PREFIX.state`. Whoever
finds the lock free knows that neither shim nor process are left; the pid in the state file is
trustworthy exactly while the lock is held. Output goes to `PREFIX.log` in the CRI format.

SIGTERM asks it to end the process: SIGTERM to the process group, then SIGKILL after the seconds in
`PREFIX.stop`. When the process and all that it started take more memory than they may, they are
killed: where the kernel does not see to that, because of what is counted here. There are hundreds
of these on a busy node, so it imports next to nothing: state files are lines of `key=value`, not
JSON.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import marshal
import os
import select
import sys
import time

TYPE_CHECKING = False  # typing itself would cost 2 MB in each shim, the enums of signal 1 MB

if not TYPE_CHECKING:
    import _signal as signal
else:
    import signal
    from typing import NoReturn, TypedDict

    class Task(TypedDict):
        """What the node sends. Paths are absolute; sizes in bytes, times in seconds."""

        prefix: str
        argv: list[str]
        env: dict[str, str]
        enclosure: list[str]  # what bubblewrap is to be run with around it, empty for nothing
        directory: str
        resolver: str  # a resolv.conf to have in place of the machine's, "" for none
        grace: float  # when there is no PREFIX.stop
        memory: int  # that it may take, 0 for any
        cgroups: list[str]  # the files that it enters its cgroups by
        killed: str  # the file where the kernel counts whom it kills for memory, "" for none
        log_bytes: int
        log_files: int


_RUN = "execvp "
# how bubblewrap's messages begin, and ours
_SAID = {_RUN: "cannot run ", "Can't chdir to ": "cannot use the working directory "}
_EXECUTED = 2.0  # seconds after which a command that looks like bubblewrap is taken for one
_LONGEST = 16384  # of a line in the log; longer ones are split, as container runtimes do
_DRAIN = 2.0  # seconds for output that is still in the pipes when all processes are gone
_OFTEN = 0.2  # seconds between looks at the memory of who takes nearly all it may
_REST = 50  # times as long as a look takes, which is longer the more there is to look at
_SELDOM = 1.0  # and of who takes next to nothing
_FIRST = b"500"  # of 1000: when the machine runs out, the kernel takes pods before the node
_MEBI = 1 << 20
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PDEATHSIG = 1
_SUBREAPER = 36
_NEWNS = 0x20000
_BIND = 0x1000
_SLAVE = 0x4000 | 0x80000  # of everything below: what the machine mounts later is still seen


class Log:
    """A log file in the CRI format: `2026-11-23T20:00:00.000000001Z stdout F line`."""

    def __init__(self, path: str, limit: int, files: int) -> None:
        self._path = path
        self._limit = limit
        self._files = files
        self._rest = {"stdout": b"", "stderr": b""}
        self._second = -1
        self._prefix = b""
        self._open()

    def _open(self) -> None:
        self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._size = os.fstat(self._fd).st_size

    def feed(self, stream: str, data: bytes) -> None:
        """Take in output; what is no whole line yet is kept until it is, or is too long."""
        lines = (self._rest[stream] + data).split(b"\n")
        rest = lines.pop()
        out = [record for line in lines for record in self._records(stream, line, b"F")]
        while len(rest) >= _LONGEST:
            out += self._records(stream, rest[:_LONGEST], b"P")
            rest = rest[_LONGEST:]
        self._rest[stream] = rest
        self._write(out)

    def close(self) -> None:
        """Write the last lines, those that no newline ended."""
        for stream, rest in self._rest.items():
            if rest:
                self._write(self._records(stream, rest, b"F"))
        os.close(self._fd)

    def _records(self, stream: str, line: bytes, tag: bytes) -> list[bytes]:
        head = self._stamp() + stream.encode() + b" "
        records = []
        while len(line) > _LONGEST:
            records.append(head + b"P " + line[:_LONGEST] + b"\n")
            line = line[_LONGEST:]
        records.append(head + tag + b" " + line + b"\n")
        return records

    def _stamp(self) -> bytes:
        second, nano = divmod(time.time_ns(), 1_000_000_000)
        if second != self._second:
            self._second = second
            self._prefix = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
        return b"%s.%09dZ " % (self._prefix, nano)

    def _write(self, records: list[bytes]) -> None:
        for record in records:
            if self._size and self._size + len(record) > self._limit:
                self._rotate()
            try:
                self._size += os.write(self._fd, record)
            except OSError as error:
                # a full disk must not end the process that writes; its output is lost meanwhile
                if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
                    raise

    def _rotate(self) -> None:
        os.close(self._fd)
        for number in range(self._files - 1, 0, -1):
            older = f"{self._path}.{number}"
            newer = f"{self._path}.{number - 1}" if number > 1 else self._path
            if os.path.exists(newer):  # noqa: PTH110 - pathlib is what we do not import
                os.replace(newer, older)  # noqa: PTH105
        if self._files < 2:
            os.truncate(self._path, 0)
        self._open()


class State:
    """The state file, replaced as a whole at each change."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._values: dict[str, str] = {}

    def update(self, **values: object) -> None:
        for name, value in values.items():
            self._values[name] = str(value).replace("\n", " ")
        text = "".join(f"{name}={value}\n" for name, value in self._values.items())
        new = self._path + ".new"
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.write(fd, text.encode("utf-8", "surrogateescape"))
        os.close(fd)
        os.replace(new, self._path)  # noqa: PTH105


class Shim:
    def __init__(self, task: Task) -> None:
        self.task = task
        self.log = Log(f"{task['prefix']}.log", task["log_bytes"], task["log_files"])
        self.state = State(f"{task['prefix']}.state")
        self.wake, wakes = os.pipe()
        for fd in (self.wake, wakes):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, lambda number, frame: None)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        self.pid = 0  # whom we wait for: the process, or bubblewrap around it
        self.group = 0  # whom we signal
        self.status: int | None = None  # wait status of the process, once it ended
        self.kill_at: float | None = None
        self.look_at = 0.0 if task["memory"] else float("inf")
        self.greedy = False
        self.pipes: dict[int, str] = {}  # read ends -> stream

    def start(self) -> bool:
        """Start the process; False, and a state that says why, when it cannot run."""
        out, err, report, told = os.pipe(), os.pipe(), os.pipe(), os.pipe()
        pid = os.fork()
        if pid == 0:
            self._become(out[1], err[1], report[1], told[1])
        for fd in (out[1], err[1], report[1], told[1]):
            os.close(fd)
        failure = _read_all(report[0])  # the other end closes as the command takes over
        enclosed = Enclosed(pid, told[0])
        ready = failure or not self.task["enclosure"] or enclosed.wait()
        if not ready and not self._starved():
            failure = _blamed(_read_all(err[0]))
        # it stays open, as bubblewrap writes to it at its end
        if failure and not self._starved():
            os.waitpid(pid, 0)
            code, _, message = failure.decode(errors="replace").partition(" ")
            now = time.time()
            self.state.update(phase="failed", message=message, exit=code, started=now, finished=now)
            return False
        self.pid, self.group = pid, enclosed.group
        self.pipes = {out[0]: "stdout", err[0]: "stderr"}
        apart = {"group": self.group} if self.task["enclosure"] else {}
        self.state.update(
            phase="running",
            shim=os.getpid(),
            pid=enclosed.process,
            started=time.time(),
            **apart,
        )
        return True

    def _become(self, out: int, err: int, report: int, told: int) -> NoReturn:
        """In the child: turn into the command, or write why not to `report`."""
        step, missing = "start", False
        try:
            os.setsid()  # a group of its own, so that it can be signalled whole and without us
            _prctl(_PDEATHSIG, signal.SIGKILL)
            signal.set_wakeup_fd(-1)
            for number in (
                signal.SIGTERM,
                signal.SIGCHLD,
                signal.SIGPIPE,
                signal.SIGXFSZ,
                signal.SIGINT,
            ):
                signal.signal(number, signal.SIG_DFL)
            _prefer_to_die()
            for cgroup in self.task["cgroups"]:
                step = "enter its cgroups"
                os.write(os.open(cgroup, os.O_WRONLY), b"0")
            null = os.open(os.devnull, os.O_RDONLY)
            os.dup2(null, 0)
            os.dup2(out, 1)
            os.dup2(err, 2)
            argv, enclosure = self.task["argv"], self.task["enclosure"]
            if enclosure:  # which knows the directory and the resolver
                options = os.memfd_create("options", 0)  # which would fill the list of processes
                os.write(options, "\0".join(enclosure[1:]).encode("utf-8", "surrogateescape"))
                os.lseek(options, 0, os.SEEK_SET)
                os.set_inheritable(told, True)
                asked = "--json-status-fd", str(told), "--args", str(options)
                argv = [enclosure[0], *asked, "--", *argv]
            else:
                if self.task["resolver"]:
                    _replace_resolver(self.task["resolver"])
                step = f"use the working directory {self.task['directory']}"
                os.chdir(self.task["directory"])
            step, missing = f"run {argv[0]}", True
            os.execvpe(argv[0], argv, self.task["env"])  # noqa: S606
        except OSError as error:
            code = 127 if missing and error.errno == errno.ENOENT else 128
            text = f"{code} cannot {step}: {error.strerror}"
            os.write(report, text.encode(errors="replace"))
        finally:
            os._exit(127)

    def run(self) -> None:
        """Move output to the log until the process has ended, then tell how."""
        poll = select.poll()
        for fd in (self.wake, *self.pipes):
            poll.register(fd, select.POLLIN)
        while self.status is None:
            for fd, _ in poll.poll(self._patience()):
                if fd == self.wake:
                    self._signalled(_read(fd))
                else:
                    self._move(fd, poll)
            if self.kill_at is not None and time.monotonic() >= self.kill_at:
                _kill_group(self.group, signal.SIGKILL)
                self.kill_at = time.monotonic() + 1
            if time.monotonic() >= self.look_at:
                self._look()
        finished = time.time()
        self._sweep()
        self._drain(poll)
        self.log.close()
        number = 0
        if os.WIFSIGNALED(self.status):
            number = os.WTERMSIG(self.status)
            code = 128 + number
        else:
            code = os.WEXITSTATUS(self.status)
            if self.task["enclosure"] and 128 < code < 193:  # how bubblewrap tells of a signal
                number = code - 128
        if self._starved() and self.task["memory"]:  # whatever its other processes made of that
            number, code = signal.SIGKILL, 128 + signal.SIGKILL
        told: dict[str, object] = {"phase": "exited", "exit": code, "finished": finished}
        if number:
            told["signal"] = number
        if number == signal.SIGKILL and (self.greedy or self._starved()):
            limit = self.task["memory"]
            over = f"it took more memory than its limit of {_size(limit)}"
            told["reason"] = "OOMKilled"
            told["message"] = over if limit else "the machine had no memory left for it"
        self.state.update(**told)

    def _patience(self) -> int | None:
        """Milliseconds until the process is to be killed, or looked at."""
        until = min(self.look_at, float("inf") if self.kill_at is None else self.kill_at)
        if until == float("inf"):
            return None
        return max(0, int((until - time.monotonic()) * 1000) + 1)

    def _look(self) -> None:
        """Kill it when it took more memory than it may."""
        if not self.task["killed"]:
            self._weigh()
            return
        self.look_at = time.monotonic() + _SELDOM
        if self._starved():  # and of version 1 no more than one of them is killed
            _kill_group(self.group, signal.SIGKILL)

    def _starved(self) -> bool:
        """Whether the kernel has killed any of it as memory ran out."""
        try:
            with open(self.task["killed"]) as file:  # noqa: PTH123
                return dict(line.split() for line in file).get("oom_kill", "0") != "0"
        except OSError:  # nobody counts
            return False

    def _weigh(self) -> None:
        """Count what it takes where nobody else does; the nearer to its limit, the sooner again."""
        limit = self.task["memory"]
        began = time.monotonic()
        family = _descendants(os.getpid())
        taken = sum(_resident(pid)[0] for pid in family)
        if taken > limit:  # counting twice what they share
            taken = sum(_taken(pid) for pid in family)
        if taken > limit:
            self.greedy = True
            _kill_group(self.group, signal.SIGKILL)
        now = time.monotonic()
        self.look_at = now + max(_OFTEN, _SELDOM * (1 - taken / limit), _REST * (now - began))

    def _signalled(self, numbers: bytes) -> None:
        if signal.SIGTERM in numbers:
            self.kill_at = time.monotonic() + self._grace()
            _kill_group(self.group, signal.SIGTERM)
        self._reap()

    def _grace(self) -> float:
        try:
            with open(f"{self.task['prefix']}.stop") as file:  # noqa: PTH123
                lines = dict(line.rstrip("\n").split("=", 1) for line in file)
            return float(lines["grace"])
        except (OSError, ValueError, KeyError):  # asked to stop by a plain `kill`
            return self.task["grace"]

    def _move(self, fd: int, poll: select.poll) -> None:
        data = _read(fd)
        if data:
            self.log.feed(self.pipes[fd], data)
        else:
            poll.unregister(fd)
            os.close(fd)
            del self.pipes[fd]

    def _reap(self) -> None:
        """Collect ended children: the process, and orphans of it that became ours."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.pid:
                self.status = status

    def _sweep(self) -> None:
        """Kill what the process left behind, in its group or adopted by us."""
        _kill_group(self.group, signal.SIGKILL)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            self._reap()
            left = _children(os.getpid())
            if not left:
                return
            for pid in left:
                _kill(pid)
            time.sleep(0.01)

    def _drain(self, poll: select.poll) -> None:
        poll.unregister(self.wake)
        deadline = time.monotonic() + _DRAIN
        while self.pipes and (left := deadline - time.monotonic()) > 0:
            for fd, _ in poll.poll(left * 1000):
                self._move(fd, poll)


class Enclosed:
    """A command that bubblewrap, our child `monitor`, is about to run.

    `group` is the leader of the command's process group, which with a pid namespace is the first
    process in there: it ends all others as it ends, and minds no signal but SIGKILL.
    """

    def __init__(self, monitor: int, told: int) -> None:
        self.group = self.process = monitor
        self._monitor = monitor
        self._told = told
        self._text = b""

    def wait(self) -> bool:
        """Until the command runs, or has run: True, or bubblewrap gave up."""
        poll = select.poll()
        poll.register(self._told, select.POLLIN)
        deadline = time.monotonic() + _EXECUTED
        while time.monotonic() < deadline:
            if poll.poll(2):
                piece = os.read(self._told, 4096)
                self._text += piece
                if not piece:
                    return b'"exit-code"' in self._text
            if self.group == self._monitor:
                self.group = self.process = self._child()
            elif self._executed():
                return True
        return True

    def _child(self) -> int:
        _, found, rest = self._text.partition(b'"child-pid": ')
        digits = rest.partition(b",")[0]
        return int(digits) if found and b"," in rest else self._monitor

    def _executed(self) -> bool:
        try:
            itself = os.readlink(f"/proc/{self._monitor}/exe")  # noqa: PTH115
            for pid in (self.group, *_children(self.group)):
                if os.readlink(f"/proc/{pid}/exe") != itself:  # noqa: PTH115
                    self.process = pid
                    return True
        except OSError:
            return False  # it is ending: we are told in a moment
        return False


def _blamed(said: bytes) -> bytes:
    """What bubblewrap said last, as `_become` tells it."""
    line = said.decode(errors="replace").strip().rpartition("\n")[2].removeprefix("bwrap: ")
    for theirs, ours in _SAID.items():
        if line.startswith(theirs):
            absent = theirs == _RUN and line.endswith(os.strerror(errno.ENOENT))
            return f"{127 if absent else 128} {ours}{line.removeprefix(theirs)}".encode()
    return f"128 cannot be isolated: {line}".encode()


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, 65536)
    except BlockingIOError:
        return b""


def _read_all(fd: int) -> bytes:
    chunks = []
    while chunk := os.read(fd, 65536):
        chunks.append(chunk)
    os.close(fd)
    return b"".join(chunks)


def _kill_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return  # nobody is left in it, or all of it is ending


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _children(parent: int, thread: int | str = 0) -> list[int]:
    """Pids of its children, those of its first thread unless told otherwise; on other systems than
    Linux those that we cannot know are none.
    """
    try:
        with open(f"/proc/{parent}/task/{thread or parent}/children") as file:  # noqa: PTH123
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


def _descendants(parent: int) -> list[int]:
    """Of a process that has but one thread; what is being started or ends right now may lack."""
    found = _children(parent)
    for pid in found:  # which grows as we go
        try:
            threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208
        except OSError:
            continue
        for thread in threads:
            found += _children(pid, thread)
    return found


def _resident(pid: int) -> tuple[int, int]:
    """Bytes in memory, and how many of them are of files or shared on purpose."""
    try:
        with open(f"/proc/{pid}/statm") as file:  # noqa: PTH123
            _, resident, shared, _ = file.read().split(None, 3)
    except (OSError, ValueError):
        return 0, 0  # it has ended
    return int(resident) * _PAGE, int(shared) * _PAGE


def _taken(pid: int) -> int:
    """Bytes of memory that it takes from others: its part of what several share, and nothing of
    files, which the kernel drops when it has to.
    """
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:  # noqa: PTH123
            lines = file.readlines()
    except OSError:  # it is of another user, or has ended
        lines = []
    parts = [line.split()[1] for line in lines if line.startswith(("Pss_Anon:", "Pss_Shmem:"))]
    if parts:
        return sum(int(part) for part in parts) * 1024
    resident, shared = _resident(pid)
    return resident - shared


def _size(count: int) -> str:
    return f"{count / _MEBI:g} MiB" if count >= _MEBI else f"{count} bytes"


def _prefer_to_die() -> None:
    try:
        with open("/proc/self/oom_score_adj", "wb") as file:  # noqa: PTH123
            file.write(_FIRST)
    except OSError:
        return  # not Linux


def _replace_resolver(path: str) -> None:
    """See another /etc/resolv.conf than the machine does; without the right to, the machine's."""
    libc = ctypes.CDLL(None)
    if libc.unshare(_NEWNS) == 0 and libc.mount(None, b"/", None, _SLAVE, None) == 0:
        libc.mount(os.fsencode(path), b"/etc/resolv.conf", None, _BIND, None)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def main() -> int:
    """Exit codes: 0 all is told, 2 not told what to run, 3 it has a shim already, 4 it had one."""
    os.closerange(3, 65536)  # what the node may have inherited from whoever started it
    try:
        task: Task = marshal.loads(_read_all(0))  # noqa: S302 - from our own parent
    except (EOFError, ValueError, TypeError):
        return 2  # the node died before it could say what to run
    prefix = task["prefix"]
    lock = os.open(f"{prefix}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 3
    if os.path.exists(f"{prefix}.state"):  # noqa: PTH110
        return 4
    os.umask(0o022)
    os.chdir("/")  # hold no directory that somebody may want to remove
    _prctl(_SUBREAPER, 1)
    shim = Shim(task)  # which listens to signals: from the next line on some may come
    shim.state.update(phase="starting", shim=os.getpid())
    running = shim.start()
    try:
        os.write(1, b"started\n" if running else b"failed\n")
    except BrokenPipeError:
        os.close(1)  # the node died meanwhile; the next one finds the state file
        running = shim.pid != 0
    os.close(1)
    if running:
        shim.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
