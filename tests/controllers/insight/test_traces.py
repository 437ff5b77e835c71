"""Traces, as a collector on this machine gets them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from lateen.controllers.insight import spans
from tests.controllers.insight.test_measuring import SHOP
from tests.controllers.laboratory import Laboratory


@dataclass
class Collector:
    """Takes OTLP over HTTP."""

    url: str = ""
    spans: list[Any] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        sent = ExportTraceServiceRequest.FromString(await request.read())
        for resource in sent.resource_spans:
            for scope in resource.scope_spans:
                self.spans += scope.spans
        return web.Response()


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    collector = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1/traces"
    yield collector
    await runner.cleanup()


@pytest.fixture
def traced(lab: Laboratory) -> Iterator[tuple[Collector, spans.Spans]]:
    """A controller that is traced, and who gets the traces."""
    plane = lab.plane
    with plane.kube.portal.wrap_async_context_manager(collecting()) as collector:
        told = spans.to(collector.url, plane.meters)
        plane.probe = told
        plane.restart()
        yield collector, told
        plane.probe = plane.meters
        plane.restart()


def test_a_pass_is_a_trace_down_to_its_requests(
    lab: Laboratory, traced: tuple[Collector, spans.Spans]
) -> None:
    collector, told = traced
    lab.apply(SHOP)
    lab.running("shop")
    lab.settle()  # the pass ends after the status is written
    lab.plane.stop()
    told.close()
    by_id = {span.span_id: span for span in collector.spans}

    def way(span: Any) -> list[str]:
        """The names from the root down to a span."""
        names = [span.name]
        while span.parent_span_id in by_id:
            span = by_id[span.parent_span_id]
            names.insert(0, span.name)
        return names

    def attributes(span: Any) -> dict[str, str]:
        return {each.key: each.value.string_value for each in span.attributes}

    ours = [
        span.trace_id
        for span in collector.spans
        if attributes(span).get("lateen.namespace") == lab.namespace
    ]
    ways = [way(span) for span in collector.spans if span.trace_id in ours]
    assert ["pass", "revise", "request"] in ways
    assert ["pass", "run", "render"] in ways
    assert ["pass", "run", "dispatch", "request"] in ways
    assert ["pass", "commit", "request"] in ways
    [render] = [s for s in collector.spans if s.name == "render" and s.trace_id in ours][:1]
    assert attributes(render) == {
        "lateen.component": "settings",
        "lateen.type": "k8s-objects",
    }


ABSENT = """\
import sys
sys.modules["opentelemetry.sdk.trace.export"] = None
from lateen.base.problem import Problem
from lateen.controllers.insight import meters, spans
try:
    spans.to("http://127.0.0.1:1/v1/traces", meters.Meters())
except Problem as problem:
    print(problem.code, problem.hint)
"""
OFF = """\
import sys
from lateen import app
with app._watcher("") as watcher:
    assert watcher.probe is watcher.meters
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        pytest.param(ABSENT, "tracing.missing pip install 'lateen[tracing]'", id="not installed"),
        pytest.param(OFF, "[]", id="off, nothing of it is even imported"),
    ],
)
def test_without_it(program: str, expected: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(expected)
