"""The person whom a participant named for after a death: whether the naming counts."""

from __future__ import annotations

from datetime import datetime

from consent import family_sharing
from consent.policy import Policy
from consent.types import History, latest


def agreed(history: History, policy: Policy, at: datetime) -> bool:
    """Whether the participant said yes to a form on family sharing that speaks of such a person."""
    return family_sharing.agreed_form(history, at) in policy.designee.accepted_documents


def is_named(history: History, policy: Policy, at: datetime) -> bool:
    """Whether somebody may ask: the programme offers it, the last naming names somebody, and the form says so."""
    naming = latest(history.namings)
    named = naming is not None and naming.somebody and naming.authored_at <= at
    return policy.designee.offered and named and agreed(history, policy, at)
