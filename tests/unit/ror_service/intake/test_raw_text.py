"""Raw text of consumer arrays: four dialects, builds told by bases, and letters that are never guessed."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import raw_text
from support.raw_text import FILLER, KNOWN, WRITERS, Line, lines, read
from support.shared import SHARED, needs_shared

from interpreters.genotypes import Assay, Build, CallSetKind, CallState, Interval, Sex
from interpreters.interpreter import PanelSite
from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.isolation import read_in_child
from ror_service.intake.known_sites import KnownSites
from ror_service.intake.qc import Declared, Outcome, RuleResult, Verdict, assess
from ror_service.intake.reader import read_genotypes
from ror_service.intake.results import Flag, Limits, ReadResult
from ror_service.intake.wanted import WantedIntervals

GRCH37, GRCH38 = Build.GRCH37, Build.GRCH38
NAMES = sorted(WRITERS)
OWN = PanelSite("7", 500_000, "A", "G")
TWISTED = PanelSite("7", 600_000, "A", "T")


def text(probes: list[Any], name: str = "23andMe", **words: str) -> str:
    return "".join(WRITERS[name](probes, **words))


def genotype(found: ReadResult, chrom: str, pos: int) -> tuple[CallState, str]:
    said = found.calls.at(chrom, pos)
    return said.state, "".join(sorted(allele or "." for allele in said.alleles))


def problem(path: Path, content: str, known: Mapping[Build, Sequence[PanelSite]] = KNOWN) -> IntakeError:
    with pytest.raises(IntakeError) as caught:
        read(path, content, known=known)
    assert caught.value.file == str(path)
    return caught.value


@pytest.mark.parametrize("name", NAMES)
def test_every_dialect_gives_the_genotypes_that_it_spells(tmp_path: Path, name: str) -> None:
    probes = [*FILLER, Line("rs1", "7", 500_000, "GG"), Line("rs2", "7", 600_000, "--"), Line("i3", "7", 700_000, "II")]
    found = read(tmp_path / "a.bin", text(probes, name), [OWN, TWISTED, PanelSite("7", 700_000, "C", "T")])
    assert (found.build, found.calls.kind, found.sample_name) == (GRCH37, CallSetKind.ALL_SITES, "")
    assert found.header.file_format == name
    assert found.header.is_raw_text
    assert genotype(found, "7", 500_000) == (CallState.VARIANT, "GG")
    assert genotype(found, "7", 600_000)[0] is CallState.NO_CALL
    assert genotype(found, "7", 700_000)[0] is CallState.ABSENT  # an insertion or deletion tells nothing of the base
    assert genotype(found, "7", 500_001)[0] is CallState.ABSENT
    assert (found.metrics.records, found.metrics.no_calls, found.metrics.insertions_or_deletions) == (703, 1, 1)
    record = found.calls.at("7", 500_000).record
    assert record is not None
    assert (record.depth, record.genotype_quality, record.allele_depths) == (None, None, ())


PROBES = st.lists(
    st.tuples(st.integers(0, 60), st.sampled_from(["rr", "ra", "ar", "aa", "--"])),
    unique_by=lambda each: each[0],
    max_size=40,
)


@settings(max_examples=6, deadline=None)
@given(PROBES)
def test_raw_text_and_a_vcf_of_the_same_genotypes_say_the_same(
    tmp_path_factory: pytest.TempPathFactory, probes: list[tuple[int, str]]
) -> None:
    folder = tmp_path_factory.mktemp("same")
    chosen = [PanelSite("X" if n % 3 else "9", 3_000_000 + n, *"GA") for n in range(61)]
    own = [lines([chosen[number]], spelled)[0] for number, spelled in probes]
    known = KnownSites.of([*KNOWN[GRCH37], *chosen])
    vcf = folder / "a.vcf"
    vcf.write_text("".join(raw_text.files.array_vcf([*FILLER, *own], known, GRCH37)))
    intervals = [Interval(*site[:2], site.pos) for site in (*KNOWN[GRCH37][:20], *chosen)]
    expected = read_genotypes(vcf, lambda _: intervals).calls
    for name in NAMES:
        found = read(folder / "a.txt", text([*FILLER, *own], name), chosen)
        for chrom, pos, _ in intervals:
            said, other = found.calls.at(chrom, pos), expected.at(chrom, pos)
            assert (said.state, sorted(map(str, said.alleles))) == (other.state, sorted(map(str, other.alleles)))


def test_letters_are_never_guessed(tmp_path: Path) -> None:
    probes = [
        *FILLER,
        Line("rs1", "7", 500_000, "AC"),
        Line("rs2", "7", 600_000, "TT"),
        Line("rs3", "7", 700_000, "A-"),
    ]
    found = read(tmp_path / "a", text(probes), [OWN, TWISTED, PanelSite("7", 700_000, "A", "C")])
    assert genotype(found, "7", 500_000)[0] is CallState.NO_CALL  # an allele that nobody knows
    assert genotype(found, "7", 600_000) == (CallState.VARIANT, "TT")  # the other sites show the plus strand
    assert genotype(found, "7", 700_000)[0] is CallState.NO_CALL
    assert {flag: said.count for flag, said in found.flags.items()} == {Flag.UNEXPECTED_ALLELE: 1, Flag.HALF_CALL: 1}
    assert found.flags[Flag.UNEXPECTED_ALLELE].line == 706 + 1


def test_sites_that_look_the_same_on_both_strands_need_a_file_that_shows_its_strand(tmp_path: Path) -> None:
    turned = str.maketrans("ACGT", "TGCA")
    few = [line._replace(letters=line.letters.translate(turned)) if n < 2 else line for n, line in enumerate(FILLER)]
    for probes in (few, FILLER[:400]):
        found = read(tmp_path / "a", text([*probes, Line("rs2", "7", 600_000, "AT")]), [TWISTED])
        assert genotype(found, "7", 600_000)[0] is CallState.NO_CALL
        assert found.flags[Flag.STRAND_UNCHECKED].count == 1
    wholly = [line._replace(letters=line.letters.translate(turned)) for line in FILLER]
    assert problem(tmp_path / "a", text(wholly)).code is Problem.BUILD_MISMATCH


def test_a_site_without_a_known_reference_base_stays_unread_and_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text(text([*FILLER, Line("rs1", "7", 500_000, "GG")]))
    known = {build: KnownSites.of(found) for build, found in KNOWN.items()}
    found = read_genotypes(path, lambda _: [Interval("7", 499_990, 500_010)], known=known)
    assert genotype(found, "7", 500_000)[0] is CallState.ABSENT
    assert found.metrics.without_reference_base == 1
    disputed = [OWN, PanelSite("7", 500_000, "C", "G")]
    assert genotype(read(path, path.read_text(), disputed), "7", 500_000)[0] is CallState.ABSENT


def test_single_copies(tmp_path: Path) -> None:
    known = [PanelSite(chrom, 5_000_000 if chrom != "MT" else 500, "C", "T") for chrom in ("X", "Y", "MT")]
    for name in NAMES:
        found = read(tmp_path / "a", text([*FILLER, *lines(known, "a")], name), known)
        copies = {record.chrom: record.genotype for record in found.calls if record.chrom in {"X", "Y", "MT"}}
        written_twice = name != "23andMe"
        assert copies == {"X": (1, 1) if written_twice else (1,), "Y": (1,), "MT": (1,)}
        assert (found.metrics.x_called, found.metrics.y_called, found.metrics.x_heterozygous) == (1, 1, 0)
    two = read(tmp_path / "a", text([*FILLER, *lines(known, "ra")]), known)
    states = {chrom: two.calls.at(chrom, pos).state for chrom, pos, _, _ in known}
    assert states == {"X": CallState.VARIANT, "Y": CallState.NO_CALL, "MT": CallState.NO_CALL}
    alone = read(tmp_path / "a", text([*FILLER, Line("rs1", "7", 500_000, "G")]), [OWN])
    assert genotype(alone, "7", 500_000)[0] is CallState.NO_CALL


@pytest.mark.parametrize(
    ("letters", "state", "flags"),
    [
        (("AG", "GA"), CallState.VARIANT, {Flag.REPEATED_RECORDS: 1}),
        (("AG", "AA"), CallState.NO_CALL, {Flag.CONFLICTING_PROBES: 1}),
        (("AA", "GG", "AA"), CallState.NO_CALL, {Flag.CONFLICTING_PROBES: 1, Flag.REPEATED_RECORDS: 1}),
        (("--", "AG", "--"), CallState.VARIANT, {}),
        (("DD", "AG"), CallState.VARIANT, {}),
    ],
)
def test_probes_of_one_position(
    tmp_path: Path, letters: tuple[str, ...], state: CallState, flags: dict[Flag, int]
) -> None:
    probes = [*FILLER, *(Line(f"i{n}", "7", 500_000, spelled) for n, spelled in enumerate(letters))]
    found = read(tmp_path / "a", text(probes), [OWN])
    assert genotype(found, "7", 500_000)[0] is state
    assert {flag: said.count for flag, said in found.flags.items()} == flags


def test_the_build_is_what_words_and_bases_agree_on(tmp_path: Path) -> None:
    path, newer = tmp_path / "a", lines(KNOWN[GRCH38])
    assert read(path, text(newer, build="38")).build is GRCH38
    assert read(path, text(newer, "FamilyTreeDNA")).build is GRCH38  # names none
    assert problem(path, text(newer)).code is Problem.BUILD_MISMATCH
    assert problem(path, text(FILLER, build="36")).code is Problem.BUILD_UNSUPPORTED
    assert problem(path, text(FILLER).replace("plus", "plus GRCh38")).code is Problem.BUILD_MISMATCH
    assert problem(path, text(FILLER[:99])).code is Problem.BUILD_UNKNOWN
    assert problem(path, text(FILLER[:99], "FamilyTreeDNA")).code is Problem.BUILD_UNKNOWN
    assert problem(path, text(FILLER), known={}).code is Problem.BUILD_UNKNOWN
    elsewhere = [line._replace(pos=line.pos + 5) for line in FILLER]
    assert problem(path, text(elsewhere, "FamilyTreeDNA")).code is Problem.BUILD_UNKNOWN
    # Positions known in both builds tell neither.
    both = dict.fromkeys(Build, KNOWN[GRCH37])
    assert problem(path, text(FILLER), known=both).code is Problem.BUILD_UNKNOWN


GOOD = text(FILLER)
LAST = "rs699\t18\t14980000\t"


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (GOOD + "rs1\t7\t500000\n", Problem.BAD_RECORD, 707),
        (GOOD + "rs1\t7\t500000\tAA\tx\n", Problem.BAD_RECORD, 707),
        (GOOD + "rs1\t7\t500000\tAX\n", Problem.BAD_RECORD, 707),
        (GOOD + "rs1\t7\t500000\tAAA\n", Problem.BAD_RECORD, 707),
        (GOOD + "rs1\t7\t500000\t\n", Problem.BAD_RECORD, 707),
        (GOOD + "rs1\t7\t5e5\tAA\n", Problem.BAD_RECORD, 707),
        (GOOD + "rs1\t7\t\tAA\n", Problem.BAD_RECORD, 707),
        (GOOD + "rs1\t7\t1234567890\tAA\n", Problem.BAD_RECORD, 707),
        (GOOD + "rs1\t7\t159138664\tAA\n", Problem.BAD_RECORD, 707),
        (GOOD + "rs1\t99\t500000\tAA\n", Problem.UNKNOWN_CONTIG, 707),
        (GOOD + "rs1\x00\t7\t500000\tAA\n", Problem.BAD_RECORD, 707),
        (GOOD + "rs\u00e9\t7\t500000\tAA\n", Problem.BAD_RECORD, 707),
        (GOOD.replace("rs5\t", "\nrs5\t"), Problem.BAD_RECORD, 12),
        (text(FILLER, "MyHeritage") + '"rs1","7","5\t00","AA"\n', Problem.BAD_RECORD, 709),
        (text(FILLER, "AncestryDNA") + "rs1\t7\t500000\tA\tAA\n", Problem.BAD_RECORD, 706),
        (text([]), Problem.HEADER_ONLY, None),
        (GOOD.replace("23andMe", "Nobody"), Problem.NOT_A_VCF, 6),
        (GOOD.replace("genotype\n", "call\n"), Problem.NOT_A_VCF, 7),
        ("# generated by 23andMe\n# and nothing else\n", Problem.NOT_A_VCF, 2),
        (GOOD[GOOD.index("rs0") :], Problem.NOT_A_VCF, 1),
    ],
)
def test_bad_text_is_refused_with_its_line(tmp_path: Path, content: str, code: Problem, line: int | None) -> None:
    error = problem(tmp_path / "a", content)
    assert (error.code, error.line) == (code, line)
    assert "500000" not in str(error)


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_text("# 23andMe\n" * 100)
    with pytest.raises(IntakeError) as caught:
        read_genotypes(path, lambda _: [], Limits(header_bytes=500))
    assert caught.value.code is Problem.HEADER_TOO_LARGE
    monkeypatch.setattr("ror_service.intake.raw_text.MOST_LINES", 600)
    assert problem(path, GOOD).code is Problem.TOO_LARGE


def test_hashed_checked_and_confined_like_any_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(gzip.compress(GOOD.encode()))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    wanted = {b: WantedIntervals.of([Interval(s.chrom, s.pos, s.pos) for s in found], KnownSites.of(found)) for b, found in KNOWN.items()}  # fmt: skip  # noqa: E501 - one table
    found = read_in_child(path, wanted, expected_sha256=sha256)
    assert (found.sha256, len(found.calls), found.metrics.heterozygous) == (sha256, 700, 700)
    with pytest.raises(IntakeError) as caught:
        read_in_child(path, wanted, expected_sha256="0" * 64)
    assert caught.value.code is Problem.CHECKSUM_MISMATCH
    pieces = (GOOD[start : start + 7].encode() for start in range(0, len(GOOD), 7))
    assert list(read_in_child(pieces, wanted).calls) == list(found.calls)
    plain = tmp_path / "b.txt.gz"
    assert read(plain, GOOD + "rs1\t0\t0\tAA\nrs2\t7\t0\t--\n").flags.keys() == {
        Flag.NAME_SAYS_COMPRESSED,
        Flag.POSITION_ZERO,
    }


def rule(found: ReadResult, name: str, sex: Sex = Sex.UNKNOWN, assay: Assay = Assay.ARRAY) -> RuleResult:
    said = assess(found, Declared(assay=assay, sex_at_birth=sex, sample_name="S1"))
    return next(each for each in said.rules if each.name == name)


def test_what_the_quality_gate_can_say_of_it(tmp_path: Path) -> None:
    found = read(tmp_path / "a", GOOD)
    assert rule(found, "assay", assay=Assay.WGS).outcome is Outcome.HOLD
    assert rule(found, "assay").outcome is Outcome.PASS
    for name in ("sample_name", "reference_agreement", "sex_concordance", "heterozygosity", "transition_transversion"):
        assert rule(found, name, Sex.MALE).outcome is Outcome.NOT_CHECKED
    assert assess(found, Declared(assay=Assay.ARRAY)).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("heterozygous", "sex", "outcome"),
    [
        (0, Sex.MALE, Outcome.PASS),
        (0, Sex.FEMALE, Outcome.HOLD),
        (24, Sex.MALE, Outcome.WARN),
        (150, Sex.FEMALE, Outcome.PASS),
        (150, Sex.MALE, Outcome.HOLD),
    ],
)
def test_sex_from_all_called_genotypes_of_x(tmp_path: Path, heterozygous: int, sex: Sex, outcome: Outcome) -> None:
    on_x = [Line(f"x{n}", "X", 5_000_000 + n, "AG" if n < heterozygous else "GG") for n in range(600)]
    shared = [Line(f"p{n}", "X", 100_000 + n, "AG") for n in range(600)]  # pseudo-autosomal: two copies in men too
    found = read(tmp_path / "a", text([*FILLER, *on_x, *shared]))
    assert rule(found, "sex_concordance", sex).outcome is outcome


def test_a_file_whose_letters_often_do_not_fit_is_held(tmp_path: Path) -> None:
    wrong = [line._replace(letters="AA" if "C" in line.letters else "CC") for line in FILLER[:34]]
    twice = [line._replace(letters=line.letters[0] * 2) for line in FILLER[:40]]
    assert rule(read(tmp_path / "a", text([*FILLER[34:], *wrong])), "unexpected_allele").outcome is Outcome.WARN
    assert rule(read(tmp_path / "a", text([*FILLER, *twice])), "conflicting_probes").outcome is Outcome.HOLD
    assert rule(read(tmp_path / "a", text([*FILLER, *twice[:5]])), "conflicting_probes").outcome is Outcome.WARN


@needs_shared
@pytest.mark.genomes
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("testdatensatz1_23andme.txt", Problem.BUILD_UNSUPPORTED),
        ("ancestry_test.csv", Problem.BUILD_UNKNOWN),  # five lines
        ("ftdna-illumina_sample.csv", Problem.BUILD_UNKNOWN),
        ("23andMe_test.csv", Problem.NOT_A_VCF),
        ("deCODEme_test.csv", Problem.NOT_A_VCF),
        ("iyg_sample.csv", Problem.NOT_A_VCF),
    ],
)
def test_public_files_that_must_be_refused(name: str, code: Problem) -> None:
    known = {build: KnownSites.of(found) for build, found in KNOWN.items()}
    with pytest.raises(IntakeError) as caught:
        read_genotypes(SHARED / "genomes" / "opensnp_23andme" / name, lambda _: [], known=known)
    assert caught.value.code is code
