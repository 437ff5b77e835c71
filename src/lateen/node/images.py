"""Images: pulled with a pod's credentials, and removed when nothing has used them for long.

An engine is mostly somebody's own. So only what was not there before is ours: an image that a pull
of ours brought, under a name that it brought too, and only as long as nobody gives it another name.
Nothing else is ever removed.
"""

from __future__ import annotations

import base64
import binascii
import logging
import re
import shutil
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
import orjson

from lateen.base.problem import Problem
from lateen.node import phases
from lateen.node.engines import Engine

_LOG = logging.getLogger(__name__)
_REFERENCE = re.compile(
    r"(?:[a-zA-Z0-9.-]+(?::\d+)?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*"
    r"(?::[\w][\w.-]{0,127})?(?:@[a-z0-9]+:[0-9a-fA-F]{32,})?"
)
_HUB = "docker.io"
_HUB_NAMES = frozenset({_HUB, "index.docker.io", "registry-1.docker.io"})
_FRESH = 120.0  # seconds for which an image is kept in any case: a container is being made from it

Credentials = dict[str, str]


def registry(image: str) -> str:
    """The host that an image is pulled from."""
    first, slash, _ = image.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first
    return _HUB


def credentials(image: str, secrets: Iterable[Mapping[str, str]]) -> list[Credentials]:
    """What pull Secrets (decoded) know for an image, the nearest path first. Pure.

    Raises:
        Problem: `node.config` for a Secret that cannot be read.
    """
    found: list[tuple[int, Credentials]] = []
    host = registry(image)
    path = image.removeprefix(f"{host}/").partition("@")[0]
    for secret in secrets:
        for address, entry in _auths(secret).items():
            bare = re.sub(r"^https?://", "", address).rstrip("/")
            known, _, prefix = bare.partition("/")
            prefix = re.sub(r"^v[12](/|$)", "", prefix)
            if known != host and not {known, host} <= _HUB_NAMES:
                continue
            if path == prefix or path.startswith(prefix and f"{prefix}/"):
                found.append((len(prefix), _pair(entry)))
    return [pair for _, pair in sorted(found, key=lambda each: -each[0])]


def _auths(secret: Mapping[str, str]) -> Mapping[str, Any]:
    text = secret.get(".dockerconfigjson")
    try:
        if text is not None:
            return dict(orjson.loads(text).get("auths") or {})
        return dict(orjson.loads(secret.get(".dockercfg") or "{}"))
    except (ValueError, AttributeError, TypeError) as error:
        raise Problem("node.config", "a pull Secret is no docker configuration") from error


