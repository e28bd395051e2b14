"""The person named for after a death: the participant names, a counselor records who asks, a director allows."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict

from ror_service import designees, namings, reports
from ror_service.api.access import Begin, Context, own, working
from ror_service.api.fields import Body, Identifier, ModuleName, PlainText, ShownLine
from ror_service.api.people import FILE_RESPONSES, REPORT_HEADERS, check_file
from ror_service.api.tokens import Role
from ror_service.namings import Named
from ror_service.storage.tables import BreakGlassGrantRow

router = APIRouter(prefix="/v1", tags=["designee"])
_REVIEWERS = (Role.GENETIC_COUNSELOR, Role.LABORATORY_DIRECTOR)
Participant = Annotated[Begin, Depends(working("own choice", Role.PARTICIPANT))]
Counselor = Annotated[Begin, Depends(working(designees.PURPOSE, Role.GENETIC_COUNSELOR))]
Director = Annotated[Begin, Depends(working(designees.PURPOSE, Role.LABORATORY_DIRECTOR))]
Reviewer = Annotated[Begin, Depends(working(designees.PURPOSE, *_REVIEWERS))]
Overseer = Annotated[Begin, Depends(working(designees.PURPOSE, *_REVIEWERS, Role.AUDITOR))]


class NewDesignee(Body):
    """The one person whom a participant names."""

    name: ShownLine
    contact: ShownLine
    """How to reach the person."""


class NewNaming(Body):
    """Whom the participant names; null: nobody, which takes back whoever was named."""

    event_id: Identifier
    authored_at: AwareDatetime
    designee: NewDesignee | None


class Designee(BaseModel):
    """The one person whom a participant named."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    contact: str


class NewRequest(Body):
    """Who died, and what was checked of the death and of the identity of whoever asks."""

    participant_id: Identifier
    checked: PlainText


class Recorded(BaseModel):
    """The request that waits for a laboratory director."""

    request_id: str


class Request(BaseModel):
    """A request, and what became of it."""

    request_id: str
    participant_id: str
    recorded_by: str
    checked: str
    recorded_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    expires_at: datetime | None
    ended_at: datetime | None


class RequestWithDesignee(Request):
    """A request, and whom the participant named: who asks must be that person."""

    designee: Designee | None


@router.put("/participants/{participant_id}/designee", status_code=204)
def name(participant_id: Identifier, body: NewNaming, begin: Participant, context: Context) -> None:
    """Name the one person who may ask for results after a death, or take that back."""
    with begin() as work:
        owner = own(work, participant_id)
        if body.designee is None:
            namings.take_back(work, owner, event_id=body.event_id, authored_at=body.authored_at)
        else:
            named = Named(body.designee.name, body.designee.contact)
            namings.name(work, context.keys, owner, named, event_id=body.event_id, authored_at=body.authored_at)


@router.get("/participants/{participant_id}/designee")
def named(participant_id: Identifier, begin: Participant, context: Context) -> Designee | None:
    """Whom the participant named; null: nobody."""
    with begin() as work:
        return _designee(namings.named(work, context.keys, own(work, participant_id)))


@router.post("/designee-requests", status_code=201)
def request(body: NewRequest, begin: Counselor) -> Recorded:
    """Record that the named person asks. Nothing can be read before a laboratory director allows it."""
    with begin() as work:
        return Recorded(request_id=designees.request(work, body.participant_id, body.checked))


@router.get("/designee-requests")
def requests(begin: Overseer) -> list[Request]:
    """Every request, the newest first; audited."""
    with begin() as work:
        return [_request(row) for row in designees.listed(work)]


@router.get("/designee-requests/{request_id}")
def look(request_id: Identifier, begin: Reviewer, context: Context) -> RequestWithDesignee:
    """A request, and whom the participant named; audited."""
    with begin() as work:
        asked = designees.look(work, context.keys, request_id)
        known = _request(asked.grant)
    return RequestWithDesignee(**known.model_dump(), designee=_designee(asked.named))


@router.post("/designee-requests/{request_id}/approval", status_code=201)
def approve(request_id: Identifier, begin: Director) -> Request:
    """Allow what a counselor recorded; it ends when the time to ask does."""
    with begin() as work:
        return _request(designees.approve(work, request_id))


@router.post("/designee-requests/{request_id}/end", status_code=201)
def end(request_id: Identifier, begin: Reviewer) -> None:
    """Refuse a request, or end it early."""
    with begin() as work:
        designees.end(work, request_id)


@router.get(
    "/designee-requests/{request_id}/results/{module}/{file}", response_class=Response, responses=FILE_RESPONSES
)
def read(request_id: Identifier, module: ModuleName, file: str, begin: Counselor, context: Context) -> Response:
    """One file of the last released report, for the counselor who recorded the request. The consent gate is asked."""
    check_file(file)
    with reports.reading(begin) as work:
        opened = designees.read(work, context.keys, request_id, module, file)
    return Response(opened.content, media_type=opened.media_type, headers=REPORT_HEADERS)


def _designee(named: Named | None) -> Designee | None:
    return None if named is None else Designee.model_validate(named)


def _request(row: BreakGlassGrantRow) -> Request:
    return Request(
        request_id=row.grant_id,
        participant_id=row.participant_id,
        recorded_by=row.requested_by,
        checked=row.reason,
        recorded_at=row.requested_at,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
    )
