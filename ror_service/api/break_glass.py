"""Break-glass: reading reports without having the case. One person asks, another allows, auditors see."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from ror_service import break_glass, reports
from ror_service.api.access import Begin, Context, working
from ror_service.api.fields import Body, Identifier, ModuleName, PlainText
from ror_service.api.people import FILE_RESPONSES, REPORT_HEADERS, check_file
from ror_service.api.tokens import Role
from ror_service.storage.tables import BreakGlassGrantRow

router = APIRouter(prefix="/v1/break-glass", tags=["break-glass"])
_REVIEWERS = (Role.GENETIC_COUNSELOR, Role.LABORATORY_DIRECTOR)
Reviewer = Annotated[Begin, Depends(working(break_glass.PURPOSE, *_REVIEWERS))]
Overseer = Annotated[Begin, Depends(working(break_glass.PURPOSE, *_REVIEWERS, Role.AUDITOR))]
_log = logging.getLogger(__name__)


class NewGrantRequest(Body):
    """Whose results somebody needs to read, and why."""

    participant_id: Identifier
    reason: PlainText


class Requested(BaseModel):
    """The request that waits for a second person."""

    grant_id: str


class Grant(BaseModel):
    """A request, and what became of it."""

    grant_id: str
    participant_id: str
    requested_by: str
    reason: str
    requested_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    expires_at: datetime | None
    ended_at: datetime | None


@router.post("", status_code=201)
def request(body: NewGrantRequest, begin: Reviewer) -> Requested:
    """Ask to read a participant's reports. Nothing can be read before somebody else allows it."""
    with begin() as work:
        return Requested(grant_id=break_glass.request(work, body.participant_id, body.reason))


@router.get("")
def grants(begin: Overseer) -> list[Grant]:
    """Every request and grant, the newest first; audited."""
    with begin() as work:
        return [_grant(row) for row in break_glass.listed(work)]


@router.post("/{grant_id}/approval", status_code=201)
def approve(grant_id: Identifier, begin: Reviewer, context: Context) -> Grant:
    """Allow what another person asked for; it ends by itself."""
    with begin() as work:
        grant = _grant(break_glass.approve(work, grant_id, timedelta(minutes=context.settings.break_glass_minutes)))
    _log.warning("break-glass access was granted", extra={"code": "break_glass_granted"})
    return grant


@router.post("/{grant_id}/end", status_code=201)
def end(grant_id: Identifier, begin: Overseer) -> None:
    """End a grant early, or refuse a request."""
    with begin() as work:
        break_glass.end(work, grant_id)


@router.get("/{grant_id}/results/{module}/{file}", response_class=Response, responses=FILE_RESPONSES)
def read(grant_id: Identifier, module: ModuleName, file: str, begin: Reviewer, context: Context) -> Response:
    """One file of a report under a grant of one's own. The consent gate is asked as for the participant."""
    check_file(file)
    with reports.reading(begin) as work:
        opened = break_glass.read(work, context.keys, grant_id, module, file)
    _log.warning("a report was read by break-glass", extra={"code": "break_glass_read"})
    return Response(opened.content, media_type=opened.media_type, headers=REPORT_HEADERS)


def _grant(row: BreakGlassGrantRow) -> Grant:
    return Grant.model_validate(row, from_attributes=True)
