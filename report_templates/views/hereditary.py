"""Hereditary disease risk: confirmed findings, or an honest negative that says what was not read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from interpreters.findings import GeneAssessment, GeneStatus, HereditaryFinding, HereditaryVariant
from interpreters.genotypes import Sex
from report_templates.content import FindingDecision, FindingOutcome, ReportContent
from report_templates.views.common import Headline, Passage, Term, glossary, not_read_headline, passage
from report_templates.wording import WordingError, Words, content_file

_GLOSSARY_POSITIVE = (
    "gene",
    "variant",
    "pathogenic",
    "likely_pathogenic",
    "inherited",
    "close_relative",
    "confirmation",
)
_GLOSSARY_NEGATIVE = ("dna", "gene", "variant", "inherited", "sequencing")


class State(StrEnum):
    """What the report can say."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    """Every gene of the list was assessed, and nothing to report was found."""
    NEGATIVE_IN_PART = "negative_in_part"
    """Some genes were assessed, and nothing to report was found in them; others were not."""
    READ_IN_PART = "read_in_part"
    """No gene was assessed in full."""
    NOT_READ = "not_read"


@dataclass(frozen=True, slots=True)
class ConditionText:
    """What one finding means for one condition."""

    name: str
    name_in_sentence: str
    summary: str
    passages: tuple[Passage, ...]
    what_you_can_do: tuple[str, ...]
    get_help_now: str | None


@dataclass(frozen=True, slots=True)
class FindingCard:
    """One confirmed finding."""

    gene: str
    conditions: tuple[ConditionText, ...]
    details: tuple[tuple[str, str], ...]
    """Label and value, for the participant's doctor."""


@dataclass(frozen=True, slots=True)
class GeneGroup:
    """Genes of the list with the same status."""

    label: str
    genes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HereditaryView:
    """The hereditary disease risk report."""

    state: State
    headline: Headline
    findings: tuple[FindingCard, ...]
    next_steps: Passage | None
    passages: tuple[Passage, ...]
    coverage: tuple[Passage, ...]
    gene_groups: tuple[GeneGroup, ...]
    headings: Mapping[str, str]
    emergency: Passage | None
    letters: tuple[Passage, ...]
    """One draft for each finding, for the participant to edit and send."""
    glossary: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class _Genes:
    """Genes of the list by how much of each was read."""

    assessed: tuple[str, ...]
    partly: tuple[str, ...]
    not_assessed: tuple[str, ...]

    @property
    def total(self) -> int:
        return len(self.assessed) + len(self.partly) + len(self.not_assessed)


def view(content: ReportContent, words: Words, knowledge_date: str) -> HereditaryView:
    """The hereditary disease risk report of `content`.

    Args:
        content: The report.
        words: Language.
        knowledge_date: Date of the variant knowledge in words, where the limits of the interpretation give none.

    Raises:
        WordingError: If a confirmed finding is in a gene without wording.
    """
    genes = _genes(content)
    knowledge_date = words.iso_date(content.interpretation.limits.get("clinvar_date", "")) or knowledge_date
    decided = [(finding, content.decision_on(finding)) for finding in content.candidates]
    confirmed = [pair for pair in decided if pair[1].outcome is FindingOutcome.CONFIRMED]
    not_confirmed = any(decision.outcome is FindingOutcome.NOT_CONFIRMED for _, decision in decided)
    state = _state(genes, found=bool(confirmed))
    cards = tuple(_card(finding, decision, content, words) for finding, decision in confirmed)
    contact = {"counselor_contact": content.programme.counselor_contact}
    return HereditaryView(
        state=state,
        headline=_headline(state, cards, genes, content, words),
        findings=cards,
        next_steps=_list(_template("next_steps", words, **contact)) if cards else None,
        passages=_passages(state, words, contact, not_confirmed=not_confirmed),
        coverage=_coverage(state, genes, content, words, knowledge_date),
        gene_groups=_gene_groups(genes, words),
        headings={key: words(f"hereditary.{key}") for key in _HEADINGS},
        emergency=_template("emergency_note", words) if cards else None,
        letters=tuple(_letter(finding, decision, content, words) for finding, decision in confirmed),
        glossary=glossary(
            words,
            content_file("hereditary/templates.json")["glossary"],
            _GLOSSARY_POSITIVE if cards else _GLOSSARY_NEGATIVE,
        ),
    )


_HEADINGS = ("what_you_can_do", "get_help_now", "details", "genes_by_status")


def _genes(content: ReportContent) -> _Genes:
    """Every gene of the list in use by its status; if nothing is said of any, every gene with wording, not assessed."""
    statuses = {f.gene: f.status for f in content.interpretation.findings if isinstance(f, GeneAssessment)}
    statuses = statuses or dict.fromkeys(_listed_genes(), GeneStatus.NOT_ASSESSED)

    def of(status: GeneStatus) -> tuple[str, ...]:
        return tuple(sorted(gene for gene, found in statuses.items() if found is status))

    return _Genes(of(GeneStatus.ASSESSED), of(GeneStatus.PARTLY_ASSESSED), of(GeneStatus.NOT_ASSESSED))


