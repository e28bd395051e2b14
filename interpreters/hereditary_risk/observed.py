"""Alleles that a sample carries: records taken apart, one spelling each, duplicates joined, quality judged.

A failed quality gate never removes an allele: it adds a reason, and the outcome is a review at most.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from interpreters.genotypes import UNSPECIFIED_ALLELES, GenotypeCalls, Record
from interpreters.hereditary_risk.alleles import AS_WRITTEN, AlleleKey, Placement, ReferenceBases, place
from interpreters.hereditary_risk.policy import Thresholds

DIPLOID = 2
SEX_CHROMOSOMES = frozenset({"X", "Y"})
_NOT_AN_ALLELE = frozenset({"*"})
_NO_BASES = ReferenceBases(())

REFERENCE_DISAGREES = "reference_disagrees"
"""Reason for an allele whose record has a REF that is not the reference: its place and its bases mean nothing then."""


class Zygosity(StrEnum):
    """On how many copies an allele was seen."""

    HETEROZYGOUS = "heterozygous"
    HOMOZYGOUS = "homozygous"
    HEMIZYGOUS = "hemizygous"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Observed:
    """One allele that the sample carries."""

    key: AlleleKey
    certain: bool
    """Whether the key is the same for every spelling of the allele."""
    pos: int
    ref: str
    alt: str
    """As the file spells it."""
    end: int
    zygosity: Zygosity
    phase: tuple[str, int] | None = None
    """Phase set and side of a phased heterozygous allele."""
    opposite: frozenset[AlleleKey] = frozenset()
    """Alleles that the same genotype puts on the other copy."""
    depth: int | None = None
    genotype_quality: int | None = None
    balance: float | None = None
    """Share of the reads that carry the allele, 0 to 1."""
    reads: tuple[int, int] | None = None
    """Reads with the reference and with this allele."""
    filters: tuple[str, ...] = ()
    placed_by: str | None = None
    """What made the key certain: `as_written`, `known_bases` or `reference_sequence`; None where nothing did."""
    consequences: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    """Failed quality gates."""
    flags: tuple[str, ...] = ()
    parts: frozenset[AlleleKey] = frozenset()
    """Alleles of the file that this one was joined from."""
    symbolic: bool = False
    """A copy-number or structural call, without bases."""

    @property
    def both_copies(self) -> bool:
        """Whether no copy is without the allele."""
        return self.zygosity in {Zygosity.HOMOZYGOUS, Zygosity.HEMIZYGOUS}


def known_cis(first: Observed, second: Observed) -> bool:
    """Whether two alleles are known to lie on one copy: same phase set, same side; or one is a part of the other."""
    if second.key in first.parts or first.key in second.parts:
        return True
    return first.phase is not None and first.phase == second.phase


def known_trans(first: Observed, second: Observed) -> bool:
    """Whether two alleles are known to lie on different copies.

    Known from one 1/2 genotype, from the other side of one phase set, or because both change the same base.
    """
    if second.key in first.opposite or first.key in second.opposite:
        return True
    if first.key.pos <= second.key.end and second.key.pos <= first.key.end:
        return True
    return (
        first.phase is not None
        and second.phase is not None
        and first.phase[0] == second.phase[0]
        and first.phase[1] != second.phase[1]
    )


def observe(calls: GenotypeCalls, bases: ReferenceBases, thresholds: Thresholds) -> list[Observed]:
    """Every allele that a sample carries, each once, by position."""
    found: dict[AlleleKey, list[Observed]] = {}
    denied: set[AlleleKey] = set()
    for record in calls:
        for allele in _alleles(record, bases, thresholds):
            found.setdefault(allele.key, []).append(allele)
        denied.update(_denied(record, bases))
    return [_join(alleles, denied=key in denied) for key, alleles in sorted(found.items())]


def _alleles(record: Record, bases: ReferenceBases, thresholds: Thresholds) -> Iterator[Observed]:
    numbers = [number for number in record.genotype if number]
    for number in sorted(set(numbers)):
        alt = record.alts[number - 1].upper()
        if alt not in _NOT_AN_ALLELE and not _is_symbolic(alt):
            yield _plain(record, number, bases, thresholds)
        elif _is_symbolic(alt):
            yield _symbolic(record, alt, bases)
    if not numbers and None in (*record.genotype, *(() if record.genotype else (None,))):
        # Copy-number callers write `./.` or no genotype at all for a call that they make.
        for alt in record.alts:
            if _is_symbolic(alt) and alt not in UNSPECIFIED_ALLELES:
                yield _symbolic(record, alt, bases)


def _is_symbolic(alt: str) -> bool:
    """Whether an alternate allele is no sequence of bases: `<DEL>`, `<NON_REF>`, a breakend."""
    return not alt.isalpha() and alt not in _NOT_AN_ALLELE


def _symbolic(record: Record, alt: str, bases: ReferenceBases) -> Observed:
    reason = "allele_not_specified" if alt in UNSPECIFIED_ALLELES else "cnv_requires_orthogonal_method"
    return Observed(
        key=AlleleKey(record.chrom, record.pos, "", f"{alt}{record.end}"),
        certain=True,
        pos=record.pos,
        ref=record.ref,
        alt=alt,
        end=max(record.end, record.pos),
        zygosity=Zygosity.UNKNOWN,
        filters=record.filters,
        reasons=(
            reason,
            *(("filter_not_pass",) if record.filters else ()),
            *((REFERENCE_DISAGREES,) if _disagrees(record, bases) else ()),
        ),
        symbolic=True,
    )


def _plain(record: Record, number: int, bases: ReferenceBases, thresholds: Thresholds) -> Observed:
    alt = record.alts[number - 1]
    placement = place(record.chrom, record.pos, record.ref, alt, bases)
    zygosity = _zygosity(record, number)
    heterozygous = zygosity is Zygosity.HETEROZYGOUS
    allele = Observed(
        key=placement.key,
        certain=placement.certain,
        pos=record.pos,
        ref=record.ref.upper(),
        alt=alt.upper(),
        end=record.end,
        zygosity=zygosity,
        phase=(record.phase_set, record.genotype.index(number))
        if heterozygous and record.phased and record.phase_set
        else None,
        opposite=frozenset(_others(record, number, bases)) if heterozygous else frozenset(),
        depth=record.depth,
        genotype_quality=record.genotype_quality,
        balance=_balance(record, number),
        reads=_reads(record, number),
        filters=record.filters,
        placed_by=_placed_by(placement, record, alt, bases),
        consequences=record.consequences,
    )
    wrong = (REFERENCE_DISAGREES,) if _disagrees(record, bases) else ()
    return replace(allele, reasons=(*wrong, *_failed_gates(record, allele, thresholds)))


def _disagrees(record: Record, bases: ReferenceBases) -> bool:
    return bases.contradict(record.chrom, record.pos, record.ref)


def _placed_by(placement: Placement, record: Record, alt: str, bases: ReferenceBases) -> str | None:
    """What made the placement certain: the record's own bases, or those that were looked up."""
    if not placement.certain:
        return None
    alone = place(record.chrom, record.pos, record.ref, alt, _NO_BASES)
    return AS_WRITTEN if alone.certain else bases.source


