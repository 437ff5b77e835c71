"""`kubectl exec`, `attach`, `port-forward`, `cp` and `logs`, for processes and containers."""

from __future__ import annotations

import os
import pty
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager

import pytest

from tests import clients
from tests.clients import read_until, running
from tests.node import test_containers
from tests.node.conftest import until
from tests.node.engine import IMAGE
from tests.node.test_cluster import Place

pytestmark = pytest.mark.slow

node = test_containers.node  # one for all tests of a module

SERVE = """
import http.server, os, threading, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"x" * 300_000)
    def log_message(self, *args):
        pass
def tick():
    while True:
        print("tick", flush=True)
        time.sleep(0.2)
threading.Thread(target=tick, daemon=True).start()
http.server.HTTPServer((os.environ["HOST"], 8080), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def space(kube):
    name = f"visits-{os.getpid()}"
    kube.call(make, kube.client, name)
    return name


async def make(client, name):
    from tests.conftest import make_namespace

    await make_namespace(client, name)


@pytest.fixture(scope="module", params=["process", "container"])
def pod(request, kube, node, space):
    """The name of a running pod that serves at port 8080."""
    place = Place(kube, space)
    if request.param == "process":
        spec: dict[str, object] = {"runtimeClassName": "process"}
        command = [sys.executable, "-c", SERVE]
    else:
        spec = {}
        big = "head -c 300000 /dev/zero | tr '\\0' x > /tmp/www/index.html"
        tick = "while true; do echo tick; sleep 0.2; done"
        serve = "httpd -f -p 8080 -h /tmp/www"
        command = ["sh", "-c", f"mkdir -p /tmp/www; {big}; {serve} & {tick}"]
    main = {
        "name": "main",
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "command": command,
        # who names /tmp is shown the machine's, where the tests look
        "env": [{"name": "WHO", "value": request.param}, {"name": "TMPDIR", "value": "/tmp"}],
    }
    spec |= {"terminationGracePeriodSeconds": 0, "containers": [main]}
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": request.param}}
    place.create(manifest | {"spec": spec})
    until(lambda: place.ready(request.param))
    yield request.param
    place.delete("Pod", request.param, grace=0)


@pytest.fixture
def kubectl(kube, space):
    base = [clients.find("kubectl"), "--kubeconfig", str(kube.kubeconfig), "-n", space]

    def run(*arguments, code=0, **options):
        done = subprocess.run(
            [*base, *arguments], capture_output=True, text=True, timeout=60, **options
        )
        assert code is None or done.returncode == code, done.stdout + done.stderr
        return done

    run.base = base  # type: ignore[attr-defined]
    return run


def test_exec_gives_output_errors_and_exit_code(kubectl, pod):
    done = kubectl("exec", pod, "--", "sh", "-c", "echo $WHO; echo no >&2; exit 7", code=7)
    assert done.stdout == f"{pod}\n"
    assert done.stderr.startswith("no\n")


def test_exec_passes_input_on_to_its_end(kubectl, pod):
    text = "line\n" * 50_000
    assert kubectl("exec", "-i", pod, "--", "cat", input=text).stdout == text


def test_exec_of_what_is_not_there_is_said(kubectl, pod):
    done = kubectl("exec", pod, "--", "/no/such", code=None)
    assert done.returncode != 0
    assert "/no/such" in done.stdout + done.stderr


def test_exec_has_a_terminal(kubectl, pod):
    ours, theirs = pty.openpty()
    script = "test -t 0 && echo tty; read x; echo got $x"
    command = [*kubectl.base, "exec", "-it", pod, "--", "sh", "-c", script]
    with running(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        read_until(ours, b"tty")
        os.write(ours, b"word\n")
        read_until(ours, b"got word")
        assert process.wait(30) == 0
    os.close(ours)


def test_files_are_copied_both_ways(kubectl, pod, tmp_path):
    (tmp_path / "file").write_bytes(bytes(range(256)) * 4000)
    there = str(tmp_path / "there") if pod == "process" else "/tmp/there"
    kubectl("cp", "file", f"{pod}:{there}", cwd=tmp_path)
    kubectl("cp", f"{pod}:{there}", "back", cwd=tmp_path)
    assert (tmp_path / "back").read_bytes() == (tmp_path / "file").read_bytes()


@contextmanager
def forwarding(kubectl, pod, port):
    command = [*kubectl.base, "port-forward", pod, f":{port}"]
    with running(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        line = process.stdout.readline().decode()
        yield process, int(line.split("127.0.0.1:")[1].split()[0])


def test_ports_are_forwarded(kubectl, pod):
    with forwarding(kubectl, pod, 8080) as (_, port):
        for _ in range(3):
            body = urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20).read()
            assert body == b"x" * 300_000


def test_a_port_nobody_listens_at_is_said(kubectl, pod):
    with forwarding(kubectl, pod, 9) as (process, port):
        with socket.create_connection(("127.0.0.1", port), 10) as made:
            made.settimeout(20)
            assert made.recv(1) == b""
        read_until(process.stderr.fileno(), b"nobody answers at port 9")


@pytest.mark.parametrize("command", [("attach",), ("logs", "-f", "--tail=1")], ids=" ".join)
def test_what_is_written_is_followed(kubectl, pod, command):
    with running([*kubectl.base, *command, pod], stdout=subprocess.PIPE) as process:
        read_until(process.stdout.fileno(), b"tick\n")
        read_until(process.stdout.fileno(), b"tick\n")
