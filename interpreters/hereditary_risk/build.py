"""Builds a knowledge release from ClinVar's VCF files as NCBI publishes them.

    python -m interpreters.hereditary_risk.build clinvar.vcf.gz [clinvar_GRCh37.vcf.gz] --release NAME

The file is streamed: only records of the listed genes are kept. Output is the same, byte for byte, for the same input.
What cannot be NCBI's whole file, unchanged, is refused: a release that silently lacks records would miss results.
"""

from __future__ import annotations

import argparse
import gzip
import io
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from sys import intern
from typing import IO, cast

from isal import igzip, isal_zlib

from interpreters.genotypes import Build, Interval
from interpreters.hereditary_risk.alleles import CHROMOSOMES, ReferenceBases, place, trim
from interpreters.hereditary_risk.clinvar import ClinVarRecord, format_record, stars_of
from interpreters.hereditary_risk.exons import by_gene, merge
from interpreters.hereditary_risk.policy import TABLES, Policy, parse_policy
from interpreters.knowledge import KnowledgeError, KnowledgeRelease, Source, write_manifest

MODULE = "hereditary_risk"
POLICY_FOLDER = Path(__file__).parent / "policy"
DATA_FOLDER = Path(__file__).parent / "data"

RIGHTWARD_SPELLINGS = 50
"""Bases after a known insertion or deletion that are read as well, in case a file spells it further right."""

Progress = Callable[[int], None]
"""Told now and then how many bytes of the files have been read since the last time."""

_COLUMNS = 8
_GZIP_MAGIC = b"\x1f\x8b"
_BGZF_MAGIC = b"\x1f\x8b\x08\x04"
_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that ends a file in blocks (SAM specification, section 4.1.2): without it the file was cut."""
_TOLD_EVERY = 50_000
"""Lines between two words of progress."""
_INFLATE_ERROR = cast("type[Exception]", isal_zlib.error)  # the library's stubs give an instance
_GENES = re.compile(rb"GENEINFO=([^;\s]+)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_FREQUENCIES = ("AF_ESP", "AF_EXAC", "AF_TGP")
_NO_ALTERNATE = "."
"""ALT of a record that names no change: its REF is still a known base."""


@dataclass(frozen=True, slots=True)
class ClinVarFile:
    """What one ClinVar file holds for the listed genes."""

    path: Path
    build: Build
    date: str
    """##fileDate, ISO 8601."""
    lifted: bool
    """Whether the header says that the coordinates were lifted over from another build."""
    records: tuple[ClinVarRecord, ...]
    """Left-aligned and sorted."""
    stretches: tuple[tuple[str, int, str], ...]
    """Reference bases that the REF alleles spell: chromosome, first position, bases."""


def import_clinvar(
    source: Path,
    output: Path,
    release: str | None = None,
    *,
    second: Path | None = None,
    title: str = "ClinVar",
    as_of: str | None = None,
    policy_folder: Path = POLICY_FOLDER,
    progress: Progress = lambda _: None,
) -> KnowledgeRelease:
    """Build a release from one ClinVar VCF file, or from two of the same date and of different builds.

    Args:
        source: `clinvar.vcf.gz` as NCBI publishes it, compressed or plain.
        output: Folder that gets the release as a folder of its name.
        release: Name of the release; None for the file's date.
        second: The same ClinVar release for the other build.
        title: Name of the data source in reports, where it is not ClinVar's own file unchanged.
        as_of: Date that a report may claim for the whole, where a file joins several releases: that of the oldest part.
            None for the file's date.
        policy_folder: Folder with the policy tables.
        progress: Is told how many bytes were read.

    Raises:
        KnowledgeError: If a file or a policy table is unusable, or the release exists; the message names the remedy.
    """
    tables = {name: _read_table(policy_folder / name) for name in TABLES}
    policy = parse_policy(tables, str(policy_folder))
    files = [read_clinvar(path, policy, progress) for path in (source, *((second,) if second else ()))]
    if len({file.build for file in files}) < len(files) or len({file.date for file in files}) > 1:
        raise KnowledgeError(f"{second}: must have the date of {source} and the other build; give the right file")
    name = release or files[0].date
    folder = output / name
    if not _NAME.fullmatch(name):
        raise KnowledgeError(f"{name!r} cannot name a release; use letters, digits, dots and hyphens")
    if folder.exists():
        raise KnowledgeError(f"{folder}: this release exists and releases never change; choose another name")
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output, prefix=".building-") as temporary:
        work = Path(temporary) / name
        work.mkdir()
        for table, content in tables.items():
            (work / table).write_bytes(content)
        for file in files:
            _write_build(work, file, policy)
        built = write_manifest(work, MODULE, name, _sources(files, title, as_of, policy))
        shutil.move(work, folder)
    return replace(built, folder=folder)


