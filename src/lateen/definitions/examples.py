"""The application that comes with each built-in definition and shows how it is used."""

from __future__ import annotations

from importlib import resources

from lateen.api import names
from lateen.api.definition import Definition


def of(definition: Definition) -> str:
    """The YAML of the example, or "" where there is none.

    Only what is in the namespace of the built-in ones has it: a definition of the same name
    elsewhere may take other parameters.
    """
    if definition.raw["metadata"].get("namespace") != names.SYSTEM_NAMESPACE:
        return ""
    file = resources.files("lateen.definitions") / "builtin/examples" / f"{definition.name}.yaml"
    return file.read_text("utf-8") if file.is_file() else ""
