"""Medicines: a summary by sign and words, the messages behind it, and then gene by gene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from interpreters.findings import NotTested, PharmacogenomicFinding
from report_templates.content import ReportContent
from report_templates.medicine_messages import (
    Advice,
    AdviceKind,
    GeneState,
    Level,
    advise,
    gene_entry,
    gene_states,
    message_text,
    result_label,
)
from report_templates.views.common import Headline, Passage, Term, glossary, not_read_headline
from report_templates.wording import Words, content_file

NOT_LOOKED_AT = "not_callable_from_sequence"
"""Reason for a gene that this kind of data cannot show: it was not looked at, which is not the same as not read."""
SHOWN_ALONE = 1
_LIMITS = ("limit_genes", "limit_changes", "limit_other_factors", "limit_medicines", "limit_allergy")
_GLOSSARY = ("gene", "variant", "genotype", "enzyme", "metabolizer", "dose", "guideline", "clinical_test")
_NOT_BY_SEQUENCE = frozenset({"CYP2D6", "HLA-A", "HLA-B", "MT-RNR1"})


@dataclass(frozen=True, slots=True)
class Sign:
    """A level's sign and words, always shown together."""

    style: str
    words: str
    pictogram: str
    pictogram_title: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Medicine:
    """One medicine as it is listed."""

    name: str
    brands: str
    used_for: str
    area: str


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """All medicines with one sign."""

    sign: Sign
    medicines: tuple[Medicine, ...]
    areas: tuple[tuple[str, tuple[str, ...]], ...]
    """The same medicines as names by area, for signs that need no message of their own."""
    in_brief: bool


@dataclass(frozen=True, slots=True)
class MessageCard:
    """One message with the medicines that it is about."""

    sign: Sign
    medicines: tuple[Medicine, ...]
    genes: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GeneCard:
    """One gene that was looked at."""

    gene: str
    label: str
    pictogram: str | None
    """For a gene without a result."""
    does: str
    meaning: str
    technical: str


@dataclass(frozen=True, slots=True)
class MedicinesView:
    """The medicines report."""

    headline: Headline
    first_steps: tuple[str, ...]
    intro: Passage
    level_caption: str
    summary: tuple[SummaryRow, ...]
    messages: tuple[MessageCard, ...]
    genes: tuple[GeneCard, ...]
    genes_not_looked_at: tuple[str, ...]
    not_looked_at: tuple[str, ...]
    questions: tuple[Passage, ...]
    limits: tuple[str, ...]
    glossary: tuple[Term, ...]


def view(content: ReportContent, words: Words) -> MedicinesView:
    """The medicines report of `content`."""
    wording = content_file("medicines/messages.json")
    general = wording["general"]
    findings = [f for f in content.interpretation.findings if isinstance(f, PharmacogenomicFinding)]
    unread = [item for item in content.interpretation.not_tested if item.reason != NOT_LOOKED_AT]
    states = gene_states(findings, (item.subject for item in unread))
    advice = advise(findings, states)
    answered = any(state in (GeneState.RESULT, GeneState.NOT_KNOWN, GeneState.HELD) for state in states.values())
    known = [entry["gene"] for entry in content_file("medicines/genes.json")["genes"]]
    left_out = tuple(gene for gene in known if gene not in states)
    looked_at = sum(state is not GeneState.COULD_NOT_BE_READ for state in states.values())
    return MedicinesView(
        headline=_headline(unread, advice, words) if answered else not_read_headline(content, words),
        first_steps=tuple(words.text(general[key]) for key in ("limit_research", "how_to_use", "urgent_help")),
        intro=Passage(words.text(general["intro_title"]), (words.text(general["intro"], n=looked_at),)),
        level_caption=words.text(general["level_caption"]),
        summary=_summary(advice, words) if answered else (),
        messages=_messages(advice, words) if answered else (),
        genes=_genes(findings, states, words) if answered else (),
        genes_not_looked_at=left_out,
        not_looked_at=_not_looked_at(left_out, words),
        questions=tuple(Passage(words.text(q["question"]), (words.text(q["answer"]),)) for q in wording["faqs"]),
        limits=(
            *(words.text(general[key]) for key in _LIMITS),
            *_known_when(content, findings, words),
            words.text(general["family_note"]),
        ),
        glossary=glossary(words, wording["glossary"], _GLOSSARY),
    )