def read_clinvar(path: Path, policy: Policy, progress: Progress = lambda _: None) -> ClinVarFile:
    """Read the records of the listed genes from a ClinVar VCF file.

    Raises:
        KnowledgeError: If the file cannot be read as one; the message names the file, the line and the remedy.
    """
    header: dict[str, str] = {}
    records: list[ClinVarRecord] = []
    spelled: list[tuple[str, int, str]] = []
    genes = frozenset(symbol.encode() for symbol in policy.genes)
    number, line = 0, b"\n"
    try:
        with ExitStack() as stack:
            for number, line in enumerate(_open(path, stack, progress), 1):  # noqa: B007 - named in the error message
                if line.startswith(b"#"):
                    _read_header(line, header)
                elif (record := _read_line(line, genes)) is not None:
                    spelled.append((record.chrom, record.pos, record.ref))
                    if record.alt != _NO_ALTERNATE:
                        records.append(record)
    except (OSError, EOFError, _INFLATE_ERROR) as error:
        raise KnowledgeError(f"{path}: line {number + 1}: cannot be read on ({error}); fetch the file again") from error
    except (ValueError, IndexError) as error:
        raise KnowledgeError(f"{path}: line {number}: not a ClinVar record ({error}); fetch the file again") from error
    if (origin := _origin(header)) is None:
        raise KnowledgeError(
            f"{path}: lines 1 to {number}: the header gives no ##fileDate and ##reference of {' or '.join(Build)};"
            " use NCBI's clinvar.vcf.gz"
        )
    if not line.endswith(b"\n"):
        raise KnowledgeError(f"{path}: line {number}: the file ends within this line; fetch the file again")
    if not records:
        raise KnowledgeError(
            f"{path}: lines 1 to {number}: holds no record of the listed genes; use NCBI's clinvar.vcf.gz"
        )
    stretches = tuple(_stretches(spelled))
    bases = ReferenceBases(stretches)
    aligned = {record.key: record for record in sorted((_align(r, bases) for r in records), key=_preference)}
    return ClinVarFile(
        path=path,
        build=origin[0],
        date=origin[1],
        lifted="liftover" in header,
        records=tuple(aligned.values()),
        stretches=stretches,
    )


