"""Facts that the consent decision is made from, and the decision itself.

All times are UTC and aware. `authored_at` is when the person answered, `received_at` when the service learned of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol, TypeVar


class Answer(StrEnum):
    """Answer to a consent document."""

    YES = "yes"
    NO = "no"
    NOT_SURE = "not_sure"


class ModuleAnswer(StrEnum):
    """Answer in the informing loop of one module."""

    YES = "yes"
    NO = "no"
    MAYBE_LATER = "maybe_later"


class Capacity(StrEnum):
    """In which capacity somebody answered."""

    SELF = "self"
    GUARDIAN = "guardian"
    """For a participant who may not decide alone."""


class DocumentType(StrEnum):
    """What a consent document is about."""

    PRIMARY = "primary"
    RETURN_OF_RESULTS = "return_of_results"
    FAMILY_SHARING = "family_sharing"
    RE_CONTACT = "re_contact"
    RESEARCH_USE = "research_use"


class Validation(StrEnum):
    """Whether the evidence of a consent record was checked and held."""

    VALID = "valid"
    INVALID = "invalid"
    PENDING = "pending"


class VitalStatus(StrEnum):
    """What is known of the participant's life."""

    ALIVE = "alive"
    DEATH_REPORTED = "death_reported"
    DECEASED = "deceased"
    UNKNOWN = "unknown"


class Participation(StrEnum):
    """The participant's place in the programme."""

    ACTIVE = "active"
    DEACTIVATED = "deactivated"
    """No contact; results wait to be read."""
    WITHDRAWN = "withdrawn"
    """No use at all."""
    UNKNOWN = "unknown"


class Dated(Protocol):
    """An event that can be ordered."""

    @property
    def authored_at(self) -> datetime: ...  # noqa: D102 - the class docstring says it
    @property
    def received_at(self) -> datetime: ...  # noqa: D102
    @property
    def event_id(self) -> str: ...  # noqa: D102


DatedT = TypeVar("DatedT", bound=Dated)


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """One answer to one version of a consent document. Never changed after it was written."""

    event_id: str
    document: DocumentType
    document_version: str
    answer: Answer
    authored_at: datetime
    received_at: datetime
    validation: Validation
    capacity: Capacity = Capacity.SELF


@dataclass(frozen=True, slots=True)
class ModuleDecision:
    """One informing-loop answer for one module. Never changed after it was written."""

    event_id: str
    module: str
    answer: ModuleAnswer
    script_version: str
    authored_at: datetime
    received_at: datetime
    re_offer_at: datetime | None = None
    capacity: Capacity = Capacity.SELF


@dataclass(frozen=True, slots=True)
class DesigneeNaming:
    """The participant names the one person who may ask for results after a death, or takes that back; never changed."""

    event_id: str
    somebody: bool
    """False: nobody, which takes back whoever was named before."""
    authored_at: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True)
class History:
    """Everything about one participant that the decision may depend on, from current rows."""

    participant_id: str
    birth_date: date | None
    residence_state: str | None
    vital_status: VitalStatus
    participation: Participation
    consents: tuple[ConsentRecord, ...]
    decisions: tuple[ModuleDecision, ...]
    namings: tuple[DesigneeNaming, ...] = ()


class Quality(StrEnum):
    """Verdict of the sample's quality gate."""

    PASSED = "passed"
    HELD = "held"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Confirmation(StrEnum):
    """Outcome of the confirmation on a second specimen."""

    NOT_ORDERED = "not_ordered"
    PENDING = "pending"
    CONCORDANT = "concordant"
    DISCORDANT = "discordant"
    FAILED = "failed"


class Disclosure(StrEnum):
    """How far a counselor-first disclosure has come."""

    NOT_STARTED = "not_started"
    SCHEDULED = "scheduled"
    COMPLETED = "completed"
    NO_CONTACT_PATH = "no_contact_path"
    """The recorded path for a person whom the outreach steps did not reach."""


@dataclass(frozen=True, slots=True)
class Handover:
    """After a death the person who was named asks for a result: by whose record, with whose approval, until when."""

    recorded_by: str
    approved_by: str | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A result that asks to be released, as the current rows describe it."""

    participant_id: str
    """Owner of the genotypes that the result was made from."""
    module: str
    assay: str
    """Empty while there is no sample."""
    specimen: str
    quality: Quality
    interpreted: bool
    identity_case_open: bool
    positive_hereditary: bool
    """Whether the result holds a hereditary finding for the participant."""
    review_required: bool
    signers: tuple[str, ...]
    """Who signed, in order."""
    confirmation: Confirmation
    disclosure: Disclosure
    paused: bool = False
    """Whether an operator or an incident suspended release of this result."""
    handover: Handover | None = None
    """For whom: the participant where there is none, else the person who was named for after a death."""


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """One rule and what it says. `reason` is None when the rule is content."""

    rule: str
    reason: str | None

    @property
    def passed(self) -> bool:
        """Whether the rule lets the result through."""
        return self.reason is None


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer of the gate, rule by rule; the same object for participant, counselor and auditor."""

    participant_id: str
    module: str
    released: bool
    outcomes: tuple[RuleOutcome, ...]
    policy_version: str
    decided_at: datetime

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the result is withheld, in the order of the rules; empty when released."""
        return tuple(outcome.reason for outcome in self.outcomes if outcome.reason is not None)


def in_order(events: Sequence[DatedT]) -> list[DatedT]:
    """Events in the order in which they count: by (authored_at, received_at, event_id)."""
    return sorted(events, key=_place)


def latest(events: Sequence[DatedT]) -> DatedT | None:
    """The event that counts: the last in that order. The one definition of "latest"."""
    return max(events, key=_place, default=None)


def _place(event: Dated) -> tuple[datetime, datetime, str]:
    return event.authored_at, event.received_at, event.event_id
