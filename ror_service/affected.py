"""Whose results rest on a sample that carries one of some variants, for example reclassified ones.

The answer is counts, and on request the cases, each of which is audited. What could not be looked at is counted too:
silence about somebody is not a no.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from interpreters.genotypes import Build
from interpreters.hereditary_risk import HereditaryRisk
from interpreters.hereditary_risk.alleles import CHROMOSOMES, AlleleKey, ReferenceBases, equivalents, place, trim
from ror_service import cases
from ror_service.audit.log import Actor
from ror_service.context import ServiceContext
from ror_service.errors import InvalidInputError
from ror_service.genotypes import index
from ror_service.genotypes.carried import number_of
from ror_service.genotypes.index import Segment
from ror_service.sealing import vault
from ror_service.storage import indexes, results
from ror_service.work import Work

ACTOR = Actor(name="command-line", role="service", purpose="who is affected by variants")
HEREDITARY_RISK = "hereditary_risk"
_CLINVAR_ID = re.compile(r"(?:VCV0*)?([1-9]\d{0,8})")
_BASES = re.compile(r"[ACGT]+")
_HOW = "write GRCh38 or GRCh37, chromosome, position, REF and ALT, or a ClinVar variation id alone"

Written = tuple[str, int, str, str]
"""Chromosome, position, REF and ALT."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant that is asked for."""

    spellings: Mapping[Build, frozenset[AlleleKey]]
    """Every way to write it that is known, by build; a build is left out where its place there is not known."""
    certain: bool
    """Whether no other spelling is possible; else some carriers may be missed."""


@dataclass(frozen=True, slots=True)
class Affected:
    """The answer."""

    variants: int
    uncertain_variants: int
    """Insertions and deletions of which not every spelling is known: install a reference sequence."""
    samples: int
    """Samples that were looked at."""
    not_all_variants: int
    """Of those, in how many not every variant could be looked for: another build, or outside of what is stored."""
    not_stored: int
    """Samples that passed the quality gate of which nothing is stored."""
    unreadable: int
    """Samples of which what is stored does not open."""
    carriers: int
    """Samples that carry a variant."""
    cases: tuple[str, ...]
    """Open cases of the module that rest on one of those."""
    passed_over: int
    """Cases more, whose participant's standing or answers forbid to look at them, or which are suspended."""


