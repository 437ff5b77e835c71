"""What can be given to `-f`."""

from __future__ import annotations

import io
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lateen.base.problem import Problem
from lateen.cli import problems, sources

APP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: NAME}
spec: {components: []}
"""
OTHER = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"


class Site(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/missing":
            self.send_error(404, "Not Found")
            return
        page = self.path == "/page"
        body = b"<html></html>" if page else APP.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if page else "text/plain")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def site():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def names_of(found):
    return [document.data["metadata"]["name"] for document in found]


def standard_input(monkeypatch, content):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_a_file_may_hold_several_documents(tmp_path):
    file = tmp_path / "app.yaml"
    file.write_text(APP + "---\n---\n" + OTHER)
    found = sources.read([str(file)])
    assert names_of(found) == ["NAME", "c"]
    assert str(found[1].position("metadata.name")) == f"{file}:9:12"


def test_a_directory_is_read_in_the_order_of_its_names(tmp_path):
    (tmp_path / "b.yml").write_text(APP.replace("NAME", "b"))
    (tmp_path / "a.json").write_text('{"apiVersion": "v1", "kind": "X", "metadata": {"name": "a"}}')
    (tmp_path / "notes.txt").write_text("not: read")
    assert names_of(sources.read([str(tmp_path)])) == ["a", "b"]


def test_standard_input(monkeypatch):
    standard_input(monkeypatch, APP.encode())
    [found] = sources.read(["-"])
    assert found.source == "standard input"


def test_an_address(site):
    [found] = sources.read([f"{site}/app.yaml"])
    assert found.source == f"{site}/app.yaml"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        pytest.param("/missing", "answers 404", id="a status that is no success"),
        pytest.param("/page", "is a web page, not a file", id="a page about the file"),
    ],
)
def test_an_address_without_a_file(site, path, said):
    with pytest.raises(Problem, match=said):
        sources.read([f"{site}{path}"])


def test_an_address_nobody_answers_at(site):
    with pytest.raises(Problem, match="cannot be fetched") as raised:
        sources.read(["http://127.0.0.1:1/app.yaml"])
    assert raised.value.code == "input.url"


def test_a_missing_file_names_the_one_beside_it(tmp_path):
    (tmp_path / "app.yaml").write_text(APP)
    with pytest.raises(Problem) as raised:
        sources.read([str(tmp_path / "app.yml")])
    assert raised.value.code == "input.missing"
    assert raised.value.hint == 'did you mean "app.yaml"?'


@pytest.mark.parametrize("content", ["", "---\n", "# nothing\n"])
def test_nothing_to_read(tmp_path, content):
    file = tmp_path / "app.yaml"
    file.write_text(content)
    with pytest.raises(Problem) as raised:
        sources.read([str(file)])
    assert raised.value.code == "input.empty"


def test_what_is_not_text(tmp_path):
    file = tmp_path / "app.yaml"
    file.write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(Problem, match="is not text: byte 1"):
        sources.read([str(file)])


def test_broken_yaml_is_shown_with_its_line(tmp_path):
    file = tmp_path / "app.yaml"
    file.write_text("a: b\nc: [1,\nd: e\n")
    with pytest.raises(problems.Blamed) as raised:
        sources.read([str(file)])
    [problem] = raised.value.problems
    assert problem.code == "yaml.syntax"
    assert raised.value.texts[str(file)].startswith("a: b")


def test_every_mistake_of_every_document_is_told(tmp_path):
    file = tmp_path / "app.yaml"
    file.write_text(APP.replace("kind", "knid") + "---\n" + APP.replace("NAME", "No_Name"))
    with pytest.raises(problems.Blamed) as raised:
        sources.checked([str(file)])
    assert [(p.code, p.positions[0].line) for p in raised.value.problems] == [
        ("field.missing", 1),
        ("field.value", 8),
    ]


def test_a_file_without_an_application(tmp_path):
    file = tmp_path / "app.yaml"
    file.write_text(OTHER)
    with pytest.raises(Problem, match="only ConfigMap"):
        sources.applications(sources.read([str(file)]))
