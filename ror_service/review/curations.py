"""What signers decided on a variant, whoever carries it: one curation serves all carriers.

A row names no person, no review and no day, and the variant only as a hash under a secret that is not in the database.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from interpreters.findings import HereditaryFinding, HereditaryVariant
from interpreters.genotypes import Build
from interpreters.hereditary_risk.packet import variant_key
from ror_service.review.queue import Disposition
from ror_service.review.triage import UnderReview
from ror_service.storage import results
from ror_service.storage.tables import VariantDecisionRow
from ror_service.work import Work, new_id

_PAIR = "two_variants"


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantDecisions:
    """Finished reviews of one variant that decided alike."""

    disposition: Disposition
    genotype: str
    """Zygosity, or `two_variants` where it was one of a pair."""
    knowledge_release: str
    reviews: int
    last_in: date
    """First day of the month of the newest."""


def remember(
    work: Work,
    secret: bytes,
    decided: Sequence[tuple[UnderReview, Disposition]],
    *,
    build: Build,
    knowledge_release: str,
) -> None:
    """Keep what a finished review decided on each of its variants."""
    for finding, disposition in decided:
        if not isinstance(finding, HereditaryFinding):
            continue
        for variant in variants_of(finding):
            key = variant_key(finding.gene, variant, build)
            if key is not None:
                work.session.add(
                    VariantDecisionRow(
                        decision_id=new_id("decision"),
                        variant_hash=_hash(secret, key),
                        disposition=disposition.value,
                        genotype=variant.zygosity if finding.second_variant is None else _PAIR,
                        knowledge_release=knowledge_release,
                        decided_in=work.at.date().replace(day=1),
                    )
                )


def earlier(
    work: Work, secret: bytes, gene: str, variant: HereditaryVariant, build: Build
) -> tuple[VariantDecisions, ...] | None:
    """What was decided on a variant so far; None for a structural call, which cannot be recognised."""
    key = variant_key(gene, variant, build)
    if key is None:
        return None
    return tuple(
        VariantDecisions(
            disposition=Disposition(disposition),
            genotype=genotype,
            knowledge_release=release,
            reviews=reviews,
            last_in=last_in,
        )
        for disposition, genotype, release, reviews, last_in in results.variant_decisions(
            work.session, _hash(secret, key)
        )
    )


def variants_of(finding: HereditaryFinding) -> tuple[HereditaryVariant, ...]:
    """The variant, and the second one of a pair."""
    return (finding.variant, *([finding.second_variant] if finding.second_variant else []))


def _hash(secret: bytes, key: str) -> str:
    return hmac.digest(secret, b"ror.variant/1:" + key.encode(), "sha256").hex()
