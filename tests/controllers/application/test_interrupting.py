"""What is not wanted any more ends at once, also in the middle of a long action (E3)."""

from __future__ import annotations

from typing import Any

from lateen.workflow import operations
from tests.controllers.apps import app, settings
from tests.controllers.laboratory import Laboratory, steps
from tests.controllers.laboratory import step as record
from tests.controllers.neighbours import NEVER, Server, act
from tests.controllers.workflowruns.runs import ended, workflow_run
from tests.controllers.workflowruns.runs import record as of_run

DEFINITION = """\
apiVersion: core.oam.dev/v1beta1
kind: WorkflowStepDefinition
metadata: {name: patient}
spec:
  schematic:
    cue:
      template: |
        import "vela/http"
        ask: http.#HTTPPost & {$params: {
          url: parameter.url
          request: timeout: "1h"
        }}
        parameter: url: string
"""


def long(lab: Laboratory, server: Server) -> dict[str, Any]:
    """A step that waits an hour for an answer."""
    server.answers["/slow"] = NEVER
    lab.apply(DEFINITION)
    return act("wait", "patient", {"url": f"{server.url}/slow"})


def test_a_person_ends_an_action_under_way(lab: Laboratory, server: Server) -> None:
    lab.apply(app(settings("a"), steps=[long(lab, server)]))
    lab.eventually("asked", lambda: server.asked)
    lab.steer(operations.terminate)
    found = lab.phase("workflowTerminated")
    assert record(found, "wait")["reason"] == "Terminate"
    assert len(server.asked) == 1


def test_an_edit_ends_an_action_under_way(lab: Laboratory, server: Server) -> None:
    lab.apply(app(settings("a"), steps=[long(lab, server)]))
    lab.eventually("asked", lambda: server.asked)
    assert steps(lab.deliver(app(settings("b")))) == {"b": "succeeded"}


def test_a_deletion_ends_an_action_under_way(lab: Laboratory, server: Server) -> None:
    lab.apply(app(settings("a"), steps=[long(lab, server)]))
    lab.eventually("asked", lambda: server.asked)
    lab.delete("Application", "shop")
    lab.gone()


def test_a_run_is_ended_as_well(lab: Laboratory, server: Server) -> None:
    lab.apply(workflow_run(long(lab, server)))
    lab.eventually("asked", lambda: server.asked)
    status = lab.get("WorkflowRun", "release")["status"]
    lab.patch("WorkflowRun", "release", {"status": operations.terminate(status)}, "status")
    assert of_run(ended(lab, "terminated"), "wait")["reason"] == "Terminate"
