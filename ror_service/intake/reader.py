"""Reads a genotype file once, from its first byte to its last: hashes, checks every line, keeps what is wanted.

A record is kept when it overlaps a wanted interval, also when it begins before it: a deletion or a reference block that
starts elsewhere says something about the site. Nothing is returned before the end of the file was seen and verified.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from interpreters.genotypes import Build, CallSetKind, GenotypeCalls, Interval, Record
from ror_service.intake.container import TextSource
from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.header import Header, parse_header
from ror_service.intake.known_sites import KnownSites
from ror_service.intake.lines import (
    FIRST_LINES,
    GENOTYPE_ELSEWHERE,
    LENGTH_ELSEWHERE,
    NEW_CHROMOSOME,
    POSITION_FALLS,
    POSITION_ZERO,
    SAME_POSITION,
    WANTED,
    LineScan,
)
from ror_service.intake.raw_text import read_raw_text
from ror_service.intake.raw_text_dialects import begins_raw_text
from ror_service.intake.record import FlagBook, RecordParser
from ror_service.intake.repeats import RepeatWatch, settle_probes
from ror_service.intake.results import Container, Flag, Limits, ReadMetrics, ReadResult
from ror_service.intake.wanted import WantedIntervals

CHECKED_IN_FULL = 2_000
"""Records at the start of a file that are read in full although nobody wants them: a pipeline that writes wrong fields
writes them everywhere."""

_ALL_SITES_SHARE = 0.05
"""Share of explicit reference genotypes from which a file is taken to list reference sites on purpose; a variants-only
file of one sample has practically none."""

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
    for chunk in _with_first(first, chunks):
        scan.add(chunk)
    _check_whole(source, expected_sha256, flags, name_says_compressed=name_says_compressed)
    metrics = ReadMetrics(**scan.lines.counts)
    if not metrics.records:
        raise IntakeError(Problem.HEADER_ONLY, "the file has a header, but no records")
    scan.finish()
    return ReadResult(
        calls=GenotypeCalls(header.build, _kind(metrics), scan.records),
        build=header.build,
        sha256=source.sha256,
        size=source.size,
        sample_name=header.sample_name,
        header=header.facts,
        metrics=metrics,
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


def _kind(metrics: ReadMetrics) -> CallSetKind:
    """What the file's silence about a position means."""
    if metrics.reference_blocks:
        return CallSetKind.GVCF
    if metrics.explicit_reference >= max(1.0, _ALL_SITES_SHARE * metrics.records):
        return CallSetKind.ALL_SITES
    return CallSetKind.VARIANTS_ONLY


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
        (other_build,) = (build for build in Build if build is not header.build)
        self.header = header
        self.records: list[Record] = []
        self.lines = LineScan(header, limits, CHECKED_IN_FULL)
        self._wanted = wanted
        self._known_here = known.get(header.build, KnownSites())
        self._known_elsewhere = known.get(other_build, KnownSites())
        self._limits = limits
        self._flags = flags
        self._parser = RecordParser(header, flags)
        self._repeats = RepeatWatch(flags, of_probes=header.of_probes)
        self._name = b""
        self._chromosome: str | None = None
        self._seen: set[bytes] = set()

    def add(self, chunk: bytes) -> None:
        """Read a chunk of whole lines."""
        lines = self.lines
        if not chunk.isascii():
            _check_utf8(chunk, lines.next_number)
        lines.open(chunk)
        while why := lines.next():
            if why == NEW_CHROMOSOME:
                self._enter(lines.name)
            else:
                self._look(why, lines.line, lines.number)

    def finish(self) -> None:
        """What can only be said at the end of the file."""
        if not self.header.has_chr_prefix and self.header.build is Build.GRCH38:
            self._flags.raise_flag(Flag.NO_CHR_PREFIX, 0)
        if any(name in {b"chrM", b"M", b"MT"} and not c.chromosome for name, c in self.header.contigs.items()):
            self._flags.raise_flag(Flag.MITOCHONDRIAL_REFERENCE, 0)
        if self.header.of_probes:
            self.records = settle_probes(self.records)
        elif Flag.UNSORTED in self._flags.counts:
            self._repeats.check_kept(self.records)

    def _enter(self, name: bytes) -> None:
        """Go on with the lines of one chromosome."""
        if name == self._name:
            return
        number = self.lines.next_number
        contig = self.header.contig(name, number)
        if name in self._seen:
            self._flags.raise_flag(Flag.UNSORTED, number)
        self._seen.add(name)
        self._name, self._chromosome = name, contig.chromosome
        chrom = contig.chromosome or ""
        self.lines.enter(contig, self._wanted.on(chrom), self._known_here.on(chrom), self._known_elsewhere.on(chrom))

    def _look(self, why: int, line: bytes, number: int) -> None:
        """Note what is odd about a line, and read it if it is wanted or one of the file's first."""
        wanted = bool(why & WANTED)
        if why & GENOTYPE_ELSEWHERE:
            self._parser.check_format(line, number)
        if why & POSITION_ZERO:
            self._flags.raise_flag(Flag.POSITION_ZERO, number)
        if why & POSITION_FALLS:
            self._flags.raise_flag(Flag.UNSORTED, number)
        if why & LENGTH_ELSEWHERE:
            end = self._parser.end(line, number)
            wanted = self._chromosome is not None and self._wanted.overlaps(self._chromosome, self.lines.position, end)
        if why & SAME_POSITION and self._repeats.add(self.lines.line_before, line, number):
            wanted = False
        if why & FIRST_LINES:
            self._parser.inspect(line, number)
        if self._chromosome is not None and (wanted or why & FIRST_LINES):
            record = self._parser.parse(line, number, self._chromosome)
            if wanted:
                self._keep(record)

    def _keep(self, record: Record) -> None:
        self.records.append(record)
        if len(self.records) > self._limits.kept_records:
            raise IntakeError(Problem.TOO_LARGE, "more records overlap the wanted sites than the limit allows")


def _check_utf8(chunk: bytes, first_line: int) -> None:
    try:
        chunk.decode("utf-8")
    except UnicodeDecodeError as error:
        line = first_line + chunk.count(b"\n", 0, error.start)
        raise IntakeError(Problem.BAD_RECORD, "the line is not UTF-8 text", line=line) from error
