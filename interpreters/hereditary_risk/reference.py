"""A reference sequence that the programme installed: checked when it is opened, and read around the listed genes only.

No sequence comes with the project. What is read is kept as plain stretches of bases, so that nothing later depends on
an open file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from operator import eq
from pathlib import Path
from typing import NamedTuple

import pysam

from interpreters.genotypes import Build, Interval
from interpreters.hereditary_risk.alleles import REFERENCE_SEQUENCE, ReferenceBases
from interpreters.hereditary_risk.exons import merge
from interpreters.knowledge import KnowledgeError

MARGIN = 1000
"""Bases that are read on both sides of a gene, so that repeats at its edge can be followed."""
LEAST_AGREEMENT = 0.999
"""Share of the known bases that the sequence must spell. Another build agrees in a quarter; a few may differ where
positions were lifted over."""

_KNOWN_BASES = re.compile("[ACGT]+")

Stretch = tuple[str, int, str]
"""Chromosome, first position, bases."""


class ReferenceSequence(NamedTuple):
    """What was read of a reference sequence."""

    bases: ReferenceBases
    digest: str
    """SHA-256 over the stretches that were read: two files with one digest place every variant alike."""


def read_reference(
    path: Path, lengths: Mapping[str, int], regions: Iterable[Interval], known: Sequence[Stretch]
) -> ReferenceSequence:
    """Check a FASTA file and read the bases around `regions`.

    Args:
        path: FASTA file, plain or in BGZF blocks, with its index beside it.
        lengths: Chromosome to its length in bases, in the build that the file must be of.
        regions: What will be asked for.
        known: Reference bases that are known already, by which the file is checked; they are read as well.

    Raises:
        KnowledgeError: If the file or its index is missing or damaged, is of another build, or spells other bases than
            the known ones. The message names the file and the remedy.
    """
    wanted = [Interval(chrom, max(1, start - MARGIN), end + MARGIN) for chrom, start, end in regions]
    wanted += [Interval(chrom, start, start + len(bases) - 1) for chrom, start, bases in known]
    with _open(path) as fasta:
        names = _contigs(path, fasta, lengths, {interval.chrom for interval in wanted})
        texts = []
        for chrom, start, end in merge(wanted):
            interval = Interval(chrom, start, min(end, lengths[chrom]))
            texts.append((chrom, start, _fetch(path, fasta, names[chrom], interval)))
    _agree(path, texts, known)
    digest = hashlib.sha256("".join(f"{chrom}\t{start}\t{text}\n" for chrom, start, text in texts).encode())
    stretches = (
        (chrom, start + match.start(), match[0])
        for chrom, start, text in texts
        for match in _KNOWN_BASES.finditer(text)
    )
    return ReferenceSequence(ReferenceBases(stretches, REFERENCE_SEQUENCE), digest.hexdigest())


def build_of(path: Path, lengths: Mapping[Build, Mapping[str, int]]) -> Build:
    """The build of a FASTA file, told by the lengths of its chromosomes.

    Args:
        path: FASTA file with its index.
        lengths: Build to chromosome to length in bases.

    Raises:
        KnowledgeError: If the file or its index cannot be read, or is of no build that is supported.
    """
    with _open(path) as fasta:
        found = {name.removeprefix("chr"): length for name, length in zip(fasta.references, fasta.lengths, strict=True)}
    for build, expected in lengths.items():
        # The mitochondrial sequence is the same in both.
        if any(found.get(chrom) == length for chrom, length in expected.items() if chrom != "MT"):
            return build
    raise KnowledgeError(
        f"{path}: its contigs have the lengths of no supported build; use the FASTA file of "
        f"{' or '.join(build.value for build in Build)}"
    )


def _open(path: Path) -> pysam.FastaFile:
    index = path.with_name(f"{path.name}.fai")
    for file in (path, index):
        # Without its index the file would be indexed where it lies, perhaps in a folder that is not ours.
        if not file.is_file():
            raise KnowledgeError(f"{file}: not there; give the full path of a FASTA file indexed by `samtools faidx`")
    try:
        return pysam.FastaFile(str(path))
    except (OSError, ValueError) as error:
        raise KnowledgeError(f"{path}: not a FASTA file with its index; index it by `samtools faidx`") from error


def _contigs(
    path: Path, fasta: pysam.FastaFile, lengths: Mapping[str, int], chromosomes: Iterable[str]
) -> dict[str, str]:
    """Chromosome to the file's name of it."""
    found = dict(zip(fasta.references, fasta.lengths, strict=True))
    names = {}
    for chrom in sorted(chromosomes):
        name = next((name for name in (f"chr{chrom}", chrom) if name in found), None)
        if name is None or found[name] != lengths[chrom]:
            says = f"{found[name]} bases long" if name else "missing"
            raise KnowledgeError(
                f"{path}: chromosome {chrom} is {says}, not {lengths[chrom]} bases; use the FASTA file of this build"
            )
        names[chrom] = name
    return names


def _fetch(path: Path, fasta: pysam.FastaFile, name: str, interval: Interval) -> str:
    try:
        text = str(fasta.fetch(name, interval.start - 1, interval.end)).upper()
    except (OSError, ValueError):
        text = ""
    if len(text) != interval.end - interval.start + 1:
        raise KnowledgeError(f"{path}: cut short or not of this index; fetch the file again and index it")
    return text


def _agree(path: Path, texts: Iterable[Stretch], known: Iterable[Stretch]) -> None:
    """Refuse a file that does not spell the known bases, every one of which lies in one of `texts`."""
    by_chromosome: dict[str, list[Stretch]] = {}
    for stretch in texts:
        by_chromosome.setdefault(stretch[0], []).append(stretch)
    compared = agreeing = 0
    for chrom, first, bases in known:
        start, text = next((start, text) for _, start, text in by_chromosome[chrom] if first < start + len(text))
        spelled = text[first - start : first - start + len(bases)]
        compared += len(bases)
        agreeing += sum(map(eq, bases, spelled))
    if agreeing < LEAST_AGREEMENT * compared:
        raise KnowledgeError(
            f"{path}: only {agreeing / compared:.1%} of the bases that ClinVar spells are in it; use the unmodified "
            "FASTA file of this build"
        )
