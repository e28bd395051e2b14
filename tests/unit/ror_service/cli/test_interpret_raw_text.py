"""`ror interpret` on raw text: always an array, and nothing hereditary goes out unreviewed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.raw_text import WRITERS, Line, lines
from typer.testing import CliRunner

from identity.panel import load_panel
from interpreters.genotypes import Build
from interpreters.interpreter import PanelSite
from ror_service.cli.main import make_app

C282Y = Line("rs1800562", "6", 26_093_141, "AA")
EARWAX = Line("rs17822931", "16", 48_258_198, "TT")
"""GRCh37."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    sites = load_panel().sites
    common = lines(PanelSite(site.chrom, site.position(Build.GRCH37), site.ref, site.alt) for site in sites)
    path = tmp_path / "genome.txt"
    path.write_text("".join(WRITERS["23andMe"]([*common, C282Y, EARWAX])))
    return path


def run(*words: str) -> str:
    done = CliRunner().invoke(make_app("interpret"), ["interpret", *words])
    assert done.exit_code == 0, done.output
    return done.output


def test_raw_text_is_an_array_whose_results_are_reviewed(file: Path) -> None:
    said = json.loads(run(str(file), "--json", "--module", "hereditary_risk", "--module", "traits"))
    assert (said["sample"], said["format"], said["build"], said["assay"]) == (None, "23andMe", "GRCh37", "array")
    assert said["qc"]["verdict"] == "pass"
    (hereditary,) = (found for found in said["findings"] if found.get("gene") == "HFE" and "outcome" in found)
    assert (hereditary["gene"], hereditary["outcome"]) == ("HFE", "REVIEW")
    missing = {item["subject"] for item in said["not_tested"] if item["reason"] == "array_not_used"}
    assert {"BRCA1", "BRCA2", "HFE", "LDLR"} <= missing
    (earwax,) = (found for found in said["findings"] if found.get("trait") == "earwax")
    assert earwax["genotype"] == {"rs17822931": "T/T"}


def test_what_was_read_and_what_was_not_is_said(file: Path) -> None:
    text = run(str(file), "--module", "traits")
    assert "Raw text of 23andMe, GRCh37, genotyping array, 1,602 records" in text
    assert "not read: 0 failed probes" in text
    held = run(str(file), "--module", "traits", "--assay", "wgs")
    assert "HELD BACK" in held
    assert "raw text of a consumer's array, declared as another assay" in held
