"""Where the controllers can be asked how they are, and told that a source has changed:
`/metrics`, `/healthz`, `/readyz`, `/hooks/NAMESPACE/APPLICATION`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from lateen.base.problem import Problem
from lateen.controllers import hooking

_LARGEST = 25 * 2**20  # bytes of a call: what GitHub sends at most


@dataclass(frozen=True)
class Desk:
    """Answers. `troubles` are the reasons why the controllers cannot do their work."""

    registry: CollectorRegistry
    troubles: Callable[[], Sequence[str]]
    hooks: hooking.Receiver | None = None

    def application(self) -> web.Application:
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_post("/hooks/{namespace}/{name}", self._hook)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        return app

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, kind = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self.registry), headers={"Content-Type": kind})

    async def _hook(self, request: web.Request) -> web.Response:
        if self.hooks is None:
            raise web.HTTPNotFound
        where = request.match_info
        found = await self.hooks.receive(
            where["namespace"], where["name"], request.headers, await request.read()
        )
        return web.Response(status=found.status, text=found.text)

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.Response(text="ok\n")  # whoever answers is alive

    async def _readyz(self, request: web.Request) -> web.Response:
        found = self.troubles()
        if found:
            return web.Response(status=503, text="".join(f"{each}\n" for each in found))
        return web.Response(text="ok\n")


@asynccontextmanager
async def serve(desk: Desk, host: str, port: int) -> AsyncIterator[str]:
    """Listen while the context lasts; gives `host:port`. Port 0 is any that is free.

    Raises:
        Problem: `settings.listen` when the address cannot be had.
    """
    runner = web.AppRunner(desk.application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise Problem(
                "settings.listen",
                f"cannot listen on {host}:{port}: {(error.strerror or str(error)).lower()}",
                path="listen_port",
                hint="choose another listen_port, or 0 for any that is free",
            ) from error
        given = runner.addresses[0]
        yield f"[{given[0]}]:{given[1]}" if ":" in given[0] else f"{given[0]}:{given[1]}"
    finally:
        await runner.cleanup()
