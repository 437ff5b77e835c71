"""Label selectors, read and matched on our side of the wire."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

Match = Callable[[Mapping[str, str]], bool]

_TERM = re.compile(
    r"""\s*(?:
        (?P<absent>!)?\s*(?P<bare>[\w./-]+)
      | (?P<key>[\w./-]+)\s*(?P<sign>==|=|!=)\s*(?P<value>[\w.-]*)
      | (?P<name>[\w./-]+)\s+(?P<word>in|notin)\s*\((?P<set>[^)]*)\)
    )\s*(?:,|$)""",
    re.VERBOSE,
)


def parse(text: str) -> Match:
    """A test for the labels of an object; an empty selector matches everything.

    Raises:
        ValueError: the text is no label selector.
    """
    terms: list[Match] = []
    at = 0
    while at < len(text):
        found = _TERM.match(text, at)
        if found is None:
            raise ValueError(f"not a label selector at character {at + 1}: {text}")
        terms.append(_term(found))
        at = found.end()
    return lambda labels: all(term(labels) for term in terms)


def _term(found: re.Match[str]) -> Match:
    if found["bare"]:
        key, absent = found["bare"], bool(found["absent"])
        return lambda labels: (key in labels) is not absent
    if found["key"]:
        key, values, wanted = found["key"], {found["value"]}, found["sign"] != "!="
    else:
        key, wanted = found["name"], found["word"] == "in"
        values = {value.strip() for value in found["set"].split(",")}
    # a label that is not there differs from every value
    return lambda labels: (labels.get(key) in values) is wanted
