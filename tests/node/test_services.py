"""Whom a Service stands for, what it is called, and what is told of it."""

from __future__ import annotations

import asyncio
from functools import partial

import dnslib
import pytest

from lateen.node import naming, services
from lateen.node.balancing import Balancer, Entrance, Target
from lateen.node.services import Backend


def pod(name, address, ready=True, namespace="d", **spec):
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    ports = [{"name": "web", "containerPort": 8080}]
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": "a"}},
        "spec": {"containers": [{"name": "m", "ports": ports}], **spec},
        "status": {"podIP": address, "conditions": [condition]},
    }


def service(name="a", **spec):
    port = {"name": "http", "port": 80, "targetPort": "web"}
    base = {"clusterIP": "10.96.0.9", "selector": {"app": "a"}, "ports": [port]}
    return {"metadata": {"name": name, "namespace": "d"}, "spec": {**base, **spec}}


SLICE = {
    "kind": "EndpointSlice",
    "metadata": {"namespace": "d", "labels": {"kubernetes.io/service-name": "a"}},
    "ports": [{"name": "http", "port": 99}],
    "endpoints": [
        {"addresses": ["10.1.1.1"]},
        {"addresses": ["10.1.1.2"], "conditions": {"ready": False}},
        {"addresses": ["10.1.1.3"], "conditions": {"ready": True}},
    ],
}


@pytest.mark.parametrize(
    ("spec", "pods", "expected"),
    [
        pytest.param({}, [pod("p", "1.1.1.1")], [("1.1.1.1", 8080)], id="by the name of a port"),
        pytest.param({}, [pod("p", "1.1.1.1", ready=False)], [], id="only who is ready"),
        pytest.param(
            {"publishNotReadyAddresses": True},
            [pod("p", "1.1.1.1", ready=False)],
            [("1.1.1.1", 8080)],
            id="unless it wants the others too",
        ),
        pytest.param({}, [pod("p", "1.1.1.1", namespace="e")], [], id="of its own namespace"),
        pytest.param(
            {"selector": None}, [], [("10.1.1.1", 99), ("10.1.1.3", 99)], id="without a selector"
        ),
    ],
)
def test_whom_a_service_leads_to(spec, pods, expected):
    found = services.resolve(service(**spec), pods, [SLICE])
    assert [(b.address, b.port) for b in found.ports[0].backends] == expected


def known():
    headless = service("h", clusterIP="None")
    other = {
        "metadata": {"name": "x", "namespace": "d"},
        "spec": {"type": "ExternalName", "externalName": "example.org"},
    }
    pods = [
        pod("p", "1.1.1.1", hostname="p-0", subdomain="h"),
        pod("q", "1.1.1.2", hostname="p-1", subdomain="h"),
    ]
    found = [services.resolve(each, pods, []) for each in (service(), headless, other)]
    return {each.key: each for each in found}


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        pytest.param("a.d.svc.cluster.local", "A", ["10.96.0.9"], id="its own address"),
        pytest.param("A.D.svc.Cluster.local.", "A", ["10.96.0.9"], id="in any case"),
        pytest.param("h.d.svc.cluster.local", "A", ["1.1.1.1", "1.1.1.2"], id="headless: all"),
        pytest.param("p-1.h.d.svc.cluster.local", "A", ["1.1.1.2"], id="one of a stateful set"),
        pytest.param("a.d.svc.cluster.local", "AAAA", [], id="there is no IPv6"),
        pytest.param("x.d.svc.cluster.local", "A", ["example.org."], id="another name"),
        pytest.param(
            "_http._tcp.a.d.svc.cluster.local",
            "SRV",
            ["0 100 80 a.d.svc.cluster.local."],
            id="a port by its name",
        ),
        pytest.param("none.d.svc.cluster.local", "A", None, id="no such Service"),
        pytest.param("p-7.h.d.svc.cluster.local", "A", None, id="no such member"),
        pytest.param("a", "A", None, id="one label, asked last: not for others"),
        pytest.param("cluster.local", "A", None, id="the domain itself"),
    ],
)
def test_names(name, kind, expected):
    question = dnslib.DNSRecord.question(name, kind).pack()
    reply = dnslib.DNSRecord.parse(naming.answer(question, known()))
    if expected is None:
        assert reply.header.rcode == dnslib.RCODE.NXDOMAIN
    else:
        assert reply.header.rcode == dnslib.RCODE.NOERROR
        assert [str(each.rdata) for each in reply.rr] == expected


