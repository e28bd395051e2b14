from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from interpreters.hereditary_risk.alleles import AlleleKey, ReferenceBases, equivalents, place, trim

NOTHING = ReferenceBases(())


def test_trim_drops_the_end_first_and_then_the_start() -> None:
    assert trim(10, "CAA", "C") == (11, "AA", "")
    assert trim(10, "GAT", "GCT") == (11, "A", "C")
    assert trim(10, "AC", "AC") == (10, "", "")


def test_reference_bases_are_a_mapping_with_gaps() -> None:
    bases = ReferenceBases([("1", 5, "ACG"), ("1", 10, "T"), ("X", 1, "GG")])
    assert dict(bases) == {
        ("1", 5): "A",
        ("1", 6): "C",
        ("1", 7): "G",
        ("1", 10): "T",
        ("X", 1): "G",
        ("X", 2): "G",
    }
    assert len(bases) == 6
    assert ("1", 8) not in bases
    assert bases.at("1", 4) is None
    assert bases.at("2", 5) is None


def test_a_left_aligned_indel_is_certain_by_its_own_anchor() -> None:
    assert place("1", 10, "GT", "G", NOTHING) == (AlleleKey("1", 11, "T", ""), True)
    assert place("1", 10, "gt", "g", NOTHING).key.deleted == "T"


def test_a_shifted_indel_needs_the_bases_to_its_left() -> None:
    assert not place("1", 10, "TT", "T", NOTHING).certain
    known = ReferenceBases([("1", 7, "GTTTT")])
    assert place("1", 10, "TT", "T", known) == (AlleleKey("1", 8, "T", ""), True)
    assert place("1", 10, "T", "TT", known) == (AlleleKey("1", 8, "", "T"), True)
    assert not place("1", 10, "TT", "T", ReferenceBases([("1", 8, "NTTT")])).certain


def test_substitutions_and_no_change_are_certain() -> None:
    assert place("1", 10, "A", "G", NOTHING) == (AlleleKey("1", 10, "A", "G"), True)
    assert place("1", 10, "A", "A", NOTHING).certain


def test_key_facts() -> None:
    assert AlleleKey("1", 5, "AC", "").end == 6
    assert AlleleKey("1", 5, "", "AC").end == 4
    assert AlleleKey("1", 5, "AC", "").is_indel
    assert not AlleleKey("1", 5, "AC", "GT").is_indel


def test_equivalents_walk_right_over_known_bases() -> None:
    bases = ReferenceBases([("1", 7, "GACACT")])
    assert list(equivalents(AlleleKey("1", 8, "AC", ""), bases)) == [
        AlleleKey("1", 8, "AC", ""),
        AlleleKey("1", 9, "CA", ""),
        AlleleKey("1", 10, "AC", ""),
    ]
    assert [key.pos for key in equivalents(AlleleKey("1", 8, "", "AC"), bases)] == [8, 9, 10, 11, 12]
    assert len(list(equivalents(AlleleKey("1", 8, "A", "C"), bases))) == 1


sequences = st.text(alphabet="ACGT", min_size=12, max_size=30)


@given(sequences, st.data())
def test_every_spelling_of_an_indel_has_one_key_and_a_poor_map_is_never_wrong(
    sequence: str, data: st.DataObject
) -> None:
    """Spellings of one change, made by brute force over a whole random sequence, whatever bases around are spelled."""
    start = data.draw(st.integers(2, len(sequence) - 4))
    length = data.draw(st.integers(1, 3))
    insert = data.draw(st.text(alphabet="ACGT", min_size=1, max_size=3)) if data.draw(st.booleans()) else ""
    changed = sequence[:start] + insert + sequence[start:] if insert else sequence[:start] + sequence[start + length :]
    whole = ReferenceBases([("1", 1, sequence)])
    keys = set()
    for first in range(1, len(sequence)):
        size = len(insert) or length
        ref = sequence[first - 1 : first] if insert else sequence[first - 1 : first + size]
        alt = sequence[first - 1 : first] + changed[first : first + size] if insert else sequence[first - 1 : first]
        spelled = sequence[: first - 1] + alt + sequence[first - 1 + len(ref) :]
        if spelled != changed:
            continue
        placed = place("1", first, ref, alt, whole)
        at_the_edge = placed.key.pos == 1
        assert placed.certain or at_the_edge
        keys.add(placed.key)
        low, high = data.draw(st.integers(1, first)), data.draw(st.integers(first, len(sequence)))
        part = place("1", first, ref, alt, ReferenceBases([("1", low, sequence[low - 1 : high])]))
        assert not part.certain or part.key == placed.key
    assert len(keys) == 1
