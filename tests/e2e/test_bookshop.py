"""A program, a container, a chart and a database by Terraform, wired, by one command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e import planes
from tests.e2e.planes import EXAMPLES, Plane

FILE = EXAMPLES / "bookshop" / "bookshop.yaml"


@pytest.mark.slow
@pytest.mark.timeout(400)  # Terraform takes its time on a busy machine
def test_the_bookshop_is_wired_and_leaves_nothing(
    equipped: Plane, write: Callable[..., Path]
) -> None:
    namespace = equipped.new_namespace()
    said = equipped.run("up", "-f", FILE, "-n", namespace, "--no-wait")
    assert said.err == ""  # that outputs are not there yet is nothing to warn of
    planes.settled(equipped, "bookshop", namespace, 240)

    url = equipped.urls("bookshop", namespace)[-1]
    told = json.loads(planes.fetch(url))
    database = Path(told.pop("database"))
    assert database.exists()
    assert told == {
        "counted": {"prices": 2, "reviews": 2},
        "books": [
            "Emma by Jane Austen: 9 EUR, 5 stars",
            "Moby-Dick by Herman Melville: 12 EUR, 4 stars",
        ],
    }
    kinds = equipped.run("status", "bookshop", "-n", namespace, "--tree").out
    for part in ("Configuration catalogue", "Deployment prices", "ConfigMap reviews-helm-release"):
        assert f"✓ {part}" in kinds

    # a change that cannot come takes nothing away, and says why
    broken = write(FILE.read_text().replace("busybox:1.37", "127.0.0.1:1/none:1"), FILE.name)
    broken.with_name("charts").symlink_to(FILE.with_name("charts"))
    equipped.run("up", "-f", broken, "-n", namespace, "--no-wait")

    def explained() -> bool:
        said = equipped.run("why", "bookshop", "-n", namespace).out
        return "127.0.0.1:1/none:1 cannot be pulled" in said and "connection refused" in said

    planes.until(explained, 90)
    assert json.loads(planes.fetch(url))["counted"] == told["counted"]
    equipped.run("up", "-f", FILE, "-n", namespace, "--no-wait")
    planes.settled(equipped, "bookshop", namespace, 240)

    equipped.run("delete", "bookshop", "-n", namespace, "--no-wait")
    planes.until(lambda: not equipped.run("ls", "-n", namespace, "-o", "json").data, 120, every=1)
    assert not database.exists()
    equipped.drop_namespace(namespace)
