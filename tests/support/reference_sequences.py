"""FASTA files with their index, as large as a genome by their index and holding bases only around the listed genes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from interpreters.genotypes import Build, Interval
from interpreters.hereditary_risk import HereditaryRisk
from interpreters.hereditary_risk.exons import merge
from interpreters.hereditary_risk.reference import MARGIN


def write_reference(
    path: Path,
    risk: HereditaryRisk,
    build: Build = Build.GRCH38,
    *,
    prefix: str = "chr",
    changes: Mapping[tuple[str, int], str] | None = None,
    lengths: Mapping[str, int] | None = None,
) -> Path:
    """A FASTA file that spells what the release knows, N between, and what a test puts in.

    Each chromosome is one line, most of it a hole that takes no room on the disk.

    Args:
        path: The file to write; its index goes beside it.
        risk: Interpreter whose release knows the bases.
        build: Build of the file.
        prefix: What stands before the chromosomes' names.
        changes: Chromosome and position to the bases that are written there.
        lengths: Chromosome to another length, for a file that is of another build.
    """
    known = risk.reference_bases(build)
    contigs = {**risk.known_contig_lengths()[build.value], **(lengths or {})}
    regions = merge(
        Interval(chrom, max(1, start - 2 * MARGIN), min(end + 2 * MARGIN, contigs[chrom]))
        for chrom, start, end in (
            *risk.intervals(build),
            *(Interval(chrom, start, start + len(bases) - 1) for chrom, start, bases in known.stretches()),
            *_genes(risk, build),
        )
    )
    offset, index, offsets = 0, "", {}
    with path.open("wb") as file:
        for chrom, length in contigs.items():
            header = f">{prefix}{chrom}\n".encode()
            file.seek(offset)
            file.write(header)
            offsets[chrom] = offset + len(header)
            index += f"{prefix}{chrom}\t{length}\t{offsets[chrom]}\t{length}\t{length + 1}\n"
            offset += len(header) + length + 1
        for chrom, start, end in regions:
            file.seek(offsets[chrom] + start - 1)
            file.write(b"N" * (end - start + 1))
        for chrom, start, bases in known.stretches():
            file.seek(offsets[chrom] + start - 1)
            file.write(bases.encode())
        for (chrom, pos), bases in (changes or {}).items():
            file.seek(offsets[chrom] + pos - 1)
            file.write(bases.encode())
        file.truncate(offset)
    path.with_name(f"{path.name}.fai").write_text(index, encoding="utf-8")
    return path


def _genes(risk: HereditaryRisk, build: Build) -> list[Interval]:
    spans: dict[str, Interval] = {}
    for exon in risk.policy.exons[build]:
        span = spans.get(exon.gene, Interval(exon.chrom, exon.start, exon.end))
        spans[exon.gene] = Interval(exon.chrom, min(span.start, exon.start), max(span.end, exon.end))
    return list(spans.values())
