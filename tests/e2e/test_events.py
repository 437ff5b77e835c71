"""`lateen events`, as things happen."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable

from tests.e2e import planes
from tests.e2e.planes import EXAMPLES, Plane


def test_events_are_followed_to_pods_that_come_later(plane: Plane, namespace: str) -> None:
    plane.run("up", "-f", EXAMPLES / "hello.yaml", "-n", namespace)
    with plane.open("events", "hello", "-n", namespace, "--watch") as process:
        assert process.stdout is not None
        lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()

        def seen(text: str) -> str | None:
            while not lines.empty():
                if text in (line := lines.get()):
                    return line
            return None

        planes.until(lambda: seen("is deployed"))  # what happened before
        plane.run("delete", "hello", "-n", namespace)
        planes.until(lambda: not plane.names("Pod", namespace))
        plane.run("up", "-f", EXAMPLES / "hello.yaml", "-n", namespace)
        fresh = plane.names("Pod", namespace)[0]
        line = planes.until(lambda: seen(f"Pod/{fresh}"))
        assert "Scheduled" in line


def _read(output: Iterable[str], lines: queue.Queue[str]) -> None:
    for line in output:
        lines.put(line)
