"""The pharmacogenomics interpreter: from a sample's records to a finding for each gene."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from interpreters.findings import Interpretation, NotTested, PharmacogenomicFinding
from interpreters.genotypes import Assay, Build, GenotypeCalls, Interval, Sample
from interpreters.interpreter import PanelSite
from interpreters.knowledge import KnowledgeRelease
from interpreters.pharmacogenomics.calling import GeneCall, by_sex, call_gene, coverage_of, diploid
from interpreters.pharmacogenomics.changes import Change, changes
from interpreters.pharmacogenomics.outside_calls import REVIEW_REASONS as OUTSIDE_REVIEW_REASONS
from interpreters.pharmacogenomics.outside_calls import USED as OUTSIDE_CALL_USED
from interpreters.pharmacogenomics.outside_calls import interpret_outside, reasons_beside_sequence, statuses_for_lookup
from interpreters.pharmacogenomics.recommendations import NOT_TESTED, GeneValues, Recommendations, second_opinions
from interpreters.pharmacogenomics.sites import Site, SiteReading
from interpreters.pharmacogenomics.tables import NOT_AVAILABLE, Gene, Tables, components

MODULE = "pharmacogenomics"

VERSION = "3"
"""Version of the method in this folder; raised with any change that can change a finding."""

REVIEW_REASONS = OUTSIDE_REVIEW_REASONS | frozenset(
    {
        "ambiguous_phenotype",
        "array_rare_variant",
        "conflicting_records",
        "function_not_in_data",
        "half_called_variant",
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

_HEREDITARY = frozenset({"CACNA1S", "RYR1"})
"""Genes of a hereditary disease, whose variants are so rare that an array calls more of them wrongly than rightly."""

ACCEPTED = "accepted_in_review"
"""A person decided that the top-scored call stands."""
NOT_SETTLED = "not_settled_in_review"
"""A person decided that the data do not settle the result."""

_WITHHELD = "recommendations_withheld"
_OTHER_GENE_OPEN = "recommendations_need_other_gene"


class PharmacogenomicsInterpreter:
    """Calls pharmacogenes and looks up what guidelines say.

    Args:
        knowledge: The release that everything else comes from.
        tables: Definitions, phenotype rules and policy.
        recommendations: Rows of the first guideline source for the reported genes.
        second_source: Rows of the source that is asked for a second opinion.
        genes: Reported genes.
    """

    name = MODULE
    version = VERSION

    def __init__(
        self,
        knowledge: KnowledgeRelease,
        tables: Tables,
        recommendations: Recommendations,
        second_source: Recommendations,
        genes: Iterable[str],
    ) -> None:
        self.knowledge = knowledge
        self.tables = tables
        self.genes = tuple(sorted(genes))
        self._recommendations = recommendations
        self._second_source = second_source
        self._partners = {gene: recommendations.partners(gene) for gene in self.genes}
        self._sites = {
            (gene, build): tuple(Site(tables.genes[gene], position, build) for position in tables.genes[gene].positions)
            for gene in self.genes
            if tables.genes[gene].from_sequence
            for build in Build
        }
        self._extra_sites = {
            (gene, build): tuple(
                Site(tables.genes[gene], position, build) for position in tables.genes[gene].extra_positions
            )
            for gene, build in self._sites
        }

    def intervals(self, build: Build) -> Sequence[Interval]:
        """Every position of the reported genes, with a margin around insertions and deletions."""
        by_gene = (*self._sites.items(), *self._extra_sites.items())
        return sorted({site.interval for (_, of), sites in by_gene if of is build for site in sites})

    def single_base_sites(self, build: Build) -> Sequence[PanelSite]:
        """Every single-base position whose reference base is checked on this build, one row for each other allele."""
        by_gene = (*self._sites.items(), *self._extra_sites.items())
        return tuple(
            PanelSite(site.chrom, site.start, site.reference, other)
            for (_, of), sites in by_gene
            if of is build
            for site in sites
            if site.is_single_base and site.checked
            for other in site.others
        )

    def interpret(self, sample: Sample, calls: GenotypeCalls) -> Interpretation:
        """Call every reported gene; a gene of which nothing was read is not tested."""
        findings: list[PharmacogenomicFinding] = []
        not_tested: list[NotTested] = []
        for gene in self.genes:
            found = self._interpret_gene(self.tables.genes[gene], sample, calls)
            if isinstance(found, NotTested):
                not_tested.append(found)
            else:
                findings.append(found)
        unknown = {call.gene for call in calls.outside_calls} - self.tables.genes.keys()
        not_tested += [NotTested(MODULE, gene, "outside_call_of_unknown_gene") for gene in sorted(unknown)]
        return Interpretation(
            module=self.name,
            version=self.version,
            knowledge_release=self.knowledge.release,
            knowledge_digest=self.knowledge.digest,
            findings=self._with_recommendations(findings),
            not_tested=tuple(not_tested),
            limits={
                "data_version": self.tables.data_version,
                "genes": ",".join(self.genes),
                "recommendations_as_of": self._recommendations.as_of,
                "wording": "awaiting clinical review",
                **{f"not_called.{gene}": " ".join(self.tables.not_called[gene]) for gene in self.genes},
            },
        )

    def settle(self, said: Interpretation, accepted: Collection[str]) -> Interpretation:
        """What an interpretation says once a person has looked at the genes that were held for review.

        Args:
            said: An interpretation by this interpreter's own knowledge release.
            accepted: Held genes whose top-scored call stands; all other held genes are not settled.

        Raises:
            ValueError: If the interpretation rests on another release or has genes that this interpreter does not
                report, or a gene is not one that can be accepted.
        """
        if said.knowledge_digest != self.knowledge.digest:
            raise ValueError(f"{MODULE}: the interpretation rests on another knowledge release")
        findings = [finding for finding in said.findings if isinstance(finding, PharmacogenomicFinding)]
        if left_out := {finding.gene for finding in findings} - set(self.genes):
            raise ValueError(f"{MODULE}: {', '.join(sorted(left_out))} is not among the genes in use")
        strange = set(accepted) - {finding.gene for finding in findings if finding.acceptable}
        if strange:
            raise ValueError(f"{MODULE}: no call to accept in {', '.join(sorted(strange))}")
        settled = [_settled(finding, accepted=finding.gene in accepted) for finding in findings]
        return replace(said, findings=self._with_recommendations(settled))

    def changes(
        self, before: Interpretation, after: Interpretation, earlier: Callable[[], KnowledgeRelease]
    ) -> tuple[Change, ...]:
        """Every difference between two interpretations of one sample; the release before is not needed for it."""
        del earlier
        return changes(before, after)

    def _interpret_gene(self, gene: Gene, sample: Sample, calls: GenotypeCalls) -> PharmacogenomicFinding | NotTested:
        """What an outside call says, else what the sequence shows."""
        sequence = self._from_sequence(gene, sample, calls)
        outside = interpret_outside(gene, calls.outside_calls, sample.sex_at_birth)
        if outside is None:
            without = any(call.gene == gene.name for call in calls.outside_calls) and not gene.from_sequence
            return NotTested(MODULE, gene.name, "outside_call_without_result") if without else sequence
        if isinstance(sequence, NotTested):
            return _finding(gene, outside, {OUTSIDE_CALL_USED}, called_from="outside_call")
        finding = _finding(gene, outside, reasons_beside_sequence(outside, sequence), called_from="outside_call")
        return _with_reading_of(sequence, finding)

    def _from_sequence(self, gene: Gene, sample: Sample, calls: GenotypeCalls) -> PharmacogenomicFinding | NotTested:
        if not gene.from_sequence:
            return NotTested(MODULE, gene.name, "not_callable_from_sequence")
        readings, reasons = self.read(gene, sample, calls)
        if not any(reading.alleles for reading in readings):
            return NotTested(
                MODULE, gene.name, "no_position_usable" if any(r.reasons for r in readings) else "no_position_read"
            )
        coverage, incomplete = coverage_of(gene, readings, self.tables.policy)
        call, pattern = call_gene(gene, readings, self.tables.policy)
        carried = any(set(r.alleles) - {position.ref} for r, position in zip(readings, gene.positions, strict=True))
        if carried and sample.assay is Assay.ARRAY and gene.name in _HEREDITARY:
            reasons |= {"array_rare_variant"}
        tier1 = [bool(r.alleles) for r, position in zip(readings, gene.positions, strict=True) if position.amp_tier1]
        return replace(
            _finding(gene, call, reasons | incomplete),
            positions_read=sum(bool(reading.alleles) for reading in readings),
            positions_total=len(gene.positions),
            tier1_read=sum(tier1),
            tier1_total=len(tier1),
            coverage=coverage,
            phased=pattern.phased,
            extra_genotypes=self._extra_genotypes(gene, calls),
        )

    def read(self, gene: Gene, sample: Sample, calls: GenotypeCalls) -> tuple[list[SiteReading], frozenset[str]]:
        """Read every position of a gene; the reasons are those of all positions and of the sex chromosomes."""
        sites = self._sites[gene.name, calls.build]
        deletions = tuple(site for site in sites if not site.is_single_base)
        readings = [site.read(calls, self.tables.policy, deletions, sample.assay) for site in sites]
        if gene.chrom == "X":
            readings, reasons = by_sex(readings, sample.sex_at_birth)
        else:
            readings, reasons = diploid(readings), frozenset()
        return readings, reasons.union(*(reading.reasons for reading in readings))

    def _extra_genotypes(self, gene: Gene, calls: GenotypeCalls) -> tuple[str, ...]:
        readings = (
            (site.position.rsid, site.read(calls, self.tables.policy))
            for site in self._extra_sites[gene.name, calls.build]
        )
        return tuple(f"{rsid} {'/'.join(reading.alleles)}" for rsid, reading in readings if reading.alleles)

    # Recommendations

    def _with_recommendations(self, findings: Sequence[PharmacogenomicFinding]) -> tuple[PharmacogenomicFinding, ...]:
        """The findings, each with the guideline rows that fit it and all other genes that they need."""
        values = {finding.gene: self._values(finding) for finding in findings}
        return tuple(self._recommended(finding, values) for finding in findings)

    def _recommended(self, finding: PharmacogenomicFinding, values: Mapping[str, GeneValues]) -> PharmacogenomicFinding:
        rows = self._recommendations.fitting(finding.gene, values)
        other_rows = self._second_source.fitting(finding.gene, values)
        open_partners = any(not values[gene].general for gene in self._partners[finding.gene] & values.keys())
        remarks = {_WITHHELD} if self._is_open(finding) else {_OTHER_GENE_OPEN} if open_partners else set()
        return replace(
            finding,
            reasons=tuple(sorted({*finding.reasons, *remarks})),
            recommendations=rows,
            second_opinions=second_opinions(rows, other_rows),
        )

    def _is_open(self, finding: PharmacogenomicFinding) -> bool:
        """Whether what the first source asks for cannot be told."""
        lookup = self.tables.genes[finding.gene].lookup
        if lookup == "none":
            return finding.requires_review
        return finding.reported_phenotype is None or (
            lookup == "activity score" and "ambiguous_activity_score" in finding.reasons
        )

    def _values(self, finding: PharmacogenomicFinding) -> GeneValues:
        """What guideline rows may ask of this gene, nothing while its result is open."""
        gene = self.tables.genes[finding.gene]
        if gene.lookup == "none":
            return GeneValues(frozenset() if finding.requires_review else frozenset({""}))
        if finding.reported_phenotype is None:
            return GeneValues(frozenset())
        general = set(statuses_for_lookup(finding.phenotypes))
        if finding.activity_score is not None and "ambiguous_activity_score" not in finding.reasons:
            general.add(finding.activity_score)
        if gene.presence_only and general.isdisjoint(self._recommendations.tested_values(gene.name)):
            general |= NOT_TESTED.general  # another allele was looked for than the one that those medicines ask for
        diplotypes = finding.diplotypes if ACCEPTED in finding.reasons else finding.consistent
        asked = {value for value in self._second_source.diplotypes(gene.name) if value in diplotypes}
        specific, possible = (asked, set[str]()) if len(diplotypes) == 1 else (set[str](), asked)
        of_two_decreased = _of_two_decreased(gene, finding)
        if of_two_decreased is not False:
            (specific if of_two_decreased else possible).add(_TWO_DECREASED)
        return GeneValues(frozenset(general), frozenset(specific), frozenset(possible))


def _finding(
    gene: Gene, call: GeneCall, reasons: Collection[str], called_from: str = "sequence"
) -> PharmacogenomicFinding:
    """Decide what may be reported: a phenotype only if everything that fits agrees and nothing is open."""
    all_reasons = {*reasons, *call.reasons}
    if call.phenotypes == ():
        all_reasons.add("no_phenotype_defined")
    elif NOT_AVAILABLE in call.phenotypes:
        all_reasons.add("function_not_assigned")
    requires_review = not all_reasons.isdisjoint(REVIEW_REASONS)
    finding = PharmacogenomicFinding(
        gene=gene.name,
        diplotypes=call.diplotypes,
        phenotypes=call.phenotypes,
        activity_score=call.activity_scores[0] if len(call.activity_scores) == 1 else None,
        haplotypes=call.haplotypes,
        reported_phenotype=None,
        positions_read=0,
        positions_total=0,
        phased=False,
        requires_review=requires_review,
        reasons=tuple(sorted(all_reasons)),
        recommendations=(),
        consistent=call.consistent,
        consistent_phenotypes=call.consistent_phenotypes,
        not_excluded=call.not_excluded,
        variant_found=call.variant_found,
        called_from=called_from,
    )
    if requires_review:
        return finding
    side_by_side = ", ".join(call.phenotypes) if gene.presence_only else None
    return replace(finding, reported_phenotype=finding.top_phenotype or side_by_side)


def _with_reading_of(sequence: PharmacogenomicFinding, finding: PharmacogenomicFinding) -> PharmacogenomicFinding:
    """An outside call's finding that also tells how much of the gene was read."""
    return replace(
        finding,
        positions_read=sequence.positions_read,
        positions_total=sequence.positions_total,
        tier1_read=sequence.tier1_read,
        tier1_total=sequence.tier1_total,
        coverage=sequence.coverage,
        extra_genotypes=sequence.extra_genotypes,
    )


