"""One outcome for a whole sample, and one for each gene: the strongest of what was found, or how much was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from interpreters.findings import GeneAssessment, GeneStatus, HereditaryFinding, HereditaryOutcome, Interpretation


class SampleOutcome(StrEnum):
    """Outcomes of the policy, the strongest first; the last two are equals."""

    SAMPLE_HOLD = "SAMPLE_HOLD"
    """The sample was stopped: no result of any kind."""
    CANDIDATE_POSITIVE = "CANDIDATE_POSITIVE"
    REVIEW = "REVIEW"
    NOT_REPORTABLE = "NOT_REPORTABLE"
    """Something was seen that is not returned."""
    NOT_FOUND = "NOT_FOUND"
    """Read with depth and quality, and reference."""
    NOT_ASSESSED = "NOT_ASSESSED"
    """Not read well enough to say anything; never a negative result."""


class Level(StrEnum):
    """What an outcome speaks of."""

    SAMPLE = "sample"
    GENE = "gene"
    SITE = "site"
    """Only the positions of known pathogenic variants of which the file speaks; no gene is negative by them."""


@dataclass(frozen=True, slots=True)
class SampleSummary:
    """What hereditary risk says of one sample in one word, and what that word rests on."""

    outcome: SampleOutcome
    reason: str
    """Main reason code."""
    level: Level
    gene: str | None = None
    """The gene that decided, where one did."""
    genes: Mapping[str, SampleOutcome] = field(default_factory=dict)
    """Outcome of every gene in use, at the level of the gene: `NOT_FOUND` only where the gene was assessed."""
    known_sites_reference: int = 0
    """Positions of known pathogenic variants that were read as reference."""
    known_sites_unread: int = 0
    """Positions of known pathogenic variants of which the file speaks without saying anything certain."""


def held(reason: str) -> SampleSummary:
    """A sample of which nothing may be said."""
    return SampleSummary(SampleOutcome.SAMPLE_HOLD, reason, Level.SAMPLE)


def not_read(reason: str) -> SampleSummary:
    """A sample whose file says nothing at all."""
    return SampleSummary(SampleOutcome.NOT_ASSESSED, reason, Level.SAMPLE)


def summarize(said: Interpretation, *, varied_elsewhere: bool = False) -> SampleSummary:
    """The outcome of a sample from its interpretation.

    Args:
        said: What the interpreter said.
        varied_elsewhere: Whether the file has variants in genes that are not listed.
    """
    found = {finding.gene: finding for finding in said.findings if isinstance(finding, HereditaryFinding)}
    read = [finding for finding in said.findings if isinstance(finding, GeneAssessment)]
    genes = {one.gene: _of_gene(one) for one in read}
    genes |= {gene: SampleOutcome(finding.outcome) for gene, finding in found.items()}
    reference = sum(one.known_sites_reference for one in read)
    unread = sum(one.known_sites_unread for one in read)
    if found:
        lead = min(found.values(), key=lambda finding: (list(HereditaryOutcome).index(finding.outcome), finding.gene))
        outcome, reason, level, gene = SampleOutcome(lead.outcome), lead.reason, Level.GENE, lead.gene
    else:
        gene = None
        outcome, reason, level = _nothing_seen(genes, reference, unread, varied_elsewhere=varied_elsewhere)
    return SampleSummary(outcome, reason, level, gene, dict(sorted(genes.items())), reference, unread)


def _of_gene(read: GeneAssessment) -> SampleOutcome:
    return SampleOutcome.NOT_FOUND if read.status is GeneStatus.ASSESSED else SampleOutcome.NOT_ASSESSED


def _nothing_seen(
    genes: Mapping[str, SampleOutcome], reference: int, unread: int, *, varied_elsewhere: bool
) -> tuple[SampleOutcome, str, Level]:
    """No allele in a listed gene: by genes where all were assessed, else by the known sites that the file speaks of."""
    if genes and set(genes.values()) == {SampleOutcome.NOT_FOUND}:
        return SampleOutcome.NOT_FOUND, "every_gene_assessed", Level.GENE
    if unread:
        return SampleOutcome.NOT_ASSESSED, "known_site_not_read", Level.SITE
    if reference:
        return SampleOutcome.NOT_FOUND, "known_sites_reference", Level.SITE
    if varied_elsewhere:
        return SampleOutcome.NOT_REPORTABLE, "gene_not_on_active_list", Level.SAMPLE
    return SampleOutcome.NOT_ASSESSED, "no_known_site_in_file", Level.SITE
