"""The kubelet API: what the API server asks the node for, such as logs for `kubectl logs`."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from aiohttp import web

from lateen.base import clock
from lateen.hub import Informer
from lateen.node import logs, planning
from lateen.node.drivers import Driver
from lateen.node.settings import Settings

_CHUNK = 32768
# who may ask: the API server's client certificate, which has gone through its authorization
_CLIENTS = frozenset({"kube-apiserver-kubelet-client"})


class Kubelet:
    def __init__(self, informer: Informer, driver: Driver) -> None:
        self._informer = informer
        self._driver = driver

    def application(self) -> web.Application:
        app = web.Application(middlewares=[_authorise])
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/pods", self._pods)
        app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", self._logs)
        return app

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _pods(self, request: web.Request) -> web.Response:
        items = {"kind": "PodList", "apiVersion": "v1", "items": self._informer.list()}
        return web.Response(body=orjson.dumps(items), content_type="application/json")

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        namespace, name = request.match_info["namespace"], request.match_info["pod"]
        container = request.match_info["container"]
        pod = self._informer.get(namespace, name)
        if pod is None:
            return _refused(404, f"pod {namespace}/{name} is not on this node")
        inits, mains = planning.containers(pod)
        if all(c["name"] != container for c in (*inits, *mains)):
            return _refused(404, f"pod {name} has no container {container}")
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
        await response.prepare(request)
        waiting = b""
        async with aclosing(log.read(selection)) as chunks:
            async for chunk in chunks:
                waiting += chunk
                if selection.follow or len(waiting) >= _CHUNK:
                    await response.write(waiting)
                    waiting = b""
        await response.write(waiting)
        await response.write_eof()
        return response


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
    response: web.StreamResponse = await handler(request)
    return response


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
