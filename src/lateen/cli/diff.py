"""`lateen diff`."""

from __future__ import annotations

from typing import Annotated

import typer

from lateen.cli import forms, options, running


def register(app: typer.Typer) -> None:
    app.command("diff")(diff)


def diff(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[APP] [REVISION]",
            help="An application, and the revision to compare that of --revision with; by default "
            "its current one.",
            show_default=False,
        ),
    ] = None,
    files: Annotated[
        list[str] | None,
        typer.Option(
            "--file",
            "-f",
            metavar="FILE|DIR|URL|-",
            help="Show what `up` with these files would change; several times.",
        ),
    ] = None,
    revisions: Annotated[
        list[str] | None,
        typer.Option(
            "--revision",
            "-r",
            metavar="REVISION",
            help="Compare with this revision instead of what is live: `shop-v3`, `v3` or `3`. "
            "Given twice: compare these two.",
        ),
    ] = None,
    definitions: options.Definitions = None,
    context: Annotated[
        int,
        typer.Option("--context", "-c", min=0, metavar="LINES", help="Lines around each change."),
    ] = 3,
    exit_code: Annotated[
        bool,
        typer.Option("--exit-code", help="End with 1 where there are differences, else with 0."),
    ] = False,
    namespace: options.Namespace = "default",
    output: Annotated[
        forms.Differences,
        typer.Option("--output", "-o", help="Lines of YAML, or the fields that differ."),
    ] = forms.Differences.DIFF,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Show what files would change, how a revision differs, or how what is live has drifted.

    What the API server would make of the objects is asked of it; nothing is changed. The values of
    Secrets are hidden.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import differing

    given = list(words or ())
    wanted = [each for text in revisions or () for each in text.split(",") if each]
    if files and given:
        raise typer.BadParameter("name an application, or give files with -f, not both")
    if not files and not given:
        raise typer.BadParameter("name an application, or give a file with -f")
    if definitions and not files:
        raise typer.BadParameter("--definitions are for files: give one with -f")
    name, later = (given or [""])[0], given[1:]
    if later and not wanted:
        raise typer.BadParameter(f'"{later[0]}" is compared with a revision: give --revision')
    wanted += later
    if len(wanted) > (1 if files else 2):
        raise typer.BadParameter("these are more revisions than can be compared")
    order = differing.Order(files or [], name, wanted, definitions or [], namespace)
    shown = differing.Shown(output, context)
    found = running.run(lambda: differing.diff(order, shown, kubeconfig))
    raise typer.Exit(1 if found and exit_code else 0)
