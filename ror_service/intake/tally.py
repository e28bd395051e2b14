"""Counts over every line of a file, chunk by chunk: what the QC gate and the kind of call set rest on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from interpreters.genotypes import CallSetKind
from ror_service.intake.builds import PSEUDO_AUTOSOMAL
from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.header import Header
from ror_service.intake.record import FlagBook
from ror_service.intake.results import ReadMetrics
from ror_service.intake.table import ALT, FILTER, FORMAT, INFO, REF, SAMPLE, Bytes, LineTable, Mask, Numbers

_ALL_SITES_SHARE = 0.05
"""Share of explicit reference genotypes from which a file is taken to list reference sites on purpose; a variants-only
file of one sample has practically none."""

_ZERO, _NINE, _DOT = np.uint8(ord("0")), np.uint8(9), ord(".")


@dataclass(frozen=True, slots=True)
class Genotypes:
    """First field of the sample column of every line, as far as one character an allele shows it (Masks by line)."""

    reference: Mask
    heterozygous: Mask
    homozygous_alternate: Mask
    haploid: Mask
    missing: Mask
    half: Mask


def read_genotype_column(table: LineTable) -> Genotypes:
    """Classify the genotypes of a chunk; lines whose GT does not come first are left unclassified.

    Raises:
        IntakeError: `bad_record` for the first line without GT, or with a GT that begins like none.
    """
    first = table.begins_with(FORMAT, b"GT:") | table.begins_with(FORMAT, b"GT\t")
    for index in np.flatnonzero(~first).tolist():
        if b"GT" not in table.text(index, FORMAT, FORMAT).split(b":"):
            raise _bad(table, index, "FORMAT has no GT: the genotype is unknown")
    one, separator, two, behind = (table.code(SAMPLE, offset) for offset in range(4))
    known_one, known_two = (one - _ZERO) <= _NINE, (two - _ZERO) <= _NINE
    parted = (separator == ord("/")) | (separator == ord("|"))
    over = _ends_genotype(separator)
    one_ok, two_ok = known_one | (one == _DOT), known_two | (two == _DOT)
    longer = known_one & ((separator - _ZERO) <= _NINE)
    prefixed = ((one == ord("/")) | (one == ord("|"))) & (((separator - _ZERO) <= _NINE) | (separator == _DOT))
    good = (one_ok & (over | (parted & two_ok))) | longer | prefixed
    if (first & ~good).any():
        raise _bad(table, int(np.argmax(first & ~good)), "GT is not a genotype")
    diploid = first & parted & _ends_genotype(behind)
    haploid = first & over
    called = diploid & known_one & known_two
    return Genotypes(
        reference=(called & (one == _ZERO) & (two == _ZERO)) | (haploid & (one == _ZERO)),
        heterozygous=called & (one != two),
        homozygous_alternate=called & (one == two) & (one != _ZERO),
        haploid=haploid & known_one,
        missing=(haploid & (one == _DOT)) | (diploid & (one == _DOT) & (two == _DOT)),
        half=diploid & (known_one != known_two),
    )


def _ends_genotype(codes: Bytes) -> Mask:
    ended: Mask = (codes == ord(":")) | (codes == ord("\n"))
    return ended


def _bad(table: LineTable, index: int, problem: str) -> IntakeError:
    return IntakeError(Problem.BAD_RECORD, problem, line=table.number(index))


_TRANSITIONS = np.zeros(256, dtype=np.bool_)
_TRANSITIONS[[ord("A") ^ ord("G"), ord("C") ^ ord("T")]] = True
_TRANSVERSIONS = np.zeros(256, dtype=np.bool_)
_TRANSVERSIONS[[ord(one) ^ ord(two) for one in "AG" for two in "CT"]] = True


def _count_variants(counts: Counter[str], table: LineTable, genotypes: Genotypes, passing: Mask) -> None:
    """Count what the sample carries: for the outliers of a bad or mixed sample."""
    heterozygous, alternate = genotypes.heterozygous & passing, genotypes.homozygous_alternate & passing
    counts["heterozygous"] += int(np.count_nonzero(heterozygous))
    counts["homozygous_alternate"] += int(np.count_nonzero(alternate))
    behind = table.code(ALT, 1)
    single = (table.code(REF, 1) == ord("\t")) & ((behind == ord("\t")) | (behind == ord(",")))
    # The bases that differ tell the kind by their difference in bits alone; no other character gives the same.
    change = (table.code(REF) ^ table.code(ALT))[(heterozygous | alternate) & single]
    counts["transitions"] += int(np.count_nonzero(_TRANSITIONS[change]))
    counts["transversions"] += int(np.count_nonzero(_TRANSVERSIONS[change]))


@dataclass(slots=True)
class Tally:
    """Counts of one file as it is read."""

    header: Header
    flags: FlagBook
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, table: LineTable) -> Genotypes:
        """Count one chunk; returns its genotypes for `add_run`."""
        genotypes = read_genotype_column(table)
        symbolic = (table.code(ALT) == ord("<")) | (table.begins_with(ALT, b".\t") & table.begins_with(INFO, b"END="))
        blocks = symbolic & (
            table.begins_with(ALT, b"<NON_REF") | table.begins_with(ALT, b"<*>\t") | (table.code(ALT) == _DOT)
        )
        passing = self.passing(table)
        self.counts["records"] += len(table)
        self.counts["filtered"] += int(np.count_nonzero(~passing))
        self.counts["reference_blocks"] += int(np.count_nonzero(blocks))
        self.counts["explicit_reference"] += int(np.count_nonzero(genotypes.reference & ~blocks))
        self.counts["no_calls"] += int(np.count_nonzero(genotypes.missing))
        _count_variants(self.counts, table, genotypes, passing)
        if half := int(np.count_nonzero(genotypes.half)):
            self.counts["half_calls"] += half
        return genotypes

    @staticmethod
    def passing(table: LineTable) -> Mask:
        """Whether FILTER is PASS or empty, by line."""
        return table.begins_with(FILTER, b"PASS\t") | table.begins_with(FILTER, b".\t")

    def add_run(
        self, chromosome: str | None, table: LineTable, rows: slice, positions: Numbers, genotypes: Genotypes
    ) -> None:
        """Count the lines `rows` of a chunk, all of one chromosome."""
        lines = rows.stop - rows.start
        if chromosome not in {"X", "Y"}:
            kinds = {None: "other_contigs", "MT": "mitochondrial"}
            self.counts[kinds.get(chromosome, "autosomal")] += lines
            return
        self.counts[f"chromosome_{chromosome.lower()}"] += lines
        own = self.passing(table)[rows]
        for shared in PSEUDO_AUTOSOMAL[self.header.build]:
            if shared.chrom == chromosome:
                own &= (positions[rows] < shared.start) | (positions[rows] > shared.end)
        heterozygous, alternate, haploid = (
            int(np.count_nonzero(own & mask[rows]))
            for mask in (genotypes.heterozygous, genotypes.homozygous_alternate, genotypes.haploid)
        )
        if chromosome == "X":
            self.counts["x_heterozygous"] += heterozygous
            self.counts["x_homozygous_alternate"] += alternate
            self.counts["x_haploid"] += haploid
        else:
            haploid_alternate = genotypes.haploid & ~genotypes.reference
            self.counts["y_called"] += heterozygous + alternate + int(np.count_nonzero(own & haploid_alternate[rows]))

    def metrics(self) -> ReadMetrics:
        """All counts."""
        return ReadMetrics(**self.counts)

    def kind(self) -> CallSetKind:
        """What the file's silence about a position means."""
        if self.counts["reference_blocks"]:
            return CallSetKind.GVCF
        if self.counts["explicit_reference"] >= max(1.0, _ALL_SITES_SHARE * self.counts["records"]):
            return CallSetKind.ALL_SITES
        return CallSetKind.VARIANTS_ONLY
