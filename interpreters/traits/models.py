"""Models of traits: from the bases read at a trait's variants to the key of an outcome.

A knowledge release names the model of each trait by its type. A model answers None when what was read does not decide.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

from interpreters.findings import Likelihood

Model: TypeAlias = Mapping[str, Any]
"""The `model` object of a trait in `traits.json`."""

CANNOT_TELL = "cannot tell"
"""Outcome of a trait that was read whole and whose model prefers nothing."""
NOT_CALLED = "not called"
_COPIES = 2
_DIGITS = 4
"""A probability is rounded to so many, so that it is the same on every machine."""


@dataclass(frozen=True, slots=True)
class VariantReading:
    """The two bases read at one variant."""

    bases: tuple[str, str]
    """In the order of the file, plus strand. For an insertion what stands there: `T` without it, `TC` with it."""
    phase: str | None
    """Name of the set of variants whose order of copies is known together; None when unphased."""

    @property
    def genotype(self) -> str:
        """Both bases in alphabetical order."""
        return "".join(sorted(self.bases))


@dataclass(frozen=True, slots=True)
class Call:
    """What a model says."""

    outcome: str
    probability: float | None = None
    """See `TraitFinding`, and the next."""
    probabilities: Mapping[str, float] | None = None
    likelihood: Likelihood | None = None
    """Where the word depends on the probability; else the release has one for each outcome."""


Readings: TypeAlias = Mapping[str, VariantReading]
"""By rsID; variants that were not read are left out."""


def by_genotype(model: Model, readings: Readings, total: int) -> Call | None:
    """Outcome keyed by the genotype of the only variant, such as `CT`."""
    if total != 1 or not readings:
        return None
    (reading,) = readings.values()
    return Call(reading.genotype) if reading.genotype in model["outcomes"] else None


def haplotype_pair(model: Model, readings: Readings, total: int) -> Call | None:
    """The pair of named haplotypes, one made of all `taster_alleles`, the other of none of them.

    Where copies are phased the pair is read off; otherwise three heterozygous variants are taken for the two common
    haplotypes, which is by far the likeliest. Anything else is `rare`, also when a variant was not read but the others
    rule out every named pair.
    """
    tasters = model["taster_alleles"]
    counts = {reading.bases.count(tasters[rsid]) for rsid, reading in readings.items()}
    if len(counts) > 1:
        return Call("rare")
    if len(readings) < total:
        return None
    (count,) = counts
    if count != 1:
        return Call("PAV/PAV" if count else "AVI/AVI")
    carriers = [(reading, tasters[rsid]) for rsid, reading in readings.items()]
    return Call("rare" if _copies_with(carriers) == _COPIES else "PAV/AVI")


def any_dominant(model: Model, readings: Readings, total: int) -> Call | None:
    """One copy of any effect allele is enough; their absence counts only where all were read."""
    if not readings:
        return None
    if any(model["effect_alleles"][rsid] in reading.bases for rsid, reading in readings.items()):
        return Call(">=1")
    return Call("0_all_read" if len(readings) == total else "0_some_not_read")


def changed_copies(model: Model, readings: Readings, total: int) -> Call | None:
    """How many of a gene's two copies carry any of the effect alleles: `0`, `1` or `2`.

    Two different alleles stand on different copies unless the file's phase says otherwise. Fewer than two are counted
    only where every variant was read.
    """
    effects = model["effect_alleles"]
    carriers = [(reading, effects[rsid]) for rsid, reading in readings.items() if effects[rsid] in reading.bases]
    homozygous = any(reading.bases.count(allele) == _COPIES for reading, allele in carriers)
    together = len(carriers) > 1 and _copies_with(carriers) == 1
    count = _COPIES if homozygous else 1 if together else min(len(carriers), _COPIES)
    return None if count < _COPIES and len(readings) < total else Call(str(count))


def abo_group(model: Model, readings: Readings, total: int) -> Call | None:  # noqa: ARG001 - as all models
    """Blood group from the insertion that makes a copy functional and the base that makes a functional copy B.

    With one functional copy and one B base the file's phase must say that they stand together.
    """
    functional, b = (readings.get(rsid) for rsid in (model["functional"]["rsid"], model["b"]["rsid"]))
    if functional is None:
        return None
    working = functional.bases.count(model["functional"]["allele"])
    if working == 0:
        return Call("O")
    if b is None:
        return None
    marked = b.bases.count(model["b"]["allele"])
    if marked in {0, _COPIES}:
        return Call("B" if marked else "A")
    if working == _COPIES:
        return Call("AB")
    together = _copies_with([(functional, model["functional"]["allele"]), (b, model["b"]["allele"])]) == 1
    return Call("B" if together else NOT_CALLED)


def multinomial_logistic(model: Model, readings: Readings, total: int) -> Call | None:  # noqa: ARG001 - as all models
    """The category whose probability reaches the model's threshold whatever the unread variants are.

    Where all variants were read and none reaches it, the outcome is `cannot tell`.
    """
    if not readings:
        return None
    beta = model["beta"]
    read = {rsid: reading.bases.count(beta[rsid]["allele"]) for rsid, reading in readings.items()}
    unread = [rsid for rsid in beta if rsid not in readings]
    possible = [
        _probabilities(model, {**read, **dict(zip(unread, copies, strict=True))})
        for copies in product(range(_COPIES + 1), repeat=len(unread))
    ]
    lowest = {category: min(each[category] for each in possible) for category in model["categories"]}
    best = max(lowest, key=lambda category: lowest[category])
    told = None if unread else {category: round(value, _DIGITS) for category, value in lowest.items()}
    if lowest[best] < model["threshold"]:
        return None if unread else Call(CANNOT_TELL, probabilities=told)
    word = Likelihood.VERY_LIKELY if lowest[best] >= model["very_likely"] else Likelihood.LIKELY
    return Call(best, round(lowest[best], _DIGITS), told, word)


def _probabilities(model: Model, copies: Mapping[str, int]) -> dict[str, float]:
    """Probability of each category by the number of copies of each variant's counted allele."""
    odds = {model["reference_category"]: 1.0}
    for category, alpha in model["alpha"].items():
        odds[category] = math.exp(alpha + sum(model["beta"][rsid][category] * n for rsid, n in copies.items()))
    whole = sum(odds.values())
    return {category: value / whole for category, value in odds.items()}


