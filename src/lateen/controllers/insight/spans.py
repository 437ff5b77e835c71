"""Traces of the controllers' work, sent to an OpenTelemetry collector. Off unless it is named.

Needs the extra `lateen[tracing]`; nothing of it is imported while it is off.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lateen import __version__
from lateen.base.problem import Problem
from lateen.controllers.insight.meters import Probe

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

_SCOPE = "lateen.controllers"


class Spans:
    """Tells another probe of everything, and makes a span of it: a pass is the root of a trace,
    with its stages, the components rendered and dispatched in them, and the requests of these.
    """

    def __init__(self, probe: Probe, exporter: SpanProcessor) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider

        about = {"service.name": "lateen", "service.version": __version__}
        self._provider = TracerProvider(resource=Resource.create(about))
        self._provider.add_span_processor(exporter)
        self._tracer = self._provider.get_tracer(_SCOPE, __version__)
        self._probe = probe

    @contextmanager
    def span(self, name: str, **about: str) -> Iterator[Any]:
        """A span named for what is done; what it raises is recorded in it."""
        attributes = {f"lateen.{key}": value for key, value in about.items()}
        named = about.get("stage", name) if name == "stage" else name
        with (
            self._tracer.start_as_current_span(named, attributes=attributes) as span,
            self._probe.span(name, **about),
        ):
            yield span

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def to(endpoint: str, probe: Probe) -> Spans:
    """Spans that go to an OTLP collector over HTTP, in the background.

    Raises:
        Problem: `tracing.missing` without the extra.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        raise Problem(
            "tracing.missing",
            f"traces need a package that is not installed ({error.name})",
            path="tracing_endpoint",
            hint="pip install 'lateen[tracing]', or leave tracing_endpoint out",
        ) from error
    return Spans(probe, BatchSpanProcessor(OTLPSpanExporter(endpoint)))
