"""The readable form of `ror interpret`: plain words, honest about what was not tested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from interpreters.findings import (
    OUTSIDE_CALL,
    AncestryFinding,
    Finding,
    GeneAssessment,
    GeneStatus,
    HereditaryFinding,
    HereditaryOutcome,
    HereditaryVariant,
    Interpretation,
    NotTested,
    PharmacogenomicFinding,
    TraitFinding,
)
from interpreters.genotypes import Assay
from report_templates.views.hereditary_facts import percent, ranges
from ror_service.intake.qc import Outcome, Verdict

if TYPE_CHECKING:
    from ror_service.cli.interpret import InterpretedFile

TITLES = {
    "ancestry": "Genetic similarity to reference groups",
    "traits": "Traits",
    "pharmacogenomics": "Genes and medicines",
    "hereditary_risk": "Hereditary disease risk",
}
_SHOWN = 12
"""Subjects without an answer that are named one by one."""
_NO_RESULT = {
    "sample_hold": "The quality check holds the sample: nothing was looked at, and nothing can be said.",
    "file_not_read": "The file could not be read: nothing was looked at, and nothing can be said.",
}
"""What keeps every module from an answer, in sentences."""
_NOTE = (
    "Computed from the file alone and not reviewed by anyone. Not a medical report; wording on medicines and risk "
    "awaits clinical review. What is not listed as read was not tested."
)


def show(done: InterpretedFile, console: Console | None = None, *, explain: bool = False) -> None:
    """Print one file.

    Args:
        done: What was read and found.
        console: Where to print; standard output by default.
        explain: Also print the rules that led to each hereditary outcome.
    """
    console = console or Console(highlight=False, soft_wrap=True)
    console.print(Text(done.file, style="bold"))
    if done.error is not None:
        console.print(f"  Not read: {done.error.problem} ({done.error.code}).", markup=False)
        if done.error.line:
            console.print(f"  Line {done.error.line}.")
        console.print(f"  What to do: {done.error.remedy}.\n", markup=False)
        return
    _show_reading(done, console)
    for module in done.knowledge:
        findings = [f for one in done.interpretations if one.module == module for f in one.findings]
        missing = [item for item in done.not_tested if item.module == module]
        console.print(Text(f"\n  {TITLES.get(module, module)}", style="bold"))
        versions = [line for one in done.interpretations if one.module == module for line in _versions(one)]
        for line in (*_findings(findings, explain=explain), *_missing(missing, explain=explain), *versions):
            console.print(f"    {line}", markup=False)
    console.print(f"\n  {_NOTE}\n", markup=False)


def interpretation_lines(said: Interpretation, *, explain: bool = False) -> Iterator[str]:
    """What one interpreter said, in lines; with `explain` every rule that led to a hereditary outcome."""
    yield from _findings(said.findings, explain=explain)
    yield from _missing(said.not_tested, explain=explain)
    yield from _versions(said)


def _show_reading(done: InterpretedFile, console: Console) -> None:
    read, quality = done.read, done.quality
    if read is None or quality is None:
        return
    measured = "genotyping array" if done.assay is Assay.ARRAY else "sequencing"
    who, tally = f"Sample {read.sample_name}", read.metrics
    if read.header.is_raw_text:
        who = f"Raw text of {read.header.file_format}"
    console.print(f"  {who}, {read.build}, {measured}, {tally.records:,} records")
    if read.header.is_raw_text:
        used = f"{len(read.calls):,} positions with known bases were used; not read: {tally.no_calls:,} failed probes"
        indels = f"{tally.insertions_or_deletions:,} insertions or deletions"
        console.print(
            f"  {used}, {indels}, {tally.without_reference_base:,} needed positions whose reference base is not known"
        )
    console.print(f"  SHA-256 {read.sha256}")
    if done.assayed is not None:
        counts = [f"{count:,} {_words(why)}" for why, count in sorted(done.assayed.left_out.items())]
        left_out = f"; left out: {', '.join(counts)}" if counts else ""
        needed = f"{len(done.assayed.sites):,} of {done.assayed.listed:,} listed are needed here"
        console.print(f"  Assayed sites: {needed}{left_out}")
    passed = quality.verdict is Verdict.PASS
    console.print(f"  Quality check: {'passed' if passed else 'HELD BACK, so nothing was interpreted'}")
    for rule in quality.rules:
        if rule.outcome in {Outcome.HOLD, Outcome.WARN}:
            console.print(f"    {rule.outcome}: {rule.reason}", markup=False)
    unchecked = [_words(rule.name) for rule in quality.rules if rule.outcome is Outcome.NOT_CHECKED]
    if unchecked:
        console.print(f"    not checked: {', '.join(unchecked)}")


def _findings(findings: Sequence[Finding], *, explain: bool) -> Iterator[str]:
    """One line a finding, or a few; what is many is counted."""
    for finding in findings:
        match finding:
            case AncestryFinding():
                yield from _ancestry_lines(finding)
            case TraitFinding():
                yield _trait_line(finding)
            case PharmacogenomicFinding():
                yield _gene_line(finding)
            case HereditaryFinding():
                if explain or finding.outcome is not HereditaryOutcome.NOT_REPORTABLE:
                    yield from _hereditary_lines(finding, explain=explain)
            case GeneAssessment():
                # A gene of which nothing was read is named with what was not tested.
                if explain and finding.status is not GeneStatus.ASSESSED and finding.fraction:
                    yield _assessment_line(finding)
    yield from _gene_counts(findings, explain=explain)


def _trait_line(finding: TraitFinding) -> str:
    bases = ", ".join(f"{name} {bases}" for name, bases in finding.genotype.items())
    likelihood = f", {_words(finding.likelihood)}" if finding.likelihood else ""
    number = f" ({finding.probability:.2f})" if finding.probability is not None else ""
    read = f"{bases}; {_words(finding.status)}"
    return f"{_words(finding.trait)}: {_words(finding.outcome)}{likelihood}{number} ({read})"


def _ancestry_lines(finding: AncestryFinding) -> Iterator[str]:
    yield f"{finding.sites_read:,} of {finding.sites_total:,} sites read ({_words(finding.status)})"
    for part in finding.components:
        unsure = "; may be none" if part.low == 0 else ""
        yield f"{part.share:4.0%}  {part.region}  ({part.low:.0%} to {part.high:.0%}{unsure})"
    if finding.subregion is not None:
        yield f"Within the main region closest to the reference groups of: {finding.subregion.place}"


def _gene_counts(findings: Sequence[Finding], *, explain: bool) -> Iterator[str]:
    """How many genes were read, and in how many something was seen that is not reported."""
    unreported = sum(
        isinstance(finding, HereditaryFinding) and finding.outcome is HereditaryOutcome.NOT_REPORTABLE
        for finding in findings
    )
    if unreported and not explain:
        yield f"Variants that are not reportable were seen in {unreported} genes; --explain and --json list them."
    assessed = Counter(finding.status for finding in findings if isinstance(finding, GeneAssessment))
    if assessed:
        counts = ", ".join(f"{assessed[status]} {_words(status)}" for status in sorted(assessed))
        yield f"{assessed.total()} genes: {counts}"
        if not assessed[GeneStatus.ASSESSED]:
            yield "No gene was read well enough to say that nothing was found."


def _gene_line(finding: PharmacogenomicFinding) -> str:
    outside = finding.called_from == OUTSIDE_CALL
    nothing = "no diplotype given" if outside else "no call"
    called = " or ".join(finding.diplotypes) or ", ".join(finding.haplotypes) or nothing
    if not finding.may_name_diplotype:
        called = "no variant found"
    # The top match alone is no result: other alleles may fit what was not read.
    top = " or ".join(finding.phenotypes)
    meaning = finding.reported_phenotype or (f"not settled (top match: {top})" if top else "no phenotype")
    notes = [] if outside else [f"{finding.positions_read} of {finding.positions_total} positions read"]
    if finding.requires_review:
        notes.append("needs review")
    notes += [_words(reason) for reason in finding.reasons]
    return f"{finding.gene} {called}: {meaning} ({'; '.join(notes)})"


def _hereditary_lines(finding: HereditaryFinding, *, explain: bool) -> Iterator[str]:
    variants = [finding.variant, *([finding.second_variant] if finding.second_variant else [])]
    named = " and ".join(_variant(variant) for variant in variants)
    yield f"{finding.gene} {finding.outcome}: {_words(finding.reason)}; {named}"
    if explain:
        for code in dict.fromkeys((finding.reason, *finding.rule_path, *finding.flags)):
            yield f"    - {_sentence(code)}"


def _variant(variant: HereditaryVariant) -> str:
    facts = [variant.zygosity, variant.classification or "not in ClinVar"]
    facts += [f"{variant.stars} stars"] if variant.stars is not None else []
    return f"{variant.chrom}:{variant.pos} {variant.ref}>{variant.alt} ({', '.join(facts)})"


def _assessment_line(found: GeneAssessment) -> str:
    exons = f"; coding exons not read in full: {', '.join(ranges(found.exons_not_read))}"
    share = f"{percent(found.fraction, 1)} % of its coding bases were read well enough"
    return f"{found.gene} {_words(found.status)}: {share}{exons if found.exons_not_read else ''}"


def _versions(said: Interpretation) -> Iterator[str]:
    """Which list, rules and ClinVar a hereditary result rests on."""
    if "rule_set" in said.limits:
        limits = said.limits
        clinvar = f"ClinVar of {limits['clinvar_date']} (release {limits['clinvar_release']})"
        yield f"By {limits['gene_list']}, rule set {limits['rule_set']}, {clinvar}"


def _sentence(code: str) -> str:
    """A reason code of hereditary risk in a plain sentence."""
    from interpreters.hereditary_risk.reasons import explain as in_words  # noqa: PLC0415 - only when asked for

    return in_words(code)


def _missing(missing: Sequence[NotTested], *, explain: bool) -> Iterator[str]:
    """What was not tested, by reason; long lists are counted, with `explain` named."""
    by_reason: dict[str, list[str]] = {}
    for item in missing:
        by_reason.setdefault(item.reason, []).append(item.subject)
    for reason, subjects in by_reason.items():
        shown = subjects if explain else subjects[:_SHOWN]
        more = f" and {len(subjects) - len(shown)} more" if len(subjects) > len(shown) else ""
        yield f"Not tested ({_words(reason)}): {', '.join(shown)}{more}"
        code = reason.partition(":")[0]
        if explain and (sentence := _NO_RESULT.get(code) or _sentence(code)) != code:
            yield f"    - {sentence}"


def _words(code: str) -> str:
    return code.replace("_", " ")
