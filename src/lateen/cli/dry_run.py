"""`lateen dry-run`."""

from __future__ import annotations

from typing import Annotated

import typer

from lateen.cli import forms, options, running


def register(app: typer.Typer) -> None:
    app.command("dry-run")(dry_run)


def dry_run(
    files: options.Files,
    definitions: options.Definitions = None,
    offline: options.Offline = False,
    namespace: options.Namespace = "default",
    output: Annotated[
        forms.Manifests,
        typer.Option("--output", "-o", help="YAML documents, or one JSON list."),
    ] = forms.Manifests.YAML,
    strict: options.Strict = False,
    blame: Annotated[
        bool,
        typer.Option("--blame", help="Beside each line, who set it: `lateen blame` tells more."),
    ] = False,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Show what applications would create, without creating it."""
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import rehearsing

    if blame and output is forms.Manifests.JSON:
        raise typer.BadParameter("comments need YAML; `lateen blame -o json` has JSON")
    order = rehearsing.Order(files, definitions or [], offline, namespace, strict, blame)
    running.run(lambda: rehearsing.dry_run(order, output, kubeconfig))
