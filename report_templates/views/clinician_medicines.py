"""Medicines, for the clinician whom the participant shows the report to: every row of guidance and what it rests on.

Same facts, same holds as the participant's version: a gene that waits for review shows no result, and no medicine that
needs it shows a recommendation.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from interpreters.findings import OUTSIDE_CALL, DrugRecommendation, PharmacogenomicFinding
from interpreters.genotypes import Assay
from interpreters.pharmacogenomics.interpreter import ACCEPTED, NOT_SETTLED
from interpreters.pharmacogenomics.tables import NOT_AVAILABLE
from report_templates.content import ReportContent
from report_templates.medicine_messages import AdviceKind, GeneState, advise, results_of
from report_templates.medicine_names import resolve
from report_templates.views.calls import call_label
from report_templates.views.common import Headline, Term, not_read_headline
from report_templates.views.frame import Fact, limit_facts
from report_templates.views.medicine_facts import (
    FIRST_SOURCE,
    NO_RECOMMENDATION,
    WITHOUT_RESULT,
    GeneResults,
    drug_name,
    gene_results,
    genes_of,
    rows_by_drug,
)
from report_templates.wording import Words

NAMES_SHOWN = 12
"""How many alleles that were not excluded are named; the rest are counted."""
NOT_CALLED = "not_called."
"""Start of the keys of `Interpretation.limits` that say what cannot be called in the gene that follows."""
_GROUPS = ("action", "standard", "none")
_STANDARD = frozenset({"standard_dose"})
_LIMITS = ("definitions", "structure", "absent", "phase", "patient")
_METHODS = ("names", "coverage", "phenotype")


@dataclass(frozen=True, slots=True)
class GuidanceRow:
    """One guideline row for one medicine, or why there is none."""

    medicine: str
    remarks: tuple[str, ...]
    """Codes of the medicine, and what the participant typed."""
    genes: tuple[str, ...]
    statement: str
    url: str
    strength: str
    population: str
    source: tuple[str, ...]
    """Guideline source with its date, and who reviewed the statement."""
    is_second: bool = False
    """Whether it is a row of the second guideline source."""


@dataclass(frozen=True, slots=True)
class GuidanceGroup:
    """Rows of the medicines that are alike in what their guidance asks for."""

    heading: str
    rows: tuple[GuidanceRow, ...]


@dataclass(frozen=True, slots=True)
class GeneRow:
    """Everything about one gene, by column."""

    gene: str
    call: tuple[str, ...]
    phenotype: tuple[str, ...]
    coverage: tuple[str, ...]
    notes: tuple[str, ...]
    """Review status first, then the reasons in words."""


@dataclass(frozen=True, slots=True)
class ClinicianMedicinesView:
    """The clinician version of the medicines report."""

    headline: Headline
    own: tuple[GuidanceRow, ...]
    groups: tuple[GuidanceGroup, ...]
    no_row: tuple[Fact, ...]
    """Why medicines have no recommendation, and which."""
    genes: tuple[GeneRow, ...]
    not_tested: tuple[Fact, ...]
    not_called: tuple[Fact, ...]
    """What cannot be seen in which genes."""
    limits: tuple[str, ...]
    facts: tuple[Fact, ...]
    methods: tuple[str, ...]
    glossary: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class _NoRow:
    """Why a medicine has no recommendation, and the genes because of which."""

    kind: AdviceKind
    genes: tuple[str, ...]


def view(content: ReportContent, words: Words) -> ClinicianMedicinesView:
    """The clinician version of `content`."""
    said = content.interpretation
    results = gene_results(content)
    findings = results.findings
    rows = rows_by_drug(results)
    without = _without_rows(results, rows)
    guidance = {drug: _guidance_of(of_drug, results, words) for drug, of_drug in rows.items()}
    guidance |= {drug: (_without_guidance(drug, reason, results, words),) for drug, reason in without.items()}
    groups = {key: [drug for drug, of_drug in rows.items() if _group(of_drug) == key] for key in _GROUPS}
    return ClinicianMedicinesView(
        headline=_headline(content, results, groups, words),
        own=tuple(row for typed in content.own_medicines for row in _own(typed, guidance, words)),
        groups=tuple(
            GuidanceGroup(words(f"clinician.group.{key}"), tuple(row for drug in drugs for row in guidance[drug]))
            for key, drugs in groups.items()
            if drugs
        ),
        no_row=_no_row(without, words),
        genes=tuple(_gene_row(findings[gene], results.state(gene), content, words) for gene in sorted(findings)),
        not_tested=tuple(Fact(item.subject, _reason(item.reason, words)) for item in said.not_tested),
        not_called=_not_called(said.limits),
        limits=tuple(words(f"clinician.limit_{key}") for key in _LIMITS),
        facts=limit_facts({k: v for k, v in said.limits.items() if not k.startswith(NOT_CALLED)}, words),
        methods=tuple(words(f"clinician.method_{key}") for key in _METHODS),
    )


def _headline(
    content: ReportContent, results: GeneResults, groups: Mapping[str, Sequence[str]], words: Words
) -> Headline:
    """What this is, how many medicines need a thought, and which genes are open."""
    if all(state is GeneState.COULD_NOT_BE_READ for state in results.states.values()):
        return not_read_headline(content, words)
    if groups["action"]:
        title = words("clinician.headline", n=len(groups["action"]))
    elif groups["standard"]:
        title = words("clinician.headline_none")
    else:
        title = words("clinician.headline_open")
    open_genes = {
        "held": results.in_state(GeneState.HELD),
        "unsettled": results.in_state(GeneState.NOT_SETTLED),
        "not_read": results.in_state(GeneState.COULD_NOT_BE_READ),
        "not_looked_at": results.in_state(GeneState.NOT_LOOKED_AT),
    }
    told = [words(f"clinician.genes.{key}", genes=words.listed(genes)) for key, genes in open_genes.items() if genes]
    return Headline(
        title,
        (words("clinician.research"), *told, words("clinician.readers")),
        "medicine.svg",
        answered=bool(groups["action"] or groups["standard"]),
    )


def _without_rows(results: GeneResults, rows: Container[str]) -> dict[str, _NoRow]:
    """Every listed medicine without a guideline row, and why."""
    advice = advise(list(results.findings.values()), results.states)
    without = {}
    for item in sorted(advice, key=lambda item: drug_name(item.drug).casefold()):
        if item.drug not in rows:
            # A message without rows: they name a gene under review that the list does not have for this medicine.
            kind = AdviceKind.HELD if item.kind is AdviceKind.MESSAGE else item.kind
            held = tuple(gene for gene in item.genes if results.state(gene) is GeneState.HELD)
            without[item.drug] = _NoRow(kind, held or item.unsettled_genes or item.missing_genes or item.genes)
    return without


def _group(rows: Iterable[DrugRecommendation]) -> str:
    """What the guidance of one medicine asks for: an action that is not known counts as one."""
    actions = {frozenset(row.actions) for row in rows}
    if actions - {_STANDARD, NO_RECOMMENDATION}:
        return "action"
    return "standard" if _STANDARD in actions else "none"


def _guidance_of(rows: Iterable[DrugRecommendation], results: GeneResults, words: Words) -> tuple[GuidanceRow, ...]:
    """The rows of one medicine; rows that differ in nothing but the population are one."""
    populations: dict[DrugRecommendation, list[str]] = {}
    for row in rows:
        populations.setdefault(replace(row, population=""), []).append(_population(row, words))
    return tuple(_guidance(row, names, results, words) for row, names in populations.items())


def _guidance(row: DrugRecommendation, populations: Iterable[str], results: GeneResults, words: Words) -> GuidanceRow:
    is_second = row.source != FIRST_SOURCE
    statement = words("clinician.second_opinion", statement=row.statement) if is_second else row.statement
    if row.needs_review:
        statement = " ".join((statement, words("clinician.needs_review")))
    return GuidanceRow(
        medicine=drug_name(row.drug),
        remarks=(
            *((words("clinician.codes_rxnorm", code=row.rxnorm),) if row.rxnorm else ()),
            *((words("clinician.codes_atc", code=row.atc),) if row.atc else ()),
        ),
        genes=tuple(_gene_line(gene, results, words) for gene in row.genes),
        statement=statement,
        url=row.url,
        strength=_strength(row, words),
        population="; ".join(populations),
        source=(
            words("clinician.source", source=row.source, date=words.iso_date(row.as_of)),
            words("clinician.reviewed", reviewed=row.reviewed) if row.reviewed else words("wording_not_reviewed"),
        ),
        is_second=is_second,
    )


def _strength(row: DrugRecommendation, words: Words) -> str:
    return words(f"strength.{row.strength}") if words.has(f"strength.{row.strength}") else row.strength


def _population(row: DrugRecommendation, words: Words) -> str:
    return words(f"population.{row.population}") if words.has(f"population.{row.population}") else row.population


def _no_guidance(medicine: str, genes: tuple[str, ...], statement: str, words: Words) -> GuidanceRow:
    none = words("clinician.not_applicable")
    return GuidanceRow(medicine, (), genes or (none,), statement, "", none, none, (words("clinician.no_row"),))


def _without_guidance(drug: str, reason: _NoRow, results: GeneResults, words: Words) -> GuidanceRow:
    why = words(f"clinician.no_row.{reason.kind}")
    return _no_guidance(
        drug_name(drug),
        tuple(_gene_line(gene, results, words) for gene in genes_of(drug)),
        words("clinician.because", reason=why, genes=words.listed(reason.genes)),
        words,
    )


def _no_row(without: Mapping[str, _NoRow], words: Words) -> tuple[Fact, ...]:
    by_kind: dict[AdviceKind, list[str]] = {}
    for drug, reason in without.items():
        by_kind.setdefault(reason.kind, []).append(f"{drug_name(drug)} ({', '.join(reason.genes)})")
    return tuple(
        Fact(words(f"clinician.no_row.{kind}"), "; ".join(by_kind[kind])) for kind in AdviceKind if kind in by_kind
    )


def _own(typed: str, guidance: Mapping[str, tuple[GuidanceRow, ...]], words: Words) -> tuple[GuidanceRow, ...]:
    """The rows of one entry of the participant's list; a row that says so where it is not covered."""
    drugs = resolve(typed, also=guidance)
    if not drugs:
        return (_no_guidance(typed, (), words("clinician.own_not_listed"), words),)
    return tuple(
        replace(row, remarks=(words("clinician.own_entered", typed=typed), *row.remarks))
        for drug in drugs
        for row in guidance.get(drug) or (_no_guidance(drug, (), words("clinician.own_not_listed"), words),)
    )


