"""Reaching somebody whose result a counselor tells first: which step is next, when it must stop, when it was enough.

Pure: the same answers, tries and moment give the same plan. What each try said is in `ror_service.review.outreach`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from consent.decision import choice_reasons
from consent.informing_loop import agreed_to_contact
from consent.policy import OutreachStep, Policy
from consent.types import History, Participation


class Tried(StrEnum):
    """How a step ended. None of these says anything of the result."""

    SENT = "sent"
    """A message or letter went out."""
    NO_ANSWER = "no_answer"
    MESSAGE_LEFT = "message_left"
    """That somebody of the programme called, and nothing else."""
    WRONG_CONTACT = "wrong_contact"
    REACHED = "reached"
    """The person answered; the appointment and the disclosure are recorded as such."""
    DECLINED = "declined"
    """The person does not want to be called about it; it stays closed until they come back."""
    ASKED = "asked"
    """Not a step: the person asked for a call in the portal."""
    MISSED = "missed"
    """Not a step: somebody who was reached did not come to the appointment, so that the steps go on."""


NO_STEPS = {Tried.ASKED, Tried.MISSED}
_ENDING = {Tried.REACHED, Tried.DECLINED, Tried.ASKED}
_BY_CALL = {Tried.NO_ANSWER, Tried.MESSAGE_LEFT, Tried.WRONG_CONTACT, Tried.REACHED, Tried.DECLINED}
_BY_MESSAGE = {Tried.SENT, Tried.WRONG_CONTACT, Tried.REACHED, Tried.DECLINED}


@dataclass(frozen=True, slots=True)
class Try:
    """One step that was taken."""

    channel: str
    tried: Tried
    at: datetime
    """UTC."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Where the outreach of one result stands."""

    stopped: tuple[str, ...]
    """Reasons for which nobody may be contacted now; while there is one, there is no next step."""
    next_step: OutreachStep | None
    due_at: datetime | None
    """From when on the next step may be taken, UTC."""
    answered: bool
    """Whether the person was reached, asked for a call, or declined: then nothing more is sent."""
    may_be_missed: bool
    """Whether somebody who was reached could have missed an appointment."""
    exhausted: bool
    """Whether every step was taken and the time has passed: the no-contact path may be recorded."""


def stop_reasons(history: History, module: str, policy: Policy, at: datetime) -> tuple[str, ...]:
    """Why nobody may be contacted about a result of this module; empty when they may.

    Whoever does not ask for the result any more is not called about it. Neither are the dead, those who left or want no
    contact, nor those who did not agree to be contacted: the portal alone tells them that a call waits.
    """
    reasons = list(choice_reasons(history, module, policy, at))
    if history.participation is Participation.DEACTIVATED:
        reasons.append("no_contact")
    if not agreed_to_contact(history, at):
        reasons.append("re_contact_consent_missing")
    return tuple(reasons)


def plan(history: History, module: str, policy: Policy, tries: Sequence[Try], at: datetime) -> Plan:
    """What comes next, from what was said and tried so far.

    Args:
        history: The participant's consents and standing.
        module: What the result is of.
        policy: The programme's policy, with its steps.
        tries: Steps taken for this result, oldest first.
        at: Now, UTC.
    """
    stopped = stop_reasons(history, module, policy, at)
    last = tries[-1].tried if tries else None
    answered, reached = last in _ENDING, last in {Tried.REACHED, Tried.ASKED}
    first = tries[0].at if tries else at
    left = policy.outreach_steps[sum(each.tried not in NO_STEPS for each in tries) :]
    over = not (stopped or answered or left) and at >= first + timedelta(days=policy.give_up_days)
    if stopped or answered or not left:
        return Plan(stopped, None, None, answered=answered, may_be_missed=reached, exhausted=over)
    due = first + timedelta(days=left[0].day)
    return Plan((), left[0], due, answered=False, may_be_missed=False, exhausted=False)


def fits(step: OutreachStep, tried: Tried) -> bool:
    """Whether a step of this channel can end so."""
    return tried in (_BY_CALL if step.channel == "call" else _BY_MESSAGE)