def _others(record: Record, number: int, bases: ReferenceBases) -> Iterator[AlleleKey]:
    for other in record.genotype:
        if other and other != number and not _is_symbolic(alt := record.alts[other - 1]) and alt not in _NOT_AN_ALLELE:
            yield place(record.chrom, record.pos, record.ref, alt, bases).key


def _zygosity(record: Record, number: int) -> Zygosity:
    copies = record.genotype.count(number)
    if None in record.genotype or len(record.genotype) > DIPLOID:
        return Zygosity.UNKNOWN
    if len(record.genotype) < DIPLOID:
        return Zygosity.HEMIZYGOUS if record.chrom in SEX_CHROMOSOMES else Zygosity.UNKNOWN
    return Zygosity.HOMOZYGOUS if copies == DIPLOID else Zygosity.HETEROZYGOUS


def _balance(record: Record, number: int) -> float | None:
    """Share of reads with the allele. DP counts where it is larger, so that a split record gives the same share."""
    if number >= len(record.allele_depths):
        return None
    reads = record.allele_depths[number]
    total = max(sum(depth or 0 for depth in record.allele_depths), record.depth or 0)
    return None if reads is None or not total else reads / total


def _reads(record: Record, number: int) -> tuple[int, int] | None:
    if number >= len(record.allele_depths):
        return None
    reference, allele = record.allele_depths[0], record.allele_depths[number]
    return None if reference is None or allele is None else (reference, allele)


