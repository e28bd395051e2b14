from __future__ import annotations

import gzip
import re
import runpy
from pathlib import Path

import pysam
import pytest

from interpreters.genotypes import Build
from interpreters.hereditary_risk import HereditaryRisk, build, load
from interpreters.hereditary_risk.alleles import AlleleKey
from interpreters.hereditary_risk.build import import_clinvar
from interpreters.knowledge import KnowledgeError, verify

HEADER = "##fileformat=VCFv4.1\n##fileDate=2026-05-03\n##source=ClinVar\n##reference={build}\n"
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
FACTS = (
    "AF_EXAC=0.0001;AF_TGP=0.002;CLNDN=A_condition;CLNHGVS=NC_000013.11:g.1;"
    "CLNREVSTAT=reviewed_by_expert_panel;CLNSIG=Pathogenic;"
    "MC=SO:0001589|frameshift_variant,SO:0001627|intron_variant;ORIGIN=1;GENEINFO=OTHER:1|BRCA2:675"
)
LINES = [
    f"13\t32340300\t9325\tGT\tG\t.\t.\t{FACTS}",
    "13\t32340310\t1\tCAAA\tCAA\t.\t.\tCLNREVSTAT=no_assertion_criteria_provided;CLNSIG=Pathogenic;GENEINFO=BRCA2:675",
    "13\t32340309\t2\tT\t.\t.\t.\tGENEINFO=BRCA2:675",
    "13\t32340400\t3\tAA\tA\t.\t.\tCLNSIG=Benign;GENEINFO=BRCA2:675",
    "13\t32340313\t4\tA\tC\t.\t.\tCLNSIGINCL=1:Pathogenic;GENEINFO=BRCA2:675",
    "13\t32340313\t5\tG\tC\t.\t.\tCLNSIG=Benign;GENEINFO=BRCA2:675",
    "1\t100\t6\tA\tC\t.\t.\tCLNSIG=Pathogenic;GENEINFO=OTHER:1",
    "1\t101\t7\tA\tC\t.\t.\tCLNSIG=Pathogenic",
    "NW_009646201.1\t101\t8\tA\tC\t.\t.\tCLNSIG=Pathogenic;GENEINFO=BRCA2:675",
]


