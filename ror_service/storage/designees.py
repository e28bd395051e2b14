"""Queries of who was named for after a death, and of what is kept for that person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from consent.types import latest
from ror_service.storage.tables import DesigneeNamingRow, ReportRow, ReportVersionRow


def namings(session: Session, participant_id: str) -> Sequence[DesigneeNamingRow]:
    """Everything that a participant said about it, taken back or not."""
    return session.scalars(select(DesigneeNamingRow).where(DesigneeNamingRow.participant_id == participant_id)).all()


def kept_versions(session: Session, participant_id: str) -> Sequence[ReportVersionRow]:
    """The report versions of a dead participant whose keys are kept."""
    return session.scalars(
        select(ReportVersionRow)
        .join(ReportRow, ReportRow.report_id == ReportVersionRow.report_id)
        .where(ReportRow.participant_id == participant_id, ReportVersionRow.kept_until.is_not(None))
    ).all()


def kept_version(session: Session, case_id: str) -> ReportVersionRow | None:
    """The version of a case's report whose key is kept."""
    return session.scalars(
        select(ReportVersionRow)
        .join(ReportRow, ReportRow.report_id == ReportVersionRow.report_id)
        .where(ReportRow.case_id == case_id, ReportVersionRow.kept_until.is_not(None))
    ).one_or_none()


def kept_keys(session: Session, participant_id: str) -> set[str]:
    """Data keys of what is kept, and of the naming that it is kept for; empty where nothing is."""
    versions = {version.data_key_id for version in kept_versions(session, participant_id)}
    naming = latest(namings(session, participant_id)) if versions else None
    return versions if naming is None or naming.data_key_id is None else {*versions, naming.data_key_id}


def kept_too_long(session: Session, at: datetime, limit: int) -> Sequence[str]:
    """Participants of whom something is kept past its time."""
    return session.scalars(
        select(ReportRow.participant_id)
        .join(ReportVersionRow, ReportVersionRow.report_id == ReportRow.report_id)
        .where(ReportVersionRow.kept_until <= at)
        .distinct()
        .order_by(ReportRow.participant_id)
        .limit(limit)
    ).all()