def _copies_with(carriers: Sequence[tuple[VariantReading, str]]) -> int | None:
    """On how many copies (1 or 2) heterozygous alleles stand by the file's phase; None where it does not tell."""
    phases = {reading.phase for reading, _ in carriers}
    if len(phases) > 1 or None in phases:
        return None
    return len({reading.bases.index(allele) for reading, allele in carriers})


def outcomes(model: Model) -> frozenset[str]:
    """Every outcome that a model can have."""
    if model["type"] == "multinomial_logistic":
        return frozenset({*model["categories"], CANNOT_TELL})
    return _OUTCOMES.get(model["type"]) or frozenset(model["outcomes"])


_OUTCOMES: Mapping[str, frozenset[str]] = {
    "abo_group": frozenset({"O", "A", "B", "AB", NOT_CALLED}),
    "any_dominant": frozenset({">=1", "0_all_read", "0_some_not_read"}),
    "changed_copies": frozenset({"0", "1", "2"}),
    "haplotype_pair": frozenset({"PAV/PAV", "PAV/AVI", "AVI/AVI", "rare"}),
}
MODELS: Mapping[str, Callable[[Model, Readings, int], Call | None]] = {
    "abo_group": abo_group,
    "additive": by_genotype,
    "any_dominant": any_dominant,
    "changed_copies": changed_copies,
    "dominant": by_genotype,
    "genotype_odds": by_genotype,
    "haplotype_pair": haplotype_pair,
    "multinomial_logistic": multinomial_logistic,
    "recessive": by_genotype,
}
"""Model type to its function: (model, readings, number of variants asked for) to what it says."""
