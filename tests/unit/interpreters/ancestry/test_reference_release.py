"""A knowledge release from the counts of a cohort."""

from __future__ import annotations

import dataclasses
import gzip
from pathlib import Path

import numpy as np
import pytest

from interpreters.ancestry.panel import CORE, load_panels, read_table
from interpreters.ancestry.reference import CohortCounter, CohortCounts, CohortRecord, Label, Rules, Site, divide
from interpreters.ancestry.reference_release import COUNTS, Beside, write_release
from interpreters.findings import Region
from interpreters.genotypes import Build
from interpreters.knowledge import KnowledgeError, KnowledgeRelease, Source, verify

SOURCE = Source("cohort", "1", "2026-01-01", "own", "-")
PEOPLE = 12
LABELS = {
    **{f"a{number}": Label("plains", Region.AMERICAS) for number in range(PEOPLE)},
    **{f"m{number}": Label("coast", Region.MIDDLE_EAST_AND_NORTH_AFRICA) for number in range(PEOPLE)},
}


@pytest.fixture(scope="module")
def beside() -> Beside:
    return Beside(with_groups=True)


def counted(beside: Beside, sites: tuple[Site, ...]) -> CohortCounts:
    """A cohort with the frequencies of one installed group."""
    random = np.random.default_rng(1)
    division = divide(tuple(LABELS), LABELS, PEOPLE)
    counter = CohortCounter(sites, Build.GRCH38, division, Rules(), beside.counted(sites))
    for site, frequency in zip(sites, beside.core.frequencies[:, 0], strict=False):
        drawn = random.binomial(2, frequency, len(LABELS)).tolist()
        counter.add(CohortRecord(site.chrom, site.pos38, site.ref, (site.alt,), passed=True, genotypes=drawn))
    return counter.result()


@pytest.fixture(scope="module")
def counts(beside: Beside) -> CohortCounts:
    return counted(beside, beside.sites()[:3000])


@pytest.fixture(scope="module")
def grown(beside: Beside, counts: CohortCounts, tmp_path_factory: pytest.TempPathFactory) -> KnowledgeRelease:
    """The installed groups with those of the cohort."""
    return write_release(counts, beside, tmp_path_factory.mktemp("releases"), "grown", SOURCE)


def test_the_cohort_stands_beside_the_installed_groups(
    grown: KnowledgeRelease, counts: CohortCounts, beside: Beside
) -> None:
    verify(grown)
    core = read_table(grown.read_bytes, CORE)
    assert core.positions38.tolist() == [site.pos38 for site in counts.sites]
    for number, group in enumerate(counts.division.groups):
        alternates, known = core.counts(group.name)
        assert known.all()
        assert alternates.tolist() == counts.alternates[:, number].tolist()
    numbers = {site: number for number, site in enumerate(beside.sites())}
    rows = [numbers[site] for site in counts.sites]
    assert core.counts("YRI")[0].tolist() == beside.core.counts("YRI")[0][rows].tolist()


def test_new_regions_come_to_the_core_and_counted_people_replace_an_inferred_group(
    grown: KnowledgeRelease, beside: Beside
) -> None:
    world, core = load_panels(grown)
    components = {component.region: component for component in core.components}
    assert components[Region.MIDDLE_EAST_AND_NORTH_AFRICA].groups == ("coast",)
    assert (components[Region.AMERICAS].groups, components[Region.AMERICAS].people) == (("plains",), PEOPLE)
    assert components[Region.EUROPE].groups == load_panels(beside.release)[1].components[1].groups
    (installed, _) = load_panels(beside.release)
    assert (world.frequencies == installed.frequencies).all()
    assert world.components == installed.components


def test_an_inferred_group_stays_where_nobody_was_counted(beside: Beside, counts: CohortCounts, tmp_path: Path) -> None:
    groups = tuple(
        group._replace(region=Region.OCEANIA) if group.region is Region.AMERICAS else group
        for group in counts.division.groups
    )
    elsewhere = dataclasses.replace(counts, division=dataclasses.replace(counts.division, groups=groups))
    core = load_panels(write_release(elsewhere, beside, tmp_path, "r", SOURCE))[1]
    assert len(core.regions) == 7
    installed = load_panels(beside.release)[1]
    numbers = {site: number for number, site in enumerate(beside.sites())}
    rows = [numbers[site] for site in counts.sites]
    new, old = ([component.name for component in panel.components].index("AMR") for panel in (core, installed))
    assert core.frequencies[:, new] == pytest.approx(installed.frequencies[rows][:, old])


