"""What was sent, as it is written down; what is secret, as it is shown. Without a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.api.application import Step
from lateen.base.problem import Problem
from lateen.cue.engine import Engine
from lateen.workflow import journaling, redacting, remembering
from lateen.workflow.ports import Task
from lateen.workflow.records import Record
from lateen.workflow.remembering import Memory
from tests.fakes.workflow import Rig, application

pytestmark = pytest.mark.anyio


def task(memory: Memory) -> Task:
    rig = Rig(application([]), cue=Engine())
    step = Step("tell", "script", {})
    return Task(step, {}, {}, Record("id1", "tell", "script"), rig.plan, memory, rig.tools)


def again(memory: Memory) -> Memory:
    """The memory as another process finds it."""
    return Memory.load(memory.dump(), memory.dump_secrets())


async def begun(memory: Memory, key: str = "") -> tuple[journaling.Journal, str]:
    """A journal of a step that is stored, with something under way."""
    journal = journaling.Journal(task(memory))
    key = key or journal.key("a", once=False)
    with pytest.raises(journaling.Unready):
        await journal.begin(key)
    assert await journal.begin(key) is None
    return journal, key


async def test_nothing_is_sent_before_the_step_is_stored():
    memory = Memory()
    await begun(memory)
    assert memory.value("id1.stored") == "true"


async def test_what_was_done_is_not_done_again():
    memory = Memory()
    journal, key = await begun(memory)
    await journal.end(key, {"results": {"statusCode": 200}})
    later = journaling.Journal(task(again(memory)))
    assert await later.begin(key) == {"results": {"statusCode": 200}}


async def test_what_was_begun_is_not_begun_again():
    memory = Memory()
    _, key = await begun(memory)
    later = journaling.Journal(task(again(memory)))
    with pytest.raises(Problem) as raised:
        await later.begin(key)
    assert raised.value.code == "provider.interrupted"


async def test_what_has_failed_is_done_again():
    memory = Memory()
    journal, key = await begun(memory)
    journal.abandon(key)
    assert await journaling.Journal(task(again(memory))).begin(key) is None


async def test_an_attempt_that_fails_makes_room_for_another():
    memory = Memory()
    journal, key = await begun(memory)
    await journal.end(key, {"results": {}})
    once = journal.key("a", once=True)
    journal.fail()
    later = journaling.Journal(task(again(memory)))
    assert later.key("a", once=False) != key
    assert later.key("a", once=True) == once
    assert await later.begin(later.key("a", once=False)) is None


async def test_a_step_that_sent_nothing_leaves_nothing():
    memory = Memory()
    journaling.Journal(task(memory)).fail()
    assert not memory.changed


async def test_an_answer_too_large_to_keep_is_kept_by_this_process_only():
    memory = Memory()
    journal, key = await begun(memory)
    await journal.end(key, {"results": "x" * 100_000})
    assert len(str(memory.dump_secrets())) < 1000
    assert await journaling.Journal(task(memory)).begin(key) == {"results": "x" * 100_000}
    with pytest.raises(Problem):
        await journaling.Journal(task(again(memory))).begin(key)


async def test_answers_are_kept_as_secrets():
    memory = Memory()
    journal, key = await begun(memory)
    await journal.end(key, {"results": {"body": "token"}})
    assert "token" not in str(memory.dump())
    assert "token" in str(memory.dump_secrets())


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("slack.send", id="plain"),
        pytest.param('apply."local-x"[0]', id="quotes and brackets"),
        pytest.param("x" * 300, id="very long"),
    ],
)
async def test_keys_fit_into_a_configmap(path: str):
    made = remembering.key("id1", "sent", path)
    assert len(made) <= 253
    assert all(each.isalnum() or each in "-._" for each in made)
    assert made != remembering.key("id1", "sent", f"{path}y")


@pytest.mark.parametrize(
    ("given", "said", "expected"),
    [
        pytest.param("sesame", "open sesame!", "open <secret>!", id="a text"),
        pytest.param("c2VzYW1l", "open sesame", "open <secret>", id="decoded"),
        pytest.param("c2VzYW1l", "it is c2VzYW1l", "it is <secret>", id="as it is written"),
        pytest.param({"a": [{"b": "sesame"}]}, "sesame", "<secret>", id="far below"),
        pytest.param("no", "nothing", "nothing", id="too short to tell anything"),
        pytest.param({"a": 12345678, "b": True}, "12345678 True", "<secret> True", id="a number"),
        pytest.param(["open", "open sesame"], "open sesame", "<secret>", id="the longest first"),
    ],
)
def test_secrets_are_hidden(given: Any, said: str, expected: str):
    secrets = redacting.Secrets()
    secrets.learn(given)
    assert secrets.hide(said) == expected


def test_only_what_is_secret_is():
    secrets = redacting.Secrets()
    secrets.learn({"$returns": {"value": {"kind": "Secret", "data": {"a": "sesame"}}}}, ())
    assert not secrets.any
    secrets.learn(
        {"$returns": {"value": {"kind": "Secret", "data": {"a": "sesame"}}}},
        ("$returns.value.data", "$returns.value.stringData"),
    )
    assert secrets.hide("Secret sesame") == "Secret <secret>"
