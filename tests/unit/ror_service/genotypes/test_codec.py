"""What is stored of a call set says at every needed place what the file said."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.stored_genotypes import PANEL, REGION, call_sets, catalogue, comparable

from interpreters.genotypes import Build, CallSetKind, CallState, Genotype, GenotypeCalls, Interval, Record
from interpreters.interpreter import PanelSite
from ror_service.genotypes import codec
from ror_service.genotypes.catalogue import Catalogue

CATALOGUE = catalogue()
SITE = Record("1", 5, 5, "A", ("G",), (0, 1), depth=30, genotype_quality=99, allele_depths=(15, 15))


def _calls(*records: Record, kind: CallSetKind = CallSetKind.VARIANTS_ONLY) -> GenotypeCalls:
    return GenotypeCalls(Build.GRCH38, kind, records)


def _stored(*records: Record) -> list[Record]:
    return list(codec.decode(codec.encode(_calls(*records), CATALOGUE), CATALOGUE))


def _read_at(genotype: Genotype, site: PanelSite) -> tuple[object, ...]:
    """What an interpreter of panel sites may ask."""
    if genotype.state is CallState.REFERENCE:
        usable = genotype.record is not None and genotype.record.depth != 0
        return (genotype.state, usable, *(base or site.ref for base in genotype.alleles))
    return (genotype.state, *sorted("." if allele is None else allele for allele in genotype.alleles))


@settings(max_examples=200, deadline=None)
@given(call_sets)
def test_every_place_that_is_needed_reads_the_same(calls: GenotypeCalls) -> None:
    stored = codec.encode(calls, CATALOGUE)
    again = codec.decode(stored, CATALOGUE)
    assert (again.build, again.kind, again.outside_calls) == (calls.build, calls.kind, calls.outside_calls)
    for chrom, start, end in (REGION, *(Interval(REGION.chrom, pos, pos) for pos in range(9, 22))):
        if start >= REGION.start and end <= REGION.end:
            expected = [comparable(record) for record in calls.overlapping(chrom, start, end)]
            assert list(again.overlapping(chrom, start, end)) == expected
    for site in PANEL:
        assert _read_at(again.at(site.chrom, site.pos), site) == _read_at(calls.at(site.chrom, site.pos), site)
    needed = [(site.chrom, site.pos) for site in PANEL] + [("1", pos) for pos in range(REGION.start, REGION.end + 1)]
    assert (again.callable_intervals is None) == (calls.callable_intervals is None)
    assert (again.assayed_sites is None) == (calls.assayed_sites is None)
    for chrom, pos in needed:
        assert again.declared_callable(chrom, pos) == calls.declared_callable(chrom, pos)
        assert (again.assayed_sites or {}).get((chrom, pos)) == (calls.assayed_sites or {}).get((chrom, pos))


@settings(max_examples=100, deadline=None)
@given(call_sets, st.randoms(use_true_random=False))
def test_the_bytes_follow_from_the_content_alone(calls: GenotypeCalls, draw: random.Random) -> None:
    stored = codec.encode(calls, CATALOGUE)
    shuffled = [replace(record, line=draw.randrange(100)) for record in calls]
    draw.shuffle(shuffled)
    other = GenotypeCalls(
        calls.build, calls.kind, shuffled, calls.callable_intervals,
        assayed_sites=calls.assayed_sites, outside_calls=calls.outside_calls,
    )  # fmt: skip
    assert codec.encode(other, CATALOGUE) == stored
    assert codec.encode(codec.decode(stored, CATALOGUE), CATALOGUE) == stored


@settings(max_examples=50, deadline=None)
@given(call_sets)
def test_the_regions_can_be_read_without_the_panel(calls: GenotypeCalls) -> None:
    stored = codec.encode(calls, CATALOGUE)
    with_panel, without = codec.decode(stored, CATALOGUE), codec.decode(stored, CATALOGUE, panel=False)
    assert without.overlapping(*REGION) == with_panel.overlapping(*REGION)
    whole = list(without)
    expected = {
        (record.chrom, record.pos, record.ref, record.alts[number - 1])
        for record in whole
        for number in record.genotype
        if number
    }
    assert set(codec.carried_alleles(stored, CATALOGUE)) == expected


@pytest.mark.parametrize(
    ("record", "kept"),
    [
        (SITE, Record("1", 5, 5, "A", ("G",), (0, 1))),
        (replace(SITE, genotype=(1, 0), phased=True), Record("1", 5, 5, "A", ("G",), (0, 1))),
        (replace(SITE, alts=("T", "G"), genotype=(2, 2)), Record("1", 5, 5, "A", ("G",), (1, 1))),
        (
            replace(SITE, pos=3, end=6, ref="C", alts=("<NON_REF>",), genotype=(0, 0)),
            Record("1", 5, 5, "A", (), (0, 0)),
        ),
    ],
    ids=["heterozygous", "phased", "another number", "block"],
)
def test_a_plain_call_at_a_panel_site_is_two_bits(record: Record, kept: Record) -> None:
    assert _stored(record) == [kept]


@pytest.mark.parametrize(
    "changes",
    [
        {"filters": ("LowQual",)},
        {"genotype": (0, None)},
        {"genotype": (1,)},
        {"genotype": ()},
        {"genotype": (0, 0), "depth": 0},
        {"genotype": (0, 0), "ref": "T"},
        {"alts": ("T",)},
        {"ref": "T", "alts": ("C",)},
        {"ref": "AC", "alts": ("A",), "end": 6},
        {"pos": 4, "ref": "AA", "alts": ("A",)},
    ],
)
def test_whatever_else_a_record_says_at_a_panel_site_is_kept_whole(changes: dict[str, object]) -> None:
    odd = replace(SITE, **changes)
    assert _stored(odd) == [odd]


def test_two_records_at_a_panel_site_are_kept_whole() -> None:
    block = Record("1", 4, 8, "C", ("<NON_REF>",), (0, 0), depth=20)
    assert _stored(SITE, block) == [block, SITE]


def test_a_record_elsewhere_is_left_out() -> None:
    assert _stored(replace(SITE, pos=6, end=6), replace(SITE, chrom="X")) == []


def test_another_format_or_catalogue_is_refused() -> None:
    stored = codec.encode(_calls(SITE), CATALOGUE)
    with pytest.raises(ValueError, match="unknown format"):
        codec.decode(b"RORG\x02" + stored[5:], CATALOGUE)
    with pytest.raises(ValueError, match="another catalogue"):
        codec.decode(stored, Catalogue.of({}))
    assert codec.is_known(stored)
    assert codec.catalogue_digest(stored) == CATALOGUE.digest
