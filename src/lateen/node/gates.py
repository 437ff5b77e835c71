"""Serves Ingresses: each HTTP request is carried, head and all, to the Service it is for.

One request for each connection: its head is read and changed, the rest goes by as it comes, so
that WebSockets, streams and uploads need nothing of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import ssl
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import anyio

from lateen.api.manifest import Key, Manifest
from lateen.base.problem import Problem
from lateen.hub import ApiError, Client, Informer
from lateen.node import balancing, environment, routes
from lateen.node.routes import Route
from lateen.node.services import Backend

_LOG = logging.getLogger(__name__)
_HEAD = 65536  # bytes
_PATIENCE = 30.0  # seconds for a head
_CONNECT = 5.0
_LOCAL = "127.0.0.1"
_PAUSE = 0.05
_AGAIN = 30.0
_USUAL = {"http": (80, range(8880, 8900)), "https": (443, range(8943, 8963))}

Find = Callable[[str, str, str], Sequence[Backend]]


class Gate:
    """Carries requests by `routes`; `find` gives who answers for a port of a Service."""

    def __init__(self, find: Find) -> None:
        self.routes: Sequence[Route] = ()
        self._find = find

    async def carry(
        self, scheme: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, TimeoutError, ConnectionError):
            writer.close()
            return
        except asyncio.LimitOverrunError:
            await _say(writer, 431, "the head of the request is too large")
            return
        try:
            host, path = _asked(head)
        except ValueError:
            await _say(writer, 400, "this is no HTTP request")
            return
        route = routes.match(self.routes, host, path)
        if route is None:
            await _say(writer, 404, f"no Ingress leads from {host}{path}")
            return
        there = await self._connect(route)
        if there is None:
            where = f"{route.namespace}/{route.service}"
            await _say(writer, 503, f"nobody answers for Service {where}, port {route.port}")
            return
        peer = (writer.get_extra_info("peername") or [""])[0]
        there[1].write(_changed(head, str(peer), scheme, host))
        await balancing.join((reader, writer), there)

    async def _connect(
        self, route: Route
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for backend in self._find(route.namespace, route.service, route.port):
            with contextlib.suppress(OSError):
                async with asyncio.timeout(_CONNECT):
                    return await asyncio.open_connection(backend.address, backend.port)
        return None


def _asked(head: bytes) -> tuple[str, str]:
    """(host, path) of a request.

    Raises:
        ValueError: it is none.
    """
    first, *lines = head.decode("latin-1").split("\r\n")
    _, target, version = first.split(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError(version)
    headers = dict(_header(line) for line in lines if line)
    if "://" in target:
        target = "/" + target.partition("://")[2].partition("/")[2]
    return headers.get("host", ""), target.partition("?")[0] or "/"


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise ValueError(line)
    return name.strip().lower(), value.strip()


def _changed(head: bytes, peer: str, scheme: str, host: str) -> bytes:
    """The head with who asked; the connection is for this request only."""
    first, *lines = head.decode("latin-1").split("\r\n")
    upgrade = any(_header(line)[0] == "upgrade" for line in lines if line)
    dropped = {"x-forwarded-proto", "x-forwarded-host", "x-real-ip", "keep-alive"}
    if not upgrade:
        dropped.add("connection")
    earlier = [v for n, v in map(_header, filter(None, lines)) if n == "x-forwarded-for"]
    kept = [x for x in lines if x and _header(x)[0] not in dropped | {"x-forwarded-for"}]
    kept += [
        f"X-Forwarded-For: {', '.join([*earlier, peer])}",
        f"X-Forwarded-Proto: {scheme}",
        f"X-Forwarded-Host: {host}",
    ]
    if not upgrade:
        kept.append("Connection: close")
    return "\r\n".join([first, *kept, "", ""]).encode("latin-1")


async def _say(writer: asyncio.StreamWriter, status: int, text: str) -> None:
    body = f"{text}\n".encode("utf-8", "replace")
    head = f"HTTP/1.1 {status} {text.partition(' ')[0]}\r\nContent-Type: text/plain\r\n"
    head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    with contextlib.suppress(ConnectionError):
        writer.write(head.encode("latin-1", "replace") + body)
        await writer.drain()
    writer.close()


class Ingresses:
    """Follows Ingresses, and serves them on this machine's 127.0.0.1."""

    def __init__(self, client: Client, find: Find, directory: Path) -> None:
        self._client = client
        self._informer = Informer(client, "networking.k8s.io", "v1", "Ingress")
        self._gate = Gate(find)
        self._directory = directory
        self._changed = anyio.Event()
        self._servers: dict[str, asyncio.Server] = {}
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._pairs: dict[str, tuple[str, str]] = {}

    async def run(self) -> None:
        """Until cancelled. Nothing listens before there is an Ingress."""
        self._informer.on_change(lambda old, new: self._changed.set())
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._informer.run)
                await self._informer.wait_synced()
                while True:
                    self._changed = anyio.Event()
                    try:
                        settled = await self._arrange()
                    except (ApiError, Problem, OSError) as error:
                        _LOG.warning("Ingresses: %s", error)
                        settled = False
                    with anyio.move_on_after(None if settled else _AGAIN):
                        await self._changed.wait()
                    await anyio.sleep(_PAUSE)
        finally:
            for server in self._servers.values():
                server.close()

    async def _arrange(self) -> bool:
        """Bring routes, certificates, listening and statuses in line; whether all is well."""
        ingresses = self._informer.list()
        self._gate.routes = routes.read(ingresses)
        complete = await self._certify(ingresses)
        if ingresses:
            await self._listen("http")
        if self._contexts:
            await self._listen("https")
        for ingress in ingresses:
            await self._tell(ingress)
        return complete

    async def _certify(self, ingresses: Iterable[Manifest]) -> bool:
        """Load the certificates that are named; a Secret that is missing is looked for again."""
        complete, contexts = True, {}
        for host, (namespace, name) in routes.certificates(ingresses).items():
            try:
                found = await self._client.get(Key("", "Secret", namespace, name, "v1"))
                values = environment.decode(found)
                pair = values["tls.crt"], values["tls.key"]
                if self._pairs.get(host) != pair:
                    self._contexts[host] = _context(*pair)
                    self._pairs[host] = pair
                contexts[host] = self._contexts[host]
            except (ApiError, KeyError, ssl.SSLError) as error:
                _LOG.warning("the certificate in Secret %s/%s: %s", namespace, name, error)
                complete = False
        self._contexts = contexts
        self._pairs = {host: pair for host, pair in self._pairs.items() if host in contexts}
        return complete

    async def _listen(self, scheme: str) -> None:
        if scheme in self._servers:
            return
        context = None
        if scheme == "https":
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.sni_callback = self._chosen
        file = self._directory / f"ingress-{scheme}"
        usual, others = _USUAL[scheme]
        recorded = [int(file.read_text())] if file.exists() else []

        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._gate.carry(scheme, reader, writer)

        for port in [*recorded, usual, *others, 0]:
            try:
                server = await asyncio.start_server(
                    carry, _LOCAL, port, ssl=context, limit=_HEAD, backlog=512
                )
            except OSError:
                continue
            self._servers[scheme] = server
            file.write_text(f"{self._port(scheme)}\n")
            _LOG.info("Ingresses are served at %s://%s:%d", scheme, _LOCAL, self._port(scheme))
            return

    def _port(self, scheme: str) -> int:
        return int(self._servers[scheme].sockets[0].getsockname()[1])

    def _chosen(self, connection: ssl.SSLObject, name: str | None, first: ssl.SSLContext) -> None:
        """The certificate for the host that is asked for, else one for any, else some."""
        wild = f"*.{(name or '').partition('.')[2]}"
        for host in ((name or "").lower(), wild, ""):
            if host in self._contexts:
                connection.context = self._contexts[host]
                return
        connection.context = next(iter(self._contexts.values()), first)

    async def _tell(self, ingress: Manifest) -> None:
        schemes = ["http"] + (["https"] if (ingress["spec"].get("tls")) else [])
        ports = [
            {"port": self._port(scheme), "protocol": "TCP"}
            for scheme in schemes
            if scheme in self._servers
        ]
        wanted = [{"ip": _LOCAL, "ports": ports}]
        told = ((ingress.get("status") or {}).get("loadBalancer") or {}).get("ingress")
        if told == wanted:
            return
        meta = ingress["metadata"]
        key = Key("networking.k8s.io", "Ingress", meta["namespace"], meta["name"], "v1")
        patch = {"status": {"loadBalancer": {"ingress": wanted}}}
        try:
            self._informer.observe(await self._client.patch(key, patch, subresource="status"))
        except ApiError as error:
            if not (error.not_found or error.conflict):
                raise


def _context(certificate: str, key: str) -> ssl.SSLContext:
    """Raises `ssl.SSLError` when they are no pair."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    # ssl reads files only; this one nobody else can read, and it is gone at once
    descriptor, name = tempfile.mkstemp()
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{certificate.rstrip()}\n{key.rstrip()}\n")
        context.load_cert_chain(name)
    finally:
        Path(name).unlink()
    return context
