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


def test_of_an_array_one_variant_is_looked_at(risk: HereditaryRisk) -> None:
    assert risk.single_base_sites(Build.GRCH37) == (("6", 26_093_141, "G", "A"),)
    assert risk.single_base_sites(Build.GRCH38) == (("6", 26_092_913, "G", "A"),)


def test_a_release_without_a_build_says_so(call: Call, interpret: Callable[..., Interpretation]) -> None:
    older = load("2025-09-28")
    assert older.intervals(Build.GRCH37) == ()
    assert older.single_base_sites(Build.GRCH37) == ()
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


def test_a_finding_names_call_consequence_and_place(
    findings: Callable[..., list[HereditaryFinding]], call: Call
) -> None:
    record = replace(call("13 32340300 GT G", "0|1", phase_set="77"), filters=("LowQual", "Depth"))
    (found,) = findings(record)
    variant = found.variant
    assert (variant.reads, variant.filters, variant.phase_set) == ((17, 17), ("Depth", "LowQual"), 77)
    assert (variant.transcript, variant.exon, variant.exons_total) == ("NM_000059.4", 10, 26)
    assert (variant.consequences, variant.consequence_from) == (("frameshift_variant",), "clinvar")
    assert (variant.escapes_decay, variant.placed_by) == (False, "as_written")
    (named,) = findings(replace(call("13 32340300 GT G", "0|1"), phase_set="block_1", allele_depths=(17,)))
    assert (named.variant.phase_set, named.variant.reads) == (None, None)
    (unread,) = findings(replace(call("13 32340300 GT G"), allele_depths=(None, 17)))
    assert unread.variant.reads is None


@pytest.mark.parametrize(
    ("site", "consequences", "terms", "told_by", "escapes"),
    [
        ("13 32340407 AG A", (), ("frameshift_variant",), "coding_frame", False),
        ("13 32340400 G T", ("stop_gained",), ("nonsense",), "annotation", False),
        ("13 32340400 G T", (), (), None, None),
        ("13 32316461 A C", (), ("start_lost",), "coding_frame", None),
        ("13 32398202 TA T", (), ("frameshift_variant",), "coding_frame", True),
    ],
)
def test_a_consequence_says_what_told_it(  # noqa: PLR0917
    findings: Callable[..., list[HereditaryFinding]],
    call: Call,
    site: str,
    consequences: tuple[str, ...],
    terms: tuple[str, ...],
    told_by: str | None,
    escapes: bool | None,
) -> None:
    (found,) = findings(call(site, consequences=consequences))
    variant = found.variant
    assert (variant.consequences, variant.consequence_from, variant.escapes_decay) == (terms, told_by, escapes)
    assert found.outcome == ("REVIEW" if terms else "NOT_REPORTABLE")


def test_a_copy_number_call_and_a_gene_in_doubt_have_no_exon_number(
    findings: Callable[..., list[HereditaryFinding]], call: Call, risk: HereditaryRisk
) -> None:
    (deletion,) = findings(call("17 43124027 A <DEL>", end=43124900))
    assert (deletion.variant.exon, deletion.variant.consequences, deletion.variant.consequence_from) == (None, (), None)
    middle = risk._build(Build.GRCH38).exons["TNNI3"].rows[4].start
    (doubtful,) = findings(call(f"19 {middle} N A"))
    assert (doubtful.gene, doubtful.variant.exon, doubtful.variant.exons_total) == ("TNNI3", None, None)


@pytest.mark.parametrize(
    ("site", "expected"),
    [
        ("13 32316461 A C", ("REVIEW", "novel_lof")),
        ("6 7541916 A T", ("REVIEW", "novel_lof")),
        ("14 23433732 T A", ("NOT_REPORTABLE", "mechanism_excluded")),
        ("2 21043945 T A", ("NOT_REPORTABLE", "mechanism_excluded")),
    ],
)
def test_a_lost_start_codon_is_reviewed_where_loss_of_function_counts(
    result: Callable[..., tuple[str, str]], call: Call, site: str, expected: tuple[str, str]
) -> None:
    assert result(call(site)) == expected


def test_alleles_without_a_placing_base_are_written_as_they_came(
    findings: Callable[..., list[HereditaryFinding]], call: Call
) -> None:
    (found,) = findings(call("2 178695900 AA A"))
    assert (found.variant.pos, found.variant.ref, found.variant.placed_by) == (178695900, "AA", None)
