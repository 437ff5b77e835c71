"""What the controllers measure as they work, for Prometheus. Names are KubeVela's where it has one.

A probe is told what begins and what ends (`span`), and by whom is in one module (`observed`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

_FINE = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_LONG = (1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)  # seconds a delivery takes
_STEPS = (100, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 1_800_000)  # milliseconds


class Probe(Protocol):
    """Is told of work under way. `name` is one of pass, stage, render, dispatch, request."""

    def span(self, name: str, **about: str) -> AbstractContextManager[Any]: ...


class Meters:
    """Counts and times, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a series each, read by nobody

        def histogram(name: str, text: str, labels: tuple[str, ...], buckets: Any) -> Histogram:
            return Histogram(name, text, labels, registry=self.registry, buckets=buckets)

        self.passes = Counter(
            "lateen_passes",
            "Passes over applications, by how they ended.",
            ("outcome",),
            registry=self.registry,
        )
        self.started = Counter(
            "workflow_initialized_num", "Workflows that were begun.", registry=self.registry
        )
        self.transitions = histogram(
            "application_reconcile_time_seconds",
            "How long a pass took, by the phase before and after.",
            ("begin_phase", "end_phase"),
            _FINE,
        )
        self.finished = histogram(
            "workflow_finished_time_seconds", "How long a workflow took.", ("phase",), _LONG
        )
        self.steps = histogram(
            "workflowrun_step_duration_ms",
            "How long a workflow step took, in milliseconds, to the second.",
            ("controller", "step_type"),
            _STEPS,
        )
        stages = histogram(
            "kubevela_app_reconcile_time_seconds",
            "How long a stage of a pass took.",
            ("stage",),
            _FINE,
        )
        renders = histogram(
            "kubevela_cue_render_duration_seconds",
            "How long it took to render a component with its traits.",
            ("definition_kind", "status"),
            _FINE,
        )
        applied = histogram(
            "apply_component_time_seconds",
            "How long it took to dispatch a stage of a component.",
            ("stage",),
            _FINE,
        )
        requests = histogram(
            "lateen_api_request_seconds",
            "How long the API server took to answer, retries included.",
            ("verb",),
            _FINE,
        )
        # what a span is measured by: its name, and how it ended
        self._measures: dict[str, Callable[[dict[str, str], str], Any]] = {
            "stage": lambda about, _: stages.labels(about["stage"]),
            "render": lambda _, status: renders.labels("Component", status),
            "dispatch": lambda _, __: applied.labels("dispatch"),
            "request": lambda about, _: requests.labels(about["verb"]),
        }

    @contextmanager
    def span(self, name: str, **about: str) -> Iterator[None]:
        """Time what is done inside."""
        measure = self._measures.get(name)
        began, status = time.perf_counter(), "error"
        try:
            yield
            status = "success"
        finally:
            if measure is not None:
                measure(about, status).observe(time.perf_counter() - began)
