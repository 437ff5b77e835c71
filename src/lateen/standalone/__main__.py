"""The supervisor as a process of its own: `python -m lateen.standalone --data-dir DIR`.

`lateen start` starts it, or becomes it with `--foreground`: not a typer command, because what it
imports stays in memory as long as the control plane runs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
import time

from lateen.base.problem import Problem
from lateen.standalone import directories, locks, ports, programs
from lateen.standalone.directories import Directory
from lateen.standalone.supervisor import Supervisor, problem_data

# a kube program whose supervisor was killed ends by itself, within its own deadline
_LEFTOVER = 12.0  # seconds

_log = logging.getLogger("lateen.supervisor")


def main() -> int:
    """Run until SIGTERM or SIGINT; 0 when stopped so, 1 when the start failed."""
    arguments = _arguments()
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    os.umask(0o077)
    directory = directories.directory(arguments.data_dir)
    directory.prepare()
    identity = json.dumps({"pid": os.getpid(), "started": time.time()})
    with locks.hold(directory.lock, identity) as mine:
        if not mine:
            _log.error("a control plane is already running in %s", directory.root)
            return 1
        directory.status.unlink(missing_ok=True)  # of the last run
        try:
            asyncio.run(_supervise(directory, arguments))
        except Problem as problem:
            _publish_failure(directory, problem)
            _log.error("%s", problem.message)
            return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lateen.standalone")
    parser.add_argument("--data-dir")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--container-engine", default="auto")
    parser.add_argument("--isolation", default="auto")
    parser.add_argument("--without", action="append", default=[])
    return parser.parse_args()


async def _supervise(directory: Directory, arguments: argparse.Namespace) -> None:
    asked = arguments.port
    locks.wait_free(directory.kube / "lock", _LEFTOVER)
    port = ports.choose(asked, ports.remembered(directory.port))
    try:
        await _run(directory, port, arguments)
    except Problem as problem:
        if asked or problem.code != "standalone.port-in-use":
            raise
        # it was free when we looked: another control plane starts at the same time
        await _run(directory, ports.choose(0, 0), arguments)


async def _run(directory: Directory, port: int, arguments: argparse.Namespace) -> None:
    runtime = programs.Runtime(arguments.container_engine, arguments.isolation)
    stages = programs.plane(directory, port=port, without=arguments.without, runtime=runtime)
    supervisor = Supervisor(directory, stages, port=port)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.stop)
    _log.info("starting in %s, API on port %d", directory.root, port)
    await supervisor.run()
    _log.info("stopped")


def _publish_failure(directory: Directory, problem: Problem) -> None:
    """What failed before there was a supervisor is told in the same place."""
    if not directory.status.exists():
        told = {"pid": os.getpid(), "state": "failed", "children": []}
        directories.write(directory.status, told | {"problem": problem_data(problem)})


if __name__ == "__main__":
    sys.exit(main())
