"""Trees of git repositories at one commit, without the history."""

from __future__ import annotations

import re
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import SplitResult, urlsplit

import anyio
import dulwich.client
import dulwich.errors
import dulwich.object_store
import dulwich.repo
import urllib3
import urllib3.exceptions

from lateen.base.problem import Problem
from lateen.sources.places import Credentials, Pin, Source
from lateen.sources.turning import Renderer

_TIMEOUT: Final = urllib3.Timeout(connect=10.0, read=30.0)
_DEADLINE: Final = 120.0  # seconds for a whole clone
_MOST: Final = 256 * 2**20  # bytes of a tree
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_SHORT: Final = re.compile(r"([\w.-]+@[\w.-]+):(?!//)(.+)")
_MAKER: Final = re.compile(r"^\w+\(.*?\): ")  # of errors of urllib3
_HEADS: Final = "refs/heads/"
_TAGS: Final = "refs/tags/"

T = TypeVar("T")


async def resolve(source: Source, access: Credentials, renderer: Renderer) -> Pin:
    """The commit that a branch, a tag, a range of tags or a name leads to now.

    Raises:
        Problem: `source.*`.
    """
    kind, _, wanted = source.reference.partition(":")
    if kind == "commit":
        if not _COMMIT.fullmatch(wanted):
            message = f'"{wanted}" is no commit: the whole hash of forty digits is needed'
            raise Problem("source.reference", message)
        return Pin(f"sha1:{wanted}", f"sha1:{wanted}", wanted)
    refs = await _patiently(partial(_refs, source, access), source)
    if kind == "semver":
        tags = [ref.removeprefix(_TAGS) for ref in refs if ref.startswith(_TAGS)]
        wanted, kind = (await renderer.pick(wanted, tags, source.shown)).version, "tag"
    name = {"tag": f"{_TAGS}{wanted}", "branch": f"{_HEADS}{wanted}", "name": wanted}.get(
        kind, "HEAD"
    )
    commit = refs.get(f"{name}^{{}}") or refs.get(name)  # of a tag with a message: what it tags
    if commit is None:
        known = sorted(r.removeprefix(_HEADS) for r in refs if r.startswith(_HEADS))
        raise Problem(
            "source.missing",
            f"{source.shown} has no {kind or 'branch'} {wanted}".rstrip(),
            hint=f"its branches are {', '.join(known[:10])}" if known else "it is empty",
            retry=True,
        )
    said = wanted or "HEAD"
    return Pin(f"{said}@sha1:{commit}", f"sha1:{commit}", commit)


async def checkout(source: Source, pin: Pin, access: Credentials, into: Path) -> None:
    """Write the files of the commit to a directory that this makes; links are left out.

    Raises:
        Problem: `source.*`.
    """
    await _patiently(partial(_checkout, source, pin, access, into), source)


async def _patiently(work: Callable[[], T], source: Source) -> T:
    """Run what blocks in a thread, and say what goes wrong."""
    try:
        with anyio.fail_after(_DEADLINE):
            return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)
    except dulwich.client.HTTPUnauthorized as error:
        raise Problem(
            "source.refused",
            f"{source.shown} does not accept these credentials, or wants some",
            hint="name a Secret with username and password (a token, with most hosts)",
            retry=True,
        ) from error
    except dulwich.errors.NotGitRepository as error:
        raise Problem(
            "source.missing", f"there is no git repository at {source.shown}", retry=True
        ) from error
    except (
        TimeoutError,
        OSError,
        ValueError,
        KeyError,
        AssertionError,
        dulwich.errors.GitProtocolError,
        dulwich.errors.HangupException,
        urllib3.exceptions.HTTPError,
    ) as error:
        message = f"{source.shown} cannot be fetched: {_reason(error)}"
        raise Problem("source.unreachable", message, retry=True) from error


def _reason(error: BaseException) -> str:
    """What the system said, where it is that; else the words without the object they came from."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return _MAKER.sub("", str(error)) or type(error).__name__


class _Pool(urllib3.PoolManager):
    """Closes what dulwich leaves open when something goes wrong."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._answers: list[urllib3.BaseHTTPResponse] = []

    def urlopen(self, *arguments: Any, **more: Any) -> urllib3.BaseHTTPResponse:
        answer = super().urlopen(*arguments, **more)
        self._answers.append(answer)
        return answer

    def close(self) -> None:
        for answer in self._answers:
            answer.close()
        self.clear()


