"""Queries of organizations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, overload

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ror_service.errors import NotFoundError
from ror_service.storage.tables import OrganizationRow, PartnerBreakerRow

DELIVERY_PARTNER = "delivery_partner"


def delivery_partners(session: Session) -> Sequence[dict[str, Any]]:
    """Registration documents of all delivery partners, by identifier."""
    return session.scalars(
        select(OrganizationRow.registration)
        .where(OrganizationRow.kind == DELIVERY_PARTNER)
        .order_by(OrganizationRow.organization_id)
    ).all()


def delivery_partner(session: Session, partner_id: str) -> dict[str, Any]:
    """Registration document of one delivery partner.

    Raises:
        NotFoundError: If there is none.
    """
    row = session.get(OrganizationRow, partner_id)
    if row is None or row.kind != DELIVERY_PARTNER:
        raise NotFoundError("no such delivery partner")
    return row.registration


def register_partner(session: Session, partner_id: str, registration: dict[str, Any], at: datetime) -> None:
    """Register a delivery partner, or replace its registration."""
    session.merge(
        OrganizationRow(organization_id=partner_id, kind=DELIVERY_PARTNER, registration=registration, registered_at=at)
    )
    session.flush()


@overload
def breaker(session: Session, partner_id: str, *, make: Literal[True]) -> PartnerBreakerRow: ...
@overload
def breaker(session: Session, partner_id: str) -> PartnerBreakerRow | None: ...
def breaker(session: Session, partner_id: str, *, make: bool = False) -> PartnerBreakerRow | None:
    """The breaker of a partner, locked; None where it never failed, unless one is to be made."""
    row = session.get(PartnerBreakerRow, partner_id, with_for_update=True)
    if row is None and make:
        # Two workers may see the first failure at once: the second finds the row of the first.
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        values = {"partner_id": partner_id, "failures": 0}
        session.execute(dialect.insert(PartnerBreakerRow).values(values).on_conflict_do_nothing())
        row = session.get(PartnerBreakerRow, partner_id, with_for_update=True)
    return row


def paused_partners(session: Session) -> Sequence[PartnerBreakerRow]:
    """Partners that are left alone for now."""
    return session.scalars(
        select(PartnerBreakerRow)
        .where(PartnerBreakerRow.paused_until.is_not(None))
        .order_by(PartnerBreakerRow.partner_id)
    ).all()
