"""Shares of people, and files that do not allow any."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from interpreters import ancestry
from interpreters.ancestry import AncestryInterpreter
from interpreters.ancestry import interpreter as interpreter_module
from interpreters.findings import AncestryFinding, Interpretation, NotTested, Region
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Interval, Record, Sample, Sex

Person = Callable[..., list[Record]]
COMPLEMENT = str.maketrans("ACGT", "TGCA")
MIXED = {"AFR_W": 0.6, "EUR_NW": 0.4}


def interpret(
    interpreter: AncestryInterpreter,
    records: Sequence[Record],
    build: Build = Build.GRCH38,
    declared: list[Interval] | None = None,
) -> Interpretation:
    calls = GenotypeCalls(build, CallSetKind.ALL_SITES, records, declared)
    return interpreter.interpret(Sample(build, Assay.WGS, Sex.UNKNOWN), calls)


def finding(interpretation: Interpretation) -> AncestryFinding:
    (found,) = interpretation.findings
    assert isinstance(found, AncestryFinding)
    assert not interpretation.not_tested
    return found


def shares(interpretation: Interpretation) -> dict[Region, float]:
    return {share.region: share.share for share in finding(interpretation).components}


def every(records: Sequence[Record], step: int) -> list[Record]:
    return list(records[::step])


@pytest.mark.parametrize(
    ("component", "region", "panel"),
    [
        ("AFR_E", Region.SUB_SAHARAN_AFRICA, "world35k+kgp23k"),
        ("AMR_May", Region.AMERICAS, "world35k+kgp23k"),
        ("EAS_C", Region.EASTERN_AND_NORTHERN_ASIA, "world35k+kgp23k"),
        ("EUR_NW", Region.EUROPE, "world35k+kgp23k"),
        ("MENA_Pal", Region.MIDDLE_EAST_AND_NORTH_AFRICA, "world35k"),
        ("OCE_Pap", Region.OCEANIA, "world35k"),
        ("SAS_S", Region.SOUTHERN_ASIA, "world35k+kgp23k"),
    ],
)
def test_each_region_is_found(
    small: AncestryInterpreter, person: Person, component: str, region: Region, panel: str
) -> None:
    interpretation = interpret(small, person({component: 1.0}))
    found = finding(interpretation)
    assert {share.region for share in found.components} == set(Region)
    assert found.components[0].region is region
    assert found.components[0].share > 0.93
    assert (found.panel, found.status) == (panel, "reported" if "+" in panel else "fewer_sites")
    assert sum(share.share for share in found.components) == pytest.approx(1, abs=0.001)
    assert all(0 <= share.low <= share.share <= share.high <= 1 for share in found.components)
    assert [s.share for s in found.components] == sorted((s.share for s in found.components), reverse=True)
    assert found.sites_read == len(person({component: 1.0}))
    assert interpretation.limits["regions_without_reference"] == ""


def test_the_installed_panels_read_a_person_whole(interpreter: AncestryInterpreter) -> None:
    drawn = ancestry.draw_person(interpreter.panels, {"EUR_Iber": 1.0}, np.random.default_rng(1))
    records = [Record(s.chrom, s.pos, s.pos, s.ref, (s.alt,), s.alternates) for s in drawn]
    found = finding(interpret(interpreter, records))
    assert found.sites_read == found.sites_total == len(records)
    assert found.components[0].region is Region.EUROPE
    assert found.components[0].low > 0.9


def test_a_mixed_person_gets_both_parts_with_intervals_that_hold_them(
    small: AncestryInterpreter, person: Person
) -> None:
    found = finding(interpret(small, person(MIXED)))
    africa, europe = found.components[:2]
    assert (africa.region, europe.region) == (Region.SUB_SAHARAN_AFRICA, Region.EUROPE)
    assert africa.share + europe.share > 0.97
    assert africa.low > 0.3
    assert europe.low > 0.2


def test_order_of_lines_changes_nothing(small: AncestryInterpreter, person: Person) -> None:
    records = person(MIXED)
    shuffled = list(records)
    random.Random(1).shuffle(shuffled)  # noqa: S311 - a test's data
    assert interpret(small, shuffled) == interpret(small, records)


def test_files_with_swapped_alleles_give_the_same(small: AncestryInterpreter, person: Person) -> None:
    records = person(MIXED)
    expected = interpret(small, records)
    swapped = [
        dataclasses.replace(r, ref=r.alts[0], alts=(r.ref,), genotype=tuple(1 - (n or 0) for n in r.genotype))
        for r in records
    ]
    assert interpret(small, swapped) == expected


def test_a_file_on_the_other_strand_loses_ambiguous_sites_only(small: AncestryInterpreter, person: Person) -> None:
    records = person(MIXED)
    clear = [r for r in records if r.alts[0] != r.ref.translate(COMPLEMENT)]
    turned = [
        dataclasses.replace(r, ref=r.ref.translate(COMPLEMENT), alts=(r.alts[0].translate(COMPLEMENT),))
        for r in records
    ]
    assert len(clear) < len(records)
    assert interpret(small, turned) == interpret(small, clear)


def test_the_same_person_in_both_builds_gives_the_same_shares(small: AncestryInterpreter, person: Person) -> None:
    places = {
        (chrom, p38): p37
        for one in small.panels
        for chrom, p38, p37 in zip(
            one.chromosome_names, one.positions38.tolist(), one.positions37.tolist(), strict=True
        )
    }
    records = person(MIXED)
    lifted = [dataclasses.replace(r, pos=(p := places[r.chrom, r.pos]), end=p) for r in records]
    assert interpret(small, lifted, Build.GRCH37) == interpret(small, records)


def test_gvcf_blocks_and_declared_regions_stand_for_reference_sites(small: AncestryInterpreter, person: Person) -> None:
    records = person(MIXED)
    expected = interpret(small, records)
    blocks = [
        r if any(r.genotype) else dataclasses.replace(r, pos=r.pos - 1, ref="N", alts=("<NON_REF>",), depth=20)
        for r in records
    ]
    assert interpret(small, blocks) == expected
    differences = [r for r in records if any(r.genotype)]
    declared = [Interval(r.chrom, r.pos, r.pos) for r in records]
    assert interpret(small, differences, declared=declared) == expected
    unread = [dataclasses.replace(r, depth=0) if r.depth else r for r in blocks]
    assert interpret(small, unread) == interpret(small, differences)


def test_missing_sites_are_left_out_not_filled_in(small: AncestryInterpreter, person: Person) -> None:
    whole = shares(interpret(small, person(MIXED)))
    thin = interpret(small, every(person(MIXED), 8))
    assert finding(thin).status == "fewer_sites"
    for share in finding(thin).components:
        assert share.low <= whole[share.region] <= share.high
    assert shares(thin)[Region.SUB_SAHARAN_AFRICA] == pytest.approx(whole[Region.SUB_SAHARAN_AFRICA], abs=0.1)
    wide = {share.region: share.high - share.low for share in finding(thin).components}
    narrow = {s.region: s.high - s.low for s in finding(interpret(small, person(MIXED))).components}
    assert wide[Region.EUROPE] > narrow[Region.EUROPE]


@pytest.mark.parametrize("step", [1, 8])
def test_a_list_of_differences_is_refused(small: AncestryInterpreter, person: Person, step: int) -> None:
    differences = [r for r in every(person(MIXED), step) if any(r.genotype)]
    made = interpret(small, differences)
    assert made.findings == ()
    assert made.not_tested == (NotTested("ancestry", "world35k+kgp23k", "lists_only_differences"),)


def test_a_family_file_that_names_few_reference_sites_is_refused(small: AncestryInterpreter, person: Person) -> None:
    """A site is listed where any of several relatives differs: reference sites are there, but too few of them."""
    listed = [r for number, r in enumerate(person(MIXED)) if any(r.genotype) or number % 2]
    assert interpret(small, listed).not_tested[0].reason == "lists_only_differences"


def test_too_few_sites(small: AncestryInterpreter, person: Person) -> None:
    records = person(MIXED)
    core = {(c, p) for c, p in zip(small.panels[1].chromosome_names, small.panels[1].positions38.tolist(), strict=True)}
    of_core = [r for r in records if (r.chrom, r.pos) in core]
    assert interpret(small, of_core[:999]).not_tested[0].reason == "not_enough_sites"
    assert interpret(small, of_core[:50]).not_tested[0].reason == "not_enough_sites"
    enough = interpret(small, of_core[:1000])
    assert finding(enough).sites_read == 1000
    assert finding(enough).panel == "kgp23k"
    assert enough.limits["regions_without_reference"] == "Middle East and North Africa; Oceania"
    assert enough.limits["reference_people"] == "1676"
    assert enough.limits["sites_needed"] == "1000"


def test_a_person_of_a_group_far_from_the_reference_is_told(small: AncestryInterpreter) -> None:
    random = np.random.default_rng(1)
    records = []
    for panel, name in zip(small.panels, ("OCE_Mel", "EAS"), strict=True):
        near = panel.frequencies[:, [component.name for component in panel.components].index(name)]
        # A group whose frequencies drifted from the nearest in the reference by F_ST 0.15.
        own = random.beta(17 / 3 * near, 17 / 3 * (1 - near))
        alleles = (random.random((2, len(panel))) < own).T.tolist()
        places = zip(
            panel.chromosome_names, panel.positions38.tolist(), panel.references, panel.alternates, strict=True
        )
        for (chrom, pos, ref, alt), carried in zip(places, alleles, strict=True):
            records.append(Record(chrom, pos, pos, ref, (alt,), tuple(map(int, carried))))
    found = finding(interpret(small, records))
    assert found.status == "fits_less_well"
    assert found.misfit is not None
    assert found.misfit > interpreter_module.MOST_MISFIT


def test_a_person_of_the_reference_groups_fits(small: AncestryInterpreter, person: Person) -> None:
    found = finding(interpret(small, person(MIXED)))
    assert found.misfit is not None
    assert found.misfit < interpreter_module.MOST_MISFIT


def test_options_are_refused() -> None:
    with pytest.raises(ValueError, match="no options"):
        ancestry.load(options={"panel": "kgp23k"})


def test_contract_facts(interpreter: AncestryInterpreter) -> None:
    assert (interpreter.name, interpreter.version) == ("ancestry", "2.0")
    wanted = interpreter.intervals(Build.GRCH38)
    assert len(wanted) == len(set(wanted)) == sum(map(len, interpreter.panels))
