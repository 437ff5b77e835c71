"""Where tests of definitions work: one engine for all of them, and the definitions it has read.

The engine wants an event loop; tests are plain functions. The loop runs in a thread of its own,
started when it is first needed.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Awaitable, Callable
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import anyio
from anyio.from_thread import BlockingPortal

from lateen.api.definition import Definition
from lateen.base.problem import Problem, Problems, every
from lateen.cue.engine import Engine
from lateen.definitions import files, templates
from lateen.testing import refusals

T = TypeVar("T")


class Bench:
    """An engine, and the definitions Lateen brings. Use it from any thread."""

    engine: Engine  # both live in the bench's loop: use them through `call` only
    shelf: templates.Shelf

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._portal: BlockingPortal | None = None
        self._builtins: dict[str, Definition] = {}

    def call(self, function: Callable[..., Awaitable[T]], *given: Any) -> T:
        """Run something of the bench's loop, and wait for it."""
        with self._starting:
            portal = self._portal or self._start()
        return portal.call(function, *given)

    def close(self) -> None:
        """Stop the engine, if there is one. It is started again when needed."""
        with self._starting:
            portal, self._portal = self._portal, None
            if portal is not None:
                portal.call(portal.stop)
                self._thread.join()

    def builtins(self) -> dict[str, Definition]:
        """The definitions Lateen brings, by name."""
        if not self._builtins:
            found = self.call(self._read_builtins)
            self._builtins = {definition.name: definition for definition in found}
        return self._builtins

    async def _read_builtins(self) -> list[Definition]:
        return await files.builtins(self.engine)

    def read(self, path: Path) -> list[Definition]:
        """The definitions in a file or directory.

        Raises:
            Refused: what is wrong in the files, with excerpts.
        """
        try:
            return self.call(self._read, path)
        except (Problem, Problems) as error:
            raise refusals.of(every(error), f"cannot load {path}", _texts(path)) from error

    async def _read(self, path: Path) -> list[Definition]:
        return await files.load_path(path, self.engine)

    def _start(self) -> BlockingPortal:
        ready: queue.SimpleQueue[BlockingPortal | BaseException] = queue.SimpleQueue()
        # a daemon: a script that forgets to close the bench can still end
        self._thread = threading.Thread(
            target=anyio.run, args=(self._serve, ready), name="lateen-testing", daemon=True
        )
        self._thread.start()
        answer = ready.get()
        if isinstance(answer, BaseException):
            self._thread.join()
            raise answer
        self._portal = answer
        return answer

    async def _serve(self, ready: queue.SimpleQueue[BlockingPortal | BaseException]) -> None:
        try:
            engine = await Engine().__aenter__()
        except (Problem, OSError) as error:
            ready.put(error)
            return
        async with BlockingPortal() as portal:
            self.engine, self.shelf = engine, templates.Shelf(engine)
            ready.put(portal)
            await portal.sleep_until_stopped()
        await engine.__aexit__(None, None, None)


@lru_cache(maxsize=1)
def shared() -> Bench:
    """The bench of this process."""
    return Bench()


def text_of(definition: Definition) -> str:
    """The text the positions of a definition's problems are about."""
    if definition.source.startswith("builtin/"):
        folder = resources.files("lateen.definitions")
        return folder.joinpath(definition.source).read_text("utf-8")
    path = Path(definition.source)
    return path.read_text("utf-8") if path.is_file() else definition.text


def _texts(path: Path) -> dict[str, str]:
    inside = path.iterdir() if path.is_dir() else [path]
    return {str(file): file.read_text("utf-8") for file in inside if file.is_file()}
