"""The quality gate: every rule with its outcome, its measure and its threshold. Pure; the thresholds are data.

A rule that could not be applied is `not_checked`, never `pass`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from interpreters.genotypes import Assay, Build, CallSetKind, CallState, GenotypeCalls, Interval, Sex
from ror_service.intake.manifest import LaboratoryFacts, SexConcordance
from ror_service.intake.results import Flag, ReadResult

POLICY_FILE = Path(__file__).with_name("qc_policy.toml")
LONGEST_SITE = 50
"""Bases of the longest interval that counts as one needed position; longer ones are regions."""

ReferenceBases = Mapping[tuple[str, int], str]


class Outcome(StrEnum):
    """What one rule says."""

    PASS = "pass"  # noqa: S105 - no password
    WARN = "warn"
    HOLD = "hold"
    NOT_CHECKED = "not_checked"


class Verdict(StrEnum):
    """What the gate says: a hold means no result at all."""

    PASS = "pass"  # noqa: S105 - no password
    HOLD = "hold"


_PLACES = frozenset({"build", "reference_agreement"})
"""Rules that hold a file whose positions may be those of another reference sequence."""


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule applied to one sample."""

    name: str
    outcome: Outcome
    measured: float | str | None
    threshold: float | str | None
    reason: str
    """In words for staff; empty for a plain pass. Holds no genotype and no identifier."""


@dataclass(frozen=True, slots=True)
class QcAssessment:
    """The gate's answer for one sample."""

    verdict: Verdict
    rules: tuple[RuleResult, ...]
    policy_version: str

    @property
    def reasons(self) -> tuple[str, ...]:
        """Holds first, then warnings, as "rule: reason"."""
        return tuple(
            f"{rule.name}: {rule.reason}"
            for wanted in (Outcome.HOLD, Outcome.WARN)
            for rule in self.rules
            if rule.outcome is wanted
        )

    @property
    def holds(self) -> tuple[str, ...]:
        """Names of the rules that hold the sample."""
        return tuple(rule.name for rule in self.rules if rule.outcome is Outcome.HOLD)

    @property
    def places_known(self) -> bool:
        """Whether the genotypes are where the file says: only then do they tell whose sample it is."""
        return places_known(self.holds)


def places_known(holds: Iterable[str]) -> bool:
    """Whether none of the rules that hold a sample says that its positions may be those of another reference."""
    return _PLACES.isdisjoint(holds)


@dataclass(frozen=True, slots=True)
class Declared:
    """What the sender says about the sample; None where nothing was said."""

    sex_at_birth: Sex = Sex.UNKNOWN
    sex_in_manifest: Sex | None = None
    """What the laboratory wrote beside the sample, where both it and the participant said something."""
    inferred_sex: Sex | None = None
    """What the laboratory inferred from the sample itself; `UNKNOWN` where it could not tell."""
    assay: Assay = Assay.WGS
    build: Build | None = None
    contamination: float | None = None
    sample_name: str | None = None
    sha256: str | None = None
    specimen: str | None = None
    laboratory: LaboratoryFacts = field(default_factory=LaboratoryFacts)


@dataclass(frozen=True, slots=True)
class QcPolicy:
    """The thresholds of one policy version, as `qc_policy.toml` lays them out."""

    version: str
    values: Mapping[str, Any]


@cache
def load_policy(path: Path = POLICY_FILE) -> QcPolicy:
    """Read a policy file; the package's own by default.

    Raises:
        ValueError: If the file is no policy or forgets a flag.
    """
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    missing = {flag.value for flag in Flag} - set(values.get("flags", {}))
    if "version" not in values or missing:
        raise ValueError(f"{path}: no QC policy: version or flags missing {sorted(missing)}; restore the file")
    return QcPolicy(values["version"], values)


