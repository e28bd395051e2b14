"""`ror interpret`, with a module made for the test and, where they are there, on real genomes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support import trait_genomes
from support.genotype_files import vcf_text
from support.shared import SHARED, needs_shared
from typer.testing import CliRunner, Result

from interpreters import registry
from interpreters.findings import (
    AncestryFinding,
    Finding,
    GeneAssessment,
    GeneStatus,
    HereditaryFinding,
    HereditaryOutcome,
    HereditaryVariant,
    Interpretation,
    NotTested,
    PharmacogenomicFinding,
    Region,
    RegionShare,
    Subregion,
    TraitFinding,
)
from interpreters.genotypes import Build, CallState, GenotypeCalls, Interval, Sample
from interpreters.knowledge import KnowledgeError, KnowledgeRelease
from interpreters.serial import finding_from_json
from ror_service.cli.interpret_text import interpretation_lines
from ror_service.cli.main import make_app

PLAIN = "chr1 500 . A G 50 PASS . GT 0/1"


class OneSite:
    """Reads chromosome 1, position 500."""

    name = "traits"
    version = "1"
    knowledge = KnowledgeRelease("traits", "r1", "d1", (), Path(), {})
    loaded: Mapping[str, object] = {}

    def intervals(self, build: Build) -> tuple[Interval, ...]:
        return (Interval("1", 500, 500),) if build is Build.GRCH38 else ()

    def reference_bases(self, build: Build) -> dict[tuple[str, int], str]:
        return {("1", 500): "A"} if build is Build.GRCH38 else {}

    def interpret(self, sample: Sample, calls: GenotypeCalls) -> Interpretation:
        found = calls.at("1", 500)
        read = found.state in {CallState.REFERENCE, CallState.VARIANT}
        bases = {"rs1": "/".join(str(allele) for allele in found.alleles)}
        finding = TraitFinding("test_trait", f"{sample.sex_at_birth}_{sample.assay}", bases, "read", 1, 1)
        vouched = "vouched" if calls.callable_intervals else "not_read"
        return Interpretation(
            module=self.name,
            version=self.version,
            knowledge_release="r1",
            knowledge_digest="d1",
            findings=(finding,) if read else (),
            not_tested=() if read else (NotTested("traits", "test_trait", vouched),),
            limits={"model": "m"},
        )


class Everything(OneSite):
    """Finds one of every kind."""

    name = "hereditary_risk"

    def interpret(self, _sample: Sample, _calls: GenotypeCalls) -> Interpretation:
        variant = HereditaryVariant("13", 5, "A", "G", "1", "Pathogenic", 2, "heterozygous")
        unlisted = HereditaryVariant("17", 6, "A", "G", None, None, None, "heterozygous")
        path = ("clinvar_plp", "quality_passed")
        findings: tuple[Finding, ...] = (
            AncestryFinding(
                (RegionShare(Region.EUROPE, 1.0, 0.9, 1.0), RegionShare(Region.OCEANIA, 0.0, 0.0, 0.1)),
                *(10, 20, "fewer_sites", "p"),
                subregion=Subregion("EUR_Fin", "Finland", 9.0),
            ),
            PharmacogenomicFinding(
                *("TPMT", ("*1/*1", "*1/*2"), ("Normal Metabolizer",), None, (), None, 1, 3),
                *(False, True, ("missing_positions",), ()),
            ),
            HereditaryFinding("BRCA2", HereditaryOutcome.REVIEW, "one_star", variant, path, ("urgent",), unlisted),
            HereditaryFinding("TP53", HereditaryOutcome.NOT_REPORTABLE, "not_in_clinvar", unlisted, path),
            GeneAssessment("BRCA2", GeneStatus.NOT_ASSESSED, 0.1, exons_not_read=(3, 5, 6, 7)),
            GeneAssessment("PTEN", GeneStatus.PARTLY_ASSESSED, 0.9999),
            GeneAssessment("RB1", GeneStatus.ASSESSED, 1.0),
            GeneAssessment("GENE0", GeneStatus.NOT_ASSESSED, 0.0, exons_not_read=(1,)),
        )
        missing = tuple(NotTested(self.name, f"GENE{number}", "read_below_threshold") for number in range(20))
        limits = {"gene_list": "ACMG SF v3.3", "rule_set": "7", "clinvar_date": "2026-02-26", "clinvar_release": "c"}
        return Interpretation(self.name, "1", "r1", "d1", findings, missing, limits)


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> dict[str, OneSite]:
    """The installed modules, and what they were loaded with in `OneSite.loaded`."""
    found: dict[str, OneSite] = {"traits": OneSite()}

    def load(**options: object) -> dict[str, OneSite]:
        OneSite.loaded = options
        return found

    monkeypatch.setattr(registry, "module_names", lambda: ("hereditary_risk", "traits"))
    monkeypatch.setattr(registry, "installed", load)
    return found


def ror(*arguments: object) -> Result:
    return CliRunner().invoke(make_app("interpret"), ["interpret", *map(str, arguments)])


def objects(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.vcf"
    path.write_bytes(vcf_text([PLAIN]))
    return path


@pytest.mark.usefixtures("modules")
def test_one_object_a_file_and_a_bad_file_stops_no_other(good: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.vcf"
    bad.write_bytes(vcf_text([PLAIN.replace("0/1", "A/G")]))
    result = ror(bad, good, "--json", "--sex-at-birth", "female", "--assay", "array")
    assert result.exit_code == 1
    refused, read = objects(result)
    assert refused["error"] == {
        "code": "bad_record",
        "file": str(bad),
        "line": 8,
        "problem": "GT is not a genotype",
        "remedy": refused["error"]["remedy"],
    }
    assert refused["qc"]["verdict"] == "hold"
    assert refused["not_tested"] == [
        {"module": "traits", "subject": "sample", "reason": "file_not_read: bad_record"},
    ]
    assert {key: read[key] for key in ("schema", "file", "sample", "build", "assay", "knowledge", "limits")} == {
        "schema": "ror.interpretation/1",
        "file": str(good),
        "sample": "S1",
        "build": "GRCh38",
        "assay": "array",
        "knowledge": {"traits": "d1"},
        "limits": {"traits": {"model": "m"}},
    }
    assert read["qc"]["verdict"] == "pass"
    assert read["not_tested"] == []
    (finding,) = map(finding_from_json, read["findings"])
    assert finding == TraitFinding("test_trait", "female_array", {"rs1": "A/G"}, "read", 1, 1)


@pytest.mark.usefixtures("modules")
@pytest.mark.parametrize(
    ("option", "reason"), [(("--contamination", "0.06"), "contamination"), (("--build", "GRCh37"), "build")]
)
def test_a_hold_means_no_result_at_all(good: Path, option: tuple[str, str], reason: str) -> None:
    result = ror(good, "--json", *option)
    assert result.exit_code == 0
    (read,) = objects(result)
    assert read["qc"]["verdict"] == "hold"
    assert read["findings"] == []
    assert read["not_tested"] == [{"module": "traits", "subject": "sample", "reason": f"sample_hold: {reason}"}]


@pytest.mark.usefixtures("modules")
def test_callable_regions_reach_the_module(good: Path, tmp_path: Path) -> None:
    good.write_bytes(vcf_text([PLAIN.replace("500", "600")]))
    bed = tmp_path / "callable.bed"
    bed.write_text("chr1\t0\t1000\n")
    assert objects(ror(good, "--json"))[0]["not_tested"][0]["reason"] == "not_read"
    assert objects(ror(good, "--json", "--callable", bed))[0]["not_tested"][0]["reason"] == "vouched"
    bed.write_text("chr1\tx\n")
    failed = ror(good, "--json", "--callable", bed)
    assert failed.exit_code == 1
    assert objects(failed)[0]["error"]["file"] == str(bed)


@pytest.mark.usefixtures("modules")
def test_choice_of_modules_releases_and_gene_list(good: Path, tmp_path: Path) -> None:
    options: tuple[object, ...] = ("--module", "traits", "--knowledge", "traits=r9", "--knowledge-folder", tmp_path)
    options += ("--sf-list", "v3.2", "--genes", "TPMT", "--traits", "all")
    assert ror(good, "--json", *options).exit_code == 0
    assert OneSite.loaded == {
        "modules": ("traits",),
        "releases": {"traits": "r9"},
        "extra": tmp_path,
        "options": {
            "hereditary_risk": {"sf_list": "v3.2"},
            "pharmacogenomics": {"genes": "TPMT"},
            "traits": {"traits": "all"},
        },
    }


def test_a_trait_is_told_with_its_likelihood() -> None:
    bases = {"rs12913832": "AA", "rs12896399": "GG", "rs16891982": "CC", "rs1393350": "GG", "rs12203592": "CC"}
    said = trait_genomes.interpret(trait_genomes.person({**bases, "rs17822931": "CT"}), wanted="earwax,eye_colour")
    earwax, eyes, *_ = interpretation_lines(said)
    assert earwax == "earwax: CT, very likely (rs17822931 C/T; read)"
    assert eyes.startswith("eye colour: brown, very likely (0.95) (rs12203592 C/C, ")
    assert eyes.endswith("; partly read)")


@pytest.mark.usefixtures("modules")
def test_modules_without_a_choice_get_no_options(good: Path) -> None:
    assert ror(good, "--json", "--traits", "earwax").exit_code == 0
    assert OneSite.loaded["options"] == {"traits": {"traits": "earwax"}}


@pytest.mark.usefixtures("modules")
@pytest.mark.parametrize("option", [("--module", "astrology"), ("--knowledge", "traits"), ("--knowledge", "x=1")])
def test_wrong_options_end_with_status_2_and_the_remedy(good: Path, option: tuple[str, str]) -> None:
    result = ror(good, *option)
    assert result.exit_code == 2
    assert "modules are hereditary_risk, traits" in result.stderr


def test_a_missing_release_is_told(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise KnowledgeError("traits: no knowledge release 'r7'; there are: r1")

    monkeypatch.setattr(registry, "installed", fail)
    result = ror(good, "--knowledge", "traits=r7")
    assert result.exit_code == 2
    assert "there are: r1" in result.stderr


@pytest.mark.parametrize("gene_list", ["v2.0", "v3.2", "v3.3"])
@pytest.mark.parametrize("release", ["2025-09-28", "2026-02-26"])
def test_gene_list_and_knowledge_release_are_chosen_together(good: Path, gene_list: str, release: str) -> None:
    chosen = ("--module", "hereditary_risk", "--sf-list", gene_list, "--knowledge", f"hereditary_risk={release}")
    (read,) = objects(ror(good, "--json", *chosen))
    limits = read["limits"]["hereditary_risk"]
    assert (limits["gene_list"], limits["clinvar_release"], limits["clinvar_date"]) == (
        f"ACMG SF {gene_list}",
        release,
        release,
    )
    statuses = {finding["gene"]: finding["status"] for finding in read["findings"]}
    assert len(statuses) == {"v2.0": 59, "v3.2": 81, "v3.3": 84}[gene_list]
    explained = ror(good, "--explain", *chosen).stdout
    assert (
        f"By ACMG SF {gene_list}, rule set {limits['rule_set']}, ClinVar of {release} (release {release})" in explained
    )
    assert "- The file lists variants only and says nothing of the rest of the gene." in explained
    for gene in statuses:
        assert gene in explained


@pytest.mark.parametrize(
    ("option", "remedy"),
    [
        (("--sf-list", "v9", "--knowledge", "hereditary_risk=2025-09-28"), "use sf_list= one of v2.0, v3.2, v3.3"),
        (("--sf-list", "v3.2", "--knowledge", "hereditary_risk=r9"), "there are: 2025-09-28, 2026-02-26"),
        (("--sf-list", "v3.2", "--knowledge", "hereditary_risk="), "a knowledge release is given as MODULE=RELEASE"),
    ],
)
def test_a_refused_choice_of_hereditary_risk_names_the_remedy(good: Path, option: tuple[str, ...], remedy: str) -> None:
    result = ror(good, *option)
    assert (result.exit_code, result.stdout) == (2, "")
    assert remedy in result.stderr


def test_readable_summary(good: Path, modules: dict[str, OneSite]) -> None:
    modules["hereditary_risk"] = Everything()
    shown = ror(good).stdout
    for words in (
        *(
            "Sample S1, GRCh38, sequencing, 1 records",
            "Quality check: passed",
            "not checked: build, sex in manifest, inferred sex, sample name",
        ),
        *(
            "10 of 20 sites read (fewer sites)",
            "100%  Europe  (90% to 100%)",
            "Within the main region closest to the reference groups of: Finland",
        ),
        "  0%  Oceania  (0% to 10%; may be none)",
        *("TPMT *1/*1 or *1/*2: not settled (top match: Normal Metabolizer) (1 of 3 positions read",),
        *("needs review; missing positions)",),
        *(
            "BRCA2 REVIEW: one star; 13:5 A>G (heterozygous, Pathogenic, 2 stars) and 17:6 A>G (heterozygous, not in",
            "By ACMG SF v3.3, rule set 7, ClinVar of 2026-02-26 (release c)",
            "not reportable were seen in 1 genes",
        ),
        "4 genes: 1 assessed, 2 not assessed, 1 partly assessed",
        *("Not tested (read below threshold): GENE0, GENE1", "and 8 more", "test trait: unknown wgs (rs1 A/G; read)"),
        *("Not a medical report",),
    ):
        assert words in shown
    assert "TP53" not in shown
    assert "coding exons" not in shown
    explained = ror(good, "--explain", "--assay", "array").stdout
    assert "ClinVar classifies the variant as pathogenic" in explained
    assert "TP53 NOT_REPORTABLE: not in clinvar; 17:6 A>G (heterozygous, not in ClinVar)" in explained
    assert "genotyping array" in explained
    assert (
        "BRCA2 not assessed: 10.0 % of its coding bases were read well enough; coding exons not read in full: 3, 5-7\n"
        in (explained)
    )
    assert "PTEN partly assessed: 99.9 % of its coding bases were read well enough\n" in explained
    assert "GENE0, GENE1, " in explained
    assert "GENE19\n" in explained
    assert "- Too little of the gene was read with enough depth and quality." in explained
    assert "GENE0 not assessed" not in explained
    assert explained.count("- Only one review star.") == 1


@pytest.mark.usefixtures("modules")
def test_readable_holds_warnings_and_errors(good: Path, tmp_path: Path) -> None:
    held = ror(good, "--contamination", "0.06").stdout
    assert "HELD BACK, so nothing was interpreted" in held
    assert "hold: 6.0% foreign DNA, at most 3% allowed" in held
    assert "Not tested (sample hold: contamination): sample" in held
    assert "The quality check holds the sample" not in held
    explained = ror(good, "--contamination", "0.06", "--explain").stdout
    assert "- The quality check holds the sample: nothing was looked at, and nothing can be said." in explained
    result = ror(tmp_path / "none.vcf", good)
    assert result.exit_code == 1
    assert "Not read: the file cannot be opened (unreadable)." in result.stdout
    good.write_bytes(vcf_text([PLAIN, PLAIN.replace("0/1", "1/1")]))
    assert "Line 9." in ror(good).stdout


@needs_shared
@pytest.mark.genomes
def test_real_genomes_are_honest_about_genes() -> None:
    folder = SHARED / "genomes"
    result = ror(
        *(folder / "1000g_GRCh38" / "NA18526.vcf.gz", folder / "na12878_gvcf_GRCh38" / "NA12878.g.vcf.gz"),
        *("--module", "hereditary_risk", "--json"),
    )
    assert result.exit_code == 0
    for read in objects(result):
        assert read["qc"]["verdict"] == "pass"
        statuses = [finding["status"] for finding in read["findings"] if "status" in finding]
        assert statuses == ["not_assessed"] * 84
