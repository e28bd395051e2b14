"""What delivery partners tell the service: signed events that carry identifiers alone."""

from __future__ import annotations

from fastapi import APIRouter, Request

from ror_service import reports
from ror_service.api.access import Context
from ror_service.audit.log import Actor
from ror_service.delivery import dispatch
from ror_service.delivery.partner_events import EventType, PartnerEvent, verify_event
from ror_service.delivery.partners import Partner
from ror_service.errors import NotFoundError, SignatureError
from ror_service.storage import organizations
from ror_service.work import Work

router = APIRouter(prefix="/v1/partners", tags=["partners"])
LARGEST_BODY = 64 << 10


@router.post("/{partner_id}/events", status_code=204)
async def event(partner_id: str, request: Request, context: Context) -> None:
    """Take a signed event; the same event again changes nothing. The signature is the partner's authentication."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise SignatureError("the event is too large to be one")
    with context.transaction(Actor(partner_id, "delivery_partner", "delivery events")) as work:
        try:
            partner = Partner.from_document(organizations.delivery_partner(work.session, partner_id))
        except NotFoundError as error:
            # Who is a partner is told to partners alone.
            raise SignatureError("no registered key of this partner signed the event") from error
        _take(work, partner_id, verify_event(request.headers, body, partner.receipt_keys, now=work.at))


def _take(work: Work, partner_id: str, told: PartnerEvent) -> None:
    if told.event_type is not EventType.VIEWED:
        return
    version_id = dispatch.opened(work, told.delivery_id, partner_id)
    if version_id is not None:
        reports.viewed(work, version_id, f"{partner_id}:{told.event_id}", "partner")
