"""When "maybe later" is offered again, how often, and to whom a message may be sent about anything at all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from consent.policy import Policy
from consent.types import (
    Answer,
    DocumentType,
    History,
    ModuleAnswer,
    ModuleDecision,
    Participation,
    Validation,
    VitalStatus,
    in_order,
    latest,
)


def offered_again_at(decisions: Sequence[ModuleDecision], policy: Policy) -> datetime | None:
    """When a module is offered again to somebody who gave these answers to it; None: not by us.

    It is not where the last answer is another than "maybe later", nor once that was said more often in a row than the
    policy offers again: then the module rests until the person comes back.
    """
    put_off = 0
    for decision in reversed(in_order(decisions)):
        if decision.answer is not ModuleAnswer.MAYBE_LATER:
            break
        put_off += 1
    last = latest(decisions)
    if last is None or not 0 < put_off <= policy.most_re_offers:
        return None
    return last.authored_at + timedelta(days=policy.re_offer_days)


def is_offered_again(history: History, module: str, policy: Policy, at: datetime) -> bool:
    """Whether "maybe later" has become an offer again. Never for the dead, those who left, or who want no contact."""
    due = offered_again_at([decision for decision in history.decisions if decision.module == module], policy)
    if due is None or due > at or not _reachable(history):
        return False
    return not policy.re_offer_needs_re_contact_consent or agreed_to_contact(history, at)


def may_be_contacted(history: History, at: datetime) -> bool:
    """Whether any message may be sent: to somebody alive and active who agreed to be contacted, and to nobody else."""
    return _reachable(history) and agreed_to_contact(history, at)


def _reachable(history: History) -> bool:
    return history.vital_status is VitalStatus.ALIVE and history.participation is Participation.ACTIVE


def agreed_to_contact(history: History, at: datetime) -> bool:
    """Whether the last word on being contacted is a yes that counts."""
    said = latest([record for record in history.consents if record.document is DocumentType.RE_CONTACT])
    return (
        said is not None
        and said.answer is Answer.YES
        and said.validation is Validation.VALID
        and said.authored_at <= at
    )
