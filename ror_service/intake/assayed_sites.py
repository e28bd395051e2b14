"""Reads a list of assayed sites: what a genotyping array carries, or what a laboratory read in a sample.

With such a list the silence of a file of variants says something: a listed position that it leaves out is reference.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from interpreters.genotypes import UNSPECIFIED_ALLELES, AssayedSites, Build, CallSetKind, told_apart
from ror_service.intake.builds import LENGTHS, build_in_text, chromosome_of
from ror_service.intake.container import TextSource, numbered_lines
from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.header import parse_header
from ror_service.intake.results import MEBIBYTE, Limits, ReadResult
from ror_service.intake.wanted import WantedIntervals

LIST_LIMITS = Limits(file_bytes=1024 * MEBIBYTE, text_bytes=8192 * MEBIBYTE)
LONGEST_SITE = 50
"""Bases of the longest stretch of a BED file that counts as a site; longer ones are regions."""

_BUILD_NUMBER = re.compile(r"(?:GRCh|hg|b)?(\d+)(?:\.\d+)?", re.IGNORECASE)
_BUILDS = {"37": Build.GRCH37, "19": Build.GRCH37, "38": Build.GRCH38}
_SINGLE_BASES = re.compile(r"\[([ACGT])/([ACGT])\]")
_INDEL = re.compile(r"\[[DI]/[DI]\]")
_SEQUENCE = re.compile(r"[ACGTN]+")
_ANYTHING = UNSPECIFIED_ALLELES | {"."}
"""ALT of a line that leaves no allele out."""
_COMPLEMENT = str.maketrans("ACGT", "TGCA")
_COLUMNS = ("SNP", "GenomeBuild", "Chr", "MapInfo", "RefStrand")
"""What is used of a manifest."""
_UNPLACED = frozenset({"", "0"})
_ANOTHER_BUILD = "give the list for the build that the genotypes are called on"

Lines = Iterator[tuple[int, str]]
"""Line numbers, from 1, and lines without their end."""


@dataclass(frozen=True, slots=True)
class SiteList:
    """What a list says was assayed."""

    sites: AssayedSites
    """As far as it was asked for."""
    listed: int
    """Positions that were understood, wanted or not."""
    left_out: Mapping[str, int]
    """Why lines were not used, to their number: `another_sequence`, `filtered`, `insertion_or_deletion`, `not_placed`,
    `no_plain_alleles`, `strand_unknown`."""
    is_manifest: bool
    """Whether it names what an array carries, which includes what failed in this sample."""

    def check(self, read: ReadResult) -> None:
        """Refuse a manifest beside a file that hides which assays failed: they would look like reference.

        Raises:
            IntakeError: `bad_assayed_sites`.
        """
        if self.is_manifest and read.calls.kind is CallSetKind.VARIANTS_ONLY and not read.metrics.no_calls:
            problem = "a manifest was given, and the file of variants does not list the positions that failed"
            remedy = "export failed positions as ./. too, or give a list of the positions that were read in this sample"
            raise IntakeError(Problem.BAD_ASSAYED_SITES, problem, remedy=remedy)


def read_assayed_sites(path: Path, build: Build, wanted: WantedIntervals, limits: Limits = LIST_LIMITS) -> SiteList:
    """Read a list of assayed sites, plain or compressed: sites VCF, table, BED file or Illumina manifest (CSV).

    The kind is told by the content. A manifest's alleles are brought to the plus strand; its insertions and deletions,
    whose sequence `[D/I]` does not spell, are left out and counted.

    Args:
        path: The file; a path of the caller's own making.
        build: Build of the genotypes that the list belongs to.
        wanted: Which positions to keep.
        limits: Caps on the file.

    Raises:
        IntakeError: `bad_assayed_sites` naming the line, `build_mismatch` when the list is for another build,
            `unreadable`, or what a damaged container or VCF header gives.
    """
    try:
        with path.open("rb") as stream:
            lines = _lines(TextSource(stream, limits), limits)
            first = next(((number, line) for number, line in lines if line.strip()), (1, ""))
            found = _Collected(build, wanted)
            is_manifest = first[1].startswith(("Illumina", "[Heading]", "[Assay]", "IlmnID,"))
            read = _read_manifest if is_manifest else _read_vcf if first[1].startswith("##fileformat") else _read_table
            read(chain([first], lines), found, limits)
            if not found.listed and not found.left_out:
                raise _bad("the list names no site", None)
    except OSError as error:
        raise IntakeError(Problem.UNREADABLE, "the file cannot be read", file=str(path)) from error
    except IntakeError as error:
        raise _about_list(error).in_file(str(path)) from error
    sites = {place: frozenset(alleles) for place, alleles in found.sites.items()}
    return SiteList(sites, found.listed, dict(found.left_out), is_manifest)


def _about_list(error: IntakeError) -> IntakeError:
    """The container speaks of genotype files; a list that is another format altogether is a bad list."""
    if error.code is Problem.NOT_A_VCF:
        return IntakeError(Problem.BAD_ASSAYED_SITES, "the file is no text, or compressed twice")
    return error


class _Collected:
    """The listed positions that are wanted."""

    def __init__(self, build: Build, wanted: WantedIntervals) -> None:
        self.build = build
        self.sites: dict[tuple[str, int], set[str]] = {}
        self.listed = 0
        self.left_out: Counter[str] = Counter()
        self._wanted = wanted

    def add(self, name: str, pos: str, alleles: Iterable[str] | None, line: int) -> None:
        """Take one position as the file spells it; no alleles where it gives none, None where they are no bases."""
        chromosome = chromosome_of(name)
        if not _is_number(pos):
            raise _bad("a position is not a whole number", line)
        if chromosome is None or alleles is None:
            self.left_out["no_plain_alleles" if chromosome else "another_sequence"] += 1
            return
        number = int(pos[:10])
        if not 1 <= number <= LENGTHS[self.build][chromosome]:
            raise _bad(f"a position lies outside of its chromosome in {self.build}", line)
        self.listed += 1
        if self._wanted.overlaps(chromosome, number, number):
            self.sites.setdefault((chromosome, number), set()).update(alleles)

    def check_build(self, build: Build | None, line: int | None) -> None:
        """Refuse a list that names another build than the genotypes'."""
        if build not in {None, self.build}:
            problem = f"the list is for {build}, the genotypes are {self.build}"
            raise IntakeError(Problem.BUILD_MISMATCH, problem, line=line, remedy=_ANOTHER_BUILD)


