"""The Kubernetes API as Lateen sees it. The only code that sends Kubernetes requests.

Objects are plain maps as the server sent them. `connect` is the way in; `client` has the verbs,
`informer` keeps a collection in memory.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from lateen.hub import credentials, kubeconfig
from lateen.hub.client import Client, Identity
from lateen.hub.connection import Connection
from lateen.hub.errors import ApiError
from lateen.hub.informer import Informer

__all__ = ["ApiError", "Client", "Identity", "Informer", "connect"]


@asynccontextmanager
async def connect(
    path: str | Path,
    context: str | None = None,
    *,
    timeout: float = 30.0,
    link: Callable[..., Connection] = Connection,
) -> AsyncIterator[Client]:
    """A client of the cluster a kubeconfig names; `timeout` is in seconds and for each attempt.

    `link` makes the connection; one that also tells of its requests is made by it.

    No request is sent yet. Credentials are read again when the server no longer takes them.

    Raises:
        Problem: `hub.kubeconfig` when the kubeconfig cannot be used.
    """
    access = await kubeconfig.load(path, context)

    async def reload() -> credentials.Access:
        return await kubeconfig.load(path, context)

    async with link(access, reload, timeout) as connection:
        yield Client(connection)
