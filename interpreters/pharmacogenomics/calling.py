"""Calls one gene from what was read at its positions: which alleles fit, and what they mean."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from interpreters.findings import Coverage
from interpreters.genotypes import Sex
from interpreters.pharmacogenomics.lowest_function import LowestFunctionCaller
from interpreters.pharmacogenomics.matcher import Match, Pair, Pattern, pattern_of
from interpreters.pharmacogenomics.sites import SiteReading
from interpreters.pharmacogenomics.tables import (
    NOT_IN_SNAPSHOT,
    Gene,
    HaplotypeB3,
    Policy,
    Position,
    Result,
    diplotype_name,
)

NO_RESULT = "No Result"
"""Phenotype of a gene that was read and to which no pair of alleles fits; the guidelines' own term."""


@dataclass(frozen=True, slots=True)
class GeneCall:
    """What was called in one gene, before anything is decided about reporting it."""

    diplotypes: tuple[str, ...] = ()
    """As the reference method gives them: those with the top score."""
    consistent: tuple[str, ...] = ()
    """All that fit the data."""
    phenotypes: tuple[str, ...] = ()
    """Of `diplotypes`."""
    consistent_phenotypes: tuple[str, ...] = ()
    activity_scores: tuple[str, ...] = ()
    haplotypes: tuple[str, ...] = ()
    alleles: frozenset[str] = frozenset()
    """Names of the alleles called."""
    not_excluded: tuple[str, ...] = ()
    variant_found: bool = True
    reasons: frozenset[str] = frozenset()


def call_gene(gene: Gene, readings: Sequence[SiteReading], policy: Policy) -> tuple[GeneCall, Pattern]:
    """Call a gene from the readings of its positions, in their order.

    Returns:
        The call, and the genotypes in the form in which alleles were compared with them.
    """
    readings, undocumented = _documented(gene, readings)
    pattern = pattern_of(readings)
    call = _call(gene, readings, pattern, policy)
    if undocumented:
        call = replace(call, variant_found=True, reasons=call.reasons | {"undocumented_allele"})
    return call, pattern


def coverage_of(gene: Gene, readings: Sequence[SiteReading], policy: Policy) -> tuple[Coverage, frozenset[str]]:
    """How much of a gene was read by the policy, and the reasons to tell when it was not all."""
    unread = [position for position, reading in _zip(gene, readings) if not reading.alleles]
    if not unread:
        return Coverage.COMPLETE, frozenset()
    lacks_tier1 = any(position.amp_tier1 for position in unread)
    enough = len(readings) - len(unread) >= policy.sufficient_share * len(readings)
    sufficient = enough and not (policy.tier1_required and lacks_tier1)
    reasons = {"missing_positions", *(("amp_tier1_position_missing",) if lacks_tier1 else ())}
    return Coverage.SUFFICIENT if sufficient else Coverage.PARTIAL, frozenset(reasons)


def by_sex(readings: Sequence[SiteReading], sex: Sex) -> tuple[list[SiteReading], frozenset[str]]:
    """Bring X-chromosome readings to one ploidy: one copy for a man or where the file says so, else two.

    A man with two different alleles, a woman with one copy, or a file with both is a conflict; nothing is dropped then.
    """
    heterozygous = any(len(set(reading.alleles)) > 1 for reading in readings)
    haploid = any(len(reading.alleles) == 1 for reading in readings)
    reasons = {"sex_unknown"} if sex is Sex.UNKNOWN else set()
    if (sex is Sex.MALE and heterozygous) or (haploid and (sex is Sex.FEMALE or heterozygous)):
        reasons.add("sex_ploidy_conflict")
    one_copy = not heterozygous and (sex is Sex.MALE or haploid)
    copies = [reading.alleles[:1] if one_copy else (reading.alleles * 2)[:2] for reading in readings]
    counted = [replace(reading, alleles=alleles) for reading, alleles in zip(readings, copies, strict=True)]
    return counted, frozenset(reasons)


def diploid(readings: Sequence[SiteReading]) -> list[SiteReading]:
    """Readings of an autosome; what does not have two copies is as good as unread."""
    return [
        reading
        if len(reading.alleles) in {0, 2}
        else replace(reading, alleles=(), reasons=frozenset({"unexpected_ploidy"}))
        for reading in readings
    ]


def _call(gene: Gene, readings: Sequence[SiteReading], pattern: Pattern, policy: Policy) -> GeneCall:
    match = Match(gene, pattern)
    consistent = match.consistent_names()
    if any("half_called_variant" in reading.reasons for reading in readings):
        # Without its position the gene would look as if the variant had not been seen.
        call = _no_result(gene, match, {"half_called_variant"})
    elif any(position.required and not reading.alleles for position, reading in _zip(gene, readings)):
        call = _no_result(gene, match, {"required_position_missing"})
    elif gene.lowest_function:
        call = _call_lowest_function(gene, pattern, policy)
        # A strand with several alleles is in no pair of single alleles.
        consistent += [name for name in call.diplotypes if "[" in name or name not in consistent]
    elif best := match.best():
        call = _call_pairs(gene, match, best)
    else:
        call = _infer(gene, match, readings, policy)
    return replace(
        call,
        consistent=tuple(consistent),
        not_excluded=tuple(match.not_excluded(call.alleles)),
        variant_found=call.alleles != {gene.normal},
    )


