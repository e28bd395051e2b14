"""Synthetic people."""

from __future__ import annotations

import numpy as np
import pytest

from interpreters import ancestry
from interpreters.ancestry import AncestryInterpreter
from interpreters.ancestry.draw import draw_member, draw_mosaic, inherit
from interpreters.ancestry.panel import WORLD, Table, read_table
from interpreters.ancestry.reading import UNREAD
from interpreters.genotypes import Build


def draw(
    interpreter: AncestryInterpreter, weights: dict[str, float], seed: int = 1, build: Build = Build.GRCH38
) -> list[ancestry.DrawnSite]:
    return list(ancestry.draw_person(interpreter.panels, weights, np.random.default_rng(seed), build))


def test_same_chance_same_person(interpreter: AncestryInterpreter) -> None:
    one = draw(interpreter, {"SAS_S": 0.5, "EUR_Iber": 0.5})
    assert one == draw(interpreter, {"SAS_S": 0.5, "EUR_Iber": 0.5})
    assert one != draw(interpreter, {"SAS_S": 0.5, "EUR_Iber": 0.5}, seed=2)


@pytest.mark.parametrize("build", list(Build))
def test_sites_come_in_order_with_known_alleles(interpreter: AncestryInterpreter, build: Build) -> None:
    sites = draw(interpreter, {"EAS_Jpn": 1.0}, build=build)
    assert [(int(s.chrom), s.pos) for s in sites] == sorted((int(s.chrom), s.pos) for s in sites)
    assert {(s.chrom, s.pos, s.ref, s.alt) for s in sites} == {
        site
        for panel in interpreter.panels
        for site in zip(
            panel.chromosome_names, panel.positions(build).tolist(), panel.references, panel.alternates, strict=True
        )
    }


def test_frequencies_are_those_of_the_component(interpreter: AncestryInterpreter) -> None:
    panel = interpreter.panels[0]
    place = [c.name for c in panel.components].index("AFR_W")
    carried = {(s.chrom, s.pos): sum(s.alternates) for s in draw(interpreter, {"AFR_W": 1.0})}
    seen = np.array([carried[key] for key in zip(panel.chromosome_names, panel.positions38.tolist(), strict=True)])
    assert abs((seen / 2 - panel.frequencies[:, place]).mean()) < 0.01


def test_a_person_from_a_region_without_core_frequencies_has_none(interpreter: AncestryInterpreter) -> None:
    assert len(draw(interpreter, {"MENA_Bed": 0.1, "EUR_NW": 0.9})) == len(interpreter.panels[0])


@pytest.mark.parametrize("weights", [{"EUR_NW": 0.5}, {"EUR_NW": 1.5, "AFR_W": -0.5}, {"Atlantis": 1.0}])
def test_senseless_shares_are_refused(interpreter: AncestryInterpreter, weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="component"):
        draw(interpreter, weights)


def test_components_are_named() -> None:
    names = ancestry.component_names(ancestry.reference_panels())
    assert {"AFR_W", "EUR_NW", "SAS_S", "AMR_May", "MENA_Pal", "OCE_Pap"} <= set(names)
    assert len(names) == 31


def test_a_mosaic_has_the_wanted_shares_and_stretches() -> None:
    positions = np.tile(np.arange(1, 200_000_001, 100_000), 22)
    chromosomes = np.repeat(np.arange(1, 23), 2000)
    mosaic = draw_mosaic([0.7, 0.3], np.random.default_rng(1), stretch=10e6)
    ancestors = mosaic.at(chromosomes, positions)
    assert (ancestors == 0).mean() == pytest.approx(0.7, abs=0.05)
    assert (ancestors[:, 0] != ancestors[:, 1]).mean() == pytest.approx(2 * 0.7 * 0.3, abs=0.06)
    within = chromosomes[1:] == chromosomes[:-1]
    changes = (ancestors[1:] != ancestors[:-1])[within].mean()
    assert changes == pytest.approx(0.01 * 2 * 0.7 * 0.3, rel=0.2)
    # The same mosaic tells the same at any sites of it.
    assert (mosaic.at(chromosomes[::7], positions[::7]) == ancestors[::7]).all()


def test_both_copies_of_a_whole_mosaic_change_together() -> None:
    mosaic = draw_mosaic([0.5, 0.5], np.random.default_rng(1), whole=True)
    ancestors = mosaic.at(np.repeat([1, 22], 100), np.tile(np.arange(1, 200_000_000, 2_000_000), 2))
    assert (ancestors[:, 0] == ancestors[:, 1]).all()
    assert set(ancestors.ravel().tolist()) == {0, 1}


def test_alleles_are_those_of_the_ancestors() -> None:
    people = np.tile(np.array([[0, 1, 2, UNREAD]]), (4000, 1))
    random = np.random.default_rng(1)

    def passed(one: int, two: int) -> list[int]:
        return inherit(people, np.tile([one, two], (4000, 1)), random).tolist()

    assert set(passed(0, 2)) == {1}
    assert set(passed(1, 1)) == {1}
    assert np.mean(passed(1, 2)) == pytest.approx(1.5, abs=0.03)
    assert set(passed(0, 3)) == {UNREAD}


@pytest.fixture(scope="module")
def table(interpreter: AncestryInterpreter) -> Table:
    return read_table(interpreter.knowledge.read_bytes, WORLD)


def test_a_member_is_drawn_from_the_counted_alleles(table: Table) -> None:
    counted, known = table.counts("HGDP_Papuan_PapuaNewGuinea")
    member = draw_member(table, "HGDP_Papuan_PapuaNewGuinea", np.random.default_rng(1))
    assert ((member == UNREAD) == ~known).all()
    assert (member[known] <= counted[known]).all()
    assert (member[known] >= counted[known] - 10).all()
    assert member[known].mean() == pytest.approx(counted[known].mean() / 6, rel=0.03)


def test_the_reference_without_a_member_has_not_counted_him(table: Table) -> None:
    group = "HGDP_Papuan_PapuaNewGuinea"
    before, known = table.counts(group)
    member = draw_member(table, group, np.random.default_rng(1))
    after, still = table.without(group, member).counts(group)
    assert (known == still).all()
    assert (after[known] == (before - member)[known]).all()
    others = [number for number, name in enumerate(table.groups) if name != group]
    left = table.without(group, member).frequencies[:, others]
    assert np.array_equal(left, table.frequencies[:, others], equal_nan=True)
