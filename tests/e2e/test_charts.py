"""A chart on the standalone plane: its hook runs as a real process, and before it."""

from __future__ import annotations

from tests.docs import pages
from tests.e2e import planes
from tests.e2e.planes import Plane

EXAMPLE = pages.ROOT / "examples" / "chart.yaml"


def test_the_example_is_delivered_and_answers(plane: Plane, namespace: str) -> None:
    shown = plane.run("dry-run", "-f", EXAMPLE, "-n", namespace).out
    assert "kind: Job" in shown
    assert "value: Hello from a chart" in shown
    plane.run("up", "-f", EXAMPLE, "-n", namespace)
    [job] = plane.objects("Job", namespace, "batch")
    [web] = plane.objects("Deployment", namespace, "apps")
    assert job["status"]["succeeded"] == 1
    assert job["metadata"]["creationTimestamp"] <= web["metadata"]["creationTimestamp"]
    said = plane.run("status", "greeting", "-n", namespace).out
    assert "Deployed 1.0.0, release 1" in said
    plane.run("delete", "greeting", "-n", namespace)
    planes.until(lambda: not plane.objects("Job", namespace, "batch"))
