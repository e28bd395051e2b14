"""Hereditary disease risk: confirmed findings, or an honest negative that says what was not read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from interpreters.findings import GeneAssessment, HereditaryVariant
from report_templates.content import FindingOutcome, ReportContent
from report_templates.views.common import Headline, Passage, Term, glossary, not_read_headline, passage, why_not
from report_templates.views.hereditary_facts import (
    PHASE_UNKNOWN,
    Confirmed,
    Genes,
    State,
    classification,
    conditions_of,
    confirmed,
    gene_list,
    genes,
    glossary_of_inheritance,
    inheritance_of,
    names,
    notes_of,
    percent,
    position,
    ranges,
    state_of,
    two_where_one_is_enough,
    urgency_of,
)
from report_templates.wording import WordingError, Words, content_file

EXONS_SHOWN = 8
"""How many stretches of exons that were not read in full are named; the clinician's version names all."""
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
_NOT_LOOKED_AT = ("pieces", "between", "alike", "some_cells", "not_known")
_HEADINGS = ("what_you_can_do", "get_help_now", "genes_by_status", "reading")


@dataclass(frozen=True, slots=True)
class ConditionText:
    """What one finding means for one condition."""

    name: str
    name_in_sentence: str
    summary: str
    how_soon: str
    """When to talk with somebody about it."""
    passages: tuple[Passage, ...]
    what_you_can_do: tuple[str, ...]
    get_help_now: str | None
    numbers_from: str | None
    """Where the numbers in the texts come from; None where there are none."""


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
class GeneReading:
    """How much was read of a gene that was read in part."""

    gene: str
    share: str
    missing: str
    """Where something is missing."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A draft for relatives, without a name or a number of the participant."""

    gene: str
    heading: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HereditaryView:
    """The hereditary disease risk report."""

    state: State
    headline: Headline
    findings: tuple[FindingCard, ...]
    next_steps: Passage | None
    passages: tuple[Passage, ...]
    coverage: tuple[Passage, ...]
    readings: tuple[GeneReading, ...]
    gene_groups: tuple[GeneGroup, ...]
    headings: Mapping[str, str]
    emergency: Passage | None
    letters: tuple[Letter, ...]
    """One draft for each finding, for the participant to edit and send."""
    glossary: tuple[Term, ...]


def view(content: ReportContent, words: Words, knowledge_date: str) -> HereditaryView:
    """The hereditary disease risk report of `content`.

    Args:
        content: The report.
        words: Language.
        knowledge_date: Date of the variant knowledge in words, where the limits of the interpretation give none.

    Raises:
        WordingError: If a confirmed finding is in a gene without wording.
    """
    read = genes(content)
    knowledge_date = words.iso_date(content.interpretation.limits.get("clinvar_date", "")) or knowledge_date
    found = confirmed(content)
    state = state_of(read, found=bool(found))
    cards = tuple(_card(item, content, words) for item in found)
    contact = {"counselor_contact": content.programme.counselor_contact}
    return HereditaryView(
        state=state,
        headline=_headline(state, found, read, content, words),
        findings=cards,
        next_steps=_list(_template("next_steps", words, **contact)) if cards else None,
        passages=_passages(state, content, words, contact),
        coverage=_coverage(state, read, content, words, knowledge_date),
        readings=tuple(_reading(item, words) for item in read.partly),
        gene_groups=_gene_groups(read, words),
        headings={key: words(f"hereditary.{key}") for key in _HEADINGS},
        emergency=_template("emergency_note", words) if cards else None,
        letters=tuple(_letter(item, content, words) for item in found if content.family_letter),
        glossary=glossary(words, content_file("hereditary/templates.json")["glossary"], _terms(found)),
    )


def _terms(found: Sequence[Confirmed]) -> tuple[str, ...]:
    """Entries of the glossary."""
    if not found:
        return _GLOSSARY_NEGATIVE
    homozygous = ("homozygous",) if any(item.is_homozygous for item in found) else ()
    return (*_GLOSSARY_POSITIVE, *homozygous, *glossary_of_inheritance(found))


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


