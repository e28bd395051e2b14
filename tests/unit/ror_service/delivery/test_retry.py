"""The schedule of tries: jitter, floor, cap and end."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ror_service.delivery.retry import (
    DEAD_LETTER_AFTER,
    FIRST_WINDOW,
    LONGEST_WINDOW,
    next_attempt,
    parse_retry_after,
    retry_window,
)

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def test_the_window_doubles_until_it_is_as_long_as_it_gets() -> None:
    assert [retry_window(attempts) / FIRST_WINDOW for attempts in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert retry_window(9) == FIRST_WINDOW * 256
    assert retry_window(10) == LONGEST_WINDOW
    assert retry_window(10**9) == LONGEST_WINDOW


def test_there_is_no_schedule_before_the_first_try() -> None:
    with pytest.raises(ValueError, match="after the first"):
        next_attempt(START, 0, START, lambda: 0.5)


@given(
    attempts=st.integers(1, 10_000),
    waited=st.floats(0, 80 * 3600),
    draw=st.floats(0, 1, exclude_max=True),
    retry_after=st.none() | st.floats(-10, 1e12),
)
def test_a_try_comes_within_window_floor_and_end(
    attempts: int, waited: float, draw: float, retry_after: float | None
) -> None:
    now = START + timedelta(seconds=waited)
    end = START + DEAD_LETTER_AFTER
    at = next_attempt(START, attempts, now, lambda: draw, retry_after)
    floor = timedelta(seconds=min(max(retry_after or 0.0, 0.0), 1e9))
    if at is None:
        assert now >= end or now + floor > end
    else:
        assert now + floor <= at <= min(end, now + floor + retry_window(attempts))


def test_full_jitter_uses_the_whole_window() -> None:
    assert next_attempt(START, 3, START, lambda: 0.0) == START
    assert next_attempt(START, 3, START, lambda: 0.5) == START + FIRST_WINDOW * 2


def test_a_partner_that_never_answers_is_given_up_after_72_hours() -> None:
    draw = random.Random(20261122).random  # noqa: S311 - the same schedule at each run
    now, attempts = START, 1
    while (following := next_attempt(START, attempts, now, draw)) is not None:
        now, attempts = following, attempts + 1
    assert now == START + timedelta(hours=72)  # the last try uses the last moment
    assert 25 < attempts < 80


def test_a_wait_beyond_the_end_is_given_up_at_once() -> None:
    assert next_attempt(START, 1, START, lambda: 0.0, 73 * 3600) is None
    assert next_attempt(START, 1, START, lambda: 0.9, 72 * 3600) == START + DEAD_LETTER_AFTER


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 120 ", 120.0),
        ("0", 0.0),
        ("9" * 400, 1e9),
        ("Sun, 22 Nov 2026 12:01:30 GMT", 90.0),
        ("Sun, 22 Nov 2026 12:01:30 -0000", 90.0),
        ("Sunday, 22-Nov-26 12:01:30 GMT", 90.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("Sun, 99 Nov 2026 12:01:30 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, START) == seconds
