"""What is sent out into the world is sent once, however often a step is looked at (issue 5)."""

from __future__ import annotations

import time
from typing import Any

from tests.controllers.apps import app, settings, step
from tests.controllers.laboratory import PATIENCE, steps
from tests.controllers.laboratory import step as record
from tests.controllers.neighbours import NEVER, Server, act

UNKNOWN = "the controller was stopped while this was sent: it may have arrived or not"


def post(server: Server, name: str = "tell") -> dict[str, Any]:
    return act(name, "request", {"url": f"{server.url}/{name}", "method": "POST"})


def test_it_dies_while_it_waits_for_an_answer(lab, server):
    server.answers["/tell"] = NEVER
    lab.apply(app(settings("a"), steps=[post(server)]))
    lab.eventually("asked", lambda: server.asked)
    lab.plane.stop()
    lab.plane.start()
    found = lab.phase("workflowFailed")
    assert UNKNOWN in record(found, "tell")["message"]
    assert record(found, "tell")["reason"] == "Action"
    assert len(server.asked) == 1


FAILS_LATER = """
apiVersion: core.oam.dev/v1beta1
kind: WorkflowStepDefinition
metadata: {name: tells-then-fails}
spec:
  schematic:
    cue:
      template: |
        import ("vela/http", "vela/email", "vela/kube")
        mail: email.#SendEmail & {$params: {
          from: {address: "shop@example.org", host: "127.0.0.1", port: parameter.port, password: ""}
          to: ["ops@example.org"]
          content: {subject: "Hello", body: "-"}
        }}
        post: http.#HTTPPost & {$params: url: parameter.url}
        put: kube.#Apply & {$params: value: {
          apiVersion: "nowhere.example/v1"
          kind: "Nothing"
          metadata: {name: "x", namespace: context.namespace}
        }}
        parameter: {url: string, port: int}
"""


def test_what_is_tried_again_is_asked_again_but_no_mail_is_sent_twice(lab, server, office):
    letters, port = office
    lab.apply(FAILS_LATER)
    given = {"url": f"{server.url}/tell", "port": port}
    lab.apply(app(settings("a"), steps=[act("tell", "tells-then-fails", given)]))
    lab.eventually("tried again", lambda: len(server.asked) >= 2)
    assert len(letters.taken) == 1
    found = lab.until("failing", lambda found: steps(found).get("tell") == "failed")
    assert record(found, "tell")["message"].startswith("put: ")


POSTS_AND_WAITS = """
apiVersion: core.oam.dev/v1beta1
kind: WorkflowStepDefinition
metadata: {name: posts-and-waits}
spec:
  schematic:
    cue:
      template: |
        import ("vela/http", "vela/kube", "vela/builtin")
        post: http.#HTTPPost & {$params: url: parameter.url}
        read: kube.#Read & {$params: value: {
          apiVersion: "v1"
          kind: "ConfigMap"
          metadata: {name: "gate", namespace: context.namespace}
        }}
        wait: builtin.#ConditionalWait & {$params: continue: read.$returns.value != _|_}
        parameter: url: string
"""


def test_a_step_that_waits_does_not_send_again(lab, server):
    lab.apply(POSTS_AND_WAITS)
    given = {"url": f"{server.url}/tell"}
    lab.apply(app(settings("a"), steps=[act("tell", "posts-and-waits", given)]))
    lab.eventually("asked", lambda: server.asked)
    lab.settle()  # else it may be killed before the answer is written down
    lab.plane.stop()
    lab.plane.start()
    time.sleep(1.5)  # a few passes
    lab.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "gate"}})
    lab.running(within=PATIENCE * 2)
    assert len(server.asked) == 1


def test_another_delivery_sends_again(lab, server):
    lab.deliver(app(settings("a"), steps=[post(server)]))
    lab.deliver(app(settings("a", {"x": "1"}), steps=[post(server)]))
    assert len(server.asked) == 2


def test_a_step_without_effects_is_not_written_down(lab):
    lab.settle()
    before = lab.sent()
    lab.deliver(
        app(
            settings("a"),
            steps=[step("say", "print-message-in-status", properties={"message": "x"})],
        )
    )
    after = lab.settle()
    assert after["patch", "secrets"] == before["patch", "secrets"]
    assert lab.find("ConfigMap", "workflow-shop-context") is None
