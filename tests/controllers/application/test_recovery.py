"""A controller that dies at any moment, and the one that goes on after it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.controllers.apps import app, configmap, objects, settings, webservice

DECLARED = app(settings("a", {"x": "1"}), settings("b"))


@pytest.mark.parametrize("fatal", range(1, 9))
def test_it_dies_after_any_of_its_writes(lab, fatal):
    """The request is answered, and nothing happens any more: the answer is lost."""
    lab.settle()
    lab.plane.die_after(fatal)
    lab.apply(DECLARED)
    lab.plane.await_death()
    lab.plane.start()
    found = lab.running()
    lab.settle()
    assert lab.owned("ConfigMap") == {"a", "b"}
    assert lab.revisions() == ["shop-v1"]
    assert len(lab.trackers()) == 1
    assert len(found["status"]["appliedResources"]) == 2


@pytest.mark.parametrize("fatal", range(1, 10))
def test_it_dies_in_the_middle_of_an_update(lab, fatal):
    lab.deliver(DECLARED)
    kept = lab.get("ConfigMap", "b")["metadata"]["uid"]
    lab.settle()
    lab.plane.die_after(fatal)
    lab.apply(app(settings("b", {"y": "2"}), settings("c")))
    lab.plane.await_death()
    lab.plane.start()
    lab.running()
    lab.eventually("cleaned up", lambda: lab.owned("ConfigMap") == {"b", "c"})
    lab.eventually("one inventory", lambda: len(lab.trackers()) == 1)
    assert lab.get("ConfigMap", "b")["metadata"]["uid"] == kept
    assert lab.get("ConfigMap", "b")["data"] == {"y": "2"}
    assert lab.revisions() == ["shop-v1", "shop-v2"]


def test_a_process_that_is_killed(lab, tmp_path):
    """The real program, `kill -9` in the middle of a delivery, and again another."""
    lab.plane.stop()
    many = [objects(f"part{i}", *[configmap(f"c{i}-{k}") for k in range(20)]) for i in range(5)]
    declared = app(*many, webservice("web"))
    with program(lab, tmp_path) as first:
        lab.apply(declared)
        lab.eventually("begun", lambda: lab.owned("ConfigMap"), within=30)
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    assert len(lab.owned("ConfigMap")) < 100, "it was killed too late to prove anything"
    with program(lab, tmp_path) as second:
        lab.running(within=30)
        second.terminate()
        assert second.wait(10) == 0, "it ends in an orderly way"
    assert len(lab.owned("ConfigMap")) == 100
    assert lab.owned("Deployment") == {"web"}
    assert lab.revisions() == ["shop-v1"]
    assert len(lab.trackers()) == 1


def program(lab, folder):
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "lateen.app",
                "controllers",
                f"--kubeconfig={lab.plane.kube.kubeconfig}",
            ],
            stdout=log,
            stderr=log,
        )
