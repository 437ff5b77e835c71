"""The node with a real Kubernetes: what a user of `kubectl` sees."""

from __future__ import annotations

import base64
import json
import ssl
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lateen.api.manifest import Key
from lateen.hub import ApiError
from tests.node import conftest
from tests.node.conftest import until

pytestmark = pytest.mark.slow

SERVE = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/" else 404)
        self.end_headers()
        self.wfile.write(os.environ["NAME"].encode())
address = os.environ["HOST"], int(os.environ["PORT"])
print("serving", flush=True)
http.server.HTTPServer.server_bind = __import__("socketserver").TCPServer.server_bind
http.server.HTTPServer(address, Handler).serve_forever()
"""


class Place:
    """A namespace, and what tests do in it."""

    def __init__(self, kube, namespace):
        self._kube = kube
        self.namespace = namespace

    def create(self, manifest):
        manifest["metadata"]["namespace"] = self.namespace
        return self._kube.call(self._kube.client.create, manifest)

    def pod(self, name, *command, **container):
        of_pod = (
            "initContainers",
            "restartPolicy",
            "serviceAccountName",
            "terminationGracePeriodSeconds",
            "volumes",
        )
        spec = {k: container.pop(k) for k in of_pod if k in container}
        return self.create(
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}}
            | {"spec": template(*command, **container) | spec}
        )

    def get(self, kind, name, group="", version="v1"):
        try:
            key = Key(group, kind, self.namespace, name, version)
            return self._kube.call(self._kube.client.get, key)
        except ApiError as error:
            if not error.not_found:
                raise
            return None

    def patch(self, kind, name, patch):
        key = Key("", kind, self.namespace, name, "v1")
        return self._kube.call(self._kube.client.patch, key, patch)

    def status(self, name):
        return self.get("Pod", name).get("status") or {}

    def container(self, name):
        statuses = self.status(name).get("containerStatuses") or [{"state": {}}]
        return statuses[0]

    def waits(self, name, reason):
        """The container's state, once it waits for this reason."""

        def found():
            state = self.container(name)["state"].get("waiting") or {}
            return state if state.get("reason") == reason else None

        return until(found)

    def ready(self, name):
        return self.container(name).get("ready")

    def pods(self):
        found, _ = self._kube.call(self._list)
        return found

    async def _list(self):
        return await self._kube.client.list("", "v1", "Pod", namespace=self.namespace)

    def delete(self, kind, name, group="", **options):
        key = Key(group, kind, self.namespace, name, "v1")

        async def delete():
            await self._kube.client.delete(key, **options)

        self._kube.call(delete)

    def logs(self, name, **query):
        path = f"/api/v1/namespaces/{self.namespace}/pods/{name}/log"

        async def read():
            return await self._kube.client.read_text(path, **query)

        return self._kube.call(read)

    def events(self, reason):
        async def read():
            found, _ = await self._kube.client.list("", "v1", "Event", namespace=self.namespace)
            return [event for event in found if event["reason"] == reason]

        return self._kube.call(read)


def template(*command, **container):
    main = {"name": "main", "image": "none", "command": list(command), **container}
    return {
        "runtimeClassName": "process",
        "terminationGracePeriodSeconds": 2,
        "containers": [main],
    }


