"""Medicines: the participant's own, all by sign and words, the messages behind them, and then gene by gene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from interpreters.findings import OUTSIDE_CALL, PharmacogenomicFinding
from interpreters.pharmacogenomics.interpreter import ACCEPTED
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
    results_of,
    second_source_advice,
)
from report_templates.medicine_names import resolve
from report_templates.views.calls import call_label
from report_templates.views.common import Headline, Passage, Term, glossary, not_read_headline
from report_templates.wording import Words, content_file

NOT_LOOKED_AT = "not_callable_from_sequence"
"""Reason for a gene that this kind of data cannot show: it was not looked at, which is not the same as not read."""
SHOWN_ALONE = 1
_NO_RESULT_SIGN = "could-not-read.svg"
_LIMITS = ("limit_genes", "limit_changes", "limit_other_factors", "limit_medicines", "limit_allergy")
_GLOSSARY = ("gene", "variant", "genotype", "enzyme", "metabolizer", "dose", "guideline", "clinical_test")


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
class OwnMedicine:
    """What the report says of one entry of the participant's own list, or of one medicine that the entry names."""

    typed: str
    name: str
    """The medicine that the entry was taken for; empty if that is what was typed, or if it is none of the list."""
    sign: Sign
    genes: str
    paragraphs: tuple[str, ...]


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
    paragraphs: tuple[str, ...]
    """What the gene does, what the result means, and what to know of how it was found."""
    technical: str


