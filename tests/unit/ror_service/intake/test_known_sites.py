"""Sites with known bases, and a VCF whose records are those of another build than its header names."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from support.genotype_files import vcf_text

from interpreters.genotypes import Build, Interval
from interpreters.interpreter import PanelSite
from ror_service.intake.known_sites import KnownSites
from ror_service.intake.qc import Declared, Outcome, assess
from ror_service.intake.reader import read_genotypes
from ror_service.intake.results import ReadResult

HERE = [PanelSite("1", 1000, "A", "G"), PanelSite("1", 3000, "C", "T"), PanelSite("X", 50, "C", "T")]
THERE = [PanelSite("1", 2000, "A", "G"), PanelSite("1", 3000, "C", "T"), PanelSite("2", 40, "T", "C")]
KNOWN = {Build.GRCH38: KnownSites.of(HERE), Build.GRCH37: KnownSites.of(THERE)}


def read(path: Path, *records: str) -> ReadResult:
    path.write_bytes(vcf_text([f"{record} 50 PASS . GT 0/1" for record in records]))
    return read_genotypes(path, lambda _: [], known=KNOWN)


@pytest.mark.parametrize(
    ("records", "here", "elsewhere", "outcome"),
    [
        (["chr1 1000 . A G"], 1, 0, Outcome.PASS),
        (["chr1 2000 . A G"], 0, 1, Outcome.HOLD),
        (["chr1 1000 . A G", "chr1 2000 . A G"], 1, 1, Outcome.PASS),
        (["chr1 1000 . A G", "chr1 2000 . A G", "chr2 40 . T C"], 1, 2, Outcome.HOLD),
        (["chr2 40 . T C", "chr1 2000 . A G", "chr1 1000 . A G"], 1, 2, Outcome.HOLD),  # in no order
        (["chr1 2000 . A G", "chr1 1000 . A G"], 1, 1, Outcome.PASS),
        (["chr1 3000 . C T"], 1, 0, Outcome.PASS),  # known in both builds: of this one
        (["chr1 2000 . A C"], 0, 0, Outcome.NOT_CHECKED),  # another variant at that position
        (["chr1 2000 . G A"], 0, 0, Outcome.NOT_CHECKED),
        (["chr1 2000 . AT G"], 0, 0, Outcome.NOT_CHECKED),
        (["chr1 2000 . A GT"], 0, 0, Outcome.NOT_CHECKED),
        (["chr1 2000 . A G,C"], 0, 1, Outcome.HOLD),
        (["chrX 50 . C T"], 1, 0, Outcome.PASS),
    ],
)
def test_known_variants_tell_the_build(
    tmp_path: Path, records: list[str], here: int, elsewhere: int, outcome: Outcome
) -> None:
    found = read(tmp_path / "a.vcf", *records)
    assert (found.metrics.known_here, found.metrics.known_elsewhere) == (here, elsewhere)
    rule = next(each for each in assess(found, Declared()).rules if each.name == "known_variants")
    assert rule.outcome is outcome


@pytest.mark.parametrize("seed", range(6))
def test_counts_agree_with_a_loop_in_any_order_of_lines(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - no secret
    places = (draw.sample(range(1, 400), 150) for _ in Build)
    own, other = ([PanelSite("1", pos, "A", draw.choice("CG")) for pos in found] for found in places)
    drawn = [(draw.randrange(1, 420), "A", draw.choice(("C", "G", "CT", "G,T"))) for _ in range(60)]
    records = list({pos: (pos, ref, alt) for pos, ref, alt in drawn}.values())
    if seed % 2:
        records.sort()
    path = tmp_path / "a.vcf"
    path.write_bytes(vcf_text([f"chr1 {pos} . {ref} {alt} 50 PASS . GT 0/1" for pos, ref, alt in records]))
    known = {Build.GRCH38: KnownSites.of(own), Build.GRCH37: KnownSites.of(other)}
    found = read_genotypes(path, lambda _: [], known=known).metrics
    spelled = {PanelSite("1", pos, ref, alt.split(",")[0]) for pos, ref, alt in records if alt != "CT"}
    here = spelled & set(own)
    elsewhere = {site for site in spelled & set(other) if site.pos not in {each.pos for each in own}}
    assert here
    assert elsewhere
    assert (found.known_here, found.known_elsewhere) == (len(here), len(elsewhere))


def test_few_reference_bases_that_disagree_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.vcf"
    path.write_bytes(vcf_text(["chr1 1000 . A G 50 PASS . GT 0/1", "chr1 1001 . A G 50 PASS . GT 0/1"]))
    found = read_genotypes(path, lambda _: [Interval("1", 1, 2000)])
    for bases, outcome in (({("1", 1000): "C"}, Outcome.WARN), ({("1", 1000): "A"}, Outcome.NOT_CHECKED)):
        rules = assess(found, Declared(), reference_bases=bases).rules
        assert next(each for each in rules if each.name == "reference_agreement").outcome is outcome


def test_sites_travel_as_they_are() -> None:
    sites = KNOWN[Build.GRCH38]
    again = KnownSites.from_json(sites.to_json())
    assert again.to_json() == sites.to_json()
    assert KnownSites.of([*HERE, PanelSite("1", 1000, "T", "G")]).by_chromosome["1"].positions.tolist() == [3000]
