"""Traits: outcomes, what was not read, and alleles matched as bases in either build."""

from __future__ import annotations

import dataclasses
import json
import random
import runpy
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.shared import SHARED, needs_shared

from interpreters import traits
from interpreters.findings import Interpretation, NotTested, TraitFinding
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Interval, Record, Sample, Sex
from interpreters.knowledge import KnowledgeError
from interpreters.traits import TraitsInterpreter, build
from interpreters.traits.interpreter import Variant

COMPLEMENT = str.maketrans("ACGT", "TGCA")
TASTE = ("rs713598", "rs1726866", "rs10246939")
LACTASE = ("rs4988235", "rs41380347", "rs41525747", "rs145946881")


@cache
def interpreter() -> TraitsInterpreter:
    return traits.load()


@cache
def variants() -> dict[str, Variant]:
    return {variant.rsid: variant for trait in interpreter().traits for variant in trait.variants}


def record(rsid: str, genotype: str, *, where: Build = Build.GRCH38, phased: bool = False, **more: object) -> Record:
    """A record at a variant, with its called bases in their order, such as `CT`."""
    variant = variants()[rsid]
    alleles = (variant.ref, variant.alt)
    pos = variant.position(where)
    fields: dict[str, object] = {
        "chrom": variant.chrom,
        "pos": pos,
        "end": pos,
        "ref": variant.ref,
        "alts": (variant.alt,),
        "genotype": tuple(alleles.index(base) for base in genotype),
        "phased": phased,
    }
    return Record(**{**fields, **more})  # type: ignore[arg-type]


def interpret(
    records: Sequence[Record], where: Build = Build.GRCH38, declared: list[Interval] | None = None
) -> Interpretation:
    calls = GenotypeCalls(where, CallSetKind.ALL_SITES, records, declared)
    return interpreter().interpret(Sample(where, Assay.WGS, Sex.UNKNOWN), calls)


def outcome(trait: str, *records: Record) -> str | None:
    """Outcome of a trait, or the reason for which it was not tested, in brackets."""
    made = interpret(records)
    found = [f.outcome for f in made.findings if isinstance(f, TraitFinding) and f.trait == trait]
    return found[0] if found else next(f"({n.reason})" for n in made.not_tested if n.subject == trait)


def person(genotypes: dict[str, str], where: Build = Build.GRCH38) -> list[Record]:
    return [record(rsid, genotype, where=where) for rsid, genotype in genotypes.items()]


def test_returned_traits_are_data() -> None:
    assert [trait.id for trait in interpreter().traits] == ["bitter_taste", "cilantro", "earwax", "lactose"]
    table = json.loads(interpreter().knowledge.read_bytes("traits.json"))["traits"]
    assert len(table) == 15
    assert all(row["studied_in"] and row["limits"] and row["references"] for row in table)
    assert "rs869051967" not in variants(), "its position rests on one source"
    assert interpret([]).limits == {"variants_not_used": "rs869051967"}


@pytest.mark.parametrize(
    ("trait", "rsid", "genotypes"),
    [
        ("earwax", "rs17822931", {"CC": "CC", "CT": "CT", "TC": "CT", "TT": "TT"}),
        ("cilantro", "rs72921001", {"CC": "CC", "CA": "AC", "AC": "AC", "AA": "AA"}),
    ],
)
def test_one_variant(trait: str, rsid: str, genotypes: dict[str, str]) -> None:
    for genotype, expected in genotypes.items():
        assert outcome(trait, record(rsid, genotype)) == expected


def test_a_finding_says_what_was_read() -> None:
    (found,) = interpret([record("rs17822931", "TC")]).findings
    assert found == TraitFinding("earwax", "CT", {"rs17822931": "C/T"}, "read", 1, 1)


@pytest.mark.parametrize(
    ("taste", "expected"),
    [
        (("GG", "GG", "CC"), "PAV/PAV"),
        (("CC", "AA", "TT"), "AVI/AVI"),
        (("CG", "GA", "TC"), "PAV/AVI"),
        (("GG", "GG", "TC"), "rare"),
        (("CC", "GG", "CC"), "rare"),
    ],
)
def test_taste_of_unphased_files(taste: tuple[str, str, str], expected: str) -> None:
    assert outcome("bitter_taste", *person(dict(zip(TASTE, taste, strict=True)))) == expected


@pytest.mark.parametrize(
    ("taste", "sets", "expected"),
    [
        (("GC", "GA", "CT"), (None, None, None), "PAV/AVI"),
        (("CG", "AG", "TC"), (None, None, None), "PAV/AVI"),
        (("GC", "AG", "CT"), (None, None, None), "rare"),
        (("GC", "AG", "CT"), ("1", "1", "1"), "rare"),
        (("GC", "AG", "CT"), ("1", "2", "1"), "PAV/AVI"),
    ],
)
def test_taste_of_phased_files(taste: tuple[str, ...], sets: tuple[str | None, ...], expected: str) -> None:
    records = [
        record(rsid, genotype, phased=True, phase_set=phase)
        for rsid, genotype, phase in zip(TASTE, taste, sets, strict=True)
    ]
    assert outcome("bitter_taste", *records) == expected
    half = [*records[:2], dataclasses.replace(records[2], phased=False)]
    assert outcome("bitter_taste", *half) == "PAV/AVI"


