"""People made of genotypes at the variants of the traits, for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from interpreters import traits
from interpreters.findings import Interpretation, TraitFinding
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Interval, Record, Sample, Sex
from interpreters.traits import TraitsInterpreter
from interpreters.traits.interpreter import Variant

Genotype = str | tuple[str, str]
"""Both bases, such as `CT`, or as a pair where one is an insertion, such as `("T", "TC")`."""


@cache
def _load(wanted: str) -> TraitsInterpreter:
    return traits.load(options={"traits": wanted})


def interpreter(wanted: str = "all") -> TraitsInterpreter:
    return _load(wanted)


@cache
def variants() -> dict[str, Variant]:
    return {variant.rsid: variant for trait in interpreter().traits for variant in trait.variants}


def record(rsid: str, bases: Genotype, *, where: Build = Build.GRCH38, phased: bool = False, **more: object) -> Record:
    """A record at a variant, with its called bases in their order."""
    variant = variants()[rsid]
    alleles = (variant.ref, variant.alt)
    pos = variant.position(where)
    fields: dict[str, object] = {
        "chrom": variant.chrom,
        "pos": pos,
        "end": pos,
        "ref": variant.ref,
        "alts": (variant.alt,),
        "genotype": tuple(alleles.index(base) for base in bases),
        "phased": phased,
    }
    return Record(**{**fields, **more})  # type: ignore[arg-type]


def person(genotypes: Mapping[str, Genotype], where: Build = Build.GRCH38, *, phased: bool = False) -> list[Record]:
    return [record(rsid, genotype, where=where, phased=phased) for rsid, genotype in genotypes.items()]


def interpret(
    records: Sequence[Record],
    where: Build = Build.GRCH38,
    *,
    wanted: str = "all",
    declared: list[Interval] | None = None,
    kind: CallSetKind = CallSetKind.ALL_SITES,
    assayed: Mapping[tuple[str, int], frozenset[str]] | None = None,
) -> Interpretation:
    calls = GenotypeCalls(where, kind, records, declared, assayed_sites=assayed)
    return interpreter(wanted).interpret(Sample(where, Assay.WGS, Sex.UNKNOWN), calls)


def findings(made: Interpretation) -> dict[str, TraitFinding]:
    return {found.trait: found for found in made.findings if isinstance(found, TraitFinding)}


def outcome(trait: str, *records: Record) -> str:
    """Outcome of a trait, or in brackets the reason for which it was not tested."""
    made = interpret(records)
    found = findings(made).get(trait)
    return found.outcome if found else next(f"({item.reason})" for item in made.not_tested if item.subject == trait)
