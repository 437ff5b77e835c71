"""A standalone control plane, and the shell of somebody who works with it.

Everything a test does to a plane goes through the command line as it is installed, in processes of
their own. What is checked beside that is read from Kubernetes' API and from the kernel.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from anyio.from_thread import start_blocking_portal
from typer.testing import CliRunner

from lateen import hub
from lateen.api.manifest import Key, Manifest
from lateen.cli import main
from lateen.node import addresses, namespaces
from lateen.standalone import directories
from lateen.standalone.directories import Directory

T = TypeVar("T")

LATEEN = Path(sys.executable).with_name("lateen")
FILES = Path(__file__).parent / "files"
EXAMPLES = Path(__file__).parents[2] / "examples"
POD = "LATEEN_POD_UID"  # in the environment of every process of a pod
# not for the commands under test: they would lead to some other control plane
_FOREIGN = ("KUBECONFIG", "LATEEN_DATA_DIR", "LATEEN_DEBUG", "COLUMNS", "FORCE_COLOR")


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Its output, of `-o json`."""
        return json.loads(self.out)


class Shell:
    """Runs `lateen` with a home directory of its own, and nothing inherited that matters."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        home.mkdir(parents=True, exist_ok=True)
        inherited = {k: v for k, v in os.environ.items() if k not in _FOREIGN}
        self.home = home
        self.environment = {**inherited, "HOME": str(home), **environment}

    def run(
        self,
        *arguments: str | Path,
        given: str | None = None,
        expect: int | None = 0,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Said:
        """Run a command to its end; it must end with the code `expect`, if one is given."""
        done = subprocess.run(
            [LATEEN, *map(str, arguments)],
            input=given,
            stdin=None if given is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            env={**self.environment, **(environment or {})},
            cwd=cwd or self.home,
        )
        said = Said(done.returncode, done.stdout, done.stderr)
        if expect is not None:
            assert said.code == expect, f"{arguments}: {said.code}\n{said.out}\n{said.err}"
        return said

    def run_here(self, *arguments: str) -> Said:
        """Run a command in this process: for many that differ in what they are given only."""
        environment = {**dict.fromkeys(_FOREIGN), **self.environment}
        found = CliRunner().invoke(main.build(), arguments, env=environment)
        return Said(found.exit_code, found.stdout, found.stderr)

    @contextlib.contextmanager
    def open(self, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
        """Start a command that goes on; it is ended in the end."""
        with subprocess.Popen(
            [LATEEN, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment,
            cwd=self.home,
            preexec_fn=_heed_interrupts,
        ) as process:
            try:
                yield process
            finally:
                process.kill()


class Plane(Shell):
    """A control plane in `root`, with its shell. Start it, and use it inside `running`."""

    def __init__(self, root: Path) -> None:
        self.directory = Directory(root / "data")
        super().__init__(root / "home", {"LATEEN_DATA_DIR": str(self.directory.root)})
        self._portal: Any = None
        self._client: Any = None

    def start(self, engine: str = "none") -> None:
        self.run("start", "--container-engine", engine)

    @contextlib.contextmanager
    def running(self) -> Iterator[Plane]:
        """It is connected to, then stopped; nothing of it is left."""
        try:
            with (
                start_blocking_portal("asyncio") as self._portal,
                self._portal.wrap_async_context_manager(
                    hub.connect(self.directory.kubeconfig())
                ) as self._client,
            ):
                yield self
        finally:
            self.run("stop", expect=None)
            left = self._cleared()
            for pid in self.processes():
                os.kill(pid, signal.SIGKILL)
        assert left == [], left

    def ask(self, function: Callable[[hub.Client], Awaitable[T]]) -> T:
        """Ask the API something the command line does not tell."""
        found: T = self._portal.call(function, self._client)
        return found

    def objects(
        self, kind: str, namespace: str = "", group: str = "", version: str = "v1"
    ) -> list[Manifest]:
        async def ask(client: hub.Client) -> list[Manifest]:
            found, _ = await client.list(group, version, kind, namespace=namespace)
            return found

        return self.ask(ask)

    def names(self, kind: str, namespace: str, group: str = "", version: str = "v1") -> list[str]:
        return [each["metadata"]["name"] for each in self.objects(kind, namespace, group, version)]

    def apply(self, manifest: Mapping[str, Any]) -> Manifest:
        """Apply as somebody else than Lateen would."""

        async def ask(client: hub.Client) -> Manifest:
            return await client.create(manifest)

        return self.ask(ask)

    def new_namespace(self, name: str = "") -> str:
        name = name or f"e2e-{uuid.uuid4().hex[:6]}"
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        return name

    def drop_namespace(self, name: str) -> None:
        async def ask(client: hub.Client) -> None:
            await client.delete(Key("", "Namespace", "", name, "v1"))

        self.ask(ask)

    def status(self, name: str, namespace: str) -> dict[str, Any]:
        """The status of an application; asked of the API, as tests ask again and again."""

        async def ask(client: hub.Client) -> Manifest:
            return await client.get(Key("core.oam.dev", "Application", namespace, name, "v1beta1"))

        return dict(self.ask(ask).get("status") or {})

    def urls(self, name: str, namespace: str) -> list[str]:
        found = self.run("status", name, "-n", namespace, "--endpoint", "-o", "json").data
        return [each["url"] for each in found]

    def server(self) -> dict[str, dict[str, Any]]:
        """The processes of the plane by name, from the file that `lateen server status` reads."""
        told = directories.read(self.directory.status)
        children = {each["name"]: each for each in told["children"]}
        return {"supervisor": {"pid": told["pid"], "state": told["state"]}, **children}

    def strike(self, name: str) -> int:
        """kill -9 one of its processes; returns which it was."""
        pid = int(self.server()[name]["pid"])
        os.kill(pid, signal.SIGKILL)
        return pid

    @contextlib.contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """One of its processes does nothing for a while."""
        pid = int(self.server()[name]["pid"])
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def replaced(self, name: str, pid: int, seconds: float = 60.0) -> dict[str, Any]:
        """Wait until another process than `pid` does its work."""

        def ready() -> dict[str, Any] | None:
            found = self.server()[name]
            return found if found["pid"] not in (None, pid) and _runs(found) else None

        return until(ready, seconds)

    def workloads(self, namespace: str) -> dict[str, set[int]]:
        """Pod -> its processes, for every pod of a namespace."""
        by_uid = processes_of_pods()
        return {
            pod["metadata"]["name"]: by_uid.get(pod["metadata"]["uid"], set())
            for pod in self.objects("Pod", namespace)
        }

    def processes(self) -> dict[int, str]:
        """Everything that runs for this plane, with its command line."""
        found = {}
        mark = os.fsencode(self.directory.root)
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it ended while we looked
                command = (entry / "cmdline").read_bytes()
                text = command + (entry / "environ").read_bytes()
                if mark in text or mark in os.fsencode((entry / "cwd").readlink()):
                    found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
        return found

    def _cleared(self, seconds: float = 60.0) -> list[str]:
        """What is left once the kernel had time: it takes down a network namespace by and by."""
        last = time.monotonic() + seconds
        while (left := self.leftovers()) and time.monotonic() < last:
            time.sleep(0.1)
        return left

    def leftovers(self) -> list[str]:
        """What should not be there once the plane has stopped."""
        identity = addresses.identity(self.directory.root / "node")
        return [
            *(f"process {pid}: {command}" for pid, command in self.processes().items()),
            *map(str, namespaces.DIRECTORY.glob(f"lateen-{identity}-*")),
            *map(str, Path("/sys/class/net").glob(f"lt-{identity}*")),
            *map(str, Path("/sys/class/net").glob(f"lt{identity[:4]}*")),
        ]


def _runs(process: Mapping[str, Any]) -> bool:
    return process["state"] in ("running", "ready")


def processes_of_pods() -> dict[str, set[int]]:
    """UID of a pod -> its processes, those of all planes, without bubblewrap around them."""
    found: dict[str, set[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cmdline").read_bytes().split(b"\0")[0].endswith(b"bwrap"):
                continue
            for pair in (entry / "environ").read_bytes().split(b"\0"):
                name, _, value = pair.partition(b"=")
                if name == POD.encode():
                    found.setdefault(value.decode(), set()).add(int(entry.name))
    return found


def until(condition: Callable[[], T | None], seconds: float = 60.0, every: float = 0.1) -> T:
    """Wait for a condition to be true; gives what it gave.

    Asking takes a third of the time at most: a command that is run again and again would take a
    core from what it waits for.
    """
    last = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        found = condition()
        if found:
            return found
        asked = time.monotonic()
        assert asked < last, f"not within {seconds} s"
        time.sleep(max(every, 2 * (asked - began)))


def settled(plane: Plane, name: str, namespace: str, seconds: float) -> None:
    """Wait until an application is delivered as it is now; what holds it up is said."""
    key = Key("core.oam.dev", "Application", namespace, name, "v1beta1")

    def running() -> bool:
        found = plane.ask(lambda client: client.get(key))
        status = found.get("status") or {}
        current = status.get("observedGeneration") == found["metadata"]["generation"]
        return current and status.get("status") == "running"

    try:
        until(running, seconds, every=0.5)
    except AssertionError:
        raise AssertionError(plane.run("status", name, "-n", namespace).out) from None


def fetch(url: str) -> str:
    """What an address answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=30) as answer:
        text: str = answer.read().decode()
    return text


def table(text: str) -> list[dict[str, str]]:
    """The rows of a table as a pipe gets it, by header."""
    lines = [line for line in text.splitlines() if line.strip()]
    headers = lines[0].split()
    starts = [lines[0].index(header) for header in headers]
    ends: Sequence[int | None] = [*starts[1:], None]
    return [
        {h: line[a:b].strip() for h, a, b in zip(headers, starts, ends, strict=True)}
        for line in lines[1:]
    ]


@contextlib.contextmanager
def directory() -> Iterator[Plane]:
    """A plane, not started, in a directory with a short name that is removed in the end."""
    root = Path("/tmp") / f"lt-{uuid.uuid4().hex[:6]}"
    root.mkdir(mode=0o700)
    try:
        yield Plane(root)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _heed_interrupts() -> None:
    """As in a terminal: a test run in the background is started with interrupts ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
