"""The page on which a participant names the one person who may ask for results after a death, or takes that back."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from consent.designee import agreed
from consent.types import Participation, latest
from ror_service import cases, namings
from ror_service.api.fields import ShownLine
from ror_service.errors import NotFoundError
from ror_service.namings import Named
from ror_service.storage import participants as stored
from ror_service.web.visitor import Visitor, Who
from ror_service.work import new_id

router = APIRouter(prefix="/{language}/designee")


@router.get("")
def designee(who: Who) -> Response:
    """Whom the participant named, what that person may ask for, and whether the form that it needs is agreed to."""
    with who.begin() as work:
        offer = work.policy.designee
        named = namings.named(work, who.context.keys, who.participant_id)
        known = stored.history(work.session, who.participant_id)
        is_agreed = agreed(known, work.policy, cases.as_of(known, work.at))
    if not offer.offered and named is None:
        raise NotFoundError("nobody can be named")
    can_name = offer.offered and known.participation is not Participation.WITHDRAWN
    about = who.t.words.listed([who.t.of(who.t.module(module)["name"]) for module in offer.modules])
    return who.page("designee", "designee", named=named, can_name=can_name, is_agreed=is_agreed, about=about)


@router.post("")
def name(who: Who, name: Annotated[ShownLine, Form()], contact: Annotated[ShownLine, Form()]) -> Response:
    """Name somebody; who was named before is erased."""
    return _say(who, Named(name, contact))


@router.post("/removal")
def take_back(who: Who) -> Response:
    """Name nobody; who was named is erased."""
    return _say(who, None)


def _say(who: Visitor, named: Named | None) -> Response:
    with who.begin() as work:
        # A naming that came from elsewhere may be of later in the same second, by a clock ahead of ours.
        before = latest(stored.history(work.session, who.participant_id).namings)
        at = work.at if before is None else max(work.at, before.authored_at + timedelta(microseconds=1))
        event_id = new_id("naming")
        if named is None:
            namings.take_back(work, who.participant_id, event_id=event_id, authored_at=at)
        else:
            namings.name(work, who.context.keys, who.participant_id, named, event_id=event_id, authored_at=at)
    return RedirectResponse(f"/portal/{who.t.language}/designee", status_code=303)
