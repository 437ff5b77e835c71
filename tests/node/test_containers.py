"""Pods in containers of a real engine: what a user of `kubectl` sees."""

from __future__ import annotations

import base64
import json
import os
import socket
import ssl
import sys
import time
import urllib.request
from contextlib import contextmanager

import anyio
import anyio.to_thread
import pytest

from lateen.node import addresses, creating, networks
from lateen.node.containers import Containers
from lateen.node.drivers import Launch
from tests.node import conftest
from tests.node.conftest import settings_at, until
from tests.node.engine import IMAGE
from tests.node.test_cluster import Place

pytestmark = pytest.mark.slow

SERVE = "mkdir -p /tmp/www; echo $NAME > /tmp/www/index.html; exec httpd -f -p 8080 -h /tmp/www"


@pytest.fixture(scope="module")
def node(kube, podman, tmp_path_factory):
    place = tmp_path_factory.mktemp("containers")
    with conftest.at_work(kube, place, "namespaces", str(podman.socket)) as made:
        yield made


@pytest.fixture
def place(kube, node, namespace):
    with emptied(kube, namespace) as made:
        yield made


@contextmanager
def emptied(kube, namespace):
    """A place that is left when no pod is there any more: engines remove what they had."""
    made = Place(kube, namespace)
    yield made
    for each in made.pods():
        made.delete("Pod", each["metadata"]["name"], grace=0)
    until(lambda: made.pods() == [])


def pod(place, name, *containers, **spec):
    spec = {"terminationGracePeriodSeconds": 1, "containers": list(containers), **spec}
    return place.create(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    )


def shell(script, name="main", **rest):
    command = ["sh", "-c", script]
    return {"name": name, "image": IMAGE, "imagePullPolicy": "Never", "command": command, **rest}


def of_namespace(place, podman):
    return podman.containers(f"label=io.kubernetes.pod.namespace={place.namespace}")


def test_a_pod_runs_in_a_container(place, podman):
    script = "echo hello $WHO; hostname; cat /etc/hosts; exec sleep 1000"
    pod(place, "one", shell(script, env=[{"name": "WHO", "value": "world"}]))
    until(lambda: place.ready("one"))
    status = place.status("one")
    assert status["phase"] == "Running"
    [container] = status["containerStatuses"]
    assert container["containerID"].startswith("podman://")
    assert container["imageID"]
    logged = until(lambda: place.logs("one")).splitlines()
    assert logged[:2] == ["hello world", "one"]
    assert f"{status['podIP']}\tone" in logged
    place.delete("Pod", "one")
    until(lambda: place.pods() == [])
    until(lambda: of_namespace(place, podman) == [])


