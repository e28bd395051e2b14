from dataclasses import replace

import pytest
from support import reports

from interpreters.findings import GeneAssessment, GeneStatus, HereditaryVariant, NotTested
from interpreters.genotypes import Sex
from report_templates.content import Audience, FindingOutcome, Language, ReportContent
from report_templates.views.clinician_hereditary import ClinicianFinding, ClinicianHereditaryView, view
from report_templates.views.hereditary_facts import State
from report_templates.wording import Words

WORDS = Words(Language.EN, Audience.CLINICIAN)


def seen(report: ReportContent) -> ClinicianHereditaryView:
    return view(report, WORDS)


def only(report: ReportContent) -> ClinicianFinding:
    (found,) = seen(report).findings
    return found


def column(report: ReportContent, number: int = 0) -> dict[str, str]:
    """One variant of the only finding, by the label of the row."""
    return {row.label: row.values[number] for row in only(report).rows}


def of_variant(variant: HereditaryVariant) -> dict[str, str]:
    return column(reports.hereditary_positive(reports.finding("BRCA2", variant)))


@pytest.mark.parametrize(
    ("report", "state", "title"),
    [
        (reports.hereditary_positive(), State.POSITIVE, "1 confirmed finding"),
        (reports.hereditary_two(), State.POSITIVE, "2 confirmed findings"),
        (
            reports.hereditary_negative(),
            State.NEGATIVE,
            "No reportable finding in the 84 of 84 genes that were assessed",
        ),
        (
            reports.hereditary_in_part(),
            State.NEGATIVE_IN_PART,
            "No reportable finding in the 81 of 84 genes that were assessed",
        ),
        (reports.hereditary_read_in_part(), State.READ_IN_PART, "No gene was assessed in full"),
        (reports.hereditary_not_read(), State.NOT_READ, "No gene could be assessed"),
    ],
)
def test_each_state_has_its_title(report: ReportContent, state: State, title: str) -> None:
    shown = seen(report)
    assert (shown.state, shown.headline.title) == (state, title)
    assert shown.headline.answered is (state not in {State.READ_IN_PART, State.NOT_READ})


def test_the_variant_is_told_with_all_that_it_rests_on() -> None:
    assert column(reports.hereditary_positive()) == {
        "Gene": "BRCA2",
        "Transcript": "NM_000059.4",
        "Genomic HGVS": "NC_000013.11:g.32340301del",
        "Genomic position": "GRCh38 chr13:32340300 GT>G",
        "ClinVar variation": "9318",
        "ClinVar classification": "Pathogenic; review status: 3 stars",
        "Conditions in ClinVar": "Hereditary breast ovarian cancer syndrome; Familial cancer of breast",
        "ClinVar release": "September 28, 2025",
        "Zygosity": "Heterozygous",
        "Phase": "Not phased or not applicable",
        "Depth": "34 reads: 18 reference, 16 this allele",
        "Genotype quality": "99",
        "Share of reads with the variant": "0.47",
        "Filter": "Passed, or none named",
        "Coding exon": "10 of 26",
        "Consequence": "frameshift variant (by ClinVar)",
        "Nonsense-mediated decay": "Expected",
        "Placement of the allele": "As written in the file",
    }


def test_what_a_finding_lacks_is_said_to_be_not_given() -> None:
    bare = HereditaryVariant("13", 32340300, "GT", "G", None, None, None, "unknown")
    report = reports.hereditary_positive(reports.finding("BRCA2", bare))
    report = replace(report, interpretation=replace(report.interpretation, limits={}))
    told = column(report)
    given = {"Gene", "Genomic position", "ClinVar classification", "Zygosity", "Phase", "Filter"}
    assert {label for label, value in told.items() if value != "Not given"} == given
    assert told["ClinVar classification"] == "No classification in ClinVar"
    assert told["Zygosity"] == "Zygosity not known"
    undated = replace(report, decisions=(replace(report.decisions[0], laboratory=None, decided_on=None),))
    assert [fact.value for fact in only(undated).confirmation[1:3]] == ["Not given", "Not given"]
    assert "13:32340300 GT>G" in seen(report).headline.paragraphs[0]


