"""Queries of data keys: whose they are, how they are wrapped, and their destruction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Subquery,
    func,
    literal,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.orm import Session

from ror_service.storage import results
from ror_service.storage.tables import (
    AmendmentRow,
    DataFileRow,
    DataKeyRow,
    DesigneeNamingRow,
    FingerprintRow,
    FingerprintSegmentRow,
    InterpretationRow,
    OutsideCallsRow,
    OwnMedicinesRow,
    ReportRow,
    ReportVersionRow,
    SampleRow,
    StoredGenotypesRow,
    VariantSegmentRow,
)

Segment = VariantSegmentRow | FingerprintSegmentRow

PIECES: tuple[tuple[type[StoredGenotypesRow | FingerprintRow], type[Segment]], ...] = (
    (StoredGenotypesRow, VariantSegmentRow),
    (FingerprintRow, FingerprintSegmentRow),
)
"""Rows of samples that are kept in pieces as well, and the pieces."""


def keys_of_sample(session: Session, sample_id: str) -> set[str]:
    """Every data key of a sample's file, outside calls, fingerprint and stored genotypes, destroyed ones included."""
    rows = (DataFileRow, OutsideCallsRow, FingerprintRow, StoredGenotypesRow)
    return {key for row in rows for key in session.scalars(select(row.data_key_id).where(row.sample_id == sample_id))}


def _owned_keys() -> Subquery:
    """Every data key with the participant and the one object that it seals.

    An object is a file, an interpretation, a report version, what was written about its next version, the naming of a
    person for after a death, a list of medicines, the outside calls of a sample, its fingerprint, what is stored of its
    genotypes, or a piece of the index of carried variants or of fingerprints.
    """
    files = select(
        DataFileRow.data_key_id.label("key_id"), SampleRow.participant_id, DataFileRow.file_id.label("object_id")
    ).join(SampleRow, SampleRow.sample_id == DataFileRow.sample_id)
    interpretations = select(
        InterpretationRow.data_key_id, InterpretationRow.participant_id, InterpretationRow.interpretation_id
    )
    versions = select(ReportVersionRow.data_key_id, ReportRow.participant_id, ReportVersionRow.version_id).join(
        ReportRow, ReportRow.report_id == ReportVersionRow.report_id
    )
    amendments = select(AmendmentRow.data_key_id, AmendmentRow.participant_id, AmendmentRow.amendment_id)
    namings = select(DesigneeNamingRow.data_key_id, DesigneeNamingRow.participant_id, DesigneeNamingRow.event_id)
    medicines = select(OwnMedicinesRow.data_key_id, OwnMedicinesRow.participant_id, OwnMedicinesRow.list_id)
    outside_calls = select(OutsideCallsRow.data_key_id, SampleRow.participant_id, OutsideCallsRow.sample_id).join(
        SampleRow, SampleRow.sample_id == OutsideCallsRow.sample_id
    )
    fingerprints = select(FingerprintRow.data_key_id, SampleRow.participant_id, FingerprintRow.sample_id).join(
        SampleRow, SampleRow.sample_id == FingerprintRow.sample_id
    )
    stored = select(StoredGenotypesRow.data_key_id, SampleRow.participant_id, StoredGenotypesRow.sample_id).join(
        SampleRow, SampleRow.sample_id == StoredGenotypesRow.sample_id
    )
    # A piece holds many people: it belongs to nobody, and `dissolve_segments` erases it.
    segments = [select(kind.data_key_id, literal(""), kind.segment_id) for _, kind in PIECES]
    of_people = (interpretations, versions, amendments, namings, medicines)
    return union_all(files, *of_people, outside_calls, fingerprints, stored, *segments).subquery("owned_keys")


def keys_of_participant(session: Session, participant_id: str) -> set[str]:
    """Every data key of what the participant has here and of what was made from it, destroyed ones included."""
    owned = _owned_keys()
    # An amendment about which nobody wrote anything has no key, nor the naming of nobody.
    of_them = select(owned.c.key_id).where(owned.c.participant_id == participant_id, owned.c.key_id.is_not(None))
    return set(session.scalars(of_them))


def keys_not_under(session: Session, key_encryption_key_id: str, after: str, limit: int) -> Sequence[str]:
    """Living data keys that another key-encryption key wraps, in order, from the one behind `after` on."""
    return session.scalars(
        select(DataKeyRow.key_id)
        .where(
            DataKeyRow.key_id > after,
            DataKeyRow.key_encryption_key_id != key_encryption_key_id,
            DataKeyRow.wrapped.is_not(None),
        )
        .order_by(DataKeyRow.key_id)
        .limit(limit)
    ).all()


