"""The rules for one allele in one gene, in the order of the policy: what it may become, and the path of reasons.

Each step looks at the case and answers with a verdict or with None. `NOT_REPORTABLE` ends the walk, and so does a final
verdict; `REVIEW` lowers what follows to a review; None goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from interpreters.findings import HereditaryOutcome
from interpreters.hereditary_risk.alleles import REFERENCE_SEQUENCE, ReferenceBases
from interpreters.hereditary_risk.clinvar import LOSS_OF_FUNCTION, SOMATIC_ONLY, ClinVarRecord
from interpreters.hereditary_risk.exons import GeneExons
from interpreters.hereditary_risk.observed import REFERENCE_DISAGREES, Observed, Zygosity
from interpreters.hereditary_risk.policy import Gene, Rule, RuleBook, Thresholds

CANDIDATE = HereditaryOutcome.CANDIDATE_POSITIVE
REVIEW = HereditaryOutcome.REVIEW
NOT_REPORTABLE = HereditaryOutcome.NOT_REPORTABLE

_ANNOTATION_TERMS = {"stop_gained": "nonsense"}
"""Terms of annotators that ClinVar calls otherwise."""
START_LOST = frozenset({"start_lost", "initiator_codon_variant"})
"""Annotators' and ClinVar's term for a lost start codon."""
_NOVEL = "novel="
_MECHANISM_RULES = ("lof_forbidden", "lof_review", "lof_region", "nonlof_outcome", "missense_region")
"""Rules that let only some consequences pass, and exclude others: one that is only inferred decides neither."""
_BENIGN = frozenset({"Benign", "Likely_benign"})
NOT_ON_LIST = "gene_not_on_active_list"
"""Reason of an allele in a gene that the list in use lacks."""


@dataclass(frozen=True, slots=True)
class GeneKnowledge:
    """What is known of one gene in one build."""

    gene: Gene
    exons: GeneExons
    rules: RuleBook
    thresholds: Thresholds
    bases: ReferenceBases
    active: bool
    """Whether the gene is on the list that is in use."""


@dataclass(frozen=True, slots=True)
class Case:
    """One allele in one gene, with what ClinVar says of it."""

    allele: Observed
    record: ClinVarRecord | None
    known: GeneKnowledge

    @property
    def symbol(self) -> str:
        """Gene symbol."""
        return self.known.gene.symbol

    @property
    def only_variant(self) -> Rule | None:
        """The row of a gene that returns one genotype only."""
        return self.known.rules.first("only_variant", self.symbol)

    @property
    def terms(self) -> frozenset[str]:
        """Consequence terms: all that ClinVar gives, else the file's annotation, else what the exons show."""
        if self.record is not None and self.record.consequences:
            return frozenset(self.record.consequences)
        if self.allele.consequences:
            return frozenset(_ANNOTATION_TERMS.get(term, term) for term in self.allele.consequences)
        return self.known.exons.consequences(self.allele.key, self.known.bases)

    @property
    def terms_from(self) -> str | None:
        """What told `terms`; None where there are none."""
        if self.documents_consequence:
            return "clinvar"
        if self.allele.consequences:
            return "annotation"
        if "nonsense" in self.terms:
            return REFERENCE_SEQUENCE if self.known.bases.source == REFERENCE_SEQUENCE else "clinvar_bases"
        return "coding_frame" if self.terms else None

    @property
    def documents_consequence(self) -> bool:
        """Whether ClinVar gives the consequence."""
        return self.record is not None and bool(self.record.consequences)

    @property
    def loses_function(self) -> bool:
        """Whether any term means loss of function."""
        return not LOSS_OF_FUNCTION.isdisjoint(self.terms)

    @property
    def truncates(self) -> bool:
        """Whether the product ends early, as far as the terms tell."""
        return not {"frameshift_variant", "nonsense"}.isdisjoint(self.terms)

    @property
    def loses_start(self) -> bool:
        """Whether the start codon is lost."""
        return not START_LOST.isdisjoint(self.terms)

    @property
    def documents_condition(self) -> bool:
        """Whether ClinVar names one of the gene's listed conditions; true for genes without such a row."""
        rule = self.known.rules.first("condition_term", self.symbol)
        conditions = self.record.conditions.lower() if self.record else ""
        return rule is None or any(term in conditions for term in rule.value.split("|"))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one step says."""

    outcome: HereditaryOutcome
    reason: str
    final: bool = False
    """Whether nothing that follows may be looked at; always so for `NOT_REPORTABLE`."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What an allele may become by itself, before its copies are counted."""

    outcome: HereditaryOutcome
    reasons: tuple[str, ...]
    """Why it is not a candidate, the main reason first; empty for a candidate."""
    trace: tuple[str, ...]
    """What was established on the way."""
    flags: tuple[str, ...] = ()


