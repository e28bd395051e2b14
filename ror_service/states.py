"""States of cases, report versions, reviews, deliveries and recalls, and the only transitions that are legal."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol, TypeVar

from ror_service.errors import IllegalTransitionError


class SampleState(StrEnum):
    """Where a submitted sample is."""

    AWAITING_FILE = "awaiting_file"
    RECEIVED = "received"
    UNREADABLE = "unreadable"
    QC_HOLD = "qc_hold"
    READ = "read"
    ERASED = "erased"
    """The participant left or died: the file's key is destroyed, and no result may rest on it."""


class CaseState(StrEnum):
    """A result case: one participant, one module, one consent to it."""

    AWAITING_DATA = "awaiting_data"
    QC_HOLD = "qc_hold"
    ELIGIBLE = "eligible"
    OFFERED = "offered"
    DECLINED = "declined"
    DEFERRED = "deferred"
    ACCEPTED = "accepted"
    INTERPRETING = "interpreting"
    CLEAR = "clear"
    IN_REVIEW = "in_review"
    CONFIRMING = "confirming"
    SIGNED_OFF = "signed_off"
    DISCLOSURE_SCHEDULED = "disclosure_scheduled"
    DISCLOSED = "disclosed"
    RELEASE_READY = "release_ready"
    AVAILABLE = "available"
    DELIVERED = "delivered"
    VIEWED = "viewed"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    DELETION_ORDERED = "deletion_ordered"
    DELETED = "deleted"
    NOT_DELIVERABLE = "not_deliverable"


class VersionState(StrEnum):
    """One immutable version of a report. It is sealed and released in one transaction: before, there is none."""

    RELEASED = "released"
    SUPERSEDED = "superseded"
    """A later version took its place. It is kept and listed, and nobody reads it as the current one."""
    WITHDRAWN = "withdrawn"
    """Nobody reads it, its key is destroyed, and every delivery of it is recalled.

    After a death the key may be kept for a while, for the person whom the participant named."""


class ReviewState(StrEnum):
    """A case in the counselors' queue."""

    NEW = "new"
    CLAIMED = "claimed"
    FIRST_SIGNED = "first_signed"
    SECOND_SIGNED = "second_signed"
    RETURNED = "returned"
    CLOSED = "closed"


class DeliveryState(StrEnum):
    """A version on its way to one partner."""

    QUEUED = "queued"
    INTENDED = "intended"
    RECEIVED = "received"
    OPENED = "opened"
    DEAD_LETTER = "dead_letter"
    RECALLED = "recalled"


class RecallState(StrEnum):
    """An order to a partner to delete what it may have."""

    ORDERED = "ordered"
    SENT = "sent"
    """At least one try has begun."""
    ACKNOWLEDGED = "acknowledged"
    CERTIFIED = "certified"
    """A signed certificate of the withdrawal names it."""


StateT = TypeVar("StateT", bound=StrEnum)
Transitions = Mapping[StateT, frozenset[StateT]]


def _table(rows: Mapping[StateT, set[StateT]]) -> Transitions[StateT]:
    return {state: frozenset(targets) for state, targets in rows.items()}


