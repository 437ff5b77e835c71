"""`lateen start`, `stop`, `server` and `kubeconfig`: the control plane on this machine."""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Mapping
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from lateen.base import clock, durations
from lateen.base.problem import Problem, Problems, every
from lateen.cli import exits, forms, options, printing, problems
from lateen.standalone import directories, journals, locate, locks, memory, programs, starting
from lateen.standalone.directories import Directory

_LOGS = ("kube", "controllers", "node", "supervisor")

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        envvar="LATEEN_DATA_DIR",
        show_envvar=True,
        show_default="~/.lateen",
        help="Where the control plane keeps its data.",
    ),
]


def register(app: typer.Typer) -> None:
    app.command("start")(start)
    app.command("stop")(stop)
    group = typer.Typer(help="Look at the control plane on this machine.", no_args_is_help=True)
    group.command("status")(status)
    group.command("logs")(logs)
    app.add_typer(group, name="server")
    app.command("kubeconfig")(kubeconfig)


class Isolation(StrEnum):
    AUTO = "auto"
    ON = "on"
    OFF = "off"


def start(
    data_dir: DataDir = None,
    port: Annotated[
        int,
        typer.Option(
            min=0,
            max=65535,
            show_default=False,
            help="Port of the API on 127.0.0.1; by default that of the last start, or a free one.",
        ),
    ] = 0,
    container_engine: Annotated[
        str,
        typer.Option(
            metavar="SOCKET|none",
            show_default=False,
            help="Socket of the Docker or Podman that pods run in, or `none`; found by itself.",
        ),
    ] = "auto",
    isolation: Annotated[
        Isolation,
        typer.Option(
            help="Whether processes are isolated by bubblewrap: where that works, always (what "
            "cannot be isolated does not run), or never.",
        ),
    ] = Isolation.AUTO,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay in this terminal until Ctrl-C.")
    ] = False,
    without: Annotated[list[str] | None, typer.Option("--without", hidden=True)] = None,
) -> None:
    """Start a control plane on this machine, and wait until it is ready."""
    directory = directories.directory(data_dir)
    began = time.monotonic()
    found = locate.running(directory.root)
    if found and found.state == "stopping":
        locks.wait_free(directory.lock, starting.STOP)
    elif found:
        if found.state == "starting":
            found = _watched(lambda tell: starting.wait_ready(directory, tell=tell))
        printing.line_out(f"Lateen is already running (process {found.pid}, port {found.port}).")
        return
    _check_settings(directory)
    left, runtime = without or (), programs.Runtime(_engine(container_engine), isolation)
    if foreground:
        _become(starting.command(directory, port=port, without=left, runtime=runtime))
    found = _watched(
        lambda tell: starting.start(directory, port=port, without=left, runtime=runtime, tell=tell)
    )
    seconds = time.monotonic() - began
    usual = directories.directory()
    given = "" if directory == usual else f" --data-dir {directory.root}"
    printing.line_out(f"Lateen is running, started in {seconds:.1f} s.")
    printing.line_out(f"  for kubectl  export KUBECONFIG={found.kubeconfig}")
    printing.line_out(f"  to stop it   lateen stop{given}")


def _check_settings(directory: Directory) -> None:
    """Refuse settings with mistakes before anything runs; without a file there is nothing to read.

    Raises:
        Blamed: `settings.*`.
    """
    file = directory.root / "settings.yaml"
    if not file.exists() and not any(name.startswith("LATEEN_") for name in os.environ):
        return
    from lateen.controllers import settings  # what reads them is slow to import

    try:
        settings.load(file if file.exists() else None, os.environ)
    except (Problem, Problems) as error:
        texts = {str(file): file.read_text(errors="replace")} if file.exists() else {}
        raise problems.Blamed(every(error), texts) from error


def _engine(chosen: str) -> str:
    """As the node takes it: an absolute path, `none` or `auto`."""
    if chosen in ("auto", "none", "") or "://" in chosen:
        return chosen or "auto"
    path = Path(chosen).expanduser().absolute()
    if not path.is_socket():
        raise Problem(
            "node.engine-address",
            f"there is no socket at {path}",
            hint="start it (`systemctl start podman.socket`), or leave the option out",
        )
    return str(path)


def _become(command: list[str]) -> None:
    """Go on as the supervisor: what this program has imported is gone."""
    sys.stdout.flush()
    os.execve(command[0], command, starting.environment(os.environ))  # noqa: S606


def _watched(wait: Any) -> locate.Running:
    """Wait with a spinner on a terminal that says what is being waited for."""
    console = printing.stderr()
    spinner = console.status("starting") if console.is_terminal else nullcontext()
    with spinner as shown:

        def tell(status: Mapping[str, Any]) -> None:
            if shown is not None:
                shown.update(_progress(status))

        found: locate.Running = wait(tell)
        return found


def _progress(status: Mapping[str, Any]) -> str:
    waiting = [c["name"] for c in status.get("children", ()) if c["state"] == "starting"]
    return f"starting {' and '.join(waiting)}" if waiting else "starting"


