"""The engine: keeps one evaluator running and answers through it, whatever becomes of it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import orjson

from lateen.base import natives
from lateen.base.problem import Problem, raise_any
from lateen.cue import process, reports, templates
from lateen.cue.reports import Field, Module, Outline
from lateen.cue.templates import DEADLINE, Action, Evaluation, Fill, Template, Text

__all__ = ["Action", "Engine", "Evaluation", "Field", "Fill", "Module", "Outline", "Template"]

Packages = Mapping[str, Mapping[str, str]]

# Enough to keep every core busy; more would only make requests wait inside their deadline.
_IN_FLIGHT: Final = 16


class Engine:
    """The CUE evaluator, as an async context manager.

    A child that dies is replaced by the next request. A request that outlives its deadline costs
    the child its life and fails with `cue.deadline`; one that takes too much memory fails with
    `cue.memory`, one that crashes the child twice with `cue.engine`. All others under way at that
    moment are asked again and notice only the delay.

    Another `program` that speaks the same frames, and keeps no `templates` (None), may stand in.
    """

    def __init__(
        self, *, memory_mib: int = 512, templates: int | None = 256, program: Path | None = None
    ) -> None:
        self._program = program
        self._memory_mib = memory_mib
        kept = () if templates is None else (f"-templates={templates}",)
        self._arguments = (f"-memory={memory_mib}", *kept)
        self._child: process.Child | None = None
        self._children: list[process.Child] = []  # the running one and those that have not left yet
        self._starts = 0
        self._starting = asyncio.Lock()
        self._slots = asyncio.Semaphore(_IN_FLIGHT)
        # After a crash with several requests under way any of them may be its cause: they are
        # tried again one by one, so that a second crash names the culprit.
        self._suspects = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self._alive()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._child = None
        for child in self._children:
            await child.stop()

    async def compile(
        self, text: str, *, source: str, packages: Packages | None = None
    ) -> Template:
        """Compile a text; `packages` are what it may import: import path -> file name -> text.

        Raises:
            Problem, Problems: all errors, `cue.syntax`, `cue.reference` (an undefined name or
                import) or `cue.error`; positions name `source`, or import path/file name.
        """
        content = _text(text, source, packages)
        await self.ask("compile", content, DEADLINE)
        return Template(content, self)

    async def evaluate(
        self,
        text: str,
        fills: Sequence[Fill],
        paths: Sequence[str],
        *,
        source: str,
        packages: Packages | None = None,
        marks: Sequence[str] = (),
        require: Sequence[str] = (),
        actions: bool = False,
        origins: Sequence[str] = (),
        partial: Sequence[str] = (),
        deadline: float = DEADLINE,
    ) -> Evaluation:
        """Compile and evaluate in one round trip; see `compile` and `Template.evaluate`.

        `origins` are the paths whose values are traced to where they are written. Of the structs at
        `partial` those fields are exported that there are, also where an optional field that was
        not given would have made more.
        """
        arguments = templates.arguments_of(
            fills, paths, marks, require, actions=actions, origins=origins, partial=partial
        )
        content = _text(text, source, packages)
        return Evaluation.of(await self.ask("evaluate", content, deadline, **arguments))

    async def outline(self, text: str, *, source: str) -> Outline:
        """Imports and top-level fields with their byte ranges; nothing is compiled.

        Raises:
            Problem, Problems: `cue.syntax`.
        """
        raw = await self.ask("outline", _text(text, source, None), DEADLINE)
        return Outline.of(raw)

    async def format(self, text: str, *, source: str) -> str:
        """The text in the official layout.

        Raises:
            Problem, Problems: `cue.syntax`.
        """
        raw = await self.ask("format", _text(text, source, None), DEADLINE)
        return str(raw["text"])

    async def module(
        self, files: str | Mapping[str, str], *, source: str, deadline: float = DEADLINE
    ) -> Module:
        """Variables, outputs and providers of a Terraform module.

        It is given as the text of its one file, which `source` names, or as texts by file name.

        Raises:
            Problem, Problems: `cue.hcl` with file, line and column for what cannot be read.
        """
        if isinstance(files, str):
            content = _text(files, source, None)
        else:
            content = _text("", source, {"": files})
        return Module.of(await self.ask("module", content, deadline))

    def usage(self) -> dict[str, float]:
        """`pid`, `cpu_seconds` and `rss_bytes` of the running child, and `restarts` so far."""
        child = self._child
        used = {} if child is None or child.ended else child.usage()
        none = {"pid": 0, "cpu_seconds": 0.0, "rss_bytes": 0}
        return {**none, **used, "restarts": max(0, self._starts - 1)}

    async def ask(self, verb: str, text: Text, deadline: float, **arguments: Any) -> Any:
        """Ask one verb of a text, again where the child was lost through no fault of the request.

        Raises:
            Problem, Problems: what the verb found; `cue.deadline`, `cue.memory`, `cue.engine`.
        """
        message = {"verb": verb, "key": text.key, **arguments}
        async with self._slots:
            try:
                return await self._until_answered(message, text, deadline)
            except process.Lost as lost:
                if lost.reason == "memory" and lost.alone:
                    raise self._blame(lost, text) from lost
        async with self._suspects:
            try:
                return await self._until_answered(message, text, deadline)
            except process.Lost as lost:
                raise self._blame(lost, text) from lost

    async def _until_answered(self, request: dict[str, Any], text: Text, deadline: float) -> Any:
        """Ask, and again as often as another request's deadline ends the child.

        Raises:
            Problem: `cue.deadline`.
            Lost: the child crashed or ran out of memory while this was under way.
        """
        while True:
            try:
                return await self._once(await self._alive(), request, text, deadline)
            except process.Late as late:
                message = f"evaluating {text.source} took longer than {deadline:g} s"
                raise Problem("cue.deadline", message) from late
            except process.Lost as lost:
                if lost.reason != "deadline":
                    raise

    async def _once(
        self, child: process.Child, message: dict[str, Any], text: Text, deadline: float
    ) -> Any:
        whole = {
            **message,
            "text": text.text,
            "source": text.source,
            "packages": text.packages,
        }
        answer = await child.ask(message if text.key in child.known else whole, deadline)
        error = answer.get("error")
        if error is not None and error["kind"] == "key":  # evicted from the child's cache
            answer = await child.ask(whole, deadline)
            error = answer.get("error")
        if error is None:
            if message["verb"] in _COMPILING:
                child.known.add(text.key)
            return answer["result"]
        raise_any(reports.problems(error.get("problems")))
        raise Problem("cue.engine", error["message"])

    async def _alive(self) -> process.Child:
        async with self._starting:
            if self._child is None or self._child.ended:
                program = self._program or natives.locate("engine")
                self._child = await process.Child.start(program, self._arguments)
                self._children = [each for each in self._children if not each.exited.is_set()]
                self._children.append(self._child)
                self._starts += 1
            return self._child

    def _blame(self, lost: process.Lost, text: Text) -> Problem:
        if lost.reason == "memory":
            limit = f"{self._memory_mib} MiB"
            return Problem("cue.memory", f"evaluating {text.source} takes more memory than {limit}")
        if lost.reason == "stopped":
            return Problem("cue.engine", "the evaluator has been stopped", retry=True)
        message = f"the evaluator crashed on {text.source}: {lost.detail}"
        return Problem("cue.engine", message, retry=True)


_COMPILING: Final = frozenset({"compile", "evaluate", "vet", "describe", "schema"})


def _text(text: str, source: str, packages: Packages | None) -> Text:
    packages = packages or {}
    content = orjson.dumps([text, source, packages], option=orjson.OPT_SORT_KEYS)
    return Text(hashlib.blake2b(content, digest_size=16).hexdigest(), text, source, packages)
