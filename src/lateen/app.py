"""The composition root: settings in, a running program out. Nothing else constructs collaborators.

`python -m lateen.app controllers|node` is what the standalone supervisor starts, and what a
cluster's Deployment runs.
"""

from __future__ import annotations

import argparse
import functools
import gc
import json
import logging
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from lateen import __version__, hub
from lateen.api.manifest import Key
from lateen.base import loglines
from lateen.base.clock import SystemClock
from lateen.base.problem import Problem, Problems, every
from lateen.hub import restoring

if TYPE_CHECKING:
    from lateen.controllers import control, settings
    from lateen.cue.engine import Engine
    from lateen.node.settings import Settings as NodeSettings
    from lateen.sources.obtaining import Sources

_LOG = logging.getLogger("lateen")
_OF_NODES = ("LATEEN_IMAGE_", "LATEEN_PROCESS_")  # how variables for them begin


@dataclass(frozen=True)
class Order:
    """What the command line says."""

    kubeconfig: Path
    data: Path | None
    settings: Path | None
    container_engine: str = "auto"
    isolation: str = "auto"
    lead: str = ""  # the namespace of the Lease that says which of several works; empty for alone


async def controllers(order: Order) -> None:
    """Install what is missing, then reconcile applications until told to stop."""
    from lateen.controllers import control, installing, leading, settings
    from lateen.controllers.insight import gauges, listening, observed
    from lateen.controllers.terraform import overseeing
    from lateen.cue.engine import Engine

    chosen = settings.load(_settings_file(order, settings.FILE), os.environ)
    loglines.choose(chosen.log_format)
    with _watcher(chosen.tracing_endpoint) as watcher:
        link = functools.partial(observed.Link, probe=watcher.probe)
        async with (
            hub.connect(order.kubeconfig, link=link) as client,
            Engine() as engine,
            _sources(order, chosen.local_sources) as sources,
        ):
            clock = SystemClock()
            controller = control.Controller(client, engine, clock, chosen, watcher, sources)
            terraform = overseeing.Overseer(client, engine, clock, chosen, sources, _working(order))
            watcher.meters.registry.register(gauges.Gauges(controller.sources()))
            turn = leading.Candidate(client, clock, order.lead) if order.lead else None

            def troubles() -> list[str]:
                waits = turn is not None and turn.waiting  # which is all it is to do
                return [] if waits else controller.troubles()

            desk = listening.Desk(watcher.meters.registry, troubles, controller.receiver())
            async with listening.serve(desk, chosen.listen_address, chosen.listen_port) as address:

                async def install() -> None:
                    # the node's objects are of no use where another kubelet runs the pods
                    await _install(client, engine, chosen, node=order.data is not None)

                async def work() -> None:
                    await install()
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(terraform.run, tasks)
                        tasks.start_soon(installing.keep, client, controller.bereft, install)
                        await controller.run(
                            started=lambda: _announce(event="ready", address=address)
                        )

                with restoring.one_history(client.connection):
                    await (turn.lead(work) if turn else work())


async def _install(
    client: hub.Client, engine: Engine, chosen: settings.Settings, *, node: bool
) -> None:
    """Bring our kinds and the built-in definitions where they are missing."""
    from lateen.controllers import installing
    from lateen.controllers.terraform import logins
    from lateen.definitions import files
    from lateen.node import fabric, registration
    from lateen.standalone import programs

    written: list[Key] = []

    async def kinds() -> None:
        written.extend(await installing.kinds(client))

    async with anyio.create_task_group() as tasks:  # the server is slow to take in our kinds
        tasks.start_soon(kinds)
        definitions = await files.builtins(engine)
    own = (registration.RUNTIME_CLASS, *fabric.rights(programs.NODE)) if node else ()
    extra = [*own, *logins.templates()]
    written += await installing.objects(client, definitions, extra)
    await installing.publish(client, chosen)
    if written:
        _LOG.info("installed %d objects", len(written))
    # what was loaded to start stays; looking at it again and again would cost every pass
    gc.collect()
    gc.freeze()


@asynccontextmanager
async def _sources(order: Order, local: str) -> AsyncIterator[Sources]:
    """Where charts come from. Without a data directory what was fetched ends with the process."""
    from lateen.sources import obtaining

    allowed = local == "always" or (local == "standalone" and order.data is not None)
    with tempfile.TemporaryDirectory(prefix="lateen-sources-") as temporary:
        place = order.data / "sources" if order.data else Path(temporary)
        async with obtaining.sources(place, local=allowed) as sources:
            yield sources


@contextmanager
def _watcher(endpoint: str) -> Iterator[control.Watcher]:
    """Who is told of the controllers' work: what measures it, and where traces go, if anywhere."""
    from lateen.controllers import control
    from lateen.controllers.insight import meters, spans

    measured = meters.Meters()
    if not endpoint:
        yield control.Watcher(measured, measured)
        return
    traced = spans.to(endpoint, measured)
    try:
        yield control.Watcher(traced, measured)
    finally:
        traced.close()


