"""One unit of work: an open transaction, its time, who acts, and the policy in force.

Made by `ServiceContext.transaction` alone; code that receives one never commits.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from consent.policy import Policy
from ror_service.audit import log
from ror_service.audit.log import Actor, Event
from ror_service.errors import AuditError
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
    _events: list[Event] = field(default_factory=list, init=False, repr=False)
    """What the audit log is to say of this transaction, in order, as far as it does not yet."""

    def audit(
        self, action: str, object_type: str, object_id: str, participant_id: str | None, **details: SafeDetail
    ) -> None:
        """Order an audit event: it is written last in this transaction, which commits with it or not at all."""
        self.audit_all([Event(action, object_type, object_id, participant_id, dict(details))])

    def audit_all(self, events: Sequence[Event]) -> None:
        """Order several audit events at once. Their details hold what `SafeDetail` allows."""
        self._events.extend(events)

    def write_audit(self) -> None:
        """Write the events that were ordered, as the end of a transaction does; before what no rollback takes back.

        The audit chain's lock is held from here on: whoever takes the lock of a row behind it waits, sooner or later,
        for somebody who holds that row and waits for the chain.

        Raises:
            AuditError: If the log takes nothing more.
        """
        self.session.flush()
        if not self._events:
            return
        try:
            log.append(self.session, at=self.at, actor=self.actor, events=self._events)
        except DBAPIError as error:
            raise AuditError("the audit log cannot be written; nothing was read or changed") from error
        self._events.clear()

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
