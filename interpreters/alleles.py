"""Matches alleles as bases, never as 0 and 1: swapped REF and ALT, the other strand, and alleles nobody expected."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from interpreters.genotypes import CallState, GenotypeCalls

_COMPLEMENT = str.maketrans("ACGT", "TGCA")


class Bases(NamedTuple):
    """The two bases called at one site with two known alleles, on the plus strand."""

    first: str
    second: str
    other_strand: bool
    """Whether the file spelled them on the minus strand."""


def is_ambiguous(ref: str, alt: str) -> bool:
    """Whether two bases read the same on both strands (A/T and C/G)."""
    return alt == ref.translate(_COMPLEMENT)


def bases_at(
    calls: GenotypeCalls, chrom: str, pos: int, ref: str, alt: str, *, assume_reference: bool = True
) -> Bases | None:
    """The bases of a diploid genotype at a site known to carry `ref` or `alt`.

    Args:
        calls: What was read from the file.
        chrom: Chromosome, without prefix.
        pos: 1-based, in the build of `calls`.
        ref: Base of the reference genome, plus strand.
        alt: The other known allele.
        assume_reference: Whether `ref` is known well enough to stand for a reference call that spells no base.

    Returns:
        The bases in the order of the genotype, each `ref` or `alt`; or None when the site was not read: no call, a
        reference block without reads, a haploid call, a third allele, or an insertion or deletion at the same place.
        A reference call that spells no base has the base of the reference genome, and so has a base that no record
        speaks of where the laboratory declares it callable. At an ambiguous site (see
        `is_ambiguous`) the bases are taken as spelled; whether the file can be trusted with that, other sites tell.
    """
    genotype = calls.at(chrom, pos)
    record = genotype.record
    written_ref, called = "", genotype.alleles
    if record is None:
        if not calls.declared_callable(chrom, pos):
            return None
        called = ("", "")
    elif genotype.state is CallState.REFERENCE and record.depth != 0:
        written_ref = called[0] or ""
    elif genotype.state is CallState.VARIANT:
        written_ref = record.ref
    else:
        return None
    return _matched(written_ref, called, ref, alt) if written_ref or assume_reference else None


@lru_cache(maxsize=4096)
def _matched(written_ref: str, called: tuple[str | None, ...], ref: str, alt: str) -> Bases | None:
    if len(called) != 2:  # noqa: PLR2004 - two copies
        return None
    first, second = (allele or ref for allele in called)
    other_strand = bool(written_ref) and written_ref not in {ref, alt}
    if other_strand:
        written_ref, first, second = (base.translate(_COMPLEMENT) for base in (written_ref, first, second))
    known = {ref, alt}
    if {first, second} <= known and (written_ref or ref) in known:
        return Bases(first, second, other_strand)
    return None
