"""Participants: registration, answers, progress, reports, and the withdrawal. A participant reaches nobody else's."""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from consent.reasons import reason_text
from consent.types import Answer, Capacity, DocumentType, ModuleAnswer, Participation, VitalStatus
from consent.withdrawal import Data, WithdrawalKind
from interpreters.genotypes import Sex
from report_templates.content import Language
from ror_service import cases, own_medicines, participants, reports, withdrawals
from ror_service.api.access import Begin, Context, own, working
from ror_service.api.fields import Body, Identifier, ModuleName, ShownLine, Version
from ror_service.api.tokens import Role
from ror_service.errors import ForbiddenError, NotFoundError
from ror_service.interchange import bundle as interchange
from ror_service.participants import ConsentAnswer, ModuleChoice, Registration
from ror_service.states import RecallState
from ror_service.storage import audit_events, results
from ror_service.storage import participants as participant_rows
from ror_service.storage.tables import ResultCaseRow
from ror_service.work import Work, new_id

router = APIRouter(prefix="/v1/participants", tags=["participants"])
Portal = Annotated[Begin, Depends(working("participation", Role.PORTAL))]
OwnChoice = Annotated[Begin, Depends(working("own choice", Role.PARTICIPANT, Role.PORTAL))]
Reader = Annotated[Begin, Depends(working("own results", Role.PARTICIPANT))]
Operator = Annotated[Begin, Depends(working("record keeping", Role.OPERATOR))]
Explainer = Annotated[
    Begin,
    Depends(working("explaining a decision", Role.GENETIC_COUNSELOR, Role.LABORATORY_DIRECTOR, Role.AUDITOR)),
]
VersionReader = Annotated[
    Begin,
    Depends(
        working("report versions", Role.PARTICIPANT, Role.GENETIC_COUNSELOR, Role.LABORATORY_DIRECTOR, Role.AUDITOR)
    ),
]
_FILE = re.compile(r"[a-z]+\.(en|es)\.(html|pdf|json)")
REPORT_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
FILE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": {"text/html": {}, "application/pdf": {}}}
}
_ORGANIZATIONS = {Role.PORTAL, Role.GENOME_CENTER, Role.CLINICAL_LABORATORY, "delivery_partner"}
"""Roles in which an organization acts: their actor is its identifier and no person's name."""
_TOLD_AT_ONCE = {
    "participant.register",
    "participant.standing",
    "consent.answer",
    "consent.choice",
    "consent.explain",
    "education.answer",
    "own_medicines.enter",
    "own_medicines.read",
    "own_medicines.erase",
    "designee.name",
    "designee.take_back",
    "designee.look",
    "sample.submit",
    "sample.file",
    "sample.quality",
    "case.open",
    "case.erase",
    "report.read_refused",
    "break_glass.request",
    "break_glass.approve",
    "break_glass.end",
    "break_glass.read",
    "withdrawal.request",
    "withdrawal.certify",
}
"""Actions that are the same for every result. Whether a result is under review is told only when it is reported."""


class NewParticipant(Body):
    """A participant as the portal registers one; no name, no address."""

    participant_id: Identifier
    language: Language
    birth_date: date | None = None
    sex_at_birth: Sex
    residence_state: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None


class NewConsent(Body):
    """One answer to a consent document."""

    event_id: Identifier
    document: DocumentType
    document_version: Version
    language: Language
    answer: Answer
    authored_at: AwareDatetime
    evidence_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{0,64}$")]
    capacity: Capacity = Capacity.SELF
    answered_by: Identifier | None = None


class NewChoice(Body):
    """One informing-loop answer."""

    event_id: Identifier
    module: ModuleName
    answer: ModuleAnswer
    script_version: Version
    authored_at: AwareDatetime
    capacity: Capacity = Capacity.SELF
    answered_by: Identifier | None = None


class NewMedicines(Body):
    """The medicines that a participant takes, as the participant writes them."""

    medicines: Annotated[list[ShownLine], Field(max_length=50)]


