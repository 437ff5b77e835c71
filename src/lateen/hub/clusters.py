"""The clusters that can be delivered to: `local`, and those joined by a Secret (semantics D).

Each joined cluster has a client of its own, which goes there directly, and somebody who looks
whether it answers. One that does not is known to be down: whoever asks for it is told so at once,
instead of waiting for it, and is told when it is back.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import anyio
import orjson
from anyio.abc import TaskGroup

from lateen.api import names
from lateen.api.manifest import Manifest
from lateen.base import clock, suggest
from lateen.base.backoff import Backoff
from lateen.base.problem import Problem
from lateen.hub import errors, kubeconfig, members
from lateen.hub.client import Client
from lateen.hub.connection import Call, Connection
from lateen.hub.credentials import Access
from lateen.hub.informer import Informer
from lateen.hub.members import Member

_LOG = logging.getLogger(__name__)

_PAUSES = Backoff(first=0.5, factor=2.0, ceiling=15.0)  # seconds between looks at one that is down
_GAP = 0.5  # seconds between two looks, however many requests fail
_NOTED = timedelta(minutes=5)  # how old the time in the Secret may get
_ANSWER = 5.0  # seconds that a cluster has to say that it is there
_FORGIVEN = frozenset({403, 404})  # it answers; it only does not like the question
_STRANGERS = 401
_RENEW = (
    "our credentials are not valid there, or no longer; "
    "`lateen cluster join --renew` gives it new ones"
)

AWAY = frozenset({"cluster.unreachable", "cluster.unknown"})
"""Codes of problems that are no fault of what is delivered: the cluster is not there (now)."""

Changed = Callable[[str], None]


@dataclass(frozen=True)
class Cluster:
    """A cluster that answers. `tasks` end when it leaves, or is connected to anew."""

    name: str
    client: Client
    tasks: TaskGroup


@dataclass
class _Joined:
    """A joined cluster at work. `fault` is why it does not answer; None before the first look."""

    member: Member
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    cluster: Cluster | None = None
    fault: str | None = None
    seen: datetime | None = None
    noted: datetime | None = None
    doubt: anyio.Event = field(default_factory=anyio.Event)
    judged: anyio.Event = field(default_factory=anyio.Event)

    @property
    def state(self) -> str:
        if self.fault is None:
            return "coming"
        return "down" if self.fault else "up"


class Clusters:
    """All clusters by name. `timeout` is for one request to a joined one, `interval` between two
    looks at one that is well; both are in seconds.
    """

    def __init__(
        self,
        hub: Client,
        tasks: TaskGroup,
        *,
        timeout: float = 10.0,
        interval: float = 30.0,
        now: clock.Clock | None = None,
    ) -> None:
        self._hub = hub
        self._tasks = tasks
        self._timeout = timeout
        self._interval = interval
        self._clock = now or clock.SystemClock()
        self._local = Cluster(names.LOCAL, hub, tasks)
        self._joined: dict[str, _Joined] = {}
        self._changed: Changed = lambda _: None
        self._secrets = Informer(
            hub,
            "",
            "v1",
            "Secret",
            names.SYSTEM_NAMESPACE,
            label_selector=names.CLUSTER_CREDENTIAL,
        )
        self.local_version: Mapping[str, Any] = {}
        self.turn = 0  # moves on when there are others, or other labels

    async def run(self, changed: Changed) -> None:
        """Know all there are; returns when each has been looked at once.

        `changed` is called with the name of a cluster that joined or left, got other labels, or is
        down or back.
        """
        self._secrets.on_change(self._follow)
        self._tasks.start_soon(self._secrets.run, name="watch clusters")
        await self._secrets.wait_synced()
        for joined in list(self._joined.values()):
            await joined.judged.wait()
        self._changed = changed

    def at(self, name: str) -> Cluster:
        """The cluster of that name; empty for the control plane's own.

        Raises:
            Problem: `cluster.unknown`, `cluster.unreachable`; in both cases it may come (back).
        """
        if name in ("", names.LOCAL):
            return self._local
        joined = self._joined.get(name)
        if joined is None:
            raise unknown(name, self.labels)
        if joined.cluster is None or joined.fault != "":
            raise unreachable(name, joined.fault or "it is being connected to", joined.seen)
        return joined.cluster

    def knows(self, name: str) -> bool:
        """Whether there is such a cluster, up or down. One that left has nothing of ours."""
        return name in ("", names.LOCAL) or name in self._joined

    @property
    def labels(self) -> dict[str, Mapping[str, str]]:
        """Every cluster with its labels: `local`, then the newest first (semantics D)."""
        found = (joined.member for joined in self._joined.values() if joined.fault is not None)
        return members.labelled(found)

    def version(self, name: str) -> Mapping[str, Any]:
        """What `/version` of the cluster answers; the control plane's where that is not known."""
        joined = self._joined.get(name)
        return (joined.member.version if joined else None) or self.local_version

    @property
    def states(self) -> list[tuple[str, str]]:
        """Which joined clusters there are, and whether they answer, for who wants to notice."""
        return [(name, f"{self.turn} {each.state}") for name, each in self._joined.items()]

    @property
    def clients(self) -> Mapping[str, Client]:
        """The clients by cluster; see `at` for what asking for one raises."""
        return _Clients(self)

    def _follow(self, old: Manifest | None, new: Manifest | None) -> None:
        member = Member(new or old or {})
        known = self._joined.get(member.name)
        if new is None:
            if known is not None:
                self._leave(known)
        elif known is None or known.member.digest != member.digest:
            if known is not None:
                self._leave(known)
            joined = self._joined[member.name] = _Joined(member)
            self.turn += 1
            self._tasks.start_soon(self._serve, joined, name=f"cluster {member.name}")
        else:
            before, known.member = known.member, member
            if (before.labels, before.version) != (member.labels, member.version):
                self.turn += 1
                self._changed(member.name)

    def _leave(self, joined: _Joined) -> None:
        joined.scope.cancel()
        joined.judged.set()
        self._joined.pop(joined.member.name, None)
        self.turn += 1
        self._changed(joined.member.name)

    async def _serve(self, joined: _Joined) -> None:
        """Connect to a cluster and keep an eye on it, until it leaves."""
        failures = 0
        with joined.scope:
            while True:
                try:
                    with anyio.fail_after(self._timeout):
                        access = await reached(self._hub, joined.member)
                except Problem as problem:
                    fault = str(problem)
                except TimeoutError:
                    fault = "its credentials cannot be had in time"
                else:
                    break
                failures += 1
                await self._judge(joined, fault)
                await anyio.sleep(_spread(_PAUSES.delay(failures)))

            async def renew() -> Any:
                return await reached(self._hub, joined.member)

            async with (
                Connection(access, renew, self._timeout) as link,
                anyio.create_task_group() as tasks,
            ):
                link.on_silence = joined.doubt.set
                joined.cluster = Cluster(joined.member.name, Client(link), tasks)
                await self._attend(joined, link)

    async def _attend(self, joined: _Joined, link: Connection) -> None:
        failures = 0
        while True:
            fault = await look(link, min(_ANSWER, self._timeout))
            # one lost answer is no verdict, unless there has been no other yet
            failures = failures + 1 if fault else 0
            if failures != 1 or joined.fault is None:
                if not fault and joined.fault:
                    link.revive()
                await self._judge(joined, fault)
            wait = _PAUSES.delay(failures) if failures else self._interval
            await anyio.sleep(_GAP)
            joined.doubt = anyio.Event()
            link.on_silence = joined.doubt.set if not failures else None
            with anyio.move_on_after(_spread(wait) - _GAP):
                await joined.doubt.wait()

    async def _judge(self, joined: _Joined, fault: str) -> None:
        """Take in what a look found; tell who wants to know, and whoever reads the Secret."""
        now, before = self._clock.now(), joined.fault
        turned = before is None or bool(before) != bool(fault)
        version = None
        if not fault:
            joined.seen = now
            if turned and joined.cluster is not None:
                version = await self._version(joined.cluster)
        elif joined.seen is None and joined.member.seen:
            joined.seen = clock.parse(joined.member.seen)
        if before != fault or joined.noted is None or now - joined.noted > _NOTED:
            joined.noted = now
            await self._note(joined, fault, version)
        joined.fault = fault
        joined.judged.set()
        if turned:
            said = f"is down: {fault}" if fault else "answers"
            level = logging.WARNING if fault else logging.INFO
            _LOG.log(level, "cluster %s %s", joined.member.name, said)
            self._changed(joined.member.name)

    async def _version(self, cluster: Cluster) -> Mapping[str, Any] | None:
        try:
            return await cluster.client.version()
        except errors.ApiError:
            return None  # the next look tells

    async def _note(self, joined: _Joined, fault: str, version: Mapping[str, Any] | None) -> None:
        """Write down how the cluster is, where `cluster list` and KubeVela read it."""
        said = {
            names.CLUSTER_HEALTHY: str(not fault).lower(),
            names.CLUSTER_REASON: fault or None,
            names.CLUSTER_SEEN: clock.stamp(joined.seen) if joined.seen else None,
        }
        if version is not None:
            said[names.CLUSTER_VERSION] = described(version)
        try:
            stored = await self._hub.patch(joined.member.key, {"metadata": {"annotations": said}})
        except errors.ApiError as error:
            if not error.not_found:
                _LOG.warning(
                    "the health of cluster %s is not written: %s", joined.member.name, error
                )
            return
        self._secrets.observe(stored)


