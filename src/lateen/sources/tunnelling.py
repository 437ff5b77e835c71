"""Git over SSH, without a program of it: a key, and nobody but the host that is known."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable
from typing import Any, Final

import paramiko

from lateen.base.problem import Problem
from lateen.sources.places import Credentials

_TIMEOUT: Final = 30.0  # seconds
_KEYS: Final = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)


class Vendor:
    """Runs commands on hosts; what `dulwich.client.SSHGitClient` asks for."""

    def __init__(self, access: Credentials, shown: str) -> None:
        self._access = access
        self._shown = shown

    def run_command(
        self,
        host: str,
        command: bytes,
        username: str | None = None,
        port: int | None = None,
        **others: Any,
    ) -> Command:
        """Start a command.

        Raises:
            Problem: `source.secret`, `source.host`, `source.refused`.
            OSError: there is no connection.
        """
        key = _key(self._access)
        try:
            return self._started(host, port or 22, username, command, key)
        except (paramiko.SSHException, EOFError) as error:
            raise OSError(str(error) or "the connection was closed") from error

    def _started(
        self, host: str, port: int, username: str | None, command: bytes, key: paramiko.PKey
    ) -> Command:
        sock = socket.create_connection((host, port), _TIMEOUT)
        transport = paramiko.Transport(sock)
        try:
            transport.start_client(timeout=_TIMEOUT)
            self._recognise(transport.get_remote_server_key(), host, port)
            try:
                transport.auth_publickey(username or self._access.username or "git", key)
            except paramiko.AuthenticationException as error:
                message = f"{self._shown} does not accept the key of the Secret"
                raise Problem("source.refused", message, retry=True) from error
            channel = transport.open_session(timeout=_TIMEOUT)
            channel.settimeout(_TIMEOUT)
            channel.exec_command(command)
        except BaseException:
            transport.close()
            raise
        return Command(transport, channel)

    def _recognise(self, key: paramiko.PKey, host: str, port: int) -> None:
        """Insist on a host that the Secret knows: another one could hand out anything."""
        known = paramiko.HostKeys()
        for line in self._access.known_hosts.splitlines():
            entry = _entry(line)
            for name in entry.hostnames if entry else ():
                known.add(name, entry.key.get_name(), entry.key)
        name = host if port == 22 else f"[{host}]:{port}"
        if not known.check(name, key):
            raise Problem(
                "source.host",
                f"the Secret does not know {name} by the key it has",
                hint=f"its known_hosts wants the line that `ssh-keyscan -p {port} {host}` gives",
                retry=True,
            )


class Command:
    """One that runs; as the pipes of a process."""

    def __init__(self, transport: paramiko.Transport, channel: paramiko.Channel) -> None:
        self._transport = transport
        self._channel = channel
        self.stderr = None
        self.read: Callable[[int], bytes] = channel.makefile("rb").read

    def write(self, data: bytes) -> int:
        self._channel.sendall(data)
        return len(data)

    def can_read(self) -> bool:
        return bool(self._channel.recv_ready())

    def close(self, timeout: int | None = None) -> None:
        self._transport.close()


def _entry(line: str) -> Any:
    """What a line of known_hosts says, None where that cannot be read: a key that nobody knows."""
    if not line.strip() or line.startswith("#"):
        return None
    try:
        return paramiko.hostkeys.HostKeyEntry.from_line(line)
    except (paramiko.hostkeys.InvalidHostKey, paramiko.SSHException, ValueError):
        return None


def _key(access: Credentials) -> paramiko.PKey:
    if not access.identity:
        raise Problem(
            "source.secret",
            "git over SSH wants a key",
            hint="name a Secret with identity (a private key) and known_hosts",
            retry=True,
        )
    for kind in _KEYS:
        try:
            return kind.from_private_key(io.StringIO(access.identity), access.password or None)
        except (paramiko.SSHException, ValueError):
            continue
    raise Problem("source.secret", "identity of the Secret is no private key that can be read")
