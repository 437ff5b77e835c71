"""`lateen why`."""

from __future__ import annotations

import typer

from lateen.cli import forms, options, running


def register(app: typer.Typer) -> None:
    app.command("why")(why)


def why(
    name: options.Name,
    namespace: options.Namespace = "default",
    output: options.Format = forms.Output.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Explain what an application, or its deletion, is waiting for, and what to do about it.

    The explanation is a chain: from the application over its workflow, a component and its objects
    down to a container, an event, a finalizer.
    """
    # imported here: `lateen --help` must not wait for it
    from lateen.cli import reasoning

    running.run(lambda: reasoning.why(name, namespace, output, kubeconfig))
