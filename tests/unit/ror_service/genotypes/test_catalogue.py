"""What a catalogue keeps, and for which interpreter that is enough."""

from __future__ import annotations

import zlib

import pytest
from support.stored_genotypes import PANEL, REGION, PanelOnly, WholeRecords, catalogue

from interpreters import ancestry
from interpreters.genotypes import Build, Interval
from interpreters.interpreter import PanelSite, ReadsPanelSites
from ror_service.genotypes.catalogue import Catalogue

CATALOGUE = catalogue()


def _covers(interpreter: WholeRecords, held: Catalogue = CATALOGUE) -> bool:
    return held.covers(interpreter, Build.GRCH38)  # type: ignore[arg-type]


def test_a_catalogue_survives_its_packing() -> None:
    again = Catalogue.unpacked(CATALOGUE.packed())
    assert again == CATALOGUE
    assert again.digest == CATALOGUE.digest
    assert Catalogue.unpacked(Catalogue.of({}).packed()) == Catalogue.of({})


def test_a_catalogue_of_another_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="update this program"):
        Catalogue.unpacked(zlib.compress(b'{"schema":"ror.catalogue/2"}'))


def test_the_needs_and_the_knowledge_are_the_version() -> None:
    def digest(**changes: object) -> str:
        return Catalogue.of({"regions": WholeRecords(**changes)}).digest  # type: ignore[arg-type, dict-item]

    assert digest() == digest()
    assert len({digest(), digest(digest="e" * 64), digest(regions=(Interval("1", 10, 21),))}) == 3


def test_what_an_interpreter_needs_must_be_kept_as_it_reads_it() -> None:
    assert _covers(PanelOnly())
    assert _covers(WholeRecords())
    assert _covers(WholeRecords(regions=(Interval("1", 12, 13), Interval("1", 20, 20))))
    assert not _covers(WholeRecords(regions=(Interval("1", 12, 21),))), "one base too far"
    assert not _covers(WholeRecords(regions=(Interval("2", 12, 13),))), "another chromosome"
    assert not _covers(WholeRecords(regions=(Interval("X", 12, 13),)))
    assert not _covers(WholeRecords(regions=(Interval("1", 5, 5),))), "kept as two bits, but read whole"
    assert not _covers(PanelOnly(sites=(PanelSite("1", 5, "A", "T"),), regions=(Interval("1", 5, 5),))), "another base"
    assert _covers(PanelOnly(sites=(PanelSite("1", 12, "A", "T"),), regions=(Interval("1", 12, 12),)))


def test_panel_sites_in_a_region_or_with_other_bases_are_regions() -> None:
    two = Catalogue.of(
        {
            "first": PanelOnly(),  # type: ignore[dict-item]
            "second": PanelOnly(sites=(PanelSite("1", 5, "A", "T"), PanelSite("1", 15, "A", "T")), regions=()),  # type: ignore[dict-item]
            "third": WholeRecords(),  # type: ignore[dict-item]
        }
    )
    part = two.builds[Build.GRCH37]
    assert part.region_intervals == (Interval("1", 5, 5), REGION)
    assert set(part.panel) == {site for site in PANEL if (site.chrom, site.pos) != ("1", 5)}
    assert part.everything.hold("1", 21, 21)
    assert not part.regions.overlap("X", 1, 99)
    assert part.panel_start == {"1": 0, "2": len(part.panel_positions["1"])}


def test_ancestry_asks_for_the_genotype_alone_at_all_its_sites() -> None:
    interpreter = ancestry.load()
    assert isinstance(interpreter, ReadsPanelSites)
    for build in Build:
        sites = interpreter.panel_sites(build)
        assert [Interval(site.chrom, site.pos, site.pos) for site in sites] == list(interpreter.intervals(build))
    part = Catalogue.of({"ancestry": interpreter}).builds[Build.GRCH38]
    assert part.region_intervals == ()
    assert len(part.panel) == len(set(sites))
