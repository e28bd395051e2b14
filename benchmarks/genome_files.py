"""Synthetic genotype files of a woman on GRCh38, written line by line: a genome as GATK writes it, a gVCF, an array."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from pysam import BGZFile

from interpreters.genotypes import Build, Interval
from ror_service.intake.builds import LENGTHS

BUILD = Build.GRCH38
CHROMOSOMES = (*(str(number) for number in range(1, 23)), "X")
MARGIN = 60
"""Bases beside an interval to be left alone that hold no variant either."""
TRANSITIONS = {"A": "G", "G": "A", "C": "T", "T": "C"}
_FIRST = 10_000
"""No chromosome has variants nearer to its ends."""
_INDEL_EVERY = 7
_ROOM = 8
"""Bases at least from one site to the next."""
_DEFINITIONS = (
    '##fileformat=VCFv4.2\n##ALT=<ID=NON_REF,Description="Any other allele">\n'
    '##INFO=<ID=END,Number=1,Type=Integer,Description="Last base of a reference block">\n'
)
_BY_ALLELE = ("AC", "AF", "MLEAC", "MLEAF")
_INTEGERS = ("AC", "AN", "DP", "MLEAC", "ALLELE_A", "ALLELE_B")
_DECIMALS = (
    *("AF", "BaseQRankSum", "ExcessHet", "FS", "GC_SCORE", "MLEAF", "MQ", "MQRankSum", "QD", "ReadPosRankSum"),
    "SOR",
)
_FORMATS = (
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Allele depths">\n'
    '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">\n'
    '##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Genotype quality">\n'
    '##FORMAT=<ID=MIN_DP,Number=1,Type=Integer,Description="Least depth of a block">\n'
    '##FORMAT=<ID=PL,Number=G,Type=Integer,Description="Likelihoods">\n'
    '##FORMAT=<ID=IGC,Number=1,Type=Float,Description="Array score">\n'
    '##FORMAT=<ID=BAF,Number=1,Type=Float,Description="B allele frequency">\n'
    '##FORMAT=<ID=LRR,Number=1,Type=Float,Description="Log intensity ratio">\n'
)
HEADER = (
    _DEFINITIONS
    + "".join(
        f'##INFO=<ID={name},Number={"A" if name in _BY_ALLELE else 1},Type={kind},Description="{name}">\n'
        for kind, names in (("Integer", _INTEGERS), ("Float", _DECIMALS))
        for name in names
    )
    + _FORMATS
)

Planted = tuple[str, int, str, str, str]
"""Chromosome, position, REF, ALT and genotype."""


class Style(StrEnum):
    """What kind of file."""

    VARIANTS = "variants"
    """Variants alone, with the annotations of GATK's genotyping."""
    BLOCKS = "blocks"
    """Reference blocks and variants by turns: a gVCF."""
    ARRAY = "array"
    """Every site of an array, most of them reference."""


