"""A watch that goes on: bookmarks, server-side timeouts, lost connections, waiting after failures.

What it cannot mend, that the changes since a resourceVersion are no longer known (410), it raises.
An informer goes on with `unbroken` ones only: after an interruption the server may be another than
before, restored from a backup, and it lists again.
"""

from __future__ import annotations

import logging
import random
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import urlencode

import anyio
import orjson

from lateen.api.manifest import Manifest
from lateen.base.backoff import Backoff
from lateen.hub import errors
from lateen.hub.connection import Call, Connection
from lateen.hub.resources import Resource

_LOG = logging.getLogger(__name__)

Event = tuple[str, Manifest]
Way = Callable[[Connection, Resource, str, Mapping[str, str], str], AsyncGenerator[Event]]
BOOKMARK = "BOOKMARK"

PAUSES = Backoff(first=0.2, factor=2.0, ceiling=15.0)
# the server ends a watch after this long (seconds), spread so that not all come back at once
_LENGTH = (240.0, 480.0)
SHORT = 1.0  # a watch that the server ends sooner has not worked


async def unbroken(
    connection: Connection,
    resource: Resource,
    path: str,
    query: Mapping[str, str],
    resource_version: str,
) -> AsyncGenerator[Event]:
    """Changes to the collection at `path` since a resourceVersion, until the watch is interrupted:
    that the server ends one after its time is no interruption.

    Objects have apiVersion and kind. Bookmarks come too: they hold nothing but a resourceVersion.

    Raises:
        ApiError: what interrupted it.
    """
    position = resource_version
    failures = 0
    while True:
        began = anyio.current_time()
        call = _call(resource, path, query, position)
        async with connection.open(call, silence=connection.silence) as lines:
            async for line in lines:
                event = _event(line, resource)
                position = event[1]["metadata"]["resourceVersion"]
                failures = 0
                yield event
        failures = failures + 1 if anyio.current_time() - began < SHORT else 0
        await connection.pause(pause(failures))


async def watch(
    connection: Connection,
    resource: Resource,
    path: str,
    query: Mapping[str, str],
    resource_version: str,
) -> AsyncGenerator[Event]:
    """As `unbroken`, without bookmarks, and for ever: it goes on after what interrupts it.

    Raises:
        ApiError: `gone`, or what trying again does not help against (`forbidden`).
    """
    position = resource_version
    failures = 0
    while True:
        try:
            async with aclosing(unbroken(connection, resource, path, query, position)) as events:
                async for kind, found in events:
                    position = found["metadata"]["resourceVersion"]
                    failures = 0
                    if kind != BOOKMARK:
                        yield kind, found
        except errors.ApiError as error:
            if not error.transient:
                raise
            _LOG.debug("watch of %s is resumed after: %s", resource.plural, error)
        failures += 1
        await connection.pause(pause(failures))


def pause(failures: int) -> float:
    """Seconds to wait after the n-th failure in a row, spread by a quarter to either side."""
    return PAUSES.delay(failures) * random.uniform(0.75, 1.25)  # noqa: S311


def _call(resource: Resource, path: str, query: Mapping[str, str], position: str) -> Call:
    length = random.uniform(*_LENGTH)  # noqa: S311
    full = {
        **query,
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": position,
        "timeoutSeconds": str(int(length)),
    }
    return Call("GET", f"{path}?{urlencode(full)}", "watch", resource.plural)


def _event(line: bytes, resource: Resource) -> Event:
    """One line of a watch.

    Raises:
        ApiError: for an ERROR event its Status; `Broken` for a line that was cut off.
    """
    try:
        event: dict[str, Any] = orjson.loads(line)
        kind, found = event["type"], event["object"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise errors.ApiError(0, "Broken", "a watch event broke off", verb="watch") from error
    if kind == "ERROR":
        raise errors.from_status(found, verb="watch")
    return kind, {"apiVersion": resource.api_version, "kind": resource.kind, **found}
