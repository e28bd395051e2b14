"""CPU time and memory of the reader beside other programs that go through the same files, in one run.

    python benchmarks/reader.py [--records N] [--sites N] [--scratch FOLDER] [--cyvcf2 PYTHON] [FILE ...]

Writes a genome as GATK writes it (4.5 million records), a gVCF (2.8 million) and an array (1.8 million), or shorter
ones with `--records`, and reads each, and every FILE, with the reader as the service runs it: in a process of its own,
with SHA-256 and every check. Beside it `bgzip -d`, or the bare decompression by isal where bgzip is not installed,
`bcftools query -T`, and loops of pysam and cyvcf2 that keep the same sites. The sites of generated files are spread
over the genome; a tenth of them are sites of the file. Everything kept is compared with what pysam reads: ends with
status 1 if anything differs.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pysam
from genome_files import Genome, Style
from isal import igzip

from interpreters.genotypes import Build, Interval, Record
from ror_service.intake.builds import LENGTHS, chromosome_of
from ror_service.intake.isolation import read_in_child
from ror_service.intake.results import ReadResult
from ror_service.intake.wanted import WantedIntervals

RECORDS = {Style.VARIANTS: 4_500_000, Style.BLOCKS: 2_800_000, Style.ARRAY: 1_800_000}
SITES = 300_000
_OF_THE_FILE = 10
"""One in so many of the sites is a site of the file."""
_DECOMPRESS = "import sys, isal.igzip as z\nwith z.open(sys.argv[1]) as f:\n    while f.read(1 << 20): pass"
_LOOP = """
import sys
from bisect import bisect_left
{open}
starts, ends = {{}}, {{}}
for line in open(sys.argv[2]):
    name, start, end = line.split()
    starts.setdefault(name, []).append(int(start) + 1)
    ends.setdefault(name, []).append(int(end))
kept = 0
for record in file:
    name = record.{chrom}
    if name not in ends:
        continue
    place = bisect_left(ends[name], record.{start})
    if place < len(ends[name]) and starts[name][place] <= record.{end}:
        kept += {genotype}
