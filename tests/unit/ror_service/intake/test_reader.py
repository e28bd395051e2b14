"""What is kept of a file, and how each field is read."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from support.genotype_files import bgzf, vcf_text

from interpreters.genotypes import Build, CallSetKind, CallState, Interval, Record
from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.reader import read_genotypes
from ror_service.intake.results import Container, Flag, Limits, ReadResult

Read = Callable[..., ReadResult]
SITE = (Interval("1", 500, 500),)
PLAIN = "chr1 500 . A G 50 PASS . GT 0/1"


def only(result: ReadResult) -> Record:
    (record,) = result.calls
    return record


@pytest.mark.parametrize("build", list(Build))
@pytest.mark.parametrize("prefix", ["chr", ""])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bgzf])
def test_builds_names_and_containers(read: Read, build: Build, prefix: str, pack: Callable[[bytes], bytes]) -> None:
    content = pack(vcf_text([PLAIN.replace("chr", prefix)], build=build, prefix=prefix))
    result = read(content, SITE)
    assert result.build is build
    assert (only(result).chrom, only(result).pos, only(result).genotype) == ("1", 500, (0, 1))
    assert result.sha256 == hashlib.sha256(content).hexdigest()
    assert result.size == len(content)
    assert result.sample_name == "S1"
    assert result.container is {bytes: Container.PLAIN, bgzf: Container.BGZF}.get(pack, Container.GZIP)
    assert (Flag.NO_CHR_PREFIX in result.flags) == (build is Build.GRCH38 and not prefix)


@pytest.mark.parametrize(
    ("record", "state"),
    [
        ("chr1 490 . ACGTACGTACGTA A 50 PASS . GT 0/1", CallState.SPANNED),  # a deletion from before the site
        ("chr1 450 . A <NON_REF> . . END=600 GT:DP:GQ:MIN_DP 0/0:31:60:28", CallState.REFERENCE),
        ("chr1 450 . A <NON_REF> . . DP=3;END=600 GT:DP 0/0:31", CallState.REFERENCE),  # END not in first place
        ("chr1 450 . A . . . END=600;BLOCKAVG_min30p3a GT:GQX:DP:DPF 0/0:60:31:0", CallState.REFERENCE),
        ("chr1 500 . A <*> . . END=500 GT 0/0", CallState.REFERENCE),
        ("chr1 450 . A <DEL> . . SVTYPE=DEL;SVLEN=-100 GT 0/1", CallState.SPANNED),
        ("chr1 500 . A G 50 PASS . GT 0/.", CallState.NO_CALL),  # a half call is no reference
        ("chr1 500 . A G 50 PASS . GT ./.", CallState.NO_CALL),
        ("chr1 500 . A G 50 PASS . GT .", CallState.NO_CALL),
        ("chr1 500 . A G 50 PASS . GT:DP", CallState.NO_CALL),  # all sample fields missing
        ("chr1 500 . A G 50 LowQual . GT 0/1", CallState.FILTERED),
        ("chr1 500 . A G 50 PASS . GT:FT 0/1:LowDepth", CallState.FILTERED),
        ("chr1 500 . A *,G 50 PASS . GT 0/1", CallState.SPANNED),
        ("chr1 500 . A G 50 PASS . GT:DP 0/0:0", CallState.NO_CALL),  # no read, no call
        ("chr1 450 . A <NON_REF> . . END=600 GT:DP:GQ:MIN_DP 0/0:4:3:0", CallState.NO_CALL),
        ("chr1 500 . A G 50 PASS . GT 0/0", CallState.REFERENCE),
        ("chr1 500 . A G 50 PASS . GT 0|1", CallState.VARIANT),
    ],
)
def test_state_of_a_site(read: Read, record: str, state: CallState) -> None:
    record = record if record.count(" ") == 9 else f"{record} ."
    assert read([record], SITE).calls.at("1", 500).state is state


def test_records_that_only_touch_the_interval_are_kept_and_others_not(read: Read) -> None:
    records = [
        *("chr1 400 . ACG A 9 PASS . GT 0/1", "chr1 499 . A G 9 PASS . GT 0/1", "chr1 499 . AC A 9 PASS . GT 0/1"),
        *(PLAIN, "chr1 501 . A G 9 PASS . GT 0/1", "chr2 500 . A G 9 PASS . GT 0/1"),
    ]
    kept = [(record.pos, record.ref) for record in read(records, SITE).calls]
    assert kept == [(499, "AC"), (500, "A")]


def test_every_field_of_a_record(read: Read) -> None:
    annotation = "ANN=G|missense_variant&splice_region_variant|MODERATE,G|intron_variant|LOW"
    line = f"chr1 500 rs1 a g,T,<NON_REF> 50 q10;s50 DP=9;{annotation} GT:AD:DP:GQ:PS:GQX 1|2:1,2,.,4:31:60.7:450:55"
    assert only(read([line], SITE)) == Record(
        chrom="1",
        pos=500,
        end=500,
        ref="A",
        alts=("G", "T", "<NON_REF>"),
        genotype=(1, 2),
        phased=True,
        phase_set="450",
        filters=("q10", "s50"),
        depth=31,
        genotype_quality=55,
        allele_depths=(1, 2, None, 4),
        consequences=("missense_variant", "splice_region_variant", "intron_variant"),
        line=8,
    )


def test_consequences_of_a_csq_annotation_are_found_by_the_header(read: Read) -> None:
    declared = '##INFO=<ID=CSQ,Number=.,Type=String,Description="Format: Allele|IMPACT|Consequence">\n'
    text = vcf_text(["chr1 500 . A G 9 PASS CSQ=G|HIGH|stop_gained GT 0/1"], extra=declared)
    assert only(read(text, SITE)).consequences == ("stop_gained",)


def test_lengths_of_version_4_5_blocks(read: Read) -> None:
    declared = '##FORMAT=<ID=LEN,Number=1,Type=Integer,Description="length">\n'
    text = vcf_text(["chr1 450 . A <*> . . . GT:LEN:DP 0/0:100:30"], extra=declared)
    assert only(read(text, SITE)).end == 549


def test_reference_quality_of_gatk_stands_in_for_a_missing_quality(read: Read) -> None:
    assert only(read(["chr1 500 . A . . . . GT:RGQ 0/0:44"], SITE)).genotype_quality == 44


def test_order_of_lines_changes_nothing_but_is_flagged(read: Read) -> None:
    records = [f"chr{chrom} {pos} . A G 9 PASS . GT 0/1" for chrom in ("1", "X") for pos in (100, 200, 300)]
    sorted_one, mixed = read(records), read([records[4], records[2], records[0], records[5], records[1], records[3]])
    bare = [[(r.chrom, r.pos, r.genotype) for r in result.calls] for result in (sorted_one, mixed)]
    assert bare[0] == bare[1]
    assert Flag.UNSORTED not in sorted_one.flags
    assert mixed.flags[Flag.UNSORTED].line == 10


def test_a_chromosome_that_comes_back_is_unsorted(read: Read) -> None:
    records = ["chr1 100 . A G 9 PASS . GT 0/1", "chr2 50 . A G 9 PASS . GT 0/1", "chr1 200 . A G 9 PASS . GT 0/1"]
    assert Flag.UNSORTED in read(records).flags


@pytest.mark.parametrize("middle", [[], ["chr1 700 . A G 9 PASS . GT 0/1"]])
def test_contradicting_records_are_refused(read: Read, middle: list[str]) -> None:
    with pytest.raises(IntakeError, match="different genotypes") as caught:
        read([PLAIN, *middle, PLAIN.replace("0/1", "1/1")])
    assert caught.value.code is Problem.CONFLICTING_RECORDS


def test_contradiction_is_seen_among_several_records_of_a_site(read: Read) -> None:
    with pytest.raises(IntakeError, match="different genotypes"):
        read([PLAIN, PLAIN.replace("A G", "A T"), PLAIN.replace("0/1", "1/1")])


@pytest.mark.parametrize(
    "second",
    [
        PLAIN,
        PLAIN.replace("0/1", "1|0"),
        PLAIN.replace("0/1", "./."),
        PLAIN.replace("PASS", "LowQual").replace("0/1", "1/1"),
    ],
)
def test_repeated_records_that_agree_are_flagged(read: Read, second: str) -> None:
    result = read([PLAIN, second])
    assert result.flags[Flag.REPEATED_RECORDS].count == 1
    assert result.calls.at("1", 500).alleles in {("A", "G"), ("G", "A")}


def test_two_structural_variants_may_begin_at_one_base(read: Read) -> None:
    first = "chr1 500 . A <DEL> 9 PASS END=600 GT 0/1"
    assert len(read([first, first.replace("600", "700").replace("0/1", "1/1")]).calls) == 2


@pytest.mark.parametrize(
    ("records", "kind"),
    [
        ([PLAIN], CallSetKind.VARIANTS_ONLY),
        ([PLAIN.replace("0/1", "0/0")], CallSetKind.ALL_SITES),
        (["chr1 450 . A <NON_REF> . . END=600 GT 0/0"], CallSetKind.GVCF),
        (["chr1 450 . A <*> . . END=600 GT 0/0"], CallSetKind.GVCF),
        (["chr1 450 . A . . . END=600 GT 0/0"], CallSetKind.GVCF),
    ],
)
def test_kind_of_call_set(read: Read, records: list[str], kind: CallSetKind) -> None:
    assert read(records).calls.kind is kind


def test_variants_are_counted_by_kind(read: Read) -> None:
    records = [
        "chr1 100 . A G 50 PASS . GT 0/1",
        "chr1 101 . G A 50 . . GT 1/1",
        "chr1 102 . C T,<NON_REF> 50 PASS . GT 1|0",
        "chr1 103 . T G 50 PASS . GT 0/1",
        "chr1 104 . A C 50 PASS . GT 1|1",
        "chr1 105 . A G 50 q10 . GT 0/1",  # filtered
        "chr1 106 . A G 50 PASS . GT 0/0",  # not carried
        "chr1 107 . A G 50 PASS . GT ./1",
        "chr1 108 . A GT 50 PASS . GT 0/1",  # no single bases
        "chr1 109 . AC G 50 PASS . GT 0/1",
        "chr1 110 . A <DEL> 50 PASS . GT 0/1",
        "chr1 111 . A * 50 PASS . GT 0/1",
    ]
    metrics = read(vcf_text(records, extra='##FILTER=<ID=q10,Description="x">\n')).metrics
    assert (metrics.transitions, metrics.transversions) == (3, 2)
    assert (metrics.heterozygous, metrics.homozygous_alternate) == (7, 2)


def test_metrics(read: Read) -> None:
    result = read(
        [
            "chr1 100 . A G 9 LowQual . GT 0/1",
            "chr1 200 . A G 9 PASS . GT ./.",
            "chr1 300 . A G 9 PASS . GT 0/.",
            "chrX 10500 . A G 9 PASS . GT 0/1",  # pseudo-autosomal
            "chrX 5000000 . A G 9 PASS . GT 0/1",
            "chrX 5000001 . A G 9 PASS . GT:DP 1|1:9",
            "chrX 5000002 . A G 9 PASS . GT 1",
            "chrX 5000003 . A G 9 q . GT 0/1",
            "chrY 5000000 . A G 9 PASS . GT 1",
            "chrY 5000001 . A G 9 PASS . GT 0",
            "chrM 100 . A G 9 PASS . GT 1",
        ]
    )
    metrics = result.metrics
    assert (metrics.records, metrics.autosomal, metrics.mitochondrial, metrics.other_contigs) == (11, 3, 1, 0)
    assert (metrics.chromosome_x, metrics.chromosome_y, metrics.filtered, metrics.no_calls) == (5, 2, 2, 1)
    assert (metrics.x_heterozygous, metrics.x_homozygous_alternate, metrics.x_haploid, metrics.y_called) == (1, 1, 1, 1)
    assert (metrics.explicit_reference, metrics.reference_blocks, metrics.half_calls) == (1, 0, 1)


def test_contigs_that_are_no_chromosomes_are_left_out(read: Read) -> None:
    long_names = [f"HLA*A*01:01:01:0{number}" for number in (1, 2)]
    extra = "".join(f"##contig=<ID={name},length=3000>\n" for name in long_names)
    records = [PLAIN, *(f"{name} 5 . A G 9 PASS . GT 0/1" for name in long_names)]
    result = read(vcf_text(records, extra=extra))
    assert len(result.calls) == 1
    assert result.metrics.other_contigs == 2


def test_old_mitochondrial_sequence_is_not_read(read: Read) -> None:
    text = vcf_text(["chrM 100 . A G 9 PASS . GT 1"], build=Build.GRCH37).replace(b"length=16569", b"length=16571")
    result = read(text, [Interval("MT", 1, 16569)])
    assert len(result.calls) == 0
    assert Flag.MITOCHONDRIAL_REFERENCE in result.flags


def test_a_file_without_contig_lines_is_told_by_its_reference(read: Read) -> None:
    text = b"##fileformat=VCFv4.2\n##reference=GRCh37\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"
    body = "\t".join(PLAIN.removeprefix("chr").split()).encode() + b"\n"
    result = read(text + body, SITE)
    assert result.build is Build.GRCH37
    assert len(result.calls) == 1
    with pytest.raises(IntakeError, match="CHROM is not declared"):
        read(text + body.replace(b"1\t500", b"un\t500"), SITE)


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ((b"\n", b"\r\n"), Flag.CARRIAGE_RETURNS),
        ((b"0/1\n", b"0/1"), Flag.NO_FINAL_NEWLINE),
        ((b"0/1\n", b"0/1\n\n\n"), Flag.EMPTY_LAST_LINES),
    ],
)
def test_line_ends(read: Read, change: tuple[bytes, bytes], flag: Flag) -> None:
    result = read(vcf_text([PLAIN]).replace(*change))
    assert flag in result.flags
    assert only(result).genotype == (0, 1)


def test_flags_of_the_first_records_although_nobody_wants_them(read: Read) -> None:
    result = read(["chr2 100 . N R,a nan XX ZZ=1 DP:GT x:0/."], SITE)
    assert set(result.flags) == {
        *(Flag.AMBIGUOUS_BASE, Flag.LOWER_CASE_BASE, Flag.BAD_NUMBER, Flag.UNDECLARED_FILTER),
        *(Flag.UNDECLARED_INFO, Flag.GENOTYPE_NOT_FIRST, Flag.HALF_CALL),
    }


def test_values_out_of_range_are_left_out_and_flagged(read: Read) -> None:
    record = only(result := read(["chr1 500 . A G 9 PASS . GT:GQ:DP:AD 0/1:99999999999:-3:1,x"], SITE))
    assert (record.genotype_quality, record.depth, record.allele_depths) == (None, None, ())
    assert result.flags[Flag.BAD_NUMBER].count == 3


def test_two_chunks_are_one_file(read: Read) -> None:
    """Blocks end in the middle of lines, and the text is longer than one piece."""
    records = [f"chr1 {pos} . A G 9 PASS NOTE={'x' * 100} GT 0/1" for pos in range(1, 60_000)]
    result = read(bgzf(vcf_text(records)), [Interval("1", 1000, 1999), Interval("1", 59_999, 70_000)])
    assert [record.pos for record in result.calls] == [*range(1000, 2000), 59_999]
    assert [record.line for record in result.calls][-1] == result.metrics.records + 7
    assert Flag.UNSORTED not in result.flags


def test_repeats_across_two_chunks(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ror_service.intake.container.PIECE", 150)
    same = [PLAIN, PLAIN, PLAIN.replace("A G", "A T"), PLAIN]
    assert read(same).flags[Flag.REPEATED_RECORDS].count == 2
    with pytest.raises(IntakeError, match="different genotypes"):
        read([*same, PLAIN.replace("0/1", "1/1")])


def test_announced_checksum(read: Read) -> None:
    content = vcf_text([PLAIN])
    assert read(content, expected_sha256=hashlib.sha256(content).hexdigest().upper())
    with pytest.raises(IntakeError) as caught:
        read(content, expected_sha256="0" * 64)
    assert caught.value.code is Problem.CHECKSUM_MISMATCH


def test_plain_text_under_a_compressed_name_is_flagged(read: Read) -> None:
    assert Flag.NAME_SAYS_COMPRESSED in read([PLAIN], name="a.vcf.gz").flags


def test_a_name_from_outside_is_only_a_file_name(tmp_path: Path) -> None:
    with pytest.raises(IntakeError) as caught:
        read_genotypes(Path("https://example.org/a.vcf"), lambda _: SITE)
    assert caught.value.code is Problem.UNREADABLE
    with pytest.raises(IntakeError):
        read_genotypes(tmp_path, lambda _: SITE)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(text_bytes=300), Problem.TOO_LARGE),
        (Limits(line_bytes=30), Problem.LINE_TOO_LONG),
        (Limits(header_bytes=100), Problem.HEADER_TOO_LARGE),
        (Limits(contigs=2), Problem.TOO_MANY_CONTIGS),
        (Limits(kept_records=1), Problem.TOO_LARGE),
    ],
)
def test_limits(read: Read, limits: Limits, code: Problem) -> None:
    with pytest.raises(IntakeError) as caught:
        read([PLAIN, PLAIN.replace("500", "600")], limits=limits)
    assert caught.value.code is code


def test_size_of_the_stored_file_is_limited_while_reading(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ror_service.intake.container.PIECE", 100)
    with pytest.raises(IntakeError, match="the file exceeds the limit"):
        read([PLAIN], limits=Limits(file_bytes=150))
    long = PLAIN.replace("PASS .", "PASS NOTE=" + "x" * 300)
    with pytest.raises(IntakeError, match="a line exceeds the limit"):
        read(vcf_text([PLAIN, long]), limits=Limits(line_bytes=300))
    with pytest.raises(IntakeError, match="a line exceeds the limit"):
        read(vcf_text([PLAIN]) + b"x" * 500, limits=Limits(line_bytes=300))