def write(path: Path, lines: list[str] = LINES, header: str = HEADER, build: str = "GRCh38") -> Path:
    path.write_text(header.format(build=build) + COLUMNS + "".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def test_a_release_from_ncbis_format(tmp_path: Path) -> None:
    release = import_clinvar(write(tmp_path / "clinvar.vcf"), tmp_path / "out")
    assert release.release == "2026-05-03"
    verify(release)
    risk = HereditaryRisk(release, "v3.3")
    table = risk.clinvar(Build.GRCH38)
    assert [record.variation_id for record in table] == ["9325", "1", "4", "5", "3"]
    record = table.find(AlleleKey("13", 32340301, "T", ""))
    assert record is not None
    assert record.stars == 3
    assert record.genes == ("BRCA2",)
    assert record.frequency == 0.002
    assert record.consequences == ("frameshift_variant", "intron_variant")
    assert not risk.has_build(Build.GRCH37)


def test_records_that_are_not_left_aligned_are_moved(tmp_path: Path) -> None:
    lines = [
        "13\t32340310\t1\tCAAA\tC\t.\t.\tCLNSIG=Benign;GENEINFO=BRCA2:675",
        "13\t32340312\t2\tAA\tA\t.\t.\tCLNSIG=Pathogenic;GENEINFO=BRCA2:675",
    ]
    release = import_clinvar(write(tmp_path / "clinvar.vcf", lines), tmp_path)
    moved = HereditaryRisk(release, "v3.3").clinvar(Build.GRCH38).find(AlleleKey("13", 32340311, "A", ""))
    assert moved is not None
    assert (moved.pos, moved.ref, moved.alt) == (32340310, "CA", "C")


def test_disputed_reference_bases_are_unknown(tmp_path: Path) -> None:
    bases = HereditaryRisk(import_clinvar(write(tmp_path / "a.vcf"), tmp_path), "v3.3").reference_bases(Build.GRCH38)
    assert bases["13", 32340313] == "N"
    assert bases["13", 32340309] == "T"


def test_of_two_records_of_one_allele_the_better_reviewed_stays(tmp_path: Path) -> None:
    lines = [
        "13\t32340313\t9\tA\tC\t.\t.\tCLNREVSTAT=reviewed_by_expert_panel;CLNSIG=Benign;GENEINFO=BRCA2:675",
        "13\t32340313\t8\tA\tC\t.\t.\tCLNREVSTAT=criteria_provided,_single_submitter;CLNSIG=Benign;GENEINFO=BRCA2:675",
    ]
    table = HereditaryRisk(import_clinvar(write(tmp_path / "a.vcf", lines), tmp_path), "v3.3").clinvar(Build.GRCH38)
    assert [record.variation_id for record in table] == ["9"]


def test_the_same_input_gives_the_same_bytes_compressed_or_plain(tmp_path: Path) -> None:
    plain = write(tmp_path / "clinvar.vcf")
    packed = tmp_path / "clinvar.vcf.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    first = import_clinvar(plain, tmp_path / "one", "r1")
    assert import_clinvar(packed, tmp_path / "two", "r1").digest == first.digest


def test_two_builds_make_one_release(tmp_path: Path) -> None:
    second = write(tmp_path / "b.vcf", header=HEADER + "##liftover=yes\n", build="GRCh37")
    release = import_clinvar(write(tmp_path / "a.vcf"), tmp_path / "out", "both", second=second)
    risk = HereditaryRisk(release, "v3.3")
    assert risk.has_build(Build.GRCH37)
    assert risk.has_build(Build.GRCH38)
    assert release.sources[0].name == "ClinVar (GRCh37 coordinates lifted over)"


def test_two_files_of_one_build_are_refused(tmp_path: Path) -> None:
    source = write(tmp_path / "a.vcf")
    with pytest.raises(KnowledgeError, match="the other build"):
        import_clinvar(source, tmp_path, "x", second=source)
    later = write(tmp_path / "b.vcf", header=HEADER.replace("2026-05-03", "2026-06-01"), build="GRCh37")
    with pytest.raises(KnowledgeError, match="must have the date"):
        import_clinvar(source, tmp_path, "x", second=later)


def test_releases_never_change(tmp_path: Path) -> None:
    source = write(tmp_path / "a.vcf")
    import_clinvar(source, tmp_path / "out")
    with pytest.raises(KnowledgeError, match="choose another name"):
        import_clinvar(source, tmp_path / "out")
    with pytest.raises(KnowledgeError, match="cannot name a release"):
        import_clinvar(source, tmp_path / "out", "../x")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["2026-05-03"]


@pytest.mark.parametrize(
    ("lines", "header", "message"),
    [
        (LINES, "##fileformat=VCFv4.1\n##reference={build}\n", "gives no ##fileDate and ##reference"),
        (LINES, HEADER.replace("{build}", "NCBI36"), "gives no ##fileDate and ##reference"),
        (LINES, HEADER.replace("2026-05-03", "May 3"), "lines 1 to 14: the header gives no ##fileDate and ##reference"),
        (LINES[-3:], HEADER, "lines 1 to 8: holds no record of the listed genes"),
        (["13\tx\t1\tA\tC\t.\t.\tGENEINFO=BRCA2:675"], HEADER, r"line 6: not a ClinVar record"),
        (["13\t5\t1\tA\tGENEINFO=BRCA2:675"], HEADER, r"line 6: not a ClinVar record"),
        (["hello"], HEADER, r"line 6: not a ClinVar record \(fewer than eight columns\)"),
        (["13\t5\t1\tA\tC\t.\t.\tAF_EXAC=x;GENEINFO=BRCA2:675"], HEADER, r"line 6: not a ClinVar record"),
        (["13\t5\tx\tA\tC\t.\t.\tGENEINFO=BRCA2:675"], HEADER, r"line 6: not a ClinVar record"),
        (["13\t5\t1\tA\tC,G\t.\t.\tGENEINFO=BRCA2:675"], HEADER, r"line 6: not a ClinVar record \(REF and ALT"),
        (["13\t5\t1\tA\t<DEL>\t.\t.\tGENEINFO=BRCA2:675"], HEADER, r"line 6: not a ClinVar record \(REF and ALT"),
        (["13\t5\t1\t.\tC\t.\t.\tGENEINFO=BRCA2:675"], HEADER, r"line 6: not a ClinVar record \(REF and ALT"),
    ],
)
def test_unusable_files_are_named_with_line_and_remedy(
    tmp_path: Path, lines: list[str], header: str, message: str
) -> None:
    with pytest.raises(KnowledgeError, match=message) as caught:
        import_clinvar(write(tmp_path / "bad.vcf", lines, header), tmp_path / "out")
    assert re.search(r"bad\.vcf: lines? \d", str(caught.value))
    assert re.search(r"; (fetch the file again|use NCBI's clinvar\.vcf\.gz)$", str(caught.value))
    assert not (tmp_path / "out").exists()


def test_a_file_that_ends_within_a_line_is_refused(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.vcf").read_bytes()
    cut = tmp_path / "cut.vcf"
    cut.write_bytes(whole[:-3])
    with pytest.raises(KnowledgeError, match=r"cut\.vcf: line 14: the file ends within this line; fetch"):
        import_clinvar(cut, tmp_path / "out")


def test_a_file_in_blocks_without_its_last_block_is_refused(tmp_path: Path) -> None:
    # Cut between two blocks, the file inflates without an error.
    whole = tmp_path / "whole.vcf.gz"
    with pysam.BGZFile(str(whole), "wb") as packed:
        packed.write(write(tmp_path / "plain.vcf").read_bytes())
    import_clinvar(whole, tmp_path / "out")
    for name, length in {"cut.vcf.gz": len(whole.read_bytes()) - 28, "first.vcf.gz": 10}.items():
        (tmp_path / name).write_bytes(whole.read_bytes()[:length])
        with pytest.raises(KnowledgeError, match=r"line 1: cannot be read on \(the block that ends .*; fetch the file"):
            import_clinvar(tmp_path / name, tmp_path / "other")


def test_progress_is_told_in_bytes_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_TOLD_EVERY", 5)
    source, told = write(tmp_path / "a.vcf"), list[int]()
    import_clinvar(source, tmp_path / "out", progress=told.append)
    assert len(told) == 3
    assert 0 < sum(told) <= source.stat().st_size


def test_damaged_and_missing_files_are_refused(tmp_path: Path) -> None:
    packed = gzip.compress(write(tmp_path / "a.vcf").read_bytes())
    for name, content in {"cut.gz": packed[:-20], "bent.gz": packed[:60] + b"\0" * 40 + packed[100:]}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(KnowledgeError, match="fetch the file again"):
            import_clinvar(tmp_path / name, tmp_path / "out")
    with pytest.raises(KnowledgeError, match="cannot be read on"):
        import_clinvar(tmp_path / "absent.vcf.gz", tmp_path / "out")
    (tmp_path / "empty.vcf").write_bytes(b"")
    with pytest.raises(KnowledgeError, match="##fileDate"):
        import_clinvar(tmp_path / "empty.vcf", tmp_path / "out")


def test_a_missing_policy_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match=r"genes\.tsv: policy table cannot be read"):
        import_clinvar(write(tmp_path / "a.vcf"), tmp_path / "out", policy_folder=tmp_path)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, out = write(tmp_path / "a.vcf"), tmp_path / "out" / "hereditary_risk"
    words = [str(source), "--release", "mine", "--title", "ClinVar as of May", "--output", str(out)]
    monkeypatch.setattr("sys.argv", ["build", *words])
    runpy.run_path(build.__file__, run_name="__main__")
    risk = load("mine", extra=tmp_path / "out")
    assert risk.knowledge.sources[0].name == "ClinVar as of May"
