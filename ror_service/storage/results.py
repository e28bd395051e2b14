"""Queries of samples, interpretations, result cases, reviews, reports and deliveries.

What seals them is in `data_keys`, and how many of them are searched at once in `indexes`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from operator import itemgetter
from typing import TypeVar

from sqlalchemy import (
    Select,
    and_,
    case,
    exists,
    func,
    insert,
    or_,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from consent.types import Disclosure
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
    InterpretationRow,
    OutsideCallsRow,
    QcAssessmentRow,
    RecallRow,
    ReportRow,
    ReportVersionRow,
    ResultCaseRow,
    ReviewCaseRow,
    SampleRow,
    SignOffRow,
    VariantDecisionRow,
    ViewEventRow,
)

RowT = TypeVar("RowT", bound=Base)
_AT_ONCE = 500
"""Values in one question to the database at most."""
_AMENDMENT_ENDS = (CaseState.AVAILABLE.value, CaseState.REVOKED.value)
CLOSED_CASES = (CaseState.REVOKED, CaseState.DELETION_ORDERED, CaseState.DELETED, CaseState.NOT_DELIVERABLE)


def must_get(session: Session, kind: type[RowT], key: str, *, lock: bool = False) -> RowT:
    """A row by its key.

    Args:
        session: Database session.
        kind: Of which table.
        key: Its key.
        lock: To change it. Its key stays, so whoever writes a row that refers to it need not wait: two who both did,
            and then lock it, would otherwise wait for each other.

    Raises:
        NotFoundError: If there is none.
    """
    row = session.get(kind, key, with_for_update={"key_share": True} if lock else None, populate_existing=lock)
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
        .with_for_update(key_share=True)
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


def signatures(session: Session, review_ids: Collection[str]) -> dict[str, int]:
    """How many signatures each of the reviews has, where it has any."""
    asked = (SignOffRow.review_id, func.count())
    rows = session.execute(
        select(*asked).where(among(session, SignOffRow.review_id, review_ids)).group_by(SignOffRow.review_id)
    )
    return dict(rows.all())


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
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def amendments_of_cases(session: Session, case_ids: Collection[str]) -> Sequence[AmendmentRow]:
    """Every amendment of the given cases' reports, oldest first."""
    return session.scalars(
        select(AmendmentRow)
        .where(among(session, AmendmentRow.case_id, case_ids))
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
    return session.scalars(
        select(DeliveryRow).where(DeliveryRow.version_id == version_id).with_for_update(key_share=True)
    ).all()


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
    return session.scalars(
        select(DeliveryRow).where(DeliveryRow.case_id.in_(case_ids)).with_for_update(key_share=True)
    ).all()


def recalls_of_case(session: Session, case_id: str) -> Sequence[RecallRow]:
    """Every recall that a case ordered."""
    return session.scalars(select(RecallRow).where(RecallRow.case_id == case_id)).all()


def interpreted_cases_of_samples(session: Session, module: str, sample_ids: Sequence[str]) -> Iterator[ResultCaseRow]:
    """Open cases of a module that rest on an interpretation of one of these samples, in order of the samples' ids."""
    for start in range(0, len(sample_ids), _AT_ONCE):
        some = sample_ids[start : start + _AT_ONCE]
        yield from session.scalars(
            _interpreted(module)
            .where(ResultCaseRow.sample_id.in_(some))
            .order_by(ResultCaseRow.sample_id, ResultCaseRow.case_id)
        ).all()
