"""Alleles that change one codon together are read together: two substitutions on one copy are one other amino acid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import TypeVar

from interpreters.hereditary_risk.alleles import ReferenceBases, place
from interpreters.hereditary_risk.exons import GeneExons
from interpreters.hereditary_risk.observed import Observed, known_cis, known_trans

Number = TypeVar("Number", int, float)

COMBINED = "combined_in_codon"
"""Flag of an allele that was put together from several records."""
NEIGHBOUR = "codon_neighbour_unphased"
"""Reason for alleles of which it is not known whether they share a codon on one copy."""


def combine(alleles: Sequence[Observed], exons: GeneExons, bases: ReferenceBases) -> list[tuple[Observed, ...]]:
    """Join alleles of one gene that lie in one codon.

    Returns:
        One tuple an allele: itself alone, or a joined allele followed by its parts. Alleles in one codon that cannot be
        joined for certain, and are not known to lie apart, carry the reason `codon_neighbour_unphased`.
    """
    small = [allele for allele in alleles if not allele.symbolic and allele.certain]
    codons = {allele.key: exons.codons(allele.key) for allele in small}
    joined: list[tuple[Observed, ...]] = []
    used: set[object] = set()
    unsure: set[object] = set()
    for first, second in combinations(small, 2):
        if codons[first.key].isdisjoint(codons[second.key]) or _apart(first, second):
            continue
        whole = _join(first, second, bases) if used.isdisjoint({first.key, second.key}) else None
        if whole is None:
            unsure |= {first.key, second.key}
        else:
            joined.append((whole, first, second))
            used |= {first.key, second.key}
    # A pair with a third neighbour is no longer certain either.
    joined = [parts for parts in joined if unsure.isdisjoint({parts[1].key, parts[2].key})]
    taken = {part.key for parts in joined for part in parts[1:]}
    rest = [
        (replace(allele, reasons=(*allele.reasons, NEIGHBOUR)) if allele.key in unsure else allele,)
        for allele in alleles
        if allele.key not in taken
    ]
    return [*rest, *joined]


def _apart(first: Observed, second: Observed) -> bool:
    """Whether two alleles cannot lie on one copy: known so, or written over the same reference bases."""
    overlap = first.pos <= second.end and second.pos <= first.end
    return overlap or known_trans(first, second)


def _join(first: Observed, second: Observed, bases: ReferenceBases) -> Observed | None:
    """One allele of two that lie on the same copy or copies, or None where that or a base between is not known."""
    if not known_cis(first, second) and not (first.both_copies and first.zygosity is second.zygosity):
        return None
    left, right = sorted((first, second), key=lambda allele: allele.key)
    between = [bases.at(left.key.chrom, pos) for pos in range(left.key.end + 1, right.key.pos)]
    if None in between:
        return None
    middle = "".join(base or "" for base in between)
    ref = left.key.deleted + middle + right.key.deleted
    alt = left.key.inserted + middle + right.key.inserted
    placement = place(left.key.chrom, left.key.pos, ref, alt, bases)
    return replace(
        left,
        key=placement.key,
        certain=placement.certain,
        pos=left.key.pos,
        ref=ref,
        alt=alt,
        end=right.end,
        depth=_least(left.depth, right.depth),
        genotype_quality=_least(left.genotype_quality, right.genotype_quality),
        balance=_least(left.balance, right.balance),
        consequences=(),
        reasons=tuple(dict.fromkeys((*left.reasons, *right.reasons))),
        flags=(COMBINED,),
    )


def _least(first: Number | None, second: Number | None) -> Number | None:
    """The lesser of two numbers; None where one is not given."""
    return None if first is None or second is None else min(first, second)
