"""Looks up the guideline rows that fit a participant's gene results."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from interpreters.findings import DrugRecommendation
from interpreters.knowledge import KnowledgeRelease
from interpreters.pharmacogenomics.tables import load_drug_codes, load_review

GUIDELINES: Mapping[str, str] = {"CPIC": "recommendations_cpic.json", "DPWG": "recommendations_dpwg.json"}
"""Guideline source to the release file that holds its rows. Kept apart: their licences differ."""


@dataclass(frozen=True, slots=True)
class GeneValues:
    """What is known of one gene, in the terms by which guideline rows ask for it."""

    general: frozenset[str]
    """Phenotype, activity score or allele statuses; empty while the result is open, so that no row fits."""
    specific: frozenset[str] = frozenset()
    """What narrows that down, such as the one diplotype: a medicine's row that asks for it goes before its others."""
    possible: frozenset[str] = frozenset()
    """Specific values that may hold: a medicine that has a row for one of them gets none."""


NOT_TESTED = GeneValues(frozenset({"No Result"}))
"""A gene without any result, as guidelines that need several genes write it."""


@dataclass(frozen=True, slots=True)
class _Row:
    lookup: Mapping[str, str]
    recommendation: DrugRecommendation


@dataclass(frozen=True, slots=True)
class Recommendations:
    """Guideline rows by gene and lookup value."""

    rows: Mapping[tuple[str, str], tuple[_Row, ...]]
    """A gene and its value to the rows that name both."""
    as_of: str
    """Latest month of the guideline data."""

    def fitting(self, gene: str, values: Mapping[str, GeneValues]) -> tuple[DrugRecommendation, ...]:
        """Rows in which `gene` takes part and every gene has its value; genes without one are `No Result`.

        Args:
            gene: A gene with values.
            values: What is known of each gene.

        Returns:
            The recommendations in order of drug, population and text, each once.
        """
        known = values[gene]
        special = self._fitting(gene, known.specific, values)
        left_out = {row.recommendation.drug for row in special} | {
            row.recommendation.drug for value in known.possible for row in self.rows.get((gene, value), ())
        }
        general = [row for row in self._fitting(gene, known.general, values) if row.recommendation.drug not in left_out]
        found = {row.recommendation for row in (*special, *general)}
        return tuple(sorted(found, key=lambda r: (r.drug, r.source, r.population, r.text_sha)))

    def partners(self, gene: str) -> frozenset[str]:
        """Genes that share a recommendation with `gene`."""
        return frozenset(
            other for (name, _), rows in self.rows.items() if name == gene for row in rows for other in row.lookup
        ) - {gene}

    def diplotypes(self, gene: str) -> frozenset[str]:
        """Diplotypes of `gene` that a row asks for; their names are the only lookup values with a slash but `n/a`."""
        return frozenset(value for name, value in self.rows if name == gene and "/" in value and value != "n/a")

    def tested_values(self, gene: str) -> frozenset[str]:
        """Values of `gene` in the rows of medicines that also have a row for a gene without any result."""
        without = {row.recommendation.drug for value in NOT_TESTED.general for row in self.rows.get((gene, value), ())}
        return frozenset(
            value
            for (name, value), rows in self.rows.items()
            if name == gene and any(row.recommendation.drug in without for row in rows)
        )

    def _fitting(self, gene: str, own: Iterable[str], values: Mapping[str, GeneValues]) -> list[_Row]:
        return [
            row
            for value in own
            for row in self.rows.get((gene, value), ())
            if all(
                wanted in values.get(other, NOT_TESTED).general for other, wanted in row.lookup.items() if other != gene
            )
        ]


def second_opinions(
    first: Sequence[DrugRecommendation], second: Sequence[DrugRecommendation]
) -> tuple[DrugRecommendation, ...]:
    """What the second source says otherwise than every row of the first on the same medicine, or says alone."""
    actions: dict[str, set[frozenset[str]]] = {}
    for row in first:
        actions.setdefault(row.drug, set()).add(frozenset(row.actions))
    return tuple(row for row in second if actions.get(row.drug) != {frozenset(row.actions)})


def load_recommendations(release: KnowledgeRelease, genes: frozenset[str], source: str = "CPIC") -> Recommendations:
    """The rows of one guideline source in which at least one of `genes` takes part."""
    data = json.loads(release.read_bytes(GUIDELINES[source]))
    advices = [dict(zip(data["columns"], advice, strict=True)) for advice in data["advices"]]
    codes, reviewed = load_drug_codes(release), load_review(release)
    rows: dict[tuple[str, str], list[_Row]] = {}
    for drug, lookup, population, number in data["rows"]:
        if genes.isdisjoint(lookup):
            continue
        advice = advices[number]
        row = _Row(
            lookup,
            DrugRecommendation(
                drug=drug,
                genes=tuple(sorted(lookup)),
                source=source,
                strength=advice["strength"],
                population=population,
                actions=tuple(advice["actions"].split(",")) if advice["actions"] else (),
                statement=advice["restatement"],
                url=advice["url"],
                as_of=advice["as_of"],
                text_sha=advice["text_sha"],
                needs_review=advice["needs_review"] == "1",
                rxnorm=codes[drug].rxnorm if drug in codes else None,
                atc=codes[drug].atc if drug in codes else None,
                reviewed=reviewed,
            ),
        )
        for gene, value in lookup.items():
            rows.setdefault((gene, value), []).append(row)
    return Recommendations(
        rows={key: tuple(found) for key, found in rows.items()},
        as_of=max(advice["as_of"] for advice in advices),
    )
