"""What the installed interpreters together need of a genotype file; one place for the command and the service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol, runtime_checkable

from identity.panel import FingerprintPanel
from interpreters.genotypes import Build, Interval
from interpreters.interpreter import Interpreter, KnowsSingleBases, PanelSite
from ror_service.intake.known_sites import KnownSites
from ror_service.intake.qc import Declared, QcAssessment, ReferenceBases, assess
from ror_service.intake.results import ReadResult
from ror_service.intake.wanted import WantedIntervals


@runtime_checkable
class KnowsReferenceBases(Protocol):
    """An interpreter whose knowledge spells reference bases, by which a file's build is checked."""

    def reference_bases(self, build: Build) -> ReferenceBases:
        """Reference bases of a build, by chromosome and position."""


class Needs:
    """What a set of interpreters needs of each build; computed once.

    Args:
        interpreters: Module to interpreter.
        fingerprints: Panel whose sites are read as well; the quality of a file is not judged by them.
    """

    def __init__(self, interpreters: Mapping[str, Interpreter], fingerprints: FingerprintPanel | None = None) -> None:
        self._interpreters = tuple(interpreters.values())
        self.intervals = {build: self._intervals(build) for build in Build}
        """Build to everything that the interpreters ask for."""
        self.wanted = {
            build: WantedIntervals.of(
                [*found, *(fingerprints.intervals(build) if fingerprints else ())],
                KnownSites.of(self._known_sites(build, fingerprints)),
            )
            for build, found in self.intervals.items()
        }
        """The same and the sites of the fingerprint, merged for the reader, with the bases that are known there."""

    def assess(self, read: ReadResult, declared: Declared) -> QcAssessment:
        """The quality gate's verdict on a reading, with every rule that these interpreters make possible."""
        return assess(
            read,
            declared,
            sites=self.intervals[read.build],
            reference_bases=self._reference_bases(read.build),
        )

    def _intervals(self, build: Build) -> list[Interval]:
        return [interval for interpreter in self._interpreters for interval in interpreter.intervals(build)]

    def _known_sites(self, build: Build, fingerprints: FingerprintPanel | None) -> Iterator[PanelSite]:
        for interpreter in self._interpreters:
            if isinstance(interpreter, KnowsSingleBases):
                yield from interpreter.single_base_sites(build)
        for site in fingerprints.sites if fingerprints else ():
            yield PanelSite(site.chrom, site.position(build), site.ref, site.alt)

    def _reference_bases(self, build: Build) -> ReferenceBases | None:
        for interpreter in self._interpreters:
            if isinstance(interpreter, KnowsReferenceBases):
                return interpreter.reference_bases(build)
        return None
