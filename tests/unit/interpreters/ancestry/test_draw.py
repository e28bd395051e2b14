"""Synthetic people."""

from __future__ import annotations

import numpy as np
import pytest

from interpreters import ancestry
from interpreters.ancestry import AncestryInterpreter
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
