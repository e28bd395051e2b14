"""Queries of samples, interpretations, result cases, reviews, reports and deliveries."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import itemgetter
from typing import TypeVar

from sqlalchemy import (
    ColumnElement,
    Select,
    Subquery,
    and_,
    case,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, defer

from consent.types import Disclosure, Participation, VitalStatus
from ror_service.errors import NotFoundError
from ror_service.states import CaseState, ReviewState, SampleState, VersionState
from ror_service.storage.database import among
from ror_service.storage.tables import (
    AmendmentRow,
    ArtifactRow,
    Base,
    ConfirmationOrderRow,
    DataFileRow,
    DataKeyRow,
    DeliveryRow,
    DesigneeNamingRow,
    FingerprintRow,
    FingerprintSegmentRow,
    GenotypeCatalogueRow,
    InterpretationRow,
    OutsideCallsRow,
    OwnMedicinesRow,
    ParticipantRow,
    QcAssessmentRow,
    RecallRow,
    ReportRow,
    ReportVersionRow,
    ResultCaseRow,
    ReviewCaseRow,
    SampleRow,
    SignOffRow,
    StoredGenotypesRow,
    VariantDecisionRow,
    VariantSegmentRow,
    ViewEventRow,
)

RowT = TypeVar("RowT", bound=Base)
Segment = VariantSegmentRow | FingerprintSegmentRow

_PIECES: tuple[tuple[type[StoredGenotypesRow | FingerprintRow], type[Segment]], ...] = (
    (StoredGenotypesRow, VariantSegmentRow),
    (FingerprintRow, FingerprintSegmentRow),
)
"""Rows of samples that are kept in pieces as well, and the pieces."""

_USE_FORBIDDEN = (Participation.WITHDRAWN.value, Participation.UNKNOWN.value)
_AT_ONCE = 500
"""Values in one question to the database at most."""
_AMENDMENT_ENDS = (CaseState.AVAILABLE.value, CaseState.REVOKED.value)
CLOSED_CASES = (CaseState.REVOKED, CaseState.DELETION_ORDERED, CaseState.DELETED, CaseState.NOT_DELIVERABLE)


def must_get(session: Session, kind: type[RowT], key: str, *, lock: bool = False) -> RowT:
    """A row by its key.

    Raises:
        NotFoundError: If there is none.
    """
    row = session.get(kind, key, with_for_update=lock or None, populate_existing=lock)
    if row is None:
        raise NotFoundError(f"no such object in {kind.__tablename__}")
    return row


def current_case(session: Session, participant_id: str, module: str) -> ResultCaseRow | None:
    """The newest case of a participant and module, open or closed."""
    return session.scalars(
        select(ResultCaseRow)
        .where(ResultCaseRow.participant_id == participant_id, ResultCaseRow.module == module)
        .order_by(ResultCaseRow.generation.desc())
        .limit(1)
    ).first()


def cases_of(session: Session, participant_id: str) -> Sequence[ResultCaseRow]:
    """All cases of a participant, by module and generation."""
    return session.scalars(
        select(ResultCaseRow)
        .where(ResultCaseRow.participant_id == participant_id)
        .order_by(ResultCaseRow.module, ResultCaseRow.generation)
    ).all()


def interpreted_cases(session: Session, module: str, after: str, limit: int) -> Sequence[ResultCaseRow]:
    """Open cases of a module that rest on an interpretation, in order of their ids: the first ones after `after`.

    A participant has at most one open case of a module, the current one.
    """
    return session.scalars(
        _interpreted(module).where(ResultCaseRow.case_id > after).order_by(ResultCaseRow.case_id).limit(limit)
    ).all()


def count_interpreted_cases(session: Session, module: str) -> int:
    """How many cases `interpreted_cases` has in all."""
    return session.scalar(select(func.count()).select_from(_interpreted(module).subquery())) or 0


def samples_by_state(session: Session) -> Sequence[tuple[str, str, int, datetime]]:
    """Genome center, state, number of samples, and when the first of them was submitted."""
    found = session.execute(
        select(SampleRow.genome_center, SampleRow.state, func.count(), func.min(SampleRow.created_at))
        .group_by(SampleRow.genome_center, SampleRow.state)
        .order_by(SampleRow.genome_center, SampleRow.state)
    )
    return [(center, state, number, oldest) for center, state, number, oldest in found]


def cases_by_state(session: Session) -> Sequence[tuple[str, str, int, datetime]]:
    """Module, state, number of result cases, and since when the first of them has been in it."""
    row = ResultCaseRow
    found = session.execute(
        select(row.module, row.state, func.count(), func.min(row.updated_at)).group_by(row.module, row.state)
    )
    return sorted(((module, state, number, since) for module, state, number, since in found), key=lambda each: each[3])


def _interpreted(module: str) -> Select[ResultCaseRow]:
    return select(ResultCaseRow).where(
        ResultCaseRow.module == module,
        ResultCaseRow.interpretation_id.is_not(None),
        ResultCaseRow.state.not_in([state.value for state in CLOSED_CASES]),
    )


def review_reasons(
    session: Session, module: str, after: str, limit: int, *, since: datetime | None, genome_center: str | None
) -> Sequence[tuple[str, Sequence[str]]]:
    """Interpretations that open cases of a module rest on, with why people must look at them.

    Args:
        session: Database session.
        module: Which module.
        after: In order of their ids, those after this one.
        limit: Most of them.
        since: Interpreted at this time or later; None for all.
        genome_center: Only samples of this genome center; None for all.
    """
    query = (
        select(InterpretationRow.interpretation_id, ReviewCaseRow.reasons)
        .join(ResultCaseRow, ResultCaseRow.interpretation_id == InterpretationRow.interpretation_id)
        .join(SampleRow, SampleRow.sample_id == InterpretationRow.sample_id)
        .join(ReviewCaseRow, ReviewCaseRow.interpretation_id == InterpretationRow.interpretation_id, isouter=True)
        .where(
            ResultCaseRow.module == module,
            ResultCaseRow.state.not_in([state.value for state in CLOSED_CASES]),
            InterpretationRow.interpretation_id > after,
        )
        .order_by(InterpretationRow.interpretation_id)
        .limit(limit)
    )
    if since is not None:
        query = query.where(InterpretationRow.created_at >= since)
    if genome_center is not None:
        query = query.where(SampleRow.genome_center == genome_center)
    return [(interpretation_id, reasons or ()) for interpretation_id, reasons in session.execute(query)]


def file_of(session: Session, sample_id: str) -> DataFileRow | None:
    """The genotype file of a sample, also when it was erased."""
    return session.scalars(select(DataFileRow).where(DataFileRow.sample_id == sample_id)).first()


def samples_by_id(session: Session, sample_ids: Collection[str]) -> dict[str, SampleRow]:
    """Those of some hundred samples that there are, as they are now."""
    rows = session.scalars(
        select(SampleRow)
        .where(among(session, SampleRow.sample_id, sample_ids))
        .execution_options(populate_existing=True)
    )
    return {row.sample_id: row for row in rows}


def add_samples(session: Session, rows: Sequence[Mapping[str, object]]) -> set[str]:
    """Add samples by their columns, but for those whose id somebody else takes meanwhile; returns the ids added."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    # In one order: of two transactions that add the same ones, one waits for the other.
    values = sorted(rows, key=itemgetter("sample_id"))
    added = session.scalars(
        dialect.insert(SampleRow).on_conflict_do_nothing(index_elements=["sample_id"]).returning(SampleRow.sample_id),
        values,
    )
    return set(added)


