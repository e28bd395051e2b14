"""What a reviewer of a hereditary finding needs to know of the call and of the knowledge behind it. Pure.

Nothing is left out silently: what is not known is None, `absent` names it, and `NO_SOURCE` names what no part of the
programme knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass

from interpreters.findings import GeneAssessment, HereditaryFinding, HereditaryVariant, Interpretation
from interpreters.genotypes import Build
from interpreters.hereditary_risk.alleles import AlleleKey, trim
from interpreters.hereditary_risk.clinvar import ClinVarRecord, ClinVarTable
from interpreters.hereditary_risk.policy import ANY, Gene, Policy, Rule
from interpreters.hereditary_risk.reasons import explain

NO_SOURCE = (
    "hgvs_coding",
    "hgvs_protein",
    "position_in_other_build",
    "clinvar_allele_id",
    "clingen_allele_id",
    "rsid",
    "genotype_as_written",
    "caller",
    "alignment_view",
    "second_method",
    "clinvar_submissions",
    "expert_panel_rule_set",
    "population_frequency_by_group",
    "homozygotes_in_population",
    "in_silico_predictions",
    "literature",
)
"""Parts of an evidence packet about call and knowledge that no release and no file gives."""

FREQUENCY_NOTE = (
    "The largest of ESP, ExAC and 1000 Genomes over all people; no maximum over groups is available, so the variant "
    "may be more common in one group than this number says."
)

ZYGOSITY_RULES = {
    "het_or_biallelic": "One pathogenic copy is enough; two make a graver disease and come first.",
    "biallelic": "Two pathogenic copies are needed; two variants count unless they are known to lie on one copy.",
    "hfe_c282y_homozygous": "Only p.Cys282Tyr on both copies is returned.",
    "xl_hemi_het_or_hom": "X-linked: one copy is enough in a man, and one of two in a woman.",
    "xl_hemi_or_biallelic": "X-linked: one copy is enough in a man; a woman needs two.",
}
"""Zygosity rule of the policy to its sentence. Awaiting clinical review."""


@dataclass(frozen=True, slots=True)
class Explained:
    """A reason code or flag in plain words."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class RuleNote:
    """A row of the policy that bears on the allele: mechanism, exclusion, founder allele, copied segment."""

    rule: str
    value: str
    outcome: str
    text: str
    note: str
    status: str
    """`guidance`, `policy`, or `proposal` where a laboratory director has still to decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinVarFacts:
    """What ClinVar says of one allele; text as NCBI writes it, "" where ClinVar says nothing."""

    variation_id: str
    classification: str
    """Terms separated by `|`, each of which may hold several separated by `/`."""
    stars: int
    conflicting: str
    """Classifications that conflict, with their counts."""
    conditions: str
    origin: str
    haplotype_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AlleleEvidence:
    """One allele. Without the knowledge release at hand all but the call is None."""

    variant: HereditaryVariant
    in_clinvar: bool | None
    clinvar: ClinVarFacts | None
    population_frequency: float | None
    """Allele frequency, 0 to 1; see `FREQUENCY_NOTE`."""
    duplicated_segment: bool | None
    """Whether the allele lies where the policy knows a copy elsewhere in the genome."""
    rules: tuple[RuleNote, ...] | None


@dataclass(frozen=True, slots=True)
class Criterion:
    """One ACMG/AMP criterion that a curator may apply; which of them hold is the curator's decision."""

    code: str
    points: int
    """At the default strength: 8 very strong, 4 strong, 2 moderate, 1 supporting; benign ones are negative."""
    look_at: tuple[str, ...]
    """Codes of the rule path that ask to look at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingEvidence:
    """One finding: what was called, what is known, and the path that the rules took."""

    gene: str
    outcome: str
    rule_path: tuple[Explained, ...]
    flags: tuple[Explained, ...]
    phase: str | None
    """`one_variant`, `different_copies` or `not_known`; None where the pair was not judged by its phase."""
    alleles: tuple[AlleleEvidence, ...]
    """The variant, and the second one of a pair."""
    callability: GeneAssessment | None
    inheritance: str | None
    zygosity_rule: str | None
    diseases: str | None
    gene_list: str | None
    rule_set: str | None
    clinvar_release: str | None
    clinvar_date: str | None
    frequency_note: str
    criteria: tuple[Criterion, ...]


def finding_evidence(
    finding: HereditaryFinding,
    said: Interpretation,
    build: Build,
    *,
    policy: Policy | None,
    clinvar: ClinVarTable | None,
) -> FindingEvidence:
    """The evidence of one finding.

    Args:
        finding: One of the findings of `said`.
        said: The interpretation.
        build: Build of its positions.
        policy: Policy of the very release that it rests on; None if that is not at hand.
        clinvar: ClinVar records of that release and build, likewise.
    """
    gene = None if policy is None else policy.genes.get(finding.gene)
    variants = (finding.variant, *([finding.second_variant] if finding.second_variant else []))
    assessments = (item for item in said.findings if isinstance(item, GeneAssessment) and item.gene == finding.gene)
    codes = dict.fromkeys((finding.reason, *finding.rule_path))
    return FindingEvidence(
        gene=finding.gene,
        outcome=finding.outcome.value,
        rule_path=tuple(Explained(code, explain(code)) for code in codes),
        flags=tuple(Explained(code, explain(code)) for code in finding.flags),
        phase=_phase(finding),
        alleles=tuple(_allele(variant, gene, build, policy, clinvar) for variant in variants),
        callability=next(assessments, None),
        inheritance=gene.inheritance if gene else None,
        zygosity_rule=ZYGOSITY_RULES[gene.zygosity_rule] if gene else None,
        diseases=gene.diseases if gene else None,
        gene_list=said.limits.get("gene_list"),
        rule_set=said.limits.get("rule_set"),
        clinvar_release=said.limits.get("clinvar_release"),
        clinvar_date=said.limits.get("clinvar_date"),
        frequency_note=FREQUENCY_NOTE,
        criteria=tuple(_criteria((*codes, *finding.flags))),
    )


def variant_key(gene: str, variant: HereditaryVariant, build: Build) -> str | None:
    """One text for a variant in a gene and build, the same for every carrier; None for a structural call.

    How far a structural call reaches is not kept with the finding, so that two of them cannot be told apart.
    """
    if _is_symbolic(variant):
        return None
    key = _key(variant)
    return f"{gene}:{build.value}:{key.chrom}:{key.pos}:{key.deleted}:{key.inserted}"


def absent(value: object, name: str = "") -> tuple[str, ...]:
    """Names of everything in a packet that is not known, as dotted paths of fields, each once."""
    return tuple(dict.fromkeys(_absent(value, name)))


def _absent(value: object, name: str) -> Iterator[str]:
    if value is None:
        yield name
    elif isinstance(value, tuple):
        for item in value:
            yield from _absent(item, name)
    elif is_dataclass(value):
        for f in fields(value):
            yield from _absent(getattr(value, f.name), f"{name}.{f.name}" if name else f.name)


def _phase(finding: HereditaryFinding) -> str | None:
    if finding.second_variant is None:
        return "one_variant"
    if "phase_unknown" in finding.flags:
        return "not_known"
    judged = finding.reason in {"compound_het_in_trans", "second_allele_below_star_threshold"}
    return "different_copies" if judged else None


def _allele(
    variant: HereditaryVariant, gene: Gene | None, build: Build, policy: Policy | None, clinvar: ClinVarTable | None
) -> AlleleEvidence:
    record = None if clinvar is None else clinvar.find(_key(variant))
    rules = None if policy is None or gene is None else tuple(_rules(variant, gene, build, policy))
    return AlleleEvidence(
        variant=variant,
        in_clinvar=None if clinvar is None else record is not None,
        clinvar=None if record is None else _clinvar(record),
        population_frequency=None if record is None else record.frequency,
        duplicated_segment=None if rules is None else any(rule.rule.startswith("segdup") for rule in rules),
        rules=None if rules is None else tuple(_note(rule) for rule in rules),
    )


def _clinvar(record: ClinVarRecord) -> ClinVarFacts:
    return ClinVarFacts(
        variation_id=record.variation_id,
        classification=record.classification,
        stars=record.stars,
        conflicting=record.conflicting,
        conditions=record.conditions,
        origin=record.origin,
        haplotype_only=record.haplotype_only,
    )


def _key(variant: HereditaryVariant) -> AlleleKey:
    """Findings are left-aligned, so that trimming gives the key."""
    return AlleleKey(variant.chrom, *trim(variant.pos, variant.ref, variant.alt))


def _is_symbolic(variant: HereditaryVariant) -> bool:
    return not variant.alt.isalpha()


def _rules(variant: HereditaryVariant, gene: Gene, build: Build, policy: Policy) -> Iterator[Rule]:
    """Rows for the gene, or for ClinVar's terms whatever the gene, that bear on this allele."""
    terms = set((variant.classification or "").replace("/", "|").split("|"))
    key, symbolic = _key(variant), _is_symbolic(variant)
    for rule in policy.rules:
        if rule.build not in {ANY, build.value}:
            continue
        if rule.rule == "clnsig_cap":
            bears = rule.value in terms
        elif rule.gene != gene.symbol:
            bears = False
        elif rule.ref != ANY:
            bears = rule.key == key or (rule.variation_id != ANY and rule.variation_id == variant.clinvar_id)
        else:
            # Every row of the gene is shown for a structural call: how far it reaches is not kept with the finding.
            bears = symbolic or rule.covers(key)
        if bears:
            yield rule


