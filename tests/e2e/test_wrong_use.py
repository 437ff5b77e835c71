"""Commands that cannot begin: nothing to read, nobody to talk to, or not said what to do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.e2e.planes import EXAMPLES, Plane, Shell

Write = Callable[..., Path]
HELLO = EXAMPLES / "hello.yaml"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        pytest.param("", "there is nothing in app.yaml", "write an application", id="empty"),
        pytest.param("# later\n---\n", "there is nothing in app.yaml", "", id="comments only"),
    ],
)
def test_a_file_with_nothing_in_it(
    plane: Plane, tmp_path: Path, write: Write, text: str, message: str, hint: str
) -> None:
    write(text)
    for command in (("up",), ("dry-run", "--offline")):
        said = plane.run(*command, "-f", "app.yaml", expect=2, cwd=tmp_path)
        assert said.err.startswith(f"error: {message}")
        assert hint in said.err


def test_a_dry_run_of_no_application(stranger: Shell, tmp_path: Path, write: Write) -> None:
    write("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    said = stranger.run("dry-run", "--offline", "-f", "app.yaml", expect=2, cwd=tmp_path)
    assert "there is no application in app.yaml, only ConfigMap" in said.err
    assert "`kind: Application`" in said.err


def test_a_file_that_is_not_there(plane: Plane, tmp_path: Path, write: Write) -> None:
    write("", "app.yaml")
    said = plane.run("up", "-f", "app.yml", expect=2, cwd=tmp_path)
    assert said.err == 'error: there is no file app.yml\n  = did you mean "app.yaml"?\n'


@pytest.fixture
def empty_site(tmp_path: Path) -> Iterator[str]:
    def handler(*arguments: object) -> None:
        _Quiet(*arguments, directory=str(tmp_path))  # type: ignore[arg-type]

    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:  # type: ignore[arg-type]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_an_address_with_no_file(plane: Plane, empty_site: str) -> None:
    said = plane.run("up", "-f", f"{empty_site}/app.yaml", expect=2)
    assert said.err == f"error: {empty_site}/app.yaml answers 404 File not found\n"


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("up", "-f", str(HELLO)), id="up"),
        pytest.param(("ls",), id="ls"),
        pytest.param(("status", "hello"), id="status"),
        pytest.param(("delete", "hello"), id="delete"),
        pytest.param(("workflow", "resume", "hello"), id="workflow"),
        pytest.param(("dry-run", "-f", str(HELLO)), id="dry-run"),
        pytest.param(("kubeconfig",), id="kubeconfig"),
    ],
)
def test_without_a_control_plane_it_says_how_to_get_one(
    stranger: Shell, command: tuple[str, ...]
) -> None:
    said = stranger.run(*command, expect=3)
    assert said.out == ""
    assert said.err.startswith("error: there is no control plane")
    assert "`lateen start`" in said.err


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        pytest.param(None, "does not exist", "", id="no file"),
        pytest.param("a: b\n", "kubeconfig", "", id="no kubeconfig"),
        pytest.param(
            """\
apiVersion: v1
kind: Config
current-context: a
contexts: [{name: a, context: {cluster: a, user: a}}]
clusters: [{name: a, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: a, user: {token: t}}]
""",
            "127.0.0.1:1",
            "`lateen server status`",
            id="a server that is away",
        ),
    ],
)
def test_a_kubeconfig_that_leads_nowhere(
    stranger: Shell, tmp_path: Path, text: str | None, message: str, hint: str
) -> None:
    file = tmp_path / "kubeconfig"
    if text is not None:
        file.write_text(text)
    given = stranger.run("ls", "--kubeconfig", file, expect=3)
    exported = stranger.run("ls", environment={"KUBECONFIG": str(file)}, expect=3)
    for said in (given, exported):
        assert message in said.err.splitlines()[0]
        assert hint in said.err


@pytest.mark.parametrize(
    ("command", "message"),
    [
        pytest.param(("staus", "hello"), "status", id="a mistyped command"),
        pytest.param(("up",), "--file", id="up without a file"),
        pytest.param(("up", "-f", "x", "--timeout", "long"), "is not a duration", id="a timeout"),
        pytest.param(("ls", "-o", "xml"), "'table', 'json'", id="a format"),
        pytest.param(("server", "logs", "kubelet"), "supervisor", id="a log"),
        pytest.param(("status", "x", "--tree", "--endpoint"), "one of the two", id="two views"),
    ],
)
def test_a_command_that_was_not_said_right(
    stranger: Shell, command: tuple[str, ...], message: str
) -> None:
    said = stranger.run(*command, expect=2)
    assert message in said.err
    assert "Usage: lateen" in said.err


@pytest.mark.parametrize(
    "command",
    [("status", "helo"), ("logs", "helo"), ("delete", "helo"), ("workflow", "suspend", "helo")],
    ids=lambda command: command[0],
)
def test_an_application_that_is_not_there(
    plane: Plane, namespace: str, command: tuple[str, ...]
) -> None:
    said = plane.run(*command, "-n", namespace, expect=4)
    assert f"there is no application helo in namespace {namespace}" in said.err
    assert "`lateen ls -A` lists all of them" in said.err
