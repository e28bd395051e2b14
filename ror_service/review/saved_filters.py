"""Filters of the work list that somebody of the staff keeps under a name. Everybody has their own."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import delete, select

from ror_service.errors import ConflictError
from ror_service.storage.tables import SavedFilterRow
from ror_service.work import Work

MOST = 20
"""Filters of one person."""


def of_caller(work: Work) -> Mapping[str, str]:
    """Name to query of the caller's own, by name."""
    rows = work.session.scalars(
        select(SavedFilterRow).where(SavedFilterRow.owner == work.actor.name).order_by(SavedFilterRow.name)
    )
    return {row.name: row.query for row in rows}


def keep(work: Work, name: str, query: str) -> None:
    """Keep filters under a name; the same name again takes the place of the one before.

    Raises:
        ConflictError: If the caller has as many as anybody may.
    """
    known = of_caller(work)
    if name not in known and len(known) >= MOST:
        raise ConflictError(f"there are {MOST} saved filters; delete one first")
    with work.as_service():
        work.session.merge(SavedFilterRow(owner=work.actor.name, name=name, query=query))


def drop(work: Work, name: str) -> None:
    """Delete one of the caller's; again changes nothing."""
    with work.as_service():
        mine = (SavedFilterRow.owner == work.actor.name, SavedFilterRow.name == name)
        work.session.execute(delete(SavedFilterRow).where(*mine))
