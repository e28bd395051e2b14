"""Every refusal has its code and line, and never quotes the file."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest
from support.genotype_files import EOF_BLOCK, bgzf, vcf_text

from ror_service.intake.errors import REMEDIES, IntakeError, Problem
from ror_service.intake.results import ReadResult

Read = Callable[..., ReadResult]
PLAIN = "chr1 500 . A G 50 PASS . GT 0/1"
GOOD = vcf_text([PLAIN])


def refusal(read: Read, content: object) -> IntakeError:
    with pytest.raises(IntakeError) as caught:
        read(content)
    return caught.value


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ("chr1 500 . A G 50 PASS . GT", "9 columns"),
        ("chr1 500 . A G 50 PASS . GT 0/1 0/1", "11 columns"),
        ("chr1 500 .\x01 A G 50 PASS . GT 0/1", "control characters"),
        ("chr1 -5 . A G 50 PASS . GT 0/1", "POS"),
        ("chr1 1e5 . A G 50 PASS . GT 0/1", "POS"),
        ("chr1  . A G 50 PASS . GT 0/1", "POS"),
        ("chr1 12345678x . A G 50 PASS . GT 0/1", "POS"),
        ("chr1 1234567890 . A G 50 PASS . GT 0/1", "POS"),
        ("chr1 248956423 . A G 50 PASS . GT 0/1", "behind the end"),
        ("chr1 500 . A1 G 50 PASS . GT 0/1", "REF"),
        ("chr1 500 . A G1 50 PASS . GT 0/1", "ALT"),
        ("chr1 500 . A A 50 PASS . GT 0/1", "repeats REF"),
        ("chr1 500 . A G 50 PASS . DP 3", "no GT"),
        ("chr1 500 . A G 50 PASS . GT:GT 0/1:0/1", "twice"),
        ("chr1 500 . A G 50 PASS . GT A/G", "not a genotype"),
        ("chr1 500 . A G 50 PASS . DP:GT 3:A/G", "not a genotype"),
        ("chr1 500 . A G 50 PASS . GT 0/2", "does not have"),
        ("chr1 500 . A G 50 PASS . GT 0/1/1", "more than 2"),
        ("chr1 500 . A G 50 PASS . GT 0/1:7", "more fields than FORMAT"),
        ("chr1 500 . A <NON_REF> 50 PASS END=499 GT 0/0", "END"),
        ("chr1 500 . A <NON_REF> 50 PASS END=x GT 0/0", "END"),
        ("chr1 500 . A <DEL> 50 PASS SVTYPE=DEL;END=x GT 0/1", "END"),
    ],
)
def test_bad_records(read: Read, record: str, problem: str) -> None:
    error = refusal(read, [PLAIN.replace("500", "400"), record])
    assert error.code is Problem.BAD_RECORD
    assert problem in error.problem
    assert error.line == 9


def test_unknown_contig(read: Read) -> None:
    assert refusal(read, [PLAIN.replace("chr1", "chr99")]).code is Problem.UNKNOWN_CONTIG


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", Problem.NOT_A_VCF),
        (b"\n", Problem.NOT_A_VCF),
        (GOOD[GOOD.index(b"chr1\t500") :], Problem.NOT_A_VCF),
        (b"rsid\tchromosome\tposition\tgenotype\n", Problem.NOT_A_VCF),
        (b"PK\x03\x04zip", Problem.NOT_A_VCF),
        (gzip.compress(gzip.compress(GOOD)), Problem.NOT_A_VCF),
        (GOOD[: GOOD.index(b"#CHROM")], Problem.BAD_HEADER),
        (GOOD.replace(b"VCFv4.2", b"VCFv9.9"), Problem.BAD_HEADER),
        (GOOD.replace(b"##fileformat=VCFv4.2", b"##fileformat=VCFv4.2\n##x=\xff"), Problem.BAD_HEADER),
        (GOOD.replace(b"#CHROM\t", b"#CHROM "), Problem.BAD_HEADER),
        (GOOD.replace(b"##contig=<ID=chr2", b"##contig=<ID=<b>"), Problem.BAD_HEADER),
        (GOOD.replace(b"##contig=<ID=chr2", b"##contig=<length=1,ID=chr2"), Problem.BAD_HEADER),
        (GOOD.replace(b"length=242193529", b"length=many"), Problem.BAD_HEADER),
        (GOOD.replace(b"##contig=<ID=chr2", b"##reference=file:///etc/passwd\n##contig=<ID=chr2"), Problem.BAD_HEADER),
        (GOOD.replace(b"\tFORMAT\tS1", b""), Problem.NO_SAMPLE),
        (GOOD.replace(b"\tS1", b"\tS1\tS2"), Problem.SEVERAL_SAMPLES),
        (GOOD.replace(b"\tS1", b"\t"), Problem.BAD_SAMPLE_NAME),
        (GOOD.replace(b"\tS1", b"\t<script>"), Problem.BAD_SAMPLE_NAME),
        (GOOD.replace(b"\tS1", b"\t../../x"), Problem.BAD_SAMPLE_NAME),
        (GOOD[: GOOD.index(b"chr1\t500")], Problem.HEADER_ONLY),
        (GOOD.replace(b"248956422", b"249250621"), Problem.BUILD_MISMATCH),
        (GOOD.replace(b"242193529", b"5"), Problem.BUILD_MISMATCH),
        (GOOD.replace(b"##contig=<ID=chr2", b"##reference=hg19\n##contig=<ID=chr2"), Problem.BUILD_MISMATCH),
        (GOOD.replace(b"248956422", b"247249719"), Problem.BUILD_UNSUPPORTED),
        (b"".join(part for part in GOOD.splitlines(keepends=True) if b"contig" not in part), Problem.BUILD_UNKNOWN),
        (GOOD.replace(b"chr1\t500", b"\n\nchr1\t500"), Problem.BAD_RECORD),
        (GOOD.replace(b"\t.\tA", b"\t\xff\tA"), Problem.BAD_RECORD),
        (GOOD.replace(b"\t.\tA", b"\tx\ry\tA"), Problem.BAD_RECORD),
        (bgzf(GOOD, end=False), Problem.TRUNCATED),
        (bgzf(GOOD)[:-40], Problem.TRUNCATED),
        (bgzf(GOOD) + b"GARBAGE" * 9, Problem.DAMAGED),
        (gzip.compress(GOOD)[:-5], Problem.TRUNCATED),
        (gzip.compress(GOOD)[:-3] + b"xxx", Problem.DAMAGED),
    ],
)
def test_bad_files(read: Read, content: bytes, code: Problem) -> None:
    assert refusal(read, content).code is code


@pytest.mark.parametrize("word", ["hg18", "NCBI36", "GRCh36"])
def test_an_old_build_in_words_is_named_as_such(read: Read, word: str) -> None:
    text = b"".join(part for part in GOOD.splitlines(keepends=True) if b"contig" not in part)
    text = text.replace(b"#CHROM", f"##reference={word}\n#CHROM".encode())
    assert refusal(read, text).code is Problem.BUILD_UNSUPPORTED


def test_assembly_of_a_contig_without_length_tells_the_build(read: Read) -> None:
    text = GOOD.replace(b"##fileformat=VCFv4.2\n", b"##fileformat=VCFv4.2\n##contig=<ID=chr3,assembly=b37>\n")
    assert refusal(read, text).code is Problem.BUILD_MISMATCH


def test_a_reference_that_names_two_builds_names_none(read: Read) -> None:
    text = GOOD.replace(b"#CHROM", b"##reference=file:///refs/hg19/lifted/GRCh38.fa\n#CHROM")
    assert read(text).build.value == "GRCh38"


@pytest.mark.parametrize("at", range(20, len(bgzf(GOOD)) - len(EOF_BLOCK), 7))
def test_a_changed_byte_in_a_block_is_noticed(read: Read, at: int) -> None:
    content = bytearray(bgzf(GOOD))
    content[at] ^= 0x55
    assert refusal(read, bytes(content)).code in {Problem.DAMAGED, Problem.TRUNCATED}


def test_a_block_that_lies_about_its_length_is_damaged(read: Read) -> None:
    content = bytearray(bgzf(GOOD))
    content[-len(EOF_BLOCK) - 1] = 0x7F
    assert refusal(read, bytes(content)).code is Problem.DAMAGED


def test_gzip_of_several_members_is_one_text(read: Read) -> None:
    assert len(read(gzip.compress(GOOD[:100]) + gzip.compress(GOOD[100:])).calls) == 1


def test_message_names_file_line_and_remedy_and_quotes_nothing(read: Read) -> None:
    error = refusal(read, [PLAIN, "chr1 600 rsSECRET A G 50 PASS . GT SECRET"])
    text = str(error)
    assert "a.vcf, line 9: " in text
    assert REMEDIES[Problem.BAD_RECORD] in text
    assert "SECRET" not in text
    assert str(IntakeError(Problem.HEADER_ONLY, "x")).startswith("x (header_only)")
    assert IntakeError.from_json(error.to_json()).to_json() == error.to_json()


def test_every_code_has_a_remedy() -> None:
    assert set(REMEDIES) == set(Problem)
