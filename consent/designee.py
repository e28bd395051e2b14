"""The person whom a participant named for after a death: whether the naming counts."""

from __future__ import annotations

from datetime import datetime

from consent.policy import Policy
from consent.types import Answer, Capacity, DocumentType, History, Validation, latest


def is_named(history: History, policy: Policy, at: datetime) -> bool:
    """Whether somebody may ask: the programme offers it, the last naming names somebody, and the form was agreed to."""
    naming = latest(history.namings)
    named = naming is not None and naming.somebody and naming.authored_at <= at
    return policy.designee.offered and named and _agreed(history, policy, at)


def _agreed(history: History, policy: Policy, at: datetime) -> bool:
    """Whether the last word on family sharing is the participant's own yes to a form that speaks of naming somebody."""
    said = latest([record for record in history.consents if record.document is DocumentType.FAMILY_SHARING])
    return (
        said is not None
        and said.answer is Answer.YES
        and said.validation is Validation.VALID
        and said.capacity is Capacity.SELF
        and said.document_version in policy.designee.accepted_documents
        and said.authored_at <= at
    )
