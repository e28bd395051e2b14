"""Choosing: what to know of each kind of result, questions to see if it was clear, and yes, no or maybe later."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from consent.types import ModuleAnswer, ModuleDecision, latest
from ror_service import participants
from ror_service.api.fields import Identifier, ModuleName
from ror_service.errors import InvalidInputError
from ror_service.participants import ModuleChoice
from ror_service.storage import participants as stored
from ror_service.web.visitor import Visitor, Who
from ror_service.web.wording import content, modules
from ror_service.work import Work, new_id

router = APIRouter(prefix="/{language}/choices")
_MINUTES = 5
"""How long reading takes, about."""


@router.get("")
def choices(who: Who) -> Response:
    """What was chosen for each kind of result."""
    with who.begin() as work:
        chosen = last_choices(work, who.participant_id)
        may_name = work.policy.designee.offered
    return who.page("choices", "choices", modules=list(modules().values()), chosen=chosen, may_name=may_name)


@router.get("/{module}")
def loop(who: Who, module: ModuleName) -> Response:
    """What to know before choosing, the questions, and the choice."""
    return _loop(who, module)


@router.post("/{module}/answer")
def answer_question(
    who: Who, module: ModuleName, question: Annotated[Identifier, Form()], option: Annotated[Identifier, Form()]
) -> Response:
    """Keep what was answered to a question, and say what is right; it decides nothing."""
    asked = next((each for each in who.t.module(module)["questions"] if each["id"] == question), None)
    if asked is None or option not in {each["id"] for each in asked["options"]}:
        raise InvalidInputError("no such question, or no such answer to it")
    with who.begin() as work:
        # The audit log is where nothing is changed afterwards; the version says how the question read.
        work.audit(
            "education.answer", "participant", who.participant_id, who.participant_id,
            module=module, question=question, option=option, version=content("choices")["version"],
        )  # fmt: skip
    return _loop(who, module, (question, option))


@router.post("/{module}")
def choose(who: Who, module: ModuleName, answer: Annotated[ModuleAnswer, Form()]) -> Response:
    """Keep a choice; it takes effect before the answer is sent."""
    known = who.t.module(module)
    with who.begin() as work:
        record_choice(work, who.participant_id, module, answer)
        saved = who.t.common(f"saved_{answer}", reoffer_date=_offered_again(who, work))
    return who.page("chosen", f"choices/{module}", module=known, saved=saved)


def record_choice(work: Work, participant_id: str, module: str, answer: ModuleAnswer) -> None:
    """A choice made on these pages, which show the newest script."""
    version = work.policy.modules[module].accepted_script_versions[-1]
    # An answer that came from elsewhere may be of later in the same second, by a clock ahead of ours.
    before = last_choices(work, participant_id).get(module)
    at = work.at if before is None else max(work.at, before.authored_at + timedelta(microseconds=1))
    choice = ModuleChoice(
        event_id=new_id("choice"), module=module, answer=answer, script_version=version, authored_at=at
    )
    participants.choose(work, participant_id, choice)


def last_choices(work: Work, participant_id: str) -> dict[str, ModuleDecision]:
    """Module to what was last said of it."""
    said = stored.history(work.session, participant_id).decisions
    last = {module: latest([each for each in said if each.module == module]) for module in modules()}
    return {module: decision for module, decision in last.items() if decision is not None}


def _loop(who: Visitor, module: str, answered: tuple[str, str] | None = None) -> Response:
    known = who.t.module(module)
    with who.begin() as work:
        chosen = last_choices(work, who.participant_id).get(module)
        again = _offered_again(who, work)
    return who.page(
        "loop", f"choices/{module}", module=known, chosen=chosen, reoffer=again, minutes=_MINUTES, answered=answered
    )


def _offered_again(who: Visitor, work: Work) -> str:
    return who.t.day(work.at + timedelta(days=work.policy.re_offer_days))
