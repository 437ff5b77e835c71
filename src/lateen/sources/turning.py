"""The Python face of the native renderer: charts and trees of files turned into objects.

Source: native/renderer.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from lateen.base import hashing, natives
from lateen.base.problem import Problem, Problems, every
from lateen.cue.engine import Engine
from lateen.cue.templates import Text

_REMEMBERED: Final = 64  # charts
_DEADLINE: Final = 30.0  # seconds; a large chart takes a tenth of one


@dataclass(frozen=True)
class Choice:
    """A version out of several, and where an index says it is."""

    version: str
    urls: tuple[str, ...] = ()
    digest: str = ""


class Renderer:
    """Starts the program with the first question: who has no charts does not pay for it."""

    def __init__(self, *, memory_mib: int = 512) -> None:
        self._memory_mib = memory_mib
        self._engine: Engine | None = None
        self._charts: OrderedDict[str, dict[str, Any]] = OrderedDict()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._engine is not None:
            await self._engine.__aexit__(kind, error, traceback)

    async def chart(
        self, asked: dict[str, Any], shown: str, deadline: float = _DEADLINE, *, key: str
    ) -> dict[str, Any]:
        """Render a chart; the fields are those of `chartRequest` in native/renderer/charts.go.

        `key` changes with the chart. The same question gets the same answer as long as it is
        remembered, also where a template makes up passwords.

        Raises:
            Problem, Problems: `chart.*`.
        """
        digest = hashing.digest([key, asked], 32)
        if digest in self._charts:
            self._charts.move_to_end(digest)
            return self._charts[digest]
        found: dict[str, Any] = await self._ask("chart", asked, shown, deadline)
        self._charts[digest] = found
        if len(self._charts) > _REMEMBERED:
            self._charts.popitem(last=False)
        return found

    async def kustomize(
        self, root: Path, directory: str, overlay: dict[str, Any], shown: str
    ) -> list[dict[str, Any]]:
        """Build a directory of a tree of files, with a kustomization laid over it.

        Raises:
            Problem, Problems: `kustomize.*`.
        """
        asked = {"root": str(root), "directory": directory, "overlay": overlay}
        found: list[dict[str, Any]] = (await self._ask("kustomize", asked, shown, _DEADLINE))[
            "objects"
        ]
        return found

    async def absent(self, chart: Path, shown: str) -> list[dict[str, str]]:
        """What a chart depends on and does not hold: `name`, `version` and `repository` of each.

        Raises:
            Problem, Problems: `chart.load`, `chart.dependency`.
        """
        asked = {"path": str(chart)}
        found: list[dict[str, str]] = (await self._ask("depend", asked, shown, _DEADLINE))["absent"]
        return found

    async def pick(self, wanted: str, versions: Sequence[str], shown: str) -> Choice:
        """The highest of the versions in a range.

        Raises:
            Problem: `source.range`, `source.version`.
        """
        asked = {"range": wanted, "versions": list(versions)}
        return _choice(await self._ask("pick", asked, shown, _DEADLINE))

    async def pick_indexed(self, index: Path, name: str, wanted: str, shown: str) -> Choice:
        """The highest version in a range that the index of a chart repository has of a chart.

        Raises:
            Problem: `source.range`, `source.version`, `source.index`, `source.chart`.
        """
        asked = {"range": wanted, "index": str(index), "name": name}
        return _choice(await self._ask("pick", asked, shown, _DEADLINE))

    async def verify(
        self, archive: Path, provenance: Path, keyring: Path, name: str, shown: str
    ) -> list[str]:
        """Who signed an archive.

        Raises:
            Problem: `source.keyring`, `source.signature`.
        """
        files = {"archive": archive, "provenance": provenance, "keyring": keyring}
        asked = {key: str(path) for key, path in files.items()} | {"name": name}
        signed: list[str] = (await self._ask("verify", asked, shown, _DEADLINE))["signedBy"]
        return signed

    async def _ask(self, verb: str, asked: dict[str, Any], shown: str, deadline: float) -> Any:
        if self._engine is None:
            self._engine = Engine(
                program=natives.locate("renderer"), memory_mib=self._memory_mib, templates=None
            )
        text = Text(verb, "", shown, {})
        try:
            return await self._engine.ask(verb, text, deadline, **{verb: asked})
        except (Problem, Problems) as error:
            raise Problems(_named(each) for each in every(error)) from error


def _named(problem: Problem) -> Problem:
    """What the child that failed says of itself, in words for what it was asked."""
    if not problem.code.startswith("cue."):
        return problem
    message = problem.message.replace("evaluating", "rendering").replace("evaluator", "renderer")
    return replace(problem, code=f"chart.{problem.code.removeprefix('cue.')}", message=message)


def _choice(raw: dict[str, Any]) -> Choice:
    return Choice(raw["version"], tuple(raw.get("urls") or ()), raw.get("digest") or "")
