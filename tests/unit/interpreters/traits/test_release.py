"""The knowledge release: what it holds, how it is built and chosen, and where its variants lie."""

from __future__ import annotations

import json
import runpy
from bisect import bisect_left
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from support.shared import SHARED, needs_shared
from support.trait_genomes import interpreter

from interpreters import ancestry, traits
from interpreters.ancestry.panel import load_panels
from interpreters.findings import NotTested
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Record, Sample, Sex
from interpreters.knowledge import KnowledgeError
from interpreters.traits import TraitsInterpreter, build
from interpreters.traits.interpreter import load_traits

RECOMMENDED = [
    "bitter_taste",
    "cilantro",
    "earwax",
    "lactose",
    "eye_colour",
    "red_hair",
    "actn3",
    "photic_sneeze",
    "asparagus",
    "hair_thickness",
]
SENSITIVE = {"alcohol_flush", "alcohol_metabolism", "abo"}
NOT_USED = {"rs869051967", "rs1805006", "rs8176747"}


@cache
def rows() -> list[dict[str, Any]]:
    table: list[dict[str, Any]] = json.loads(interpreter().knowledge.read_bytes("traits.json"))["traits"]
    return table


def test_ten_traits_are_returned_and_sensitive_ones_only_on_request() -> None:
    assert [trait.id for trait in traits.load().traits] == RECOMMENDED
    assert [trait.id for trait in traits.load(options={"traits": "recommended"}).traits] == RECOMMENDED
    assert {trait.id for trait in interpreter("all").traits} == {*RECOMMENDED, *SENSITIVE}
    assert [trait.id for trait in interpreter("abo,earwax").traits] == ["earwax", "abo"], "in the order of the release"
    assert {trait.id for trait in interpreter().traits if trait.sensitive} == SENSITIVE
    assert {position.chrom for position in traits.load().intervals(Build.GRCH38)}.isdisjoint({"4", "9", "12"})


def test_wrong_options_name_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"no trait horoscope, toes in the release; there are bitter_taste, .*hair"):
        traits.load(options={"traits": "toes,earwax,horoscope"})
    with pytest.raises(ValueError, match="unknown option color; there is only `traits`"):
        traits.load(options={"color": "blue"})


def test_every_trait_says_where_it_comes_from_and_for_whom_it_holds() -> None:
    assert all(row["studied_in"] and row["limits"] and row["references"] and row["effect"] for row in rows())
    assert (interpreter().name, interpreter().version) == ("traits", "2.0")
    for row in rows():
        for variant in row["variants"]:
            assert variant["confirmed_by"]
            assert variant["position_confirmed"] or variant["cost_of_leaving_out"]
            assert variant["reference_confirmed"] or not variant["position_confirmed"]


def test_variants_whose_position_rests_on_one_source_are_not_used() -> None:
    assert {rsid for trait in interpreter().traits for rsid in trait.not_used} == NOT_USED
    assert NOT_USED.isdisjoint(variant.rsid for trait in interpreter().traits for variant in trait.variants)


# --- Where the variants lie


@cache
def panel_sites() -> dict[str, list[tuple[int, int, str, str]]]:
    """Chromosome to position (GRCh38, GRCh37), reference and alternate base of every site of the ancestry panels."""
    sites: dict[str, set[tuple[int, int, str, str]]] = {}
    for panel in load_panels(ancestry.load().knowledge):
        positions = zip(panel.positions38.tolist(), panel.positions37.tolist(), strict=True)
        alleles = zip(panel.references, panel.alternates, strict=True)
        for chrom, place, bases in zip(panel.chromosome_names, positions, alleles, strict=True):
            sites.setdefault(chrom, set()).add((*place, *bases))
    return {chrom: sorted(found) for chrom, found in sites.items()}