class Standing(Body):
    """What is to change in a participant's standing."""

    participation: Participation | None = None
    vital_status: VitalStatus | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.participation is None and self.vital_status is None:
            raise ValueError("name participation, vital_status or both")
        return self


class NewWithdrawal(Body):
    """What the participant stops."""

    kind: WithdrawalKind = WithdrawalKind.PROGRAMME


class RecallProgress(BaseModel):
    """What one partner was told to delete, and whether it signed that it did."""

    model_config = ConfigDict(from_attributes=True)

    partner: str
    state: RecallState
    ordered_at: datetime
    due_at: datetime
    sent_at: datetime | None
    acknowledged_at: datetime | None
    overdue: bool


class Withdrawal(BaseModel):
    """The receipt of a withdrawal, with the signed certificate once all of it is done."""

    withdrawal_id: str
    kind: WithdrawalKind
    requested_at: datetime
    erased: list[Data]
    kept: list[Data]
    ends_research_use: bool
    ends_contact: bool
    recalls: list[RecallProgress]
    certified_at: datetime | None
    certificate: str | None


class Progress(BaseModel):
    """Where one result is, in words that give no result away, and why it waits."""

    module: str
    state: str
    waiting_for: str | None
    explanation: str | None
    """The same in words, in the participant's language; awaiting clinical review."""
    readable: bool
    files: list[str]


class ReportVersion(BaseModel):
    """One version of a report; older ones are listed, and the released one alone is read."""

    number: int
    kind: str
    reason: str
    state: str
    released_at: datetime
    withdrawn_cause: str | None
    viewed_at: datetime | None
    differences: list[dict[str, Any]]
    """What it says otherwise than the version before; told to the participant alone."""


class OwnMedicines(BaseModel):
    """The participant's own list of medicines."""

    medicines: list[str]


class Access(BaseModel):
    """Who did what with the participant's data. People are told by role, never by name."""

    at: datetime
    role: str
    organization: str
    """The portal, laboratory or partner by the identifier that it acts under; else the programme by its name."""
    purpose: str
    action: str


class Rule(BaseModel):
    """One rule of the consent gate."""

    rule: str
    reason: str | None


class Explanation(BaseModel):
    """The consent gate's decision on one module at this moment, rule by rule."""

    module: str
    released: bool
    policy_version: str
    rules: list[Rule]


@router.post("", status_code=201)
def register(body: NewParticipant, begin: Portal) -> None:
    """Register a participant; the same registration again changes nothing."""
    with begin() as work:
        participants.register(work, Registration(**body.model_dump() | {"language": body.language.value}))


@router.post("/{participant_id}/consents", status_code=201)
def answer_consent(participant_id: Identifier, body: NewConsent, begin: OwnChoice) -> None:
    """Record an answer to a consent document; it takes effect before this call returns."""
    answer = ConsentAnswer(**body.model_dump() | {"language": body.language.value})
    with begin() as work:
        _check_capacity(work, body.capacity)
        participants.answer_consent(work, own(work, participant_id), answer)


@router.post("/{participant_id}/choices", status_code=201)
def choose(participant_id: Identifier, body: NewChoice, begin: OwnChoice) -> None:
    """Record an informing-loop answer; it takes effect before this call returns."""
    with begin() as work:
        _check_capacity(work, body.capacity)
        participants.choose(work, own(work, participant_id), ModuleChoice(**body.model_dump()))


@router.put("/{participant_id}/medicines", status_code=204)
def enter_medicines(participant_id: Identifier, body: NewMedicines, begin: OwnChoice, context: Context) -> None:
    """Keep the participant's own list of medicines in place of the one before; an empty one removes it."""
    with begin() as work:
        own_medicines.enter(work, context.keys, own(work, participant_id), body.medicines)


