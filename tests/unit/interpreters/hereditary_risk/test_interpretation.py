from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from interpreters.findings import HereditaryFinding, Interpretation
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Record, Sample, Sex
from interpreters.hereditary_risk import HereditaryRisk, load
from interpreters.hereditary_risk.policy import GENE_LISTS, TABLES, parse_policy
from interpreters.hereditary_risk.reasons import REASONS, explain
from interpreters.knowledge import KnowledgeError
from interpreters.serial import interpretation_from_json, to_json

Call = Callable[..., Record]
PACKAGE = Path(__file__).parents[4] / "interpreters" / "hereditary_risk"


def test_the_lists_have_their_published_sizes() -> None:
    assert [len(load(options={"sf_list": name}).active_genes) for name in GENE_LISTS] == [59, 81, 84]
    assert load().gene_list == "v3.3"


@pytest.mark.parametrize("options", [{"sf_list": "v9"}, {"list": "v3.3"}])
def test_unknown_options_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(KnowledgeError, match=r"use sf_list= one of v2\.0, v3\.2, v3\.3"):
        load(options=options)


@pytest.mark.parametrize("build", Build)
def test_intervals_cover_every_exon_and_every_site_that_may_count(risk: HereditaryRisk, build: Build) -> None:
    wanted = risk.intervals(build)
    assert list(wanted) == sorted(wanted)

    def covered(chrom: str, pos: int) -> bool:
        found = wanted[bisect_right(wanted, (chrom, pos, 10**10)) - 1]
        return found.chrom == chrom and found.start <= pos <= found.end

    for record in risk.clinvar(build):
        if record.is_pathogenic or record.conflicts_with_pathogenic:
            assert covered(record.chrom, record.key.pos)
    assert covered("6", {Build.GRCH38: 26092913, Build.GRCH37: 26093141}[build])


def test_reference_bases_and_contig_lengths_serve_the_intake(risk: HereditaryRisk) -> None:
    bases = risk.reference_bases(Build.GRCH38)
    assert len(bases) > 100_000
    assert bases["17", 43124027] == "A"
    for record in list(risk.clinvar(Build.GRCH38))[::500]:
        assert bases.at(record.chrom, record.pos) == record.ref[0]
    lengths = risk.known_contig_lengths()
    assert lengths["GRCh38"]["1"] == 248956422
    assert lengths["GRCh36"]["1"] == 247249719
    assert len(lengths["GRCh37"]) == 24


def test_a_release_without_a_build_says_so(call: Call, interpret: Callable[..., Interpretation]) -> None:
    older = load("2025-09-28")
    assert older.intervals(Build.GRCH37) == ()
    assert len(older.reference_bases(Build.GRCH37)) == 0
    done = interpret(call("17 41276044 ACT A"), build=Build.GRCH37, by=older)
    assert {missing.reason for missing in done.not_tested} == {"build_not_in_release"}
    assert not any(isinstance(finding, HereditaryFinding) for finding in done.findings)


def test_genotypes_of_another_build_are_not_interpreted(risk: HereditaryRisk, call: Call) -> None:
    calls = GenotypeCalls(Build.GRCH37, CallSetKind.VARIANTS_ONLY, [call("17 41276044 ACT A")])
    done = risk.interpret(Sample(Build.GRCH38, Assay.WGS, Sex.FEMALE), calls)
    assert {missing.reason for missing in done.not_tested} == {"builds_disagree"}
    assert len(done.not_tested) == 84


def test_no_calls_give_no_finding(interpret: Callable[..., Interpretation], call: Call) -> None:
    done = interpret(call("17 43124027 ACT A", "./."), kind=CallSetKind.GVCF)
    assert not any(isinstance(finding, HereditaryFinding) for finding in done.findings)
    assert len(done.not_tested) == 84


def test_a_finding_says_what_it_rests_on(interpret: Callable[..., Interpretation], call: Call) -> None:
    done = interpret(call("X 153725295 G A", "1/1"), call("6 26092913 G A", "1/1"), sex=Sex.MALE)
    abcd1, hfe = (finding for finding in done.findings if isinstance(finding, HereditaryFinding))
    assert abcd1.variant.zygosity == "hemizygous"
    assert abcd1.variant.hgvs == "NC_000023.11:g.153725295G>A"
    assert abcd1.variant.stars == 2
    assert abcd1.variant.allele_balance == 1.0
    assert abcd1.rule_path == ("xl_hemizygous_male", "clinvar_plp", "loss_of_function", "quality_passed")
    assert hfe.variant.zygosity == "homozygous"
    assert hfe.variant.clinvar_id == "9"
    assert hfe.variant.classification is None
    assert done.limits["gene_list"] == "ACMG SF v3.3"
    assert done.limits["clinvar_release"] == "2026-02-26-union"
    assert done.limits["clinvar_date"] == "2025-09-28"
    assert done.limits["rule_set"]


def test_json_and_back_is_the_same(interpret: Callable[..., Interpretation], call: Call) -> None:
    done = interpret(call("17 43124027 ACT A"), call("1 45332803 T C"), call("1 45331556 C T"))
    text = json.dumps(to_json(done))
    assert interpretation_from_json(json.loads(text)) == done
    assert text == json.dumps(
        to_json(interpret(call("1 45331556 C T"), call("1 45332803 T C"), call("17 43124027 ACT A")))
    )


def test_every_reason_has_a_sentence() -> None:
    policy = load().policy
    codes = {rule.reason for rule in policy.rules} - {".", "ttn_truncating_high_psi", "kinase_domain"}
    assert codes <= REASONS.keys()
    written = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.glob("*.py") if path.name != "reasons.py")
    unused = {code for code in REASONS if f'"{code}"' not in written and code not in codes}
    assert unused == set()
    assert explain("one_star") == "Only one review star."
    assert explain("a_rule_of_the_programme") == "a_rule_of_the_programme"


def test_releases_hold_the_policy_of_the_package() -> None:
    for name in ("2026-02-26-union", "2025-09-28", "2026-02-26"):
        release = load(name).knowledge
        for table in TABLES:
            assert release.read_bytes(table) == (PACKAGE / "policy" / table).read_bytes()


def test_a_broken_policy_table_is_named() -> None:
    tables = {name: (PACKAGE / "policy" / name).read_bytes() for name in TABLES}
    with pytest.raises(KnowledgeError, match=r"somewhere/thresholds\.tsv: not a policy table"):
        parse_policy({**tables, "thresholds.tsv": b"name\tvalue\nmin_depth\tmany\n"}, "somewhere")
    with pytest.raises(KnowledgeError, match=r"somewhere/genes\.tsv"):
        parse_policy({**tables, "genes.tsv": b"gene\nBRCA1\n"}, "somewhere")


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    source = load("2026-02-26").knowledge
    changed = replace(source, folder=tmp_path)
    for name in source.files:
        (tmp_path / name).write_bytes(source.read_bytes(name))
    (tmp_path / "rules.tsv").write_bytes(b"rule\n")
    with pytest.raises(KnowledgeError, match="differs from its manifest"):
        HereditaryRisk(changed, "v3.3")
