"""Queries of what is searched over many samples: stored genotypes, fingerprints, and the pieces that hold them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Select,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, defer

from consent.types import Participation, VitalStatus
from ror_service.states import SampleState
from ror_service.storage import data_keys
from ror_service.storage.database import among
from ror_service.storage.tables import (
    DataKeyRow,
    FingerprintRow,
    FingerprintSegmentRow,
    GenotypeCatalogueRow,
    ParticipantRow,
    SampleRow,
    StoredGenotypesRow,
    VariantSegmentRow,
)

_USE_FORBIDDEN = (Participation.WITHDRAWN.value, Participation.UNKNOWN.value)


def living_fingerprints(session: Session, panel_release: str) -> dict[str, str]:
    """Samples whose fingerprint of a panel can be opened, to their participants."""
    rows = session.execute(
        select(FingerprintRow.sample_id, SampleRow.participant_id)
        .join(SampleRow, SampleRow.sample_id == FingerprintRow.sample_id)
        .join(DataKeyRow, DataKeyRow.key_id == FingerprintRow.data_key_id)
        .where(FingerprintRow.panel_release == panel_release, DataKeyRow.wrapped.is_not(None))
    )
    return {row.sample_id: row.participant_id for row in rows}


def without_fingerprint(session: Session, panel_release: str, after: str, limit: int) -> Sequence[str]:
    """Samples that were read and have no fingerprint of a panel, of participants whose data may be used.

    In order of their ids, at most `limit` of those after `after`.
    """
    return session.scalars(
        select(SampleRow.sample_id)
        .join(ParticipantRow, ParticipantRow.participant_id == SampleRow.participant_id)
        .join(FingerprintRow, FingerprintRow.sample_id == SampleRow.sample_id, isouter=True)
        .where(
            SampleRow.sample_id > after,
            SampleRow.state.in_([SampleState.READ.value, SampleState.QC_HOLD.value]),
            or_(FingerprintRow.sample_id.is_(None), FingerprintRow.panel_release != panel_release),
            ParticipantRow.participation.not_in(_USE_FORBIDDEN),
            ParticipantRow.vital_status != VitalStatus.DECEASED.value,
        )
        .order_by(SampleRow.sample_id)
        .limit(limit)
    ).all()


def fingerprints_with_keys(
    session: Session, sample_ids: Collection[str]
) -> Sequence[tuple[FingerprintRow, DataKeyRow]]:
    """The fingerprints of some hundred samples with their data keys, also when they were erased.

    While the answer is held, the session opens them without a query for each key.
    """
    rows = session.execute(
        select(FingerprintRow, DataKeyRow)
        .join(DataKeyRow, DataKeyRow.key_id == FingerprintRow.data_key_id)
        .where(among(session, FingerprintRow.sample_id, sample_ids))
    )
    return [(row, key) for row, key in rows]


def loose_fingerprints(session: Session, panel_release: str, after: str, limit: int) -> dict[str, str]:
    """Samples whose fingerprint can be opened and is in no living piece, to their participants.

    In order of the samples' ids, at most `limit` of those after `after`.
    """
    rows = session.execute(
        _loose(panel_release)
        .where(FingerprintRow.sample_id > after)
        .order_by(FingerprintRow.sample_id)
        .limit(limit)
        .with_only_columns(FingerprintRow.sample_id, SampleRow.participant_id)
    )
    return {row.sample_id: row.participant_id for row in rows}


def lock_loose_fingerprints(
    session: Session, panel_release: str, sample_ids: Collection[str]
) -> Sequence[FingerprintRow]:
    """Those of some samples that are still in no living piece and can still be opened; locked."""
    return session.scalars(
        _loose(panel_release)
        .where(among(session, FingerprintRow.sample_id, sample_ids))
        .order_by(FingerprintRow.sample_id)
        .with_for_update(of=FingerprintRow)
        .execution_options(populate_existing=True)
    ).all()


def _loose(panel_release: str) -> Select[FingerprintRow]:
    return (
        select(FingerprintRow)
        .join(SampleRow, SampleRow.sample_id == FingerprintRow.sample_id)
        .join(DataKeyRow, DataKeyRow.key_id == FingerprintRow.data_key_id)
        .join(FingerprintSegmentRow, FingerprintSegmentRow.segment_id == FingerprintRow.segment_id, isouter=True)
        .where(
            FingerprintRow.panel_release == panel_release,
            DataKeyRow.wrapped.is_not(None),
            FingerprintSegmentRow.sealed.is_(None),
        )
    )


def fingerprint_segments(session: Session, panel_release: str) -> Iterable[FingerprintSegmentRow]:
    """Every living piece of a panel's fingerprints, a few at a time."""
    return session.scalars(
        select(FingerprintSegmentRow)
        .where(FingerprintSegmentRow.panel_release == panel_release, FingerprintSegmentRow.sealed.is_not(None))
        .execution_options(yield_per=8)
    )


def add_catalogue(session: Session, digest: str, pack: Callable[[], bytes], at: datetime) -> None:
    """Keep a catalogue of stored genotypes, if it is not kept yet; `pack` makes its bytes only then."""
    # Its bytes are not asked for: they are many.
    if session.scalar(select(GenotypeCatalogueRow.digest).where(GenotypeCatalogueRow.digest == digest)) is not None:
        return
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    values = {"digest": digest, "packed": pack(), "created_at": at}
    # Another worker may be keeping the same one.
    session.execute(dialect.insert(GenotypeCatalogueRow).values(values).on_conflict_do_nothing())


