"""The interpreter: reads a release, looks at each allele and each gene, and says how much was read."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from interpreters.findings import (
    Finding,
    GeneAssessment,
    GeneStatus,
    HereditaryFinding,
    HereditaryOutcome,
    HereditaryVariant,
    Interpretation,
    NotTested,
)
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Interval, Sample, Sex
from interpreters.hereditary_risk.alleles import ReferenceBases, anchored
from interpreters.hereditary_risk.callability import (
    CallableBases,
    GeneCallability,
    Positions,
    SiteStatus,
    gene_callability,
    site_status,
)
from interpreters.hereditary_risk.changes import Change, changes
from interpreters.hereditary_risk.classify import NOT_REPORTABLE, REVIEW, Case, Decision, GeneKnowledge, decide
from interpreters.hereditary_risk.clinvar import ClinVarTable
from interpreters.hereditary_risk.codons import combine
from interpreters.hereditary_risk.compare import covered
from interpreters.hereditary_risk.exons import GeneExons, by_gene
from interpreters.hereditary_risk.observed import Observed, Zygosity, observe
from interpreters.hereditary_risk.policy import Policy, load_policy
from interpreters.hereditary_risk.reference import read_reference
from interpreters.hereditary_risk.zygosity import Allele, GeneOutcome, gene_outcome
from interpreters.interpreter import PanelSite
from interpreters.knowledge import KnowledgeRelease

NAME = "hereditary_risk"
VERSION = "2"
"""Version of the method; rises with any change that can change an outcome."""


@dataclass(frozen=True, slots=True)
class BuildKnowledge:
    """What a release knows of one genome build."""

    clinvar: ClinVarTable
    bases: ReferenceBases
    sites: Mapping[str, Positions]
    """Positions of pathogenic changes by gene."""
    exons: Mapping[str, GeneExons]
    genes: Mapping[str, GeneKnowledge]


class HereditaryRisk:
    """Hereditary disease risk in the genes of the ACMG secondary findings list.

    Args:
        release: Knowledge release.
        gene_list: Version of the list in use, one of `policy.GENE_LISTS`.
        references: Build to the FASTA file of its reference sequence, where the programme installed one.

    Raises:
        KnowledgeError: If the release was changed, or a FASTA file is not what `read_reference` asks for.
    """

    name = NAME
    version = VERSION

    def __init__(
        self, release: KnowledgeRelease, gene_list: str, references: Mapping[Build, Path] | None = None
    ) -> None:
        self.knowledge = release
        self.policy: Policy = load_policy(release)
        self.gene_list = gene_list
        self._builds: dict[Build, BuildKnowledge] = {}
        self._covered: dict[str, frozenset[str]] = {self.knowledge.digest: frozenset(self.policy.genes)}
        self._references = {
            build: read_reference(
                path,
                self.policy.contigs[build.value],
                (*self.intervals(build), *(exons.whole for exons in by_gene(self.policy.exons[build]).values())),
                list(self._stretches(build)),
            )
            for build, path in (references or {}).items()
            if self.has_build(build)
        }

    @property
    def active_genes(self) -> tuple[str, ...]:
        """Symbols of the genes on the list in use, in alphabetical order."""
        return tuple(sorted(gene.symbol for gene in self.policy.genes.values() if self.gene_list in gene.lists))

    def has_build(self, build: Build) -> bool:
        """Whether the release has data for a build."""
        return f"clinvar.{build.value}.tsv.gz" in self.knowledge.files

    def intervals(self, build: Build) -> Sequence[Interval]:
        """Coding exons of all genes with padding, and the pathogenic or disputed ClinVar sites beyond them."""
        if not self.has_build(build):
            return ()
        lines = self.knowledge.read_bytes(f"intervals.{build.value}.tsv").decode().splitlines()
        return tuple(
            Interval(chrom, int(start), int(end)) for chrom, start, end in (line.split("\t") for line in lines)
        )

    def single_base_sites(self, build: Build) -> Sequence[PanelSite]:
        """The variants that are looked at in an array; nothing else of one is ever used."""
        if not self.has_build(build):
            return ()
        rules, genes = self.policy.rule_book(build), self.active_genes
        keys = (rule.key for gene in genes if (rule := rules.first("only_variant", gene)) is not None)
        return tuple(
            PanelSite(key.chrom, key.pos, key.deleted, key.inserted)
            for key in keys
            if len(key.deleted) == len(key.inserted) == 1
        )

    def reference_bases(self, build: Build) -> ReferenceBases:
        """Bases of the installed sequence, else those that ClinVar's REF alleles spell; empty without data."""
        return self._build(build).bases if self.has_build(build) else ReferenceBases(())

    def known_contig_lengths(self) -> Mapping[str, Mapping[str, int]]:
        """Build name (also of builds that are not supported) to chromosome to length in bases."""
        return self.policy.contigs

    def clinvar(self, build: Build) -> ClinVarTable:
        """ClinVar records of one build of the release."""
        return self._build(build).clinvar

    def callability(self, calls: GenotypeCalls) -> list[GeneCallability]:
        """How much of each gene in use was read, with the known sites and the exons that were not."""
        known = self._build(calls.build)
        active = {gene: known.exons[gene] for gene in self.active_genes}
        bases = CallableBases(calls, self.policy.thresholds, known.bases)
        return gene_callability(active, known.sites, bases, self.policy.thresholds)

    def site_status(self, calls: GenotypeCalls, chrom: str, pos: int) -> SiteStatus:
        """What can be said of one position."""
        bases = CallableBases(calls, self.policy.thresholds, self._build(calls.build).bases)
        return site_status(calls, chrom, pos, bases)

    def alleles(self, calls: GenotypeCalls, assay: Assay = Assay.WGS) -> dict[str, list[Allele]]:
        """Every allele that was seen, by gene symbol, with its quality, its ClinVar record and the decision on it."""
        known = self._build(calls.build)
        by_symbol: dict[str, list[Observed]] = {}
        for allele in observe(calls, known.bases, self.policy.thresholds):
            for gene in self._genes_of(allele, known):
                by_symbol.setdefault(gene, []).append(allele)
        judged = {}
        for gene, found in sorted(by_symbol.items()):
            facts = known.genes[gene]
            if assay is Assay.ARRAY:
                judged[gene] = [_judge(allele, known, facts, array=True) for allele in found]
            else:
                parts = combine(found, known.exons[gene], known.bases)
                judged[gene] = [_judge_parts(part, known, facts) for part in parts]
        return judged

    def interpret(self, sample: Sample, calls: GenotypeCalls) -> Interpretation:
        """Findings for every gene with an allele, and the status of every gene in use."""
        reason = ""
        if calls.build is not sample.build:
            reason = "builds_disagree"
        elif not self.has_build(sample.build):
            reason = "build_not_in_release"
        if reason:
            return self._nothing_read(reason, sample.build)
        # What another module had read between the exons must change nothing here.
        calls = calls.within(self.intervals(calls.build))
        findings: list[Finding] = [
            _finding(gene, _outcome(alleles, sample), sample.sex_at_birth)
            for gene, alleles in self.alleles(calls, sample.assay).items()
        ]
        if sample.assay is Assay.ARRAY:
            nothing = self._nothing_read("array_not_used", sample.build)
            return replace(nothing, findings=(*findings, *nothing.findings))
        silent = calls.kind is CallSetKind.VARIANTS_ONLY and calls.callable_intervals is None
        missing = []
        for measured in self.callability(calls):
            findings.append(
                GeneAssessment(
                    gene=measured.gene,
                    status=measured.status,
                    fraction=round(measured.fraction, 6),
                    known_sites_read=measured.known_sites_read,
                    known_sites_total=measured.known_sites_total,
                    known_sites_reference=measured.known_sites_reference,
                    known_sites_unread=measured.known_sites_unread,
                    exons_not_read=measured.exons_not_read,
                )
            )
            if measured.status is GeneStatus.NOT_ASSESSED:
                why = "file_lists_variants_only" if silent else "read_below_threshold"
                missing.append(NotTested(NAME, measured.gene, why))
        return self._interpretation(tuple(findings), tuple(missing), sample.build)

    def changes(
        self, before: Interpretation, after: Interpretation, earlier: Callable[[], KnowledgeRelease]
    ) -> tuple[Change, ...]:
        """Events between an earlier interpretation and one by this interpreter; see `changes.changes`."""

        def is_covered(gene: str) -> bool:
            if before.knowledge_digest not in self._covered:
                self._covered[before.knowledge_digest] = covered(earlier(), self.knowledge)
            return gene in self._covered[before.knowledge_digest]

        return changes(before, after, is_covered)

    def limits(self, build: Build) -> dict[str, str]:
        """Facts for every report: versions, thresholds, and what was not looked at."""
        thresholds, reference = self.policy.thresholds, self._references.get(build)
        return {
            "gene_list": f"ACMG SF {self.gene_list}",
            "genes": str(len(self.active_genes)),
            "clinvar_release": self.knowledge.release,
            "clinvar_date": self.knowledge.sources[0].date,
            "rule_set": thresholds.rule_set,
            "min_depth": str(thresholds.min_depth),
            "min_genotype_quality": str(thresholds.min_genotype_quality),
            "min_indel_genotype_quality": str(thresholds.min_indel_genotype_quality),
            "heterozygous_balance": f"{thresholds.min_heterozygous_balance}-{thresholds.max_heterozygous_balance}",
            "min_homozygous_balance": str(thresholds.min_homozygous_balance),
            "assessed_fraction": str(thresholds.assessed_fraction),
            "partly_assessed_fraction": str(thresholds.partly_assessed_fraction),
            "copy_number": "not_assessed",
            "deep_introns": "known_sites_only",
            "population_frequency": "global_maximum_of_three_sources",
            "population_frequency_by_group": "not_available",
            "reference_sequence": reference.digest if reference else "none",
            "novel_stop_codons": "by_the_reference_sequence" if reference else "where_clinvar_spells_the_reference",
        }

    def _build(self, build: Build) -> BuildKnowledge:
        """Data of one build, read when first asked for."""
        if build not in self._builds:
            exons = by_gene(self.policy.exons[build])
            reference, rules = self._references.get(build), self.policy.rule_book(build)
            bases = reference.bases if reference else ReferenceBases(self._stretches(build))
            self._builds[build] = BuildKnowledge(
                clinvar=ClinVarTable(self._text(f"clinvar.{build.value}.tsv.gz")),
                bases=bases,
                sites=dict(self._sites(build)),
                exons=exons,
                genes={
                    symbol: GeneKnowledge(
                        gene=gene,
                        exons=exons[symbol],
                        rules=rules,
                        thresholds=self.policy.thresholds,
                        bases=bases,
                        active=self.gene_list in gene.lists,
                    )
                    for symbol, gene in self.policy.genes.items()
                },
            )
        return self._builds[build]

    def _text(self, name: str) -> bytes:
        return gzip.decompress(self.knowledge.read_bytes(name))

    def _stretches(self, build: Build) -> Iterator[tuple[str, int, str]]:
        for line in self._text(f"reference.{build.value}.tsv.gz").decode().splitlines():
            chrom, start, bases = line.split("\t")
            yield chrom, int(start), bases

    def _sites(self, build: Build) -> Iterator[tuple[str, Positions]]:
        for line in self._text(f"sites.{build.value}.tsv.gz").decode().splitlines():
            gene, _, positions = line.partition("\t")
            yield gene, np.array(positions.split(","), dtype=np.int64)

    def _genes_of(self, allele: Observed, known: BuildKnowledge) -> list[str]:
        """Listed genes that an allele belongs to: by ClinVar's word, narrowed by the exons; else by the exons alone."""
        record = None if allele.symbolic else known.clinvar.find(allele.key)
        key, padding = allele.key, self.policy.thresholds.exon_padding
        stretch = (key.chrom, min(key.pos, key.end), max(key.pos, key.end, allele.end))
        near = (gene for gene, exons in known.exons.items() if exons.chrom == key.chrom)
        named = record.genes if record else tuple(near)
        touched = [gene for gene in named if known.exons[gene].touches(*stretch, padding)]
        if touched or record:
            return touched or list(named)
        return [gene for gene in named if known.exons[gene].spans(*stretch, padding)]

    def _nothing_read(self, reason: str, build: Build) -> Interpretation:
        statuses = tuple(GeneAssessment(gene, GeneStatus.NOT_ASSESSED, 0.0) for gene in self.active_genes)
        missing = tuple(NotTested(NAME, gene, reason) for gene in self.active_genes)
        return self._interpretation(statuses, missing, build)

    def _interpretation(
        self, findings: tuple[Finding, ...], not_tested: tuple[NotTested, ...], build: Build
    ) -> Interpretation:
        return Interpretation(
            module=NAME,
            version=VERSION,
            knowledge_release=self.knowledge.release,
            knowledge_digest=self.knowledge.digest,
            findings=findings,
            not_tested=not_tested,
            limits=self.limits(build),
        )


