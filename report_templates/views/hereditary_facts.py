"""What both versions of the hereditary report share: what may be shown, what was read, which texts apply."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

from interpreters.findings import GeneAssessment, GeneStatus, HereditaryFinding, HereditaryVariant
from interpreters.genotypes import Sex
from report_templates.content import FindingDecision, FindingOutcome, ReportContent
from report_templates.wording import WordingError, Words, content_file

FOR_REVIEW_ONLY = "second_allele_for_review"
"""Flag of a finding whose second variant was not itself to be reported; it is then no part of the result."""
PHASE_UNKNOWN = "phase_unknown"
"""Flag of a finding of two variants that may lie on the same copy of the gene."""
_DOMINANT = frozenset({"AD", "SD"})
_TIERS = ("urgent", "soon", "routine")
"""Tiers of a condition's urgency, the most urgent first."""
_LETTERS = frozenset("ACGTN")


class State(StrEnum):
    """What the report can say."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    """Every gene of the list was assessed, and nothing to report was found."""
    NEGATIVE_IN_PART = "negative_in_part"
    """Some genes were assessed, and nothing to report was found in them; others were not."""
    READ_IN_PART = "read_in_part"
    """No gene was assessed in full."""
    NOT_READ = "not_read"


@dataclass(frozen=True, slots=True)
class Genes:
    """Genes of the list in use, by how much of each was read; each part by name."""

    assessed: tuple[GeneAssessment, ...]
    partly: tuple[GeneAssessment, ...]
    not_assessed: tuple[GeneAssessment, ...]

    @property
    def all(self) -> tuple[GeneAssessment, ...]:
        """Every gene by name."""
        return tuple(sorted((*self.assessed, *self.partly, *self.not_assessed), key=lambda found: found.gene))


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A finding that may be shown, with the decision that allows it."""

    finding: HereditaryFinding
    decision: FindingDecision

    @property
    def variants(self) -> tuple[HereditaryVariant, ...]:
        """The one or two variants that are the result.

        A change on both copies is the whole result: whether a further one was itself to be reported is not known.
        """
        second = self.finding.second_variant
        if second is None or self.is_homozygous or FOR_REVIEW_ONLY in self.finding.flags:
            return (self.finding.variant,)
        return (self.finding.variant, second)

    @property
    def is_homozygous(self) -> bool:
        """Whether both copies of the gene have the same change."""
        return self.finding.variant.zygosity == "homozygous"

    @property
    def has_two(self) -> bool:
        """Whether there are two changes in the gene."""
        return self.is_homozygous or len(self.variants) > 1


def genes(content: ReportContent) -> Genes:
    """Every gene of the list in use; if nothing is said of any, every gene that has wording, as not assessed."""
    found = [item for item in content.interpretation.findings if isinstance(item, GeneAssessment)]
    found = found or [GeneAssessment(gene, GeneStatus.NOT_ASSESSED, 0.0) for gene in _genes_with_wording()]

    def of(status: GeneStatus) -> tuple[GeneAssessment, ...]:
        return tuple(sorted((item for item in found if item.status is status), key=lambda item: item.gene))

    return Genes(of(GeneStatus.ASSESSED), of(GeneStatus.PARTLY_ASSESSED), of(GeneStatus.NOT_ASSESSED))


def names(of: Iterable[GeneAssessment]) -> tuple[str, ...]:
    """Names of genes."""
    return tuple(item.gene for item in of)


def confirmed(content: ReportContent) -> tuple[Confirmed, ...]:
    """The findings that may be shown: those that the review decided to report and a second specimen confirmed."""
    decided = (Confirmed(finding, content.decision_on(finding)) for finding in content.candidates)
    return tuple(item for item in decided if item.decision.outcome is FindingOutcome.CONFIRMED)


def state_of(of: Genes, *, found: bool) -> State:
    """The state of a report."""
    if found:
        return State.POSITIVE
    if of.assessed:
        return State.NEGATIVE_IN_PART if of.partly or of.not_assessed else State.NEGATIVE
    return State.READ_IN_PART if of.partly else State.NOT_READ


