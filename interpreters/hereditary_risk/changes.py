"""What differs between two interpretations of one sample: the events of the policy, gene by gene."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from interpreters.changes import FollowUp
from interpreters.findings import HereditaryFinding, HereditaryOutcome, HereditaryVariant, Interpretation
from interpreters.hereditary_risk.classify import NOT_ON_LIST
from interpreters.hereditary_risk.clinvar import PATHOGENIC, terms_of


class ChangeKind(StrEnum):
    """What happened to a finding. The first four are the events of the policy."""

    UPGRADE_NEW_FINDING = "UPGRADE_NEW_FINDING"
    """People must look where nobody had to, or the evidence is stronger."""
    DOWNGRADE_REVIEW_AMEND_REPORT = "DOWNGRADE_REVIEW_AMEND_REPORT"
    """A finding does not hold any more, or the evidence is weaker."""
    STAR_CHANGE = "STAR_CHANGE"
    """The same finding with another review status in ClinVar."""
    LIST_CHANGE = "LIST_CHANGE"
    """The gene is on one of the two gene lists only. What was found under the older list stays true."""
    NOT_COMPARED = "NOT_COMPARED"
    """The finding's variant is not in the newer release, nor is much else of its gene: that is no reclassification."""


@dataclass(frozen=True, slots=True)
class VariantStanding:
    """What ClinVar says of one variant of a finding."""

    clinvar_id: str | None
    classification: str | None
    stars: int | None

    def __str__(self) -> str:
        known = f"ClinVar {self.clinvar_id}: {self.classification or 'not classified'}, stars {self.stars}"
        return known if self.clinvar_id else "not in ClinVar"


@dataclass(frozen=True, slots=True)
class Standing:
    """What an interpretation says of one gene."""

    outcome: HereditaryOutcome
    """`NOT_REPORTABLE` also where no variant was seen: `variants` is empty then."""
    reason: str = "no_variant_seen"
    variants: tuple[VariantStanding, ...] = ()
    """The variant that decides, and the other one of a pair."""

    def __str__(self) -> str:
        return f"{self.outcome} {self.reason} ({'; '.join(map(str, self.variants)) or 'no variant'})"

    @property
    def live(self) -> bool:
        """Whether people decide on it."""
        return self.outcome is not HereditaryOutcome.NOT_REPORTABLE

    @property
    def listed(self) -> bool:
        """Whether the gene is on the list in use, as far as can be told."""
        return self.reason != NOT_ON_LIST

    @property
    def numbers(self) -> frozenset[str]:
        """ClinVar ids of the variants."""
        return frozenset(variant.clinvar_id for variant in self.variants if variant.clinvar_id)

    @property
    def strength(self) -> tuple[int, bool]:
        """How much the finding asks for; of two for review, one that ClinVar calls pathogenic asks for more."""
        lead = self.variants[0].classification or "" if self.variants else ""
        return _RANK[self.outcome], self.live and not PATHOGENIC.isdisjoint(terms_of(lead))


_RANK = {HereditaryOutcome.NOT_REPORTABLE: 0, HereditaryOutcome.REVIEW: 1, HereditaryOutcome.CANDIDATE_POSITIVE: 2}
_NOTHING = Standing(HereditaryOutcome.NOT_REPORTABLE)


@dataclass(frozen=True, slots=True)
class Change:
    """One event. It tells a person's results: no log may hold it."""

    gene: str
    kind: ChangeKind
    before: Standing
    after: Standing
    follow_up: FollowUp | None


def changes(
    before: Interpretation, after: Interpretation, is_covered: Callable[[str], bool] = lambda _: True
) -> tuple[Change, ...]:
    """Every event between two interpretations of one sample, by gene.

    How much of a gene was read is no event.

    Args:
        before: The older interpretation.
        after: The newer one.
        is_covered: Whether the newer release holds all of a gene; asked where a variant that was found is not in it.
    """
    old, new = _by_gene(before), _by_gene(after)
    return tuple(
        change
        for gene in sorted(old.keys() | new.keys())
        for change in _of(gene, old.get(gene, _NOTHING), new.get(gene, _NOTHING), is_covered)
    )


def _by_gene(said: Interpretation) -> dict[str, Standing]:
    return {finding.gene: _standing(finding) for finding in said.findings if isinstance(finding, HereditaryFinding)}


def _standing(finding: HereditaryFinding) -> Standing:
    variants = (finding.variant, *((finding.second_variant,) if finding.second_variant else ()))
    return Standing(finding.outcome, finding.reason, tuple(map(_variant, variants)))


def _variant(variant: HereditaryVariant) -> VariantStanding:
    return VariantStanding(variant.clinvar_id, variant.classification, variant.stars)


def _of(gene: str, old: Standing, new: Standing, is_covered: Callable[[str], bool]) -> Iterator[Change]:
    if not (old.live or new.live):
        return
    if old.listed != new.listed:
        yield Change(gene, ChangeKind.LIST_CHANGE, old, new, FollowUp.REVIEW if new.live else None)
        return
    weaker, stronger = new.strength < old.strength, new.strength > old.strength
    if weaker or (not stronger and old.numbers - new.numbers):
        if old.numbers <= new.numbers or is_covered(gene):
            downgrade = ChangeKind.DOWNGRADE_REVIEW_AMEND_REPORT
            yield Change(gene, downgrade, old, new, FollowUp.COUNSELOR_TASK)
        else:
            yield Change(gene, ChangeKind.NOT_COMPARED, old, new, None)
    if stronger or (not weaker and new.numbers - old.numbers):
        yield Change(gene, ChangeKind.UPGRADE_NEW_FINDING, old, new, FollowUp.REVIEW)
    if old.strength == new.strength and old.numbers == new.numbers and _stars(old) != _stars(new):
        yield Change(gene, ChangeKind.STAR_CHANGE, old, new, None)


def _stars(said: Standing) -> set[tuple[str | None, int | None]]:
    return {(variant.clinvar_id, variant.stars) for variant in said.variants}