def _pair(entry: Mapping[str, str]) -> Credentials:
    if entry.get("username"):
        return {"username": entry["username"], "password": entry.get("password", "")}
    try:
        decoded = base64.b64decode(entry.get("auth", ""), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Problem("node.config", "a pull Secret has an `auth` that is no base64") from error
    name, _, password = decoded.partition(":")
    return {"username": name, "password": password}


@dataclass(frozen=True)
class Pulled:
    """An image of ours: when it was last wanted, in seconds since 1970, and what we called it."""

    wanted: float = 0.0
    names: Sequence[str] = ()


@dataclass(frozen=True)
class Thrift:
    """How long images that nothing uses are kept: `seconds`, or until the disk is `full`, a part
    of 1; but `fresh` seconds in any case.
    """

    seconds: float = 86400.0
    full: float = 0.85
    fresh: float = _FRESH


class Images:
    """Which images the node has pulled. Others' are used where they are, and never removed."""

    def __init__(self, file: Path, thrift: Thrift) -> None:
        self._file = file
        self._thrift = thrift
        self._locks: dict[str, anyio.Lock] = defaultdict(anyio.Lock)
        kept = orjson.loads(file.read_bytes()) if file.exists() else {}
        self._pulled = {identity: Pulled(**each) for identity, each in kept.items()}

    async def obtain(
        self, engine: Engine, name: str, policy: str, secrets: Sequence[Mapping[str, str]]
    ) -> dict[str, Any]:
        """The image as the engine shows it, pulled when it has to be.

        Raises:
            Problem: `node.image-name`, `node.image-never`, or `node.image` with what the
                registry said.
        """
        if not _REFERENCE.fullmatch(name):
            raise Problem("node.image-name", f"{name!r} is no name of an image")
        async with self._locks[name]:  # many pods may start from one image at once
            found = await engine.image(name)
            if found is None and policy == "Never":
                raise Problem(
                    "node.image-never",
                    f"image {name} is not on this machine, and its pull policy is Never",
                    retry=True,
                )
            if found is None or policy == "Always":
                found = await self._bring(engine, name, found, credentials(name, secrets))
        self._want([str(found["Id"])])
        return found

    async def _bring(
        self,
        engine: Engine,
        name: str,
        before: Mapping[str, Any] | None,
        known: Sequence[Credentials],
    ) -> dict[str, Any]:
        """Pull it. It is ours if it is new, and so is its name or was ours before."""
        there = await engine.images()
        await self._pull(engine, name, known)
        found = await engine.image(name)
        if found is None:
            raise Problem("node.image", f"image {name} was pulled and is gone", retry=True)
        identity = str(found["Id"])
        fresh = identity not in there and (before is None or before["Id"] in self._pulled)
        if fresh or identity in self._pulled:
            names = set(found.get("RepoTags") or ()) - there.get(identity, set())
            ours = self._pulled.get(identity, Pulled()).names
            self._pulled[identity] = Pulled(0.0, sorted({*ours, *names}))
        return found

    async def _pull(self, engine: Engine, name: str, known: Sequence[Credentials]) -> None:
        """With one after another of the credentials, at last without any."""
        refusals = []
        for each in [*known, None]:
            try:
                await engine.pull(name, each)
                return
            except Problem as problem:
                if problem.code != "node.refused":
                    raise
                refusals.append(problem.message)
        # what was said to the best credentials is what helps
        raise Problem("node.image", f"image {name} cannot be pulled: {refusals[0]}", retry=True)

    async def sweep(self, engine: Engine, used: set[str], directory: Path) -> None:
        """Remove what was pulled here and nothing uses: for long, or, the longest unused first, as
        long as the disk of `directory` is full.
        """
        self._want(used)
        for identity, pulled in sorted(self._pulled.items(), key=lambda each: each[1].wanted):
            idle = time.time() - self._pulled[identity].wanted  # by a pod meanwhile, perhaps
            if identity in used or idle < self._thrift.fresh:
                continue
            if idle < self._thrift.seconds and _filled(directory) < self._thrift.full:
                continue
            try:
                await self._remove(engine, identity, pulled)
            except Problem as problem:
                if problem.code != "node.refused":
                    raise
                _LOG.warning("image %s stays for now: %s", identity, problem.message)
                continue
            del self._pulled[identity]
        self._want(())

    async def _remove(self, engine: Engine, identity: str, pulled: Pulled) -> None:
        """Unless somebody else has given it a name, or made something of it."""
        found = await engine.image(identity)
        names = set((found or {}).get("RepoTags") or ())
        if found is None or names - set(pulled.names):
            return
        for name in [*sorted(names)[1:], identity]:  # which takes the last name with it
            if not await engine.remove_image(name):
                return
        since = phases.moment(pulled.wanted)
        _LOG.info("image %s is removed: unused since %s", ", ".join(names) or identity, since)

    def _want(self, identities: Iterable[str]) -> None:
        now = time.time()
        for identity in self._pulled.keys() & set(identities):
            self._pulled[identity] = replace(self._pulled[identity], wanted=now)
        new = self._file.with_suffix(".new")
        new.write_bytes(orjson.dumps(self._pulled))
        new.replace(self._file)


def _filled(directory: Path) -> float:
    disk = shutil.disk_usage(directory)
    return disk.used / disk.total
