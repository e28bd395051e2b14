"""What two fingerprints say, on people drawn by hand and at random; and that each rule is needed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity import comparison
from identity.alarms import Alarm, Relationship, Suspicion, alarms
from identity.comparison import Hit, Index, Relation, compare, heterozygosity, looks_mixed
from identity.fingerprint import UNREAD, Codes, pack, pack_all, packed_size, unpack
from identity.panel import load_panel

PANEL = load_panel()
LIMITS = PANEL.limits
SITES = len(PANEL)
SMALL = replace(LIMITS, fewest_sites_for_same_person=1, fewest_sites_for_relatives=1)

fingerprints = st.lists(st.integers(0, 3), min_size=70, max_size=70).map(lambda codes: np.array(codes, dtype=np.uint8))


def founders(count: int, seed: int = 1) -> np.ndarray:
    """Unrelated people: people x 2 x sites."""
    return (np.random.default_rng(seed).random((count, 2, SITES)) < 0.4).astype(np.uint8)


def child(mother: np.ndarray, father: np.ndarray, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    strands = random.integers(0, 2, (2, SITES))
    return np.stack([parent[s, np.arange(SITES)] for parent, s in zip((mother, father), strands, strict=True)])


def codes(person: np.ndarray) -> Codes:
    return person.sum(axis=0).astype(np.uint8)


MOTHER, FATHER, STRANGER = founders(3)
OLDER, YOUNGER = child(MOTHER, FATHER, 2), child(MOTHER, FATHER, 3)


# --- Fingerprints


@given(fingerprints)
def test_packing_loses_nothing(found: Codes) -> None:
    assert len(pack(found)) == packed_size(len(found)) == 18
    assert (unpack(pack(found), len(found)) == found).all()


def test_a_fingerprint_of_another_panel_is_refused() -> None:
    with pytest.raises(ValueError, match="18 bytes, not 20"):
        unpack(bytes(20), 70)


@pytest.mark.parametrize("sites", [1, 8, 63, 64, 65, 130])
def test_padding_is_not_read(sites: int) -> None:
    found = compare(np.zeros(sites, dtype=np.uint8), np.ones(sites, dtype=np.uint8), SMALL)
    assert (found.shared_sites, found.concordance) == (sites, 0.0)


# --- Comparison


def by_hand(one: Codes, other: Codes) -> tuple[int, float, float, float]:
    """The definitions, a site after the other."""
    both = [(a, b) for a, b in zip(one.tolist(), other.tolist(), strict=True) if UNREAD not in {a, b}]
    if not both:
        return 0, 0.0, 0.0, 0.0
    equal, opposite = sum(a == b for a, b in both), sum(abs(a - b) == 2 for a, b in both)
    shared_heterozygotes = sum(a == b == 1 for a, b in both)
    heterozygotes = sum((a == 1) + (b == 1) for a, b in both)
    kinship = (shared_heterozygotes - 2 * opposite) / heterozygotes if heterozygotes else 0.0
    return len(both), equal / len(both), opposite / len(both), kinship


@given(fingerprints, fingerprints)
def test_counts_are_those_of_the_definitions_in_either_order(one: Codes, other: Codes) -> None:
    found = compare(one, other, SMALL)
    assert found == compare(other, one, SMALL)
    told = (found.shared_sites, found.concordance, found.opposite_homozygotes, found.kinship)
    assert told == pytest.approx(by_hand(one, other))


@given(fingerprints, fingerprints, st.integers(0, 69))
def test_an_unread_site_is_no_reference(one: Codes, other: Codes, site: int) -> None:
    one[site] = UNREAD
    without = np.delete(one, site), np.delete(other, site)
    assert compare(one, other, SMALL) == compare(*without, SMALL)


@pytest.mark.parametrize(
    ("one", "other", "relation", "kinship"),
    [
        (MOTHER, MOTHER, Relation.SAME_PERSON, 0.5),
        (MOTHER, OLDER, Relation.FIRST_DEGREE, 0.25),
        (OLDER, YOUNGER, Relation.FIRST_DEGREE, 0.25),
        (MOTHER, FATHER, Relation.NOT_CLOSELY_RELATED, 0.0),
        (OLDER, STRANGER, Relation.NOT_CLOSELY_RELATED, 0.0),
    ],
)
def test_relations(one: np.ndarray, other: np.ndarray, relation: Relation, kinship: float) -> None:
    found = compare(codes(one), codes(other), LIMITS)
    assert found.relation is relation
    assert found.kinship == pytest.approx(kinship, abs=0.06)


@pytest.mark.parametrize(
    ("read", "relation"),
    [
        (SITES, Relation.FIRST_DEGREE),
        (LIMITS.fewest_sites_for_relatives, Relation.FIRST_DEGREE),
        (LIMITS.fewest_sites_for_relatives - 1, Relation.NOT_SAME_PERSON),
        (LIMITS.fewest_sites_for_same_person, Relation.NOT_SAME_PERSON),
        (LIMITS.fewest_sites_for_same_person - 1, Relation.TOO_FEW_SITES),
        (0, Relation.TOO_FEW_SITES),
    ],
)
def test_too_few_sites_say_less_or_nothing(read: int, relation: Relation) -> None:
    seen = codes(MOTHER)
    seen[read:] = UNREAD
    assert compare(seen, codes(OLDER), LIMITS).relation is relation


def variants_only(person: np.ndarray) -> Codes:
    """A file that leaves reference genotypes out."""
    found = codes(person)
    found[found == 0] = UNREAD
    return found


def test_a_file_of_variants_makes_nobody_a_relative(monkeypatch: pytest.MonkeyPatch) -> None:
    mother, stranger = variants_only(MOTHER), variants_only(STRANGER)
    assert compare(mother, codes(MOTHER), LIMITS).relation is Relation.SAME_PERSON
    for other in (stranger, codes(STRANGER), codes(OLDER)):
        assert compare(mother, other, LIMITS).relation is Relation.NOT_SAME_PERSON
    broken = comparison._relation
    monkeypatch.setattr(comparison, "_relation", lambda *given, **_: broken(*given, lists_reference=True, mixed=False))
    few = replace(LIMITS, fewest_sites_for_relatives=300)
    assert compare(mother, stranger, few).relation is Relation.FIRST_DEGREE, "what the rule guards against"


def test_heterozygosity_tells_a_sample_of_two_people() -> None:
    assert heterozygosity(np.array([0, 1, 2, 1, UNREAD], dtype=np.uint8)) == 0.5
    assert heterozygosity(np.array([UNREAD], dtype=np.uint8)) == 0.0
    mixed = np.where(codes(MOTHER) == codes(STRANGER), codes(MOTHER), 1).astype(np.uint8)
    assert looks_mixed(mixed, LIMITS)
    assert not looks_mixed(codes(MOTHER), LIMITS)
    assert heterozygosity(variants_only(MOTHER)) > LIMITS.most_heterozygous
    assert not looks_mixed(variants_only(MOTHER), LIMITS), "no file of variants is a mixture for that alone"
    mixed[LIMITS.fewest_sites_for_relatives - 1 :] = UNREAD
    assert not looks_mixed(mixed, LIMITS), "too few sites to say so"


def test_a_sample_of_two_people_makes_no_stranger_a_relative() -> None:
    mixed = codes(MOTHER)
    mixed[:1150] = np.where(mixed[:1150] == 0, 1, mixed[:1150])
    assert looks_mixed(mixed, LIMITS)
    for other in (FATHER, STRANGER, OLDER):
        assert compare(mixed, codes(other), LIMITS).relation is Relation.NOT_SAME_PERSON
    assert compare(
        mixed, codes(STRANGER), replace(LIMITS, most_heterozygous=1.0, first_degree_kinship=0.1)
    ).relation is (Relation.FIRST_DEGREE), "what the rule guards against"


# --- Search


def index_of(**people: np.ndarray) -> Index:
    index = Index(PANEL)
    index.add(people, pack_all(np.stack([codes(person) for person in people.values()])))
    return index


def test_a_search_finds_the_person_and_close_relatives_alone() -> None:
    index = index_of(mother=MOTHER, father=FATHER, stranger=STRANGER, younger=YOUNGER)
    assert [hit.key for hit in index.search(codes(MOTHER))] == ["mother", "younger"]
    assert sorted(hit.key for hit in index.search(codes(OLDER))) == ["father", "mother", "younger"]
    assert not index_of(father=FATHER).search(codes(MOTHER))


def test_a_search_says_what_comparing_one_by_one_says() -> None:
    people = {f"person {number}": person for number, person in enumerate((MOTHER, FATHER, STRANGER, OLDER, YOUNGER))}
    index = index_of(**people)
    close = {Relation.SAME_PERSON, Relation.FIRST_DEGREE}
    for seen in (codes(OLDER), variants_only(OLDER), codes(founders(1, seed=9)[0])):
        one_by_one = {
            name: found
            for name, person in people.items()
            if (found := compare(seen, codes(person), LIMITS)).relation in close
        }
        assert dict(index.search(seen)) == one_by_one


def test_who_is_forgotten_is_not_found() -> None:
    index = index_of(mother=MOTHER, older=OLDER)
    index.forget(["mother", "nobody"])
    index.forget(["nobody"])
    assert (len(index), index.keys) == (1, {"older"})
    assert [hit.key for hit in index.search(codes(MOTHER))] == ["older"]
    assert bytes(pack(codes(MOTHER))) not in index._packed.tobytes(), "nor kept in memory"
    index.add(["mother"], pack_all(codes(MOTHER)[np.newaxis]))
    assert [hit.key for hit in index.search(codes(MOTHER))] == ["mother", "older"]


@pytest.mark.parametrize("keys", [["mother"], ["one", "one"], []])
def test_a_name_stands_for_one_sample(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="one name"):
        index_of(mother=MOTHER).add(keys, pack_all(np.stack([codes(MOTHER)] * max(1, len(keys)))))


def test_an_empty_index_finds_nobody() -> None:
    assert not Index(PANEL).search(codes(MOTHER))


# --- Alarms


def hit(one: np.ndarray, other: np.ndarray) -> Hit:
    return Hit("other", compare(codes(one), codes(other), LIMITS))


def raised(found: Hit, registered: Relationship | None) -> list[Alarm]:
    return alarms(codes(MOTHER), LIMITS, own={}, found=[(found, registered)])


def test_samples_of_one_participant_must_be_of_one_person() -> None:
    def judged(other: Codes) -> list[Alarm]:
        return alarms(codes(MOTHER), LIMITS, own={"array": other}, found=[])

    nothing_read = np.full(SITES, UNREAD, dtype=np.uint8)
    assert judged(codes(MOTHER)) == judged(nothing_read) == []
    for other in (codes(FATHER), codes(OLDER), variants_only(STRANGER)):
        assert judged(other) == [Alarm(Suspicion.DIFFERENT_PEOPLE, "array")]


SAME, PARENT = hit(MOTHER, MOTHER), hit(MOTHER, OLDER)
DUPLICATE, RELATIVE = Alarm(Suspicion.SAME_PERSON, "other"), Alarm(Suspicion.UNEXPECTED_RELATIVE, "other")


@pytest.mark.parametrize(
    ("found", "registered", "expected"),
    [
        (SAME, None, [DUPLICATE]),
        (SAME, Relationship.TWIN, []),
        (SAME, Relationship.FULL_SIBLING, [DUPLICATE]),
        (SAME, Relationship.PARENT_AND_CHILD, [DUPLICATE]),
        (PARENT, None, [RELATIVE]),
        (PARENT, Relationship.TWIN, []),
        (PARENT, Relationship.FULL_SIBLING, []),
        (PARENT, Relationship.PARENT_AND_CHILD, []),
    ],
)
def test_registered_relatives_raise_no_alarm_but_for_more_than_their_relation(
    found: Hit, registered: Relationship | None, expected: list[Alarm]
) -> None:
    assert raised(found, registered) == expected


def test_a_mixed_sample_is_wrong_in_itself() -> None:
    mixed = np.where(codes(MOTHER) == codes(STRANGER), codes(MOTHER), 1).astype(np.uint8)
    assert alarms(mixed, LIMITS, own={}, found=[]) == [Alarm(Suspicion.MIXED_SAMPLE, None)]
