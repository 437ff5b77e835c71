"""Steps that speak to others: over HTTP, by mail, with Prometheus. Real servers on loopback."""

from __future__ import annotations

import base64
import time
from email import message_from_bytes, policy
from typing import Any

import orjson
from aiosmtpd.smtp import Envelope

from tests.controllers.apps import app, settings
from tests.controllers.laboratory import step as record
from tests.controllers.laboratory import steps
from tests.controllers.neighbours import Server, act


def test_a_request_and_its_answer(lab, server):
    server.answers["/latest"] = {"version": "1.2"}
    asks = {"url": f"{server.url}/latest", "method": "POST", "body": {"product": "shop"}}
    found = lab.deliver(
        app(
            settings("a"),
            steps=[
                act(
                    "ask",
                    "request",
                    asks,
                    outputs=[{"name": "version", "valueFrom": "response.version"}],
                ),
                act(
                    "say",
                    "print-message-in-status",
                    {},
                    inputs=[{"from": "version", "parameterKey": "message"}],
                ),
            ],
        )
    )
    assert record(found, "say")["message"] == "1.2"
    assert server.asked == [("POST", "/latest", {"product": "shop"})]


def test_a_refused_request_fails_the_step(lab, server):
    server.answers["/latest"] = 503
    asks = {"url": f"{server.url}/latest"}
    lab.apply(app(settings("a"), steps=[act("ask", "request", asks)]))
    found = lab.phase("workflowFailed")
    assert record(found, "ask")["reason"] == "Action"
    assert record(found, "ask")["message"] == f"GET {server.url}/latest answered 503"
    assert len(server.asked) == 1


def test_a_server_that_is_not_there_is_asked_again(lab, server):
    nowhere = {"url": "http://127.0.0.1:1/latest"}
    lab.apply(app(settings("a"), steps=[act("ask", "request", nowhere)]))
    found = lab.until("failing", lambda found: steps(found).get("ask") == "failed")
    assert record(found, "ask")["reason"] == "Execute"
    assert record(found, "ask")["message"].startswith("req: GET http://127.0.0.1:1/latest failed")


def test_a_webhook_gets_the_application(lab, server):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hook"}}
    lab.apply({**secret, "stringData": {"url": f"{server.url}/delivered"}})
    where = {"url": {"secretRef": {"name": "hook", "key": "url"}}}
    lab.deliver(app(settings("a"), steps=[act("tell", "webhook", where)]))
    [(method, path, told)] = server.asked
    assert (method, path) == ("POST", "/delivered")
    assert (told["kind"], told["metadata"]["name"]) == ("Application", "shop")


def test_people_are_notified(lab, server, office):
    post, port = office
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mail"}}
    lab.apply({**secret, "stringData": {"password": "right"}})
    sender = {
        "address": "shop@example.org",
        "host": "127.0.0.1",
        "port": port,
        "password": {"secretRef": {"name": "mail", "key": "password"}},
    }
    told = {
        "slack": {"url": {"value": f"{server.url}/slack"}, "message": {"text": "done"}},
        "dingding": {
            "url": {"value": f"{server.url}/ding"},
            "message": {"text": {"content": "done"}},
        },
        "lark": {
            "url": {"value": f"{server.url}/lark"},
            "message": {"msg_type": "text", "content": "{}"},
        },
        "email": {
            "from": sender,
            "to": ["ops@example.org"],
            "content": {"subject": "Delivered", "body": "<b>done</b>"},
        },
    }
    lab.deliver(app(settings("a"), steps=[act("tell", "notification", told)]))
    assert {path: told for _, path, told in server.asked} == {
        "/slack": {"text": "done"},
        "/ding": {"msgtype": "text", "text": {"content": "done"}},
        "/lark": {"msg_type": "text", "content": "{}"},
    }
    assert len(server.asked) == 3, "each of them once"
    [envelope] = post.taken
    assert _subject(envelope) == "Delivered"


def _subject(envelope: Envelope) -> str:
    assert isinstance(envelope.content, bytes)
    return str(message_from_bytes(envelope.content, policy=policy.default)["Subject"])


def _measured(value: str) -> dict[str, Any]:
    return {
        "status": "success",
        "data": {"resultType": "vector", "result": [{"metric": {}, "value": [0, value]}]},
    }