def test_taste_partly_read() -> None:
    assert outcome("bitter_taste", *person({"rs713598": "GG", "rs1726866": "GG"})) == "(partly_read)"
    assert outcome("bitter_taste", *person({"rs713598": "GG", "rs1726866": "GA"})) == "rare"
    (found,) = interpret(person({"rs713598": "GG", "rs1726866": "GA"})).findings
    assert isinstance(found, TraitFinding)
    assert (found.status, found.variants_read, found.variants_total) == ("partly_read", 2, 3)


NO_LACTASE = {"rs4988235": "GG", "rs41380347": "AA", "rs41525747": "GG", "rs145946881": "CC"}


@pytest.mark.parametrize(
    ("rsid", "genotype"),
    [("rs4988235", "GA"), ("rs4988235", "AA"), ("rs41380347", "AC"), ("rs41525747", "GC"), ("rs145946881", "CG")],
)
def test_one_allele_from_anywhere_keeps_lactase(rsid: str, genotype: str) -> None:
    assert outcome("lactose", *person({**NO_LACTASE, rsid: genotype})) == ">=1"
    assert outcome("lactose", record(rsid, genotype)) == ">=1"


def test_lactase_is_absent_only_where_all_was_read() -> None:
    assert outcome("lactose", *person(NO_LACTASE)) == "0_all_read"
    for rsid in LACTASE:
        left = {other: genotype for other, genotype in NO_LACTASE.items() if other != rsid}
        assert outcome("lactose", *person(left)) == "0_some_not_read"


def test_nothing_read_is_its_own_outcome() -> None:
    made = interpret([])
    assert made.findings == ()
    assert made.not_tested == tuple(
        NotTested("traits", trait, "not_read") for trait in ("bitter_taste", "cilantro", "earwax", "lactose")
    )


@pytest.mark.parametrize(
    "broken",
    [
        {"genotype": (0, None)},
        {"genotype": (1,)},
        {"filters": ("LowQual",)},
        {"alts": ("G",)},
        {"ref": "CA", "alts": ("C",)},
    ],
)
def test_what_cannot_be_read_is_not_guessed(broken: dict[str, object]) -> None:
    whole = record("rs17822931", "CT")
    assert outcome("earwax", dataclasses.replace(whole, **broken)) == "(not_read)"  # type: ignore[arg-type]


def test_a_block_counts_only_where_the_reference_base_is_certain() -> None:
    def block(rsid: str, **more: object) -> Record:
        variant = variants()[rsid]
        fields = {"pos": variant.pos38 - 5, "end": variant.pos38 + 5, "ref": "N", "alts": ("<NON_REF>",)}
        return record(rsid, variant.ref * 2, **{**fields, **more})

    assert outcome("earwax", block("rs17822931", depth=30)) == "CC"
    assert outcome("earwax", block("rs17822931", depth=0)) == "(not_read)"
    assert outcome("cilantro", block("rs72921001", depth=30)) == "(not_read)"
    spelled = block("rs72921001", pos=variants()["rs72921001"].pos38, ref="C", depth=30)
    assert outcome("cilantro", spelled) == "CC"


def test_a_declared_region_counts_only_where_the_reference_base_is_certain() -> None:
    declared = list(interpreter().intervals(Build.GRCH38))
    made = interpret([], declared=declared)
    assert {n.subject for n in made.not_tested} == {"cilantro"}
    assert {f.trait: f.outcome for f in made.findings if isinstance(f, TraitFinding)} == {
        "bitter_taste": "rare",
        "earwax": "CC",
        "lactose": "0_some_not_read",
    }


