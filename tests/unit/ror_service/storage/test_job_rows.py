"""The outbox: claimed by lease, finished by the one who holds it, ordered again at any time."""

from __future__ import annotations

from datetime import timedelta

import pytest
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


def _due(service: Service, most: int = 100, for_backfill: int = 1) -> list[str]:
    with service.work() as work:
        named = jobs.tasks_due(work.session, ["fetch_file", "release_report"], work.at, lost_after=LEASE)
        rows = jobs.issue_due(
            work.session, "release_report", work.at, lost_after=LEASE, most=most, for_backfill=for_backfill
        )
        assert "fetch_file" not in named
        assert named or not rows, "a round of the relay asks for the jobs of the tasks that are named, and no others"
        assert rows or not named or most < 100, "nor for those of tasks that have none"
        return [row.subject_id for row in rows]


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


def test_due_jobs_come_oldest_first_once_and_no_more_than_are_finished(service: Service) -> None:
    for number in range(5):
        _order(service, f"case-{number}")
        service.clock.advance(seconds=1)
    assert _due(service, most=3) == ["case-0", "case-1", "case-2"]
    assert _due(service, most=3) == [], "as long as none of them is finished"
    job_id = service.job("release_report", "case-1").job_id
    token = str(_claim(service, job_id))
    assert _due(service, most=3) == []
    _finish(service, job_id, token)
    assert _due(service, most=3) == ["case-3"]
    assert _due(service) == ["case-4"]
    assert _due(service) == []
    service.clock.now += LEASE
    assert _due(service) == ["case-0", "case-2", "case-3", "case-4"], "lost on the way"


def test_a_job_that_failed_leaves_its_place_to_others(service: Service) -> None:
    failed = _order(service, "case-1")
    assert _due(service, most=1) == ["case-1"]
    _order(service, "case-2")
    _fail(service, failed, str(_claim(service, failed)), timedelta(minutes=1))
    assert _due(service, most=1) == ["case-2"]


def _work_through(service: Service, rounds: int, *, in_order: bool = True) -> list[str]:
    """Each round what there is room for is issued, and what was issued first is finished."""
    done: list[str] = []
    for _ in range(rounds):
        _due(service, 10, 1) if in_order else _issue_by_time(service, 10)
        issued = service.rows(JobRow, JobRow.issued_at.is_not(None), JobRow.done_at.is_(None))
        first = min(issued, key=lambda row: (row.issued_at, row.backfill, row.available_at))
        _finish(service, first.job_id, str(_claim(service, first.job_id)))
        done.append(first.subject_id)
        service.clock.advance(seconds=1)
    return done


def _issue_by_time(service: Service, most: int) -> None:
    """A relay that knows no kinds of work: the broken variant."""
    with service.work() as work:
        open_jobs = [row for row in jobs.open_jobs(work.session) if row.issued_at is None]
        room = most - (len(jobs.open_jobs(work.session)) - len(open_jobs))
        for row in sorted(open_jobs, key=lambda row: row.available_at)[:room]:
            row.issued_at = work.at


@pytest.mark.parametrize("in_order", [True, False])
def test_weekly_work_overtakes_a_backfill_that_never_stands_still(service: Service, *, in_order: bool) -> None:
    with service.work() as work:
        for number in range(40):
            jobs.enqueue(work.session, "release_report", f"backfill-{number:02}", work.at, backfill=True)
    _work_through(service, 3, in_order=in_order)
    service.clock.advance(seconds=1)
    with service.work() as work:
        for number in range(20):
            jobs.enqueue(work.session, "release_report", f"weekly-{number:02}", work.at)
    done = _work_through(service, 35, in_order=in_order)
    weekly = [at for at, subject in enumerate(done) if subject.startswith("weekly")]
    overtaken = len(weekly) == 20 and weekly[0] <= 10
    assert overtaken is in_order, "what is in the broker already goes first, and no more than that"
    if in_order:
        between = [subject for subject in done[weekly[0] : weekly[-1]] if subject.startswith("backfill")]
        assert len(between) >= 1, "a backfill has its share meanwhile"


def test_the_last_order_says_what_kind_of_work_it_is(service: Service) -> None:
    for backfill in (True, False, True):
        with service.work() as work:
            work.enqueue("release_report", "case-1", backfill=backfill)
        assert service.job("release_report", "case-1").backfill is backfill
    job_id = service.job("release_report", "case-1").job_id
    _fail(service, job_id, str(_claim(service, job_id)), None)
    with service.work() as work:
        assert jobs.revive(work.session, job_id, work.at)
    assert service.job("release_report", "case-1").backfill


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


def test_urgent_work_goes_first_and_stays_urgent(service: Service) -> None:
    with service.work() as work:
        for subject, urgent in (("ordinary", False), ("late", True), ("ordinary too", False)):
            jobs.enqueue(work.session, "release_report", subject, work.at, urgent=urgent)
        jobs.enqueue(work.session, "release_report", "late", work.at)
        session, lost_after = work.session, timedelta(minutes=1)
        rows = [
            jobs.issue_due(session, "release_report", work.at, lost_after=lost_after, most=most, for_backfill=0)
            for most in (1, 3)
        ]
    assert [row.subject_id for row in rows[0]] == ["late"]
    assert {row.subject_id for row in rows[1]} == {"ordinary", "ordinary too"}
