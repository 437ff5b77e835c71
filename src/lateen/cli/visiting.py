"""Commands and connections into pods, through the API server of their cluster."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import termios
import tty
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
import anyio
import orjson

from lateen import hub
from lateen.api import manifest as manifests
from lateen.api.manifest import Manifest
from lateen.base.problem import Problem
from lateen.cli import connecting, endpoints, gathering, printing, reaching, trees

_INPUT, _OUTPUT, _ERRORS, _STATUS, _SIZE = range(5)
_END = bytes([255, _INPUT])
_V4, _V5 = "v4.channel.k8s.io", "v5.channel.k8s.io"
_BLOCK = 32768


@dataclass(frozen=True)
class Place:
    """Which container is meant; what is empty is chosen."""

    name: str
    namespace: str
    component: str = ""
    pod: str = ""
    container: str = ""
    cluster: str = ""


@dataclass(frozen=True)
class Order:
    place: Place
    command: tuple[str, ...]
    stdin: bool
    tty: bool


@asynccontextmanager
async def _found(
    place: Place, kubeconfig: str | None
) -> AsyncIterator[tuple[hub.Client, Manifest]]:
    """A client of the cluster, and the pod.

    Raises:
        Problem: `hub.not-found` when there is no such application, component, pod or container;
            `cli.not-running` when none of its pods runs.
    """
    async with connecting.plane(kubeconfig) as client, reaching.every(client) as reach:
        app = await connecting.application(client, place.namespace, place.name)
        known = [component.name for component in app.components]
        if place.component and place.component not in known:
            message = f"{place.name} has no component {place.component}"
            raise Problem("hub.not-found", message, hint=f"components are {', '.join(known)}")
        gathered = await gathering.reached(reach, app)
        nodes = [
            node
            for node in trees.pods(gathered.nodes)
            if node.live
            and place.component in ("", node.component)
            and place.cluster in ("", node.place)
        ]
        chosen = _choose(nodes, place)
        assert chosen.live is not None
        yield await reach.at(chosen.cluster), chosen.live


def _choose(nodes: list[trees.Node], place: Place) -> trees.Node:
    names = [node.key.name for node in nodes]
    if place.cluster and not nodes:
        message = f"{place.name} has no pod in cluster {place.cluster}"
        hint = f"`lateen status {place.name} --tree` shows what is where"
        raise Problem("hub.not-found", message, hint=hint)
    if place.pod and place.pod not in names:
        message = f"{place.name} has no pod {place.pod}"
        raise Problem("hub.not-found", message, hint=f"pods are {', '.join(sorted(names))}")
    alive = [
        node
        for node in nodes
        if place.pod in ("", node.key.name)
        and (node.live or {})["status"].get("phase") == "Running"
    ]
    if not alive:
        raise Problem(
            "cli.not-running",
            f"no pod of {place.name} runs",
            hint=f"`lateen status {place.name} --tree` says why",
        )
    # one that is ready before one that is not, the same one each time
    return min(alive, key=lambda node: (not endpoints.ready(node.live or {}), node.key.name))


async def execute(order: Order, kubeconfig: str | None) -> int:
    """Run a command in a container; its exit code.

    Raises:
        Problem: as `_found`; `cli.exec` when it cannot be run.
    """
    async with _found(order.place, kubeconfig) as (client, pod):
        query = [("container", _container(pod, order.place)), ("stdout", "true")]
        query += [("command", word) for word in order.command]
        query += [("stdin", "true")] if order.stdin else []
        query.append(("tty", "true") if order.tty else ("stderr", "true"))
        async with client.talk(f"{_path(pod)}/exec", query, (_V5, _V4)) as socket:
            with _raw() if order.tty else contextlib.nullcontext():
                return await _converse(socket, order)


def _container(pod: Manifest, place: Place) -> str:
    names = [each["name"] for each in pod["spec"]["containers"]]
    if place.container and place.container not in names:
        message = f"pod {pod['metadata']['name']} has no container {place.container}"
        raise Problem("hub.not-found", message, hint=f"containers are {', '.join(names)}")
    return str(place.container or names[0])


def _path(pod: Manifest) -> str:
    meta = manifests.metadata(pod)
    return f"/api/v1/namespaces/{quote(meta['namespace'])}/pods/{quote(meta['name'])}"


async def _converse(socket: aiohttp.ClientWebSocketResponse, order: Order) -> int:
    files = {_OUTPUT: sys.stdout.buffer, _ERRORS: sys.stderr.buffer}
    code: int | None = None
    async with anyio.create_task_group() as group:
        if order.stdin:
            group.start_soon(_give_input, socket)
        if order.tty:
            group.start_soon(_give_size, socket)
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
                continue
            channel, data = message.data[0], message.data[1:]
            if channel in files:
                files[channel].write(data)
                files[channel].flush()
            elif channel == _STATUS:
                code = _exit_code(orjson.loads(data))
        group.cancel_scope.cancel()
    if code is None:
        raise Problem("cli.exec", "the connection ended before the command did", retry=True)
    return code


def _exit_code(status: dict[str, Any]) -> int:
    if status.get("status") == "Success":
        return 0
    for cause in (status.get("details") or {}).get("causes") or ():
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise Problem("cli.exec", str(status.get("message") or "the command cannot be run"))


async def _give_input(socket: aiohttp.ClientWebSocketResponse) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    try:
        await loop.connect_read_pipe(lambda: protocol, os.fdopen(os.dup(0), "rb", 0))
        while data := await reader.read(_BLOCK):
            await socket.send_bytes(bytes([_INPUT]) + data)
    except ValueError:  # a file: it is never waited for
        while data := await anyio.to_thread.run_sync(os.read, 0, _BLOCK):
            await socket.send_bytes(bytes([_INPUT]) + data)
    if socket.protocol == _V5:
        await socket.send_bytes(_END)


async def _give_size(socket: aiohttp.ClientWebSocketResponse) -> None:
    with anyio.open_signal_receiver(signal.SIGWINCH) as signals:
        await socket.send_bytes(_size())
        async for _ in signals:
            await socket.send_bytes(_size())


def _size() -> bytes:
    size = os.get_terminal_size(sys.stdout.fileno() if sys.stdout.isatty() else 0)
    return bytes([_SIZE]) + orjson.dumps({"Width": size.columns, "Height": size.lines})


@contextmanager
def _raw() -> Iterator[None]:
    """Every key goes to the other side, Ctrl-C too."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(0)
    try:
        tty.setraw(0)
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


