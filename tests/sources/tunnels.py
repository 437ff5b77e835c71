"""An SSH server on loopback that hands out git repositories to who has the right key."""

from __future__ import annotations

import io
import shlex
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dulwich.errors
import dulwich.server
import paramiko


@dataclass
class Shell:
    """Where the server is, and the keys of both sides."""

    port: int = 0
    host_key: Any = field(default_factory=lambda: paramiko.ECDSAKey.generate())
    user_key: Any = field(default_factory=lambda: paramiko.ECDSAKey.generate())

    def url(self, directory: Path) -> str:
        return f"ssh://git@127.0.0.1:{self.port}{directory}"

    @property
    def identity(self) -> str:
        text = io.StringIO()
        self.user_key.write_private_key(text)
        return text.getvalue()

    def known_hosts(self) -> str:
        key = self.host_key
        return f"[127.0.0.1]:{self.port} {key.get_name()} {key.get_base64()}\n"


class _Session(paramiko.ServerInterface):  # type: ignore[misc]
    def __init__(self, allowed: Any) -> None:
        self._allowed = allowed

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: Any) -> int:
        known = username == "git" and key == self._allowed
        return int(paramiko.AUTH_SUCCESSFUL if known else paramiko.AUTH_FAILED)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(paramiko.OPEN_SUCCEEDED)

    def check_channel_exec_request(self, channel: Any, command: bytes) -> bool:
        threading.Thread(target=_serve, args=(channel, command), daemon=True).start()
        return True


def _serve(channel: Any, command: bytes) -> None:
    _, path = shlex.split(command.decode())
    with suppress(  # who asked has heard enough, and may be gone
        OSError,
        EOFError,
        dulwich.errors.GitProtocolError,
        dulwich.errors.HangupException,
        paramiko.SSHException,
    ):
        try:
            dulwich.server.serve_command(
                dulwich.server.UploadPackHandler,
                ["git-upload-pack", path],
                inf=channel.makefile("rb"),
                outf=channel.makefile("wb"),
            )
            channel.send_exit_status(0)
        finally:
            channel.close()


@contextmanager
def opened() -> Iterator[Shell]:
    """Serve on a free port of loopback until the end."""
    shell = Shell()
    with socket.create_server(("127.0.0.1", 0)) as server:
        shell.port = server.getsockname()[1]
        transports: list[paramiko.Transport] = []

        def listen() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                transport = paramiko.Transport(connection)
                transports.append(transport)
                transport.add_server_key(shell.host_key)
                try:
                    transport.start_server(server=_Session(shell.user_key))
                except (paramiko.SSHException, EOFError, OSError):
                    transport.close()  # whoever called thought better of it

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield shell
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(10)
        for each in transports:
            each.close()