Step = Callable[[Case], Verdict | None]


def decide(case: Case) -> Decision:
    """Walk the steps for one allele."""
    reasons: list[str] = []
    for step in STEPS:
        verdict = step(case)
        if verdict is None:
            continue
        if verdict.outcome is NOT_REPORTABLE:
            return Decision(NOT_REPORTABLE, (verdict.reason,), _trace(case))
        reasons.append(verdict.reason)
        if verdict.final:
            break
    reasons.extend(case.allele.reasons)
    outcome = REVIEW if reasons else CANDIDATE
    return Decision(outcome, tuple(dict.fromkeys(reasons)), _trace(case), _flags(case))


def _list(case: Case) -> Verdict | None:
    return None if case.known.active else Verdict(NOT_REPORTABLE, NOT_ON_LIST)


def _reference(case: Case) -> Verdict | None:
    """An allele of a record whose REF is not the reference: no table can be asked about it."""
    wrong = REFERENCE_DISAGREES in case.allele.reasons
    return Verdict(REVIEW, REFERENCE_DISAGREES, final=True) if wrong else None


def _only_variant(case: Case) -> Verdict | None:
    rule = case.only_variant
    if rule is None:
        return None
    single = case.allele.zygosity is Zygosity.HETEROZYGOUS
    return Verdict(NOT_REPORTABLE, "hfe_not_c282y_homozygous") if case.allele.key != rule.key or single else None


def _excluded(case: Case) -> Verdict | None:
    number = case.record.variation_id if case.record else None
    rule = case.known.rules.naming("exclude_variant", case.symbol, case.allele.key, number)
    return Verdict(HereditaryOutcome(rule.outcome), rule.reason) if rule else None


def _exons(case: Case) -> Verdict | None:
    if case.known.rules.first("only_exons", case.symbol) is None:
        return None
    first, last = _changed(case)
    inside = case.known.exons.touches(case.allele.key.chrom, first, last, case.known.thresholds.exon_padding)
    return None if inside else Verdict(NOT_REPORTABLE, "outside_reportable_transcript_exons")


def _novel(case: Case) -> Verdict | None:
    """An allele that ClinVar lacks."""
    if case.record is not None or case.only_variant is not None or case.allele.symbolic:
        return None
    if not case.allele.certain:
        return Verdict(REVIEW, "unnormalised_indel")
    if not case.loses_function and not case.loses_start:
        return Verdict(NOT_REPORTABLE, "not_in_clinvar")
    rule = _lof_rule(case)
    if rule is not None and rule.value == _NOVEL + NOT_REPORTABLE:
        return Verdict(NOT_REPORTABLE, "mechanism_excluded")
    return Verdict(REVIEW, "novel_lof")


