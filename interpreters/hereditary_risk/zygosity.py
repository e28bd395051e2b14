"""From the alleles of one gene to the gene's outcome: how many copies, on which side, in whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from interpreters.findings import HereditaryOutcome
from interpreters.genotypes import Sex
from interpreters.hereditary_risk.classify import CANDIDATE, NOT_REPORTABLE, REVIEW, Case, Decision
from interpreters.hereditary_risk.observed import Zygosity, known_cis, known_trans

_RANK = {CANDIDATE: 0, REVIEW: 1, NOT_REPORTABLE: 2}


@dataclass(frozen=True, slots=True)
class Allele:
    """One allele with the decision on it."""

    case: Case
    decision: Decision

    @property
    def live(self) -> bool:
        """Whether the allele can make its gene a candidate or a review."""
        return self.decision.outcome is not NOT_REPORTABLE


@dataclass(frozen=True, slots=True)
class GeneOutcome:
    """The outcome of one gene."""

    outcome: HereditaryOutcome
    reason: str
    lead: Allele
    second: Allele | None = None
    flags: tuple[str, ...] = ()

    @property
    def path(self) -> tuple[str, ...]:
        """The main reason, then what was established and all reasons of the alleles that made the outcome."""
        second = (self.second,) if self.second and self.second.decision.outcome is self.outcome else ()
        alleles = (self.lead, *second)
        codes = (code for allele in alleles for code in (*allele.decision.trace, *allele.decision.reasons))
        return tuple(dict.fromkeys((self.reason, *codes)))

    @property
    def all_flags(self) -> tuple[str, ...]:
        """Flags of the alleles and of the pair, each once."""
        alleles = (self.lead, *((self.second,) if self.second else ()))
        return tuple(dict.fromkeys((*self.flags, *(flag for allele in alleles for flag in allele.decision.flags))))


def gene_outcome(alleles: Sequence[Allele], sex: Sex) -> GeneOutcome:
    """Outcome of one gene from its alleles (at least one)."""
    ordered = sorted(alleles, key=_strength)
    lead = ordered[0]
    if not lead.live:
        return GeneOutcome(NOT_REPORTABLE, lead.decision.reasons[0], lead)
    live = [allele for allele in ordered if allele.live]
    rule = lead.case.known.gene.zygosity_rule
    if rule in {"xl_hemi_het_or_hom", "xl_hemi_or_biallelic"}:
        return _x_linked(live, sex, pairs_in_females=rule == "xl_hemi_or_biallelic")
    if rule == "biallelic":
        return _biallelic(live, "homozygous_recessive", "single_het_recessive")
    return _dominant(live, "hfe_c282y_homozygous" if rule == "hfe_c282y_homozygous" else "plp_ge2star_dominant")


def _strength(allele: Allele) -> tuple[object, ...]:
    """Order of alleles, the strongest first; what ClinVar knows best stands for a gene without a live allele."""
    record = allele.case.record
    return (
        _RANK[allele.decision.outcome],
        not (record is not None and record.is_pathogenic),
        not (record is not None and record.conflicts_with_pathogenic),
        -(record.stars if record is not None else -1),
        not allele.case.allele.both_copies,
        allele.case.allele.key,
    )


def _single(allele: Allele, reason: str, flags: tuple[str, ...] = (), second: Allele | None = None) -> GeneOutcome:
    """A gene that one allele decides: its own reason where it is for review, else `reason`."""
    outcome = allele.decision.outcome
    return GeneOutcome(outcome, allele.decision.reasons[0] if outcome is REVIEW else reason, allele, second, flags)


def _dominant(live: Sequence[Allele], reason: str) -> GeneOutcome:
    """One copy is enough; two are urgent, because the disease is then another and graver one."""
    lead = live[0]
    if lead.case.only_variant is not None:
        return _single(lead, reason)
    partner = next((other for other in live[1:] if not known_cis(lead.case.allele, other.case.allele)), None)
    flags: tuple[str, ...] = ()
    if lead.case.allele.both_copies or (partner is not None and partner.decision.outcome is CANDIDATE):
        flags = ("urgent_two_copies",)
    elif partner is not None:
        flags = ("second_allele_for_review",)
    return _single(lead, reason, flags, partner)


def _x_linked(live: Sequence[Allele], sex: Sex, *, pairs_in_females: bool) -> GeneOutcome:
    lead = live[0]
    if sex is Sex.UNKNOWN:
        return GeneOutcome(REVIEW, "sex_unknown_x_linked", lead)
    if sex is Sex.MALE:
        # A man with two different X alleles: an extra X, a mosaic, or an artefact.
        whole = [allele for allele in live if allele.case.allele.zygosity is not Zygosity.HETEROZYGOUS]
        return _single(whole[0], "xl_hemizygous_male") if whole else GeneOutcome(REVIEW, "male_heterozygous_x", lead)
    if any(allele.case.allele.zygosity is Zygosity.HEMIZYGOUS for allele in live):
        return GeneOutcome(REVIEW, "female_hemizygous_x", lead)
    if pairs_in_females:
        return _biallelic(live, "xl_homozygous_female", "xl_single_het_female_not_reportable")
    return _single(lead, "xl_homozygous_female" if lead.case.allele.both_copies else "xl_heterozygous_female")


def _biallelic(live: Sequence[Allele], homozygous: str, single: str) -> GeneOutcome:
    """Both copies are needed: one allele on both, or two alleles not known to lie on one copy."""
    choices = [_single(allele, homozygous) for allele in live if allele.case.allele.both_copies]
    choices += [_single(allele, homozygous) for allele in live if allele.case.allele.zygosity is Zygosity.UNKNOWN]
    hets = [allele for allele in live if allele.case.allele.zygosity is Zygosity.HETEROZYGOUS]
    cis = False
    for first, second in combinations(hets, 2):
        if known_cis(first.case.allele, second.case.allele):
            cis = True
        else:
            choices.append(_pair(first, second))
    if choices:
        return min(choices, key=lambda choice: _RANK[choice.outcome])
    return GeneOutcome(NOT_REPORTABLE, "known_cis" if cis else single, hets[0])


def _pair(first: Allele, second: Allele) -> GeneOutcome:
    trans = known_trans(first.case.allele, second.case.allele)
    flags = () if trans else ("phase_unknown",)
    if REVIEW in {first.decision.outcome, second.decision.outcome}:
        return GeneOutcome(REVIEW, "second_allele_below_star_threshold", first, second, flags)
    return GeneOutcome(
        CANDIDATE, "compound_het_in_trans" if trans else "compound_het_phase_unknown", first, second, flags
    )
