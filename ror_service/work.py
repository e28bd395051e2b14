"""One unit of work: an open transaction, its time, who acts, and the policy in force.

Made by `ServiceContext.transaction` alone; code that receives one never commits.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from consent.policy import Policy
from ror_service.audit import log
from ror_service.audit.log import Actor
from ror_service.storage import jobs

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
        log.append(
            self.session,
            at=self.at,
            actor=self.actor,
            action=action,
            object_type=object_type,
            object_id=object_id,
            participant_id=participant_id,
            details=dict(details),
        )

    def enqueue(self, task: str, subject_id: str, *, backfill: bool = False) -> None:
        """Order work for the queue, written with the state change that causes it; a backfill waits for the rest."""
        jobs.enqueue(self.session, task, subject_id, self.at, backfill=backfill)


def new_id(kind: str) -> str:
    """A new opaque id, for example `case-3f...`."""
    return f"{kind}-{uuid.uuid4().hex}"