def _classification(case: Case) -> Verdict | None:
    record = case.record
    if record is None or case.only_variant is not None or record.is_pathogenic or record.conflicts_with_pathogenic:
        return None
    if record.haplotype_only:
        return Verdict(NOT_REPORTABLE, "haplotype_classification_only")
    if record.is_conflicting:
        return Verdict(NOT_REPORTABLE, "conflicting_without_plp")
    if "Uncertain_significance" in record.terms:
        return Verdict(NOT_REPORTABLE, "vus")
    return Verdict(NOT_REPORTABLE, "other_classification" if record.terms.isdisjoint(_BENIGN) else "benign")


def _undocumented(case: Case) -> Verdict | None:
    """A gene whose rules turn on the consequence, and a record that does not give it."""
    if not _classified(case) or case.documents_consequence:
        return None
    ruled = any(case.known.rules.of(name, case.symbol) for name in _MECHANISM_RULES)
    return Verdict(REVIEW, "consequence_not_given") if ruled else None


def _loss_of_function(case: Case) -> Verdict | None:
    """Loss of function in a gene where it is not the mechanism, or not surely."""
    if not case.documents_consequence or not _classified(case) or not case.loses_function:
        return None
    rule = _lof_rule(case)
    if rule is not None:
        return _mechanism(case, rule)
    regions = case.known.rules.of("lof_region", case.symbol)
    if regions and not any(region.covers(case.allele.key) for region in regions):
        return Verdict(REVIEW, "ttn_psi_unknown")
    return None


def _other_consequence(case: Case) -> Verdict | None:
    """A consequence other than loss of function, in a gene that returns only some."""
    if not case.documents_consequence or not _classified(case) or case.loses_function:
        return None
    rule = case.known.rules.first("nonlof_outcome", case.symbol)
    if rule is not None and rule.value.removesuffix("=OK") not in case.terms:
        return _mechanism(case, rule)
    return _missense_region(case)


def _missense_region(case: Case) -> Verdict | None:
    """The outcome by position, in a gene that has such rows."""
    regions = case.known.rules.of("missense_region", case.symbol)
    hit = next((region for region in regions if region.covers(case.allele.key)), None)
    if hit is not None:
        return None if hit.outcome == "OK" else _mechanism(case, hit)
    return Verdict(REVIEW, "outside_kinase_domain") if regions else None


def _mechanism(case: Case, rule: Rule) -> Verdict:
    """A mechanism rule; where an expert panel names the listed condition all the same, a person looks."""
    record, stars = case.record, case.known.thresholds.expert_stars
    has_row = case.known.rules.first("condition_term", case.symbol) is not None
    panel = record is not None and record.stars >= stars and has_row and case.documents_condition
    if rule.outcome == NOT_REPORTABLE and panel:
        return Verdict(REVIEW, "mechanism_conflicts_with_expert_panel")
    return Verdict(HereditaryOutcome(rule.outcome), rule.reason)


def _region(case: Case) -> Verdict | None:
    rules = case.known.rules.of("review_region", case.symbol) if _classified(case) else ()
    return next((Verdict(REVIEW, rule.reason) for rule in rules if rule.covers(case.allele.key)), None)


def _condition(case: Case) -> Verdict | None:
    missing = _classified(case) and not case.documents_condition
    return Verdict(REVIEW, "condition_not_documented") if missing else None


def _capping_term(case: Case) -> Verdict | None:
    caps = {rule.value for rule in case.known.rules.of("clnsig_cap")}
    capped = case.record is not None and _classified(case) and not caps.isdisjoint(case.record.terms)
    return Verdict(REVIEW, "low_penetrance_term") if capped else None


def _somatic(case: Case) -> Verdict | None:
    somatic = case.record is not None and _classified(case) and case.record.origin == SOMATIC_ONLY
    return Verdict(REVIEW, "somatic_origin_only") if somatic else None


def _frequency(case: Case) -> Verdict | None:
    return Verdict(REVIEW, "af_too_high") if _too_common(case) and _exemption(case) is None else None


