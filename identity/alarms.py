"""When the fingerprint of a sample says that something is wrong with whose it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from identity.comparison import TWO_PEOPLE, Hit, Relation, compare, looks_mixed
from identity.fingerprint import Codes
from identity.panel import Limits


class Relationship(StrEnum):
    """How two participants are known to be related by birth."""

    TWIN = "twin"
    """Identical or not: who is born a twin often does not know which."""
    PARENT_AND_CHILD = "parent_and_child"
    FULL_SIBLING = "full_sibling"


EXPECTED = {
    Relationship.TWIN: frozenset({Relation.SAME_PERSON, Relation.FIRST_DEGREE}),
    Relationship.PARENT_AND_CHILD: frozenset({Relation.FIRST_DEGREE}),
    Relationship.FULL_SIBLING: frozenset({Relation.FIRST_DEGREE}),
}
"""What the samples of such participants show when all is well."""


class Suspicion(StrEnum):
    """Why an identity case is opened."""

    DIFFERENT_PEOPLE = "different_people"
    """Two samples of one participant are of different people: one of them was swapped."""
    SAME_PERSON = "same_person"
    """Samples of two participants are of one person: a duplicate, a swap, or twins who are not registered."""
    UNEXPECTED_RELATIVE = "unexpected_relative"
    """Samples of two participants are of close relatives who are not registered as such."""
    MIXED_SAMPLE = "mixed_sample"
    """A sample holds the DNA of two people."""


@dataclass(frozen=True, slots=True, order=True)
class Alarm:
    """Something wrong with a sample, and the other sample that shows it."""

    suspicion: Suspicion
    other: str | None
    """None for a sample that is wrong in itself."""


def alarms(
    codes: Codes,
    limits: Limits,
    *,
    own: Mapping[str, Codes],
    found: Iterable[tuple[Hit, Relationship | None]],
) -> list[Alarm]:
    """What is wrong with a sample.

    Args:
        codes: Its fingerprint.
        limits: Of the fingerprint's panel.
        own: Fingerprints of the participant's other samples, by name.
        found: What the search found among the samples of others, and how both participants are registered as related.
    """
    raised = [Alarm(Suspicion.MIXED_SAMPLE, None)] if looks_mixed(codes, limits) else []
    for name, other in own.items():
        if compare(codes, other, limits).relation in TWO_PEOPLE:
            raised.append(Alarm(Suspicion.DIFFERENT_PEOPLE, name))
    for hit, registered in found:
        relation = hit.comparison.relation
        if registered is None or relation not in EXPECTED[registered]:
            same = relation is Relation.SAME_PERSON
            raised.append(Alarm(Suspicion.SAME_PERSON if same else Suspicion.UNEXPECTED_RELATIVE, hit.key))
    return raised
