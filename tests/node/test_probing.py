"""What answers to probes add up to, and how they are asked."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import anyio
import grpc
import pytest
from aiohttp import web
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from lateen.node import probing
from lateen.node.drivers import Outcome
from lateen.node.probing import Kind, Probe, Tally, Target


@pytest.mark.parametrize(
    ("kind", "raw", "answers", "passed", "failed"),
    [
        pytest.param(Kind.READINESS, {}, "", False, False, id="not ready before it is asked"),
        pytest.param(Kind.LIVENESS, {}, "", True, False, id="alive before it is asked"),
        pytest.param(Kind.READINESS, {}, "y", True, False, id="one success is enough"),
        pytest.param(
            Kind.READINESS, {"successThreshold": 2}, "yny", False, False, id="successes in a row"
        ),
        pytest.param(
            Kind.READINESS, {"successThreshold": 2}, "yy", True, False, id="as many as asked for"
        ),
        pytest.param(Kind.READINESS, {}, "ynn", True, False, id="two failures of three"),
        pytest.param(Kind.READINESS, {}, "ynnn", False, True, id="three failures"),
        pytest.param(Kind.LIVENESS, {}, "nnynn", True, False, id="a success starts the count anew"),
        pytest.param(Kind.LIVENESS, {"failureThreshold": 1}, "n", False, True, id="one is enough"),
    ],
)
def test_tally(kind, raw, answers, passed, failed):
    tally = Tally.first(kind)
    for answer in answers:
        tally = probing.count(tally, Probe(kind, raw), answer == "y")
    assert (tally.passed, tally.failed) == (passed, failed)


CONTAINER = {"name": "web", "ports": [{"name": "http", "containerPort": 8080}]}


def test_ports_by_number_and_by_name():
    assert probing.resolve(80, CONTAINER) == 80
    assert probing.resolve("http", CONTAINER) == 8080


class Shell:
    """`drivers.Executor` without a container."""

    async def execute(self, container, argv, timeout):
        done = await anyio.run_process(list(argv), check=False)
        return Outcome(done.returncode, done.stdout.decode())


async def ask(raw, container=CONTAINER):
    async with aiohttp.ClientSession() as session:
        target = Target(container, "127.0.0.1", Shell(), session)
        return await probing.ask(Probe(Kind.READINESS, {"timeoutSeconds": 60, **raw}), target)


async def _page(request):
    return web.Response(status=int(request.headers.get("X-Status", "200")))


async def _http(headers):
    app = web.Application()
    app.router.add_get("/health", _page)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    try:
        given = [{"name": name, "value": value} for name, value in headers.items()]
        found = await ask({"httpGet": {"path": "/health", "port": port, "httpHeaders": given}})
        tcp = await ask({"tcpSocket": {"port": port}})
    finally:
        await runner.cleanup()
    gone = await ask({"tcpSocket": {"port": port}})
    return found, tcp.success, gone.success


@pytest.mark.parametrize(("status", "success"), [("200", True), ("302", True), ("503", False)])
def test_http_and_tcp(status, success):
    found, tcp, gone = asyncio.run(_http({"X-Status": status}))
    assert found.success is success
    assert status in found.message
    assert (tcp, gone) == (True, False)


@pytest.fixture(scope="module")
def served():
    """The port of a gRPC server with a service that serves, and one that does not."""
    servicer = health.HealthServicer()
    servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    servicer.set("resting", health_pb2.HealthCheckResponse.NOT_SERVING)
    server = grpc.server(ThreadPoolExecutor(2))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(None).wait()


@pytest.mark.parametrize(
    ("service", "success", "message"),
    [
        pytest.param(None, True, "", id="the server as a whole"),
        pytest.param("resting", False, "the service says NOT_SERVING", id="one that does not"),
        pytest.param("x" * 200, False, "gRPC status 5", id="one that it does not know"),
    ],
)
def test_grpc(service, success, message, served):
    found = asyncio.run(ask({"grpc": {"port": served, "service": service}}))
    assert found.success is success
    assert message in found.message


@pytest.mark.parametrize(
    ("said", "message"),
    [
        pytest.param(b"\0\0\1\4\0\0\0\0\0\0", "does not speak gRPC", id="another language"),
        pytest.param(b"HTTP/1.1 400\r\n\r\n", "closed without an answer", id="HTTP/1"),
        pytest.param(b"", "closed without an answer", id="nothing"),
    ],
)
def test_grpc_of_who_does_not_speak_it(said, message):
    async def answer(reader, writer):
        await reader.read(10)
        writer.write(said)
        writer.close()

    async def tried():
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            return await ask({"grpc": {"port": server.sockets[0].getsockname()[1]}})

    found = asyncio.run(tried())
    assert not found.success
    assert message in found.message


def test_exec():
    assert asyncio.run(ask({"exec": {"command": ["true"]}})).success
    failed = asyncio.run(ask({"exec": {"command": ["sh", "-c", "echo why; exit 1"]}}))
    assert (failed.success, failed.message.strip()) == (False, "why")


def test_an_answer_that_does_not_come_in_time_is_a_failure():
    slow = {"exec": {"command": ["sleep", "60"]}, "timeoutSeconds": 0.1}
    began = time.monotonic()
    assert "no answer" in asyncio.run(ask(slow)).message
    assert time.monotonic() - began < 30


def test_what_starts_fast_is_ready_long_before_the_first_period_is_over(tmp_path):
    flag = tmp_path / "up"
    asked = {"exec": {"command": ["test", "-e", str(flag)]}}
    probe = Probe(Kind.READINESS, {**asked, "periodSeconds": 600, "timeoutSeconds": 60})

    async def watch():
        async with aiohttp.ClientSession() as session:
            target = Target(CONTAINER, "127.0.0.1", Shell(), session)
            reports = []

            async def report(probe, tally, answer):
                reports.append((tally.passed, tally.failures))
                group.cancel_scope.cancel()

            async with anyio.create_task_group() as group:
                group.start_soon(probing.watch, probe, target, time.time(), report)
                await anyio.sleep(0.4)
                flag.touch()
            return reports

    with_limit = asyncio.wait_for(watch(), 60)
    assert asyncio.run(_await(with_limit)) == [(True, 0)]


async def _await(awaitable):
    return await awaitable
