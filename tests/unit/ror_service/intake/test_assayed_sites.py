"""Lists of assayed sites: four forms, one meaning."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from support.genotype_files import bgzf, vcf_text
from support.shared import SHARED, needs_shared

from interpreters.genotypes import Build, Interval
from ror_service.intake.assayed_sites import LIST_LIMITS, SiteList, read_assayed_sites
from ror_service.intake.builds import LENGTHS
from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.results import Limits, ReadResult
from ror_service.intake.wanted import WantedIntervals

WANTED = WantedIntervals.of([Interval("1", 100, 200), Interval("1", 500, 500), Interval("X", 1, 1000)])

VCF = (
    vcf_text(["chr1 100 . A G . PASS .", "chr1 150 . c t,ca,* . . .", "chr1 160 . A . . . ."])
    .replace(b"\tFORMAT\tS1", b"")
    .decode()
)
TABLE = "#positions on GRCh38\nchrom\tpos\tref\talts\nchr1\t100\tA\tG\nchr1\t150\tC\tT,CA\nchr1\t160\tA\t.\n"
MANIFEST = """Illumina, Inc.
[Heading]
Loci Count ,{count}
[Assay]
IlmnID,SNP,GenomeBuild,Chr,MapInfo,RefStrand
{loci}
[Controls]
1:2,Staining,Red,DNP (High)
"""
LOCI = ("a,[A/G],38,1,100,+", "b,[A/G],38,1,150,-", "c,[D/I],38,1,160,+", "d,[A/C],0,0,0,+", "e,[A/C],38,1,500,")


def manifest(*loci: str, count: int | None = None) -> str:
    return MANIFEST.format(loci="\n".join(loci), count=len(loci) if count is None else count)


@pytest.fixture
def listed(tmp_path: Path) -> Callable[..., SiteList]:
    """What a list of this content says."""

    def run(content: str | bytes, build: Build = Build.GRCH38, limits: Limits = LIST_LIMITS) -> SiteList:
        path = tmp_path / "list.txt"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_assayed_sites(path, build, WANTED, limits)

    return run


Listed = Callable[..., SiteList]


def refused(listed: Listed, content: str | bytes, build: Build = Build.GRCH38, **options: Limits) -> IntakeError:
    with pytest.raises(IntakeError) as caught:
        listed(content, build, **options)
    assert caught.value.file.endswith("list.txt")
    return caught.value


@pytest.mark.parametrize("content", [VCF, TABLE], ids=["vcf", "table"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bgzf])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_sites_vcf_and_a_table_say_the_same(
    listed: Listed, content: str, pack: Callable[[bytes], bytes], ends: str
) -> None:
    found = listed(pack(content.replace("\n", ends).encode()))
    assert found.sites == {
        ("1", 100): frozenset("AG"),
        ("1", 150): frozenset({"C", "T", "C>CA"}),
        ("1", 160): frozenset(),
    }
    assert (found.listed, found.left_out, found.is_manifest) == (3, {}, False)


def test_what_nobody_wants_is_counted_only(listed: Listed) -> None:
    found = listed("1\t99\n1\t100\nchrX\t5\n2\t100\nchrUn_1\t7\n\n")
    assert found.sites == {("1", 100): frozenset(), ("X", 5): frozenset()}
    assert (found.listed, found.left_out) == (4, {"another_sequence": 1})


@pytest.mark.parametrize("alt", [".", "<NON_REF>", "<*>", "G,<NON_REF>"])
def test_a_line_that_looks_for_any_allele_names_the_position(listed: Listed, alt: str) -> None:
    assert listed(f"1\t100\tA\t{alt}\n").sites == {("1", 100): frozenset()}


@pytest.mark.parametrize("alt", ["<DEL>", "*", "A[2:5[", "U"])
def test_a_line_without_a_spelled_allele_says_nothing_of_its_base(listed: Listed, alt: str) -> None:
    found = listed(f"1\t100\tA\t{alt}\n")
    assert (found.sites, found.left_out) == ({}, {"no_plain_alleles": 1})


def test_alleles_of_one_position_are_united(listed: Listed) -> None:
    assert listed("1\t100\tA\tG\n1\t100\tA\tC\n").sites == {("1", 100): frozenset("ACG")}


def test_a_bed_file_names_positions_from_zero(listed: Listed) -> None:
    found = listed("track name=x\nchr1\t99\t101\tname\n1\t499\t500\n")
    assert found.sites == {("1", 100): frozenset(), ("1", 101): frozenset(), ("1", 500): frozenset()}


def test_filtered_sites_of_a_vcf_are_left_out(listed: Listed) -> None:
    found = listed(VCF.replace("PASS", "q10"))
    assert ("1", 100) not in found.sites
    assert found.left_out == {"filtered": 1}


def test_a_manifest_is_brought_to_the_plus_strand(listed: Listed) -> None:
    found = listed(manifest(*LOCI, "f,[N/A],38,1,101,+", "g,[A/G],38,XY,101,+"))
    assert found.sites == {("1", 100): frozenset("AG"), ("1", 150): frozenset("TC")}
    assert found.listed == 2
    assert found.left_out == {
        "insertion_or_deletion": 1,
        "not_placed": 1,
        "strand_unknown": 1,
        "another_sequence": 1,
        "no_plain_alleles": 1,
    }
    assert found.is_manifest


def test_builds_of_a_manifest(listed: Listed) -> None:
    assert listed(manifest(*LOCI).replace("Loci Count ,5\n", "").split("[Controls]")[0].strip()).listed == 2
    for name in ("37", "37.1", "GRCh37", "hg19"):
        assert listed(manifest(f"a,[A/G],{name},1,100,+"), Build.GRCH37).listed == 1


@pytest.mark.parametrize(
    "content",
    [VCF, "##GRCh38\n1\t100\n", "# coordinates: hg38\n1\t99\t100\n", manifest(*LOCI)],
    ids=["vcf", "table", "bed", "manifest"],
)
def test_a_list_for_another_build_is_refused(listed: Listed, content: str) -> None:
    error = refused(listed, content, Build.GRCH37)
    assert error.code is Problem.BUILD_MISMATCH
    assert "the list is for GRCh38, the genotypes are GRCh37" in str(error)
    assert "give the list for the build" in str(error)


@pytest.mark.parametrize(
    ("content", "code", "line", "problem"),
    [
        ("", Problem.BAD_ASSAYED_SITES, None, "no site"),
        ("# nothing\n", Problem.BAD_ASSAYED_SITES, None, "no site"),
        ("1\t100\n1\tx\n", Problem.BAD_ASSAYED_SITES, 2, "not a whole number"),
        ("1\t100\n1\t0\n", Problem.BAD_ASSAYED_SITES, 2, "outside of its chromosome in GRCh38"),
        ("1\t248956423\n", Problem.BAD_ASSAYED_SITES, 1, "outside of its chromosome"),
        ("1\t100\tA\n", Problem.BAD_ASSAYED_SITES, 1, "separated by tabs"),
        ("1 100\n", Problem.BAD_ASSAYED_SITES, 1, "separated by tabs"),
        ("1\t100\tU\tA\n", Problem.BAD_ASSAYED_SITES, 1, "no sequence of bases"),
        ("1\t99\t100\n1\t10²\t102\n", Problem.BAD_ASSAYED_SITES, 2, "chromosome, start and end"),
        ("1\t99\t100\n1\t100\n", Problem.BAD_ASSAYED_SITES, 2, "chromosome, start and end"),
        ("1\t100\t100\n", Problem.BAD_ASSAYED_SITES, 1, "empty or too long"),
        ("1\t100\t151\n", Problem.BAD_ASSAYED_SITES, 1, "empty or too long"),
        (VCF + "chr1\t170\t.\tA\n", Problem.BAD_ASSAYED_SITES, 11, "fewer than 8 columns"),
        (VCF.split("#CHROM")[0], Problem.BAD_HEADER, 6, "#CHROM line is missing"),
        (VCF.replace("length=", "lengths="), Problem.BUILD_UNKNOWN, None, "does not tell the reference build"),
        (manifest(*LOCI, count=6), Problem.BAD_ASSAYED_SITES, None, "announces 6 loci and lists 5"),
        (manifest(count=1).replace("Count ,1", "Count"), Problem.BAD_ASSAYED_SITES, 3, "loci is no number"),
        (manifest("a,[A/G],38,1"), Problem.BAD_ASSAYED_SITES, 6, "fewer than 6 columns"),
        (manifest("a,[A/G],38,1,x,+"), Problem.BAD_ASSAYED_SITES, 6, "not a whole number"),
        (manifest("a,[A/G],36.1,1,100,+"), Problem.BUILD_UNSUPPORTED, 6, "not GRCh37 or GRCh38"),
        (manifest("a,[A/G],new,1,100,+"), Problem.BUILD_UNSUPPORTED, 6, "not GRCh37 or GRCh38"),
        (manifest().replace(",RefStrand", ""), Problem.BAD_ASSAYED_SITES, None, "no column RefStrand"),
        ("Illumina, Inc.\n", Problem.BAD_ASSAYED_SITES, None, "no column Chr, GenomeBuild"),
        (b"PK\x03\x04", Problem.BAD_ASSAYED_SITES, None, "no text, or compressed twice"),
        (gzip.compress(b"1\t100\n", mtime=0)[:-3], Problem.TRUNCATED, None, "ends within"),
    ],
)
def test_bad_lists(listed: Listed, content: str | bytes, code: Problem, line: int | None, problem: str) -> None:
    error = refused(listed, content)
    assert (error.code, error.line) == (code, line)
    assert problem in error.problem


def test_limits(listed: Listed) -> None:
    assert refused(listed, VCF, limits=Limits(header_bytes=50)).code is Problem.HEADER_TOO_LARGE
    assert refused(listed, "1\t100\n" + "x" * 99, limits=Limits(line_bytes=50)).code is Problem.LINE_TOO_LONG


def test_a_missing_list_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(IntakeError) as caught:
        read_assayed_sites(tmp_path / "none", Build.GRCH38, WANTED)
    assert caught.value.code is Problem.UNREADABLE


def test_a_manifest_needs_a_file_that_says_what_failed(listed: Listed, read: Callable[..., ReadResult]) -> None:
    variant = "chr1 100 . A G 9 PASS . GT 0/1"
    carried, called = listed(manifest(*LOCI)), listed(TABLE)
    for no_call in ("./.", "."):
        carried.check(read([variant, f"chr1 150 . C T 9 PASS . GT {no_call}"]))
    carried.check(read([variant, "chr1 150 . C T 9 PASS . GT 0/0"]))
    called.check(read([variant]))
    with pytest.raises(IntakeError, match="does not list the positions that failed"):
        carried.check(read([variant]))


@needs_shared
@pytest.mark.genomes
def test_a_real_manifest_has_the_alleles_of_the_file_that_was_made_with_it() -> None:
    folder = SHARED / "genomes" / "illumina_gtc"
    everywhere = WantedIntervals.of(Interval(chrom, 1, end) for chrom, end in LENGTHS[Build.GRCH37].items())
    found = read_assayed_sites(folder / "small_manifest.csv.gz", Build.GRCH37, everywhere)
    assert found.listed == len(found.sites) == 1004
    assert found.left_out == {"insertion_or_deletion": 984, "not_placed": 12}
    compared = 0
    for line in next(folder.glob("*.vcf")).read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            chrom, pos, _, ref, alts = line.split("\t")[:5]
            alleles = found.sites.get((chrom, int(pos)))
            compared += alleles is not None
            assert alleles in {None, frozenset({ref, *alts.split(",")})}
    assert compared == 1004
