"""The compiled pass against the plain reading of each line, and at the edge of the memory that it may read."""

from __future__ import annotations

import ctypes
import mmap
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.genotype_files import vcf_text

from interpreters.genotypes import Interval, Record
from interpreters.interpreter import PanelSite
from ror_service.intake import lines
from ror_service.intake.header import Contig, parse_header
from ror_service.intake.known_sites import KnownSites
from ror_service.intake.lines import LineScan
from ror_service.intake.record import FlagBook, RecordParser
from ror_service.intake.results import Limits, ReadResult
from ror_service.intake.wanted import WantedIntervals

HEADER = parse_header(vcf_text([]), Limits())
GENOTYPES = ("0/1", "1|0", "1/1", "0/0", "0|0", "./.", ".", "0/.", "./1", "0", "1", "/1", "10/1", "1/11")
INFOS = (
    *(".", "DP=3", "END={0}", "DP=3;END={0}", "END={0};DP=3", "END={0};END={1}", "DP=3;XEND={0}", "SVTYPE=DEL"),
    *("SVTYPE=DEL;SVLEN=-60", "SVLEN=-60;END={0}", "SVLEN=60;ENDS={0}"),
)
ALTS = ("A", "C", "G", "AT", ".", "*", "A,T", "C,<NON_REF>", "<NON_REF>", "<*>", "<DEL>", "<INS>", "<NON_REF>,A")
WANTED = WantedIntervals.of([Interval("X", 101, 101)])
SITES = KnownSites.of(PanelSite("X", pos, "G", alt) for pos in range(100, 104) for alt in "AC")
MANY = ",".join("ACGT"[place % 4] + "T" * (1 + place // 4) for place in range(11))

Read = Callable[..., ReadResult]
Stretch = tuple[int, int]

COUNTED = ("no_calls", "half_calls", "explicit_reference", "heterozygous", "homozygous_alternate")

line_parts = st.tuples(
    *(st.sampled_from("12XY"), st.integers(1, 300), st.integers(0, 90), st.integers(0, 90)),
    *(st.sampled_from(("G", "T", "GAT")), st.sampled_from(ALTS), st.sampled_from(("PASS", ".", "LowQual"))),
    *(st.sampled_from(INFOS), st.sampled_from(("GT", "GT:DP", "DP:GT")), st.sampled_from(GENOTYPES)),
)


def line_of(parts: tuple[Any, ...]) -> str:
    chrom, pos, length, other, ref, alt, filters, info, form, genotype = parts
    sample = {"GT": genotype, "GT:DP": f"{genotype}:30", "DP:GT": f"30:{genotype}"}[form]
    alt = MANY if len(genotype) == len("10/1") else alt
    info = info.format(pos + length, pos + other)
    return f"chr{chrom} {pos} . {ref} {alt} 9 {filters} {info} {form} {sample}"


def parsed(line: str, number: int) -> Record:
    name, _ = line.removeprefix("chr").split(" ", 1)
    return RecordParser(HEADER, FlagBook()).parse(line.replace(" ", "\t").encode(), number, name)


def is_readable(line: str) -> bool:
    try:
        parsed(line, 1)
    except Exception:  # noqa: BLE001 - refused lines are the matter of other tests
        return False
    return True


def counted(found: Counter[str], line: str, record: Record) -> None:
    """Counts of one record, from what the plain reading says of it."""
    *_, info, form, sample = line.split(" ")
    genotype = record.genotype
    ends = info.startswith("END=") or ";END=" in info
    block = record.alts[:1] == ("<NON_REF>",) or record.alts == ("<*>",) or (not record.alts and ends)
    found["records"] += 1
    found["filtered"] += bool(record.filters)
    found["reference_blocks"] += block
    # Left out of the counts, for the pass looks at one character an allele: what is written in another way.
    if form.startswith("DP") or sample.startswith("/") or any(len(str(allele)) == 2 for allele in genotype):
        return
    found["no_calls"] += set(genotype) == {None}
    found["half_calls"] += None in genotype and len(set(genotype)) > 1
    found["explicit_reference"] += set(genotype) == {0} and not block
    if not record.filters and len(genotype) > 1 and None not in genotype:
        found["heterozygous"] += genotype[0] != genotype[1]
        found["homozygous_alternate"] += genotype[0] == genotype[1] != 0


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    drawn=st.lists(line_parts, min_size=8, max_size=25, unique_by=lambda parts: parts[:2]),
    wanted=st.lists(st.tuples(st.integers(1, 400), st.integers(0, 9)), max_size=9),
)
def test_agrees_with_the_plain_reading_of_each_line(
    read: Callable[..., ReadResult],
    monkeypatch: pytest.MonkeyPatch,
    drawn: list[tuple[Any, ...]],
    wanted: list[tuple[int, int]],
) -> None:
    monkeypatch.setattr("ror_service.intake.reader.CHECKED_IN_FULL", 0)
    texts = list(filter(is_readable, map(line_of, drawn)))
    if not texts:
        return
    records = [parsed(line, HEADER.lines + 1 + place) for place, line in enumerate(texts)]
    intervals = [Interval(chrom, start, start + more) for start, more in wanted for chrom in "12X"]
    result = read(texts, intervals)
    overlapping = {
        record
        for record in records
        if any(one.chrom == record.chrom and one.start <= record.end and one.end >= record.pos for one in intervals)
    }
    assert set(result.calls) == overlapping
    expected = Counter(dict.fromkeys(COUNTED, 0))
    for line, record in zip(texts, records, strict=True):
        counted(expected, line, record)
    assert {name: getattr(result.metrics, name) for name in expected} == expected


def test_reads_nothing_beyond_the_text() -> None:
    """The text lies at the end of a page of memory, and the next page is shut: to read one byte more ends the test."""
    page = mmap.PAGESIZE
    memory = mmap.mmap(-1, 2 * page)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(address + page), page, 0) == 0
    draw = random.Random(3)  # noqa: S311 - no secret
    good = "".join(
        f"chr1\t{pos}\t.\tG\t{draw.choice(ALTS)}\t9\tPASS\t{draw.choice(INFOS).format(pos, pos)}\tGT\t0/1\n"
        for pos in range(100, 104)
    ).encode()
    pieces = (b"\t", b"\n", b"", b"END", b"END=", b"GT", b"<", b"<NON_REF", b"PASS", b".", b"\0")
    reasons = Counter[int]()
    for _ in range(2_000):
        at = draw.randrange(len(good))
        text = good[:at] + draw.choice(pieces) + draw.choice((b"", good[at + draw.randrange(20) :])) + b"\n"
        scan = LineScan(HEADER, Limits(), 0)
        known = SITES if len(text) % 2 else KnownSites()
        scan.enter(Contig("X", None), WANTED.on("X"), known.on("X"), SITES.on("X"))
        scan.open(text)
        memory[page - len(text) : page] = text
        while why := lines._scan_lines(scan._state, ctypes.c_char_p(address + page - len(text)), len(text)):
            reasons[why] += 1
            if why >= lines.BAD_COLUMNS:
                break
    assert reasons.keys() >= {lines.NEW_CHROMOSOME, lines.WANTED, lines.BAD_COLUMNS, 1 << 10, 1 << 11, 1 << 12}