def _note(rule: Rule) -> RuleNote:
    return RuleNote(
        rule=rule.rule,
        value=_given(rule.value),
        outcome=rule.outcome,
        text="" if rule.reason == ANY else explain(rule.reason),
        note=_given(rule.note),
        status=rule.status,
    )


def _given(cell: str) -> str:
    return "" if cell == ANY else cell


_POINTS = {"PVS": 8, "PS": 4, "PM": 2, "PP": 1, "BA": -8, "BS": -4, "BP": -1}
_NUMBERS = {"PVS": (1,), "PS": (1, 2, 3, 4), "PM": (1, 2, 3, 4, 5, 6), "PP": (1, 2, 3, 4)}
_NUMBERS |= {"BA": (1,), "BS": (1, 2, 3, 4), "BP": (1, 2, 3, 4, 5, 7)}
# PP5 and BP6 rest on another's classification alone and are no longer in use.
_LOOK_AT = {
    "PVS1": ("loss_of_function", "novel_lof", "lof_mechanism_proposal", "decay_escape_possible"),
    "PM3": ("compound_het_in_trans", "compound_het_phase_unknown", "homozygous_recessive"),
    "BA1": ("af_too_high", "founder_allele_af_exempt"),
    "BS1": ("af_too_high", "founder_allele_af_exempt"),
}


def _criteria(codes: tuple[str, ...]) -> Iterator[Criterion]:
    for kind, numbers in _NUMBERS.items():
        for number in numbers:
            code = f"{kind}{number}"
            yield Criterion(code, _POINTS[kind], tuple(c for c in _LOOK_AT.get(code, ()) if c in codes))
