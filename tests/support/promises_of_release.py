"""The checker of release: what the partner's ledger, the database and the audit log say against what was promised.

One for every way of testing it: in one process, with a process that is struck at each point, and in the whole stack.
The promises are numbered as in the protocol's invariants: nothing is accepted after it was forbidden (1); what was
accepted and then forbidden is recalled (2); one copy (3); consented and healthy means delivered, nothing is stuck (4);
delivered is what the partner has (5); every change has its audit event and the chain holds (6). And who withdrew has
no key left and can read nothing.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import select

from ror_service import cases
from ror_service.audit import log
from ror_service.delivery.client import LedgerEvent
from ror_service.errors import AuditError, ErasedError, ServiceError
from ror_service.states import CaseState, DeliveryState, VersionState
from ror_service.storage import data_keys, results
from ror_service.storage.tables import (
    AuditEventRow,
    DataKeyRow,
    DeliveryRow,
    JobRow,
    RecallRow,
    ReportVersionRow,
    ResultCaseRow,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from ror_service.work import Work
    from support.service import Service


class Leaving(StrEnum):
    """How the person leaves."""

    WITHDRAW = "withdraw"
    REVOKE = "revoke"


def violations(service: Service, participant_id: str | None = None) -> list[str]:
    """What speaks against the promises of delivery, 1 to 6. Call it when nothing is left to do.

    Args:
        service: The service and its partner.
        participant_id: Of whom; of all, and of the whole audit chain, if None.
    """
    entries = service.ledger()
    accepted = [entry for entry in entries if entry.event is LedgerEvent.ACCEPTED]
    recalled = {entry.delivery_id: entry.sequence for entry in entries if entry.event is LedgerEvent.RECALLED}
    found: list[str] = []
    with service.work() as work:
        query, recalls = select(DeliveryRow), select(RecallRow.delivery_id)
        if participant_id is not None:
            query = query.where(DeliveryRow.participant_id == participant_id)
        deliveries = {row.delivery_id: row for row in work.session.scalars(query)}
        if participant_id is not None:
            accepted = [entry for entry in accepted if entry.delivery_id in deliveries]
            recalls = recalls.where(RecallRow.delivery_id.in_(deliveries))
        ordered = set(work.session.scalars(recalls))
        for entry in accepted:
            row = deliveries[entry.delivery_id]
            limit = service.forbidden_after.get(row.participant_id)
            called_back = row.delivery_id in ordered and recalled.get(row.delivery_id, 0) > entry.sequence
            if limit is not None and entry.sequence > limit:
                found.append("accepted after it was forbidden")
            closed = CaseState(work.session.get_one(ResultCaseRow, row.case_id).state) in results.CLOSED_CASES
            if closed and not called_back:
                found.append("withdrawn and not recalled")
        copies = Counter(entry.delivery_id for entry in accepted)
        for row in deliveries.values():
            found += _of_delivery(work, row, copies[row.delivery_id])
        found += _of_audit(work, deliveries.values(), whole_chain=participant_id is None)
    return found


def broken_promises(service: Service, person: str, module: str, leaving: Leaving | None) -> list[str]:
    """What speaks against the promises to one person who stays (`leaving` is None) or left.

    Args:
        service: The service and its partner.
        person: The participant.
        module: What the person wanted to know.
        leaving: How the person left.
    """
    found = violations(service, person)
    unfinished = service.rows(JobRow, JobRow.done_at.is_(None))
    found += [
        f"{'left undone' if row.dead_at is None else 'gave up'}: {row.task} {row.last_error}" for row in unfinished
    ]
    if leaving is None:
        if service.state(module, person) is not CaseState.DELIVERED:
            found.append("consented and healthy and not delivered")
        return found
    if _readable(service, person, module, leaving):
        found.append("readable after the person left")
    states = {row.state for row in service.rows(DeliveryRow, DeliveryRow.participant_id == person)}
    if states - {DeliveryState.RECALLED}:
        found.append("a delivery that nobody called back")
    return found


def _readable(service: Service, person: str, module: str, leaving: Leaving) -> bool:
    """Whether the report can be read, or after a withdrawal any key of the person is left."""
    try:
        service.read(module, participant_id=person)
    except (ErasedError, ServiceError):
        return leaving is Leaving.WITHDRAW and keys_live(service, person)
    return True


def keys_live(service: Service, person: str) -> bool:
    """Whether any data key of the person is left."""
    with service.work() as work:
        keys = data_keys.keys_of_participant(work.session, person)
    return bool(service.rows(DataKeyRow, DataKeyRow.key_id.in_(keys), DataKeyRow.wrapped.is_not(None)))


def _of_delivery(work: Work, row: DeliveryRow, copies: int) -> list[str]:
    arrived = DeliveryState(row.state) in {DeliveryState.RECEIVED, DeliveryState.OPENED}
    version = work.session.get_one(ReportVersionRow, row.version_id)
    healthy = cases.explain(work, work.session.get_one(ResultCaseRow, row.case_id)).released
    wanted = healthy and VersionState(version.state) is VersionState.RELEASED
    return [
        *(["delivered twice"] if copies > 1 else []),
        *(["said to be delivered and is not"] if arrived and not copies else []),
        *(["consented and healthy and not delivered"] if wanted and not arrived else []),
    ]


def _of_audit(work: Work, deliveries: Collection[DeliveryRow], *, whole_chain: bool) -> list[str]:
    try:
        if whole_chain:
            log.verify(work.session)
    except AuditError:
        return ["the audit chain does not hold"]
    arrived = {row.delivery_id for row in deliveries if DeliveryState(row.state) is DeliveryState.RECEIVED}
    told = select(AuditEventRow.object_id).where(AuditEventRow.action == "delivery.received")
    if not whole_chain:
        told = told.where(AuditEventRow.object_id.in_(arrived))
    return ["delivered without an audit event"] if arrived - set(work.session.scalars(told)) else []
