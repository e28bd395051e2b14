"""The traits interpreter: which outcome each returned trait has, how likely it is, and which could not be read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from interpreters.alleles import Bases, bases_at, is_ambiguous
from interpreters.findings import Interpretation, Likelihood, NotTested, TraitFinding
from interpreters.genotypes import Build, CallSetKind, CallState, GenotypeCalls, Interval, Sample, told_apart
from interpreters.interpreter import PanelSite
from interpreters.knowledge import KnowledgeError, KnowledgeRelease
from interpreters.traits.models import MODELS, Call, Model, Readings, VariantReading, outcomes

NAME = "traits"
VERSION = "2.0"
TABLE = "traits.json"


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant of a trait, plus strand."""

    rsid: str
    chrom: str
    pos38: int
    pos37: int
    ref: str
    alt: str
    reference_confirmed: bool
    """Whether sources that the release names confirm which allele the reference genome carries."""

    def position(self, build: Build) -> int:
        """1-based position."""
        return self.pos38 if build is Build.GRCH38 else self.pos37

    @property
    def is_insertion(self) -> bool:
        """Whether `alt` is `ref` and more bases, which only a record about this very insertion can tell of."""
        return len(self.alt) > len(self.ref)


@dataclass(frozen=True, slots=True)
class Trait:
    """One trait of a release, with the variants that may be used."""

    id: str
    returned: bool
    """Whether a programme returns it that does not choose."""
    sensitive: bool
    evidence: str
    studied_in: str
    variants: tuple[Variant, ...]
    not_used: tuple[str, ...]
    """Variants (rsIDs) whose position is not confirmed."""
    model: Model
    likelihoods: Mapping[str, Likelihood]
    """By outcome."""


class TraitsInterpreter:
    """Keeps the `Interpreter` contract.

    Args:
        knowledge: Release the traits are from.
        traits: Those that are returned, in the order of the release; see `load_traits`.
    """

    def __init__(self, knowledge: KnowledgeRelease, traits: Sequence[Trait]) -> None:
        self.knowledge = knowledge
        self.traits = tuple(traits)

    @property
    def name(self) -> str:
        """Module name."""
        return NAME

    @property
    def version(self) -> str:
        """Version of the models."""
        return VERSION

    def intervals(self, build: Build) -> Sequence[Interval]:
        """One base for each variant in use."""
        return tuple(
            Interval(variant.chrom, variant.position(build), variant.position(build))
            for trait in self.traits
            for variant in trait.variants
        )

    def single_base_sites(self, build: Build) -> Sequence[PanelSite]:
        """The variants of single bases whose reference base is confirmed."""
        return tuple(
            PanelSite(variant.chrom, variant.position(build), variant.ref, variant.alt)
            for trait in self.traits
            for variant in trait.variants
            if variant.reference_confirmed and len(variant.ref) == len(variant.alt) == 1
        )

    def interpret(self, sample: Sample, calls: GenotypeCalls) -> Interpretation:  # noqa: ARG002 - contract
        """Outcome of each trait, or that it was not read. Nothing but genotypes is looked at."""
        readings = _read({variant for trait in self.traits for variant in trait.variants}, calls)
        findings: list[TraitFinding] = []
        not_tested: list[NotTested] = []
        missing: list[str] = []
        for trait in self.traits:
            found = {variant.rsid: readings[variant] for variant in trait.variants if variant in readings}
            missing += [variant.rsid for variant in trait.variants if variant not in readings]
            call = MODELS[trait.model["type"]](trait.model, found, len(trait.variants))
            if call is None:
                not_tested.append(NotTested(NAME, trait.id, _reason(len(found), len(trait.variants))))
            else:
                findings.append(_finding(trait, call, found))
        return Interpretation(
            module=NAME,
            version=VERSION,
            knowledge_release=self.knowledge.release,
            knowledge_digest=self.knowledge.digest,
            findings=tuple(findings),
            not_tested=tuple(not_tested),
            limits={
                "variants_not_read": "; ".join(missing),
                "variants_not_used": "; ".join(rsid for trait in self.traits for rsid in trait.not_used),
            },
        )


def load_traits(knowledge: KnowledgeRelease) -> tuple[Trait, ...]:
    """Every trait of a release, in the order of its `traits.json`.

    Raises:
        KnowledgeError: If the table is missing, changed or malformed, asks for a model that does not exist, or has no
            likelihood for an outcome of a model.
    """
    path = knowledge.folder / TABLE
    try:
        traits = tuple(_trait(row) for row in json.loads(knowledge.read_bytes(TABLE))["traits"])
        problem = next((problem for trait in traits for problem in _problems(trait)), None)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KnowledgeError(f"{path}: malformed ({error}); build the release again") from error
    if problem is not None:
        raise KnowledgeError(f"{path}: {problem}")
    return traits


