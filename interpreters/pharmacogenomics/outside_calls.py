"""What a laboratory's own result of a pharmacogene means: outside calls, for what small variants cannot show.

Every call narrows down what the gene's result can be: by its diplotype, its phenotype and its activity score. Where
nothing is left, the laboratory contradicts itself or the knowledge release, and a person must look.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import NamedTuple

from interpreters.findings import PharmacogenomicFinding
from interpreters.genotypes import OutsideCall, Sex
from interpreters.pharmacogenomics.calling import NO_RESULT, GeneCall
from interpreters.pharmacogenomics.lowest_function import severity
from interpreters.pharmacogenomics.tables import (
    NOT_AVAILABLE,
    NOT_IN_SNAPSHOT,
    Gene,
    Result,
    diplotype_name,
    name_order,
)

CONTRADICTS_ITSELF = "outside_call_disagrees"
CONTRADICT_EACH_OTHER = "outside_calls_conflict"
DIFFERS_FROM_SEQUENCE = "outside_call_differs_from_sequence"
INCOMPLETE = "outside_call_incomplete"
UNKNOWN_ALLELE = "outside_call_unknown_allele"
UNKNOWN_VALUE = "outside_call_unknown_value"
USED = "outside_call_used"

REVIEW_REASONS = frozenset(
    {CONTRADICTS_ITSELF, CONTRADICT_EACH_OTHER, DIFFERS_FROM_SEQUENCE, INCOMPLETE, UNKNOWN_ALLELE, UNKNOWN_VALUE}
)
"""Reasons for which a person must look before anything is said about the gene."""

UNKNOWN_COPY_NUMBER = "xN combinations"
"""Activity score by which CPIC keys an allele that is repeated an unknown number of times."""

_NO_CALL = frozenset({"", ".", "./.", "Unknown/Unknown", NO_RESULT})
_STAYS = frozenset({"sex_ploidy_conflict", "undocumented_allele"})
"""Reasons of the sequence that a call by another method does not take away."""


def interpret_outside(gene: Gene, calls: Iterable[OutsideCall], sex: Sex = Sex.UNKNOWN) -> GeneCall | None:
    """What the outside calls of one gene mean together.

    For HLA-A and HLA-B `phenotypes` are the statuses of the alleles that guidelines ask for, and hold side by side; for
    every other gene more than one is a contradiction. `No Result` says that the meaning cannot be told.

    Args:
        gene: The gene; its `outside_alleles` name what only an outside call can have.
        calls: Outside calls of one sample; those of other genes are left out.
        sex: As declared by the participant; decides how many copies there are of a gene on chromosome X.

    Returns:
        The call, or None when no outside call says anything about the gene. When one of `REVIEW_REASONS` (or of the
        interpreter's own) is among its reasons, nothing may be reported before a person looked.
    """
    own = [
        call
        for call in calls
        if call.gene == gene.name and not {call.diplotype, call.phenotype, call.activity_score} <= _NO_CALL
    ]
    if not own:
        return None
    return _call_statuses(gene, own) if gene.presence_only else _call_results(gene, own, sex)


def reasons_beside_sequence(call: GeneCall, sequence: PharmacogenomicFinding) -> frozenset[str]:
    """What to say of an outside call that takes the place of what the sequence shows.

    Args:
        call: What the outside calls mean.
        sequence: What the sequence alone shows of the same gene.
    """
    seen = set(sequence.phenotypes) - {NO_RESULT}
    if call.diplotypes and sequence.diplotypes:
        differs = not set(call.diplotypes) <= set(sequence.consistent)
    else:
        differs = bool(seen) and seen.isdisjoint(call.phenotypes)
    return _STAYS.intersection(sequence.reasons) | {USED, *((DIFFERS_FROM_SEQUENCE,) if differs else ())}


def statuses_for_lookup(phenotypes: Iterable[str]) -> frozenset[str]:
    """Allele statuses as guideline rows ask for them: also those that a row asks for together."""
    statuses = frozenset(phenotypes)
    return statuses | {name for together, name in _KEYED_TOGETHER.items() if together <= statuses}


_KEYED_TOGETHER: Mapping[frozenset[str], str] = {frozenset({"*15:02 positive", "*15:11 positive"}): "1511 and 1502"}
"""Statuses to the one value by which DPWG keys them when they come together."""


# Alleles with functions


class _Named(NamedTuple):
    """An allele of an outside call as the release knows it."""

    name: str
    key: str | None
    """What the phenotype rules look at; None for an allele that the release does not know."""
    function: str = ""


@dataclass(frozen=True, slots=True)
class _Said:
    """What one outside call says."""

    alleles: tuple[_Named, ...]
    possible: frozenset[Result]
    """Results that agree with it; none when it says nothing that can be understood."""
    reasons: frozenset[str]


def _call_results(gene: Gene, calls: Sequence[OutsideCall], sex: Sex) -> GeneCall:
    said = [_read(gene, call, sex) for call in calls]
    diplotypes = {diplotype_name(tuple(allele.name for allele in one.alleles)) for one in said if one.alleles}
    reasons = {reason for one in said for reason in one.reasons}
    possible, agree = _together([one.possible for one in said if one.possible])
    if not agree or len(diplotypes) > 1:
        reasons.add(CONTRADICT_EACH_OTHER)
    phenotypes = sorted({result.phenotype for result in possible}) or [NO_RESULT]
    scores = sorted({result.activity_score for result in possible if result.activity_score is not None})
    if len(phenotypes) == 1 < len(scores):
        reasons.add("ambiguous_activity_score")
    alleles = {allele for one in said for allele in one.alleles}
    if any(allele.function == NOT_IN_SNAPSHOT for allele in alleles):
        reasons.add("function_not_in_data")
    return _gene_call(
        diplotypes,
        () if gene.lookup == "none" else phenotypes,
        scores,
        variant_found={allele.name for allele in alleles} != {gene.normal},
        reasons=reasons,
    )


def _gene_call(
    diplotypes: Iterable[str],
    phenotypes: Iterable[str],
    scores: Iterable[str] = (),
    *,
    variant_found: bool,
    reasons: Iterable[str],
) -> GeneCall:
    return GeneCall(
        diplotypes=tuple(sorted(diplotypes)),
        consistent=tuple(sorted(diplotypes)),
        phenotypes=tuple(phenotypes),
        consistent_phenotypes=tuple(sorted(phenotypes)),
        activity_scores=tuple(scores),
        variant_found=variant_found,
        reasons=frozenset(reasons),
    )


def _together(allowed: Sequence[frozenset[Result]]) -> tuple[frozenset[Result], bool]:
    """The results that everything allows, and True; where there are none, all that anything allows, and False."""
    every = frozenset[Result]().union(*allowed)
    common = every.intersection(*allowed)
    return (common, True) if common or not allowed else (every, False)


def _read(gene: Gene, call: OutsideCall, sex: Sex) -> _Said:
    reasons: set[str] = set()
    allowed: list[frozenset[Result]] = []
    alleles: tuple[_Named, ...] = ()
    if call.diplotype not in _NO_CALL:
        alleles = tuple(_allele(gene, part) for part in call.diplotype.split("/"))
        alleles, reasons = _of_ploidy(gene, alleles, sex)
        keys = tuple(allele.key for allele in alleles if allele.key is not None)
        if len(keys) < len(alleles):
            reasons.add(UNKNOWN_ALLELE)
        elif INCOMPLETE not in reasons:
            allowed.append(frozenset({_result(gene, keys)}))
    every = _every_result(gene)
    stated = []
    if call.phenotype not in _NO_CALL:
        wanted = _phenotype(gene, call.phenotype)
        stated.append(frozenset(result for result in every if _phenotype(gene, result.phenotype) == wanted))
    if call.activity_score not in _NO_CALL and gene.rules.by_activity:
        score = _activity_score(call.activity_score)
        stated.append(frozenset(result for result in every if result.activity_score == score))
    if not all(stated) or not (alleles or stated):
        reasons.add(UNKNOWN_VALUE)
    possible, agree = _together([*allowed, *filter(None, stated)])
    if not agree:
        reasons.add(CONTRADICTS_ITSELF)
    return _Said(alleles, possible, frozenset(reasons))


def _every_result(gene: Gene) -> frozenset[Result]:
    """Every result that the gene can have."""
    results = {gene.rules.result(keys) for keys in gene.rules.rows}
    if any(_COPIES.search(name) for name in gene.outside_alleles):
        results.add(_result(gene, (UNKNOWN_COPY_NUMBER,)))
    return frozenset(results)


def _result(gene: Gene, keys: tuple[str, ...]) -> Result:
    if UNKNOWN_COPY_NUMBER in keys and gene.rules.by_activity:
        return Result(gene.rules.result((NOT_AVAILABLE, NOT_AVAILABLE)).phenotype, UNKNOWN_COPY_NUMBER)
    return gene.rules.result(keys)


def _of_ploidy(gene: Gene, alleles: tuple[_Named, ...], sex: Sex) -> tuple[tuple[_Named, ...], set[str]]:
    """The alleles as many as there are copies of the gene, or the reason why they are not."""
    copies = {len(keys) for keys in gene.rules.rows} or {2}
    reasons = set()
    if 1 in copies and len(alleles) > 1 and len(set(alleles)) == 1 and (sex is Sex.MALE or copies == {1}):
        alleles = alleles[:1]
    if copies == {1, 2}:
        if sex is Sex.UNKNOWN:
            reasons.add("sex_unknown")
        elif len(alleles) != (1 if sex is Sex.MALE else 2):
            reasons.add("sex_ploidy_conflict")
    if len(alleles) not in copies:
        reasons.add(INCOMPLETE)
    return alleles, reasons


# Names of alleles

_STAR = re.compile(r"(\*\d+)(?:\.\d+)?(?:(x≥|x>=|≥|>=|x)(\d+|n))?")
"""Star allele with an optional sub-allele and number of copies, in lower case."""
_COPIES = re.compile(r"x≥?\d+$")
_COMBINED = re.compile(r"\s+\+\s+|\s*\+\s*(?=\*)")
"""What stands between the alleles of one strand: a plus, which may also be part of a name."""
_MOST_TOLD_APART = 2
"""Copies up to which CPIC counts; from the next on most alleles have one function for any number."""


def _allele(gene: Gene, text: str) -> _Named:
    """One allele of a diplotype, or several on one strand."""
    name = _without_gene(gene, text)
    name = name[1:-1] if name.startswith("[") and name.endswith("]") else name
    known = _known(gene)
    if name.casefold() in known:
        return known[name.casefold()]
    parts = [_single(part, known) for part in _COMBINED.split(name)]
    if len(parts) == 1:
        return parts[0]
    stars = all(part.name.startswith("*") for part in parts)
    joined = "+".join(part.name for part in parts)
    if joined.casefold() in known:
        return known[joined.casefold()]
    if not stars:
        joined = f"[{' + '.join(sorted((part.name for part in parts), key=name_order))}]"
    keys = [part.key for part in parts if part.key is not None]
    if len(keys) < len(parts):
        return _Named(joined, None)
    # The source gives no function to alleles that act together, but for genes whose worst allele decides.
    return _Named(joined, min(keys, key=severity) if gene.lowest_function else NOT_AVAILABLE)


def _without_gene(gene: Gene, text: str) -> str:
    """The text without the gene's name in front of it or of any star allele."""
    name = re.escape(gene.name)
    return re.sub(rf"^{name}\s*|{name}\s*(?=\*)", "", text.strip(), flags=re.IGNORECASE)


def _known(gene: Gene) -> dict[str, _Named]:
    """Names in lower case to the alleles of the release."""
    found = {
        name.casefold(): _Named(allele.reported_as, gene.rules.key(allele), allele.function)
        for allele in gene.alleles
        for name in (allele.reported_as, allele.name)
    }
    for name, outside in gene.outside_alleles.items():
        found[name.casefold()] = _Named(name, gene.rules.key(outside), outside.function)
    return found


def _single(name: str, known: Mapping[str, _Named]) -> _Named:
    """One allele: as it is, a mitochondrial variant without its `m.`, a sub-allele, or a number of copies."""
    lowered = name.casefold()
    for spelled in (lowered, f"m.{lowered}"):
        if spelled in known:
            return known[spelled]
    match = _STAR.fullmatch(lowered)
    if match is None or match[1] not in known or match[3] == "0":
        return _Named(name, None)
    core, sign, copies = match.groups()
    if sign is None or (sign, copies) == ("x", "1"):
        return known[core]
    if copies == "n":
        return _Named(f"{known[core].name}xN", UNKNOWN_COPY_NUMBER)
    many = int(copies) > _MOST_TOLD_APART
    exact, at_least = f"{core}x{copies}", f"{core}x≥3"
    for spelled in ((exact,) if sign == "x" else ()) + ((at_least,) if many else ()):
        if spelled in known:
            return known[spelled]
    return _Named(f"{known[core].name}x{'' if sign == 'x' else '≥'}{copies}", NOT_AVAILABLE)


# Values

_ABBREVIATIONS = {
    "pm": "poor metabolizer",
    "im": "intermediate metabolizer",
    "nm": "normal metabolizer",
    "em": "normal metabolizer",
    "rm": "rapid metabolizer",
    "um": "ultrarapid metabolizer",
}


def _phenotype(gene: Gene, text: str) -> str:
    """A phenotype in one spelling: without gene and abbreviation, in lower case, by CPIC's standardized terms."""
    words = " ".join(_without_gene(gene, text).casefold().split())
    words = re.sub(rf" \((?:{'|'.join(_ABBREVIATIONS)})\)$", "", words)
    words = re.sub(r"metaboli[sz]ers?\b", "metabolizer", words)
    words = re.sub(r"\bultra[- ]rapid\b", "ultrarapid", words)
    words = re.sub(r"\bextensive metabolizer\b", "normal metabolizer", words)
    return _ABBREVIATIONS.get(words, words)


def _activity_score(text: str) -> str:
    """An activity score as the release writes it: `1` is `1.0`, `>=3` is `≥3.0`."""
    match = re.fullmatch(r"(≥|>=)?\s*(\d+(?:\.\d+)?)", text)
    return f"{'≥' if match[1] else ''}{float(match[2])}" if match else text


# Genes of which guidelines ask for the presence of single alleles (HLA-A, HLA-B)

_TWO_COPIES = 2
_GROUPS = frozenset("GP")
"""Letters behind a group of alleles that are alike where the protein binds; other letters tell a changed expression."""


def _call_statuses(gene: Gene, calls: Sequence[OutsideCall]) -> GeneCall:
    reasons: set[str] = set()
    diplotypes: set[str] = set()
    known: set[str] = set()
    for call in calls:
        said, unclear = _stated_statuses(gene, call.phenotype)
        if call.diplotype not in _NO_CALL:
            alleles = [_typed(gene, part) for part in call.diplotype.split("/")]
            diplotypes.add(diplotype_name(tuple(alleles)))
            found, more = _statuses_of(gene, alleles)
            said |= found
            unclear |= more
        if _contradictory(gene, said):
            unclear.add(CONTRADICTS_ITSELF)
        if not (said or unclear):
            unclear.add(UNKNOWN_VALUE)
        reasons |= unclear
        known |= said
    if len(diplotypes) > 1 or (_contradictory(gene, known) and CONTRADICTS_ITSELF not in reasons):
        reasons.add(CONTRADICT_EACH_OTHER)
    ordered = [status for allele in gene.outside_alleles for status in _statuses(allele) if status in known]
    return _gene_call(
        diplotypes,
        ordered or [NO_RESULT],
        variant_found=any(status.endswith(_POSITIVE) for status in ordered),
        reasons=reasons,
    )


_POSITIVE = "positive"


def _statuses(allele: str) -> tuple[str, str]:
    """Both statuses of an allele, `positive` first."""
    return f"{allele} {_POSITIVE}", f"{allele} negative"


def _contradictory(gene: Gene, statuses: set[str]) -> bool:
    return any(statuses.issuperset(_statuses(allele)) for allele in gene.outside_alleles)


def _typed(gene: Gene, text: str) -> str:
    """An HLA allele by its first two fields, with the letter of a changed expression; as it is where it is none."""
    name = _without_gene(gene, text)
    match = re.fullmatch(rf"{gene.name[-1]}?(\*\d+(?::\d+)?)(?::\d+)*([A-Z]?)", name)
    return name if match is None else match[1] + ("" if match[2] in _GROUPS else match[2])


_HLA = re.compile(r"\*\d+(:\d+)?[A-Z]?")


def _statuses_of(gene: Gene, alleles: Sequence[str]) -> tuple[set[str], set[str]]:
    """Statuses that a typing settles, and the reason why it does not settle all.

    Of a single allele nothing follows about the others: the second copy was not typed.
    """
    if not all(map(_HLA.fullmatch, alleles)):
        return set(), {UNKNOWN_ALLELE}
    found: set[str] = set()
    for tracked in gene.outside_alleles:
        positive, negative = _statuses(tracked)
        # One field alone, or a letter of expression, leaves open whether it is the allele that is asked for.
        unresolved = {tracked, tracked.split(":")[0]}
        if tracked in alleles:
            found.add(positive)
        elif len(alleles) == _TWO_COPIES and unresolved.isdisjoint(name.rstrip(ascii_uppercase) for name in alleles):
            found.add(negative)
    complete = len(found) == len(gene.outside_alleles) and len(alleles) == _TWO_COPIES
    return found, set() if complete else {INCOMPLETE}


def _stated_statuses(gene: Gene, text: str) -> tuple[set[str], set[str]]:
    """Statuses that the laboratory gives in words, several with semicolons between."""
    if text in _NO_CALL:
        return set(), set()
    stated = {" ".join(_without_gene(gene, part).casefold().split()) for part in text.split(";")}
    known = {status for allele in gene.outside_alleles for status in _statuses(allele)}
    return stated & known, {UNKNOWN_VALUE} if stated - known else set()
