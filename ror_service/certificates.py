"""Withdrawals on their way to a certificate: begun, and looked at again whenever something of them is done."""

from __future__ import annotations

from consent.withdrawal import WithdrawalKind
from ror_service.storage import withdrawals
from ror_service.storage.tables import WithdrawalRow
from ror_service.work import Work, new_id

TASK = "certify_withdrawal"


def begin(work: Work, participant_id: str, kind: WithdrawalKind) -> None:
    """Keep a withdrawal, and order its certificate for when all of it is done."""
    row = WithdrawalRow(
        withdrawal_id=new_id("withdrawal"), participant_id=participant_id, kind=kind.value, requested_at=work.at
    )
    work.session.add(row)
    work.session.flush()
    work.audit("withdrawal.request", "withdrawal", row.withdrawal_id, participant_id, kind=kind.value)
    work.enqueue(TASK, row.withdrawal_id)


def look_again(work: Work, participant_id: str) -> None:
    """Order another look whether the participant's withdrawals are all done."""
    for row in withdrawals.of_participant(work.session, participant_id):
        if row.certified_at is None:
            work.enqueue(TASK, row.withdrawal_id)
