"""How genotypes are read: as bases, whatever the build, the strand, the order of lines and of REF and ALT."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from itertools import combinations_with_replacement

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.trait_genomes import Genotype, findings, interpret, interpreter, outcome, person, record, variants

from interpreters.alleles import Bases, bases_at, is_ambiguous
from interpreters.findings import Interpretation
from interpreters.genotypes import Build, CallSetKind, GenotypeCalls, Interval, Record
from interpreters.traits import interpreter as reading
from interpreters.traits.interpreter import Variant

COMPLEMENT = str.maketrans("ACGT", "TGCA")
AMBIGUOUS = {"rs713598", "rs41525747", "rs145946881", "rs16891982", "rs1805009"}
FEW = settings(max_examples=60, deadline=None)

genotypes = st.fixed_dictionaries(
    {},
    optional={
        rsid: st.sampled_from([(a, b) for a in (variant.ref, variant.alt) for b in (variant.ref, variant.alt)])
        for rsid, variant in variants().items()
    },
)
"""People in whom any of the variants was read."""


def swapped(record: Record) -> Record:
    """The same bases with REF and ALT the other way round."""
    turned = tuple(1 - number for number in record.genotype if number is not None)
    return dataclasses.replace(record, ref=record.alts[0], alts=(record.ref,), genotype=turned)


def single_bases(read: dict[str, Genotype]) -> dict[str, Genotype]:
    return {rsid: genotype for rsid, genotype in read.items() if not variants()[rsid].is_insertion}


@FEW
@given(genotypes, st.integers(0, 99))
def test_order_of_lines_and_build_change_nothing(read: dict[str, Genotype], seed: int) -> None:
    expected = interpret(person(read))
    shuffled = person(read)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - a test's data
    assert interpret(shuffled) == expected
    assert interpret(person(read, Build.GRCH37), Build.GRCH37) == expected
    answered = set(findings(expected)) | {item.subject for item in expected.not_tested}
    assert answered == {trait.id for trait in interpreter().traits}


def swapping_changes_nothing(read: dict[str, Genotype]) -> None:
    read = single_bases(read)
    assert interpret([swapped(one) for one in person(read)]) == interpret(person(read))


@FEW
@given(genotypes)
def test_swapped_alleles_change_nothing(read: dict[str, Genotype]) -> None:
    swapping_changes_nothing(read)


@FEW
@given(genotypes)
def test_a_file_of_many_alleles_says_the_same(read: dict[str, Genotype]) -> None:
    crowded = [
        dataclasses.replace(
            one,
            alts=("<NON_REF>", next(b for b in "ACGT" if b not in {one.ref, one.alts[0]}), *one.alts),
            genotype=tuple(3 if number else 0 for number in one.genotype),
        )
        for one in person(read)
    ]
    assert interpret(crowded) == interpret(person(read))


@FEW
@given(genotypes)
def test_on_the_other_strand_only_ambiguous_variants_are_lost(read: dict[str, Genotype]) -> None:
    read = single_bases(read)
    turned = [
        dataclasses.replace(r, ref=r.ref.translate(COMPLEMENT), alts=(r.alts[0].translate(COMPLEMENT),))
        for r in person(read)
    ]
    clear = {rsid: genotype for rsid, genotype in read.items() if rsid not in AMBIGUOUS}
    if clear:
        assert interpret(turned) == interpret(person(clear))


def test_which_variants_read_the_same_on_both_strands() -> None:
    assert {rsid for rsid, v in variants().items() if is_ambiguous(v.ref, v.alt)} == AMBIGUOUS


def a_loss_changes_no_outcome(read: dict[str, Genotype], lost: set[str]) -> None:
    """A loss leaves an outcome as it is or makes it unread; only milk sugar has an outcome of its own for it."""
    whole = findings(interpret(person(read)))
    left = interpret(person({rsid: bases for rsid, bases in read.items() if rsid not in lost}))
    for trait, found in findings(left).items():
        assert (found.status == "partly_read") is bool(found.missing)
        if found.outcome != "0_some_not_read":
            assert found.outcome == whole[trait].outcome
    for item in left.not_tested:
        assert item.reason in {"not_read", "partly_read"}


@FEW
@given(genotypes, st.sets(st.sampled_from(sorted(variants()))))
def test_missing_variants_change_no_outcome(read: dict[str, Genotype], lost: set[str]) -> None:
    a_loss_changes_no_outcome(read, lost)


def assume_the_reference(
    calls: GenotypeCalls, chrom: str, pos: int, ref: str, alt: str, *, assume_reference: bool = True
) -> Bases:
    """What an interpreter would read that takes what is not in the file for reference."""
    found = bases_at(calls, chrom, pos, ref, alt, assume_reference=assume_reference)
    return found or Bases(ref, ref, other_strand=False)


def test_taking_what_is_missing_for_reference_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    read: dict[str, Genotype] = {"rs17822931": "TT"}
    a_loss_changes_no_outcome(read, {"rs17822931"})
    monkeypatch.setattr(reading, "bases_at", assume_the_reference)
    with pytest.raises(AssertionError):
        a_loss_changes_no_outcome(read, {"rs17822931"})


def count_alternates(
    calls: GenotypeCalls, chrom: str, pos: int, ref: str, alt: str, *, assume_reference: bool = True
) -> Bases | None:
    """What an interpreter would read that takes 0 for the reference allele and 1 for the other one."""
    found = calls.at(chrom, pos).record
    if found is None or not assume_reference:
        return None
    first, second = (alt if number else ref for number in found.genotype)
    return Bases(first, second, other_strand=False)


def test_counting_0_and_1_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    read: dict[str, Genotype] = {"rs1229984": "CC", "rs17822931": "TT"}
    swapping_changes_nothing(read)
    monkeypatch.setattr(reading, "bases_at", count_alternates)
    with pytest.raises(AssertionError):
        swapping_changes_nothing(read)


def test_a_wrong_order_of_ref_and_alt_in_the_release_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It matters where a file does not spell the base, as in a reference block that begins before it."""

    def block_says(expected: str) -> bool:
        return outcome("asparagus", block("rs4481887", depth=30)) == expected

    assert block_says("AA")
    variant = variants()["rs4481887"]
    turned = dataclasses.replace(variant, ref=variant.alt, alt=variant.ref)
    trait = next(one for one in interpreter().traits if one.id == "asparagus")
    wrong = dataclasses.replace(trait, variants=(turned,))
    monkeypatch.setattr(interpreter(), "traits", (wrong,))
    assert not block_says("AA")


