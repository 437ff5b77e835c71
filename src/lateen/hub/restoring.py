"""An API server that is put back to an earlier state, from a backup.

What is remembered of it, and is under way because of that, is of a history that never happened.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from lateen.base.problem import Problem
from lateen.hub.connection import Connection


@contextmanager
def one_history(link: Connection) -> Iterator[None]:
    """What is done within ends as soon as the server turns out to have been restored: nothing more
    is sent by who believes in what was before.

    Raises:
        Problem: `hub.restored`.
    """
    with anyio.CancelScope() as scope:
        link.on_restored = scope.cancel
        try:
            yield
        finally:
            link.on_restored = None
    if scope.cancelled_caught:
        raise Problem(
            "hub.restored",
            "the API server was put back to an earlier state, and what was known of it is void",
            hint="the controllers are started again, and begin with what there is now",
            retry=True,
        )
