"""What a version of a report says otherwise than the version before: one pure function for every module.

It compares what was *reported*: the interpretation as the review settled it, with the decision on each hereditary
finding. What was found and not reported is in neither version, and so no difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from interpreters.findings import (
    AncestryFinding,
    DrugRecommendation,
    GeneAssessment,
    HereditaryFinding,
    HereditaryVariant,
    Interpretation,
    PharmacogenomicFinding,
    TraitFinding,
)
from report_templates.content import Difference, DifferenceKind, FindingDecision, FindingOutcome, Statement, variant_key


class Topic(StrEnum):
    """What a statement is about."""

    FINDING = "finding"
    """A hereditary finding, by gene."""
    COVERAGE = "coverage"
    """How much of a gene was read."""
    GENE = "gene"
    """A pharmacogene."""
    MEDICINE = "medicine"
    """What guidelines say of a medicine."""
    TRAIT = "trait"
    REGION = "region"
    """The share of a region, in whole percents."""


@dataclass(frozen=True, slots=True)
class Reported:
    """What one version of a report says."""

    interpretation: Interpretation
    decisions: Sequence[FindingDecision] = ()


def differences(before: Reported, after: Reported) -> tuple[Difference, ...]:
    """Everything that `after` says otherwise than `before`, by topic and subject.

    Args:
        before: What the version before says.
        after: What the new version says of the same person and module.
    """
    old, new = _statements(before), _statements(after)
    return tuple(
        Difference(_kind(old.get(key), new.get(key)), key[0], key[1], old.get(key), new.get(key))
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    )


def changes_a_result(found: Sequence[Difference]) -> bool:
    """Whether there is more to tell than how much was read: that alone makes no version of a report."""
    return any(difference.topic != Topic.COVERAGE for difference in found)


def document(found: Sequence[Difference], about: Mapping[str, object]) -> dict[str, object]:
    """The differences as plain JSON, for staff and for partners' systems."""
    return {"schema": "ror.report-difference/1", **about, "differences": [asdict(difference) for difference in found]}


def _kind(before: Statement | None, after: Statement | None) -> DifferenceKind:
    if before is None:
        return DifferenceKind.ADDED
    return DifferenceKind.REMOVED if after is None else DifferenceKind.CHANGED


def _statements(said: Reported) -> dict[tuple[str, str], Statement]:
    confirmed = {(d.gene, d.variant) for d in said.decisions if d.outcome is FindingOutcome.CONFIRMED}
    found: dict[tuple[str, str], Statement] = {}
    for finding in said.interpretation.findings:
        match finding:
            case HereditaryFinding():
                if (finding.gene, variant_key(finding.variant)) in confirmed:
                    found[Topic.FINDING, finding.gene] = _hereditary(finding)
            case GeneAssessment():
                found[Topic.COVERAGE, finding.gene] = Statement(finding.status)
            case PharmacogenomicFinding():
                found[Topic.GENE, finding.gene] = _pharmacogenomic(finding)
            case TraitFinding():
                likelihood = f" ({finding.likelihood})" if finding.likelihood else ""
                found[Topic.TRAIT, finding.trait] = Statement(finding.outcome + likelihood)
            case AncestryFinding():
                found.update(_regions(finding))
    return found | _medicines(said.interpretation)


def _hereditary(finding: HereditaryFinding) -> Statement:
    variants = (finding.variant, *((finding.second_variant,) if finding.second_variant else ()))
    return Statement("; ".join(map(_variant, variants)), finding.reason)


def _variant(variant: HereditaryVariant) -> str:
    name = variant.hgvs or variant_key(variant)
    return ", ".join(part for part in (name, variant.zygosity, variant.classification) if part)


def _pharmacogenomic(finding: PharmacogenomicFinding) -> Statement:
    rule = ", ".join(finding.reasons)
    if finding.requires_review or finding.reported_phenotype is None:
        return Statement("not_settled", rule)
    call = " or ".join(finding.diplotypes) or ", ".join(finding.haplotypes)
    named = call if finding.may_name_diplotype else f"{finding.positions_read}/{finding.positions_total}"
    return Statement(f"{named}, {finding.reported_phenotype}", rule, named)


def _medicines(said: Interpretation) -> dict[tuple[str, str], Statement]:
    """What is said of each medicine. Links, codes and dates of guideline rows are no advice and not compared."""
    rows: dict[str, set[str]] = {}
    for finding in said.findings:
        if isinstance(finding, PharmacogenomicFinding):
            for row in _advice(finding):
                rows.setdefault(row.drug, set()).add(f"{row.source} ({row.population}): {row.statement}")
    return {(Topic.MEDICINE, drug): Statement(" ".join(sorted(texts))) for drug, texts in rows.items()}


def _advice(finding: PharmacogenomicFinding) -> Iterator[DrugRecommendation]:
    if not finding.requires_review:
        yield from (*finding.recommendations, *finding.second_opinions)


def _regions(finding: AncestryFinding) -> Iterator[tuple[tuple[str, str], Statement]]:
    for share in finding.components:
        percent = round(100 * share.share)
        if percent:
            yield (Topic.REGION, share.region.value), Statement(f"{percent} %")
