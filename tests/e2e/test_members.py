"""A second control plane, joined to the first: its pods are looked into from the first."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator

import pytest
from textual.widgets import Tree

from tests.e2e import planes, tops
from tests.e2e.planes import Plane


@pytest.fixture(scope="module")
def member(plane: Plane, other: Plane) -> Iterator[str]:
    plane.run("cluster", "join", other.directory.kubeconfig(), "--name", "second")
    yield "second"
    plane.run("cluster", "detach", "second", "--yes")


@pytest.fixture(scope="module")
def both_places(plane: Plane, other: Plane) -> Iterator[str]:
    name = plane.new_namespace()
    other.new_namespace(name)
    yield name
    for each in (plane, other):
        each.drop_namespace(name)


@pytest.fixture(scope="module")
def hello(plane: Plane, member: str, both_places: str) -> Iterator[str]:
    """The example on both planes; its namespace."""
    text = (planes.EXAMPLES / "hello.yaml").read_text().rstrip()
    text += "\n  policies:\n    - name: everywhere\n      type: topology\n"
    text += f"      properties: {{clusters: [local, {member}]}}\n"
    plane.run("up", "-f", "-", "-n", both_places, given=text)
    yield both_places
    plane.run("delete", "hello", "-n", both_places)


def test_a_command_runs_in_the_member(plane: Plane, other: Plane, hello: str, member: str) -> None:
    pods = {
        each["metadata"]["name"]: each["status"]["podIP"] for each in other.objects("Pod", hello)
    }
    tell = ("--", "sh", "-c", "echo $HOST")
    said = plane.run("exec", "hello", "-n", hello, "--cluster", member, *tell)
    assert said.out.strip() in pods.values()
    name = min(pods)
    named = plane.run("exec", "hello", "-n", hello, "--pod", name, *tell)
    assert named.out.strip() == pods[name]
    none = plane.run("exec", "hello", "-n", hello, "--cluster", "mars", "--", "true", expect=4)
    assert "no pod in cluster mars" in none.err


def test_ports_of_the_member_answer_here(plane: Plane, hello: str, member: str) -> None:
    with plane.open("port-forward", "hello", "-n", hello, "--cluster", member) as process:
        assert process.stdout is not None
        found = re.match(r"(http://127.0.0.1:\d+) leads to port", process.stdout.readline())
        assert found
        assert urllib.request.urlopen(found[1], timeout=20).status == 200


def test_addresses_and_logs_are_those_of_both(plane: Plane, hello: str, member: str) -> None:
    found = plane.run("status", "hello", "-n", hello, "--endpoint", "-o", "json").data
    urls = {each["cluster"]: each["url"] for each in found}
    assert set(urls) == {"local", member}
    for url in urls.values():
        assert planes.fetch(url)
    table = planes.table(plane.run("status", "hello", "-n", hello, "--endpoint").out)
    assert {row["CLUSTER"] for row in table} == {"local", member}
    log = planes.until(
        lambda: [
            line
            for line in plane.run(
                "logs", "hello", "-n", hello, "--cluster", member
            ).out.splitlines()
            if "GET" in line
        ]
    )
    assert all(line.startswith(f"{member} ") for line in log)


@pytest.fixture
def broken(plane: Plane, member: str, both_places: str) -> Iterator[str]:
    """An application that fails in the member; its namespace."""
    text = f"""\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: broken}}
spec:
  components:
    - {{name: lost, type: process, properties: {{command: [sh, -c, "echo lost; exit 3"]}}}}
  policies:
    - {{name: there, type: topology, properties: {{clusters: [{member}]}}}}
"""
    plane.run("up", "-f", "-", "-n", both_places, "--no-wait", given=text)
    yield both_places
    plane.run("delete", "broken", "-n", both_places)


def test_what_goes_wrong_in_the_member_is_explained(plane: Plane, broken: str, member: str) -> None:
    def explained() -> str | None:
        said = plane.run("why", "broken", "-n", broken).out
        return said if "exit code 3" in said else None

    assert f"component lost ({member}" in planes.until(explained)
    happened = plane.run("events", "broken", "-n", broken).out
    assert f" on {member}" in happened


@pytest.mark.anyio
async def test_top_sees_into_the_member(plane: Plane, hello: str, member: str) -> None:
    async with tops.opened(plane, hello) as (look, pilot):
        [app] = look.applications()
        while look.ready(app) != (4, 4):
            await pilot.pause(0.1)
        await pilot.press("enter")
        while not pilot.app.screen.query(Tree):
            await pilot.pause(0.1)
        tree = pilot.app.screen.query_one(Tree)

        def far() -> list[str]:
            nodes = [each for each in tree.root.children if each.data]
            return [
                str(below.label)
                for each in nodes
                if each.data is not None and each.data.cluster == member
                for below in each.children
            ]

        while not far():
            await pilot.pause(0.1)