def add_rows(session: Session, kind: type[Base], rows: Sequence[Mapping[str, object]]) -> None:
    """Add rows by their columns, at once."""
    if rows:
        session.execute(insert(kind), rows)


def outside_calls_with_keys(
    session: Session, sample_ids: Collection[str]
) -> dict[str, tuple[OutsideCallsRow, DataKeyRow]]:
    """The outside calls of some hundred samples with their data keys, also when they were erased.

    While the answer is held, the session opens them without a query for each key.
    """
    rows = session.execute(
        select(OutsideCallsRow, DataKeyRow)
        .join(DataKeyRow, DataKeyRow.key_id == OutsideCallsRow.data_key_id)
        .where(among(session, OutsideCallsRow.sample_id, sample_ids))
    )
    return {said.sample_id: (said, key) for said, key in rows}


def outside_calls_of(session: Session, sample_id: str) -> OutsideCallsRow | None:
    """The outside calls of a sample, also when they were erased."""
    return session.get(OutsideCallsRow, sample_id)


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


def keys_of_sample(session: Session, sample_id: str) -> set[str]:
    """Every data key of a sample's file, outside calls, fingerprint and stored genotypes, destroyed ones included."""
    rows = (DataFileRow, OutsideCallsRow, FingerprintRow, StoredGenotypesRow)
    return {key for row in rows for key in session.scalars(select(row.data_key_id).where(row.sample_id == sample_id))}


def is_erased(session: Session, file: DataFileRow) -> bool:
    """Whether the key that a file is sealed under was destroyed."""
    return must_get(session, DataKeyRow, file.data_key_id).wrapped is None


