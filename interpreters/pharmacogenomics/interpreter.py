"""The pharmacogenomics interpreter: from a sample's records to a finding for each gene."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from interpreters.findings import Interpretation, NotTested, PharmacogenomicFinding
from interpreters.genotypes import Build, GenotypeCalls, Interval, Sample, Sex
from interpreters.knowledge import KnowledgeRelease
from interpreters.pharmacogenomics.lowest_function import LowestFunctionCaller
from interpreters.pharmacogenomics.matcher import Match, Pattern, pattern_of
from interpreters.pharmacogenomics.recommendations import NO_RESULT, Recommendations
from interpreters.pharmacogenomics.sites import Site, SiteReading
from interpreters.pharmacogenomics.tables import (
    NOT_AVAILABLE,
    NOT_IN_SNAPSHOT,
    Gene,
    HaplotypeB3,
    Position,
    Result,
    Tables,
    diplotype_name,
)

MODULE = "pharmacogenomics"

VERSION = "1"
"""Version of the method in this folder; raised with any change that can change a finding."""

REVIEW_REASONS = frozenset(
    {
        "ambiguous_phenotype",
        "conflicting_records",
        "function_not_in_data",
        "inferred_from_one_position",
        "no_matching_alleles",
        "reference_mismatch",
        "required_position_missing",
        "sex_ploidy_conflict",
        "spanned_position",
        "undocumented_allele",
        "unread_alleles_change_phenotype",
        "unrecognised_indel",
    }
)
"""Reasons for which a person must look before anything is said about the gene."""


@dataclass(frozen=True, slots=True)
class _Call:
    """What was called in one gene, before anything is decided about reporting it."""

    diplotypes: tuple[str, ...] = ()
    phenotypes: tuple[str, ...] = ()
    activity_scores: tuple[str, ...] = ()
    haplotypes: tuple[str, ...] = ()
    reasons: frozenset[str] = frozenset()


class PharmacogenomicsInterpreter:
    """Calls pharmacogenes from sequence and looks up what guidelines say.

    Args:
        knowledge: The release that `tables` and `recommendations` come from.
        tables: Definitions, phenotype rules and policy.
        recommendations: Guideline rows of the reported genes.
        genes: Reported genes, in alphabetical order.
    """

    name = MODULE
    version = VERSION

    def __init__(
        self, knowledge: KnowledgeRelease, tables: Tables, recommendations: Recommendations, genes: Sequence[str]
    ) -> None:
        self.knowledge = knowledge
        self.tables = tables
        self.genes = tuple(sorted(genes))
        self._recommendations = recommendations
        self._partners = {gene: recommendations.partners(gene) for gene in self.genes}
        self._sites = {
            (gene, build): tuple(Site(tables.genes[gene], position, build) for position in tables.genes[gene].positions)
            for gene in self.genes
            if tables.genes[gene].from_sequence
            for build in Build
        }

    def intervals(self, build: Build) -> Sequence[Interval]:
        """Every defining position of the reported genes, with a margin around insertions and deletions."""
        wanted = {site.interval for (_, of), sites in self._sites.items() if of is build for site in sites}
        return sorted(wanted)

    def interpret(self, sample: Sample, calls: GenotypeCalls) -> Interpretation:
        """Call every reported gene; a gene of which nothing was read is not tested."""
        findings: dict[str, PharmacogenomicFinding] = {}
        not_tested: list[NotTested] = []
        for gene in self.genes:
            found = self._interpret_gene(self.tables.genes[gene], sample, calls)
            if isinstance(found, NotTested):
                not_tested.append(found)
            else:
                findings[gene] = found
        return Interpretation(
            module=self.name,
            version=self.version,
            knowledge_release=self.knowledge.release,
            knowledge_digest=self.knowledge.digest,
            findings=tuple(self._with_recommendations(finding, findings) for finding in findings.values()),
            not_tested=tuple(not_tested),
            limits={
                "data_version": self.tables.data_version,
                "genes": ",".join(self.genes),
                "recommendations_as_of": self._recommendations.as_of,
                "wording": "awaiting clinical review",
            },
        )

    def _interpret_gene(self, gene: Gene, sample: Sample, calls: GenotypeCalls) -> PharmacogenomicFinding | NotTested:
        if not gene.from_sequence:
            return NotTested(MODULE, gene.name, "not_callable_from_sequence")
        readings, reasons = self.read(gene, sample, calls)
        read = sum(bool(reading.alleles) for reading in readings)
        if not read:
            return NotTested(
                MODULE, gene.name, "no_position_usable" if any(r.reasons for r in readings) else "no_position_read"
            )
        if any(not reading.alleles and position.amp_tier1 for position, reading in _zip(gene, readings)):
            reasons.add("amp_tier1_position_missing")
        if read < len(readings):
            reasons.add("missing_positions")
        readings, undocumented = _documented(gene, readings)
        if undocumented:
            reasons.add("undocumented_allele")
        pattern = pattern_of(readings)
        call = self._call(gene, readings, pattern)
        return _finding(gene, pattern, call, reasons, read=read)

    def read(self, gene: Gene, sample: Sample, calls: GenotypeCalls) -> tuple[list[SiteReading], set[str]]:
        """Read every position of a gene; the reasons are those of all positions and of the sex chromosomes."""
        sites = self._sites[gene.name, calls.build]
        deletions = tuple(site for site in sites if not site.is_single_base)
        policy = self.tables.policy
        readings = [site.read(calls, policy, deletions) for site in sites]
        reasons: set[str] = set()
        if gene.chrom == "X":
            readings, conflict = _by_sex(readings, sample.sex_at_birth)
            reasons |= conflict
        else:
            readings = [
                reading
                if len(reading.alleles) in {0, 2}
                else replace(reading, alleles=(), reasons=frozenset({"unexpected_ploidy"}))
                for reading in readings
            ]
        return readings, reasons.union(*(reading.reasons for reading in readings))

    def _call(self, gene: Gene, readings: Sequence[SiteReading], pattern: Pattern) -> _Call:
        if any(position.required and not reading.alleles for position, reading in _zip(gene, readings)):
            return _no_result(gene, {"required_position_missing"})
        if gene.lowest_function:
            return self._call_lowest_function(gene, pattern)
        match = Match(gene, pattern)
        best = match.best()
        if not best:
            return self._infer(gene, readings)
        results = [gene.rules.result(tuple(gene.rules.key(gene.alleles[allele]) for allele in pair)) for pair in best]
        diplotypes = tuple(dict.fromkeys(diplotype_name(match.names(pair)) for pair in best))
        reasons = {"ambiguous_diplotype"} if len(diplotypes) > 1 else set()
        functions = {gene.alleles[allele].function for pair in best for allele in pair}
        reasons |= _agreement(match.results(complete_only=True), match.results(complete_only=False), functions)
        return _Call(
            diplotypes=diplotypes,
            # A gene may have named alleles and no phenotypes at all (CYP4F2).
            phenotypes=() if gene.lookup == "none" else _each_once(result.phenotype for result in results),
            activity_scores=_each_once(result.activity_score for result in results),
            reasons=frozenset(reasons),
        )

    def _call_lowest_function(self, gene: Gene, pattern: Pattern) -> _Call:
        found = LowestFunctionCaller(gene, pattern, self._haplotype_b3(gene)).call()
        reasons = set(found.reasons)
        if len(found.diplotypes) > 1:
            reasons.add("ambiguous_diplotype")
        reasons |= _agreement(found.results, found.unread_results, found.functions)
        return _Call(
            diplotypes=found.diplotypes,
            phenotypes=(found.deciding.phenotype,),
            activity_scores=_each_once([found.deciding.activity_score]),
            haplotypes=found.haplotypes,
            reasons=frozenset(reasons),
        )

    def _haplotype_b3(self, gene: Gene) -> HaplotypeB3 | None:
        facts = self.tables.policy.haplotype_b3
        if facts["intronic"] not in gene.index_of:
            return None
        return HaplotypeB3(
            gene.index_of[facts["intronic"]], gene.index_of[facts["exonic"]], facts["alone"], facts["together"]
        )

    def _infer(self, gene: Gene, readings: Sequence[SiteReading]) -> _Call:
        """An estimate from one position where the gene has one and it was read, else no result."""
        policy = self.tables.policy
        alleles = policy.inference_alleles.get(gene.name, {})
        rsid = policy.inference_rsid.get(gene.name)
        bases = readings[gene.index_of[rsid]].alleles if rsid else ()
        if not bases or not alleles.keys() >= set(bases):
            return _no_result(gene, {"no_matching_alleles"})
        named = {allele.name: allele for allele in gene.alleles}
        keys = tuple(gene.rules.key(named[alleles[base]]) for base in bases)
        return _Call(
            phenotypes=(gene.rules.result(keys).phenotype,),
            reasons=frozenset({"no_matching_alleles", "inferred_from_one_position"}),
        )

    def _with_recommendations(
        self, finding: PharmacogenomicFinding, findings: Mapping[str, PharmacogenomicFinding]
    ) -> PharmacogenomicFinding:
        """The finding with the guideline rows that fit, none while a gene that they need is open."""
        value = self._lookup_value(finding)
        if value is None:
            return _add_reason(finding, "recommendations_withheld")
        values = {finding.gene: value}
        open_partners = False
        for partner in sorted(self._partners[finding.gene] & findings.keys()):
            known = self._lookup_value(findings[partner])
            if known is None:
                open_partners = True
            values[partner] = _OPEN if known is None else known
        recommendations = self._recommendations.fitting(finding.gene, values)
        if open_partners:
            finding = _add_reason(finding, "recommendations_need_other_gene")
        return replace(finding, recommendations=recommendations)

    def _lookup_value(self, finding: PharmacogenomicFinding) -> str | None:
        """What recommendations of the gene are keyed by, or None while the result may not be used."""
        if finding.reported_phenotype is None:
            return None
        if self.tables.genes[finding.gene].lookup == "activity score":
            return None if "ambiguous_activity_score" in finding.reasons else finding.activity_score
        return finding.reported_phenotype


_OPEN = "awaiting review"
"""Lookup value of a gene whose result is open: no guideline row has it, so none is chosen as if it were known."""


def _finding(gene: Gene, pattern: Pattern, call: _Call, reasons: Iterable[str], *, read: int) -> PharmacogenomicFinding:
    """Decide what may be reported: a phenotype only if everything that fits agrees and nothing is open."""
    all_reasons = {*reasons, *call.reasons}
    if call.phenotypes == ():
        all_reasons.add("no_phenotype_defined")
    elif NOT_AVAILABLE in call.phenotypes:
        all_reasons.add("function_not_assigned")
    requires_review = not all_reasons.isdisjoint(REVIEW_REASONS)
    reportable = not requires_review and len(call.phenotypes) == 1 and call.phenotypes[0] != NOT_AVAILABLE
    return PharmacogenomicFinding(
        gene=gene.name,
        diplotypes=call.diplotypes,
        phenotypes=call.phenotypes,
        activity_score=call.activity_scores[0] if len(call.activity_scores) == 1 else None,
        haplotypes=call.haplotypes,
        reported_phenotype=call.phenotypes[0] if reportable else None,
        positions_read=read,
        positions_total=len(gene.positions),
        phased=pattern.phased,
        requires_review=requires_review,
        reasons=tuple(sorted(all_reasons)),
        recommendations=(),
    )


def _no_result(gene: Gene, reasons: set[str]) -> _Call:
    scores = (NO_RESULT,) if gene.rules.by_activity else ()
    return _Call(phenotypes=(NO_RESULT,), activity_scores=scores, reasons=frozenset(reasons))


def _agreement(of_complete: frozenset[Result], of_all: frozenset[Result], functions: Iterable[str]) -> set[str]:
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
    return reasons


def _by_sex(readings: Sequence[SiteReading], sex: Sex) -> tuple[list[SiteReading], set[str]]:
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
    return [replace(reading, alleles=alleles) for reading, alleles in zip(readings, copies, strict=True)], reasons


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


def _each_once(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value is not None))


def _add_reason(finding: PharmacogenomicFinding, reason: str) -> PharmacogenomicFinding:
    return replace(finding, reasons=tuple(sorted({*finding.reasons, reason})))