def gene_list(content: ReportContent) -> str:
    """Name and version of the gene list."""
    written: str = content_file("hereditary/conditions.json")["gene_list"]
    return content.interpretation.limits.get("gene_list") or written


def conditions_of(gene: str) -> tuple[Mapping[str, Any], ...]:
    """Every condition of a gene.

    Raises:
        WordingError: If the gene has none.
    """
    found = tuple(item for item in content_file("hereditary/conditions.json")["conditions"] if gene in item["genes"])
    if not found:
        raise WordingError("content/hereditary/conditions.json: no condition for the gene of a confirmed finding")
    return found


def notes_of(condition: Mapping[str, Any], found: Confirmed, sex: Sex) -> tuple[Mapping[str, Any], ...]:
    """The notes of a condition that apply to a finding."""
    return tuple(
        note
        for note in condition["gene_notes"]
        if found.finding.gene in note["genes"] and _applies(note["when"], found, sex)
    )


def _applies(when: str, found: Confirmed, sex: Sex) -> bool:
    """Whether a note is shown; what the data cannot tell is the reviewer's choice."""
    match when:
        case "any" | "family_women":
            return True
        case "two_variants":
            return found.has_two
        case "female" | "male":
            return sex.value == when
        case _:
            return when in found.decision.notes


def inheritance_of(condition: Mapping[str, Any], gene: str) -> str:
    """How a condition passes with this gene: `AD`, `AR`, `SD` or `XL`."""
    mode: str = condition["inheritance"]["by_gene"][gene]
    return mode


def two_where_one_is_enough(condition: Mapping[str, Any], found: Confirmed) -> bool:
    """Whether there are two changes in a gene of which one would be enough: then each child gets one of them."""
    return found.has_two and inheritance_of(condition, found.finding.gene) != "AR"


def urgency_of(condition: Mapping[str, Any], notes: Iterable[Mapping[str, Any]]) -> str:
    """How soon to act: the most urgent tier that a note gives, else that of the condition."""
    raised = [note["urgency"] for note in notes if note["urgency"]]
    tier: str = min(raised, key=_TIERS.index) if raised else condition["urgency"]["tier"]
    return tier


def glossary_of_inheritance(found: Iterable[Confirmed]) -> tuple[str, ...]:
    """Glossary entries for how the conditions of these findings pass."""
    modes = {inheritance_of(item, one.finding.gene) for one in found for item in conditions_of(one.finding.gene)}
    wanted = {"dominant": modes & _DOMINANT, "recessive": modes & {"AR"}, "x_linked": modes & {"XL"}}
    return tuple(entry for entry, there in wanted.items() if there)


def position(variant: HereditaryVariant, build: str) -> str:
    """Where a variant lies: build, chromosome, position and alleles."""
    return f"{build} chr{variant.chrom}:{variant.pos} {variant.ref}>{variant.alt}"


def is_single_base(variant: HereditaryVariant) -> bool:
    """Whether one base takes the place of another."""
    return {variant.ref, variant.alt} <= _LETTERS


def classification(variant: HereditaryVariant, words: Words) -> str | None:
    """ClinVar's classification in words, without its review status; None where there is none."""
    if variant.classification is None:
        return None
    key = f"classification.{variant.classification.lower()}"
    return words(key) if words.has(key) else variant.classification.replace("_", " ")


def percent(fraction: float, digits: int = 0) -> str:
    """A share as percent, rounded down: what was not read never becomes whole by rounding."""
    scale: int = 10**digits
    return f"{math.floor(round(fraction * 100 * scale, 6)) / scale:.{digits}f}"


def ranges(numbers: Iterable[int]) -> tuple[str, ...]:
    """Numbers as ranges: 3, 5, 6, 7 are `3` and `5-7`."""
    ordered = sorted(set(numbers))
    if not ordered:
        return ()
    breaks = [index for index, (one, after) in enumerate(pairwise(ordered), 1) if after != one + 1]
    bounds: Sequence[tuple[int, int]] = list(pairwise((0, *breaks, len(ordered))))
    runs = [ordered[start:end] for start, end in bounds]
    return tuple(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _genes_with_wording() -> set[str]:
    return {
        gene for condition in content_file("hereditary/conditions.json")["conditions"] for gene in condition["genes"]
    }
