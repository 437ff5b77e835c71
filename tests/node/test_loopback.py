"""Containers of a node that may make no networks reach Services and other pods all the same."""

from __future__ import annotations

import sys
import urllib.request

import pytest

from lateen.hub import ApiError
from tests.node import conftest
from tests.node.conftest import until
from tests.node.test_containers import SERVE, emptied, ended, expose, labelled, pod, shell

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def node(kube, podman, tmp_path_factory):
    if not podman.bridges():
        pytest.skip("this engine makes no networks here")
    place = tmp_path_factory.mktemp("loopback")
    with conftest.at_work(kube, place, "loopback", str(podman.socket)) as made:
        yield made


@pytest.fixture
def place(kube, node, namespace):
    with emptied(kube, namespace) as made:
        yield made


def answer(url):
    with urllib.request.urlopen(url, timeout=30) as found:
        return found.read().decode().strip()


def serving(place):
    expose(place, "web")
    env = [{"name": "NAME", "value": "served"}]
    ports = [{"containerPort": 8080}]
    labelled(place, "web", shell(SERVE, env=env, ports=ports), labels={"app": "web"})
    until(lambda: place.ready("web"))


def test_services_answer_by_name_and_address_in_containers(place):
    serving(place)
    expose(place, "front", ports=[{"name": "http", "port": 80}])
    env = [{"name": "NAME", "value": "low"}]
    probe = {"httpGet": {"port": 80}}
    low = shell(SERVE.replace("8080", "80"), env=env, ports=[{"containerPort": 80}])
    labelled(place, "front", low | {"readinessProbe": probe}, labels={"app": "front"})
    until(lambda: place.ready("front"))
    expose(place, "proc")
    command = [sys.executable, "-m", "http.server", "8080", "--bind", "$(HOST)"]
    main = {"name": "main", "image": "none", "command": command, "workingDir": "/usr/share"}
    labelled(place, "proc", main, labels={"app": "proc"}, runtimeClassName="process")
    until(lambda: place.ready("proc"))
    full = f"web.{place.namespace}.svc.cluster.local"
    places = "web", full, "$WEB_SERVICE_HOST", f"{place.status('web')['podIP']}:8080"
    low_ones = "front", f"{place.status('front')['podIP']}:80"
    until_there = "until wget -qO- http://NAME/ >/dev/null 2>&1; do sleep 0.1; done"
    script = [until_there.replace("NAME", name) for name in ("web", "proc", "front")]
    script += [f"wget -qO- http://{name}/" for name in (*places, *low_ones)]
    script += ["nc -w 5 $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT </dev/null && echo api"]
    pod(place, "client", shell("; ".join(script)), restartPolicy="Never")
    ended(place, "client")
    assert place.logs("client").split() == ["served"] * 4 + ["low"] * 2 + ["api"]
    # where the machine finds what only root may have at the first ports
    there = place.get("Service", "front")["metadata"]["annotations"]["lateen.dev/address"]
    for address in (there, place.status("front")["podIP"]):
        assert answer(f"http://{address}:61080/") == "low"
    conditions = {c["type"]: c["status"] for c in place.status("client")["conditions"]}
    assert conditions.get("lateen.dev/Networked", "True") == "True"


def test_what_runs_goes_on_reaching_them_when_the_node_dies(place, node):
    serving(place)
    ask = "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 web 80"
    pod(place, "client", shell(f"while :; do {ask}; sleep 0.2; done"))
    until(lambda: served(place))
    node.kill()
    node.start()
    before = until(lambda: served(place))
    until(lambda: served(place) > before + 1)
    assert place.container("client")["restartCount"] == 0


def test_what_is_stopped_with_the_node_has_its_address_again(place, node):
    """Also where those before it are gone: the engine leads there, and nowhere else."""
    labelled(place, "goes", shell("sleep 1000"), labels={"app": "goes"})
    until(lambda: place.ready("goes"))
    serving(place)
    address = place.status("web")["podIP"]
    place.delete("Pod", "goes", grace=0)
    until(lambda: len(place.pods()) == 1)
    node.stop()
    node.start()
    until(lambda: place.container("web").get("restartCount") == 1 and place.ready("web"))
    assert place.status("web")["podIP"] == address
    until(lambda: answer(f"http://{address}:8080/") == "served")


def served(place):
    """How often the client was; the new node's logs are not to be had at once."""
    try:
        return place.logs("client").count("served")
    except ApiError:
        return 0