@pytest.mark.parametrize("name", ["example.org", "mycluster.local", "cluster.local.example.org"])
def test_other_names_are_not_ours(name):
    assert naming.answer(dnslib.DNSRecord.question(name).pack(), known()) is None


_SERVER = {
    "metadata": {"name": "kubernetes", "namespace": "default"},
    "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443}]},
}
BESIDE = {"A_SERVICE_HOST": "10.96.0.9", "A_SERVICE_PORT": "80", "A_SERVICE_PORT_HTTP": "80"}
SERVED = {
    "KUBERNETES_SERVICE_HOST": "10.96.0.1",
    "KUBERNETES_SERVICE_PORT": "443",
    "KUBERNETES_SERVICE_PORT_HTTPS": "443",
}


@pytest.mark.parametrize(
    ("namespace", "api", "links", "expected"),
    [
        pytest.param("d", False, True, BESIDE, id="of the Services beside it"),
        pytest.param("e", False, True, {}, id="not of those elsewhere"),
        pytest.param("d", True, False, SERVED, id="of the API server, wherever it is"),
        pytest.param("default", False, True, {}, id="beside it as well only who is to know it"),
        pytest.param("d", True, True, {**SERVED, **BESIDE}, id="of both"),
    ],
)
def test_what_a_container_is_told(namespace, api, links, expected):
    there = [services.resolve(_SERVER, [], []), *known().values()]
    assert services.variables(there, namespace, api=api, links=links) == expected


def test_the_name_server_of_a_pod():
    config = {"searches": ["corp"], "options": [{"name": "ndots", "value": "1"}]}
    assert naming.resolver("10.0.0.1", "d", config).splitlines() == [
        "nameserver 10.0.0.1",
        "search d.svc.cluster.local svc.cluster.local cluster.local corp",
        "options ndots:1",
    ]


@pytest.mark.anyio
async def test_connections_are_given_to_who_answers_in_turn():
    async def greet(name, reader, writer):
        writer.write(name + await reader.read())
        writer.close()

    servers = []
    for name in (b"one", b"two"):
        servers.append(await asyncio.start_server(partial(greet, name), "127.0.0.1", 0))
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    # where no other test takes a port that is free again
    gone = await asyncio.start_server(lambda r, w: None, "127.77.0.3", 0)
    closed = Backend(*gone.sockets[0].getsockname())
    gone.close()
    backends = [*(Backend("127.0.0.1", port) for port in ports), closed]
    balancer = Balancer()
    free = await asyncio.start_server(lambda r, w: None, "127.77.0.2", 0)
    here = Entrance(*free.sockets[0].getsockname())
    assert await balancer.serve({here: Target(lambda: backends)}) == {here}  # it is taken
    free.close()
    await free.wait_closed()
    assert await balancer.serve({here: Target(lambda: backends)}) == set()
    heard = set()
    for _ in range(6):
        reader, writer = await asyncio.open_connection(here.address, here.port)
        writer.write(b"!" * 100_000)
        writer.write_eof()
        said = await reader.read()
        assert said[3:] == b"!" * 100_000
        heard.add(said[:3])
        writer.close()
    assert heard == {b"one", b"two"}
    balancer.close()
    for server in servers:
        server.close()


class Echo(asyncio.DatagramProtocol):
    """Answers a datagram with its name and what was sent."""

    def __init__(self, name):
        self.name = name

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        self.transport.sendto(self.name + data, peer)


