"""Runs of workflows as they are stored after each pass, and the same runs gone on with later.

A history holds all that a run needs: its text, what its steps do, and, pass by pass, what a
cluster would have stored. Another engine than the one that recorded it has to bring it to the
same end.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lateen.api.definition import Definition
from lateen.base.problem import Problem
from lateen.cue.engine import Engine
from lateen.providers import ports
from lateen.providers.packages import Flavour
from lateen.workflow import operations
from lateen.workflow.ports import Result, Task
from lateen.workflow.remembering import Memory
from lateen.workflow.steps import custom
from tests.fakes.workflow import Rig, application

LONGEST = 60  # passes
BEGUN = "begun"  # what is under way, and is not sent again: see test_journaling
Plain = dict[str, Any]


@dataclass
class Server:
    """Counts what is sent to it, and answers with the number."""

    asked: list[str] = field(default_factory=list)

    async def send(self, request: ports.Request) -> ports.Response:
        self.asked.append(f"{request.method} {request.url}")
        return ports.Response(200, str(len(self.asked)), {})


class Play:
    """A run under way: `story` says what it is, `point` where it stands, as it was stored."""

    def __init__(self, story: Plain, engine: Engine, point: Plain | None = None) -> None:
        self.story = story
        self.server = Server()
        self.rig = Rig(application(**copy.deepcopy(story["application"])), cue=engine)
        self.rig.script = _script(story, (point or {}).get("ran") or ())
        self.rig.tools = replace(
            self.rig.tools,
            runners={**self.rig.tools.runners, "script": self._run},
            store=self._store,
        )
        self.stored: Plain = {"public": {}, "secret": {}}
        self.torn: list[Plain] = []  # the memory as it was stored before the status was
        self._runners = {
            name: custom.Custom(
                Definition({"kind": "WorkflowStepDefinition"}, f"{name}.cue", text),
                engine,
                ports.Runtime(Flavour.STEP, http=self.server),
            )
            for name, text in (story.get("definitions") or {}).items()
        }
        self.rig.delivery.sick = set(story.get("sick") or ())
        if point is not None:
            self._stand_at(point)

    def _stand_at(self, point: Plain) -> None:
        """As a process that has just been started finds it."""
        self.stored = copy.deepcopy(point["memory"])
        self.rig.status = copy.deepcopy(point["status"])
        self.rig.memory = Memory.load(self.stored["public"], self.stored["secret"])
        self.rig.clock.pass_by(point["at"])
        self.rig.delivery.sick = set(point["sick"])
        self.rig.tools = replace(self.rig.tools, ids=_later_ids())

    async def _run(self, task: Task) -> Result:
        if task.step.name in self._runners:
            self.rig.ran.append(task.step.name)
            return await self._runners[task.step.name](task)
        result = await self.rig._run(task)
        if result.document.get("secret"):
            result = replace(result, secret=True)
        return result

    async def _store(self) -> None:
        memory = self.rig.memory
        self.stored = {"public": memory.dump(), "secret": memory.dump_secrets()}
        if BEGUN not in self.stored["secret"].values():
            self.torn.append(copy.deepcopy(self.stored))

    async def advance(self, passes: int) -> str:
        """One pass, after what somebody does before it."""
        act = (self.story.get("acts") or {}).get(str(passes))
        if act:
            self.rig.status = getattr(operations, act)(self.rig.status)
        for name in (self.story.get("heals") or {}).get(str(passes), ()):
            self.rig.delivery.sick.discard(name)
        progress = await self.rig.advance()
        if progress.memory_changed:
            await self._store()
            self.rig.memory.changed = False
        self._after = progress.next_after
        return progress.state

    def let_time_pass(self) -> float:
        """As long as the engine asks for; a while where it waits for somebody."""
        seconds = 1.0 if self._after is None else self._after
        self.rig.clock.pass_by(seconds)
        return seconds

    @property
    def end(self) -> Plain:
        """What has to be the same, whoever brought the run there."""
        return {
            "state": self.rig.status["status"],
            "steps": [_told(step) for step in self.rig.status["steps"]],
            "variables": dict(sorted(self.rig.memory.variables.items())),
            "secrets": sorted(n for n in self.rig.memory.variables if self.rig.memory.is_secret(n)),
        }


def _told(step: Mapping[str, Any]) -> Plain:
    told = {key: step[key] for key in ("name", "type", "phase", "reason", "message") if key in step}
    if step.get("subSteps"):
        told["subSteps"] = sorted(map(_told, step["subSteps"]), key=lambda each: each["name"])
    return told


def _later_ids() -> Any:
    numbers = iter(range(1000, 2000))
    return lambda: f"later{next(numbers)}"


def _script(story: Plain, ran: Sequence[str]) -> dict[str, list[Result | Exception]]:
    """What is left of what the steps do, after those that ran."""
    found: dict[str, list[Result | Exception]] = {}
    for name, acts in (story.get("script") or {}).items():
        left = acts[min(ran.count(name), len(acts) - 1) :]
        found[name] = [_result(act) for act in left]
    return found


def _result(act: Plain) -> Result | Exception:
    if "error" in act:
        return Problem("script.error", act["error"], retry=True)
    return Result(
        act["phase"], act.get("reason", ""), act.get("message", ""), document=act.get("gives") or {}
    )


async def record(story: Plain, engine: Engine) -> Plain:
    """The story with what was stored after each pass, and its end."""
    play = Play(story, engine)
    points: list[Plain] = []
    at = 0.0
    for passes in range(1, LONGEST):
        before = copy.deepcopy(play.rig.status)
        state = await play.advance(passes)
        seen = {
            "pass": passes,
            "at": at,
            "ran": list(play.rig.ran),
            "sent": list(play.server.asked),
            "sick": sorted(play.rig.delivery.sick),
        }
        # a controller may die after it has stored the memory, and before the status
        torn = [seen | {"memory": memory, "status": before} for memory in play.torn if before]
        after = {"memory": copy.deepcopy(play.stored), "status": copy.deepcopy(play.rig.status)}
        play.torn.clear()
        for point in (*torn, seen | after):
            if not points or any(point[of] != points[-1][of] for of in after):
                points.append(point)  # a pass without news stores nothing
        if state in ("succeeded", "failed", "terminated"):
            return {**story, "points": points, "end": play.end, "sent": play.server.asked}
        at += play.let_time_pass()
    raise AssertionError(f"no end after {LONGEST} passes: {play.rig.phases}")


async def go_on(history: Plain, point: Plain, engine: Engine) -> tuple[Plain, list[str], list[str]]:
    """Bring a run from a point to its end: the end, what was sent on the way, and what ran."""
    play = Play(history, engine, point)
    passes = point["pass"]
    while True:
        passes += 1
        assert passes < LONGEST * 3, f"no end: {play.rig.phases}"
        state = await play.advance(passes)
        if state in ("succeeded", "failed", "terminated"):
            return play.end, play.server.asked, play.rig.ran
        play.let_time_pass()
