"""Writes the genotype file of a synthetic person: a bgzipped gVCF on GRCh38, drawn from the project's own knowledge.

Ancestry sites come from the reference panels' frequencies, pharmacogenes from named alleles, traits and hereditary
variants from what the person is to carry; every other stretch that the interpreters ask for is a reference block.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from interpreters.ancestry import draw_person, reference_panels
from interpreters.genotypes import Build, Interval, Sex
from interpreters.hereditary_risk import load as load_hereditary_risk
from interpreters.pharmacogenomics import load as load_pharmacogenomics
from interpreters.pharmacogenomics.tables import IUPAC, Gene, Position, load_tables
from interpreters.traits import load as load_traits

SAMPLE_NAME = "SAMPLE"
_LENGTHS = (
    248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636, 138394717, 133797422,
    135086622, 133275309, 114364328, 107043718, 101991189, 90338345, 83257441, 80373285, 58617616, 64444167, 46709983,
    50818468, 156040895, 57227415,
)  # fmt: skip
CHROMOSOMES = (*(str(number) for number in range(1, 23)), "X", "Y")
_SEX_SITES = 300
_X_START, _Y_START, _STEP = 40_000_000, 12_000_000, 10_000
"""Places outside the pseudo-autosomal regions, for genotypes that show the sex chromosomes."""


@dataclass(frozen=True, slots=True)
class Planted:
    """A variant that the person carries on purpose."""

    chrom: str
    pos: int
    ref: str
    alt: str
    homozygous: bool = False


@dataclass(frozen=True, slots=True)
class Genome:
    """What a synthetic person's genome is made of."""

    components: Mapping[str, float]
    """Components of the world panel to their shares, which sum to 1."""
    chromosomal_sex: Sex
    star_alleles: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Gene to the names of its two alleles (the first alone counts on a male's X); others carry the common one."""
    trait_bases: Mapping[tuple[str, int], tuple[str, str]] = field(default_factory=dict)
    """Chromosome and position to the bases of both copies."""
    planted: tuple[Planted, ...] = ()


@dataclass(frozen=True, slots=True)
class _Line:
    chrom: str
    pos: int
    ref: str
    alts: tuple[str, ...]
    genotype: str
    end: int = 0
    """Last base of a reference block; 0 for a single site."""

    @property
    def last(self) -> int:
        return max(self.end, self.pos + len(self.ref) - 1)


class GenomeWriter:
    """Writes genotype files of synthetic people. Loads the knowledge once."""

    def __init__(self) -> None:
        self._panels = reference_panels()
        pharmacogenomics = load_pharmacogenomics()
        self._genes = [gene for gene in load_tables(pharmacogenomics.knowledge).genes.values() if gene.from_sequence]
        hereditary = load_hereditary_risk()
        self._stretches = sorted(hereditary.intervals(Build.GRCH38))
        self._bases = hereditary.reference_bases(Build.GRCH38)
        self._trait_sites = _trait_sites()

    def write(self, genome: Genome, path: Path, seed: int) -> None:
        """Write one person's file; the same genome and seed give the same bytes."""
        lines = self._lines(genome, np.random.default_rng(seed))
        text = _header() + "".join(_format(line) for line in lines)
        path.write_bytes(bgzip(text.encode()))

    def _lines(self, genome: Genome, random: np.random.Generator) -> list[_Line]:
        sites: dict[tuple[str, int], _Line] = {}
        for site in draw_person(self._panels, genome.components, random):
            genotype = f"{site.alternates[0]}|{site.alternates[1]}"
            sites[site.chrom, site.pos] = _Line(site.chrom, site.pos, site.ref, (site.alt,), genotype)
        male = genome.chromosomal_sex is Sex.MALE
        special = [*self._pharmacogenes(genome, haploid_x=male), *self._traits(genome), *_sex_lines(random, male=male)]
        special += [
            _Line(v.chrom, v.pos, v.ref, (v.alt,), _planted_genotype(v, haploid=male and v.chrom == "X"))
            for v in genome.planted
        ]
        for line in special:
            for pos in range(line.pos, line.last + 1):
                sites.pop((line.chrom, pos), None)
        sites |= {(line.chrom, line.pos): line for line in special}
        explicit = sorted(sites.values(), key=_order)
        return sorted([*explicit, *self._blocks(explicit)], key=_order)

    def _pharmacogenes(self, genome: Genome, *, haploid_x: bool) -> Iterator[_Line]:
        for gene in self._genes:
            names = genome.star_alleles.get(gene.name, (_common_allele(gene),) * 2)
            haplotypes = [_bases_of(gene, name) for name in names]
            chrom = gene.chrom.removeprefix("chr")
            if haploid_x and chrom == "X":
                haplotypes = haplotypes[:1]
            for index, position in enumerate(gene.positions):
                yield _position_line(chrom, position, [bases[index] for bases in haplotypes])

    def _traits(self, genome: Genome) -> Iterator[_Line]:
        for (chrom, pos), (ref, alt) in self._trait_sites.items():
            bases = genome.trait_bases.get((chrom, pos), (ref, ref))
            genotype = "/".join(str(number) for number in sorted((ref, alt).index(base) for base in bases))
            yield _Line(chrom, pos, ref, (alt,), genotype)

    def _blocks(self, explicit: list[_Line]) -> Iterator[_Line]:
        taken: dict[str, list[tuple[int, int]]] = {}
        for line in explicit:
            taken.setdefault(line.chrom, []).append((line.pos, line.last))
        for stretch in self._stretches:
            for start, end in _gaps(stretch, taken.get(stretch.chrom, [])):
                ref = self._bases.get((stretch.chrom, start), "N")
                yield _Line(stretch.chrom, start, ref, ("<NON_REF>",), "0/0", end)


def bgzip(data: bytes) -> bytes:
    """The data as BGZF (SAM specification, section 4.1), with its end-of-file block."""
    blocks = []
    for start in range(0, len(data) + 1, 65280):
        chunk = data[start : start + 65280]
        deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
        packed = deflate.compress(chunk) + deflate.flush()
        head = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0" + struct.pack("<H", len(packed) + 25)
        blocks.append(head + packed + struct.pack("<II", zlib.crc32(chunk), len(chunk)))
    if len(data) % 65280:
        blocks.append(bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000"))
    return b"".join(blocks)


def _trait_sites() -> dict[tuple[str, int], tuple[str, str]]:
    return {
        (variant.chrom, variant.pos38): (variant.ref, variant.alt)
        for trait in load_traits().traits
        for variant in trait.variants
    }


def _common_allele(gene: Gene) -> str:
    """The allele that most people carry: the reference allele, but for CYP2C19, whose reference allele is rare."""
    return "*1" if gene.name == "CYP2C19" else gene.alleles[0].name


def _bases_of(gene: Gene, name: str) -> list[str]:
    allele = next(allele for allele in gene.alleles if allele.name == name)
    codes = [allele.bases.get(index, position.ref) for index, position in enumerate(gene.positions)]
    return [
        code if code == position.ref or code in position.alts else _first_base(code, position)
        for code, position in zip(codes, gene.positions, strict=True)
    ]


def _first_base(code: str, position: Position) -> str:
    """One base that an ambiguity code stands for, an alternate one: that is what the definition is about."""
    return next(base for base in IUPAC[code] if base in position.alts)


def _position_line(chrom: str, position: Position, bases: list[str]) -> _Line:
    alleles = (position.ref, *position.alts)
    genotype = "|".join(str(alleles.index(base)) for base in bases)
    return _Line(chrom, position.pos, position.ref, position.alts, genotype)


def _planted_genotype(variant: Planted, *, haploid: bool) -> str:
    if haploid:
        return "1"
    return "1/1" if variant.homozygous else "0/1"


def _sex_lines(random: np.random.Generator, *, male: bool) -> Iterator[_Line]:
    for number in range(_SEX_SITES):
        both = random.random() < 0.4  # noqa: PLR2004 - four of ten alternate genotypes of a female are homozygous
        yield _Line("X", _X_START + number * _STEP, "A", ("G",), "1" if male else "1/1" if both else "0/1")
    for number in range(_SEX_SITES if male else 0):
        yield _Line("Y", _Y_START + number * _STEP // 10, "C", ("T",), "1")


def _gaps(stretch: Interval, taken: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The parts of a stretch that no explicit line speaks of."""
    start = stretch.start
    for first, last in taken:
        if last < start:
            continue
        if first > stretch.end:
            break
        if first > start:
            yield start, first - 1
        start = last + 1
    if start <= stretch.end:
        yield start, stretch.end


def _order(line: _Line) -> tuple[int, int]:
    return CHROMOSOMES.index(line.chrom), line.pos


def _header() -> str:
    contigs = "".join(
        f"##contig=<ID=chr{name},length={length}>\n" for name, length in zip(CHROMOSOMES, _LENGTHS, strict=True)
    )
    return (
        "##fileformat=VCFv4.2\n##source=synthetic-programme\n"
        '##ALT=<ID=NON_REF,Description="Any other allele">\n'
        '##FILTER=<ID=PASS,Description="All filters passed">\n'
        '##INFO=<ID=END,Number=1,Type=Integer,Description="Last base of a reference block">\n'
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
        '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Allele depths">\n'
        '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">\n'
        '##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Genotype quality">\n'
        '##FORMAT=<ID=MIN_DP,Number=1,Type=Integer,Description="Least depth of a block">\n'
        f"{contigs}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{SAMPLE_NAME}\n"
    )


def _format(line: _Line) -> str:
    start = f"chr{line.chrom}\t{line.pos}\t.\t{line.ref}\t{','.join(line.alts)}\t"
    if line.end:
        return f"{start}.\tPASS\tEND={line.end}\tGT:DP:GQ:MIN_DP\t{line.genotype}:34:99:31\n"
    numbers = [int(number) for number in line.genotype.replace("|", "/").split("/")]
    each = 34 // len(numbers)
    depths = [each * numbers.count(number) for number in range(len(line.alts) + 1)]
    depth = ",".join(str(value) for value in depths)
    return f"{start}99\tPASS\t.\tGT:AD:DP:GQ\t{line.genotype}:{depth}:{sum(depths)}:99\n"