def stop(data_dir: DataDir = None) -> None:
    """Stop the control plane on this machine and what it runs; its data stays."""
    directory = directories.directory(data_dir)
    console = printing.stderr()
    with console.status("stopping") if console.is_terminal else nullcontext():
        stopped = starting.stop(directory)
    printing.line_out("Lateen is stopped." if stopped else "Lateen is not running.")


def status(data_dir: DataDir = None, output: options.Format = forms.Output.TABLE) -> None:
    """Show the processes of the control plane. Exit code 3 when it is not running."""
    directory = directories.directory(data_dir)
    told = _told(directory)
    if output is not forms.Output.TABLE:
        printing.structured(told, output)
    else:
        _print(told)
    if not told["running"]:
        raise typer.Exit(exits.Exit.UNREACHABLE)


def _told(directory: Directory) -> dict[str, Any]:
    """What there is to say: sizes in bytes, times in RFC 3339."""
    found = locate.running(directory.root)
    if found is None:
        return {"running": False, "dataDir": str(directory.root)}
    kept = directories.read(directory.status)
    itself = {"name": "supervisor", "pid": found.pid, "state": found.state}
    processes = [itself | {"since": kept.get("started")}, *kept.get("children", ())]
    sizes = memory.resident([process["pid"] for process in processes if process["pid"]])
    lack = directories.lack(directory)
    return {
        "running": True,
        "state": found.state,
        "port": found.port,
        "kubeconfig": str(found.kubeconfig),
        "dataDir": str(directory.root),
        "notes": [lack] if lack else [],
        "processes": [
            {
                "name": process["name"],
                "pid": process["pid"],
                "state": process["state"] if _lives(process["pid"]) else "ended",
                "since": process["since"],
                "restarts": process.get("restarts", 0),
                "lastExit": process.get("last_exit"),
                "address": process.get("address"),
                "notes": process.get("notes") or [],
                "memory": sizes.get(process["pid"] or 0),
            }
            for process in processes
        ],
    }


def _lives(pid: int | None) -> bool:
    """Whether a process that is told of is there: what tells of it may be of a while ago."""
    if not pid:
        return True  # it is told to be without one
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's
    return True


def _print(told: Mapping[str, Any]) -> None:
    if not told["running"]:
        printing.line_out(f"Lateen is not running in {told['dataDir']}; `lateen start` starts it.")
        return
    printing.line_out(f"API         https://127.0.0.1:{told['port']}")
    printing.line_out(f"kubeconfig  {told['kubeconfig']}")
    printing.line_out(f"data        {told['dataDir']}")
    for process in told["processes"]:
        if process["address"]:
            printing.line_out(f"metrics     http://{process['address']}/metrics")
    notes = (process["notes"] for process in told["processes"])
    for note in itertools.chain(told["notes"], *notes):
        printing.line_out(f"note        {note}")
    printing.line_out("")
    headers = ("PROCESS", "PID", "STATE", "SINCE", "RESTARTS", "MEMORY")
    printing.table(headers, [_row(process) for process in told["processes"]])


def _row(process: Mapping[str, Any]) -> list[Any]:
    since, size = process["since"], process["memory"]
    age = (clock.SystemClock().now() - clock.parse(since)).total_seconds() if since else 0.0
    return [
        process["name"],
        str(process["pid"] or ""),
        printing.state(process["state"]),
        durations.short(age),
        str(process["restarts"]),
        f"{size / 2**20:.0f} MiB" if size else "",
    ]


def logs(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help=f"One of {', '.join(_LOGS)}.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what is written from now on.")
    ] = False,
    tail: Annotated[
        int, typer.Option(min=0, help="How many lines of each log to begin with.")
    ] = 50,
    data_dir: DataDir = None,
) -> None:
    """Show the logs of the control plane's own processes."""
    if name is not None and name not in _LOGS:
        raise typer.BadParameter(f"there is no log {name}: take one of {', '.join(_LOGS)}")
    directory = directories.directory(data_dir)
    names = {directory.log(each): each for each in ([name] if name else _LOGS)}
    if not any(path.exists() for path in names):
        raise Problem(
            "standalone.no-logs",
            f"there are no logs in {directory.logs}",
            hint="`lateen start` starts a control plane there",
        )
    width = max(len(each) for each in names.values())
    for path, line in _lines(list(names), tail, follow):
        printing.line_out(line if name else f"{names[path]:<{width}} | {line}")


def _lines(paths: list[Path], tail: int, follow: bool) -> Any:
    for path in paths:
        for line in journals.tail(path, tail):
            yield path, line
    if follow:
        yield from journals.follow(paths)


def kubeconfig(data_dir: DataDir = None) -> None:
    """Print the path of the kubeconfig of the control plane on this machine, for kubectl."""
    path = directories.directory(data_dir).kubeconfig()
    if not path.exists():
        raise Problem(
            "hub.no-control-plane",
            f"there is no control plane in {path.parent.parent}",
            hint="run `lateen start` first",
        )
    printing.line_out(str(path))
