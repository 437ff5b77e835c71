"""The controllers as a process that is killed (`test_deaths` kills them at every write)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import anyio

from tests.controllers.apps import LAMP, app, configmap, lamp, objects, settings, webservice
from tests.controllers.laboratory import writes


def test_a_process_that_is_killed(lab, tmp_path):
    """The real program, `kill -9` in the middle of a delivery, and again another."""
    lab.plane.stop()
    lab.apply(LAMP)
    # one after the other, and a gate in the middle: so that there is one to be killed in
    many = [
        {**objects(f"p{i}", *[configmap(f"c{i}-{k}") for k in range(10)]), **after(i)}
        for i in range(10)
    ]
    declared = app(*many, lamp("gate"), webservice("web"))
    with program(lab, tmp_path) as first:
        lab.apply(declared)
        lab.eventually("begun", lambda: lab.owned("ConfigMap"))
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    with program(lab, tmp_path) as second:
        lab.eventually("the gate is there", lambda: lab.find("ConfigMap", "gate"))
        assert lab.find("ConfigMap", "c5-0") is None
        lab.switch("gate", on=True)
        lab.running()
        second.terminate()
        assert second.wait(60) == 0, "it ends in an orderly way"
    assert len(lab.owned("ConfigMap") - {"gate"}) == 100
    assert lab.owned("Deployment") == {"web"}
    assert lab.revisions() == ["shop-v1"]
    assert len(lab.trackers()) == 1


def test_who_is_stopped_in_the_middle_of_a_pass_writes_nothing(lab):
    """What half a pass found out is no status."""
    lab.deliver(app(settings("a", {"x": "1"})))
    lab.settle()
    lab.plane.stop()
    before = lab.get("Application", "shop")
    under_way = threading.Event()

    async def first():
        under_way.set()
        await anyio.sleep_forever()

    sent = lab.sent()
    # a pass that begins waits for it before it knows how anything is
    lab.interrupt("list", "configmaps", first)
    lab.plane.start()
    assert under_way.wait(60)
    lab.plane.stop()
    written = writes(lab.sent() - sent)
    lab.plane.start()
    assert written == {}
    assert lab.get("Application", "shop") == before


def after(part):
    return {"dependsOn": [f"p{part - 1}", *(["gate"] if part == 5 else [])]} if part else {}


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
