"""Which finished runs are deleted, and when (settings workflow_runs, workflow_run_days)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from lateen.api import names
from lateen.api.workflowrun import WorkflowRun
from lateen.base import clock
from lateen.controllers import settings
from lateen.controllers.workflowruns import expiring
from tests.controllers.laboratory import Laboratory
from tests.controllers.neighbours import act
from tests.controllers.workflowruns.runs import ended, workflow_run

NOW = datetime(2026, 1, 31, tzinfo=UTC)
SAY = act("say", "print-message-in-status", {"message": "done"})


def finished(name: str, days: float, *, of: str = "", pipeline: str = "") -> WorkflowRun:
    """A run that ended so many days ago."""
    end = clock.stamp(NOW - timedelta(days=days))
    labels = {names.PIPELINE: pipeline} if pipeline else {}
    meta = {"name": name, "namespace": "n", "labels": labels, "creationTimestamp": end}
    status = {"finished": True, "endTime": end}
    return WorkflowRun({"metadata": meta, "spec": {"workflowRef": of}, "status": status})


def under_way(name: str, of: str) -> WorkflowRun:
    return WorkflowRun({"metadata": {"name": name}, "spec": {"workflowRef": of}, "status": {}})


@pytest.mark.parametrize(
    ("runs", "count", "days", "expected"),
    [
        pytest.param([finished("a", 99, of="w")], 0, 0, "", id="no limits"),
        pytest.param(
            [finished(n, d, of="w") for n, d in (("a", 1), ("b", 2), ("c", 3))],
            2,
            0,
            "c",
            id="the last two are kept",
        ),
        pytest.param(
            [finished("a", 1, of="w"), finished("b", 2, of="v"), finished("c", 3, of="w")],
            1,
            0,
            "c",
            id="each Workflow has its own",
        ),
        pytest.param(
            [finished("a", 1, of="w", pipeline="p"), finished("b", 2, pipeline="p")],
            1,
            0,
            "b",
            id="a pipeline's label comes before the Workflow",
        ),
        pytest.param(
            [finished("a", 31, of="w"), finished("b", 40, of="w")],
            0,
            30,
            "b",
            id="the last one stays, however old",
        ),
        pytest.param([finished("a", 1), finished("b", 2)], 1, 0, "", id="by themselves: no count"),
        pytest.param([finished("a", 29), finished("b", 31)], 0, 30, "b", id="by themselves: age"),
        pytest.param(
            [under_way("a", "w"), finished("b", 1, of="w")], 1, 0, "", id="under way: not counted"
        ),
    ],
)
def test_what_is_kept(runs: list[WorkflowRun], count: int, days: float, expected: str) -> None:
    found = expiring.doomed(runs, NOW, count=count, age=timedelta(days=days))
    assert sorted(run.name for run in found) == expected.split()


def test_when_to_look_again() -> None:
    run = finished("a", 29)
    assert expiring.next_after(run, NOW, timedelta(days=30)) == 24 * 3600
    assert expiring.next_after(run, NOW, timedelta()) is None


def test_old_runs_go(lab: Laboratory) -> None:
    with lab.plane.governed(settings.Settings(workflow_runs=1)):
        for name in ("one", "two", "three"):
            lab.apply(workflow_run(SAY, name=name, labels={names.PIPELINE: "p"}))
            lab.eventually("over", partial(_over, lab, name))
        lab.apply(workflow_run(SAY, name="other"))
        ended(lab, name="other")
        lab.eventually("deleted", lambda: lab.names("WorkflowRun") == {"three", "other"})


def test_one_that_is_run_again_just_before_it_would_go_stays(lab: Laboratory) -> None:
    async def again() -> None:
        user, key = lab.plane.user, lab.key("WorkflowRun", "one")
        await user.replace({**await user.get(key), "status": {}}, subresource="status")

    with lab.plane.governed(settings.Settings(workflow_runs=1)):
        lab.apply(workflow_run(SAY, name="one", labels={names.PIPELINE: "p"}))
        lab.eventually("over", partial(_over, lab, "one"))
        lab.settle()
        lab.interrupt("delete", "workflowruns", again)
        lab.apply(workflow_run(SAY, name="two", labels={names.PIPELINE: "p"}))
        lab.eventually("one of them goes", lambda: len(lab.names("WorkflowRun")) == 1)
        assert lab.names("WorkflowRun") == {"one"}  # which ended last


def _over(lab: Laboratory, name: str) -> bool:
    found = lab.find("WorkflowRun", name)
    return found is None or bool((found.get("status") or {}).get("finished"))
