"""Makes a knowledge release from the counts of a cohort, and reads what it stands beside from an installed one."""

from __future__ import annotations

import csv
import gzip
import io
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from interpreters.ancestry.build import DATA, MODULE, build
from interpreters.ancestry.estimate import FEWEST_SITES
from interpreters.ancestry.panel import CORE, MISSING, REGION_CODES, WORLD, Integers, Table, read_table
from interpreters.ancestry.reference import CohortCounts, Group, Site, panel_alleles, scaled
from interpreters.knowledge import KnowledgeError, KnowledgeRelease, Source, choose_release, write_manifest

COUNTS = "cohort.counts.tsv.gz"
"""The cohort's exact counts by group and site, beside the panels."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CODES = {region: code for code, region in REGION_CODES.items()}


class Beside:
    """What the new panel stands beside: the world panel of the installed release and, if wanted, its core groups.

    Args:
        with_groups: Whether the groups of the installed core panel stay in the new one.
    """

    def __init__(self, *, with_groups: bool) -> None:
        self.release = choose_release(MODULE, None, DATA)
        self.with_groups = with_groups
        self.core: Table = read_table(self.release.read_bytes, CORE)
        self.world: Table = read_table(self.release.read_bytes, WORLD)

    def sites(self) -> tuple[Site, ...]:
        """Sites of the core panel."""
        return _sites(self.core)

    def check(self, sites: Iterable[Site], groups: Iterable[str]) -> None:
        """Refuse sites of the world panel, which would count twice, and names that are taken.

        Raises:
            KnowledgeError: Saying how many sites, or which group.
        """
        world = {(site.chrom, site.pos38) for site in _sites(self.world)}
        twice = sum((site.chrom, site.pos38) in world for site in sites)
        if twice:
            raise KnowledgeError(f"{twice} listed sites are in the panel {WORLD}, which stays; leave them out")
        taken = set(groups) & {*self.core.groups, *self.world.groups, *Site._fields}
        if taken:
            raise KnowledgeError(f"the name {min(taken)} is taken in the installed release; give the group another one")

    def counted(self, sites: Sequence[Site]) -> Integers:
        """Alternate alleles and all alleles that are counted in the groups that stay (sites x 2)."""
        if not self.with_groups:
            return np.zeros((len(sites), 2), dtype=np.int64)
        summed = sum(self.core.counts(group)[0] for group in self.core.groups)
        rows = self._rows(sites)
        return np.stack([np.asarray(summed)[rows], np.full(len(rows), int(self.core.alleles.sum()))], axis=1)

    def columns(self, sites: Sequence[Site], *, inferred: bool) -> dict[str, tuple[int, Sequence[object]]]:
        """Groups that stay: alleles counted (0 for an inferred one) and the value at each of `sites`."""
        if not self.with_groups:
            return {}
        rows = self._rows(sites)
        found: dict[str, tuple[int, Sequence[object]]] = {}
        for number, group in enumerate(self.core.groups):
            alleles = int(self.core.alleles[number])
            if alleles:
                found[group] = (alleles, self.core.counts(group)[0][rows].tolist())
            elif inferred:
                found[group] = (0, [f"{value:.4f}" for value in self.core.frequencies[rows, number].tolist()])
        return found

    def _rows(self, sites: Sequence[Site]) -> list[int]:
        numbers = {site: number for number, site in enumerate(self.sites())}
        return [numbers[site] for site in sites]


def write_release(counts: CohortCounts, beside: Beside, folder: Path, release: str, source: Source) -> KnowledgeRelease:
    """Write the release as the new folder `folder / release`; it appears whole or not at all.

    Args:
        counts: What was counted, at sites that `beside.check` let pass.
        beside: What the panel stands beside.
        folder: Folder of the releases of this module.
        release: Name of the release.
        source: The cohort, for the manifest.

    Raises:
        KnowledgeError: If the name is no name or taken, or too few sites are kept.
    """
    check_name(folder, release)
    if len(counts.sites) < FEWEST_SITES:
        raise KnowledgeError(
            f"{len(counts.sites)} sites are kept, and no result is given below {FEWEST_SITES}; "
            "check the build, the filters and the list of sites"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".building-") as temporary:
        tables, made = Path(temporary) / ".tables", Path(temporary) / release
        tables.mkdir()
        _write_tables(tables, counts, beside)
        # The first source is that of the installed core panel.
        sources = build(tables, made, release).sources[0 if beside.with_groups else 1 :]
        _write(made / COUNTS, _exact(counts))
        written = write_manifest(made, MODULE, release, (*sources, source))
        shutil.move(made, folder / release)
    return replace(written, folder=folder / release)


def check_name(folder: Path, release: str) -> None:
    """Refuse a name that is none, or that a release has already.

    Raises:
        KnowledgeError: Saying which.
    """
    if not _NAME.fullmatch(release):
        raise KnowledgeError(f"{release!r} cannot name a release; use letters, digits, dots, hyphens and underscores")
    if (folder / release).exists() or (DATA / release).exists():
        raise KnowledgeError(f"{release}: there is such a release, and releases never change; choose another name")


def _write_tables(folder: Path, counts: CohortCounts, beside: Beside) -> None:
    """The four tables that `build` reads."""
    groups = counts.division.groups
    regions = {_CODES[group.region] for group in groups}
    # A frequency that was inferred from admixed people gives way to people who were counted.
    columns = beside.columns(counts.sites, inferred="AMR" not in regions)
    people = np.array([group.people for group in groups])
    values = scaled(counts.alternates, counts.alleles, people)
    for number, (group, alleles) in enumerate(zip(groups, panel_alleles(people).tolist(), strict=True)):
        columns[group.name] = (alleles, values[:, number].tolist())
    totals = " ".join(f"{name}={alleles}" for name, (alleles, _) in columns.items() if alleles)
    rows = zip(*(column for _, column in columns.values()), strict=True)
    _write(
        folder / f"{CORE}.counts.tsv.gz",
        [(f"## alleles: {totals}",), (*_header(), *columns), *(s + r for s, r in zip(counts.sites, rows, strict=True))],
    )
    _write(folder / f"{WORLD}.af.tsv.gz", _world(beside.world))
    _write_components(folder / "components.tsv", groups, columns, beside)
    stay = _table(beside.release.read_bytes, "groups.tsv")
    own = [(group.name, _CODES[group.region], ".", str(group.people), ".", ".", "cohort") for group in groups]
    header = ("column", "region7", "subregion", "n_individuals", "latitude", "longitude", "note")
    _write(folder / "populations.tsv", [header, *(tuple(row.values()) for row in stay), *own])


def _write_components(path: Path, groups: Sequence[Group], columns: Iterable[str], beside: Beside) -> None:
    """Components of the world panel as they are; of the core panel one for each region that has groups."""
    stay = _table(beside.release.read_bytes, "components.tsv")
    made: list[tuple[object, ...]] = []
    present = set(columns)
    regions: dict[str, tuple[int, list[str]]] = {}
    for row in stay:
        names = [name for name in row["groups"].split(";") if row["panel"] != CORE or name in present]
        if row["panel"] == CORE and row["level"] == "region":
            if names:
                regions[row["region"]] = (int(row["people"]), names)
        elif names:
            kept = (row["panel"], row["level"], row["component"], row["region"], row["place"], row["people"])
            made.append((*kept, ";".join(names)))
    for group in groups:
        people, names = regions.get(_CODES[group.region], (0, []))
        regions[_CODES[group.region]] = (people + group.people, [*names, group.name])
    own = [(CORE, "region", code, code, ".", people, ";".join(names)) for code, (people, names) in regions.items()]
    header = ("panel", "level", "component", "region", "place", "n_individuals", "columns")
    _write(path, [header, *own, *made])


def _exact(counts: CohortCounts) -> list[tuple[object, ...]]:
    """The exact counts, with the number of alleles that were read at each site."""
    groups = counts.division.groups
    about = [(f"## {group.name}: {group.people} people, {group.region}",) for group in groups]
    header = (*_header(), "palindromic", *(f"{g.name}.{what}" for g in groups for what in ("alternate", "alleles")))
    pairs = np.stack([counts.alternates, counts.alleles], axis=2).reshape(len(counts.sites), 2 * len(groups)).tolist()
    rows = [(*site, int(site.is_palindromic), *pair) for site, pair in zip(counts.sites, pairs, strict=True)]
    return [*about, header, *rows]


def _world(table: Table) -> list[tuple[object, ...]]:
    values = np.where(np.isnan(table.frequencies), MISSING, np.rint(table.frequencies * 1000)).astype(int).tolist()
    rows = (("." if value == MISSING else value for value in row) for row in values)
    return [("##",), (*_header(), *table.groups), *((*s, *r) for s, r in zip(_sites(table), rows, strict=True))]


def _header() -> tuple[str, ...]:
    return (f"#{Site._fields[0]}", *Site._fields[1:])


def _sites(table: Table) -> tuple[Site, ...]:
    columns = (table.chromosome_names, table.positions38.tolist(), table.positions37.tolist())
    return tuple(map(Site, *columns, table.references, table.alternates))


def _table(read: Callable[[str], bytes], name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(read(name).decode()), delimiter="\t"))


def _write(path: Path, rows: Iterable[Iterable[object]]) -> None:
    content = "".join("\t".join(map(str, row)) + "\n" for row in rows).encode()
    # Without the time of writing, the same cohort gives the same bytes.
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
