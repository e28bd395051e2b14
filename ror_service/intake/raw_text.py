"""Reads the raw text of a consumer's array: letters at positions, without reference bases, depth or quality.

Letters become a genotype only where the installed knowledge tells the reference base of the file's build and the other
bases that are known there. Everything else is a no-call, or is not read; it is counted, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from interpreters.genotypes import Build, CallSetKind, GenotypeCalls, Record
from ror_service.intake.builds import CHROMOSOMES, LENGTHS, PSEUDO_AUTOSOMAL
from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.known_sites import BASES, KnownSites, SitesOfChromosome
from ror_service.intake.raw_text_dialects import (
    DOWNLOAD_AGAIN,
    UNPLACED,
    Dialect,
    RawTextHeader,
    header_end,
    read_header,
)
from ror_service.intake.record import FlagBook
from ror_service.intake.results import Flag, HeaderFacts, Limits, ReadMetrics
from ror_service.intake.wanted import WantedIntervals

Codes = NDArray[np.uint8]
Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]

MOST_LINES = 5_000_000
"""Lines of the longest file; the largest arrays have two million probes."""
FEWEST_SITES = 100
"""Called sites with known bases below which a file's build cannot be told."""
AGREEING = 0.95
"""Share of those sites at which the letters must be known bases of the site. The right build has nearly all; at sites
of another build it is chance."""
FEWEST_STRAND_SITES = 500
MOST_TURNED = 0.001
"""Share of letters of the other strand above which A/T and C/G sites, where it does not show, are not read."""

_BITS = np.zeros(256, dtype=np.uint8)
"""One bit for each base, by its character."""
_BITS[[ord(base) for base in BASES]] = [1 << place for place in range(len(BASES))]
_COMPLEMENTS = np.array(
    [sum(1 << (3 - bit) for bit in range(4) if bits >> bit & 1) for bits in range(16)], dtype=np.uint8
)
"""The bases of the other strand, by the bits of these."""

_PADDING = b"\0" * 16
_LAST_CONTROL, _LAST_ASCII = 10, 127
_LONGEST_POSITION = 9
_OTHER = 255
"""In place of a chromosome's number."""
_COMMAS = bytes.maketrans(b",", b"\t")
_HAPLOID, _ONE_COPY = np.zeros((2, 256), dtype=np.bool_)
"""Chromosomes, by number, of which some people have one copy, and those of which nobody has two."""
_HAPLOID[[CHROMOSOMES.index(name) for name in ("X", "Y", "MT")]] = True
_ONE_COPY[[CHROMOSOMES.index(name) for name in ("Y", "MT")]] = True

_LETTER, _INDEL, _MISSING, _NOTHING = 1, 2, 4, 8
_KINDS = np.zeros(256, dtype=np.uint8)
_KINDS[[ord(letter) for letter in BASES]] = _LETTER
_KINDS[[ord(letter) for letter in "DI"]] = _INDEL
_KINDS[[ord(letter) for letter in "-0"]] = _MISSING
_KINDS[0] = _NOTHING


class Letters(NamedTuple):
    """The lines of a file: columns of one length."""

    chromosomes: Codes
    """Numbers in `CHROMOSOMES`, or 255."""
    positions: Numbers
    first: Codes
    """Characters of the two alleles."""
    second: Codes
    """0 where there is one allele."""


@dataclass(frozen=True, slots=True)
class RawText:
    """What a file holds, once its build is told."""

    calls: GenotypeCalls
    header: HeaderFacts
    metrics: ReadMetrics


