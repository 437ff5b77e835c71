"""Edits, deletions, policies, people and deaths in any order: at rest there is what was declared.

`LATEEN_TURMOIL=1000` runs that many sequences instead of a hundred, `LATEEN_TURMOIL_SEED=7` others.
A failure prints the events; put them into an `@example`, or take the blob that is printed as well.
"""

from __future__ import annotations

import contextlib
import os
import time
from itertools import count, zip_longest

import hypothesis
import pytest
from hypothesis import strategies as st

from lateen.base.problem import Problem
from lateen.workflow import operations
from tests.controllers import turmoil
from tests.controllers.laboratory import writes

SEQUENCES = int(os.environ.get("LATEEN_TURMOIL", "100"))
SEED = int(os.environ.get("LATEEN_TURMOIL_SEED", "0"))
SHARDS = 5
WORLDS = 4  # side by side under one controller, each with a sequence of its own
PATIENCE = 120.0
CALM = (0.25, 0.5, 1.0, 2.0)  # seconds without a request, longer where the machine is busy

_numbers = count()


def happen(lab, world, event):
    match event:
        case turmoil.Kill(after):
            lab.plane.start()
            lab.die_after(after)
        case turmoil.Restart():
            lab.plane.restart()
        case turmoil.Wait(seconds) if seconds is not None:
            time.sleep(seconds)
        case turmoil.Wait():
            rest(lab, [world])
        case turmoil.Again(who) if who in world.lives:
            again(lab, world.name(who))
        case _:
            world.happen(event)


def again(lab, name):
    if not lab.status(name).get("workflow"):
        return  # a run that has not begun cannot be started over
    with contextlib.suppress(Problem):
        lab.steer(operations.restart, app=name)


def rest(lab, worlds):
    """Wait until everything is as it is to be."""
    lab.plane.revive()
    deadline = time.monotonic() + PATIENCE
    while True:
        sight = turmoil.look(lab)
        if sum(world.give_way(sight) for world in worlds):
            lab.plane.restart()  # it would try again, but later and later
        said = [f"{world.prefix}: {text}" for world in worlds for text in world.complaints(sight)]
        if not said:
            break
        assert time.monotonic() < deadline, "\n".join(["not at rest:", *said])
        time.sleep(0.05)
    for world in worlds:
        world.rest(sight)


def quiet(lab, worlds):
    """A controller that starts looks at everything again, and finds nothing to do."""
    lab.settle(within=PATIENCE)
    for calm in CALM:
        before = lab.sent()
        lab.plane.restart()
        written = writes(lab.settle(calm, PATIENCE) - before)
        if not written:
            break  # else the last one may have been stopped before it was done
    assert not written, f"at rest, it writes {written}"
    sight = turmoil.look(lab)
    assert [text for world in worlds for text in world.complaints(sight)] == []


def play(lab, scripts):
    worlds = [turmoil.World(lab, f"w{next(_numbers)}") for _ in scripts]
    lab.plane.revive()
    for events in zip_longest(*scripts):
        for world, event in zip(worlds, events, strict=True):
            happen(lab, world, event)
    rest(lab, worlds)
    quiet(lab, worlds)
    for world in worlds:
        for who in list(world.lives):
            world.remove(who)
        assert world.complaints(turmoil.look(lab)) == []


@pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # the controller does
@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_turmoil(lab, shard):
    @hypothesis.seed(SEED * SHARDS + shard)
    @hypothesis.settings(
        max_examples=max(1, SEQUENCES // WORLDS // SHARDS),
        phases=[hypothesis.Phase.generate],  # a smaller one would not fail at the same moment
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(st.lists(turmoil.scripts, min_size=WORLDS, max_size=WORLDS))
    def turmoils(scripts):
        hypothesis.note(f"LATEEN_TURMOIL_SEED={SEED}, shard {shard}")
        play(lab, scripts)

    turmoils()
