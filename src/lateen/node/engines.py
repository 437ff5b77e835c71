"""A container engine on a socket of this machine: Docker, Podman, or whatever speaks their API."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson

from lateen.base.problem import Problem
from lateen.node import limiting

if TYPE_CHECKING:
    import aiodocker

_LOG = logging.getLogger(__name__)

Config = dict[str, Any]

NONE = "none"  # what turns containers off
_TIMEOUT = 60.0  # seconds for an answer that is no stream
_CONNECT = 5.0
_BLOCK = 65536
_SAID = 4096
_NO_CONNECTION = 900  # the status that aiodocker gives it
# Podman of one that it was killed while it removed; until that is removed it lists no others either
_HALF = re.compile(r'getting container from store "([0-9a-f]+)": container not known')
_FAULTS = (OSError, asyncio.TimeoutError, aiohttp.ClientError)


def sockets(chosen: str, environment: Mapping[str, str]) -> list[Path]:
    """Where an engine may answer, the likeliest first: `chosen` alone when it names one.

    Raises:
        Problem: `node.engine-address` for an address that is no socket of this machine.
    """
    if chosen == NONE:
        return []
    if chosen not in ("", "auto"):
        return [_path(chosen, "--container-engine")]
    if host := environment.get("DOCKER_HOST"):
        return [_path(host, "DOCKER_HOST")]
    found = [Path("/var/run/docker.sock"), Path("/run/podman/podman.sock")]
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        found += [Path(runtime, "podman", "podman.sock"), Path(runtime, "docker.sock")]
    # Docker Desktop and Colima, where nothing is in /var/run
    found += [Path.home() / ".docker/run/docker.sock", Path.home() / ".colima/default/docker.sock"]
    return found


def _path(address: str, source: str) -> Path:
    scheme, mark, rest = address.partition("://")
    if mark and scheme != "unix":
        raise Problem(
            "node.engine-address",
            f"{source} is {address}, and pods run only in engines of this machine",
            hint="give the path of a socket, such as /run/podman/podman.sock, or `none`",
        )
    path = Path(rest if mark else address).expanduser()
    if not path.is_absolute():
        raise Problem("node.engine-address", f"{source} is {address}, which is no absolute path")
    return path


@asynccontextmanager
async def connect(candidates: list[Path]) -> AsyncIterator[Engine]:
    """The first engine that answers, for as long as the context lasts.

    Raises:
        Problem: `node.engine` when none does.
    """
    if not candidates:
        message = "containers are turned off (`--container-engine none`)"
        raise Problem("node.engine", message, retry=True)
    failures = []
    for path in candidates:
        if not path.exists():
            failures.append(f"{path} is not there")
            continue
        engine = Engine(path)
        try:
            await engine.greet()
        except Problem as problem:
            failures.append(problem.message)
            await engine.close()
            continue
        try:
            yield engine
        finally:
            await engine.close()
        return
    said = failures[0] if len(failures) == 1 else "neither Docker nor Podman is there"
    answering = [failure for failure in failures if not failure.endswith("is not there")]
    raise Problem("node.engine", answering[0] if answering else said, retry=True)


class Streams:
    """Both ways of a connection that the engine has handed over."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tty: bool
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._tty = tty

    async def read(self) -> tuple[int, bytes] | None:
        """The next piece of output, after 1 for stdout or 2 for stderr; None at its end."""
        if self._tty:
            data = await self._reader.read(_BLOCK)
            return (1, data) if data else None
        try:
            head = await self._reader.readexactly(8)
            return head[0], await self._reader.readexactly(int.from_bytes(head[4:], "big"))
        except asyncio.IncompleteReadError:
            return None

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def end_input(self) -> None:
        self._writer.write_eof()


