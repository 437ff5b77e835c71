"""What changes while a pass is under way is seen by the next: no pass takes it for settled."""

from __future__ import annotations

import anyio
import pytest

from tests.controllers.application.test_externals import LOUD
from tests.controllers.apps import LAMP, app, configmap, lamp, step

HALL = app(lamp("hall"), steps=[step("d", "deploy", properties={"policies": ["loud"]})])


@pytest.fixture
def hall(lab):
    """A lamp that is lit, and nothing left to do."""
    lab.apply(LAMP)
    lab.apply(LOUD.replace("name: a\n", "name: hall\n").replace("LEVEL", "low"))
    lab.apply(HALL)
    lab.eventually("applied", lambda: lab.find("ConfigMap", "hall"))
    lab.switch("hall", on=True)
    lab.running()
    lab.settle()
    return lab


def during_a_pass(lab, act):
    """Let `act` happen, and be seen, after a pass looked for drift and before it is over."""
    done = anyio.Event()

    async def interruption() -> None:
        await act()
        await anyio.sleep(0.15)  # for the watch to bring it
        done.set()

    lab.interrupt_rendering(interruption)
    lab.patch("Application", "shop", {"metadata": {"labels": {"touched": "1"}}})
    lab.eventually("interrupted", done.is_set)


def test_an_object_is_deleted(hall):
    during_a_pass(hall, lambda: hall.plane.user.delete(hall.key("ConfigMap", "hall")))
    hall.eventually("restored", lambda: hall.find("ConfigMap", "hall"))


def test_an_object_is_deleted_in_the_first_pass_of_a_controller(hall):
    """What that pass saw counts, not what was there before it looked: no watch had begun then."""
    done = anyio.Event()

    async def interruption() -> None:
        await hall.plane.user.delete(hall.key("ConfigMap", "hall"))
        await anyio.sleep(0.15)  # for the watch to bring it
        done.set()

    hall.plane.stop()  # first, or a pass of this one is interrupted and dies in the middle of it
    hall.interrupt_rendering(interruption)
    hall.plane.start()
    hall.eventually("interrupted", done.is_set)
    hall.eventually("restored", lambda: hall.find("ConfigMap", "hall"))


def test_an_object_is_edited(hall):
    edited = configmap("hall", colour="green")
    edited["metadata"]["namespace"] = hall.namespace
    during_a_pass(hall, lambda: hall.plane.user.apply(edited, force=True))
    hall.eventually("put back", lambda: hall.get("ConfigMap", "hall")["data"]["colour"] == "red")


def test_a_policy_is_edited(hall):
    louder = {"type": "labels", "properties": {"level": "high"}}
    body = {"properties": {"components": [{"name": "hall", "traits": [louder]}]}}
    during_a_pass(hall, lambda: hall.plane.user.patch(hall.key("Policy", "loud"), body))
    hall.eventually(
        "delivered",
        lambda: hall.get("ConfigMap", "hall")["metadata"]["labels"]["level"] == "high",
    )


def test_the_inventory_is_removed(hall):
    [tracker] = hall.trackers()
    key = hall.key("ResourceTracker", tracker["metadata"]["name"])

    async def remove() -> None:
        await hall.plane.user.patch(key, {"metadata": {"finalizers": None}})
        await hall.plane.user.delete(key)

    during_a_pass(hall, remove)
    hall.eventually("made again", hall.trackers)


def test_a_definition_comes_while_it_is_missed(lab):
    """As when one file has both: the pass that misses it is not over when it is there."""
    definition = lab.read(LAMP)
    done = anyio.Event()

    async def come() -> None:
        await lab.plane.user.apply(definition)
        await anyio.sleep(0.15)
        done.set()

    lab.interrupt("patch", "applications/status", come)
    lab.apply(app(lamp("hall")))
    lab.eventually("interrupted", done.is_set)
    lab.eventually("applied", lambda: lab.find("ConfigMap", "hall"))
