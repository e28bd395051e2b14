"""Jobs beside the way of a result: erasing, certifying, offering again, comparing the partners' ledgers with ours."""

from __future__ import annotations

from ror_service import participants, withdrawals
from ror_service.audit.log import Actor
from ror_service.context import ServiceContext
from ror_service.delivery import reconciliation
from ror_service.intake import samples

UPKEEP = Actor(name="upkeep", role="service", purpose="upkeep")


def erase_files(context: ServiceContext, sample_id: str) -> None:
    """Remove from disk the sealed file of a sample whose key was destroyed."""
    with context.transaction(UPKEEP) as work:
        samples.remove_erased(work, sample_id, context.store)
        withdrawals.erased(work, sample_id)


def reconcile_partner(context: ServiceContext, partner_id: str) -> None:
    """Compare every delivery to a partner with its own ledger, and settle what can be settled from here."""
    with context.transaction(UPKEEP) as work:
        began, client = work.at, context.partner_client(work, partner_id)
    ledger = tuple(client.ledger())
    with context.transaction(UPKEEP) as work:
        reconciliation.settle(work, partner_id, ledger, began)


def certify_withdrawal(context: ServiceContext, withdrawal_id: str) -> None:
    """Sign the certificate of a withdrawal, if all of it is done."""
    with context.transaction(UPKEEP) as work:
        withdrawals.certify(work, context.sender.signer, context.store, withdrawal_id)


def offer_again(context: ServiceContext, participant_id: str) -> None:
    """Offer again what a participant put off, where the time for that has come."""
    with context.transaction(UPKEEP) as work:
        participants.offer_again(work, participant_id)


def erase_kept(context: ServiceContext, participant_id: str) -> None:
    """Erase what was kept after a death for the person who was named, where the time to ask has passed."""
    with context.transaction(UPKEEP) as work:
        participants.erase_kept(work, participant_id)


STEPS = {
    "erase_files": erase_files,
    "reconcile_partner": reconcile_partner,
    "certify_withdrawal": certify_withdrawal,
    "offer_again": offer_again,
    "erase_kept": erase_kept,
}
"""Each of these jobs by the name that its row carries."""
