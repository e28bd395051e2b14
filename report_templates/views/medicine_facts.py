"""What every version of the medicines report for professionals shares: the genes of one person, and which rows hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from interpreters.findings import DrugRecommendation, PharmacogenomicFinding
from report_templates.content import ReportContent
from report_templates.medicine_messages import GeneState, gene_states
from report_templates.views.medicines import NOT_LOOKED_AT
from report_templates.wording import content_file

FIRST_SOURCE = "CPIC"
"""Guideline source whose rows come first; any other is a second opinion."""
NO_RECOMMENDATION = frozenset({"no_recommendation"})
WITHOUT_RESULT = frozenset(
    {GeneState.HELD, GeneState.NOT_SETTLED, GeneState.COULD_NOT_BE_READ, GeneState.NOT_LOOKED_AT}
)
_STRENGTHS = ("Strong", "Moderate", "Optional")


@dataclass(frozen=True, slots=True)
class GeneResults:
    """The genes of one participant."""

    findings: Mapping[str, PharmacogenomicFinding]
    states: Mapping[str, GeneState]

    def state(self, gene: str) -> GeneState:
        """What is known of a gene."""
        return self.states.get(gene, GeneState.NOT_LOOKED_AT)

    def in_state(self, state: GeneState) -> list[str]:
        """Genes of which as much is known, by name."""
        genes = {*self.states, *(entry["gene"] for entry in content_file("medicines/genes.json")["genes"])}
        return sorted(gene for gene in genes if self.state(gene) is state)


def gene_results(content: ReportContent) -> GeneResults:
    """The genes of a report."""
    said = content.interpretation
    findings = {found.gene: found for found in said.findings if isinstance(found, PharmacogenomicFinding)}
    unread = [item.subject for item in said.not_tested if item.reason != NOT_LOOKED_AT]
    return GeneResults(findings, gene_states(findings.values(), unread))


def rows_by_drug(results: GeneResults) -> dict[str, list[DrugRecommendation]]:
    """Guideline rows by medicine, those of the first source first; none where a gene of the medicine is held."""
    may_speak = [found for found in results.findings.values() if results.state(found.gene) not in WITHOUT_RESULT]
    rows = dict.fromkeys(row for finding in may_speak for row in finding.recommendations)
    of_first = {row.drug for row in rows}
    rows |= dict.fromkeys(
        row
        for finding in may_speak
        for row in finding.second_opinions
        # That the second source has no recommendation is told only where it is the only one.
        if frozenset(row.actions) != NO_RECOMMENDATION or row.drug not in of_first
    )
    by_drug: dict[str, list[DrugRecommendation]] = {}
    for row in sorted(rows, key=_order):
        by_drug.setdefault(row.drug, []).append(row)
    held = set(results.in_state(GeneState.HELD))
    return {
        drug: of_drug
        for drug, of_drug in by_drug.items()
        if held.isdisjoint(genes_of(drug)) and held.isdisjoint(gene for row in of_drug for gene in row.genes)
    }


def drug_name(drug: str) -> str:
    """English name of a medicine."""
    name: str = _listed()[drug]["name"]["en"] if drug in _listed() else drug
    return name


def genes_of(drug: str) -> tuple[str, ...]:
    """Genes that matter for a medicine of the list."""
    return tuple(_listed()[drug]["genes"]) if drug in _listed() else ()


def _order(row: DrugRecommendation) -> tuple[object, ...]:
    """By name of the medicine, the first source first, strong recommendations before weak ones."""
    strength = _STRENGTHS.index(row.strength) if row.strength in _STRENGTHS else len(_STRENGTHS)
    return drug_name(row.drug).casefold(), row.source != FIRST_SOURCE, strength, row.population, row.text_sha


@cache
def _listed() -> dict[str, dict[str, Any]]:
    return {entry["id"]: entry for entry in content_file("medicines/drugs.json")["drugs"]}
