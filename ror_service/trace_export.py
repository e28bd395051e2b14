"""The one way by which traces leave a process: whatever is not on the lists of `traces` is dropped from each span."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points

from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext, Status

from ror_service.errors import UnsafeConfigurationError
from ror_service.logs import plain
from ror_service.traces import ALLOWED, ALLOWED_OF_RESOURCE, NAMES, SCOPE

_SHORT_NAMES = {"otlp": "otlp_proto_http"}


class AllowedAlone(SpanExporter):
    """Passes on spans without what may name a person: other libraries' spans, other attributes, messages, events.

    Args:
        exporter: What sends them.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send what is left of the spans."""
        told = [_cleaned(span) for span in spans if _is_ours(span)]
        return self._exporter.export(told) if told else SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Stop sending."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Send what waits."""
        return self._exporter.force_flush(timeout_millis)


def provider(name: str) -> TracerProvider:
    """What makes spans and sends them by an installed exporter, set up by the `OTEL_` variables.

    Raises:
        UnsafeConfigurationError: If there is no such exporter.
    """
    found = list(entry_points(group="opentelemetry_traces_exporter", name=_SHORT_NAMES.get(name, name)))
    if not found:
        raise UnsafeConfigurationError(f"OTEL_TRACES_EXPORTER: no exporter {name} is installed; `otlp` is one")
    resource = Resource.create()
    if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: "return-of-results"}))
    made = TracerProvider(resource=resource)
    made.add_span_processor(BatchSpanProcessor(AllowedAlone(found[0].load()())))
    return made


def _is_ours(span: ReadableSpan) -> bool:
    return span.name in NAMES and span.instrumentation_scope is not None and span.instrumentation_scope.name == SCOPE


def _cleaned(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=_numbers_alone(span.context),
        parent=_numbers_alone(span.parent),
        resource=Resource(_allowed(span.resource.attributes, ALLOWED_OF_RESOURCE)),
        attributes=_allowed(span.attributes or {}, ALLOWED),
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _allowed(attributes: Mapping[str, object], keys: Sequence[str]) -> dict[str, int | float | str]:
    return {key: plain(attributes[key]) for key in keys if key in attributes}


def _numbers_alone(context: SpanContext | None) -> SpanContext | None:
    """Without the trace state, which whoever called may have filled."""
    if context is None:
        return None
    return SpanContext(context.trace_id, context.span_id, context.is_remote, context.trace_flags)
