"""Participants: registration, answers, progress, reports, and the withdrawal. A participant reaches nobody else's."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from consent.types import Answer, DocumentType, ModuleAnswer, Participation, VitalStatus
from interpreters.genotypes import Sex
from report_templates.content import Language
from ror_service import cases, participants, reports
from ror_service.api.access import Context, own, working
from ror_service.api.labs import Identifier
from ror_service.api.tokens import Role
from ror_service.errors import NotFoundError
from ror_service.participants import ConsentAnswer, ModuleChoice, Registration
from ror_service.storage import audit_events, results
from ror_service.storage.tables import ResultCaseRow
from ror_service.work import Work, new_id

router = APIRouter(prefix="/v1/participants", tags=["participants"])
Portal = Annotated[Work, Depends(working("participation", Role.PORTAL), scope="function")]
Self = Annotated[Work, Depends(working("own choice", Role.PARTICIPANT, Role.PORTAL), scope="function")]
Reader = Annotated[Work, Depends(working("own results", Role.PARTICIPANT), scope="function")]
Operator = Annotated[Work, Depends(working("record keeping", Role.OPERATOR), scope="function")]
Explainer = Annotated[
    Work,
    Depends(
        working("explaining a decision", Role.GENETIC_COUNSELOR, Role.LABORATORY_DIRECTOR, Role.AUDITOR),
        scope="function",
    ),
]
_FILE = re.compile(r"[a-z]+\.(en|es)\.(html|pdf)")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NewParticipant(_Body):
    """A participant as the portal registers one; no name, no address."""

    participant_id: Identifier
    language: Language
    birth_date: date | None = None
    sex_at_birth: Sex
    residence_state: str | None = Field(default=None, max_length=8)


class NewConsent(_Body):
    """One answer to a consent document."""

    event_id: Identifier
    document: DocumentType
    document_version: str = Field(max_length=20)
    language: Language
    answer: Answer
    authored_at: AwareDatetime
    evidence_sha256: str = Field(max_length=64)


class NewChoice(_Body):
    """One informing-loop answer."""

    event_id: Identifier
    module: str = Field(max_length=64)
    answer: ModuleAnswer
    script_version: str = Field(max_length=20)
    authored_at: AwareDatetime


class Standing(_Body):
    """What is to change in a participant's standing."""

    participation: Participation | None = None
    vital_status: VitalStatus | None = None


class Progress(BaseModel):
    """Where one result is, in words that give no result away, and why it waits."""

    module: str
    state: str
    waiting_for: str | None
    readable: bool
    files: list[str]


class Access(BaseModel):
    """Who did what with the participant's data."""

    at: datetime
    role: str
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
def register(body: NewParticipant, work: Portal) -> None:
    """Register a participant; the same registration again changes nothing."""
    participants.register(work, Registration(**body.model_dump() | {"language": body.language.value}))


@router.post("/{participant_id}/consents", status_code=201)
def answer_consent(participant_id: str, body: NewConsent, work: Self) -> None:
    """Record an answer to a consent document; it takes effect before this call returns."""
    answer = ConsentAnswer(**body.model_dump() | {"language": body.language.value})
    participants.answer_consent(work, own(work, participant_id), answer)


@router.post("/{participant_id}/choices", status_code=201)
def choose(participant_id: str, body: NewChoice, work: Self) -> None:
    """Record an informing-loop answer; it takes effect before this call returns."""
    participants.choose(work, own(work, participant_id), ModuleChoice(**body.model_dump()))


@router.post("/{participant_id}/withdrawal", status_code=201)
def withdraw(participant_id: str, work: Self) -> None:
    """Leave the programme: every result becomes unreadable before this call returns."""
    participants.set_standing(work, own(work, participant_id), participation=Participation.WITHDRAWN)


@router.post("/{participant_id}/standing", status_code=201)
def set_standing(participant_id: str, body: Standing, work: Operator) -> None:
    """Record a deactivation or a death."""
    participants.set_standing(work, participant_id, participation=body.participation, vital_status=body.vital_status)


@router.get("/{participant_id}/results")
def progress(participant_id: str, work: Reader) -> list[Progress]:
    """Where each result is, and the reason for which it waits."""
    own(work, participant_id)
    newest = {case.module: case for case in results.cases_of(work.session, participant_id)}
    return [_progress(work, case) for case in newest.values()]


@router.get("/{participant_id}/results/{module}/{file}", response_class=Response)
def read_report(participant_id: str, module: str, file: str, work: Reader, context: Context) -> Response:
    """One file of a report, for example `participant.es.pdf`. The consent gate is asked at this moment."""
    if not _FILE.fullmatch(file):
        raise NotFoundError("the report has no such file")
    opened = reports.read(work, context.keys, own(work, participant_id), module, file)
    reports.viewed(work, opened.version_id, new_id("view"), "service")
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
               "img-src data:; font-src data:"}  # fmt: skip
    return Response(opened.content, media_type=opened.media_type, headers=headers)


@router.get("/{participant_id}/access-log")
def access_log(participant_id: str, work: Reader) -> list[Access]:
    """Who read or changed the participant's data."""
    rows = audit_events.of_participant(work.session, own(work, participant_id))
    return [Access(at=row.at, role=row.role, purpose=row.purpose, action=row.action) for row in rows]


@router.get("/{participant_id}/decisions/{module}")
def explain(participant_id: str, module: str, work: Explainer) -> Explanation:
    """The consent gate's decision, rule by rule; asking is audited."""
    case = results.current_case(work.session, participant_id, module)
    if case is None:
        raise NotFoundError("no such result")
    decision = cases.explain(work, case)
    work.audit("consent.explain", "result_case", case.case_id, participant_id)
    rules = [Rule(rule=outcome.rule, reason=outcome.reason) for outcome in decision.outcomes]
    return Explanation(module=module, released=decision.released, policy_version=decision.policy_version, rules=rules)


def _progress(work: Work, case: ResultCaseRow) -> Progress:
    state, waiting_for = cases.progress(work, case)
    version = results.released_version(work.session, case.case_id, reports.AUDIENCE)
    readable = version is not None and waiting_for is None
    files = results.artifacts_of(work.session, version.version_id) if version is not None and readable else ()
    return Progress(
        module=case.module,
        state=state,
        waiting_for=waiting_for,
        readable=readable,
        files=[artifact.name for artifact in files],
    )
