"""The kubelet API: what the API server asks the node for: logs, commands, ports of pods."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import orjson
from aiohttp import web

from lateen.api.manifest import Manifest
from lateen.base import clock
from lateen.base.problem import Problem
from lateen.hub import Informer
from lateen.node import logs, planning, speaking
from lateen.node.drivers import Command, Visited
from lateen.node.metering import Meter
from lateen.node.settings import Settings

_CHUNK = 32768
# who may ask: the API server's client certificate, which has gone through its authorization
_CLIENTS = frozenset({"kube-apiserver-kubelet-client"})


class Kubelet:
    def __init__(self, informer: Informer, driver: Visited, meter: Meter) -> None:
        self._informer = informer
        self._driver = driver
        self._meter = meter

    def application(self) -> web.Application:
        app = web.Application(middlewares=[_authorise])
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/pods", self._pods)
        app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", self._logs)
        command = "/{namespace}/{pod}/{container}"
        app.router.add_get(f"/exec{command}", self._exec)
        app.router.add_get(f"/attach{command}", self._attach)
        app.router.add_get("/portForward/{namespace}/{pod}", self._forward)
        self._meter.add_to(app)
        return app

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _pods(self, request: web.Request) -> web.Response:
        items = {"kind": "PodList", "apiVersion": "v1", "items": self._informer.list()}
        return web.Response(body=orjson.dumps(items), content_type="application/json")

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        pod, container = self._pod(request), request.match_info["container"]
        name = pod["metadata"]["name"]
        try:
            selection = _selection(request.query)
        except ValueError as error:
            return _refused(400, f"the query cannot be read: {error}")
        previous = request.query.get("previous") == "true"
        log = self._driver.log(str(pod["metadata"]["uid"]), container, 1 if previous else 0)
        if log is None:
            which = "previous " if previous else ""
            message = f"the {which}container {container} of pod {name} has not run"
            return _refused(400, message)
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        if selection.follow:  # it may be silent for long
            await response.prepare(request)
        waiting = b""
        async with aclosing(log.read(selection)) as chunks:
            try:
                async for chunk in chunks:
                    waiting += chunk
                    if selection.follow or len(waiting) >= _CHUNK:
                        await _write(request, response, waiting)
                        waiting = b""
            except Problem as problem:
                if not response.prepared:
                    return _refused(503, problem.message)
                waiting += f"({problem.message})\n".encode()
        await _write(request, response, waiting)
        await response.write_eof()
        return response

    async def _exec(self, request: web.Request) -> web.StreamResponse:
        return await self._talk(request, request.query.getall("command", []))

    async def _attach(self, request: web.Request) -> web.StreamResponse:
        return await self._talk(request, [])

    async def _talk(self, request: web.Request, argv: list[str]) -> web.StreamResponse:
        pod = self._pod(request)
        given = {name for name in ("input", "tty") if request.query.get(name) in ("1", "true")}
        command = Command(
            request.match_info["container"], argv, stdin="input" in given, tty="tty" in given
        )
        _upgradable(request)
        socket = await speaking.accept(request, speaking.COMMANDS)
        try:
            async with self._driver.talk(str(pod["metadata"]["uid"]), command) as session:
                await speaking.converse(socket, session)
        except Problem as problem:
            await speaking.fail(socket, problem.message)
        return socket

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        uid = str(self._pod(request)["metadata"]["uid"])
        _upgradable(request)
        try:
            asked = ",".join(request.query.getall("port", []))
            ports = [int(port) for port in asked.split(",") if port]
        except ValueError:
            return _refused(400, "a port is a number")
        socket = await speaking.accept(request, speaking.PORTS)
        await speaking.forward(socket, ports, partial(self._driver.dial, uid))
        return socket

    def _pod(self, request: web.Request) -> Manifest:
        """The pod of a request, which has the container it names, if it does.

        Raises:
            web.HTTPException: there is none.
        """
        namespace, name = request.match_info["namespace"], request.match_info["pod"]
        pod = self._informer.get(namespace, name)
        if pod is None:
            raise web.HTTPNotFound(text=f"pod {namespace}/{name} is not on this node\n")
        inits, mains = planning.containers(pod)
        container = request.match_info.get("container")
        if container and all(c["name"] != container for c in (*inits, *mains)):
            raise web.HTTPNotFound(text=f"pod {name} has no container {container}\n")
        return pod


@asynccontextmanager
async def serve(kubelet: Kubelet, settings: Settings) -> AsyncIterator[int]:
    """Serve on 127.0.0.1 while the context lasts; gives the port.

    Raises:
        OSError: the port is taken, or the certificate cannot be read.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(settings.authority))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(settings.certificate, settings.key)
    runner = web.AppRunner(kubelet.application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", settings.port, ssl_context=context)
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


@web.middleware
async def _authorise(request: web.Request, handler: Any) -> web.StreamResponse:
    """Any certificate of the control plane gets through TLS; only the API server gets further."""
    certificate = request.get_extra_info("peercert") or {}
    names = {value for part in certificate.get("subject", ()) for key, value in part}
    if not names & _CLIENTS:
        return _refused(403, "only the API server may ask")
    try:
        response: web.StreamResponse = await handler(request)
    except ConnectionResetError:  # whoever asked has gone
        return _refused(499, "gone")
    return response


async def _write(request: web.Request, response: web.StreamResponse, data: bytes) -> None:
    if not response.prepared:
        await response.prepare(request)
    if data:
        await response.write(data)


def _upgradable(request: web.Request) -> None:
    """Raises `web.HTTPException` for who speaks something else than WebSocket."""
    if request.headers.get("Upgrade", "").lower() != "websocket":
        text = "this node speaks WebSocket only: kubectl from 1.31 on does\n"
        raise web.HTTPBadRequest(text=text)


def _refused(status: int, message: str) -> web.Response:
    return web.Response(status=status, text=message + "\n")


def _selection(query: Any) -> logs.Selection:
    """Read the query of a log request.

    Raises:
        ValueError: a number or a time is none.
    """
    since = ""
    if "sinceTime" in query:
        since = _moment(clock.parse(query["sinceTime"]))
    elif "sinceSeconds" in query:
        since = _moment(datetime.now(UTC) - timedelta(seconds=int(query["sinceSeconds"])))
    return logs.Selection(
        tail=int(query.get("tailLines", -1)),
        since=since,
        limit=int(query.get("limitBytes", 0)),
        timestamps=query.get("timestamps") == "true",
        follow=query.get("follow") == "true",
    )


def _moment(when: datetime) -> str:
    """In the form of the records, so that texts compare as the times do."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
