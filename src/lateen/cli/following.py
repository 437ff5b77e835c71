"""An application as it changes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from lateen import hub
from lateen.api.application import Application
from lateen.api.manifest import Key


async def application(client: hub.Client, key: Key) -> AsyncGenerator[Application | None]:
    """The application as it is now and after every change; None while it is not there.

    For ever; leave it through `contextlib.aclosing`.
    """
    kind_of = (key.group, key.version, key.kind)
    space, chosen = key.namespace, f"metadata.name={key.name}"
    while True:
        found, version = await client.list(*kind_of, namespace=space, field_selector=chosen)
        yield Application(found[0]) if found else None
        watch = client.watch(
            *kind_of, namespace=space, field_selector=chosen, resource_version=version
        )
        try:
            async with aclosing(watch) as events:
                async for kind, raw in events:
                    yield None if kind == "DELETED" else Application(raw)
        except hub.ApiError as error:
            if not error.gone:  # what happened since is no longer known: read it anew
                raise
