"""The evidence of a finding: what is known, in whose words, and no silence about what is not."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import get_args, get_type_hints

import pytest

from interpreters.findings import (
    GeneAssessment,
    GeneStatus,
    HereditaryFinding,
    HereditaryOutcome,
    HereditaryVariant,
    Interpretation,
)
from interpreters.genotypes import Build
from interpreters.hereditary_risk import HereditaryRisk
from interpreters.hereditary_risk.packet import (
    FREQUENCY_NOTE,
    NO_SOURCE,
    ZYGOSITY_RULES,
    FindingEvidence,
    absent,
    finding_evidence,
    variant_key,
)
from interpreters.hereditary_risk.reasons import REASONS

CANDIDATE, REVIEW = HereditaryOutcome.CANDIDATE_POSITIVE, HereditaryOutcome.REVIEW
POLICY_FIELDS = {
    "gene": "gene",
    "transcript": "alleles.variant.transcript",
    "HGVS c.": "hgvs_coding",
    "HGVS p.": "hgvs_protein",
    "genomic g.": "alleles.variant.hgvs",
    "other build": "position_in_other_build",
    "VariationID": "alleles.clinvar.variation_id",
    "allele id": "clinvar_allele_id",
    "ClinGen CA id": "clingen_allele_id",
    "rs number": "rsid",
    "consequence": "alleles.variant.consequences",
    "exon": "alleles.variant.exon",
    "decay": "alleles.variant.escapes_decay",
    "zygosity": "alleles.variant.zygosity",
    "phase": "phase",
    "phase evidence": "alleles.variant.phase_set",
    "inheritance": "inheritance",
    "GT": "genotype_as_written",
    "AD": "alleles.variant.reads",
    "DP": "alleles.variant.depth",
    "GQ": "alleles.variant.genotype_quality",
    "VAF": "alleles.variant.allele_balance",
    "FILTER": "alleles.variant.filters",
    "caller": "caller",
    "alignment": "alignment_view",
    "callability": "callability.fraction",
    "segdup flag": "alleles.duplicated_segment",
    "second method": "second_method",
    "ClinVar aggregate": "alleles.clinvar.classification",
    "stars": "alleles.clinvar.stars",
    "conflicts": "alleles.clinvar.conflicting",
    "submitters": "clinvar_submissions",
    "conditions": "alleles.clinvar.conditions",
    "ClinVar date": "clinvar_date",
    "expert panel rules": "expert_panel_rule_set",
    "population frequency": "alleles.population_frequency",
    "by group": "population_frequency_by_group",
    "homozygotes": "homozygotes_in_population",
    "in silico": "in_silico_predictions",
    "criteria": "criteria.points",
    "literature": "literature",
    "mechanism, founder and low-penetrance notes": "alleles.rules.note",
    "guidance in our words": "zygosity_rule",
    "diseases": "diseases",
    "rule path": "rule_path.text",
    "automatic outcome": "outcome",
    "rule set": "rule_set",
    "gene list": "gene_list",
}
"""Every item of the policy's sections Call and Knowledge to the field that holds it, or to its name in `NO_SOURCE`.
Contamination, the history and what concerns the person are the service's part."""


def variant(site: str, clinvar_id: str | None = "1", **changes: str | None) -> HereditaryVariant:
    chrom, pos, ref, alt = site.split()
    made = HereditaryVariant(chrom, int(pos), ref, alt, clinvar_id, "Pathogenic", 2, "heterozygous")
    return replace(made, **changes)


LIMITS = {"gene_list": "ACMG SF v3.3", "rule_set": "r", "clinvar_release": "c", "clinvar_date": "2026-02-26"}
BRCA2 = variant("13 32340300 GT G", "9325", hgvs="NC_000013.11:g.32340301del")
MUTYH = (variant("1 45332803 T C", "5293"), variant("1 45331556 C T", "5294"))


def made(
    risk: HereditaryRisk,
    gene: str,
    *variants: HereditaryVariant,
    known: bool = True,
    path: tuple[str, ...] = ("plp_ge2star_dominant", "clinvar_plp"),
    flags: tuple[str, ...] = (),
) -> FindingEvidence:
    second = variants[1] if len(variants) > 1 else None
    finding = HereditaryFinding(gene, CANDIDATE, path[0], variants[0], path, flags, second)
    said = Interpretation(
        *("hereditary_risk", "1", risk.knowledge.release, risk.knowledge.digest),
        (finding, GeneAssessment("OTHER", GeneStatus.ASSESSED, 1.0), GeneAssessment(gene, GeneStatus.ASSESSED, 0.99)),
        (),
        LIMITS,
    )
    return finding_evidence(
        finding,
        said,
        Build.GRCH38,
        policy=risk.policy if known else None,
        clinvar=risk.clinvar(Build.GRCH38) if known else None,
    )


