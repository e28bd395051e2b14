"""Hereditary disease risk, for the clinician whom the participant shows the report to: variants, pointers, coverage.

Same facts, same holds as the participant's version: only a finding that was to be reported and was confirmed is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from interpreters.findings import GeneAssessment, HereditaryVariant
from interpreters.hereditary_risk.reasons import explain
from report_templates.content import FindingOutcome, ReportContent
from report_templates.views.common import Headline, Term
from report_templates.views.frame import Fact, limit_facts
from report_templates.views.hereditary_facts import (
    FOR_REVIEW_ONLY,
    PHASE_UNKNOWN,
    Confirmed,
    Genes,
    State,
    classification,
    conditions_of,
    confirmed,
    gene_list,
    genes,
    inheritance_of,
    is_single_base,
    names,
    notes_of,
    percent,
    position,
    ranges,
    state_of,
    urgency_of,
)
from report_templates.wording import Words

_LIMITS = ("rules_nothing_out", "absent", "copy_number", "introns", "alike", "novel", "mosaic", "frequency", "carriers")
_METHODS = ("candidates", "callability", "confirmation", "wording")
_TOLD_AS_LIMITS = frozenset({"copy_number", "deep_introns", "population_frequency", "novel_stop_codons"})
"""Keys of `Interpretation.limits` that `_LIMITS` says in words."""
_LOSS_OF_FUNCTION = frozenset(
    {"frameshift_variant", "nonsense", "stop_gained", "splice_donor_variant", "splice_acceptor_variant"}
)
"""Consequences of which decay of the transcript can be asked."""


@dataclass(frozen=True, slots=True)
class VariantRow:
    """One fact about the one or two variants of a finding."""

    label: str
    values: tuple[str, ...]
    """One for each variant."""


@dataclass(frozen=True, slots=True)
class ClinicianCondition:
    """One condition of the gene of a finding."""

    name: str
    summary: str
    facts: tuple[Fact, ...]
    """Inheritance, urgency, and where the participant's numbers come from."""
    notes: tuple[str, ...]
    pointers: tuple[Fact, ...]
    """Guideline body to what to look up there."""


@dataclass(frozen=True, slots=True)
class ClinicianFinding:
    """One confirmed finding."""

    gene: str
    variants: tuple[str, ...]
    """Heads of the variant columns."""
    rows: tuple[VariantRow, ...]
    confirmation: tuple[Fact, ...]
    path: tuple[str, ...]
    """The rules that led to the finding, in words, the main one first."""
    conditions: tuple[ClinicianCondition, ...]


@dataclass(frozen=True, slots=True)
class GeneRow:
    """How much of one gene was read, by column."""

    gene: str
    status: str
    bases: str
    sites: str
    exons: str


@dataclass(frozen=True, slots=True)
class ClinicianHereditaryView:
    """The clinician version of the hereditary disease risk report."""

    state: State
    headline: Headline
    findings: tuple[ClinicianFinding, ...]
    genes: tuple[GeneRow, ...]
    """Genes of which something was read."""
    nothing_read: tuple[Fact, ...]
    """Why nothing was read, and of which genes."""
    limits: tuple[str, ...]
    facts: tuple[Fact, ...]
    methods: tuple[str, ...]
    pointers_note: str
    glossary: tuple[Term, ...] = ()


def view(content: ReportContent, words: Words) -> ClinicianHereditaryView:
    """The clinician version of `content`.

    Raises:
        WordingError: If a confirmed finding is in a gene without wording.
    """
    read, found = genes(content), confirmed(content)
    state = state_of(read, found=bool(found))
    limits = content.interpretation.limits
    return ClinicianHereditaryView(
        state=state,
        headline=_headline(state, found, read, content, words),
        findings=tuple(_finding(item, content, words) for item in found),
        genes=tuple(_gene_row(item, words) for item in read.all if item.fraction),
        nothing_read=_nothing_read(read, content, words),
        limits=tuple(words(f"hereditary.limit_{key}") for key in _LIMITS),
        facts=limit_facts({key: value for key, value in limits.items() if key not in _TOLD_AS_LIMITS}, words),
        methods=tuple(words(f"hereditary.method_{key}") for key in _METHODS),
        pointers_note=words("hereditary.pointers_note"),
    )