def test_replicas_serve_on_one_port_and_probes_ask_them(place):
    probes = {
        "readinessProbe": {"httpGet": {"path": "/", "port": 8080}},
        "livenessProbe": {"exec": {"command": ["test", "-e", "/tmp/www/index.html"]}},
    }
    for name in ("one", "two"):
        env = [{"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
        pod(place, name, shell(SERVE, env=env, **probes))
    until(lambda: place.ready("one") and place.ready("two"))
    for name in ("one", "two"):
        url = f"http://{place.status(name)['podIP']}:8080/"
        assert urllib.request.urlopen(url, timeout=30).read().decode().strip() == name


def test_containers_of_a_pod_share_network_and_volumes(place):
    mount = [{"name": "shared", "mountPath": "/shared"}]
    fill = shell("echo $SEED > /shared/seed", "fill", volumeMounts=mount)
    fill["env"] = [{"name": "SEED", "value": "from the init container"}]
    serve = shell("exec httpd -f -p 8080 -h /shared", "serve", volumeMounts=mount)
    ask = "until wget -qO- http://127.0.0.1:8080/seed; do sleep 0.1; done; exec sleep 1000"
    volumes = [{"name": "shared", "emptyDir": {}}]
    pod(place, "pair", serve, shell(ask, "ask"), initContainers=[fill], volumes=volumes)
    until(lambda: "from the init container" in ((place.ready("pair") and asked(place)) or ""))
    [init] = place.status("pair")["initContainerStatuses"]
    assert init["state"]["terminated"]["reason"] == "Completed"


def asked(place):
    return place.logs("pair", container="ask")


def test_files_come_from_config_maps_secrets_and_the_pod(place):
    place.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"k": "conf"}}
    )
    place.create(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"p": "pw"}}
    )
    sources = [
        {"configMap": {"name": "c"}},
        {"secret": {"name": "s", "items": [{"key": "p", "path": "deep/pass"}]}},
        {"downwardAPI": {"items": [{"path": "me", "fieldRef": {"fieldPath": "metadata.name"}}]}},
    ]
    mounts = [
        {"name": "all", "mountPath": "/all", "readOnly": True},
        {"name": "conf", "mountPath": "/etc/app.conf", "subPath": "k"},
    ]
    script = "cat /all/k /all/deep/pass /all/me /etc/app.conf; touch /all/new; id -u; sleep 1000"
    volumes = [
        {"name": "all", "projected": {"sources": sources}},
        {"name": "conf", "configMap": {"name": "c"}},
    ]
    security = {"runAsUser": 1234, "runAsNonRoot": True}
    pod(
        place,
        "files",
        shell(script, volumeMounts=mounts, securityContext=security),
        volumes=volumes,
    )
    until(lambda: place.ready("files"))
    until(lambda: "1234" in place.logs("files"))
    logged = place.logs("files")
    assert logged.startswith("confpwfilesconf")
    assert "Read-only file system" in logged