def paths(kind: type, name: str = "") -> set[str]:
    """Dotted paths of all fields of an evidence type."""
    found = set()
    for field, hint in get_type_hints(kind).items():
        path = f"{name}.{field}" if name else field
        found.add(path)
        for part in (hint, *get_args(hint), *(inner for arg in get_args(hint) for inner in get_args(arg))):
            if is_dataclass(part):
                found |= paths(part, path)  # type: ignore[arg-type]
    return found


def missing_fields(no_source: tuple[str, ...]) -> set[str]:
    """Items of the policy that a packet neither holds nor names as unavailable."""
    return {item for item, where in POLICY_FIELDS.items() if where not in paths(FindingEvidence) | set(no_source)}


def test_every_field_of_the_policy_is_there_or_named_as_unavailable() -> None:
    assert missing_fields(NO_SOURCE) == set()
    assert set(NO_SOURCE) <= set(POLICY_FIELDS.values())
    assert missing_fields(NO_SOURCE[:-1]) == {"literature"}


def test_a_founder_allele_with_all_that_is_known(risk: HereditaryRisk) -> None:
    found = made(risk, "BRCA2", BRCA2)
    assert (found.gene, found.outcome, found.phase) == ("BRCA2", "CANDIDATE_POSITIVE", "one_variant")
    assert (found.inheritance, found.zygosity_rule) == ("AD", ZYGOSITY_RULES["het_or_biallelic"])
    assert "breast" in str(found.diseases).lower()
    assert found.callability == GeneAssessment("BRCA2", GeneStatus.ASSESSED, 0.99)
    assert {name: getattr(found, name) for name in LIMITS} == LIMITS
    assert [(step.code, step.text) for step in found.rule_path] == [
        (code, REASONS[code]) for code in ("plp_ge2star_dominant", "clinvar_plp")
    ]
    (allele,) = found.alleles
    assert (allele.variant, allele.in_clinvar, allele.duplicated_segment) == (BRCA2, True, False)
    assert allele.clinvar is not None
    assert (allele.clinvar.variation_id, allele.clinvar.classification) == ("9325", "Pathogenic")
    assert "breast" in allele.clinvar.conditions
    assert found.frequency_note == FREQUENCY_NOTE
    assert "no maximum over groups is available" in FREQUENCY_NOTE
    assert allele.rules is not None
    assert [(rule.rule, rule.note, rule.value) for rule in allele.rules] == [
        ("af_exempt", "c.5946del, founder allele", "")
    ]


def test_what_is_not_known_is_named(risk: HereditaryRisk) -> None:
    names = absent(made(risk, "BRCA2", BRCA2), "finding")
    assert "finding.alleles.variant.phase_set" in names
    assert "finding.alleles.variant.hgvs" not in names
    assert "finding.inheritance" not in names
    assert absent(None, "nothing") == ("nothing",)
    assert absent(replace(BRCA2, hgvs=None)).count("hgvs") == 1
    empty = [f.name for f in fields(BRCA2) if getattr(BRCA2, f.name) is None]
    assert list(absent(BRCA2)) == empty
    pair = absent(made(risk, "MUTYH", *MUTYH), "finding")
    assert len(pair) == len(set(pair))


def test_without_the_release_the_call_stands_and_the_rest_is_named(risk: HereditaryRisk) -> None:
    found = made(risk, "BRCA2", BRCA2, known=False)
    (allele,) = found.alleles
    assert allele.variant == BRCA2
    names = absent(found)
    for name in ("inheritance", "zygosity_rule", "diseases", "alleles.in_clinvar", "alleles.clinvar", "alleles.rules"):
        assert name in names
    assert "alleles.duplicated_segment" in names