def running(marker):
    """Pids of processes whose command line has the marker, shims and bubblewrap left out."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if marker.encode() in words and not words[0].endswith(b"bwrap"):
            found.append(int(entry.name))
    return sorted(found)


@pytest.fixture
def place(kube, node, namespace):
    made = Place(kube, namespace)
    yield made
    for pod in made.pods():
        made.delete("Pod", pod["metadata"]["name"], grace=0)


def serving(place, replicas=2):
    env = [{"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
    spec = template(
        sys.executable,
        "-c",
        SERVE,
        env=env,
        ports=[{"name": "http", "containerPort": 8000}],
        readinessProbe={"httpGet": {"path": "/", "port": "http"}},
        livenessProbe={"tcpSocket": {"port": 8000}},
    )
    labels = {"app": "web"}
    place.create(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": spec},
            },
        }
    )
    until(lambda: _available(place) == replicas)
    return place.pods()


def _available(place):
    found = place.get("Deployment", "web", "apps")
    return (found.get("status") or {}).get("availableReplicas")


def test_replicas_on_one_port_all_answer_and_go_with_their_deployment(place):
    pods = serving(place)
    answers = set()
    for pod in pods:
        url = f"http://{pod['status']['podIP']}:8000/"
        with urllib.request.urlopen(url, timeout=30) as answer:
            answers.add(answer.read().decode())
    assert answers == {pod["metadata"]["name"] for pod in pods}
    assert len({pod["status"]["podIP"] for pod in pods}) == 2
    place.delete("Deployment", "web", "apps")
    until(lambda: place.pods() == [])


def test_a_killed_node_leaves_processes_to_the_next_without_doubling(place, node, tmp_path):
    over = tmp_path / "over"
    place.pod("long", "sh", "-c", "echo up; exec sleep 1001", "marker-long")
    script = f"until test -e {over}; do sleep 0.1; done; exit 5"
    place.pod("short", "sh", "-c", script, "marker-short", restartPolicy="Never")
    place.pod("gone", "sleep", "1002")
    until(lambda: all(place.ready(name) for name in ("long", "short", "gone")))
    [gone], before = until(lambda: running("1002")), until(lambda: running("1001"))
    until(lambda: running("marker-short"))
    version = place.get("Pod", "long")["metadata"]["resourceVersion"]
    node.kill()
    assert running("1001") == before
    place.delete("Pod", "gone", grace=0)
    over.touch()
    until(lambda: running("marker-short") == [])
    node.start()
    until(lambda: place.status("short").get("phase") == "Failed")
    assert place.container("short")["state"]["terminated"]["exitCode"] == 5
    assert running("1001") == before
    assert place.container("long")["restartCount"] == 0
    until(lambda: gone not in running("1002"))
    # nothing had changed, so nothing was written
    assert place.get("Pod", "long")["metadata"]["resourceVersion"] == version


def test_an_orderly_stop_ends_processes_and_the_next_start_starts_them(place, node):
    place.pod("web", "sleep", "1003")
    until(lambda: place.ready("web"))
    [before] = until(lambda: running("1003"))
    node.stop()
    assert running("1003") == []
    node.start()
    until(lambda: running("1003"))
    assert running("1003") != [before]
    until(lambda: place.container("web")["restartCount"] == 1 and place.ready("web"))
    assert place.container("web")["lastState"]["terminated"]["reason"] == "NodeShutdown"


def test_a_job_completes_and_a_failing_one_fails(place):
    for name, code in (("good", 0), ("bad", 1)):
        spec = template("sh", "-c", f"exit {code}") | {"restartPolicy": "Never"}
        place.create(
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": {"name": name},
                "spec": {"backoffLimit": 0, "template": {"spec": spec}},
            }
        )

    def outcome(name):
        status = place.get("Job", name, "batch").get("status") or {}
        return {c["type"] for c in status.get("conditions") or () if c["status"] == "True"}

    until(lambda: "Complete" in outcome("good"))
    until(lambda: "Failed" in outcome("bad"))


def test_a_deleted_job_leaves_nothing(place):
    spec = template("sleep", "1004") | {"restartPolicy": "Never"}
    body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "long"}}
    place.create(body | {"spec": {"template": {"spec": spec}}})
    until(lambda: running("1004"))
    place.delete("Job", "long", "batch")
    until(lambda: place.pods() == [] and running("1004") == [])


def test_a_crash_loop_waits_longer_and_longer(place):
    place.pod("crash", "sh", "-c", "echo try; exit 3")
    until(lambda: place.container("crash").get("restartCount", 0) >= 2)
    waiting = until(lambda: place.container("crash")["state"].get("waiting"))
    assert waiting["reason"] == "CrashLoopBackOff"
    assert place.container("crash")["lastState"]["terminated"]["exitCode"] == 3
    assert place.status("crash")["phase"] == "Running"
    assert place.logs("crash", previous="true") == "try\n"


def test_who_takes_more_memory_than_its_limit_is_told_so_and_starts_again(place):
    eat = "import time; taken = b'x' * (150 << 20); time.sleep(600)"
    limits = {"limits": {"memory": "64Mi", "cpu": "1"}}
    place.pod("greedy", sys.executable, "-c", eat, resources=limits)
    until(lambda: place.container("greedy").get("restartCount", 0) >= 1)
    ended = place.container("greedy")["lastState"]["terminated"]
    assert (ended["reason"], ended["exitCode"], ended["signal"]) == ("OOMKilled", 137, 9)
    assert ended["message"] == "it took more memory than its limit of 64 MiB"
    conditions = {each["type"]: each for each in place.status("greedy")["conditions"]}
    told = conditions["lateen.dev/Limited"]
    loose = bool(conftest.CGROUPS.reason({"cpu"}))
    assert (told["status"], told.get("reason")) == (
        ("False", "NotLimited") if loose else ("True", None)
    )
    assert ("cpu of main" in told.get("message", "")) is loose


def test_init_containers_run_in_order_before_the_others(place):
    spec = template("sh", "-c", "echo main; exec sleep 1005")
    spec["volumes"] = [{"name": "shared", "emptyDir": {}}]
    script = "echo $0 >> $LATEEN_VOLUME_SHARED/order"
    spec["initContainers"] = [
        {"name": name, "image": "none", "command": ["sh", "-c", script, name]}
        for name in ("first", "second")
    ]
    spec["containers"][0]["command"] = ["sh", "-c", "cat $LATEEN_VOLUME_SHARED/order; sleep 1005"]
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "init"}, "spec": spec}
    place.create(body)
    until(lambda: place.ready("init"))
    until(lambda: place.logs("init") == "first\nsecond\n")
    states = place.status("init")["initContainerStatuses"]
    assert [s["state"]["terminated"]["reason"] for s in states] == ["Completed"] * 2


def test_a_missing_secret_is_named_and_waited_for(place):
    reference = {"secretKeyRef": {"name": "db", "key": "password"}}
    env = [{"name": "PASSWORD", "valueFrom": reference}]
    place.pod("needs", "sh", "-c", "echo $PASSWORD; sleep 1006", env=env)
    waiting = place.waits("needs", "CreateContainerConfigError")
    assert waiting["message"] == "Secret db does not exist"
    data = {"password": base64.b64encode(b"opensesame").decode()}
    place.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "data": data})
    until(lambda: place.ready("needs"))
    until(lambda: place.logs("needs") == "opensesame\n")


def test_what_the_node_cannot_give_is_refused_by_name(place):
    far = [{"name": "far", "nfs": {"server": "files.example", "path": "/"}}]
    place.pod("distant", "sleep", "1012", volumes=far)
    waiting = place.waits("distant", "CreateContainerConfigError")
    assert "volume far is a nfs, which this node cannot give" in waiting["message"]


def test_a_sidecar_runs_before_and_beside_the_others_and_ends_after_them(place, tmp_path):
    said = tmp_path / "said"
    note = f'note() {{ echo "$1" >> {said}; }}; '
    beside = {
        "name": "beside",
        "image": "none",
        "restartPolicy": "Always",
        # it ends once by itself, and is started again
        "command": [
            "sh",
            "-c",
            f"{note} test -e {said} || {{ note fell; exit 1; }}; note up;"
            " trap 'note down; exit 0' TERM; while :; do sleep 0.1; done",
        ],
        "startupProbe": {
            "exec": {"command": ["grep", "up", str(said)]},
            "periodSeconds": 1,
            "timeoutSeconds": 60,
            "failureThreshold": 60,  # it is to fall by itself, not to be made to
        },
    }
    first = {"name": "first", "image": "none", "command": ["sh", "-c", f"{note} note first"]}
    place.pod(
        "watched",
        "sh",
        "-c",
        f"{note} note main; sleep 1; note done",
        restartPolicy="Never",
        initContainers=[beside, first],
    )
    until(lambda: place.status("watched").get("phase") == "Succeeded")
    assert said.read_text().split() == ["fell", "up", "first", "main", "done", "down"]
    found = {each["name"]: each for each in place.status("watched")["initContainerStatuses"]}
    assert found["beside"]["restartCount"] == 1
    assert found["beside"]["state"]["terminated"]["exitCode"] == 0


ASK = """
import json, os, ssl, urllib.request
place = "/var/run/secrets/kubernetes.io/serviceaccount"
if not os.path.exists(place):  # where processes are not isolated
    [name] = [name for name in os.environ if name.startswith("LATEEN_VOLUME_KUBE_API_ACCESS")]
    place = os.environ[name]
