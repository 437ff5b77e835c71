"""Hooks of charts: when they run, what waits for them, and what becomes of them."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from lateen.cli import main
from tests.controllers.apps import LAMP, app, lamp, settings
from tests.controllers.charts import anew, chart, end, hook, message, uid, waiting, written
from tests.controllers.laboratory import steps
from tests.sources import packing


def test_hooks_run_in_order_around_the_chart(lab, tmp_path):
    files = packing.chart() | {
        "templates/second.yaml": hook("second", "pre-install", 5),
        "templates/first.yaml": hook("first", "pre-install,pre-upgrade", -5),
        "templates/last.yaml": hook("last", "post-install"),
        "templates/check.yaml": hook("check", "test"),
    }
    lab.apply(app(chart(written(tmp_path / "demo", files))))
    found = waiting(lab, "first")
    assert "(pre-install)" in str(found["status"])
    assert (lab.owned("Pod"), lab.find("ConfigMap", "web-config")) == ({"first"}, None)
    end(lab, "first")
    waiting(lab, "second")
    assert lab.find("ConfigMap", "web-config") is None
    end(lab, "second")
    waiting(lab, "last")
    assert lab.find("ConfigMap", "web-config")
    assert lab.find("ConfigMap", "web-helm-release") is None
    end(lab, "last")
    lab.running()
    assert lab.owned("Pod") == {"first", "second", "last"}


def test_hooks_of_an_upgrade_run_once_for_each(lab, tmp_path):
    files = packing.chart() | {
        "templates/up.yaml": hook("up", "pre-upgrade"),
        "templates/both.yaml": hook("both", "pre-install,post-upgrade"),
    }
    source = written(tmp_path / "demo", files)
    lab.apply(app(chart(source)))
    end(lab, "both")
    lab.running()
    first = uid(lab, "both")
    lab.apply(app(chart(source, values={"greeting": "again"})))
    end(lab, "up")
    second = anew(lab, "both", first)
    end(lab, "both")
    lab.running()
    assert lab.get("ConfigMap", "web-config")["data"]["revision"] == "2"
    lab.deliver(app(chart(source, values={"greeting": "again"}), settings("more")))
    assert lab.get("ConfigMap", "web-helm-release")["data"]["release"] == "2"
    left = lab.find("Pod", "both")  # it goes with the revision that brought it
    assert left is None or left["metadata"]["uid"] == second


def test_a_hook_goes_when_it_has_succeeded_and_is_not_run_again(lab, tmp_path):
    files = packing.chart() | {
        "templates/up.yaml": hook("once", "pre-install", delete="hook-succeeded")
    }
    lab.apply(app(chart(written(tmp_path / "demo", files))))
    end(lab, "once")
    lab.running()
    lab.eventually("cleaned up", lambda: lab.find("Pod", "once") is None)
    lab.plane.restart()
    lab.patch("ConfigMap", "web-config", {"data": {"greeting": "drift"}})
    lab.eventually(
        "repaired", lambda: lab.get("ConfigMap", "web-config")["data"]["greeting"] == "hello"
    )
    lab.settle()
    assert lab.find("Pod", "once") is None


def test_a_hook_that_fails_holds_the_release_back_and_is_run_again(lab, tmp_path):
    files = packing.chart() | {
        "templates/up.yaml": hook("once", "pre-install", delete="hook-failed")
    }
    lab.apply(app(chart(written(tmp_path / "demo", files))))
    waiting(lab, "once")
    first = uid(lab, "once")
    end(lab, "once", "Failed")
    found = lab.until("failed", lambda found: "failed (pre-install)" in message(found))
    assert steps(found) == {"web": "failed"}
    assert lab.find("ConfigMap", "web-config") is None
    anew(lab, "once", first)
    end(lab, "once")
    lab.running()
    assert lab.find("ConfigMap", "web-config")


def test_another_text_runs_a_failed_hook_anew(lab, tmp_path):
    files = packing.chart() | {"templates/up.yaml": hook("once", "pre-install")}
    source = written(tmp_path / "demo", files)
    lab.apply(app(chart(source)))
    end(lab, "once", "Failed")
    lab.until("failed", lambda found: "failed (pre-install)" in message(found))
    first = uid(lab, "once")
    lab.apply(app(chart(source, values={"greeting": "better"})))
    anew(lab, "once", first)
    end(lab, "once")
    lab.running()
    assert lab.get("ConfigMap", "web-config")["data"]["revision"] == "1"


def test_a_controller_that_dies_goes_on_where_it_was(lab, tmp_path):
    files = packing.chart() | {"templates/up.yaml": hook("once", "pre-install")}
    lab.apply(app(chart(written(tmp_path / "demo", files))))
    waiting(lab, "once")
    first = uid(lab, "once")
    lab.plane.restart()
    end(lab, "once")
    lab.running()
    assert uid(lab, "once") == first


@pytest.mark.parametrize(
    ("options", "pods"),
    [
        pytest.param({"skipHooks": True}, set(), id="left out"),
        pytest.param({"skipHooks": True, "skipTests": False}, {"check"}, id="but the tests"),
    ],
)
def test_options_leave_hooks_out(lab, tmp_path, options, pods):
    files = packing.chart() | {
        "templates/up.yaml": hook("once", "pre-install"),
        "templates/check.yaml": hook("check", "test"),
    }
    lab.apply(app(chart(written(tmp_path / "demo", files), options=options)))
    for name in pods:
        end(lab, name)
    lab.running()
    assert lab.owned("Pod") == pods


def test_wait_holds_the_release_until_it_has_rolled_out(lab, tmp_path):
    deployment = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 0
  paused: {{ .Values.paused }}
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec: {containers: [{name: it, image: x}]}
"""
    files = packing.chart() | {
        "templates/web.yaml": deployment.replace("replicas: 0", "replicas: {{ .Values.replicas }}")
    }
    source = written(tmp_path / "demo", files)
    values = {"paused": False, "replicas": 1}
    lab.apply(app(chart(source, values=values, options={"wait": True})))
    lab.until("waiting", lambda found: "web: 0 of 1 ready" in str(found["status"]))
    assert lab.find("ConfigMap", "web-helm-release") is None
    lab.deliver(app(chart(source, values={**values, "replicas": 0}, options={"wait": True})))
    assert lab.find("ConfigMap", "web-helm-release")


