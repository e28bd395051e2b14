"""Outside calls: what a laboratory's own result of a pharmacogene means, beside the sequence and in guidelines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from itertools import combinations_with_replacement
from pathlib import Path

import pytest

from interpreters.findings import NotTested, PharmacogenomicFinding
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, OutsideCall, Record, Sample, Sex
from interpreters.knowledge import choose_release
from interpreters.pharmacogenomics import PharmacogenomicsInterpreter, load, outside_calls
from interpreters.pharmacogenomics.build import DATA
from interpreters.pharmacogenomics.calling import NO_RESULT, GeneCall
from interpreters.pharmacogenomics.interpreter import REVIEW_REASONS
from interpreters.pharmacogenomics.outside_calls import UNKNOWN_COPY_NUMBER, interpret_outside
from interpreters.pharmacogenomics.recommendations import GUIDELINES, load_recommendations
from interpreters.pharmacogenomics.tables import Gene

MakeRecords = Callable[..., list[Record]]
Meaning = Callable[..., GeneCall]
OUTSIDE_ONLY = ("CYP2D6", "HLA-A", "HLA-B", "MT-RNR1")
HEARING_LOSS = "risk of aminoglycoside-induced hearing loss"


@pytest.fixture(scope="session")
def genes(everything: PharmacogenomicsInterpreter) -> Mapping[str, Gene]:
    return everything.tables.genes


@pytest.fixture
def meaning(genes: Mapping[str, Gene]) -> Meaning:
    """What calls of one gene mean; each is its diplotype, or all three fields."""

    def run(gene: str, *calls: str | tuple[str, str, str], sex: Sex = Sex.UNKNOWN) -> GeneCall:
        given = [OutsideCall(gene, *([call] if isinstance(call, str) else call)) for call in calls]
        found = interpret_outside(genes[gene], given, sex)
        assert found is not None
        return found

    return run


# Diplotypes


@pytest.mark.parametrize(
    ("given", "diplotype", "phenotype", "score"),
    [
        # GeT-RM's results for three reference samples
        ("*1/*36x2+*10", "*1/*36x2+*10", "Indeterminate", "n/a"),
        ("*10/*36x2", "*10/*36x2", "Intermediate Metabolizer", "0.25"),
        ("*5/*29", "*5/*29", "Intermediate Metabolizer", "0.5"),
        # names and order
        ("CYP2D6*4/CYP2D6 *1", "*1/*4", "Intermediate Metabolizer", "1.0"),
        (" *4.013 / *1.001x2 ", "*1x2/*4", "Normal Metabolizer", "2.0"),
        ("CYP2D6*68+CYP2D6*4/*1", "*1/*68+*4", "Indeterminate", "n/a"),
        ("[*36 + *10]/*1", "*1/*36+*10", "Indeterminate", "n/a"),
        # copies
        ("*1x1/*2", "*1/*2", "Normal Metabolizer", "2.0"),
        ("*1x3/*4", "*1x≥3/*4", "Ultrarapid Metabolizer", "≥3.0"),
        ("*1x>=3/*4x5", "*1x≥3/*4x≥3", "Ultrarapid Metabolizer", "≥3.0"),
        ("*1≥3/*2X≥4", "*1x≥3/*2x≥3", "Ultrarapid Metabolizer", "≥6.0"),
        ("*41x3/*1", "*1/*41x3", "Normal Metabolizer", "1.75"),
        ("*10x3/*1", "*1/*10x3", "Indeterminate", "n/a"),
        ("*10x≥2/*1", "*1/*10x≥2", "Indeterminate", "n/a"),
        ("*1xN/*4", "*1xN/*4", "Indeterminate", UNKNOWN_COPY_NUMBER),
        # an allele whose function the source does not give
        ("*1/*150", "*1/*150", "Indeterminate", "n/a"),
    ],
)
def test_diplotypes_of_cyp2d6(meaning: Meaning, given: str, diplotype: str, phenotype: str, score: str) -> None:
    found = meaning("CYP2D6", given)
    assert (found.diplotypes, found.phenotypes, found.activity_scores) == ((diplotype,), (phenotype,), (score,))
    assert found.consistent == found.diplotypes
    assert found.reasons == frozenset()
    assert found.variant_found


@pytest.mark.parametrize(
    ("gene", "given", "diplotype", "phenotype"),
    [
        ("MT-RNR1", "1555A>G", "m.1555A>G", f"increased {HEARING_LOSS}"),
        ("MT-RNR1", "MT-RNR1 m.961T>del+Cn", "m.961T>del+Cn", f"uncertain {HEARING_LOSS}"),
        ("MT-RNR1", "reference/Reference", "Reference", f"normal {HEARING_LOSS}"),
        ("UGT1A1", "*80 + *28/*1", "*1/*80+*28", "Intermediate Metabolizer"),
        ("SLCO1B1", "*45.002/*1", "*1/*45", "Decreased Function"),
        ("CYP2C19", "*1/[*2 + *17]", "*1/*2+*17", "n/a"),
        ("CYP2C19", "*2x2/*1", "*1/*2x2", "n/a"),
        ("CYP2C19", "*1xN/*1", "*1/*1xN", "n/a"),
        (
            "DPYD",
            "[c.1905+1G>A (*2A) + c.85T>C (*9A)]/Reference",
            "Reference/[c.85T>C (*9A) + c.1905+1G>A (*2A)]",
            "Intermediate Metabolizer",
        ),
        (
            "RYR1",
            "[c.7300G>A + c.4024A>G]/Reference",
            "Reference/[c.4024A>G + c.7300G>A]",
            "Malignant Hyperthermia Susceptibility",
        ),
        ("IFNL3", *["rs12979860 reference (C)/rs12979860 variant (T)"] * 2, "n/a"),
    ],
)
def test_diplotypes_of_other_genes(meaning: Meaning, gene: str, given: str, diplotype: str, phenotype: str) -> None:
    found = meaning(gene, given)
    assert (found.diplotypes, found.phenotypes) == ((diplotype,), (phenotype,))
    assert found.reasons == frozenset()


def test_every_allele_of_the_release_is_known_by_its_name(meaning: Meaning, genes: Mapping[str, Gene]) -> None:
    for gene in genes.values():
        names = {allele.name: (gene.rules.key(allele), allele.reported_as) for allele in gene.alleles}
        names |= {name: (gene.rules.key(outside), name) for name, outside in gene.outside_alleles.items()}
        for name, (key, reported) in names.items():
            if gene.presence_only:
                continue
            copies = 1 if gene.name == "MT-RNR1" else 2
            found = meaning(gene.name, "/".join([name] * copies))
            result = gene.rules.result((key,) * copies)
            assert found.diplotypes == ("/".join([reported] * copies),)
            assert found.phenotypes == (() if gene.lookup == "none" else (result.phenotype,))
            assert found.reasons <= {"sex_unknown", "function_not_in_data"}, name


def test_the_reference_method_says_the_same_of_its_own_diplotypes(meaning: Meaning, data: Path) -> None:
    compared = 0
    for case in json.loads((data / "cases.json").read_text(encoding="utf-8"))["cases"]:
        sex = Sex.MALE if case.get("sex") == "M" else Sex.FEMALE
        for gene, said in case["pharmcat"].items():
            if len(said["matcher"]) == 1:
                found = meaning(gene, said["matcher"][0], sex=sex)
                (expected,) = said["recommendation"]
                scores = () if expected["activity"] is None else (expected["activity"],)
                assert (list(found.phenotypes), found.activity_scores) == (expected["phenotype"], scores)
                assert found.reasons <= {"function_not_in_data"}
                compared += 1
    assert compared > 20


@pytest.mark.parametrize(
    "given", ["*1/*999", "*1/*36+*999", "*1/*4A", "*1/*1x0", "*1/*46;*43/*45", "*1/[c.1A>G + *4]", "A/*1", "*1/*1y2"]
)
def test_an_unknown_allele_asks_for_review(meaning: Meaning, given: str) -> None:
    found = meaning("CYP2D6", given)
    assert outside_calls.UNKNOWN_ALLELE in found.reasons
    assert (found.phenotypes, found.activity_scores) == ((NO_RESULT,), ())


@pytest.mark.parametrize(
    ("gene", "given"), [("CYP2D6", "*1"), ("CYP2D6", "*1/*1/*4"), ("MT-RNR1", "m.663A>G/m.827A>G")]
)
def test_another_number_of_alleles_than_of_copies_is_incomplete(meaning: Meaning, gene: str, given: str) -> None:
    found = meaning(gene, given)
    assert found.reasons == {outside_calls.INCOMPLETE}
    assert found.phenotypes == (NO_RESULT,)


@pytest.mark.parametrize(
    ("sex", "given", "diplotype", "reasons"),
    [
        (Sex.MALE, "A", "A", set()),
        (Sex.MALE, "A/A", "A", set()),
        (Sex.MALE, "A/B (reference)", "A/B (reference)", {"sex_ploidy_conflict"}),
        (Sex.FEMALE, "A/A", "A/A", set()),
        (Sex.FEMALE, "A", "A", {"sex_ploidy_conflict"}),
        (Sex.UNKNOWN, "A", "A", {"sex_unknown"}),
        (Sex.UNKNOWN, "A/A", "A/A", {"sex_unknown"}),
    ],
)
def test_copies_on_chromosome_x_follow_the_sex(
    meaning: Meaning, sex: Sex, given: str, diplotype: str, reasons: set[str]
) -> None:
    found = meaning("G6PD", given, sex=sex)
    assert (found.diplotypes, found.phenotypes) == ((diplotype,), ("Normal",))
    assert found.reasons == reasons


def test_a_function_newer_than_the_data_is_told(meaning: Meaning, genes: Mapping[str, Gene]) -> None:
    newer = next(allele.name for allele in genes["RYR1"].alleles if allele.function == "Not in snapshot")
    assert meaning("RYR1", f"Reference/{newer}").reasons == {"function_not_in_data"}


@pytest.mark.parametrize(
    ("gene", "given", "found"),
    [
        ("CYP2D6", "*1/*1", False),
        ("CYP2D6", "*1/*4", True),
        ("CYP2C19", "*1/*1", False),
        ("CYP2C19", "*38/*38", True),
        ("MT-RNR1", "Reference", False),
        ("HLA-A", "*02:01/*03:01", False),
        ("HLA-A", "*02:01/*31:01", True),
        ("CYP2D6", ("", "Normal Metabolizer", ""), True),
    ],
)
def test_whether_a_variant_was_found(
    meaning: Meaning, gene: str, given: str | tuple[str, str, str], found: bool
) -> None:
    assert meaning(gene, given).variant_found is found


# Phenotypes and activity scores


@pytest.mark.parametrize(
    ("gene", "phenotype", "score", "expected"),
    [
        ("CYP2D6", "CYP2D6 Poor metabolisers (PM)", "", (("Poor Metabolizer",), ("0.0",), set())),
        ("CYP2D6", "pm", "0", (("Poor Metabolizer",), ("0.0",), set())),
        ("CYP2D6", "", "2.50", (("Ultrarapid Metabolizer",), ("2.5",), set())),
        ("CYP2D6", "Ultra-rapid metabolizer", ">= 3", (("Ultrarapid Metabolizer",), ("≥3.0",), set())),
        ("CYP2D6", "", "xN combinations", (("Indeterminate",), ("xN combinations",), set())),
        ("CYP2D6", "extensive metabolizer", "1.25", (("Normal Metabolizer",), ("1.25",), set())),
        (
            *("CYP2D6", "Intermediate  Metabolizer", ""),
            (("Intermediate Metabolizer",), ("0.25", "0.5", "0.75", "1.0"), {"ambiguous_activity_score"}),
        ),
        ("CYP2C19", "RM", "", (("Rapid Metabolizer",), (), set())),
        ("CYP2C19", "likely poor metaboliser", "", (("Likely Poor Metabolizer",), (), set())),
        ("CYP2C19", "Poor Metabolizer", "0.0", (("Poor Metabolizer",), (), set())),
        ("VKORC1", "-1639 AG", "", (("-1639 AG",), (), set())),
        ("MT-RNR1", f"Increased {HEARING_LOSS}", "", ((f"increased {HEARING_LOSS}",), (), set())),
        ("CYP2D6", "", "7.0", ((NO_RESULT,), (), {outside_calls.UNKNOWN_VALUE})),
        ("CYP2D6", "not poor metabolizer", "", ((NO_RESULT,), (), {outside_calls.UNKNOWN_VALUE})),
        ("CYP2C9", "", "xN combinations", ((NO_RESULT,), (), {outside_calls.UNKNOWN_VALUE})),
        ("CYP2C19", "", "1.0", ((NO_RESULT,), (), {outside_calls.UNKNOWN_VALUE})),
        ("CYP4F2", "Poor Metabolizer", "", ((), (), {outside_calls.UNKNOWN_VALUE})),
        ("HLA-B", "", "1.0", ((NO_RESULT,), (), {outside_calls.UNKNOWN_VALUE})),
    ],
)
def test_without_a_diplotype_what_is_given_counts(
    meaning: Meaning, gene: str, phenotype: str, score: str, expected: object
) -> None:
    found = meaning(gene, ("", phenotype, score))
    assert (found.phenotypes, found.activity_scores, found.reasons) == expected
    assert found.diplotypes == ()


# Contradictions


def _contradictions(meaning: Meaning) -> list[tuple[str, GeneCall]]:
    return [
        (outside_calls.CONTRADICTS_ITSELF, meaning("CYP2D6", ("*1/*4", "Poor Metabolizer", ""))),
        (outside_calls.CONTRADICTS_ITSELF, meaning("CYP2D6", ("*1/*4", "", "2.0"))),
        (outside_calls.CONTRADICTS_ITSELF, meaning("CYP2D6", ("*1/*36+*10", "Normal Metabolizer", ""))),
        (outside_calls.CONTRADICTS_ITSELF, meaning("CYP2D6", ("", "Poor Metabolizer", "2.0"))),
        (outside_calls.CONTRADICT_EACH_OTHER, meaning("CYP2D6", "*1/*4", "*1/*1")),
        (outside_calls.CONTRADICT_EACH_OTHER, meaning("CYP2D6", "*1/*4", ("", "Poor Metabolizer", ""))),
        (outside_calls.CONTRADICT_EACH_OTHER, meaning("CYP2D6", "*1/*1", "*1/*2")),
        (outside_calls.CONTRADICT_EACH_OTHER, meaning("HLA-B", "*07:02/*08:01", "*07:02/*40:01")),
        (outside_calls.CONTRADICTS_ITSELF, meaning("HLA-B", ("*07:02/*08:01", "*57:01 positive", ""))),
        (
            outside_calls.CONTRADICT_EACH_OTHER,
            meaning("HLA-B", ("", "*57:01 positive", ""), ("", "*57:01 negative", "")),
        ),
    ]


def test_contradictions_are_told(meaning: Meaning) -> None:
    for reason, found in _contradictions(meaning):
        assert reason in found.reasons
        assert len({outside_calls.CONTRADICTS_ITSELF, outside_calls.CONTRADICT_EACH_OTHER} & found.reasons) == 1


@pytest.mark.parametrize("broken", ["_together", "_contradictory"])
def test_that_a_contradiction_is_overlooked_would_be_noticed(
    meaning: Meaning, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    never = {"_together": lambda allowed: (allowed[0], True), "_contradictory": lambda *_: False}
    monkeypatch.setattr(outside_calls, broken, never[broken])
    assert not all(reason in found.reasons for reason, found in _contradictions(meaning))


def test_what_contradicts_is_shown_to_the_reviewer(meaning: Meaning) -> None:
    found = meaning("CYP2D6", ("*1/*4", "Poor Metabolizer", ""))
    assert found.phenotypes == ("Intermediate Metabolizer", "Poor Metabolizer")
    assert meaning("CYP2D6", "*1/*4", "*1/*1").diplotypes == ("*1/*1", "*1/*4")


def test_calls_that_agree_are_one(meaning: Meaning) -> None:
    found = meaning("CYP2D6", "*1/*4", ("CYP2D6*4/CYP2D6*1", "IM", "1"), ("", "intermediate metaboliser", ""), "./.")
    assert (found.diplotypes, found.phenotypes) == (("*1/*4",), ("Intermediate Metabolizer",))
    assert (found.activity_scores, found.reasons) == (("1.0",), frozenset())


# HLA


NEGATIVE = ("*15:02 negative", "*15:11 negative", "*57:01 negative", "*58:01 negative")


def _but(*changed: str) -> tuple[str, ...]:
    by_allele = {status.split()[0]: status for status in changed}
    return tuple(by_allele.get(status.split()[0], status) for status in NEGATIVE)


@pytest.mark.parametrize(
    ("given", "diplotype", "statuses"),
    [
        ("*57:01/*08:01", "*08:01/*57:01", _but("*57:01 positive")),
        ("*08:01:01/*57:01:01", "*08:01/*57:01", _but("*57:01 positive")),
        ("HLA-B*57:01/B*58:01:01:01", "*57:01/*58:01", _but("*57:01 positive", "*58:01 positive")),
        ("*15:02/*15:11", "*15:02/*15:11", _but("*15:02 positive", "*15:11 positive")),
        ("*15:01/*15:110", "*15:01/*15:110", NEGATIVE),
        ("*07:02:01G/*57:01P", "*07:02/*57:01", _but("*57:01 positive")),
        ("*08/*07:02", "*07:02/*08", NEGATIVE),
        ("*24:09N/*07:02", "*07:02/*24:09N", NEGATIVE),
    ],
)
def test_a_typing_gives_the_status_of_each_allele_that_guidelines_ask_for(
    meaning: Meaning, given: str, diplotype: str, statuses: tuple[str, ...]
) -> None:
    found = meaning("HLA-B", given)
    assert (found.diplotypes, found.phenotypes, found.reasons) == ((diplotype,), statuses, frozenset())


@pytest.mark.parametrize(
    ("given", "statuses", "reason"),
    [
        ("*57:01", ("*57:01 positive",), outside_calls.INCOMPLETE),
        ("*07:02", (NO_RESULT,), outside_calls.INCOMPLETE),
        ("*57/*07:02", tuple(s for s in NEGATIVE if "57" not in s), outside_calls.INCOMPLETE),
        ("*57:01N/*07:02", tuple(s for s in NEGATIVE if "57" not in s), outside_calls.INCOMPLETE),
        ("*57:01/*07:02/*08:01", ("*57:01 positive",), outside_calls.INCOMPLETE),
        ("A*57:01/*07:02", (NO_RESULT,), outside_calls.UNKNOWN_ALLELE),
        ("57:01/07:02", (NO_RESULT,), outside_calls.UNKNOWN_ALLELE),
        ("*57:01/*57:02/", (NO_RESULT,), outside_calls.UNKNOWN_ALLELE),
    ],
)
def test_a_typing_that_leaves_a_status_open_asks_for_review(
    meaning: Meaning, given: str, statuses: tuple[str, ...], reason: str
) -> None:
    found = meaning("HLA-B", given)
    assert (found.phenotypes, found.reasons) == (statuses, {reason})


@pytest.mark.parametrize(
    ("given", "statuses", "reasons"),
    [
        (["*57:01 positive"], ("*57:01 positive",), set()),
        (["HLA-B*57:01  Positive; *15:02 negative"], ("*15:02 negative", "*57:01 positive"), set()),
        (["*57:01 positive", "*15:02 negative"], ("*15:02 negative", "*57:01 positive"), set()),
        (["*57:01 positive; *07:02 negative"], ("*57:01 positive",), {outside_calls.UNKNOWN_VALUE}),
        (["high risk"], (NO_RESULT,), {outside_calls.UNKNOWN_VALUE}),
    ],
)
def test_statuses_may_be_given_alone(
    meaning: Meaning, given: list[str], statuses: tuple[str, ...], reasons: set[str]
) -> None:
    found = meaning("HLA-B", *(("", text, "") for text in given))
    assert (found.phenotypes, found.reasons) == (statuses, reasons)


# No call


@pytest.mark.parametrize("given", ["", ".", "./.", "Unknown/Unknown"])
def test_a_call_without_a_result_says_nothing(genes: Mapping[str, Gene], given: str) -> None:
    for gene in OUTSIDE_ONLY:
        assert interpret_outside(genes[gene], [OutsideCall(gene, given, phenotype="No Result")]) is None
        assert interpret_outside(genes[gene], [OutsideCall("CYP2C19", "*1/*1")]) is None


# In the interpreter

Interpreted = Callable[..., Mapping[str, PharmacogenomicFinding | NotTested]]


@pytest.fixture
def interpreted(make_records: MakeRecords) -> Interpreted:
    """Findings and genes not tested, by gene: of outside calls, and of genes of which every position was read."""

    def run(
        *calls: OutsideCall, sequenced: Mapping[str, Mapping[str, str | None]] | None = None
    ) -> Mapping[str, PharmacogenomicFinding | NotTested]:
        records = [record for gene, edits in (sequenced or {}).items() for record in make_records(gene, edits)]
        given = GenotypeCalls(Build.GRCH38, CallSetKind.ALL_SITES, records, outside_calls=calls)
        done = load().interpret(Sample(Build.GRCH38, Assay.WGS, Sex.FEMALE), given)
        found = {item.subject: item for item in done.not_tested}
        return found | {
            finding.gene: finding for finding in done.findings if isinstance(finding, PharmacogenomicFinding)
        }

    return run


def _finding(found: Mapping[str, PharmacogenomicFinding | NotTested], gene: str) -> PharmacogenomicFinding:
    finding = found[gene]
    assert isinstance(finding, PharmacogenomicFinding)
    return finding


def _drugs(finding: PharmacogenomicFinding, *actions: str) -> set[str]:
    return {row.drug for row in finding.recommendations if set(actions) <= set(row.actions)}


def test_an_outside_call_is_reported_with_its_recommendations(interpreted: Interpreted) -> None:
    found = _finding(interpreted(OutsideCall("CYP2D6", "*4/*5")), "CYP2D6")
    assert (found.called_from, found.reported_phenotype, found.activity_score) == (
        "outside_call",
        "Poor Metabolizer",
        "0.0",
    )
    assert found.may_name_diplotype
    assert "codeine" in _drugs(found, "avoid")


def test_hla_is_reported_with_every_status(interpreted: Interpreted) -> None:
    found = interpreted(OutsideCall("HLA-B", "*57:01/*15:02"), OutsideCall("HLA-A", "*31:01/*02:01"))
    of_b = _finding(found, "HLA-B")
    assert of_b.phenotypes == _but("*15:02 positive", "*57:01 positive")
    assert of_b.reported_phenotype == ", ".join(of_b.phenotypes)
    assert _drugs(of_b, "avoid") >= {"abacavir"}
    assert {row.drug for row in of_b.second_opinions} >= {"flucloxacillin", "lamotrigine"}
    assert "carbamazepine" in _drugs(_finding(found, "HLA-A"))


def test_the_warfarin_and_phenytoin_genes_are_asked_together(interpreted: Interpreted) -> None:
    """A test for another HLA-B allele than the one that phenytoin depends on leaves its other gene's advice alone."""
    sequenced = {"CYP2C9": {}}
    alone = _drugs(_finding(interpreted(sequenced=sequenced), "CYP2C9"))
    for status, told in (("*57:01 negative", True), ("*15:02 negative", True), ("*57 negative", False)):
        found = interpreted(OutsideCall("HLA-B", phenotype=status), sequenced=sequenced)
        assert ("phenytoin" in _drugs(_finding(found, "CYP2C9"))) is told
        assert _finding(found, "HLA-B").requires_review is not told
    assert "phenytoin" in alone