def _gene_line(gene: str, results: GeneResults, words: Words) -> str:
    """One gene of a guideline row with its result, `No Result` where there is none."""
    state = results.state(gene)
    if state in WITHOUT_RESULT:
        return words(f"clinician.state.{state}", gene=gene)
    finding = results.findings[gene]
    called = call_label(finding, words) or words("clinician.no_call")
    result = _result(finding, words)
    if finding.may_name_diplotype:
        line = words("clinician.gene_result", gene=gene, call=called, result=result)
    else:
        line = words("clinician.gene_result_not_named", gene=gene, call=called, result=result)
    if finding.activity_score is None:
        return line
    return f"{line}; {words('medicines.activity_score', score=finding.activity_score)}"


def _result(finding: PharmacogenomicFinding, words: Words) -> str:
    return ", ".join(results_of(finding)) or words("clinician.no_phenotype")


def _gene_row(finding: PharmacogenomicFinding, state: GeneState, content: ReportContent, words: Words) -> GeneRow:
    is_outside = finding.called_from == OUTSIDE_CALL
    return GeneRow(
        gene=finding.gene,
        call=_call(finding, state, content.specimen.assay, words),
        phenotype=_phenotype(finding, state, words),
        coverage=(words("clinician.no_positions"),) if is_outside else _coverage(finding, state, words),
        notes=_notes(finding, state, words),
    )