class Genome:
    """The lines of a synthetic file, evenly spread over every chromosome, the same for the same arguments.

    Args:
        style: Kind of file.
        records: About how many lines.
        base_at: Reference base at a chromosome and position, None where it is not known; a random one is written there.
        untouched: Chromosome to sorted stretches without any variant but the planted ones.
        planted: Variants of the caller's own.
    """

    def __init__(
        self,
        style: Style,
        records: int,
        *,
        base_at: Callable[[str, int], str | None] = lambda _chrom, _pos: None,
        untouched: Mapping[str, Sequence[Interval]] | None = None,
        planted: Iterable[Planted] = (),
    ) -> None:
        self._style = style
        self._lengths = {chrom: LENGTHS[BUILD][chrom] for chrom in CHROMOSOMES}
        self._step = (2 if style is Style.BLOCKS else 1) * sum(self._lengths.values()) // records
        self._random = random.Random(11)  # noqa: S311 - no secret
        self._base_at = base_at
        self._untouched = untouched or {}
        self._planted = sorted(planted)

    def lines(self) -> Iterator[str]:
        """Header, then one record at a time."""
        contigs = "".join(f"##contig=<ID=chr{chrom},length={length}>\n" for chrom, length in self._lengths.items())
        yield f"{HEADER}{contigs}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tSAMPLE\n"
        write = {Style.VARIANTS: self._variant, Style.BLOCKS: self._block_variant, Style.ARRAY: self._array_site}
        for chrom, length in self._lengths.items():
            start = 1
            for pos, ref, alt, genotype in self._sites(chrom, length):
                if self._style is Style.BLOCKS and pos > start:
                    yield self._block(chrom, start, pos - 1)
                yield write[self._style](chrom, pos, ref, alt, genotype)
                start = pos + len(ref)
            if self._style is Style.BLOCKS:
                yield self._block(chrom, start, length)

    def write(self, path: Path) -> int:
        """Write the file in BGZF blocks; returns its number of records."""
        written = -1
        with BGZFile(str(path), "wb") as packed:
            for line in self.lines():
                packed.write(line.encode())
                written += 1
        return written

    def _variant(self, chrom: str, pos: int, ref: str, alt: str, genotype: str) -> str:
        draw = self._random.random
        depth, ratio, noise = 16 + int(32 * draw()), draw(), draw()
        copies = 1 if genotype == "0/1" else 2
        if copies == 1:
            other = int(depth * (0.3 + 0.4 * ratio))
            quality = other * 29 + int(noise * 90)
            reads, likelihoods = f"{depth - other},{other}", f"{quality},0,{(depth - other) * 31 + int(ratio * 90)}"
            ranks = f"BaseQRankSum={noise * 4 - 2:.3f};DP={depth}"
            sums = f"MQRankSum={ratio - noise:.3f};QD={quality / depth:.2f};ReadPosRankSum={noise * 3 - 1.5:.3f}"
        else:
            quality = depth * 29 + int(noise * 90)
            reads, likelihoods = f"0,{depth}", f"{quality},{depth * 3},0"
            ranks, sums = f"DP={depth}", f"QD={quality / depth:.2f}"
        return (
            f"chr{chrom}\t{pos}\t.\t{ref}\t{alt}\t{quality}.{int(noise * 99):02}\tPASS\tAC={copies};"
            f"AF={copies / 2:.3f};AN=2;{ranks};ExcessHet=3.0103;FS={noise * ratio * 9:.3f};MLEAC={copies};"
            f"MLEAF={copies / 2:.3f};MQ={60 - int(noise * 1.1)}.00;{sums};SOR={ratio + 0.3:.3f}\tGT:AD:DP:GQ:PL"
            f"\t{genotype}:{reads}:{depth}:{min(99, depth * 3)}:{likelihoods}\n"
        )

    def _block_variant(self, chrom: str, pos: int, ref: str, alt: str, genotype: str) -> str:
        depth = self._random.randint(24, 44)
        reads = f"{depth // 2},{depth - depth // 2},0" if genotype == "0/1" else f"0,{depth},0"
        likelihoods = f"{depth * 21},0,{depth * 19}" if genotype == "0/1" else f"{depth * 25},{depth * 3},0"
        return (
            f"chr{chrom}\t{pos}\t.\t{ref}\t{alt},<NON_REF>\t{depth * 17}.6\tPASS\tDP={depth}\tGT:AD:DP:GQ:PL"
            f"\t{genotype}:{reads}:{depth}:99:{likelihoods},{depth * 30},{depth * 31},{depth * 40}\n"
        )

    def _block(self, chrom: str, start: int, end: int) -> str:
        ref = self._base_at(chrom, start) or "N"
        depth, quality = self._random.randint(20, 44), self._random.randint(45, 99)
        values = f"GT:DP:GQ:MIN_DP:PL\t0/0:{depth}:{quality}:{depth - 3}:0,{quality},{quality * 15}"
        return f"chr{chrom}\t{start}\t.\t{ref}\t<NON_REF>\t.\tPASS\tEND={end}\t{values}\n"

    def _array_site(self, chrom: str, pos: int, ref: str, alt: str, genotype: str) -> str:
        chance = self._random.random()
        if chance < 0.002:  # noqa: PLR2004 - as in good arrays
            genotype = "./."
        elif chance < 0.7:  # noqa: PLR2004
            genotype = "0/0"
        frequency = {"0/1": 0.5, "1/1": 1.0}.get(genotype, 0.0)
        return (
            f"chr{chrom}\t{pos}\trs{pos}\t{ref}\t{alt}\t.\tPASS\tALLELE_A=0;ALLELE_B=1;GC_SCORE=0.{int(chance * 9999)}"
            f"\tGT:IGC:BAF:LRR\t{genotype}:{chance:.4f}:{frequency + chance / 90:.4f}:{chance / 3:.4f}\n"
        )

    def _sites(self, chrom: str, length: int) -> Iterator[tuple[int, str, str, str]]:
        planted = [variant[1:] for variant in self._planted if variant[0] == chrom]
        untouched = self._untouched.get(chrom, ())
        starts = [interval.start - MARGIN for interval in untouched]
        indels = self._style is Style.VARIANTS
        for number, place in enumerate(range(_FIRST, length - _FIRST - self._step, self._step)):
            pos = place + int(self._random.random() * (self._step - _ROOM))
            while planted and planted[0][0] <= pos:
                yield planted.pop(0)
            before = bisect_right(starts, pos) - 1
            if before >= 0 and untouched[before].end + MARGIN >= pos:
                continue
            ref = self._base_at(chrom, pos)
            ref = self._random.choice("ACGT") if ref is None or ref == "N" else ref
            alt = TRANSITIONS[ref]
            if indels and not number % _INDEL_EVERY:
                more = "GACT"[: 1 + number % 4]
                ref, alt = (ref, ref + more) if number % 2 else (ref + more, ref)
            yield pos, ref, alt, "1/1" if self._random.random() < 0.4 else "0/1"  # noqa: PLR2004 - as in people
        yield from planted
