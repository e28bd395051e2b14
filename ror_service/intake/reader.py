"""Reads a genotype file once, from its first byte to its last: hashes, checks every line, keeps what is wanted.

A record is kept when it overlaps a wanted interval, also when it begins before it: a deletion or a reference block that
starts elsewhere says something about the site. Nothing is returned before the end of the file was seen and verified.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from interpreters.genotypes import Build, GenotypeCalls, Interval, Record
from ror_service.intake.build_watch import BuildWatch
from ror_service.intake.container import TextSource
from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.header import Contig, Header, parse_header
from ror_service.intake.known_sites import KnownSites
from ror_service.intake.raw_text import read_raw_text
from ror_service.intake.raw_text_dialects import begins_raw_text
from ror_service.intake.record import FlagBook, RecordParser
from ror_service.intake.repeats import RepeatWatch, settle_probes
from ror_service.intake.results import Container, Flag, Limits, ReadResult
from ror_service.intake.table import (
    ALT,
    CHROM,
    INFO,
    PADDING,
    REF,
    SAMPLE,
    LineTable,
    Mask,
    Numbers,
    chromosome_runs,
    read_block_ends,
    read_positions,
    tabulate,
)
from ror_service.intake.tally import Tally
from ror_service.intake.wanted import WantedIntervals

CHECKED_IN_FULL = 2_000
"""Records at the start of a file that are read in full although nobody wants them: a pipeline that writes wrong fields
writes them everywhere."""

WantedFor = Callable[[Build], WantedIntervals]


def read_genotypes(
    path: Path,
    intervals_for: Callable[[Build], Sequence[Interval]],
    limits: Limits | None = None,
    expected_sha256: str | None = None,
    known: Mapping[Build, KnownSites] | None = None,
) -> ReadResult:
    """Read a genotype file in this process.

    The service reads files of others with `isolation.read_in_child` instead, which comes here in a confined process.

    Args:
        path: The file; a path of the caller's own making, never a name from outside.
        intervals_for: What to keep, for the build that the file turns out to have.
        limits: Caps on the file.
        expected_sha256: Hash that the sender announced, in hexadecimal.
        known: Sites whose bases are known, by build; without them no raw text can be read.

    Raises:
        IntakeError: If the file cannot be used; the error names the file, the line and the remedy.
    """
    try:
        with path.open("rb") as stream:
            return read_stream(
                stream,
                lambda build: WantedIntervals.of(intervals_for(build)),
                limits or Limits(),
                expected_sha256,
                known=known,
                name_says_compressed=says_compressed(path),
            )
    except OSError as error:
        raise IntakeError(Problem.UNREADABLE, "the file cannot be read", file=str(path)) from error
    except IntakeError as error:
        raise error.in_file(str(path)) from error


def says_compressed(path: Path) -> bool:
    """Whether the file's name ends like that of a compressed file."""
    return path.suffix.lower() in {".gz", ".bgz"}


def read_stream(
    stream: BinaryIO,
    wanted_for: WantedFor,
    limits: Limits,
    expected_sha256: str | None = None,
    *,
    known: Mapping[Build, KnownSites] | None = None,
    name_says_compressed: bool = False,
) -> ReadResult:
    """Read a genotype file from an open stream; see `read_genotypes`."""
    source = TextSource(stream, limits)
    flags = FlagBook()
    chunks = _lines(source, limits, flags)
    opening = next(chunks, b"")
    chunks = _with_first(opening, chunks)
    if begins_raw_text(opening):
        text = read_raw_text(chunks, known or {}, wanted_for, limits, flags)
        _check_whole(source, expected_sha256, flags, name_says_compressed=name_says_compressed)
        return ReadResult(
            calls=text.calls,
            build=text.calls.build,
            sha256=source.sha256,
            size=source.size,
            sample_name="",
            header=text.header,
            metrics=text.metrics,
            container=source.container,
            flags=flags.result(),
        )
    header, first = _header(chunks, limits)
    scan = _Scan(header, wanted_for(header.build), limits, flags, known or {})
    number = header.lines + 1
    for chunk in _with_first(first, chunks):
        number = scan.add(chunk, number)
    _check_whole(source, expected_sha256, flags, name_says_compressed=name_says_compressed)
    if not scan.tally.counts["records"]:
        raise IntakeError(Problem.HEADER_ONLY, "the file has a header, but no records")
    scan.finish()
    return ReadResult(
        calls=GenotypeCalls(header.build, scan.tally.kind(), scan.records),
        build=header.build,
        sha256=source.sha256,
        size=source.size,
        sample_name=header.sample_name,
        header=header.facts,
        metrics=scan.tally.metrics(),
        container=source.container,
        flags=flags.result(),
    )


