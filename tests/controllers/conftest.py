"""Lateen's controller at work on the embedded Kubernetes, and a namespace to deliver into."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest

from lateen import hub
from lateen.api.definition import Definition
from lateen.controllers import installing, settings
from lateen.controllers.terraform import logins
from lateen.cue.engine import Engine
from lateen.definitions import files
from tests.conftest import Embedded, Neighbour
from tests.controllers import laboratory
from tests.controllers.fleet import Joined
from tests.controllers.laboratory import Interruptible, Laboratory, Plane

Types = Callable[[Engine], Awaitable[list[Definition]]]


@pytest.fixture(scope="package")
def plane(kube: Embedded) -> Iterator[Plane]:
    """The application controller with our kinds and the built-in definitions.

    It runs only while tests of this package do: those of other packages write status themselves.
    """
    with controlled(kube) as plane:
        yield plane


@contextmanager
def controlled(kube: Embedded, given: Types = files.builtins) -> Iterator[Plane]:
    """A Kubernetes made a control plane of ours, with the definitions that are given."""
    with (
        kube.portal.wrap_async_context_manager(Interruptible()) as engine,
        kube.portal.wrap_async_context_manager(laboratory.connect(kube.kubeconfig)) as link,
    ):
        kube.call(_install, kube.client, engine, given)
        plane = Plane(kube, link, engine)
        plane.start()
        yield plane
        plane.close()


async def _install(client: hub.Client, engine: Engine, given: Types) -> None:
    await installing.install(client, await given(engine), logins.templates())


@pytest.fixture
def lab(plane: Plane, namespace: str) -> Iterator[Laboratory]:
    """A namespace of its own, as the author of applications in it sees it."""
    plane.revive()  # a test may have stopped it
    here = Laboratory(plane, namespace)
    yield here
    here.leave()


@pytest.fixture(scope="package")
def alert(plane: Plane) -> Iterator[Plane]:
    """A controller that soon notices that a cluster is down."""
    with plane.governed(settings.Settings(cluster_interval=1, cluster_timeout=3)):
        yield plane


@pytest.fixture
def fleet(
    alert: Plane, neighbours: tuple[Neighbour, Neighbour], lab: Laboratory
) -> Iterator[tuple[Joined, Joined]]:
    """Two clusters, ready to be joined as `east-...` and `west-...`, with the namespace."""
    alert.start()
    names = [f"{side}-{lab.namespace.removeprefix('test-')}" for side in ("east", "west")]
    east, west = (Joined(name, lab, there) for name, there in zip(names, neighbours, strict=True))
    for each in (east, west):
        each.make_namespace()
    yield east, west
    for each in (east, west):
        each.mend()
    lab.leave()
    for each in (east, west):
        each.leave()
