"""Queries of organizations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ror_service.errors import NotFoundError
from ror_service.storage.tables import OrganizationRow

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
