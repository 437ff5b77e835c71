"""The controller is killed at each of its writes in turn: the next one goes on, and nothing that
was sent out into the world is sent twice.

The points are not chosen but enumerated: it dies after one write more each time, until there is
nothing left to do before it would die. Twice: the write is done and its answer never heard; and all
that the answer led to is done as well, up to the next write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

import pytest

from lateen.gc import recycling
from lateen.workflow import operations
from tests.controllers.apps import app, apply_step, settings
from tests.controllers.laboratory import Laboratory
from tests.controllers.laboratory import step as record
from tests.controllers.neighbours import Server, act

UNKNOWN = "the controller was stopped while this was sent: it may have arrived or not"
OVER = ("running", "workflowFailed")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class World:
    """What applications send to, and how often they did."""

    def __init__(self, lab: Laboratory, server: Server, office: Any) -> None:
        self.lab = lab
        self.server = server
        self.letters, self.port = office

    def declared(self, name: str, version: int, *parts: str) -> dict[str, Any]:
        """Applies its parts, then tells a server, then people; the last part comes after that."""
        sender = {
            "address": "shop@example.org",
            "host": "127.0.0.1",
            "port": self.port,
            "password": {"value": "right"},
        }
        subject = {"subject": f"{name} {version}", "body": "done"}
        mail = {"from": sender, "to": ["ops@example.org"], "content": subject}
        tell = {"url": f"{self.server.url}/{name}/{version}", "method": "POST"}
        first, last = parts
        return app(
            *(settings(each, {"v": str(version)}) for each in parts),
            name=name,
            steps=[
                apply_step(first),
                act("tell", "request", tell),
                act("mail", "notification", {"email": mail}),
                apply_step(last),
            ],
        )

    def told(self, name: str, version: int) -> int:
        return sum(path == f"/{name}/{version}" for _, path, _ in self.server.asked)

    def mailed(self, name: str, version: int) -> int:
        subject = f"Subject: {name} {version}\r\n".encode()
        return sum(subject in bytes(each.content) for each in self.letters.taken)

    def over(self, name: str) -> bool:
        """Whether the workflow of the text as it is now has come to an end."""
        generation = self.lab.get("Application", name)["metadata"]["generation"]
        status = self.lab.status(name)
        return status.get("status") in OVER and status.get("observedGeneration") == generation

    def ended(self, name: str, version: int) -> None:
        """Over, and nothing was sent twice; where nobody can know whether it was, people decide."""
        lab = self.lab
        lab.eventually("over", lambda: self.over(name))
        found = lab.app(name)
        sent = (self.told(name, version), self.mailed(name, version))
        if found["status"]["status"] == "running":
            assert sent == (1, 1)
            return
        assert max(sent) <= 1
        doubtful = [record(found, each).get("message", "") for each in ("tell", "mail")]
        assert any(UNKNOWN in message for message in doubtful), repr(found["status"])
        lab.steer(operations.restart, app=name)
        lab.running(name)

    def stands(self, name: str, version: int, *parts: str) -> None:
        """There is what the application declares, and nothing else."""
        lab = self.lab
        lab.eventually("as declared", lambda: lab.owned("ConfigMap", name) >= set(parts))
        lab.eventually("cleaned up", lambda: lab.owned("ConfigMap", name) == set(parts))
        lab.eventually("one inventory", lambda: len(lab.trackers(name)) == 1)
        for each in parts:
            assert lab.get("ConfigMap", each)["data"] == {"v": str(version)}
        numbers = [found.rpartition("-v")[2] for found in lab.revisions(name)]
        assert numbers == [str(number) for number in range(1, version + 1)]


@pytest.fixture
def world(lab, server, office) -> World:
    return World(lab, server, office)


Act = Callable[[str], object]


def deaths(
    lab: Laboratory, unheard: bool, prepare: Act, act: Act, over: Callable[[str], bool]
) -> Iterator[str]:
    """The name of an application for each point, after `act` was on it and the controller died of
    it, and another one was started. Ends when it survives.
    """
    for number in count(1 if unheard else 0):
        name = f"app{number}"
        prepare(name)
        lab.settle()
        lab.die_after(number, unheard=unheard)
        act(name)
        lab.eventually("dead or over", partial(_ended, lab, over, name))
        if not lab.plane.dead:
            lab.settle()  # there may be more to write
        if not lab.plane.dead:
            lab.plane.restart()
            return
        lab.plane.start()
        yield name
        if lab.find("Application", name):
            lab.delete("Application", name)  # or each next controller has more to look at
            lab.gone(name)


def _ended(lab: Laboratory, over: Callable[[str], bool], name: str) -> bool:
    return lab.plane.dead or over(name)


unheard = pytest.mark.parametrize("unheard", [True, False], ids=["answer lost", "answer heard"])


def parts(name: str, *letters: str) -> list[str]:
    return [f"{name}-{letter}" for letter in letters]


@unheard
def test_in_a_delivery(world, unheard):
    def deliver(name):
        world.lab.apply(world.declared(name, 1, *parts(name, "a", "b")))

    points = 0
    for name in deaths(world.lab, unheard, lambda _: None, deliver, world.over):
        points += 1
        world.ended(name, 1)
        world.stands(name, 1, *parts(name, "a", "b"))
    assert points >= 15, "it has more to write than that"


@unheard
def test_in_an_update(world, unheard):
    lab = world.lab
    kept = {}

    def prepare(name):
        lab.deliver(world.declared(name, 1, *parts(name, "a", "b")))
        kept[name] = lab.get("ConfigMap", f"{name}-b")["metadata"]["uid"]

    def update(name):
        lab.apply(world.declared(name, 2, *parts(name, "b", "c")))

    points = 0
    for name in deaths(lab, unheard, prepare, update, world.over):
        points += 1
        world.ended(name, 2)
        world.stands(name, 2, *parts(name, "b", "c"))
        assert (world.told(name, 1), world.mailed(name, 1)) == (1, 1), "what was sent before"
        assert lab.get("ConfigMap", f"{name}-b")["metadata"]["uid"] == kept[name]
    assert points >= 15, "it has more to write than that"


@unheard
def test_in_a_deletion(world, unheard):
    lab = world.lab

    def prepare(name):
        lab.deliver(world.declared(name, 1, *parts(name, "a", "b")))

    def gone(name):
        return lab.find("Application", name) is None

    points = 0
    for name in deaths(lab, unheard, prepare, lambda name: lab.delete("Application", name), gone):
        points += 1
        lab.gone(name)
        assert lab.owned("ConfigMap", name) == set()
        assert lab.trackers(name) == []
        assert lab.revisions(name) == []
        assert (world.told(name, 1), world.mailed(name, 1)) == (1, 1)
        assert kept_once(lab, name) == parts(name, "a", "b")
    assert points >= 8, "it has more to write than that"


def kept_once(lab: Laboratory, name: str) -> list[str]:
    """The ConfigMaps of an application that are in the recycle bin."""
    owner = (lab.namespace, name)
    found = lab.plane.call(recycling.content, lab.plane.user, owner)
    return sorted(each.key.name for each in found if each.key.kind == "ConfigMap")