def samples_of(session: Session, participant_id: str) -> Sequence[SampleRow]:
    """All samples of a participant, oldest first."""
    return session.scalars(
        select(SampleRow).where(SampleRow.participant_id == participant_id).order_by(SampleRow.created_at)
    ).all()


def newest_read_sample(session: Session, participant_id: str) -> SampleRow | None:
    """The newest sample of a participant that passed the quality gate."""
    return session.scalars(
        select(SampleRow)
        .where(SampleRow.participant_id == participant_id, SampleRow.state == SampleState.READ.value)
        .order_by(SampleRow.created_at.desc(), SampleRow.sample_id.desc())
        .limit(1)
    ).first()


def last_assessment(session: Session, sample_id: str) -> QcAssessmentRow | None:
    """The newest quality assessment of a sample."""
    return last_assessments(session, [sample_id]).get(sample_id)


def last_assessments(session: Session, sample_ids: Collection[str]) -> dict[str, QcAssessmentRow]:
    """The newest quality assessment of each of some hundred samples that has one."""
    rows = session.scalars(
        select(QcAssessmentRow)
        .where(among(session, QcAssessmentRow.sample_id, sample_ids))
        .order_by(QcAssessmentRow.assessed_at, QcAssessmentRow.assessment_id)
    )
    return {row.sample_id: row for row in rows}


def review_of(session: Session, case_id: str) -> ReviewCaseRow | None:
    """The review of the interpretation that a case rests on."""
    return session.scalars(
        select(ReviewCaseRow)
        .join(ResultCaseRow, ResultCaseRow.interpretation_id == ReviewCaseRow.interpretation_id)
        .where(ResultCaseRow.case_id == case_id)
    ).one_or_none()


def review_about(session: Session, interpretation_id: str) -> ReviewCaseRow | None:
    """The review of an interpretation."""
    return session.scalars(
        select(ReviewCaseRow).where(ReviewCaseRow.interpretation_id == interpretation_id)
    ).one_or_none()


def unfinished_reviews(session: Session, case_id: str) -> Sequence[ReviewCaseRow]:
    """Every review of a case that is not closed, locked."""
    return session.scalars(
        select(ReviewCaseRow)
        .where(ReviewCaseRow.case_id == case_id, ReviewCaseRow.state != ReviewState.CLOSED.value)
        .order_by(ReviewCaseRow.review_id)
        .with_for_update()
    ).all()


def reviews(session: Session, states: Iterable[str]) -> Sequence[ReviewCaseRow]:
    """Reviews in the given states, the most urgent first, then by their dates."""
    urgency = case({"urgent": 0, "soon": 1}, value=ReviewCaseRow.urgency, else_=2)
    return session.scalars(
        select(ReviewCaseRow)
        .where(ReviewCaseRow.state.in_(list(states)))
        .order_by(urgency, ReviewCaseRow.due_at, ReviewCaseRow.review_id)
    ).all()


def variant_decisions(session: Session, variant_hash: str) -> Sequence[tuple[str, str, str, int, date]]:
    """Decisions on one variant: disposition, genotype, knowledge release, how many, and the month of the newest."""
    columns = (VariantDecisionRow.disposition, VariantDecisionRow.genotype, VariantDecisionRow.knowledge_release)
    rows = session.execute(
        select(*columns, func.count(), func.max(VariantDecisionRow.decided_in))
        .where(VariantDecisionRow.variant_hash == variant_hash)
        .group_by(*columns)
        .order_by(*columns)
    )
    return [(disposition, genotype, release, reviews, month) for disposition, genotype, release, reviews, month in rows]


def sign_offs(session: Session, review_id: str) -> Sequence[SignOffRow]:
    """Signatures on a review, in order."""
    return session.scalars(
        select(SignOffRow)
        .where(SignOffRow.review_id == review_id)
        .order_by(SignOffRow.signed_at, SignOffRow.sign_off_id)
    ).all()


def confirmation_of(session: Session, review_id: str) -> ConfirmationOrderRow | None:
    """The newest confirmation order of a review."""
    return session.scalars(
        select(ConfirmationOrderRow)
        .where(ConfirmationOrderRow.review_id == review_id)
        .order_by(ConfirmationOrderRow.ordered_at.desc(), ConfirmationOrderRow.order_id)
        .limit(1)
    ).first()