"""
_PYSAM = _LOOP.format(
    open="import pysam; pysam.set_verbosity(0); file = pysam.VariantFile(sys.argv[1])",
    chrom="chrom", start="pos", end="stop", genotype="len(record.samples[0]['GT'])",
)  # fmt: skip
_CYVCF2 = _LOOP.format(
    open="import cyvcf2; file = cyvcf2.VCF(sys.argv[1])",
    chrom="CHROM", start="POS", end="end", genotype="len(record.genotypes[0])",
)  # fmt: skip
_MISSING = 127


@dataclass(frozen=True, slots=True)
class Use:
    """What one program used: CPU seconds, and its largest resident size in bytes."""

    cpu: float
    peak: float


def run(words: Sequence[str | Path]) -> Use | None:
    """Run a program to its end, its output thrown away; None where it is not installed or fails."""
    pid = os.fork()
    if not pid:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        try:
            os.execvp(str(words[0]), [str(word) for word in words])  # noqa: S606 - own words, no shell
        finally:
            os._exit(_MISSING)
    _, status, usage = os.wait4(pid, 0)
    return Use(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024) if status == 0 else None


def positions(path: Path) -> Iterator[tuple[str, int]]:
    """Chromosome and position of every record on a chromosome."""
    with igzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
        for line in lines:
            if not line.startswith(b"#"):
                name, pos, _ = line.split(b"\t", 2)
                if chrom := chromosome_of(name.decode()):
                    yield chrom, int(pos)


def sites_for(path: Path, build: Build, number: int) -> list[Interval]:
    """Sites spread over the genome, a part of them sites of the file, without doubles and in order."""
    draw = random.Random(5)  # noqa: S311 - no secret
    lengths = {chrom: length for chrom, length in LENGTHS[build].items() if chrom not in {"Y", "MT"}}
    total = sum(lengths.values())
    found = {(chrom, draw.randint(1, n)) for chrom, n in lengths.items() for _ in range(number * n // total)}
    count = sum(1 for _ in positions(path))
    share = min(1.0, number / _OF_THE_FILE / count)
    found |= {site for site in positions(path) if draw.random() < share}
    return [Interval(chrom, pos, pos) for chrom, pos in sorted(found)]


def as_pysam_reads(path: Path, wanted: WantedIntervals) -> Iterator[tuple[object, ...]]:
    """What pysam reads of every record that overlaps a wanted interval."""
    with pysam.VariantFile(str(path)) as file:
        for record in file:
            if not wanted.overlaps(chromosome_of(record.chrom) or "", record.pos, record.stop):
                continue
            values = dict(record.samples[0].items())
            # Where the header does not declare them as numbers, pysam gives their digits.
            depths = tuple(int(depth) if str(depth).isdigit() else depth for depth in values.get("AD") or ())
            unread = "0" in {str(values.get("DP")), str(values.get("MIN_DP"))}
            genotype = (None,) * len(values["GT"]) if unread else tuple(values["GT"])
            yield (
                *(chromosome_of(record.chrom), record.pos, record.stop, record.ref.upper()),
                *(tuple(record.alts or ()), genotype, tuple(name for name in record.filter if name != "PASS")),
                () if depths == (None,) else depths,
            )


def facts(record: Record) -> tuple[object, ...]:
    """The same of a record that the reader kept."""
    return (
        *(record.chrom, record.pos, record.end, record.ref, record.alts, record.genotype, record.filters),
        record.allele_depths,
    )


def measure(title: str, path: Path, build: Build, sites: int, *, folder: Path, cyvcf2: str) -> bool:
    """Read one file with everything there is and print a line each; False if the reader and pysam differ."""
    wanted = WantedIntervals.of(sites_for(path, build, sites))
    with_chr = next((name.startswith("chr") for name in pysam.VariantFile(str(path)).header.contigs), True)
    table = folder / "sites.bed"
    table.write_text(
        "".join(
            f"{'chr' if with_chr else ''}{chrom}\t{start - 1}\t{end}\n"
            for chrom, starts, ends in wanted.stretches()
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        )
    )
    bgzip = run(["bgzip", "-dc", path]) if path.suffix == ".gz" else None
    base = bgzip or run([sys.executable, "-c", _DECOMPRESS, path]) if path.suffix == ".gz" else run(["cat", path])
    if base is None:
        raise SystemExit(f"{path} cannot be decompressed")
    result = read_in_child(path, {build: wanted})
    metrics = result.metrics
    size = f"{metrics.records:,} records, {result.size / 1e6:,.1f} MB"
    print(f"{title}: {size}; {len(result.calls):,} kept of {sites:,} sites")
    plain = "cat, the file is not compressed" if path.suffix != ".gz" else "isal alone (bgzip is not installed)"
    rows = [("bgzip -d" if bgzip else plain, base), ("reader", Use(result.cpu_seconds, result.peak_memory_bytes))]
    columns = "%CHROM\t%POS\t%END\t%REF\t%ALT\t%FILTER[\t%GT]\n"
    others = {
        "bcftools query -T": ["bcftools", "query", "-T", table, "-f", columns, path],
        "pysam loop": [sys.executable, "-c", _PYSAM, path, table],
        "cyvcf2 loop": [cyvcf2, "-c", _CYVCF2, path, table],
    }
    for name, use in (*rows, *((name, run(words)) for name, words in others.items())):
        if use is None:
            print(f"  {name:<20} not installed, or it refuses the file")
        else:
            print(f"  {name:<20} {use.cpu:8.2f} s of CPU  {use.cpu / base.cpu:6.2f} times  {use.peak / 1e6:6,.0f} MB")
    return agrees(result, path, wanted)


def agrees(result: ReadResult, path: Path, wanted: WantedIntervals) -> bool:
    """Whether everything kept is what pysam reads there; a line that repeats the one before it counts once."""
    ours, theirs = set(map(facts, result.calls)), set(as_pysam_reads(path, wanted))
    print(f"  {len(ours & theirs):,} different records are read as pysam reads them, {len(ours ^ theirs):,} are not")
    return ours == theirs


def main() -> int:
    """Write the files, read them, print; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, help="at most so many records in each generated file")
    parser.add_argument("--sites", type=int, default=SITES, help=f"sites asked for ({SITES:,})")
    parser.add_argument("--scratch", type=Path, help="folder for the files, which are removed at the end")
    parser.add_argument("--cyvcf2", default=sys.executable, help="a Python that has cyvcf2; this one when not given")
    parser.add_argument("--only", type=Style, action="append", help="generate only this style")
    parser.add_argument("files", type=Path, nargs="*", help="further files, of one sample each")
    given = parser.parse_args()
    pysam.set_verbosity(0)  # it would miss the index that it does not need
    for tool in ("bgzip", "bcftools"):
        if shutil.which(tool) is None:
            print(f"{tool} is not installed")
    same = True
    with TemporaryDirectory(dir=given.scratch) as scratch:
        folder = Path(scratch)
        for style in given.only or RECORDS:
            path = folder / f"{style}.vcf.gz"
            Genome(style, min(RECORDS[style], given.records or RECORDS[style])).write(path)
            same &= measure(style, path, Build.GRCH38, given.sites, folder=folder, cyvcf2=given.cyvcf2)
            path.unlink()
        for path in given.files:
            build = read_in_child(path, dict.fromkeys(Build, WantedIntervals({}))).build
            same &= measure(path.name, path, build, given.sites, folder=folder, cyvcf2=given.cyvcf2)
    return int(not same)


if __name__ == "__main__":
    sys.exit(main())
