"""What a stored call set holds: whole regions, and panel sites of which the genotype alone is kept.

A catalogue follows from the installed interpreters and their knowledge. It is no one's data. A stored call set names
the catalogue that it was made by, so that it can be read, and judged, long after the knowledge was replaced.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from interpreters.genotypes import Build, Interval, united
from interpreters.interpreter import Interpreter, PanelSite, ReadsPanelSites
from ror_service.sealing.canonical import canonical_json

SCHEMA = "ror.catalogue/1"


class Regions:
    """Stretches of the genome, searched by position.

    Args:
        intervals: In any order; they may overlap.
    """

    def __init__(self, intervals: Iterable[Interval]) -> None:
        self.intervals = united(intervals)
        starts: dict[str, tuple[list[int], list[int]]] = {}
        for chrom, start, end in self.intervals:
            of_chrom = starts.setdefault(chrom, ([], []))
            of_chrom[0].append(start)
            of_chrom[1].append(end)
        self._by_chrom = starts

    def overlap(self, chrom: str, start: int, end: int) -> bool:
        """Whether one base of `start..end` or more is held."""
        found = self._by_chrom.get(chrom)
        if found is None:
            return False
        index = bisect_right(found[0], end) - 1
        return index >= 0 and found[1][index] >= start

    def hold(self, chrom: str, start: int, end: int) -> bool:
        """Whether every base of `start..end` is held."""
        found = self._by_chrom.get(chrom)
        if found is None:
            return False
        index = bisect_right(found[0], start) - 1
        return index >= 0 and found[1][index] >= end


@dataclass(frozen=True)
class BuildCatalogue:
    """The catalogue in the coordinates of one build.

    Attributes:
        region_intervals: Stretches of which every record is kept whole; sorted, none touching another.
        panel: Sites outside the regions of which the genotype alone is kept, by chromosome name and position.
    """

    region_intervals: tuple[Interval, ...]
    panel: tuple[PanelSite, ...]

    @cached_property
    def regions(self) -> Regions:
        """The regions, to be searched."""
        return Regions(self.region_intervals)

    @cached_property
    def everything(self) -> Regions:
        """Regions and panel sites together."""
        sites = (Interval(site.chrom, site.pos, site.pos) for site in self.panel)
        return Regions((*self.region_intervals, *sites))

    @cached_property
    def panel_positions(self) -> Mapping[str, list[int]]:
        """Chromosome to the positions of its panel sites, ascending."""
        found: dict[str, list[int]] = {}
        for site in self.panel:
            found.setdefault(site.chrom, []).append(site.pos)
        return found

    @cached_property
    def panel_start(self) -> Mapping[str, int]:
        """Chromosome to the number of its first panel site."""
        found: dict[str, int] = {}
        for number, site in enumerate(self.panel):
            found.setdefault(site.chrom, number)
        return found

    @cached_property
    def _panel_set(self) -> frozenset[PanelSite]:
        return frozenset(self.panel)

    def covers(self, intervals: Iterable[Interval], panel: Iterable[PanelSite]) -> bool:
        """Whether an interpreter with these needs finds all that it reads; the genotype alone at its panel sites."""
        alone = frozenset(panel)
        held = all(site in self._panel_set or self.regions.hold(site.chrom, site.pos, site.pos) for site in alone)
        spots = {(site.chrom, site.pos) for site in alone}
        return held and all(
            self.regions.hold(*interval)
            for interval in intervals
            if not (interval.start == interval.end and (interval.chrom, interval.start) in spots)
        )


@dataclass(frozen=True)
class Catalogue:
    """What is kept of a call set, in both builds.

    Attributes:
        builds: Build to its part.
        knowledge: Module to the digest of the knowledge that its needs follow from.
    """

    builds: Mapping[Build, BuildCatalogue]
    knowledge: Mapping[str, str]

    @classmethod
    def of(cls, interpreters: Mapping[str, Interpreter]) -> Catalogue:
        """What these interpreters need together."""
        return cls(
            {build: _of_build(interpreters.values(), build) for build in Build},
            {module: interpreter.knowledge.digest for module, interpreter in sorted(interpreters.items())},
        )

    @cached_property
    def content(self) -> bytes:
        """The catalogue as canonical JSON (RFC 8785)."""
        return canonical_json(
            {
                "schema": SCHEMA,
                "knowledge": dict(self.knowledge),
                "builds": {
                    build.value: {"regions": _columns(part.region_intervals), "panel": _columns(part.panel)}
                    for build, part in self.builds.items()
                },
            }
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content, hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    def covers(self, interpreter: Interpreter, build: Build) -> bool:
        """Whether a call set that was stored by this catalogue gives the interpreter all that a file would."""
        return self.builds[build].covers(interpreter.intervals(build), panel_sites(interpreter, build))

    def packed(self) -> bytes:
        """The content, compressed."""
        return zlib.compress(self.content, 9)

    @classmethod
    def unpacked(cls, packed: bytes) -> Catalogue:
        """The catalogue that `packed` wrote.

        Raises:
            ValueError: If it is of another schema.
        """
        plain = json.loads(zlib.decompress(packed))
        if plain["schema"] != SCHEMA:
            raise ValueError(f"a catalogue of schema {plain['schema']!r}, not {SCHEMA!r}; update this program")
        return cls(
            {
                Build(build): BuildCatalogue(
                    tuple(map(Interval, *part["regions"])), tuple(map(PanelSite, *part["panel"]))
                )
                for build, part in plain["builds"].items()
            },
            plain["knowledge"],
        )


def panel_sites(interpreter: Interpreter, build: Build) -> Sequence[PanelSite]:
    """Sites of which the interpreter reads the genotype alone; none where it reads all of every record."""
    return interpreter.panel_sites(build) if isinstance(interpreter, ReadsPanelSites) else ()


def _of_build(interpreters: Iterable[Interpreter], build: Build) -> BuildCatalogue:
    regions: list[Interval] = []
    panel: set[PanelSite] = set()
    for interpreter in interpreters:
        alone = panel_sites(interpreter, build)
        spots = {(site.chrom, site.pos) for site in alone}
        panel.update(alone)
        regions += [
            interval
            for interval in interpreter.intervals(build)
            if not (interval.start == interval.end and (interval.chrom, interval.start) in spots)
        ]
    # Two panels that know other bases at one position: both read whole records there.
    by_spot: dict[tuple[str, int], set[PanelSite]] = {}
    for site in panel:
        by_spot.setdefault((site.chrom, site.pos), set()).add(site)
    regions += [Interval(chrom, pos, pos) for (chrom, pos), sites in by_spot.items() if len(sites) > 1]
    held = Regions(regions)
    return BuildCatalogue(
        held.intervals, tuple(sorted(site for site in panel if not held.overlap(site.chrom, site.pos, site.pos)))
    )


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    """Rows as columns, which compress better; as many as a row has, also without any row."""
    return [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]
