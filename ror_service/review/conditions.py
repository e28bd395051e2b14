"""What the programme's condition texts say to reviewers: how urgent a finding is, and what a counselor needs at hand.

The tiers are those of `report_templates/content/hereditary/conditions.json`, proposals that await clinical review.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from interpreters.findings import HereditaryFinding
from interpreters.genotypes import Sex
from report_templates.views.hereditary_facts import conditions_of, urgency_of
from report_templates.wording import content_file


class Urgency(StrEnum):
    """How soon people should look, the most urgent first."""

    URGENT = "urgent"
    SOON = "soon"
    ROUTINE = "routine"


MOST_URGENT_FIRST = tuple(Urgency)


@dataclass(frozen=True, slots=True, kw_only=True)
class CounselingAid:
    """One condition of the gene, as the counselor may need it. Awaiting clinical review."""

    condition: str
    inheritance: str
    urgency: Urgency
    """Tier of the condition itself."""
    summary: str
    figures: tuple[str, ...]
    """Penetrance and other numbers, each with its source."""
    pointers: tuple[str, ...]
    """Guideline bodies with their topics, to be looked up: not quotations."""
    for_family: str
    limitations: str
    psychosocial: tuple[str, ...]
    plain_language: Mapping[str, str]
    """Language to the participant's summary."""
    review: str


def most_urgent(tiers: Iterable[Urgency]) -> Urgency:
    """The most urgent of some tiers; `routine` if there are none."""
    return min(tiers, key=MOST_URGENT_FIRST.index, default=Urgency.ROUTINE)


def urgency(finding: HereditaryFinding, sex: Sex) -> Urgency:
    """How urgent a finding under review is. What the data cannot tell may raise the tier and never lowers it.

    Raises:
        WordingError: If no condition has the gene.
    """
    if "urgent_two_copies" in finding.flags:
        return Urgency.URGENT
    return most_urgent(tier for condition in conditions_of(finding.gene) for tier in _tiers(condition, finding, sex))


def counseling(gene: str) -> tuple[CounselingAid, ...]:
    """Every condition of a gene.

    Raises:
        WordingError: If there is none.
    """
    templates = content_file("hereditary/templates.json")["templates"]
    support = next(entry["body"]["en"] for entry in templates if entry["id"] == "emotional_support")
    return tuple(
        CounselingAid(
            condition=condition["name"]["en"],
            inheritance=condition["inheritance"]["by_gene"][gene],
            urgency=Urgency(condition["urgency"]["tier"]),
            summary=condition["clinician"]["summary"]["en"],
            figures=tuple(f"{entry['figure']} ({entry['source']})" for entry in condition["figures"]),
            pointers=tuple(f"{to['body']}: {to['topic']}" for to in condition["clinician"]["management_pointers"]),
            for_family=condition["participant"]["for_family"]["en"],
            limitations=condition["participant"]["what_it_does_not_mean"]["en"],
            psychosocial=tuple(support),
            plain_language=condition["participant"]["summary"],
            review=condition["review"],
        )
        for condition in conditions_of(gene)
    )


def _tiers(condition: Mapping[str, Any], finding: HereditaryFinding, sex: Sex) -> Iterator[Urgency]:
    notes = [note for note in condition["gene_notes"] if finding.gene in note["genes"] and note["urgency"]]
    told = [(note, _holds(note["when"], finding, sex)) for note in notes]
    yield Urgency(urgency_of(condition, [note for note, holds in told if holds]))
    yield from (Urgency(note["urgency"]) for note, holds in told if holds is None)


def _holds(when: str, finding: HereditaryFinding, sex: Sex) -> bool | None:
    """Whether a note holds; None where that is a person's to say."""
    match when:
        case "any":
            return True
        case "two_variants":
            return finding.second_variant is not None or finding.variant.zygosity == "homozygous"
        case "female" | "male":
            return None if sex is Sex.UNKNOWN else sex.value == when
        case _:
            return None
