"""Where charts and trees of files are kept, and who may have them. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import urlsplit

import orjson

from lateen.base.problem import Problem

Kind = Literal["oci", "repository", "archive", "git", "bucket", "local"]


@dataclass(frozen=True)
class Source:
    """What is wanted, as its author says it.

    Attributes:
        url: of the registry and repository, the chart repository, the archive, the git
            repository, the bucket; a path of this machine for `local`.
        name: of a chart in a chart repository.
        version: of a chart, a range of them, or a tag; empty for the newest.
        reference: in a git repository, `commit:`, `name:`, `semver:`, `tag:` or `branch:` and which
            one; empty for the branch that the repository shows first. Of a bucket the region.
    """

    kind: Kind
    url: str
    name: str = ""
    version: str = ""
    reference: str = ""

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def shown(self) -> str:
        """For people, without what may be a password in the address."""
        parts = urlsplit(self.url)
        url = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
        return f"{self.name} of {url}" if self.name else url


@dataclass(frozen=True)
class Pin:
    """What a source came to: the same content whenever it is fetched.

    Attributes:
        revision: for people: a version, a tag, `main@sha1:...`.
        digest: of the content, `sha256:...`, or of a git commit, `sha1:...`.
        address: where exactly it is, for the fetcher.
    """

    revision: str
    digest: str
    address: str = ""


@dataclass(frozen=True)
class Credentials:
    """What opens a source. `ca`, `certificate` and `key` are PEM texts."""

    username: str = ""
    password: str = ""
    token: str = ""
    ca: str = ""
    certificate: str = ""
    key: str = ""
    verify: bool = True
    plain_http: bool = False
    keyring: bytes = b""  # public keys of those who may sign
    identity: str = ""  # a private key for SSH
    known_hosts: str = ""  # of SSH
    entries: tuple[tuple[str, str, str], ...] = ()  # host, user, password

    def user_for(self, host: str) -> tuple[str, str]:
        """User and password for a host; both empty for nobody in particular."""
        if self.username or self.password:
            return self.username, self.password
        return next((entry[1:] for entry in self.entries if entry[0] == host), ("", ""))

    def abroad(self) -> Credentials:
        """For another host than they are meant for."""
        return replace(self, username="", password="", token="", identity="")


NOBODY = Credentials()


def credentials(secret: Mapping[str, Any]) -> Credentials:
    """What a Secret opens, by its keys: `username` and `password` (`accesskey` and
    `secretkey` of a bucket), `token`, `.dockerconfigjson`,
    `ca.crt`, `tls.crt` and `tls.key` (or `caFile`, `certFile`, `keyFile`), `insecureSkipTLS`,
    `insecurePlainHTTP`, `keyring`; for SSH `identity` and `known_hosts`, with the `password` of the
    key.

    Raises:
        Problem: `source.secret` for one that holds nothing of the kind.
    """
    name = str((secret.get("metadata") or {}).get("name", ""))
    data = {key: _decoded(value, name, key) for key, value in (secret.get("data") or {}).items()}
    data |= {key: str(value).encode() for key, value in (secret.get("stringData") or {}).items()}

    def text(*keys: str) -> str:
        found = next((data[key] for key in keys if data.get(key)), b"")
        return found.decode(errors="replace").strip()

    if text("token") and text("username", "password"):
        message = f"Secret {name} has a token as well as a user: which of them is meant?"
        raise Problem("source.secret", message, hint="leave one of them out")
    found = Credentials(
        username=text("username", "accesskey"),
        password=text("password", "secretkey"),
        token=text("token", "bearerToken"),
        ca=text("ca.crt", "caFile"),
        certificate=text("tls.crt", "certFile"),
        key=text("tls.key", "keyFile"),
        verify=text("insecureSkipTLS") != "true",
        plain_http=text("insecurePlainHTTP") == "true",
        keyring=data.get("keyring") or data.get("pubring.gpg") or b"",
        identity=text("identity", "ssh-privatekey"),
        known_hosts=text("known_hosts"),
        entries=_entries(data.get(".dockerconfigjson"), name),
    )
    if found == NOBODY:
        raise Problem(
            "source.secret",
            f"Secret {name} holds no credentials",
            hint="give it username and password, token, .dockerconfigjson, tls.crt and tls.key, or "
            "identity and known_hosts",
            retry=True,
        )
    return found


def _decoded(value: Any, name: str, key: str) -> bytes:
    try:
        return base64.b64decode(str(value), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Problem("source.secret", f"{key} of Secret {name} is not base64 text") from error


def _entries(text: bytes | None, name: str) -> tuple[tuple[str, str, str], ...]:
    """The users of a Docker configuration, with their hosts."""
    if text is None:
        return ()
    found = []
    try:
        for address, entry in orjson.loads(text)["auths"].items():
            host = address.removeprefix("https://").removeprefix("http://").partition("/")[0]
            user, password = entry.get("username", ""), entry.get("password", "")
            if not user and entry.get("auth"):
                user, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
            found.append((host, user, password))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f".dockerconfigjson of Secret {name} is no Docker configuration"
        raise Problem("source.secret", message) from error
    return tuple(found)
