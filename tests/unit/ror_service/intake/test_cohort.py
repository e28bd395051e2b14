"""Reading a VCF file of many samples for counting."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.genotype_files import bgzf, vcf_text

from interpreters.ancestry.reading import UNREAD
from interpreters.ancestry.reference import CohortRecord
from interpreters.genotypes import Build
from ror_service.intake.cohort import COHORT_LIMITS, open_cohort
from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.results import Limits

SAMPLES = "P1\tP2\tP3"
WANTED = {("1", 100), ("1", 300)}
PLAIN = "chr1 100 . A G . PASS . GT"


def text(*records: str, build: Build = Build.GRCH38, samples: str = SAMPLES) -> bytes:
    return vcf_text(records, build=build, sample=samples)


def read(tmp_path: Path, content: bytes, limits: Limits = COHORT_LIMITS) -> list[CohortRecord]:
    path = tmp_path / "cohort.vcf"
    path.write_bytes(content)
    with open_cohort(path, limits) as cohort:
        assert cohort.samples == tuple(SAMPLES.split("\t"))
        return list(cohort.records(WANTED))


def refused(tmp_path: Path, content: bytes, limits: Limits = COHORT_LIMITS) -> IntakeError:
    with pytest.raises(IntakeError) as error:
        read(tmp_path, content, limits)
    assert str(tmp_path / "cohort.vcf") in str(error.value)
    assert "P1" not in str(error.value)
    return error.value


@pytest.mark.parametrize("store", [bytes, gzip.compress, bgzf])
def test_only_wanted_records_come(tmp_path: Path, store: type[bytes]) -> None:
    records = (f"{PLAIN} 0/0 0|1 1/1", "chr1 200 . A G . PASS . GT x x x", "chr1 300 . a g,t . low . GT 0/2 1/2 ./.")
    first, second = read(tmp_path, store(text(*records)))
    assert first == CohortRecord("1", 100, "A", ("G",), passed=True, genotypes=[0, 1, 2])
    assert second == CohortRecord("1", 300, "A", ("G", "T"), passed=False, genotypes=[0, 1, UNREAD])


def test_build_and_number_of_records_are_told(tmp_path: Path) -> None:
    path = tmp_path / "cohort.vcf"
    path.write_bytes(text(f"{PLAIN} 0/0 0/0 0/0", "chr1 200 . A G . . . GT . . .", build=Build.GRCH37))
    with open_cohort(path) as cohort:
        assert cohort.build is Build.GRCH37
        assert len(list(cohort.records(WANTED))) == 1
        assert cohort.records_read == 2


def test_a_header_without_contigs_knows_every_chromosome(tmp_path: Path) -> None:
    head = f"##fileformat=VCFv4.2\n##reference=GRCh38\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{SAMPLES}"
    records = ("chr2 5 . A G . . . GT . . .", f"{PLAIN} 0/0 0/0 0/0")
    (record,) = read(tmp_path, "\n".join([head, *(line.replace(" ", "\t") for line in records), ""]).encode())
    assert record.chrom == "1"


@pytest.mark.parametrize("genotype", [".", "./.", "0/.", "./1", "1", "0/0/1"])
def test_what_is_not_two_called_alleles_is_no_call(tmp_path: Path, genotype: str) -> None:
    (record,) = read(tmp_path, text(f"{PLAIN} {genotype} 0/0 |1|1"))
    assert record.genotypes == [UNREAD, 0, 2]


def test_what_no_read_supports_or_a_filter_failed_is_no_call(tmp_path: Path) -> None:
    (record,) = read(tmp_path, text("chr1 100 . A . . . . GT:DP:FT 0/0:0:PASS 0/0:9:q20 0/0"))
    assert (record.alts, record.genotypes) == ((), [UNREAD, UNREAD, 0])


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ("chr1", "CHROM and POS"),
        ("chr1 x . A G . PASS . GT 0/0 0/0 0/0", "CHROM and POS"),
        (f"{PLAIN} 0/0 0/0", "as many columns as the header"),
        ("chr1 100 . 5 G . PASS . GT 0/0 0/0 0/0", "REF is no sequence"),
        ("chr1 100 . A G . PASS . DP 1 1 1", "FORMAT has no GT"),
        (f"{PLAIN} 0/0 x 0/0", "GT is not a genotype"),
        (f"{PLAIN} 0/0 0/2 0/0", "GT names an allele that the record does not have"),
        ("chr1 100 . A . . PASS . GT 0/1 0/0 0/0", "GT names an allele that the record does not have"),
    ],
)
def test_a_bad_record_is_refused_with_its_line(tmp_path: Path, record: str, problem: str) -> None:
    content = text(record)
    error = refused(tmp_path, content)
    assert (error.code, error.line) == (Problem.BAD_RECORD, content.count(b"\n"))
    assert problem in error.problem


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", Problem.NOT_A_VCF),
        (b"##fileformat=VCFv4.2\n", Problem.BAD_HEADER),
        (text(), Problem.HEADER_ONLY),
        (text(samples="P1\tP1"), Problem.BAD_SAMPLE_NAME),
        (text().replace(b"\tFORMAT\tP1\tP2\tP3", b""), Problem.NO_SAMPLE),
        (text("chr99 1 . A G . . . GT . . ."), Problem.UNKNOWN_CONTIG),
        (bgzf(text(f"{PLAIN} 0/0 0/0 0/0"), end=False), Problem.TRUNCATED),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, content: bytes, code: Problem) -> None:
    assert refused(tmp_path, content).code is code


def test_too_long_lines_and_headers_are_refused(tmp_path: Path) -> None:
    content = text(f"{PLAIN} 0/0 0/0 0/0")
    error = refused(tmp_path, content + b"A" * 900, Limits(line_bytes=800))
    assert error.code is Problem.LINE_TOO_LONG
    assert "split the cohort" in error.remedy
    assert refused(tmp_path, content, Limits(header_bytes=100)).code is Problem.HEADER_TOO_LARGE


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(IntakeError, match="cannot be read"), open_cohort(tmp_path / "none.vcf"):
        pass


def test_memory_does_not_grow_with_the_records(tmp_path: Path) -> None:
    def peak(records: Sequence[str]) -> int:
        path = tmp_path / f"{len(records)}.vcf"
        path.write_bytes(text(*records))
        tracemalloc.start()
        with open_cohort(path) as cohort:
            assert list(cohort.records(WANTED)) == []
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    lines = [f"chr1 {pos} . A G . PASS . GT 0/0 0/0 0/0" for pos in range(1000, 201_000)]
    few, many = peak(lines[:100_000]), peak(lines)
    assert many < 1.2 * few
