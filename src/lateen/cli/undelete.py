"""`lateen undelete`."""

from __future__ import annotations

from typing import Annotated

import typer

from lateen.cli import forms, options, running


def register(app: typer.Typer) -> None:
    app.command("undelete")(undelete)


def undelete(
    name: Annotated[
        str, typer.Argument(metavar="[APP]", help="The application it belonged to.")
    ] = "",
    objects: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[OBJECT...]", help="What to bring back, as ConfigMap/settings; else all of it."
        ),
    ] = None,
    listed: Annotated[
        bool, typer.Option("--list", "-l", help="Only show what could be brought back.")
    ] = False,
    namespace: options.Namespace = "default",
    output: options.Format = forms.Output.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Bring back what the control plane deleted: objects, or a whole application.

    What an application no longer declared, and applications that were deleted, are kept for some
    days (`recycle_days` of the settings). Without APP, everything that is kept is listed.

    An object that is there again is left as it is. Data in volumes is not part of an object: what
    holds data is not deleted in the first place, unless you said so.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import undeleting

    order = undeleting.Order(name, tuple(objects or ()), namespace, output)
    work = undeleting.show if listed or not name else undeleting.restore
    raise typer.Exit(running.run(lambda: work(order, kubeconfig)))