def test_variants_that_the_ancestry_panels_hold_have_the_same_positions_and_alleles() -> None:
    by38 = {(chrom, site[0]): site for chrom, sites in panel_sites().items() for site in sites}
    by37 = {(chrom, site[1]): site for chrom, sites in panel_sites().items() for site in sites}
    held = set()
    for row in rows():
        for variant in row["variants"]:
            mine = (variant["pos38"], variant["pos37"], variant["ref"], variant["alt"])
            theirs = {by38.get((variant["chrom"], mine[0]), mine), by37.get((variant["chrom"], mine[1]), mine)}
            assert theirs == {mine}, variant["rsid"]
            if (variant["chrom"], mine[0]) in by38:
                held.add(variant["rsid"])
    assert held == {"rs3827760", "rs1229984", "rs17822931", "rs1805007", "rs1805008", "rs12913832"}


def test_the_builds_lie_as_far_apart_as_at_the_panel_sites_on_either_side() -> None:
    """A position that is wrong in one build is off by another distance than its neighbors, unless a gap ends there."""
    at_a_gap = set()
    for row in rows():
        for variant in row["variants"]:
            sites = panel_sites()[variant["chrom"]]
            after = bisect_left(sites, (variant["pos38"],))
            before = after - (sites[after][0] != variant["pos38"])
            apart = [sites[place][0] - sites[place][1] for place in (before, after)]
            assert variant["pos38"] - variant["pos37"] in apart, variant["rsid"]
            if len(set(apart)) > 1:
                at_a_gap.add(variant["rsid"])
    assert at_a_gap == {"rs4481887", "rs8176719", "rs8176746", "rs8176747"}


# --- Building


def row(trait: str = "earwax", **model: object) -> dict[str, object]:
    variant = {
        "rsid": "rs1",
        "gene": "G",
        "chrom": "1",
        "pos38": 10,
        "pos37": 11,
        "ref": "A",
        "alt": "C",
        "ref_alt_checked": False,
        "position_checked_by": ["one", "two"],
        "note": "C does it",
    }
    return {
        "id": trait,
        "name": "A trait",
        "evidence": "A",
        "variants": [variant],
        "model": {"type": "recessive", "outcomes": {"CC": "yes", "AC": "no"}, **model},
        "effect": "e",
        "populations": "p",
        "limits": "l",
        "references": [],
    }


EARWAX: dict[str, Any] = {
    "returned": True,
    "studied_in": "people",
    "outcomes": {"CC": {"likelihood": "likely"}, "AC": {"likelihood": "unlikely"}},
}


def make(
    tmp_path: Path, *table: dict[str, object], name: str = "r1", variants: dict[str, Any] | None = None, **added: object
) -> TraitsInterpreter:
    (tmp_path / "source").mkdir(exist_ok=True)
    (tmp_path / "source" / "traits.json").write_text(json.dumps({"traits": table}))
    curation = tmp_path / "curation.json"
    curation.write_text(json.dumps({"traits": added or {"earwax": EARWAX}, "variants": variants or {}}))
    made = build.build(tmp_path / "source", tmp_path / name, name, curation)
    return TraitsInterpreter(made, load_traits(made))


def test_a_release_holds_what_the_curation_names(tmp_path: Path) -> None:
    made = make(tmp_path, row("earwax"), row("toes"), toes={**EARWAX, "returned": False})
    assert [(trait.id, trait.returned) for trait in made.traits] == [("toes", False)]


def test_a_looked_up_reference_base_replaces_the_order_of_the_table(tmp_path: Path) -> None:
    (found,) = make(tmp_path, row()).traits[0].variants
    assert (found.ref, found.alt, found.reference_confirmed) == ("A", "C", False)
    looked_up = {"rs1": {"ref": "C", "confirmed_by": ["somewhere"]}}
    (found,) = make(tmp_path, row(), name="r2", variants=looked_up).traits[0].variants
    assert (found.ref, found.alt, found.reference_confirmed) == ("C", "A", True)
    with pytest.raises(KnowledgeError, match=r"curation\.json: does not fit .*rs1: reference G is neither A nor C"):
        make(tmp_path, row(), name="r3", variants={"rs1": {"ref": "G"}})


