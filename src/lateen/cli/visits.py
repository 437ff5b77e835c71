"""`lateen exec` and `lateen port-forward`: into the containers of an application."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lateen.base.problem import Problem
from lateen.cli import options, running

Component = Annotated[str, typer.Option("--component", "-c", help="Only this component.")]
Pod = Annotated[str, typer.Option("--pod", help="This pod; by default one that is ready.")]


def register(app: typer.Typer) -> None:
    app.command("exec")(execute)
    app.command("port-forward")(forward)


def execute(
    name: options.Name,
    command: Annotated[
        list[str], typer.Argument(help="What to run, after `--`.", show_default=False)
    ],
    namespace: options.Namespace = "default",
    component: Component = "",
    pod: Pod = "",
    container: Annotated[
        str, typer.Option("--container", help="This container; by default the first.")
    ] = "",
    cluster: options.Cluster = "",
    stdin: Annotated[
        bool, typer.Option("--stdin", "-i", help="Pass standard input on; on a terminal it is.")
    ] = False,
    tty: Annotated[
        bool, typer.Option("--tty", "-t", help="Give it a terminal; on a terminal it has one.")
    ] = False,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Run a command in a container of an application. Its exit code is ours."""
    from lateen.cli import visiting

    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    place = visiting.Place(name, namespace, component, pod, container, cluster)
    order = visiting.Order(place, tuple(command), stdin or tty or terminal, tty or terminal)
    code = 0

    async def run() -> None:
        nonlocal code
        code = await visiting.execute(order, kubeconfig)

    running.run(run)
    if code:
        raise typer.Exit(code)


def forward(
    name: options.Name,
    ports: Annotated[
        list[str] | None,
        typer.Argument(metavar="PORTS", help="PORT or LOCAL:PORT; by default all it declares."),
    ] = None,
    namespace: options.Namespace = "default",
    component: Component = "",
    pod: Pod = "",
    cluster: options.Cluster = "",
    address: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Make ports of an application's pod answer here, until Ctrl-C."""
    from lateen.cli import visiting

    pairs = tuple(_pair(text) for text in ports or ())
    place = visiting.Place(name, namespace, component, pod, cluster=cluster)
    running.run(lambda: visiting.forward(place, pairs, address, kubeconfig))


def _pair(text: str) -> tuple[int, int]:
    """(local, remote) of `8080:80`, `80` or `:80`; 0 takes a free port."""
    local, colon, remote = text.rpartition(":")
    try:
        pair = int(local or (remote if not colon else 0)), int(remote)
    except ValueError as error:
        raise Problem("cli.port", f"{text} is no port", hint="write PORT or LOCAL:PORT") from error
    if not (0 <= pair[0] < 65536 and 0 < pair[1] < 65536):
        raise Problem("cli.port", f"{text} is no port", hint="ports are 1 to 65535")
    return pair