def assess(
    read: ReadResult,
    declared: Declared,
    policy: QcPolicy | None = None,
    *,
    sites: Iterable[Interval] = (),
    reference_bases: ReferenceBases | None = None,
) -> QcAssessment:
    """Apply every rule to one sample.

    Args:
        read: The file as it was read.
        declared: What the sender says about it.
        policy: Thresholds; the package's policy by default.
        sites: What the interpreters asked for in the file's build.
        reference_bases: Known reference bases of the file's build, by chromosome and position, if there are any.
    """
    policy = policy or load_policy()
    values = policy.values
    rules = (
        _agrees("build", read.build, declared.build, "the file's build is not the declared one"),
        _agrees(
            "sex_in_manifest",
            declared.sex_at_birth,
            declared.sex_in_manifest,
            "the sex at birth in the manifest is not the participant's: perhaps another person's sample",
        ),
        _inferred_sex(declared),
        _sample_name(read, declared),
        _agrees(
            "sha256", read.sha256, declared.sha256 and declared.sha256.lower(), "the file is not the announced one"
        ),
        _reference_agreement(read, reference_bases, values["reference_agreement"]),
        _known_variants(read),
        *_site_rules(read.calls, declared.assay, tuple(sites), values),
        _sex_concordance(read, declared.sex_at_birth, values),
        _chromosome_y(read, declared.sex_at_birth, values["chromosome_y"]),
        _assay(read, declared.assay),
        *_outliers(read, declared.assay, values),
        *declared_rules(declared, policy),
        *_flag_rules(read, values),
    )
    held = any(rule.outcome is Outcome.HOLD for rule in rules)
    return QcAssessment(Verdict.HOLD if held else Verdict.PASS, rules, policy.version)


def declared_rules(declared: Declared, policy: QcPolicy | None = None) -> tuple[RuleResult, ...]:
    """The rules that need no file: what the laboratory says of the sample against the thresholds."""
    values, said = (policy or load_policy()).values, declared.laboratory
    measures = {
        "laboratory_call_rate": said.call_rate,
        "mean_coverage": said.mean_coverage,
        "callable_fraction": said.callable_fraction,
        "array_concordance": said.array_concordance,
    }
    return (
        _specimen(declared, values["specimen"]),
        _contamination(declared.contamination, values["contamination"]),
        *(_measure(name, measured, values[name]) for name, measured in measures.items()),
        _laboratory_sex(said.sex_concordance),
        _sex_chromosomes(declared, values["sex_chromosomes"]),
    )


def _specimen(declared: Declared, allowed: Mapping[str, Sequence[str]]) -> RuleResult:
    name = "specimen"
    if declared.specimen is None:
        return RuleResult(name, Outcome.NOT_CHECKED, None, None, "no specimen was declared")
    if declared.specimen in allowed[declared.assay.value]:
        return RuleResult(name, Outcome.PASS, declared.specimen, None, "")
    return RuleResult(name, Outcome.HOLD, declared.specimen, None, "the assay is not validated for this specimen")


def _measure(name: str, measured: float | None, limits: Mapping[str, Any]) -> RuleResult:
    """A number of the laboratory's own that must not be below its thresholds."""
    if measured is None:
        return RuleResult(name, Outcome.NOT_CHECKED, None, None, "the laboratory gave no value")
    hold, warn = limits["hold_below"], limits["warn_below"]
    if measured >= warn:
        return RuleResult(name, Outcome.PASS, measured, warn, "")
    outcome, threshold = (Outcome.WARN, warn) if measured >= hold else (Outcome.HOLD, hold)
    return RuleResult(name, outcome, measured, threshold, f"{limits['reason']}, at least {threshold:g} expected")


def _laboratory_sex(said: SexConcordance | None) -> RuleResult:
    name = "laboratory_sex_concordance"
    if said is None or said is SexConcordance.NOT_DONE:
        return RuleResult(name, Outcome.NOT_CHECKED, None, None, "the laboratory did not compare the sex")
    if said is SexConcordance.CONCORDANT:
        return RuleResult(name, Outcome.PASS, said.value, None, "")
    return RuleResult(name, Outcome.HOLD, said.value, None, "the laboratory finds another sex than it was told")


