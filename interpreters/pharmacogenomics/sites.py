"""Reads a defining position from a sample's records: which bases each copy holds, or why that is not known.

A file may write one variant in many ways: several alternate alleles on one line or on several, extra bases on either
side, an insertion before or after the repeat it lengthens. Two spellings are equal when they turn the same stretch of
reference into the same sequence; the reference bases needed for this comparison are those that the definition and the
record spell themselves, so no genome file is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from interpreters.genotypes import (
    UNSPECIFIED_ALLELES,
    Assay,
    Build,
    CallSetKind,
    GenotypeCalls,
    Interval,
    Record,
    told_apart,
)
from interpreters.pharmacogenomics.tables import Gene, Policy, Position

INDEL_MARGIN = 30
"""Bases on either side of an insertion or deletion in which another spelling of it is looked for."""

SPANNED = "*"
"""A copy on which a deletion or another structural variant takes the place of the position."""

UNDOCUMENTED = "?"
"""A copy that holds an insertion, deletion or replacement that no definition lists."""


@dataclass(frozen=True, slots=True)
class SiteReading:
    """What the records say about one defining position."""

    alleles: tuple[str, ...] = ()
    """Definition alleles of the copies (GRCh38 spelling), another base, or `UNDOCUMENTED`; empty when not read."""
    phased: bool = False
    phase_set: str | None = None
    reasons: frozenset[str] = frozenset()
    """Why it was not read, or what is to be said about the reading."""


@dataclass(frozen=True, slots=True)
class _Change:
    """The smallest replacement that an alternate allele makes."""

    start: int
    removed: str
    added: str

    @property
    def is_substitution(self) -> bool:
        return len(self.removed) == len(self.added)

    @property
    def last(self) -> int:
        """Last reference base touched; for an insertion the base before it."""
        return self.start + len(self.removed) - 1

    @property
    def unit(self) -> str:
        """What an insertion or deletion adds or removes, the same for every way of cutting a repeat into units."""
        unit = self.added or self.removed
        return min(unit[i:] + unit[:i] for i in range(len(unit)))


class Site:
    """One defining position of a gene on one build."""

    __slots__ = (
        "_assayed",
        "_defined",
        "_indels",
        "_is_replacement",
        "build",
        "checked",
        "chrom",
        "end",
        "gene",
        "is_single_base",
        "others",
        "position",
        "reference",
        "start",
    )

    def __init__(self, gene: Gene, position: Position, build: Build) -> None:
        self.gene = gene
        self.position = position
        self.build = build
        self.chrom = gene.chrom
        self.start = position.start(build)
        self.end = self.start + len(position.ref) - 1
        self.is_single_base = position.is_single_base
        self.checked = position.reference(build) is not None
        # Where the build's bases were not checked, GRCh38's, which then need the file's own spelling.
        self.reference = position.reference(build) or position.ref
        self.others = frozenset({position.ref, *position.alts} - {self.reference})
        """The alleles of the definition that are not the reference of the build."""
        self._defined = frozenset("ACGT" if self.is_single_base else position.alts)
        """Alternate alleles that mean themselves when a record begins here and spells the reference bases."""
        self._assayed = told_apart(self.reference, self.others)
        """What an assay must tell apart to say that none of the definition's other alleles is there."""
        # Whether the definition replaces bases by as many others, more than one.
        self._is_replacement = all(len(alt) == len(position.ref) for alt in position.alts)
        changes = (_trimmed(self.start, position.ref, alt) for alt in position.alts)
        self._indels = frozenset(change.unit for change in changes if not change.is_substitution)

    @property
    def margin(self) -> int:
        """Bases around the site that are read too."""
        return 0 if self.is_single_base else INDEL_MARGIN

    @property
    def interval(self) -> Interval:
        """The stretch to read from a file."""
        return Interval(self.chrom, self.start - self.margin, self.end + self.margin)

    def read(
        self, calls: GenotypeCalls, policy: Policy, deletions: Sequence[Site] = (), assay: Assay = Assay.WGS
    ) -> SiteReading:
        """Read this site.

        Args:
            calls: The sample's records.
            policy: Quality thresholds.
            deletions: Sites of the same gene whose definitions delete bases, to tell a documented deletion that spans
                this site from any other.
            assay: How the genotypes were measured; decides what their quality figures mean.
        """
        overlapping = calls.overlapping(self.chrom, self.start, self.end)
        if not self.is_single_base:
            # A repeat may be said to change just behind the bases that the definition spells.
            behind = calls.overlapping(self.chrom, self.end + 1, self.end + 1)
            overlapping += tuple(r for r in behind if r.pos > self.end and self.is_carried_by(r))
            if self._is_spelled_elsewhere(calls, overlapping):
                return _unread("unrecognised_indel")
        records = [record for record in overlapping if self._speaks(record)]
        problems = {problem for record in records if (problem := _quality_problem(record, policy, assay))}
        if problems:
            return SiteReading(reasons=frozenset(problems))
        copies: dict[tuple[str | None, ...], Record] = {}
        for record in records if self.checked else self._telling(records):
            found = self._copies(record)
            if isinstance(found, str):
                return _unread(found)
            copies.setdefault(found, record)
        if self._covers(records) or any(set(found) != {self.reference} for found in copies):
            reading = self._combine(copies, records, deletions)
            if len(set(reading.alleles)) > 1 and self._is_imbalanced(reading.alleles, records, policy):
                return _unread("allele_imbalance")
            return reading
        return self._assumed(calls, policy, overlapping)

    def _speaks(self, record: Record) -> bool:
        """Whether the record tells of this site: a line about another variant, absent here, is no evidence of it."""
        if not record.alts or not UNSPECIFIED_ALLELES.isdisjoint(record.alts):
            return True
        if self._begins(record) and not self._defined.isdisjoint(record.alts):
            return True
        called = {number for number in record.genotype if number}
        return any(self._concerns(record, alt, called=k in called) for k, alt in enumerate(record.alts, start=1))

    def _telling(self, records: Sequence[Record]) -> Sequence[Record]:
        """Records that can tell where the build's bases are unknown: not reference lines that spell only a part."""
        whole = len(self.position.ref)
        return [
            record for record in records if len(self._spelled_by(record)) == whole or set(record.genotype) != {0}
        ] or records

    def _begins(self, record: Record) -> bool:
        """Whether the record spells this site as its definition does: the usual case, where nothing is to compare."""
        return record.pos == self.start and record.ref == self.reference

    def _concerns(self, record: Record, alt: str, *, called: bool) -> bool:
        if not _is_sequence(alt):
            return called or alt == SPANNED
        change = smallest_change(record, alt)
        if self.is_single_base:
            return change.start <= self.start <= change.last and (change.is_substitution or called)
        return (not change.is_substitution or self._is_replacement) and (
            self._touched(change) or self._documented(record, alt) is not None
        )

    def _touched(self, change: _Change) -> bool:
        first = min(change.start, change.last)  # for an insertion the base before it
        return first <= self.end and change.last >= self.start

    def _covers(self, records: Sequence[Record]) -> bool:
        """Whether the records together cover every base of the site, or one asks about a definition allele itself."""
        if self.is_single_base:
            return bool(records)
        covered = self.start
        for record in records:
            if record.pos <= covered:
                covered = max(covered, record.end + 1)
        return covered > self.end or any(
            self._documented(record, alt) is not None for record in records for alt in _sequences(record.alts)
        )

    def _assumed(self, calls: GenotypeCalls, policy: Policy, overlapping: Sequence[Record]) -> SiteReading:
        """Reference where somebody vouches for what the file is silent about, else nothing."""
        if self._is_declared_callable(calls):
            evidence = "reference_by_callable_regions"
        elif self._was_assayed(calls):
            evidence = "reference_by_assayed_sites"
        else:
            return _SILENT
        if self.position.rsid in policy.never_assumed_reference:
            return _unread("reference_assumed_refused")
        if not self.checked:
            return _unread("reference_unchecked")
        if any(None in record.genotype or not record.genotype for record in overlapping):
            # A line about another variant that could not be called: it may reach over this site.
            return _unread("no_call_position")
        return SiteReading((self.reference, self.reference), reasons=frozenset({evidence}))

    def _is_declared_callable(self, calls: GenotypeCalls) -> bool:
        return calls.callable_intervals is not None and all(
            calls.declared_callable(self.chrom, pos) for pos in range(self.start, self.end + 1)
        )

    def _was_assayed(self, calls: GenotypeCalls) -> bool:
        """Whether a list says that this very variant was assayed, in a file whose silence then means reference.

        A file that spells out reference genotypes or blocks would have spelled this one: there, silence stays unread.
        """
        if calls.assayed_sites is None or calls.kind is not CallSetKind.VARIANTS_ONLY:
            return False
        told = calls.assayed_sites.get((self.chrom, self.start))
        if told is None:
            return False
        # Positions alone speak of bases: whether an insertion or deletion would have been seen they do not say.
        return told >= self._assayed if told else self.is_single_base

    def _combine(
        self, copies: dict[tuple[str | None, ...], Record], records: Sequence[Record], deletions: Sequence[Site]
    ) -> SiteReading:
        """One reading from what every record says of the copies."""
        if any(SPANNED in found for found in copies):
            if not any(site.is_carried_by(record) for site in deletions for record in records):
                return _unread("spanned_position")
            # A documented deletion is read at its own position; the definitions hold reference bases under it.
            copies = {
                tuple(self.reference if allele == SPANNED else allele for allele in found): record
                for found, record in copies.items()
            }
        return self._merged(copies, _quality_notes(records))

    def _merged(self, copies: dict[tuple[str | None, ...], Record], notes: frozenset[str]) -> SiteReading:
        variants = {found: record for found, record in copies.items() if set(found) != {self.reference}}
        if not variants:
            (first, *_) = copies
            return SiteReading((self.reference,) * len(first), reasons=notes)
        if len(variants) == 1:
            ((alleles, record),) = variants.items()
            read = tuple(allele for allele in alleles if allele is not None)
            if len(read) < len(alleles):
                return self._half_called(read)
            return SiteReading(read, record.phased, record.phase_set, notes)
        return self._joined(variants, notes)

    def _half_called(self, known: Iterable[str | None]) -> SiteReading:
        """No call; whether a variant was seen on the copy that is known must not be lost."""
        seen = not {None, self.reference}.issuperset(known)
        return _unread("half_called_variant" if seen else "no_call_position")

    def _joined(self, variants: dict[tuple[str | None, ...], Record], notes: frozenset[str]) -> SiteReading:
        """Join records that were split by alternate allele: each tells of its own allele only.

        A copy with the allele of another line is reference on a line, or missing: both are usual.
        """
        ploidy = max(map(len, variants))
        # Without any known allele nothing is said about the number of copies: a mere `.` is usual too.
        lines = [(None,) * ploidy if set(found) == {None} else found for found in variants]
        named = [[allele for allele in found if allele not in {None, self.reference}] for found in lines]
        together = [allele for found in named for allele in found if allele is not None]
        disjoint = len(set(together)) == sum(len(set(found)) for found in named)
        if any(len(found) != ploidy for found in lines) or not disjoint or len(together) > ploidy:
            return _unread("conflicting_records")
        records = list(variants.values())
        if all(record.phased for record in records) and len({record.phase_set for record in records}) == 1:
            return self._joined_by_strand(lines, records[0].phase_set, notes)
        for found, own in zip(lines, named, strict=True):
            if found.count(None) > len(together) - len(own):
                return self._half_called(together)
        return SiteReading((*together, *[self.reference] * (ploidy - len(together))), reasons=notes)

    def _joined_by_strand(
        self, lines: Sequence[tuple[str | None, ...]], phase_set: str | None, notes: frozenset[str]
    ) -> SiteReading:
        strands = []
        for told in zip(*lines, strict=True):
            named = [allele for allele in told if allele not in {None, self.reference}]
            if len(named) > 1:
                return _unread("conflicting_records")
            if not named and None in told:
                return self._half_called(allele for found in lines for allele in found)
            strands.append(named[0] if named else self.reference)
        return SiteReading(tuple(str(allele) for allele in strands), phased=True, phase_set=phase_set, reasons=notes)

    def _copies(self, record: Record) -> tuple[str | None, ...] | str:
        """What each copy holds here by one record, or the reason why that cannot be told."""
        problem = self._reference_problem(record)
        if problem:
            return problem
        if not any(record.genotype):
            genotype = record.genotype or (None,)
            return tuple(None if number is None else self._reference_of(record) for number in genotype)
        meanings = self._meanings(record)
        return tuple(None if number is None else meanings[number] for number in record.genotype)

    def _reference_problem(self, record: Record) -> str | None:
        """Why the record's reference bases cannot be those of this site, or None."""
        if self._begins(record):
            return None
        spelled = self._spelled_by(record)
        expected = self.reference[max(record.pos - self.start, 0) :][: len(spelled)]
        if spelled != expected and (self.checked or spelled not in self.position.alts):
            return "reference_mismatch"
        return None if self.checked or len(spelled) == len(self.position.ref) else "reference_unchecked"

    def _spelled_by(self, record: Record) -> str:
        """The record's reference bases within this site."""
        return record.ref[max(self.start - record.pos, 0) : max(self.end + 1 - record.pos, 0)]

    def _reference_of(self, record: Record) -> str:
        """The build's bases here: known, or else as the record spells them."""
        return self.reference if self.checked else self._spelled_by(record)

    def _meanings(self, record: Record) -> tuple[str, ...]:
        """What each allele of a record means here, the reference first."""
        if self._begins(record) and self._defined.issuperset(record.alts):
            return (record.ref, *record.alts)
        reference = self._reference_of(record)
        return (reference, *(self._allele(record, alt, reference) for alt in record.alts))

    def _is_imbalanced(self, alleles: Iterable[str], records: Iterable[Record], policy: Policy) -> bool:
        """Whether an allele of a heterozygous reading has too small a share of the reads, as far as reads are given.

        Lines that were split by allele are counted together: each has reads of its own allele and of the reference.
        """
        reads: dict[str, int] = {}
        for record in records:
            # Depths that do not match the alleles are as good as none.
            if len(record.allele_depths) != 1 + len(record.alts):
                continue
            own: dict[str, int] = {}
            for meaning, depth in zip(self._meanings(record), record.allele_depths, strict=True):
                # A copy under a documented deletion counts as reference, see `_combine`.
                counted = self.reference if meaning == SPANNED else meaning
                own[counted] = own.get(counted, 0) + (depth or 0)
            reads |= {allele: max(depth, reads.get(allele, 0)) for allele, depth in own.items()}
        if not reads:
            return False
        shown = [reads.get(allele, 0) for allele in alleles]
        return min(shown) < policy.minimum_allele_balance * sum(shown) or not sum(shown)

    def _allele(self, record: Record, allele: str, reference: str) -> str:
        """The definition allele, other base, `SPANNED` or `UNDOCUMENTED` that one alternate allele means here."""
        if not _is_sequence(allele):
            return SPANNED
        change = smallest_change(record, allele)
        if self.is_single_base:
            if not change.start <= self.start <= change.last:
                return reference
            return change.added[self.start - change.start] if change.is_substitution else SPANNED
        if change.is_substitution and not self._is_replacement:
            return reference
        return self._documented(record, allele) or (UNDOCUMENTED if self._touched(change) else reference)

    def _documented(self, record: Record, allele: str) -> str | None:
        """The definition's alternate allele that makes the same sequence as the record's, if one does."""
        start = min(self.start, record.pos)
        end = max(self.end, record.pos + len(record.ref) - 1)
        joint = _joint_reference(self.start, self.reference, record.pos, record.ref)
        if joint is None:
            return None
        made = joint[: record.pos - start] + allele + joint[record.pos + len(record.ref) - start :]
        for alt in self.position.alts:
            if made == joint[: self.start - start] + alt + joint[len(joint) - (end - self.end) :]:
                return alt
        return None

    def is_carried_by(self, record: Record) -> bool:
        """Whether a copy carries one of this site's alternate alleles by this record."""
        return any(self._documented(record, allele) is not None for allele in _called_variants(record))

    def _is_spelled_elsewhere(self, calls: GenotypeCalls, records: Sequence[Record]) -> bool:
        """Whether a called indel beside the site may be a definition allele in a spelling that cannot be compared."""
        around = calls.overlapping(self.chrom, self.start - self.margin, self.end + self.margin)
        return len(around) > len(records) and any(
            not change.is_substitution and change.unit in self._indels
            for record in around
            if record not in records
            for change in (smallest_change(record, allele) for allele in _called_variants(record))
        )