def read_variants(path: Path, hereditary: HereditaryRisk | None) -> list[Variant]:
    """The variants that a text file names, one a line; empty lines and those that begin with # do not count.

    Args:
        path: The file.
        hereditary: Knows ClinVar's ids and reference bases, where it is installed.

    Raises:
        InvalidInputError: Naming the line that is not understood, or the file that cannot be read or names nothing.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path}: cannot be read as text; {_HOW}, a line each") from error
    asked = {number: line.split() for number, line in enumerate(lines, 1) if line.split("#")[0].strip()}
    if not asked:
        raise InvalidInputError(f"{path}: names no variant; {_HOW}, a line each")
    known = _by_clinvar_id(hereditary, {_clinvar_id(fields) for fields in asked.values()})
    return [_variant(f"{path}, line {number}", fields, known, hereditary) for number, fields in asked.items()]


def affected(context: ServiceContext, variants: Sequence[Variant], module: str) -> Affected:
    """Look through all samples; those that are in no piece of the index are indexed first.

    Args:
        context: The service.
        variants: What is asked for.
        module: Whose cases to tell.
    """
    unreadable = refresh(context)
    with context.transaction(ACTOR) as work:
        wanted = np.array(
            sorted(
                {
                    number_of(build, key)
                    for variant in variants
                    for build, keys in variant.spellings.items()
                    for key in keys
                }
            ),
            dtype=np.uint64,
        )
        carriers, samples = set[str](), 0
        for row in indexes.variant_segments(work.session):
            carriers |= Segment.unpack(vault.open_segment(work, context.keys, row)).carrying(wanted)
            samples += row.samples
        told, passed_over = _cases(work, sorted(carriers), module)
        work.audit(
            "variants.affected", "module", module, None,
            variants=len(variants), samples=samples, carriers=len(carriers), cases=len(told),
        )  # fmt: skip
        return Affected(
            variants=len(variants),
            uncertain_variants=sum(not variant.certain for variant in variants),
            samples=samples,
            not_all_variants=_not_all(context, work, variants),
            not_stored=indexes.count_not_stored(work.session),
            unreadable=unreadable,
            carriers=len(carriers),
            cases=tuple(told),
            passed_over=passed_over,
        )


def refresh(context: ServiceContext) -> int:
    """Index what is in no piece yet; returns how many samples do not open."""
    return index.refresh(partial(context.transaction, ACTOR), context.keys, context.genotypes)


def _cases(work: Work, sample_ids: Sequence[str], module: str) -> tuple[list[str], int]:
    told: list[str] = []
    passed_over = 0
    for case in results.interpreted_cases_of_samples(work.session, module, sample_ids):
        if not cases.may_be_reanalyzed(work, case):
            passed_over += 1
            continue
        told.append(case.case_id)
        work.audit("genotypes.affected", "result_case", case.case_id, case.participant_id, module=module)
    return told, passed_over


def _not_all(context: ServiceContext, work: Work, variants: Sequence[Variant]) -> int:
    """Samples in which not every variant could be looked for."""
    missed = 0
    for digest, build_name, count in indexes.indexed_by_catalogue(work.session):
        build = Build(build_name)
        held = context.genotypes.catalogue_of(work, digest).builds[build].regions
        if not all(
            any(held.hold(key.chrom, key.pos, max(key.pos, key.end)) for key in variant.spellings.get(build, ()))
            for variant in variants
        ):
            missed += count
    return missed


def _variant(
    where: str, fields: Sequence[str], known: Mapping[str, Mapping[Build, Written]], hereditary: HereditaryRisk | None
) -> Variant:
    clinvar_id = _clinvar_id(fields)
    if clinvar_id is None:
        build, written = _written(where, fields)
        places: Mapping[Build, Written] = {build: written}
    elif clinvar_id in known:
        places = known[clinvar_id]
    else:
        raise InvalidInputError(f"{where}: the ClinVar release in use has no such variation id; write its coordinates")
    return at_places(places, hereditary)


def at_places(places: Mapping[Build, Written], hereditary: HereditaryRisk | None) -> Variant:
    """A variant by where it is in one or both builds.

    Args:
        places: As it is written in each build.
        hereditary: Knows reference bases, where it is installed; without them other spellings stay unknown.
    """
    certain, spellings = True, {}
    for build, written in places.items():
        bases = ReferenceBases(()) if hereditary is None else hereditary.reference_bases(build)
        found = place(*written, bases)
        certain &= found.certain
        spellings[build] = frozenset({AlleleKey(written[0], *trim(*written[1:])), *equivalents(found.key, bases)})
    return Variant(spellings, certain)


def _clinvar_id(fields: Sequence[str]) -> str | None:
    found = _CLINVAR_ID.fullmatch(fields[0]) if len(fields) == 1 else None
    return found and found[1]


def _written(where: str, fields: Sequence[str]) -> tuple[Build, Written]:
    try:
        name, chrom, pos, ref, alt = fields
        build, number = Build(name), int(pos)
    except ValueError as error:
        raise InvalidInputError(f"{where}: not understood; {_HOW}") from error
    chrom = chrom.removeprefix("chr")
    chrom = "MT" if chrom == "M" else chrom
    ref, alt = ref.upper(), alt.upper()
    bases = _BASES.fullmatch(ref) and _BASES.fullmatch(alt) and ref != alt
    if chrom not in CHROMOSOMES or number < 1 or not bases:
        raise InvalidInputError(f"{where}: not a variant of a known chromosome in bases; {_HOW}")
    return build, (chrom, number, ref, alt)


def _by_clinvar_id(hereditary: HereditaryRisk | None, wanted: set[str | None]) -> dict[str, dict[Build, Written]]:
    found: dict[str, dict[Build, Written]] = {}
    if hereditary is None or wanted == {None}:
        return found
    for build in _builds(hereditary):
        for record in hereditary.clinvar(build):
            if record.variation_id in wanted:
                found.setdefault(record.variation_id, {})[build] = (record.chrom, record.pos, record.ref, record.alt)
    return found


def _builds(hereditary: HereditaryRisk) -> Iterator[Build]:
    return (build for build in Build if hereditary.has_build(build))
