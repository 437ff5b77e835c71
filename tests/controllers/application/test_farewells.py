"""Hooks of charts for deletion: before and after a component goes, once, and never by surprise."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from lateen.api.manifest import Manifest
from lateen.cli import main
from lateen.controllers.application import farewells
from tests.controllers.apps import app, settings
from tests.controllers.charts import anew, chart, end, hook, uid, written
from tests.sources import packing

PERMIT = {"lateen.dev/skip-hooks": "true"}


@pytest.fixture
def source(tmp_path) -> str:
    files = packing.chart() | {
        "templates/second.yaml": hook("second", "pre-delete", 5),
        "templates/first.yaml": hook("first", "pre-delete", -5, delete="hook-succeeded"),
        "templates/last.yaml": hook("last", "post-delete"),
    }
    return written(tmp_path / "demo", files)


def waiting(lab, name: str, event: str) -> Manifest:
    """Wait until the application waits for a hook."""
    said = f"waiting for Pod {lab.namespace}/{name} to end ({event})"
    found: Manifest = lab.until(f"waiting for {name}", lambda found: said in str(found["status"]))
    return found


def test_hooks_run_in_order_around_the_deletion(lab, source):
    lab.deliver(app(chart(source)))
    assert (lab.owned("Pod"), lab.owned("Secret")) == (set(), {"web-helm-farewell"})
    lab.delete("Application", "shop")
    found = waiting(lab, "first", "pre-delete")
    assert found["status"]["status"] == "deleting"
    assert (lab.owned("Pod"), lab.owned("ConfigMap")) == (
        {"first"},
        {"web-config", "web-helm-release"},
    )
    end(lab, "first")
    waiting(lab, "second", "pre-delete")
    assert lab.owned("Pod") == {"second"}
    end(lab, "second")
    waiting(lab, "last", "post-delete")
    assert lab.owned("ConfigMap") == set()
    end(lab, "last")
    lab.gone()
    assert (lab.owned("Pod"), lab.owned("Secret"), lab.trackers()) == (set(), set(), [])


def test_a_component_that_is_left_out_takes_leave_as_well(lab, source):
    lab.deliver(app(chart(source), settings("stays")))
    lab.apply(app(settings("stays")))
    waiting(lab, "first", "pre-delete")
    assert "web-config" in lab.owned("ConfigMap")
    for name in ("first", "second", "last"):
        end(lab, name)
    lab.eventually("taken leave", lambda: lab.owned("Secret") == set())
    lab.eventually("cleaned up", lambda: lab.owned("Pod") == set())
    lab.until("at rest", lambda found: "Deletion" not in str(found["status"]["conditions"]))


def test_one_that_fails_holds_the_deletion_up_and_why_says_so(lab, source):
    lab.deliver(app(chart(source)))
    lab.delete("Application", "shop")
    end(lab, "first", "Failed")
    said = f"Pod {lab.namespace}/first failed (pre-delete)"
    lab.until("held up", lambda found: said in str(found["status"]))
    assert lab.owned("ConfigMap") == {"web-config", "web-helm-release"}
    why = CliRunner().invoke(
        main.build(),
        ["why", "shop", "-n", lab.namespace],
        env={"KUBECONFIG": str(lab.plane.kube.kubeconfig), "COLUMNS": "300"},
    )
    assert said in why.stdout
    assert "lateen.dev/skip-hooks=true" in why.stdout
    lab.patch("Application", "shop", {"metadata": {"annotations": PERMIT}})
    lab.gone()


def test_one_that_failed_is_run_again_though_nothing_changes(lab, source, monkeypatch):
    monkeypatch.setattr(farewells, "AGAIN", 2.0)
    lab.deliver(app(chart(source), settings("stays")))
    lab.apply(app(settings("stays")))
    waiting(lab, "first", "pre-delete")
    before = uid(lab, "first")
    end(lab, "first", "Failed")
    anew(lab, "first", before)
    for name in ("first", "second", "last"):
        end(lab, name)
    lab.eventually("taken leave", lambda: lab.owned("Secret") == set())


def test_a_controller_that_dies_runs_nothing_twice(lab, source):
    lab.deliver(app(chart(source)))
    lab.delete("Application", "shop")
    end(lab, "first")
    waiting(lab, "second", "pre-delete")
    before = uid(lab, "second")
    lab.plane.restart()
    waiting(lab, "second", "pre-delete")
    assert (uid(lab, "second"), lab.find("Pod", "first")) == (before, None)
    lab.plane.restart()
    end(lab, "second")
    end(lab, "last")
    lab.gone()


def test_one_hook_for_installing_and_for_deleting(lab, tmp_path):
    files = packing.chart() | {"templates/both.yaml": hook("both", "post-install,post-delete")}
    lab.apply(app(chart(written(tmp_path / "demo", files))))
    end(lab, "both")
    lab.running()
    first = uid(lab, "both")
    lab.delete("Application", "shop")
    waiting(lab, "both", "post-delete")
    assert uid(lab, "both") != first
    end(lab, "both")
    lab.gone()
    assert lab.find("Pod", "both") is None


def test_without_hooks_where_that_is_said(lab, source):
    lab.deliver(app(chart(source, options={"skipHooks": True})))
    assert lab.owned("Secret") == set()
    lab.delete("Application", "shop")
    lab.gone()


def test_an_application_that_leaves_its_objects_behind_runs_nothing(lab, source):
    policy = {
        "name": "keep",
        "type": "garbage-collect",
        "properties": {"rules": [{"selector": {"componentNames": ["web"]}, "strategy": "never"}]},
    }
    lab.deliver(app(chart(source), policies=[policy]))
    lab.delete("Application", "shop")
    lab.gone()
    assert lab.find("ConfigMap", "web-config")
    assert lab.find("Pod", "first") is None