def test_a_genotype_without_outcome_is_not_called(tmp_path: Path) -> None:
    calls = GenotypeCalls(Build.GRCH38, CallSetKind.ALL_SITES, [Record("1", 10, 10, "A", ("C",), (0, 0))])
    made = make(tmp_path, row()).interpret(Sample(Build.GRCH38, Assay.WGS, Sex.UNKNOWN), calls)
    assert made.not_tested == (NotTested("traits", "earwax", "not_called"),)


def test_a_model_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="earwax: no such model: horoscope; there are abo_group, additive"):
        make(tmp_path, row(type="horoscope"))


@pytest.mark.parametrize(
    ("kind", "unknown"),
    [
        ("changed_copies", "0, 1, 2"),
        ("haplotype_pair", "AVI/AVI, PAV/AVI, PAV/PAV, rare"),
        ("multinomial_logistic", "blue, cannot tell"),
    ],
)
def test_an_outcome_without_a_likelihood_is_refused(tmp_path: Path, kind: str, unknown: str) -> None:
    with pytest.raises(KnowledgeError, match=f"earwax: no likelihood for {unknown}; build the release again"):
        make(tmp_path, row(type=kind, categories=["blue"]))


@pytest.mark.parametrize("table", ['{"traits": [{"returned": true}]}', '{"traits": ["earwax"]}', "no json"])
def test_a_malformed_table_is_refused(tmp_path: Path, table: str) -> None:
    make(tmp_path, row())
    (tmp_path / "r1" / "traits.json").write_text(table)
    with pytest.raises(KnowledgeError, match="malformed"):
        load_traits(build.write_manifest(tmp_path / "r1", "traits", "r1", build.SOURCES))


def test_building_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    make(tmp_path, row())
    with pytest.raises(KnowledgeError, match="never changed"):
        make(tmp_path, row())
    with pytest.raises(KnowledgeError, match=r"curation\.json: not in .*traits\.json: rs9, toes"):
        make(tmp_path, row(), name="r2", variants={"rs9": {}}, earwax=EARWAX, toes=EARWAX)
    with pytest.raises(KnowledgeError, match=r"curation\.json: does not fit .*'TT'"):
        make(tmp_path, row(), name="r2", earwax={**EARWAX, "outcomes": {"TT": {"likelihood": "likely"}}})
    with pytest.raises(KnowledgeError, match=r"traits\.json: missing; give the folder"):
        build.build(tmp_path, tmp_path / "r2", "r2")
    with pytest.raises(KnowledgeError, match=r"none\.json: missing; give the file"):
        build.build(tmp_path / "source", tmp_path / "r2", "r2", tmp_path / "none.json")


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, row())
    arguments = [str(tmp_path / "source"), "--release", "r3", "--curation", str(tmp_path / "curation.json")]
    monkeypatch.setattr("sys.argv", ["build", *arguments, "--data", str(tmp_path)])
    runpy.run_path(str(Path(build.__file__)), run_name="__main__")
    assert capsys.readouterr().out.startswith("traits r3 ")


@needs_shared
def test_the_installed_release_is_what_table_and_curation_give(tmp_path: Path) -> None:
    made = build.build(SHARED / "traits", tmp_path / "r", "2026-11-22")
    assert made.digest == interpreter().knowledge.digest
    assert (made.folder / "traits.json").read_bytes() == (interpreter().knowledge.folder / "traits.json").read_bytes()


@needs_shared
def test_the_curation_corrects_the_order_of_two_variants_of_the_table() -> None:
    table = json.loads((SHARED / "traits" / "traits.json").read_text(encoding="utf-8"))["traits"]
    theirs = {v["rsid"]: (v["ref"], v["alt"]) for trait in table for v in trait["variants"]}
    mine = {v["rsid"]: (v["ref"], v["alt"]) for trait in rows() for v in trait["variants"]}
    assert {rsid for rsid, alleles in mine.items() if theirs[rsid] != alleles} == {"rs4481887", "rs10427255"}
    assert all(set(theirs[rsid]) == set(alleles) for rsid, alleles in mine.items())