def _failed_gates(record: Record, allele: Observed, thresholds: Thresholds) -> tuple[str, ...]:
    """Reason codes of the genotype gates that the allele does not pass. What is not given is not passed."""
    depth, quality, balance = allele.depth, allele.genotype_quality, allele.balance
    least = thresholds.min_indel_genotype_quality if allele.key.is_indel else thresholds.min_genotype_quality
    heterozygous = allele.zygosity is Zygosity.HETEROZYGOUS
    gates = {
        "filter_not_pass": bool(record.filters),
        "genotype_incomplete": allele.zygosity is Zygosity.UNKNOWN,
        "quality_not_given": depth is None or quality is None or balance is None,
        "depth_low": depth is not None and depth < thresholds.min_depth,
        "genotype_quality_low": quality is not None and quality < least,
        "allele_balance_low": balance is not None and heterozygous and balance < thresholds.min_heterozygous_balance,
        "allele_balance_high": balance is not None and heterozygous and balance > thresholds.max_heterozygous_balance,
        "allele_balance_homozygous": balance is not None
        and allele.both_copies
        and balance < thresholds.min_homozygous_balance,
    }
    return tuple(reason for reason, failed in gates.items() if failed)


def _denied(record: Record, bases: ReferenceBases) -> Iterator[AlleleKey]:
    """Alleles that a record spells and does not call: another record that calls one contradicts it."""
    for number, alt in enumerate(record.alts, 1):
        if number not in record.genotype and alt.isalpha():
            yield place(record.chrom, record.pos, record.ref, alt, bases).key


def _join(alleles: list[Observed], *, denied: bool) -> Observed:
    """One allele from all records that spell it. Records that disagree leave the zygosity unknown."""
    ordered = sorted(alleles, key=_order)
    lead = ordered[0]
    agree = len({allele.zygosity for allele in ordered}) == 1 and not denied
    reasons = dict.fromkeys(reason for allele in ordered for reason in allele.reasons)
    return replace(
        lead,
        certain=all(allele.certain for allele in ordered),
        zygosity=lead.zygosity if agree else Zygosity.UNKNOWN,
        phase=lead.phase if len({allele.phase for allele in ordered}) == 1 else None,
        opposite=frozenset(key for allele in ordered for key in allele.opposite),
        consequences=tuple(dict.fromkeys(term for allele in ordered for term in allele.consequences)),
        filters=tuple(sorted({name for allele in ordered for name in allele.filters})),
        placed_by=max(allele.placed_by for allele in ordered if allele.placed_by)
        if all(allele.placed_by for allele in ordered)
        else None,
        reasons=(*reasons, *(() if agree else ("duplicate_conflict",))),
    )


def _order(allele: Observed) -> tuple[object, ...]:
    """A total order, the weakest evidence first."""
    return (
        -len(allele.reasons),
        -1 if allele.depth is None else allele.depth,
        -1 if allele.genotype_quality is None else allele.genotype_quality,
        -1.0 if allele.balance is None else allele.balance,
        allele.reads or (-1, -1),
        allele.pos,
        allele.ref,
        allele.zygosity,
        allele.phase or ("", -1),
        allele.consequences,
        allele.reasons,
    )
