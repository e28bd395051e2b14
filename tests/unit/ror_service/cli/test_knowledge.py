"""Knowledge releases: listed, verified, and built from a file in ClinVar's own format."""

from __future__ import annotations

import gzip
import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interpreters import registry
from interpreters.interpreter import Interpreter
from ror_service.cli import knowledge

Ror = Callable[..., Any]
Refused = Callable[..., str]
TRAITS = "2026-11-22"
MODULE = "hereditary_risk"
HEADER = """##fileformat=VCFv4.1
##fileDate=2026-10-31
##source=ClinVar
##reference=GRCh38
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO
"""
RECORD = (
    "13\t32339699\t37959\tCAA\tC\t.\t.\tCLNDN=Hereditary_cancer;CLNHGVS=NC_000013.11:g.32339702_32339703del;"
    "CLNREVSTAT=reviewed_by_expert_panel;CLNSIG=Pathogenic;CLNVC=Deletion;GENEINFO=BRCA2:675;"
    "MC=SO:0001589|frameshift_variant;ORIGIN=1\n"
)


@pytest.fixture
def clinvar(tmp_path: Path) -> Path:
    path = tmp_path / "clinvar.vcf.gz"
    path.write_bytes(gzip.compress((HEADER + RECORD).encode()))
    return path


@pytest.fixture
def one_module(monkeypatch: pytest.MonkeyPatch) -> Interpreter:
    """Only the hereditary module: loading all four takes seconds."""
    loaded = registry.installed(modules=(MODULE,))
    monkeypatch.setattr(knowledge, "module_names", lambda: (MODULE,))
    monkeypatch.setattr(knowledge, "installed", lambda **_: loaded)
    return loaded[MODULE]


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROR_KNOWLEDGE_FOLDER", str(tmp_path / "knowledge"))


@pytest.mark.usefixtures("own_folder")
def test_a_release_is_built_from_clinvars_file_listed_and_verified(
    ror: Ror, refused: Refused, clinvar: Path, one_module: Interpreter, tmp_path: Path
) -> None:
    built = ror("knowledge", "import", "clinvar", clinvar).out
    assert built.startswith(f"Built {MODULE} release 2026-10-31 in ")
    assert "choose another name" in refused("knowledge", "import", "clinvar", clinvar)
    named = ror("knowledge", "import", "clinvar", clinvar, "--release", "trial", "--output", tmp_path / "other").out
    assert str(tmp_path / "other" / MODULE / "trial") in named

    shown = ror("knowledge", "list").out
    rows = [line for line in shown.splitlines() if " ClinVar" in line]
    (used,) = [line for line in rows if " yes " in line]
    assert one_module.knowledge.digest[:12] in used
    assert [line for line in rows if " 2026-10-31 " in line and " yes " not in line]

    verified = ror("knowledge", "verify").out
    assert f"{MODULE} 2026-10-31: " in verified
    damaged = tmp_path / "knowledge" / MODULE / "2026-10-31" / "genes.tsv"
    damaged.write_text(damaged.read_text() + "X\n")
    ran = ror("knowledge", "verify")
    assert (ran.status, ran.err.count("\n")) == (1, 1)
    assert f"{damaged}: differs from its manifest" in ran.err


def test_a_terminal_shows_how_far_an_import_is(clinvar: Path, tmp_path: Path) -> None:
    controller, terminal = pty.openpty()
    words = [sys.executable, "-c", "from ror_service.cli.main import main; main()", "knowledge", "import", "clinvar"]
    done = subprocess.run([*words, clinvar, "--output", tmp_path / "out"], stderr=terminal, check=False)  # noqa: S603
    os.close(terminal)
    shown = os.read(controller, 10_000).decode()
    os.close(controller)
    assert done.returncode == 0, shown
    assert "Reading clinvar.vcf.gz" in shown
    assert "%" in shown


def test_what_is_no_clinvar_file_is_refused(refused: Refused, tmp_path: Path) -> None:
    output = ("--output", tmp_path)
    assert "fetch the file again" in refused("knowledge", "import", "clinvar", tmp_path / "none.vcf.gz", *output)
    other = tmp_path / "other.vcf"
    other.write_text(RECORD)
    assert "use NCBI's clinvar.vcf.gz" in refused("knowledge", "import", "clinvar", other, *output)
    assert "--output" in refused("knowledge", "import", "clinvar", other)


