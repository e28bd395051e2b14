"""Looks up the guideline rows that fit a participant's gene results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from interpreters.findings import DrugRecommendation
from interpreters.knowledge import KnowledgeRelease

GUIDELINES: Mapping[str, str] = {"CPIC": "recommendations_cpic.json", "DPWG": "recommendations_dpwg.json"}
"""Guideline source to the release file that holds its rows. Kept apart: their licences differ."""

NO_RESULT = "No Result"
"""Lookup value of a gene that was not called."""


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

    def fitting(self, gene: str, values: Mapping[str, str]) -> tuple[DrugRecommendation, ...]:
        """Rows in which `gene` takes part and every gene has its value; genes without one are `No Result`.

        Args:
            gene: A gene with a value.
            values: Gene to phenotype or activity score, as recommendations of that gene are keyed.

        Returns:
            The recommendations in order of drug, population and text, each once.
        """
        found = {
            row.recommendation
            for row in self.rows.get((gene, values[gene]), ())
            if all(values.get(other, NO_RESULT) == value for other, value in row.lookup.items())
        }
        return tuple(sorted(found, key=lambda r: (r.drug, r.source, r.population, r.text_sha)))

    def partners(self, gene: str) -> frozenset[str]:
        """Genes that share a recommendation with `gene`."""
        return frozenset(
            other for (name, _), rows in self.rows.items() if name == gene for row in rows for other in row.lookup
        ) - {gene}


def load_recommendations(release: KnowledgeRelease, genes: frozenset[str], source: str = "CPIC") -> Recommendations:
    """The rows of one guideline source in which at least one of `genes` takes part."""
    data = json.loads(release.read_bytes(GUIDELINES[source]))
    advices = [dict(zip(data["columns"], advice, strict=True)) for advice in data["advices"]]
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
            ),
        )
        for gene, value in lookup.items():
            rows.setdefault((gene, value), []).append(row)
    return Recommendations(
        rows={key: tuple(found) for key, found in rows.items()},
        as_of=max(advice["as_of"] for advice in advices),
    )
