"""The circuit breaker of each partner: one that does not answer is left alone for a while, by every worker at once.

Without it each try holds a worker, and the consent lock of a participant, for a whole time-out. The state is one row a
partner, so that all workers see it and no crash forgets it. Recalls are never held back: they hold no lock, somebody
may be reading what they call back, and each of them is a trial of its own.
(The pattern is of Michael Nygard, "Release It!", 2007: closed, open, half-open.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ror_service.errors import PartnerPausedError
from ror_service.storage import organizations
from ror_service.work import Work

OPENS_AFTER = 5
"""Failures in a row from which nothing is sent for a while. One may be chance, and each costs a time-out."""
FIRST_PAUSE = timedelta(minutes=1)
"""The pause doubles with each trial that fails."""
LONGEST_PAUSE = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is remembered of a partner."""

    failures: int = 0
    """In a row, since the last answer."""
    paused_until: datetime | None = None
    """Nothing is sent before this moment; from then on one trial at a time."""

    def after_failure(self, now: datetime, draw: Callable[[], float]) -> Breaker:
        """The breaker after no answer came.

        Args:
            now: The present, UTC.
            draw: Draws a number from [0, 1): the second half of a pause is drawn, so that partners behind one fault
                are not all tried at the same moment.
        """
        failures = self.failures + 1
        if failures < OPENS_AFTER:
            return replace(self, failures=failures)
        doublings = min(failures - OPENS_AFTER, (LONGEST_PAUSE // FIRST_PAUSE).bit_length())
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * (1 << doublings))
        return Breaker(failures, now + pause / 2 * (1 + draw()))

    def admit(self, now: datetime, trial: timedelta) -> Breaker | None:
        """The breaker after one sender was let through, or None while it must wait.

        Args:
            now: The present, UTC.
            trial: How long a trial may take: until then no other sender is let through.
        """
        if self.paused_until is None:
            return self
        return None if now < self.paused_until else replace(self, paused_until=now + trial)


def admit(work: Work, partner_id: str, trial: timedelta) -> None:
    """Let a sender through to a partner.

    Raises:
        PartnerPausedError: If the partner is left alone for now.
    """
    row = organizations.breaker(work.session, partner_id)
    if row is None or row.paused_until is None:
        return
    admitted = Breaker(row.failures, row.paused_until).admit(work.at, trial)
    if admitted is None:
        raise PartnerPausedError(partner_id, row.paused_until)
    row.paused_until = admitted.paused_until


def failed(work: Work, partner_id: str, draw: Callable[[], float]) -> None:
    """A partner did not answer, or said that it cannot work now."""
    row = organizations.breaker(work.session, partner_id, make=True)
    after = Breaker(row.failures, row.paused_until).after_failure(work.at, draw)
    if row.paused_until is None and after.paused_until is not None:
        work.audit("partner.pause", "organization", partner_id, None, failures=after.failures)
    row.failures, row.paused_until = after.failures, after.paused_until


def answered(work: Work, partner_id: str) -> None:
    """A partner answered as it should: what waits for it may go."""
    row = organizations.breaker(work.session, partner_id)
    if row is None or not row.failures:
        return
    if row.paused_until is not None:
        work.audit("partner.resume", "organization", partner_id, None, failures=row.failures)
    row.failures, row.paused_until = 0, None
