"""One real engine for each test file; objects of the embedded Kubernetes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from lateen import hub
from lateen.cue.engine import Engine
from lateen.providers.objects import Direct
from lateen.providers.sending import Sender
from tests.conftest import Embedded
from tests.fakes.clock import StillClock


@pytest.fixture(scope="module")
async def engine(anyio_backend: str) -> AsyncIterator[Engine]:
    async with Engine() as engine:
        yield engine


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
async def objects(kube: Embedded) -> AsyncIterator[Direct]:
    async with hub.connect(kube.kubeconfig) as client:
        yield Direct({"local": client})


@pytest.fixture
async def http(clock: StillClock) -> AsyncIterator[Sender]:
    async with aiohttp.ClientSession() as session:
        yield Sender(session, clock)
