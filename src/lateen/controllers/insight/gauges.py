"""What is true at the moment somebody asks: phases, queue, watches, the evaluator.

Read from what the controllers have in memory anyway, so that it costs nothing until it is asked
for, and an application that is gone leaves nothing behind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from lateen.api.application import Application
from lateen.api.manifest import Manifest
from lateen.workflow import records

# KubeVela's numbers
_PHASES = {
    "starting": 0,
    "running": 1,
    "rendering": 2,
    "generatingPolicy": 3,
    "runningWorkflow": 4,
    "workflowSuspending": 5,
    "workflowTerminated": 6,
    "workflowFailed": 7,
    "unhealthy": 8,
    "deleting": 9,
}
_WORKFLOWS = {
    "initializing": 0,
    "succeeded": 1,
    "executing": 2,
    "suspending": 3,
    "terminated": 4,
    "failed": 5,
    "skipped": 6,
}


@dataclass(frozen=True)
class Sources:
    """Where the figures are. `queue` is ready, busy and waiting; `watches` are clusters and
    kinds, with whether they are up to date.
    """

    applications: Callable[[], Iterable[Manifest]]
    trackers: Callable[[], int]
    queue: Callable[[], Mapping[str, int]]
    watches: Callable[[], Iterable[tuple[str, str, bool]]]
    requests: Callable[[], Mapping[tuple[str, str], int]]
    engine: Callable[[], Mapping[str, float]]


@dataclass(frozen=True)
class Gauges(Collector):
    """Collected by Prometheus' registry when it is asked."""

    sources: Sources

    def describe(self) -> list[Metric]:
        return []  # nothing is read before somebody asks

    def collect(self) -> Iterator[Metric]:
        yield from _of_applications([Application(raw) for raw in self.sources.applications()])
        trackers = _gauge("resourcetracker_number", "ResourceTrackers there are.", "controller")
        trackers.add_metric(["application"], self.sources.trackers())
        yield trackers
        queue = _gauge("lateen_queue_depth", "Applications in the queue, by state.", "state")
        for state, count in self.sources.queue().items():
            queue.add_metric([state], count)
        yield queue
        text = "Whether what is watched is up to date."
        watches = _gauge("lateen_watch_up", text, "cluster", "kind")
        known: dict[tuple[str, str], bool] = {}
        for cluster, kind, up in self.sources.watches():  # a kind may be watched for two reasons
            known[cluster, kind] = up and known.get((cluster, kind), True)
        for place, up in known.items():
            watches.add_metric(place, float(up))
        yield watches
        requests = CounterMetricFamily(
            "lateen_api_requests", "Requests sent, retries included.", labels=("verb", "resource")
        )
        for names, count in self.sources.requests().items():
            requests.add_metric(names, count)
        yield requests
        used = self.sources.engine()
        yield GaugeMetricFamily(
            "lateen_engine_resident_bytes", "Memory of the evaluator.", used["rss_bytes"]
        )
        yield CounterMetricFamily(
            "lateen_engine_cpu_seconds", "Processor time of the evaluator.", used["cpu_seconds"]
        )
        yield CounterMetricFamily(
            "lateen_engine_restarts", "How often the evaluator was replaced.", used["restarts"]
        )


def _of_applications(apps: list[Application]) -> Iterator[Metric]:
    phases = _gauge("application_phase_number", "Applications, by phase.", "phase")
    for phase, count in sorted(Counter(map(_phase, apps)).items()):
        phases.add_metric([phase], count)
    yield phases
    steps = _gauge(
        "workflow_step_phase_number", "Workflow steps, by type and phase.", "step_type", "phase"
    )
    found = Counter((record.type, record.phase) for app in apps for record in _records(app))
    for names, count in sorted(found.items()):
        steps.add_metric(names, count)
    yield steps
    labels = ("app_name", "namespace")
    healthy = _gauge("kubevela_application_health_status", "1 where it is healthy.", *labels)
    phase_of = _gauge("kubevela_application_phase", "The phase, as a number.", *labels)
    workflow = _gauge("kubevela_application_workflow_phase", "The workflow, as a number.", *labels)
    for app in apps:
        named = [app.name, app.namespace]
        healthy.add_metric(named, float(_healthy(app)))
        phase_of.add_metric(named, _PHASES.get(_phase(app), -1))
        run = str((app.status.get("workflow") or {}).get("status") or "")
        workflow.add_metric(named, _WORKFLOWS.get(run, -1))
    yield from (healthy, phase_of, workflow)


def _phase(app: Application) -> str:
    return "deleting" if app.deleting else str(app.status.get("status") or "starting")


def _healthy(app: Application) -> bool:
    services = app.status.get("services") or ()
    return bool(app.status) and all(service.get("healthy") for service in services)


def _records(app: Application) -> Iterator[records.Record]:
    for raw in (app.status.get("workflow") or {}).get("steps") or ():
        yield from records.Record.of(raw).walk()


def _gauge(name: str, text: str, *labels: str) -> Any:
    return GaugeMetricFamily(name, text, labels=labels)
