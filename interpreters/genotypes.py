"""What an interpreter is given: a sample and the genotypes read from its file.

Coordinates are 1-based and inclusive, on the plus strand. Chromosome names carry no prefix: "1" to "22", "X", "Y",
"MT".
Every type is immutable.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import NamedTuple


class Build(StrEnum):
    """Reference genome build that a file's coordinates belong to."""

    GRCH37 = "GRCh37"
    GRCH38 = "GRCh38"


class Sex(StrEnum):
    """Sex at birth as the participant declared it."""

    FEMALE = "female"
    MALE = "male"
    UNKNOWN = "unknown"


class Assay(StrEnum):
    """How the genotypes were measured."""

    WGS = "wgs"
    """Sequencing (whole genome or exome)."""
    ARRAY = "array"
    """Genotyping array."""


class CallState(StrEnum):
    """What a call set says about one position. Only `REFERENCE` and `VARIANT` are answers."""

    REFERENCE = "reference"
    """Read, both copies reference."""
    VARIANT = "variant"
    """Read, at least one copy is an alternate allele of a record that starts here."""
    NO_CALL = "no_call"
    """A record is there, but at least one allele is missing from its genotype, or it has no genotype."""
    FILTERED = "filtered"
    """A record is there, but its FILTER is neither PASS nor empty."""
    SPANNED = "spanned"
    """A deletion that starts before this position covers it on at least one copy."""
    ABSENT = "absent"
    """Nothing in the call set speaks of this position. Never to be read as reference."""


class Interval(NamedTuple):
    """A stretch of one chromosome, both ends included."""

    chrom: str
    start: int
    end: int


UNSPECIFIED_ALLELES = frozenset({"<NON_REF>", "<*>"})
"""Alternate alleles that stand for anything but the reference: a record with one tells of every variant."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The facts about a sample that an interpretation may depend on. Holds no identifier on purpose."""

    build: Build
    assay: Assay
    sex_at_birth: Sex


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a genotype file, as it was written (alleles in upper case, chromosome without prefix).

    A multi-allelic line stays one record. A gVCF reference block is a record whose `alts` are empty or symbolic and
    whose `end` lies after `pos`.
    """

    chrom: str
    pos: int
    end: int
    """Last reference base that the record speaks of: INFO/END of a block, else `pos + len(ref) - 1`."""
    ref: str
    alts: tuple[str, ...]
    """May hold `*` (spanning deletion) and symbolic alleles such as `<NON_REF>`, `<*>` or `<DEL>`."""
    genotype: tuple[int | None, ...]
    """Allele numbers in order (0 = ref, 1 = alts[0]); None for `.`; one element when haploid; empty without GT."""
    phased: bool = False
    phase_set: str | None = None
    filters: tuple[str, ...] = ()
    """FILTER values other than PASS and `.`."""
    depth: int | None = None
    """FORMAT DP, or MIN_DP of a block where that is lower, in reads."""
    genotype_quality: int | None = None
    """FORMAT GQ (or GQX where that is lower), Phred scale."""
    allele_depths: tuple[int | None, ...] = ()
    """FORMAT AD in the order of `ref, *alts`, in reads."""
    consequences: tuple[str, ...] = ()
    """Sequence Ontology terms of an annotation that the file carries (INFO/ANN or CSQ), if any."""
    line: int = 0
    """Line number in the file, for messages to staff; 0 when the record was made in memory."""

    @property
    def is_reference_block(self) -> bool:
        """Whether the record claims reference bases only, over one base or more."""
        return all(alt in UNSPECIFIED_ALLELES for alt in self.alts)

    @property
    def alleles(self) -> tuple[str | None, ...]:
        """The called alleles as bases (or `*`, or a symbol), None where missing."""
        names = (self.ref, *self.alts)
        return tuple(None if number is None else names[number] for number in self.genotype)


@dataclass(frozen=True, slots=True)
class Genotype:
    """What a call set says about one position, with the record it rests on."""

    state: CallState
    alleles: tuple[str | None, ...] = ()
    """Called alleles as the record spells them; for `REFERENCE` the reference bases at this one position (or "" when a
    block does not spell them)."""
    record: Record | None = None


class CallSetKind(StrEnum):
    """What a file's silence about a position means. Absent is never reference, whatever the kind."""

    VARIANTS_ONLY = "variants_only"
    """Lists positions that differ from the reference; says nothing of the others."""
    ALL_SITES = "all_sites"
    """Lists explicit homozygous reference genotypes as well."""
    GVCF = "gvcf"
    """Covers stretches by reference blocks."""


