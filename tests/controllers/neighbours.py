"""Others that steps speak to in tests: a real HTTP server on loopback, and steps that ask it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import anyio
import orjson
from aiohttp import web

from tests.controllers.apps import step

NEVER = object()


@dataclass
class Server:
    """Remembers what it was asked; answers path by path, `{}` where nothing else was said, with an
    error where a number was said, and `NEVER`.
    """

    url: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        told = orjson.loads(body) if body else None
        self.asked.append((request.method, request.path, told))
        found = self.answers.get(request.path, {})
        if found is NEVER:
            await anyio.sleep_forever()
        if isinstance(found, int):
            return web.Response(status=found, text="refused")
        return web.json_response(found)


def act(name: str, kind: str, properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A step with properties."""
    return step(name, kind, properties=properties, **more)