def read_raw_text(
    chunks: Iterable[bytes],
    known: Mapping[Build, KnownSites],
    wanted_for: Callable[[Build], WantedIntervals],
    limits: Limits,
    flags: FlagBook,
) -> RawText:
    """Read the text to its end.

    Args:
        chunks: Whole lines from the first on, each ending in a newline.
        known: Sites with known bases, by build: by them the build is told, and letters become genotypes.
        wanted_for: What is wanted of the file's build, to count what stays unread for want of a known base.
        limits: Caps on the file.
        flags: Where oddities are noted.

    Raises:
        IntakeError: `bad_record`, one of the build codes, or what `read_header` raises.
    """
    header, parts = _parts(chunks, limits)
    if not parts:
        raise IntakeError(Problem.HEADER_ONLY, "the file has a header, but no data")
    text = Letters(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    matches = {build: _Match.of(text, sites) for build, sites in known.items()}
    build = _tell_build(header.build, matches, len(text.positions))
    _check_positions(text, build, header.lines, flags)
    records = _records(text, matches[build], header.lines, flags)
    return RawText(
        calls=GenotypeCalls(build, CallSetKind.ALL_SITES, records),
        header=HeaderFacts(header.dialect.name, None, 0, chr_prefix=False),
        metrics=_metrics(text, build, records, wanted_for(build), known[build]),
    )


def _parts(chunks: Iterable[bytes], limits: Limits) -> tuple[RawTextHeader, list[Letters]]:
    """The header, and the columns of each chunk of lines."""
    text, header = b"", None
    parts: list[Letters] = []
    lines = 0
    for chunk in chunks:
        data = chunk
        if header is None:
            text += chunk
            end = header_end(text)
            if not end and len(text) <= limits.header_bytes:
                continue
            header, data = read_header(text[:end] if end else text, limits), text[end:]
            lines = header.lines
        if data:
            parts.append(_letters(data, header.dialect, lines + 1))
            lines += len(parts[-1].positions)
        if lines > MOST_LINES:
            raise IntakeError(Problem.TOO_LARGE, "the file has more lines than any array has probes")
    return header or read_header(text, limits), parts


def _letters(data: bytes, dialect: Dialect, first_line: int) -> Letters:
    """Take whole lines apart; every line is checked."""
    if not data.isascii():
        at = int(np.argmax(np.frombuffer(data, dtype=np.uint8) > _LAST_ASCII))
        raise _bad("the line is not plain text", first_line + data.count(b"\n", 0, at))
    if dialect.separator == ",":
        if b"\t" in data:
            raise _bad("the line holds control characters", first_line + data.count(b"\n", 0, data.index(b"\t")))
        data = data.translate(_COMMAS, b'"')
    columns = dialect.columns.count(dialect.separator) + 1
    padded = data + _PADDING
    codes = np.frombuffer(padded, dtype=np.uint8)
    separators = np.flatnonzero(codes[: len(data)] <= _LAST_CONTROL)
    count = separators.size // columns
    pattern = (b"\t" * (columns - 1) + b"\n") * count
    if separators.size != count * columns or codes[separators].tobytes() != pattern:
        raise _bad_columns(data, columns, first_line)
    ends = separators.reshape(count, columns)
    starts = np.empty_like(ends)
    starts[:, 1:] = ends[:, :-1] + 1
    starts[0, 0] = 0
    starts[1:, 0] = ends[:-1, -1] + 1
    first, second = _alleles(codes, starts, ends, dialect, first_line)
    return Letters(
        _chromosomes(codes, starts[:, 1], ends[:, 1], dialect, first_line),
        _positions(codes, starts[:, 2], ends[:, 2], first_line),
        first,
        second,
    )


def _alleles(codes: Codes, starts: Numbers, ends: Numbers, dialect: Dialect, first_line: int) -> tuple[Codes, Codes]:
    width = ends[:, 3] - starts[:, 3]
    first = codes[starts[:, 3]]
    if dialect.allele_columns == 1:
        bad = (width < 1) | (width > 2)  # noqa: PLR2004 - two alleles
        second = np.where(width > 1, codes[starts[:, 3] + 1], np.uint8(0))
    else:
        bad = (width != 1) | (ends[:, 4] - starts[:, 4] != 1)
        second = codes[starts[:, 4]]
    bad |= (_KINDS[first] == 0) | (_KINDS[second] == 0)
    if bad.any():
        raise _bad("the genotype is none of A, C, G, T, D, I and - or 0", first_line + int(np.argmax(bad)))
    return first, second


def _chromosomes(codes: Codes, starts: Numbers, ends: Numbers, dialect: Dialect, first_line: int) -> Codes:
    """Number of the chromosome of every line; names are read once for each run of equal ones."""
    width = ends - starts
    key = codes[starts].astype(np.int64) << 8 | codes[starts + 1]
    # Of a name of one letter the next byte is the separator, of an empty one the first: equal for equal names.
    changes = np.flatnonzero((key[1:] != key[:-1]) | (width[1:] != width[:-1])) + 1
    edges = [0, *changes.tolist(), len(starts)]
    names = dict(dialect.chromosomes)
    numbers = np.empty(len(starts), dtype=np.uint8)
    for low, high in pairwise(edges):
        name = codes[starts[low] : ends[low]].tobytes().decode()
        if name not in names and name not in UNPLACED:
            raise IntakeError(Problem.UNKNOWN_CONTIG, "this is no chromosome", line=first_line + low)
        numbers[low:high] = CHROMOSOMES.index(names[name]) if name in names else _OTHER
    return numbers


def _positions(codes: Codes, starts: Numbers, ends: Numbers, first_line: int) -> Numbers:
    width = ends - starts
    values = np.zeros(len(starts), dtype=np.int64)
    bad = (width < 1) | (width > _LONGEST_POSITION)
    for offset in range(int(min(width.max(), _LONGEST_POSITION))):
        inside = width > offset
        digits = codes[starts + offset] - np.uint8(ord("0"))
        bad |= inside & (digits > 9)  # noqa: PLR2004 - a digit
        values = np.where(inside, values * 10 + digits, values)
    if bad.any():
        raise _bad("the position is no whole number", first_line + int(np.argmax(bad)))
    return values


def _meet(positions: Numbers, sites: SitesOfChromosome) -> tuple[Numbers, Codes, Codes]:
    """Which of `positions` are sites: their indices, and the reference base and the other bases of each."""
    known = np.asarray(sites.positions)
    index = np.searchsorted(known, positions)
    index[index == len(known)] = 0
    rows = np.flatnonzero(known[index] == positions)
    references, alternates = (np.frombuffer(bases, dtype=np.uint8)[index[rows]] for bases in sites[1:])
    return rows, references, alternates


@dataclass(frozen=True, slots=True)
class _Match:
    """The lines of a file that lie at known sites of one build."""

    rows: Numbers
    """Numbers of the lines, by chromosome."""
    references: Codes
    """Reference base at each, as a character."""
    alternates: Codes
    """Other known bases at each, as bits."""
    letters: Codes
    """Bases of the genotype, as bits; 0 where it is not called."""

    @classmethod
    def of(cls, text: Letters, known: KnownSites) -> _Match:
        nothing = np.zeros(0, dtype=np.uint8)
        found: list[tuple[Numbers, Codes, Codes]] = [(nothing.astype(np.int64), nothing, nothing)]
        for number, name in enumerate(CHROMOSOMES):
            if sites := known.by_chromosome.get(name):
                lines = np.flatnonzero(text.chromosomes == number)
                rows, references, alternates = _meet(text.positions[lines], sites)
                found.append((lines[rows], references, alternates))
        rows, references, alternates = (np.concatenate(columns) for columns in zip(*found, strict=True))
        first, second = text.first[rows], text.second[rows]
        letters = np.where(_called(text)[rows], _BITS[first] | _BITS[second], np.uint8(0))
        return cls(rows, references, alternates, letters)

    @property
    def bases(self) -> Codes:
        """All known bases, as bits."""
        return _BITS[self.references] | self.alternates

    @property
    def ambiguous(self) -> Mask:
        """Whether two of the known bases are one another's complement: the strand does not show."""
        mask: Mask = _COMPLEMENTS[self.bases] & self.bases != 0
        return mask

    @property
    def fitting(self) -> Mask:
        """Whether every letter is a known base."""
        mask: Mask = (self.letters & ~self.bases == 0) & (self.letters != 0)
        return mask

    def strand_is_plain(self) -> bool:
        """Whether the sites at which the strand shows say that the letters are of the plus strand."""
        shows = ~self.ambiguous & (self.letters != 0)
        turned = shows & ~self.fitting & (_COMPLEMENTS[self.letters] & ~self.bases == 0)
        compared = int(np.count_nonzero(shows))
        return compared >= FEWEST_STRAND_SITES and int(np.count_nonzero(turned)) <= MOST_TURNED * compared


def _tell_build(word: Build | None, matches: Mapping[Build, _Match], lines: int) -> Build:
    """The build that the header's words and the bases at known sites agree on."""
    compared: dict[Build, int] = {}
    agreeing: set[Build] = set()
    for build, match in matches.items():
        in_others = np.zeros(lines, dtype=np.bool_)  # what is known in both builds tells neither
        for other in matches.keys() - {build}:
            in_others[matches[other].rows] = True
        telling = (match.letters != 0) & ~in_others[match.rows]
        compared[build] = int(np.count_nonzero(telling))
        fits = int(np.count_nonzero(telling & match.fitting))
        if compared[build] >= FEWEST_SITES and fits >= AGREEING * compared[build]:
            agreeing.add(build)
    if word is None and len(agreeing) == 1:
        return next(iter(agreeing))
    if word in agreeing:
        return word
    if word is None:
        raise IntakeError(
            Problem.BUILD_UNKNOWN, "the bases at known positions tell no build that is read", remedy=DOWNLOAD_AGAIN
        )
    if (few := compared.get(word, 0)) < FEWEST_SITES and not agreeing:
        problem = f"only {few} called positions with known bases: the named build cannot be checked"
        raise IntakeError(Problem.BUILD_UNKNOWN, problem, remedy="send the whole file as it was downloaded")
    problem = f"the header names {word}, the bases at known positions are of another build or strand"
    raise IntakeError(Problem.BUILD_MISMATCH, problem, remedy=DOWNLOAD_AGAIN)


def _called(text: Letters) -> Mask:
    """Lines with a whole genotype of bases: two letters, or one where there may be one copy."""
    first, second = _KINDS[text.first], _KINDS[text.second]
    one = (second == _NOTHING) & _HAPLOID[text.chromosomes]
    mask: Mask = (first == _LETTER) & ((second == _LETTER) | one)
    return mask


def _check_positions(text: Letters, build: Build, header_lines: int, flags: FlagBook) -> None:
    lengths = np.array([*(LENGTHS[build][name] for name in CHROMOSOMES), np.iinfo(np.int64).max])
    if (beyond := text.positions > lengths[np.minimum(text.chromosomes, len(CHROMOSOMES))]).any():
        line = header_lines + 1 + int(np.argmax(beyond))
        raise _bad("the position lies behind the end of its chromosome", line)
    if (zero := (text.positions == 0) & (text.chromosomes != _OTHER)).any():
        line = header_lines + 1 + int(np.argmax(zero))
        flags.raise_flag(Flag.POSITION_ZERO, line, int(np.count_nonzero(zero)))


def _records(text: Letters, match: _Match, header_lines: int, flags: FlagBook) -> list[Record]:
    """One record for each known site that the file speaks of by letters or as a no-call."""
    rows = match.rows
    unknown = (match.letters != 0) & ~match.fitting
    unsure = np.zeros(len(rows), dtype=np.bool_)
    if not match.strand_is_plain():
        unsure = match.ambiguous & (match.letters != 0) & ~unknown
    kinds = _KINDS[text.first[rows]] | _KINDS[text.second[rows]]
    half = (match.letters == 0) & (kinds & _LETTER != 0) & (kinds & _INDEL == 0)
    single = _ONE_COPY[text.chromosomes[rows]]
    mixed = single & (match.letters & (match.letters - (match.letters != 0)) != 0)
    for flag, mask in (
        (Flag.UNEXPECTED_ALLELE, unknown),
        (Flag.STRAND_UNCHECKED, unsure),
        (Flag.HALF_CALL, half | mixed),
    ):
        if mask.any():
            flags.raise_flag(flag, header_lines + 1 + int(rows[mask].min()), int(np.count_nonzero(mask)))
    usable = (match.letters != 0) & ~unknown & ~unsure & ~mixed
    spoken = kinds & _INDEL == 0  # an insertion or deletion is another variant: it tells nothing of this base
    haploid = single | (text.second[rows] == 0)
    records: dict[tuple[int, int], Record] = {}
    disagreeing: set[tuple[int, int]] = set()
    columns = (
        rows, text.chromosomes[rows], text.positions[rows], match.references, text.first[rows], text.second[rows],
        usable, haploid,
    )  # fmt: skip
    for row, chrom, pos, ref, first, second, good, one in zip(
        *(column[spoken].tolist() for column in columns), strict=True
    ):
        letters = (chr(first) if one else chr(first) + chr(second)) if good else ""
        record = _record(CHROMOSOMES[chrom], pos, chr(ref), letters, header_lines + 1 + row)
        place = (chrom, pos)
        before = records.setdefault(place, record)
        if before is record:
            continue
        called = None not in record.genotype
        if called and None not in before.genotype:
            same = before.alts == record.alts and before.genotype == record.genotype
            flags.raise_flag(Flag.REPEATED_RECORDS if same else Flag.CONFLICTING_PROBES, record.line)
            if not same:
                disagreeing.add(place)
        elif called:
            records[place] = record
    for place in disagreeing:
        record = records[place]
        records[place] = _record(record.chrom, record.pos, record.ref, "", record.line)
    return list(records.values())


def _record(chrom: str, pos: int, ref: str, letters: str, line: int) -> Record:
    """A record of these letters; of a no-call without any. The order of two letters means nothing."""
    alts = tuple(sorted(set(letters) - {ref}))
    names = (ref, *alts)
    genotype: tuple[int | None, ...] = tuple(sorted(map(names.index, letters))) or (None, None)
    return Record(chrom=chrom, pos=pos, end=pos, ref=ref, alts=alts, genotype=genotype, line=line)


def _metrics(
    text: Letters, build: Build, records: Iterable[Record], wanted: WantedIntervals, known: KnownSites
) -> ReadMetrics:
    """Counts over all lines."""
    called, kinds = _called(text), _KINDS[text.first] | _KINDS[text.second]
    differ = called & (text.second != 0) & (text.first != text.second)
    of = {name: text.chromosomes == number for number, name in enumerate(CHROMOSOMES) if name in {"X", "Y", "MT"}}
    own = {name: mask.copy() for name, mask in of.items()}
    for chrom, start, end in PSEUDO_AUTOSOMAL[build]:
        own[chrom] &= (text.positions < start) | (text.positions > end)
    unread = 0
    for number, name in enumerate(CHROMOSOMES):
        positions = text.positions[text.chromosomes == number]
        starts, ends = (np.asarray(edges) for edges in wanted.on(name))
        # Disjoint and sorted: a position lies in one when more of them have begun than have ended before it.
        asked = positions[np.searchsorted(starts, positions, "right") > np.searchsorted(ends, positions)]
        sites = known.by_chromosome.get(name)
        unread += len(asked) - (len(_meet(asked, sites)[0]) if sites else 0)

    def count(mask: Mask) -> int:
        return int(np.count_nonzero(mask))

    return ReadMetrics(
        records=len(called),
        autosomal=count(text.chromosomes < CHROMOSOMES.index("X")),
        chromosome_x=count(of["X"]),
        chromosome_y=count(of["Y"]),
        mitochondrial=count(of["MT"]),
        other_contigs=count(text.chromosomes == _OTHER),
        no_calls=count(kinds & ~np.uint8(_MISSING | _NOTHING) == 0),
        explicit_reference=sum(not any(record.genotype) and None not in record.genotype for record in records),
        x_called=count(own["X"] & called),
        x_heterozygous=count(own["X"] & differ),
        x_haploid=count(own["X"] & called & (text.second == 0)),
        y_called=count(own["Y"] & called),
        half_calls=count((kinds & _LETTER != 0) & (kinds & _INDEL == 0) & ~called),
        heterozygous=count(differ),
        insertions_or_deletions=count(kinds & _INDEL != 0),
        without_reference_base=unread,
    )


def _bad_columns(data: bytes, columns: int, first_line: int) -> IntakeError:
    for number, line in enumerate(data.split(b"\n"), start=first_line):
        found = line.count(b"\t") + 1
        if found != columns:
            return _bad(f"the line has {found} columns, not {columns}" if line else "the line is empty", number)
        if any(code <= _LAST_CONTROL for code in line.replace(b"\t", b" ")):
            return _bad("the line holds control characters", number)
    raise AssertionError("a chunk with a bad line has a bad line")  # pragma: no cover - the caller saw one


def _bad(problem: str, line: int) -> IntakeError:
    return IntakeError(Problem.BAD_RECORD, problem, line=line, remedy="send the file as it was downloaded, unchanged")
