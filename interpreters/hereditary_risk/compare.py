"""What ClinVar reclassified between two knowledge releases, without any person.

A release may hold less than all of ClinVar: fewer genes, a part of a gene, or some classes only. What it lacks was not
reclassified, so that only genes are compared of which each release holds what the other one knows to be pathogenic.
"""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from interpreters.comparison import WHOLE, Comparison, FactChange, Subject
from interpreters.genotypes import Build
from interpreters.hereditary_risk.clinvar import ClinVarRecord, ClinVarTable
from interpreters.hereditary_risk.policy import load_policy
from interpreters.knowledge import KnowledgeError, KnowledgeRelease

COVERED_SHARE = 0.9
"""Least share of a gene's pathogenic records of one release that the other must hold, in any class, to be complete.
Measured: complete genes have 0.96 or more five months apart, partial ones 0.64 at most."""

LOST = "no longer pathogenic"
LOST_BY_PANEL = "no longer pathogenic by expert panel"
GAINED = "now pathogenic"
STARS = "other stars"


@dataclass(frozen=True, slots=True)
class Classification:
    """What one release says of one ClinVar variant."""

    genes: tuple[str, ...]
    terms: str
    """CLNSIG as NCBI writes it; "" where there is none."""
    stars: int
    pathogenic: bool

    def __str__(self) -> str:
        return f"{self.terms or 'not classified'}, stars {self.stars}"


def compare(before: KnowledgeRelease, after: KnowledgeRelease) -> Comparison:
    """Every variant that lost or gained Pathogenic or Likely pathogenic or changed its stars, by gene and ClinVar id.

    Raises:
        KnowledgeError: If a file of either release is missing or changed, or they have no genome build in common.
    """
    old, new = _read(before, after)
    forward, backward = _shares(old, new), _shares(new, old)
    complete = {gene for gene in forward.keys() & backward.keys() if _whole(forward[gene]) and _whole(backward[gene])}
    expert = load_policy(after).thresholds.expert_stars
    facts = tuple(
        fact
        for number in sorted(old.keys() | new.keys(), key=int)
        for fact in _facts(number, old.get(number), new.get(number), complete, expert)
    )
    facts = tuple(sorted(facts, key=lambda fact: (fact.subject.gene, fact.subject.kind)))
    pathogenic = sum(said.pathogenic and not complete.isdisjoint(said.genes) for said in old.values())
    return Comparison(facts, tuple(_summary(facts, pathogenic, complete, forward.keys() | backward.keys())))


def covered(before: KnowledgeRelease, after: KnowledgeRelease) -> frozenset[str]:
    """Genes of which `after` holds what `before` has as pathogenic: only there was a missing record taken back.

    Raises:
        KnowledgeError: As `compare`.
    """
    return frozenset(gene for gene, share in _shares(*_read(before, after)).items() if _whole(share))


def _read(
    before: KnowledgeRelease, after: KnowledgeRelease
) -> tuple[dict[str, Classification], dict[str, Classification]]:
    """Both releases by ClinVar id, of a build that both have."""
    names = (f"clinvar.{build.value}.tsv.gz" for build in reversed(Build))
    name = next((name for name in names if name in before.files and name in after.files), None)
    if name is None:
        raise KnowledgeError(
            f"releases {before.release} and {after.release} have no genome build in common; build one that has both"
        )
    old, new = ({r.variation_id: _said(r) for r in _table(release, name)} for release in (before, after))
    return old, new


def _table(release: KnowledgeRelease, name: str) -> ClinVarTable:
    return ClinVarTable(gzip.decompress(release.read_bytes(name)))


def _said(record: ClinVarRecord) -> Classification:
    return Classification(record.genes, record.classification, record.stars, record.is_pathogenic)


def _shares(old: Mapping[str, Classification], new: Mapping[str, Classification]) -> dict[str, float]:
    """For each gene, the share of the older release's pathogenic variants that the newer one holds in any class."""
    known, held = Counter[str](), Counter[str]()
    for number, said in old.items():
        if said.pathogenic:
            known.update(said.genes)
            held.update(said.genes if number in new else ())
    return {gene: held[gene] / known[gene] for gene in known}


def _whole(share: float) -> bool:
    return share >= COVERED_SHARE


def _facts(
    number: str, old: Classification | None, new: Classification | None, complete: set[str], expert: int
) -> Iterator[FactChange]:
    known = new or old
    genes = sorted(complete.intersection(known.genes)) if known else []
    was, now = (said is not None and said.pathogenic for said in (old, new))
    if not genes or not (was or now):
        return
    gene, texts = ", ".join(genes), tuple(None if said is None else str(said) for said in (old, new))
    if was != now:
        by_panel = was and new is not None and new.stars >= expert
        kind = GAINED if now else LOST_BY_PANEL if by_panel else LOST
        yield FactChange(Subject(gene, kind, number), "classification" if old and new else WHOLE, *texts)
    elif old and new and old.stars != new.stars:
        yield FactChange(Subject(gene, STARS, number), "stars", str(old.stars), str(new.stars))


def _summary(facts: tuple[FactChange, ...], pathogenic: int, complete: set[str], every: set[str]) -> Iterator[str]:
    counts = Counter(fact.subject.kind for fact in facts)
    gone = sum(fact.subject.kind == LOST and fact.after is None for fact in facts)
    lost = counts[LOST] + counts[LOST_BY_PANEL] - gone
    yield f"Compared: {', '.join(sorted(complete)) or 'no gene'}."
    if apart := sorted(every - complete):
        yield (
            f"Not compared: {', '.join(apart)}. One of the releases lacks more than a tenth of what the other one has "
            "as pathogenic there: it holds the gene in part, or not at all."
        )
    yield (
        f"Of {pathogenic:,} pathogenic variants {lost:,} are no longer so, {counts[LOST_BY_PANEL]:,} of them by an "
        f"expert panel; {gone:,} more are not in the newer release."
    )
    yield f"{counts[GAINED]:,} became pathogenic or are new, and {counts[STARS]:,} stayed so with other stars."
