"""When to try a delivery again, and when to stop.

Exponential backoff with full jitter, so that a thousand deliveries that failed together do not come back together
(the "full jitter" of Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). The schedule is a
pure function: the time of the next try is kept in the database, so that it survives any crash of a worker.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

FIRST_WINDOW = timedelta(seconds=30)
"""The first retry comes at a random moment of this window; the window doubles with each further try."""

LONGEST_WINDOW = timedelta(hours=4)
"""The window does not grow beyond this."""

DEAD_LETTER_AFTER = timedelta(hours=72)
"""Counted from the first try. After this nobody tries by itself: an operator looks."""

_LONGEST_RETRY_AFTER_SECONDS = 1e9  # thirty years: beyond any dead letter, and safe to add to a date


def retry_window(attempts: int) -> timedelta:
    """Return the length of the window in which the next try falls.

    Args:
        attempts: Tries made so far, at least 1.

    Returns:
        `FIRST_WINDOW` times two to the power of the tries made before the last, at most `LONGEST_WINDOW`.

    Raises:
        ValueError: If no try was made yet.
    """
    if attempts < 1:
        raise ValueError(f"{attempts} tries made: the schedule starts after the first")
    doublings = min(attempts - 1, (LONGEST_WINDOW // FIRST_WINDOW).bit_length())  # no overflow, whatever the count
    return min(LONGEST_WINDOW, FIRST_WINDOW * (1 << doublings))


def next_attempt(
    first_attempt_at: datetime,
    attempts: int,
    now: datetime,
    random: Callable[[], float],
    retry_after: float | None = None,
) -> datetime | None:
    """Return when to try again.

    A partner's `Retry-After` is a floor under the jitter: the try comes at that moment or later, never before. What
    jitter alone would carry past the dead letter comes at the last moment instead, so that the whole time is used.

    Args:
        first_attempt_at: When the first try began, UTC.
        attempts: Tries made so far, at least 1.
        now: The present, UTC.
        random: Draws a number from [0, 1).
        retry_after: Seconds that the partner asked to wait, from now; None where it asked nothing.

    Returns:
        The time of the next try, or None: no further try fits before the dead letter.

    Raises:
        ValueError: If no try was made yet.
    """
    jitter = retry_window(attempts) * random()
    last_moment = first_attempt_at + DEAD_LETTER_AFTER
    earliest = now + timedelta(seconds=max(0.0, min(retry_after or 0.0, _LONGEST_RETRY_AFTER_SECONDS)))
    if now >= last_moment or earliest > last_moment:
        return None
    return min(earliest + jitter, last_moment)


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Read a `Retry-After` field (RFC 9110, 10.2.3): seconds or an HTTP date.

    Args:
        value: The field value, or None where there is no such field.
        now: The present, UTC: a date is turned into seconds from it.

    Returns:
        Seconds to wait, never negative; None where the field is absent or means nothing.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), _LONGEST_RETRY_AFTER_SECONDS)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:  # the zone "-0000": a date without a stated zone is UTC in HTTP
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