genotypes = st.fixed_dictionaries(
    {},
    optional={
        rsid: st.sampled_from([a + b for a in pair for b in pair])
        for rsid, pair in {
            "rs713598": "CG", "rs1726866": "GA", "rs10246939": "TC", "rs72921001": "CA", "rs17822931": "CT",
            "rs4988235": "GA", "rs41380347": "AC", "rs41525747": "GC", "rs145946881": "CG",
        }.items()
    },
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(genotypes, st.integers(0, 99))
def test_order_build_and_swapped_alleles_change_nothing(read: dict[str, str], seed: int) -> None:
    expected = interpret(person(read))
    shuffled = person(read)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - a test's data
    assert interpret(shuffled) == expected
    assert interpret(person(read, Build.GRCH37), Build.GRCH37) == expected
    swapped = [
        dataclasses.replace(r, ref=r.alts[0], alts=(r.ref,), genotype=tuple(1 - (n or 0) for n in r.genotype))
        for r in person(read)
    ]
    assert interpret(swapped) == expected
    found = {f.trait for f in expected.findings if isinstance(f, TraitFinding)}
    assert found | {n.subject for n in expected.not_tested} == {trait.id for trait in interpreter().traits}


@settings(max_examples=60, deadline=None)
@given(genotypes)
def test_on_the_other_strand_only_ambiguous_variants_are_lost(read: dict[str, str]) -> None:
    turned = [
        dataclasses.replace(r, ref=r.ref.translate(COMPLEMENT), alts=(r.alts[0].translate(COMPLEMENT),))
        for r in person(read)
    ]
    ambiguous = {"rs713598", "rs41525747", "rs145946881"}
    clear = {rsid: genotype for rsid, genotype in read.items() if rsid not in ambiguous}
    if clear:
        assert interpret(turned) == interpret(person(clear))


def test_options_and_facts() -> None:
    assert (interpreter().name, interpreter().version) == ("traits", "1.0")
    assert len(interpreter().intervals(Build.GRCH37)) == 9
    with pytest.raises(ValueError, match="no options"):
        traits.load(options={"traits": "all"})


def row(trait: str = "earwax", **model: object) -> dict[str, object]:
    variant = {
        "rsid": "rs1",
        "gene": "G",
        "chrom": "1",
        "pos38": 10,
        "pos37": 11,
        "ref": "A",
        "alt": "C",
        "ref_alt_checked": True,
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


def release(tmp_path: Path, *rows: dict[str, object], returned: Sequence[str] = ("earwax",)) -> TraitsInterpreter:
    (tmp_path / "source").mkdir(exist_ok=True)
    (tmp_path / "source" / "traits.json").write_text(json.dumps({"traits": rows}))
    return TraitsInterpreter(build.build(tmp_path / "source", tmp_path / "r1", "r1", returned))


def test_another_release_may_return_other_traits(tmp_path: Path) -> None:
    made = release(tmp_path, row("earwax"), row("toes"), returned=("toes",))
    assert [trait.id for trait in made.traits] == ["toes"]


def test_a_genotype_without_outcome_is_not_called(tmp_path: Path) -> None:
    made = release(tmp_path, row())
    calls = GenotypeCalls(Build.GRCH38, CallSetKind.ALL_SITES, [Record("1", 10, 10, "A", ("C",), (0, 0))])
    assert made.interpret(Sample(Build.GRCH38, Assay.WGS, Sex.UNKNOWN), calls).not_tested == (
        NotTested("traits", "earwax", "not_called"),
    )


def test_a_model_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match=r"no such model: \['horoscope'\]; there are"):
        release(tmp_path, row(type="horoscope"))


def test_a_malformed_table_is_refused(tmp_path: Path) -> None:
    release(tmp_path, row())
    path = tmp_path / "r1" / "traits.json"
    path.write_text('{"traits": [{"returned": true}]}')
    made = build.write_manifest(tmp_path / "r1", "traits", "r1", build.SOURCES)
    with pytest.raises(KnowledgeError, match="malformed"):
        TraitsInterpreter(made)


def test_building_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    release(tmp_path, row())
    with pytest.raises(KnowledgeError, match="never changed"):
        release(tmp_path, row())
    with pytest.raises(KnowledgeError, match="no such trait: toes"):
        build.build(tmp_path / "source", tmp_path / "r2", "r2", ("toes",))
    with pytest.raises(KnowledgeError, match=r"traits\.json: missing; give the folder"):
        build.build(tmp_path, tmp_path / "r2", "r2")


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    release(tmp_path, row())
    arguments = [str(tmp_path / "source"), "--release", "r3", "--returned", "earwax", "--data", str(tmp_path)]
    monkeypatch.setattr("sys.argv", ["build", *arguments])
    runpy.run_path(str(Path(build.__file__)), run_name="__main__")
    assert capsys.readouterr().out.startswith("traits r3 ")


@needs_shared
def test_the_installed_release_is_what_the_table_gives(tmp_path: Path) -> None:
    made = build.build(SHARED / "traits", tmp_path / "r", "2026-11-22")
    assert made.digest == interpreter().knowledge.digest


@needs_shared
def test_every_outcome_has_words(tmp_path: Path) -> None:
    """Each outcome that a returned trait can have is worded for participants."""
    content = json.loads((SHARED / "content" / "traits.json").read_text(encoding="utf-8"))["traits"]
    worded = {row["id"]: {outcome["model_outcome"] for outcome in row["outcomes"]} for row in content}
    for trait in interpreter().traits:
        assert set(trait.model["outcomes"]) == worded[trait.id] - {None}, tmp_path.name