def _call_pairs(gene: Gene, match: Match, best: Sequence[Pair]) -> GeneCall:
    """The pairs with the top score."""
    results = [gene.rules.result(tuple(gene.rules.key(gene.alleles[allele]) for allele in pair)) for pair in best]
    diplotypes = tuple(dict.fromkeys(diplotype_name(match.names(pair)) for pair in best))
    possible = match.results(complete_only=False)
    functions = {gene.alleles[allele].function for pair in best for allele in pair}
    return GeneCall(
        diplotypes=diplotypes,
        phenotypes=_phenotypes(gene, results),
        consistent_phenotypes=tuple(sorted(_phenotypes(gene, possible))),
        activity_scores=_each_once(result.activity_score for result in results),
        alleles=frozenset(name for pair in best for name in match.names(pair)),
        reasons=_several(diplotypes) | _agreement(match.results(complete_only=True), possible, functions),
    )


def _call_lowest_function(gene: Gene, pattern: Pattern, policy: Policy) -> GeneCall:
    found = LowestFunctionCaller(gene, pattern, haplotype_b3(gene, policy)).call()
    functions = {allele.function for allele in gene.alleles if allele.name in found.alleles}
    return GeneCall(
        diplotypes=found.diplotypes,
        phenotypes=(found.deciding.phenotype,),
        consistent_phenotypes=tuple(sorted(_phenotypes(gene, found.unread_results))),
        activity_scores=_each_once([found.deciding.activity_score]),
        haplotypes=found.haplotypes,
        alleles=found.alleles,
        reasons=found.reasons | _several(found.diplotypes) | _agreement(found.results, found.unread_results, functions),
    )


def haplotype_b3(gene: Gene, policy: Policy) -> HaplotypeB3 | None:
    """The positions of HapB3 in its gene, None for every other gene."""
    facts = policy.haplotype_b3
    if facts["intronic"] not in gene.index_of:
        return None
    return HaplotypeB3(
        gene.index_of[facts["intronic"]], gene.index_of[facts["exonic"]], facts["alone"], facts["together"]
    )


def _infer(gene: Gene, match: Match, readings: Sequence[SiteReading], policy: Policy) -> GeneCall:
    """An estimate from one position where the gene has one and it was read, else no result."""
    alleles = policy.inference_alleles.get(gene.name, {})
    rsid = policy.inference_rsid.get(gene.name)
    bases = readings[gene.index_of[rsid]].alleles if rsid else ()
    if not bases or not alleles.keys() >= set(bases):
        return _no_result(gene, match, {"no_matching_alleles"})
    named = {allele.name: allele for allele in gene.alleles}
    keys = tuple(gene.rules.key(named[alleles[base]]) for base in bases)
    return GeneCall(
        phenotypes=(gene.rules.result(keys).phenotype,),
        reasons=frozenset({"no_matching_alleles", "inferred_from_one_position"}),
    )


def _no_result(gene: Gene, match: Match, reasons: set[str]) -> GeneCall:
    return GeneCall(
        phenotypes=(NO_RESULT,),
        consistent_phenotypes=tuple(sorted(_phenotypes(gene, match.results(complete_only=False)))),
        activity_scores=(NO_RESULT,) if gene.rules.by_activity else (),
        reasons=frozenset(reasons),
    )


def _agreement(of_complete: frozenset[Result], of_all: frozenset[Result], functions: Collection[str]) -> frozenset[str]:
    """Reasons why the result is not certain.

    Args:
        of_complete: What the pairs mean whose alleles were read at every position.
        of_all: What every pair that fits means.
        functions: Functions of the alleles called.
    """
    reasons = {"function_not_in_data"} if NOT_IN_SNAPSHOT in functions else set()
    if len({result.phenotype for result in of_complete}) > 1:
        reasons.add("ambiguous_phenotype")
    elif len({result.phenotype for result in of_all}) > 1:
        reasons.add("unread_alleles_change_phenotype")
    elif len(of_all) > 1:
        reasons.add("ambiguous_activity_score")
    return frozenset(reasons)


def _documented(gene: Gene, readings: Sequence[SiteReading]) -> tuple[list[SiteReading], bool]:
    """Readings in which undocumented alleles are reference where the reference method counts them so.

    That keeps diplotypes comparable between laboratories; whether there was one is told too, and holds the gene back.
    """
    found = False
    result = list(readings)
    for index, position in enumerate(gene.positions):
        alleles = readings[index].alleles
        known = {position.ref, *position.alts}
        if not known.issuperset(alleles):
            found = True
            if gene.undocumented_as_reference:
                counted = tuple(allele if allele in known else position.ref for allele in alleles)
                result[index] = replace(readings[index], alleles=counted)
    return result, found


def _zip(gene: Gene, readings: Sequence[SiteReading]) -> Iterator[tuple[Position, SiteReading]]:
    return zip(gene.positions, readings, strict=True)


def _phenotypes(gene: Gene, results: Iterable[Result]) -> tuple[str, ...]:
    """Phenotypes, each once; a gene may have named alleles and no phenotypes at all (CYP4F2)."""
    return () if gene.lookup == "none" else _each_once(result.phenotype for result in results)


def _several(diplotypes: Sequence[str]) -> frozenset[str]:
    return frozenset({"ambiguous_diplotype"} if len(diplotypes) > 1 else ())


def _each_once(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value is not None))
