"""Which control plane to talk to, and what its kubeconfig says: contexts, clusters, users."""

from __future__ import annotations

import logging
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import ruamel.yaml

from lateen.base import documents, suggest
from lateen.base.problem import Problem
from lateen.hub import credentials, issuers
from lateen.hub.credentials import Access, Credentials
from lateen.hub.issuers import Config, Keep

_LOG = logging.getLogger(__name__)

_Configs = list[tuple[Path, Mapping[str, Any]]]

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class _Entry:
    """A cluster or user of a kubeconfig, by its name and the file that it is in."""

    data: Mapping[str, Any]
    file: Path
    name: str = ""

    @property
    def base(self) -> Path:
        """The directory that its relative paths start from."""
        return self.file.parent

    @property
    def pair(self) -> tuple[Mapping[str, Any], Path]:
        return self.data, self.base


def choose(
    explicit: str | Path | None,
    environ: Mapping[str, str],
    *,
    standalone: Path | None,
    home: Path,
) -> str:
    """The kubeconfig to use: `--kubeconfig`, `$KUBECONFIG`, a running standalone, `~/.kube/config`.

    `standalone` is the kubeconfig of the standalone control plane when one is running. The result
    may be several paths joined by `:`, as $KUBECONFIG may.

    Raises:
        Problem: `hub.no-control-plane` when there is none, `hub.kubeconfig` when the one asked for
            does not exist.
    """
    for origin, given in (("--kubeconfig", explicit), ("$KUBECONFIG", environ.get("KUBECONFIG"))):
        if given:
            if not _files(given):
                raise _missing(f"the kubeconfig {given} of {origin} does not exist")
            return str(given)
    if standalone is not None:
        return str(standalone)
    usual = home / ".kube" / "config"
    if usual.is_file():
        return str(usual)
    raise Problem(
        "hub.no-control-plane",
        "there is no control plane to talk to",
        hint="run `lateen start` to start one here, or name one with --kubeconfig",
    )


async def load(path: str | Path, context: str | None = None) -> Access:
    """Read a kubeconfig (one path, or several joined by `:`) and get its credentials.

    Those of an exec plugin or auth provider may take seconds. Of several files the first to name
    something counts, as in kubectl. A login that had to be refreshed is written back.

    Raises:
        Problem: `hub.kubeconfig` when the file, or the credentials in it, cannot be used;
            `yaml.syntax` when it is no YAML.
    """
    configs = _open(path)
    return await _access(configs, context or _current(configs), str(path))


async def of(config: Mapping[str, Any], keep: Keep) -> Access:
    """The credentials of a kubeconfig in memory, for its current context; otherwise as `load`.

    A login that had to be refreshed is given to `keep`.
    """
    with tempfile.NamedTemporaryFile("w", prefix="lateen-", suffix=".yaml") as file:  # 0600
        # a plugin is run by what reads files only
        file.write(orjson.dumps(config).decode())
        file.flush()
        configs = [(Path(file.name), config)]
        return await _access(configs, _current(configs), file.name, keep)


async def login(path: str | Path, context: str | None = None) -> Config | None:
    """The login of a context with an id-token that is valid, None where it is none of an issuer.

    Raises:
        Problem: `hub.kubeconfig`, `hub.credentials`.
    """
    configs = _open(path)
    name = context or _current(configs)
    user = _entries(configs, name)[1]
    with _usable(name):
        found = await _refreshed(user, None)
        return found and issuers.config_of(
            credentials.inlined(
                {"auth-provider": {"name": issuers.NAME, "config": found}}, user.base
            )
        )


@dataclass(frozen=True)
class Entries:
    """What a kubeconfig says of one context, with the contents of the files it names."""

    context: str
    cluster: Mapping[str, Any]
    user: Mapping[str, Any]


def read(path: str | Path, context: str | None = None) -> Entries:
    """The cluster and user of a context, with `*-data` and `token` in place of files.

    Raises:
        Problem: `hub.kubeconfig` when the file, or one that it names, cannot be used.
    """
    configs = _open(path)
    name = context or _current(configs)
    cluster, user = _entries(configs, name)
    with _usable(name):
        return Entries(name, credentials.inlined(*cluster.pair), credentials.inlined(*user.pair))


