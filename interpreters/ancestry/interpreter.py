"""The ancestry interpreter: shares of the genome most similar to the reference groups of each region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from interpreters.ancestry.estimate import FEWEST_SITES, FEWEST_SITES_TO_JUDGE, Estimate, combine, estimate
from interpreters.ancestry.panel import Panel
from interpreters.ancestry.reading import read
from interpreters.findings import AncestryFinding, Interpretation, NotTested, Region
from interpreters.genotypes import Build, GenotypeCalls, Interval, Sample
from interpreters.knowledge import KnowledgeRelease

NAME = "ancestry"
VERSION = "1.0"
FEWER_SITES = 10_000
"""Sites below which a result is given with a warning."""
LEAST_FIT = -4.0
"""Fit score below which the reference describes the person less well."""


class AncestryInterpreter:
    """Keeps the `Interpreter` contract.

    Args:
        knowledge: The release that the panels were loaded from.
        panels: World and core panel.
    """

    def __init__(self, knowledge: KnowledgeRelease, panels: tuple[Panel, Panel]) -> None:
        self.knowledge = knowledge
        self.panels = panels

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

    def interpret(self, sample: Sample, calls: GenotypeCalls) -> Interpretation:  # noqa: ARG002 - contract
        """Shares of the regions, or why they are not given. Nothing but genotypes is looked at."""
        readings = [read(panel, calls) for panel in self.panels]
        world, core = (estimate(found) if len(found) >= FEWEST_SITES_TO_JUDGE else None for found in readings)
        chosen = combine(*(made if made and made.sites_read >= FEWEST_SITES else None for made in (world, core)))
        if any(made is not None and made.lists_differences for made in (world, core)):
            return self._interpretation((), self._not_tested("lists_only_differences"), {})
        if chosen is None:
            return self._interpretation((), self._not_tested("not_enough_sites"), {})
        return self._interpretation((_finding(chosen),), (), self._reference(chosen))

    def _not_tested(self, reason: str) -> tuple[NotTested]:
        return (NotTested(NAME, "+".join(panel.name for panel in self.panels), reason),)

    def _reference(self, chosen: Estimate) -> dict[str, str]:
        """Who was in the reference, and which regions were not."""
        used = next(panel for panel in self.panels if panel.name in chosen.panel)
        without = sorted(set(Region) - {share.region for share in chosen.shares})
        return {
            "reference_people": str(sum(component.people for component in used.components)),
            "reference_groups": str(sum(component.groups for component in used.components)),
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


def _finding(chosen: Estimate) -> AncestryFinding:
    status = "reported"
    if chosen.sites_read < FEWER_SITES:
        status = "fewer_sites"
    if chosen.fit < LEAST_FIT:
        status = "fits_less_well"
    return AncestryFinding(
        components=tuple(sorted(chosen.shares, key=lambda share: (-share.share, share.region))),
        sites_read=chosen.sites_read,
        sites_total=chosen.sites_total,
        status=status,
        panel=chosen.panel,
    )
