"""ClinVar records of one build: a sorted text table that is searched by position and parsed only where it is hit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from interpreters.hereditary_risk.alleles import CHROMOSOMES, AlleleKey, trim

PATHOGENIC = frozenset({"Pathogenic", "Likely_pathogenic"})
CONFLICTING = frozenset(
    {"Conflicting_classifications_of_pathogenicity", "Conflicting_interpretations_of_pathogenicity"}
)
LOSS_OF_FUNCTION = frozenset({"frameshift_variant", "nonsense", "splice_donor_variant", "splice_acceptor_variant"})
"""Consequence terms of ClinVar that count as loss of function."""
SOMATIC_ONLY = "2"
"""Value of ORIGIN when a variant was seen in tumours only."""

_CHROM_DIGITS, _POS_DIGITS = 2, 9
_CHROM_STEP = 10**_POS_DIGITS
_CHROM_CODES = {chrom: code for code, chrom in enumerate(CHROMOSOMES, 1)}


@dataclass(frozen=True, slots=True)
class ClinVarRecord:
    """What ClinVar says of one allele; text fields as NCBI writes them, "" where absent."""

    chrom: str
    pos: int
    ref: str
    alt: str
    variation_id: str
    classification: str
    """CLNSIG: terms separated by `|`, each of which may hold several separated by `/`."""
    stars: int
    """Review status, 0 to 4."""
    conflicting: str
    """CLNSIGCONF: the classifications that conflict, with their counts."""
    consequences: tuple[str, ...]
    """Every term of MC."""
    origin: str
    conditions: str
    genes: tuple[str, ...]
    frequency: float | None
    """The largest of AF_ESP, AF_EXAC and AF_TGP."""
    hgvs: str
    haplotype_only: bool
    """Classified as part of a haplotype only (CLNSIGINCL without CLNSIG)."""

    @property
    def terms(self) -> frozenset[str]:
        """The single classification terms."""
        return terms_of(self.classification)

    @property
    def is_pathogenic(self) -> bool:
        """Whether a plain Pathogenic or Likely pathogenic term is among the terms."""
        return not PATHOGENIC.isdisjoint(self.terms)

    @property
    def is_conflicting(self) -> bool:
        """Whether submitters disagree."""
        return not CONFLICTING.isdisjoint(self.terms)

    @property
    def conflicts_with_pathogenic(self) -> bool:
        """Whether submitters disagree and at least one says plain Pathogenic or Likely pathogenic."""
        submitted = {part.partition("(")[0] for part in self.conflicting.split("|")}
        return self.is_conflicting and not PATHOGENIC.isdisjoint(submitted)

    @property
    def key(self) -> AlleleKey:
        """Key of the allele; the table holds left-aligned spellings, so that trimming gives it."""
        return AlleleKey(self.chrom, *trim(self.pos, self.ref, self.alt))


def terms_of(classification: str) -> frozenset[str]:
    """The single terms of a CLNSIG value."""
    return frozenset(term for group in classification.split("|") for term in group.split("/") if term)


def stars_of(review_status: str) -> int:
    """Stars of a CLNREVSTAT value."""
    if "practice_guideline" in review_status:
        return 4
    if "reviewed_by_expert_panel" in review_status:
        return 3
    if "multiple_submitters" in review_status and "no_conflicts" in review_status:
        return 2
    return int(review_status.startswith("criteria_provided"))


def format_record(record: ClinVarRecord) -> str:
    """One line of the table: fixed-width sort key (chromosome number, first changed position), then the fields."""
    key = record.key
    fields = (
        f"{_CHROM_CODES[record.chrom]:0{_CHROM_DIGITS}d}{key.pos:0{_POS_DIGITS}d}",
        str(record.pos),
        record.ref,
        record.alt,
        record.variation_id,
        record.classification,
        str(record.stars),
        record.conflicting,
        ",".join(record.consequences),
        record.origin,
        record.conditions,
        ",".join(record.genes),
        "" if record.frequency is None else repr(record.frequency),
        record.hgvs,
        "haplotype" if record.haplotype_only else "",
    )
    return "\t".join(fields) + "\n"


def _parse_record(line: str) -> ClinVarRecord:
    sort_key, pos, ref, alt, number, sig, stars, conf, terms, origin, names, genes, freq, hgvs, part = line.split("\t")
    return ClinVarRecord(
        chrom=CHROMOSOMES[int(sort_key[:_CHROM_DIGITS]) - 1],
        pos=int(pos),
        ref=ref,
        alt=alt,
        variation_id=number,
        classification=sig,
        stars=int(stars),
        conflicting=conf,
        consequences=tuple(terms.split(",")) if terms else (),
        origin=origin,
        conditions=names,
        genes=tuple(genes.split(",")),
        frequency=float(freq) if freq else None,
        hgvs=hgvs,
        haplotype_only=bool(part),
    )


class ClinVarTable:
    """All records of a build, as the bytes of the table; only the positions are parsed when it is made.

    Args:
        content: Lines of `format_record`, sorted.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        text = np.frombuffer(content, dtype=np.uint8)
        self._ends = np.flatnonzero(text == ord("\n"))
        self._starts = np.concatenate((np.zeros(1, dtype=np.int64), self._ends[:-1] + 1))[: len(self._ends)]
        self._keys = np.zeros(len(self._ends), dtype=np.int64)
        for digit in range(_CHROM_DIGITS + _POS_DIGITS):
            self._keys = self._keys * 10 + (text[self._starts + digit] - ord("0"))

    def __len__(self) -> int:
        return len(self._ends)

    def __iter__(self) -> Iterator[ClinVarRecord]:
        return (self._record(index) for index in range(len(self)))

    def find(self, key: AlleleKey) -> ClinVarRecord | None:
        """The record of an allele, or None."""
        wanted = _CHROM_CODES.get(key.chrom, 0) * _CHROM_STEP + key.pos
        first, last = np.searchsorted(self._keys, (wanted, wanted + 1))
        for index in range(int(first), int(last)):
            record = self._record(index)
            if record.key == key:
                return record
        return None

    def _record(self, index: int) -> ClinVarRecord:
        return _parse_record(self._content[self._starts[index] : self._ends[index]].decode())