def _headline(state: State, found: Sequence[Confirmed], read: Genes, content: ReportContent, words: Words) -> Headline:
    counts = {"assessed_count": len(read.assessed), "gene_count": len(read.all)}
    rules_nothing_out = words("hereditary.rules_nothing_out")
    match state:
        case State.POSITIVE:
            return _positive_headline(found, words)
        case State.NEGATIVE:
            intro = _template("negative_intro", words, **counts)
            return Headline(intro.heading, (*intro.paragraphs, rules_nothing_out), "ready.svg")
        case State.NEGATIVE_IN_PART:
            intro = _template("negative_intro", words, **counts)
            title = words("hereditary.headline_in_part")
            # "The most common result" is said only of a list that was read in full.
            return Headline(title, (intro.paragraphs[0], words("hereditary.in_part"), rules_nothing_out), "ready.svg")
        case State.READ_IN_PART:
            body = (words("hereditary.read_in_part", n=len(read.partly), total=len(read.all)), words("not_read.next"))
            return Headline(words("hereditary.headline_read_in_part"), body, "could-not-read.svg", answered=False)
        case State.NOT_READ:
            return not_read_headline(content, words)


def _positive_headline(found: Sequence[Confirmed], words: Words) -> Headline:
    symbols = list(dict.fromkeys(item.finding.gene for item in found))
    conditions = list(
        dict.fromkeys(words.text(item["name_in_sentence"]) for gene in symbols for item in conditions_of(gene))
    )
    named = {"gene": words.listed(symbols), "condition": words.listed(conditions)}
    intro = _template("positive_intro", words, **named).paragraphs
    several = _template("more_than_one_result", words, finding_count=len(found))
    if len(found) > 1:
        listed = words("hereditary.listed", genes=named["gene"], conditions=named["condition"])
        return Headline(several.heading, (several.paragraphs[0], listed, *intro[1:]), "hereditary.svg")
    linked = several.paragraphs[1:] if len(conditions) > 1 else ()
    title = words(f"hereditary.headline_positive.{_copies(found[0])}", gene=symbols[0])
    return Headline(title, (intro[0], *linked, *intro[1:]), "hereditary.svg")


def _copies(found: Confirmed) -> str:
    """Whether one change was found, the same one on both copies, or two."""
    if found.is_homozygous:
        return "both_copies"
    return "two" if found.has_two else "one"


def _card(found: Confirmed, content: ReportContent, words: Words) -> FindingCard:
    gene = found.finding.gene
    texts = tuple(_condition(condition, found, content, words) for condition in conditions_of(gene))
    return FindingCard(gene, texts, _details(found, content, words))


def _condition(condition: Mapping[str, Any], found: Confirmed, content: ReportContent, words: Words) -> ConditionText:
    texts = condition["participant"]
    notes = notes_of(condition, found, content.sex_at_birth)
    meaning = (texts["what_it_can_mean"], *(note["text"] for note in notes))
    sources = dict.fromkeys(figure["source"] for figure in condition["figures"])
    return ConditionText(
        name=words.text(condition["name"]),
        name_in_sentence=words.text(condition["name_in_sentence"]),
        summary=words.text(texts["summary"]),
        how_soon=words(f"hereditary.how_soon.{urgency_of(condition, notes)}"),
        passages=(
            Passage(words("hereditary.what_it_can_mean"), tuple(words.text(text) for text in meaning)),
            Passage(words("hereditary.what_it_does_not_mean"), (words.text(texts["what_it_does_not_mean"]),)),
            Passage(words("hereditary.for_family"), _for_family(condition, found, notes, words)),
        ),
        what_you_can_do=tuple(words.texts(texts["what_you_can_do"])),
        get_help_now=words.text(texts["get_help_now"]) if texts["get_help_now"] else None,
        numbers_from=words("hereditary.numbers_from", sources="; ".join(sources)) if sources else None,
    )


def _for_family(
    condition: Mapping[str, Any], found: Confirmed, notes: Sequence[Mapping[str, Any]], words: Words
) -> tuple[str, ...]:
    """What relatives may want to know: a note's text takes the place of the condition's.

    Where there are two changes and one is enough, "1 in 2" would be wrong for the children, so nothing of it is said.
    """
    mode = inheritance_of(condition, found.finding.gene)
    replaced = [words.text(note["for_family"]) for note in notes if note["for_family"]]
    if two_where_one_is_enough(condition, found):
        pair = "two_changes_x_linked" if mode == "XL" else "two_changes_dominant"
        return tuple(replaced[-1:]) or _template(pair, words).paragraphs
    family = replaced[-1] if replaced else words.text(condition["participant"]["for_family"])
    return (family, *_template(f"inheritance_{mode}", words).paragraphs)


