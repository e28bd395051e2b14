"""Traces: what took how long, with nothing that names a person, whoever put it there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, TraceFlags, TraceState
from support.api import running_api
from support.service import Service
from support.stack import bare_environment

from ror_service import traces
from ror_service.errors import UnsafeConfigurationError
from ror_service.storage.tables import JobRow
from ror_service.trace_export import AllowedAlone
from ror_service.worker import jobs

CANARY = "P0001 rs1 C/T"


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """What leaves the process, of a provider that is careless with what it gets."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "ror", "process.command_args": CANARY}))
    provider.add_span_processor(SimpleSpanProcessor(AllowedAlone(kept)))
    monkeypatch.setattr(traces, "_tracer", provider.get_tracer(traces.SCOPE))
    yield kept
    assert CANARY not in _text(kept.get_finished_spans())
    provider.shutdown()


def _text(spans: tuple[ReadableSpan, ...]) -> str:
    return "".join(span.to_json() + json.dumps(dict(span.resource.attributes)) for span in spans)


def test_a_span_carries_what_is_allowed_alone(exported: InMemorySpanExporter) -> None:
    with (
        pytest.raises(ValueError, match="P0001"),
        traces.span("stage", {"ror.stage": "read", "participant": CANARY, "ror.module": CANARY}) as span,
    ):
        span.add_event("found", {"genotype": CANARY})
        span.record_exception(ValueError(CANARY))
        span.set_status(trace.StatusCode.ERROR, CANARY)
        raise ValueError(CANARY)
    (told,) = exported.get_finished_spans()
    assert dict(told.attributes or {}) == {"ror.stage": "read", "ror.module": "str", "error.type": "ValueError"}
    assert (told.events, told.status.description) == ((), None)
    assert told.status.status_code is trace.StatusCode.ERROR
    assert dict(told.resource.attributes) == {"service.name": "ror"}


def test_spans_of_other_libraries_and_of_other_names_are_not_let_out(exported: InMemorySpanExporter) -> None:
    with traces.span(CANARY, {}):
        pass
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(AllowedAlone(exported)))
    with provider.get_tracer("opentelemetry.instrumentation.sqlalchemy").start_as_current_span("stage"):
        pass
    assert exported.get_finished_spans() == ()
    provider.shutdown()


def test_the_trace_state_of_a_caller_stays_out(exported: InMemorySpanExporter) -> None:
    caller = SpanContext(1, 2, True, TraceFlags(1), TraceState([("vendor", CANARY.replace(" ", "_"))]))  # noqa: FBT003
    with trace.use_span(trace.NonRecordingSpan(caller)), traces.stage("read"):
        pass
    (told,) = exported.get_finished_spans()
    assert told.parent is not None
    assert (told.parent.trace_id, dict(told.parent.trace_state)) == (1, {})


def test_what_is_told_without_the_filter_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broken variant: an exporter without the list."""
    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(traces, "_tracer", provider.get_tracer(traces.SCOPE))
    with traces.stage("read", module=CANARY):
        pass
    assert CANARY in _text(kept.get_finished_spans())
    provider.shutdown()


def test_a_request_is_told_by_the_pattern_of_its_path(exported: InMemorySpanExporter, service: Service) -> None:
    stranger = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01", "tracestate": "vendor=P0001"}
    with running_api(service) as api:
        api.client.get("/v1/participants/P0001/results?name=P0001", headers=stranger)
        api.client.request("P0001", "/nowhere/P0001")
    first, second = (dict(span.attributes or {}) for span in exported.get_finished_spans())
    assert first == {
        "http.request.method": "GET",
        "http.route": "/v1/participants/{participant_id}/results",
        "http.response.status_code": 401,
    }
    assert (second["http.request.method"], second["http.route"]) == ("_OTHER", "none")
    assert "P0001" not in _text(exported.get_finished_spans())
    assert "ab" * 16 not in _text(exported.get_finished_spans()), "a stranger names no trace of ours"


def test_a_job_goes_on_with_the_trace_of_what_ordered_it(
    exported: InMemorySpanExporter, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_context: object, subject: str) -> None:
        with traces.stage("read"):
            raise ValueError(subject)

    monkeypatch.setitem(jobs.STEPS, "extract_sample", failing)
    with traces.stage("order") as ordering, service.work() as work:
        work.enqueue("extract_sample", "sample-P0001")
    with service.work() as work:
        (row,) = work.session.query(JobRow).filter_by(subject_id="sample-P0001")
        ordered = ordering.get_span_context()
        assert row.traceparent is not None
        assert row.traceparent.startswith(f"00-{ordered.trace_id:032x}-{ordered.span_id:016x}-")
    jobs.run_job(service.context, row.job_id)
    _, read, job = exported.get_finished_spans()
    assert dict(job.attributes or {}) == {
        "ror.job.id": row.job_id,
        "ror.job.task": "extract_sample",
        "ror.job.attempts": 1,
    } | ({"error.type": "ValueError"})
    assert {span.context.trace_id for span in (read, job)} == {ordering.get_span_context().trace_id}
    assert "sample-P0001" not in _text(exported.get_finished_spans())


def test_nothing_is_traced_where_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_TRACES_EXPORTER", raising=False)
    traces.configure()()
    with traces.stage("read"):
        assert traces.current() is None


def test_an_exporter_that_is_not_there_stops_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "carrier_pigeon")
    with pytest.raises(UnsafeConfigurationError, match="carrier_pigeon"):
        traces.configure()
    monkeypatch.setitem(sys.modules, "ror_service.trace_export", None)
    monkeypatch.delattr("ror_service.trace_export", raising=False)
    with pytest.raises(UnsafeConfigurationError, match="install the extra `traces`"):
        traces.configure()


def test_the_variables_of_the_standard_set_it_up() -> None:
    program = "from ror_service import traces\nrest = traces.configure()\nwith traces.stage('read'): pass\nrest()"
    environment = bare_environment() | {
        "OTEL_TRACES_EXPORTER": "console",
        "OTEL_RESOURCE_ATTRIBUTES": "host.name=P0001,service.version=7",
    }
    command = [sys.executable, "-c", program]
    printed = subprocess.run(  # noqa: S603 - our own
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout
    told = json.loads(printed)
    assert told["attributes"] == {"ror.stage": "read"}
    assert told["resource"]["attributes"]["service.name"] == "return-of-results"
    assert told["resource"]["attributes"]["service.version"] == "7"
    assert "P0001" not in printed
