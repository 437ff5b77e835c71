"""Who answers for an action, where its results go, and that a side effect happens once."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from lateen.base.problem import Problem
from lateen.cue.engine import Action, Engine
from lateen.providers import calling
from lateen.providers.packages import Flavour
from lateen.providers.ports import Outcome, Runtime
from lateen.providers.sending import Sender
from lateen.workflow.remembering import Memory
from tests.providers.worlds import Notes, run, served

pytestmark = pytest.mark.anyio


def action(provider: str, do: str, value: Any = None) -> Action:
    return Action("steps.a", provider, do, value or {}, ())


@pytest.mark.parametrize(
    ("provider", "do", "message", "hint"),
    [
        pytest.param("zzz", "x", "provider zzz not found", "", id="no such provider"),
        pytest.param("htpt", "do", "provider htpt not found", 'did you mean "http"?', id="typo"),
        pytest.param(
            "builtin", "yyy", "function yyy not found in provider builtin", "", id="no function"
        ),
        pytest.param(
            "kube",
            "aply",
            "function aply not found in provider kube",
            'did you mean "apply"?',
            id="a function spelt wrong",
        ),
    ],
)
async def test_what_nobody_answers_for(provider: str, do: str, message: str, hint: str) -> None:
    with pytest.raises(Problem) as raised:
        await calling.call(action(provider, do), Runtime(Flavour.STEP))
    found = raised.value
    assert (found.code, found.message, found.path) == ("provider.unknown", message, "steps.a")
    assert found.hint == hint


async def test_the_flavours_know_different_actions() -> None:
    """A template has no workflow to wait for."""
    wait = action("builtin", "wait", {"$params": {"continue": True}})
    assert await calling.call(wait, Runtime(Flavour.STEP)) == Outcome()
    with pytest.raises(Problem, match="provider builtin not found"):
        await calling.call(wait, Runtime(Flavour.TEMPLATE))


async def test_inputs_that_are_not_there_yet_are_waited_for() -> None:
    lacks = Problem("cue.incomplete", "$params.url is not concrete", "a.$params.url")
    waiting = Action("a", "http", "do", {"$params": {}}, (lacks,))
    with pytest.raises(Problem) as raised:
        await calling.call(waiting, Runtime(Flavour.STEP))
    assert (raised.value.code, raised.value.path) == ("provider.pending", "a.$params.url")


@pytest.mark.parametrize(
    ("params", "path", "message"),
    [
        pytest.param({"date": 5}, "date", "date must be text", id="wrong type"),
        pytest.param({}, "date", "date must be text", id="missing"),
        pytest.param({"date": "now"}, "date", "not laid out", id="a text that means nothing"),
    ],
)
async def test_inputs_are_checked_even_without_a_schema(
    params: dict[str, Any], path: str, message: str
) -> None:
    """A definition may write `#do` itself, and no schema looks at its inputs then."""
    with pytest.raises(Problem, match=message) as raised:
        await calling.call(action("time", "timestamp", {"$params": params}), Runtime(Flavour.STEP))
    assert raised.value.code == "provider.input"
    assert raised.value.path == f"steps.a.$params.{path}"


async def test_results_stand_where_the_form_has_them() -> None:
    date = "2026-01-01T00:00:00Z"
    new = action("time", "timestamp", {"$params": {"date": date}})
    old = action("op", "timestamp", {"date": date})
    runtime = Runtime(Flavour.STEP)
    assert (await calling.call(new, runtime)).fill == {"$returns": {"timestamp": 1767225600}}
    assert (await calling.call(old, runtime)).fill == {"timestamp": 1767225600}


async def test_what_was_read_from_a_secret_is_said_to_be() -> None:
    memory = Memory({"token": {"of": "x"}}, secret=["token"])
    runtime = Runtime(Flavour.STEP, variables=memory)
    new = action("builtin", "var", {"$params": {"path": "token.of"}})
    assert (await calling.call(new, runtime)).secret == ("$returns.value",)
    old = action("op", "var", {"path": "token.of"})
    assert (await calling.call(old, runtime)).secret == ("value",)


POST = """
import "vela/http"
post: http.#HTTPPost & {$params: {url: "%s/hook", request: body: "b"}}
get: http.#HTTPGet & {$params: url: "%s/state"}
out: post.$returns.body
"""


class Counted:
    def __init__(self) -> None:
        self.seen: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.seen.append(f"{request.method} {request.path}")
        return web.Response(text=f"answer {len(self.seen)}")


async def test_a_request_that_changes_something_is_sent_once(engine: Engine, http: Sender) -> None:
    """A second pass of the same attempt takes the answer from the journal; a GET asks again."""
    server, notes = Counted(), Notes()
    runtime = Runtime(Flavour.STEP, http=http, journal=notes)
    async with served(server.answer) as url:
        text = POST % (url, url)
        first = await run(engine, text, runtime, "out", key="step-1")
        again = await run(engine, text, runtime, "out", key="step-1")
        assert server.seen == ["POST /hook", "GET /state", "GET /state"]
        assert first.outcomes["post"] == again.outcomes["post"]
        other = await run(engine, text, runtime, "out", key="step-2")
    assert server.seen[3:] == ["POST /hook", "GET /state"]
    assert other.outcomes["post"] != first.outcomes["post"]
    assert list(notes.kept) == ["step-1/post", "step-2/post"]


async def test_a_request_that_was_interrupted_is_not_sent_again(
    engine: Engine, http: Sender
) -> None:
    server, notes = Counted(), Notes({"step-1/post": None})
    runtime = Runtime(Flavour.STEP, http=http, journal=notes)
    async with served(server.answer) as url:
        with pytest.raises(Problem) as raised:
            await run(engine, POST % (url, url), runtime, key="step-1")
    assert raised.value.code == "provider.interrupted"
    assert server.seen == []


async def test_without_a_key_nothing_is_journaled(engine: Engine, http: Sender) -> None:
    server, notes = Counted(), Notes()
    runtime = Runtime(Flavour.STEP, http=http, journal=notes)
    async with served(server.answer) as url:
        await run(engine, POST % (url, url), runtime)
    assert notes.kept == {}
