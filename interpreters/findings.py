"""What an interpreter returns: findings, and what could not be tested.

Every type is immutable, so a finding can be stored, hashed and compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Region(StrEnum):
    """The programme's seven regions of genetic similarity. Places, never peoples or races."""

    AMERICAS = "Americas"
    EASTERN_AND_NORTHERN_ASIA = "Eastern and Northern Asia"
    EUROPE = "Europe"
    MIDDLE_EAST_AND_NORTH_AFRICA = "Middle East and North Africa"
    OCEANIA = "Oceania"
    SOUTHERN_ASIA = "Southern Asia"
    SUB_SAHARAN_AFRICA = "Sub-Saharan Africa"


@dataclass(frozen=True, slots=True)
class RegionShare:
    """Share of the genome most similar to the reference groups of one region, with its 95 % interval; all 0 to 1."""

    region: Region
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Subregion:
    """The part of a person's main region whose reference groups fit clearly better than those of its other parts."""

    code: str
    """Name in the knowledge release, for example `EUR_S`."""
    place: str
    """The same in English words."""
    lead: float
    """Log-likelihood by which it leads the second."""


@dataclass(frozen=True, slots=True)
class GroupPosition:
    """Where the reference groups of one place lie in a placement."""

    name: str
    """Of the component or place in the knowledge release, for example `EUR_Fin`."""
    region: Region
    place: str
    """The same in English words."""
    people: int
    """0 where the frequencies were inferred from admixed people."""
    coordinates: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Placement:
    """Position among the reference groups of one panel, along the axes on which those differ most."""

    panel: str
    coordinates: tuple[float, ...]
    """Four numbers, on the scale of the groups' positions."""
    groups: tuple[GroupPosition, ...] = ()
    """The groups among which the person was placed. A position means nothing without them, so both are kept together;
    without them there is no picture."""


@dataclass(frozen=True, slots=True)
class AncestryFinding:
    """Genetic similarity to reference groups."""

    components: tuple[RegionShare, ...]
    """By falling share, then by name."""
    sites_read: int
    sites_total: int
    status: str
    """`reported`, `fewer_sites` (reported with a warning) or `fits_less_well` (reported with a warning)."""
    panel: str
    """Reference panel that was used."""
    misfit: float | None = None
    """Least excess of homozygous sites that chance leaves, over those expected of the shares: near 0 or below where the
    reference has groups like the person's, and above 0.06 `fits_less_well`."""
    subregion: Subregion | None = None
    """None where no part of the main region fits clearly best: then the region alone is to be named."""
    placement: Placement | None = None
    module: str = field(default="ancestry", init=False)


class Likelihood(StrEnum):
    """How likely the outcome of a trait is, in the words that a report has for it."""

    CERTAIN = "certain"
    """Known from the DNA itself, such as a protein that cannot be made."""
    VERY_LIKELY = "very_likely"
    LIKELY = "likely"
    MORE = "more"
    """More likely than in most people; the next three likewise."""
    SLIGHTLY_MORE = "slightly_more"
    LESS = "less"
    SLIGHTLY_LESS = "slightly_less"
    AVERAGE = "average"
    """Between the other outcomes of the trait."""
    POSSIBLE = "possible"
    TYPICAL = "typical"
    """What most people have."""
    UNLIKELY = "unlikely"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True)
class TraitFinding:
    """One trait that was read."""

    trait: str
    outcome: str
    """Outcome key of the trait's model in the knowledge release."""
    genotype: Mapping[str, str]
    """Variant (rsID) to genotype as bases, for example `{"rs17822931": "C/T"}`; variants not read are left out."""
    status: str
    """`read` or `partly_read`."""
    variants_read: int
    variants_total: int
    """Variants that the release reads for this trait."""
    missing: tuple[str, ...] = ()
    """Those of them (rsIDs) that were not read."""
    likelihood: Likelihood | None = None
    probability: float | None = None
    """The model's probability of the outcome, 0 to 1, or the lowest that the missing variants leave possible. None for
    a trait whose model gives no number: there the word is all that is known."""
    probabilities: Mapping[str, float] | None = None
    """The model's probability of each category; given when nothing is missing."""
    studied_in: str = ""
    """People in whom likelihood and probability were found: they hold for them."""
    evidence: str = ""
    """Grade of the release: `A` (causal or near-causal, replicated) or `B` (replicated association of modest size)."""
    sensitive: bool = False
    """Close to health or revealing about a family: returned only to a programme that asked for it."""
    module: str = field(default="traits", init=False)