@pytest.fixture
def strict():
    """What is made is its owner's alone, as the supervisor wants it."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def test_a_user_of_its_own_reads_and_writes_what_it_mounts(place, strict):
    """Also under the umask of a control plane."""
    place.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "d"}, "data": {"k": "conf"}}
    )
    volumes = [
        {"name": "conf", "configMap": {"name": "d", "items": [{"key": "k", "path": "deep/k"}]}},
        {"name": "work", "emptyDir": {}},
    ]
    mounts = [
        {"name": "conf", "mountPath": "/conf"},
        {"name": "work", "mountPath": "/work", "subPath": "a/b"},
    ]
    script = "cat /conf/deep/k; echo; touch /work/x && echo written; wc -l < /etc/hosts; sleep 1000"
    security = {"runAsUser": 1234, "runAsNonRoot": True}
    box = shell(script, volumeMounts=mounts, securityContext=security)
    pod(place, "anybody", box, volumes=volumes)
    until(lambda: place.ready("anybody"))
    until(lambda: len(place.logs("anybody").splitlines()) == 3)
    conf, written, lines = place.logs("anybody").splitlines()
    assert (conf, written, int(lines) > 1) == ("conf", "written", True)


def test_one_that_fails_is_started_again_and_its_log_is_kept(place):
    pod(
        place,
        "flaky",
        shell(
            "echo run; test -e /keep/x && exec sleep 1000; touch /keep/x; exit 3",
            volumeMounts=[{"name": "keep", "mountPath": "/keep"}],
        ),
        volumes=[{"name": "keep", "emptyDir": {}}],
    )
    until(lambda: place.container("flaky").get("restartCount") == 1 and place.ready("flaky"))
    status = place.container("flaky")
    assert status["lastState"]["terminated"]["exitCode"] == 3
    assert place.logs("flaky", previous="true") == "run\n"


def test_one_that_is_not_alive_is_started_again(place):
    probe = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1}
    pod(place, "dead", shell("exec sleep 1000", livenessProbe=probe))
    until(lambda: place.container("dead").get("restartCount", 0) >= 1)


def test_hooks_run_and_a_stop_is_graceful(place, tmp_path):
    # as pid 1 a process has to listen for SIGTERM itself
    script = "trap 'echo stopped >> /out/said; exit 0' TERM; while true; do sleep 0.1; done"
    say = {"exec": {"command": ["sh", "-c", "echo started >> /out/said"]}}
    last = {"exec": {"command": ["sh", "-c", "echo asked >> /out/said"]}}
    mounts = [{"name": "out", "mountPath": "/out"}]
    container = shell(script, volumeMounts=mounts, lifecycle={"postStart": say, "preStop": last})
    volumes = [
        {"name": "out", "hostPath": {"path": str(tmp_path / "o"), "type": "DirectoryOrCreate"}}
    ]
    pod(place, "polite", container, volumes=volumes, terminationGracePeriodSeconds=15)
    said = tmp_path / "o" / "said"
    until(lambda: said.exists() and place.ready("polite"))
    place.delete("Pod", "polite")
    until(lambda: place.pods() == [])
    assert said.read_text().split() == ["started", "asked", "stopped"]


def test_memory_is_limited(place, podman):
    if not podman.limits:
        pytest.skip("this machine lets nobody use cgroups")
    limits = {"limits": {"memory": "16Mi", "cpu": "500m"}}
    pod(
        place,
        "greedy",
        shell("x=a; while true; do x=$x$x; done", resources=limits),
        restartPolicy="Never",
    )
    until(lambda: place.status("greedy").get("phase") == "Failed")
    assert place.container("greedy")["state"]["terminated"]["exitCode"] in (137, 2)


def test_an_image_that_is_not_there_is_said(place):
    container = shell("") | {"image": "localhost/absent:1"}
    pod(place, "absent", container)
    message = place.waits("absent", "ErrImageNeverPull")["message"]
    assert "localhost/absent:1 is not on this machine" in message


def test_a_command_that_the_image_lacks_is_said_and_tried_again(place):
    pod(place, "wrong", shell("") | {"command": ["/no/such"]})
    until(lambda: place.container("wrong").get("restartCount", 0) >= 1)
    ended = until(lambda: place.container("wrong")["lastState"].get("terminated"))
    assert (ended["exitCode"], ended["reason"]) == (127, "StartError")
    assert "/no/such" in ended["message"]


# images from a registry


@pytest.fixture(scope="module")
def registry(podman):
    podman.serve_registry("reader", "secret")
    podman.run("tag", IMAGE, f"{podman.registry}/team/app:1")
    podman.run("push", "--creds=reader:secret", f"{podman.registry}/team/app:1")
    podman.run("rmi", f"{podman.registry}/team/app:1")
    return podman.registry


def pull_secret(place, name, registry, password):
    auth = base64.b64encode(f"reader:{password}".encode()).decode()
    config = json.dumps({"auths": {registry: {"auth": auth}}})
    kind = "kubernetes.io/dockerconfigjson"
    place.create(
        {"apiVersion": "v1", "kind": "Secret", "type": kind, "metadata": {"name": name}}
        | {"stringData": {".dockerconfigjson": config}}
    )


def pulled(place, name, image, **spec):
    container = {"name": "main", "image": image, "command": ["sleep", "1000"]}
    pod(place, name, container, **spec)


def test_an_image_is_pulled_with_the_pods_credentials(place, registry):
    image = f"{registry}/team/app:1"
    pulled(place, "anonymous", image)
    message = place.waits("anonymous", "ImagePullBackOff")["message"]
    assert f"image {image} cannot be pulled" in message
    pull_secret(place, "wrong", registry, "guess")
    pulled(place, "wrong", image, imagePullSecrets=[{"name": "wrong"}])
    place.waits("wrong", "ImagePullBackOff")
    pull_secret(place, "right", registry, "secret")
    pulled(place, "right", image, imagePullSecrets=[{"name": "right"}])
    until(lambda: place.ready("right"))
    # it is on the machine now: one that waits gets it by itself
    until(lambda: place.ready("anonymous"))


def test_a_wrong_digest_is_said(place, registry):
    pull_secret(place, "right", registry, "secret")
    image = f"{registry}/team/app@sha256:{'0' * 64}"
    pulled(place, "digest", image, imagePullSecrets=[{"name": "right"}])
    assert image in place.waits("digest", "ImagePullBackOff")["message"]


def test_a_registry_that_comes_back_is_asked_again(place, podman, registry):
    pull_secret(place, "right", registry, "secret")
    podman.run("rmi", "-f", f"{registry}/team/app:1")
    podman.run("tag", IMAGE, f"{registry}/team/app:1")
    podman.run("push", "--creds=reader:secret", f"{registry}/team/app:1")
    podman.run("rmi", f"{registry}/team/app:1")
    podman.stop_registry()
    pulled(place, "patient", f"{registry}/team/app:1", imagePullSecrets=[{"name": "right"}])
    assert "refused" in place.waits("patient", "ImagePullBackOff")["message"]
    podman.serve_registry("reader", "secret")
    until(lambda: place.ready("patient"))


# when something dies


def identity(place, name):
    return place.container(name).get("containerID")


def test_the_node_dies_and_finds_its_containers_again(place, node, podman):
    pod(place, "stays", shell("exec sleep 1000"))
    pod(place, "leaves", shell("exec sleep 1000"))
    until(lambda: place.ready("stays") and place.ready("leaves"))
    before, names = identity(place, "stays"), of_namespace(place, podman)
    node.kill()
    place.delete("Pod", "leaves", grace=0)
    node.start()
    until(lambda: len(of_namespace(place, podman)) == len(names) - 2)
    until(lambda: place.ready("stays"))
    assert identity(place, "stays") == before
    assert place.container("stays")["restartCount"] == 0


def test_the_engine_goes_and_comes(place, node, podman):
    pod(place, "stays", shell("exec sleep 1000"))
    until(lambda: place.ready("stays"))
    before = identity(place, "stays")
    pod(place, "ends", shell(SERVE))
    until(lambda: place.ready("ends"))
    # killed while it removes those of other tests, it has them half
    of_node = f"label={creating.PLANE}={addresses.identity(node.directory)}"
    until(lambda: len(podman.containers(of_node)) == 4)
    podman.kill()
    # as where nothing outlives the engine, its network neither
    uid = place.get("Pod", "ends")["metadata"]["uid"]
    podman.run("kill", *(name for name in of_namespace(place, podman) if uid in name))
    pod(place, "late", shell("exec sleep 1000"))
    said = place.waits("late", "NoContainerEngine")["message"]
    assert str(podman.socket) in said
    assert place.status("stays")["phase"] == "Running"
    podman.start()
    until(lambda: place.ready("late"))
    assert identity(place, "stays") == before
    assert place.container("stays")["restartCount"] == 0
    until(lambda: place.container("ends")["restartCount"] and place.ready("ends"))
    address = place.status("ends")["podIP"]
    until(lambda: urllib.request.urlopen(f"http://{address}:8080/", timeout=30).status == 200)
    assert len(of_namespace(place, podman)) == 6 + 1  # with the attempt before


def test_what_goes_while_the_engine_dies_is_gone_when_it_is_back(place, podman):
    pod(place, "goes", shell("exec sleep 1000"))
    until(lambda: place.ready("goes"))
    podman.freeze()
    place.delete("Pod", "goes", grace=0)
    until(lambda: place.pods() == [])
    time.sleep(1)  # for the node to have asked
    podman.kill()
    podman.start()
    until(lambda: of_namespace(place, podman) == [])


def test_a_container_that_the_engine_has_lost_hides_no_others(place, podman):
    pod(place, "seen", shell("exec sleep 1000"))
    until(lambda: place.ready("seen"))
    pod(place, "lost", shell("true"), restartPolicy="Never")
    ended(place, "lost")
    uid = place.get("Pod", "lost")["metadata"]["uid"]
    ours = f"label=io.kubernetes.pod.namespace={place.namespace}"
    name = next(each for each in podman.containers(ours) if "main" in each and uid in each)
    lost = podman.run("inspect", "--format={{.Id}}", name).strip()
    podman.kill()
    podman.lose(lost)
    podman.start()
    pod(place, "late", shell("exec sleep 1000"))
    until(lambda: place.ready("late"))
    assert place.ready("seen")
    assert name not in podman.containers(ours)


def test_a_pod_whose_sandbox_the_engine_has_lost_is_made_again(place, podman):
    pod(place, "seen", shell("exec sleep 1000"))
    pod(place, "boxed", shell(SERVE))
    until(lambda: place.ready("seen") and place.ready("boxed"))
    before, address = identity(place, "seen"), place.status("boxed")["podIP"]
    uid = place.get("Pod", "boxed")["metadata"]["uid"]
    pause = next(each for each in of_namespace(place, podman) if each.endswith(f"{uid}-pause"))
    podman.kill()
    podman.run("kill", pause)
    podman.lose(podman.run("inspect", "--format={{.Id}}", pause).strip())
    podman.start()
    until(lambda: place.container("boxed").get("restartCount") == 1 and place.ready("boxed"))
    assert place.status("boxed")["podIP"] == address
    until(lambda: urllib.request.urlopen(f"http://{address}:8080/", timeout=30).status == 200)
    assert (identity(place, "seen"), place.container("seen")["restartCount"]) == (before, 0)


def test_the_node_is_stopped_and_starts_what_it_ran(place, node, podman):
    pod(place, "again", shell(SERVE))
    until(lambda: place.ready("again"))
    node.stop()
    assert podman.run("ps", "--format", "{{.Names}}").split() == []
    node.start()
    until(lambda: place.container("again").get("restartCount") == 1 and place.ready("again"))
    ended = place.container("again")["lastState"]["terminated"]
    assert ended["reason"] == "NodeShutdown"
    address = place.status("again")["podIP"]
    until(lambda: urllib.request.urlopen(f"http://{address}:8080/", timeout=30).status == 200)


def test_a_sandbox_that_somebody_removes_is_made_again(place, podman):
    pod(place, "boxed", shell(SERVE))
    until(lambda: place.ready("boxed"))
    address = place.status("boxed")["podIP"]
    [pause] = [name for name in of_namespace(place, podman) if name.endswith("-pause")]
    podman.run("kill", pause)
    until(lambda: place.container("boxed").get("restartCount") == 1 and place.ready("boxed"))
    assert place.status("boxed")["podIP"] == address
    until(lambda: urllib.request.urlopen(f"http://{address}:8080/", timeout=30).status == 200)


# without root's network


@pytest.mark.anyio
async def test_ports_answer_at_a_loopback_address(podman, tmp_path):
    if not podman.bridges():
        pytest.skip("this engine makes no networks here")
    settings = settings_at(tmp_path, container_engine=str(podman.socket))
    network = await networks.choose(settings, settings.directory / "pods")
    here = anyio.Event()
    driver = Containers(settings, network, lambda uid: None, here.set)
    spec = shell(SERVE, ports=[{"containerPort": 8080}])
    one = {"metadata": {"uid": "loop", "name": "loop"}, "spec": {"containers": [spec]}}
    async with anyio.create_task_group() as group:
        group.start_soon(driver.run)
        with anyio.fail_after(90):
            await here.wait()
            box = await driver.open(one)
            env = {"PATH": "/bin", "NAME": "loop"}
            await box.start(Launch("main", 0, spec["command"], env, "", 1.0, pod=one, spec=spec))
            assert box.address.startswith("127.")
            while await greeting(box.address) != "loop":
                await anyio.sleep(0.1)
        await driver.discard("loop")
        driver.close()
        await network.close()


async def greeting(address):
    def ask():
        return urllib.request.urlopen(f"http://{address}:8080/", timeout=5).read().decode().strip()

    try:
        return await anyio.to_thread.run_sync(ask)
    except OSError:
        return ""


# Services


def expose(place, name, **spec):
    port = {"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}
    spec = {"selector": {"app": name}, "ports": [port], **spec}
    return place.create(
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}
    )


def ended(place, name):
    until(lambda: place.status(name).get("phase") in ("Succeeded", "Failed"))


def labelled(place, name, *containers, labels, **spec):
    meta = {"name": name, "labels": labels}
    spec = {"terminationGracePeriodSeconds": 0, "containers": list(containers), **spec}
    place.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})


def test_services_answer_by_name_and_address_from_everywhere(place):
    made = expose(place, "web", type="LoadBalancer")
    address, outside = made["spec"]["clusterIP"], made["spec"]["ports"][0]["nodePort"]
    env = [{"name": "NAME", "value": "served"}]
    labelled(place, "web", shell(SERVE, env=env), labels={"app": "web"})
    until(lambda: place.ready("web"))
    full = f"web.{place.namespace}.svc.cluster.local"
    asks = "; ".join(f"wget -qO- http://{name}/" for name in ("web", full, "$WEB_SERVICE_HOST"))
    script = f"until wget -qO- http://web/ >/dev/null 2>&1; do sleep 0.1; done; {asks}"
    pod(place, "client", shell(script), restartPolicy="Never")
    command = [sys.executable, "-c", ASK.replace("NAME", full)]
    main = {"name": "main", "image": "none", "command": command}
    pod(place, "process", main, restartPolicy="Never", runtimeClassName="process")
    for name, lines in (("client", 3), ("process", 1)):
        ended(place, name)
        assert place.logs(name).split() == ["served"] * lines, name
    told = until(lambda: place.get("Service", "web")["metadata"].get("annotations"))
    here = told["lateen.dev/address"]
    # beside another control plane whose Service has the same address it is another one
    assert here == address or here.startswith("127.")
    for url in (f"http://{here}/", f"http://127.0.0.1:{outside}/"):
        assert urllib.request.urlopen(url, timeout=30).read() == b"served\n"
    [ingress] = place.get("Service", "web")["status"]["loadBalancer"]["ingress"]
    assert ingress["ip"] == here


ASK = """
import time, urllib.request
while True:
    try:
        print(urllib.request.urlopen("http://NAME/", timeout=30).read().decode().strip())
        break
    except OSError:
        time.sleep(0.1)