@pytest.mark.parametrize(
    ("changes", "label", "value"),
    [
        ({"phase_set": 7}, "Phase", "Phase set 7"),
        ({"reads": None}, "Depth", "34"),
        ({"filters": ("LowQual", "SB")}, "Filter", "LowQual, SB"),
        ({"exons_total": None}, "Coding exon", "10"),
        ({"consequence_from": None}, "Consequence", "frameshift variant"),
        ({"escapes_decay": True}, "Nonsense-mediated decay", "Escape expected: the shortened product may be kept"),
        ({"escapes_decay": None}, "Nonsense-mediated decay", "Not given"),
        (
            {"escapes_decay": None, "consequences": ("missense_variant",)},
            "Nonsense-mediated decay",
            "Not applicable",
        ),
        ({"placed_by": None}, "Placement of the allele", "Not given"),
        (
            {"placed_by": None, "ref": "G", "alt": "T"},
            "Placement of the allele",
            "Not applicable: one base for another",
        ),
        ({"placed_by": "a_new_way"}, "Placement of the allele", "a_new_way"),
        ({"consequence_from": "a_new_way"}, "Consequence", "frameshift variant (a_new_way)"),
        ({"stars": None}, "ClinVar classification", "Pathogenic"),
    ],
)
def test_facts_of_a_variant_in_words(changes: dict[str, object], label: str, value: str) -> None:
    facts = {name: getattr(reports.BRCA2, name) for name in HereditaryVariant.__dataclass_fields__}
    assert of_variant(HereditaryVariant(**(facts | changes)))[label] == value


@pytest.mark.parametrize("source", ["clinvar", "annotation", "reference_sequence", "clinvar_bases", "coding_frame"])
def test_whatever_told_the_consequence_has_words(source: str) -> None:
    assert of_variant(replace(reports.BRCA2, consequence_from=source))["Consequence"].startswith(
        "frameshift variant (by "
    )


@pytest.mark.parametrize("placed", ["as_written", "reference_sequence", "known_bases"])
def test_whatever_placed_an_indel_has_words(placed: str) -> None:
    assert of_variant(replace(reports.BRCA2, placed_by=placed))["Placement of the allele"] != "Not given"


def test_a_pair_has_two_columns_and_its_phase() -> None:
    report = reports.hereditary_pair()
    assert only(report).variants == ("Variant 1", "Variant 2")
    assert column(report, 0)["ClinVar variation"] == "5293"
    assert column(report, 1)["ClinVar variation"] == "5294"
    assert column(report)["Phase"].startswith("Not known whether the two variants lie on different copies")
    (finding,) = report.candidates
    apart = reports.hereditary_positive(replace(finding, flags=()))
    assert column(apart)["Phase"] == "On different copies, by read or population phase"


def test_the_rule_path_is_in_words_and_the_main_reason_comes_first() -> None:
    assert only(reports.hereditary_positive()).path == (
        "A pathogenic variant with two review stars or more, in a gene where one copy is enough.",
        "ClinVar classifies the variant as pathogenic or likely pathogenic.",
        "Depth, genotype quality, allele balance and filter passed.",
    )


def test_a_second_variant_that_was_only_for_review_is_no_part_of_the_result() -> None:
    second = replace(reports.finding("BRCA2", reports.BRCA2), second_variant=reports.MUTYH)
    report = reports.hereditary_positive(replace(second, flags=("second_allele_for_review",)))
    assert only(report).variants == ("Variant",)
    assert not any("Another variant" in line for line in only(report).path)
    assert "Fanconi" not in " ".join(only(report).conditions[0].notes)
    # The flag alone keeps it out.
    report = reports.hereditary_positive(second)
    assert len(only(report).variants) == 2
    assert "Fanconi" in " ".join(only(report).conditions[0].notes)