def _working(order: Order) -> Path:
    """Where Terraform works: beside our own data, else where this user's temporary files are."""
    if order.data is not None:
        return order.data / "terraform"
    return Path(tempfile.gettempdir()) / f"lateen-terraform-{os.getuid()}"


def _settings_file(order: Order, usual: str) -> Path | None:
    """The file that was named, else the one in the data directory where there is one."""
    if order.settings is not None or order.data is None:
        return order.settings
    file = order.data / usual
    return file if file.exists() else None


async def node(order: Order) -> None:
    """Run the pods bound to this machine until told to stop."""
    from lateen.node import node as nodes
    from lateen.node import settings
    from lateen.standalone import directories, programs

    if order.data is None:
        raise Problem("node.data-dir", "the node needs a data directory", hint="give --data-dir")
    directory = directories.Directory(order.data)
    pki = directory.kube / "pki"
    usual = settings.Settings(
        name=programs.NODE,
        directory=directory.root / "node",
        certificate=pki / "kubelet.crt",
        key=pki / "kubelet.key",
        authority=pki / "ca.crt",
        version=f"v{__version__}",
        container_engine=order.container_engine,
        isolation=order.isolation,  # type: ignore[arg-type]
        # credentials of the control plane and of clouds, and what other pods have
        hidden=(directory.kube, directory.root / "node", directory.root / "terraform"),
    )
    chosen = _bounded(usual, order)
    async with hub.connect(order.kubeconfig) as client, anyio.create_task_group() as tasks:
        noted = functools.partial(_announce, event="notes")
        started = await tasks.start(functools.partial(nodes.run, client, chosen, noted=noted))
        _announce(event="ready", notes=started.notes)


def _bounded(usual: NodeSettings, order: Order) -> NodeSettings:
    """With what an operator has set of a node."""
    file = _settings_file(order, "settings.yaml")
    if file is None and not any(name.startswith(_OF_NODES) for name in os.environ):
        return usual  # what reads settings is large, and a node has no use for it after that
    from lateen.controllers import settings
    from lateen.node.images import Thrift

    chosen = settings.load(file, os.environ)
    thrift = Thrift(chosen.image_keep_hours * 3600, chosen.image_disk_percent / 100)
    return replace(usual, thrift=thrift, process_pids=chosen.process_pids)


def _announce(**event: str | Sequence[str]) -> None:
    """Tell the supervisor, on the line it waits for, that the work can begin, or why it cannot;
    later, what there is to note by then.
    """
    sys.stdout.write(json.dumps(event or {"event": "ready"}) + "\n")
    sys.stdout.flush()


Program = Callable[[Order], Awaitable[None]]
PROGRAMS: dict[str, Program] = {
    "controllers": controllers,
    "node": node,
}


async def _until_told(program: Program, order: Order) -> None:
    """Run a program; SIGTERM and SIGINT end it in an orderly way."""
    async with anyio.create_task_group() as tasks:

        async def listen() -> None:
            with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
                async for _ in signals:
                    tasks.cancel_scope.cancel()

        tasks.start_soon(listen)
        await program(order)
        tasks.cancel_scope.cancel()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lateen.app", description=__doc__)
    parser.add_argument("program", choices=sorted(PROGRAMS))
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--settings", type=Path, metavar="FILE")
    parser.add_argument("--container-engine", default="auto", metavar="SOCKET|none")
    parser.add_argument("--isolation", default="auto", choices=["auto", "on", "off"])
    parser.add_argument(
        "--lead",
        default="",
        metavar="NAMESPACE",
        help="wait until no other controllers hold the Lease in this namespace",
    )
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    loglines.choose("text")
    failed = 0
    try:
        order = Order(
            given.kubeconfig,
            given.data_dir,
            given.settings,
            given.container_engine,
            given.isolation,
            given.lead,
        )
        anyio.run(_until_told, PROGRAMS[given.program], order)
    except* (Problem, Problems, hub.ApiError) as group:
        first = _first(group)
        message = _said(first)
        _LOG.error("%s", message)
        code = first.code if isinstance(first, Problem) else "failed"
        _announce(event="error", code=code, message=message)
        failed = 1
    return failed


def _first(group: BaseExceptionGroup[Exception]) -> Exception:
    """The first error in a group of groups: what went wrong, and not what followed from it."""
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    assert isinstance(found, Exception)
    return found


def _said(error: Exception) -> str:
    """With file and line: who reads a log has no excerpt."""
    if not isinstance(error, Problem | Problems):
        return str(error)
    return "; ".join(": ".join([*map(str, each.positions), str(each)]) for each in every(error))


if __name__ == "__main__":
    sys.exit(main())