def not_indexed(session: Session, after: str, limit: int) -> Sequence[tuple[StoredGenotypesRow, DataKeyRow, str]]:
    """Stored genotypes that no living piece of the variant index holds, with their data key and participant.

    Those of samples that may be used: they passed the quality gate, and the participant's standing does not forbid it.
    The call sets themselves are read from the database when they are asked for.

    Args:
        session: Database session.
        after: In order of the samples' ids, those after this one.
        limit: Most of them.
    """
    rows = session.execute(
        _not_indexed()
        .where(StoredGenotypesRow.sample_id > after)
        .order_by(StoredGenotypesRow.sample_id)
        .limit(limit)
        .options(defer(StoredGenotypesRow.sealed))
    )
    return [(row, key, participant_id) for row, key, participant_id in rows]


def is_all_indexed(session: Session) -> bool:
    """Whether every stored call set is in a living piece of the variant index; quick, since it reads none of them."""
    for outside in (
        StoredGenotypesRow.segment_id.is_(None),
        StoredGenotypesRow.segment_id.in_(
            select(VariantSegmentRow.segment_id).where(VariantSegmentRow.sealed.is_(None))
        ),
    ):
        if session.scalars(select(StoredGenotypesRow.segment_id).where(outside).limit(1)).all():
            return False
    return True


def lock_not_indexed(session: Session, sample_ids: Collection[str]) -> Sequence[StoredGenotypesRow]:
    """Those of some samples that no living piece holds and that may still be used; locked."""
    return session.scalars(
        _not_indexed()
        .where(among(session, StoredGenotypesRow.sample_id, sample_ids))
        .order_by(StoredGenotypesRow.sample_id)
        .options(defer(StoredGenotypesRow.sealed))
        .with_for_update(of=StoredGenotypesRow)
        .execution_options(populate_existing=True)
    ).all()


def _not_indexed() -> Select[StoredGenotypesRow, DataKeyRow, str]:
    return (
        select(StoredGenotypesRow, DataKeyRow, SampleRow.participant_id)
        .join(SampleRow, SampleRow.sample_id == StoredGenotypesRow.sample_id)
        .join(ParticipantRow, ParticipantRow.participant_id == SampleRow.participant_id)
        .join(DataKeyRow, DataKeyRow.key_id == StoredGenotypesRow.data_key_id)
        .join(VariantSegmentRow, VariantSegmentRow.segment_id == StoredGenotypesRow.segment_id, isouter=True)
        .where(
            VariantSegmentRow.sealed.is_(None),
            DataKeyRow.wrapped.is_not(None),
            SampleRow.state == SampleState.READ.value,
            ParticipantRow.participation.not_in(_USE_FORBIDDEN),
        )
    )


def dissolve_unfilled(session: Session, kind: type[data_keys.Segment], fewest: int, at: datetime) -> int:
    """Make the living pieces of one kind unreadable that hold fewer samples than this; returns how many."""
    return _dissolve(session, kind, kind.samples < fewest, at)


def variant_segments(session: Session) -> Iterable[VariantSegmentRow]:
    """Every living piece of the variant index, a few at a time."""
    return session.scalars(
        select(VariantSegmentRow).where(VariantSegmentRow.sealed.is_not(None)).execution_options(yield_per=8)
    )


def indexed_by_catalogue(session: Session) -> Sequence[tuple[str, str, int]]:
    """Catalogue, build and number of the stored genotypes that the variant index holds."""
    columns = (StoredGenotypesRow.catalogue_digest, StoredGenotypesRow.build)
    rows = session.execute(
        select(*columns, func.count())
        .join(VariantSegmentRow, VariantSegmentRow.segment_id == StoredGenotypesRow.segment_id)
        .where(VariantSegmentRow.sealed.is_not(None))
        .group_by(*columns)
        .order_by(*columns)
    )
    return [(digest, build, count) for digest, build, count in rows]


def count_not_stored(session: Session) -> int:
    """Samples that passed the quality gate and of which nothing is stored."""
    return (
        session.scalar(
            select(func.count())
            .select_from(SampleRow)
            .join(StoredGenotypesRow, StoredGenotypesRow.sample_id == SampleRow.sample_id, isouter=True)
            .where(SampleRow.state == SampleState.READ.value, StoredGenotypesRow.sample_id.is_(None))
        )
        or 0
    )


def dissolve_segments(session: Session, sample_ids: Iterable[str], at: datetime) -> int:
    """Make every piece unreadable that holds variants or the fingerprint of one of these samples; returns how many.

    The other samples of such a piece go into a new one later. Their rows are not touched, so that two withdrawals that
    meet in one piece wait for each other at that piece alone.
    """
    names = list(sample_ids)
    dissolved = 0
    for held, kind in data_keys.PIECES:
        # Locked, so that a piece that is being made with one of them is finished, and seen, before it is dissolved.
        locked = session.scalars(
            select(held.segment_id).where(held.sample_id.in_(names)).order_by(held.sample_id).with_for_update()
        ).all()
        segments = {segment_id for segment_id in locked if segment_id is not None}
        dissolved += _dissolve(session, kind, kind.segment_id.in_(segments), at)
    return dissolved


def _dissolve(session: Session, kind: type[data_keys.Segment], which: ColumnElement[bool], at: datetime) -> int:
    alive = select(kind.segment_id, kind.data_key_id).where(which, kind.sealed.is_not(None))
    segments = session.execute(alive.order_by(kind.segment_id).with_for_update()).all()
    data_keys.destroy_keys(session, [key_id for _, key_id in segments], at)
    session.execute(
        update(kind).where(kind.segment_id.in_([segment_id for segment_id, _ in segments])).values(sealed=None)
    )
    return len(segments)
