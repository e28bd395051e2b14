"""The person whom a participant named for after a death: whether the naming counts."""

from __future__ import annotations

from datetime import datetime

from consent import family_sharing
from consent.policy import Policy
from consent.types import History, latest


def is_named(history: History, policy: Policy, at: datetime) -> bool:
    """Whether somebody may ask: the programme offers it, the last naming names somebody, and the form says so."""
    naming = latest(history.namings)
    named = naming is not None and naming.somebody and naming.authored_at <= at
    agreed = family_sharing.agreed_form(history, at)
    return policy.designee.offered and named and agreed in policy.designee.accepted_documents
