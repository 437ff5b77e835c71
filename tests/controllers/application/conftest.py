"""Servers on loopback that the steps of an application speak to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.controllers.laboratory import Laboratory
from tests.controllers.neighbours import Server
from tests.providers.test_mailing import Office, opened
from tests.providers.worlds import served
from tests.sources.fixtures import pages, registry, repository

__all__ = ["office", "pages", "registry", "repository", "server"]


@pytest.fixture
def server(lab: Laboratory) -> Iterator[Server]:
    found = Server()
    portal = lab.plane.kube.portal
    with portal.wrap_async_context_manager(served(found.answer)) as url:
        found.url = url
        yield found


@pytest.fixture
def office(lab: Laboratory) -> Iterator[tuple[Office, int]]:
    """A mail server, and its port."""
    found = Office()
    with lab.plane.kube.portal.wrap_async_context_manager(opened(found)) as port:
        yield found, port