def _listed_genes() -> set[str]:
    return {
        gene for condition in content_file("hereditary/conditions.json")["conditions"] for gene in condition["genes"]
    }


def _state(genes: _Genes, *, found: bool) -> State:
    if found:
        return State.POSITIVE
    if genes.assessed:
        return State.NEGATIVE if len(genes.assessed) == genes.total else State.NEGATIVE_IN_PART
    return State.READ_IN_PART if genes.partly else State.NOT_READ


def _template(name: str, words: Words, **values: object) -> Passage:
    for entry in content_file("hereditary/templates.json")["templates"]:
        if entry["id"] == name:
            return passage(words, entry, **values)
    raise WordingError(f"content/hereditary/templates.json: no template {name!r}")


def _list(found: Passage) -> Passage:
    """The passage with all its paragraphs as a list."""
    return Passage(found.heading, (), items=found.paragraphs)


def _list_inside(found: Passage) -> Passage:
    """The passage with the paragraphs between its first and its last as a list."""
    first, *items, last = found.paragraphs
    return Passage(found.heading, (first,), items=tuple(items), closing=last)


def _headline(
    state: State, cards: tuple[FindingCard, ...], genes: _Genes, content: ReportContent, words: Words
) -> Headline:
    counts = {"assessed_count": len(genes.assessed), "gene_count": genes.total}
    match state:
        case State.POSITIVE:
            return _positive_headline(cards, words)
        case State.NEGATIVE:
            found = _template("negative_intro", words, **counts)
            return Headline(found.heading, found.paragraphs, "ready.svg")
        case State.NEGATIVE_IN_PART:
            found = _template("negative_intro", words, **counts)
            title = words("hereditary.headline_in_part")
            # "The most common result" is said only of a list that was read in full.
            return Headline(title, (found.paragraphs[0], words("hereditary.in_part")), "ready.svg")
        case State.READ_IN_PART:
            body = (words("hereditary.read_in_part", n=len(genes.partly), total=genes.total), words("not_read.next"))
            return Headline(words("hereditary.headline_read_in_part"), body, "could-not-read.svg", answered=False)
        case State.NOT_READ:
            return not_read_headline(content, words)


def _positive_headline(cards: tuple[FindingCard, ...], words: Words) -> Headline:
    conditions = list(dict.fromkeys(condition.name_in_sentence for card in cards for condition in card.conditions))
    if len(cards) == 1 and len(conditions) == 1:
        found = _template("positive_intro", words, condition=conditions[0], gene=cards[0].gene)
        title = words("hereditary.headline_positive", gene=cards[0].gene)
        return Headline(title, found.paragraphs, "hereditary.svg")
    several = _template("more_than_one_result", words, finding_count=len(cards))
    first = _template(
        "positive_intro",
        words,
        condition=words.listed(conditions),
        gene=words.listed(dict.fromkeys(card.gene for card in cards)),
    )
    if len(cards) == 1:
        title = words("hereditary.headline_positive", gene=cards[0].gene)
        return Headline(title, (*first.paragraphs[:1], several.paragraphs[1], *first.paragraphs[1:]), "hereditary.svg")
    listed = words(
        "hereditary.listed", genes=words.listed(card.gene for card in cards), conditions=words.listed(conditions)
    )
    return Headline(several.heading, (several.paragraphs[0], listed, *first.paragraphs[1:]), "hereditary.svg")


def _card(finding: HereditaryFinding, decision: FindingDecision, content: ReportContent, words: Words) -> FindingCard:
    conditions = [
        condition
        for condition in content_file("hereditary/conditions.json")["conditions"]
        if finding.gene in condition["genes"]
    ]
    if not conditions:
        raise WordingError("content/hereditary/conditions.json: no condition for the gene of a confirmed finding")
    texts = tuple(_condition(condition, finding, decision, content, words) for condition in conditions)
    return FindingCard(finding.gene, texts, _details(finding, decision, content, words))


def _condition(
    condition: Mapping[str, Any],
    finding: HereditaryFinding,
    decision: FindingDecision,
    content: ReportContent,
    words: Words,
) -> ConditionText:
    texts = condition["participant"]
    notes = [note for note in condition["gene_notes"] if finding.gene in note["genes"]]
    notes = [note for note in notes if _applies(note["when"], finding, decision, content.sex_at_birth)]
    family = next((note["for_family"] for note in reversed(notes) if note["for_family"]), texts["for_family"])
    meaning = (texts["what_it_can_mean"], *(note["text"] for note in notes))
    mode = condition["inheritance"]["by_gene"].get(finding.gene)
    inherited = _template(f"inheritance_{mode}", words).paragraphs if mode in {"AD", "AR", "SD", "XL"} else ()
    return ConditionText(
        name=words.text(condition["name"]),
        name_in_sentence=words.text(condition["name_in_sentence"]),
        summary=words.text(texts["summary"]),
        passages=(
            Passage(words("hereditary.what_it_can_mean"), tuple(words.text(text) for text in meaning)),
            Passage(words("hereditary.what_it_does_not_mean"), (words.text(texts["what_it_does_not_mean"]),)),
            Passage(words("hereditary.for_family"), (words.text(family), *inherited)),
        ),
        what_you_can_do=tuple(words.texts(texts["what_you_can_do"])),
        get_help_now=words.text(texts["get_help_now"]) if texts["get_help_now"] else None,
    )


