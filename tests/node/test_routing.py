"""Pods in namespaces and the world beyond the machine, which is another namespace here."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from lateen.node import namespaces, networks, routing
from lateen.node.settings import Settings
from tests.node.conftest import ROOT

pytestmark = pytest.mark.skipif(not ROOT, reason="needs root on Linux")

GATEWAY, OUTSIDE = "10.199.254.1", "10.199.254.2"


@contextmanager
def outside():
    """A namespace that knows the machine as its gateway."""
    pyroute2 = pytest.importorskip("pyroute2")
    path = namespaces.DIRECTORY / "lateen-test-outside"
    namespaces.create(path)
    try:
        with pyroute2.IPRoute() as link, path.open("rb") as file:
            peer = {"ifname": "eth0", "net_ns_fd": file.fileno()}
            link.link("add", ifname="lt-outside", kind="veth", peer=peer)
            _address(link, "lt-outside", GATEWAY)
        namespaces.inside(path, _furnish)
        yield path
    finally:
        namespaces.remove(path)


def _furnish():
    pyroute2 = pytest.importorskip("pyroute2")
    with pyroute2.IPRoute() as link:
        _address(link, "eth0", OUTSIDE)
        link.route("add", dst="default", gateway=GATEWAY)


def _address(link, name, address):
    [index] = link.link_lookup(ifname=name)
    link.addr("add", index=index, address=address, prefixlen=24)
    link.link("set", index=index, state="up")


def _visitor(server):
    connection, (address, _) = server.accept()
    connection.close()
    return address


@pytest.fixture
def network(tmp_path):
    nowhere = Path("/none")
    settings = Settings("n", tmp_path, nowhere, nowhere, nowhere, network="namespaces")
    made = anyio.run(networks.choose, settings, tmp_path / "pods")
    yield made
    anyio.run(made.close)


def test_pods_get_out_under_the_machines_address_and_nobody_gets_in(network):
    address = anyio.run(network.attach, "one")
    pod = network.entrance("one")
    with outside() as beyond:
        with namespaces.inside(beyond, lambda: _listen(OUTSIDE)) as far:
            namespaces.inside(pod, lambda: _dial(OUTSIDE, 5))
            assert _visitor(far) == GATEWAY
        with namespaces.inside(pod, lambda: _listen(address)) as near:
            _dial(address, 5)  # from the machine itself
            _visitor(near)
            with pytest.raises(TimeoutError):
                namespaces.inside(beyond, lambda: _dial(address, 0.5))


def _listen(address):
    server = socket.create_server((address, 8000))
    server.settimeout(5)
    return server


def _dial(address, timeout):
    socket.create_connection((address, 8000), timeout).close()


@pytest.mark.skipif(not shutil.which("iptables"), reason="Docker brings iptables, Podman too")
def test_docker_is_told_to_let_pods_through():
    """On a machine of its own, with the chains that Docker makes."""
    program = f"{sys.executable} -I {routing.__file__}"
    script = f"""
    {program} open lateen-test 10.250.0.0/22 || exit 1
    iptables -S | grep -c 10.250.0.0
    iptables -N DOCKER-USER; iptables -I FORWARD -j DOCKER-USER; iptables -P FORWARD DROP
    {program} admit lateen-test 10.250.0.0/22 && {program} open lateen-test 10.250.0.0/22
    iptables -S DOCKER-USER | grep 10.250.0.0
    {program} close lateen-test 10.250.0.0/22
    iptables -S | grep -c 10.250.0.0
    """
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", script], capture_output=True, text=True, timeout=60
    )
    before, *rules, after = done.stdout.splitlines()
    assert (before, after) == ("0", "0"), done.stderr
    rule = "-A DOCKER-USER {} 10.250.0.0/22 {}-m comment --comment lateen-test -j ACCEPT"
    answers = "-m conntrack --ctstate RELATED,ESTABLISHED "
    assert sorted(rules) == [rule.format("-d", answers), rule.format("-s", "")]