def _check_whole(
    source: TextSource, expected_sha256: str | None, flags: FlagBook, *, name_says_compressed: bool
) -> None:
    """What can be said of the stored bytes once all were read."""
    if expected_sha256 is not None and source.sha256 != expected_sha256.lower():
        raise IntakeError(Problem.CHECKSUM_MISMATCH, "the file is not the one whose SHA-256 was announced")
    if name_says_compressed and source.container is Container.PLAIN:
        flags.raise_flag(Flag.NAME_SAYS_COMPRESSED, 0)


def _with_first(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _lines(source: TextSource, limits: Limits, flags: FlagBook) -> Iterator[bytes]:
    """The text in chunks of whole lines, each ending in a newline; line ends of Windows are made plain."""
    carry: list[bytes] = []
    carried = 0
    for piece in source.pieces():
        cut = piece.rfind(b"\n") + 1
        chunk = _plain_line_ends(b"".join((*carry, memoryview(piece)[:cut])), flags) if cut else b""
        # Empty lines are held back: at the end of a file they do no harm, anywhere else they are refused.
        whole = chunk.rstrip(b"\n") + b"\n" if chunk.endswith(b"\n\n") else chunk
        if len(whole) > 1:
            yield whole
            carry, carried = [chunk[len(whole) :], piece[cut:]], len(chunk) - len(whole) + len(piece) - cut
        else:
            carry.append(piece)
            carried += len(piece)
        if carried > limits.line_bytes:
            raise IntakeError(Problem.LINE_TOO_LONG, "a line exceeds the limit")
    rest = b"".join(carry).strip(b"\r\n")
    if carried and not rest:
        flags.raise_flag(Flag.EMPTY_LAST_LINES, 0)
    elif rest:
        flags.raise_flag(Flag.NO_FINAL_NEWLINE, 0)
        yield _plain_line_ends(b"".join(carry) + b"\n", flags)


def _plain_line_ends(chunk: bytes, flags: FlagBook) -> bytes:
    if b"\r" in chunk:
        flags.raise_flag(Flag.CARRIAGE_RETURNS, 0, chunk.count(b"\r\n"))
        chunk = chunk.replace(b"\r\n", b"\n")
        if b"\r" in chunk:
            raise IntakeError(Problem.BAD_RECORD, "a carriage return stands within a line")
    return chunk


def _header(chunks: Iterator[bytes], limits: Limits) -> tuple[Header, bytes]:
    """The header, and what follows it in its last chunk."""
    text = b""
    for chunk in chunks:
        if not text and not chunk.startswith(b"##fileformat=VCF"):
            raise IntakeError(Problem.NOT_A_VCF, "the first line is not ##fileformat=VCF...", line=1)
        text += chunk
        end = _header_end(text)
        if (end or len(text)) > limits.header_bytes:
            raise IntakeError(Problem.HEADER_TOO_LARGE, "the header exceeds the limit")
        if end:
            return parse_header(text[:end], limits), text[end:]
    if not text:
        raise IntakeError(Problem.NOT_A_VCF, "the file is empty")
    raise IntakeError(Problem.BAD_HEADER, "the header has no #CHROM line")


def _header_end(text: bytes) -> int:
    """Where the first line that does not begin with ## ends; 0 if there is none."""
    start = 0
    while text.startswith(b"##", start):
        start = text.find(b"\n", start) + 1
        if start == len(text):
            return 0
    return text.find(b"\n", start) + 1


class _Scan:
    """The state of one pass over the records."""

    def __init__(
        self,
        header: Header,
        wanted: WantedIntervals,
        limits: Limits,
        flags: FlagBook,
        known: Mapping[Build, KnownSites],
    ) -> None:
        self.header = header
        self.records: list[Record] = []
        self.tally = Tally(header, flags)
        self._builds = BuildWatch(header.build, known)
        self._wanted = wanted
        self._limits = limits
        self._flags = flags
        self._parser = RecordParser(header, flags)
        self._repeats = RepeatWatch(flags, of_probes=header.of_probes)
        self._last: tuple[bytes, int] = (b"", 0)
        self._seen: set[bytes] = set()

    def add(self, chunk: bytes, first_line: int) -> int:
        """Read a chunk of whole lines; returns the number of the line after it."""
        if not chunk.isascii():
            _check_utf8(chunk, first_line)
        table = tabulate(chunk + PADDING, first_line)
        if int((table.ends[SAMPLE] - table.starts[CHROM]).max()) > self._limits.line_bytes:
            raise IntakeError(Problem.LINE_TOO_LONG, "a line exceeds the limit")
        positions = read_positions(table)
        ends = self._ends(table, positions)
        genotypes = self.tally.add(table)
        copies = self._repeats.add(table, positions)
        for low, high, name in chromosome_runs(table):
            rows = slice(low, high)
            contig = self.header.contig(name, table.number(low))
            self._check_run(table, rows, name, contig, positions)
            self.tally.add_run(contig.chromosome, table, rows, positions, genotypes)
            if contig.chromosome is not None:
                self._builds.add(contig.chromosome, table, rows, positions)
                hits = self._wanted.overlapping(contig.chromosome, positions[rows], ends[rows])
                self._keep(table, rows, contig.chromosome, hits & ~copies[rows])
        return first_line + len(table)

    def finish(self) -> None:
        """What can only be said at the end of the file."""
        self.tally.counts.update(known_here=self._builds.here, known_elsewhere=self._builds.elsewhere)
        if not self.header.has_chr_prefix and self.header.build is Build.GRCH38:
            self._flags.raise_flag(Flag.NO_CHR_PREFIX, 0)
        if any(name in {b"chrM", b"M", b"MT"} and not c.chromosome for name, c in self.header.contigs.items()):
            self._flags.raise_flag(Flag.MITOCHONDRIAL_REFERENCE, 0)
        if self.header.of_probes:
            self.records = settle_probes(self.records)
        elif Flag.UNSORTED in self._flags.counts:
            self._repeats.check_kept(self.records)

    def _ends(self, table: LineTable, positions: Numbers) -> Numbers:
        """Last reference base of every line."""
        ends = positions + table.widths(REF) - 1
        symbolic = (table.code(ALT) == ord("<")) | table.begins_with(ALT, b".\t")
        if not symbolic.any():
            return ends
        begins = table.begins_with(INFO, b"END=")
        rows = np.flatnonzero(symbolic & begins)
        blocks = read_block_ends(table, rows)
        if (wrong := blocks < positions[rows]).any():
            line = table.number(int(rows[int(np.argmax(wrong))]))
            raise IntakeError(Problem.BAD_RECORD, "INFO END is not a position at or after POS", line=line)
        ends[rows] = np.maximum(ends[rows], blocks)
        lengths_elsewhere = b";END=" in table.data or b"SVLEN=" in table.data or "LEN" in self.header.formats
        if lengths_elsewhere:
            for row in np.flatnonzero(symbolic & ~begins).tolist():
                ends[row] = self._parser.end(table.line(row), table.number(row))
        return ends

    def _check_run(self, table: LineTable, rows: slice, name: bytes, contig: Contig, positions: Numbers) -> None:
        """Order, range and zero of the positions of one chromosome."""
        own = positions[rows]
        if contig.length is not None and (beyond := own > contig.length).any():
            line = table.number(rows.start + int(np.argmax(beyond)))
            raise IntakeError(Problem.BAD_RECORD, "POS lies behind the end of its chromosome", line=line)
        if (zero := own == 0).any():
            line = table.number(rows.start + int(np.argmax(zero)))
            self._flags.raise_flag(Flag.POSITION_ZERO, line, int(np.count_nonzero(zero)))
        last_name, last_position = self._last
        before = np.concatenate(([last_position if name == last_name else 0], own[:-1]))
        if (falls := own < before).any():
            line = table.number(rows.start + int(np.argmax(falls)))
            self._flags.raise_flag(Flag.UNSORTED, line, int(np.count_nonzero(falls)))
        if name != last_name and name in self._seen:
            self._flags.raise_flag(Flag.UNSORTED, table.number(rows.start))
        self._seen.add(name)
        self._last = (name, int(own[-1]))

    def _keep(self, table: LineTable, rows: slice, chromosome: str, hits: Mask) -> None:
        """Read the wanted lines of one chromosome, and all of the file's first ones."""
        unchecked = CHECKED_IN_FULL - (table.number(rows.start) - self.header.lines - 1)
        for row in range(rows.start, rows.start + max(0, min(unchecked, len(hits)))):
            self._parser.inspect(table.line(row), table.number(row))
            if not hits[row - rows.start]:
                self._parser.parse(table.line(row), table.number(row), chromosome)
        for row in (np.flatnonzero(hits) + rows.start).tolist():
            self.records.append(self._parser.parse(table.line(row), table.number(row), chromosome))
        if len(self.records) > self._limits.kept_records:
            raise IntakeError(Problem.TOO_LARGE, "more records overlap the wanted sites than the limit allows")


def _check_utf8(chunk: bytes, first_line: int) -> None:
    try:
        chunk.decode("utf-8")
    except UnicodeDecodeError as error:
        line = first_line + chunk.count(b"\n", 0, error.start)
        raise IntakeError(Problem.BAD_RECORD, "the line is not UTF-8 text", line=line) from error
