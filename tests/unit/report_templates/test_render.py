"""Every template in every language and state."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from support import reports
from support.consent_facts import NOW, released

from interpreters.findings import Finding, Likelihood, NotTested, PharmacogenomicFinding, TraitFinding
from report_templates import render
from report_templates.content import Audience, ContentError, Language, ParticipantReference, Programme, WordingReview
from report_templates.render import audiences, css_string, pictogram, render_html, template_digest
from report_templates.wording import content_file

EVERY = [
    (state, language, audience)
    for state, report in reports.STATES.items()
    for audience, language in audiences(report().module)
]
VOID = {"meta", "rect", "path", "circle"}
HOSTILE = '"><script>alert(1)</script>{{ 7 * 7 }}</style><b>'


class Page(HTMLParser):
    """What a reader meets: text, headings, tables, pictures; and whether every element is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.headings: list[int] = []
        self.tags: list[str] = []
        self.lang = ""
        self._open: list[str] = []
        self.svg_titles: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "html":
            self.lang = dict(attrs)["lang"] or ""
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "svg":
            self.svg_titles.append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        if self._open[-2:] == ["svg", "title"]:
            self.svg_titles[-1] += data
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


@cache
def html(state: str, language: Language = Language.EN, audience: Audience = Audience.PARTICIPANT) -> str:
    return render_html(reports.release(reports.STATES[state]()), language, audience)


@pytest.mark.parametrize(("state", "language", "audience"), EVERY)
def test_every_state_renders_and_can_be_followed(state: str, language: Language, audience: Audience) -> None:
    page = Page(html(state, language, audience))
    assert page.lang == language
    assert page.headings.count(1) == 1
    assert page.headings[0] == 1
    assert all(after <= before + 1 for before, after in zip(page.headings, page.headings[1:], strict=False))
    assert page.svg_titles
    assert all(page.svg_titles)
    assert not {"script", "link", "a", "form", "iframe"} & set(page.tags)
    assert "{" not in page.text
    assert "None" not in page.text
    for number in ("P-0001", "1980", "R-2026-000417"):
        assert number in page.text


def test_health_results_have_a_version_for_clinicians_in_english_and_nothing_else_has() -> None:
    participants = tuple((Audience.PARTICIPANT, language) for language in Language)
    for module in ("pharmacogenomics", "hereditary_risk"):
        assert audiences(module) == (*participants, (Audience.CLINICIAN, Language.EN))
    for module in ("ancestry", "traits"):
        assert audiences(module) == participants
    for report, language in ((reports.medicines(), Language.ES), (reports.traits(), Language.EN)):
        with pytest.raises(ContentError, match="has no version for the clinician"):
            render_html(reports.release(report), language, Audience.CLINICIAN)


def bare_calls(text: str) -> list[str]:
    """Calls of two normal alleles, wherever they stand."""
    return re.findall(r"\*1/\*1|Reference/Reference", text)


@pytest.mark.parametrize(("audience", "language"), audiences("pharmacogenomics"))
def test_no_version_shows_a_bare_normal_call_where_too_little_was_read(audience: Audience, language: Language) -> None:
    report = reports.medicines_sequence_only()
    partial = tuple(
        f for f in report.interpretation.findings if isinstance(f, PharmacogenomicFinding) if f.gene == "TPMT"
    )
    only = replace(report, interpretation=replace(report.interpretation, findings=partial))
    text = Page(render_html(reports.release(only), language, audience)).text
    assert bare_calls(text) == []
    assert "12" in text
    assert "43" in text
    # The call itself is there: only the rule keeps it out.
    whole = replace(
        only, interpretation=replace(only.interpretation, findings=(replace(partial[0], variant_found=True),))
    )
    assert bare_calls(Page(render_html(reports.release(whole), language, audience)).text)