_NOT_TOLD = frozenset({GeneState.HELD, GeneState.NOT_SETTLED})
"""States in which the called alleles are no result: a reader could take what is printed for one."""


def _call(finding: PharmacogenomicFinding, state: GeneState, assay: Assay, words: Words) -> tuple[str, ...]:
    if state in _NOT_TOLD:
        return (words("clinician.call_not_shown"),)
    called = call_label(finding, words) or words("clinician.no_call")
    if finding.called_from == OUTSIDE_CALL:
        origin = words("clinician.from_outside")
    else:
        origin = words(f"clinician.from.{assay}.{'phased' if finding.phased else 'not_phased'}")
    return called, origin, *finding.extra_genotypes


def _phenotype(finding: PharmacogenomicFinding, state: GeneState, words: Words) -> tuple[str, ...]:
    """What may be said, and what else fits; nothing of it where signers have not let the call stand."""
    number = len(finding.consistent)
    possible = [name for name in finding.consistent_phenotypes if name != NOT_AVAILABLE]
    if possible and NOT_AVAILABLE in finding.consistent_phenotypes:
        possible.append(words("clinician.no_phenotype"))
    if state in _NOT_TOLD or not possible:
        fits = words("clinician.fits", n=number)
    elif set(possible) <= set(results_of(finding)):
        fits = words("clinician.fits_alike", n=number)
    else:
        fits = words("clinician.fits_as", n=number, phenotypes=words("medicines.or").join(possible))
    told = (fits,) if number else ()
    if state in WITHOUT_RESULT:
        return words("clinician.not_reported"), *told
    score = finding.activity_score
    scored = (words("clinician.activity_score", score=score),) if score is not None else ()
    return _result(finding, words), *scored, *told