def _headline(unread: Sequence[NotTested], advice: Sequence[Advice], words: Words) -> Headline:
    """The result in one line. It reassures only when nothing is open: neither a gene unread nor a medicine held."""
    general = content_file("medicines/messages.json")["general"]
    to_discuss = sum(_has_warning(item) for item in advice)
    held = sum(item.kind is AdviceKind.HELD for item in advice)
    answered = sum(item.kind is AdviceKind.MESSAGE and not item.no_answer for item in advice)
    known = {entry["gene"] for entry in content_file("medicines/genes.json")["genes"]}
    not_read = [item.subject for item in unread if item.subject in known]
    more = []
    if to_discuss:
        title, text = words("medicines.headline", n=to_discuss), words.text(general["some_results"], n=to_discuss)
        more = [words("medicines.also_held", n=held)] if held else []
    elif held:
        title, text = words("medicines.headline_held"), words.text(general["held_for_review"])
        more = [words("medicines.no_warning_so_far", n=answered)] if answered else []
    elif answered:
        part = "_in_part" if not_read else ""
        title, text = words(f"medicines.headline_none{part}"), words.text(general["typical_result"])
    else:
        title, text = words("medicines.headline_no_answer"), words("medicines.no_answer_body")
    if not_read:
        more.append(words("medicines.also_not_read", genes=words.listed(not_read), n=len(not_read)))
    reassures = bool(to_discuss or (answered and not held))
    return Headline(title, (text, *more), "medicine.svg", answered=reassures)


def _has_warning(item: Advice) -> bool:
    """Whether a medicine is one to talk about: a level above none that rests on a result."""
    return item.kind is AdviceKind.MESSAGE and item.level > Level.NONE and not item.no_answer


def _sign(item: Advice, words: Words) -> Sign:
    wording = content_file("medicines/messages.json")
    if item.kind is AdviceKind.HELD:
        return Sign("held", words("medicines.held"), "checking.svg", words("medicines.held_sign"), "")
    if item.no_answer or item.kind is not AdviceKind.MESSAGE:
        label = words.text(wording["no_answer_label"])
        title = words.text(wording["no_answer_symbol_alt"])
        return Sign(
            "no-answer", label, f"{wording['no_answer_symbol']}.svg", title, words("medicines.no_answer_meaning")
        )
    level = wording["levels"][item.level.key]
    return Sign(
        item.level.key,
        words.text(level["words"]),
        f"{level['symbol']}.svg",
        words.text(level["symbol_alt"]),
        words.text(level["meaning"]),
    )


_ORDER = ("talk-before-use", "be-aware", "held", "none", "no-answer")


def _summary(advice: Sequence[Advice], words: Words) -> tuple[SummaryRow, ...]:
    by_sign: dict[Sign, list[Medicine]] = {}
    for item in advice:
        by_sign.setdefault(_sign(item, words), []).append(_medicine(item.drug, words))
    rows = []
    for sign in sorted(by_sign, key=lambda found: _ORDER.index(found.style)):
        medicines = sorted(by_sign[sign], key=lambda medicine: medicine.name.lower())
        areas: dict[str, list[str]] = {}
        for medicine in medicines:
            areas.setdefault(medicine.area, []).append(medicine.name)
        rows.append(
            SummaryRow(
                sign,
                tuple(medicines),
                tuple((area, tuple(areas[area])) for area in sorted(areas)),
                in_brief=sign.style in {"held", "none", "no-answer"},
            )
        )
    return tuple(rows)


def _medicine(drug: str, words: Words) -> Medicine:
    wording = content_file("medicines/drugs.json")
    for entry in wording["drugs"]:
        if entry["id"] == drug:
            return Medicine(
                words.text(entry["name"]),
                ", ".join(entry["brands_us"]),
                words.text(entry["used_for"]),
                words.text(wording["areas"][entry["area"]]),
            )
    return Medicine(drug, "", "", words("medicines.other_area"))


def _messages(advice: Sequence[Advice], words: Words) -> tuple[MessageCard, ...]:
    """One card for each different message, the most careful first; medicines with the same words share a card."""
    cards: dict[tuple[object, ...], list[Advice]] = {}
    for item in advice:
        if item.kind is AdviceKind.MESSAGE and item.level > Level.NONE:
            key = (item.level, item.message, item.notes, item.missing_genes, item.open_genes, item.genes)
            cards.setdefault(key, []).append(item)
    most_careful_first = sorted(cards.values(), key=lambda items: (-items[0].level, items[0].no_answer, items[0].drug))
    return tuple(_message_card(items, words) for items in most_careful_first)