def _sex_chromosomes(declared: Declared, expected: Mapping[str, Sequence[str]]) -> RuleResult:
    """Neither value is shown: sex chromosomes can be a finding."""
    name, said = "sex_chromosomes", declared.laboratory.sex_chromosomes
    if said is None or declared.sex_at_birth is Sex.UNKNOWN:
        return RuleResult(name, Outcome.NOT_CHECKED, None, None, "sex chromosomes or sex at birth were not declared")
    if said in expected[declared.sex_at_birth.value]:
        return RuleResult(name, Outcome.PASS, None, None, "")
    reason = "the sex chromosomes are not those expected for the sex at birth"
    return RuleResult(name, Outcome.HOLD, None, None, reason)


def _assay(read: ReadResult, assay: Assay) -> RuleResult:
    name, kind = "assay", read.calls.kind
    if assay is not Assay.ARRAY and read.header.is_raw_text:
        reason = "the file is the raw text of a consumer's array, declared as another assay"
        return RuleResult(name, Outcome.HOLD, read.header.file_format, None, reason)
    if assay is Assay.ARRAY and kind is CallSetKind.GVCF:
        reason = "the file has reference blocks, which no array yields: another assay than the declared one"
        return RuleResult(name, Outcome.HOLD, kind.value, None, reason)
    return RuleResult(name, Outcome.PASS, kind.value, None, "")


def _outliers(read: ReadResult, assay: Assay, values: Mapping[str, Any]) -> tuple[RuleResult, RuleResult]:
    """Ratios over the whole file by which a bad or mixed sample shows, whatever was declared."""
    counts = read.metrics
    return (
        _ratio(
            "transition_transversion", (counts.transitions, counts.transversions), assay,
            values["transition_transversion"],
        ),
        _ratio(
            "heterozygosity", (counts.heterozygous, counts.homozygous_alternate), assay, values["heterozygosity"],
        ),
    )  # fmt: skip


def _ratio(name: str, counts: tuple[int, int], assay: Assay, limits: Mapping[str, Any]) -> RuleResult:
    if assay.value not in limits:
        return RuleResult(name, Outcome.NOT_CHECKED, None, None, "depends on the array's choice of positions")
    if sum(counts) < limits["minimum_genotypes"] or not counts[1]:
        return RuleResult(name, Outcome.NOT_CHECKED, None, None, f"only {sum(counts)} genotypes to count")
    ratio, usual = round(counts[0] / counts[1], 4), limits[assay.value]
    for outcome, (low, high) in ((Outcome.HOLD, usual["hold_outside"]), (Outcome.WARN, usual["warn_outside"])):
        if not low <= ratio <= high:
            reason = f"{limits['reason']}: {ratio:.2f}, {low:g} to {high:g} expected"
            return RuleResult(name, outcome, ratio, low if ratio < low else high, reason)
    return RuleResult(name, Outcome.PASS, ratio, None, "")


def _agrees(name: str, found: str, declared: str | None, reason: str) -> RuleResult:
    """Identity rules. Neither value is shown: both may identify a person."""
    if declared is None:
        return RuleResult(name, Outcome.NOT_CHECKED, None, None, "nothing was declared")
    if found == declared:
        return RuleResult(name, Outcome.PASS, None, None, "")
    return RuleResult(name, Outcome.HOLD, None, None, reason)


def _sample_name(read: ReadResult, declared: Declared) -> RuleResult:
    name = "sample_name"
    if read.header.is_raw_text:
        return RuleResult(name, Outcome.NOT_CHECKED, None, None, "raw text names no sample")
    return _agrees(name, read.sample_name, declared.sample_name, "the sample in the file is another one")


def _inferred_sex(declared: Declared) -> RuleResult:
    inferred = declared.inferred_sex if declared.inferred_sex is not Sex.UNKNOWN else None
    if declared.sex_at_birth is Sex.UNKNOWN:
        return RuleResult("inferred_sex", Outcome.NOT_CHECKED, None, None, "sex at birth was not declared")
    return _agrees(
        "inferred_sex", declared.sex_at_birth, inferred, "the sex that the laboratory inferred is not the declared one"
    )


