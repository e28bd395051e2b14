"""Jobs beside the way of a result: removing what was erased, and keeping the partners' ledgers and ours of one mind."""

from __future__ import annotations

from ror_service.audit.log import Actor
from ror_service.context import ServiceContext
from ror_service.delivery import reconciliation
from ror_service.intake import samples

UPKEEP = Actor(name="upkeep", role="service", purpose="upkeep")


def erase_files(context: ServiceContext, sample_id: str) -> None:
    """Remove from disk the sealed file of a sample whose key was destroyed."""
    with context.transaction(UPKEEP) as work:
        samples.remove_erased(work, sample_id, context.store)


def reconcile_partner(context: ServiceContext, partner_id: str) -> None:
    """Compare every delivery to a partner with its own ledger, and settle what can be settled from here."""
    with context.transaction(UPKEEP) as work:
        began, client = work.at, context.partner_client(work, partner_id)
    ledger = tuple(client.ledger())
    with context.transaction(UPKEEP) as work:
        reconciliation.settle(work, partner_id, ledger, began)
