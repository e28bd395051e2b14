"""Reads the records of a multi-sample VCF file at given positions, one line at a time.

Only for counting: what a record holds of a person is whether two alleles were called and which. Memory grows with the
number of samples, not with that of records.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from interpreters.ancestry.reading import UNREAD
from interpreters.ancestry.reference import CohortRecord
from interpreters.genotypes import Build
from ror_service.intake.container import TextSource, numbered_lines
from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.header import Header, parse_header
from ror_service.intake.results import MEBIBYTE, Limits

COHORT_LIMITS = Limits(file_bytes=1 << 44, text_bytes=1 << 46, line_bytes=256 * MEBIBYTE, header_bytes=64 * MEBIBYTE)
"""A line holds every sample, and a file all of a programme."""

_FIXED = 9
"""Columns before those of the samples."""
_DIPLOID = re.compile(rb"[/|]?[0-9]+[/|][0-9]+")
_GENOTYPE = re.compile(rb"[/|]?(?:\.|[0-9]{1,5})(?:[/|](?:\.|[0-9]{1,5}))*")
_FEWER_SAMPLES = "split the cohort by chromosome and drop annotations and fields but GT (`bcftools annotate -x`)"
_PASSED = frozenset({b"PASS", b"."})


@dataclass(slots=True)
class Cohort:
    """A file of many samples, open for one pass."""

    header: Header
    samples: tuple[str, ...]
    lines: Iterator[tuple[int, bytes]]
    records_read: int = 0
    """Records that have gone by, at any position."""

    @property
    def build(self) -> Build:
        """As the header tells it."""
        return self.header.build

    def records(self, positions: Container[tuple[str, int]]) -> Iterator[CohortRecord]:
        """Records that stand at one of these positions (chromosome, 1-based position in the file's build).

        Raises:
            IntakeError: `bad_record` or `unknown_contig` naming the line, `header_only`, or what a damaged file gives.
        """
        by_alternates: dict[int, _Genotypes] = {}
        for number, line in self.lines:
            place = line.split(b"\t", 2)
            if len(place) <= 2 or not place[1].isdigit():  # noqa: PLR2004 - CHROM, POS and the rest
                raise _bad(number, "CHROM and POS are not there, or POS is no whole number")
            self.records_read += 1
            chromosome, pos = self.header.contig(place[0], number).chromosome, int(place[1][:10])
            if chromosome is not None and (chromosome, pos) in positions:
                yield self._record(chromosome, pos, line, number, by_alternates)
        if not self.records_read:
            raise IntakeError(Problem.HEADER_ONLY, "the file has no records")

    def _record(
        self, chromosome: str, pos: int, line: bytes, number: int, by_alternates: dict[int, _Genotypes]
    ) -> CohortRecord:
        fields = line.split(b"\t")
        if len(fields) != _FIXED + len(self.samples):
            raise _bad(number, "the line has not as many columns as the header")
        _, _, _, ref, alt, _, filters, _, form = fields[:_FIXED]
        if not ref.isalpha() or not alt:
            raise _bad(number, "REF is no sequence of bases, or ALT is empty")
        keys = form.split(b":")
        if b"GT" not in keys:
            raise _bad(number, "FORMAT has no GT: the genotypes are unknown")
        columns = fields[_FIXED:]
        alts = () if alt == b"." else tuple(alt.decode("ascii", "replace").upper().split(","))
        genotypes = by_alternates.setdefault(len(alts), _Genotypes(len(alts)))
        genotypes.line = number
        return CohortRecord(
            chrom=chromosome,
            pos=pos,
            ref=ref.decode("ascii", "replace").upper(),
            alts=alts,
            passed=filters in _PASSED,
            genotypes=[genotypes[column] for column in columns]
            if len(keys) == 1
            else [_read(column, keys, genotypes) for column in columns],
        )


@contextmanager
def open_cohort(path: Path, limits: Limits = COHORT_LIMITS) -> Iterator[Cohort]:
    """Open a VCF file of many samples, plain, gzip or bgzip, and read its header.

    An `IntakeError` raised inside of the `with` block leaves it with the name of the file.

    Raises:
        IntakeError: `not_a_vcf`, `bad_header`, a build code, `no_sample`, `bad_sample_name` or `unreadable`.
    """
    try:
        with path.open("rb") as stream:
            lines = numbered_lines(TextSource(stream, limits), limits)
            text = _header_lines(lines, limits)
            header = parse_header(b"\n".join(text) + b"\n", limits, with_sample=False)
            yield Cohort(header, _samples(text[-1], len(text)), lines)
    except OSError as error:
        raise IntakeError(Problem.UNREADABLE, "the file cannot be read", file=str(path)) from error
    except IntakeError as error:
        remedy = _FEWER_SAMPLES if error.code is Problem.LINE_TOO_LONG else error.remedy
        raise IntakeError(error.code, error.problem, line=error.line, file=str(path), remedy=remedy) from error


class _Genotypes(dict[bytes, int]):
    """GT text to the copies of the first alternate allele, `UNREAD` for anything but two called alleles.

    Args:
        alternates: How many a record has.
    """

    def __init__(self, alternates: int) -> None:
        super().__init__()
        self._alternates = alternates
        self.line = 0
        """Line that is being read, for messages."""

    def __missing__(self, text: bytes) -> int:
        if not _GENOTYPE.fullmatch(text):
            raise _bad(self.line, "GT is not a genotype")
        called = [int(allele) for allele in re.findall(rb"[0-9]{1,5}", text)]
        if max(called, default=0) > self._alternates:
            raise _bad(self.line, "GT names an allele that the record does not have")
        self[text] = called.count(1) if _DIPLOID.fullmatch(text) else UNREAD
        return self[text]


def _header_lines(lines: Iterator[tuple[int, bytes]], limits: Limits) -> list[bytes]:
    text: list[bytes] = []
    size = 0
    for _, line in lines:
        text.append(line)
        size += len(line)
        if size > limits.header_bytes:
            raise IntakeError(Problem.HEADER_TOO_LARGE, "the header exceeds the limit")
        if not line.startswith(b"##"):
            break
    return text


def _read(column: bytes, keys: list[bytes], genotypes: _Genotypes) -> int:
    """Genotype of one sample with more fields than GT; what no read supports or a filter failed is no call."""
    values = dict(zip(keys, column.split(b":"), strict=False))
    if values.get(b"DP") == b"0" or values.get(b"FT", b".") not in _PASSED:
        return UNREAD
    return genotypes[values.get(b"GT", b".")]


def _samples(line: bytes, number: int) -> tuple[str, ...]:
    columns = line.decode().split("\t")
    if len(columns) <= _FIXED or columns[_FIXED - 1] != "FORMAT":
        raise IntakeError(Problem.NO_SAMPLE, "the file has no genotype columns", line=number, remedy="give genotypes")
    samples = tuple(columns[_FIXED:])
    if len(set(samples)) < len(samples) or "" in samples:
        remedy = "give each sample a name of its own (`bcftools reheader -s`)"
        raise IntakeError(Problem.BAD_SAMPLE_NAME, "a sample name is empty or comes twice", line=number, remedy=remedy)
    return samples


def _bad(number: int, problem: str) -> IntakeError:
    return IntakeError(Problem.BAD_RECORD, problem, line=number)
