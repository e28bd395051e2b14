"""Which outcome a genotype has, how likely it is, and when a trait is not read."""

from __future__ import annotations

from itertools import combinations

import pytest
from support.trait_genomes import findings, interpret, interpreter, outcome, person, record, variants

from interpreters.findings import Likelihood, NotTested, TraitFinding
from interpreters.serial import finding_from_json, to_json

TASTE = ("rs713598", "rs1726866", "rs10246939")
LACTASE = ("rs4988235", "rs41380347", "rs41525747", "rs145946881")
RED = ("rs1805007", "rs1805008", "rs1805009", "rs11547464", "rs1110400")
EYES = {
    "rs12913832": "GG",
    "rs1800407": "CC",
    "rs12896399": "TT",
    "rs16891982": "GG",
    "rs1393350": "GG",
    "rs12203592": "CC",
}
"""No copy of any allele that the eye color model counts."""


@pytest.mark.parametrize(
    ("trait", "rsid", "genotypes"),
    [
        ("cilantro", "rs72921001", {"CC": "slightly_more", "AC": "average", "AA": "slightly_less"}),
        ("earwax", "rs17822931", {"CC": "very_likely", "CT": "very_likely", "TT": "very_likely"}),
        ("actn3", "rs1815739", {"CC": "certain", "CT": "certain", "TT": "certain"}),
        ("photic_sneeze", "rs10427255", {"CC": "more", "CT": "average", "TT": "less"}),
        ("asparagus", "rs4481887", {"AA": "more", "AG": "more", "GG": "less"}),
        ("hair_thickness", "rs3827760", {"GG": "likely", "AG": "average", "AA": "typical"}),
        ("alcohol_flush", "rs671", {"GG": "unlikely", "AG": "likely", "AA": "very_likely"}),
        ("alcohol_metabolism", "rs1229984", {"CC": "typical", "CT": "likely", "TT": "likely"}),
    ],
)
def test_traits_of_one_variant(trait: str, rsid: str, genotypes: dict[str, str]) -> None:
    for genotype, likelihood in genotypes.items():
        for order in (genotype, genotype[::-1]):
            found = findings(interpret([record(rsid, order)]))[trait]
            assert (found.outcome, found.likelihood) == (genotype, likelihood)


def test_a_finding_says_what_was_read_and_in_whom_it_was_studied() -> None:
    (found,) = interpret([record("rs17822931", "TC")]).findings
    assert found == TraitFinding(
        "earwax",
        "CT",
        {"rs17822931": "C/T"},
        "read",
        1,
        1,
        likelihood=Likelihood.VERY_LIKELY,
        studied_in="33 populations worldwide",
        evidence="A",
    )


@pytest.mark.parametrize(
    ("taste", "expected"),
    [
        (("GG", "GG", "CC"), "PAV/PAV"),
        (("CC", "AA", "TT"), "AVI/AVI"),
        (("CG", "GA", "TC"), "PAV/AVI"),
        (("GG", "GG", "TC"), "rare"),
        (("CC", "GG", "CC"), "rare"),
    ],
)
def test_taste_of_unphased_files(taste: tuple[str, str, str], expected: str) -> None:
    assert outcome("bitter_taste", *person(dict(zip(TASTE, taste, strict=True)))) == expected


@pytest.mark.parametrize(
    ("taste", "sets", "expected"),
    [
        (("GC", "GA", "CT"), (None, None, None), "PAV/AVI"),
        (("CG", "AG", "TC"), (None, None, None), "PAV/AVI"),
        (("GC", "AG", "CT"), (None, None, None), "rare"),
        (("GC", "AG", "CT"), ("1", "1", "1"), "rare"),
        (("GC", "AG", "CT"), ("1", "2", "1"), "PAV/AVI"),
    ],
)
def test_taste_of_phased_files(taste: tuple[str, ...], sets: tuple[str | None, ...], expected: str) -> None:
    records = [
        record(rsid, genotype, phased=True, phase_set=phase)
        for rsid, genotype, phase in zip(TASTE, taste, sets, strict=True)
    ]
    assert outcome("bitter_taste", *records) == expected
    assert outcome("bitter_taste", *records[:2], record(TASTE[2], taste[2])) == "PAV/AVI"


