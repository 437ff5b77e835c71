"""Process pods see the machine as bubblewrap shows it to them: the system cannot be changed, what
is Lateen's own is hidden, volumes are where they are mounted, and other processes are not there.

What the user has stays as it is: a process needs its working directory, its interpreter, the caches
in the home directory. `securityContext` says who wants more of it, or less: see `wrap`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from lateen.base.problem import Problem
from lateen.node import volumes
from lateen.node.drivers import Launch

Mode = Literal["auto", "on", "off"]

_SYSTEM = ("/usr", "/etc", "/boot", "/sys", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
_RESOLVER = "/etc/resolv.conf"
_TEMPORARY = "/tmp"  # noqa: S108 - whose own one it gets
_PATIENCE = 10.0
# what container engines leave to root
_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "NET_RAW",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)


class Isolation:
    """Whether the processes of this node are isolated. Found out by trying, once."""

    def __init__(self, mode: Mode, hidden: Sequence[Path] = ()) -> None:
        self.mode = mode
        self._hidden = hidden

    @cached_property
    def reason(self) -> str:
        """Why processes are not isolated here, empty when they are. Blocking at first."""
        if self.mode == "off":
            return "it is turned off (`--isolation off`)"
        if missing := [name for name in ("bwrap", "nsenter") if not shutil.which(name)]:
            package = {"bwrap": "bubblewrap", "nsenter": "util-linux"}[missing[0]]
            return f"{missing[0]} is not installed (package {package})"
        command = [*self._first(), *_view("--bind", ()), *_apart(shared=False), "--", "true"]
        try:
            tried = subprocess.run(
                command, capture_output=True, text=True, timeout=_PATIENCE, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"bubblewrap does not work here: {error}"
        if tried.returncode:
            said = tried.stderr.strip().rpartition("\n")[2] or f"exit code {tried.returncode}"
            return f"bubblewrap does not work here: {said}"
        return ""

    def enclose(self, launch: Launch, own: Path, resolver: str) -> list[str]:
        """The command that the launch is to be run by; empty where it is not isolated.

        `own` is the pod's directory, `resolver` the file of its resolv.conf.

        Raises:
            Problem: `node.isolation` when it must be isolated and cannot.
        """
        if privileged(launch.pod or {}, launch.container):
            return []
        if self.reason:
            if self.mode == "on":
                raise Problem(
                    "node.isolation",
                    f"its processes cannot be isolated: {self.reason}",
                    hint="install bubblewrap, or start Lateen with `--isolation auto`",
                    retry=True,
                )
            return []
        return [*self._first(), *wrap(launch, own, resolver, self._hidden)]

    def _first(self) -> list[str]:
        return [shutil.which("bwrap") or "bwrap", "--die-with-parent", "--new-session"]


def privileged(pod: Mapping[str, Any], container: str) -> bool:
    """Whether a container wants to see the machine as it is."""
    return bool(_security(pod, container).get("privileged"))


def wrap(launch: Launch, own: Path, resolver: str, hidden: Sequence[Path]) -> list[str]:
    """Arguments for bubblewrap: what the process sees, and may do.

    `readOnlyRootFilesystem` lets it write to its directories and volumes only, `hostPID` shows it
    all processes, `capabilities` are those of root.
    """
    pod = launch.pod or {}
    security = _security(pod, launch.container)
    mounts = {os.path.realpath(each.target): each for each in volumes.mounts(launch)}
    directory = launch.directory or str(own / "work")
    opened = {_above(target) for target in mounts if not os.path.lexists(target)}
    made = _view("--ro-bind" if security.get("readOnlyRootFilesystem") else "--bind", opened)
    if launch.directory not in ("", "/"):
        made += ["--bind-try", directory, directory]
    covered = [str(path) for path in hidden if path.is_dir()]
    for path in covered:
        made += ["--tmpfs", path]
    if not _names_temporary(launch):
        (own / "tmp").mkdir(exist_ok=True)
        made += ["--bind", str(own / "tmp"), _TEMPORARY]
        covered.append(_TEMPORARY)
    for path in (str(own / "work"), *launch.places.values()):
        if any(path.startswith(f"{above}/") for above in covered):
            made += ["--bind", path, path]
    for target, mount in mounts.items():
        made += ["--ro-bind" if mount.read_only else "--bind", mount.source, target]
    if resolver:
        made += ["--ro-bind", resolver, os.path.realpath(_RESOLVER)]
    made += ["--chdir", directory]
    shared = bool((pod.get("spec") or {}).get("hostPID"))
    return made + _apart(shared=shared) + _rights(security.get("capabilities") or {})


def inside(leader: int) -> list[str]:
    """The command that others are run by in the view of a process that runs; blocking.

    `leader` is the first process in there.
    """
    words = ["nsenter", f"--target={leader}", "--mount", "--wd"]
    for name, option in (("pid", "--pid"), ("user", "--user")):
        if _namespace(leader, name) != _namespace(os.getpid(), name):
            words.append(option)
    if "--user" in words:
        words.append("--preserve-credentials")
    return [*words, "--"]


def holds(leader: int, program: str, env: Mapping[str, str]) -> bool:
    """Whether there is such a program in the view of a process that runs; blocking."""
    process = Path("/proc", str(leader))
    if "/" in program:
        places = [program]
    else:
        places = [f"{place}/{program}" for place in env.get("PATH", os.defpath).split(os.pathsep)]
    return any(
        os.path.lexists(process / ("root" if place.startswith("/") else "cwd") / place.lstrip("/"))
        for place in places
    )


def _namespace(pid: int, kind: str) -> str:
    return str(Path(f"/proc/{pid}/ns/{kind}").readlink())


def _security(pod: Mapping[str, Any], container: str) -> Mapping[str, Any]:
    spec = pod.get("spec") or {}
    every = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    own: Mapping[str, Any] = next((c for c in every if c.get("name") == container), {})
    return {**(spec.get("securityContext") or {}), **(own.get("securityContext") or {})}


def _view(mode: str, opened: Iterable[str]) -> list[str]:
    """The machine's files, its system read-only. What is in `opened` is a copy, with the entries of
    the original, in which there may be new ones: something is to be mounted there.
    """
    opened = set(opened)
    made = list(_shown("/", mode, opened))
    for path in opened - {"/"}:
        made += _shown(path, mode, opened)
    for path in _SYSTEM:
        if Path(path).is_dir() and not Path(path).is_symlink():
            made += _shown(path, "--ro-bind", opened)
    return [*made, "--dev-bind", "/dev", "/dev"]


def _shown(path: str, mode: str, opened: Iterable[str]) -> Iterator[str]:
    if path not in opened:
        yield from (mode, path, path)
        return
    if path != "/":  # which is new anyway
        yield from ("--tmpfs", path)
    for entry in sorted(Path(path).iterdir()):
        if entry.is_symlink():
            yield from ("--symlink", str(entry.readlink()), str(entry))
        else:
            yield from (f"{mode}-try", str(entry), str(entry))


def _above(target: str) -> str:
    """The nearest directory over it that is there."""
    parent = Path(target).parent
    return str(parent) if parent.is_dir() else _above(str(parent))


def _names_temporary(launch: Launch) -> bool:
    """Whether it is told of something in the machine's /tmp, which it then has to see: by its
    command, its variables, or anything else that is declared of it, such as a probe.
    """
    told = [*launch.argv, *launch.env.values(), launch.directory, *_texts(launch.spec)]
    return any(f"{_TEMPORARY}/" in word or word == _TEMPORARY for word in told)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, Sequence):
        for each in value:
            yield from _texts(each)


def _apart(*, shared: bool) -> list[str]:
    return [] if shared else ["--unshare-pid", "--proc", "/proc"]


def _rights(wanted: Mapping[str, Any]) -> list[str]:
    if os.geteuid() != 0:  # who has none to lose
        return []
    added = {str(name).removeprefix("CAP_") for name in wanted.get("add") or ()}
    dropped = {str(name).removeprefix("CAP_") for name in wanted.get("drop") or ()}
    if "ALL" in added:
        return [word for name in sorted(dropped) for word in ("--cap-drop", f"CAP_{name}")]
    kept = set() if "ALL" in dropped else _CAPABILITIES - dropped
    words = [word for name in sorted(kept | added) for word in ("--cap-add", f"CAP_{name}")]
    return ["--cap-drop", "ALL", *words]