@dataclass(frozen=True, slots=True)
class OwnedKey:
    """A living wrapped data key, and the one object of a participant that it seals."""

    key_id: str
    key_encryption_key_id: str
    wrapped: bytes
    participant_id: str
    object_id: str


def locked_keys(session: Session, key_ids: Sequence[str], *, wait: bool) -> Sequence[OwnedKey]:
    """The living ones of these data keys, locked. Without waiting, those that another holds are left out."""
    columns = (DataKeyRow.key_id, DataKeyRow.key_encryption_key_id, DataKeyRow.wrapped)
    living = select(*columns).where(DataKeyRow.key_id.in_(key_ids), DataKeyRow.wrapped.is_not(None))
    found = session.execute(living.with_for_update(skip_locked=not wait))
    wrapped = {key_id: (kek_id, content) for key_id, kek_id, content in found if content is not None}
    owned = _owned_keys()
    owners = select(owned.c.key_id, owned.c.participant_id, owned.c.object_id).where(owned.c.key_id.in_(list(wrapped)))
    return [OwnedKey(owner.key_id, *wrapped[owner.key_id], *owner[1:]) for owner in session.execute(owners)]


def replace_wrapped(session: Session, renewed: Sequence[tuple[str, str, bytes]]) -> None:
    """Store data keys (by id) under other key-encryption keys (by id)."""
    if renewed:
        names = ("key_id", "key_encryption_key_id", "wrapped")
        session.execute(update(DataKeyRow), [dict(zip(names, row, strict=True)) for row in renewed])


def wraps_living_keys(session: Session, key_encryption_key_id: str) -> bool:
    """Whether a data key that still opens something is wrapped by this key-encryption key.

    Waits for transactions that write data keys: one may have been wrapped before the last rotation.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE data_keys IN SHARE MODE"))
    living = select(DataKeyRow.key_id).where(
        DataKeyRow.key_encryption_key_id == key_encryption_key_id, DataKeyRow.wrapped.is_not(None)
    )
    return session.scalars(living.limit(1)).first() is not None


def destroy_keys(session: Session, key_ids: Iterable[str], at: datetime) -> int:
    """Overwrite wrapped data keys with nothing; returns how many were still there."""
    destroyed = session.scalars(
        update(DataKeyRow)
        .where(DataKeyRow.key_id.in_(list(key_ids)), DataKeyRow.wrapped.is_not(None))
        .values(wrapped=None, destroyed_at=at)
        .returning(DataKeyRow.key_id)
    )
    return len(destroyed.all())


def living_keys_by_wrapping(session: Session) -> dict[str, int]:
    """How many living data keys each key-encryption key wraps."""
    living = select(DataKeyRow.key_encryption_key_id, func.count()).where(DataKeyRow.wrapped.is_not(None))
    return {row[0]: row[1] for row in session.execute(living.group_by(DataKeyRow.key_encryption_key_id))}


def unjournaled_keys(session: Session, limit: int) -> Sequence[str]:
    """Destroyed data keys that the journal of erasures does not name yet."""
    destroyed = DataKeyRow.destroyed_at.is_not(None) & DataKeyRow.journaled_at.is_(None)
    return session.scalars(select(DataKeyRow.key_id).where(destroyed).order_by(DataKeyRow.key_id).limit(limit)).all()


def mark_journaled(session: Session, key_ids: Sequence[str], at: datetime) -> None:
    """Note that the journal of erasures names these keys."""
    session.execute(update(DataKeyRow).where(DataKeyRow.key_id.in_(key_ids)).values(journaled_at=at))


def living_keys(session: Session, key_ids: Collection[str], made_until: datetime) -> set[str]:
    """Those of some data keys that were made until a moment and are not destroyed."""
    alive = (DataKeyRow.wrapped.is_not(None), DataKeyRow.created_at <= made_until, DataKeyRow.key_id.in_(list(key_ids)))
    return set(session.scalars(select(DataKeyRow.key_id).where(*alive)))


def keys_of_results(session: Session, participant_id: str) -> set[str]:
    """Data keys of every report and interpretation of the participant, destroyed ones included."""
    case_ids = [case.case_id for case in results.cases_of(session, participant_id)]
    keys = {version.data_key_id for version in results.versions_of_cases(session, case_ids)}
    return keys | {row.data_key_id for row in results.interpretations_of_cases(session, case_ids)}
