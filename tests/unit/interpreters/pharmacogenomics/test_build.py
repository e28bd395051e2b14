"""The knowledge release: built the same again from the same tables, and refused when changed."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import pytest
from support.shared import SHARED, needs_shared

from interpreters.knowledge import KnowledgeError, choose_release, verify
from interpreters.pharmacogenomics import load
from interpreters.pharmacogenomics.build import DATA, build
from interpreters.pharmacogenomics.recommendations import load_recommendations
from interpreters.pharmacogenomics.tables import diplotype_name, name_order


def write_tables(folder: Path) -> Path:
    """Tables with one gene of one allele beside the reference."""
    tables = {
        "genes.tsv": (
            "gene chrom lookup undocumented_as_reference lowest_function_gene called_from definition_version all_of_us",
            "ABC1 chr1 phenotype 0 0 sequence 2030-01-01 1",
            "HLA  lookup 0 0 outside  0",
        ),
        "positions.tsv": (
            "gene kind pos ref alts rsid required amp_tier1 pos37 ref37",
            "ABC1 defining 100 A G rs1 0 1 90 A",
            "ABC1 extra 200 A G rs2 0 0 190 A",
        ),
        "alleles.tsv": (
            "gene allele definition function activity source reported_as",
            "ABC1 *1  Normal  sequence *1",
            "ABC1 *2 100:G None  sequence *2",
            "ABC1 *9 100:G None  outside-call *9",
        ),
        "phenotype_rules.tsv": ("gene by a b phenotype activity_score", "ABC1 function None Normal Slower "),
        "unphased_priorities.tsv": ("gene pick candidates", "ABC1 *1/*2 *2/*1|*2/*2"),
    }
    advice = "drug lookup population strength actions restatement url as_of text_sha needs_review"
    for guideline in ("cpic", "dpwg"):
        tables[f"recommendations_{guideline}.tsv"] = (
            advice,
            'tea {"ABC1":"Slower"} general Strong avoid,monitor None. https://example.org 2030-01 abc 1',
            'milk {"ABC1":{"*2":2.0}} general Strong  None. https://example.org 2030-01 abc 0',
        )
    folder.mkdir(exist_ok=True)
    for name, lines in tables.items():
        text = "\n".join(line.replace(" ", "\t") for line in lines) + "\n"
        (folder / name).write_text(text.replace('"', '""').replace("\t{", '\t"{').replace("}\t", '}"\t'))
    return folder


def test_small_tables_make_a_release_that_loads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_tables(tmp_path / "source")
    extra = tmp_path / "extra"
    arguments = ["build", str(source), "--release", "2030-01-01", "--data", str(extra / "pharmacogenomics")]
    monkeypatch.setattr("sys.argv", arguments)
    runpy.run_path(str(DATA.parent / "build.py"), run_name="__main__")
    built = load("2030-01-01", extra)
    assert built.knowledge.digest in capsys.readouterr().out
    assert built.genes == ("ABC1",)
    gene = built.tables.genes["ABC1"]
    assert [allele.name for allele in gene.alleles] == ["*1", "*2"]
    assert [position.rsid for position in gene.positions] == ["rs1"]
    assert not built.tables.genes["HLA"].from_sequence
    rows = load_recommendations(built.knowledge, frozenset({"ABC1"}))
    (advice,) = rows.fitting("ABC1", {"ABC1": "Slower"})
    assert (advice.drug, advice.actions, advice.needs_review) == ("tea", ("avoid", "monitor"), True)
    (counted,) = load_recommendations(built.knowledge, frozenset({"ABC1"}), "DPWG").fitting("ABC1", {"ABC1": "*2/*2"})
    assert (counted.drug, counted.source, counted.actions) == ("milk", "DPWG", ())


def test_the_same_source_gives_the_same_release(tmp_path: Path) -> None:
    source = write_tables(tmp_path / "source")
    one, two = (build(source, "2030-01-01", tmp_path / name) for name in ("one", "two"))
    assert one.digest == two.digest


@needs_shared
def test_the_release_is_what_the_source_tables_make(tmp_path: Path) -> None:
    shipped = choose_release("pharmacogenomics", None, DATA)
    assert build(SHARED / "pgx", shipped.release, tmp_path).digest == shipped.digest


def test_the_release_is_whole_and_names_its_sources() -> None:
    release = choose_release("pharmacogenomics", None, DATA)
    verify(release)
    assert {source.licence for source in release.sources} >= {"CC0-1.0", "CC-BY-SA-4.0"}
    assert all(source.url and source.date for source in release.sources)


def test_every_cpic_row_is_there() -> None:
    everything = load(options={"genes": "all"})
    rows = load_recommendations(everything.knowledge, frozenset(everything.genes))
    found = {(id(row), row.recommendation.drug) for found in rows.rows.values() for row in found}
    assert len(found) == 2057
    assert rows.as_of == "2025-11"


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    release = choose_release("pharmacogenomics", None, DATA)
    copy = tmp_path / "pharmacogenomics" / "changed"
    shutil.copytree(release.folder, copy)
    policy = copy / "policy.json"
    policy.write_text(policy.read_text().replace('"minimum_depth":10', '"minimum_depth":0'))
    with pytest.raises(KnowledgeError, match="differs from its manifest"):
        load("changed", tmp_path)


def test_options_choose_the_genes() -> None:
    assert load().genes == ("CYP2C19", "DPYD", "G6PD", "NUDT15", "SLCO1B1", "TPMT", "UGT1A1")
    assert len(load(options={"genes": "all"}).genes) == 23
    assert load(options={"genes": "TPMT,NUDT15"}).genes == ("NUDT15", "TPMT")
    with pytest.raises(ValueError, match="no gene BRCA1"):
        load(options={"genes": "TPMT,BRCA1"})
    with pytest.raises(ValueError, match="unknown option colour"):
        load(options={"colour": "blue"})


def test_names_are_in_the_order_of_the_field() -> None:
    names = [
        "[c.1A>G + c.2C>T]",
        "*17",
        "c.1218G>A",
        "*2",
        "c.85T>C",
        "Reference",
        "[c.1A>G + c.2C>T + c.3G>A]",
        "A",
        "a",
    ]
    ordered = ["Reference", "*2", "*17", "A", "a", "c.85T>C", "c.1218G>A"]
    assert sorted(names, key=name_order) == [*ordered, "[c.1A>G + c.2C>T]", "[c.1A>G + c.2C>T + c.3G>A]"]
    assert diplotype_name(("*17", "*2")) == "*2/*17"
    assert diplotype_name(("A/B (reference)", "A")) == "A/A/B (reference)"