def _settled(finding: PharmacogenomicFinding, *, accepted: bool) -> PharmacogenomicFinding:
    """A finding after review, without recommendations; one that was not held stays as it was."""
    reasons = set(finding.reasons) - {_WITHHELD, _OTHER_GENE_OPEN}
    if finding.requires_review:
        reasons.add(ACCEPTED if accepted else NOT_SETTLED)
    return replace(
        finding,
        reported_phenotype=finding.top_phenotype if accepted else finding.reported_phenotype,
        requires_review=False,
        reasons=tuple(sorted(reasons)),
    )


_TWO_DECREASED = "1.0 (Phenotyping)"
"""The value by which DPWG keys a DPYD score of 1.0 that two alleles of decreased function make.

Such a score calls for an enzyme test, unlike that of one allele without function.
"""


def _of_two_decreased(gene: Gene, finding: PharmacogenomicFinding) -> bool | None:
    """Whether the score is one of two alleles of decreased function; None where it may be.

    An outside call without a diplotype, or with an allele that is not known here, leaves that open.
    """
    if not (gene.lowest_function and gene.rules.by_activity and finding.activity_score == "1.0"):
        return False
    activity = {allele.name: allele.activity for allele in gene.alleles}
    strands = [strand for diplotype in finding.diplotypes for strand in diplotype.split("/")]
    named = [components(strand) for strand in strands] or [(name,) for name in finding.haplotypes]
    values = {activity.get(name) for names in named for name in names}
    return None if not values or None in values else "0.0" not in values
