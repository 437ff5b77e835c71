"""Clean up after an application: what it no longer declares, or all of it (semantics C9)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from lateen.api import configuration as conf
from lateen.api import consents, names
from lateen.api.application import Application
from lateen.api.manifest import Key
from lateen.api.tracker import Resource, Tracker
from lateen.base.clock import Clock
from lateen.controllers import caches, observing, settings
from lateen.controllers.application import farewells, following, identities, revise
from lateen.dispatch import recording, writing
from lateen.gc import planning, recycling, sweeping
from lateen.hub import client
from lateen.policies import treating


@dataclass(frozen=True)
class Swept:
    """`at_rest`: there is nothing left to do. `books` are the inventories that stay.

    `held`: why something is not deleted, empty where nothing is held. `again`: in how many seconds
    to look again if nothing changes meanwhile.
    """

    at_rest: bool
    books: Sequence[Tracker]
    held: str = ""
    again: float | None = None


@dataclass(frozen=True)
class Collector:
    """Deletes objects, trackers and revisions of applications."""

    hub: client.Client
    live: observing.Fleet
    caches: caches.Caches
    bin: recycling.Bin
    settings: settings.Settings
    clock: Clock

    async def collect(
        self,
        app: Application,
        ledger: recording.Ledger,
        governance: treating.Governance,
        in_use: Collection[str],
        leading: following.Lead,
    ) -> Swept:
        """Delete what is no longer declared, and revisions beyond those that are kept.

        Args:
            in_use: names of revisions that stay: the one that is delivered among them.
            leading: where what is delivered belongs.

        Raises:
            Problem: `gc.failed`.
        """
        plan = planning.plan(self.caches.trackers(app), ledger.current)
        sites = observing.Foreseen(self.live, leading.known)
        sweeper = self._sweeper(app, governance, sites)
        strays = tuple(
            each
            for each in ledger.resources
            if not governance.legacy_kept and leading.left(each.component, each.cluster)
        )
        everything = replace(plan, doomed=(*plan.doomed, *strays))
        held = "" if governance.legacy_kept else await self._held(app, everything, sweeper)
        left = still = list[Resource]()
        staying = farewells.Held()
        if governance.legacy_kept:
            await sweeper.settle(plan)
        elif not held:
            staying = await self._farewells(app, sites, sweeper).attend(everything.doomed)
            plan = replace(plan, held=staying.objects)
            astray = planning.Plan(strays, (), held=staying.objects)
            still = await sweeper.sweep(_ordered(astray, app, governance))
            if gone := [each for each in strays if each not in still]:
                await ledger.forget(gone)
            left = await sweeper.sweep(_ordered(plan, app, governance))
        kept = governance.revisions
        if kept is None:
            kept = self.settings.application_revisions
        await revise.trim(self.caches.revisions(app), in_use, self.hub, kept)
        done = not left and not still and (bool(held) or governance.legacy_kept or not plan.retired)
        books = [ledger.current, ledger.root, *plan.retired]
        return Swept(done, books, held or staying.why, farewells.AGAIN if staying.why else None)

    async def _held(self, app: Application, plan: planning.Plan, sweeper: sweeping.Sweeper) -> str:
        """Why nothing is deleted: more would go than anybody has allowed. Empty where that is not.

        Nothing is lost meanwhile, and what is declared again is no longer among it.
        """
        most = consents.most(app, self.settings.deletion_limit)
        if len(plan.doomed) <= most:
            return ""
        count = await sweeper.count(plan)
        if count <= most:
            return ""
        limit = consents.limit(app, self.settings.deletion_limit)
        consent = consents.text(count, app.generation)
        return (
            f"{count} objects are no longer declared, and the limit is {limit}: they stay until "
            f'the application is annotated {names.ALLOW_DELETE}: "{consent}", or delivered with '
            f"`lateen up --allow-delete {count}`"
        )

    async def remove(self, app: Application) -> tuple[list[Resource], str]:
        """Delete everything an application brought; returns what is still there, and what has to
        run to its end before more of it goes, if something has.

        Its revisions go last, and it itself goes into the recycle bin then.

        Raises:
            Problem: `gc.failed`; `policy.*` when its policies cannot be read.
        """
        plan = planning.plan(self.caches.trackers(app), None)
        governance = treating.read(app) if plan.doomed else treating.NONE
        sweeper = self._sweeper(app, governance, self.live)
        staying = await self._farewells(app, self.live, sweeper).attend(plan.doomed)
        plan = replace(plan, held=staying.objects)
        left = await sweeper.sweep(_ordered(plan, app, governance))
        if not left:
            await revise.remove_all(self.caches.revisions(app), self.hub)
            await self.bin.keep(app.raw, app.owner)
        return left, staying.why

    async def waiting(self, left: Sequence[Resource]) -> str:
        """What an application that is being deleted waits for, in KubeVela's words; and what is
        said of it, where that is known.
        """
        first = left[0]
        known = {"Namespace": first.namespace}
        if not first.local:  # it may be one that does not answer
            known["Cluster"] = first.cluster
        said = ", ".join(f"{what}: {where}" for what, where in known.items() if where)
        place = f" ({said})" if said else ""
        lines = [
            f"Waiting for {first.kind} {first.name}{place} to delete. "
            f"(At least {len(left)} resources are deleting.)"
        ]
        for each in left:
            if each.local and each.key.group == conf.GROUP:
                found = await self.live.at(names.LOCAL).find(each.key)
                if why := conf.Configuration(found or {}).parting:
                    lines.append(f"{each.kind} {each.name}: {why}")
        return "\n".join(lines)

    def _farewells(
        self, app: Application, sites: observing.Sites, sweeper: sweeping.Sweeper
    ) -> farewells.Farewells:
        return farewells.Farewells(
            sites, sweeper.fates, self.clock, identities.of(app), skip=app.skips_hooks
        )

    async def bury(self, namespace: str, name: str) -> None:
        """Retire what applications of this name that are no more left of inventories, once nothing
        of what they list is there.

        One may come after its application was let go, from a controller that was killed while it
        was on its way. No object is deleted: where there are some, somebody let the application go
        by hand, and nobody asked for it.
        """
        uids = {each.uid for each in self.caches.trackers_under(namespace, name)} - {""}
        known = self.caches.application(namespace, name)
        if not uids - {known.uid if known else ""}:
            return
        # asked for: another controller may know of an application that this one has yet to hear of
        app = Key(names.GROUP, "Application", namespace, name, "v1beta1")
        found = await writing.fetch(self.hub, app)
        living = found["metadata"]["uid"] if found else ""
        books = self.caches.trackers_under(namespace, name)
        dead = [each for each in books if each.uid not in ("", living)]
        here = [each for each in books if each.uid == living]
        wanted = {entry.identity for each in here for entry in each.resources}
        plan = planning.plan(dead, None)
        doomed = tuple(each for each in plan.doomed if each.identity not in wanted)
        fates = sweeping.Fates((namespace, name))
        await sweeping.Sweeper(self.hub, self.live, fates).settle(replace(plan, doomed=doomed))

    def _sweeper(
        self, app: Application, governance: treating.Governance, sites: observing.Sites
    ) -> sweeping.Sweeper:
        return sweeping.Sweeper(
            self.hub,
            sites,
            sweeping.Fates(
                app.owner,
                governance.treatment,
                orphan=names.APP_ORPHAN in app.finalizers,
                spare_data=self.settings.spare_data and not app.may_delete_data,
            ),
            identities.of(app),
            self.bin,
        )


def _ordered(
    plan: planning.Plan, app: Application, governance: treating.Governance
) -> planning.Plan:
    return replace(plan, after=planning.dependents(app)) if governance.by_dependency else plan