token, space = (open(f"{place}/{name}").read() for name in ("token", "namespace"))
host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
request = urllib.request.Request(
    f"https://{host}:{port}/api/v1/namespaces/{space}/pods",
    headers={"Authorization": f"Bearer {token}"},
)
trust = ssl.create_default_context(cafile=f"{place}/ca.crt")
pods = json.load(urllib.request.urlopen(request, context=trust))["items"]
print("seen:", *[pod["metadata"]["name"] for pod in pods], flush=True)
"""


def test_a_pod_talks_to_the_api_server_as_its_service_account(place):
    account = {"kind": "ServiceAccount", "name": "teller", "namespace": place.namespace}
    place.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "teller"}})
    group = "rbac.authorization.k8s.io"
    place.create(
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "teller"},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "view"},
            "subjects": [account],
        }
    )
    rest = {"restartPolicy": "OnFailure", "serviceAccountName": "teller"}  # rights take a moment
    place.pod("teller", sys.executable, "-c", ASK, **rest)
    until(lambda: place.status("teller").get("phase") == "Succeeded")
    assert "seen: teller" in place.logs("teller")


def test_a_service_named_like_the_api_servers_is_one_like_any_other(place):
    port = {"port": 80}
    meta = {"name": "kubernetes-board"}
    place.create(
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": [port]}}
    )
    look = "env | grep KUBERNETES_BOARD_SERVICE_HOST && ! env | grep ^KUBERNETES_SERVICE_HOST"
    place.pod("told", "sh", "-c", look, restartPolicy="OnFailure")  # once the node has heard of it
    until(lambda: place.status("told").get("phase") == "Succeeded")


def test_mounted_files_follow_their_config_map_whatever_becomes_of_other_volumes(place, tmp_path):
    (tmp_path / "gone").mkdir()
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "told"}}
    place.create({**made, "data": {"word": "first"}})
    read = 'while :; do cat "$LATEEN_VOLUME_TOLD/word"; echo; sleep 0.3; done'
    told = {"name": "told", "configMap": {"name": "told"}}
    gone = {"name": "gone", "hostPath": {"path": str(tmp_path / "gone"), "type": "Directory"}}
    place.pod("reader", "sh", "-c", read, volumes=[gone, told])
    until(lambda: place.ready("reader") and "first" in place.logs("reader"))
    (tmp_path / "gone").rmdir()
    place.patch("ConfigMap", "told", {"data": {"word": "second"}})
    until(lambda: "second" in place.logs("reader"))
    assert place.container("reader")["restartCount"] == 0


def test_a_post_start_hook_runs_beside_its_process(place, tmp_path):
    hook = {"postStart": {"exec": {"command": ["touch", str(tmp_path / "hooked")]}}}
    place.pod("hooked", "sleep", "1012", lifecycle=hook)
    until((tmp_path / "hooked").exists)


def test_a_pod_that_needs_containers_says_what_to_do(place):
    spec = {"containers": [{"name": "main", "image": "nginx"}]}
    place.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "c"}, "spec": spec})
    waiting = place.waits("c", "NoContainerEngine")
    assert "component of type process" in waiting["message"]
    assert place.status("c")["phase"] == "Pending"
    [event] = until(lambda: place.events("NoContainerEngine"))
    assert event["count"] == 1
    place.delete("Pod", "c")
    until(lambda: place.pods() == [])


def test_a_command_that_is_not_there_is_told(place):
    place.pod("typo", "no-such-command", restartPolicy="Never")
    until(lambda: place.status("typo").get("phase") == "Failed")
    terminated = place.container("typo")["state"]["terminated"]
    assert (terminated["reason"], terminated["exitCode"]) == ("StartError", 127)
    assert terminated["message"] == "cannot run no-such-command: No such file or directory"


def test_a_failed_liveness_probe_restarts_and_a_readiness_probe_does_not(place, tmp_path):
    healthy, prepared = tmp_path / "healthy", tmp_path / "prepared"
    healthy.touch()
    place.pod(
        "probed",
        "sleep",
        "1007",
        livenessProbe={
            "exec": {"command": ["test", "-e", str(healthy)]},
            "periodSeconds": 1,
            "timeoutSeconds": 60,
            "failureThreshold": 1,
        },
        readinessProbe={"exec": {"command": ["test", "-e", str(prepared)]}, "periodSeconds": 1},
    )
    until(lambda: place.container("probed")["state"].get("running"))
    time.sleep(1.5)
    assert (place.ready("probed"), place.container("probed")["restartCount"]) == (False, 0)
    prepared.touch()
    until(lambda: place.ready("probed"))
    healthy.unlink()
    until(lambda: place.container("probed")["restartCount"] >= 1)
    assert until(lambda: place.events("Unhealthy"))


def test_a_startup_probe_holds_back_the_others(place, tmp_path):
    started = tmp_path / "started"
    command = ["test", "-e", str(started)]
    probe = {"exec": {"command": command}, "periodSeconds": 1, "timeoutSeconds": 60}
    place.pod(
        "slow",
        "sleep",
        "1008",
        startupProbe={**probe, "failureThreshold": 90},
        livenessProbe={**probe, "failureThreshold": 1},
    )
    until(lambda: place.container("slow")["state"].get("running"))
    time.sleep(2)
    found = place.container("slow")
    assert (found["started"], found["ready"], found["restartCount"]) == (False, False, 0)
    started.touch()
    until(lambda: place.ready("slow"))


def test_logs_through_the_api_server(place):
    place.pod("talks", "sh", "-c", "for i in 1 2 3; do echo line $i; done; sleep 1009")
    until(lambda: place.logs("talks").count("\n") == 3 if place.ready("talks") else False)
    assert place.logs("talks", tailLines="1") == "line 3\n"
    assert place.logs("talks", limitBytes="8") == "line 1\nl"
    stamped = place.logs("talks", timestamps="true").splitlines()[0]
    assert stamped.startswith("20")
    assert stamped.endswith("Z line 1")
    assert place.logs("talks", sinceTime="2090-01-01T00:00:00Z") == ""
    with pytest.raises(ApiError, match="previous container main of pod talks has not run"):
        place.logs("talks", previous="true")


def test_followed_logs_come_as_they_are_written_and_end_with_the_process(place, tmp_path):
    followed = tmp_path / "followed"
    wait = f"until test -e {followed}; do sleep 0.1; done"
    script = f"{wait}; for i in 1 2 3; do echo line $i; sleep 0.5; done"
    place.pod("talks", "sh", "-c", script, restartPolicy="Never")
    until(lambda: place.container("talks")["state"].get("running"))
    followed.touch()
    assert place.logs("talks", follow="true") == "line 1\nline 2\nline 3\n"


def test_a_preceding_hook_runs_before_the_end(place, tmp_path):
    hook = {"preStop": {"exec": {"command": ["touch", str(tmp_path / "hooked")]}}}
    patient = {"terminationGracePeriodSeconds": 60}
    place.pod("hooked", "sleep", "1010", lifecycle=hook, **patient)
    until(lambda: place.ready("hooked"))
    place.delete("Pod", "hooked")
    until(lambda: place.get("Pod", "hooked") is None)
    assert (tmp_path / "hooked").exists()


def test_an_impatient_deletion_overtakes_a_patient_one(place):
    place.create(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stubborn"}}
        | {
            "spec": template("sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.2; done")
            | {"terminationGracePeriodSeconds": 60}
        }
    )
    until(lambda: place.ready("stubborn") and place.logs("stubborn"))
    place.delete("Pod", "stubborn")
    time.sleep(0.5)
    assert place.get("Pod", "stubborn") is not None
    place.delete("Pod", "stubborn", grace=1)
    until(lambda: place.get("Pod", "stubborn") is None)


def test_nothing_is_written_while_nothing_changes(place):
    place.pod("quiet", "sleep", "1011")
    until(lambda: place.ready("quiet"))
    first = place.get("Pod", "quiet")
    time.sleep(1.5)
    assert (
        place.get("Pod", "quiet")["metadata"]["resourceVersion"]
        == (first["metadata"]["resourceVersion"])
    )


BUSY = """
import time
held = bytearray(b"x") * (50 << 20)
while True:
    sum(range(10_000))
    time.sleep(0.001)
