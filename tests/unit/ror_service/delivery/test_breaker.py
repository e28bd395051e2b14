"""A partner that does not answer is left alone, by everybody, for a growing while; recalls go on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.consent_facts import NOW
from support.service import PIPELINE, Service

from ror_service import pipeline
from ror_service.delivery import breaker
from ror_service.delivery.breaker import FIRST_PAUSE, LONGEST_PAUSE, OPENS_AFTER, Breaker
from ror_service.errors import PartnerPausedError
from ror_service.sandbox.partner_faults import Fault
from ror_service.states import DeliveryState
from ror_service.storage import jobs, organizations
from ror_service.storage.tables import DeliveryAttemptRow, PartnerBreakerRow

TRIAL = timedelta(minutes=5)
DRAWN = st.floats(0, 1, exclude_max=True)


@given(st.lists(DRAWN, min_size=1, max_size=60))
def test_pauses_begin_with_the_fifth_failure_grow_and_stay_below_half_an_hour(draws: list[float]) -> None:
    state, longest = Breaker(), timedelta()
    for number, drawn in enumerate(draws, 1):
        state = state.after_failure(NOW, lambda drawn=drawn: drawn)
        assert state.failures == number
        assert (state.paused_until is None) == (number < OPENS_AFTER)
        if state.paused_until is not None:
            pause = state.paused_until - NOW
            assert FIRST_PAUSE / 2 <= pause <= LONGEST_PAUSE
            assert pause >= longest / 4, "a pause is at least half of its window, and windows never shrink"
            longest = max(longest, pause)


def test_one_trial_at_a_time_once_the_pause_is_over() -> None:
    paused = Breaker(OPENS_AFTER, NOW)
    assert paused.admit(NOW - timedelta(seconds=1), TRIAL) is None
    first = paused.admit(NOW, TRIAL)
    assert first is not None
    assert first.admit(NOW, TRIAL) is None, "while the first has not come back"
    assert first.admit(NOW + TRIAL, TRIAL) is not None, "the first was killed, perhaps"
    assert Breaker(OPENS_AFTER - 1).admit(NOW, TRIAL) == Breaker(OPENS_AFTER - 1)


@pytest.fixture
def waiting(delivering: Service) -> Service:
    """A service with one report that waits to be sent, to a partner that failed often."""
    delivering.available()
    for _ in range(OPENS_AFTER):
        _fail(delivering)
    return delivering


def _partner(service: Service) -> str:
    return service.partner.registration.partner_id


def _fail(service: Service) -> None:
    with service.work(PIPELINE) as work:
        breaker.failed(work, _partner(service), lambda: 0.0)


def _breaker(service: Service) -> tuple[int, object]:
    (row,) = service.rows(PartnerBreakerRow)
    return row.failures, row.paused_until


def test_nothing_is_sent_and_nothing_is_counted_during_the_pause(waiting: Service) -> None:
    delivery_id = waiting.delivery().delivery_id
    with pytest.raises(PartnerPausedError):
        pipeline.deliver_report(waiting.context, delivery_id)
    waiting.run_jobs()
    job = waiting.job("deliver_report", delivery_id)
    _, until = _breaker(waiting)
    assert (job.attempts, job.first_attempt_at, job.last_error) == (0, None, None)
    assert until <= job.available_at <= until + timedelta(seconds=30)
    assert waiting.delivery().state == DeliveryState.QUEUED
    assert waiting.rows(DeliveryAttemptRow) == [], "no intent either"
    assert not waiting.partner.ledger.entries()


def test_the_trial_that_is_answered_ends_the_pause(waiting: Service) -> None:
    waiting.run_jobs()
    waiting.clock.advance(minutes=2)
    waiting.run_jobs()
    assert waiting.delivery().state == DeliveryState.RECEIVED
    assert _breaker(waiting) == (0, None)
    assert [event.action for event in waiting.actions("partner.pause", "partner.resume")] == [
        "partner.pause",
        "partner.resume",
    ]
    assert waiting.violations() == []


def test_the_trial_that_fails_doubles_the_pause(waiting: Service) -> None:
    waiting.run_jobs()
    waiting.clock.advance(minutes=2)
    waiting.partner.faults.next(Fault.RESET)
    waiting.run_jobs()
    failures, until = _breaker(waiting)
    assert failures == OPENS_AFTER + 1
    assert FIRST_PAUSE <= until - waiting.clock.now <= 2 * FIRST_PAUSE


def test_a_recall_is_never_held_back_and_its_answer_ends_the_pause(delivering: Service) -> None:
    delivering.available()
    delivering.run_jobs()
    for _ in range(OPENS_AFTER):
        _fail(delivering)
    delivering.withdraw()
    delivering.run_jobs()
    assert _breaker(delivering) == (0, None)
    assert delivering.violations() == []


def test_only_silence_counts_a_refusal_is_an_answer(delivering: Service) -> None:
    delivering.available()
    delivering.partner.faults.next(Fault.RESET)
    delivering.run_jobs()
    assert _breaker(delivering) == (1, None)
    with delivering.work() as work:
        assert organizations.paused_partners(work.session) == []


def test_a_job_whose_lease_passed_on_is_not_put_off(waiting: Service) -> None:
    job = waiting.job("deliver_report", waiting.delivery().delivery_id)
    with waiting.work() as work:
        claimed = jobs.claim(work.session, job.job_id, work.at, TRIAL)
        assert claimed is not None
        jobs.put_off(work.session, job.job_id, "somebody else's", work.at)
        work.session.refresh(claimed)
        assert claimed.lease_token is not None


def test_a_service_without_the_breaker_is_caught(waiting: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "admit", lambda *_: None)
    waiting.run_jobs()
    with pytest.raises(AssertionError):
        assert waiting.rows(DeliveryAttemptRow) == []
