"""The ways to leave, and what becomes of which data: the one place that says so."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class WithdrawalKind(StrEnum):
    """What a participant stops."""

    CONTACT = "contact"
    """No more messages; results stay readable."""
    RESULTS = "results"
    """No more results; research goes on as agreed."""
    PROGRAMME = "programme"
    """Everything: results, research use and contact."""


class Data(StrEnum):
    """What the service holds of a person."""

    REPORTS = "reports"
    INTERPRETATIONS = "interpretations"
    OWN_MEDICINES = "own_medicines"
    GENOTYPES = "genotypes"
    """Files, what is stored of them, and fingerprints: the data that research uses too."""
    CONSENT_LEDGER = "consent_ledger"
    """Answers, with their evidence."""
    AUDIT_LOG = "audit_log"
    RECEIPTS = "receipts"
    """What partners signed for, and this withdrawal with its certificate."""


_RESULTS = (Data.REPORTS, Data.INTERPRETATIONS, Data.OWN_MEDICINES)


@dataclass(frozen=True, slots=True)
class Consequences:
    """What one kind of withdrawal does."""

    erased: tuple[Data, ...]
    """Destroyed in the transaction of the withdrawal, and recalled from every partner."""
    ends_research_use: bool
    ends_contact: bool

    @property
    def kept(self) -> tuple[Data, ...]:
        """What stays: the law asks for the ledger, the log and the receipts; the rest was not withdrawn."""
        return tuple(data for data in Data if data not in self.erased)


CONSEQUENCES = MappingProxyType(
    {
        WithdrawalKind.CONTACT: Consequences(erased=(), ends_research_use=False, ends_contact=True),
        WithdrawalKind.RESULTS: Consequences(erased=_RESULTS, ends_research_use=False, ends_contact=False),
        WithdrawalKind.PROGRAMME: Consequences(
            erased=(*_RESULTS, Data.GENOTYPES), ends_research_use=True, ends_contact=True
        ),
    }
)