def sentences(language: Language) -> set[str]:
    """Every longer text of the content files and the catalogue in one language, up to its first placeholder."""
    found: set[str] = set()

    def collect(value: object) -> None:
        if isinstance(value, dict):
            if set(value) == {"en", "es"}:
                collect(value[language])
            else:
                for inner in value.values():
                    collect(inner)
        elif isinstance(value, list):
            for inner in value:
                collect(inner)
        elif isinstance(value, str) and " " in value:
            found.update(part for part in re.split(r"\{\w+\}|(?<=[.!?]) ", value) if len(part.split()) > 3)

    for name in ("ancestry", "traits", "medicines/genes", "medicines/messages", "hereditary/templates"):
        content = content_file(f"{name}.json")
        collect({key: value for key, value in content.items() if key not in {"meta", "staff"}})
    return found


@pytest.mark.parametrize("language", Language)
def test_no_sentence_is_in_the_other_language(language: Language) -> None:
    (other,) = set(Language) - {language}
    foreign = sentences(other) - sentences(language)
    assert len(foreign) > 1000
    for state in reports.STATES:
        text = Page(html(state, language)).text
        assert [sentence for sentence in foreign if sentence in text] == []


def test_an_untranslated_sentence_would_be_seen() -> None:
    foreign = sentences(Language.EN) - sentences(Language.ES)
    assert any(sentence in Page(html("traits", Language.EN)).text for sentence in foreign)


def test_the_result_comes_first_and_the_details_after() -> None:
    text = Page(html("medicines")).text
    order = ["Your result", "at a glance", "What comes next", "What the signs mean", "Gene by gene", "did not look at"]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_the_own_list_comes_before_the_summary_in_both_versions() -> None:
    text = Page(html("medicines-every-gene")).text
    assert text.index("Awaiting") < text.index("The medicines on your list") < text.index("at a glance")
    text = Page(html("medicines-every-gene", audience=Audience.CLINICIAN)).text
    assert text.index("Medicines that the participant reports") < text.index("Recommendations by medicine")
    assert "<b>omeprazol</b>" in text


def test_health_wording_says_that_it_awaits_review_until_someone_approved_it() -> None:
    for state in ("medicines", "hereditary-negative", "hereditary-not-read", "medicines-not-read"):
        assert "Awaiting clinical review." in html(state)
        assert "Pendiente de revisión clínica." in html(state, Language.ES)
    for state in ("ancestry", "traits"):
        assert "Awaiting clinical review" not in html(state)
    approved = replace(reports.medicines(), wording_review=WordingReview("C. Ito, PharmD", NOW.date()))
    text = Page(render_html(reports.release(approved), Language.EN)).text
    assert "Awaiting clinical review" not in text
    assert "Checked by C. Ito, PharmD on November 22, 2026" in text


def test_an_amended_report_says_why() -> None:
    text = Page(html("hereditary-amended", Language.ES)).text
    assert "Su informe ha cambiado" in text
    assert "los expertos ahora ven un cambio en un gen de otra manera" in text
    assert "2 (modificado)" in text


def test_versions_sources_specimen_and_signatures_are_there() -> None:
    text = Page(html("hereditary-positive")).text
    for fact in ("ClinVar", "September 28, 2025", "Saliva", "August 3, 2026", "GRCh38", "N. Osei, MD, PhD", "2026-11"):
        assert fact in text


def test_missing_dates_and_sources_are_told_or_left_out() -> None:
    report = reports.hereditary_negative()
    bare = replace(report, sources=(), specimen=replace(report.specimen, collected=None, received=None))
    text = Page(render_html(reports.release(bare), Language.EN)).text
    assert text.count("Not given") >= 2
    assert "Where the facts come from" not in text


def hostile_findings() -> dict[str, tuple[Finding, ...]]:
    return {
        "traits": (
            TraitFinding("earwax", "TT", {HOSTILE: HOSTILE}, "read", 1, 1, likelihood=Likelihood.LIKELY, evidence="A"),
        ),
        "pharmacogenomics": (
            reports.gene("SLCO1B1", HOSTILE, "Decreased Function", reports.row(HOSTILE, ("SLCO1B1",), "avoid", "x")),
        ),
        "hereditary_risk": (
            reports.finding("BRCA2", replace(reports.BRCA2, hgvs=HOSTILE, classification=HOSTILE, ref=HOSTILE)),
            *reports.assessed(),
        ),
    }