def _message_card(items: Sequence[Advice], words: Words) -> MessageCard:
    general = content_file("medicines/messages.json")["general"]
    first = items[0]
    medicines = tuple(_medicine(item.drug, words) for item in items)
    name = medicines[0].name if len(medicines) == SHOWN_ALONE else words("medicines.this_medicine")
    values = {
        "drug": name,
        "genes": words.listed(first.open_genes or first.genes),
        "missing_genes": words.listed(first.missing_genes),
    }
    notes = tuple(_sentence_case(words.text(general[note], **values)) for note in first.notes)
    return MessageCard(
        sign=_sign(first, words),
        medicines=medicines,
        genes=words.listed(first.genes),
        paragraphs=(_sentence_case(words.text(message_text(first.message), **values)), *notes),
    )


def _sentence_case(text: str) -> str:
    """The text with a capital at its start and after each full stop, where a medicine's name now stands."""
    sentences = text.split(". ")
    return ". ".join(sentence[:1].upper() + sentence[1:] for sentence in sentences)


def _genes(
    findings: Sequence[PharmacogenomicFinding], states: Mapping[str, GeneState], words: Words
) -> tuple[GeneCard, ...]:
    by_gene = {finding.gene: finding for finding in findings}
    return tuple(
        card
        for gene in sorted(states)
        if (card := _gene_card(gene, by_gene.get(gene), states[gene], words)) is not None
    )


def _gene_card(gene: str, finding: PharmacogenomicFinding | None, state: GeneState, words: Words) -> GeneCard | None:
    entry = gene_entry(gene)
    if entry is None:
        return None
    label, meaning, pictogram = _gene_result(entry, finding, state, words)
    return GeneCard(
        gene=gene,
        label=label,
        pictogram=pictogram,
        does=words.text(entry["does"]),
        meaning=meaning,
        technical=_technical(finding, words) if finding is not None else "",
    )


def _gene_result(
    entry: Mapping[str, Any], finding: PharmacogenomicFinding | None, state: GeneState, words: Words
) -> tuple[str, str, str | None]:
    """Label, meaning and pictogram of a gene's result or state."""
    general = content_file("medicines/messages.json")["general"]
    gene = entry["gene"]
    if state is GeneState.HELD:
        return words("medicines.held"), words.text(general["held_for_review"]), "checking.svg"
    if state is GeneState.RESULT and finding is not None:
        if finding.reported_phenotype is None:
            labels = [result_label(gene, name) for name in dict.fromkeys(finding.phenotypes)]
            named = words("medicines.or").join(words.text(label["label"]) for label in labels if label)
            return named, words.text(general["several_possible"], genes=gene), None
        label = result_label(gene, finding.reported_phenotype)
        if label is not None:
            return words.text(label["label"]), words.text(label["meaning"]), None
    key = "no_set_meaning" if state is GeneState.NOT_KNOWN and "no_set_meaning" in entry["states"] else str(state)
    text = entry["states"][key]
    return words.text(text["label"]), words.text(text["meaning"]), "could-not-read.svg"


def _technical(finding: PharmacogenomicFinding, words: Words) -> str:
    """One line for professionals: what was called, from how many positions."""
    called = words("medicines.or").join(finding.diplotypes) or ", ".join(finding.haplotypes)
    parts = []
    if called and not finding.requires_review:
        parts.append(f"{finding.gene} {called}")
        phenotypes = words("medicines.or").join(finding.phenotypes)
        if phenotypes:
            parts.append(phenotypes)
        if finding.activity_score is not None:
            parts.append(words("medicines.activity_score", score=finding.activity_score))
    parts.append(words("medicines.positions", read=finding.positions_read, total=finding.positions_total))
    return "; ".join(parts)


def _known_when(content: ReportContent, findings: Sequence[PharmacogenomicFinding], words: Words) -> tuple[str, ...]:
    """How old the guideline data are: the oldest of the rows that were used, else what the interpretation says."""
    used = {row.as_of for finding in findings for row in finding.recommendations}
    date = min(used, default=content.interpretation.limits.get("recommendations_as_of", ""))
    if not date:
        return ()
    in_words = words.iso_date(date)
    if date.count("-") == 1:
        return (words("medicines.known_in", month=in_words),)
    return (words.text(content_file("medicines/messages.json")["general"]["limit_time"], data_date=in_words),)


def _not_looked_at(left_out: Sequence[str], words: Words) -> tuple[str, ...]:
    general = content_file("medicines/messages.json")["general"]
    texts = []
    if set(left_out) >= _NOT_BY_SEQUENCE:
        texts.append(words.text(general["limit_cyp2d6_hla"]))
    others = [gene for gene in left_out if gene not in _NOT_BY_SEQUENCE or not texts]
    if others:
        texts.append(words("medicines.genes_not_looked_at", genes=words.listed(others)))
    return tuple(texts)
