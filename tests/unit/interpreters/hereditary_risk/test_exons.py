from __future__ import annotations

import pytest

from interpreters.genotypes import Interval
from interpreters.hereditary_risk.alleles import AlleleKey, ReferenceBases
from interpreters.hereditary_risk.exons import CodingExon, GeneExons, by_gene, merge

FORWARD = GeneExons([CodingExon("F", 1, "1", 101, 110, forward=True), CodingExon("F", 2, "1", 201, 208, forward=True)])
REVERSE = GeneExons(
    [CodingExon("R", 2, "1", 101, 110, forward=False), CodingExon("R", 1, "1", 201, 208, forward=False)]
)
NOTHING = ReferenceBases(())


def key(pos: int, deleted: str, inserted: str = "") -> AlleleKey:
    return AlleleKey("1", pos, deleted, inserted)


@pytest.mark.parametrize(
    ("change", "forward", "reverse"),
    [
        (key(105, "A"), {"frameshift_variant"}, {"frameshift_variant"}),
        (key(105, "", "AC"), {"frameshift_variant"}, {"frameshift_variant"}),
        (key(105, "ACG"), set(), set()),
        (key(105, "A", "C"), set(), set()),
        (key(111, "G", "A"), {"splice_donor_variant"}, {"splice_acceptor_variant"}),
        (key(112, "G", "A"), {"splice_donor_variant"}, {"splice_acceptor_variant"}),
        (key(113, "G", "A"), set(), set()),
        (key(199, "G", "A"), {"splice_acceptor_variant"}, {"splice_donor_variant"}),
        (key(198, "G", "A"), set(), set()),
        (key(100, "G", "A"), set(), set()),
        (key(209, "G", "A"), set(), set()),
        (key(109, "ACG"), {"splice_donor_variant"}, {"splice_acceptor_variant"}),
        (key(150, "A"), set(), set()),
        (key(111, "", "A"), {"splice_donor_variant", "frameshift_variant"}, None),
    ],
)
def test_consequences_follow_from_the_exons(change: AlleleKey, forward: set[str], reverse: set[str] | None) -> None:
    assert FORWARD.consequences(change, NOTHING) == forward
    if reverse is not None:
        assert REVERSE.consequences(change, NOTHING) == reverse


def test_a_new_stop_needs_every_base_of_its_codon() -> None:
    bases = ReferenceBases([("1", 101, "ATGCAATGGT"), ("1", 201, "AAGGGTAA")])
    assert FORWARD.consequences(key(104, "C", "T"), bases) == {"nonsense"}
    assert FORWARD.consequences(key(104, "C", "G"), bases) == frozenset()
    assert FORWARD.consequences(key(201, "A", "G"), bases) == frozenset()
    # The codon T|AA is split by the intron.
    assert FORWARD.consequences(key(202, "A", "G"), bases) == frozenset()
    split = ReferenceBases([("1", 101, "ATGCAATGGT"), ("1", 201, "CAGGGTAA")])
    assert FORWARD.consequences(key(201, "C", "A"), split) == {"nonsense"}
    assert FORWARD.consequences(key(104, "C", "T"), NOTHING) == frozenset()


def test_a_new_stop_on_the_minus_strand() -> None:
    # Reading order is 208 down to 201, then 110 down to 101; TTG at 203-205 reads CAA.
    bases = ReferenceBases([("1", 201, "AATTGCAT")])
    assert REVERSE.consequences(key(205, "G", "A"), bases) == {"nonsense"}
    assert REVERSE.consequences(key(205, "G", "C"), bases) == frozenset()


def test_a_spelling_that_spares_the_splice_site_speaks_for_all() -> None:
    # ...AG|AGGC: deleting AGG at 199 is the same as deleting GGA or an in-frame GAG further right.
    bases = ReferenceBases([("1", 198, "TAGGAGGC")])
    assert FORWARD.consequences(key(199, "AGG"), bases) == frozenset()
    assert FORWARD.consequences(key(199, "AGG"), NOTHING) == {"splice_acceptor_variant"}


def test_codons() -> None:
    assert FORWARD.in_frame
    assert FORWARD.codons(key(104, "A", "C")) == {1}
    assert FORWARD.codons(key(110, "A", "C")) == FORWARD.codons(key(201, "A", "C")) == {3}
    assert FORWARD.codons(key(104, "", "C")) == {0, 1}
    assert FORWARD.codons(key(150, "A", "C")) == frozenset()
    assert FORWARD.codons(AlleleKey("2", 104, "A", "C")) == frozenset()
    assert REVERSE.codons(key(208, "A", "C")) == {0}
    broken = GeneExons([CodingExon("B", 1, "1", 1, 4, forward=True)])
    assert not broken.in_frame
    assert broken.codons(key(2, "A", "C")) == frozenset()


