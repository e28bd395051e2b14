"""What no version of a hereditary report may say, each with a broken report that the check catches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import reports
from support.reading import FAIRLY_EASY, GRADE, LONG_ENOUGH, NORMAL, textstat

from interpreters.findings import GeneAssessment, GeneStatus, HereditaryFinding
from report_templates.completeness import texts
from report_templates.content import Audience, FindingOutcome, Language, ReportContent
from report_templates.render import audiences, render_html
from report_templates.wording import content_file

VERSIONS = audiences("hereditary_risk")
HEREDITARY = {name: make for name, make in reports.STATES.items() if name.startswith("hereditary")}
NOTHING_FOUND = (
    "we found no change",
    "no hallamos ningún cambio",
    "No result to report",
    "Sin resultado para informar",
    "No reportable finding",
)


def document(report: ReportContent, audience: Audience, language: Language) -> str:
    """The body of one version as text."""
    html = render_html(reports.release(report), language, audience).partition("</head>")[2]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


# --- Nothing is found in a gene that was not assessed


def claims(text: str, statuses: dict[str, GeneStatus]) -> list[str]:
    """What a document wrongly says of genes with these statuses."""
    assessed = sum(status is GeneStatus.ASSESSED for status in statuses.values())
    wrong = []
    said = [phrase for phrase in NOTHING_FOUND if phrase in text]
    if said and not assessed:
        wrong.append("nothing found, although no gene was assessed")
    if said and not re.search(rf"\b{assessed} (?:of|de) (?:the )?(?:los )?{len(statuses)} gen", text):
        wrong.append("nothing found, without the right number of genes")
    for gene, status in statuses.items():
        if status is not GeneStatus.ASSESSED and said and gene not in text:
            wrong.append("a gene that was not assessed is not named")
    return wrong


def negative(statuses: dict[str, GeneStatus]) -> ReportContent:
    return reports.hereditary(tuple(item for item in reports.assessed(statuses.__getitem__) if item.gene in statuses))


STATUSES = st.lists(st.sampled_from(GeneStatus), min_size=len(reports.GENES), max_size=len(reports.GENES)).map(
    lambda drawn: dict(zip(reports.GENES, drawn, strict=True))
)


@settings(max_examples=20)
@given(statuses=STATUSES)
def test_nothing_is_found_only_in_genes_that_were_assessed(statuses: dict[str, GeneStatus]) -> None:
    for version in VERSIONS:
        assert claims(document(negative(statuses), *version), statuses) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_report_that_calls_every_gene_assessed_would_be_seen(version: tuple[Audience, Language]) -> None:
    broken = document(negative(dict.fromkeys(reports.GENES, GeneStatus.ASSESSED)), *version)
    for status in (GeneStatus.NOT_ASSESSED, GeneStatus.PARTLY_ASSESSED):
        assert claims(broken, dict.fromkeys(reports.GENES, status))
        assert claims(broken, dict.fromkeys(reports.GENES, GeneStatus.ASSESSED) | {"TTN": status})


@pytest.mark.parametrize("version", VERSIONS)
def test_a_gene_that_was_not_read_in_full_is_never_rounded_to_whole(version: tuple[Audience, Language]) -> None:
    almost = GeneAssessment("TTN", GeneStatus.PARTLY_ASSESSED, 0.999999, 212, 214, (17,))
    text = document(reports.hereditary((*reports.assessed()[:3], almost)), *version)
    assert not re.search(r"\b100(?:\.0)? (?:of|de cada) 100\b|\b100\.0 %", text)
    assert re.search(r"\b99 (?:of|de cada) 100\b|\b99\.9 %", text)


# --- Only what was to be reported is shown

FINDINGS = (
    reports.finding("BRCA2", reports.BRCA2),
    reports.finding("LDLR", reports.LDLR),
    *reports.hereditary_pair().candidates,
)


def decided(*outcomes: FindingOutcome) -> ReportContent:
    decisions = tuple(reports.decision(found, what) for found, what in zip(FINDINGS, outcomes, strict=True))
    return reports.hereditary((*FINDINGS, *reports.assessed()), decisions=decisions)


def traces(found: HereditaryFinding, text: str) -> list[str]:
    """Facts of a finding that a document holds."""
    variants = [found.variant, *([found.second_variant] if found.second_variant else [])]
    facts = [str(fact) for variant in variants for fact in (variant.hgvs, variant.pos)]
    conditions = [
        item for item in content_file("hereditary/conditions.json")["conditions"] if found.gene in item["genes"]
    ]
    facts += [item["name_in_sentence"][language] for item in conditions for language in ("en", "es")]
    return [fact for fact in facts if fact in text]


@settings(max_examples=20)
@given(outcomes=st.tuples(*(st.sampled_from(FindingOutcome) for _ in FINDINGS)))
def test_only_confirmed_findings_are_shown(outcomes: tuple[FindingOutcome, ...]) -> None:
    for version in VERSIONS:
        text = document(decided(*outcomes), *version)
        for found, outcome in zip(FINDINGS, outcomes, strict=True):
            assert bool(traces(found, text)) is (outcome is FindingOutcome.CONFIRMED)


def test_what_the_policy_does_not_report_is_not_shown() -> None:
    hidden = replace(FINDINGS[0], outcome="NOT_REPORTABLE")
    for version in VERSIONS:
        assert traces(hidden, document(reports.hereditary((hidden, *reports.assessed())), *version)) == []


# --- The letter


def letters(html: str) -> list[str]:
    """The pages that the participant may take out."""
    return re.findall(r'<section class="letter">.*?</section>', html, re.DOTALL)


def identifiers(report: ReportContent) -> tuple[str, ...]:
    return (report.participant.programme_id, str(report.participant.birth_year), report.accession)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("state", ["hereditary-positive", "hereditary-two", "hereditary-pair"])
def test_a_letter_is_a_draft_to_edit_that_does_not_tell_whose_it_is(state: str, language: Language) -> None:
    report = HEREDITARY[state]()
    html = render_html(reports.release(report), language)
    drafts = letters(html)
    assert len(drafts) == len(report.candidates)
    for draft in drafts:
        assert 'contenteditable="true" role="textbox"' in draft
        assert {"en": "draft", "es": "borrador"}[language] in draft
        assert [value for value in identifiers(report) if value in draft] == []
        assert draft.count("____") >= 4
    # The margins of its page hold none either, while those of all other pages do.
    margins = re.findall(r"@page(?: letter)? \{.*?\n\}", html.partition("@media screen { @font-face")[0], re.DOTALL)
    of_letter = [margin for margin in margins if margin.startswith("@page letter")]
    assert [value for value in identifiers(report) for margin in of_letter if value in unescaped(margin)] == []
    assert len(of_letter) == 1
    assert all(f"@{box} {{ content:" in of_letter[0] for box in ("top-left", "bottom-left", "bottom-right"))
    assert any(report.accession in unescaped(margin) for margin in margins)


def unescaped(css: str) -> str:
    """A piece of style sheet with its character codes read."""
    return re.sub(r"\\([0-9a-f]+) ", lambda match: chr(int(match[1], 16)), css)


def test_a_letter_that_named_the_participant_would_be_seen() -> None:
    report = reports.hereditary_positive()
    named = replace(report, programme=replace(report.programme, name=report.participant.programme_id))
    (draft,) = letters(render_html(reports.release(named), Language.EN))
    assert report.participant.programme_id in draft


@pytest.mark.parametrize("state", [state for state, make in HEREDITARY.items() if not make().decisions])
def test_there_is_no_letter_without_a_finding(state: str) -> None:
    assert letters(render_html(reports.release(HEREDITARY[state]()), Language.EN)) == []


def test_there_is_no_letter_without_a_yes_to_family_sharing() -> None:
    report = replace(reports.hereditary_positive(), family_letter=False)
    for language in Language:
        assert letters(render_html(reports.release(report), language)) == []


# --- Reading grade

_CONTENT = content_file("hereditary/conditions.json")
_NAMES = (*_CONTENT["mask_terms"]["en"], *_CONTENT["mask_terms"]["es"], *reports.GENES)
_MASKED = re.compile(r"\{\w+\}|NC_\S+|\b(?:" + "|".join(map(re.escape, sorted(_NAMES, key=len, reverse=True))) + r")\b")


def masked(text: str, language: Language) -> str:
    """A text with names that cannot be simpler, and lists of them, put as one short word."""
    word = {"en": "name", "es": "caso"}[language]
    return re.sub(rf"{word}(?:, {word})+", word, _MASKED.sub(word, text))


def too_hard(text: str, language: Language, easiest: float = NORMAL) -> bool:
    """Whether a text is above grade 8 (English), or below a band of the INFLESZ scale (Spanish)."""
    formulas, plain = textstat(language), masked(text, language)
    if language is Language.EN:
        return bool(formulas.flesch_kincaid_grade(plain) > GRADE)
    return bool(formulas.szigriszt_pazos(plain) < easiest)


def paragraphs(html: str) -> Iterator[str]:
    """Paragraphs and list items of a document, without citations."""
    for kind, text in re.findall(r'<(?:p|li)(?: class="([^"]*)")?>(.*?)</(?:p|li)>', html, re.DOTALL):
        plain = unescape(re.sub(r"<[^>]+>", "", text)).strip()
        if kind != "caption" and len(plain.split()) >= 5:
            yield plain


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("state", HEREDITARY)
def test_every_state_is_easy_to_read(state: str, language: Language) -> None:
    written = list(paragraphs(render_html(reports.release(HEREDITARY[state]()), language)))
    assert len(written) >= 8
    assert [text for text in written if len(text.split()) >= LONG_ENOUGH and too_hard(text, language)] == []
    assert not too_hard(" ".join(written), language, FAIRLY_EASY)


@pytest.mark.parametrize("language", Language)
def test_every_text_about_a_condition_is_easy_to_read(language: Language) -> None:
    parts = [[item["participant"], [note["text"] for note in item["gene_notes"]]] for item in _CONTENT["conditions"]]
    told = [text[language] for _, text in texts(parts)]
    whole = [" ".join(text) if isinstance(text, list) else text for text in told]
    assert len(whole) > 250
    assert [text for text in whole if len(text.split()) >= LONG_ENOUGH and too_hard(text, language)] == []


def test_a_hard_text_would_be_seen() -> None:
    assert too_hard("Heterozygous pathogenic alterations necessitate multidisciplinary consideration.", Language.EN)
    assert too_hard("Las alteraciones heterocigotas requieren consideraciones multidisciplinarias.", Language.ES)


# --- Numbers


def unsourced(conditions: list[dict[str, object]]) -> list[object]:
    """Conditions whose texts give a frequency, other than Mendel's ratios, and no source for it."""
    wrong = []
    for item in conditions:
        told = " ".join(str(text["en"]) for _, text in texts([item["participant"], item["gene_notes"]]) if "en" in text)
        numbers = set(re.findall(r"\b\d+ (?:of|in) \d+\b", told)) - {"1 in 2", "1 in 4"}
        if numbers and not item["figures"]:
            wrong.append(item["id"])
    return wrong


def test_every_frequency_has_a_source_that_the_report_prints() -> None:
    assert unsourced(_CONTENT["conditions"]) == []
    text = document(reports.hereditary_positive(), Audience.PARTICIPANT, Language.ES)
    assert "De dónde vienen los números: Kuchenbaecker et al., JAMA 2017" in text


def test_a_frequency_without_a_source_would_be_seen() -> None:
    assert unsourced([item | {"figures": []} for item in _CONTENT["conditions"]]) == [
        "hboc",
        "lynch",
        "familial_hypercholesterolemia",
        "hemochromatosis",
        "hht",
    ]