def _headline(
    state: State, found: tuple[Confirmed, ...], read: Genes, content: ReportContent, words: Words
) -> Headline:
    if state is State.NOT_READ:
        why = dict.fromkeys(explain(item.reason) for item in content.interpretation.not_tested)
        body = (words("not_read.body.hereditary_risk"), *why, words("not_read.next"), words("clinician.readers"))
        return Headline(words("not_read.title.hereditary_risk"), body, "could-not-read.svg", answered=False)
    coverage = words(
        "hereditary.coverage_counts",
        gene_list=gene_list(content),
        assessed=len(read.assessed),
        partly=len(read.partly),
        not_assessed=len(read.not_assessed),
    )
    readers = words("clinician.readers")
    if state is State.POSITIVE:
        lines = tuple(_result_line(item, words) for item in found)
        title = words("hereditary.found", n=len(found))
        return Headline(title, (*lines, words("hereditary.confirmed_use"), coverage, readers), "hereditary.svg")
    contradicted = any(
        content.decision_on(finding).outcome is FindingOutcome.NOT_CONFIRMED for finding in content.candidates
    )
    second_test = (words("hereditary.not_confirmed"),) if contradicted else ()
    nothing_out = words("hereditary.limit_rules_nothing_out")
    body = (coverage, *second_test, nothing_out, words("clinician.research"), readers)
    if state is State.READ_IN_PART:
        return Headline(words("hereditary.none_assessed"), body, "could-not-read.svg", answered=False)
    title = words("hereditary.nothing_in_assessed", assessed=len(read.assessed), total=len(read.all))
    return Headline(title, body, "ready.svg")


def _result_line(found: Confirmed, words: Words) -> str:
    named = "; ".join(
        words(
            "hereditary.variant_in_line",
            name=variant.hgvs or position(variant, "").strip(),
            zygosity=words(f"zygosity.{variant.zygosity}").lower(),
            classification=_classification(variant, words),
        )
        for variant in found.variants
    )
    conditions = words.listed(words.text(item["name_in_sentence"]) for item in conditions_of(found.finding.gene))
    return words("hereditary.result_line", gene=found.finding.gene, variants=named, conditions=conditions)


def _finding(found: Confirmed, content: ReportContent, words: Words) -> ClinicianFinding:
    variants = found.variants
    columns = [_variant(variant, found, content, words) for variant in variants]
    codes = (*found.finding.rule_path, *(flag for flag in found.finding.flags if flag != FOR_REVIEW_ONLY))
    return ClinicianFinding(
        gene=found.finding.gene,
        variants=tuple(
            words("hereditary.variant_column", n=len(variants), number=n) for n in range(1, len(variants) + 1)
        ),
        rows=tuple(
            VariantRow(words(f"hereditary.column.{key}"), tuple(column[key] for column in columns))
            for key in columns[0]
        ),
        confirmation=_confirmation(found, content, words),
        path=tuple(explain(code) for code in dict.fromkeys(codes)),
        conditions=tuple(_condition(item, found, content, words) for item in conditions_of(found.finding.gene)),
    )


def _variant(variant: HereditaryVariant, found: Confirmed, content: ReportContent, words: Words) -> dict[str, str]:
    """Column of a variant: key of the row to its value; what the finding lacks is said to be not given."""
    not_given = words("date_not_given")
    release = content.interpretation.limits.get("clinvar_date")
    values: dict[str, str | None] = {
        "gene": found.finding.gene,
        "transcript": variant.transcript,
        "hgvs": variant.hgvs,
        "position": position(variant, content.specimen.build),
        "clinvar": variant.clinvar_id,
        "classification": _classification(variant, words),
        "conditions": variant.conditions and variant.conditions.replace("_", " ").replace("|", "; "),
        "clinvar_date": words.iso_date(release) if release else None,
        "zygosity": words(f"zygosity.{variant.zygosity}"),
        "phase": _phase(variant, found, words),
        "depth": _depth(variant, words),
        "quality": None if variant.genotype_quality is None else str(variant.genotype_quality),
        "balance": None if variant.allele_balance is None else f"{variant.allele_balance:.2f}",
        "filters": ", ".join(variant.filters) or words("hereditary.no_filter"),
        "exon": _exon(variant, words),
        "consequence": _consequence(variant, words),
        "decay": _decay(variant, words),
        "placed": _placed(variant, words),
    }
    return {key: value or not_given for key, value in values.items()}


def _classification(variant: HereditaryVariant, words: Words) -> str:
    name = classification(variant, words)
    if name is None:
        return words("hereditary.not_in_clinvar")
    return name if variant.stars is None else words("hereditary.stars", name=name, n=variant.stars)


def _phase(variant: HereditaryVariant, found: Confirmed, words: Words) -> str:
    if len(found.variants) > 1:
        return words("hereditary.phase_unknown" if PHASE_UNKNOWN in found.finding.flags else "hereditary.phase_apart")
    if variant.phase_set is None:
        return words("hereditary.phase_single")
    return words("hereditary.phase_set", number=variant.phase_set)