def _details(found: Confirmed, content: ReportContent, words: Words) -> tuple[tuple[str, str], ...]:
    """What the participant's doctor needs to know about the variant, one label and value a row."""
    rows: list[tuple[str, str | None]] = [("gene", found.finding.gene)]
    variants = found.variants
    for number, variant in enumerate(variants, 1):
        several = words("hereditary.change_of", number=number, total=len(variants)) if len(variants) > 1 else None
        rows += [
            ("change", several),
            ("hgvs", variant.hgvs),
            ("position", position(variant, content.specimen.build)),
            ("zygosity", words(f"zygosity.{variant.zygosity}")),
            ("classification", _classification(variant, words)),
            ("clinvar", variant.clinvar_id),
        ]
    decision = found.decision
    confirmed_on = words.day(decision.decided_on) if decision.decided_on else None
    phase = words("hereditary.phase_unknown") if PHASE_UNKNOWN in found.finding.flags else None
    rows += [("phase", phase), ("laboratory", decision.laboratory), ("confirmed_on", confirmed_on)]
    return tuple((words(f"hereditary.detail.{key}"), value) for key, value in rows if value)


def _classification(variant: HereditaryVariant, words: Words) -> str | None:
    name = classification(variant, words)
    if name is None or variant.stars is None:
        return name
    return words("hereditary.stars", name=name, n=variant.stars)


def _letter(found: Confirmed, content: ReportContent, words: Words) -> Letter:
    """A letter for relatives with the names left blank; the service never sends it."""
    blank = words("hereditary.blank")
    gene = found.finding.gene
    build = content.specimen.build
    written = _template(
        "family_letter",
        words,
        letter_date=blank,
        relative_name=blank,
        sender_name=blank,
        programme_name=content.programme.name,
        gene=gene,
        variant=words.listed(variant.hgvs or position(variant, build) for variant in found.variants),
        condition=words.listed(words.text(condition["name_in_sentence"]) for condition in conditions_of(gene)),
        counselor_contact=content.programme.counselor_contact,
        laboratory_name=found.decision.laboratory or blank,
        report_number=blank,
    )
    return Letter(gene, written.heading, written.paragraphs)


def _passages(state: State, content: ReportContent, words: Words, contact: Mapping[str, object]) -> tuple[Passage, ...]:
    """The passages after the result, in reading order."""
    contradicted = any(
        content.decision_on(finding).outcome is FindingOutcome.NOT_CONFIRMED for finding in content.candidates
    )
    second_test = (_template("not_confirmed", words),) if contradicted else ()
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
    state: State, read: Genes, content: ReportContent, words: Words, knowledge_date: str
) -> tuple[Passage, ...]:
    """What was looked at and what was not."""
    listed, rule_set = gene_list(content), content.interpretation.limits.get("rule_set")
    looked_at = len(read.assessed) + len(read.partly)
    if looked_at:
        values = {"gene_count": looked_at, "gene_list_version": listed, "knowledge_date": knowledge_date}
        part = _template("genes_looked_at", words, **values)
    else:
        body = words("hereditary.list_body", n=len(read.all), gene_list=listed)
        part = Passage(words("hereditary.list_heading"), (body,))
    if state is State.NOT_READ:
        return (part,)
    rules = (words("hereditary.rule_set", rule_set=rule_set),) if rule_set else ()
    parts = [Passage(part.heading, (*part.paragraphs, *rules))]
    if read.partly:
        parts.append(_template("partly_assessed", words, genes_partly_assessed=words.listed(names(read.partly))))
    if read.not_assessed:
        part = _template("not_assessed", words, genes_not_assessed=words.listed(names(read.not_assessed)))
        why = why_not(words, content.interpretation.not_tested)
        parts.append(Passage(part.heading, (*part.paragraphs, *why)))
    not_looked_at = tuple(words(f"hereditary.not_looked_at.{key}") for key in _NOT_LOOKED_AT)
    parts.append(Passage(words("heading.not_looked_at"), (), items=not_looked_at))
    return tuple(parts)


def _reading(item: GeneAssessment, words: Words) -> GeneReading:
    missing = []
    stretches = ranges(item.exons_not_read)
    if stretches:
        shown = ", ".join(stretches[:EXONS_SHOWN])
        n = len(item.exons_not_read)
        key = "hereditary.exons_some" if len(stretches) > EXONS_SHOWN else "hereditary.exons"
        missing.append(words(key, exons=shown, n=n))
    unread = item.known_sites_total - item.known_sites_read
    if unread:
        missing.append(words("hereditary.sites_not_read", n=unread, total=words.number(item.known_sites_total)))
    told = " ".join(missing) or words("date_not_given")
    return GeneReading(item.gene, words("hereditary.share", percent=percent(item.fraction)), told)


def _gene_groups(read: Genes, words: Words) -> tuple[GeneGroup, ...]:
    groups = (("assessed", read.assessed), ("partly_assessed", read.partly), ("not_assessed", read.not_assessed))
    return tuple(GeneGroup(words(f"gene_status.{key}", n=len(found)), names(found)) for key, found in groups if found)
