"""Differences on the terminal: a title for each object, then its lines of YAML that differ."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from rich.text import Text

from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.manifest import Manifest
from lateen.base import documents, paths
from lateen.cli import printing
from lateen.cli.forms import Differences, Output
from lateen.definitions import comparing, concealing
from lateen.definitions.comparing import Change

# written by the API server alone, or by us as a mark of the revision
_NOISE = ("managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink")
_MARKS = (names.RENDER_HASH, names.APP_REVISION, names.APP_REVISION_HASH)
_COPIES = (names.KUBECTL_LAST_APPLIED, names.RENDER_HASH)
_LONGEST = 60  # characters of a value
_STYLES = {"added": "green", "removed": "red", "changed": "yellow"}
_LINES = {"+": "green", "-": "red", "@": "cyan"}


@dataclass(frozen=True)
class Pair:
    """An object as it was and as it will be; None where there is none."""

    before: Manifest | None
    after: Manifest | None

    @property
    def versions(self) -> list[Manifest]:
        return [each for each in (self.before, self.after) if each is not None]


def show(pairs: Iterable[Pair], hidden: frozenset[str], output: Differences, context: int) -> bool:
    """Print the pairs that differ, without the texts that are `hidden`; whether any does."""
    found = changes(pairs, hidden)
    if output is not Differences.DIFF:
        printing.structured([change.to_map() for change, _ in found], Output(output.value))
        return bool(found)
    if not found:
        printing.stderr().print("Nothing differs.")
    for index, (change, pair) in enumerate(found):
        if index:
            printing.line_out("")
        printing.stdout().print(_title(change))
        for line in _lines(pair, context):
            printing.stdout().print(Text(line, _LINES.get(line[:1], "")))
    return bool(found)


def changes(pairs: Iterable[Pair], hidden: frozenset[str]) -> list[tuple[Change, Pair]]:
    """What differs, each with its pair, without the texts that are `hidden`."""
    found = []
    for pair in pairs:
        shown = _concealed(pair, hidden)
        before, after = ([each] if each else [] for each in (shown.before, shown.after))
        found += [(change, shown) for change in comparing.compare(before, after)]
    return found


def literal(value: Any) -> str:
    """A value on one line, shortened where it is long."""
    text = orjson.dumps(value).decode()
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _concealed(pair: Pair, hidden: frozenset[str]) -> Pair:
    given = [paths.MISSING if e is None else clean(e) for e in (pair.before, pair.after)]
    before, after = concealing.conceal(given[0], given[1], hidden)
    return Pair(*(None if each is paths.MISSING else each for each in (before, after)))


def clean(found: Manifest) -> Manifest:
    """The object without its status, and without what nobody declares."""
    meta = {k: v for k, v in manifests.metadata(found).items() if k not in _NOISE}
    for field, unwanted in (("labels", _MARKS), ("annotations", _COPIES)):
        kept = {k: v for k, v in (meta.pop(field, None) or {}).items() if k not in unwanted}
        if kept:
            meta[field] = kept
    body = {k: v for k, v in found.items() if k != "status"}
    return {**body, "metadata": meta}


def _title(change: Change) -> Text:
    text = Text(change.word, f"bold {_STYLES[change.word]}")
    text.append(f" {change.key}", "bold")
    if change.cluster:
        text.append(f" on cluster {change.cluster}")
    if change.effect:
        text.append(f": {change.effect.value}", "yellow")
    return text


def _lines(pair: Pair, context: int) -> Iterator[str]:
    before, after = (_yaml(each) for each in (pair.before, pair.after))
    lines = difflib.unified_diff(before, after, lineterm="", n=context)
    for index, line in enumerate(lines):
        if index > 1:  # the names of two files there are not
            yield line


def _yaml(found: Any) -> list[str]:
    return [] if found is None else documents.dump(_sorted(found)).splitlines()


def _sorted(value: Any) -> Any:
    """Keys in one order, whoever wrote them down: the API server has one of its own."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