def last_confirmation(session: Session, review: ReviewCaseRow) -> ConfirmationOrderRow | None:
    """The newest confirmation order of a review, or of those of its case before: of a finding that stands on."""
    return session.scalars(
        select(ConfirmationOrderRow)
        .join(ReviewCaseRow, ReviewCaseRow.review_id == ConfirmationOrderRow.review_id)
        .where(ReviewCaseRow.case_id == review.case_id, ReviewCaseRow.created_at <= review.created_at)
        .order_by(
            (ReviewCaseRow.review_id == review.review_id).desc(),
            ConfirmationOrderRow.ordered_at.desc(),
            ConfirmationOrderRow.order_id,
        )
        .limit(1)
    ).first()


def cases_to_disclose(session: Session) -> Sequence[ResultCaseRow]:
    """Cases with a confirmed finding, of their own or of the next version, that a counselor tells first."""
    waiting = [CaseState.SIGNED_OFF.value, CaseState.DISCLOSURE_SCHEDULED.value]
    next_version = exists().where(
        AmendmentRow.case_id == ResultCaseRow.case_id,
        AmendmentRow.requires_confirmation,
        AmendmentRow.disclosure != Disclosure.COMPLETED.value,
        AmendmentRow.state.in_(waiting),
    )
    own = and_(
        ResultCaseRow.requires_confirmation,
        ResultCaseRow.disclosure != Disclosure.COMPLETED.value,
        ResultCaseRow.state.in_(waiting),
    )
    return session.scalars(
        select(ResultCaseRow).where(or_(own, next_version)).order_by(ResultCaseRow.updated_at, ResultCaseRow.case_id)
    ).all()


def samples_of_center(session: Session, center: str, state: str | None, limit: int) -> Sequence[SampleRow]:
    """Samples that a genome center submitted, the newest first."""
    query = select(SampleRow).where(SampleRow.genome_center == center)
    if state is not None:
        query = query.where(SampleRow.state == state)
    return session.scalars(query.order_by(SampleRow.created_at.desc(), SampleRow.sample_id).limit(limit)).all()


def report_of(session: Session, case_id: str, audience: str) -> ReportRow | None:
    """The report of a case to an audience."""
    return session.scalars(
        select(ReportRow).where(ReportRow.case_id == case_id, ReportRow.audience == audience)
    ).one_or_none()


def versions_of(session: Session, report_id: str) -> Sequence[ReportVersionRow]:
    """Versions of a report, oldest first."""
    return session.scalars(
        select(ReportVersionRow).where(ReportVersionRow.report_id == report_id).order_by(ReportVersionRow.number)
    ).all()


def released_version(session: Session, case_id: str, audience: str) -> ReportVersionRow | None:
    """The one version of a case's report that may be read."""
    return session.scalars(
        select(ReportVersionRow)
        .join(ReportRow, ReportRow.report_id == ReportVersionRow.report_id)
        .where(
            ReportRow.case_id == case_id,
            ReportRow.audience == audience,
            ReportVersionRow.state == VersionState.RELEASED.value,
        )
    ).one_or_none()


def versions_of_cases(session: Session, case_ids: Sequence[str]) -> Sequence[ReportVersionRow]:
    """Every report version of the given cases."""
    return session.scalars(
        select(ReportVersionRow)
        .join(ReportRow, ReportRow.report_id == ReportVersionRow.report_id)
        .where(ReportRow.case_id.in_(case_ids))
    ).all()


def report_versions_of_case(session: Session, case_id: str) -> Sequence[ReportVersionRow]:
    """Every version of a case's report, oldest first."""
    return sorted(versions_of_cases(session, [case_id]), key=lambda version: version.number)


def open_amendment(session: Session, case_id: str, *, lock: bool = False) -> AmendmentRow | None:
    """The next version of a case's report that is on its way."""
    query = select(AmendmentRow).where(AmendmentRow.case_id == case_id, AmendmentRow.state.not_in(_AMENDMENT_ENDS))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def amendments_of_cases(session: Session, case_ids: Collection[str]) -> Sequence[AmendmentRow]:
    """Every amendment of the given cases' reports, oldest first."""
    return session.scalars(
        select(AmendmentRow)
        .where(AmendmentRow.case_id.in_(case_ids))
        .order_by(AmendmentRow.created_at, AmendmentRow.amendment_id)
    ).all()


def samples_of_case(session: Session, case: ResultCaseRow) -> set[str]:
    """Every sample that a case, a version of its report, or the next one rests on."""
    reported = select(InterpretationRow.sample_id).where(
        InterpretationRow.interpretation_id.in_(
            [version.interpretation_id for version in versions_of_cases(session, [case.case_id])]
        )
    )
    amended = select(AmendmentRow.sample_id).where(AmendmentRow.case_id == case.case_id)
    samples = (case.sample_id, *session.scalars(reported), *session.scalars(amended))
    return {sample_id for sample_id in samples if sample_id is not None}