def test_taste_partly_read() -> None:
    assert outcome("bitter_taste", *person({"rs713598": "GG", "rs1726866": "GG"})) == "(partly_read)"
    found = findings(interpret(person({"rs713598": "GG", "rs1726866": "GA"})))["bitter_taste"]
    assert (found.outcome, found.status, found.missing) == ("rare", "partly_read", ("rs10246939",))
    assert (found.variants_read, found.variants_total) == (2, 3)


NO_LACTASE = {"rs4988235": "GG", "rs41380347": "AA", "rs41525747": "GG", "rs145946881": "CC"}


@pytest.mark.parametrize(
    ("rsid", "genotype"),
    [("rs4988235", "GA"), ("rs4988235", "AA"), ("rs41380347", "AC"), ("rs41525747", "GC"), ("rs145946881", "CG")],
)
def test_one_allele_from_anywhere_keeps_lactase(rsid: str, genotype: str) -> None:
    assert outcome("lactose", *person({**NO_LACTASE, rsid: genotype})) == ">=1"
    assert outcome("lactose", record(rsid, genotype)) == ">=1"


def test_lactase_is_absent_only_where_all_was_read() -> None:
    assert outcome("lactose", *person(NO_LACTASE)) == "0_all_read"
    for rsid in LACTASE:
        left = {other: genotype for other, genotype in NO_LACTASE.items() if other != rsid}
        found = findings(interpret(person(left)))["lactose"]
        assert (found.outcome, found.likelihood, found.missing) == ("0_some_not_read", "cannot_tell", (rsid,))


def red_hair(*, phased: bool = False, **changed: str) -> str:
    """Outcome of a person read at every red-hair variant; those not named are unchanged."""
    genotypes = {rsid: changed.get(rsid, variants()[rsid].ref * 2) for rsid in RED}
    return outcome("red_hair", *person(genotypes, phased=phased))


def both(rsid: str) -> str:
    """Heterozygous, the changed base second."""
    return variants()[rsid].ref + variants()[rsid].alt


def test_red_hair_counts_changed_copies() -> None:
    assert red_hair() == "0"
    for rsid in RED:
        assert red_hair(**{rsid: both(rsid)}) == "1"
        assert red_hair(**{rsid: variants()[rsid].alt * 2}) == "2"
    for one, other in combinations(RED, 2):
        assert red_hair(**{one: both(one), other: both(other)}) == "2"
        assert red_hair(**{one: both(one), other: both(other)}, phased=True) == "1", "both on the second copy"
        assert red_hair(**{one: both(one), other: both(other)[::-1]}, phased=True) == "2"
    assert red_hair(**{rsid: both(rsid) for rsid in RED}) == "2"


def test_fewer_than_two_changed_copies_need_every_variant() -> None:
    assert outcome("red_hair", *person({"rs1805007": "TT"})) == "2"
    assert outcome("red_hair", *person({"rs1805007": "CT", "rs1805008": "CT"})) == "2"
    assert outcome("red_hair", *person({"rs1805007": "CT"})) == "(partly_read)"
    assert outcome("red_hair", *person({rsid: variants()[rsid].ref * 2 for rsid in RED[1:]})) == "(partly_read)"


def eyes(**changed: str) -> dict[str, str]:
    return {**EYES, **changed}


@pytest.mark.parametrize(
    ("genotypes", "expected", "word", "probabilities"),
    [
        (eyes(), "blue", "very_likely", (0.9500, 0.0296, 0.0204)),
        (eyes(rs12913832="AA"), "brown", "very_likely", (0.0027, 0.0263, 0.9711)),
        (eyes(rs12913832="AG"), "cannot tell", "cannot_tell", (0.2296, 0.1273, 0.6431)),
        (eyes(rs12913832="GA", rs16891982="CG"), "brown", "likely", (0.0660, 0.0806, 0.8534)),
        (eyes(rs12896399="GG", rs16891982="CG"), "cannot tell", "cannot_tell", (0.6755, 0.1310, 0.1935)),
        (eyes(rs1800407="TT", rs1393350="AA", rs12203592="TT"), "blue", "very_likely", (0.9789, 0.0208, 0.0003)),
    ],
)
def test_eye_color_as_the_published_formula_gives_it(
    genotypes: dict[str, str], expected: str, word: str, probabilities: tuple[float, ...]
) -> None:
    """The probabilities of blue, intermediate and brown were worked out by hand."""
    found = findings(interpret(person(genotypes)))["eye_colour"]
    assert (found.outcome, found.likelihood, found.status) == (expected, word, "read")
    by_hand = dict(zip(("blue", "intermediate", "brown"), probabilities, strict=True))
    assert found.probabilities == pytest.approx(by_hand, abs=6e-5)
    assert found.probability == found.probabilities.get(expected)


