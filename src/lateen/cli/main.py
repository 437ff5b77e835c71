"""The `lateen` command: its groups put together, and how all of them end."""

from __future__ import annotations

import errno
import gc
import importlib
from collections.abc import Iterable
from typing import Annotated, Any

import typer
import typer.core

import lateen
from lateen.cli import exits, printing

# Commands by the module that registers them, in the order of the help. A module is imported when
# one of its commands is asked for: all together they take as long as what a short command does.
_MODULES = {
    "server": ("start", "stop", "server", "kubeconfig"),
    "up": ("up",),
    "adopt": ("adopt",),
    "ls": ("ls",),
    "status": ("status",),
    "top": ("top",),
    "why": ("why",),
    "events": ("events",),
    "logs": ("logs",),
    "visits": ("exec", "port-forward"),
    "delete": ("delete",),
    "undelete": ("undelete",),
    "workflow": ("workflow", "debug"),
    "revision": ("revision", "history"),
    "policy": ("policy",),
    "dry_run": ("dry-run",),
    "plan": ("plan",),
    "diff": ("diff",),
    "live_diff": ("live-diff",),
    "blame": ("blame",),
    "defs.commands": ("def",),
    "cluster": ("cluster",),
    "config": ("config", "config-template"),
    "show": ("show",),
    "version": ("version",),
}

_CODES = (
    "Exit codes: 0 done; 1 failed; 2 wrong use, or a file that cannot be delivered; 3 no control "
    "plane that answers; 4 not found; 5 delivered but not healthy; 6 the time was up; "
    "130 interrupted."
)


class Guarded(typer.core.TyperGroup):
    """Every error of every command is shown the same way, and ends with a documented code."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [name for names in _MODULES.values() for name in names]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.commands:
            having = [module for module, names in _MODULES.items() if cmd_name in names]
            # what is near to a name that none has is looked for among all
            self.commands.update(typer.main.get_group(registered(having or _MODULES)).commands)
        return self.commands.get(cmd_name)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except KeyboardInterrupt:
            raise typer.Exit(exits.Exit.INTERRUPTED) from None
        except Exception as error:
            if _of_typer(error):
                raise
            if broken := _broken_pipe(error):
                raise broken from None
            # imported here: most commands end well
            from lateen.cli import failures

            raise typer.Exit(failures.report(error)) from error


def _of_typer(error: Exception) -> bool:
    """Wrong use of a command: typer says so itself, with exit code 2."""
    return callable(getattr(error, "format_message", None))


def _broken_pipe(error: BaseException) -> OSError | None:
    """Whoever read our output has seen enough; typer ends without a word then."""
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(_broken_pipe, error.exceptions)), None)
    return error if isinstance(error, OSError) and error.errno == errno.EPIPE else None


def _say_version(wanted: bool) -> None:
    if wanted:
        printing.line_out(lateen.__version__)
        raise typer.Exit


def build() -> typer.Typer:
    """The whole command line."""
    app = typer.Typer(
        name="lateen",
        cls=Guarded,
        help="Deliver applications and keep them as they are declared.",
        epilog=_CODES,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    return app


def registered(modules: Iterable[str] = tuple(_MODULES)) -> typer.Typer:
    """The commands of some modules, or of all, as they describe themselves."""
    app = typer.Typer()
    for module in modules:
        importlib.import_module(f"lateen.cli.{module}").register(app)
    return app


def _root(
    kubeconfig: Annotated[
        str | None,
        typer.Option("--kubeconfig", metavar="FILE", help="Talk to this control plane."),
    ] = None,
    show_version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_say_version,
            is_eager=True,
            help="Show the version of this program.",
        ),
    ] = False,
) -> None:
    """Deliver applications and keep them as they are declared."""


def main() -> None:
    """Run the command line on the arguments of the process."""
    # most commands end before there is garbage; looking for it while they import takes a tenth of
    # their time
    gc.set_threshold(100_000)
    build()()


if __name__ == "__main__":
    main()
