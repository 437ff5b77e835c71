"""What Terraform would do in the clouds, for what a plan delivers. Nothing is written anywhere.

Terraform runs here, with the rights of who plans: with the state, the login and the module as the
control plane has them.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import anyio

from lateen import hub
from lateen.api import configuration as conf
from lateen.api import manifest as manifests
from lateen.api import names
from lateen.api.configuration import Configuration
from lateen.api.manifest import Manifest
from lateen.base.clock import SystemClock
from lateen.base.problem import Problem, Problems
from lateen.cli import surroundings
from lateen.cli.showing import Pair
from lateen.controllers import settings
from lateen.controllers.terraform import authorizing, operating, readings, states, workspaces
from lateen.cue.engine import Engine


@dataclass(frozen=True)
class Forecast:
    """Of one Configuration; `unknown` says why nothing can be said of it."""

    namespace: str
    name: str
    changes: Sequence[readings.Change] = ()
    unknown: str = ""

    def to_map(self) -> dict[str, Any]:
        changes = [{"address": each.address, "action": each.action} for each in self.changes]
        found = {"namespace": self.namespace, "name": self.name, "changes": changes}
        return found | ({"unknown": self.unknown} if self.unknown else {})


async def forecast(client: hub.Client, pairs: Sequence[Pair]) -> list[Forecast]:
    """What comes of every Configuration that would be new, otherwise, or deleted."""
    concerned = list(_concerned(pairs))
    if not concerned:
        return []
    chosen = settings.load(None, os.environ)
    limits = operating.Limits(
        minutes=chosen.terraform_minutes, program=chosen.terraform_program, rc=chosen.terraform_rc
    )
    directory = surroundings.cache() / "terraform"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    clock = SystemClock()
    async with Engine() as engine, surroundings.sources() as fetching:
        known = states.States(client, clock, "nobody")
        site = operating.Site(
            client, engine, clock, limits, directory, known, fetching, anyio.Lock()
        )
        return [await _one(site, pair) for pair in concerned]


def _concerned(pairs: Sequence[Pair]) -> Iterator[Pair]:
    for pair in pairs:
        before, after = pair.before, pair.after
        shown = after or before or {}
        ours = manifests.key(shown).group == conf.GROUP and shown.get("kind") == conf.KIND
        if not ours or manifests.cluster(shown) not in ("", names.LOCAL):
            continue
        if before is None or after is None or before.get("spec") != after.get("spec"):
            yield pair


async def _one(site: operating.Site, pair: Pair) -> Forecast:
    shown = pair.after or pair.before or {}
    key = manifests.key(shown)
    try:
        if pair.after is None:
            changes = await _destroyed(site, Configuration(shown))
        else:
            changes = await _brought(site, pair.after, pair.before)
    except (Problem, Problems, operating.Failed, authorizing.Refused) as error:
        return Forecast(key.namespace, key.name, unknown=str(error))
    except hub.ApiError as error:
        if not error.forbidden:  # who may not read it is told what else there is to tell
            raise
        return Forecast(key.namespace, key.name, unknown=str(error))
    return Forecast(key.namespace, key.name, changes)


async def _brought(
    site: operating.Site, after: Manifest, before: Manifest | None
) -> list[readings.Change]:
    meta = {**after["metadata"], "uid": uuid.uuid4().hex}  # a workspace of its own
    status = (before or {}).get("status") or {}
    declared = Configuration({**after, "metadata": meta, "status": status})
    async with site.rehearsal(declared) as run:
        await run.init()
        plan = await run.plan()
        hide, planned = run.secrets.hide, plan.changes if plan else ()
        return [readings.Change(hide(each.address), each.action) for each in planned]


async def _destroyed(site: operating.Site, declared: Configuration) -> list[readings.Change]:
    if not declared.destroys:
        return []
    noted = states.Place.of(str(declared.status.get("backend") or ""))
    place = noted or workspaces.Backend.of(declared).place
    if place is None:
        raise operating.Failed(conf.FAILED, "what is in its backend is not known here")
    state = await site.states.read(place)
    return [readings.Change(each, "delete") for each in states.resources(state)]
