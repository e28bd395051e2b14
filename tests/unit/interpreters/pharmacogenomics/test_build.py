"""The knowledge release: built the same again from the same tables, and refused when changed."""

from __future__ import annotations

import csv
import json
import runpy
import shutil
from pathlib import Path

import pytest
from support.pharmacogenomic_tables import write_tables
from support.shared import PROJECT, SHARED, needs_shared

from interpreters.knowledge import KnowledgeError, choose_release, load_release, release_folders, verify
from interpreters.pharmacogenomics import load
from interpreters.pharmacogenomics.build import (
    DATA,
    FACTS,
    NO_CHANGES,
    NOT_CALLED_FROM_SEQUENCE,
    Changes,
    build,
    main,
    read_changes,
)
from interpreters.pharmacogenomics.recommendations import GUIDELINES
from interpreters.pharmacogenomics.tables import (
    diplotype_name,
    load_drug_codes,
    load_not_called,
    load_review,
    load_tables,
    name_order,
)

RELEASES = {
    "2025-11-05": NO_CHANGES,
    "2026-02-05": read_changes(FACTS / "changes_2026-02-05.json"),
}
"""Shipped release to the changes with which it is built."""

MEDICINES = PROJECT / "report_templates" / "content" / "medicines" / "drugs.json"


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
    gene = built.tables.genes["ABC1"]
    assert [allele.name for allele in gene.alleles] == ["*1", "*2"]
    assert gene.outside_alleles == {"*9": ("None", "0.0")}
    assert [position.rsid for position in gene.positions] == ["rs1"]
    assert not built.tables.genes["HLA"].from_sequence
    assert load_review(built.knowledge) is None
    assert load_not_called(built.knowledge) == {"ABC1": NOT_CALLED_FROM_SEQUENCE, "HLA": ()}


def test_alleles_of_which_guidelines_ask_for_the_presence_can_come_from_outside(tmp_path: Path) -> None:
    columns = "drug lookup population strength actions restatement url as_of text_sha needs_review"
    rows = {
        guideline: (
            columns,
            f'milk {{"HLA":"{allele}\\u0020{status}"}} general Strong  None. https://example.org 2030-01 a 0',
        )
        for guideline, allele, status in (
            ("recommendations_cpic", "*57:01", "positive"),
            ("recommendations_dpwg", "*15:02", "negative"),
        )
    }
    source = write_tables(tmp_path / "source", **rows)
    (source / "changed_since_2024-05.json").write_text("[]")
    gene = load_tables(build(source, "2030-01-01", tmp_path)).genes["HLA"]
    assert gene.outside_alleles == {"*15:02": ("", ""), "*57:01": ("", "")}


def test_rows_of_advices_are_kept_apart_by_source(tmp_path: Path) -> None:
    release = build(write_tables(tmp_path / "source"), "2030-01-01", tmp_path)
    data = {name: json.loads(release.read_bytes(file)) for name, file in GUIDELINES.items()}
    assert [row[:3] for row in data["CPIC"]["rows"]] == [
        ["tea", {"ABC1": "Slower"}, "general"],
        ["milk", {"ABC1": "*2/*2"}, "general"],
    ]
    review = data["CPIC"]["columns"].index("needs_review")
    assert [advice[review] for advice in data["CPIC"]["advices"]] == ["1", "0"]
    assert [advice[review] for advice in data["DPWG"]["advices"]] == ["1", "1"], "a text known to have changed"


def changes_file(folder: Path, **fields: object) -> Path:
    path = folder / "changes.json"
    path.write_text(json.dumps({"sources": [], "recommendations_to_review": [], **fields}))
    return path


def test_changes_are_applied_and_named(tmp_path: Path) -> None:
    source = {"name": "News", "version": "2", "date": "2030-02-01", "licence": "CC0-1.0", "url": "https://example.org"}
    path = changes_file(
        tmp_path,
        data_version="2030-02",
        sources=[source],
        alleles={"ABC1": {"*2": {"reported_as": "*1"}, "*9": {"function": "Normal"}}},
        recommendations_to_review=["milk"],
        not_called={"HLA": ["The allele *3."]},
    )
    tables = write_tables(tmp_path / "source")
    main([str(tables), "--release", "2030-02-01", "--data", str(tmp_path), "--changes", str(path)])
    release = load_release(tmp_path / "2030-02-01")
    read = load_tables(release)
    assert read.data_version == "2030-02"
    assert [allele.reported_as for allele in read.genes["ABC1"].alleles] == ["*1", "*1"]
    assert read.genes["ABC1"].outside_alleles["*9"].function == "Normal"
    assert release.sources[-1].name == "News"
    assert load_not_called(release)["HLA"] == ("The allele *3.",)
    advices = json.loads(release.read_bytes(GUIDELINES["CPIC"]))["advices"]
    assert [advice[-1] for advice in advices] == ["1", "1"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"alleles": {"ABC1": {"*3": {"function": "Normal"}}}}, r"alleles.tsv has no ABC1 \*3"),
        ({"alleles": {"ABC1": {"*2": {"colour": "blue"}}}}, "alleles.tsv has no column colour"),
        ({"recommendations_to_review": ["coffee"]}, "no CPIC recommendation on coffee"),
    ],
)
def test_a_change_of_what_is_not_there_is_refused(tmp_path: Path, fields: dict[str, object], message: str) -> None:
    changes = read_changes(changes_file(tmp_path, **fields))
    with pytest.raises(ValueError, match=message):
        build(write_tables(tmp_path / "source"), "2030-01-01", tmp_path, changes)


