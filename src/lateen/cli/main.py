"""The `lateen` command: its groups put together, and how all of them end."""

from __future__ import annotations

import errno
import gc
from typing import Annotated, Any

import typer
import typer.core

import lateen
from lateen.cli import (
    adopt,
    blame,
    cluster,
    delete,
    diff,
    dry_run,
    events,
    exits,
    live_diff,
    logs,
    ls,
    plan,
    policy,
    printing,
    revision,
    server,
    show,
    status,
    top,
    undelete,
    up,
    version,
    visits,
    why,
    workflow,
)
from lateen.cli.defs import commands as definitions

# in the order of the help
_GROUPS = (
    server,
    up,
    adopt,
    ls,
    status,
    top,
    why,
    events,
    logs,
    visits,
    delete,
    undelete,
    workflow,
    revision,
    policy,
    dry_run,
    plan,
    diff,
    live_diff,
    blame,
    definitions,
    cluster,
    show,
    version,
)

_CODES = (
    "Exit codes: 0 done; 1 failed; 2 wrong use, or a file that cannot be delivered; 3 no control "
    "plane that answers; 4 not found; 5 delivered but not healthy; 6 the time was up; "
    "130 interrupted."
)


class Guarded(typer.core.TyperGroup):
    """Every error of every command is shown the same way, and ends with a documented code."""

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
    for group in _GROUPS:
        group.register(app)
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
