"""Real servers on loopback: an OCI registry, a chart repository, git."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from urllib.parse import parse_qs, urlsplit
from wsgiref.simple_server import WSGIServer, make_server

import dulwich.refs
import dulwich.repo
import dulwich.server
import dulwich.web

from tests.sources import packing

T = TypeVar("T", bound="Site")

CHART = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass
class Site:
    """Answers GET. `user` is who may have it, as `name:password`; empty for everybody."""

    port: int = 0
    user: str = ""
    down: bool = False
    asked: list[str] = field(default_factory=list)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def basic(self, headers: Mapping[str, str]) -> bool:
        wanted = f"Basic {base64.b64encode(self.user.encode()).decode()}"
        return not self.user or headers.get("Authorization") == wanted

    def answer(self, path: str, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        raise NotImplementedError


@dataclass
class Pages(Site):
    """Files by path; with an index it is a chart repository."""

    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def publish(self, files: Mapping[str, str | bytes], *, digest: str | None = None) -> None:
        """Pack a chart and put it into the index; `digest` is what that says instead of the sum."""
        head = dict(
            line.split(": ", 1) for line in str(files["Chart.yaml"]).splitlines() if ": " in line
        )
        name, version = head["name"], head["version"]
        content = packing.archive(files, name)
        self.files[f"/{name}-{version}.tgz"] = content
        index = json.loads(self.files.get("/index.yaml", b'{"apiVersion": "v1", "entries": {}}'))
        index["entries"].setdefault(name, []).append(
            {
                "name": name,
                "version": version,
                "urls": [f"{name}-{version}.tgz"],
                "digest": hashlib.sha256(content).hexdigest() if digest is None else digest,
            }
        )
        self.files["/index.yaml"] = json.dumps(index).encode()

    def answer(self, path: str, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        if not self.basic(headers):
            return 401, {"WWW-Authenticate": 'Basic realm="charts"'}, b""
        found = self.files.get(urlsplit(path).path)
        return (404, {}, b"") if found is None else (200, {}, found)


@dataclass
class Registry(Site):
    """Repositories with tags; wants a token, as public registries do, from its own `/token`."""

    token: ClassVar[str] = "a-token"
    blobs: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    page: int = 2  # tags on one page of a list

    def url(self, repository: str) -> str:
        return f"oci://{self.host}/{repository}"

    def keep(self, content: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.blobs[digest] = content
        return digest

    def push(
        self, repository: str, tag: str, content: bytes, media: str = CHART, **more: bytes
    ) -> str:
        """Push an artifact of one layer, and further ones by media type; returns its digest."""
        layers = [
            {"mediaType": kind.replace("_", "/"), "digest": self.keep(body), "size": len(body)}
            for kind, body in [(media, content), *more.items()]
        ]
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "layers": layers}
        digest = self.keep(json.dumps(manifest).encode())
        self.tags.setdefault(repository, {})[tag] = digest
        return digest

    def answer(self, path: str, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(path)
        query = parse_qs(parts.query)
        if parts.path == "/token":
            if not self.basic(headers):
                return 401, {}, b""
            return 200, {}, json.dumps({"token": self.token}).encode()
        if headers.get("Authorization") != f"Bearer {self.token}":
            asks = f'Bearer realm="http://{self.host}/token",service="registry"'
            return 401, {"WWW-Authenticate": asks}, b""
        repository, kind, reference = parts.path.removeprefix("/v2/").rsplit("/", 2)
        if kind == "tags":
            return self._list(repository, query.get("last", [""])[0])
        digest = self.tags.get(repository, {}).get(reference, reference)
        found = self.blobs.get(digest)
        if found is None:
            return 404, {}, b""
        return 200, {"Docker-Content-Digest": digest}, found

    def _list(self, repository: str, last: str) -> tuple[int, dict[str, str], bytes]:
        later = [tag for tag in sorted(self.tags.get(repository, {})) if tag > last]
        shown = later[: self.page]
        more = {}
        if shown != later:
            more["Link"] = f'</v2/{repository}/tags/list?last={shown[-1]}>; rel="next"'
        return 200, more, json.dumps({"name": repository, "tags": shown}).encode()


@contextmanager
def serving(site: T) -> Iterator[T]:
    """Serve on a free port of loopback until the end."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            headers = {key.title(): value for key, value in self.headers.items()}
            status, more, body = (503, {}, b"") if site.down else site.answer(self.path, headers)
            self.send_response(status)
            for key, value in {**more, "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.port = server.server_address[1]
    with _running(server):
        yield site


@dataclass
class Git:
    """A repository served over HTTP, and its working copy."""

    directory: Path
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def commit(self, files: Mapping[str, str | None], *, tag: str = "") -> str:
        """Commit files as they are given, None for one that is gone; returns the commit."""
        paths = []
        for name, text in files.items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True) if text is None else path.write_text(text)
            paths.append(str(path))
        with dulwich.repo.Repo(str(self.directory)) as repo:
            repo.get_worktree().stage(
                [str(Path(each).relative_to(self.directory)) for each in paths]
            )
            author = b"A Tester <tester@example.com>"
            done = repo.get_worktree().commit(message=b"change", author=author, committer=author)
            if tag:
                repo.refs[dulwich.refs.Ref(b"refs/tags/" + tag.encode())] = done
            return done.decode()


@contextmanager
def git(directory: Path) -> Iterator[Git]:
    """An empty repository with the branch `main`, served until the end."""
    directory.mkdir(parents=True)
    dulwich.repo.Repo.init(str(directory), default_branch=b"main").close()
    with dulwich.repo.Repo(str(directory)) as repo:
        served: dict[str, Any] = {"/": repo}
        backend = dulwich.server.DictBackend(served)
        application = dulwich.web.make_wsgi_chain(backend)
        server = make_server(
            "127.0.0.1",
            0,
            application,
            server_class=WSGIServer,
            handler_class=dulwich.web.WSGIRequestHandlerLogger,
        )
        with _running(server):
            yield Git(directory, server.server_address[1])


@contextmanager
def _running(server: Any) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