class _Clients(Mapping[str, Client]):
    def __init__(self, clusters: Clusters) -> None:
        self._clusters = clusters

    def __getitem__(self, name: str) -> Client:
        return self._clusters.at(name).client

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._clusters.knows(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._clusters.labels)

    def __len__(self) -> int:
        return len(self._clusters.labels)


async def reached(hub: Client, member: Member) -> Access:
    """What it takes to reach a cluster. A login that had to be refreshed is kept in its Secret.

    Raises:
        Problem: `cluster.credentials`, `hub.kubeconfig`, `hub.credentials`.
    """

    async def keep(login: Mapping[str, str]) -> None:
        await hub.patch(member.key, members.refreshed(login))

    return await kubeconfig.of(member.kubeconfig, keep)


async def look(link: Connection, within: float = _ANSWER) -> str:
    """Why a cluster is not well, empty when it is. It has `within` seconds to answer."""
    call = Call("GET", "/readyz", "get", "readyz")
    try:
        await link.read(call, timeout=within, attempts=1)
    except (errors.ApiError, Problem) as error:
        if isinstance(error, errors.ApiError) and error.status in _FORGIVEN:
            return ""
        if isinstance(error, errors.ApiError) and error.status == _STRANGERS:
            return _RENEW
        return error.message
    return ""