@router.get("/{participant_id}/medicines")
def read_medicines(participant_id: Identifier, begin: Reader, context: Context) -> OwnMedicines:
    """The participant's own list of medicines, empty if there is none."""
    with begin() as work:
        medicines = own_medicines.read(work, context.keys, own(work, participant_id))
    return OwnMedicines(medicines=list(medicines))


@router.delete("/{participant_id}/medicines", status_code=204)
def remove_medicines(participant_id: Identifier, begin: OwnChoice) -> None:
    """Erase the participant's own list of medicines; without one nothing changes."""
    with begin() as work:
        own_medicines.remove(work, own(work, participant_id))


@router.post("/{participant_id}/withdrawal", status_code=201)
def withdraw(participant_id: Identifier, begin: OwnChoice, body: NewWithdrawal | None = None) -> None:
    """Leave the programme, or stop results or contact alone; results are unreadable before this call returns."""
    with begin() as work:
        withdrawals.request(work, own(work, participant_id), (body or NewWithdrawal()).kind)


@router.get("/{participant_id}/withdrawal")
def read_withdrawals(participant_id: Identifier, begin: Reader) -> list[Withdrawal]:
    """The receipt of each withdrawal, the first first; empty if there is none. Also for somebody who left."""
    with begin() as work:
        participant_rows.get(work.session, own(work, participant_id))
        with work.as_service():  # keys, files and recalls are counted, of which nobody sees the rows
            found = withdrawals.receipts(work, participant_id)
        work.audit("withdrawal.read", "participant", participant_id, participant_id)
    return [Withdrawal.model_validate(receipt, from_attributes=True) for receipt in found]


@router.post("/{participant_id}/standing", status_code=201)
def set_standing(participant_id: Identifier, body: Standing, begin: Operator) -> None:
    """Record a deactivation or a death."""
    with begin() as work:
        participants.set_standing(
            work, participant_id, participation=body.participation, vital_status=body.vital_status
        )


@router.get("/{participant_id}/results")
def progress(participant_id: Identifier, begin: Reader) -> list[Progress]:
    """Where each result is, and the reason for which it waits."""
    with begin() as work:
        own(work, participant_id)
        newest = {case.module: case for case in results.cases_of(work.session, participant_id)}
        language = participant_rows.get(work.session, participant_id).language
        return [_progress(work, case, language) for case in newest.values()]


@router.get(
    "/{participant_id}/results/{module}/{file}",
    response_class=Response,
    responses=FILE_RESPONSES,
)
def read_report(participant_id: Identifier, module: ModuleName, file: str, begin: Reader, context: Context) -> Response:
    """One file of a report, for example `participant.es.pdf`. The consent gate is asked at this moment."""
    check_file(file)
    with reports.reading(begin) as work:
        opened = reports.read(work, context.keys, own(work, participant_id), module, file)
        reports.viewed(work, opened.version_id, new_id("view"), "service")
    return Response(opened.content, media_type=opened.media_type, headers=REPORT_HEADERS)


@router.get(
    "/{participant_id}/fhir",
    response_class=Response,
    responses={200: {"description": "A FHIR R4 bundle.", "content": {interchange.MEDIA_TYPE: {}}}},
)
def read_fhir(participant_id: Identifier, begin: Reader, context: Context) -> Response:
    """Every result that the consent gate lets through at this moment, as a FHIR bundle of one bundle for each."""
    found = []
    with begin() as work:
        participant_rows.get(work.session, own(work, participant_id))
        modules = sorted({case.module for case in results.cases_of(work.session, participant_id)})
        for module in modules:
            try:
                found.append(reports.read(work, context.keys, participant_id, module, interchange.FILE).content)
            except reports.ReadingWithheldError as error:
                reports.read_refused(work, error)
            except NotFoundError:
                continue  # no report of this module, or one of before there were bundles
    return Response(interchange.collected(found), media_type=interchange.MEDIA_TYPE, headers=REPORT_HEADERS)


