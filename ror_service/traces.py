"""Traces of OpenTelemetry: what took how long, from the request through the job to the partner, and never whose it was.

Nothing is kept or sent unless `OTEL_TRACES_EXPORTER` names an exporter and the extra `traces` is installed; the other
`OTEL_` variables then mean what the OpenTelemetry specification says. Spans are made here alone, and `trace_export`
lets out what is on the lists below and nothing else, whoever put it there. Database statements are not traced.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

SCOPE = "ror_service"
"""Name under which this program makes spans; those of other libraries are not let out."""
NAMES = ("request", "job", "stage", "partner call")
"""Every kind of span."""
ALLOWED = (
    "http.request.method",
    "http.route",
    "http.response.status_code",
    "error.type",
    "ror.job.id",
    "ror.job.task",
    "ror.job.attempts",
    "ror.stage",
    "ror.module",
    "ror.partner",
)
"""Attributes of a span: codes, counts, the pattern of a path, opaque ids, a partner by its registered name."""
ALLOWED_OF_RESOURCE = (
    "service.name",
    "service.namespace",
    "service.version",
    "service.instance.id",
    "deployment.environment.name",
    "telemetry.sdk.language",
    "telemetry.sdk.name",
    "telemetry.sdk.version",
)
"""What is told of the process. Not its command line: that of a command may name a participant."""
_TRACEPARENT = "traceparent"
_tracer = trace.get_tracer(SCOPE)
_propagator = TraceContextTextMapPropagator()


@contextmanager
def span(
    name: str,
    attributes: Mapping[str, str | int],
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    caused_by: str | None = None,
    root: bool = False,
) -> Iterator[Span]:
    """One step and how long it took. Of an error that ends it only the class is noted.

    Args:
        name: One of `NAMES`.
        attributes: Some of `ALLOWED`.
        kind: Its part in a call.
        caused_by: The span that ordered the work, as `current` gave it.
        root: Whether it begins a trace of its own, whatever is under way.
    """
    parent = Context() if root else None
    if caused_by is not None:
        parent = _propagator.extract({_TRACEPARENT: caused_by}, Context())
    with _tracer.start_as_current_span(
        name, parent, kind, attributes, record_exception=False, set_status_on_exception=False
    ) as made:
        try:
            yield made
        except BaseException as error:
            made.set_attribute("error.type", type(error).__name__)
            made.set_status(Status(StatusCode.ERROR))
            raise


def stage(name: str, **attributes: str) -> AbstractContextManager[Span]:
    """A `span` around one stage of the pipeline."""
    return span("stage", {"ror.stage": name, **{f"ror.{key}": value for key, value in attributes.items()}})


def current() -> str | None:
    """The span under way in the form of W3C `traceparent`, numbers alone; None where nothing is traced."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get(_TRACEPARENT)


def configure() -> Callable[[], None]:
    """Begin to send what is traced in this process, if the environment asks for it.

    Returns:
        What sends the rest; call it before the process ends.

    Raises:
        UnsafeConfigurationError: If the exporter or its library is not installed.
    """
    exporter = os.environ.get("OTEL_TRACES_EXPORTER", "none").strip()
    if exporter in {"", "none"}:
        return lambda: None
    try:
        from ror_service import trace_export  # noqa: PLC0415 - needs the extra `traces`
    except ImportError as error:
        from ror_service.errors import UnsafeConfigurationError  # noqa: PLC0415

        raise UnsafeConfigurationError("OTEL_TRACES_EXPORTER is set: install the extra `traces`") from error
    provider = trace_export.provider(exporter)
    trace.set_tracer_provider(provider)
    return provider.shutdown
