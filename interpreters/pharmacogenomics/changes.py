"""What differs between two interpretations of one sample, as a participant, clinician or laboratory would see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar

from interpreters.changes import FollowUp
from interpreters.findings import DrugRecommendation, Interpretation, PharmacogenomicFinding


class ChangeKind(StrEnum):
    """Which part of a gene's result differs."""

    TESTED = "tested"
    """Only one of the two has a finding for the gene; nothing else is told of it then."""
    DIPLOTYPE = "diplotype"
    """The top-scored diplotypes, or the alleles of a gene that is called without one."""
    PHENOTYPE = "phenotype"
    """Their phenotypes, or their activity score."""
    REPORTED_PHENOTYPE = "reported phenotype"
    """What a report may say, also that it may say nothing yet."""
    RECOMMENDATIONS = "recommendations"
    """A guideline row of either source: medicine, group of people, actions, strength, wording, or whether it is to be
    reviewed first."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `before` and `after` are a person's results: no log may hold them."""

    gene: str
    kind: ChangeKind
    before: str
    after: str
    follow_up: ClassVar[FollowUp] = FollowUp.REVIEW
    """A person looks at each, since each is something that the report says."""


def changes(before: Interpretation, after: Interpretation) -> tuple[Change, ...]:
    """Every difference between two interpretations of one sample, by gene and kind.

    How much was read, and links, codes and dates of guideline rows, are no results and not compared.
    """
    old, new = _by_gene(before), _by_gene(after)
    return tuple(
        change for gene in sorted(old.keys() | new.keys()) for change in _of(gene, old.get(gene), new.get(gene))
    )


def _by_gene(said: Interpretation) -> dict[str, PharmacogenomicFinding]:
    return {finding.gene: finding for finding in said.findings if isinstance(finding, PharmacogenomicFinding)}


def _of(gene: str, old: PharmacogenomicFinding | None, new: PharmacogenomicFinding | None) -> Iterator[Change]:
    if old is None or new is None:
        was, now = ("not tested" if finding is None else "tested" for finding in (old, new))
        yield Change(gene, ChangeKind.TESTED, was, now)
        return
    for kind, said in _SAID.items():
        if said(old) != said(new):
            yield Change(gene, kind, said(old), said(new))
    gone, come = _rows(old) - _rows(new), _rows(new) - _rows(old)
    if gone or come:
        yield Change(gene, ChangeKind.RECOMMENDATIONS, _listed(gone), _listed(come))


def _called(finding: PharmacogenomicFinding) -> str:
    return " or ".join(finding.diplotypes) or ", ".join(finding.haplotypes) or "no call"


def _phenotypes(finding: PharmacogenomicFinding) -> str:
    score = "" if finding.activity_score is None else f", activity score {finding.activity_score}"
    return (" or ".join(finding.phenotypes) or "none") + score


def _reported(finding: PharmacogenomicFinding) -> str:
    return "held for review" if finding.requires_review else finding.reported_phenotype or "none"


_SAID: Mapping[ChangeKind, Callable[[PharmacogenomicFinding], str]] = {
    ChangeKind.DIPLOTYPE: _called,
    ChangeKind.PHENOTYPE: _phenotypes,
    ChangeKind.REPORTED_PHENOTYPE: _reported,
}


def _rows(finding: PharmacogenomicFinding) -> frozenset[DrugRecommendation]:
    """The guideline rows without what changes with every release."""
    return frozenset(
        replace(row, url="", as_of="", rxnorm=None, atc=None, reviewed=None)
        for row in (*finding.recommendations, *finding.second_opinions)
    )


def _listed(rows: frozenset[DrugRecommendation]) -> str:
    said = (f"{row.drug} ({_terms(row)}): {row.statement}" for row in rows)
    return "; ".join(sorted(said)) or "none"


def _terms(row: DrugRecommendation) -> str:
    held = ("to be reviewed",) if row.needs_review else ()
    return ", ".join((row.source, row.population, *row.actions, row.strength, *held))
