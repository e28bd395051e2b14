"""What a call set says about a position."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpreters.genotypes import Build, CallSetKind, CallState, GenotypeCalls, Interval, OutsideCall, Record


def record(
    pos: int, ref: str = "A", alts: tuple[str, ...] = ("G",), genotype: tuple[int | None, ...] = (0, 1), **more: object
) -> Record:
    fields: dict[str, object] = {
        "chrom": "1",
        "pos": pos,
        "end": pos + len(ref) - 1,
        "ref": ref,
        "alts": alts,
        "genotype": genotype,
    }
    return Record(**{**fields, **more})  # type: ignore[arg-type]


def calls(*records: Record, declared: list[Interval] | None = None) -> GenotypeCalls:
    return GenotypeCalls(Build.GRCH38, CallSetKind.ALL_SITES, records, declared)


BLOCK = record(100, "A", ("<NON_REF>",), (0, 0), end=200)


@pytest.mark.parametrize(
    ("records", "pos", "state"),
    [
        ([], 100, CallState.ABSENT),
        ([record(101)], 100, CallState.ABSENT),
        ([record(99)], 100, CallState.ABSENT),
        ([record(100)], 100, CallState.VARIANT),
        ([record(100, genotype=(0, 0))], 100, CallState.REFERENCE),
        ([record(100, genotype=(1,))], 100, CallState.VARIANT),
        ([record(100, genotype=(0, None))], 100, CallState.NO_CALL),
        ([record(100, genotype=())], 100, CallState.NO_CALL),
        ([record(100, filters=("LowQual",))], 100, CallState.FILTERED),
        ([BLOCK], 100, CallState.REFERENCE),
        ([BLOCK], 200, CallState.REFERENCE),
        ([BLOCK], 201, CallState.ABSENT),
        ([record(98, "ACGT", ("A",))], 100, CallState.SPANNED),
        ([record(98, "ACGT", ("A",), (0, 0))], 100, CallState.REFERENCE),
        ([record(100, "A", ("*",))], 100, CallState.SPANNED),
        ([record(100, "A", ("*", "G"), (1, 2))], 100, CallState.VARIANT),
        ([BLOCK, record(150)], 150, CallState.VARIANT),
        ([BLOCK, record(150, filters=("LowQual",))], 150, CallState.FILTERED),
        ([BLOCK, record(150, genotype=(None, None))], 150, CallState.NO_CALL),
        ([record(150, genotype=(None, None)), record(150, filters=("LowQual",))], 150, CallState.NO_CALL),
        ([record(150), record(150, genotype=(1, 0))], 150, CallState.VARIANT),
        ([record(150), record(150, genotype=(1, 1))], 150, CallState.NO_CALL),
        ([record(150), record(149, "AC", ("A",))], 150, CallState.VARIANT),
        ([BLOCK, record(149, "AC", ("A",))], 150, CallState.SPANNED),
        ([BLOCK, record(150, genotype=(0, 0))], 150, CallState.REFERENCE),
    ],
)
def test_state_of_a_position(records: list[Record], pos: int, state: CallState) -> None:
    assert calls(*records).at("1", pos).state is state
    assert calls(*reversed(records)).at("1", pos) == calls(*records).at("1", pos)
    assert calls(*records).at("2", pos).state is CallState.ABSENT


def test_reference_spells_the_base_of_the_position_or_nothing() -> None:
    assert calls(record(98, "ACGT", ("A",), (0, 0))).at("1", 100).alleles == ("G", "G")
    assert calls(BLOCK).at("1", 150).alleles == ("", "")


def test_alleles_of_a_record() -> None:
    assert record(1, alts=("G", "*"), genotype=(2, None)).alleles == ("*", None)
    assert record(1).alleles == ("A", "G")


@pytest.mark.parametrize(
    ("alts", "reference_only"),
    [((), True), (("<NON_REF>",), True), (("<*>",), True), (("G", "<*>"), False), (("<DEL>",), False)],
)
def test_reference_block(alts: tuple[str, ...], reference_only: bool) -> None:
    assert record(1, alts=alts).is_reference_block is reference_only


def test_iterates_over_every_record_in_a_fixed_order() -> None:
    records = [record(5), record(3, chrom="2"), record(1, genotype_quality=3), record(1)]
    forward, backward = calls(*records), calls(*reversed(records))
    assert list(forward) == list(backward)
    assert len(forward) == len(records)


def test_overlapping_finds_a_long_record_behind_short_ones() -> None:
    long = record(10, "A", ("<DEL>",), end=1000)
    shorts = [record(pos) for pos in range(20, 400, 5)]
    assert calls(long, *shorts).overlapping("1", 500, 600) == (long,)
    assert calls(long, *shorts).overlapping("1", 20, 20) == (long, shorts[0])
    assert calls().overlapping("1", 1, 10) == ()


@given(
    st.lists(
        st.builds(
            lambda pos, length, genotype: record(pos, "A" * length, ("G",), genotype),
            st.integers(1, 30),
            st.integers(1, 8),
            st.sampled_from([(0, 0), (0, 1), (1, 1), (None, None), (1,)]),
        ),
        max_size=12,
    ),
    st.integers(1, 40),
    st.integers(0, 2**32),
)
def test_answers_do_not_depend_on_the_order_of_lines(records: list[Record], pos: int, seed: int) -> None:
    shuffled = list(records)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - a test's data
    assert calls(*shuffled).at("1", pos) == calls(*records).at("1", pos)
    naive = sorted((r for r in records if r.pos <= pos + 2 and r.end >= pos), key=lambda r: r.pos)
    assert sorted(map(repr, calls(*records).overlapping("1", pos, pos + 2))) == sorted(map(repr, naive))


DECLARED = [
    Interval("1", 50, 60),
    Interval("1", 10, 20),
    Interval("1", 15, 30),
    Interval("1", 12, 14),
    Interval("2", 1, 5),
]


@pytest.mark.parametrize(
    ("chrom", "pos", "declared"),
    [
        ("1", 9, False),
        ("1", 10, True),
        ("1", 30, True),
        ("1", 31, False),
        ("1", 49, False),
        ("1", 60, True),
        ("1", 61, False),
        ("2", 5, True),
        ("2", 6, False),
        ("3", 1, False),
    ],
)
def test_declared_callable(chrom: str, pos: int, declared: bool) -> None:
    assert calls(declared=DECLARED).declared_callable(chrom, pos) is declared
    assert not calls().declared_callable(chrom, pos)
    assert not calls(declared=[]).declared_callable(chrom, pos)


def test_callable_intervals_are_united() -> None:
    assert calls(declared=DECLARED).callable_intervals == (
        Interval("1", 10, 30),
        Interval("1", 50, 60),
        Interval("2", 1, 5),
    )
    assert calls().callable_intervals is None
    assert calls(declared=[]).callable_intervals == ()


def test_outside_calls_stand_beside_the_same_records() -> None:
    before = calls(BLOCK, record(300), declared=DECLARED)
    after = before.with_outside_calls([OutsideCall("CYP2D6", "*1/*4")])
    assert after.outside_calls == (OutsideCall("CYP2D6", "*1/*4"),)
    assert (list(after), after.at("1", 300)) == (list(before), before.at("1", 300))
    assert after.callable_intervals == before.callable_intervals
    assert before.outside_calls == ()


@given(
    st.lists(st.tuples(st.sampled_from("12"), st.integers(1, 60), st.integers(0, 5)), max_size=20),
    st.lists(st.tuples(st.sampled_from("12"), st.integers(1, 60), st.integers(0, 9)), max_size=6),
)
def test_within_keeps_what_overlaps(records: list[tuple[str, int, int]], intervals: list[tuple[str, int, int]]) -> None:
    made = [Record(chrom, pos, pos + more, "A" * (more + 1), (), (0, 0)) for chrom, pos, more in records]
    wanted = [Interval(chrom, start, start + more) for chrom, start, more in intervals]
    kept = GenotypeCalls(Build.GRCH38, CallSetKind.ALL_SITES, made).within(wanted)
    expected = [r for r in made if any(i.chrom == r.chrom and i.start <= r.end and r.pos <= i.end for i in wanted)]
    assert sorted(map(repr, kept)) == sorted(map(repr, expected))
