"""What a user of the command line sees of workflows and does to them, on a cluster that works."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from lateen.cli.exits import Exit
from tests.cli.conftest import Shell
from tests.controllers.apps import app, apply_step, policy, settings, step
from tests.controllers.laboratory import Laboratory
from tests.controllers.neighbours import Server, act
from tests.controllers.workflowruns.runs import ended, perform, phases, record, until, workflow_run

SAY = act("say", "print-message-in-status", {"message": "done"})
PAUSE = step("ask", "suspend")
DEBUG = {"name": "debug", "type": "debug"}

LOGGING = """\
apiVersion: core.oam.dev/v1beta1
kind: WorkflowStepDefinition
metadata: {name: talker}
spec:
  schematic:
    cue:
      template: |
        import "vela/util"
        say: util.#Log & {$params: data: "hello \\(parameter.who)"}
        where: util.#Log & {$params: source: url: parameter.url}
        parameter: {
          who: string
          url: string
        }
"""


@pytest.fixture
def shell(lab: Laboratory, tmp_path: Path) -> Shell:
    return Shell(lab.plane.kube.kubeconfig, tmp_path)


def test_a_run_is_steered(lab: Laboratory, shell: Shell) -> None:
    lab.apply(workflow_run(PAUSE, SAY))
    until(lab, "suspended", lambda status: status.get("status") == "suspending")
    result = shell.run("workflow", "resume", "release", "-n", lab.namespace)
    assert (result.exit_code, result.stdout) == (Exit.OK, "the workflow of release goes on\n")
    assert phases(ended(lab)) == {"ask": "succeeded", "say": "succeeded"}

    assert shell.run("workflow", "restart", "release", "-n", lab.namespace).exit_code == Exit.OK
    until(lab, "suspended again", lambda status: status.get("status") == "suspending")
    assert shell.run("workflow", "terminate", "release", "-n", lab.namespace).exit_code == Exit.OK
    found = ended(lab, "terminated")
    assert record(found, "ask")["reason"] == "Terminate"
    assert phases(found) == {"ask": "failed", "say": "skipped"}


def test_a_run_goes_on_from_a_failed_step(lab: Laboratory, shell: Shell) -> None:
    lab.apply(workflow_run(SAY, act("wait", "suspend", {}, timeout="1s"), SAY | {"name": "after"}))
    found = ended(lab, "failed")
    before = record(found, "say")["id"]
    lab.apply(workflow_run(SAY, act("wait", "suspend", {}), SAY | {"name": "after"}))
    again = ("workflow", "restart", "release", "--step", "wait", "-n", lab.namespace)
    assert shell.run(*again).exit_code == Exit.OK
    found = until(lab, "waiting", lambda status: status.get("status") == "suspending")
    assert record(found, "say")["id"] == before
    assert shell.run("workflow", "resume", "release", "-n", lab.namespace).exit_code == Exit.OK
    assert phases(ended(lab)) == {"say": "succeeded", "wait": "succeeded", "after": "succeeded"}


def test_of_two_of_one_name_one_is_chosen(lab: Laboratory, shell: Shell) -> None:
    lab.apply(app(settings("a"), name="release", steps=[PAUSE]))
    lab.phase("workflowSuspending", "release")
    lab.apply(workflow_run(PAUSE))
    until(lab, "suspended", lambda status: status.get("status") == "suspending")
    resume = ("workflow", "resume", "release", "-n", lab.namespace)
    result = shell.run(*resume)
    assert result.exit_code == Exit.INPUT
    assert "add --type app or --type workflow" in result.stderr
    assert shell.run(*resume, "--type", "workflow").exit_code == Exit.OK
    ended(lab)
    assert lab.status("release")["status"] == "workflowSuspending"
    assert shell.run(*resume, "--type", "app").exit_code == Exit.OK
    lab.running("release")


def test_workflows_are_listed(lab: Laboratory, shell: Shell) -> None:
    lab.deliver(app(settings("a")))
    perform(lab, workflow_run(SAY))
    result = shell.run("workflow", "list", "-n", lab.namespace)
    header, first, second = result.stdout.splitlines()
    assert header.split() == ["NAME", "TYPE", "PHASE", "STEPS", "START-TIME", "END-TIME"]
    assert first.split()[:4] == ["shop", "Application", "succeeded", "1/1"]
    assert second.split()[:4] == ["release", "WorkflowRun", "succeeded", "1/1"]
    told = orjson.loads(shell.run("workflow", "list", "-A", "-o", "json").stdout)
    mine = [each for each in told if each["namespace"] == lab.namespace]
    assert [each["name"] for each in mine] == ["shop", "release"]
    assert mine[1]["steps"] == [
        {"name": "say", "type": "print-message-in-status", "phase": "succeeded"}
    ]


def test_nothing_to_list(lab: Laboratory, shell: Shell) -> None:
    result = shell.run("workflow", "list", "-n", lab.namespace)
    assert (result.exit_code, result.stdout) == (Exit.OK, "")
    assert f"There is no workflow in namespace {lab.namespace}" in result.stderr
    result = shell.run("workflow", "suspend", "relaese", "-n", lab.namespace, "-t", "workflow")
    assert result.exit_code == Exit.NOT_FOUND


def test_logs_of_steps(lab: Laboratory, shell: Shell, server: Server) -> None:
    server.answers["/log"] = {"line": "from afar"}
    lab.apply(LOGGING)
    told = act("told", "talker", {"who": "you", "url": f"{server.url}/log"})
    lab.deliver(app(settings("a"), steps=[told, apply_step("a")]))
    result = shell.run("workflow", "logs", "shop", "-n", lab.namespace)
    assert result.exit_code == Exit.OK, result.output
    assert result.stdout.splitlines() == ["told | hello you", 'told | {"line": "from afar"}']
    result = shell.run("workflow", "logs", "shop", "--step", "a", "-n", lab.namespace)
    assert result.exit_code == Exit.INPUT
    assert "step a has logged nothing" in result.stderr
    result = shell.run("workflow", "logs", "shop", "--step", "tld", "-n", lab.namespace)
    assert 'did you mean "told"?' in result.stderr


def test_what_steps_and_components_evaluate_to(lab: Laboratory, shell: Shell) -> None:
    lab.deliver(
        app(
            settings("a", {"colour": "red"}),
            policies=[DEBUG, policy("here", "topology", clusters=["local"])],
            steps=[SAY, step("all", "deploy", properties={"policies": ["here"]})],
        )
    )
    debug = ("debug", "shop", "-n", lab.namespace)
    result = shell.run(*debug)
    assert result.exit_code == Exit.OK, result.output
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == ["say", "all", "a.local"]
    result = shell.run(*debug, "--step", "say", "--focus", "parameter.message")
    assert result.stdout == '"done"\n'
    result = shell.run(*debug, "--step", "a.local", "--focus", "output.data")
    assert orjson.loads(result.stdout) == {"colour": "red"}
    result = shell.run(*debug, "--step", "say", "--focus", "nothing")
    assert result.exit_code == Exit.INPUT
    assert "say has no nothing" in result.stderr
    [kept] = [n for n in lab.names("ConfigMap") if "-debug-" in n and ".local" in n]
    assert kept == f"shop-a.local-debug-{lab.app()['metadata']['uid'][-5:]}"


def test_a_failing_step_can_be_debugged(lab: Laboratory, shell: Shell) -> None:
    ask = act("ask", "request", {"url": "http://127.0.0.1:1/x"})
    lab.apply(workflow_run(ask, annotations={"workflowrun.oam.dev/debug": "true"}))
    until(lab, "failing", lambda s: phases({"status": s}).get("ask") == "failed")
    result = shell.run("workflow", "debug", "release", "--step", "ask", "-n", lab.namespace)
    assert result.exit_code == Exit.OK, result.output
    assert "// req: " in result.stdout
    assert '"http://127.0.0.1:1/x"' in result.stdout


def test_secrets_are_hidden_from_debugging(lab: Laboratory, shell: Shell) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}}
    lab.apply({**secret, "stringData": {"word": "sesame-open", "pin": "42"}})
    read = {"apiVersion": "v1", "kind": "Secret", "name": "keys", "namespace": lab.namespace}
    word = [{"name": "word", "valueFrom": "output.value.data.word"}]
    lab.deliver(
        app(
            settings("a"),
            policies=[DEBUG],
            steps=[
                act("read", "read-object", read, outputs=word),
                apply_step("a", inputs=[{"from": "word", "parameterKey": "objects[0].data.word"}]),
            ],
        )
    )
    for step_ in ("read", "a", "a (component)"):
        result = shell.run("debug", "shop", "--step", step_, "-n", lab.namespace)
        assert result.exit_code == Exit.OK, result.output
        assert "<secret>" in result.stdout
        for hidden in ("sesame-open", "c2VzYW1lLW9wZW4=", "NDI="):
            assert hidden not in result.stdout, step_


def test_nothing_is_kept_where_nobody_debugs(lab: Laboratory, shell: Shell) -> None:
    lab.deliver(app(settings("a")))
    assert not [name for name in lab.names("ConfigMap") if "-debug-" in name]
    result = shell.run("debug", "shop", "-n", lab.namespace)
    assert result.exit_code == Exit.INPUT
    assert "add `- {name: debug, type: debug}` to spec.policies" in result.stderr
