"""Deliver one component to one placement: render -> dispatch -> assess, stage by stage (B5).

This is what workflow steps call (`workflow.ports.Delivery`); the controller and the dry run differ
only in the port that dispatches.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from lateen.api import manifest, names
from lateen.api.application import Component
from lateen.api.manifest import Manifest
from lateen.base import hashing
from lateen.base.clock import Clock, SystemClock
from lateen.base.problem import Problem, Problems, every
from lateen.controllers.application import referring, waving
from lateen.cue.engine import Engine
from lateen.definitions import contexts, rendering, renditions
from lateen.definitions.renditions import Rendered
from lateen.dispatch.applying import Desired
from lateen.health import assessing
from lateen.hub import clusters, errors
from lateen.policies.placements import Placement
from lateen.workflow.ports import Outcome


class Dispatch(Protocol):
    """Where rendered manifests go, and what is there."""

    async def dispatch(self, wanted: Sequence[Desired]) -> list[Manifest]: ...
    async def find(self, wanted: Manifest) -> Manifest | None: ...

    async def remove(self, wanted: Manifest) -> None:
        """Delete the object, and return when it is gone; it is not to be kept any more."""
        ...


class Clusters(Protocol):
    """The clusters that can be delivered to; `hub.clusters.Clusters` is one."""

    @property
    def labels(self) -> Mapping[str, Mapping[str, str]]: ...
    def knows(self, name: str) -> bool: ...
    def version(self, name: str) -> Mapping[str, Any]: ...


Slot = tuple[str, str, str, str]  # component, cluster, namespace, key of the copy

# what somebody else has to put right, which is no mistake of the application: it is waited for
_ELSEWHERE = frozenset(
    {
        "cluster.unreachable",  # what is rendered for it looks into it
        "source.chart",
        "source.digest",
        "source.index",
        "source.missing",
        "source.refused",
        "source.secret",
        "source.signature",
        "source.tls",
        "source.unreachable",
        "source.values",
        "source.version",
    }
)


@dataclass
class Delivered:
    """A component as it was last delivered to one placement."""

    component: Component
    placement: Placement
    rendered: Rendered
    health: assessing.ComponentHealth
    digest: str = ""


@dataclass
class Deliverer:
    """Delivers the components of one revision of an application.

    `delivered` outlives a pass: what was rendered for the same component is not rendered again.
    """

    engine: Engine
    renderer: rendering.Renderer
    facts: contexts.AppFacts
    target: Dispatch
    clusters: Clusters
    delivered: dict[Slot, Delivered] = field(default_factory=dict)
    clock: Clock = field(default_factory=SystemClock)
    patient: bool = True  # what cannot be fetched is waited for, as long as it takes
    missing: list[tuple[Component, Placement, str]] = field(default_factory=list)
    referred: Sequence[Manifest] = ()  # see `api.revision.Revision.referred`

    async def deliver(self, component: Component, placement: Placement) -> Outcome:
        """Bring the component to the placement and say how it is.

        Idempotent: what is there already is not written again.

        Raises:
            Problem | Problems: what rendering, ownership or the API server had against it.
        Source: semantics B5, C7, F8.
        """
        try:
            return await self._deliver(component, placement)
        except errors.ApiError as error:
            away = clusters.lost(placement.cluster, error)
            if away is None:
                raise Problems(error.problems()) from error
            why = away.message
        except (Problem, Problems) as error:
            if not self.patient or not all(each.code in _ELSEWHERE for each in every(error)):
                raise
            why = str(error)
        self.missing.append((component, placement, why))
        return Outcome(False, why, None, {})

    async def _deliver(self, component: Component, placement: Placement) -> Outcome:
        self._refuse_unknown(placement)
        component = referring.expanded(component, self.referred)
        place = (placement.cluster, placement.namespace)
        slot = (component.name, *place, component.replica_key)
        laid = component.laid and [component.laid.patch, component.laid.marks]
        digest = hashing.digest([component.raw, laid, self.facts.revision])
        kept = self.delivered.get(slot)
        if kept is not None and kept.digest == digest and not kept.rendered.reads_live:
            rendered = kept.rendered
        else:
            rendered = await self._render(component, placement)
        with self._away(placement) as away:
            rendered, health = await self._dispatch(component, placement, rendered)
            outcome = await self._outcome(rendered, health)
        if away:  # the others do not wait for it, nor does it fail for that
            health = assessing.away(rendered, away[0])
            outcome = Outcome(False, away[0], None, {})
        self.delivered[slot] = Delivered(component, placement, rendered, health, digest)
        return outcome

    async def _dispatch(
        self, component: Component, placement: Placement, rendered: Rendered
    ) -> tuple[Rendered, assessing.ComponentHealth]:
        """Stage by stage, each once the one before is well (semantics B5)."""
        if rendered.staged(renditions.PRE):
            await self.target.dispatch(desired(rendered, renditions.PRE))
        health = await self.assess(rendered, (renditions.PRE,))
        if all(trait.healthy or trait.pending for trait in health.traits):
            waiting = await self.send(rendered)
            if not waiting:
                rendered = await self._settled(component, placement, rendered)
            health = await self.assess(rendered, (renditions.PRE, renditions.DEFAULT))
            if waiting:
                health = replace(health, healthy=False, workload_healthy=False, message=waiting)
        if health.healthy:
            rendered, health = await self._finish(component, placement, rendered, health)
        return rendered, health

    @contextmanager
    def _away(self, placement: Placement) -> Iterator[list[str]]:
        """Why the cluster of a placement could not be reached inside, if it could not."""
        found: list[str] = []
        try:
            yield found
        except (Problem, Problems) as error:
            if not all(each.code in clusters.AWAY for each in every(error)):
                raise
            found.append(every(error)[0].message)
        except errors.ApiError as error:
            lost = clusters.lost(placement.cluster, error)
            if lost is None:
                raise
            found.append(lost.message)

    async def send(self, rendered: Rendered) -> str:
        """Send out the component itself, wave by wave; returns what is waited for, if anything.

        Raises:
            Problem | Problems: what is against it, or failed.
        """
        return await self._waves(rendered).advance(desired(rendered, renditions.DEFAULT))

    def _waves(self, rendered: Rendered) -> waving.Waves:
        patient = manifest.annotation(rendered.workload, names.WAIT) == "true"
        return waving.Waves(self.target, self.clock.now(), patient)

    async def _settled(
        self, component: Component, placement: Placement, rendered: Rendered
    ) -> Rendered:
        """The component without what has run to its end, so that it is not run again."""
        wanted = desired(rendered, renditions.DEFAULT)
        if not waving.once(wanted):
            return rendered
        after = await self._render(component, placement)
        await self._waves(rendered).clean(wanted)
        return after

    async def render(self, component: Component, placement: Placement) -> Outcome:
        """What `deliver` would apply; nothing is.

        Raises:
            Problem | Problems: what rendering has against it.
        """
        self._refuse_unknown(placement)
        component = referring.expanded(component, self.referred)
        rendered = await self.renderer.render(component, self._facts(placement), placement)
        extra = {each.key: each.manifest for each in rendered.auxiliaries}
        return Outcome(False, "", rendered.workload, extra)

    async def _render(self, component: Component, placement: Placement) -> Rendered:
        """Render, with the live object for templates that look at it (semantics B2)."""
        rendered = await self.renderer.render(component, self._facts(placement), placement)
        found = None
        with self._away(placement):  # which dispatching will find out as well
            found = await self.target.find(rendered.workload) if rendered.reads_live else None
        if found is None:
            return rendered
        live = rendering.Live(found)
        return await self.renderer.render(component, self._facts(placement), placement, live=live)

    async def refresh(self, slot: Slot) -> Delivered:
        """Look again at what was delivered; traits that waited for its health go out now."""
        kept = self.delivered[slot]
        with self._away(kept.placement) as away:
            kept.health = await self.assess(kept.rendered)
            if kept.health.healthy and any(attached.pending for attached in kept.rendered.traits):
                kept.rendered, kept.health = await self._finish(
                    kept.component, kept.placement, kept.rendered, kept.health
                )
        if away:
            kept.health = assessing.away(kept.rendered, away[0])
        return kept

    async def assess(
        self, rendered: Rendered, reached: Collection[str] = renditions.STAGES
    ) -> assessing.ComponentHealth:
        """The health of what was rendered, as the cluster shows it now."""
        live = {}
        for each in rendered.manifests:
            found = await self.target.find(each)
            if found is not None:
                live[manifest.key(each)] = found
        return await assessing.assess(rendered, live, self.facts, self.engine, reached=reached)

    async def _finish(
        self,
        component: Component,
        placement: Placement,
        rendered: Rendered,
        health: assessing.ComponentHealth,
    ) -> tuple[Rendered, assessing.ComponentHealth]:
        """Traits that wait for a healthy component are rendered with its live object."""
        pending = any(attached.pending for attached in rendered.traits)
        if not pending and not rendered.staged(renditions.POST):
            return rendered, health
        if pending:
            workload = await self.target.find(rendered.workload)
            rendered = await self.renderer.render(
                component,
                self._facts(placement),
                placement,
                live=rendering.Live(workload),
                post=True,
            )
        await self.target.dispatch(desired(rendered, renditions.POST))
        return rendered, await self.assess(rendered)

    async def _outcome(self, rendered: Rendered, health: assessing.ComponentHealth) -> Outcome:
        main = await self.target.find(rendered.workload)
        outputs = {}
        for extra in rendered.auxiliaries:
            found = await self.target.find(extra.manifest)
            outputs[extra.key] = found or extra.manifest
        # a PostDispatch trait that is not healthy yet does not hold the workflow up (semantics B5)
        settled = health.workload_healthy and all(
            trait.healthy or trait.stage == renditions.POST for trait in health.traits
        )
        return Outcome(settled, health.message, main or rendered.workload, outputs)

    def _refuse_unknown(self, placement: Placement) -> None:
        if not self.clusters.knows(placement.cluster):
            raise clusters.unknown(placement.cluster, self.clusters.labels)

    def _facts(self, placement: Placement) -> contexts.AppFacts:
        """The facts as they are in a cluster, which may be of another version."""
        if placement.cluster in ("", names.LOCAL):
            return self.facts
        return replace(self.facts, cluster_version=self.clusters.version(placement.cluster))


def desired(rendered: Rendered, stage: str) -> list[Desired]:
    """What one stage of a component dispatches, with whose each manifest is."""
    whose = rendered.component
    main = stage == renditions.DEFAULT and not rendered.managed
    return [
        *([Desired(rendered.workload, whose.name, path=whose.path)] if main else []),
        *(
            Desired(extra.manifest, whose.name, extra.type, whose.path)
            for extra in rendered.auxiliaries
            if extra.stage == stage
        ),
    ]