@dataclass(frozen=True, slots=True)
class DrugRecommendation:
    """One guideline row that fits the participant's results."""

    drug: str
    genes: tuple[str, ...]
    source: str
    strength: str
    population: str
    actions: tuple[str, ...]
    statement: str
    """Our restatement for professionals, awaiting clinical review."""
    url: str
    as_of: str
    """Date of the guideline data, ISO 8601 to the month."""
    text_sha: str
    """Fingerprint of the source's text; finds the participant's wording and detects a change of the source."""
    needs_review: bool
    rxnorm: str | None = None
    """RxNorm concept of the medicine's ingredient."""
    atc: str | None = None
    """Code of the medicine in WHO's Anatomical Therapeutic Chemical classification."""
    reviewed: str | None = None
    """Who approved the statement and when; None while it awaits clinical review."""


OUTSIDE_CALL = "outside_call"
"""`PharmacogenomicFinding.called_from` of a result that the laboratory got by another method."""


class Coverage(StrEnum):
    """How much of a gene's defining positions was read, by the release's coverage policy."""

    COMPLETE = "complete"
    """Every position."""
    SUFFICIENT = "sufficient"
    """As many as the policy asks for, the AMP tier 1 positions among them."""
    PARTIAL = "partial"
    """Fewer: where no variant was found, no diplotype is to be named without saying so."""


@dataclass(frozen=True, slots=True)
class PharmacogenomicFinding:
    """The result for one gene."""

    gene: str
    diplotypes: tuple[str, ...]
    """Top-scored diplotypes that fit, as laboratories compare them; more than one when they tie."""
    phenotypes: tuple[str, ...]
    """Phenotypes of `diplotypes`, each once, in their order."""
    activity_score: str | None
    haplotypes: tuple[str, ...]
    """Alleles found, for genes called without a diplotype (DPYD and RYR1 when unphased)."""
    reported_phenotype: str | None
    """What a report may say: given only when all consistent diplotypes agree and no review is open."""
    positions_read: int
    positions_total: int
    phased: bool
    requires_review: bool
    reasons: tuple[str, ...]
    """Codes for what limits the result or asks for review."""
    recommendations: tuple[DrugRecommendation, ...]
    consistent: tuple[str, ...] = ()
    """Every diplotype that fits the data, also those with alleles none of whose positions was read."""
    consistent_phenotypes: tuple[str, ...] = ()
    """Phenotypes of everything that fits, in alphabetical order; more than one is why none is reported."""
    not_excluded: tuple[str, ...] = ()
    """Named alleles that were not called and that unread positions leave possible."""
    tier1_read: int = 0
    tier1_total: int = 0
    """Positions that the Association for Molecular Pathology lists as tier 1 (to be tested)."""
    coverage: Coverage = Coverage.COMPLETE
    variant_found: bool = True
    """Whether an allele other than the gene's normal one was called. If not, the call rests on `positions_read`."""
    extra_genotypes: tuple[str, ...] = ()
    """Genotypes, where read, at positions that define no allele and that a guideline asks for: `rs12777823 G/A`."""
    called_from: str = "sequence"
    """`sequence`, or `outside_call` for a result that the laboratory got by another method."""
    second_opinions: tuple[DrugRecommendation, ...] = ()
    """Rows of the second guideline source where it differs from `recommendations` or has a medicine that they lack."""
    module: str = field(default="pharmacogenomics", init=False)

    @property
    def top_phenotype(self) -> str | None:
        """The one phenotype of the top-scored call; None where there is none, or more than one."""
        named = [phenotype for phenotype in self.phenotypes if phenotype not in {"No Result", "n/a"}]
        return named[0] if len(named) == len(self.phenotypes) == 1 else None

    @property
    def acceptable(self) -> bool:
        """Whether a reviewer may decide that the top-scored call stands."""
        return self.requires_review and self.top_phenotype is not None

    @property
    def may_name_diplotype(self) -> bool:
        """Whether the call may be named as it is: no variant among too few positions does not make a `*1/*1`."""
        return self.variant_found or self.coverage is not Coverage.PARTIAL or self.called_from == OUTSIDE_CALL


