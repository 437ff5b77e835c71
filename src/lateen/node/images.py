"""Images: pulled with a pod's credentials, and removed when nothing has used them for long."""

from __future__ import annotations

import base64
import binascii
import re
import shutil
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio
import orjson

from lateen.base.problem import Problem
from lateen.node.engines import Engine

_REFERENCE = re.compile(
    r"(?:[a-zA-Z0-9.-]+(?::\d+)?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*"
    r"(?::[\w][\w.-]{0,127})?(?:@[a-z0-9]+:[0-9a-fA-F]{32,})?"
)
_HUB = "docker.io"
_HUB_NAMES = frozenset({_HUB, "index.docker.io", "registry-1.docker.io"})
_FULL = 0.85  # of the disk: from there on unused images go, however young

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


class Images:
    """Which images the node has pulled, and when each was last wanted: on file, in seconds since
    1970. Others' images are used where they are, and never removed.
    """

    def __init__(self, file: Path, keep: float) -> None:
        self._file = file
        self._keep = keep
        self._locks: dict[str, anyio.Lock] = defaultdict(anyio.Lock)
        self._pulled: dict[str, float] = orjson.loads(file.read_bytes()) if file.exists() else {}

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
            found = None if policy == "Always" else await engine.image(name)
            if found is None and policy == "Never":
                raise Problem(
                    "node.image-never",
                    f"image {name} is not on this machine, and its pull policy is Never",
                    retry=True,
                )
            if found is None:
                await self._pull(engine, name, credentials(name, secrets))
                found = await engine.image(name)
                if found is None:
                    raise Problem("node.image", f"image {name} was pulled and is gone", retry=True)
                self._pulled.setdefault(found["Id"], 0.0)
        if found["Id"] in self._pulled:
            self._note({found["Id"]: time.time()})
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
        """Remove what was pulled here and nothing uses: for long, or when the disk is full."""
        disk = shutil.disk_usage(directory)
        full = disk.used / disk.total >= _FULL
        now = time.time()
        self._note({identity: now for identity in used if identity in self._pulled})
        for identity, last in sorted(self._pulled.items(), key=lambda each: each[1]):
            if identity in used or (now - last < self._keep and not full):
                continue
            await engine.remove_image(identity)
            self._pulled.pop(identity, None)
            self._note({})

    def _note(self, times: Mapping[str, float]) -> None:
        self._pulled |= times
        new = self._file.with_suffix(".new")
        new.write_bytes(orjson.dumps(self._pulled))
        new.replace(self._file)
