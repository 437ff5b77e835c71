"""Edits, drift, restarts and deaths in any order: in the end there is what was declared last."""

from __future__ import annotations

import random
import time
from contextlib import contextmanager, suppress

import pytest

from lateen import hub
from lateen.base.problem import Problem
from lateen.workflow import operations
from tests.controllers.apps import app, settings

NAMES = ("a", "b", "c", "d")


def variant(chance):
    chosen = [name for name in NAMES if chance.random() < 0.6]
    data = {"n": str(chance.randrange(2))}
    return app(settings("always", data), *[settings(name, data) for name in chosen])


@contextmanager
def gone_is_fine():
    try:
        yield
    except hub.ApiError as error:
        if not error.not_found:
            raise


def disturb(lab, chance, declared):
    """One thing that users, the cluster or the machine may do; returns what is declared then."""
    match chance.randrange(8):
        case 0 | 1 | 2:
            declared = variant(chance)
            lab.apply(declared)
        case 3:
            lab.delete("ConfigMap", chance.choice(NAMES))
        case 4:
            with gone_is_fine():
                name = chance.choice(["always", *NAMES])
                lab.patch("ConfigMap", name, {"data": {"n": "by hand"}})
        case 5:
            lab.plane.restart()
        case 6:
            lab.plane.die_after(chance.randrange(1, 8))
        case _ if lab.status().get("workflow"):
            with suppress(Problem):  # a run that has not begun cannot be started over
                lab.steer(operations.restart)
    time.sleep(chance.choice((0, 0, 0.02, 0.1)))
    return declared


@pytest.mark.parametrize("seed", range(4))
def test_turmoil(lab, seed):
    chance = random.Random(seed)
    declared = variant(chance)
    lab.deliver(declared)
    kept = lab.get("ConfigMap", "always")["metadata"]["uid"]
    for _ in range(12):
        declared = disturb(lab, chance, declared)
    lab.plane.restart()
    lab.running()
    wanted = {each["name"] for each in declared["spec"]["components"]}
    data = declared["spec"]["components"][0]["properties"]["objects"][0]["data"]
    lab.eventually("as declared", lambda: lab.owned("ConfigMap") == wanted)
    lab.eventually(
        "as declared",
        lambda: all(found["data"] == data for found in ours(lab)),
    )
    lab.eventually("one inventory", lambda: len(lab.trackers()) == 1)
    lab.settle()
    assert lab.owned("ConfigMap") == wanted
    assert lab.get("ConfigMap", "always")["metadata"]["uid"] == kept
    [tracker] = lab.trackers()
    assert {each["name"] for each in tracker["spec"]["managedResources"]} == wanted
    assert {each["name"] for each in lab.status()["services"]} == wanted
    assert {each["name"] for each in lab.status()["appliedResources"]} == wanted
    numbers = [name.rpartition("-v")[2] for name in lab.revisions()]
    assert len(set(numbers)) == len(numbers)
    lab.delete("Application", "shop")
    lab.gone()
    assert lab.owned("ConfigMap") == set()
    assert lab.trackers() == []


def ours(lab):
    return lab.list("ConfigMap", **{"app.oam.dev/name": "shop"})
