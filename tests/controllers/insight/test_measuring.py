"""What the controllers measure, asked of them over HTTP as Prometheus does."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from lateen.base.clock import SystemClock
from lateen.base.problem import Problem
from lateen.controllers import control
from lateen.controllers.insight import gauges, listening
from tests.controllers.laboratory import Laboratory, Plane

SHOP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: settings
      type: k8s-objects
      properties:
        objects:
          - {apiVersion: v1, kind: ConfigMap, metadata: {name: shop-settings}}
"""


@contextmanager
def served(plane: Plane, controller: control.Controller) -> Iterator[str]:
    """The address at which a controller of the laboratory can be asked."""
    registry = CollectorRegistry()
    registry.register(gauges.Gauges(controller.sources()))
    for collector in list(plane.meters.registry._collector_to_names):
        registry.register(collector)
    desk = listening.Desk(registry, controller.troubles)
    with plane.kube.portal.wrap_async_context_manager(
        listening.serve(desk, "127.0.0.1", 0)
    ) as address:
        yield f"http://{address}"


def ask(url: str) -> tuple[int, str]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def samples(url: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    _, text = ask(f"{url}/metrics")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def measured(url: str, key: tuple[str, tuple[tuple[str, str], ...]]) -> bool:
    return samples(url).get(key, 0) >= 1


STAGES = ("schedule", "claim", "revise", "run", "keep", "judge", "collect", "commit")
MEASURED = [
    *(("kubevela_app_reconcile_time_seconds_count", {"stage": stage}) for stage in STAGES),
    ("application_phase_number", {"phase": "running"}),
    ("workflow_step_phase_number", {"phase": "succeeded", "step_type": "apply-component"}),
    ("resourcetracker_number", {"controller": "application"}),
    (
        "kubevela_cue_render_duration_seconds_count",
        {"definition_kind": "Component", "status": "success"},
    ),
    ("apply_component_time_seconds_count", {"stage": "dispatch"}),
    (
        "workflowrun_step_duration_ms_count",
        {"controller": "application", "step_type": "apply-component"},
    ),
    ("workflow_finished_time_seconds_count", {"phase": "succeeded"}),
    ("workflow_initialized_num_total", {}),
    ("lateen_passes_total", {"outcome": "done"}),
    ("lateen_api_requests_total", {"resource": "configmaps", "verb": "apply"}),
    ("lateen_api_request_seconds_count", {"verb": "apply"}),
    ("lateen_watch_up", {"cluster": "local", "kind": "Application"}),
    ("lateen_engine_resident_bytes", {}),
]


def test_a_delivery_is_measured(lab: Laboratory) -> None:
    lab.apply(SHOP)
    lab.running("shop")
    controller = lab.plane.running
    assert controller is not None
    with served(lab.plane, controller) as url:
        for name, labels in MEASURED:  # some are counted once the status has been written
            key = (name, tuple(sorted(labels.items())))
            lab.eventually(f"{name} {labels}", partial(measured, url, key))
        found = samples(url)
    app = (("app_name", "shop"), ("namespace", lab.namespace))
    assert found["kubevela_application_health_status", app] == 1
    assert found["kubevela_application_phase", app] == 1
    assert found["kubevela_application_workflow_phase", app] == 1
    assert ("lateen_queue_depth", (("state", "ready"),)) in found
    ends = {
        dict(labels)["end_phase"]
        for name, labels in found
        if name == "application_reconcile_time_seconds_count"
    }
    assert "running" in ends


def test_an_application_that_is_gone_leaves_nothing_behind(lab: Laboratory) -> None:
    lab.apply(SHOP)
    lab.running("shop")
    lab.delete("Application", "shop")
    lab.gone("shop")
    assert lab.plane.running is not None
    with served(lab.plane, lab.plane.running) as url:

        def gone() -> bool:
            return f'namespace="{lab.namespace}"' not in ask(f"{url}/metrics")[1]

        lab.eventually("no figures of it", gone)


def test_it_is_ready_once_everything_is_listed(lab: Laboratory) -> None:
    plane = lab.plane
    fresh = control.Controller(plane.client, plane.engine, SystemClock())
    with served(plane, fresh) as url:
        assert ask(f"{url}/readyz") == (503, "the controllers are starting\n")
        assert ask(f"{url}/healthz") == (200, "ok\n")
    assert plane.running is not None
    with served(plane, plane.running) as url:
        lab.eventually("ready", lambda: ask(f"{url}/readyz") == (200, "ok\n"))


def test_a_port_that_is_taken_is_named(lab: Laboratory) -> None:
    assert lab.plane.running is not None
    with served(lab.plane, lab.plane.running) as url:
        port = int(url.rpartition(":")[2])
        desk = listening.Desk(CollectorRegistry(), list)
        second = listening.serve(desk, "127.0.0.1", port)
        with (
            pytest.raises(Problem, match="address already in use") as raised,
            lab.plane.kube.portal.wrap_async_context_manager(second),
        ):
            pass
    assert raised.value.code == "settings.listen"
