"""Who wrote the text of an application: the user that is known, else the program. Pure."""

from __future__ import annotations

from typing import Any

from lateen.api import fieldsets, manifest, names
from lateen.api.manifest import Manifest


def author(app: Manifest) -> str:
    """The user an application acts as, else the field manager that wrote its spec last.

    Empty where neither is known.
    """
    if user := manifest.annotation(app, names.USERNAME):
        return user
    owners = [each for each in fieldsets.owners(app, ("spec",)) if not each.subresource]
    return owners[-1].manager if owners else ""


def of_revision(revision: Manifest) -> str:
    """Who wrote what became this revision, empty where that was not noted."""
    return manifest.annotation(revision, names.AUTHOR)


def noted(app: Manifest) -> list[dict[str, Any]]:
    """Of `managedFields` what `author` reads: the rest is large, and written again all the time."""
    return [
        {
            **{k: entry[k] for k in ("manager", "operation", "time") if k in entry},
            "fieldsV1": {"f:spec": {}},
        }
        for entry in manifest.metadata(app).get("managedFields") or ()
        if "f:spec" in (entry.get("fieldsV1") or {}) and not entry.get("subresource")
    ]