def first_view(session: Session, version_id: str) -> datetime | None:
    """When a version was first opened by its participant."""
    return session.scalars(select(func.min(ViewEventRow.viewed_at)).where(ViewEventRow.version_id == version_id)).one()


def deliveries_of_version(session: Session, version_id: str) -> Sequence[DeliveryRow]:
    """Every delivery of one version, locked."""
    return session.scalars(select(DeliveryRow).where(DeliveryRow.version_id == version_id).with_for_update()).all()


def artifacts_of(session: Session, version_id: str) -> Sequence[ArtifactRow]:
    """Sealed files of a version, by name."""
    return session.scalars(
        select(ArtifactRow).where(ArtifactRow.version_id == version_id).order_by(ArtifactRow.name)
    ).all()


def interpretations_of_cases(session: Session, case_ids: Sequence[str]) -> Sequence[InterpretationRow]:
    """Every interpretation of the given cases' participants and modules, newest first.

    These are all that the cases rested on or were reanalyzed to; those of closed cases before them are erased.
    """
    of_case = select(ResultCaseRow.case_id).where(
        ResultCaseRow.case_id.in_(case_ids),
        ResultCaseRow.participant_id == InterpretationRow.participant_id,
        ResultCaseRow.module == InterpretationRow.module,
    )
    return session.scalars(
        select(InterpretationRow)
        .where(of_case.exists())
        .order_by(InterpretationRow.created_at.desc(), InterpretationRow.interpretation_id)
    ).all()


def deliveries_of_cases(session: Session, case_ids: Sequence[str]) -> Sequence[DeliveryRow]:
    """Every delivery of the given cases, locked."""
    return session.scalars(select(DeliveryRow).where(DeliveryRow.case_id.in_(case_ids)).with_for_update()).all()


def recalls_of_case(session: Session, case_id: str) -> Sequence[RecallRow]:
    """Every recall that a case ordered."""
    return session.scalars(select(RecallRow).where(RecallRow.case_id == case_id)).all()


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
    segments = [select(kind.data_key_id, literal(""), kind.segment_id) for _, kind in _PIECES]
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
    case_ids = [case.case_id for case in cases_of(session, participant_id)]
    keys = {version.data_key_id for version in versions_of_cases(session, case_ids)}
    return keys | {row.data_key_id for row in interpretations_of_cases(session, case_ids)}


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


def dissolve_unfilled(session: Session, kind: type[Segment], fewest: int, at: datetime) -> int:
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


def interpreted_cases_of_samples(session: Session, module: str, sample_ids: Sequence[str]) -> Iterator[ResultCaseRow]:
    """Open cases of a module that rest on an interpretation of one of these samples, in order of the samples' ids."""
    for start in range(0, len(sample_ids), _AT_ONCE):
        some = sample_ids[start : start + _AT_ONCE]
        yield from session.scalars(
            _interpreted(module)
            .where(ResultCaseRow.sample_id.in_(some))
            .order_by(ResultCaseRow.sample_id, ResultCaseRow.case_id)
        ).all()


def dissolve_segments(session: Session, sample_ids: Iterable[str], at: datetime) -> int:
    """Make every piece unreadable that holds variants or the fingerprint of one of these samples; returns how many.

    The other samples of such a piece go into a new one later. Their rows are not touched, so that two withdrawals that
    meet in one piece wait for each other at that piece alone.
    """
    names = list(sample_ids)
    dissolved = 0
    for held, kind in _PIECES:
        # Locked, so that a piece that is being made with one of them is finished, and seen, before it is dissolved.
        locked = session.scalars(
            select(held.segment_id).where(held.sample_id.in_(names)).order_by(held.sample_id).with_for_update()
        ).all()
        segments = {segment_id for segment_id in locked if segment_id is not None}
        dissolved += _dissolve(session, kind, kind.segment_id.in_(segments), at)
    return dissolved


def _dissolve(session: Session, kind: type[Segment], which: ColumnElement[bool], at: datetime) -> int:
    alive = select(kind.segment_id, kind.data_key_id).where(which, kind.sealed.is_not(None))
    segments = session.execute(alive.order_by(kind.segment_id).with_for_update()).all()
    destroy_keys(session, [key_id for _, key_id in segments], at)
    session.execute(
        update(kind).where(kind.segment_id.in_([segment_id for segment_id, _ in segments])).values(sealed=None)
    )
    return len(segments)