def _applies(when: str, finding: HereditaryFinding, decision: FindingDecision, sex: Sex) -> bool:
    """Whether a note of a condition is shown; what the data cannot tell is the reviewer's choice."""
    match when:
        case "any" | "family_women":
            return True
        case "two_variants":
            return finding.second_variant is not None or finding.variant.zygosity == "homozygous"
        case "female" | "male":
            return sex.value == when
        case _:
            return when in decision.notes


def _details(
    finding: HereditaryFinding, decision: FindingDecision, content: ReportContent, words: Words
) -> tuple[tuple[str, str], ...]:
    """What the participant's doctor needs to know about the variant, one label and value a row."""
    build = content.specimen.build
    rows: list[tuple[str, str | None]] = [("gene", finding.gene)]
    variants = [finding.variant, *([finding.second_variant] if finding.second_variant else [])]
    for variant in variants:
        rows += [
            ("hgvs", variant.hgvs),
            ("position", f"{build} chr{variant.chrom}:{variant.pos} {variant.ref}>{variant.alt}"),
            ("zygosity", words(f"zygosity.{variant.zygosity}")),
            ("classification", _classification(variant, words)),
            ("clinvar", variant.clinvar_id),
        ]
    confirmed_on = words.day(decision.decided_on) if decision.decided_on else None
    rows += [("laboratory", decision.laboratory), ("confirmed_on", confirmed_on)]
    return tuple((words(f"hereditary.detail.{key}"), value) for key, value in rows if value)


def _letter(finding: HereditaryFinding, decision: FindingDecision, content: ReportContent, words: Words) -> Passage:
    """A letter for relatives with the names left blank; the service never sends it."""
    variant, blank = finding.variant, words("hereditary.blank")
    conditions = [
        words.text(condition["name_in_sentence"])
        for condition in content_file("hereditary/conditions.json")["conditions"]
        if finding.gene in condition["genes"]
    ]
    return _template(
        "family_letter",
        words,
        letter_date=blank,
        relative_name=blank,
        sender_name=blank,
        programme_name=content.programme.name,
        gene=finding.gene,
        variant=variant.hgvs or f"chr{variant.chrom}:{variant.pos} {variant.ref}>{variant.alt}",
        condition=words.listed(conditions),
        counselor_contact=content.programme.counselor_contact,
        laboratory_name=decision.laboratory or blank,
        report_number=content.accession,
    )


def _classification(variant: HereditaryVariant, words: Words) -> str | None:
    if variant.classification is None:
        return None
    key = f"classification.{variant.classification.lower()}"
    name = words(key) if words.has(key) else variant.classification.replace("_", " ")
    return name if variant.stars is None else words("hereditary.stars", name=name, n=variant.stars)


def _passages(
    state: State,
    words: Words,
    contact: Mapping[str, object],
    *,
    not_confirmed: bool,
) -> tuple[Passage, ...]:
    """The passages after the result, in reading order."""
    second_test = (_template("not_confirmed", words),) if not_confirmed else ()
    if state is State.POSITIVE:
        return (
            _list_inside(_template("genetic_counselor", words, **contact)),
            _template("telling_family", words),
            _template("emotional_support", words),
            _template("privacy_and_insurance", words),
            *second_test,
        )
    if state in {State.NEGATIVE, State.NEGATIVE_IN_PART}:
        return (*second_test, _template("negative_limits", words))
    return second_test


def _coverage(
    state: State, genes: _Genes, content: ReportContent, words: Words, knowledge_date: str
) -> tuple[Passage, ...]:
    """What was looked at and what was not."""
    limits = content.interpretation.limits
    gene_list = limits.get("gene_list") or content_file("hereditary/conditions.json")["gene_list"]
    looked_at = len(genes.assessed) + len(genes.partly)
    if looked_at:
        values = {"gene_count": looked_at, "gene_list_version": gene_list, "knowledge_date": knowledge_date}
        parts = [_template("genes_looked_at", words, **values)]
    else:
        body = words("hereditary.list_body", n=genes.total, gene_list=gene_list)
        parts = [Passage(words("hereditary.list_heading"), (body,))]
    if state is State.NOT_READ:
        return tuple(parts)
    if genes.partly:
        parts.append(_template("partly_assessed", words, genes_partly_assessed=words.listed(genes.partly)))
    if genes.not_assessed:
        parts.append(_template("not_assessed", words, genes_not_assessed=words.listed(genes.not_assessed)))
    return tuple(parts)


def _gene_groups(genes: _Genes, words: Words) -> tuple[GeneGroup, ...]:
    groups = (("assessed", genes.assessed), ("partly_assessed", genes.partly), ("not_assessed", genes.not_assessed))
    return tuple(GeneGroup(words(f"gene_status.{key}", n=len(found)), found) for key, found in groups if found)