def test_a_variant_that_clinvar_lacks_is_said_to_be_lacking(risk: HereditaryRisk) -> None:
    found = made(risk, "BRCA2", variant("13 32340300 GTTTTTTT G", None, classification=None), path=("novel_lof",))
    (allele,) = found.alleles
    assert (allele.in_clinvar, allele.clinvar, allele.population_frequency) == (False, None, None)
    asked = {criterion.code: criterion.look_at for criterion in found.criteria if criterion.look_at}
    assert asked == {"PVS1": ("novel_lof",)}


@pytest.mark.parametrize(
    ("path", "flags", "phase"),
    [
        (("compound_het_in_trans",), (), "different_copies"),
        (("compound_het_phase_unknown",), ("phase_unknown",), "not_known"),
        (("second_allele_below_star_threshold",), (), "different_copies"),
        (("second_allele_below_star_threshold",), ("phase_unknown",), "not_known"),
        (("plp_ge2star_dominant",), ("urgent_two_copies",), None),
    ],
)
def test_a_pair_says_what_is_known_of_its_phase(
    risk: HereditaryRisk, path: tuple[str, ...], flags: tuple[str, ...], phase: str | None
) -> None:
    found = made(risk, "MUTYH", *MUTYH, path=path, flags=flags)
    assert found.phase == phase
    assert [allele.variant for allele in found.alleles] == list(MUTYH)
    assert ("phase" in absent(found)) == (phase is None)
    assert [flag.text for flag in found.flags] == [REASONS[flag] for flag in flags]


@pytest.mark.parametrize(
    ("gene", "seen", "rules"),
    [
        ("PMS2", variant("7 5986838 C T", None), {"segdup_review"}),
        ("PMS2", variant("7 6003700 C T", None), set()),
        ("PTEN", variant("10 87960957 C T", None), {"segdup_flag"}),
        ("TP53", variant("17 7674220 C T", None), {"min_balance", "tissue_flag"}),
        ("RYR1", variant("19 38499993 C T", None), {"lof_forbidden", "condition_term"}),
        ("APC", variant("5 112839514 T A", "822"), {"exclude_variant"}),
        ("APC", variant("5 112839000 T A", "822"), {"exclude_variant"}),
        ("APC", variant("5 112839000 T A", None), set()),
        ("BRCA1", variant("17 43124027 A T", None, classification="Pathogenic|risk_factor"), {"clnsig_cap"}),
        ("PMS2", variant("7 6003700 N <DEL>", None), {"segdup_review"}),
    ],
)
def test_the_rules_that_bear_on_an_allele(
    risk: HereditaryRisk, gene: str, seen: HereditaryVariant, rules: set[str]
) -> None:
    (allele,) = made(risk, gene, seen).alleles
    assert allele.rules is not None
    assert {rule.rule for rule in allele.rules} == rules
    assert allele.duplicated_segment == any(rule.startswith("segdup") for rule in rules)
    assert all(rule.note or rule.value for rule in allele.rules)


def test_a_gene_that_the_policy_does_not_have_is_shown_without_rules(risk: HereditaryRisk) -> None:
    found = made(risk, "NOGENE", BRCA2)
    assert found.inheritance is None
    assert found.alleles[0].rules is None


def test_every_zygosity_rule_has_a_sentence(risk: HereditaryRisk) -> None:
    assert {gene.zygosity_rule for gene in risk.policy.genes.values()} == set(ZYGOSITY_RULES)


def test_the_criteria_are_all_there_to_be_filled(risk: HereditaryRisk) -> None:
    criteria = made(risk, "BRCA2", BRCA2, path=("x", "loss_of_function")).criteria
    assert len(criteria) == 26
    points = {criterion.code: criterion.points for criterion in criteria}
    assert [points[code] for code in ("PVS1", "PS1", "PM1", "PP1", "BS1", "BP1")] == [8, 4, 2, 1, -4, -1]
    assert {"PP5", "BP6"}.isdisjoint(points)
    assert criteria[0].look_at == ("loss_of_function",)


def test_one_variant_has_one_key_and_structural_calls_have_none() -> None:
    key = variant_key("BRCA2", BRCA2, Build.GRCH38)
    assert key == "BRCA2:GRCh38:13:32340301:T:"
    padded = replace(BRCA2, ref="GTA", alt="GA", depth=3, zygosity="homozygous")
    assert variant_key("BRCA2", padded, Build.GRCH38) == key
    assert variant_key("BRCA2", BRCA2, Build.GRCH37) != key
    assert variant_key("BRCA2", replace(BRCA2, alt="<DEL>"), Build.GRCH38) is None