def _coverage(finding: PharmacogenomicFinding, state: GeneState, words: Words) -> tuple[str, ...]:
    lines = [words("clinician.read", read=finding.positions_read, total=finding.positions_total)]
    if finding.tier1_total:
        lines.append(words("clinician.tier1", read=finding.tier1_read, total=finding.tier1_total))
    names = finding.not_excluded
    if state is GeneState.HELD:
        # What is missing in the list would tell what was called.
        return tuple(lines)
    if names:
        shown, more = ", ".join(names[:NAMES_SHOWN]), len(names) - NAMES_SHOWN
        if more > 0:
            shown = words("clinician.and_more", names=shown, n=more)
        lines.append(words("clinician.not_excluded", n=len(names), names=shown))
    else:
        lines.append(words("clinician.all_excluded"))
    return tuple(lines)


def _notes(finding: PharmacogenomicFinding, state: GeneState, words: Words) -> tuple[str, ...]:
    status = "accepted" if ACCEPTED in finding.reasons else state
    if status not in {"accepted", GeneState.HELD, GeneState.NOT_SETTLED}:
        status = "none"
    reasons = (_reason(code, words) for code in finding.reasons if code not in {ACCEPTED, NOT_SETTLED})
    return words(f"clinician.review.{status}"), *reasons


def _reason(code: str, words: Words) -> str:
    """A reason in words; a code that has none stands for itself."""
    return words(f"reason.{code}") if words.has(f"reason.{code}") else code


def _not_called(limits: Mapping[str, str]) -> tuple[Fact, ...]:
    """What the interpretation says of each gene; genes of which it says the same stand together."""
    genes: dict[str, list[str]] = {}
    for key, text in limits.items():
        if key.startswith(NOT_CALLED):
            genes.setdefault(text, []).append(key.removeprefix(NOT_CALLED))
    return tuple(Fact(", ".join(names), text) for text, names in genes.items())
