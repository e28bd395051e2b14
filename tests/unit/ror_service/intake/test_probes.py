"""VCF files made of an array's intensities, as `bcftools +gtc2vcf` and Illumina's own converter write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.genotype_files import vcf_text

from interpreters.genotypes import Assay, CallSetKind, CallState, Interval
from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.qc import Declared, Outcome, assess
from ror_service.intake.reader import read_genotypes
from ror_service.intake.results import Flag, ReadResult

FIELDS = (
    '##INFO=<ID=ALLELE_A,Number=1,Type=Integer,Description="A allele">\n'
    '##INFO=<ID=ALLELE_B,Number=1,Type=Integer,Description="B allele">\n'
    '##INFO=<ID=GenTrain_Score,Number=1,Type=Float,Description="Cluster quality">\n'
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    '##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Quality">\n'
    '##FORMAT=<ID=IGC,Number=1,Type=Float,Description="GenCall score">\n'
    '##FORMAT=<ID=BAF,Number=1,Type=Float,Description="B allele frequency">\n'
    '##FORMAT=<ID=LRR,Number=1,Type=Float,Description="Log R ratio">\n'
)
STUDIO = "##source=gtc_to_vcf 1.2.0\n"


def probe(pos: int, ref: str, alt: str, genotype: str, filters: str = ".") -> str:
    info = f"ALLELE_A={0 if alt != '.' else -1};ALLELE_B={1 if alt != '.' else -1};GenTrain_Score=0.81"
    return f"chr1 {pos} rs{pos} {ref} {alt} . {filters} {info} GT:GQ:IGC:BAF:LRR {genotype}:3:0.4512:0.4981:-0.0312"


FILE = [
    probe(100, "A", "G", "0/0"),
    probe(200, "A", "G", "0/1"),
    probe(300, "A", ".", "./."),  # intensity only: no alleles, never a genotype
    probe(400, "A", "C,G", "1/2"),  # neither allele is the reference
    probe(500, "D", "I", "0/1"),
    probe(600, "I", "D", "1/1"),
    probe(600, "C", "T", "0/0"),
    probe(700, "C", "T", "0/1"),
    probe(700, "C", "T", "0/1"),
    probe(800, "C", "T", "0/0"),
    probe(800, "C", "T", "0/1"),
    probe(900, "C", "T", "./."),
    probe(900, "C", "T", "0/0"),
    probe(950, "C", "T", "1/1", "LowGC"),
    probe(950, "C", "T", "0/0"),
    *(probe(pos, "C", "T", "0/0") for pos in range(1000, 1040)),
]


def read(path: Path, records: list[str], extra: str = FIELDS) -> ReadResult:
    path.write_bytes(vcf_text(records, extra=extra))
    return read_genotypes(path, lambda _: [Interval("1", 1, 2000)])


@pytest.mark.parametrize("extra", [FIELDS, STUDIO])
def test_probes_are_read_right(tmp_path: Path, extra: str) -> None:
    found = read(tmp_path / "a.vcf", FILE, extra)
    states = {pos: found.calls.at("1", pos).state for pos in (100, 200, 300, 400, 500, 600, 700, 800, 900)}
    assert states == {
        100: CallState.REFERENCE,
        200: CallState.VARIANT,
        300: CallState.NO_CALL,
        400: CallState.VARIANT,
        500: CallState.ABSENT,
        600: CallState.REFERENCE,
        700: CallState.VARIANT,
        800: CallState.NO_CALL,
        900: CallState.REFERENCE,
    }
    assert found.calls.at("1", 400).alleles == ("C", "G")
    assert found.calls.kind is CallSetKind.ALL_SITES
    record = found.calls.at("1", 200).record
    assert record is not None
    assert (record.depth, record.genotype_quality) == (None, 3)
    assert found.flags[Flag.UNSPELLED_INDEL].count == 2
    assert found.flags[Flag.CONFLICTING_PROBES].count == 1


def test_the_order_of_lines_changes_nothing(tmp_path: Path) -> None:
    sorted_file, other = read(tmp_path / "a.vcf", FILE), read(tmp_path / "b.vcf", FILE[::-1])
    for pos in (100, 200, 300, 400, 500, 600, 700, 800, 900, 950):
        assert other.calls.at("1", pos).state is sorted_file.calls.at("1", pos).state


def test_many_probes_that_disagree_hold_the_sample(tmp_path: Path) -> None:
    for wrong, outcome in ((1, Outcome.WARN), (4, Outcome.HOLD)):
        pairs = [probe(pos, "C", "T", call) for pos in range(100, 100 + wrong) for call in ("0/0", "1/1")]
        found = read(tmp_path / "a.vcf", [*pairs, *FILE[-40:]])
        rules = assess(found, Declared(assay=Assay.ARRAY)).rules
        assert next(rule for rule in rules if rule.name == "conflicting_probes").outcome is outcome


def test_records_of_no_array_may_not_disagree(tmp_path: Path) -> None:
    with pytest.raises(IntakeError) as caught:
        read(tmp_path / "a.vcf", FILE, "")
    assert caught.value.code is Problem.CONFLICTING_RECORDS