@dataclass(frozen=True, slots=True)
class OutsideCall:
    """A pharmacogene's result by another method, for what small variants cannot show. Fields not given are empty."""

    gene: str
    diplotype: str = ""
    """For example `*1/*4x2`, or one allele when haploid."""
    phenotype: str = ""
    activity_score: str = ""


AssayedSites = Mapping[tuple[str, int], frozenset[str]]
"""Chromosome and position of each site that was assayed, to what the assay tells apart there (see `told_apart`); empty
where the list names positions only."""


def told_apart(ref: str, alts: Iterable[str]) -> frozenset[str]:
    """What an assay tells apart that has these alleles: bases, and `REF>ALT` for anything longer than one base.

    An insertion of "CA" at "C" and a deletion that leaves "C" of "CA" have the same alleles, hence the arrow.
    """
    told: set[str] = set()
    for alt in alts:
        told |= {ref, alt} if len(ref) == len(alt) == 1 else {f"{ref}>{alt}"}
    return frozenset(told)


class GenotypeCalls:
    """The records of one sample that overlap what the interpreters asked for, in no required order.

    Args:
        build: Build of the coordinates.
        kind: What the file lists.
        records: Every record that overlaps a requested interval. Order and duplicates do not matter to the result.
        callable_intervals: Stretches that the laboratory declares to be read well enough, from a callable-regions file.
            None means that no such file was given, which is not the same as an empty one. Kept sorted and united.
        assayed_sites: What an array's manifest or a laboratory's site list says was assayed in this very sample.
        outside_calls: Pharmacogene results that the laboratory got by another method.
    """

    __slots__ = (
        "_by_chrom",
        "_furthest",
        "_starts",
        "assayed_sites",
        "build",
        "callable_intervals",
        "kind",
        "outside_calls",
    )

    def __init__(
        self,
        build: Build,
        kind: CallSetKind,
        records: Iterable[Record],
        callable_intervals: Sequence[Interval] | None = None,
        *,
        assayed_sites: AssayedSites | None = None,
        outside_calls: Sequence[OutsideCall] = (),
    ) -> None:
        self.build = build
        self.kind = kind
        self.callable_intervals = None if callable_intervals is None else united(callable_intervals)
        self.assayed_sites = assayed_sites
        self.outside_calls = tuple(outside_calls)
        by_chrom: dict[str, list[Record]] = {}
        for record in records:
            by_chrom.setdefault(record.chrom, []).append(record)
        self._by_chrom = {chrom: sorted(found, key=_record_order) for chrom, found in by_chrom.items()}
        self._starts = {chrom: [record.pos for record in found] for chrom, found in self._by_chrom.items()}
        # The running maximum of `end` tells how far back an overlapping record can start.
        self._furthest: dict[str, list[int]] = {}
        for chrom, found in self._by_chrom.items():
            self._furthest[chrom] = list(accumulate((record.end for record in found), max))

    def with_outside_calls(self, calls: Sequence[OutsideCall]) -> GenotypeCalls:
        """The same records, with what the laboratory got by another method."""
        other = copy(self)
        other.outside_calls = tuple(calls)
        return other

    def within(self, intervals: Iterable[Interval]) -> GenotypeCalls:
        """The same calls, with only the records that overlap one of `intervals`: a file is read for many at once."""
        wanted = united(intervals)

        def overlaps(record: Record) -> bool:
            # The last one that starts no later than the record ends; before the first one there is none to overlap.
            index = bisect_right(wanted, (record.chrom, record.end, sys.maxsize)) - 1
            return index >= 0 and wanted[index].chrom == record.chrom and wanted[index].end >= record.pos

        return GenotypeCalls(
            self.build,
            self.kind,
            filter(overlaps, self),
            self.callable_intervals,
            assayed_sites=self.assayed_sites,
            outside_calls=self.outside_calls,
        )

    def __iter__(self) -> Iterator[Record]:
        for chrom in sorted(self._by_chrom):
            yield from self._by_chrom[chrom]

    def __len__(self) -> int:
        return sum(len(found) for found in self._by_chrom.values())

    def declared_callable(self, chrom: str, pos: int) -> bool:
        """Whether the laboratory declares this base to be read well enough: False without a callable-regions file."""
        declared = self.callable_intervals or ()
        index = bisect_right(declared, (chrom, pos + 1))
        return index > 0 and declared[index - 1].chrom == chrom and declared[index - 1].end >= pos

    def overlapping(self, chrom: str, start: int, end: int) -> tuple[Record, ...]:
        """Records that overlap `start..end`, by position; also those that begin before it."""
        found = self._by_chrom.get(chrom)
        if found is None:
            return ()
        ends = self._furthest[chrom]
        index = bisect_right(self._starts[chrom], end) - 1
        hits: list[Record] = []
        while index >= 0 and ends[index] >= start:
            if found[index].end >= start:
                hits.append(found[index])
            index -= 1
        hits.reverse()
        return tuple(hits)

    def at(self, chrom: str, pos: int) -> Genotype:
        """State of one base. A variant that starts here goes before a block or a deletion that covers it.

        Several passing records that start here and disagree are a `NO_CALL`: neither is to be preferred.
        """
        hits = self.overlapping(chrom, pos, pos)
        if not hits:
            return _ABSENT
        if len(hits) == 1:
            return _state_of(hits[0], pos)
        states = [_state_of(record, pos) for record in hits]
        for wanted in (CallState.VARIANT, CallState.SPANNED, CallState.REFERENCE):
            chosen = [genotype for genotype in states if genotype.state is wanted]
            if chosen and wanted is not CallState.REFERENCE:
                alleles = {_unordered(genotype.alleles) for genotype in chosen}
                return chosen[0] if len(alleles) == 1 else Genotype(CallState.NO_CALL, (), chosen[0].record)
            if chosen and not any(genotype.state in _UNUSABLE for genotype in states):
                return chosen[0]
        return next(genotype for wanted in _UNUSABLE for genotype in states if genotype.state is wanted)