def described(version: Mapping[str, Any]) -> str:
    """The annotation for what `/version` answered."""
    kept = ("major", "minor", "gitVersion", "platform")
    return orjson.dumps({name: version.get(name, "") for name in kept}).decode()


def unknown(name: str, known: Iterable[str]) -> Problem:
    """There is no cluster of that name."""
    listed = list(known)
    hint = suggest.nearest(name, listed)
    others = f"known clusters: {', '.join(listed)}"
    said = f"{hint} {others}" if hint else others
    return Problem("cluster.unknown", f'there is no cluster "{name}"', hint=said, retry=True)


def unreachable(name: str, why: str, seen: datetime | None = None) -> Problem:
    """A cluster that does not answer, perhaps for now."""
    since = f" (last seen {clock.stamp(seen)})" if seen else ""
    return Problem(
        "cluster.unreachable",
        f"cluster {name} does not answer: {why}{since}",
        hint="`lateen cluster probe` looks at it; what else is delivered does not wait for it",
        retry=True,
    )


def lost(name: str, error: errors.ApiError) -> Problem | None:
    """The error of a request to a joined cluster as what it means, when there was no answer, one
    that says that there is nobody to give it, or that we are strangers there (by now).
    """
    if name in ("", names.LOCAL):
        return None
    if error.status == _STRANGERS:
        return unreachable(name, _RENEW)
    if error.status == 0 or error.unavailable:
        return unreachable(name, error.message)
    return None


def _spread(seconds: float) -> float:
    """So that those who failed together do not come back together."""
    return seconds * random.uniform(0.75, 1.25)  # noqa: S311
