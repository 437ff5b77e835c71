"""Where the files of a module come from: the Configuration itself, or a repository."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from lateen.api.configuration import Configuration
from lateen.base.problem import Problem
from lateen.controllers.terraform.workspaces import Workspace

_READ: Final = (".tf", ".tf.json")


async def bring(declared: Configuration, workspace: Workspace) -> Path:
    """Put the module into the workspace; returns the directory to run in.

    Raises:
        Problem: `terraform.source` when there is none, or several.
    """
    spec = declared.spec
    given = [form for form in ("hcl", "JSON", "remote") if spec.get(form)]
    if len(given) != 1:
        said = f"{' and '.join(given)} cannot be given together" if given else "there is none"
        raise Problem(
            "terraform.source",
            f"the Terraform configuration is to be given once: {said}",
            "spec",
            hint="give one of hcl, JSON, remote",
        )
    if given == ["remote"]:
        raise Problem(
            "terraform.source", "repositories of Terraform are not fetched yet", "spec.remote"
        )
    name = "main.tf" if given == ["hcl"] else "main.tf.json"
    workspace.fill({name: str(spec[given[0]])})
    return workspace.module


def read(directory: Path) -> dict[str, str]:
    """The texts of a module by file name."""
    return {
        file.name: file.read_text(encoding="utf-8", errors="replace")
        for file in sorted(directory.iterdir())
        if file.name.endswith(_READ) and file.is_file()
    }
