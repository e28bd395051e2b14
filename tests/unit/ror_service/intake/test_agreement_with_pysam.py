"""What is accepted is read as pysam reads it, record by record, on generated files."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pysam
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.genotype_files import bgzf, vcf_text
from support.shared import SHARED, needs_shared

from interpreters.genotypes import Interval, Record
from ror_service.intake.builds import chromosome_of
from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.reader import read_genotypes
from ror_service.intake.results import Flag

DECLARED = (
    '##FILTER=<ID=LowQual,Description="low">\n##INFO=<ID=END,Number=1,Type=Integer,Description="end">\n'
    '##INFO=<ID=DP,Number=1,Type=Integer,Description="depth">\n'
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="genotype">\n'
    '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="depth">\n'
    '##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="quality">\n'
    '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="depths">\n'
    '##FORMAT=<ID=PS,Number=1,Type=Integer,Description="set">\n'
)
WHOLE = tuple(Interval(name, 1, 249_250_621) for name in ("1", "2", "X", "Y", "MT"))

bases = st.text("ACGT", min_size=1, max_size=5)
number = st.one_of(st.just("."), st.integers(0, 200).map(str))


@st.composite
def lines(draw: st.DrawFn) -> str:
    ref = draw(bases)
    block = draw(st.booleans())
    pos = draw(st.integers(1, 3000))
    if block:
        alts, info = ["<NON_REF>"], f"END={pos + draw(st.integers(len(ref), 300))}"
    else:
        alts = draw(st.lists(bases.filter(lambda alt: alt != ref), max_size=3, unique=True))
        info = draw(st.sampled_from([".", "DP=12"]))
    allele = st.one_of(st.just("."), st.integers(0, 0 if block else len(alts)).map(str))
    copies = draw(st.lists(allele, min_size=1, max_size=2))
    genotype = draw(st.sampled_from("/|")).join(copies)
    keys, values = ["GT"], [genotype]
    for key, value in (
        ("AD", st.lists(number, min_size=len(alts) + 1, max_size=len(alts) + 1).map(",".join)),
        ("DP", number),
        ("GQ", number),
        ("PS", number),
    ):
        if draw(st.booleans()):
            keys.append(key)
            values.append(draw(value))
    del values[draw(st.integers(1, len(values))) :]  # trailing fields may be dropped
    chrom = draw(st.sampled_from(["chr1", "chr2", "chrX", "chrM"]))
    fields = [chrom, str(pos), ".", ref, ",".join(alts) or ".", "50", draw(st.sampled_from(["PASS", ".", "LowQual"]))]
    return " ".join([*fields, info, ":".join(keys), ":".join(values)])


def as_pysam_reads(path: Path) -> list[tuple[object, ...]]:
    """The same facts of every record on a chromosome, from pysam."""
    found = []
    with pysam.VariantFile(str(path)) as file:
        for record in file:
            sample = record.samples[0]
            chrom = chromosome_of(record.chrom)
            if chrom is None:
                continue
            values = dict(sample.items())
            depth, quality = values.get("DP"), values.get("GQ")
            genotype = tuple(values["GT"]) if depth != 0 else (None,) * len(values["GT"])
            depths = tuple(values.get("AD") or ())
            found.append(
                (
                    *(chrom, record.pos, record.stop, record.ref, tuple(record.alts or ()), genotype),
                    *(tuple(name for name in record.filter if name != "PASS"), depth, quality),
                    () if depths == (None,) else depths,
                    str(values["PS"]) if values.get("PS") is not None else None,
                )
            )
    return found


def facts(record: Record) -> tuple[object, ...]:
    return (
        *(record.chrom, record.pos, record.end, record.ref, record.alts, record.genotype),
        *(record.filters, record.depth, record.genotype_quality, record.allele_depths, record.phase_set),
    )


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(records=st.lists(lines(), min_size=1, max_size=25), ordered=st.booleans(), compressed=st.booleans())
def test_generated_files(records: list[str], *, ordered: bool, compressed: bool) -> None:
    if ordered:
        records.sort(key=lambda line: (line.split()[0], int(line.split()[1])))
    text = vcf_text(records, extra=DECLARED)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.vcf.gz"
        path.write_bytes(bgzf(text, block=700) if compressed else text)
        try:
            result = read_genotypes(path, lambda _: WHOLE)
        except IntakeError as error:
            assert error.code is Problem.CONFLICTING_RECORDS  # noqa: PT017 - the only refusal that may come
            return
        expected = as_pysam_reads(path)
    # A line that repeats the line before it is kept once.
    if Flag.REPEATED_RECORDS in result.flags:
        assert set(map(facts, result.calls)) == set(expected)
    else:
        assert sorted(map(facts, result.calls), key=repr) == sorted(expected, key=repr)


@needs_shared
@pytest.mark.genomes
@pytest.mark.parametrize(
    "name",
    ["platinum_gvcf_GRCh37/NA12878", "corpas_exome_GRCh37/Pfeiffer.vcf.gz", "illumina_gtc/201142750001_R01C01.vcf"],
)
def test_real_files(name: str) -> None:
    path = SHARED / "genomes" / name.replace("NA12878", "NA12877.platinum.tiny.g.vcf.gz")
    result = read_genotypes(path, lambda _: WHOLE)
    expected = {(row[0], row[1], row[3], row[4]): row for row in as_pysam_reads(path) if row[0] in {"1", "2", "X", "Y"}}
    read = {(r.chrom, r.pos, r.ref, r.alts): r for r in result.calls if r.chrom != "MT"}
    assert set(read) == set(expected)
    for key, record in read.items():
        _, _, stop, _, _, genotype, filters, depth, _, _, _ = expected[key]
        assert (record.end, record.genotype, record.filters, record.depth) == (stop, genotype, filters, depth), key
