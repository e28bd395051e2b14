"""What one reading of a genotype file gives, and keeping it: verdict, the genotypes that are needed, fingerprint."""

from __future__ import annotations

from dataclasses import dataclass, field

from interpreters.genotypes import GenotypeCalls
from ror_service.fingerprints import FingerprintIndex
from ror_service.genotypes.store import GenotypeStore, Stored
from ror_service.intake import samples
from ror_service.intake.errors import Problem
from ror_service.intake.qc import QcAssessment
from ror_service.intake.samples import Reading
from ror_service.work import Work


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a file gave that could be read."""

    calls: GenotypeCalls = field(repr=False)
    assessment: QcAssessment
    stored: Stored = field(repr=False)
    """The same calls, packed."""


def keep(
    work: Work, store: GenotypeStore, fingerprints: FingerprintIndex, reading: Reading, found: Extracted | Problem
) -> None:
    """Keep the verdict on a reading and what may be used of it, and order the sample's interpretation.

    The fingerprint of a sample that the quality gate holds is kept too, unless its places are in doubt.

    All of it or nothing, and nothing where another worker read the sample meanwhile.

    Args:
        work: The transaction.
        store: Takes the genotypes.
        fingerprints: Takes the fingerprint.
        reading: What was read.
        found: What it gave, or why the file cannot be used.
    """
    if not samples.is_newest(work, reading):
        return
    if isinstance(found, Problem):
        samples.record_verdict(work, reading.sample_id, None, problem=found.value)
        return
    samples.record_verdict(work, reading.sample_id, found.assessment)
    if found.assessment.places_known:
        fingerprints.keep(work, reading.sample_id, found.calls)
    store.keep(work, reading.sample_id, found.stored)
    work.enqueue("interpret_sample", reading.sample_id, backfill=reading.backfill)
