"""CPU time and memory of hereditary risk on a whole genome, the reader's share and the module's apart.

    python benchmarks/hereditary_genome.py [--records N] [--scratch FOLDER]

Writes a gVCF of a woman on GRCh38 to a scratch folder: reference blocks and substitutions by turns over every
chromosome, none of the substitutions where the module looks, and a few known variants whose outcomes are checked. Then
runs `ror interpret --json --module hereditary_risk` on it. Ends with status 1 if an outcome is another one, or a gene
is not assessed.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from command_use import run_ror
from pysam import BGZFile

from interpreters.genotypes import Build, Interval
from interpreters.hereditary_risk import HereditaryRisk, load

RECORDS = 4_500_000
BUILD = Build.GRCH38
CHROMOSOMES = (*(str(number) for number in range(1, 23)), "X")
MARGIN = 60
"""Bases beside what the module reads that hold no substitution either."""
TRANSITIONS = {"A": "G", "G": "A", "C": "T", "T": "C"}
PLANTED = {
    ("13", 32340300, "GT", "G", "0/1"): ("BRCA2", "CANDIDATE_POSITIVE", "plp_ge2star_dominant"),
    ("1", 45331556, "C", "T", "0/1"): ("MUTYH", "CANDIDATE_POSITIVE", "compound_het_phase_unknown"),
    ("1", 45332803, "T", "C", "0/1"): ("MUTYH", "CANDIDATE_POSITIVE", "compound_het_phase_unknown"),
    ("6", 26092913, "G", "A", "1/1"): ("HFE", "CANDIDATE_POSITIVE", "hfe_c282y_homozygous"),
    ("17", 7670699, "C", "T", "0/1"): ("TP53", "REVIEW", "low_penetrance_term"),
    ("7", 5973452, "C", "A", "0/1"): ("PMS2", "REVIEW", "segdup_region"),
    ("2", 21005538, "G", "T", "0/1"): ("APOB", "NOT_REPORTABLE", "mechanism_excluded"),
    ("13", 51934780, "GC", "G", "0/1"): ("ATP7B", "NOT_REPORTABLE", "single_het_recessive"),
}
"""Chromosome, position, REF, ALT and genotype, to gene, outcome and reason."""
HEADER = (
    '##fileformat=VCFv4.2\n##ALT=<ID=NON_REF,Description="Any other allele">\n'
    '##INFO=<ID=END,Number=1,Type=Integer,Description="Last base of a reference block">\n'
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Allele depths">\n'
    '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">\n'
    '##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Genotype quality">\n'
    '##FORMAT=<ID=MIN_DP,Number=1,Type=Integer,Description="Least depth of a block">\n'
)


class Genome:
    """The lines of a synthetic gVCF.

    Args:
        risk: The module, for what it reads and the bases that it knows.
        records: About how many lines.
    """

    def __init__(self, risk: HereditaryRisk, records: int) -> None:
        lengths = risk.known_contig_lengths()[BUILD.value]
        self._lengths = {chrom: lengths[chrom] for chrom in CHROMOSOMES}
        self._step = 2 * sum(self._lengths.values()) // records
        self._random = random.Random(11)  # noqa: S311 - no secret
        self._bases = risk.reference_bases(BUILD)
        self._read: dict[str, list[Interval]] = {chrom: [] for chrom in CHROMOSOMES}
        for interval in risk.intervals(BUILD):
            self._read[interval.chrom].append(interval)

    def lines(self) -> Iterator[str]:
        """Header and records."""
        contigs = "".join(f"##contig=<ID=chr{chrom},length={length}>\n" for chrom, length in self._lengths.items())
        yield f"{HEADER}{contigs}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tSAMPLE\n"
        for chrom, length in self._lengths.items():
            yield from self._chromosome(chrom, length)

    def _chromosome(self, chrom: str, length: int) -> Iterator[str]:
        start = 1
        for pos, ref, alt, genotype in self._variants(chrom, length):
            if pos > start:
                yield self._block(chrom, start, pos - 1)
            depth = self._random.randint(24, 44)
            reads = f"{depth // 2},{depth - depth // 2},0" if genotype == "0/1" else f"0,{depth},0"
            likelihoods = f"{depth * 21},0,{depth * 19}" if genotype == "0/1" else f"{depth * 25},{depth * 3},0"
            yield (
                f"chr{chrom}\t{pos}\t.\t{ref}\t{alt},<NON_REF>\t{depth * 17}.6\tPASS\tDP={depth}\tGT:AD:DP:GQ:PL"
                f"\t{genotype}:{reads}:{depth}:99:{likelihoods},{depth * 30},{depth * 31},{depth * 40}\n"
            )
            start = pos + len(ref)
        yield self._block(chrom, start, length)

    def _block(self, chrom: str, start: int, end: int) -> str:
        ref = self._bases.at(chrom, start) or "N"
        depth, quality = self._random.randint(20, 44), self._random.randint(45, 99)
        values = f"GT:DP:GQ:MIN_DP:PL\t0/0:{depth}:{quality}:{depth - 3}:0,{quality},{quality * 15}"
        return f"chr{chrom}\t{start}\t.\t{ref}\t<NON_REF>\t.\tPASS\tEND={end}\t{values}\n"

    def _variants(self, chrom: str, length: int) -> Iterator[tuple[int, str, str, str]]:
        planted = sorted(variant[1:] for variant in PLANTED if variant[0] == chrom)
        read = self._read[chrom]
        starts = [interval.start - MARGIN for interval in read]
        for number, pos in enumerate(range(10_000, length - 10_000, self._step)):
            while planted and planted[0][0] <= pos:
                yield planted.pop(0)
            before = bisect_right(starts, pos) - 1
            if before >= 0 and read[before].end + MARGIN >= pos:
                continue
            ref = self._bases.at(chrom, pos)
            ref = "A" if ref is None or ref == "N" else ref
            yield pos, ref, TRANSITIONS[ref], "1/1" if number % 5 < 2 else "0/1"  # noqa: PLR2004 - as in people
        yield from planted


def wrong(said: dict[str, object]) -> list[str]:
    """What differs from what was planted."""
    findings = said["findings"]
    if not isinstance(findings, list):
        raise TypeError
    found = {finding["gene"]: (finding["outcome"], finding["reason"]) for finding in findings if "outcome" in finding}
    expected = {gene: (outcome, reason) for gene, outcome, reason in PLANTED.values()}
    unread = [finding["gene"] for finding in findings if finding.get("status", "assessed") != "assessed"]
    return [
        *(f"{gene}: {found.get(gene)}, not {expected.get(gene)}" for gene in sorted(found.keys() | expected.keys())
          if found.get(gene) != expected.get(gene)),
        *(f"{gene} is not assessed" for gene in unread),
    ]  # fmt: skip


def main() -> int:
    """Write the file, interpret it, print; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=RECORDS, help=f"records of the file ({RECORDS:,})")
    parser.add_argument("--scratch", type=Path, help="folder for the file, which is removed at the end")
    given = parser.parse_args()
    with TemporaryDirectory(dir=given.scratch) as folder:
        file, printed = Path(folder) / "genome.g.vcf.gz", Path(folder) / "said.json"
        written = -1
        with BGZFile(str(file), "wb") as packed:
            for line in Genome(load(), given.records).lines():
                packed.write(line.encode())
                written += 1
        print(f"{written:,} records, {file.stat().st_size / 1e6:,.0f} MB compressed")
        words = ("interpret", "--json", "--module", "hereditary_risk", "--sex-at-birth", "female", file)
        use = run_ror(words, printed)
        said = json.loads(printed.read_bytes())
    differences = wrong(said)
    print(f"reading it: {use.reading:.1f} s of CPU, in a process of its own")
    print(f"starting, interpreting, writing: {use.own:.1f} s of CPU")
    print(f"in all {use.cpu:.1f} s of CPU, {use.wall:.1f} s; largest process {use.peak / 1e6:,.0f} MB")
    planted = "NOT as expected" if differences else "as expected"
    print(f"quality gate: {said['qc']['verdict']}; planted variants: {planted}")
    for difference in differences:
        print(f"  {difference}")
    return int(bool(differences))


if __name__ == "__main__":
    sys.exit(main())