_C = CaseState
_WITHDRAWABLE = {_C.SUSPENDED, _C.REVOKED, _C.NOT_DELIVERABLE}
_CHOSEN = {_C.OFFERED, _C.DECLINED, _C.DEFERRED, _C.ACCEPTED}
CASE: Transitions[CaseState] = _table(
    {
        _C.AWAITING_DATA: {_C.QC_HOLD, _C.ELIGIBLE, *_WITHDRAWABLE},
        _C.QC_HOLD: {_C.AWAITING_DATA, _C.ELIGIBLE, *_WITHDRAWABLE},
        _C.ELIGIBLE: {*_CHOSEN, *_WITHDRAWABLE},
        _C.OFFERED: {*_CHOSEN, *_WITHDRAWABLE},
        _C.DECLINED: {*_CHOSEN, *_WITHDRAWABLE},
        _C.DEFERRED: {*_CHOSEN, *_WITHDRAWABLE},
        _C.ACCEPTED: {*_CHOSEN, _C.INTERPRETING, *_WITHDRAWABLE},
        _C.INTERPRETING: {_C.CLEAR, _C.IN_REVIEW, *_WITHDRAWABLE},
        _C.CLEAR: {_C.IN_REVIEW, _C.RELEASE_READY, *_WITHDRAWABLE},
        _C.IN_REVIEW: {_C.CONFIRMING, _C.SIGNED_OFF, *_WITHDRAWABLE},
        _C.CONFIRMING: {_C.IN_REVIEW, _C.SIGNED_OFF, *_WITHDRAWABLE},
        _C.SIGNED_OFF: {_C.IN_REVIEW, _C.DISCLOSURE_SCHEDULED, _C.DISCLOSED, _C.RELEASE_READY, *_WITHDRAWABLE},
        _C.DISCLOSURE_SCHEDULED: {_C.IN_REVIEW, _C.DISCLOSED, *_WITHDRAWABLE},
        _C.DISCLOSED: {_C.IN_REVIEW, _C.RELEASE_READY, *_WITHDRAWABLE},
        _C.RELEASE_READY: {_C.IN_REVIEW, _C.AVAILABLE, *_WITHDRAWABLE},
        # Back to `available`: another version of the report took the place of the one before.
        _C.AVAILABLE: {_C.AVAILABLE, _C.DELIVERED, _C.VIEWED, *_WITHDRAWABLE},
        _C.DELIVERED: {_C.AVAILABLE, _C.VIEWED, *_WITHDRAWABLE},
        _C.VIEWED: {_C.AVAILABLE, *_WITHDRAWABLE},
        _C.SUSPENDED: {_C.AVAILABLE, _C.REVOKED, _C.NOT_DELIVERABLE},
        _C.REVOKED: {_C.DELETION_ORDERED},
        _C.NOT_DELIVERABLE: {_C.DELETION_ORDERED},
        _C.DELETION_ORDERED: {_C.DELETED},
        _C.DELETED: set(),
    }
)

_V = VersionState
VERSION: Transitions[VersionState] = _table(
    {
        _V.RELEASED: {_V.SUPERSEDED, _V.WITHDRAWN},
        _V.SUPERSEDED: {_V.WITHDRAWN},
        _V.WITHDRAWN: set(),
    }
)

_R = ReviewState
REVIEW: Transitions[ReviewState] = _table(
    {
        _R.NEW: {_R.CLAIMED, _R.CLOSED},
        _R.CLAIMED: {_R.NEW, _R.FIRST_SIGNED, _R.RETURNED, _R.CLOSED},
        _R.FIRST_SIGNED: {_R.SECOND_SIGNED, _R.RETURNED, _R.CLOSED},
        _R.RETURNED: {_R.CLAIMED, _R.CLOSED},
        _R.SECOND_SIGNED: {_R.RETURNED, _R.CLOSED},
        _R.CLOSED: set(),
    }
)

_D = DeliveryState
DELIVERY: Transitions[DeliveryState] = _table(
    {
        _D.QUEUED: {_D.INTENDED, _D.RECALLED},
        _D.INTENDED: {_D.RECEIVED, _D.DEAD_LETTER, _D.RECALLED},
        _D.RECEIVED: {_D.OPENED, _D.RECALLED},
        _D.OPENED: {_D.RECALLED},
        _D.DEAD_LETTER: {_D.INTENDED, _D.RECALLED},
        _D.RECALLED: set(),
    }
)

RECALL: Transitions[RecallState] = _table(
    {
        RecallState.ORDERED: {RecallState.SENT},
        RecallState.SENT: {RecallState.ACKNOWLEDGED},
        RecallState.ACKNOWLEDGED: {RecallState.CERTIFIED},
        RecallState.CERTIFIED: set(),
    }
)


def check(table: Transitions[StateT], now: StateT, target: StateT) -> None:
    """Refuse a transition that the table does not list.

    Raises:
        IllegalTransitionError: Naming both states.
    """
    if target not in table[now]:
        raise IllegalTransitionError(f"{type(now).__name__}: {now.value} does not lead to {target.value}")


class HasState(Protocol):
    """A row with a state."""

    state: str


def move(table: Transitions[StateT], row: HasState, target: StateT) -> None:
    """Take a row along a legal transition.

    Raises:
        IllegalTransitionError: Naming both states.
    """
    check(table, type(target)(row.state), target)
    row.state = target.value
