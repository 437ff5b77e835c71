"""`lateen exec` and `lateen port-forward`, through the API server to the node."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator

import pytest

from tests.e2e.planes import EXAMPLES, Plane


@pytest.fixture(scope="module")
def hello(plane: Plane) -> Iterator[str]:
    name = plane.new_namespace()
    plane.run("up", "-f", EXAMPLES / "hello.yaml", "-n", name, "--wait")
    yield name
    plane.run("delete", "hello", "-n", name)
    plane.drop_namespace(name)


def test_a_command_runs_and_its_exit_code_is_ours(plane: Plane, hello: str) -> None:
    script = "echo port $PORT; echo no >&2; exit 9"
    said = plane.run("exec", "hello", "-n", hello, "--", "sh", "-c", script, expect=9)
    assert said.out.startswith("port ")
    assert "no\n" in said.err


def test_input_is_passed_on_to_its_end(plane: Plane, hello: str) -> None:
    command = ("exec", "hello", "-i", "-n", hello, "--", "wc", "-c")
    assert plane.run(*command, given="x" * 200_000).out.strip() == "200000"


def test_ports_answer_here(plane: Plane, hello: str) -> None:
    with plane.open("port-forward", "hello", "-n", hello) as process:
        assert process.stdout is not None
        found = re.match(r"(http://127.0.0.1:\d+) leads to port", process.stdout.readline())
        assert found
        for _ in range(2):
            assert urllib.request.urlopen(found[1], timeout=20).status == 200


@pytest.mark.parametrize(
    ("arguments", "expect", "message"),
    [
        pytest.param(("-c", "none", "--", "true"), 4, "no component none", id="component"),
        pytest.param(("--container", "none", "--", "true"), 4, "no container none", id="container"),
        pytest.param(("--pod", "none", "--", "true"), 4, "no pod none", id="pod"),
        pytest.param(("--", "/no/such"), 1, "/no/such", id="program"),
    ],
)
def test_what_is_not_there_is_said(
    plane: Plane, hello: str, arguments: tuple[str, ...], expect: int, message: str
) -> None:
    said = plane.run("exec", "hello", "-n", hello, *arguments, expect=expect)
    assert message in said.err


def test_a_port_that_is_none_is_said(plane: Plane, hello: str) -> None:
    assert "http is no port" in plane.run("port-forward", "hello", "http", expect=2).err
