"""Which Service an HTTP request goes to, and what it is sent."""

from __future__ import annotations

import asyncio

import pytest

from lateen.node import routes
from lateen.node.gates import Gate
from lateen.node.services import Backend


def ingress(*rules, name="i", created="2026-01-01T00:00:00Z", **spec):
    meta = {"name": name, "namespace": "d", "creationTimestamp": created}
    return {"metadata": meta, "spec": {"rules": list(rules), **spec}}


PORT = {"number": 1}


def rule(host, *paths):
    made = [
        {"path": path, "pathType": kind, "backend": {"service": {"name": to, "port": PORT}}}
        for path, kind, to in paths
    ]
    return {"host": host, "http": {"paths": made}}


ALL = routes.read(
    [
        ingress(
            rule("a.io", ("/", "Prefix", "root"), ("/api", "Prefix", "api")),
            rule("a.io", ("/api", "Exact", "exact"), ("/api/v2/", "Prefix", "v2")),
            rule("*.a.io", ("/", "ImplementationSpecific", "wild")),
            rule(None, ("/", "Prefix", "any")),
            defaultBackend={"service": {"name": "default", "port": {"name": "http"}}},
        )
    ]
)


@pytest.mark.parametrize(
    ("host", "path", "expected"),
    [
        pytest.param("a.io", "/", "root", id="root"),
        pytest.param("A.IO:8080", "/x", "root", id="host in any case, with a port"),
        pytest.param("a.io", "/api", "exact", id="exact before a prefix of the same length"),
        pytest.param("a.io", "/api/x", "api", id="longest prefix"),
        pytest.param("a.io", "/apix", "root", id="a prefix is whole words"),
        pytest.param("a.io", "/api/v2", "v2", id="a slash at the end counts for nothing"),
        pytest.param("b.a.io", "/api", "wild", id="a part of a host"),
        pytest.param("c.b.a.io", "/", "any", id="a star is one label"),
        pytest.param("[::1]:80", "/", "any", id="an address"),
    ],
)
def test_match(host, path, expected):
    route = routes.match(ALL, host, path)
    assert route is not None
    assert route.service == expected


def test_the_older_ingress_wins():
    rules = [rule("a.io", ("/", "Prefix", name)) for name in ("young", "old")]
    found = routes.read(
        [
            ingress(rules[0], created="2026-01-02T00:00:00Z"),
            ingress(rules[1], created="2026-01-01T00:00:00Z"),
        ]
    )
    assert [route.service for route in found] == ["old", "young"]


def test_no_route():
    found = routes.read([ingress(rule("a.io", ("/", "Prefix", "a")))])
    assert routes.match(found, "b.io", "/") is None


async def exchange(gate, request):
    server = await asyncio.start_server(
        lambda r, w: gate.carry("http", r, w), "127.0.0.1", 0, limit=65536
    )
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(request)
    said = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    server.close()
    return said


@pytest.mark.anyio
async def test_a_request_is_carried_with_who_asked():
    async def echo(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(4)
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + head + body)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    gate = Gate(lambda *asked: [Backend("127.0.0.1", 1), Backend("127.0.0.1", port)])
    gate.routes = ALL
    head = b"POST /api/x?y=1 HTTP/1.1\r\nHost: a.io\r\nX-Forwarded-For: 9.9.9.9\r\n"
    said = await exchange(gate, head + b"Connection: keep-alive\r\nContent-Length: 4\r\n\r\nbody")
    assert b"POST /api/x?y=1 HTTP/1.1\r\n" in said
    assert b"X-Forwarded-For: 9.9.9.9, 127.0.0.1\r\n" in said
    assert b"X-Forwarded-Host: a.io\r\n" in said
    assert b"keep-alive" not in said
    assert said.endswith(b"body")
    server.close()


@pytest.mark.parametrize(
    ("request_", "status", "text"),
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: none\r\n\r\n", b"404", b"no Ingress", id="no route"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a.io\r\n\r\n", b"503", b"d/root", id="no backend"),
        pytest.param(b"hello\r\n\r\n", b"400", b"no HTTP request", id="no HTTP"),
        pytest.param(b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"400", b"no HTTP", id="no header"),
        pytest.param(b"GET /" + b"x" * 70_000 + b" \r\n\r\n", b"431", b"too large", id="big"),
    ],
)
@pytest.mark.anyio
async def test_what_cannot_be_carried_is_said(request_, status, text):
    gate = Gate(lambda *asked: [])
    gate.routes = [route for route in ALL if route.host]
    said = await exchange(gate, request_)
    assert said.startswith(b"HTTP/1.1 " + status)
    assert text in said