@contextmanager
def _client(
    source: Source, access: Credentials
) -> Iterator[tuple[dulwich.client.GitClient, bytes]]:
    parts = urlsplit(_whole(source.url))
    if parts.scheme == "ssh" and parts.hostname:
        yield _tunnel(source, parts, access), parts.path.encode()
        return
    if parts.scheme not in ("http", "https"):
        raise Problem(
            "source.address",
            f"{source.shown} is not fetched: git is spoken over https, http and ssh only",
        )
    user, password = access.user_for(parts.netloc)
    pool = _Pool(
        timeout=_TIMEOUT,
        retries=False,
        cert_reqs="CERT_REQUIRED" if access.verify else "CERT_NONE",
        ca_cert_data=access.ca or None,
    )
    client = dulwich.client.HttpGitClient(
        f"{parts.scheme}://{parts.netloc}",
        pool_manager=pool,
        username=user or ("git" if access.token else None),
        password=password or access.token or None,
    )
    try:
        yield client, parts.path.encode()
    finally:
        pool.close()


def _whole(url: str) -> str:
    """`git@host:path` is how people write `ssh://git@host/path`."""
    short = _SHORT.fullmatch(url)
    return f"ssh://{short[1]}/{short[2]}" if short else url


def _tunnel(source: Source, parts: SplitResult, access: Credentials) -> dulwich.client.GitClient:
    try:
        from lateen.sources import tunnelling  # large, and few need it
    except ImportError as error:
        raise Problem(
            "source.address",
            f"{source.shown} is not fetched: git over SSH is not installed",
            hint="`pip install lateen[ssh]` where the control plane runs",
        ) from error
    vendor: Any = tunnelling.Vendor(access, source.shown)
    return dulwich.client.SSHGitClient(
        parts.hostname or "", parts.port, parts.username, vendor=vendor
    )


def _refs(source: Source, access: Credentials) -> dict[str, str]:
    with _client(source, access) as (client, path):
        found: Mapping[Any, Any] = client.get_refs(path).refs
    return {key.decode(): value.decode() for key, value in found.items() if value}


def _checkout(source: Source, pin: Pin, access: Credentials, into: Path) -> None:
    commit = pin.address.encode()
    with (
        tempfile.TemporaryDirectory(prefix="lateen-git-") as folder,
        _client(source, access) as (client, path),
    ):
        repo = dulwich.repo.Repo.init_bare(folder)
        try:
            _fetch(client, path, repo, commit)
            _write(repo, commit, into, source)
        finally:
            repo.close()


def _fetch(
    client: dulwich.client.GitClient, path: bytes, repo: dulwich.repo.Repo, commit: bytes
) -> None:
    """The one commit where the server lets it be asked for, else everything there is."""

    def one(refs: Mapping[Any, Any], depth: int | None = None) -> list[Any]:
        return [commit]

    def everything(refs: Mapping[Any, Any], depth: int | None = None) -> list[Any]:
        return [sha for sha in set(refs.values()) if sha]

    try:
        client.fetch(path, repo, determine_wants=one, depth=1)
    except dulwich.errors.GitProtocolError:
        client.fetch(path, repo, determine_wants=everything)


def _write(repo: dulwich.repo.Repo, commit: bytes, into: Path, source: Source) -> None:
    into.mkdir(mode=0o700)
    store: Any = repo.object_store
    size = 0
    for entry in dulwich.object_store.iter_tree_contents(store, store[commit].tree):
        if not stat.S_ISREG(entry.mode):
            continue
        parts = Path(entry.path.decode()).parts
        if ".." in parts or parts[:1] == ("/",) or ".git" in parts:
            raise Problem("source.archive", f"{source.shown} holds a path that leads out of it")
        blob = store[entry.sha].data
        size += len(blob)
        if size > _MOST:
            message = f"{source.shown} holds more than {_MOST // 2**20} MiB"
            raise Problem("source.too-large", message)
        path = into.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(blob)