def _check(server: Server, **more: str) -> dict[str, Any]:
    given = {"query": "errors", "metricEndpoint": server.url, "condition": "<0.1"}
    return act("check", "check-metrics", {**given, "duration": "1s", "failDuration": "1s", **more})


def test_a_metric_keeps_to_its_condition(lab, server):
    server.answers["/api/v1/query"] = _measured("0.05")
    found = lab.deliver(app(settings("a"), steps=[_check(server)]))
    assert steps(found) == {"check": "succeeded"}


def test_a_metric_breaks_its_condition(lab, server):
    server.answers["/api/v1/query"] = _measured("0.5")
    lab.apply(app(settings("a"), steps=[_check(server)]))
    found = lab.phase("workflowFailed")
    assert record(found, "check")["reason"] == "Action"
    assert "the value is 0.5, it should be <0.1" in record(found, "check")["message"]


POLLS = """
apiVersion: core.oam.dev/v1beta1
kind: WorkflowStepDefinition
metadata: {name: polls}
spec:
  schematic:
    cue:
      template: |
        import ("vela/http", "vela/builtin", "encoding/json")
        get: http.#HTTPGet & {$params: url: parameter.url}
        told: json.Unmarshal(get.$returns.body)
        wait: builtin.#ConditionalWait & {$params: continue: told.ready}
        parameter: url: string
"""


def test_a_server_is_asked_until_it_is_ready(lab, server):
    lab.apply(POLLS)
    server.answers["/ready"] = {"ready": False}
    since = time.monotonic()
    lab.apply(app(settings("a"), steps=[act("poll", "polls", {"url": f"{server.url}/ready"})]))
    lab.until("waiting", lambda found: steps(found).get("poll") == "running")
    server.answers["/ready"] = {"ready": True}
    lab.running()
    assert 2 <= len(server.asked) <= 5 + (time.monotonic() - since)


def test_configs_come_and_go(lab):
    where = {"name": "database", "namespace": lab.namespace}
    found = lab.deliver(
        app(
            settings("a"),
            steps=[
                act("create", "create-config", {**where, "config": {"host": "db", "port": 5432}}),
                act(
                    "read",
                    "read-config",
                    where,
                    outputs=[{"name": "host", "valueFrom": "output.config.host"}],
                ),
                act(
                    "write",
                    "export2config",
                    {"configName": "copy"},
                    inputs=[{"from": "host", "parameterKey": "data.host"}],
                ),
            ],
        )
    )
    assert set(steps(found).values()) == {"succeeded"}
    assert lab.get("ConfigMap", "copy")["data"] == {"host": "db"}
    config = lab.get("Secret", "database")
    assert config["metadata"]["labels"]["config.oam.dev/catalog"] == "velacore-config"
    kept = orjson.loads(base64.b64decode(config["data"]["input-properties"]))
    assert kept == {"host": "db", "port": 5432}
    assert "app.oam.dev/name" not in config["metadata"]["labels"], "it stays for others"
    lab.deliver(app(settings("a"), steps=[act("drop", "delete-config", where)]))
    lab.eventually("gone", lambda: lab.find("Secret", "database") is None)


TEMPLATE = """
apiVersion: v1
kind: ConfigMap
metadata:
  name: config-template-gate
  namespace: vela-system
  labels: {config.oam.dev/catalog: velacore-config}
data:
  template: |
    template: {
      parameter: host: string
      output: {apiVersion: "v1", kind: "Secret", type: "Opaque", stringData: url: "http://\\(parameter.host)"}
    }
"""


def test_configs_of_a_template_are_listed(lab):
    lab.apply(TEMPLATE)
    given = {"name": "north", "template": "gate", "config": {"host": "north.example"}}
    found = lab.deliver(
        app(
            settings("a"),
            steps=[
                act("create", "create-config", given),
                act(
                    "list",
                    "list-config",
                    {"template": "gate"},
                    outputs=[{"name": "name", "valueFrom": "output.configs[0].name"}],
                ),
                act(
                    "write",
                    "export2config",
                    {"configName": "copy"},
                    inputs=[{"from": "name", "parameterKey": "data.name"}],
                ),
            ],
        )
    )
    assert set(steps(found).values()) == {"succeeded"}
    assert lab.get("ConfigMap", "copy")["data"] == {"name": "north"}
    url = lab.get("Secret", "north")["data"]["url"]
    assert base64.b64decode(url) == b"http://north.example"
