"""`lateen live-diff`: `diff` under the name KubeVela gives it."""

from __future__ import annotations

import typer

from lateen.cli import diff


def register(app: typer.Typer) -> None:
    app.command("live-diff", help="The same as `diff`, under its name in KubeVela.")(diff.diff)
