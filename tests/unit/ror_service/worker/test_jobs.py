"""Running one job: claimed by lease, its end written down, nothing raised, nothing told that should not be."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from support.consent_facts import PERSON
from support.service import PORTAL, Service, dead_jobs

from consent.types import ModuleAnswer
from ror_service import pipeline
from ror_service.errors import DeliveryRefusedError, DeliveryUnavailableError, ServiceError
from ror_service.states import DeliveryState
from ror_service.storage import jobs
from ror_service.storage.tables import DeliveryRow, JobRow
from ror_service.worker.jobs import run_job

SECRET = "P-0001 carries 13-32340300-GT-G"


def _order(service: Service, task: str = "release_report", subject: str = "case-1") -> str:
    with service.work() as work:
        work.enqueue(task, subject)
    return service.job(task, subject).job_id


def _step(monkeypatch: pytest.MonkeyPatch, *outcomes: Exception | None) -> list[str]:
    """Let the step end in these ways, one a run; returns the subjects that it was run for."""
    ran: list[str] = []
    left = list(outcomes)

    def step(_context: object, subject: str) -> None:
        ran.append(subject)
        outcome = left.pop(0) if left else None
        if outcome is not None:
            raise outcome

    monkeypatch.setitem(pipeline.STEPS, "release_report", step)
    return ran


def test_a_job_runs_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    ran, job_id = _step(monkeypatch), _order(service)
    run_job(service.context, job_id)
    run_job(service.context, job_id)
    assert ran == ["case-1"]
    assert service.job("release_report", "case-1").done_at == service.clock.now


@pytest.mark.parametrize("job_id", ["job-of-nobody", ""])
def test_a_message_about_nothing_does_nothing(service: Service, job_id: str) -> None:
    run_job(service.context, job_id)
    assert not service.rows(JobRow)


@pytest.mark.parametrize(
    ("error", "code"),
    [(RuntimeError(SECRET), "RuntimeError"), (ServiceError(SECRET), "internal"), (KeyError(SECRET), "KeyError")],
)
def test_a_failure_is_tried_again_and_only_its_class_is_told(
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    code: str,
) -> None:
    ran, job_id = _step(monkeypatch, error), _order(service)
    with caplog.at_level(logging.DEBUG):
        run_job(service.context, job_id)
    job = service.job("release_report", "case-1")
    assert (job.last_error, job.done_at, job.dead_at, job.lease_until) == (code, None, None, None)
    assert service.clock.now <= job.available_at <= service.clock.now + timedelta(seconds=30)
    told = " ".join(str(vars(record)) for record in caplog.records)
    assert code in told
    assert job_id in told
    for secret in (PERSON, "32340300", SECRET):
        assert secret not in told
    service.clock.advance(minutes=1)
    run_job(service.context, job_id)
    assert len(ran) == 2
    assert service.job("release_report", "case-1").done_at == service.clock.now


def test_a_job_without_a_step_is_kept_for_a_look(service: Service) -> None:
    job_id = _order(service, "dream_up_results")
    run_job(service.context, job_id)
    assert service.job("dream_up_results", "case-1").last_error == "KeyError"


def test_a_refusal_goes_to_an_operator_at_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    _step(monkeypatch, DeliveryRefusedError("no"))
    run_job(service.context, _order(service))
    (dead,) = dead_jobs(service)
    assert (dead.last_error, dead.dead_at) == ("delivery_refused", service.clock.now)


def test_a_partner_that_asks_to_wait_is_waited_for(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    _step(monkeypatch, DeliveryUnavailableError("later", retry_after=3600))
    run_job(service.context, _order(service))
    assert service.job("release_report", "case-1").available_at >= service.clock.now + timedelta(hours=1)


@pytest.mark.parametrize(("task", "dead"), [("release_report", 1), ("recall_delivery", 0)])
def test_after_three_days_an_operator_looks_but_a_recall_goes_on(
    service: Service, monkeypatch: pytest.MonkeyPatch, task: str, dead: int
) -> None:
    def fail(*_: object) -> None:
        raise DeliveryUnavailableError("away")

    monkeypatch.setitem(pipeline.STEPS, task, fail)
    job_id = _order(service, task)
    run_job(service.context, job_id)
    service.clock.advance(hours=73)
    run_job(service.context, job_id)
    assert len(dead_jobs(service)) == dead
    assert service.job(task, "case-1").attempts == 2


def test_a_delivery_that_is_given_up_after_three_days_says_so(
    delivering: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object) -> None:
        raise DeliveryUnavailableError("away")

    monkeypatch.setattr("ror_service.delivery.client.PartnerClient.deliver", unreachable)
    delivering.available()
    (delivery,) = delivering.rows(DeliveryRow)
    job_id = delivering.job("deliver_report", delivery.delivery_id).job_id
    run_job(delivering.context, job_id)
    assert delivering.rows(DeliveryRow)[0].state == DeliveryState.INTENDED
    delivering.clock.advance(hours=73)
    run_job(delivering.context, job_id)
    assert delivering.rows(DeliveryRow)[0].state == DeliveryState.DEAD_LETTER
    assert len(dead_jobs(delivering)) == 1


def test_a_worker_that_lost_its_lease_cannot_finish_the_job(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = _order(service)

    def slow(_context: object, _subject: str) -> None:
        service.clock.advance(seconds=service.context.settings.lease_seconds + 1)
        with service.work() as work:
            assert jobs.claim(work.session, job_id, work.at, timedelta(minutes=5)) is not None

    monkeypatch.setitem(pipeline.STEPS, "release_report", slow)
    run_job(service.context, job_id)
    job = service.job("release_report", "case-1")
    assert job.done_at is None
    assert job.lease_token is not None


def test_what_is_ordered_again_while_it_runs_runs_again(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = _order(service)
    ran: list[str] = []

    def step(_context: object, subject: str) -> None:
        ran.append(subject)
        if len(ran) == 1:
            _order(service)

    monkeypatch.setitem(pipeline.STEPS, "release_report", step)
    run_job(service.context, job_id)
    assert service.job("release_report", "case-1").done_at is None
    run_job(service.context, job_id)
    assert len(ran) == 2
    assert service.job("release_report", "case-1").done_at is not None


def test_logs_of_the_whole_job_name_nobody_and_nothing(delivering: Service, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="ror_service"):
        delivering.positive()
        delivering.found("traits")
        delivering.run_jobs()
        delivering.partner.faults.next(None)
        delivering.choose(ModuleAnswer.NO, authored_at=delivering.clock.advance(hours=1))
        delivering.run_jobs()
    told = " ".join(str(vars(record)) for record in caplog.records if record.name.startswith("ror_service"))
    for secret in (PERSON, PORTAL.name, "BRCA2", "32340300", "rs713598"):
        assert secret not in told