async def forward(
    place: Place, pairs: tuple[tuple[int, int], ...], address: str, kubeconfig: str | None
) -> None:
    """Listen, and carry each connection to the pod, until cancelled.

    Raises:
        Problem: as `_found`; `cli.port` for a port that cannot be listened at, or when the pod
            declares none and none is given.
    """
    async with _found(place, kubeconfig) as (client, pod):
        declared = [
            (0, int(port["containerPort"]))
            for each in pod["spec"]["containers"]
            for port in each.get("ports") or ()
        ]
        name = pod["metadata"]["name"]
        if not pairs and not declared:
            raise Problem("cli.port", f"pod {name} declares no ports", hint="say which: PORT")
        async with contextlib.AsyncExitStack() as stack:
            for local, remote in pairs or declared:
                port = await stack.enter_async_context(_listen(client, pod, address, local, remote))
                printing.line_out(f"http://{address}:{port} leads to port {remote} of {name}")
            sys.stdout.flush()
            await anyio.sleep_forever()


@asynccontextmanager
async def _listen(
    client: hub.Client, pod: Manifest, address: str, local: int, remote: int
) -> AsyncIterator[int]:
    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _carry(client, pod, remote, reader, writer)
        except (hub.ApiError, Problem, ConnectionError) as error:
            printing.stderr().print(f"port {remote}: {error}")
        finally:
            writer.close()

    try:
        server = await asyncio.start_server(carry, address, local)
    except OSError as error:
        message = f"port {local} of {address} cannot be had: {error.strerror}"
        raise Problem("cli.port", message, hint="give another: LOCAL:PORT, or :PORT") from error
    async with server:
        yield int(server.sockets[0].getsockname()[1])


async def _carry(
    client: hub.Client,
    pod: Manifest,
    port: int,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    query = [("ports", str(port))]
    async with (
        client.talk(f"{_path(pod)}/portforward", query, (_V4,)) as socket,
        anyio.create_task_group() as group,
    ):

        async def give() -> None:
            while data := await reader.read(_BLOCK):
                await socket.send_bytes(b"\0" + data)

        group.start_soon(give)
        greeted = set()
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
                continue
            channel, data = message.data[0], message.data[1:]
            if channel not in greeted:  # its first message repeats the port
                greeted.add(channel)
            elif channel == 0:
                writer.write(data)
                await writer.drain()
            elif data:
                printing.stderr().print(f"port {port}: {data.decode(errors='replace')}")
                break
        group.cancel_scope.cancel()
