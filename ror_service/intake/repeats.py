"""Sees records that say something about the same alleles twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from interpreters.genotypes import Record
from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.record import ALT, FILTER, FORMAT, REF, SAMPLE, UNSPELLED, FlagBook
from ror_service.intake.results import Flag


class RepeatWatch:
    """Compares neighbouring lines at one position: repeated ones are flagged, contradicting ones refused.

    Only unfiltered records with sequence alleles and a full genotype can contradict each other: two structural variants
    may begin at one base. Probes of an array may contradict each other too: that is flagged, and `settle_probes` makes
    a no-call of them.

    Args:
        flags: Where repeats are noted.
        of_probes: Whether the records are probes of an array.
    """

    def __init__(self, flags: FlagBook, *, of_probes: bool = False) -> None:
        self._flags = flags
        self._of_probes = of_probes
        self._site = b""
        self._genotypes: dict[bytes, bytes] = {}

    def add(self, before: bytes, line: bytes, number: int) -> bool:
        """Look at a line that begins where the line before it begins; returns whether it is the very same.

        Raises:
            IntakeError: `conflicting_records`.
        """
        if line == before:
            self._flags.raise_flag(Flag.REPEATED_RECORDS, number)
            return True
        site = line[: line.index(b"\t", line.index(b"\t") + 1)]
        if site != self._site:
            self._site, self._genotypes = site, {}
            self._note(before, 0)
        self._note(line, number)
        return False

    def _note(self, line: bytes, number: int) -> None:
        fields = line.split(b"\t")
        if b"<" in fields[ALT]:
            return
        key = b"\t".join(fields[REF : ALT + 1])
        known = self._genotypes.get(key)
        genotype = _called_genotype(fields)
        if known is None:
            self._genotypes[key] = genotype
        elif known and genotype and known != genotype and self._of_probes:
            self._flags.raise_flag(Flag.CONFLICTING_PROBES, number)
        elif known and genotype and known != genotype:
            raise IntakeError(Problem.CONFLICTING_RECORDS, "two records give different genotypes", line=number)
        else:
            self._genotypes[key] = known or genotype
            self._flags.raise_flag(Flag.REPEATED_RECORDS, number)

    @staticmethod
    def check_kept(records: Iterable[Record]) -> None:
        """The same check over kept records, for a file whose lines are in no order.

        Raises:
            IntakeError: `conflicting_records`.
        """
        genotypes: dict[tuple[object, ...], tuple[object, ...]] = {}
        for record in records:
            symbolic = any(alt.startswith("<") for alt in record.alts)
            if symbolic or record.filters or not record.genotype or None in record.genotype:
                continue
            key = (record.chrom, record.pos, record.ref, record.alts)
            genotype = tuple(sorted(record.genotype, key=str))
            if genotypes.setdefault(key, genotype) != genotype:
                raise IntakeError(Problem.CONFLICTING_RECORDS, "two records give different genotypes", line=record.line)


def settle_probes(records: Iterable[Record]) -> list[Record]:
    """One record for all probes of an array that are at one position and have the same alleles.

    Probes that disagree are a no-call, and a failed one says nothing beside one that is called. Insertions and
    deletions that nobody spells are left out.
    """
    probes: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        if not {record.ref, *record.alts} <= UNSPELLED:
            probes.setdefault((record.chrom, record.pos, record.ref, record.alts), []).append(record)
    return [_settled(found) for found in probes.values()]


def _settled(probes: list[Record]) -> Record:
    called = [probe for probe in probes if probe.genotype and None not in probe.genotype and not probe.filters]
    if len({tuple(sorted(probe.genotype, key=str)) for probe in called}) > 1:
        return replace(called[0], genotype=(None, None))
    return (called or probes)[0]


def _called_genotype(fields: list[bytes]) -> bytes:
    """Allele numbers in order without phase; empty when filtered or not fully called."""
    if fields[FILTER] not in {b"PASS", b"."}:
        return b""
    keys, values = fields[FORMAT].split(b":"), fields[SAMPLE].split(b":")
    index = keys.index(b"GT")
    alleles = sorted(values[index].replace(b"|", b"/").split(b"/")) if index < len(values) else [b"."]
    return b"" if b"." in alleles else b"/".join(alleles)