def _problems(trait: Trait) -> Iterator[str]:
    if trait.model["type"] not in MODELS:
        yield f"{trait.id}: no such model: {trait.model['type']}; there are {', '.join(MODELS)}"
    elif unknown := sorted(outcomes(trait.model) - set(trait.likelihoods)):
        yield f"{trait.id}: no likelihood for {', '.join(unknown)}; build the release again"


def _trait(row: Mapping[str, Any]) -> Trait:
    return Trait(
        id=row["id"],
        returned=row["returned"],
        sensitive=row["sensitive"],
        evidence=row["evidence"],
        studied_in=row["studied_in"],
        variants=tuple(
            Variant(**{name: variant[name] for name in Variant.__slots__})
            for variant in row["variants"]
            if variant["position_confirmed"]
        ),
        not_used=tuple(variant["rsid"] for variant in row["variants"] if not variant["position_confirmed"]),
        model=row["model"],
        likelihoods={key: Likelihood(outcome["likelihood"]) for key, outcome in row["model"]["outcomes"].items()},
    )


def _finding(trait: Trait, call: Call, found: Readings) -> TraitFinding:
    missing = tuple(variant.rsid for variant in trait.variants if variant.rsid not in found)
    return TraitFinding(
        trait=trait.id,
        outcome=call.outcome,
        genotype={rsid: "/".join(sorted(reading.bases)) for rsid, reading in sorted(found.items())},
        status="partly_read" if missing else "read",
        variants_read=len(found),
        variants_total=len(trait.variants),
        missing=missing,
        likelihood=call.likelihood or trait.likelihoods[call.outcome],
        probability=call.probability,
        probabilities=call.probabilities,
        studied_in=trait.studied_in,
        evidence=trait.evidence,
        sensitive=trait.sensitive,
    )


def _reason(read: int, total: int) -> str:
    """Why a trait has no outcome; `not_called` where the model names none for what was read."""
    if read == 0:
        return "not_read"
    return "partly_read" if read < total else "not_called"


def _read(variants: set[Variant], calls: GenotypeCalls) -> dict[Variant, VariantReading]:
    """Bases at each variant that was read."""
    found: dict[Variant, Bases] = {}
    for variant in variants:
        bases = _bases(variant, calls)
        if bases is not None:
            found[variant] = bases
    if any(bases.other_strand for bases in found.values()):
        # A file that spells one variant on the minus strand says nothing certain where both strands read the same.
        found = {variant: bases for variant, bases in found.items() if not is_ambiguous(variant.ref, variant.alt)}
    return {
        variant: VariantReading((bases.first, bases.second), _phase(variant, calls)) for variant, bases in found.items()
    }


def _bases(variant: Variant, calls: GenotypeCalls) -> Bases | None:
    position = variant.position(calls.build)
    genotype = calls.at(variant.chrom, position)
    if genotype.record is None and variant.reference_confirmed and _was_assayed(variant, calls):
        return Bases(variant.ref, variant.ref, other_strand=False)
    if variant.is_insertion and genotype.state is CallState.REFERENCE and genotype.record is not None:
        record = genotype.record
        if not record.is_reference_block and variant.alt not in record.alts:
            return None  # reference as to another variant at the same base
    bases = bases_at(
        calls, variant.chrom, position, variant.ref, variant.alt, assume_reference=variant.reference_confirmed
    )
    # The other strand of an insertion has it on the other side of its base: a record that seems to fit is another one.
    return None if variant.is_insertion and bases is not None and bases.other_strand else bases


def _was_assayed(variant: Variant, calls: GenotypeCalls) -> bool:
    """Whether a list says that this very variant was assayed, in a file whose silence then means reference.

    A file that spells out reference genotypes or blocks would have spelled this one: there, silence stays unread.
    """
    if calls.assayed_sites is None or calls.kind is not CallSetKind.VARIANTS_ONLY:
        return False
    told = calls.assayed_sites.get((variant.chrom, variant.position(calls.build)))
    if not told:
        return told is not None and not variant.is_insertion
    return told >= told_apart(variant.ref, (variant.alt,))


def _phase(variant: Variant, calls: GenotypeCalls) -> str | None:
    record = calls.at(variant.chrom, variant.position(calls.build)).record
    if record is None or not record.phased:
        return None
    return f"{record.chrom}:{record.phase_set or 'whole chromosome'}"
