"""The page of pharmacogenes is made from the default release."""

from __future__ import annotations

import runpy

import pytest
from support.shared import PROJECT

from interpreters.knowledge import choose_release
from interpreters.pharmacogenomics.build import DATA
from interpreters.pharmacogenomics.gene_table import document


def test_the_page_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(DATA.parent / "gene_table.py"), run_name="__main__")
    page = PROJECT / "docs" / "reference" / "pharmacogenes.md"
    assert page.read_text(encoding="utf-8") == capsys.readouterr().out


def test_every_gene_has_a_row_with_what_is_known_of_it() -> None:
    page = document(choose_release("pharmacogenomics", "2026-02-05", DATA))
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in page.splitlines() if line.startswith("| ")}
    assert len(rows) == 2 + 23
    assert "diplotypes: 36 alleles at 35 positions" in rows["CYP2C19"]
    assert "The allele \\*42, which CPIC added" in rows["CYP2C19"]
    assert "diplotypes: 2 alleles at rs9923231" in rows["VKORC1"]
    assert "alleles of each strand: 84 alleles" in rows["DPYD"]
    assert "outside call only; 197 alleles known by name" in rows["CYP2D6"]
    assert r"| outside call only; presence of \*31:01 | allele status | 1 medicine, 24 rows |" in rows["HLA-A"]
    assert "| none | - |" in rows["CYP3A4"]