async def echoes(*names, address="127.0.0.1"):
    """Those who answer to datagrams, and where."""
    loop = asyncio.get_running_loop()
    made = []
    for name in names:
        answering = partial(Echo, name)
        made.append((await loop.create_datagram_endpoint(answering, local_addr=(address, 0)))[0])
    return made, [Backend(*each.get_extra_info("sockname")) for each in made]


class Asking(asyncio.DatagramProtocol):
    """Sends until there is an answer, as one does where datagrams may be lost."""

    def __init__(self):
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data, peer):
        self.heard.put_nowait(data)

    async def ask(self, transport, text):
        """The answer to this one: what was sent twice may be answered twice."""
        async with asyncio.timeout(60):
            while True:
                transport.sendto(text)
                try:
                    async with asyncio.timeout(0.5):
                        while not (answer := await self.heard.get()).endswith(text):
                            pass
                        return answer
                except TimeoutError:
                    continue


@pytest.mark.anyio
async def test_datagrams_go_to_one_and_its_answers_back():
    loop = asyncio.get_running_loop()
    made, backends = await echoes(b"1", b"2")
    free, [spot] = await echoes(b"", address="127.77.0.2")
    here = Entrance(spot.address, spot.port, protocol="UDP")
    balancer = Balancer()
    answering = list(backends)
    assert await balancer.serve({here: Target(lambda: answering)}) == {here}  # it is taken
    free[0].close()
    while await balancer.serve({here: Target(lambda: answering)}):
        await asyncio.sleep(0.05)  # its end is told to the kernel a moment later
    heard: set[bytes] = set()
    clients = []
    for _ in range(4):
        remote = here.address, here.port
        transport, asking = await loop.create_datagram_endpoint(Asking, remote_addr=remote)
        clients.append(transport)
        first = await asking.ask(transport, b"a")
        assert await asking.ask(transport, b"b") == first[:1] + b"b"  # who has begun goes on
        heard.add(first[:1])
    assert heard == {b"1", b"2"}
    answering.remove(backends[int(first[:1]) - 1])  # whom the last one talks to
    other = {b"1": b"2", b"2": b"1"}[first[:1]]
    assert await asking.ask(transport, b"c") == other + b"c"
    balancer.close()
    for each in (*made, *clients):
        each.close()
    for _ in range(5):  # closing takes some turns of the loop
        await asyncio.sleep(0)


@pytest.mark.anyio
async def test_a_client_stays_where_a_service_wants_it_to():
    async def greet(name, reader, writer):
        writer.write(name)
        writer.close()

    servers = [
        await asyncio.start_server(partial(greet, name), "127.0.0.1", 0) for name in (b"1", b"2")
    ]
    backends = [Backend("127.0.0.1", each.sockets[0].getsockname()[1]) for each in servers]
    here = Entrance("127.77.0.1", backends[0].port)
    balancer = Balancer()
    answering = list(backends)
    assert await balancer.serve({here: Target(lambda: answering, 60)}) == set()

    async def said(client):
        reader, writer = await asyncio.open_connection(
            here.address, here.port, local_addr=(client, 0)
        )
        text = await reader.read()
        writer.close()
        return text

    first = [await said("127.0.0.1") for _ in range(4)]
    assert len(set(first)) == 1
    second = {await said(f"127.0.1.{number}") for number in range(1, 5)}
    assert second == {b"1", b"2"}  # others are given in turn
    answering.remove(backends[int(first[0]) - 1])
    assert await said("127.0.0.1") != first[0]
    balancer.close()
    for server in servers:
        server.close()


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({}, 0, id="none"),
        pytest.param({"sessionAffinity": "None"}, 0, id="said to be none"),
        pytest.param({"sessionAffinity": "ClientIP"}, 10800, id="three hours if it does not say"),
        pytest.param(
            {
                "sessionAffinity": "ClientIP",
                "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 7}},
            },
            7,
            id="as long as it says",
        ),
    ],
)
def test_how_long_a_client_stays(spec, expected):
    assert services.resolve(service(**spec), [], []).affinity == expected
