"""Alleles are matched as bases."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpreters.alleles import Bases, bases_at, is_ambiguous
from interpreters.genotypes import Build, CallSetKind, GenotypeCalls, Interval, Record

COMPLEMENT = str.maketrans("ACGT", "TGCA")


def bases(
    ref: str,
    alts: tuple[str, ...],
    genotype: tuple[int | None, ...],
    known: str = "AG",
    *,
    assume_reference: bool = True,
    **more: object,
) -> Bases | None:
    """What is read at position 100, known to carry `known`, from one record."""
    fields: dict[str, object] = {"chrom": "1", "pos": 100, "end": 100, "ref": ref, "alts": alts, "genotype": genotype}
    calls = GenotypeCalls(Build.GRCH38, CallSetKind.ALL_SITES, [Record(**{**fields, **more})])  # type: ignore[arg-type]
    return bases_at(calls, "1", 100, known[0], known[1], assume_reference=assume_reference)


@pytest.mark.parametrize(
    ("ref", "alts", "genotype", "expected"),
    [
        ("A", ("G",), (0, 1), "AG"),
        ("A", ("G",), (0, 0), "AA"),
        ("A", (), (0, 0), "AA"),
        ("A", ("T", "G"), (2, 2), "GG"),
        ("A", ("G", "<NON_REF>"), (1, 0), "GA"),
        ("G", ("A",), (0, 1), "GA"),
        ("G", (), (0, 0), "GG"),
        ("T", ("C",), (0, 1), "AG"),
        ("C", ("T",), (1, 1), "AA"),
        ("T", (), (0, 0), "AA"),
        ("A", ("T",), (0, 1), None),
        ("A", ("T",), (1, 1), None),
        ("A", ("*",), (0, 1), None),
        ("A", ("G", "*"), (1, 2), None),
        ("A", ("<NON_REF>",), (0, 1), None),
        ("AT", ("A",), (0, 1), None),
        ("A", ("AG",), (0, 1), None),
        ("A", ("G",), (1,), None),
        ("A", ("G",), (0, None), None),
        ("A", ("G",), (), None),
        ("A", ("G",), (0, 1, 1), None),
        ("N", (), (0, 0), None),
    ],
)
def test_bases_of_one_record(
    ref: str, alts: tuple[str, ...], genotype: tuple[int | None, ...], expected: str | None
) -> None:
    read = bases(ref, alts, genotype)
    assert (read and read.first + read.second) == expected
    if read:
        assert read.other_strand is (ref not in "AG")


def test_filtered_and_unread_records_say_nothing() -> None:
    assert bases("A", ("G",), (0, 1), filters=("LowQual",)) is None
    assert bases("A", ("<NON_REF>",), (0, 0), depth=0) is None
    assert bases("A", ("<NON_REF>",), (0, 0), depth=1) == Bases("A", "A", other_strand=False)


def test_a_block_that_spells_no_base_has_the_known_reference() -> None:
    block = {"pos": 90, "end": 110, "depth": 30}
    assert bases("T", ("<*>",), (0, 0), **block) == Bases("A", "A", other_strand=False)  # type: ignore[arg-type]
    assert bases("T", ("<*>",), (0, 0), assume_reference=False, **block) is None  # type: ignore[arg-type]
    assert bases("A", ("<*>",), (0, 0), assume_reference=False) == Bases("A", "A", other_strand=False)


def test_silence_is_reference_only_where_the_laboratory_declares_it() -> None:
    declared = GenotypeCalls(Build.GRCH38, CallSetKind.VARIANTS_ONLY, [], [Interval("1", 100, 100)])
    assert bases_at(declared, "1", 100, "A", "G") == Bases("A", "A", other_strand=False)
    assert bases_at(declared, "1", 100, "A", "G", assume_reference=False) is None
    assert bases_at(declared, "1", 101, "A", "G") is None


@pytest.mark.parametrize(("pair", "ambiguous"), [("AT", True), ("GC", True), ("AG", False), ("AC", False)])
def test_is_ambiguous(pair: str, ambiguous: bool) -> None:
    assert is_ambiguous(*pair) is ambiguous


@given(st.permutations("ACGT").map(lambda found: "".join(found[:2])), st.sampled_from([(0, 0), (0, 1), (1, 0), (1, 1)]))
def test_swapped_and_turned_files_read_the_same(known: str, genotype: tuple[int, int]) -> None:
    ref, alt = known
    plain = bases(ref, (alt,), genotype, known)
    swapped = bases(alt, (ref,), (1 - genotype[0], 1 - genotype[1]), known)
    assert plain is not None
    assert swapped == plain
    turned = bases(ref.translate(COMPLEMENT), (alt.translate(COMPLEMENT),), genotype, known)
    if is_ambiguous(ref, alt):
        assert turned is not None
        assert turned.other_strand is False, "not to be told from a swap: other sites must tell"
    else:
        assert turned == plain._replace(other_strand=True)
