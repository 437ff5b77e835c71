"""Many cheap API servers in one process, for the one figure that needs a hundred clusters.

Each answers under a path of its own what delivering ConfigMaps asks for: discovery, lists, watches,
dry runs, creates, applies and deletes. They keep what they are given and check nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

_CONFIGMAPS = {
    "kind": "APIGroupDiscoveryList",
    "apiVersion": "apidiscovery.k8s.io/v2",
    "metadata": {},
    "items": [
        {
            "metadata": {},
            "versions": [
                {
                    "version": "v1",
                    "resources": [
                        {
                            "resource": "configmaps",
                            "responseKind": {"group": "", "version": "v1", "kind": "ConfigMap"},
                            "scope": "Namespaced",
                            "verbs": ["create", "delete", "get", "list", "patch", "watch"],
                        }
                    ],
                }
            ],
        }
    ],
}


@dataclass
class Impostor:
    """One cluster."""

    version: int = 1
    objects: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    watchers: set[asyncio.Queue[tuple[str, dict[str, Any]]]] = field(default_factory=set)

    def put(self, found: dict[str, Any], namespace: str, *, dry_run: bool) -> dict[str, Any]:
        meta = {"namespace": namespace, "uid": f"uid-{self.version}", **found["metadata"]}
        key = namespace, str(meta["name"])
        before = self.objects.get(key)
        if before is not None:
            meta["uid"] = before["metadata"]["uid"]
        meta["creationTimestamp"] = "2026-01-01T00:00:00Z"
        meta["resourceVersion"] = str(self.version + 1)
        stored = {**found, "metadata": meta}
        if not dry_run:
            self.version += 1
            self.objects[key] = stored
            self._tell("ADDED" if before is None else "MODIFIED", stored)
        return stored

    def drop(self, key: tuple[str, str]) -> None:
        self.version += 1
        gone = self.objects.pop(key)
        gone["metadata"]["resourceVersion"] = str(self.version)
        self._tell("DELETED", gone)

    def _tell(self, change: str, found: dict[str, Any]) -> None:
        for queue in self.watchers:
            queue.put_nowait((change, found))


class Server:
    """All of them."""

    def __init__(self, count: int) -> None:
        self.clusters = {str(index): Impostor() for index in range(count)}
        self.requests = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        _, number, *parts = request.path.split("/")
        there = self.clusters[number]
        path = "/".join(parts)
        match path:
            case "readyz":
                return web.Response(text="ok")
            case "version":
                return web.json_response(
                    {"major": "1", "minor": "30", "gitVersion": "v1.30.0", "platform": "fake"}
                )
            case "api":
                return web.json_response(_CONFIGMAPS)
            case "apis":
                return web.json_response({**_CONFIGMAPS, "items": []})
            case "count":
                return web.json_response({"objects": len(there.objects)})
        if path == "api/v1/configmaps":
            if request.query.get("watch"):
                return await self._watch(request, there)
            items = list(there.objects.values())
            meta = {"resourceVersion": str(there.version)}
            return web.json_response({"kind": "ConfigMapList", "metadata": meta, "items": items})
        return await self._object(request, there, parts)

    async def _object(
        self, request: web.Request, there: Impostor, parts: list[str]
    ) -> web.StreamResponse:
        namespace, name = parts[3], parts[5] if len(parts) > 5 else ""
        dry_run = bool(request.query.get("dryRun"))
        if request.method in ("POST", "PATCH"):
            body = json.loads(await request.read())
            return web.json_response(there.put(body, namespace, dry_run=dry_run))
        found = there.objects.get((namespace, name))
        if found is None:
            return web.json_response(
                {"kind": "Status", "code": 404, "reason": "NotFound", "message": "not found"},
                status=404,
            )
        if request.method == "DELETE":
            there.drop((namespace, name))
            return web.json_response({"kind": "Status", "status": "Success"})
        return web.json_response(found)

    async def _watch(self, request: web.Request, there: Impostor) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        queue: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
        since = int(request.query["resourceVersion"])
        for found in there.objects.values():
            if int(found["metadata"]["resourceVersion"]) > since:
                queue.put_nowait(("MODIFIED", found))
        there.watchers.add(queue)
        try:
            while True:
                try:
                    change, found = await asyncio.wait_for(queue.get(), 60)
                except TimeoutError:
                    meta = {"resourceVersion": str(there.version)}
                    change, found = "BOOKMARK", {"kind": "ConfigMap", "metadata": meta}
                event = {"type": change, "object": found}
                await response.write(json.dumps(event).encode() + b"\n")
        except ConnectionResetError:  # whoever watched is gone
            return response
        finally:
            there.watchers.discard(queue)


async def serve(count: int) -> None:
    server = Server(count)
    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", server.answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    [address] = runner.addresses
    print(json.dumps({"port": address[1]}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    asyncio.run(serve(parser.parse_args().count))
