"""A newcomer's first quarter of an hour: start, deliver, look around, change, remove."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.e2e import planes
from tests.e2e.planes import EXAMPLES, Plane, Said

HELLO = EXAMPLES / "hello.yaml"
URL = re.compile(r"http://[\d.]+:\d+")


@pytest.fixture(scope="module")
def hello(plane: Plane) -> Iterator[Said]:
    """The sample application, delivered; what the delivery said."""
    yield plane.run("up", "-f", HELLO, "--wait")
    plane.run("delete", "hello")


def test_up_tells_the_way_and_the_addresses(hello: Said) -> None:
    lines = hello.out.splitlines()
    assert lines[0] == "application hello created"
    assert "hello: step web succeeded" in lines
    assert "✓ hello is healthy (1 component)" in lines
    assert len(URL.findall(hello.out)) >= 2  # of the pods; the Service's is known a moment later


def test_every_replica_answers_at_its_address(plane: Plane, hello: Said) -> None:
    pods = plane.objects("Pod", "default")
    hosts = {pod["status"]["podIP"] for pod in pods if pod["metadata"]["name"].startswith("web-")}
    urls = {host: url for host in hosts for url in URL.findall(hello.out) if f"/{host}:" in url}
    assert set(urls) == hosts
    for host, url in urls.items():
        assert planes.fetch(url) == f"Hello from {host}\n"


def test_its_service_answers_for_all_of_them(plane: Plane, hello: Said) -> None:
    def addresses() -> str:
        [made] = [s for s in plane.objects("Service", "default") if s["metadata"]["name"] == "web"]
        return str((made["metadata"].get("annotations") or {}).get("lateen.dev/address", ""))

    address = planes.until(addresses)
    found = plane.run("status", "hello", "--endpoint").out
    [url] = [url for url in URL.findall(found) if f"/{address}:" in url]
    assert len({planes.fetch(url) for _ in range(8)}) == 2


def test_ls_shows_it(plane: Plane, hello: Said) -> None:
    [row] = planes.table(plane.run("ls").out)
    assert (row["NAME"], row["NAMESPACE"], row["COMPONENT"]) == ("hello", "default", "web")
    assert (row["TYPE"], row["TRAITS"]) == ("process", "scaler")
    assert (row["PHASE"], row["HEALTHY"], row["STATUS"]) == ("running", "true", "Ready:2/2")


def test_ls_of_an_empty_namespace_says_so(plane: Plane, namespace: str) -> None:
    said = plane.run("ls", "-n", namespace)
    assert (said.out, said.err) == ("", f"There is no application in namespace {namespace}.\n")


def test_status_shows_components_and_steps(plane: Plane, hello: Said) -> None:
    said = plane.run("status", "hello")
    assert re.search(r"Phase: +running", said.out)
    assert re.search(r"Revision: +hello-v1", said.out)
    assert re.search(r"web +Deployment +true +Ready:2/2", said.out)
    assert re.search(r"web +apply-component +succeeded", said.out)
    assert said.err == ""


def test_the_tree_goes_down_to_the_pods(plane: Plane, hello: Said) -> None:
    said = plane.run("status", "hello", "--tree").out
    lines = [line.strip("│├└─ ") for line in said.splitlines()]
    assert lines[0] == "cluster local"
    assert "✓ Deployment web" in lines
    assert "✓ Service web" in lines
    assert sum(line.startswith("✓ Pod web-") for line in lines) == 2


def test_endpoint_lists_the_addresses_up_printed(plane: Plane, hello: Said) -> None:
    rows = planes.table(plane.run("status", "hello", "--endpoint").out)
    printed = URL.findall(hello.out)
    assert [row["ENDPOINT"] for row in rows][-len(printed) :] == printed
    assert len(rows) <= len(printed) + 1  # its Service's comes first, if later
    assert {(row["COMPONENT"], row["SERVICE"]) for row in rows} == {("web", "web")}


def test_json_and_yaml_are_the_application_itself(plane: Plane, hello: Said) -> None:
    found = plane.run("status", "hello", "-o", "json").data
    assert (found["kind"], found["status"]["status"]) == ("Application", "running")
    assert "managedFields" not in found["metadata"]
    as_yaml = YAML(typ="safe", pure=True).load(plane.run("status", "hello", "-o", "yaml").out)
    assert as_yaml["spec"] == found["spec"]
    [listed] = plane.run("ls", "-o", "json").data
    assert listed["metadata"]["uid"] == found["metadata"]["uid"]


def test_logs_are_of_all_replicas(plane: Plane, hello: Said) -> None:
    said = plane.run("logs", "hello").out
    listening = re.findall(r"^(web-\S+) web \| listening on", said, re.MULTILINE)
    assert len(set(listening)) == 2
    assert len(plane.run("logs", "hello", "--tail", "1").out.splitlines()) == 2
    unknown = plane.run("logs", "hello", "-c", "wbe", expect=4)
    assert "hello has no component wbe" in unknown.err
    assert "components are web" in unknown.err


def test_logs_go_on_until_interrupted(plane: Plane, hello: Said) -> None:
    [url, *_] = URL.findall(hello.out)
    with plane.open("logs", "hello", "-f", "--tail", "1") as process:
        assert process.stdout is not None
        process.stdout.readline()
        planes.fetch(f"{url}/are-you-there")
        while "/are-you-there" not in (line := process.stdout.readline()):
            assert line, "the log ended"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130


def test_logs_end_when_nobody_reads_any_more(plane: Plane, hello: Said) -> None:
    with plane.open("logs", "hello", "-f") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 1  # it notices with the next line: probes ask all the time


def test_an_update_rolls_out_and_a_deletion_leaves_nothing(
    plane: Plane, namespace: str, tmp_path: Path
) -> None:
    plane.run("up", "-f", HELLO, "-n", namespace)
    file = tmp_path / "hello.yaml"
    text = HELLO.read_text().replace("value: Hello", "value: Ahoy")
    file.write_text(text.replace("replicas: 2", "replicas: 3"))
    said = plane.run("up", "-f", file, "-n", namespace)
    assert said.out.startswith("application hello updated\n")
    urls = URL.findall(said.out)
    assert len(urls) >= 3
    assert all(planes.fetch(url).startswith("Ahoy from ") for url in urls)
    assert "hello-v2" in plane.run("status", "hello", "-n", namespace).out

    # pods of the first revision may still be going
    uids = {pod["metadata"]["uid"] for pod in plane.objects("Pod", namespace)}
    assert len(uids) >= 3
    gone = plane.run("delete", "hello", "-n", namespace, "--wait")
    assert gone.out == "application hello deleted\n"
    assert "Deployment" in gone.err  # what goes is named before it goes
    assert plane.run("status", "hello", "-n", namespace, expect=4).out == ""
    for kind, group, version in (
        ("Deployment", "apps", "v1"),
        ("Service", "", "v1"),
        ("ApplicationRevision", "core.oam.dev", "v1beta1"),
    ):
        assert plane.names(kind, namespace, group, version) == []
    planes.until(lambda: not plane.objects("Pod", namespace))
    planes.until(lambda: not uids & planes.processes_of_pods().keys())


def test_server_status_and_logs(plane: Plane) -> None:
    rows = {row["PROCESS"]: row for row in planes.table(_below(plane.run("server", "status").out))}
    assert set(rows) == {"supervisor", "kube", "node", "controllers"}
    assert {row["STATE"] for row in rows.values()} == {"ready", "running"}
    assert all(row["MEMORY"].endswith("MiB") for row in rows.values())
    assert "ready after" in plane.run("server", "logs", "supervisor").out
    assert "node is ready" in plane.run("server", "logs").out


def _below(text: str) -> str:
    """The table under the facts."""
    return text.partition("\n\n")[2]


def test_start_again_says_that_it_runs(plane: Plane) -> None:
    assert plane.run("start").out.startswith("Lateen is already running (process ")


def test_version_tells_both_sides(plane: Plane) -> None:
    said = plane.run("version").out
    assert re.fullmatch(r"client: \d+\.\d+\.\d+\nserver: v1\.\d+\.\d+\S*\n", said)