def _judge(allele: Observed, known: BuildKnowledge, facts: GeneKnowledge, *, array: bool = False) -> Allele:
    record = None if allele.symbolic or not allele.certain else known.clinvar.find(allele.key)
    case = Case(allele, record, facts)
    return Allele(case, _array_decision(case) if array else decide(case))


def _judge_parts(parts: tuple[Observed, ...], known: BuildKnowledge, facts: GeneKnowledge) -> Allele:
    """Judge an allele; one joined from parts is for review where ClinVar lacks it and has a part that counts."""
    whole = _judge(parts[0], known, facts)
    if whole.live or whole.case.record is not None:
        return whole
    if any(_judge(part, known, facts).live for part in parts[1:]):
        decision = Decision(REVIEW, ("codon_combination_not_classified",), whole.decision.trace, parts[0].flags)
        return Allele(whole.case, decision)
    return whole


def _array_decision(case: Case) -> Decision:
    """Arrays return nothing; HFE p.Cys282Tyr on both copies is common enough to be worth confirming."""
    if not case.known.active:
        return Decision(NOT_REPORTABLE, ("gene_not_on_active_list",), ())
    rule = case.only_variant
    if rule is not None and case.allele.key == rule.key and case.allele.zygosity is Zygosity.HOMOZYGOUS:
        return Decision(REVIEW, ("hfe_array_needs_confirmation",), ())
    return Decision(NOT_REPORTABLE, ("array_rare_variant",), ())


