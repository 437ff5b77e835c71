"""A program, a container, a chart and a database by Terraform, wired, by one command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e import planes
from tests.e2e.planes import EXAMPLES, Plane

FILE = EXAMPLES / "bookshop" / "bookshop.yaml"


@pytest.mark.slow
@pytest.mark.timeout(400)  # Terraform takes its time on a busy machine
def test_the_bookshop_is_wired_and_leaves_nothing(equipped: Plane) -> None:
    namespace = equipped.new_namespace()
    equipped.run("up", "-f", FILE, "-n", namespace, "--no-wait")
    planes.settled(equipped, "bookshop", namespace, 240)

    told = json.loads(planes.fetch(equipped.urls("bookshop", namespace)[-1]))
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

    equipped.run("delete", "bookshop", "-n", namespace, "--no-wait")
    planes.until(lambda: not equipped.run("ls", "-n", namespace, "-o", "json").data, 120, every=1)
    assert not database.exists()
    equipped.drop_namespace(namespace)
