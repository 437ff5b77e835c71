"""An OpenID issuer on loopback. It is asked by the real client, over HTTP."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl


def token(subject: str, ends_in: float = 3600) -> str:
    """An id-token that nobody signed; `ends_in` is in seconds from now."""
    parts = ({"alg": "none"}, {"sub": subject, "exp": int(time.time() + ends_in), "~?": "~?>>"})
    packed = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    return ".".join([*(each.decode() for each in packed), "c2ln"])


@dataclass
class Issuer:
    """Gives `gives` for the refresh-token that is good, and another refresh-token each time."""

    port: int = 0
    gives: str = ""
    good: str = "refresh-0"
    rotates: bool = True
    methods: list[str] | None = None
    answer: tuple[int, dict[str, Any]] | None = None  # instead
    asked: list[tuple[dict[str, str], str]] = field(default_factory=list)  # forms, Authorization

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def login(self, id_token: str = "", **more: str) -> dict[str, Any]:
        """The user entry of a kubeconfig with a login here."""
        given = {
            "idp-issuer-url": self.url,
            "client-id": "lateen",
            "refresh-token": self.good,
            **({"id-token": id_token} if id_token else {}),
            **more,
        }
        return {"auth-provider": {"name": "oidc", "config": given}}

    def discovery(self) -> dict[str, Any]:
        methods = {"token_endpoint_auth_methods_supported": self.methods} if self.methods else {}
        return {"issuer": self.url, "token_endpoint": f"{self.url}/token", **methods}

    def exchange(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        self.asked.append((form, authorization))
        if self.answer is not None:
            return self.answer
        if form.get("refresh_token") != self.good:
            return 400, {"error": "invalid_grant", "error_description": "it was used before"}
        if self.rotates:
            self.good = f"refresh-{len(self.asked)}"
        rotated = {"refresh_token": self.good} if self.rotates else {}
        return 200, {"id_token": self.gives, "token_type": "Bearer", **rotated}


@contextmanager
def running() -> Iterator[Issuer]:
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == "/.well-known/openid-configuration"
            self._say(*(200, issuer.discovery()) if known else (404, {}))

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            said = issuer.exchange(dict(parse_qsl(text)), self.headers.get("Authorization", ""))
            self._say(*said)

        def _say(self, status: int, body: dict[str, Any]) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