def _is_sequence(allele: str) -> bool:
    """Whether an allele is written as bases, and is no symbol, no breakend and no `*`."""
    return allele.isalpha()


def _sequences(alleles: Iterable[str]) -> Iterator[str]:
    return filter(_is_sequence, alleles)


def _called_variants(record: Record) -> Iterator[str]:
    """Alternate alleles that the sample carries, written as bases."""
    return _sequences(record.alts[number - 1] for number in record.genotype if number)


def smallest_change(record: Record, allele: str) -> _Change:
    """The smallest replacement that an alternate allele of a record makes, as far left as the record's bases allow."""
    return _trimmed(record.pos, record.ref, allele)


def _trimmed(start: int, ref: str, alt: str) -> _Change:
    while ref and alt and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while ref and alt and ref[0] == alt[0]:
        ref, alt, start = ref[1:], alt[1:], start + 1
    return _Change(start, ref, alt)


def _joint_reference(start: int, ref: str, other_start: int, other_ref: str) -> str | None:
    """Reference bases over both stretches; None if they leave a gap or disagree."""
    if start > other_start:
        return _joint_reference(other_start, other_ref, start, ref)
    offset = other_start - start
    if offset > len(ref) or ref[offset : offset + len(other_ref)] != other_ref[: len(ref) - offset]:
        return None
    return ref + other_ref[len(ref) - offset :]


