"""What Terraform says, read: lines of its JSON form or plain text. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

# what a plan does that cannot be undone by another one
_DESTRUCTIVE: Final = frozenset({"delete", "replace", "remove"})
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_BOX: Final = "╷│╵ "
# what comes before the errors themselves
_PREFACE: Final = re.compile(r"problems (during initiali[sz]ation|with the configuration)\b")
_PLACE: Final = re.compile(r"^\s*on (?P<file>\S+) line (?P<line>\d+)")


@dataclass(frozen=True)
class Change:
    """What a plan does with one resource: `action` is create, update, replace, delete, read."""

    address: str
    action: str
    reason: str = ""

    @property
    def destructive(self) -> bool:
        return self.action in _DESTRUCTIVE


@dataclass(frozen=True)
class Fault:
    """Something that is wrong with a field of the Configuration."""

    path: str
    message: str


@dataclass
class Reading:
    """What one command has said so far.

    `lines` are what people read; `errors` are whole messages, those with a place in a file begin
    with it, `main.tf:3:5`; `faults` are errors in a file that was written from a field of the
    Configuration, which `field_of` tells of file and line.
    """

    field_of: Callable[[str, int], str] = lambda file, line: ""
    lines: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    drift: list[Change] = field(default_factory=list)
    summary: str = ""

    def take(self, line: str) -> tuple[str, ...]:
        """Take in one line; returns what people read of it."""
        found = _json(line)
        said = tuple(self._plain(line)) if found is None else tuple(self._said(found))
        self.lines += said
        return said

    def end(self) -> None:
        """Plain errors are told in blocks: look at all there was."""
        blocks = list(_blocks(self.lines))
        for error in blocks:
            place = next((m for m in map(_PLACE.match, error) if m), None)
            title = error[0].removeprefix("Error: ")
            body = [each for each in error[1:] if not _PLACE.match(each) and not _quoted(each)]
            detail = " ".join(" ".join(body).split())
            text = ": ".join(filter(None, (" ".join(title.split()), detail)))
            if place is not None:
                file, line = place["file"], int(place["line"])
                self._located(file, line, f"{file}:{line}: {text}", text)
            elif not (len(blocks) > 1 and _PREFACE.search(text)):
                self.errors.append(text)

    def _located(self, file: str, line: int, said: str, text: str) -> None:
        path = self.field_of(file, line)
        if path:
            self.faults.append(Fault(path, text))
        self.errors.append(f"{path}: {text}" if path else said)

    @property
    def error(self) -> str:
        return "\n".join(dict.fromkeys(self.errors))

    def _plain(self, line: str) -> Iterator[str]:
        text = _COLOUR.sub("", line).lstrip(_BOX).rstrip()
        if text:
            yield text

    def _said(self, found: Mapping[str, Any]) -> Iterator[str]:
        kind = found.get("type")
        if kind == "diagnostic":
            yield from self._diagnosed(found["diagnostic"])
            return
        if kind == "version":
            return
        if kind in ("planned_change", "resource_drift"):
            change = found["change"]
            known = Change(
                change["resource"]["addr"], change["action"], str(change.get("reason") or "")
            )
            (self.changes if kind == "planned_change" else self.drift).append(known)
        if kind == "change_summary":
            self.summary = str(found["@message"])
        yield str(found.get("@message", ""))

    def _diagnosed(self, found: Mapping[str, Any]) -> Iterator[str]:
        text = diagnosis(found)
        if found.get("severity") != "error":
            yield f"Warning: {text}"
            return
        place, plain = found.get("range"), diagnosis({**found, "range": None})
        if place:
            self._located(place["filename"], place["start"]["line"], text, plain)
        else:
            self.errors.append(text)
        yield f"Error: {self.errors[-1]}"


def diagnosis(found: Mapping[str, Any]) -> str:
    """One error or warning as a sentence, with its place in a file before it."""
    text = ": ".join(
        " ".join(str(found[each]).split()) for each in ("summary", "detail") if found.get(each)
    )
    if address := found.get("address"):
        text = f"{address}: {text}"
    place = found.get("range")
    if not place:
        return text
    start = place["start"]
    return f"{place['filename']}:{start['line']}:{start['column']}: {text}"


def invalid(text: str) -> list[str]:
    """`validate -json`: what is wrong with the configuration itself, whatever the world is like."""
    try:
        found = orjson.loads(text[text.index("{") :])
    except (ValueError, orjson.JSONDecodeError):
        return []
    errors = [each for each in found["diagnostics"] if each["severity"] == "error"]
    return [diagnosis(each) for each in errors if each.get("range")]


def outputs(text: str) -> dict[str, dict[str, Any]]:
    """`output -json`: name -> `value`, `type`, `sensitive`."""
    found = orjson.loads(text or "{}")
    return dict(found) if isinstance(found, dict) else {}


def kept_outputs(state: bytes | None) -> dict[str, dict[str, Any]]:
    """The same from a state, which has them in the same form."""
    return dict(orjson.loads(state).get("outputs") or {}) if state else {}


def written(value: Any) -> str:
    """An output as it stands in a Secret: texts as they are, the rest as JSON."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def counted(changes: Iterable[Change]) -> str:
    """`2 to create, 1 to update`; empty for none."""
    counts: dict[str, int] = {}
    for each in changes:
        counts[each.action] = counts.get(each.action, 0) + 1
    return ", ".join(f"{number} to {action}" for action, number in counts.items())


def _json(line: str) -> Mapping[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) and "@message" in found else None


def _blocks(lines: Iterable[str]) -> Iterator[list[str]]:
    block: list[str] = []
    for line in lines:
        if line.startswith("Error: "):
            if block:
                yield block
            block = [line]
        elif block and line.startswith("Warning: "):
            yield block
            block = []
        elif block:
            block.append(line)
    if block:
        yield block


def _quoted(line: str) -> bool:
    """A line of the excerpt that Terraform shows: `   3:   foo = bar`."""
    return bool(re.match(r"^\s*\d+: ", line))