@dataclass(frozen=True, slots=True)
class MedicinesView:
    """The medicines report."""

    headline: Headline
    first_steps: tuple[str, ...]
    own: tuple[OwnMedicine, ...]
    own_intro: str
    intro: str
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
    known = [entry["gene"] for entry in content_file("medicines/genes.json")["genes"]]
    left_out = tuple(gene for gene in known if gene not in states)
    looked_at = sum(state is not GeneState.COULD_NOT_BE_READ for state in states.values())
    answered = looked_at > 0
    return MedicinesView(
        headline=_headline(states, advice, words) if answered else not_read_headline(content, words),
        first_steps=tuple(words.text(general[key]) for key in ("limit_research", "how_to_use", "urgent_help")),
        own=_own(content.own_medicines, (*advice, *second_source_advice(findings, states).values()), words),
        own_intro=words.text(general["own_intro"]),
        intro=words.text(general["intro"], n=looked_at),
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


def _headline(states: Mapping[str, GeneState], advice: Sequence[Advice], words: Words) -> Headline:
    """The result in one line. It reassures only when nothing is open: neither a gene unread nor a medicine held."""
    general = content_file("medicines/messages.json")["general"]
    talk, aware = (
        sum(_has_warning(item, level) for item in advice) for level in (Level.TALK_BEFORE_USE, Level.BE_AWARE)
    )
    held = sum(item.kind is AdviceKind.HELD for item in advice)
    answered = sum(item.kind is AdviceKind.MESSAGE and not item.no_answer for item in advice)
    not_read = [gene for gene in sorted(states) if states[gene] is GeneState.COULD_NOT_BE_READ and gene_entry(gene)]
    unsettled = [gene for gene in sorted(states) if states[gene] is GeneState.NOT_SETTLED]
    more = []
    if talk or aware:
        level = "" if talk else "_aware"
        title = words(f"medicines.headline{level}", n=talk or aware)
        text = words.text(general[f"some_results{level}"], n=talk or aware)
        more += [words("medicines.also_aware", n=aware)] if talk and aware else []
        more += [words("medicines.also_held", n=held)] if held else []
    elif held:
        title, text = words("medicines.headline_held"), words.text(general["held_for_review"])
        more += [words("medicines.no_warning_so_far", n=answered)] if answered else []
    elif answered:
        part = "_in_part" if not_read or unsettled else ""
        title, text = words(f"medicines.headline_none{part}"), words.text(general["typical_result"])
    else:
        title, text = words("medicines.headline_no_answer"), words("medicines.no_answer_body")
    if unsettled:
        more.append(words("medicines.also_not_settled", genes=words.listed(unsettled), n=len(unsettled)))
    if not_read:
        more.append(words("medicines.also_not_read", genes=words.listed(not_read), n=len(not_read)))
    reassures = bool(talk or aware or (answered and not held))
    return Headline(title, (text, *more), "medicine.svg", answered=reassures)


def _has_warning(item: Advice, level: Level) -> bool:
    """Whether a medicine has this level, and the level rests on a result."""
    return item.kind is AdviceKind.MESSAGE and item.level is level and not item.no_answer


def _own(typed: Sequence[str], advice: Sequence[Advice], words: Words) -> tuple[OwnMedicine, ...]:
    """The participant's own list, the most careful signs first. What is not in the list of medicines says so."""
    by_drug = {item.drug: item for item in advice}
    own = []
    for entry in typed:
        drugs = resolve(entry)
        own += [_own_answer(entry, by_drug[drug], words) for drug in drugs] or [_not_in_list(entry, words)]
    return tuple(sorted(own, key=lambda item: _ORDER.index(item.sign.style)))


def _own_answer(typed: str, item: Advice, words: Words) -> OwnMedicine:
    name = _medicine(item.drug, words).name
    return OwnMedicine(
        typed=typed,
        name="" if name.casefold() == typed.strip().casefold() else name,
        sign=_sign(item, words),
        genes=words.listed(item.genes) if item.kind in _WITH_LEVEL else "",
        paragraphs=_paragraphs(item, name, words),
    )


def _not_in_list(typed: str, words: Words) -> OwnMedicine:
    wording = content_file("medicines/messages.json")
    sign = Sign(
        "no-answer",
        words.text(wording["general"]["not_in_list_label"]),
        f"{wording['no_answer_symbol']}.svg",
        words.text(wording["no_answer_symbol_alt"]),
        "",
    )
    return OwnMedicine(typed, "", sign, "", (words.text(wording["general"]["not_in_list"]),))


def _sign(item: Advice, words: Words) -> Sign:
    wording = content_file("medicines/messages.json")
    if item.kind is AdviceKind.HELD:
        return Sign("held", words("medicines.held"), "checking.svg", words("medicines.held_sign"), "")
    if item.no_answer or item.kind not in _WITH_LEVEL:
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


_WITH_LEVEL = (AdviceKind.MESSAGE, AdviceKind.SECOND_SOURCE)
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


def medicine_name(drug: str, words: Words) -> str:
    """A medicine as participants know it."""
    return _medicine(drug, words).name


def _medicine(drug: str, words: Words) -> Medicine:
    wording = content_file("medicines/drugs.json")
    for entry in wording["second_source"]:
        if entry["id"] == drug:
            return Medicine(words.text(entry["name"]), ", ".join(entry["brands_us"]), "", "")
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
    first = items[0]
    medicines = tuple(_medicine(item.drug, words) for item in items)
    name = medicines[0].name if len(medicines) == SHOWN_ALONE else words("medicines.this_medicine")
    return MessageCard(
        sign=_sign(first, words),
        medicines=medicines,
        genes=words.listed(first.genes),
        paragraphs=_paragraphs(first, name, words),
    )


_WITHOUT_MESSAGE = {
    AdviceKind.HELD: "held_for_review",
    AdviceKind.NOT_SETTLED: "drug_not_settled",
    AdviceKind.NOT_ASSESSED: "drug_not_assessed",
    AdviceKind.NOT_IN_REPORT: "not_in_report",
    AdviceKind.SECOND_SOURCE: "second_opinion",
}


def _paragraphs(item: Advice, name: str, words: Words) -> tuple[str, ...]:
    """What is said of a medicine that goes by `name`: its message with notes, or why there is none."""
    general = content_file("medicines/messages.json")["general"]
    values = {
        "drug": name,
        "genes": words.listed(item.open_genes or item.genes),
        "missing_genes": words.listed(item.missing_genes),
        "unsettled_genes": words.listed(item.unsettled_genes),
    }
    if item.kind is AdviceKind.MESSAGE:
        texts = [message_text(item.message), *(general[note] for note in item.notes)]
    else:
        texts = [general[_WITHOUT_MESSAGE[item.kind]]]
    return tuple(_sentence_case(words.text(text, **values)) for text in texts)


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
    does = words.text(entry["does"])
    told = (f"{does} {meaning[0]}",) if len(meaning) == SHOWN_ALONE else (does, *meaning)
    return GeneCard(
        gene=gene,
        label=label,
        pictogram=pictogram,
        paragraphs=(*told, *_how_known(finding, state, words)),
        technical=_technical(finding, state, words) if finding is not None else "",
    )


def _gene_result(
    entry: Mapping[str, Any], finding: PharmacogenomicFinding | None, state: GeneState, words: Words
) -> tuple[str, tuple[str, ...], str | None]:
    """Label, meaning and pictogram of a gene's result or state."""
    general = content_file("medicines/messages.json")["general"]
    gene = entry["gene"]
    if state is GeneState.HELD:
        return words("medicines.held"), (words.text(general["held_for_review"]),), "checking.svg"
    if state is GeneState.NOT_SETTLED:
        label, meaning = general["not_settled_label"], general["not_settled"]
        return words.text(label), (words.text(meaning, gene=gene),), _NO_RESULT_SIGN
    if state is GeneState.RESULT and finding is not None:
        return *_result(finding, words), None
    text = entry["states"][state]
    sign = None if state is GeneState.NO_SET_MEANING else _NO_RESULT_SIGN
    return words.text(text["label"]), (words.text(text["meaning"]),), sign


def _result(finding: PharmacogenomicFinding, words: Words) -> tuple[str, tuple[str, ...]]:
    """Label and meaning of what may be said of a gene, or of all that it can be."""
    side_by_side = results_of(finding)
    found = {name: result_label(finding.gene, name) for name in side_by_side or finding.phenotypes}
    results = {name: result for name, result in found.items() if result is not None}
    labels = dict.fromkeys(words.text(result["label"]) for result in results.values())
    if not side_by_side:
        several = content_file("medicines/messages.json")["general"]["several_possible"]
        return words("medicines.or").join(labels), (words.text(several, genes=finding.gene),)
    meanings = {name: words.text(result["meaning"]) for name, result in results.items()}
    if len(meanings) == SHOWN_ALONE:
        return "; ".join(labels), tuple(meanings.values())
    # Statuses such as "*57:01 negative": which form each meaning is about.
    return "; ".join(labels), tuple(f"{finding.gene}{name.split()[0]}: {text}" for name, text in meanings.items())


def _how_known(finding: PharmacogenomicFinding | None, state: GeneState, words: Words) -> tuple[str, ...]:
    """What a participant should know of how a gene's result was found."""
    if finding is None or state is not GeneState.RESULT:
        return ()
    general = content_file("medicines/messages.json")["general"]
    values = {"read": finding.positions_read, "total": finding.positions_total}
    told = {
        "none_found": not finding.may_name_diplotype,
        "outside_call": finding.called_from == OUTSIDE_CALL,
        "accepted_in_review": ACCEPTED in finding.reasons,
    }
    return tuple(words.text(general[key], **values) for key, applies in told.items() if applies)


def _technical(finding: PharmacogenomicFinding, state: GeneState, words: Words) -> str:
    """One line for professionals: what was called, from how many positions."""
    named = finding.may_name_diplotype
    is_open = state in {GeneState.HELD, GeneState.NOT_SETTLED}
    parts = []
    if not is_open:
        called = call_label(finding, words)
        phenotypes = ", ".join(results_of(finding)) or words("medicines.or").join(finding.phenotypes)
        score = finding.activity_score
        parts += [f"{finding.gene} {called}" if named else f"{finding.gene}: {called}"] if called else []
        parts += [phenotypes] if phenotypes else []
        parts += [words("medicines.activity_score", score=score)] if score is not None else []
    if finding.called_from == OUTSIDE_CALL:
        parts.append(words("medicines.outside_call"))
    elif named or is_open:
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
    """Genes without an answer: those that this kind of data cannot show, and those that nobody asked for."""
    cannot_show = [gene for gene in left_out if not (gene_entry(gene) or {}).get("read_from_this_data")]
    others = [gene for gene in left_out if gene not in cannot_show]
    texts = []
    if cannot_show:
        text = content_file("medicines/messages.json")["general"]["limit_cyp2d6_hla"]
        texts.append(words.text(text, genes=words.listed(cannot_show), n=len(cannot_show)))
    if others:
        texts.append(words("medicines.genes_not_looked_at", genes=words.listed(others), n=len(others)))
    return tuple(texts)
