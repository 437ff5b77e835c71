"""Holding a delivery, letting it go on, running it again, ending it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tests.e2e import planes
from tests.e2e.planes import FILES, Plane

PAUSED = FILES / "paused.yaml"
TIMED = """\
  workflow:
    steps:
      - {name: talk, type: apply-component, properties: {component: talker}, timeout: 3s}
"""
Write = Callable[..., Path]


def maps(plane: Plane, namespace: str) -> set[str]:
    return {"before", "after"} & set(plane.names("ConfigMap", namespace))


def phase(plane: Plane, namespace: str, name: str = "paused") -> str:
    return str(plane.status(name, namespace).get("status"))


def steer(plane: Plane, verb: str, namespace: str, *more: str, expect: int = 0) -> str:
    said = plane.run("workflow", verb, "paused", "-n", namespace, *more, expect=expect)
    return said.out or said.err


def test_a_delivery_waits_for_a_word(plane: Plane, namespace: str) -> None:
    file = ("-f", PAUSED, "-n", namespace)
    plane.run("up", *file, "--no-wait")
    planes.until(lambda: phase(plane, namespace) == "workflowSuspending")
    said = plane.run("up", *file, "--timeout", "1s", expect=6)
    assert "paused: step wait suspending" in said.out
    assert "paused is not healthy after 1s (workflowSuspending)" in said.err
    assert f"it waits for `lateen workflow resume paused -n {namespace}`" in said.err
    assert maps(plane, namespace) == {"before"}

    shown = plane.run("status", "paused", "-n", namespace)
    assert re.search(r"wait +suspend +suspending", shown.out)
    assert f"It waits for `lateen workflow resume paused -n {namespace}`." in shown.err

    assert steer(plane, "resume", namespace) == "the workflow of paused goes on\n"
    said = plane.run("up", *file)
    assert "✓ paused is healthy (2 components)" in said.out
    assert maps(plane, namespace) == {"before", "after"}

    # again, from its beginning; what was delivered stays
    assert steer(plane, "restart", namespace) == "the workflow of paused runs again\n"
    planes.until(lambda: phase(plane, namespace) == "workflowSuspending")
    assert maps(plane, namespace) == {"before", "after"}

    assert steer(plane, "terminate", namespace) == "the workflow of paused is terminated\n"
    planes.until(lambda: phase(plane, namespace) == "workflowTerminated")
    assert "paused failed (workflowTerminated)" in plane.run("up", *file, expect=5).err
    plane.run("delete", "paused", "-n", namespace)
    assert maps(plane, namespace) == set()


def test_a_delivery_that_is_over_cannot_be_steered(plane: Plane, namespace: str) -> None:
    plane.run("up", "-f", PAUSED, "-n", namespace, "--no-wait")
    planes.until(lambda: phase(plane, namespace) == "workflowSuspending")
    assert "wait" in steer(plane, "resume", namespace, "--step", "wait")
    planes.until(lambda: phase(plane, namespace) == "running")
    for verb, message in (
        ("suspend", "the workflow is over: it succeeded"),
        ("resume", "the workflow is over: it succeeded"),
        ("terminate", "the workflow is over: it succeeded"),
    ):
        assert message in steer(plane, verb, namespace, expect=2), verb
    assert "has come to no step wiat" in steer(
        plane, "restart", namespace, "--step", "wiat", expect=2
    )


def test_a_delivery_is_held_by_hand(plane: Plane, namespace: str) -> None:
    where = ("told", "-n", namespace)
    plane.run("up", "-f", FILES / "told.yaml", "-n", namespace, "--no-wait")
    planes.until(lambda: phase(plane, namespace, "told") == "runningWorkflow")
    assert plane.run("workflow", "suspend", *where).out == "the workflow of told is suspended\n"
    planes.until(lambda: phase(plane, namespace, "told") == "workflowSuspending")
    plane.run("workflow", "resume", *where)
    planes.until(lambda: phase(plane, namespace, "told") == "runningWorkflow")


def test_a_step_that_failed_is_run_again(plane: Plane, namespace: str, write: Write) -> None:
    text = (FILES / "told.yaml").read_text() + TIMED
    said = plane.run("up", "-f", write(text), "-n", namespace, expect=5)
    assert "told: step talk failed" in said.out
    assert said.err.splitlines()[:2] == [
        "error: told failed (workflowFailed)",
        "  = step talk failed: it took longer than its timeout",
    ]
    again = ("up", "-f", write(text), "-n", namespace)  # the node may take longer to find it out
    planes.until(lambda: "Secret access does not exist" in plane.run(*again, expect=5).err)
    plane.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "access", "namespace": namespace},
            "stringData": {"token": "t"},
        }
    )

    def ready() -> bool:
        [talker] = plane.objects("Deployment", namespace, "apps")
        return bool(talker["status"].get("readyReplicas"))

    planes.until(ready)
    said = plane.run("workflow", "restart", "told", "-n", namespace, "--step", "talk")
    assert said.out == "step talk of told runs again\n"
    planes.until(lambda: phase(plane, namespace, "told") == "running")
