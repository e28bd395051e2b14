from __future__ import annotations

from collections.abc import Callable

from interpreters.genotypes import Build, CallSetKind, GenotypeCalls, Record
from interpreters.hereditary_risk import HereditaryRisk
from interpreters.hereditary_risk.alleles import AlleleKey, ReferenceBases
from interpreters.hereditary_risk.codons import COMBINED, NEIGHBOUR, combine
from interpreters.hereditary_risk.exons import CodingExon, GeneExons
from interpreters.hereditary_risk.observed import Observed, known_cis, known_trans, observe

Call = Callable[..., Record]
EXONS = GeneExons([CodingExon("G", 1, "1", 101, 112, forward=True)])
BASES = ReferenceBases([("1", 101, "ATGCCCAAATAA")])


def seen(risk: HereditaryRisk, *records: Record) -> list[Observed]:
    return observe(GenotypeCalls(Build.GRCH38, CallSetKind.VARIANTS_ONLY, records), BASES, risk.policy.thresholds)


def test_neighbours_on_both_copies_are_joined_with_the_base_between(risk: HereditaryRisk, call: Call) -> None:
    alleles = seen(risk, call("1 104 C T", "1/1"), call("1 106 C G", "1/1", quality=5))
    ((whole, *parts),) = combine(alleles, EXONS, BASES)
    assert parts == alleles
    assert whole.key == AlleleKey("1", 104, "CCC", "TCG")
    assert whole.flags == (COMBINED,)
    assert whole.reasons == ("genotype_quality_low",)
    assert (whole.depth, whole.genotype_quality, whole.balance) == (34, 5, 1.0)


def doubtful(found: list[tuple[Observed, ...]]) -> list[tuple[AlleleKey, bool]]:
    return [(allele.key, NEIGHBOUR in allele.reasons) for (allele,) in found]


def test_an_unknown_base_between_leaves_both_unsure(risk: HereditaryRisk, call: Call) -> None:
    alleles = seen(risk, call("1 104 C T", "1/1"), call("1 106 C G", "1/1", quality=None))
    found = combine(alleles, EXONS, ReferenceBases(()))
    assert doubtful(found) == [(alleles[0].key, True), (alleles[1].key, True)]
    ((whole, *_),) = combine(alleles, EXONS, BASES)
    assert whole.genotype_quality is None


def test_a_third_neighbour_leaves_every_reading_for_a_person(risk: HereditaryRisk, call: Call) -> None:
    alleles = seen(risk, *(call(site, "1/1") for site in ("1 104 C T", "1 105 C T", "1 106 C G")))
    found = doubtful(combine(alleles, EXONS, BASES))
    assert len(found) == 6
    assert all(unsure for _, unsure in found)


def test_where_the_copies_are_not_known_both_readings_stay(risk: HereditaryRisk, call: Call) -> None:
    whole = AlleleKey("1", 104, "CC", "TT")
    for genotypes in (("0/1", "0/1"), ("1/1", "0/1")):
        alleles = seen(risk, call("1 104 C T", genotypes[0]), call("1 105 C T", genotypes[1]))
        found = combine(alleles, EXONS, BASES)
        assert doubtful(found) == [(alleles[0].key, True), (alleles[1].key, True), (whole, True)]
        assert known_cis(found[2][0], alleles[0])
        assert known_cis(alleles[1], found[2][0])


def test_neighbours_across_codons_are_joined_only_side_by_side(risk: HereditaryRisk, call: Call) -> None:
    beside = seen(risk, call("1 106 C T", "1/1"), call("1 107 A T", "1/1"))
    assert combine(beside, EXONS, BASES)[0][0].key == AlleleKey("1", 106, "CA", "TT")


def test_alleles_that_lie_apart_are_left_alone(risk: HereditaryRisk, call: Call) -> None:
    other_codon = seen(risk, call("1 104 C T"), call("1 107 A T"))
    other_copy = seen(risk, call("1 104 C T", "0|1", phase_set="1"), call("1 105 C T", "1|0", phase_set="1"))
    same_base = seen(risk, call("1 104 C T"), call("1 104 C G"))
    for alleles in (other_codon, other_copy, same_base):
        assert combine(alleles, EXONS, BASES) == [(allele,) for allele in alleles]


def test_structural_and_unplaced_alleles_are_not_joined(risk: HereditaryRisk, call: Call) -> None:
    alleles = seen(risk, call("1 104 C <DEL>", end=110), call("1 105 C T"))
    assert combine(alleles, EXONS, BASES) == [(allele,) for allele in alleles]


def test_what_is_known_of_the_copies(risk: HereditaryRisk, call: Call) -> None:
    first, second = seen(risk, call("1 104 C T,G", "1/2"))
    assert known_trans(first, second)
    assert not known_cis(first, second)
    first, second = seen(risk, call("1 104 CC C,CCC", "1/2"))
    assert known_trans(first, second)
    first, second = seen(risk, call("1 104 C T"), call("1 104 C G"))
    assert known_trans(first, second)
    first, second = seen(risk, call("1 104 C T"), call("1 105 C G"))
    assert not known_trans(first, second)