@router.get("/{participant_id}/versions/{module}")
def versions(
    participant_id: Identifier, module: ModuleName, begin: VersionReader, context: Context
) -> list[ReportVersion]:
    """Every version of a report, oldest first, with what changed for the participant; asking is audited."""
    with begin() as work:
        is_own = work.actor.role == Role.PARTICIPANT.value
        # Who works here is told of versions what the audit log may hold, and sees no report for that.
        with nullcontext() if is_own else work.as_service():
            found = reports.versions(work, context.keys, own(work, participant_id), module, with_differences=is_own)
    return [ReportVersion(**asdict(version)) for version in found]


@router.get("/{participant_id}/access-log")
def access_log(participant_id: Identifier, begin: Reader, context: Context) -> list[Access]:
    """Who read or changed the participant's data. What would give away a result is told with its report."""
    with begin() as work:
        rows = audit_events.of_participant(work.session, own(work, participant_id))
        reported = _reported_objects(work, participant_id)
        return [
            Access(
                at=row.at,
                role=row.role,
                organization=row.actor if row.role in _ORGANIZATIONS else context.settings.programme_name,
                purpose=row.purpose,
                action=row.action,
            )
            for row in rows
            if row.action in _TOLD_AT_ONCE or row.object_id in reported
        ]


@router.get("/{participant_id}/decisions/{module}")
def explain(participant_id: Identifier, module: ModuleName, begin: Explainer) -> Explanation:
    """The consent gate's decision, rule by rule; asking is audited."""
    # The decision rests on all that the person said; what is told of it is the decision alone.
    with begin() as work, work.as_service():
        case = results.current_case(work.session, participant_id, module)
        if case is None:
            raise NotFoundError("no such result")
        decision = cases.explain(work, case)
        work.audit("consent.explain", "result_case", case.case_id, participant_id)
    rules = [Rule(rule=outcome.rule, reason=outcome.reason) for outcome in decision.outcomes]
    return Explanation(module=module, released=decision.released, policy_version=decision.policy_version, rules=rules)


def check_file(name: str) -> None:
    """See whether a report can have a file of this name at all.

    Raises:
        NotFoundError: If it cannot.
    """
    if not _FILE.fullmatch(name):
        raise NotFoundError("the report has no such file")


def _check_capacity(work: Work, capacity: Capacity) -> None:
    if capacity is not Capacity.SELF and work.actor.role == Role.PARTICIPANT:
        raise ForbiddenError("the portal says who answers for somebody else")


def _reported_objects(work: Work, participant_id: str) -> set[str]:
    """Ids of everything behind the participant's reports. Its history may be told: the report itself says more."""
    reported: set[str] = set()
    for case in results.cases_of(work.session, participant_id):
        versions = results.versions_of_cases(work.session, [case.case_id])
        if not versions:
            continue
        reported |= {case.case_id, *(version.version_id for version in versions)}
        reported |= {delivery.delivery_id for delivery in results.deliveries_of_cases(work.session, [case.case_id])}
        # What was decided about a next version is told once that one was released, as with the first one.
        for made_from in {version.interpretation_id for version in versions}:
            review = results.review_about(work.session, made_from)
            order = None if review is None else results.confirmation_of(work.session, review.review_id)
            reported |= {made_from}
            reported |= set() if review is None else {review.review_id}
            reported |= set() if order is None else {order.order_id}
        amendments = results.amendments_of_cases(work.session, [case.case_id])
        reported |= {row.amendment_id for row in amendments if row.version_id is not None}
    return reported


def _progress(work: Work, case: ResultCaseRow, language: str) -> Progress:
    state, waiting_for = cases.progress(work, case)
    files = reports.readable_files(work, case, waiting_for)
    return Progress(
        module=case.module,
        state=state,
        waiting_for=waiting_for,
        explanation=None if waiting_for is None else reason_text(waiting_for, language),
        readable=files is not None,
        files=list(files or ()),
    )
