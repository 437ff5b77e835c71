"""What a container finds that has a network of its engine's: a process in namespaces of its own
stands for one.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import uuid
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import anyio
import anyio.to_thread
import dnslib
import pytest
from anyio.abc import SocketAttribute

from lateen.node import junction, networks, services
from lateen.node.balancing import Balancer, Entrance, Target
from lateen.node.junctions import Junctions, Program
from lateen.node.naming import Names
from lateen.node.networks import Loopback
from lateen.node.services import Backend
from tests.node.conftest import until
from tests.node.test_services import pod, service

ANYIO = pytest.mark.anyio
PAUSE = ["bash", "-c", "exec -a /pause sleep 600"]
SPACES = {"root": ["--net"], "users": ["--net", "--user", "--map-root-user"]}


def _why_not(kind):
    if sys.platform != "linux":
        return "there are namespaces on Linux only"
    if kind == "root" and os.geteuid() != 0:
        return "needs root"
    made = subprocess.run(["unshare", *SPACES[kind], "true"], capture_output=True, text=True)
    return made.stderr.strip()


@contextmanager
def contained(kind, argv=PAUSE):
    """The pid of a process that has a network of its own."""
    process = subprocess.Popen(["unshare", *SPACES[kind], *argv])
    try:
        until(lambda: _arguments(process.pid) not in ([], [b"unshare"]))
        yield process.pid
    finally:
        process.kill()
        process.wait()


def _arguments(pid):
    line = Path(f"/proc/{pid}/cmdline").read_bytes()
    return line.split(b"\0")[:1] if line else []


@pytest.fixture(params=list(SPACES))
def kind(request):
    if why := _why_not(request.param):
        pytest.skip(why)
    return request.param


@asynccontextmanager
async def grounded(tmp_path):
    made = Loopback(uuid.uuid4().hex[:8], tmp_path)
    try:
        yield made
    finally:
        await made.close()


async def ask(pid, address, port, *, udp=False, text=b"hello"):
    """What somebody in the process's network is answered at an address."""
    kind = "SOCK_DGRAM" if udp else "SOCK_STREAM"
    script = f"""
import socket
with socket.socket(socket.AF_INET, socket.{kind}) as made:
    made.settimeout(20)
    made.connect(({address!r}, {port}))
    made.send({text!r})
    print(made.recv(4096).hex())
"""
    users = ["--user", "--preserve-credentials"] if _apart(pid) else []
    command = ["nsenter", f"--target={pid}", "--net", *users, sys.executable, "-I", "-c", script]
    with anyio.fail_after(60):
        done = await anyio.run_process(command, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return bytes.fromhex(done.stdout.decode())


def _apart(pid):
    return Path(f"/proc/{pid}/ns/user").readlink() != Path("/proc/self/ns/user").readlink()


async def _echo(stream):
    async with stream:
        await stream.send(b"echo " + await stream.receive())


@asynccontextmanager
async def echoing():
    """Somebody on the machine who answers: his port."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(SocketAttribute.local_port)
    udp = await anyio.create_udp_socket(local_host="127.0.0.1", local_port=port)

    async def answer():
        async for data, peer in udp:
            await udp.sendto(b"echo " + data, *peer)

    async with anyio.create_task_group() as group, listener, udp:
        group.start_soon(listener.serve, _echo)
        group.start_soon(answer)
        yield port
        group.cancel_scope.cancel()


@ANYIO
@pytest.mark.parametrize("udp", [False, True], ids=["TCP", "UDP"])
@pytest.mark.parametrize(
    "address",
    [
        pytest.param("10.96.7.7", id="a Service"),
        pytest.param("127.128.3.4", id="a Service as processes see it"),
        pytest.param("127.64.5.6", id="a pod"),
    ],
)
async def test_what_is_at_the_node_is_found_from_inside(kind, address, udp, tmp_path):
    async with grounded(tmp_path) as ground, echoing() as port:
        with contained(kind) as pid:
            await ground.attach("one", pid)
            assert networks.alone(ground, "one") == ""
            balancer = Balancer(ground.junctions.open)
            at = Entrance(address, 80, ground.junctions.device, "UDP" if udp else "TCP")
            target = Target(lambda: [Backend("127.0.0.1", port)])
            assert await balancer.serve({at: target}) == set()
            try:
                assert await ask(pid, address, 80, udp=udp) == b"echo hello"
            finally:
                balancer.close()


@ANYIO
async def test_names_are_served_inside(kind, tmp_path):
    known = services.resolve(service(), [pod("p", "127.64.5.6")], [])
    async with grounded(tmp_path) as ground:
        with contained(kind) as pid:
            await ground.attach("one", pid)
            gateway = networks.names(ground, "one")
            assert gateway == junction.GATEWAY
            junctions = ground.junctions
            close = await Names(lambda: {known.key: known}).open(
                gateway, device=junctions.device, opened=junctions.open
            )
            try:
                question = dnslib.DNSRecord.question("a.d.svc.cluster.local").pack()
                answer = dnslib.DNSRecord.parse(
                    await ask(pid, gateway, 53, udp=True, text=bytes(question))
                )
                assert str(answer.short()) == "10.96.0.9"
            finally:
                close()


@ANYIO
async def test_two_are_each_known_by_an_address_of_their_own(tmp_path):
    if why := _why_not("root"):
        pytest.skip(why)
    async with grounded(tmp_path) as ground:
        with contained("root") as one, contained("root") as two:
            await ground.attach("one", one)
            await ground.attach("two", two)
            made = await ground.junctions.open(Entrance("10.96.7.7", 80, ground.junctions.device))
            made.listen()
            made.settimeout(60)
            peers = set()
            with made:
                for each in (one, two):
                    async with anyio.create_task_group() as group:
                        group.start_soon(ask, each, "10.96.7.7", 80)
                        connection, peer = await anyio.to_thread.run_sync(made.accept)
                        with connection:
                            connection.sendall(b"seen")
                    peers.add(peer[0])
            assert len(peers) == 2


@ANYIO
async def test_one_that_has_only_just_been_started_is_waited_for(tmp_path):
    """An engine says that it runs before it runs what it is to run."""
    if why := _why_not("root"):
        pytest.skip(why)
    begun = tmp_path / "begun"
    late = f"until [ -e {begun} ]; do sleep 0.01; done; exec -a /pause sleep 600"
    async with grounded(tmp_path / "pods") as ground:
        with contained("root") as pid, contained("root", ["bash", "-c", late]) as starting:
            await ground.attach("one", pid)
            async with anyio.create_task_group() as group:
                group.start_soon(ground.attach, "two", starting)
                await anyio.sleep(0.5)  # for it to be asked about
                begun.touch()
            assert networks.alone(ground, "two") == ""


@ANYIO
async def test_with_the_node_everything_is_gone(kind, tmp_path):
    with contained(kind) as pid:

        def links():
            text = Path(f"/proc/{pid}/net/dev").read_text()
            return [line.split(":")[0].strip() for line in text.splitlines()[2:]]

        program = Program(pid)
        program.plug(pid, "127.64.5.6")
        assert "lateen0" in links()
        program._child.kill()  # as the node's end would
        until(lambda: "lateen0" not in links())
        program.close()


@ANYIO
async def test_a_junction_that_was_killed_is_begun_again(kind, tmp_path):
    async with grounded(tmp_path) as ground, echoing() as port:
        with contained(kind) as pid:
            await ground.attach("one", pid)
            junctions = ground.junctions
            before = junctions.device
            junctions._program._child.kill()
            until(lambda: not junctions._program.runs)
            with pytest.raises(OSError, match="has ended"):
                await junctions.open(Entrance("10.96.7.7", 80, before))
            assert junctions.device not in ("", before)
            balancer = Balancer(junctions.open)
            target = Target(lambda: [Backend("127.0.0.1", port)])
            at = Entrance("10.96.7.7", 80, junctions.device)
            assert await balancer.serve({at: target}) == set()
            try:
                assert await ask(pid, "10.96.7.7", 80) == b"echo hello"
            finally:
                balancer.close()


ALONE = "with loopback addresses containers reach neither Services nor other pods"


@ANYIO
@pytest.mark.parametrize(
    ("process", "why"),
    [
        pytest.param(1 << 22, "the engine's containers are not on this machine", id="none"),
        pytest.param(os.getpid(), "the engine's containers are not on this machine", id="another"),
    ],
)
async def test_who_cannot_be_reached_is_alone_and_told_so(process, why, tmp_path):
    if reason := _why_not("root"):
        pytest.skip(reason)
    async with grounded(tmp_path) as ground:
        address = await ground.attach("one", process)
        assert address.startswith("127.")  # it runs all the same
        assert networks.alone(ground, "one") == f"{ALONE}: {why}"
        assert networks.alone(ground) == f"{ALONE}: {why}"
        assert networks.names(ground, "one") == ""


@ANYIO
async def test_where_the_kernel_refuses_the_node_says_so(tmp_path, monkeypatch):
    """A trial at the start of the node; here of a program that is not allowed anything."""
    program = tmp_path / "junction.py"
    source = Path(junction.__file__).read_text()
    program.write_text(source.replace('_call("unshare", _NEWNET)', '_call("unshare", -1)'))
    monkeypatch.setattr(junction, "__file__", str(program))
    junctions = Junctions()
    await junctions.rehearse()
    assert junctions.reason() == f"{ALONE}: unshare: {os.strerror(errno.EINVAL)}"
    assert junctions.device == ""
