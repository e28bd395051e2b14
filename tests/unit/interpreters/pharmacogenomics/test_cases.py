"""Agreement with the reference method on its example cases, and on real genomes where they are at hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pysam
import pytest
from support.pharmacogenomic_cases import Case, Results, sex_of
from support.pharmacogenomic_cases import differences as compared
from support.shared import SHARED, needs_shared

from interpreters.findings import NotTested, PharmacogenomicFinding
from interpreters.genotypes import Build, Record, Sex
from interpreters.pharmacogenomics import PharmacogenomicsInterpreter

Interpret = Callable[..., Results]
CaseRecords = Callable[[Case], list[Record]]


def differences(case: Case, interpret: Interpret, case_records: CaseRecords) -> set[str]:
    """Fields in which a case's answer is not ours."""
    return compared(case, interpret(case_records(case), sex=sex_of(case), genes=tuple(case["genes"])))


def deliberate(data: Path) -> dict[str, set[str]]:
    reasons = json.loads((data / "deliberate_differences.json").read_text(encoding="utf-8"))
    return {name: set(fields) for name, fields in reasons.items() if name != "about"}


def test_representative_cases_agree(interpret: Interpret, case_records: CaseRecords, data: Path) -> None:
    cases = json.loads((data / "cases.json").read_text(encoding="utf-8"))["cases"]
    assert len(cases) > 25
    assert {case["id"]: found for case in cases if (found := differences(case, interpret, case_records))} == {}


@needs_shared
def test_all_example_cases_agree(interpret: Interpret, case_records: CaseRecords, data: Path) -> None:
    cases = json.loads((SHARED / "pgx" / "cases.json").read_text(encoding="utf-8"))["cases"]
    assert len(cases) == 288
    found = {case["id"]: found for case in cases if (found := differences(case, interpret, case_records))}
    assert found == deliberate(data)


def test_a_wrong_phenotype_is_noticed(interpret: Interpret, case_records: CaseRecords, data: Path) -> None:
    case = json.loads((data / "cases.json").read_text(encoding="utf-8"))["cases"][0]
    case["pharmcat"]["DPYD"]["recommendation"][0]["phenotype"] = ["Normal Metabolizer"]
    assert differences(case, interpret, case_records) == {"phenotypes"}


CALLS = {
    "NA18526": {"NUDT15": "*1/*2", "SLCO1B1": "*1/*15", "CYP3A5": "*1/*1", "CYP4F2": "*1/*3"},
    "NA18565": {"NUDT15": "*1/*1", "SLCO1B1": "*1/*1", "CYP3A5": "*1/*3", "CYP4F2": "*1/*1"},
}
BOTH = {
    "ABCG2": "rs2231142 reference (G)/rs2231142 reference (G)",
    "CFTR": "ivacaftor non-responsive CFTR sequence/ivacaftor non-responsive CFTR sequence",
    "CYP2B6": "*1/*1",
    "CYP2C19": "*1/*1",
    "CYP2C9": "*1/*1",
    "CYP3A4": "*1/*1",
    "DPYD": "Reference/Reference",
    "IFNL3": "rs12979860 reference (C)/rs12979860 reference (C)",
    "RYR1": "Reference/Reference",
    "TPMT": "*1/*1",
    "UGT1A1": "*1/*1",
    "VKORC1": "rs9923231 variant (T)/rs9923231 variant (T)",
}


@needs_shared
@pytest.mark.genomes
@pytest.mark.parametrize("name", list(CALLS))
def test_real_genomes_give_the_known_calls(
    name: str, everything: PharmacogenomicsInterpreter, interpret: Interpret
) -> None:
    found = interpret(_read(SHARED / "genomes" / "1000g_GRCh38" / f"{name}.vcf.gz", everything), sex=Sex.UNKNOWN)
    called = {gene: f.diplotypes for gene, f in found.items() if isinstance(f, PharmacogenomicFinding)}
    assert called.pop("NAT2") == ()  # its file holds one of the five positions that NAT2 requires
    assert called == {gene: (diplotype,) for gene, diplotype in {**BOTH, **CALLS[name]}.items()}
    slco1b1, ugt1a1 = found["SLCO1B1"], found["UGT1A1"]
    assert isinstance(slco1b1, PharmacogenomicFinding)
    assert slco1b1.phenotypes == (("Decreased Function",) if name == "NA18526" else ("Normal Function",))
    assert slco1b1.reported_phenotype is None  # 12 of 35 positions are not in the file
    assert isinstance(ugt1a1, PharmacogenomicFinding)
    assert ugt1a1.reported_phenotype == "Normal Metabolizer"
    assert found["G6PD"] == NotTested("pharmacogenomics", "G6PD", "no_position_read")


def _read(path: Path, interpreter: PharmacogenomicsInterpreter) -> list[Record]:
    wanted: dict[str, set[int]] = {}
    for interval in interpreter.intervals(Build.GRCH38):
        wanted.setdefault(f"chr{interval.chrom}", set()).update(range(interval.start, interval.end + 1))
    verbosity = pysam.set_verbosity(0)  # the files have no index, which is no fault here
    records = []
    with pysam.VariantFile(str(path)) as lines:
        for line in lines:
            if not wanted.get(line.chrom, set()).isdisjoint((line.pos, line.stop)):
                genotype = line.samples[0]["GT"]
                records.append(
                    Record(
                        line.chrom.removeprefix("chr"),
                        line.pos,
                        line.stop,
                        str(line.ref),
                        tuple(line.alts or ()),
                        tuple(genotype),
                        phased=line.samples[0].phased,
                    )
                )
    pysam.set_verbosity(verbosity)
    return records