@pytest.mark.usefixtures("one_module", "own_folder")
def test_a_damaged_manifest_is_told_plainly(refused: Refused, clinvar: Path, ror: Ror, tmp_path: Path) -> None:
    ror("knowledge", "import", "clinvar", clinvar)
    manifest = tmp_path / "knowledge" / MODULE / "2026-10-31" / "manifest.json"
    manifest.write_text("{}")
    for command in ("list", "verify"):
        assert "build the release again" in refused("knowledge", command)
    shutil.rmtree(tmp_path / "knowledge")


def test_releases_of_pharmacogenes_are_compared_fact_by_fact(ror: Ror, refused: Refused) -> None:
    told = ror("knowledge", "diff", "pharmacogenomics", "2025-11-05", "2026-02-05").out
    assert "\n  file changed: definitions.json\n" in told
    assert "\nNUDT15\n  allele *2: reported as *2 -> *3\n  allele *4, *5, *6, *7, *8: function Uncertain" in told
    assert "and 33 more: needs_review 0 -> 1\n" in told
    assert "not called The allele *42, which CPIC added in February 2026.: added\n" in told

    back = json.loads(ror("knowledge", "diff", "pharmacogenomics", "2026-02-05", "2025-11-05", "--json").out)
    assert back["module"] == "pharmacogenomics"
    assert back["file"]["changed"] == ["definitions.json", "not_called.json", "recommendations_cpic.json"]
    assert len(back["source"]["removed"]) == 3
    assert {
        "gene": "NUDT15",
        "kind": "allele",
        "name": "*2",
        "field": "reported as",
        "before": "*3",
        "after": "*2",
    } in back["fact"]

    removed = ror("knowledge", "diff", "pharmacogenomics", "2026-02-05", "2025-11-05").out
    assert "which CPIC added in February 2026.: removed\n" in removed
    assert "nothing differs" in ror("knowledge", "diff", "pharmacogenomics", "2025-11-05", "2025-11-05").out
    unknown = refused("knowledge", "diff", "pharmacogenomics", "2025-11-05", "2027")
    assert "no knowledge release '2027'; there are: 2025-11-05, 2026-02-05" in unknown
    assert "there are: ancestry, hereditary_risk" in refused("knowledge", "diff", "astrology", "1", "2")


@pytest.mark.usefixtures("own_folder", "one_module")
def test_equal_releases_of_clinvar_differ_in_nothing(ror: Ror, clinvar: Path) -> None:
    ror("knowledge", "import", "clinvar", clinvar)
    ror("knowledge", "import", "clinvar", clinvar, "--release", "same")
    told = ror("knowledge", "diff", MODULE, "2026-10-31", "same").out
    assert "\n  nothing differs\nCompared: BRCA2.\nOf 1 pathogenic variants 0 are no longer so, " in told
    assert json.loads(ror("knowledge", "diff", MODULE, "2026-10-31", "same", "--json").out)["fact"] == []


def test_releases_of_other_modules_are_compared_by_file(ror: Ror) -> None:
    same = ("knowledge", "diff", "traits", TRAITS, TRAITS)
    told = ror(*same).out
    assert told.endswith(
        "\n  nothing differs\nFact by fact, only releases of hereditary_risk and pharmacogenomics are compared.\n"
    )
    assert json.loads(ror(*same, "--json").out)["fact"] is None


def test_what_clinvar_reclassified_is_told_without_any_person(ror: Ror) -> None:
    told = ror("knowledge", "diff", MODULE, "2025-09-28", "2026-02-26").out
    assert "\nBRCA1\n  no longer pathogenic 55382: classification Pathogenic/Likely_pathogenic, stars 2 -> Conf" in told
    assert "no longer pathogenic by expert panel 409429: classification" in told
    assert "\nCompared: APC, BRCA1, BRCA2, TP53.\nNot compared: ABCD1, " in told
    assert "Of 12,870 pathogenic variants 16 are no longer so, 2 of them by an expert panel; 4 more are not in" in told


def test_the_release_in_use_is_the_one_that_the_settings_choose(ror: Ror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knowledge, "module_names", lambda: ("pharmacogenomics",))
    monkeypatch.setenv("ROR_KNOWLEDGE_RELEASES", '{"pharmacogenomics": "2026-02-05"}')
    rows = [[cell.strip() for cell in line.split("│")[1:4]] for line in ror("knowledge", "list").out.splitlines()]
    marked = {tuple(row[1:]) for row in rows if row and row[0] == "pharmacogenomics"}
    assert marked == {("2025-11-05", ""), ("2026-02-05", "yes")}
