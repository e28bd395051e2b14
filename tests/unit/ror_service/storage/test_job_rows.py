"""The outbox: claimed by lease, finished by the one who holds it, ordered again at any time."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.service import Service

from ror_service.storage import jobs
from ror_service.storage.tables import JobRow

LEASE = timedelta(minutes=5)


def _order(service: Service, subject: str = "case-1") -> str:
    with service.work() as work:
        jobs.enqueue(work.session, "release_report", subject, work.at)
    return service.job("release_report", subject).job_id


def _claim(service: Service, job_id: str) -> str | None:
    with service.work() as work:
        row = jobs.claim(work.session, job_id, work.at, LEASE)
        return None if row is None else row.lease_token


def _finish(service: Service, job_id: str, token: str) -> None:
    with service.work() as work:
        jobs.finish(work.session, job_id, token, work.at)


def _fail(service: Service, job_id: str, token: str, retry_in: timedelta | None) -> None:
    with service.work() as work:
        retry_at = None if retry_in is None else work.at + retry_in
        jobs.fail(work.session, job_id, token, work.at, error="code", retry_at=retry_at)


def _due(service: Service, limit: int = 100) -> list[str]:
    with service.work() as work:
        return [row.subject_id for row in jobs.issue_due(work.session, work.at, lost_after=LEASE, limit=limit)]


def _counts(service: Service) -> tuple[int, int]:
    with service.work() as work:
        return len(jobs.open_jobs(work.session)), len(jobs.dead_jobs(work.session))


def test_a_job_is_ordered_once_however_often(service: Service) -> None:
    assert _order(service) == _order(service)
    assert len(service.rows(JobRow)) == 1


def test_one_worker_at_a_time_holds_a_job(service: Service) -> None:
    job_id = _order(service)
    assert _claim(service, job_id)
    assert _claim(service, job_id) is None
    service.clock.now += LEASE
    assert _claim(service, job_id)
    assert service.job("release_report", "case-1").attempts == 2


def test_what_is_done_dead_unknown_or_not_due_is_not_claimed(service: Service) -> None:
    job_id = _order(service)
    assert _claim(service, "job-of-nobody") is None
    _fail(service, job_id, str(_claim(service, job_id)), timedelta(minutes=1))
    assert _claim(service, job_id) is None
    service.clock.advance(minutes=1)
    _fail(service, job_id, str(_claim(service, job_id)), None)
    assert _claim(service, job_id) is None
    assert _counts(service) == (0, 1)
    with service.work() as work:
        assert jobs.revive(work.session, job_id, work.at)
    token = str(_claim(service, job_id))
    _finish(service, job_id, token)
    assert _claim(service, job_id) is None
    assert _counts(service) == (0, 0)


def test_a_lost_lease_neither_finishes_nor_fails(service: Service) -> None:
    job_id = _order(service)
    lost = str(_claim(service, job_id))
    service.clock.now += LEASE
    held = str(_claim(service, job_id))
    _finish(service, job_id, lost)
    _fail(service, job_id, lost, None)
    job = service.job("release_report", "case-1")
    assert (job.done_at, job.dead_at, job.lease_token) == (None, None, held)


def test_ordering_again_makes_a_done_or_dead_or_running_job_due(service: Service) -> None:
    job_id = _order(service)
    token = str(_claim(service, job_id))
    _order(service)
    _finish(service, job_id, token)
    assert service.job("release_report", "case-1").done_at is None
    _finish(service, job_id, str(_claim(service, job_id)))
    _order(service)
    assert _due(service) == ["case-1"]
    _fail(service, job_id, str(_claim(service, job_id)), None)
    _order(service)
    assert _counts(service) == (1, 0)
    assert service.job("release_report", "case-1").attempts == 0


def test_reviving_needs_a_dead_job(service: Service) -> None:
    job_id = _order(service)
    with service.work() as work:
        assert not jobs.revive(work.session, job_id, work.at)
        assert not jobs.revive(work.session, "job-of-nobody", work.at)


def test_due_jobs_come_oldest_first_in_portions_and_once(service: Service) -> None:
    for number in range(5):
        _order(service, f"case-{number}")
        service.clock.advance(seconds=1)
    assert _due(service, limit=3) == ["case-0", "case-1", "case-2"]
    assert _due(service) == ["case-3", "case-4"]
    assert _due(service) == []
    service.clock.now += LEASE
    assert len(_due(service)) == 5


def test_a_job_that_somebody_works_on_is_not_due(service: Service) -> None:
    job_id = _order(service)
    _due(service)
    service.clock.now += LEASE - timedelta(seconds=1)
    _claim(service, job_id)
    service.clock.advance(seconds=2)
    assert _due(service) == []
    service.clock.now += LEASE
    assert _due(service) == ["case-1"]


STEPS = st.sampled_from(("order", "claim", "finish", "finish late", "fail", "bury", "time", "relay", "revive"))


@given(st.lists(STEPS, max_size=14))
@settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=(HealthCheck.function_scoped_fixture,)
)
def test_an_ordered_job_is_never_lost(service: Service, steps: list[str]) -> None:
    """Whatever happened: in the end the job was finished after it was last ordered, or an operator has it."""
    subject = f"case-{service.clock.advance(hours=1).isoformat()}"
    job_id, tokens = _order(service, subject), []
    finished_after_order = False
    for step in steps:
        if step == "order":
            _order(service, subject)
            finished_after_order, tokens = False, []
        elif step == "claim" and (token := _claim(service, job_id)):
            tokens.append(token)
        elif step in {"finish", "finish late"} and tokens:
            _finish(service, job_id, tokens[-1 if step == "finish" else 0])
        elif step in {"fail", "bury"} and tokens:
            _fail(service, job_id, tokens[-1], timedelta(minutes=1) if step == "fail" else None)
        elif step == "time":
            service.clock.now += LEASE
        elif step == "relay":
            _due(service)
        elif step == "revive":
            with service.work() as work:
                jobs.revive(work.session, job_id, work.at)
        finished_after_order |= service.job("release_report", subject).done_at is not None
    service.clock.now += 2 * LEASE
    job = service.job("release_report", subject)
    due = subject in _due(service)
    assert due or job.dead_at is not None or (job.done_at is not None and finished_after_order)
