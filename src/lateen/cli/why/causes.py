"""One reason behind another: what is found out about an application. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Cause:
    """Something that is not as it should be. `below` are the reasons for it.

    Attributes:
        what: who it is about: `Pod web-1`, `step deploy`.
        why: what is the matter with it, in one line.
        kind: a stable word for scripts: `pod.image`.
        hints: what to do about it.
        since: when it was seen last, as Kubernetes writes times.
    """

    what: str
    why: str
    kind: str
    hints: tuple[str, ...] = ()
    since: str = ""
    below: tuple[Cause, ...] = ()

    def over(self, below: Iterable[Cause]) -> Cause:
        """The same with more reasons for it."""
        return replace(self, below=(*self.below, *below))

    def walk(self) -> Iterator[Cause]:
        yield self
        for each in self.below:
            yield from each.walk()


@dataclass(frozen=True)
class Chain:
    """From the most specific cause up to what it leads to; never empty."""

    links: tuple[Cause, ...]

    @property
    def root(self) -> Cause:
        return self.links[0]

    @property
    def hints(self) -> tuple[str, ...]:
        """What to do, as the most specific link that knows of anything says."""
        return next((link.hints for link in self.links if link.hints), ())

    def to_map(self) -> dict[str, Any]:
        return {
            "cause": _plain(self.root),
            "next": list(self.hints),
            "leadsTo": [_plain(link) for link in self.links[1:]],
        }


def chains(found: Iterable[Cause]) -> list[Chain]:
    """A chain for each cause that has no further reason, the most specific first."""
    every = [chain for cause in found for chain in _down(cause, ())]
    return sorted(every, key=lambda chain: -len(chain.links))


def _down(cause: Cause, above: tuple[Cause, ...]) -> Iterator[Chain]:
    here = (cause, *above)
    if not cause.below:
        yield Chain(here)
    for each in cause.below:
        yield from _down(each, here)


def alike(found: Iterable[Cause]) -> tuple[Cause, ...]:
    """Causes that differ only in the name of the object, told once: ten pods fail as one does."""
    groups: dict[tuple[Any, ...], list[Cause]] = {}
    for cause in found:
        groups.setdefault(_shape(cause), []).append(cause)
    return tuple(_counted(group) for group in groups.values())


def _shape(cause: Cause) -> tuple[Any, ...]:
    """Kinds all the way down; the word for what it is about without its name."""
    word = cause.what.split(" ", 1)[0]
    return (cause.kind, word, tuple(_shape(each) for each in cause.below))


def _counted(group: list[Cause]) -> Cause:
    first, others = group[0], len(group) - 1
    return replace(first, why=f"{first.why} (and {others} more like it)") if others else first


def _plain(cause: Cause) -> dict[str, Any]:
    fields = {
        "what": cause.what,
        "why": cause.why,
        "kind": cause.kind,
        "since": cause.since,
    }
    return {name: value for name, value in fields.items() if value}