_ABSENT = Genotype(CallState.ABSENT)
_UNUSABLE = (CallState.NO_CALL, CallState.FILTERED)


def united(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """The same bases as sorted intervals of which no two overlap; by chromosome name, then position."""
    united: list[Interval] = []
    for interval in sorted(intervals):
        if united and united[-1].chrom == interval.chrom and interval.start <= united[-1].end:
            united[-1] = united[-1]._replace(end=max(united[-1].end, interval.end))
        else:
            united.append(interval)
    return tuple(united)


def _record_order(record: Record) -> tuple[object, ...]:
    """A total order by content, so that the order of lines in a file changes nothing."""
    return (
        record.pos,
        record.end,
        record.ref,
        record.alts,
        tuple(-1 if number is None else number for number in record.genotype),
        record.phased,
        record.phase_set or "",
        record.filters,
        -1 if record.depth is None else record.depth,
        -1 if record.genotype_quality is None else record.genotype_quality,
        tuple(-1 if depth is None else depth for depth in record.allele_depths),
        record.consequences,
    )


def _unordered(alleles: tuple[str | None, ...]) -> tuple[str, ...]:
    return tuple(sorted("." if allele is None else allele for allele in alleles))


def _state_of(record: Record, pos: int) -> Genotype:  # noqa: PLR0911 - one return a state reads best
    """What one overlapping record says about `pos`."""
    if record.filters:
        return Genotype(CallState.FILTERED, record.alleles, record)
    if not record.genotype or None in record.genotype:
        return Genotype(CallState.NO_CALL, record.alleles, record)
    if record.pos == pos:
        if not any(record.genotype):
            return Genotype(CallState.REFERENCE, (record.ref[:1],) * len(record.genotype), record)
        if all(allele == "*" for allele in record.alleles if allele != record.ref):
            return Genotype(CallState.SPANNED, record.alleles, record)
        return Genotype(CallState.VARIANT, record.alleles, record)
    if not any(record.genotype):
        offset = pos - record.pos
        base = record.ref[offset : offset + 1]
        return Genotype(CallState.REFERENCE, (base,) * len(record.genotype), record)
    return Genotype(CallState.SPANNED, record.alleles, record)