def test_no_call_and_an_unknown_gene_are_told(interpreted: Interpreted) -> None:
    found = interpreted(OutsideCall("CYP2D6", "./."), OutsideCall("HLA-C", "*01:02/*07:01"), OutsideCall("TPMT", "."))
    assert found["CYP2D6"] == NotTested("pharmacogenomics", "CYP2D6", "outside_call_without_result")
    assert found["HLA-C"] == NotTested("pharmacogenomics", "HLA-C", "outside_call_of_unknown_gene")
    assert found["TPMT"] == NotTested("pharmacogenomics", "TPMT", "no_position_read")


CALLED = {"rs12769205": "A/G", "rs4244285": "G/A", "rs3758581": "G/G"}
"""CYP2C19 *1/*2."""


def _beside_sequence(interpreted: Interpreted) -> dict[str, PharmacogenomicFinding]:
    calls = {
        "same": OutsideCall("CYP2C19", "*2/*1"),
        "same phenotype": OutsideCall("CYP2C19", phenotype="IM"),
        "other": OutsideCall("CYP2C19", "*1/*1"),
        "other phenotype": OutsideCall("CYP2C19", phenotype="NM"),
    }
    return {name: _finding(interpreted(call, sequenced={"CYP2C19": CALLED}), "CYP2C19") for name, call in calls.items()}