def _at_least(name: str, measured: float, limits: Mapping[str, float], reason: str) -> RuleResult:
    """A share that must not be below its thresholds; `hold_below` may be missing."""
    hold, warn = limits.get("hold_below", 0.0), limits["warn_below"]
    outcome = Outcome.HOLD if measured < hold else Outcome.WARN if measured < warn else Outcome.PASS
    threshold = hold if outcome is Outcome.HOLD else warn
    text = "" if outcome is Outcome.PASS else f"{reason}: {measured:.1%}, at least {threshold:.0%} expected"
    return RuleResult(name, outcome, round(measured, 5), threshold, text)


def _reference_agreement(read: ReadResult, bases: ReferenceBases | None, limits: Mapping[str, float]) -> RuleResult:
    name, calls = "reference_agreement", read.calls
    if read.header.is_raw_text:
        return RuleResult(name, Outcome.NOT_CHECKED, None, None, "raw text has no reference bases; its letters told it")
    known = agreeing = 0
    bases = bases or {}
    for record in calls if bases else ():
        spelled = ((base, bases.get((record.chrom, record.pos + offset))) for offset, base in enumerate(record.ref))
        compared = [base == expected for base, expected in spelled if expected is not None and base != "N"]
        known += bool(compared)
        agreeing += bool(compared) and all(compared)
    if agreeing < known < limits["minimum_sites"]:
        reason = f"{known - agreeing} of {known} reference bases that are known are not those of the build"
        return RuleResult(name, Outcome.WARN, round(agreeing / known, 5), None, reason)
    if known < limits["minimum_sites"]:
        return RuleResult(name, Outcome.NOT_CHECKED, None, None, f"only {known} records with a known reference base")
    return _at_least(name, agreeing / known, limits, "reference bases are not those of the build")


def _known_variants(read: ReadResult) -> RuleResult:
    """Records that are known variants of another build, and more of them than of the file's own."""
    name, here, elsewhere = "known_variants", read.metrics.known_here, read.metrics.known_elsewhere
    if not here and not elsewhere:
        return RuleResult(name, Outcome.NOT_CHECKED, None, None, "no record is a known variant of any build")
    share = round(here / (here + elsewhere), 5)
    if elsewhere > here:
        reason = "the records are known variants of another build than the header names"
        return RuleResult(name, Outcome.HOLD, share, None, reason)
    return RuleResult(name, Outcome.PASS, share, None, "")


def _site_rules(
    calls: GenotypeCalls, assay: Assay, sites: tuple[Interval, ...], values: Mapping[str, Any]
) -> tuple[RuleResult, RuleResult]:
    """Call rate among positions that were read, and how many of the needed ones were."""
    answered = failed = needed = 0
    for chrom, start, end in sites:
        if end - start >= LONGEST_SITE:
            continue
        needed += 1
        found = calls.at(chrom, start)
        if found.state in {CallState.REFERENCE, CallState.VARIANT, CallState.SPANNED}:
            answered += 1
        elif found.state is not CallState.ABSENT and (found.record is None or found.record.depth != 0):
            failed += 1
    if answered + failed < values["call_rate"]["minimum_sites"]:
        reason = f"only {answered + failed} needed positions in the file"
        rate = RuleResult("call_rate", Outcome.NOT_CHECKED, None, None, reason)
    else:
        limits = values["call_rate"][assay.value]
        rate = _at_least("call_rate", answered / (answered + failed), limits, "positions without a usable genotype")
    if not needed:
        return rate, RuleResult("site_coverage", Outcome.NOT_CHECKED, None, None, "no positions were asked for")
    if calls.kind is CallSetKind.VARIANTS_ONLY:
        reason = "the file lists variants only: what it leaves out is unknown"
        return rate, RuleResult("site_coverage", Outcome.NOT_CHECKED, round(answered / needed, 5), None, reason)
    reason = "few of the needed positions were read"
    return rate, _at_least("site_coverage", answered / needed, values["site_coverage"], reason)


