"""Steering a workflow from the command line, on a real API server."""

from __future__ import annotations

import pytest

from lateen.api.manifest import Key
from lateen.cli.exits import Exit
from tests.cli.conftest import APP


@pytest.fixture
def workflow(shell, namespace, plane):
    """An application whose workflow is running; reads its `status.workflow`."""
    shell.run("up", "-f", shell.write(APP), "-n", namespace, "--no-wait")
    key = Key("core.oam.dev", "Application", namespace, "shop", "v1beta1")
    running = {
        "appRevision": "shop-v1",
        "mode": "DAG-DAG",
        "status": "executing",
        "suspend": False,
        "terminated": False,
        "finished": False,
        "startTime": "2026-01-01T00:00:00Z",
        "steps": [{"id": "a", "name": "web", "type": "apply-component", "phase": "running"}],
    }
    status = {"status": "runningWorkflow", "workflow": running}
    plane.call(lambda: plane.client.patch(key, {"status": status}, subresource="status"))

    def read():
        return plane.call(plane.client.get, key)["status"]["workflow"]

    return read


def test_suspend_and_resume(shell, namespace, workflow):
    result = shell.run("workflow", "suspend", "shop", "-n", namespace)
    assert (result.exit_code, result.stdout) == (Exit.OK, "the workflow of shop is suspended\n")
    assert (workflow()["suspend"], workflow()["steps"][0]["phase"]) == (True, "suspending")
    result = shell.run("workflow", "resume", "shop", "--step", "web", "-n", namespace)
    assert (result.exit_code, result.stdout) == (Exit.OK, "step web of shop goes on\n")
    assert (workflow()["suspend"], workflow()["steps"][0]["phase"]) == (False, "running")


def test_terminate_then_restart(shell, namespace, workflow):
    assert shell.run("workflow", "terminate", "shop", "-n", namespace).exit_code == Exit.OK
    assert workflow()["terminated"]
    assert shell.run("workflow", "restart", "shop", "-n", namespace).exit_code == Exit.OK
    assert workflow() == {}, "a workflow that never ran"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["resume", "shop"], "is not suspended", id="nothing to resume"),
        pytest.param(["suspend", "shop", "-s", "wbe"], 'did you mean "web"?', id="unknown step"),
    ],
)
def test_what_cannot_be_done_now(shell, namespace, workflow, arguments, said):
    before = workflow()
    result = shell.run("workflow", *arguments, "-n", namespace)
    assert result.exit_code == Exit.INPUT
    assert said in result.stderr
    assert workflow() == before


def test_restart_from_a_failed_step_forgets_what_it_set(shell, namespace, workflow, plane):
    key = Key("core.oam.dev", "Application", namespace, "shop", "v1beta1")
    steps = [
        {"type": "apply-component", "name": "web", "properties": {"component": "web"}}
        | {"outputs": [{"name": "one", "valueFrom": "output.a"}]},
        {"type": "suspend", "name": "after"},
    ]
    failed = [
        {"id": "a", "name": "web", "phase": "failed", "reason": "Timeout"},
        {"id": "b", "name": "after", "phase": "skipped", "reason": "Skip"},
    ]

    async def prepare():
        app = await plane.client.get(key)
        spec = {**app["spec"], "workflow": {"steps": steps}}
        meta = {"namespace": namespace, "name": "shop-v1"}
        revision = {"apiVersion": "core.oam.dev/v1beta1", "kind": "ApplicationRevision"}
        copied = {"metadata": {"name": "shop", "namespace": namespace}, "spec": spec}
        await plane.client.create({**revision, "metadata": meta, "spec": {"application": copied}})
        meta = {"namespace": namespace, "name": "workflow-shop-context"}
        data = {"vars": "one: 1\ntwo: 2\n"}
        await plane.client.create(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
        )
        ended = {
            "steps": failed,
            "finished": True,
            "terminated": True,
            "contextBackend": {"name": "workflow-shop-context"},
        }
        latest = {"name": "shop-v1", "revision": 1}
        status = {"workflow": ended, "latestRevision": latest}
        await plane.client.patch(key, {"status": status}, subresource="status")

    plane.call(prepare)
    result = shell.run("workflow", "restart", "shop", "--step", "web", "-n", namespace)
    assert result.exit_code == Exit.OK, result.output
    assert (workflow()["finished"], workflow()["terminated"]) == (False, False)
    assert "steps" not in workflow(), "the failed step and the one that waited for it"
    context = Key("", "ConfigMap", namespace, "workflow-shop-context", "v1")
    assert plane.call(plane.client.get, context)["data"]["vars"] == "two: 2\n"