def _depth(variant: HereditaryVariant, words: Words) -> str | None:
    if variant.depth is None:
        return None
    if variant.reads is None:
        return str(variant.depth)
    reference, alternate = variant.reads
    return words("hereditary.depth", depth=variant.depth, reference=reference, alternate=alternate)


def _exon(variant: HereditaryVariant, words: Words) -> str | None:
    if variant.exon is None:
        return None
    if variant.exons_total is None:
        return str(variant.exon)
    return words("hereditary.exon_of", exon=variant.exon, total=variant.exons_total)


def _consequence(variant: HereditaryVariant, words: Words) -> str | None:
    if not variant.consequences:
        return None
    told = ", ".join(term.replace("_", " ") for term in variant.consequences)
    if variant.consequence_from is None:
        return told
    key = f"hereditary.consequence_from.{variant.consequence_from}"
    source = words(key) if words.has(key) else variant.consequence_from
    return words("hereditary.told_by", told=told, source=source)


def _decay(variant: HereditaryVariant, words: Words) -> str | None:
    if variant.escapes_decay is not None:
        return words("hereditary.decay_escaped" if variant.escapes_decay else "hereditary.decay_expected")
    asked = not variant.consequences or _LOSS_OF_FUNCTION & set(variant.consequences)
    return None if asked else words("clinician.not_applicable")


def _placed(variant: HereditaryVariant, words: Words) -> str | None:
    if variant.placed_by is not None:
        key = f"hereditary.placed_by.{variant.placed_by}"
        return words(key) if words.has(key) else variant.placed_by
    return words("hereditary.placed_single_base") if is_single_base(variant) else None


def _confirmation(found: Confirmed, content: ReportContent, words: Words) -> tuple[Fact, ...]:
    decision, not_given = found.decision, words("date_not_given")
    day = words.day(decision.decided_on) if decision.decided_on else not_given
    return (
        Fact(words("hereditary.confirmation_state"), words("hereditary.confirmation_second_specimen")),
        Fact(words("hereditary.detail.laboratory"), decision.laboratory or not_given),
        Fact(words("hereditary.detail.confirmed_on"), day),
        Fact(words("hereditary.confirmation_signed"), words("hereditary.signatures", n=len(content.sign_offs))),
    )


def _condition(
    condition: Mapping[str, Any], found: Confirmed, content: ReportContent, words: Words
) -> ClinicianCondition:
    notes = notes_of(condition, found, content.sex_at_birth)
    tier, reason = urgency_of(condition, notes), words.text(condition["urgency"]["reason"])
    urgency = words(f"hereditary.tier.{tier}")
    if tier == condition["urgency"]["tier"]:
        urgency = words("hereditary.tier_because", tier=urgency, reason=reason)
    figures = (
        Fact(words("hereditary.figure"), words("hereditary.figure_of", **figure)) for figure in condition["figures"]
    )
    return ClinicianCondition(
        name=words.text(condition["name"]),
        summary=words.text(condition["clinician"]["summary"]),
        facts=(
            Fact(
                words("hereditary.inheritance"),
                words(f"hereditary.mode.{inheritance_of(condition, found.finding.gene)}"),
            ),
            Fact(words("hereditary.urgency"), urgency),
            *figures,
        ),
        notes=tuple(words.text(note["clinician"]) for note in notes if note["clinician"]),
        pointers=tuple(
            Fact(pointer["body"], pointer["topic"]) for pointer in condition["clinician"]["management_pointers"]
        ),
    )


def _gene_row(item: GeneAssessment, words: Words) -> GeneRow:
    sites = words(
        "hereditary.sites_read", read=words.number(item.known_sites_read), total=words.number(item.known_sites_total)
    )
    return GeneRow(
        gene=item.gene,
        status=words(f"hereditary.status.{item.status}"),
        bases=words("hereditary.bases_read", percent=percent(item.fraction, 1)),
        sites=sites if item.known_sites_total else words("date_not_given"),
        exons=", ".join(ranges(item.exons_not_read)) or words("hereditary.no_exon"),
    )


def _nothing_read(read: Genes, content: ReportContent, words: Words) -> tuple[Fact, ...]:
    """Genes of which nothing was read, by reason."""
    why = {item.subject: explain(item.reason) for item in content.interpretation.not_tested}
    by_reason: dict[str, list[str]] = {}
    for gene in names(item for item in read.all if not item.fraction):
        by_reason.setdefault(why.get(gene, words("hereditary.no_reason")), []).append(gene)
    return tuple(Fact(reason, ", ".join(found)) for reason, found in by_reason.items())
