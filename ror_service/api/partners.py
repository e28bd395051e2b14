"""What delivery partners tell the service: signed events that carry identifiers alone."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from ror_service import reports
from ror_service.api.access import Context
from ror_service.api.fields import PartnerId
from ror_service.audit.log import Actor
from ror_service.context import ServiceContext
from ror_service.delivery import dispatch
from ror_service.delivery.partner_events import LARGEST_EVENT, EventType, PartnerEvent, verify_event
from ror_service.delivery.partners import Partner
from ror_service.errors import NotFoundError, SignatureError
from ror_service.storage import organizations
from ror_service.work import Work

router = APIRouter(prefix="/v1/partners", tags=["partners"])


@router.post("/{partner_id}/events", status_code=204)
async def event(partner_id: PartnerId, request: Request, context: Context) -> None:
    """Take a signed event; the same event again changes nothing. The signature is the partner's authentication.

    Events of partners and about deliveries that there are not are answered as a stranger's events, and as events about
    deliveries that can no longer be read: nobody learns what there is by asking.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_EVENT:
            raise SignatureError("the event is too large to be one")
    # In a thread: waiting for the database must not keep every other request of this process waiting.
    await run_in_threadpool(_take, context, partner_id, request.headers, body)


def _take(context: ServiceContext, partner_id: str, headers: Mapping[str, str], body: bytes) -> None:
    with context.transaction(Actor(partner_id, "delivery_partner", "delivery events")) as work:
        told = verify_event(headers, body, _keys(work, partner_id), now=work.at)
        version_id = _opened(work, partner_id, told)
        if version_id is not None:
            reports.viewed(work, version_id, f"{partner_id}:{told.event_id}", "partner")


def _keys(work: Work, partner_id: str) -> Mapping[str, Ed25519PublicKey]:
    """The partner's keys. An unknown partner has none: its events fail as those by an unknown key do."""
    try:
        return Partner.from_document(organizations.delivery_partner(work.session, partner_id)).receipt_keys
    except NotFoundError:
        return {}


def _opened(work: Work, partner_id: str, told: PartnerEvent) -> str | None:
    if told.event_type is not EventType.VIEWED:
        return None
    try:
        return dispatch.opened(work, told.delivery_id, partner_id)
    except NotFoundError:
        return None