def _read_vcf(lines: Lines, found: _Collected, limits: Limits) -> None:
    header: list[str] = []
    size = 0
    for _, line in lines:
        header.append(line)
        size += len(line)
        if size > limits.header_bytes:
            raise IntakeError(Problem.HEADER_TOO_LARGE, "the header exceeds the limit")
        if not line.startswith("##"):
            break
    text = "".join(f"{line}\n" for line in header).encode()
    found.check_build(parse_header(text, limits, with_sample=False).build, None)
    for number, line in lines:
        chrom, pos, _, ref, alt, _, filters, *_ = _fields(line, 8, "\t", number)
        if filters in {"PASS", "."}:
            found.add(chrom, pos, _alleles(ref, alt, number), number)
        else:
            found.left_out["filtered"] += 1


def _read_table(lines: Lines, found: _Collected, _limits: Limits) -> None:
    """A BED file (third column a number), or a table of chromosome, position and perhaps REF and ALT."""
    is_bed: bool | None = None
    for number, line in lines:
        if line.startswith(("#", "track", "browser")):
            found.check_build(build_in_text(line), number)
            continue
        columns = line.split("\t")
        if not line.strip() or (is_bed is None and columns[0].lower() in {"chrom", "chr", "chromosome"}):
            continue
        if is_bed is None:
            is_bed = len(columns) > 2 and _is_number(columns[2])  # noqa: PLR2004 - the third column
        if is_bed:
            _add_stretch(columns, found, number)
        elif len(columns) in {2, 4}:
            found.add(columns[0], columns[1], _alleles(columns[2], columns[3], number) if columns[2:] else (), number)
        else:
            raise _bad("the line is not chromosome, position and perhaps REF and ALT, separated by tabs", number)


