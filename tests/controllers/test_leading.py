"""Of several controllers one works, and another takes its place."""

from __future__ import annotations

import anyio
import pytest

from lateen import hub
from lateen.api.manifest import Key
from lateen.base.clock import SystemClock
from lateen.base.problem import Problem
from lateen.controllers import leading
from lateen.hub.connection import Connection
from tests.controllers import proxies


@pytest.fixture
def candidate(kube, namespace):
    def made(name):
        return leading.Candidate(
            kube.client, SystemClock(), namespace, name, duration=60.0, pause=0.2
        )

    return made


def lease(namespace):
    return Key("coordination.k8s.io", "Lease", namespace, "lateen-controllers", "v1")


def test_who_ends_well_makes_room_at_once(kube, candidate):
    worked = []

    async def play() -> None:
        stop, begun = anyio.Event(), anyio.Event()

        async def first() -> None:
            worked.append("first")
            begun.set()
            await stop.wait()

        async def second() -> None:
            worked.append("second")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(candidate("first").lead, first)
            await begun.wait()
            waits = candidate("second")
            tasks.start_soon(waits.lead, second)
            await anyio.sleep(1.0)
            assert worked == ["first"]
            assert waits.waiting
            stop.set()

    kube.call(play)
    assert worked == ["first", "second"]


def test_who_ends_makes_room_though_the_api_server_is_slow(kube, namespace):
    async def work() -> None:
        proxy.lag = 0.5  # seconds: more than there are between two looks

    with kube.portal.wrap_async_context_manager(proxies.opened(kube.kubeconfig)) as found:
        proxy, access = found
        with kube.portal.wrap_async_context_manager(Connection(access)) as link:
            slow = leading.Candidate(hub.Client(link), SystemClock(), namespace, "slow", pause=0.2)
            kube.call(slow.lead, work)
    assert kube.call(kube.client.get, lease(namespace))["spec"].get("holderIdentity", "") == ""


def test_a_lease_that_is_not_renewed_is_taken(kube, namespace, candidate):
    left = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "lateen-controllers", "namespace": namespace},
        "spec": {"holderIdentity": "dead", "leaseDurationSeconds": 1, "leaseTransitions": 3},
    }
    kube.call(kube.client.create, left)

    async def work() -> None:
        found = await kube.client.get(lease(namespace))
        assert found["spec"]["holderIdentity"] == "next"
        assert found["spec"]["leaseTransitions"] == 4

    kube.call(candidate("next").lead, work)
    assert kube.call(kube.client.get, lease(namespace))["spec"].get("holderIdentity", "") == ""


def test_who_lost_it_ends(kube, namespace, candidate):
    async def work() -> None:
        await kube.client.patch(lease(namespace), {"spec": {"holderIdentity": "thief"}})
        await anyio.sleep_forever()

    with pytest.raises(ExceptionGroup) as caught:
        kube.call(candidate("first").lead, work)
    [problem] = caught.value.exceptions
    assert isinstance(problem, Problem)
    assert problem.code == "leading.lost"
    assert "thief holds it" in problem.message
    assert kube.call(kube.client.get, lease(namespace))["spec"]["holderIdentity"] == "thief"
