"""Traces by OpenTelemetry, off unless its own variable `OTEL_TRACES_EXPORTER` turns them on.

The packages belong to the extra `traces`. Nothing of them is imported while traces are off: they would take 20 MB of
each process. All other variables of OpenTelemetry (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_SERVICE_NAME`,
`OTEL_TRACES_SAMPLER`, …) are read by its own packages.
"""

import asyncio
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tone_shootout.kit.settings import SettingsError

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

FLUSH_S: Final = 3.0
"""Longest time in seconds that the export of the last spans may take."""
EXPORTER: Final = "OTEL_TRACES_EXPORTER"
_EXPORTERS: Final = ("none", "otlp", "console")
_NAME: Final = "tone_shootout"

_tracer: "Tracer | None" = None


def is_wanted(environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether the environment turns traces on.

    Raises:
        SettingsError: it names an exporter that there is not.
    """
    exporter = environ.get(EXPORTER, "none").strip().lower() or "none"
    if exporter not in _EXPORTERS:
        raise SettingsError(f"{EXPORTER}: expected one of {', '.join(_EXPORTERS)}")
    return exporter != "none" and environ.get("OTEL_SDK_DISABLED", "").strip().lower() != "true"


def configure_tracing() -> None:
    """Export the spans of this process, if the environment wants that.

    Raises:
        SettingsError: a variable is invalid, or the packages are not installed.
    """
    global _tracer
    if _tracer is not None or not is_wanted():
        return
    try:
        from opentelemetry import trace
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
    except ImportError:
        raise SettingsError(f"{EXPORTER}: traces need more packages: install `tone-shootout[traces]`") from None
    exporter: SpanExporter
    if os.environ[EXPORTER].strip().lower() == "console":
        exporter = ConsoleSpanExporter()
    else:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        except ImportError:
            raise SettingsError(f"{EXPORTER}: traces need more packages: install `tone-shootout[traces]`") from None
        exporter = OTLPSpanExporter()
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: os.environ.get("OTEL_SERVICE_NAME", _NAME)}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    _tracer = trace.get_tracer(_NAME)


async def flush_tracing() -> None:
    """Export what is left, for at most `FLUSH_S`: a process that a signal ends does not do so at its exit."""
    if _tracer is None:
        return
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider

    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        await asyncio.to_thread(provider.force_flush, round(FLUSH_S * 1000))


def is_tracing() -> bool:
    """Return whether this process exports spans."""
    return _tracer is not None


def current_traceparent() -> str | None:
    """Return the context of the current span as a `traceparent` of W3C Trace Context; None: there is none."""
    if _tracer is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent")


def start_span(
    name: str,
    *,
    traceparent: str | None = None,
    parent: "Span | None" = None,
    start: datetime | None = None,
    **attributes: str | float,
) -> "Span | None":
    """Start a span, which the caller ends; None while traces are off.

    Args:
        name: its name.
        traceparent: its parent in another process, or None.
        parent: its parent in this process; None: that of `traceparent`, or it begins a trace.
        start: when it began; None: now.
        **attributes: its attributes.
    """
    if _tracer is None:
        return None
    from opentelemetry import trace
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    context = Context()
    if parent is not None:
        context = trace.set_span_in_context(parent, context)
    elif traceparent is not None:
        context = TraceContextTextMapPropagator().extract({"traceparent": traceparent}, context)
    at = None if start is None else round(start.timestamp() * 1e9)
    return _tracer.start_span(name, context, start_time=at, attributes=attributes)


@contextmanager
def as_current(span: "Span | None") -> Generator[None, None, None]:
    """Make a span the current one of this task and of those that it starts; its id is in their log lines."""
    if span is None:
        yield
        return
    from opentelemetry import trace

    with trace.use_span(span, record_exception=False, set_status_on_exception=False):
        yield


def add_trace_id(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Add the id of the current trace to a log line; a processor of structlog."""
    if _tracer is not None:
        from opentelemetry import trace

        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            event["trace_id"] = trace.format_trace_id(context.trace_id)
    return event