def test_a_condition_has_inheritance_urgency_numbers_notes_and_pointers() -> None:
    (condition,) = only(reports.hereditary_both_copies()).conditions
    facts = {fact.label: fact.value for fact in condition.facts}
    assert facts["Inheritance"] == "Autosomal semidominant"
    assert facts["Proposed urgency"] == "Urgent"
    assert "doi:10.1161/CIRCULATIONAHA.119.044795" in facts["Number in the participant's version"]
    assert condition.notes[0].startswith("Possible homozygous FH")
    assert "National Lipid Association" in {fact.label for fact in condition.pointers}
    (condition,) = only(reports.hereditary_hemizygous()).conditions
    facts = {fact.label: fact.value for fact in condition.facts}
    assert facts["Inheritance"] == "X-linked"
    assert facts["Proposed urgency"].startswith("Soon. Kidney and heart checks")
    unknown = replace(reports.hereditary_hemizygous(), sex_at_birth=Sex.FEMALE)
    assert only(unknown).conditions[0].notes == ("Do not use enzyme activity alone in heterozygous females.",)


def test_the_confirmation_names_laboratory_day_and_signatures() -> None:
    assert [fact.value for fact in only(reports.hereditary_positive()).confirmation] == [
        "Found again in a second specimen by a clinical laboratory",
        "Northbridge Clinical Genetics",
        "November 9, 2026",
        "2 signatures, named below",
    ]


def test_every_gene_of_which_something_was_read_has_its_coverage() -> None:
    rows = {row.gene: row for row in seen(reports.hereditary_in_part()).genes}
    assert set(rows) == set(reports.GENES)
    ttn, calm2, brca2 = rows["TTN"], rows["CALM2"], rows["BRCA2"]
    assert (ttn.status, ttn.bases, ttn.sites, ttn.exons) == ("Partly assessed", "94.9 %", "206 of 214", "3, 5-7, 11")
    assert (calm2.status, calm2.bases) == ("Not assessed", "20.0 %")
    assert (brca2.status, brca2.bases, brca2.exons) == ("Assessed", "99.8 %", "No exon named")
    bare = reports.hereditary((GeneAssessment("BRCA2", GeneStatus.ASSESSED, 1.0),))
    assert seen(bare).genes[0].sites == "Not given"


def test_genes_of_which_nothing_was_read_stand_with_the_reason() -> None:
    shown = seen(reports.hereditary_not_read())
    assert shown.genes == ()
    assert "The file lists variants only and says nothing of the rest of the gene." in shown.headline.paragraphs
    (fact,) = shown.nothing_read
    assert fact.label == "The file lists variants only and says nothing of the rest of the gene."
    assert "BRCA1, BRCA2" in fact.value
    two = reports.hereditary(
        tuple(GeneAssessment(gene, GeneStatus.NOT_ASSESSED, 0.0) for gene in ("APC", "RET")),
        (NotTested("hereditary_risk", "APC", "a_new_reason"),),
    )
    assert [(fact.label, fact.value) for fact in seen(two).nothing_read] == [
        ("a_new_reason", "APC"),
        ("Reason not given", "RET"),
    ]


def test_a_contradicted_finding_is_told_without_its_name() -> None:
    shown = seen(reports.hereditary_in_part())
    assert shown.findings == ()
    told = " ".join(shown.headline.paragraphs)
    assert "not found in the second specimen" in told
    assert "BRCA2" not in told
    report = reports.hereditary_in_part()
    dropped = replace(report, decisions=(replace(report.decisions[0], outcome=FindingOutcome.NOT_REPORTED),))
    assert "second specimen" not in " ".join(seen(dropped).headline.paragraphs)


def test_list_rules_and_release_are_named_and_limits_are_in_words() -> None:
    shown = seen(reports.hereditary_negative())
    facts = {fact.label: fact.value for fact in shown.facts}
    assert facts["Gene list"] == "ACMG SF v3.3"
    assert facts["Rule set"] == "2026.11-2"
    assert facts["ClinVar release"] == "2025-09-28"
    assert not any("_" in label for label in facts)
    assert "not_assessed" not in facts.values()
    assert "does not rule out" in shown.limits[0]
    assert any("Copy-number" in text for text in shown.limits)
    assert any("Deep intronic" in text for text in shown.limits)
