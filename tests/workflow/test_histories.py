"""Runs that were stored by earlier engines go on and come to the same end.

tests/golden/workflow/histories/<number>/<story>.yaml are recordings; those of older numbers stay as
they are. When today's engine stores something else than the newest recording of a story says,
`pytest --snapshot-update` writes one with the next number: that it differs should be meant.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from lateen.base import documents
from lateen.cue.engine import Engine
from tests.workflow import histories

pytestmark = pytest.mark.anyio

FOLDER = Path(__file__).parents[1] / "golden" / "workflow" / "histories"
TELL = """\
import (
	"vela/builtin"
	"vela/http"
)
ask: http.#HTTPGet & {$params: url: "http://ask.example"}
tell: http.#HTTPPost & {$params: url: "http://tell.example"}
wait: builtin.#ConditionalWait & {$params: continue: ask.$returns.body != "1"}
"""
DONE: dict[str, Any] = {"phase": "succeeded"}
WAITING = {"phase": "running", "reason": "Wait", "message": "not yet"}
FAILED = {"phase": "failed", "reason": "Action", "message": "no"}
BROKEN = {"error": "cannot"}


def story(
    *steps: dict[str, Any], mode: str = "", components: Any = (), **more: Any
) -> dict[str, Any]:
    workflow = {"steps": list(steps), **({"mode": {"steps": mode}} if mode else {})}
    application = {"components": list(components), "workflow": workflow}
    if policies := more.pop("policies", None):
        application["policies"] = policies
    return {"application": application, **more}


def step(name: str, kind: str = "script", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **more}


def gives(name: str, source: str = "got") -> list[dict[str, str]]:
    return [{"name": name, "valueFrom": source}]


def takes(source: str, key: str = "given") -> list[dict[str, str]]:
    return [{"from": source, "parameterKey": key}]


STORIES: dict[str, dict[str, Any]] = {
    "values": story(
        step("a", outputs=gives("x")),
        step("b", inputs=takes("x"), outputs=gives("y", "parameter.given")),
        step("c", **{"if": "status.b.skipped"}),
        step("d", **{"if": 'inputs.y == "v"'}, inputs=[{"from": "y"}]),
        script={"a": [WAITING, DONE | {"gives": {"got": "v"}}], "b": [WAITING, DONE]},
    ),
    "secrets": story(
        step("a", outputs=gives("word")),
        step("b", inputs=takes("word")),
        script={"a": [DONE | {"gives": {"got": "sesame", "secret": True}}], "b": [WAITING, DONE]},
    ),
    "graph": story(
        step("last", dependsOn=["left", "right"]),
        step("left", outputs=gives("x")),
        step("right", inputs=takes("x")),
        step("alone"),
        mode="DAG",
        script={
            "left": [WAITING, DONE | {"gives": {"got": 1}}],
            "right": [WAITING, WAITING, DONE],
            "alone": [WAITING, WAITING, WAITING, DONE],
        },
    ),
    "group": story(
        step(
            "g",
            "step-group",
            mode="StepByStep",
            subSteps=[step("a"), step("b"), step("c", **{"if": "always"})],
        ),
        step("after"),
        script={"a": [WAITING, DONE], "b": [WAITING, FAILED], "c": [WAITING, DONE]},
    ),
    "approval": story(step("a"), step("ask", "suspend"), step("b"), script={"b": [WAITING, DONE]})
    | {"acts": {"3": "resume"}},
    "pause": story(step("wait", "suspend", properties={"duration": "90s"}), step("after")),
    "held": story(step("a"), step("b"), script={"a": [WAITING, WAITING, DONE]})
    | {"acts": {"2": "suspend", "4": "resume"}},
    "ended": story(step("a"), step("b"), step("c", **{"if": "always"}), script={"a": [WAITING]})
    | {"acts": {"3": "terminate"}},
    "mended": story(step("a"), step("b"), script={"a": [BROKEN, BROKEN, DONE]}),
    "given-up": story(
        step("a"),
        step("b"),
        step("c", **{"if": "status.a.failedAfterRetries"}),
        script={"a": [BROKEN], "c": [WAITING, DONE]},
    ),
    "late": story(
        step("a", timeout="5s"),
        step("b", **{"if": "status.a.timeout"}),
        step("c"),
        script={"a": [WAITING], "b": [WAITING, DONE]},
    ),
    "sent": story(
        step("before"),
        step("tell"),
        step("after"),
        script={"after": [WAITING, DONE]},
        definitions={"tell": TELL},
    ),
    "delivery": story(
        step("all", "deploy", properties={"policies": ["here"], "auto": False}),
        step("one", "apply-component", properties={"component": "web"}),
        components=[{"name": "db"}, {"name": "web", "dependsOn": ["db"]}],
        policies=[{"name": "here", "type": "topology", "properties": {"clusters": ["local"]}}],
    )
    | {"acts": {"2": "resume"}, "sick": ["db"], "heals": {"4": ["db"]}},
}


@pytest.fixture(scope="module")
async def engine(anyio_backend: str) -> AsyncIterator[Engine]:
    async with Engine() as engine:
        yield engine


def recordings(name: str = "*") -> list[Path]:
    """The files of a story, or of all, the oldest first."""
    found = FOLDER.glob(f"*/{name}.yaml")
    return sorted(found, key=lambda path: (int(path.parent.name), path.stem))


@pytest.mark.parametrize("name", STORIES)
async def test_the_newest_recording_is_what_is_stored_today(
    engine: Engine, name: str, request: pytest.FixtureRequest
) -> None:
    text = documents.dump(await histories.record(STORIES[name], engine))
    known = recordings(name)
    if known and known[-1].read_text("utf-8") == text:
        return
    if not request.config.option.update_snapshots:
        pytest.fail(f"{name}: another history is stored than is recorded; see {__file__}")
    number = int(known[-1].parent.name) + 1 if known else 1
    file = FOLDER / str(number) / f"{name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


@pytest.mark.parametrize("path", recordings(), ids=lambda p: f"{p.parent.name}-{p.stem}")
async def test_a_recorded_run_goes_on_from_every_point(engine: Engine, path: Path) -> None:
    [document] = documents.load(path.read_text("utf-8"), str(path))
    history = dict(document.data)
    points = history["points"]
    for point in points:
        where = f"{path.stem}, pass {point['pass']}"
        end, sent, ran = await histories.go_on(history, point, engine)
        assert end == history["end"], where
        posts = [each for each in [*point["sent"], *sent] if each.startswith("POST")]
        assert posts == [each for each in history["sent"] if each.startswith("POST")], where
        over = {step["name"] for step in _steps(point) if step["phase"] in ("succeeded", "skipped")}
        assert over.isdisjoint(ran), where


def _steps(point: dict[str, Any]) -> list[dict[str, Any]]:
    found = point["status"].get("steps") or []
    return [each for step in found for each in (step, *(step.get("subSteps") or ()))]
