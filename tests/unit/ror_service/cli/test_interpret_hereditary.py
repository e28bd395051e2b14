"""`ror interpret --json` on the example cases: one outcome for each sample, as a stranger reads it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from support.genotype_files import genome_text
from support.reference_sequences import write_reference
from support.shared import SHARED, needs_shared
from typer.testing import CliRunner

from interpreters.findings import GeneAssessment, HereditaryFinding, HereditaryVariant
from interpreters.genotypes import Build, Record
from interpreters.hereditary_risk import load
from interpreters.hereditary_risk.outcome import SampleOutcome, SampleSummary
from ror_service.cli.main import make_app

CASES_FILE = SHARED / "hereditary" / "cases.json"
CASES: list[dict[str, Any]] = json.loads(CASES_FILE.read_text("utf-8"))["cases"] if CASES_FILE.is_file() else []
THREE = ("HDR-016", "HDR-117", "HDR-129")


def case_file(case: dict[str, Any], folder: Path) -> Path:
    """The case as a VCF file: the contigs of its build, and its lines."""
    path = folder / f"{case['id']}.vcf"
    header = case.get("header") or genome_text((), build=Build(case["build"])).decode().splitlines()
    path.write_text("".join(f"{line}\n" for line in (*header, *case["vcf_body"])), encoding="utf-8")
    return path


def options(case: dict[str, Any]) -> list[str]:
    """What the case declares, as options of the command."""
    given = {
        "--sex-at-birth": case["sex_at_birth"],
        "--inferred-sex": case.get("inferred_sex"),
        "--assay": "array" if case["assay"] == "array" else "wgs",
        "--build": case["build"],
        "--sf-list": case.get("sf_version"),
        "--contamination": case.get("contamination"),
        "--knowledge": f"hereditary_risk={case['clinvar_release']}" if "clinvar_release" in case else None,
    }
    return [str(part) for name, value in given.items() if value is not None for part in (name, value)]


def read(*arguments: object) -> dict[str, Any]:
    """The JSON of one file, read by hereditary risk alone."""
    command = ["interpret", *map(str, arguments), "--module", "hereditary_risk", "--json"]
    ran = CliRunner().invoke(make_app(), command)
    said: dict[str, Any] = json.loads(ran.output)
    return said


def acceptable(case: dict[str, Any]) -> list[str]:
    expected = case["expected"]
    return list(expected.get("outcome_any_of", [expected["outcome"]]))


@needs_shared
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_example_case(case: dict[str, Any], tmp_path: Path) -> None:
    said = read(case_file(case, tmp_path), *options(case))
    outcome = said["hereditary_outcome"]
    assert outcome["outcome"] in acceptable(case)
    gene = case["gene"]
    if outcome["outcome"] in {"CANDIDATE_POSITIVE", "REVIEW"}:
        assert outcome["gene"] == gene
        assert outcome["genes"][gene] == outcome["outcome"]
    if outcome["outcome"] in {"NOT_FOUND", "NOT_ASSESSED"}:
        assert outcome["genes"][gene] == "NOT_ASSESSED"  # a site says nothing of its gene
        assert (outcome["level"], outcome["known_sites_reference"] > 0) == ("site", outcome["outcome"] == "NOT_FOUND")
    if outcome["outcome"] == "SAMPLE_HOLD":
        assert outcome["reason"] == case["expected"]["reason"]
        assert (outcome["genes"], said["findings"]) == ({}, [])


@needs_shared
@pytest.mark.parametrize("case", [case for case in CASES if case["id"] in THREE], ids=lambda case: case["id"])
def test_example_case_in_a_process(case: dict[str, Any], tmp_path: Path) -> None:
    command = [Path(sys.executable).with_name("ror"), "interpret", case_file(case, tmp_path), *options(case), "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own command
    assert json.loads(ran.stdout)["hereditary_outcome"]["outcome"] in acceptable(case)


@needs_shared
def test_cases_stay_right_with_a_reference_sequence(tmp_path: Path) -> None:
    """A sequence that spells no more than ClinVar does: it must change nothing."""
    fasta = write_reference(tmp_path / "genome.fa", load())
    for case in CASES[::4]:
        said = read(case_file(case, tmp_path), *options(case), "--reference", fasta)
        assert said["hereditary_outcome"]["outcome"] in acceptable(case), case["id"]
        held = said["qc"]["verdict"] == "hold"
        assert held or len(said["limits"]["hereditary_risk"]["reference_sequence"]) == 64


def file_of(tmp_path: Path, *records: Record, build: Build = Build.GRCH38) -> Path:
    path = tmp_path / "genome.vcf"
    path.write_bytes(genome_text(records, build=build))
    return path


def reference_call(pos: int, quality: int = 99) -> Record:
    return Record(
        "17", pos, pos, "A", ("G",), (0, 0), depth=30, genotype_quality=quality, allele_depths=(30, 0), filters=()
    )


def test_a_file_without_records_assesses_nothing(tmp_path: Path) -> None:
    outcome = read(file_of(tmp_path))["hereditary_outcome"]
    assert (outcome["outcome"], outcome["reason"]) == ("NOT_ASSESSED", "header_only")


def test_a_file_of_another_build_holds_the_sample(tmp_path: Path) -> None:
    said = read(file_of(tmp_path, reference_call(5000), build=Build.GRCH37), "--build", "GRCh38")
    assert (said["hereditary_outcome"]["outcome"], said["hereditary_outcome"]["reason"]) == ("SAMPLE_HOLD", "build")
    path = file_of(tmp_path, reference_call(5000))
    path.write_text(path.read_text().replace("ID=chr2,length=242193529", "ID=chr2,length=243199373"), encoding="utf-8")
    said = read(path)
    assert said["hereditary_outcome"]["reason"] == "build_mismatch"
    assert said["hereditary_outcome"]["outcome"] == "SAMPLE_HOLD"


@pytest.mark.parametrize(
    ("born", "inferred", "outcome"),
    [
        ("female", "male", "SAMPLE_HOLD"),
        ("female", "female", "NOT_ASSESSED"),
        ("female", "unknown", "NOT_ASSESSED"),
        ("unknown", "male", "NOT_ASSESSED"),
    ],
)
def test_the_inferred_sex_must_be_the_declared_one(tmp_path: Path, born: str, inferred: str, outcome: str) -> None:
    said = read(file_of(tmp_path, reference_call(5000)), "--sex-at-birth", born, "--inferred-sex", inferred)
    assert said["hereditary_outcome"]["outcome"] == outcome
    assert ("inferred_sex" in said["hereditary_outcome"]["reason"]) == (outcome == "SAMPLE_HOLD")


def test_a_variant_of_a_gene_that_is_not_listed_is_not_reportable(tmp_path: Path) -> None:
    variant = Record("7", 117559590, 117559593, "ATCT", ("A",), (0, 1), depth=30, genotype_quality=99)
    outcome = read(file_of(tmp_path, variant))["hereditary_outcome"]
    assert (outcome["outcome"], outcome["reason"]) == ("NOT_REPORTABLE", "gene_not_on_active_list")
    assert (outcome["level"], outcome["gene"], set(outcome["genes"].values())) == ("sample", None, {"NOT_ASSESSED"})


def test_a_module_that_was_not_asked_has_no_outcome(tmp_path: Path) -> None:
    path = file_of(tmp_path, reference_call(5000))
    ran = CliRunner().invoke(make_app(), ["interpret", str(path), "--module", "traits", "--json"])
    assert "hereditary_outcome" not in json.loads(ran.output)


def test_a_second_sequence_of_one_build_is_refused(tmp_path: Path) -> None:
    fasta = write_reference(tmp_path / "genome.fa", load())
    path = file_of(tmp_path, reference_call(5000))
    ran = CliRunner().invoke(make_app(), ["interpret", str(path), "--reference", str(fasta), "--reference", str(fasta)])
    assert ran.exit_code == 2
    assert "the second FASTA file of its build" in ran.stderr
    ran = CliRunner().invoke(make_app(), ["interpret", str(path), "--reference", str(tmp_path / "none.fa")])
    assert ran.exit_code == 2
    assert "none.fa: not there" in ran.stderr


def test_the_documentation_names_every_field() -> None:
    text = (Path(__file__).parents[4] / "docs" / "reference" / "interpretation-json.md").read_text(encoding="utf-8")
    section = text[text.index("**`hereditary_risk`**") : text.index("## How a file is read")]
    for kind in (HereditaryFinding, HereditaryVariant, GeneAssessment, SampleSummary):
        missing = [f.name for f in fields(kind) if f.name != "module" and f"`{f.name}`" not in section]
        assert not missing, kind
    assert all(f"`{outcome}`" in section for outcome in SampleOutcome)