def back(lab):
    done = CliRunner().invoke(
        main.build(),
        ["workflow", "rollback", "shop", "-n", lab.namespace],
        env={"KUBECONFIG": str(lab.plane.kube.kubeconfig)},
    )
    assert done.exit_code == 0, done.output


def test_going_back_runs_the_hooks_for_it(lab, tmp_path):
    files = packing.chart() | {
        "templates/back.yaml": hook("back", "pre-rollback"),
        "templates/done.yaml": hook("done", "post-rollback"),
        "templates/up.yaml": hook("up", "pre-upgrade"),
    }
    source = written(tmp_path / "demo", files)
    lab.deliver(app(chart(source)))
    lab.apply(app(chart(source, values={"greeting": "newer"})))
    end(lab, "up")
    lab.running()
    gone = uid(lab, "up")
    back(lab)
    waiting(lab, "back")
    assert lab.get("ConfigMap", "web-config")["data"]["greeting"] == "newer"
    end(lab, "back")
    end(lab, "done")
    lab.running()
    assert lab.get("ConfigMap", "web-config")["data"] == {"greeting": "hello", "revision": "3"}
    record = lab.get("ConfigMap", "web-helm-release")["data"]
    assert (record["release"], record["event"]) == ("3", "rollback")
    left = lab.find("Pod", "up")
    assert left is None or left["metadata"]["uid"] == gone


def test_going_back_from_what_did_not_come_to_its_end_runs_them_too(lab, tmp_path):
    files = packing.chart() | {"templates/back.yaml": hook("back", "pre-rollback")}
    source = written(tmp_path / "demo", files)
    lab.apply(LAMP)
    lab.deliver(app(chart(source)))
    lab.apply(app(chart(source, values={"greeting": "newer"}), lamp("dark")))
    lab.eventually(
        "upgraded", lambda: lab.get("ConfigMap", "web-helm-release")["data"]["release"] == "2"
    )
    back(lab)
    waiting(lab, "back")
    assert lab.get("ConfigMap", "web-config")["data"]["greeting"] == "newer"
    end(lab, "back")
    lab.running()
    assert lab.get("ConfigMap", "web-config")["data"]["greeting"] == "hello"
