"""How many objects a delivery would delete, and whether that was asked for.

The controller holds them as well (`controllers.application.collecting`); asked here, nothing has
been changed yet.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import typer
from rich.text import Text

from lateen import hub
from lateen.api import consents as consent
from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.application import Application
from lateen.api.manifest import Key, Manifest
from lateen.base.problem import Problem
from lateen.cli import departing, offline, printing, problems, reaching
from lateen.controllers import settings
from lateen.dispatch import writing

_SHOWN = 20  # objects


@dataclass(frozen=True)
class Rules:
    """What the control plane is set to, as far as it says so."""

    deletion_limit: int
    spare_data: bool


async def rules(client: hub.Client) -> Rules:
    """What the controllers noted of their settings; the defaults where they noted nothing."""
    found: Manifest = {}
    try:
        key = Key("", "Namespace", "", names.SYSTEM_NAMESPACE, "v1")
        found = await writing.fetch(client, key) or {}
    except hub.ApiError as error:
        if not error.forbidden:  # who may not look is told by the controller
            raise
    limit = manifests.annotation(found, names.DELETION_LIMIT)
    spared = manifests.annotation(found, names.SPARE_DATA) != "false"
    default = settings.DEFAULTS.deletion_limit
    return Rules(int(limit) if limit.isdecimal() else default, spared)


async def consents(
    client: hub.Client, rendered: Sequence[offline.Rendered], allowed: int
) -> dict[tuple[str, str], int] | None:
    """How many objects may go, for each application where it is more than its limit.

    On a terminal its user is asked; None when the answer is no.

    Raises:
        Blamed: `deletion.limit`, for every application that would delete too many.
    """
    found: dict[tuple[str, str], int] = {}
    wrong = []
    known = await rules(client)
    async with reaching.every(client) as reach:
        for each in rendered:
            live = await writing.fetch(client, each.app.key)
            if live is None:
                continue
            departures = await departing.leaving(
                reach, each, Application(live), spare_data=known.spare_data
            )
            going = departing.deleted(departures)
            limit = consent.limit(each.app, known.deletion_limit)
            if len(going) <= limit:
                continue
            if len(going) > allowed:
                if not sys.stdin.isatty():
                    wrong.append((each.document, [_too_many(each.app, going, limit)]))
                    continue
                if not _agreed(each.app, going, limit):
                    return None
            found[each.app.owner] = max(len(going), allowed)
    if wrong:
        raise problems.blame(wrong)
    return found


def _too_many(app: Application, going: Sequence[departing.Departure], limit: int) -> Problem:
    return Problem(
        "deletion.limit",
        f"this removes {len(going)} objects of application {app.name}; the limit is {limit}",
        "metadata.name",
        hint=f"`lateen plan` lists them; --allow-delete {len(going)} lets them go",
    )


def _agreed(app: Application, going: Sequence[departing.Departure], limit: int) -> bool:
    console = printing.stderr()
    for each in going[:_SHOWN]:
        place = f"  on cluster {each.cluster}" if each.cluster not in ("", names.LOCAL) else ""
        console.print(Text.assemble(("- ", "red"), f"{each.key}{place}"))
    if len(going) > _SHOWN:
        console.print(f"  and {len(going) - _SHOWN} more")
    said = f"This removes {len(going)} objects of {app.name}; the limit is {limit}. Go on?"
    return typer.confirm(said, err=True)


async def consenting(
    client: hub.Client, wanted: Manifest, before: Manifest | None, count: int
) -> Manifest:
    """The application with the consent to delete `count` objects, for the text it gets."""
    if before is None:
        return wanted
    live = Application(before)
    tried = Application(await client.apply(wanted, force=True, dry_run=True))
    generation = live.generation + (tried.spec != live.spec)
    meta = wanted["metadata"]
    allowed = {names.ALLOW_DELETE: consent.text(count, generation)}
    annotations = {**(meta.get("annotations") or {}), **allowed}
    return {**wanted, "metadata": {**meta, "annotations": annotations}}