async def _access(configs: _Configs, name: str, path: str, keep: Keep | None = None) -> Access:
    cluster, user = _entries(configs, name)
    with _usable(name):
        if (login := await _refreshed(user, keep)) is not None:
            found = Credentials(f"Bearer {login['id-token']}")
        elif "exec" in user.data or "auth-provider" in user.data:
            found = await credentials.ask(path, name)
        else:
            found = credentials.read(user.data, user.base)
        tls = credentials.trust(cluster.data, cluster.base, found)
    server = str(cluster.data.get("server") or "http://localhost:8080").rstrip("/")
    return Access(
        server,
        found.authorization,
        tls if server.startswith("https:") else None,
        str(cluster.data.get("tls-server-name") or ""),
        str(cluster.data.get("proxy-url") or "") or _environment_proxy(server),
        urlsplit(server).hostname in _LOOPBACK,
    )


@contextmanager
def _usable(name: str) -> Iterator[None]:
    """Around what reads credentials: says of which context they cannot be used."""
    try:
        yield
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise Problem(
            "hub.kubeconfig", f"the credentials of context {name} cannot be used: {error}"
        ) from error


async def _refreshed(user: _Entry, keep: Keep | None) -> Config | None:
    """A login at an issuer as it is valid, kept where it was refreshed; None for no such one."""
    config = issuers.config_of(user.data)
    if config is None:
        return None
    found = await issuers.fresh(config, user.base)
    if found != config:
        if keep is not None:
            await keep(found)
        else:
            _write_back(user, found)
    return found


def _write_back(user: _Entry, login: Config) -> None:
    """Keep a login in its kubeconfig, as kubectl does: the refresh-token there may be void now."""
    yaml = ruamel.yaml.YAML()
    yaml.preserve_quotes = True
    try:
        path = user.file.resolve()
        whole = yaml.load(path.read_text())
        for entry in whole.get("users") or ():
            if entry.get("name") == user.name:
                entry["user"]["auth-provider"]["config"].update(login)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:  # 0600
            yaml.dump(whole, file)
        Path(file.name).replace(path)
    except OSError as error:
        _LOG.warning("the refreshed login of %s is not kept in %s: %s", user.name, user.file, error)


def _open(path: str | Path) -> _Configs:
    files = _files(path)
    if not files:
        raise _missing(f"the kubeconfig {path} does not exist")
    return [(file, _read(file)) for file in files]


def _entries(configs: _Configs, name: str) -> tuple[_Entry, _Entry]:
    """The cluster and the user of a context."""
    chosen = _named(configs, "context", name).data
    user = str(chosen.get("user") or "")
    return (
        _named(configs, "cluster", str(chosen.get("cluster") or "")),
        _named(configs, "user", user) if user else _Entry({}, Path("none")),
    )


def _files(path: str | Path) -> list[Path]:
    parts = [Path(part).expanduser() for part in str(path).split(":") if part]
    return [part for part in parts if part.is_file()]


def _missing(message: str) -> Problem:
    hint = "check the path, or leave it out to use the running standalone control plane"
    return Problem("hub.kubeconfig", message, hint=hint)


def _read(file: Path) -> Mapping[str, Any]:
    try:
        loaded = documents.load(file.read_text(), str(file))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise _missing(f"the kubeconfig {file} cannot be read: {why}") from error
    if not loaded or not isinstance(loaded[0].data, Mapping):
        raise Problem("hub.kubeconfig", f"{file} is not a kubeconfig")
    return loaded[0].data


def _current(configs: _Configs) -> str:
    for _, config in configs:
        if config.get("current-context"):
            return str(config["current-context"])
    names = ", ".join(f"{file}" for file, _ in configs)
    raise Problem(
        "hub.kubeconfig",
        f"{names} has no current context",
        hint="choose one with `kubectl config use-context`",
    )


def _named(configs: _Configs, what: str, name: str) -> _Entry:
    known: list[str] = []
    for file, config in configs:
        for item in config.get(f"{what}s") or ():
            if not isinstance(item, Mapping):
                continue
            known.append(str(item.get("name")))
            if item.get("name") == name:
                return _Entry(item.get(what) or {}, file, name)
    raise Problem(
        "hub.kubeconfig",
        f"the kubeconfig has no {what} {name}",
        hint=suggest.nearest(name, known) or f"there are: {', '.join(known) or 'none'}",
    )


def _environment_proxy(server: str) -> str:
    """The proxy of the environment, asked once: a question per request costs more than the rest."""
    parts = urlsplit(server)
    host = parts.hostname or ""
    if host in _LOOPBACK or urllib.request.proxy_bypass(host):
        return ""
    return urllib.request.getproxies().get(parts.scheme, "")
