"""Which processes a control plane is made of, as plain data."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from lateen.base import natives
from lateen.standalone.directories import Directory

NODE = "lateen"  # the name of the one node


@dataclass(frozen=True, slots=True)
class Program:
    """A process to be kept running.

    One that `announces` says on a line of its standard output when it is ready,
    `{"event": "ready"}`, or why it cannot be, `{"event": "error", "code": ..., "message": ...}`.
    """

    name: str
    command: tuple[str, ...]
    announces: bool = True
    ready_within: float = 60.0  # seconds
    stop_within: float = 12.0  # seconds; then it is killed
    # it asks the kernel itself to be told when we die; others are killed then
    minds_parent: bool = False


def kube(
    directory: str | os.PathLike[str],
    *,
    port: int = 0,
    node_name: str = NODE,
    controllers: Sequence[str] | None = None,
) -> Program:
    """The native Kubernetes. `controllers` names other ones than usual, `["none"]` for no workers.

    Raises:
        Problem: `native.missing`.
    """
    command = [
        str(natives.locate("kube")),
        f"--data-dir={os.fspath(directory)}",
        f"--port={port}",
        f"--node-name={node_name}",
        f"--die-with-parent={os.getpid()}",
    ]
    if controllers is not None:
        command.append(f"--controllers={','.join(controllers)}")
    return Program("kube", tuple(command), minds_parent=True)


@dataclass(frozen=True, slots=True)
class Runtime:
    """How the node runs pods: the socket that containers run behind, `auto` or `none`; whether
    processes are isolated, `auto`, `on` or `off`.
    """

    engine: str = "auto"
    isolation: str = "auto"

    @property
    def options(self) -> tuple[str, ...]:
        """As the supervisor takes them, and the node."""
        return f"--container-engine={self.engine}", f"--isolation={self.isolation}"


USUAL = Runtime()


def plane(
    directory: Directory, *, port: int, without: Collection[str] = (), runtime: Runtime = USUAL
) -> list[list[Program]]:
    """The stages of a whole control plane: each starts when the one before it is ready.

    They stop one by one from the last to the first: controllers, node, kube. The node gets the time
    to end the processes of its pods. `without` names those left out, to be run in a debugger.

    Raises:
        Problem: `native.missing`.
    """
    upper = [
        _app(directory, "node", *runtime.options, stop_within=45.0),
        _app(directory, "controllers", stop_within=10.0),
    ]
    return [
        [kube(directory.kube, port=port)],
        [program for program in upper if program.name not in without],
    ]


def _app(directory: Directory, name: str, *options: str, stop_within: float) -> Program:
    command = (
        sys.executable,
        "-m",
        "lateen.app",
        name,
        f"--kubeconfig={directory.kubeconfig(name)}",
        f"--data-dir={directory.root}",
        *options,
    )
    return Program(name, command, stop_within=stop_within)
