"""`events`: what happened to an application and everything it owns, in the order it happened."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

import anyio
import orjson
from anyio.abc import ObjectSendStream, TaskGroup
from rich.text import Text

from lateen import hub
from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.application import Application
from lateen.api.manifest import Manifest
from lateen.base import clock, documents
from lateen.base.problem import Problem
from lateen.cli import causes, connecting, describing, gathering, printing, reaching, trees
from lateen.cli.forms import Output
from lateen.hub import clusters, informer

_Send = ObjectSendStream[Manifest]

_HEADERS = ("AGE", "TYPE", "REASON", "OBJECT", "TIMES", "MESSAGE")
_PAUSE = 1.0  # seconds between two looks at what the application owns
_PATIENCE = 10.0  # seconds an event is kept whose object is not known to be the application's


@dataclass(frozen=True)
class Order:
    """What the user asked for."""

    name: str
    namespace: str
    watch: bool
    output: Output


async def events(order: Order, kubeconfig: str | None) -> None:
    """Print what happened; with `watch` go on until interrupted.

    Raises:
        Problem: `hub.not-found` when there is no such application.
    """
    async with connecting.plane(kubeconfig) as client, reaching.every(client) as reach:
        app = await connecting.application(client, order.namespace, order.name)
        if order.watch:
            async with anyio.create_task_group() as tasks:
                await _Watch(reach, order, tasks).run(app)
            return
        owned, spaces, away = await _owned(reach, app)
        _missing(away)
        found = [e for space in sorted(spaces) for e in await _known(reach, space)]
    shown = ordered(about(found, owned))
    if order.output is not Output.TABLE:
        printing.structured([informer.trim(each) for each in shown], order.output)
    elif shown:
        now = clock.SystemClock().now()
        rows = [
            _row(each, owned[subject(each)], describing.age(causes.moment(each), now))
            for each in shown
        ]
        printing.table(_HEADERS, rows)
    else:
        printing.stderr().print(f"Nothing is known to have happened to {order.name}.")


def _missing(away: Mapping[str, str]) -> None:
    """Say whose events are not among those that are shown."""
    for cluster, why in away.items():
        said = f"what happened in cluster {cluster} is not known: {why}"
        printing.stderr().print(Text(said, "yellow"))


def about(events: Iterable[Manifest], owned: Iterable[str]) -> list[Manifest]:
    """The events about objects of these uids."""
    uids = set(owned)
    return [each for each in events if subject(each) in uids]


def subject(event: Manifest) -> str:
    """The uid of the object that an event is about."""
    return str((event.get("involvedObject") or {}).get("uid") or "")


def ordered(events: Iterable[Manifest]) -> list[Manifest]:
    """The newest last; those of one moment in the order they were written."""

    def place(event: Manifest) -> tuple[float, int]:
        stamp = causes.moment(event)
        version = str(manifests.metadata(event).get("resourceVersion") or "0")
        return (clock.parse(stamp).timestamp() if stamp else 0.0, int(version))

    return sorted(events, key=place)


def _row(event: Manifest, cluster: str, when: str) -> list[str | Text]:
    place = "" if cluster == names.LOCAL else f" on {cluster}"
    told, kind = event.get("involvedObject") or {}, str(event.get("type") or "Normal")
    return [
        when,
        Text(kind, "" if kind == "Normal" else "yellow"),
        str(event.get("reason") or ""),
        f"{told.get('kind')}/{told.get('name')}{place}",
        str(causes.times(event)),
        " ".join(str(event.get("message") or "").split()),
    ]


async def _owned(
    reach: reaching.Reach, app: Application
) -> tuple[dict[str, str], set[tuple[str, str]], dict[str, str]]:
    """The uids of the application and all it owns, each with its cluster, the clusters and
    namespaces of these, and the clusters that do not answer with the reason.
    """
    gathered = await gathering.reached(reach, app)
    owned, spaces = {app.uid: names.LOCAL}, {(names.LOCAL, app.namespace)}
    for cluster in gathered.clusters:
        nodes = gathered.in_cluster(cluster)
        found = trees.uids(nodes, gathered.made.get(cluster, ()))
        owned |= dict.fromkeys(found, cluster)
        spaces |= {(cluster, each.key.namespace) for each in nodes if each.live}
    away = {**gathered.away, **await _unreached(reach, app, gathered.clusters)}
    return owned, {space for space in spaces if space[1]}, away


async def _unreached(
    reach: reaching.Reach, app: Application, known: Collection[str]
) -> dict[str, str]:
    """Clusters that do not answer, of those where something is yet to be delivered."""
    found: dict[str, str] = {}
    for name in {str(each.get("cluster") or "") for each in app.status.get("services") or ()}:
        if name not in known:
            try:
                await reach.at(name)
            except Problem as problem:
                found[name] = problem.message
    return found


async def _known(reach: reaching.Reach, space: tuple[str, str]) -> list[Manifest]:
    """The events of a namespace; none of a cluster that has gone away since it was looked into."""
    try:
        return (await _list(reach, space))[0]
    except hub.ApiError as error:
        gone = clusters.lost(space[0], error)
        if gone is None:
            raise
        _missing({space[0]: gone.message})
        return []


async def _list(reach: reaching.Reach, space: tuple[str, str]) -> tuple[list[Manifest], str]:
    client = await reach.at(space[0])
    return await client.list("", "v1", "Event", namespace=space[1])


@dataclass
class _Watch:
    """Events as they come. What an application owns grows meanwhile: a pod that is not known yet
    may turn out to be its own.
    """

    reach: reaching.Reach
    order: Order
    tasks: TaskGroup
    _owned: dict[str, str] = field(default_factory=dict)
    _foreign: set[str] = field(default_factory=set)
    _spaces: set[tuple[str, str]] = field(default_factory=set)
    _strange: list[tuple[float, Manifest]] = field(default_factory=list)

    async def run(self, app: Application) -> None:
        send, receive = anyio.create_memory_object_stream[Manifest](1000)
        _missing(await self._look(app, send))
        pause = _PAUSE
        look = anyio.current_time() + pause
        while True:
            # without anything strange there is nothing to look for
            left = max(look - anyio.current_time(), 0.0) if self._strange else None
            with anyio.move_on_after(left):
                self._take(await receive.receive())
            if self._strange and anyio.current_time() >= look:
                await self._look(await self._now() or app, send)
                pause = _PAUSE if self._sort_out() else min(2 * pause, _PATIENCE)
                look = anyio.current_time() + pause

    async def _now(self) -> Application | None:
        try:
            order = self.order
            return await connecting.application(self.reach.client, order.namespace, order.name)
        except Problem as problem:
            if problem.code != "hub.not-found":
                raise
            return None  # it is deleted; what belonged to it still does

    async def _look(self, app: Application, send: _Send) -> dict[str, str]:
        """See what the application owns now, and listen where it owns something; the clusters that
        do not answer.
        """
        owned, spaces, away = await _owned(self.reach, app)
        self._owned |= owned
        before: list[Manifest] = []
        for space in sorted(spaces - self._spaces):
            self._spaces.add(space)
            found, version = await _list(self.reach, space)
            before += found
            self.tasks.start_soon(self._listen, space, version, send)
        for each in ordered(before):
            self._take(each)
        return away

    async def _listen(self, space: tuple[str, str], version: str, send: _Send) -> None:
        client = await self.reach.at(space[0])
        while True:
            watch = client.watch("", "v1", "Event", namespace=space[1], resource_version=version)
            try:
                async with aclosing(watch) as events:
                    async for kind, event in events:
                        if kind != "DELETED":  # only forgotten
                            await send.send(event)
            except hub.ApiError as error:
                if not error.gone:
                    raise
                _, version = await _list(self.reach, space)

    def _take(self, event: Manifest) -> None:
        uid = subject(event)
        if uid in self._owned:
            self._print(event)
        elif uid not in self._foreign:
            self._strange.append((anyio.current_time(), event))

    def _sort_out(self) -> bool:
        """Print what was strange and is known now; whether there was any."""
        strange, self._strange = self._strange, []
        oldest, found = anyio.current_time() - _PATIENCE, False
        for came, event in strange:
            if subject(event) in self._owned:
                self._print(event)
                found = True
            elif came >= oldest:
                self._strange.append((came, event))
            else:
                self._foreign.add(subject(event))
        return found

    def _print(self, event: Manifest) -> None:
        if self.order.output is Output.JSON:
            printing.line_out(orjson.dumps(informer.trim(event)).decode())
        elif self.order.output is Output.YAML:
            printing.line_out(f"---\n{documents.dump(informer.trim(event))}".rstrip())
        else:
            when, kind, reason, told, often, message = _row(
                event, self._owned[subject(event)], causes.moment(event)[11:19]
            )
            again = f" ({often} times)" if often != "1" else ""
            line = Text.assemble((f"{when}  ", "dim"), kind, f"  {reason}  ", (str(told), "cyan"))
            printing.stdout().print(line.append(f"  {message}{again}"))
