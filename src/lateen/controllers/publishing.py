"""Tell commands which settings this control plane has: they judge by some of them themselves.

The annotations of the system namespace say so, since whoever may use a command may read them.
"""

from __future__ import annotations

from collections.abc import Mapping

from lateen.api import manifest, names
from lateen.api.manifest import Key, Manifest
from lateen.controllers import settings
from lateen.hub import client, errors

_PLACE = Key("", "Namespace", "", names.SYSTEM_NAMESPACE, "v1")


async def publish(hub: client.Client, chosen: settings.Settings) -> None:
    """Write down what commands need to know, if it is not written there already."""
    wanted = {
        names.DELETION_LIMIT: str(chosen.deletion_limit),
        names.SPARE_DATA: str(chosen.spare_data).lower(),
    }
    found = await system(hub)
    if (
        found is None
        or wanted.items() <= (manifest.metadata(found).get("annotations") or {}).items()
    ):
        return
    await hub.patch(_PLACE, {"metadata": {"annotations": wanted}})


async def system(hub: client.Client) -> Manifest | None:
    """The system namespace; None where there is none, or it may not be read."""
    try:
        return await hub.get(_PLACE)
    except errors.ApiError as error:
        if error.not_found or error.forbidden:
            return None
        raise


def read(found: Mapping[str, object] | None) -> settings.Settings:
    """The settings a control plane published on its system namespace, defaults for the others."""
    said = found or {}
    limit = manifest.annotation(said, names.DELETION_LIMIT)
    spared = manifest.annotation(said, names.SPARE_DATA)
    defaults = settings.DEFAULTS
    return defaults.model_copy(
        update={
            "deletion_limit": int(limit) if limit.isdecimal() else defaults.deletion_limit,
            "spare_data": spared == "true" if spared else defaults.spare_data,
        }
    )
