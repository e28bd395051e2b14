"""One unit of work: an open transaction, its time, who acts, and the policy in force.

Made by `ServiceContext.transaction` alone; code that receives one never commits.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from consent.policy import Policy
from ror_service.audit import log
from ror_service.audit.log import Actor, Event
from ror_service.storage import jobs, row_security

SafeDetail = str | int | float | bool | list[str] | None
"""What an audit event may carry: codes, counts, opaque ids."""


@dataclass(frozen=True, slots=True)
class Work:
    """An open transaction and what everything in it shares."""

    session: Session
    at: datetime
    """Start of the transaction by the database's clock, UTC."""
    actor: Actor
    policy: Policy

    def audit(
        self, action: str, object_type: str, object_id: str, participant_id: str | None, **details: SafeDetail
    ) -> None:
        """Write an audit event that is kept if and only if this transaction commits."""
        self.audit_all([Event(action, object_type, object_id, participant_id, dict(details))])

    def audit_all(self, events: Sequence[Event]) -> None:
        """Write several events at once: much cheaper than one by one. Their details hold what `SafeDetail` allows."""
        log.append(self.session, at=self.at, actor=self.actor, events=events)

    def as_service(self) -> AbstractContextManager[None]:
        """Within it the service itself acts, seeing every row: for what it owes beyond what the caller may see.

        First find the object as the caller does: what the caller does not see is not there.
        """
        return row_security.seeing_all(self.session)

    def enqueue(self, task: str, subject_id: str, *, backfill: bool = False, urgent: bool = False) -> None:
        """Order work for the queue, written with the state change that causes it; a backfill waits for the rest."""
        jobs.enqueue(self.session, task, subject_id, self.at, backfill=backfill, urgent=urgent)


def new_id(kind: str) -> str:
    """A new opaque id, for example `case-3f...`."""
    return f"{kind}-{uuid.uuid4().hex}"