"""


def test_ingresses_serve_by_host_over_http_and_tls(place, kube):
    host = "kubernetes.default.svc"  # whose certificate there is
    pki = kube.kubeconfig.parent / "pki"
    file, key = pki / "apiserver.crt", pki / "apiserver.key"
    place.create(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tls"}}
        | {"type": "kubernetes.io/tls"}
        | {"stringData": {"tls.crt": file.read_text(), "tls.key": key.read_text()}}
    )
    expose(place, "web")
    env = [{"name": "NAME", "value": "served"}]
    labelled(place, "web", shell(SERVE, env=env), labels={"app": "web"})
    backend = {"service": {"name": "web", "port": {"name": "http"}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    rule = {"host": host, "http": {"paths": paths}}
    place.create(
        {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web"}}
        | {"spec": {"rules": [rule], "tls": [{"hosts": [host], "secretName": "tls"}]}}
    )
    until(lambda: place.ready("web"))

    def ports():
        status = place.get("Ingress", "web", "networking.k8s.io").get("status") or {}
        told = (status.get("loadBalancer") or {}).get("ingress") or [{}]
        return [each["port"] for each in told[0].get("ports") or ()]

    plain, secure = until(lambda: ports() if len(ports()) == 2 else None)
    asked = urllib.request.Request(f"http://127.0.0.1:{plain}/", headers={"Host": host})
    until(lambda: fetched(asked) == b"served\n")
    context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    with (
        socket.create_connection(("127.0.0.1", secure), 30) as made,
        context.wrap_socket(made, server_hostname=host) as wrapped,
    ):
        wrapped.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        said = b"".join(iter(lambda: wrapped.recv(4096), b""))
    assert said.endswith(b"served\n")


def fetched(asked):
    try:
        return urllib.request.urlopen(asked, timeout=30).read()
    except OSError:
        return b""


def test_a_claim_is_a_directory_that_outlives_its_pods(place, node):
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Mi"}},
        },
    }
    place.create(claim)
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    mounts = [{"name": "data", "mountPath": "/data"}]
    for name, script in (("first", "echo kept > /data/file"), ("second", "cat /data/file")):
        container = shell(script, volumeMounts=mounts, securityContext={"runAsUser": 1000})
        pod(place, name, container, volumes=volumes, restartPolicy="Never")
        ended(place, name)
        assert place.status(name)["phase"] == "Succeeded"
    assert place.logs("second") == "kept\n"
    [kept] = (node.directory / "volumes").iterdir()
    for name in ("first", "second"):
        place.delete("Pod", name, grace=0)
    place.delete("PersistentVolumeClaim", "data")
    until(lambda: not kept.exists())
