"""One line of a VCF file, strictly read into a `Record`.

Only lines that someone wants, and the first few of every file, come here; every other line passes the cheaper checks of
`lines`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from interpreters.genotypes import Record
from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.header import Header
from ror_service.intake.results import Flag, Flagged

COLUMNS = 10
CHROM, POS, ID, REF, ALT, QUAL, FILTER, INFO, FORMAT, SAMPLE = range(COLUMNS)

_BASES = re.compile(r"[ACGTN]+")
_LETTERS = re.compile(r"[ACGTNRYSWKMBDHV]+")
_SYMBOLIC = re.compile(r"<[^<>\s]+>")
_BREAKEND = re.compile(r"[ACGTN.]*[\[\]][^\[\]\s]+[\[\]][ACGTN.]*|\.[ACGTN]+|[ACGTN]+\.")
_GENOTYPE = re.compile(r"[/|]?(?:\.|[0-9]{1,5})(?:[/|](?:\.|[0-9]{1,5}))*")
_WHOLE = re.compile(r"-?[0-9]{1,10}")
_MANY_ALTERNATES = 100
_MOST_COPIES = 2
_INT32 = 2**31 - 1
_REMEMBERED = 100_000
UNSPELLED = frozenset("DI")
"""What stands for the alleles of an insertion or deletion of an array whose sequence was not found."""
_SHORT = 64
"""Characters of alleles that are remembered."""
_SHORT_NUMBERS = 10
"""Characters in which no number is too large."""

_Key = TypeVar("_Key")
_Found = TypeVar("_Found")


@dataclass(slots=True)
class FlagBook:
    """Collects flags with their counts and first lines."""

    counts: Counter[Flag] = field(default_factory=Counter)
    first: dict[Flag, int] = field(default_factory=dict)

    def raise_flag(self, flag: Flag, line: int, count: int = 1) -> None:
        """Note a flag at a line, 0 for the file as a whole."""
        self.counts[flag] += count
        self.first.setdefault(flag, line)

    def result(self) -> dict[Flag, Flagged]:
        """All flags, in alphabetical order."""
        return {flag: Flagged(self.counts[flag], self.first[flag]) for flag in sorted(self.counts)}


class RecordParser:
    """Reads lines of one file into records.

    Args:
        header: The file's header.
        flags: Where oddities are noted.
    """

    def __init__(self, header: Header, flags: FlagBook) -> None:
        self._header = header
        self._flags = flags
        self._layouts: dict[str, dict[str, int]] = {}
        self._known_alleles: dict[tuple[str, str], tuple[str, tuple[str, ...], tuple[Flag, ...]]] = {}
        self._known_genotypes: dict[tuple[str, int], tuple[tuple[int | None, ...], bool]] = {}

    def parse(self, line: bytes, number: int, chromosome: str) -> Record:
        """The record of one line without its newline.

        Args:
            line: Ten columns, checked to be UTF-8 with a numeric POS.
            number: Line number for messages.
            chromosome: Our name of CHROM.

        Raises:
            IntakeError: `bad_record`, naming the column.
        """
        _, pos, _, ref, alt, _, filters, info, form, sample = line.decode().split("\t")
        start = int(pos)
        reference, alts, odd = self._known_alleles.get((ref, alt)) or self._alleles(ref, alt, number)
        for flag in odd:
            self._flags.raise_flag(flag, number)
        layout = self._layout(form, number)
        fields = sample.split(":")
        if len(fields) > len(layout):
            raise _bad(number, "the sample column has more fields than FORMAT")
        values = _values(layout, fields)
        copies = fields[layout["GT"]] if layout["GT"] < len(fields) else "."
        genotype, phased = self._known_genotypes.get((copies, len(alts))) or self._genotype(copies, len(alts), number)
        depth = self._lowest(values, "DP", "MIN_DP", number)
        if depth == 0:
            # Some callers write 0/0 over stretches without a single read. What no read supports is no call.
            genotype = (None,) * len(genotype)
        quality = self._lowest(values, "GQ", "GQX", number)
        length = self._whole(values["LEN"], number) if "LEN" in values else None
        return Record(
            chrom=chromosome,
            pos=start,
            end=_end(start, reference, alt, info, length, line=number),
            ref=reference,
            alts=alts,
            genotype=genotype,
            phased=phased,
            phase_set=values.get("PS"),
            filters=self._filters(filters, values.get("FT"), number),
            depth=depth,
            genotype_quality=self._lowest(values, "RGQ", "", number) if quality is None else quality,
            allele_depths=self._allele_depths(values["AD"], len(alts) + 1, number) if "AD" in values else (),
            consequences=_consequences(info, self._header.annotation_fields),
            line=number,
        )

    def end(self, line: bytes, number: int) -> int:
        """Last reference base that one line speaks of, for lines whose END is not in the first place of INFO.

        Raises:
            IntakeError: `bad_record`.
        """
        _, pos, _, ref, alt, _, _, info, form, sample = line.decode().split("\t")
        values = _values(self._layout(form, number), sample.split(":"))
        length = self._whole(values["LEN"], number) if "LEN" in values else None
        return _end(int(pos), ref, alt, info, length, line=number)

    def check_format(self, line: bytes, number: int) -> None:
        """Check that a line has a genotype, for lines whose FORMAT does not begin with it.

        Raises:
            IntakeError: `bad_record`.
        """
        if b"GT" not in line.split(b"\t")[FORMAT].split(b":"):
            raise _bad(number, "FORMAT has no GT: the genotype is unknown")

    def inspect(self, line: bytes, number: int) -> None:
        """Note oddities in columns that no result rests on: QUAL and INFO."""
        _, _, _, _, _, qual, _, info, _, _ = line.decode().split("\t")
        if not _is_number(qual, allow_missing=True):
            self._flags.raise_flag(Flag.BAD_NUMBER, number)
        if info == ".":
            return
        for entry in info.split(";"):
            key, _, value = entry.partition("=")
            kind = self._header.info_types.get(key)
            if kind is None and key not in {"END", "SVLEN", "SVTYPE"}:
                self._flags.raise_flag(Flag.UNDECLARED_INFO, number)
            elif kind in {"Integer", "Float"}:
                check = _is_whole if kind == "Integer" else _is_number
                if not all(check(part, allow_missing=True) for part in value.split(",")):
                    self._flags.raise_flag(Flag.BAD_NUMBER, number)

    def _alleles(self, ref: str, alt: str, number: int) -> tuple[str, tuple[str, ...], tuple[Flag, ...]]:
        """REF and ALT as a record has them, and what is odd about them."""
        if ref in UNSPELLED and alt in UNSPELLED:
            return ref, (alt,), (Flag.UNSPELLED_INDEL,)
        odd = []
        reference = ref.upper()
        if ref != reference:
            odd.append(Flag.LOWER_CASE_BASE)
        if not _BASES.fullmatch(reference):
            if not _LETTERS.fullmatch(reference):
                raise _bad(number, "REF is no sequence of bases")
            odd.append(Flag.AMBIGUOUS_BASE)
        if "N" in reference:
            odd.append(Flag.AMBIGUOUS_BASE)
        alts = () if alt == "." else tuple(_alternate(part, odd, number) for part in alt.split(","))
        if len(alts) > _MANY_ALTERNATES:
            odd.append(Flag.MANY_ALTERNATES)
        if alts == ("*",):
            odd.append(Flag.SPANNING_ALLELE_ALONE)
        if reference in alts:
            raise _bad(number, "ALT repeats REF")
        found = reference, alts, tuple(odd)
        if len(ref) + len(alt) < _SHORT:
            _remember(self._known_alleles, (ref, alt), found)
        return found

    def _layout(self, form: str, number: int) -> dict[str, int]:
        layout = self._layouts.get(form)
        if layout is None:
            keys = form.split(":")
            layout = {key: index for index, key in enumerate(keys)}
            if len(layout) != len(keys):
                raise _bad(number, "FORMAT names a field twice")
            if "GT" not in layout:
                raise _bad(number, "FORMAT has no GT: the genotype is unknown")
            _remember(self._layouts, form, layout)
        if layout["GT"]:
            self._flags.raise_flag(Flag.GENOTYPE_NOT_FIRST, number)
        return layout

    def _genotype(self, text: str, alternates: int, number: int) -> tuple[tuple[int | None, ...], bool]:
        if not _GENOTYPE.fullmatch(text):
            raise _bad(number, "GT is not a genotype")
        parts = re.split(r"[/|]", text.lstrip("/|"))
        if len(parts) > _MOST_COPIES:
            raise _bad(number, f"GT has more than {_MOST_COPIES} alleles")
        genotype = tuple(None if part == "." else int(part) for part in parts)
        if any(allele is not None and allele > alternates for allele in genotype):
            raise _bad(number, "GT names an allele that the record does not have")
        found = genotype, len(parts) > 1 and "|" in text
        if None in genotype and any(allele is not None for allele in genotype):
            self._flags.raise_flag(Flag.HALF_CALL, number)
        else:
            _remember(self._known_genotypes, (text, alternates), found)
        return found

    def _lowest(self, values: Mapping[str, str], key: str, other: str, number: int) -> int | None:
        """The lower one of two whole numbers, or the one that is there."""
        first = self._whole(values[key], number) if key in values else None
        second = self._whole(values[other], number) if other in values else None
        if first is None or second is None:
            return second if first is None else first
        return min(first, second)

    def _whole(self, text: str, number: int) -> int | None:
        if text.isascii() and text.isdigit():
            number_read = int(text[:19])
            if number_read > _INT32:
                self._flags.raise_flag(Flag.BAD_NUMBER, number)
                return None
            return number_read
        try:
            decimal = float(text)
        except ValueError:
            decimal = -1.0
        if not 0 <= decimal <= _INT32:
            self._flags.raise_flag(Flag.BAD_NUMBER, number)
            return None
        return int(decimal)

    def _filters(self, text: str, sample_filter: str | None, number: int) -> tuple[str, ...]:
        if text in {"PASS", "."} and sample_filter in {None, "PASS"}:
            return ()
        names = [*text.split(";"), *(sample_filter or "").split(";")]
        failed = tuple(dict.fromkeys(name for name in names if name not in {"", ".", "PASS"}))
        if any(name not in self._header.filters for name in text.split(";") if name != "."):
            self._flags.raise_flag(Flag.UNDECLARED_FILTER, number)
        return failed

    def _allele_depths(self, text: str, alleles: int, number: int) -> tuple[int | None, ...]:
        parts = text.split(",")
        if len(parts) != alleles:
            self._flags.raise_flag(Flag.ALLELE_DEPTH_COUNT, number)
            return ()
        if len(text) < _SHORT_NUMBERS and text.isascii() and "".join(parts).isdigit() and all(parts):
            return tuple(map(int, parts))
        if not all(_is_whole(part, allow_missing=True) for part in parts):
            self._flags.raise_flag(Flag.BAD_NUMBER, number)
            return ()
        return tuple(None if part == "." else int(part) for part in parts)


def _bad(number: int, problem: str) -> IntakeError:
    return IntakeError(Problem.BAD_RECORD, problem, line=number)


def _alternate(alt: str, odd: list[Flag], number: int) -> str:
    """One alternate allele; what is odd about it is added to `odd`."""
    if _BASES.fullmatch(alt) or alt == "*" or _SYMBOLIC.fullmatch(alt) or _BREAKEND.fullmatch(alt):
        return alt
    upper = alt.upper()
    if not _LETTERS.fullmatch(upper):
        raise _bad(number, "ALT is neither a sequence of bases nor a symbolic allele")
    odd.append(Flag.LOWER_CASE_BASE if _BASES.fullmatch(upper) else Flag.AMBIGUOUS_BASE)
    return upper


def _values(layout: Iterable[str], fields: Iterable[str]) -> dict[str, str]:
    """The text of each FORMAT field that is there; those left out at the end, empty ones and "." are missing alike."""
    return {key: text for key, text in zip(layout, fields, strict=False) if text not in {".", ""}}


def _remember(known: dict[_Key, _Found], key: _Key, found: _Found) -> None:
    if len(known) < _REMEMBERED:
        known[key] = found


def _is_whole(text: str, *, allow_missing: bool) -> bool:
    return (allow_missing and text == ".") or (bool(_WHOLE.fullmatch(text)) and abs(int(text)) <= _INT32)


def _is_number(text: str, *, allow_missing: bool) -> bool:
    if allow_missing and text == ".":
        return True
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False


def _consequences(info: str, csq_fields: tuple[str, ...]) -> tuple[str, ...]:
    """Sequence Ontology terms of INFO/ANN (SnpEff: second sub-field) or INFO/CSQ (VEP: `Consequence`)."""
    if "ANN=" not in info and "CSQ=" not in info:
        return ()
    terms: dict[str, None] = {}
    for entry in info.split(";"):
        key, _, value = entry.partition("=")
        if key == "ANN":
            index = 1
        elif key == "CSQ":
            index = csq_fields.index("Consequence") if "Consequence" in csq_fields else 1
        else:
            continue
        for annotation in value.split(","):
            parts = annotation.split("|")
            if index < len(parts):
                terms |= dict.fromkeys(term for term in parts[index].split("&") if term)
    return tuple(terms)


def _end(start: int, reference: str, alt: str, info: str, length: int | None, *, line: int) -> int:
    """Last reference base: of a block or a symbolic allele by END, LEN or SVLEN, else by the length of REF."""
    plain = start + len(reference) - 1
    if alt != "." and "<" not in alt:
        return plain
    entries = dict(entry.partition("=")[::2] for entry in info.split(";")) if "=" in info else {}
    if "END" in entries:
        text = entries["END"]
        if not _WHOLE.fullmatch(text) or int(text) < start:
            raise _bad(line, "INFO END is not a position at or after POS")
        return max(plain, int(text))
    if length is not None and alt == "<*>":
        return max(plain, start + length - 1)
    if any(part.startswith(("<DEL", "<DUP", "<INV", "<CNV")) for part in alt.split(",")):
        lengths = [abs(int(part)) for part in entries.get("SVLEN", "").split(",") if _WHOLE.fullmatch(part)]
        return max([plain, *(start + length for length in lengths)])
    return plain