@pytest.mark.parametrize(
    "broken",
    [
        {"genotype": (0, None)},
        {"genotype": (1,)},
        {"genotype": ()},
        {"filters": ("LowQual",)},
        {"alts": ("G",)},
        {"alts": ("*",)},
        {"ref": "CA", "alts": ("C",)},
    ],
)
def test_what_cannot_be_read_is_not_guessed(broken: dict[str, object]) -> None:
    whole = record("rs17822931", "CT")
    assert outcome("earwax", dataclasses.replace(whole, **broken)) == "(not_read)"  # type: ignore[arg-type]


def test_records_that_disagree_are_no_reading() -> None:
    assert outcome("earwax", record("rs17822931", "CT"), record("rs17822931", "TT")) == "(not_read)"


def block(rsid: str, **more: object) -> Record:
    """A reference block that does not spell the base at the variant."""
    variant = variants()[rsid]
    fields = {"pos": variant.pos38 - 5, "end": variant.pos38 + 5, "ref": "N", "alts": ("<NON_REF>",)}
    return record(rsid, (variant.ref, variant.ref), **{**fields, **more})


def unconfirmed(rsid: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the release doubt which base the reference genome carries at a variant."""
    doubted = tuple(
        dataclasses.replace(
            trait,
            variants=tuple(dataclasses.replace(v, reference_confirmed=v.rsid != rsid) for v in trait.variants),
        )
        for trait in interpreter().traits
    )
    monkeypatch.setattr(interpreter(), "traits", doubted)


def test_a_block_counts_only_where_the_reference_base_is_certain(monkeypatch: pytest.MonkeyPatch) -> None:
    assert outcome("earwax", block("rs17822931", depth=30)) == "CC"
    assert outcome("earwax", block("rs17822931", depth=0)) == "(not_read)"
    assert outcome("cilantro", block("rs72921001", depth=30)) == "CC"
    unconfirmed("rs72921001", monkeypatch)
    assert outcome("cilantro", block("rs72921001", depth=30)) == "(not_read)"
    spelled = block("rs72921001", pos=variants()["rs72921001"].pos38, ref="C", depth=30)
    assert outcome("cilantro", spelled) == "CC"


def everywhere(where: Build = Build.GRCH38) -> list[Interval]:
    return list(interpreter().intervals(where))


REFERENCE = {
    "bitter_taste": "rare",
    "cilantro": "CC",
    "earwax": "CC",
    "lactose": "0_all_read",
    "alcohol_flush": "GG",
    "alcohol_metabolism": "TT",
    "eye_colour": "brown",
    "red_hair": "0",
    "actn3": "CC",
    "photic_sneeze": "CC",
    "asparagus": "AA",
    "abo": "O",
    "hair_thickness": "AA",
}
"""Outcomes of the reference genome, which nobody has."""


def told(made: Interpretation) -> dict[str, str]:
    return {trait: found.outcome for trait, found in findings(made).items()}


def test_a_declared_region_counts_as_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(interpret([], declared=everywhere())) == REFERENCE
    assert told(interpret([], Build.GRCH37, declared=everywhere(Build.GRCH37))) == REFERENCE
    unconfirmed("rs72921001", monkeypatch)
    left = {trait: found for trait, found in REFERENCE.items() if trait != "cilantro"}
    assert told(interpret([], declared=everywhere())) == left


def listed(alleles: Callable[[Variant], set[str]]) -> dict[tuple[str, int], frozenset[str]]:
    return {(v.chrom, v.pos38): frozenset(alleles(v)) for v in variants().values()}


def spelled(variant: Variant) -> set[str]:
    return {f"{variant.ref}>{variant.alt}"} if variant.is_insertion else {variant.ref, variant.alt}


def test_silence_about_an_assayed_variant_is_reference_in_a_file_of_variants(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(alleles: Callable[[Variant], set[str]], kind: CallSetKind = CallSetKind.VARIANTS_ONLY) -> dict[str, str]:
        return told(interpret([], kind=kind, assayed=listed(alleles)))

    assert found(spelled) == REFERENCE
    assert found(spelled, CallSetKind.ALL_SITES) == {}
    assert found(lambda v: {v.ref, "N"}) == {}, "another variant was assayed there"
    positions_only = found(lambda _: set())
    assert positions_only == {trait: outcome for trait, outcome in REFERENCE.items() if trait != "abo"}
    assert told(interpret([], kind=CallSetKind.VARIANTS_ONLY, assayed={})) == {}
    unconfirmed("rs17822931", monkeypatch)
    assert "earwax" not in found(spelled)


def test_a_record_goes_before_a_list_of_assayed_sites() -> None:
    no_call = record("rs17822931", "CT", genotype=(None, None))
    made = interpret([no_call], kind=CallSetKind.VARIANTS_ONLY, assayed=listed(spelled))
    assert "earwax" not in told(made)


GROUP = "rs8176719"


def test_only_a_record_of_the_insertion_tells_that_it_is_absent() -> None:
    other = record(GROUP, ("T", "T"), alts=("C",))
    assert outcome("abo", other) == "(not_read)"
    assert outcome("abo", dataclasses.replace(other, alts=("C", "TC"))) == "O"
    assert outcome("abo", record(GROUP, ("T", "T"), alts=())) == "O"
    assert outcome("abo", block(GROUP, depth=30)) == "O"
    assert outcome("abo", record(GROUP, ("T", "T"), alts=("C",), genotype=(0, 1))) == "(not_read)"


def test_an_insertion_is_not_looked_for_on_the_other_strand() -> None:
    for genotype in combinations_with_replacement((0, 1), 2):
        assert outcome("abo", record(GROUP, ("T", "T"), ref="A", alts=("AG",), genotype=genotype)) == "(not_read)"
