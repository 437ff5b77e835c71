"""Modules of definitions that have theirs in a repository: fetched, and remembered for a while."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from lateen.api.definition import Definition
from lateen.api.manifest import Key, Manifest
from lateen.base import hashing
from lateen.base.problem import Problem, Problems
from lateen.cue.engine import Engine, Module
from lateen.definitions import terraforming
from lateen.hub import errors
from lateen.sources import modules, places
from lateen.sources.obtaining import Sources

_FRESH: Final = 300.0  # seconds until a repository is looked at again
_SPARED: Final = 30.0  # the same after it could not be read


@dataclass(frozen=True)
class _Known:
    module: Module | None
    until: float


class Modules:
    """Reads the variables of modules. `secret` gets the Secrets that open repositories; without it
    only those are read that everybody may read.
    """

    def __init__(
        self, sources: Sources, secret: Callable[[Key], Awaitable[Manifest]] | None = None
    ) -> None:
        self._sources = sources
        self._secret = secret
        self._known: dict[str, _Known] = {}

    async def find(self, definition: Definition, engine: Engine) -> Module | None:
        """The module of a definition as it was a while ago; None where it cannot be read now.

        That is none of an application's business: who brings the module tells it.
        """
        key = hashing.digest([definition.namespace, terraforming.remote(definition)])
        known = self._known.get(key)
        if known is None or known.until < time.monotonic():
            module, lasting = known.module if known else None, _SPARED
            with suppress(Problem, Problems):
                module, lasting = await self.read(definition, engine), _FRESH
            known = self._known[key] = _Known(module, time.monotonic() + lasting)
        return known.module

    async def read(self, definition: Definition, engine: Engine) -> Module:
        """The module of a definition as its repository has it now.

        Raises:
            Problem, Problems: `source.*`; `cue.hcl` for one that cannot be read.
        """
        given = terraforming.remote(definition)
        source = modules.source(str(given["configuration"]), given.get("gitRef") or {})
        path = modules.inside(str(given.get("path") or "."))
        opened = await self._access(given, definition.namespace)
        pin = await self._sources.resolve(source, opened)
        tree = await self._sources.tree(source, pin, opened)
        texts = modules.read(tree / path, f"{path} of {source.shown}")
        return await engine.module(texts, source=definition.source)

    async def _access(self, given: Mapping[str, Any], namespace: str) -> places.Credentials:
        reference = given.get("gitCredentialsSecretReference") or {}
        if not reference.get("name") or self._secret is None:
            return places.NOBODY
        space = str(reference.get("namespace") or namespace)
        try:
            key = Key("", "Secret", space, str(reference["name"]), "v1")
            return places.credentials(await self._secret(key))
        except errors.ApiError as error:
            message = f"the Secret {space}/{reference['name']} cannot be read: {error.message}"
            raise Problem("source.secret", message, retry=True) from error
