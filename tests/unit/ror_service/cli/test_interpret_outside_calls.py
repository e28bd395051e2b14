"""`ror interpret --outside-calls`: with the real interpreter of pharmacogenes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.genotype_files import vcf_text
from typer.testing import CliRunner, Result

from interpreters.genotypes import OutsideCall
from interpreters.serial import to_json
from ror_service.cli.main import make_app
from ror_service.intake.outside_calls import SCHEMA

CALLS = (OutsideCall("CYP2D6", "*5/*29"), OutsideCall("HLA-B", phenotype="*57:01 positive"))


@pytest.fixture
def genotypes(tmp_path: Path) -> Path:
    path = tmp_path / "sample.vcf"
    path.write_bytes(vcf_text(["chr1 500 . A G 50 PASS . GT 0/1"]))
    return path


@pytest.fixture(params=["table", "json"])
def calls(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "calls"
    table = "".join(f"{c.gene}\t{c.diplotype}\t{c.phenotype}\n" for c in CALLS)
    document = json.dumps({"schema": SCHEMA, "calls": to_json(CALLS)})
    path.write_text(table if request.param == "table" else document, encoding="utf-8")
    return path


def ror(*arguments: object, options: tuple[str, ...] = ("--json",)) -> Result:
    options += ("--module", "pharmacogenomics", "--genes", "CYP2D6,HLA-A,HLA-B")
    return CliRunner().invoke(make_app("interpret"), ["interpret", *options, *map(str, arguments)])


def printed(result: Result) -> dict[str, Any]:
    (line,) = result.stdout.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def test_outside_calls_become_findings(genotypes: Path, calls: Path) -> None:
    result = ror(genotypes, "--outside-calls", calls)
    assert result.exit_code == 0
    found = {finding["gene"]: finding for finding in printed(result)["findings"]}
    assert {gene: finding["called_from"] for gene, finding in found.items()} == {
        "CYP2D6": "outside_call",
        "HLA-B": "outside_call",
    }
    of_cyp2d6 = found["CYP2D6"]
    assert (of_cyp2d6["reported_phenotype"], of_cyp2d6["activity_score"]) == ("Intermediate Metabolizer", "0.5")
    assert "abacavir" in {row["drug"] for row in found["HLA-B"]["recommendations"]}
    assert [item["subject"] for item in printed(result)["not_tested"]] == ["HLA-A"]
    assert printed(ror(genotypes))["findings"] == []


def test_a_person_reads_where_a_result_comes_from(genotypes: Path, calls: Path) -> None:
    shown = ror(genotypes, "--outside-calls", calls, options=()).stdout
    assert "CYP2D6 *5/*29: Intermediate Metabolizer (outside call used" in shown
    assert "HLA-B no diplotype given: *57:01 positive (outside call used)" in shown


def test_a_bad_file_of_calls_is_told_instead_of_a_result(genotypes: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.tsv"
    bad.write_text("CYP2D6 *5/*29\n")
    result = ror(genotypes, "--outside-calls", bad)
    assert result.exit_code == 1
    told = printed(result)
    assert (told["error"]["code"], told["error"]["file"], told["error"]["line"]) == ("bad_outside_calls", str(bad), 1)
    assert told["findings"] == []
    assert "*29" not in result.stdout


def test_calls_with_several_genotype_files_are_refused(genotypes: Path, calls: Path) -> None:
    result = ror(genotypes, genotypes, "--outside-calls", calls)
    assert result.exit_code == 2
    assert "one genotype file" in " ".join(result.stderr.replace("│", " ").split())
    assert result.stdout == ""
