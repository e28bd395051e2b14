"""The traits interpreter: which outcome each returned trait has, and which could not be read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from interpreters.alleles import Bases, bases_at, is_ambiguous
from interpreters.findings import Interpretation, NotTested, TraitFinding
from interpreters.genotypes import Build, GenotypeCalls, Interval, Sample
from interpreters.knowledge import KnowledgeError, KnowledgeRelease
from interpreters.traits.models import MODELS, Model, VariantReading

NAME = "traits"
VERSION = "1.0"
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
    """Whether a source that spells both builds' bases confirms which allele the reference genome carries."""

    def position(self, build: Build) -> int:
        """1-based position."""
        return self.pos38 if build is Build.GRCH38 else self.pos37


@dataclass(frozen=True, slots=True)
class Trait:
    """One trait that is returned, with the variants that may be used."""

    id: str
    variants: tuple[Variant, ...]
    model: Model


class TraitsInterpreter:
    """Keeps the `Interpreter` contract.

    Args:
        knowledge: Release whose `traits.json` says which traits are returned and how each is read.

    Raises:
        KnowledgeError: If the table is missing, changed or malformed, or asks for a model that does not exist.
    """

    def __init__(self, knowledge: KnowledgeRelease) -> None:
        self.knowledge = knowledge
        self.traits, self._variants_off = _load(knowledge)

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

    def interpret(self, sample: Sample, calls: GenotypeCalls) -> Interpretation:  # noqa: ARG002 - contract
        """Outcome of each trait, or that it was not read. Nothing but genotypes is looked at."""
        readings = _read({variant for trait in self.traits for variant in trait.variants}, calls)
        findings: list[TraitFinding] = []
        not_tested: list[NotTested] = []
        for trait in self.traits:
            found = {variant.rsid: readings[variant] for variant in trait.variants if variant in readings}
            outcome = MODELS[trait.model["type"]](trait.model, found, len(trait.variants))
            if outcome is None:
                not_tested.append(NotTested(NAME, trait.id, _reason(len(found), len(trait.variants))))
                continue
            findings.append(
                TraitFinding(
                    trait=trait.id,
                    outcome=outcome,
                    genotype={rsid: "/".join(sorted(reading.bases)) for rsid, reading in sorted(found.items())},
                    status="read" if len(found) == len(trait.variants) else "partly_read",
                    variants_read=len(found),
                    variants_total=len(trait.variants),
                )
            )
        return Interpretation(
            module=NAME,
            version=VERSION,
            knowledge_release=self.knowledge.release,
            knowledge_digest=self.knowledge.digest,
            findings=tuple(findings),
            not_tested=tuple(not_tested),
            limits={"variants_not_used": "; ".join(self._variants_off)},
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
        bases = bases_at(
            calls,
            variant.chrom,
            variant.position(calls.build),
            variant.ref,
            variant.alt,
            assume_reference=variant.reference_confirmed,
        )
        if bases is not None:
            found[variant] = bases
    if any(bases.other_strand for bases in found.values()):
        # A file that spells one variant on the minus strand says nothing certain where both strands read the same.
        found = {variant: bases for variant, bases in found.items() if not is_ambiguous(variant.ref, variant.alt)}
    return {
        variant: VariantReading((bases.first, bases.second), _phase(variant, calls)) for variant, bases in found.items()
    }


def _phase(variant: Variant, calls: GenotypeCalls) -> str | None:
    record = calls.at(variant.chrom, variant.position(calls.build)).record
    if record is None or not record.phased:
        return None
    return f"{record.chrom}:{record.phase_set or 'whole chromosome'}"


def _load(knowledge: KnowledgeRelease) -> tuple[tuple[Trait, ...], tuple[str, ...]]:
    """Returned traits in the order of the table, and the variants that are kept off."""
    try:
        table = json.loads(knowledge.read_bytes(TABLE))
        traits = tuple(
            Trait(
                id=row["id"],
                variants=tuple(
                    Variant(**{name: variant[name] for name in Variant.__slots__})
                    for variant in row["variants"]
                    if variant["position_confirmed"]
                ),
                model=row["model"],
            )
            for row in table["traits"]
            if row["returned"]
        )
        off = tuple(
            variant["rsid"]
            for row in table["traits"]
            if row["returned"]
            for variant in row["variants"]
            if not variant["position_confirmed"]
        )
        missing = sorted({trait.model["type"] for trait in traits} - set(MODELS))
    except (ValueError, KeyError, TypeError) as error:
        raise KnowledgeError(f"{knowledge.folder / TABLE}: malformed ({error}); build the release again") from error
    if missing:
        raise KnowledgeError(f"{knowledge.folder / TABLE}: no such model: {missing}; there are {sorted(MODELS)}")
    return traits, off