_SILENT = SiteReading()


def _unread(reason: str) -> SiteReading:
    return SiteReading(reasons=frozenset({reason}))


def _quality_problem(record: Record, policy: Policy, assay: Assay) -> str | None:
    """Why the record is as good as unread, or None."""
    return next(_quality_problems(record, policy, assay), None)


def _quality_problems(record: Record, policy: Policy, assay: Assay) -> Iterator[str]:
    genotype, depth, quality = record.genotype, record.depth, record.genotype_quality
    if record.filters:
        yield "filtered_position"
    if genotype.count(None) == len(genotype):
        return  # nothing to judge; other lines tell whether this is no call, or split from one with their alleles
    if depth is not None and depth < (policy.minimum_depth if len(genotype) > 1 else policy.minimum_depth / 2):
        yield "low_depth"
    # What an array's software writes as quality is the score of a cluster, with a cut-off of its own below which the
    # software makes no call; it is no probability of a wrong genotype.
    if quality is not None and quality < policy.minimum_genotype_quality and assay is not Assay.ARRAY:
        yield "low_genotype_quality"
    if depth is None and quality is None and record.end >= record.pos + len(record.ref):
        yield "block_without_depth"


def _quality_notes(records: Iterable[Record]) -> frozenset[str]:
    if any(record.depth is None and record.genotype_quality is None for record in records):
        return _NO_QUALITY
    return _NO_NOTES


_NO_QUALITY = frozenset({"no_quality_in_file"})
_NO_NOTES: frozenset[str] = frozenset()