@pytest.mark.parametrize("module", hostile_findings())
def test_hostile_text_stays_text(module: str) -> None:
    findings = hostile_findings()[module]
    decisions = tuple(reports.decision(f) for f in findings if hasattr(f, "rule_path"))
    report = replace(
        reports.content(module, findings, (NotTested(module, HOSTILE, HOSTILE),), decisions=decisions),
        programme=Programme(HOSTILE, HOSTILE, HOSTILE),
        accession=HOSTILE,
        own_medicines=(HOSTILE, f"simvastatin {HOSTILE}"),
    )
    for audience, language in audiences(module):
        rendered = render_html(reports.release(report), language, audience)
        assert "<script" not in rendered
        assert "{{ 7 * 7 }}" in Page(rendered).text
        assert rendered.count("</style>") == 1
        assert "script" not in Page(rendered).tags
        assert "<script>alert(1)</script>" in Page(rendered).text


def test_a_css_string_cannot_be_left() -> None:
    assert css_string('a"}</style>') == '"a\\22 \\7d \\3c \\2f style\\3e "'


def test_a_title_of_a_pictogram_is_escaped() -> None:
    assert "<title>&lt;b&gt;</title>" in pictogram("ready.svg", "<b>")


def test_only_the_decision_for_this_participant_and_module_counts() -> None:
    for report in (
        replace(reports.traits(), participant=ParticipantReference("P-0002", 1980)),
        replace(reports.traits(), interpretation=replace(reports.traits().interpretation, module="ancestry")),
    ):
        release = released(report, "traits")
        with pytest.raises(ContentError) as caught:
            render_html(release, Language.EN)
        assert "P-000" not in str(caught.value)


def test_the_same_release_gives_the_same_document() -> None:
    first, second = (reports.release(reports.medicines()) for _ in range(2))
    assert render_html(first, Language.ES) == render_html(second, Language.ES)


def test_the_document_needs_nothing_from_outside() -> None:
    for version in EVERY:
        addresses = re.findall(r"""(?:src|href)\s*=|url\((?!"data:)|@import""", html(*version))
        assert addresses == []


def test_the_digest_covers_templates_wording_styles_and_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    template_digest.cache_clear()
    whole = template_digest()
    assert re.fullmatch(r"[0-9a-f]{64}", whole)
    for folder in ("content", "locale", "static", "templates", "pictograms"):
        template_digest.cache_clear()
        monkeypatch.setattr(render, "_FOLDERS", tuple(name for name in render._FOLDERS if name != folder))
        assert template_digest() != whole
        monkeypatch.undo()
    template_digest.cache_clear()
    monkeypatch.setattr(render, "_BORROWED", ())
    assert template_digest() != whole
    monkeypatch.undo()
    template_digest.cache_clear()
    assert template_digest() == whole


def test_the_digest_covers_every_module() -> None:
    modules = {part.name for part in files("report_templates").iterdir() if part.name.endswith(".py")}
    assert modules - {"__init__.py", "translations.py"} == set(render._MODULES)


def test_no_medicine_result_is_shown_by_color_alone() -> None:
    page = Page(html("medicines"))
    for words in ("Talk before use", "Be aware", "No gene warning", "No gene-based answer"):
        assert words in page.text
    assert "Eight-sided sign with a speech bubble" in page.svg_titles


def test_a_held_gene_shows_none_of_its_results_in_the_document() -> None:
    held = replace(reports.cyp2c19(), requires_review=True)
    assert isinstance(held, PharmacogenomicFinding)
    for audience, language in audiences("pharmacogenomics"):
        rendered = render_html(reports.release(reports.content("pharmacogenomics", (held,))), language, audience)
        assert "*1/*2" not in rendered
        assert "Intermediate Metabolizer" not in rendered
        assert all(row.statement not in rendered for row in held.recommendations)
    rendered = render_html(reports.release(reports.content("pharmacogenomics", (held,))), Language.EN)
    assert "Talk before use" not in rendered.split("Questions people ask")[0]
