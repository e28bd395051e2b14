"""Stopping a result or leaving: what happens then, the confirmation, and the receipts."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from consent.types import ModuleAnswer
from consent.withdrawal import WithdrawalKind
from ror_service import withdrawals
from ror_service.api.fields import ModuleName
from ror_service.errors import InvalidInputError, NotFoundError
from ror_service.web.choices import last_choices, record_choice
from ror_service.web.visitor import Visitor, Who
from ror_service.web.wording import content
from ror_service.withdrawals import Receipt

router = APIRouter(prefix="/{language}/withdraw")
_ONE = "one_result"
_KINDS = {
    "all_results": WithdrawalKind.RESULTS,
    "no_contact": WithdrawalKind.CONTACT,
    "leave": WithdrawalKind.PROGRAMME,
}


@router.get("")
def withdraw(who: Who) -> Response:
    """What can be stopped, what happens then, and the receipts of what was."""
    options = content("portal")["withdraw"]["options"]
    return who.page("withdraw", "withdraw", options=options, receipts=_receipts(who))


@router.get("/done")
def done(who: Who) -> Response:
    """The receipt of the last withdrawal."""
    receipts = _receipts(who)
    if not receipts:
        raise NotFoundError("nothing was withdrawn")
    return who.page("withdrawn", "withdraw/done", receipt=receipts[0])


@router.get("/{option}")
def confirm_withdrawal(who: Who, option: str) -> Response:
    """Ask once more, with the consequences."""
    if option != _ONE and option not in _KINDS:
        raise NotFoundError("no such choice")
    with who.begin() as work:
        chosen = last_choices(work, who.participant_id)
    wanted = [module for module, said in chosen.items() if said.answer is ModuleAnswer.YES]
    return who.page("withdraw_confirm", f"withdraw/{option}", option=option, modules=wanted)


@router.post("/{option}")
def do_withdraw(
    who: Who, option: str, sure: Annotated[Literal["yes"], Form()], module: Annotated[ModuleName | None, Form()] = None
) -> Response:
    """Do it: it is in force before the answer is sent."""
    del sure  # the form must say it; nothing more is done with it
    if option in _KINDS:
        with who.begin() as work:
            withdrawals.request(work, who.participant_id, _KINDS[option])
        return RedirectResponse(f"/portal/{who.t.language}/withdraw/done", status_code=303)
    if option != _ONE:
        raise NotFoundError("no such choice")
    if module is None:
        raise InvalidInputError("say which result")
    known = who.t.module(module)
    with who.begin() as work:
        record_choice(work, who.participant_id, module, ModuleAnswer.NO)
    return who.page("chosen", "withdraw", module=known, saved=who.t("withdraw.stopped_one"))


def _receipts(who: Visitor) -> list[Receipt]:
    with who.begin() as work:
        with work.as_service():  # keys, files and recalls are counted, of which nobody sees the rows
            found = withdrawals.receipts(work, who.participant_id)
        work.audit("withdrawal.read", "participant", who.participant_id, who.participant_id)
    return found[::-1]