def _add_stretch(columns: Sequence[str], found: _Collected, number: int) -> None:
    if len(columns) < 3 or not all(map(_is_number, columns[1:3])):  # noqa: PLR2004 - BED
        raise _bad("the line is not chromosome, start and end separated by tabs", number)
    start, end = int(columns[1][:10]), int(columns[2][:10])
    if not 0 < end - start <= LONGEST_SITE:
        remedy = "give regions with --callable, if the laboratory vouches for every base in them"
        raise IntakeError(
            Problem.BAD_ASSAYED_SITES, "the stretch is empty or too long for a site", line=number, remedy=remedy
        )
    for pos in range(start + 1, end + 1):
        found.add(columns[0], str(pos), (), number)


def _read_manifest(lines: Lines, found: _Collected, _limits: Limits) -> None:
    announced: int | None = None
    columns: list[str] = []
    for number, line in lines:
        if line.startswith("Loci Count"):
            announced = _loci_count(line, number)
        elif line.startswith("IlmnID,"):
            columns = line.split(",")
            break
    missing = set(_COLUMNS) - set(columns)
    if missing:
        remedy = "give a manifest with these columns, or a table of the positions with their bases on the plus strand"
        problem = f"the manifest has no column {', '.join(sorted(missing))}"
        raise IntakeError(Problem.BAD_ASSAYED_SITES, problem, remedy=remedy)
    at = [columns.index(name) for name in _COLUMNS]
    loci = 0
    for number, line in lines:
        if line.startswith("["):
            break
        loci += 1
        values = _fields(line, len(columns), ",", number)
        _add_locus(*(values[index] for index in at), found=found, line=number)
    if announced not in {None, loci}:
        raise _bad(f"the manifest announces {announced} loci and lists {loci}", None)


def _add_locus(snp: str, build: str, chrom: str, pos: str, strand: str, *, found: _Collected, line: int) -> None:
    if chrom in _UNPLACED or pos in _UNPLACED:
        found.left_out["not_placed"] += 1
        return
    named = _BUILD_NUMBER.fullmatch(build)
    if named is None or named[1] not in _BUILDS:
        raise IntakeError(
            Problem.BUILD_UNSUPPORTED, "the manifest's build is not GRCh37 or GRCh38", line=line, remedy=_ANOTHER_BUILD
        )
    found.check_build(_BUILDS[named[1]], line)
    bases = _SINGLE_BASES.fullmatch(snp)
    if bases is None:
        found.left_out["insertion_or_deletion" if _INDEL.fullmatch(snp) else "no_plain_alleles"] += 1
    elif strand not in {"+", "-"}:
        found.left_out["strand_unknown"] += 1
    else:
        found.add(chrom, pos, [base.translate(_COMPLEMENT) if strand == "-" else base for base in bases.groups()], line)


def _loci_count(line: str, number: int) -> int:
    count = line.split(",")[1].strip() if "," in line else ""
    if not _is_number(count):
        raise _bad("the number of loci is no number", number)
    return int(count[:10])


def _alleles(ref: str, alt: str, line: int) -> frozenset[str] | None:
    """What the alleles of a line tell apart: nothing where it looked for any allele, None where it spells no other."""
    if not _SEQUENCE.fullmatch(ref.upper()):
        raise _bad("REF is no sequence of bases", line)
    alts = alt.upper().split(",")
    if not _ANYTHING.isdisjoint(alts):
        return frozenset()
    return told_apart(ref.upper(), filter(_SEQUENCE.fullmatch, alts)) or None


def _fields(line: str, count: int, separator: str, number: int) -> list[str]:
    fields = line.split(separator)
    if len(fields) < count:
        raise _bad(f"the line has fewer than {count} columns", number)
    return fields


def _lines(source: TextSource, limits: Limits) -> Lines:
    # Nothing that is used is beyond ASCII; a manifest's remarks may be in whatever code page its writer had.
    return ((number, line.decode("utf-8", "replace")) for number, line in numbered_lines(source, limits))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _bad(problem: str, line: int | None) -> IntakeError:
    return IntakeError(Problem.BAD_ASSAYED_SITES, problem, line=line)