def test_decay_is_escaped_near_the_end() -> None:
    long = GeneExons([CodingExon("L", 1, "1", 1, 300, forward=True), CodingExon("L", 2, "1", 401, 460, forward=True)])
    assert long.may_escape_decay(key(410, "A"))
    assert long.may_escape_decay(key(251, "A"))
    assert not long.may_escape_decay(key(250, "A"))
    back = GeneExons([CodingExon("L", 2, "1", 1, 300, forward=False), CodingExon("L", 1, "1", 401, 460, forward=False)])
    assert back.may_escape_decay(key(300, "A"))
    assert back.may_escape_decay(key(450, "A"))
    assert not back.may_escape_decay(key(451, "A"))
    assert GeneExons([CodingExon("S", 1, "1", 1, 300, forward=True)]).may_escape_decay(key(5, "A"))


def test_places() -> None:
    assert FORWARD.target(20) == [Interval("1", 81, 130), Interval("1", 181, 228)]
    assert FORWARD.target(60) == [Interval("1", 41, 268)]
    assert FORWARD.touches("1", 130, 130, 20)
    assert not FORWARD.touches("1", 131, 131, 20)
    assert not FORWARD.touches("2", 105, 105, 20)
    assert FORWARD.spans("1", 150, 150, 20)
    assert not FORWARD.spans("1", 229, 229, 20)
    assert not FORWARD.spans("2", 150, 150, 20)


def test_merge_and_grouping() -> None:
    assert merge([Interval("2", 1, 5), Interval("1", 4, 6), Interval("1", 1, 3), Interval("1", 9, 9)]) == [
        Interval("1", 1, 6),
        Interval("1", 9, 9),
        Interval("2", 1, 5),
    ]
    assert list(by_gene([*REVERSE.rows, *FORWARD.rows])) == ["F", "R"]


def test_a_start_codon_is_lost_unless_one_is_left_in_its_place() -> None:
    bases = ReferenceBases([("1", 101, "ATGCAATGGT"), ("1", 201, "AAGGGTAA")])
    lost = {"start_lost"}
    assert FORWARD.consequences(key(101, "A", "G"), NOTHING) == lost
    assert FORWARD.consequences(key(103, "G", "A"), bases) == lost
    assert REVERSE.consequences(key(207, "A", "G"), NOTHING) == lost
    assert FORWARD.consequences(key(101, "ATGCAA"), bases) == lost
    assert FORWARD.consequences(key(102, "", "GGC"), bases) == lost
    # A[TGA]TG still begins with ATG; before A and after G nothing is within the codon.
    assert FORWARD.consequences(key(102, "", "TGA"), bases) == frozenset()
    assert FORWARD.consequences(key(102, "", "TGA"), NOTHING) == lost
    assert FORWARD.consequences(key(101, "", "CCC"), bases) == frozenset()
    assert FORWARD.consequences(key(104, "", "CCC"), bases) == frozenset()
    assert FORWARD.consequences(key(104, "C", "G"), bases) == frozenset()
    broken = GeneExons([CodingExon("B", 1, "1", 1, 4, forward=True)])
    assert broken.consequences(key(1, "A", "C"), NOTHING) == frozenset()


def test_a_stop_codon_may_come_with_bases_that_are_put_in() -> None:
    bases = ReferenceBases([("1", 101, "ATGCAATGGT"), ("1", 201, "AAGGGTAA")])
    assert FORWARD.consequences(key(104, "", "TAA"), bases) == {"nonsense"}
    assert FORWARD.consequences(key(104, "CAATGG", "TAG"), bases) == {"nonsense"}
    assert FORWARD.consequences(key(106, "A", "TAAG"), bases) == frozenset()
    # The stop codon at the end was there before, and a change that leaves the exon is not read by codons.
    assert FORWARD.consequences(key(205, "G", "A"), bases) == frozenset()
    assert FORWARD.consequences(key(109, "GTC"), bases) == {"splice_donor_variant"}


def test_the_nearest_exon() -> None:
    assert [FORWARD.nearest(key(pos, "A")) for pos in (90, 105, 140, 180, 300)] == [1, 1, 1, 2, 2]
    assert FORWARD.nearest(key(111, "", "A")) == 1