def _duplicated(case: Case) -> Verdict | None:
    """Segments that short reads cannot tell apart."""
    if case.allele.symbolic:
        return None
    rules = case.known.rules.of("segdup_review", case.symbol)
    return next((Verdict(REVIEW, rule.reason) for rule in rules if rule.covers(case.allele.key)), None)


def _tier(case: Case) -> Verdict | None:
    """Review status of the classification."""
    record = case.record
    if record is None or not _classified(case):
        return None
    if not record.is_pathogenic:
        return Verdict(REVIEW, "conflicting_with_plp")
    if record.stars >= case.known.thresholds.min_stars:
        return None
    return Verdict(REVIEW, "one_star" if record.stars else "zero_star")


def _mosaic(case: Case) -> Verdict | None:
    """A gene in which variants of blood cells alone are common: fewer reads than one inherited copy gives."""
    rule, balance = case.known.rules.first("min_balance", case.symbol), case.allele.balance
    if rule is None or balance is None or case.allele.zygosity is not Zygosity.HETEROZYGOUS:
        return None
    return Verdict(REVIEW, rule.reason) if balance < float(rule.value) else None


STEPS: tuple[Step, ...] = (
    _list,
    _reference,
    _only_variant,
    _excluded,
    _exons,
    _novel,
    _classification,
    _undocumented,
    _loss_of_function,
    _other_consequence,
    _region,
    _condition,
    _capping_term,
    _somatic,
    _frequency,
    _duplicated,
    _tier,
    _mosaic,
)
"""The rules, in order; after them, failed quality gates lower what is left to a review."""


def _classified(case: Case) -> bool:
    """Whether the ClinVar rules apply: there is a record, and the gene has no rule of its own for one variant."""
    return case.record is not None and case.only_variant is None


def _lof_rule(case: Case) -> Rule | None:
    rules = case.known.rules
    return rules.first("lof_forbidden", case.symbol) or rules.first("lof_review", case.symbol)


def _changed(case: Case) -> tuple[int, int]:
    """First and last position that the allele, or the structural call, touches."""
    key = case.allele.key
    return (key.pos, case.allele.end) if case.allele.symbolic else (min(key.pos, key.end), max(key.pos, key.end))


def _too_common(case: Case) -> bool:
    thresholds = case.known.thresholds
    recessive = case.known.gene.zygosity_rule == "biallelic"
    limit = thresholds.max_frequency_recessive if recessive else thresholds.max_frequency_dominant
    frequency = case.record.frequency if case.record is not None and _classified(case) else None
    return frequency is not None and frequency > limit


def _exemption(case: Case) -> Rule | None:
    number = case.record.variation_id if case.record else None
    return case.known.rules.naming("af_exempt", case.symbol, case.allele.key, number)


def _trace(case: Case) -> tuple[str, ...]:
    """Facts on which the steps rested."""
    record, expert = case.record, case.known.thresholds.expert_stars
    facts: Mapping[str, bool] = {
        "clinvar_plp": record is not None and record.is_pathogenic,
        "clinvar_expert_panel": record is not None and record.stars >= expert,
        "loss_of_function": not case.allele.symbolic and case.loses_function,
        "start_lost": not case.allele.symbolic and case.loses_start,
        "quality_passed": not case.allele.reasons,
    }
    return tuple(code for code, holds in facts.items() if holds)


def _flags(case: Case) -> tuple[str, ...]:
    """What the reviewer should know; no flag changes an outcome."""
    rules = (*case.known.rules.of("segdup_flag", case.symbol), *case.known.rules.of("tissue_flag", case.symbol))
    flags = [rule.reason for rule in rules if rule.covers(case.allele.key)]
    if _too_common(case) and (exemption := _exemption(case)) is not None:
        flags.append(exemption.reason)
    if not case.allele.symbolic and case.loses_function and case.known.exons.may_escape_decay(case.allele.key):
        flags.append("decay_escape_possible")
    return (*flags, *case.allele.flags)