def test_an_approval_is_recorded_with_its_date(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(write_tables(tmp_path / "source")), "--release", "2030-01-01", "--data", str(tmp_path)]
    main([*arguments, "--reviewer", "Dr X", "--approved-on", "2030-01-02"])
    assert load_review(load_release(tmp_path / "2030-01-01")) == "Dr X, 2030-01-02"
    with pytest.raises(SystemExit):
        main([*arguments, "--reviewer", "Dr X"])
    assert "go together" in capsys.readouterr().err


def test_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    source = write_tables(tmp_path / "source")
    one, two = (build(source, "2030-01-01", tmp_path / name) for name in ("one", "two"))
    assert one.digest == two.digest
    for path in one.folder.iterdir():
        assert path.read_bytes() == (two.folder / path.name).read_bytes()


@needs_shared
@pytest.mark.parametrize(("name", "changes"), RELEASES.items())
def test_a_release_is_what_the_source_tables_make(tmp_path: Path, name: str, changes: Changes) -> None:
    shipped = choose_release("pharmacogenomics", name, DATA)
    assert build(SHARED / "pgx", name, tmp_path, changes).digest == shipped.digest


def test_every_shipped_release_has_a_test() -> None:
    assert set(release_folders("pharmacogenomics", DATA)) == set(RELEASES)


@pytest.mark.parametrize("name", RELEASES)
def test_a_release_is_whole_and_names_its_sources(name: str) -> None:
    release = choose_release("pharmacogenomics", name, DATA)
    verify(release)
    assert {source.licence for source in release.sources} >= {"CC0-1.0", "CC-BY-SA-4.0"}
    assert all(source.url and source.date for source in release.sources)


@pytest.mark.parametrize("name", RELEASES)
@pytest.mark.parametrize(("guideline", "rows"), [("CPIC", 2057), ("DPWG", 529)])
def test_every_recommendation_is_there_once(name: str, guideline: str, rows: int) -> None:
    release = choose_release("pharmacogenomics", name, DATA)
    found = json.loads(release.read_bytes(GUIDELINES[guideline]))["rows"]
    assert len(found) == rows
    assert len({json.dumps(row[:3]) for row in found}) == rows
    if SHARED.is_dir():
        lines = (SHARED / "pgx" / f"recommendations_{guideline.lower()}.tsv").read_text().splitlines()
        assert len(lines) - 1 == rows


def test_every_medicine_has_a_code_that_can_be_cited() -> None:
    release = choose_release("pharmacogenomics", None, DATA)
    rows = [row for file in GUIDELINES.values() for row in json.loads(release.read_bytes(file))["rows"]]
    codes = load_drug_codes(release)
    assert codes.keys() == {drug for drug, *_ in rows}
    assert {drug for drug, code in codes.items() if code.rxnorm is None} == {"flucloxacillin", "flucytosine"}
    with (FACTS / "drug_codes.tsv").open() as lines:
        listed = {row["drug"]: row["atc_listed"].split(",") for row in csv.DictReader(lines, delimiter="\t")}
    named = {drug["id"]: drug["atc"] for drug in json.loads(MEDICINES.read_text())["drugs"]}
    for drug, code in codes.items():
        expected = named.get(drug)
        assert code.atc == (expected if expected in listed[drug] else None), drug


def test_what_only_an_outside_call_names_is_told_as_not_called() -> None:
    release = choose_release("pharmacogenomics", None, DATA)
    not_called = load_not_called(release)
    for gene in load_tables(release).genes.values():
        assert not_called[gene.name]
        for name in gene.outside_alleles if gene.from_sequence else ():
            assert name in not_called[gene.name][0], (gene.name, name)


def test_genes_of_outside_calls_carry_alleles_and_rules() -> None:
    genes = load_tables(choose_release("pharmacogenomics", None, DATA)).genes
    assert genes["CYP2D6"].outside_alleles["*1x2"] == ("Increased function", "2.0")
    assert len(genes["CYP2D6"].alleles) + len(genes["CYP2D6"].outside_alleles) == 197
    assert genes["CYP2D6"].rules.result(("1.0", "2.0")) == ("Ultrarapid Metabolizer", "3.0")
    function = genes["MT-RNR1"].outside_alleles["m.1555A>G"].function
    assert genes["MT-RNR1"].rules.result((function,)).phenotype.startswith("increased risk")


def test_coverage_that_suffices_is_a_policy() -> None:
    policy = load().tables.policy
    assert (policy.sufficient_share, policy.tier1_required) == (0.95, True)


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    release = choose_release("pharmacogenomics", None, DATA)
    copy = tmp_path / "pharmacogenomics" / "changed"
    shutil.copytree(release.folder, copy)
    policy = copy / "policy.json"
    policy.write_text(policy.read_text().replace('"minimum_depth":10', '"minimum_depth":0'))
    with pytest.raises(KnowledgeError, match="differs from its manifest"):
        load("changed", tmp_path)


def test_options_choose_the_genes() -> None:
    assert load(options={"genes": "programme"}).genes == (
        "CYP2C19",
        "DPYD",
        "G6PD",
        "NUDT15",
        "SLCO1B1",
        "TPMT",
        "UGT1A1",
    )
    assert len(load().genes) == len(load(options={"genes": "all"}).genes) == 23
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