"""


def test_what_pods_use_is_told_as_the_kubelet_tells_it(place, kube, node):
    def ask(path, *, trusted=True):
        pki = kube.kubeconfig.parent / "pki"
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        context.check_hostname = False  # it is called as the node is
        if trusted:
            client = pki / "kubelet-client"
            context.load_cert_chain(client.with_suffix(".crt"), client.with_suffix(".key"))
        asked = f"https://127.0.0.1:{node.port}{path}"
        return urllib.request.urlopen(asked, timeout=30, context=context).read().decode()

    def summary():
        told = json.loads(ask("/stats/summary"))
        named = {each["podRef"]["name"]: each for each in told["pods"]}
        busy = named.get("busy")
        return (told, busy) if busy and busy["memory"]["usageBytes"] > 50 << 20 else None

    place.pod("busy", sys.executable, "-c", BUSY)
    told, busy = until(summary)
    assert told["node"]["nodeName"] == "lateen"
    assert told["node"]["memory"]["workingSetBytes"] > busy["memory"]["workingSetBytes"]
    assert busy["podRef"]["namespace"] == place.namespace
    [main] = busy["containers"]
    assert main["name"] == "main"
    assert main["cpu"] == busy["cpu"]
    assert 0 < main["cpu"]["usageNanoCores"] < 2_000_000_000

    samples = {
        (sample.name, sample.labels.get("pod"), sample.labels.get("container")): sample.value
        for family in text_string_to_metric_families(ask("/metrics/resource"))
        for sample in family.samples
        if sample.labels.get("namespace") in (place.namespace, None)
    }
    seconds, size = "cpu_usage_seconds_total", "memory_working_set_bytes"
    assert samples[f"container_{size}", "busy", "main"] > 50 << 20
    assert samples[f"pod_{size}", "busy", None] > 50 << 20
    for of in (("node", None, None), ("pod", "busy", None), ("container", "busy", "main")):
        assert samples[f"{of[0]}_{seconds}", *of[1:]] > 0
    with pytest.raises((ssl.SSLError, ConnectionError, urllib.error.URLError)):
        ask("/stats/summary", trusted=False)


def test_the_node_says_what_it_cannot_give(kube, node):
    found = kube.call(kube.client.get, Key("", "Node", "", "lateen", "v1"))
    told = {each["type"]: each for each in found["status"]["conditions"]}
    unlimited = conftest.CGROUPS.reason({"cpu", "pids"})
    assert told["ProcessLimits"]["status"] == ("False" if unlimited else "True")
    assert told["ProcessLimits"]["message"].endswith(unlimited)
    assert told["ContainerNetwork"]["message"] == "containers reach Services and other pods"


def test_the_node_is_small(node):
    status = Path(f"/proc/{node.pid}/status").read_text()
    [resident] = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    assert int(resident.split()[1]) < 80_000  # KiB; 56 MB measured
