"""One web application in three places, each with its own settings; one is killed on the way."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import planes
from tests.e2e.planes import EXAMPLES, Plane

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

FILE = EXAMPLES / "fleet" / "storefront.yaml"


@pytest.fixture(scope="module")
def third() -> Iterator[Plane]:
    with planes.directory() as made:
        made.start()
        with made.running():
            yield made


@pytest.fixture(scope="module")
def places(plane: Plane, other: Plane, third: Plane) -> Iterator[dict[str, Plane]]:
    """Three control planes: that of the application, and two that are joined to it."""
    members = {"north": other, "south": third}
    for name, member in members.items():
        kubeconfig = member.directory.kubeconfig()
        plane.run("cluster", "join", kubeconfig, "--name", name, "--labels", f"region={name}")
    yield {"local": plane, **members}
    for name in members:
        plane.run("cluster", "detach", name, "--yes")


@pytest.fixture(scope="module")
def storefront(plane: Plane, places: dict[str, Plane]) -> Iterator[str]:
    """The namespace of the application, which is delivered."""
    namespace = plane.new_namespace()
    for member in (places["north"], places["south"]):
        member.new_namespace(namespace)
    plane.run("up", "-f", FILE, "-n", namespace, "--no-wait")
    planes.settled(plane, "storefront", namespace, 180)
    yield namespace
    plane.run("delete", "storefront", "-n", namespace)
    for each in places.values():
        each.drop_namespace(namespace)


def said(member: Plane, namespace: str) -> list[str]:
    """What each pod of the application answers in one place, those that go left out."""
    return sorted(
        planes.fetch(f"http://{pod['status']['podIP']}:8080/")
        for pod in member.objects("Pod", namespace)
        if "deletionTimestamp" not in pod["metadata"]
    )


def test_each_place_has_its_own_settings(
    plane: Plane, places: dict[str, Plane], storefront: str
) -> None:
    assert {name: said(each, storefront) for name, each in places.items()} == {
        "local": ["Hello from here\n"],
        "north": ["Moin from the north\n"] * 2,
        "south": ["Servus from the south\n"] * 3,
    }


def test_the_tree_has_all_places(plane: Plane, storefront: str) -> None:
    tree = plane.run("status", "storefront", "-n", storefront, "--tree").out
    parts = tree.split("cluster ")[1:]
    pods = {part.partition("\n")[0]: part.count("✓ Pod web-") for part in parts}
    assert pods == {"local": 1, "north": 2, "south": 3}


def test_a_place_that_is_killed_on_the_way_gets_it_when_it_is_back(
    plane: Plane,
    places: dict[str, Plane],
    storefront: str,
    write: Callable[..., Path],
    record_property: Callable[[str, Any], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = write(FILE.read_text().replace("value: Moin", "value: Ahoi"))
    plane.run("up", "-f", file, "-n", storefront, "--no-wait")
    planes.until(lambda: "to-the-north" in str(plane.status("storefront", storefront)))
    north = places["north"]
    north.replaced("kube", north.strike("kube"))
    back = time.monotonic()
    planes.settled(plane, "storefront", storefront, 180)
    seconds = time.monotonic() - back
    record_property("seconds", seconds)
    with capsys.disabled():
        sys.stdout.write(f"converged {seconds:.1f} s after the member was there again\n")
    texts = {
        container["env"][0]["value"]
        for each in north.objects("Deployment", storefront, "apps")
        for container in each["spec"]["template"]["spec"]["containers"]
    }
    assert texts == {"Ahoi"}
    assert said(places["south"], storefront) == ["Servus from the south\n"] * 3