def test_a_list_of_its_own_gives_a_core_of_the_cohort_alone(tmp_path: Path, beside: Beside) -> None:
    alone = Beside(with_groups=False)
    counts = counted(alone, beside.sites()[:3000])
    assert len(counts.sites) < 3000
    release = write_release(counts, alone, tmp_path, "tables", SOURCE)
    assert [source for source in release.sources if "allele counts of 2,096" in source.name] == []
    core = load_panels(release)[1]
    assert [component.groups for component in core.components] == [("plains",), ("coast",)]
    assert core.places == ()


def test_the_exact_counts_and_the_sources_belong_to_the_release(grown: KnowledgeRelease, counts: CohortCounts) -> None:
    lines = gzip.decompress(grown.read_bytes(COUNTS)).decode().splitlines()
    assert lines[0] == "## plains: 12 people, Americas"
    assert lines[2].split("\t")[:8] == [
        *("#chrom", "pos38", "pos37", "ref", "alt", "palindromic"),
        *("plains.alternate", "plains.alleles"),
    ]
    first = [str(field) for field in counts.sites[0]]
    assert lines[3].split("\t")[:5] == first
    assert lines[3].split("\t")[6:8] == [str(counts.alternates[0, 0]), "24"]
    assert grown.sources[-1] == SOURCE
    assert "allele counts of 2,096" in grown.sources[0].name


def test_no_person_is_in_a_release(grown: KnowledgeRelease) -> None:
    for name in grown.files:
        content = grown.read_bytes(name)
        text = gzip.decompress(content) if name.endswith(".gz") else content
        if not name.endswith(".npz"):
            assert not [sample for sample in LABELS if f"{sample}\t".encode() in text]
            assert b"0/1" not in text
    with np.load(grown.folder / f"{CORE}.npz") as arrays:
        sizes = {name: arrays[name].shape for name in arrays.files}
    # Columns are groups: five components' groups but the inferred one, and the cohort's two.
    assert sizes["values"][1] == len(read_table(grown.read_bytes, CORE).groups) == 22


def test_the_same_counts_give_the_same_release(
    grown: KnowledgeRelease, counts: CohortCounts, beside: Beside, tmp_path: Path
) -> None:
    assert write_release(counts, beside, tmp_path, "grown", SOURCE).digest == grown.digest


def test_names_that_are_none_or_taken_are_refused(
    grown: KnowledgeRelease, counts: CohortCounts, beside: Beside, tmp_path: Path
) -> None:
    folder = grown.folder.parent
    with pytest.raises(KnowledgeError, match="cannot name a release"):
        write_release(counts, beside, folder, "../x", SOURCE)
    with pytest.raises(KnowledgeError, match="releases never change"):
        write_release(counts, beside, folder, "grown", SOURCE)
    with pytest.raises(KnowledgeError, match="releases never change"):
        write_release(counts, beside, tmp_path, beside.release.release, SOURCE)


def test_too_few_sites_are_refused_and_nothing_is_left(counts: CohortCounts, beside: Beside, tmp_path: Path) -> None:
    few = dataclasses.replace(counts, sites=counts.sites[:999])
    with pytest.raises(KnowledgeError, match="999 sites are kept, and no result is given below 1000"):
        write_release(few, beside, tmp_path, "few", SOURCE)
    assert list(tmp_path.iterdir()) == []


def test_sites_of_the_other_panel_and_taken_names_are_refused(beside: Beside) -> None:
    place = beside.world.chromosome_names[0], int(beside.world.positions38[0])
    with pytest.raises(KnowledgeError, match="1 listed sites are in the panel world35k"):
        beside.check([Site(*place, 1, "A", "G")], ["mine"])
    with pytest.raises(KnowledgeError, match="the name YRI is taken"):
        beside.check(beside.sites(), ["mine", "YRI"])
    beside.check(beside.sites(), ["mine"])
