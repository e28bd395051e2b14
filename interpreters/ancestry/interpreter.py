"""The ancestry interpreter: shares of the genome most similar to the reference groups of each region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from interpreters.ancestry.estimate import FEWEST_SITES, FEWEST_SITES_TO_JUDGE, Estimate, combine, estimate
from interpreters.ancestry.panel import Floats, Panel
from interpreters.ancestry.placement import PlacementMap, place_person
from interpreters.ancestry.places import LEAST_SHARE, leading_place
from interpreters.ancestry.reading import Reading, read
from interpreters.findings import AncestryFinding, Interpretation, NotTested, Region, Subregion
from interpreters.genotypes import Build, GenotypeCalls, Interval, Sample
from interpreters.interpreter import PanelSite
from interpreters.knowledge import KnowledgeRelease

NAME = "ancestry"
VERSION = "2.0"
FEWER_SITES = 10_000
"""Sites below which a result is given with a warning."""
MOST_MISFIT = 0.06
"""Misfit above which the reference describes the person less well."""


class AncestryInterpreter:
    """Keeps the `Interpreter` contract.

    Args:
        knowledge: The release that the panels were loaded from.
        panels: World and core panel.
        maps: Panel name to the positions of its reference groups.
    """

    def __init__(
        self, knowledge: KnowledgeRelease, panels: tuple[Panel, Panel], maps: Mapping[str, PlacementMap]
    ) -> None:
        self.knowledge = knowledge
        self.panels = panels
        self.maps = maps

    @property
    def name(self) -> str:
        """Module name."""
        return NAME

    @property
    def version(self) -> str:
        """Version of the model and its constants."""
        return VERSION

    def intervals(self, build: Build) -> Sequence[Interval]:
        """One base for each site of the two panels."""
        return tuple(
            Interval(chromosome, position, position)
            for panel in self.panels
            for chromosome, position in zip(panel.chromosome_names, panel.positions(build).tolist(), strict=True)
        )

    def panel_sites(self, build: Build) -> Sequence[PanelSite]:
        """The same sites with their bases: nothing but the genotype is read at any of them."""
        return tuple(
            PanelSite(chromosome, position, ref, alt)
            for panel in self.panels
            for chromosome, position, ref, alt in zip(
                panel.chromosome_names,
                panel.positions(build).tolist(),
                panel.references,
                panel.alternates,
                strict=True,
            )
        )

    single_base_sites = panel_sites

    def interpret(self, sample: Sample, calls: GenotypeCalls) -> Interpretation:  # noqa: ARG002 - contract
        """Shares of the regions, or why they are not given. Nothing but genotypes is looked at."""
        readings = [read(panel, calls) for panel in self.panels]
        world, core = (estimate(found) if len(found) >= FEWEST_SITES_TO_JUDGE else None for found in readings)
        chosen = combine(*(made if made and made.sites_read >= FEWEST_SITES else None for made in (world, core)))
        if any(made is not None and made.lists_differences for made in (world, core)):
            return self._interpretation((), self._not_tested("lists_only_differences"), {})
        if chosen is None:
            return self._interpretation((), self._not_tested("not_enough_sites"), {})
        return self._interpretation((self._finding(chosen, core, readings),), (), self._reference(chosen))

    def _finding(self, chosen: Estimate, core: Estimate | None, readings: Sequence[Reading]) -> AncestryFinding:
        status = "reported"
        if chosen.sites_read < FEWER_SITES:
            status = "fewer_sites"
        if chosen.misfit > MOST_MISFIT:
            status = "fits_less_well"
        spoke = next(reading for reading in readings if reading.panel.name in chosen.panel)
        return AncestryFinding(
            components=chosen.with_intervals(),
            sites_read=chosen.sites_read,
            sites_total=chosen.sites_total,
            status=status,
            panel=chosen.panel,
            misfit=round(chosen.misfit, 4),
            subregion=_subregion(chosen, core, readings[1]),
            placement=place_person(spoke, self.maps[spoke.panel.name]),
        )

    def _not_tested(self, reason: str) -> tuple[NotTested]:
        return (NotTested(NAME, "+".join(panel.name for panel in self.panels), reason),)

    def _reference(self, chosen: Estimate) -> dict[str, str]:
        """Who was in the reference, and which regions were not."""
        used = next(panel for panel in self.panels if panel.name in chosen.panel)
        without = sorted(set(Region) - set(chosen.shares))
        return {
            "reference_people": str(sum(component.people for component in used.components)),
            "reference_groups": str(sum(len(component.groups) for component in used.components)),
            "regions_without_reference": "; ".join(without),
        }

    def _interpretation(
        self, findings: tuple[AncestryFinding, ...], not_tested: tuple[NotTested, ...], limits: Mapping[str, str]
    ) -> Interpretation:
        return Interpretation(
            module=NAME,
            version=VERSION,
            knowledge_release=self.knowledge.release,
            knowledge_digest=self.knowledge.digest,
            findings=findings,
            not_tested=not_tested,
            limits={"sites_needed": str(FEWEST_SITES), **limits},
        )


def _subregion(chosen: Estimate, core: Estimate | None, reading: Reading) -> Subregion | None:
    """The place within the main region, by the core panel alone: only there real people have shown that it holds."""
    main = max(chosen.shares, key=chosen.shares.__getitem__)
    if core is None or core.sites_read < FEWEST_SITES or chosen.shares[main] < LEAST_SHARE:
        return None
    shares: Floats = np.array([core.shares[component.region] for component in reading.panel.components])
    return leading_place(reading, shares, main)
