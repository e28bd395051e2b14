"""Models of traits: from the bases read at a trait's variants to the key of an outcome.

A knowledge release names the model of each trait by its type. A model answers None when what was read does not decide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Model: TypeAlias = Mapping[str, Any]
"""The `model` object of a trait in `traits.json`."""


@dataclass(frozen=True, slots=True)
class VariantReading:
    """The two bases read at one variant."""

    bases: tuple[str, str]
    """In the order of the file, plus strand."""
    phase: str | None
    """Name of the set of variants whose order of copies is known together; None when unphased."""

    @property
    def genotype(self) -> str:
        """Both bases in alphabetical order."""
        return "".join(sorted(self.bases))


Readings: TypeAlias = Mapping[str, VariantReading]
"""By rsID; variants that were not read are left out."""


def by_genotype(model: Model, readings: Readings, total: int) -> str | None:
    """Outcome keyed by the genotype of the only variant, such as `CT`."""
    if total != 1 or not readings:
        return None
    (reading,) = readings.values()
    return reading.genotype if reading.genotype in model["outcomes"] else None


def haplotype_pair(model: Model, readings: Readings, total: int) -> str | None:
    """The pair of named haplotypes, one made of all `taster_alleles`, the other of none of them.

    Where copies are phased the pair is read off; otherwise three heterozygous variants are taken for the two common
    haplotypes, which is by far the likeliest. Anything else is `rare`, also when a variant was not read but the others
    rule out every named pair.
    """
    tasters = model["taster_alleles"]
    counts = {reading.bases.count(tasters[rsid]) for rsid, reading in readings.items()}
    if len(counts) > 1:
        return "rare"
    if len(readings) < total:
        return None
    (count,) = counts
    if count != 1:
        return "PAV/PAV" if count else "AVI/AVI"
    phases = {reading.phase for reading in readings.values()}
    copies = {reading.bases.index(tasters[rsid]) for rsid, reading in readings.items()}
    together = len(copies) == 1 or None in phases or len(phases) > 1
    return "PAV/AVI" if together else "rare"


def any_dominant(model: Model, readings: Readings, total: int) -> str | None:
    """One copy of any effect allele is enough; their absence counts only where all were read."""
    if not readings:
        return None
    if any(model["effect_alleles"][rsid] in reading.bases for rsid, reading in readings.items()):
        return ">=1"
    return "0_all_read" if len(readings) == total else "0_some_not_read"


MODELS: Mapping[str, Callable[[Model, Readings, int], str | None]] = {
    "additive": by_genotype,
    "any_dominant": any_dominant,
    "dominant": by_genotype,
    "genotype_odds": by_genotype,
    "haplotype_pair": haplotype_pair,
    "recessive": by_genotype,
}
"""Model type to its function: (model, readings, number of variants asked for) to outcome key."""