def _read_table(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KnowledgeError(f"{path}: policy table cannot be read; restore the package's policy folder") from error


def _open(path: Path, stack: ExitStack, progress: Progress) -> Iterator[bytes]:
    """The lines of a file, compressed or plain.

    Raises:
        EOFError: If the file is compressed in blocks and the last one is not there.
    """
    plain = stack.enter_context(path.open("rb"))
    start = plain.read(len(_BGZF_MAGIC))
    if start == _BGZF_MAGIC:
        plain.seek(-min(len(_BGZF_END), path.stat().st_size), os.SEEK_END)
        if plain.read() != _BGZF_END:
            raise EOFError("the block that ends the file is missing")
    plain.seek(0)
    lines: IO[bytes] = plain
    if start.startswith(_GZIP_MAGIC):
        lines = stack.enter_context(io.BufferedReader(igzip.IGzipFile(fileobj=plain), 1 << 20))  # type: ignore[no-untyped-call]
    return _telling(lines, plain, progress)


def _telling(lines: IO[bytes], plain: IO[bytes], progress: Progress) -> Iterator[bytes]:
    told = 0
    for number, line in enumerate(lines):
        yield line
        if number % _TOLD_EVERY == 0:
            read = plain.tell()
            progress(read - told)
            told = read


def _read_header(line: bytes, header: dict[str, str]) -> None:
    key, _, value = line[2:].decode(errors="replace").strip().partition("=")
    header.setdefault(key, value)


def _origin(header: dict[str, str]) -> tuple[Build, str] | None:
    """Genome build and date of the file, or None where the header gives one of them not."""
    build = next((build for build in Build if build.value in header.get("reference", "")), None)
    date = header.get("fileDate", "")
    return (build, date) if build is not None and _DATE.fullmatch(date) else None


def _read_line(line: bytes, genes: frozenset[bytes]) -> ClinVarRecord | None:
    """The record of one line, or None for one of other genes or scaffolds."""
    found = _GENES.search(line)
    if found is None:
        if line.count(b"\t") < _COLUMNS - 1:
            raise ValueError("fewer than eight columns")
        return None
    symbols = [pair.partition(b":")[0] for pair in found[1].split(b"|")]
    listed = [symbol for symbol in symbols if symbol in genes]
    if not listed:
        return None
    chrom, pos, number, ref, alt, _, _, text = line.decode().rstrip("\r\n").split("\t")[:_COLUMNS]
    chrom = chrom.removeprefix("chr")
    if chrom not in CHROMOSOMES:
        return None
    if not ref.isalpha() or not (alt.isalpha() or alt == _NO_ALTERNATE):
        raise ValueError("REF and ALT are not one allele each, in bases")
    info = dict(part.partition("=")[::2] for part in text.split(";"))
    classification = info.get("CLNSIG", "")
    return ClinVarRecord(
        chrom=chrom,
        pos=int(pos),
        ref=ref.upper(),
        alt=alt.upper(),
        variation_id=str(int(number)),
        classification=intern(classification),
        stars=stars_of(info.get("CLNREVSTAT", "")),
        conflicting=intern(info.get("CLNSIGCONF", "")),
        consequences=_consequences(info["MC"]) if "MC" in info else (),
        origin=intern(info.get("ORIGIN", "")),
        conditions=intern(info.get("CLNDN", "")),
        genes=tuple(symbol.decode() for symbol in listed),
        frequency=max((float(info[key]) for key in _FREQUENCIES if key in info), default=None),
        hgvs=info.get("CLNHGVS", ""),
        haplotype_only=not _is_classified(classification) and "CLNSIGINCL" in info,
    )


@cache
def _consequences(molecular: str) -> tuple[str, ...]:
    """Every term of MC; kept once for all records that have the same."""
    return tuple(intern(part.partition("|")[2]) for part in molecular.split(","))


def _is_classified(classification: str) -> bool:
    return classification not in {"", "no_classification_for_the_single_variant"}


def _align(record: ClinVarRecord, bases: ReferenceBases) -> ClinVarRecord:
    """The record in its left-most spelling; as it stands where it is there already, or cannot be placed for certain."""
    placement = place(record.chrom, record.pos, record.ref, record.alt, bases)
    key = placement.key
    if not placement.certain or (key.pos, key.deleted, key.inserted) == trim(record.pos, record.ref, record.alt):
        return record
    anchor = bases[record.chrom, key.pos - 1]
    return replace(record, pos=key.pos - 1, ref=anchor + key.deleted, alt=anchor + key.inserted)


def _preference(record: ClinVarRecord) -> tuple[object, ...]:
    """Order of the table; of two records of one allele, the later, better reviewed one stays."""
    key = record.key
    order = (CHROMOSOMES.index(key.chrom), key.pos, key.deleted, key.inserted)
    return (*order, record.stars, -int(record.variation_id))


def _stretches(spelled: Iterable[tuple[str, int, str]]) -> list[tuple[str, int, str]]:
    """Join the spelled REF alleles into stretches of known bases; a base that two records dispute becomes N."""
    joined: list[tuple[str, int, bytearray]] = []
    for chrom, pos, ref in sorted(spelled):
        bases = ref.encode()
        if not joined or joined[-1][0] != chrom or pos > joined[-1][1] + len(joined[-1][2]):
            joined.append((chrom, pos, bytearray(bases)))
            continue
        _, start, known = joined[-1]
        for offset, base in enumerate(bases, pos - start):
            if offset >= len(known):
                known.append(base)
            elif known[offset] != base:
                known[offset] = ord("N")
    return [(chrom, start, known.decode()) for chrom, start, known in joined]


def _write_build(folder: Path, file: ClinVarFile, policy: Policy) -> None:
    build = file.build.value
    _write_compressed(folder / f"clinvar.{build}.tsv.gz", (format_record(record) for record in file.records))
    stretches = (f"{chrom}\t{pos}\t{bases}\n" for chrom, pos, bases in file.stretches)
    _write_compressed(folder / f"reference.{build}.tsv.gz", stretches)
    _write_compressed(folder / f"sites.{build}.tsv.gz", _site_lines(file.records))
    wanted = _wanted(file, policy)
    (folder / f"intervals.{build}.tsv").write_text(
        "".join(f"{chrom}\t{start}\t{end}\n" for chrom, start, end in wanted), encoding="utf-8"
    )


def _site_lines(records: Iterable[ClinVarRecord]) -> Iterator[str]:
    """For each gene, the first changed positions of its pathogenic records."""
    sites: dict[str, set[int]] = {}
    for record in records:
        if record.is_pathogenic:
            for gene in record.genes:
                sites.setdefault(gene, set()).add(record.key.pos)
    for gene, positions in sorted(sites.items()):
        yield f"{gene}\t{','.join(str(pos) for pos in sorted(positions))}\n"


def _wanted(file: ClinVarFile, policy: Policy) -> list[Interval]:
    """What is to be read: coding exons with padding, and every allele that may be returned or reviewed."""
    padding = policy.thresholds.exon_padding
    intervals = [i for exons in by_gene(policy.exons[file.build]).values() for i in exons.target(padding)]
    for record in file.records:
        if record.is_pathogenic or record.conflicts_with_pathogenic:
            key = record.key
            reach = RIGHTWARD_SPELLINGS if key.is_indel else 0
            intervals.append(Interval(key.chrom, max(key.pos - 1, 1), max(key.end, key.pos) + reach))
    return merge(intervals)


def _write_compressed(path: Path, lines: Iterable[str]) -> None:
    with path.open("wb") as raw, gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed:
        packed.writelines(line.encode() for line in lines)


def _sources(files: Sequence[ClinVarFile], title: str, as_of: str | None, policy: Policy) -> tuple[Source, ...]:
    """Where the facts come from."""
    lifted = ", ".join(f"{file.build.value} coordinates lifted over" for file in files if file.lifted)
    rules, date = policy.thresholds.rule_set, files[0].date
    return (
        Source(
            name=f"{title} ({lifted})" if lifted else title,
            version=date,
            date=as_of or date,
            licence="public domain; cite Landrum et al.",
            url="https://ftp.ncbi.nlm.nih.gov/pub/clinvar/",
        ),
        Source(
            name="ACMG secondary findings list with ClinGen guidance, as facts",
            version="v3.3",
            date="2025",
            licence="facts; attribution to ClinGen requested",
            url="https://search.clinicalgenome.org/",
        ),
        Source(
            name="coding exons of the reporting transcripts (MANE and RefSeq); GRCh37 lifted over from GRCh38",
            version="2025-12",
            date="2025-12",
            licence="public domain",
            url="https://www.ncbi.nlm.nih.gov/refseq/MANE/",
        ),
        Source(
            name="rules and thresholds of the programme, awaiting a laboratory director",
            version=rules,
            date=rules,
            licence="Apache-2.0",
            url="",
        ),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of the build."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="NCBI's clinvar.vcf.gz")
    parser.add_argument("second", type=Path, nargs="?", help="the same release for the other genome build")
    parser.add_argument("--release", help="name of the release; the file's date if not given")
    parser.add_argument("--title", default="ClinVar", help="name of the data source in reports")
    parser.add_argument("--as-of", help="date of the oldest part, where the file joins several releases")
    parser.add_argument("--output", type=Path, default=DATA_FOLDER, help="folder of releases")
    given = parser.parse_args(arguments)
    import_clinvar(given.source, given.output, given.release, second=given.second, title=given.title, as_of=given.as_of)


if __name__ == "__main__":
    main()
