"""Whatever a template does, it costs the evaluator at most its process, and others only time."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import anyio
import pytest

from lateen.base.problem import Problem
from lateen.cue.engine import Engine, Fill, Template

pytestmark = pytest.mark.anyio

FINE = "parameter: n: int\nx: parameter.n + 1\n"

# n * n * n turns of a loop that keeps nothing
LOOPS = """
import "list"
parameter: n: int
let all = list.Range(0, parameter.n, 1)
x: [for a in all for b in all for c in all if a+b+c < 0 {a}]
"""

# the alternatives multiply: 3 ** 14
MULTIPLIES = "x: " + " & ".join(f"({{a{i}: 1}} | {{a{i}: 2}} | {{b{i}: 3}})" for i in range(14))

# n structs of 100 fields each
GROWS = """
import "list"
parameter: n: int
x: [for a in list.Range(0, parameter.n, 1) {for i in list.Range(0, 100, 1) {"k\\(i)": a}}]
"""


def number(n: int) -> list[Fill]:
    return [Fill("parameter", {"n": n}, "values")]


async def code_of(template: Template, n: int, deadline: float) -> str:
    """The code of the problem that ends an evaluation, "" when it succeeds."""
    try:
        await template.evaluate(number(n), ["x"], deadline=deadline)
    except Problem as problem:
        return problem.code
    return ""


async def many(template: Template, count: int) -> None:
    for n in range(count):
        found = await template.evaluate(number(n), ["x"])
        assert found.values == {"x": n + 1}


@pytest.mark.parametrize("text", [LOOPS, MULTIPLIES], ids=["loops", "alternatives"])
async def test_what_does_not_end_is_ended_at_its_deadline(text: str) -> None:
    async with Engine() as engine:
        with anyio.fail_after(90), pytest.raises(Problem) as raised:
            await engine.evaluate(
                text, number(10_000) if text is LOOPS else [], ["x"], source="t.cue", deadline=0.5
            )
        assert raised.value.code == "cue.deadline"
        assert raised.value.message == "evaluating t.cue took longer than 0.5 s"
        await many(await engine.compile(FINE, source="fine.cue"), 3)
        assert engine.usage()["restarts"] == 1


async def test_what_takes_too_much_memory_is_ended() -> None:
    async with Engine(memory_mib=128) as engine:
        template = await engine.compile(GROWS, source="t.cue")
        with anyio.fail_after(90), pytest.raises(Problem) as raised:
            await template.evaluate(number(10_000_000), ["x"], deadline=60)
        assert raised.value.code == "cue.memory"
        assert raised.value.message == "evaluating t.cue takes more memory than 128 MiB"
        assert not raised.value.retry
        await many(await engine.compile(FINE, source="fine.cue"), 3)


async def test_others_notice_only_the_delay() -> None:
    """Beside a loop and a memory hog every other evaluation succeeds, and each culprit is named."""
    async with Engine(memory_mib=128) as engine:
        fine = await engine.compile(FINE, source="fine.cue")
        loops = await engine.compile(LOOPS, source="loops.cue")
        grows = await engine.compile(GROWS, source="grows.cue")
        async with asyncio.TaskGroup() as tasks:
            late = tasks.create_task(code_of(loops, 10_000, 1))
            fat = tasks.create_task(code_of(grows, 10_000_000, 60))
            for _ in range(6):
                tasks.create_task(many(fine, 50))
        assert (late.result(), fat.result()) == ("cue.deadline", "cue.memory")


async def test_a_killed_evaluator_is_replaced() -> None:
    """What was under way is asked again; handles are compiled anew."""
    async with Engine() as engine:
        fine = await engine.compile(FINE, source="fine.cue")
        slow = await engine.compile(LOOPS, source="slow.cue")
        first = engine.usage()["pid"]

        async def kill() -> None:
            await anyio.sleep(0.1)
            os.kill(int(first), signal.SIGKILL)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(kill())
            under_way = [tasks.create_task(code_of(slow, 60, 60)) for _ in range(3)]
            tasks.create_task(many(fine, 400))
        assert [task.result() for task in under_way] == ["", "", ""]
        assert engine.usage()["pid"] != first
        assert engine.usage()["restarts"] == 1


async def test_what_crashes_the_evaluator_twice_fails() -> None:
    async with Engine() as engine:
        slow = await engine.compile(LOOPS, source="slow.cue")

        async def kill_again_and_again() -> None:
            for _ in range(2):
                before = engine.usage()["pid"]
                await anyio.sleep(0.3)
                os.kill(int(before), signal.SIGKILL)
                while engine.usage()["pid"] in (0, before):
                    await anyio.sleep(0.01)
                    if ended.is_set():
                        return

        ended = anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(kill_again_and_again)
            with pytest.raises(Problem) as raised:
                await slow.evaluate(number(10_000), ["x"], deadline=60)
            ended.set()
        assert raised.value.code == "cue.engine"
        assert raised.value.message == "the evaluator crashed on slow.cue: ended with SIGKILL"
        assert raised.value.retry


async def test_a_cancelled_loop_is_ended_all_the_same() -> None:
    async with Engine() as engine:
        slow = await engine.compile(LOOPS, source="slow.cue")
        assert engine.usage()["pid"]
        with anyio.move_on_after(0.1):
            await slow.evaluate(number(10_000), ["x"], deadline=0.4)
        with anyio.fail_after(90):
            while engine.usage()["pid"]:
                await anyio.sleep(0.02)


async def test_templates_beyond_the_cache_are_sent_again() -> None:
    async with Engine(templates=2) as engine:
        made = [await engine.compile(f"x: {n}", source="t.cue") for n in range(6)]
        for _ in range(2):
            results = [await template.evaluate([], ["x"]) for template in made]
            assert [found.values["x"] for found in results] == list(range(6))


async def test_a_released_template_can_be_used_again(engine: Engine) -> None:
    template = await engine.compile("x: 1", source="t.cue")
    await template.release()
    assert (await template.evaluate([], ["x"])).values == {"x": 1}


async def test_one_template_serves_many_at_once(engine: Engine) -> None:
    template = await engine.compile(FINE, source="fine.cue")
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(template.evaluate(number(n), ["x"])) for n in range(200)]
    assert [task.result().values["x"] for task in asked] == list(range(1, 201))


async def test_memory_stays_flat() -> None:
    """A context keeps a little of each evaluation; instances are retired before it counts."""
    async with Engine() as engine:
        template = await engine.compile(FINE, source="fine.cue")
        await many(template, 1000)
        before = engine.usage()["rss_bytes"]
        async with asyncio.TaskGroup() as tasks:
            for _ in range(8):
                tasks.create_task(many(template, 1000))
        assert engine.usage()["rss_bytes"] - before < 20 << 20


async def test_an_engine_that_is_not_there_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATEEN_NATIVE_DIR", "/nowhere")
    with pytest.raises(Problem) as raised:
        await Engine().__aenter__()
    assert raised.value.code == "native.missing"


ORPHANED = """
import anyio, sys
from lateen.cue.engine import Engine, Fill

async def main():
    async with Engine() as engine:
        print(engine.usage()["pid"], flush=True)
        await engine.evaluate(sys.argv[1], [Fill("parameter", {"n": 10000}, "values")], ["x"],
                              source="t.cue", deadline=60)

anyio.run(main)
"""


async def test_the_evaluator_leaves_with_its_parent() -> None:
    """Even in the middle of a loop: what reads its input notices the end."""
    parent = await anyio.open_process([sys.executable, "-c", ORPHANED, LOOPS], stderr=None)
    async with parent:
        assert parent.stdout is not None
        evaluator = int(await parent.stdout.receive())
        await anyio.sleep(0.3)
        parent.kill()
    with anyio.fail_after(90):
        while running(evaluator):
            await anyio.sleep(0.02)


def running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # a zombie waits only for whoever adopted it