def _sex_concordance(read: ReadResult, sex: Sex, values: Mapping[str, Any]) -> RuleResult:
    name, metrics = "sex_concordance", read.metrics
    if read.header.is_raw_text:
        # Without reference bases, homozygous alternate genotypes are not told from reference ones: all are counted.
        limits, genotypes = values["raw_text_sex_concordance"], metrics.x_called
    else:
        limits = values["sex_concordance"]
        genotypes = metrics.x_heterozygous + metrics.x_homozygous_alternate + metrics.x_haploid
    if sex is Sex.UNKNOWN:
        return RuleResult(name, Outcome.NOT_CHECKED, None, None, "sex at birth was not declared")
    if genotypes < limits["minimum_genotypes"]:
        reason = f"only {genotypes} genotypes on chromosome X"
        return RuleResult(name, Outcome.NOT_CHECKED, None, None, reason)
    share = metrics.x_heterozygous / genotypes
    male, female = limits["male_at_most"], limits["female_at_least"]
    threshold = male if sex is Sex.MALE else female
    fits, contradicts = (share <= male, share >= female) if sex is Sex.MALE else (share >= female, share <= male)
    if fits:
        return RuleResult(name, Outcome.PASS, round(share, 5), threshold, "")
    if contradicts:
        reason = "chromosome X does not fit the declared sex at birth"
        return RuleResult(name, Outcome.HOLD, round(share, 5), threshold, reason)
    return RuleResult(name, Outcome.WARN, round(share, 5), threshold, "chromosome X does not tell the sex clearly")


def _chromosome_y(read: ReadResult, sex: Sex, limits: Mapping[str, float]) -> RuleResult:
    """Calls on chromosome Y, which only warn: a few are misplaced reads, and chromosome X decides."""
    name, called = "chromosome_y", read.metrics.y_called
    if sex is not Sex.FEMALE:
        return RuleResult(name, Outcome.NOT_CHECKED, None, None, "a check of samples declared female")
    most = limits["female_at_most"]
    within = called <= most
    reason = "" if within else f"{called} variants on chromosome Y, at most {most} expected"
    return RuleResult(name, Outcome.PASS if within else Outcome.WARN, float(called), most, reason)


def _contamination(declared: float | None, limits: Mapping[str, float]) -> RuleResult:
    name = "contamination"
    if declared is None:
        return RuleResult(name, Outcome.NOT_CHECKED, None, None, "the laboratory gave no estimate")
    hold, warn = limits["hold_above"], limits["warn_from"]
    if not declared <= hold:  # also when it is no number
        return RuleResult(name, Outcome.HOLD, declared, hold, f"{declared:.1%} foreign DNA, at most {hold:.0%} allowed")
    if declared >= warn:
        return RuleResult(name, Outcome.WARN, declared, warn, f"{declared:.1%} foreign DNA")
    return RuleResult(name, Outcome.PASS, declared, hold, "")


def _flag_rules(read: ReadResult, values: Mapping[str, Any]) -> tuple[RuleResult, ...]:
    rules = []
    for flag, flagged in read.flags.items():
        entry = values["flags"][flag.value]
        outcome, threshold = Outcome(entry["outcome"]), None
        if flag is Flag.REPEATED_RECORDS and flagged.count >= values["repeated_records"]["minimum_records"]:
            threshold = values["repeated_records"]["hold_above"]
            outcome = Outcome.HOLD if flagged.count / read.metrics.records > threshold else outcome
        if flag in {Flag.CONFLICTING_PROBES, Flag.UNEXPECTED_ALLELE}:
            threshold = values["probes"]["hold_above"]
            # Of raw text only the kept positions are looked at, of a VCF all.
            total = len(read.calls) if read.header.is_raw_text else read.metrics.records
            outcome = Outcome.HOLD if flagged.count > threshold * total else outcome
        where = f" (first in line {flagged.line})" if flagged.line else ""
        rules.append(RuleResult(flag.value, outcome, flagged.count, threshold, f"{entry['reason']}{where}"))
    return tuple(rules)