def _outcome(alleles: Sequence[Allele], sample: Sample) -> GeneOutcome:
    if sample.assay is not Assay.ARRAY:
        return gene_outcome(alleles, sample.sex_at_birth)
    lead = next((allele for allele in alleles if allele.live), alleles[0])
    return GeneOutcome(lead.decision.outcome, lead.decision.reasons[0], lead)


def _finding(gene: str, outcome: GeneOutcome, sex: Sex) -> HereditaryFinding:
    return HereditaryFinding(
        gene=gene,
        outcome=HereditaryOutcome(outcome.outcome),
        reason=outcome.reason,
        variant=_variant(outcome.lead, sex),
        rule_path=outcome.path,
        flags=outcome.all_flags,
        second_variant=_variant(outcome.second, sex) if outcome.second else None,
    )


def _variant(allele: Allele, sex: Sex) -> HereditaryVariant:
    """The variant as ClinVar spells it, else left-aligned, so that every spelling gives one finding.

    `placed_by` alone tells of the spelling: it is there to show how the file's record became this variant.
    """
    case = allele.case
    seen, record, exons = case.allele, case.record, case.known.exons
    hemizygous = seen.zygosity is Zygosity.HOMOZYGOUS and seen.key.chrom == "X" and sex is Sex.MALE
    rule = case.only_variant
    number = rule.variation_id if rule is not None and rule.key == seen.key else None
    pos, ref, alt = seen.pos, seen.ref, seen.alt
    if record is not None:
        pos, ref, alt = record.pos, record.ref, record.alt
    elif seen.certain and not seen.symbolic:
        pos, ref, alt = anchored(seen.key, seen.pos, seen.ref, case.known.bases)
    # In a gene whose exons are in doubt nothing is said that rests on their number.
    numbered = exons.in_frame and not seen.symbolic
    phase_set = seen.phase[0] if seen.phase else ""
    return HereditaryVariant(
        chrom=seen.key.chrom,
        pos=pos,
        ref=ref,
        alt=alt,
        clinvar_id=record.variation_id if record else number,
        classification=record.classification or None if record else None,
        stars=record.stars if record else None,
        zygosity=(Zygosity.HEMIZYGOUS if hemizygous else seen.zygosity).value,
        hgvs=record.hgvs or None if record else None,
        conditions=record.conditions or None if record else None,
        depth=seen.depth,
        genotype_quality=seen.genotype_quality,
        allele_balance=None if seen.balance is None else round(seen.balance, 4),
        reads=seen.reads,
        filters=seen.filters,
        phase_set=int(phase_set) if phase_set.isdecimal() else None,
        transcript=case.known.gene.transcript,
        consequences=() if seen.symbolic else tuple(sorted(case.terms)),
        consequence_from=None if seen.symbolic else case.terms_from,
        exon=exons.nearest(seen.key) if numbered else None,
        exons_total=len(exons.rows) if numbered else None,
        escapes_decay=exons.may_escape_decay(seen.key) if numbered and case.truncates else None,
        placed_by=seen.placed_by,
    )