def test_an_outside_call_goes_before_the_sequence_and_a_difference_is_reviewed(interpreted: Interpreted) -> None:
    found = _beside_sequence(interpreted)
    for finding in found.values():
        assert finding.called_from == "outside_call"
        assert outside_calls.USED in finding.reasons
        assert finding.positions_read == finding.positions_total == 35
    for name in ("same", "same phenotype"):
        assert found[name].reported_phenotype == "Intermediate Metabolizer"
        assert "clopidogrel" in _drugs(found[name])
    for name in ("other", "other phenotype"):
        assert outside_calls.DIFFERS_FROM_SEQUENCE in found[name].reasons
        assert found[name].requires_review
        assert found[name].reported_phenotype is None
        assert found[name].recommendations == ()


@pytest.mark.parametrize("reason", sorted(outside_calls.REVIEW_REASONS))
def test_every_reason_for_review_holds_the_gene(reason: str) -> None:
    assert reason in REVIEW_REASONS


def test_that_a_difference_is_not_reviewed_would_be_noticed(
    interpreted: Interpreted, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = REVIEW_REASONS - outside_calls.REVIEW_REASONS
    monkeypatch.setattr("interpreters.pharmacogenomics.interpreter.REVIEW_REASONS", without)
    assert _beside_sequence(interpreted)["other"].reported_phenotype == "Normal Metabolizer"


def test_a_person_may_accept_the_outside_call(make_records: MakeRecords) -> None:
    interpreter = load()
    call = OutsideCall("CYP2C19", "*1/*1")
    calls = GenotypeCalls(Build.GRCH38, CallSetKind.ALL_SITES, make_records("CYP2C19", CALLED), outside_calls=[call])
    said = interpreter.interpret(Sample(Build.GRCH38, Assay.WGS, Sex.FEMALE), calls)
    (settled,) = (f for f in interpreter.settle(said, {"CYP2C19"}).findings if getattr(f, "gene", "") == "CYP2C19")
    assert isinstance(settled, PharmacogenomicFinding)
    assert settled.reported_phenotype == "Normal Metabolizer"
    assert "clopidogrel" in _drugs(settled)


def test_what_the_sequence_shows_and_the_call_cannot_know_stays_open(interpreted: Interpreted) -> None:
    call = OutsideCall("TPMT", "*1/*1")
    found = _finding(interpreted(call, sequenced={"TPMT": {"rs1800462": "C/T"}}), "TPMT")
    assert "undocumented_allele" in found.reasons
    assert found.reported_phenotype is None
    assert _finding(interpreted(call, sequenced={"TPMT": {}}), "TPMT").reported_phenotype == "Normal Metabolizer"


def test_a_sequence_without_a_result_contradicts_nothing(interpreted: Interpreted) -> None:
    sequenced = {"NAT2": {"rs1801280": None}}
    assert _finding(interpreted(sequenced=sequenced), "NAT2").phenotypes == (NO_RESULT,)
    found = _finding(interpreted(OutsideCall("NAT2", phenotype="Poor Metabolizer"), sequenced=sequenced), "NAT2")
    assert found.reported_phenotype == "Poor Metabolizer"


@pytest.mark.parametrize(
    ("call", "rows"),
    [
        (OutsideCall("DPYD", "c.1679T>G (*13)/Reference"), {"reduce_dose"}),
        (OutsideCall("DPYD", "c.2846A>T/c.2846A>T"), {"test_enzyme"}),
        (OutsideCall("DPYD", activity_score="1.0"), set()),
    ],
)
def test_dpwg_tells_apart_how_a_score_of_one_comes_about(
    interpreted: Interpreted, call: OutsideCall, rows: set[str]
) -> None:
    found = _finding(interpreted(call), "DPYD")
    assert found.reported_phenotype == "Intermediate Metabolizer"
    of_second = {row.actions[0] for row in found.second_opinions if row.drug == "fluorouracil"}
    assert of_second == rows


# Reach: every row of the guidelines can be asked for by some call


def _reached(interpreter: PharmacogenomicsInterpreter, gene: Gene) -> set[str]:
    """Lookup values that calls of a gene lead to: pairs of alleles, one for each function, or statuses."""
    diplotypes: Iterable[str]
    if gene.presence_only:
        named = [*gene.outside_alleles, "*02:02"]
        diplotypes = ("/".join(pair) for pair in combinations_with_replacement(named, 2))
    else:
        by_key = {gene.rules.key(allele): allele.name for allele in gene.alleles}
        by_key |= {gene.rules.key(outside): name for name, outside in gene.outside_alleles.items()}
        haploid = gene.name == "MT-RNR1"
        named = [*by_key.values(), *(() if haploid else ("*1xN",))]
        diplotypes = named if haploid else ("/".join(pair) for pair in combinations_with_replacement(named, 2))
    reached: set[str] = set()
    for diplotype in diplotypes:
        calls = GenotypeCalls(
            Build.GRCH38, CallSetKind.ALL_SITES, (), outside_calls=[OutsideCall(gene.name, diplotype)]
        )
        (finding,) = interpreter.interpret(Sample(Build.GRCH38, Assay.WGS, Sex.FEMALE), calls).findings
        assert isinstance(finding, PharmacogenomicFinding)
        reached |= interpreter._values(finding).general
    return reached


@pytest.mark.parametrize("name", OUTSIDE_ONLY)
def test_every_guideline_row_is_reached_by_some_call(genes: Mapping[str, Gene], name: str) -> None:
    asked = {
        value
        for source in GUIDELINES
        for gene, value in load_recommendations(
            choose_release("pharmacogenomics", None, DATA), frozenset({name}), source
        ).rows
        if gene == name
    }
    reached = _reached(load(options={"genes": name}), genes[name])
    assert asked - reached <= {"No Result"}  # which is that there is no call
    assert len(asked) >= 3
