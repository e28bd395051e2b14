"""Alleles that change one codon together are read together: two substitutions on one copy are one other amino acid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import TypeVar

from interpreters.hereditary_risk.alleles import AlleleKey, ReferenceBases, place
from interpreters.hereditary_risk.exons import GeneExons
from interpreters.hereditary_risk.observed import Observed, Zygosity, known_cis, known_trans

Number = TypeVar("Number", int, float)

COMBINED = "combined_in_codon"
"""Flag of an allele that was put together from several records."""
NEIGHBOUR = "codon_neighbour_unphased"
"""Reason for alleles of which it is not known whether they share a codon on one copy."""


def combine(alleles: Sequence[Observed], exons: GeneExons, bases: ReferenceBases) -> list[tuple[Observed, ...]]:
    """Join alleles of one gene that lie in one codon, or side by side.

    Returns:
        One tuple an allele: itself alone, or an allele joined from two followed by its parts. Neighbours that may or
        may not lie on one copy stay as they are, with the reason `codon_neighbour_unphased`, and what they would be
        together is added with the same reason, so that neither reading is lost.
    """
    small = [allele for allele in alleles if not allele.symbolic and allele.certain]
    codons = {allele.key: exons.codons(allele.key) for allele in small}
    pairs = [
        (first, second)
        for first, second in combinations(small, 2)
        if (first.key.end + 1 == second.key.pos or not codons[first.key].isdisjoint(codons[second.key]))
        and not _apart(first, second)
    ]
    seen = Counter(allele.key for pair in pairs for allele in pair)
    together: list[tuple[Observed, ...]] = []
    taken: set[AlleleKey] = set()
    unsure: set[AlleleKey] = set()
    for first, second in pairs:
        whole = _join(first, second, bases)
        # A pair with a third neighbour is never certain.
        alone = seen[first.key] == seen[second.key] == 1
        if whole is not None and alone and _on_the_same_copies(first, second):
            together.append((whole, first, second))
            taken |= {first.key, second.key}
            continue
        unsure |= {first.key, second.key}
        if whole is not None:
            together.append((_doubtful(whole),))
    rest = [(_doubtful(allele) if allele.key in unsure else allele,) for allele in alleles if allele.key not in taken]
    return [*rest, *together]


def _apart(first: Observed, second: Observed) -> bool:
    """Whether two alleles cannot lie on one copy: known so, or written over the same reference bases."""
    overlap = first.pos <= second.end and second.pos <= first.end
    return overlap or known_trans(first, second)


def _on_the_same_copies(first: Observed, second: Observed) -> bool:
    return known_cis(first, second) or (first.both_copies and first.zygosity is second.zygosity)


def _doubtful(allele: Observed) -> Observed:
    return replace(allele, reasons=(*allele.reasons, NEIGHBOUR))


def _join(left: Observed, right: Observed, bases: ReferenceBases) -> Observed | None:
    """What two alleles, in the order of their positions, are together; None where a base between is not known."""
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
        zygosity=left.zygosity if left.zygosity is right.zygosity else Zygosity.HETEROZYGOUS,
        depth=_least(left.depth, right.depth),
        genotype_quality=_least(left.genotype_quality, right.genotype_quality),
        balance=_least(left.balance, right.balance),
        reads=None,
        filters=tuple(sorted({*left.filters, *right.filters})),
        consequences=(),
        reasons=tuple(dict.fromkeys((*left.reasons, *right.reasons))),
        flags=(COMBINED,),
        parts=frozenset({left.key, right.key}),
    )


def _least(first: Number | None, second: Number | None) -> Number | None:
    """The lesser of two numbers; None where one is not given."""
    return None if first is None or second is None else min(first, second)