class HereditaryOutcome(StrEnum):
    """Outcome of the policy for a gene in which variants were seen."""

    CANDIDATE_POSITIVE = "CANDIDATE_POSITIVE"
    REVIEW = "REVIEW"
    NOT_REPORTABLE = "NOT_REPORTABLE"


class GeneStatus(StrEnum):
    """How much of a gene was read well enough."""

    ASSESSED = "assessed"
    PARTLY_ASSESSED = "partly_assessed"
    NOT_ASSESSED = "not_assessed"


@dataclass(frozen=True, slots=True)
class HereditaryVariant:
    """A variant that a hereditary finding is about."""

    chrom: str
    pos: int
    ref: str
    alt: str
    clinvar_id: str | None
    classification: str | None
    stars: int | None
    zygosity: str
    """`heterozygous`, `homozygous`, `hemizygous`, or `unknown` (copy-number calls, incomplete genotypes)."""
    hgvs: str | None = None
    """Genomic HGVS as ClinVar gives it."""
    conditions: str | None = None
    depth: int | None = None
    genotype_quality: int | None = None
    allele_balance: float | None = None
    """Share of the reads that carry the variant, 0 to 1."""
    reads: tuple[int, int] | None = None
    """Reads with the reference and with this allele."""
    filters: tuple[str, ...] = ()
    """What the caller's filters said, where that is not PASS."""
    phase_set: int | None = None
    transcript: str | None = None
    """Reporting transcript of the gene."""
    consequences: tuple[str, ...] = ()
    """Sequence Ontology terms, all that are known."""
    consequence_from: str | None = None
    """What told the consequence: `clinvar`, `annotation`, `reference_sequence`, `clinvar_bases` or `coding_frame`."""
    exon: int | None = None
    """Coding exon in which the variant lies, or the nearest; 1 = the one with the start codon."""
    exons_total: int | None = None
    """Coding exons of the transcript."""
    escapes_decay: bool | None = None
    """Whether a truncation is expected to escape nonsense-mediated decay; None if there is none, or it is not known."""
    placed_by: str | None = None
    """What placed an insertion or deletion: `as_written`, `reference_sequence` or `known_bases`; None if undecided."""


@dataclass(frozen=True, slots=True)
class HereditaryFinding:
    """One gene in which at least one listed variant was seen."""

    gene: str
    outcome: HereditaryOutcome
    reason: str
    """First reason of the rule path, the main one."""
    variant: HereditaryVariant
    rule_path: tuple[str, ...]
    """Reason codes in the order in which the rules fired."""
    flags: tuple[str, ...] = ()
    second_variant: HereditaryVariant | None = None
    """The other allele of a compound heterozygous pair."""
    module: str = field(default="hereditary_risk", init=False)


@dataclass(frozen=True, slots=True)
class GeneAssessment:
    """How much of one reported gene was read: what a negative may and may not say."""

    gene: str
    status: GeneStatus
    fraction: float
    """Share of coding bases, and 20 either side, read with depth and quality, 0 to 1."""
    known_sites_read: int = 0
    """Positions of known pathogenic variants that were read."""
    known_sites_total: int = 0
    exons_not_read: tuple[int, ...] = ()
    """Coding exons (1 = the one with the start codon) of which at least a base or its padding was not read."""
    known_sites_reference: int = 0
    """Positions of known pathogenic variants that were read as reference, also by a single call in a file that lists
    variants only. They speak for themselves, never for the gene."""
    known_sites_unread: int = 0
    """Positions of known pathogenic variants of which a record speaks that is not good enough to say anything."""
    module: str = field(default="hereditary_risk", init=False)


Finding = AncestryFinding | TraitFinding | PharmacogenomicFinding | HereditaryFinding | GeneAssessment
"""Everything an interpreter can find. A consumer matches on the type; the checker proves that none is forgotten."""


@dataclass(frozen=True, slots=True)
class NotTested:
    """Something that was asked for and could not be answered, and why. Never a negative result."""

    module: str
    subject: str
    """Gene, trait or panel."""
    reason: str


@dataclass(frozen=True, slots=True)
class Interpretation:
    """Everything one interpreter says about one sample."""

    module: str
    version: str
    knowledge_release: str
    knowledge_digest: str
    findings: tuple[Finding, ...]
    not_tested: tuple[NotTested, ...]
    limits: Mapping[str, str] = field(default_factory=dict)
    """Facts for every report of this module (list version, data dates, rule set); each module fixes its keys."""