def test_eye_color_is_called_only_where_unread_variants_cannot_change_it() -> None:
    brown = eyes(rs12913832="AA", rs16891982="CC", rs12896399="GG")
    left = {rsid: genotype for rsid, genotype in brown.items() if rsid != "rs1800407"}
    found = findings(interpret(person(left)))["eye_colour"]
    assert (found.outcome, found.status, found.missing) == ("brown", "partly_read", ("rs1800407",))
    whole = findings(interpret(person(brown)))["eye_colour"]
    assert found.probability == pytest.approx(0.9526, abs=6e-5)
    assert whole.probability is not None
    assert found.probability < whole.probability
    assert found.probabilities is None
    for rsid, bases in EYES.items():
        assert outcome("eye_colour", *person({rsid: bases})) == "(partly_read)"
    without_the_main_one = {rsid: genotype for rsid, genotype in brown.items() if rsid != "rs12913832"}
    assert outcome("eye_colour", *person(without_the_main_one)) == "(partly_read)"


T, TC = "T", "TC"


@pytest.mark.parametrize(
    ("functional", "b", "phased", "expected"),
    [
        ((T, T), "GG", False, "O"),
        ((T, T), "GT", False, "O"),
        ((T, T), None, False, "O"),
        ((T, TC), "GG", False, "A"),
        ((TC, TC), "GG", False, "A"),
        ((TC, TC), "GT", False, "AB"),
        ((TC, TC), "TT", False, "B"),
        ((T, TC), "TT", False, "B"),
        ((T, TC), "GT", False, "not called"),
        ((T, TC), "GT", True, "B"),
        ((T, TC), "TG", True, "not called"),
        ((T, TC), None, False, "(partly_read)"),
        (None, "GG", False, "(partly_read)"),
    ],
)
def test_blood_group(functional: tuple[str, str] | None, b: str | None, phased: bool, expected: str) -> None:
    read = {"rs8176719": functional, "rs8176746": b}
    records = person({rsid: genotype for rsid, genotype in read.items() if genotype is not None}, phased=phased)
    assert outcome("abo", *records) == expected


def test_nothing_read_is_its_own_outcome() -> None:
    made = interpret([], wanted="recommended")
    assert made.findings == ()
    assert made.not_tested == tuple(
        NotTested("traits", trait.id, "not_read") for trait in interpreter("recommended").traits
    )


def test_limits_say_what_was_not_read_and_what_is_not_used() -> None:
    made = interpret([record("rs17822931", "CT")], wanted="earwax,lactose")
    assert made.limits == {
        "variants_not_read": "rs4988235; rs41380347; rs41525747; rs145946881",
        "variants_not_used": "rs869051967",
    }


def test_every_finding_has_a_likelihood_a_population_and_a_grade() -> None:
    whole = {rsid: (variant.ref, variant.alt) for rsid, variant in variants().items()}
    found = findings(interpret(person(whole)))
    assert set(found) == {trait.id for trait in interpreter().traits}
    assert all(one.likelihood and one.studied_in and one.evidence in {"A", "B"} for one in found.values())
    assert {one.trait for one in found.values() if one.sensitive} == {"alcohol_flush", "alcohol_metabolism", "abo"}


def test_findings_survive_json_and_older_ones_are_read() -> None:
    found = findings(interpret(person(EYES)))["eye_colour"]
    assert finding_from_json(to_json(found)) == found
    older = {
        "trait": "earwax", "outcome": "TT", "genotype": {}, "status": "read", "variants_read": 1, "variants_total": 1,
        "module": "traits",
    }  # fmt: skip
    assert finding_from_json(older) == TraitFinding("earwax", "TT", {}, "read", 1, 1)
