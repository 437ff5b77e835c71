"""States in Secrets: whole or not at all, whatever their size; one at a time."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import anyio
import orjson
import pytest

from lateen import hub
from lateen.api.manifest import Key
from lateen.base.clock import SystemClock
from lateen.base.problem import Problem
from lateen.controllers.terraform import states
from lateen.controllers.terraform.states import Place, States
from tests.conftest import Embedded

INFO = '{"Who": "ann@desk", "Created": "today"}'


def made(serial: int, size: int = 10, lineage: str = "a") -> bytes:
    text = random.Random(serial).randbytes(size).hex()
    return orjson.dumps({"lineage": lineage, "serial": serial, "resources": [{"text": text}]})


def run(kube: Embedded, work: Callable[[hub.Client], Awaitable[Any]]) -> Any:
    return kube.call(work, kube.client)


def test_a_big_state_is_in_parts_and_the_old_ones_go(kube: Embedded, namespace: str) -> None:
    place = Place(namespace, "db")

    async def work(client: hub.Client) -> None:
        known = States(client, SystemClock(), "me", part_bytes=1000)
        assert await known.read(place) is None
        for serial, size in enumerate((10, 5000, 9000, 20), 1):
            await known.write(place, made(serial, size))
            assert await known.read(place) == made(serial, size)
        found, _ = await client.list("", "v1", "Secret", namespace=namespace)
        assert [each["metadata"]["name"] for each in found] == ["tfstate-default-db"]
        await known.write(place, made(5, 5000))
        await known.delete(place)
        assert (await client.list("", "v1", "Secret", namespace=namespace))[0] == []

    run(kube, work)


def test_a_write_that_is_cut_off_leaves_the_state_before(kube: Embedded, namespace: str) -> None:
    """Killed after any number of requests, one of the two states can be read."""
    place = Place(namespace, "db")

    async def work(client: hub.Client) -> None:
        known = States(client, SystemClock(), "me", part_bytes=1000)
        writes = 0
        while True:
            await known.write(place, made(1, 3000))
            left = _Dying(client, writes)
            try:
                await States(left, SystemClock(), "me", part_bytes=1000).write(place, made(2, 3000))  # type: ignore[arg-type]
            except _DeadError:
                assert await known.read(place) in (made(1, 3000), made(2, 3000))
                writes += 1
            else:
                break
        assert writes > 5

    run(kube, work)


class Ahead(SystemClock):
    """The time so many seconds from now."""

    def __init__(self, seconds: float) -> None:
        self._ahead = timedelta(seconds=seconds)

    def now(self) -> datetime:
        return super().now() + self._ahead


class _DeadError(Exception):
    pass


class _Dying:
    """A client whose owner dies after so many writes."""

    def __init__(self, client: hub.Client, writes: int) -> None:
        self._client = client
        self._left = writes

    def __getattr__(self, verb: str) -> Any:
        if verb != "get":
            if not self._left:
                raise _DeadError
            self._left -= 1
        return getattr(self._client, verb)


def test_a_part_that_is_gone_is_told(kube: Embedded, namespace: str) -> None:
    place = Place(namespace, "db")

    async def work(client: hub.Client) -> None:
        known = States(client, SystemClock(), "me", part_bytes=1000)
        await known.write(place, made(1, 5000))
        found, _ = await client.list("", "v1", "Secret", namespace=namespace)
        part = next(e["metadata"]["name"] for e in found if "part" in e["metadata"]["name"])
        await client.delete(Key("", "Secret", namespace, part, "v1"))
        with pytest.raises(Problem, match="is damaged") as caught:
            await known.read(place)
        assert caught.value.code == "terraform.state"

    run(kube, work)


def test_one_holds_the_lock_until_it_is_given_up(kube: Embedded, namespace: str) -> None:
    place = Place(namespace, "db")

    async def work(client: hub.Client) -> None:
        mine, other = (States(client, SystemClock(), who) for who in ("me", "other"))
        async with mine.locked(place, "apply"):
            with pytest.raises(Problem, match="is locked by me@") as caught:
                async with other.locked(place, "apply"):
                    pass
            assert caught.value.code == "terraform.locked"
            async with mine.locked(place, "apply"):  # ours, of a life before
                pass
        async with other.locked(place, "apply"):
            pass

    run(kube, work)


def test_what_goes_with_its_namespace_needs_no_lock(kube: Embedded, namespace: str) -> None:
    """None can be made there any more: what waited for one would hold the namespace for ever."""
    place = Place(namespace, "db")
    held = {"name": "held", "namespace": namespace, "finalizers": ["lateen.dev/held"]}
    key = Key("", "ConfigMap", namespace, "held", "v1")

    async def work(client: hub.Client) -> bool:
        await client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": held})
        await client.delete(Key("", "Namespace", "", namespace, "v1"))
        entered = False
        async with States(client, SystemClock(), "me").locked(place, "destroy"):
            entered = True
        await client.patch(key, {"metadata": {"finalizers": None}})
        return entered

    assert run(kube, work)


def test_the_lock_of_one_that_died_ends(kube: Embedded, namespace: str) -> None:
    place = Place(namespace, "db")

    async def work(client: hub.Client) -> None:
        mine = States(client, SystemClock(), "me")
        early, late = (States(client, Ahead(seconds), "other") for seconds in (10, 120))
        async with mine.locked(place, "apply"):
            with pytest.raises(Problem):
                async with early.locked(place, "apply"):
                    pass
            async with late.locked(place, "apply"):
                pass

    run(kube, work)


def test_the_lock_of_a_person_does_not(kube: Embedded, namespace: str) -> None:
    place = Place(namespace, "db")
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": "lock-tfstate-default-db",
            "namespace": namespace,
            "annotations": {"app.terraform.io/lock-info": INFO},
        },
        "spec": {"holderIdentity": "some-id"},
    }

    async def work(client: hub.Client) -> None:
        await client.create(lease)
        with pytest.raises(Problem, match="locked by ann@desk since today"):
            async with States(client, SystemClock(), "me").locked(place, "apply"):
                pass

    run(kube, work)


def test_two_at_once_do_not_both_get_it(kube: Embedded, namespace: str) -> None:
    place = Place(namespace, "db")

    async def work(client: hub.Client) -> None:
        inside, most = 0, 0

        async def contend(who: str) -> None:
            nonlocal inside, most
            try:
                async with States(client, SystemClock(), who).locked(place, "apply"):
                    inside += 1
                    most = max(most, inside)
                    await anyio.sleep(0.05)
                    inside -= 1
            except Problem:
                pass

        async with anyio.create_task_group() as tasks:
            for number in range(8):
                tasks.start_soon(contend, f"w{number}")
        assert most == 1

    run(kube, work)


@pytest.mark.parametrize(
    ("local", "kept", "expected"),
    [
        pytest.param(None, None, None, id="nothing"),
        pytest.param(made(1), None, made(1), id="what was never kept"),
        pytest.param(None, made(1), made(1), id="a new machine"),
        pytest.param(made(3), made(2), made(3), id="a run that was cut off is ahead"),
        pytest.param(made(2), made(3), made(3), id="another has gone on"),
        pytest.param(made(9, lineage="b"), made(3), made(3), id="not of this line"),
    ],
)
def test_which_state_to_go_on_with(
    local: bytes | None, kept: bytes | None, expected: bytes | None
) -> None:
    assert states.newer(local, kept) == expected


def test_what_a_state_holds_is_told_by_its_addresses() -> None:
    state = {
        "resources": [
            {"mode": "managed", "type": "a", "name": "x", "instances": [{}]},
            {"mode": "data", "type": "a", "name": "y", "instances": [{}]},
            {
                "module": "module.deep",
                "mode": "managed",
                "type": "b",
                "name": "z",
                "instances": [{"index_key": 0}, {"index_key": "k"}],
            },
        ]
    }
    found = states.resources(orjson.dumps(state))
    assert found == ["a.x", "module.deep.b.z[0]", 'module.deep.b.z["k"]']
    assert states.resources(None) == []