class Engine:
    """Every method raises `Problem`: `node.engine` when the engine does not answer, which will
    pass, and `node.refused` with what it said when it refuses.
    """

    def __init__(self, path: Path) -> None:
        import aiodocker  # here, as a node without an engine does without it

        self.path = path
        self.name = "docker"
        self.version = ""
        self.held = limiting.ALL  # the kinds of limits that hold in it
        self._closed = False
        self._connector = aiohttp.UnixConnector(str(path), limit=0)
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT, sock_connect=_CONNECT)
        self._docker: aiodocker.Docker = aiodocker.Docker(
            "unix://localhost", connector=self._connector, timeout=timeout
        )
        self._refused: type[Exception] = aiodocker.DockerError

    async def greet(self) -> None:
        with self._told():
            found = await self._docker.version()
        components = [str(c.get("Name", "")) for c in found.get("Components") or ()]
        self.name = "podman" if any("Podman" in name for name in components) else "docker"
        self.version = str(found.get("Version") or "")
        with self._told():
            self.held = _held(await self._docker.system.info())

    @property
    def _version(self) -> str:
        return self._docker.api_version  # what `greet` found both sides to know

    @property
    def log_config(self) -> Config:
        """How containers write logs: to files that are rotated."""
        if self.name == "podman":
            return {"Type": "k8s-file", "Config": {"max-size": "10mb"}}
        return {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}

    async def close(self) -> None:
        self._closed = True
        await self._docker.close()
        await self._connector.close()

    # containers

    async def containers(self, label: str = "") -> list[dict[str, Any]]:
        """All that carry the label, or all there are, as the list of the API gives them."""
        filters = orjson.dumps({"label": [label]} if label else {}).decode()
        removed: set[str] = set()
        while True:
            try:
                with self._told():
                    found = await self._docker.containers.list(all="true", filters=filters)
                return [dict(each._container) for each in found]
            except Problem as problem:
                half = _HALF.search(problem.message)
                if half is None or half[1] in removed:
                    raise
            _LOG.warning("the container %s, which the engine has lost, is removed", half[1])
            removed.add(half[1])
            await self._remove_half(half[1])

    async def _remove_half(self, container: str) -> None:
        """With all that are in its network, as Podman removes it with them only."""
        query = dict.fromkeys(("force", "v", "depend"), "true") | {"timeout": "0"}
        path = f"libpod/containers/{container}"
        async with self._request("DELETE", path, params=query) as answer:
            await answer.read()

    async def create(self, name: str, config: Mapping[str, Any]) -> str:
        """Make a container; its id. One of that name that is there already is a `node.refused`."""
        with self._told():
            return (await self._docker.containers.create(dict(config), name=name)).id

    async def start(self, container: str) -> None:
        with self._told():
            await self._docker.containers.container(container).start()

    async def show(self, container: str) -> dict[str, Any] | None:
        """What inspecting it gives; None when there is no such container."""
        with self._told():
            try:
                return await self._docker.containers.container(container).show()
            except self._refused as error:
                # some Podmans say 500 for one that is being removed
                if getattr(error, "status", 0) == 404 or "no such container" in str(error):
                    return None
                raise

    async def kill(self, container: str, signal: str) -> None:
        """Signal it; nothing to do when it does not run."""
        with self._told():
            try:
                await self._docker.containers.container(container).kill(signal=signal)
            except self._refused as error:
                # 409 of Docker, 500 of some Podmans: it ended while we asked
                if getattr(error, "status", 0) not in (404, 409) and await self._runs(container):
                    raise

    async def _runs(self, container: str) -> bool:
        found = await self.show(container)
        return bool(found and found["State"].get("Running"))

    async def remove(self, container: str) -> None:
        """End and remove it, with its anonymous volumes; nothing to do when it is gone."""
        with self._told():
            try:
                await self._docker.containers.container(container).delete(force=True, v=True)
            except self._refused as error:
                if getattr(error, "status", 0) != 404 and await self.show(container) is not None:
                    raise

    # images

    async def storage(self) -> Path | None:
        """Where it keeps images, if that is a directory of this machine."""
        with self._told():
            found = await self._docker.system.info()
        path = Path(str(found.get("DockerRootDir") or "."))
        return path if path.is_absolute() and path.exists() else None

    async def images(self) -> dict[str, set[str]]:
        """All there are, by id, with their names."""
        with self._told():
            found = await self._docker.images.list()
        return {str(each["Id"]): set(each.get("RepoTags") or ()) for each in found}

    async def image(self, name: str) -> dict[str, Any] | None:
        with self._told():
            try:
                return await self._docker.images.inspect(name)
            except self._refused as error:
                if getattr(error, "status", 0) == 404:
                    return None
                raise

    async def pull(self, name: str, credentials: Mapping[str, str] | None) -> None:
        auth = dict(credentials) if credentials else None
        with self._told():
            await self._docker.images.pull(name, auth=auth, timeout=None)

    async def load(self, name: str, archive: bytes) -> None:
        """Make an image of one layer, `name:latest`, from a tar of its files."""
        query = {"fromSrc": "-", "repo": name, "tag": "latest"}
        headers = {"Content-Type": "application/x-tar"}
        async with self._request(
            "POST", "images/create", params=query, data=archive, headers=headers
        ) as answer:
            await answer.read()

    async def remove_image(self, identity: str) -> bool:
        """Remove an image that nothing uses; False when something does."""
        with self._told():
            try:
                await self._docker.images.delete(identity)
            except self._refused as error:
                if getattr(error, "status", 0) in (404, 409):
                    return False
                raise
        return True

    # commands

    async def prepare(
        self, container: str, argv: Sequence[str], *, stdin: bool = False, tty: bool = False
    ) -> str:
        """Make a command to be run in a container by `attached`; its id."""
        with self._told():
            made = await self._docker.containers.container(container).exec(
                list(argv), stdout=True, stderr=True, stdin=stdin, tty=tty
            )
        return made.id

    async def resize(self, what: str, width: int, height: int) -> None:
        """Of the terminal of `exec/ID` or `containers/ID`."""
        query = {"w": str(width), "h": str(height)}
        async with self._request("POST", f"{what}/resize", params=query) as answer:
            await answer.read()

    async def outcome(self, command: str) -> tuple[int, bool]:
        """(exit code, whether it still runs) of a prepared command."""
        async with self._request("GET", f"exec/{command}/json") as answer:
            found = await answer.json()
        return int(found.get("ExitCode") or 0), bool(found.get("Running"))

    @asynccontextmanager
    async def attached(self, path: str, *, tty: bool = False) -> AsyncIterator[Streams]:
        """The input and output of a prepared command, or of a container."""
        body = orjson.dumps({"Detach": False, "Tty": tty}) if path.startswith("exec/") else b""
        head = (
            f"POST /{self._version}/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
            f"Upgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with self._told():
            reader, writer = await asyncio.open_unix_connection(str(self.path))
            try:
                writer.write(head.encode() + body)
                answer = await reader.readuntil(b"\r\n\r\n")
                if answer.split(b" ", 2)[1] not in (b"101", b"200"):
                    raise _refusal((await reader.read(_SAID)).decode(errors="replace"))
                yield Streams(reader, writer, tty)
            finally:
                writer.close()

    # streams

    async def events(self, label: str) -> AsyncGenerator[Mapping[str, Any]]:
        """What happens to containers with the label from now on; begins with an empty map, when
        nothing can be missed any more. Ends when the engine does.
        """
        filters = orjson.dumps({"type": ["container"], "label": [label]}).decode()
        async with self._request("GET", "events", params={"filters": filters}) as answer:
            yield {}
            while line := await answer.content.readline():
                yield orjson.loads(line)

    async def logs(self, container: str, query: Mapping[str, str]) -> AsyncGenerator[bytes]:
        """What it wrote, output and errors as they came."""
        asked = {"stdout": "true", "stderr": "true", **query}
        async with self._request("GET", f"containers/{container}/logs", params=asked) as answer:
            while True:
                try:
                    head = await answer.content.readexactly(8)
                    yield await answer.content.readexactly(int.from_bytes(head[4:], "big"))
                except asyncio.IncompleteReadError:
                    return

    @asynccontextmanager
    async def _request(
        self, method: str, path: str, **options: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        url = f"unix://localhost/{self._version}/{path}"
        endless = aiohttp.ClientTimeout(sock_connect=_CONNECT)
        with self._told():
            async with self._docker.session.request(
                method, url, timeout=endless, **options
            ) as answer:
                if answer.status >= 400:
                    raise _refusal(await answer.text())
                yield answer

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what goes wrong into Problems."""
        try:
            yield
        except self._refused as error:
            if getattr(error, "status", 0) == _NO_CONNECTION:
                raise self._silent(error.__context__ or error) from error
            raise _refusal(str(getattr(error, "message", error))) from error
        except _FAULTS as error:
            raise self._silent(error) from error
        except (RuntimeError, AssertionError) as error:
            if self._closed:  # by its keeper, while we asked
                raise self._silent(error) from error
            raise

    def _silent(self, error: BaseException) -> Problem:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        said = reason or type(error).__name__
        return Problem(
            "node.engine",
            f"the container engine at {self.path} does not answer: {said}",
            retry=True,
        )


def _held(info: Mapping[str, Any]) -> frozenset[str]:
    """The kinds of limits that hold, from what an engine says of itself."""
    options = info.get("SecurityOptions") or ()
    rootless = info.get("Rootless") or any("rootless" in option for option in options)
    if rootless and str(info.get("CgroupVersion")) == "1":  # whose cgroups are root's alone
        return frozenset()
    told = {"cpu": "CpuCfsQuota", "memory": "MemoryLimit"}
    return frozenset(kind for kind, name in told.items() if info.get(name) is not False)


def _refusal(text: str) -> Problem:
    return Problem("node.refused", text.strip().removesuffix("."), retry=True)
