"""How many samples of a batch gave a hereditary candidate: too many, too few, or by one variant's doing.

A yield far from the expected one is seldom biology: a wrong build, a swapped plate, an artefact at one site, or a rule
that no longer fires. The outcomes are counted from the reviews, where they stand in clear without gene or variant; only
the candidates themselves are opened, each audited, and nothing but numbers leaves.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from interpreters.findings import HereditaryFinding, HereditaryOutcome, Interpretation
from ror_service import cases
from ror_service.audit.log import Actor
from ror_service.context import ServiceContext
from ror_service.errors import ErasedError, SealError
from ror_service.review.triage import reason_of
from ror_service.sealing import vault
from ror_service.storage import participants, results
from ror_service.storage.tables import InterpretationRow

MODULE = "hereditary_risk"
ACTOR = Actor(name="command-line", role="service", purpose="yield of a batch")
POLICY_FILE = Path(__file__).with_name("batch_yield_policy.toml")
_PAGE = 1000

Variant = tuple[str, int, str, str]
"""Chromosome, position, REF and ALT."""


class Alarm(StrEnum):
    """What is wrong with a batch."""

    TOO_FEW = "yield_too_low"
    TOO_MANY = "yield_too_high"
    ONE_VARIANT = "one_variant_too_frequent"


@dataclass(frozen=True, slots=True)
class YieldPolicy:
    """When a batch alarms; shares are from 0 to 1."""

    version: str
    status: str
    minimum_samples: int
    """A smaller batch never alarms."""
    yield_below: float
    yield_above: float
    one_variant_above: float
    """Share of a batch's positives that carry one variant."""


@dataclass(frozen=True, slots=True)
class BatchYield:
    """Outcomes of a batch by the strongest of each sample."""

    candidates: int
    reviews: int
    """Samples for review without a candidate."""
    others: int
    """Samples without anything that people look at."""
    compared: int
    """Candidates whose variants were compared."""
    commonest: int
    """How many of those carry the commonest variant."""

    @property
    def samples(self) -> int:
        """All interpreted samples of the batch."""
        return self.candidates + self.reviews + self.others

    @property
    def share(self) -> float:
        """Candidates among all samples, 0 to 1; 0 for an empty batch."""
        return self.candidates / self.samples if self.samples else 0.0

    @property
    def commonest_share(self) -> float:
        """Carriers of the commonest variant among the candidates that were compared, 0 to 1; 0 without any."""
        return self.commonest / self.compared if self.compared else 0.0


def load_policy(path: Path = POLICY_FILE) -> YieldPolicy:
    """The thresholds.

    Raises:
        OSError: If the file cannot be read.
        TypeError: If a threshold is missing, or there is one more.
    """
    return YieldPolicy(**tomllib.loads(path.read_text(encoding="utf-8")))


def alarms(batch: BatchYield, policy: YieldPolicy) -> tuple[Alarm, ...]:
    """What is wrong with a batch; nothing where it is too small to tell."""
    if batch.samples < policy.minimum_samples:
        return ()
    found: Mapping[Alarm, bool] = {
        Alarm.TOO_FEW: batch.share < policy.yield_below,
        Alarm.TOO_MANY: batch.share > policy.yield_above,
        Alarm.ONE_VARIANT: batch.commonest_share > policy.one_variant_above,
    }
    return tuple(alarm for alarm, holds in found.items() if holds)


def variants_of(interpretation: Interpretation) -> frozenset[Variant]:
    """Every variant that makes a candidate of a sample."""
    return frozenset(
        (variant.chrom, variant.pos, variant.ref, variant.alt)
        for finding in interpretation.findings
        if isinstance(finding, HereditaryFinding) and finding.outcome is HereditaryOutcome.CANDIDATE_POSITIVE
        for variant in (finding.variant, finding.second_variant)
        if variant is not None
    )


def count(context: ServiceContext, since: datetime | None = None, genome_center: str | None = None) -> BatchYield:
    """Count the current results of a batch.

    The variants of a candidate are not compared where its data are erased or damaged, or where the participant's
    standing forbids any use.

    Args:
        context: The service.
        since: Only what was interpreted at this time or later.
        genome_center: Only samples of this genome center.
    """
    candidate, review = map(reason_of, (HereditaryOutcome.CANDIDATE_POSITIVE, HereditaryOutcome.REVIEW))
    outcomes, carriers, compared = Counter[str](), Counter[Variant](), 0
    for interpretation_id, reasons in _interpreted(context, since, genome_center):
        strongest = next((reason for reason in (candidate, review) if reason in reasons), "")
        outcomes[strongest] += 1
        if strongest == candidate and (carried := _carried(context, interpretation_id)):
            carriers.update(carried)
            compared += 1
    return BatchYield(
        candidates=outcomes[candidate],
        reviews=outcomes[review],
        others=outcomes[""],
        compared=compared,
        commonest=max(carriers.values(), default=0),
    )


def _interpreted(
    context: ServiceContext, since: datetime | None, genome_center: str | None
) -> Iterator[tuple[str, frozenset[str]]]:
    """Interpretation and reasons of its review, page by page: no transaction stays open meanwhile."""
    last = ""
    while True:
        with context.transaction(ACTOR) as work:
            page = results.review_reasons(work.session, MODULE, last, _PAGE, since=since, genome_center=genome_center)
        yield from ((interpretation_id, frozenset(reasons)) for interpretation_id, reasons in page)
        if len(page) < _PAGE:
            return
        last = page[-1][0]


def _carried(context: ServiceContext, interpretation_id: str) -> frozenset[Variant]:
    with context.transaction(ACTOR) as work:
        row = results.must_get(work.session, InterpretationRow, interpretation_id)
        if cases.use_forbidden(participants.history(work.session, row.participant_id)):
            return frozenset()
        try:
            found = vault.open_interpretation(work, context.keys, row).interpretation
        except (ErasedError, SealError):
            return frozenset()
        work.audit("interpretation.count_yield", "interpretation", interpretation_id, row.participant_id, module=MODULE)
        return variants_of(found)
