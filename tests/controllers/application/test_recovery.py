"""The controllers as a process that is killed (`test_deaths` kills them at every write)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tests.controllers.apps import app, configmap, objects, webservice


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
