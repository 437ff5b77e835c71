"""Log lines for machines: one JSON object each, with what the line is about in fields of its own.

What a line is about is said where it is logged (`extra=about(...)`): a line for people has the same
in its text.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import orjson

_TEXT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def about(**fields: str) -> dict[str, Any]:
    """What a line is about, for `extra`: application, namespace, revision, step and the like."""
    return {"about": {name: value for name, value in fields.items() if value}}


class JsonLines(logging.Formatter):
    """`time` (RFC 3339), `level`, `logger`, `message`, what it is about, `trace` of an error."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        line = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "about", {}),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def formatter(kind: str) -> logging.Formatter:
    """For `text` lines as people read them, for `json` one object a line."""
    return JsonLines() if kind == "json" else logging.Formatter(_TEXT)


def choose(kind: str) -> None:
    """Write every line from now on as `text` or as `json`."""
    for handler in logging.getLogger().handlers:
        handler.setFormatter(formatter(kind))
