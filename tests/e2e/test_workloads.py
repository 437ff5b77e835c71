"""What runs on the node, and what does not and why."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.e2e import planes
from tests.e2e.planes import FILES, Plane


@pytest.fixture
def kinds(plane: Plane) -> str:
    """The namespace of one workload of each kind, delivered when the plane was started."""
    plane.run("up", "-f", FILES / "kinds.yaml", "-n", "kinds")
    return "kinds"


def test_a_job_runs_to_its_end(plane: Plane, kinds: str) -> None:
    def succeeded() -> bool:
        [job] = [j for j in plane.objects("Job", kinds, "batch") if j["metadata"]["name"] == "once"]
        return bool(job["status"].get("succeeded") == 1)

    planes.until(succeeded)
    said = plane.run("logs", "kinds", "-n", kinds, "-c", "once").out
    assert re.fullmatch(r"once-\w+ main \| done\n", said)


def test_stateful_and_daemon_sets_run(plane: Plane, kinds: str) -> None:
    def running() -> list[str]:
        found = plane.workloads(kinds).items()
        return sorted(name for name, pids in found if pids and not name.startswith("minutely-"))

    everywhere, *members = planes.until(lambda: found if len(found := running()) == 3 else None)
    assert everywhere.startswith("everywhere-")
    assert members == ["member-0", "member-1"]
    tree = plane.run("status", "kinds", "-n", kinds, "--tree").out
    for line in ("✓ StatefulSet member", "✓ DaemonSet everywhere", "✓ CronJob minutely"):
        assert line in tree


@pytest.fixture(scope="module")
def troubles(plane: Plane) -> Iterator[str]:
    name = plane.new_namespace()
    plane.run("up", "-f", FILES / "troubles.yaml", "-n", name, "--no-wait")
    yield name
    plane.run("delete", "troubles", "-n", name)
    plane.drop_namespace(name)


@pytest.mark.parametrize(
    ("component", "reason"),
    [
        pytest.param(
            "front",
            r"NoContainerEngine: containers are turned off .*use a component of type process",
            id="needs a container engine",
        ),
        pytest.param(
            "crashing", r"CrashLoopBackOff: starts again \d+ s after its last end", id="crashes"
        ),
        pytest.param(
            "mistyped", "cannot run no-such-program: No such file or directory", id="no program"
        ),
        pytest.param(
            "secretive", "CreateContainerConfigError: Secret nosuch does not exist", id="no Secret"
        ),
    ],
)
def test_why_it_does_not_run(plane: Plane, troubles: str, component: str, reason: str) -> None:
    def told() -> str | None:
        said = plane.run("status", "troubles", "-n", troubles).err
        found = re.search(rf"  pod {component}-\S+: {component}: (.*)", said)
        return found[1] if found and re.search(reason, found[1]) else None

    assert planes.until(told)
    said = plane.run("status", "troubles", "-n", troubles).err
    assert f"component {component} is not healthy: Ready:0/1" in said
    tree = plane.run("status", "troubles", "-n", troubles, "--tree").out
    assert re.search(rf"✗ Pod {component}-\S+  {component}: .*{reason}", tree)


def test_up_tells_the_causes_when_the_time_is_up(plane: Plane, troubles: str) -> None:
    file = ("-f", FILES / "troubles.yaml", "-n", troubles)
    status = ("status", "troubles", "-n", troubles)
    planes.until(lambda: "NoContainerEngine" in plane.run(*status).err)
    said = plane.run("up", *file, "--timeout", "1s", expect=6)
    assert "error: troubles is not healthy after 1s (runningWorkflow)" in said.err
    assert "component front is not healthy: Ready:0/1" in said.err
    assert "NoContainerEngine" in said.err


def test_what_a_crashing_process_said_is_in_the_logs(plane: Plane, troubles: str) -> None:
    def said() -> str:
        return plane.run("logs", "troubles", "-n", troubles, "-c", "crashing").out

    assert planes.until(lambda: "there is no database" in said())


def test_a_process_that_is_not_alive_is_restarted(plane: Plane, troubles: str) -> None:
    def restarts() -> int:
        [pod] = [
            each
            for each in plane.objects("Pod", troubles)
            if each["metadata"]["name"].startswith("hanging-")
        ]
        return int(pod["status"]["containerStatuses"][0]["restartCount"])

    assert planes.until(restarts, 120) > 0


def test_environment_init_and_secret(plane: Plane, namespace: str) -> None:
    """The Secret comes after the application: it waits, and then runs."""
    file = ("-f", FILES / "told.yaml", "-n", namespace)
    said = plane.run("up", *file, "--timeout", "1s", expect=6)
    assert "told is not healthy" in said.err
    meta = {"name": "access", "namespace": namespace}
    plane.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"token": "s3cret"}}
    )
    plane.run("up", *file)
    said = plane.run("logs", "told", "-n", namespace)
    assert "talker | Hello from init, s3cret, 7070\n" in said.out


@pytest.mark.slow
def test_a_cron_job_runs_every_minute(plane: Plane, kinds: str) -> None:
    def finished() -> list[str]:
        return [
            job["metadata"]["name"]
            for job in plane.objects("Job", kinds, "batch")
            if job["metadata"]["name"].startswith("minutely-") and job["status"].get("succeeded")
        ]

    assert planes.until(finished, 150)
    tree = plane.run("status", "kinds", "-n", kinds, "--tree").out
    assert re.search(r"✓ CronJob minutely\n.*✓ Job minutely-\d+\n.*✓ Pod minutely-", tree)
