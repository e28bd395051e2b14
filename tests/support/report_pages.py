"""What a report is like: text that overlaps or leaves its page, what is not translated, how hard it reads."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree as ET

from report_templates.content import Audience, Language
from report_templates.render import audiences, document, render_html
from report_templates.wording import content_file
from ror_service.rendering import RendererProcess
from support import pseudo_locale, reports
from support.pseudo_locale import PseudoWords
from support.reading import textstat

Version = tuple[str, str, Audience]
"""State, language (or the name of the pseudo-locale), audience."""
EVERY: list[Version] = [
    (state, language, audience)
    for state, report in reports.STATES.items()
    for audience, language in (*audiences(report().module), (Audience.PARTICIPANT, pseudo_locale.NAME))
]
"""Every state of every template, in each language, the pseudo-locale too, and for each audience."""
SENTENCE_WORDS = 8
"""Words from which on a paragraph counts as running text."""
_OVERLAP_POINTS = 1.0
_OVERLAP_OF_LINE = 0.4
_MARGIN_POINTS = 30.0
"""Nearest that any text may come to the edge of its page. The page margins of the style sheet are wider."""
_XHTML = "{http://www.w3.org/1999/xhtml}"
_PLAIN = re.compile(r"\b[a-z]{3,}(?: [a-z]{3,}){3,}\b")
"""Four words without capitals. Fewer may be names, which are the same in every language."""
_BLOCKS = {"p", "li", "td", "th", "h1", "h2", "h3", "h4", "title"}
_NOT_FOR_PARTICIPANTS = {"technical"}
"""Classes of paragraphs that a participant's report addresses to the doctor."""


class Blocks(HTMLParser):
    """The text of each block of a report, in reading order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.blocks: list[tuple[str, str, str]] = []
        """Element, class and text."""
        self._open: list[tuple[str, str, list[str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self._open.append((tag, dict(attrs).get("class") or "", []))

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1][0] == tag:
            tag, kind, parts = self._open.pop()
            self.blocks.append((tag, kind, " ".join("".join(parts).split())))

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1][2].append(data)


@dataclass(frozen=True, slots=True)
class Word:
    """One word on a page, in points from the top left."""

    page: int
    text: str
    left: float
    top: float
    right: float
    bottom: float


def cpu_seconds(renderer: RendererProcess) -> float:
    """CPU time that the renderer's process has used, from what the kernel counts (in hundredths of a second)."""
    child = renderer._child
    assert child is not None
    numbers = Path(f"/proc/{child.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")


def html_of(version: Version) -> str:
    """The HTML of one version."""
    state, language, audience = version
    release = reports.release(reports.STATES[state]())
    if language == pseudo_locale.NAME:
        return document(release, PseudoWords(Language.EN, audience))
    return render_html(release, Language(language), audience)


def overflows(pdf: bytes) -> list[str]:
    """Pairs of words that overlap, and words that leave the page, as read by poppler."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.pdf"
        file.write_bytes(pdf)
        command = ["pdftotext", "-bbox", str(file), "-"]
        made = subprocess.run(command, check=True, capture_output=True).stdout  # noqa: S603 - found on PATH
    return [fault for words, width in _pages(made) for fault in (*_overlaps(words), *_outside(words, width))]


def _pages(made: bytes) -> Iterator[tuple[list[Word], float]]:
    clean = re.sub(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]", b"", made)
    for number, page in enumerate(ET.fromstring(clean).iter(f"{_XHTML}page"), 1):  # noqa: S314 - poppler's own
        words = [
            Word(number, word.text or "", *(float(word.attrib[side]) for side in ("xMin", "yMin", "xMax", "yMax")))
            for word in page.iter(f"{_XHTML}word")
        ]
        yield words, float(page.attrib["width"])


def _overlaps(words: list[Word]) -> Iterator[str]:
    rows: dict[int, list[Word]] = {}
    for word in words:
        rows.setdefault(int(word.top // 8), []).append(word)
    near = ((one, other) for row in sorted(rows) for one, other in combinations(rows[row] + rows.get(row + 1, []), 2))
    for one, other in dict.fromkeys(near):
        across = min(one.right, other.right) - max(one.left, other.left)
        down = min(one.bottom, other.bottom) - max(one.top, other.top)
        height = min(one.bottom - one.top, other.bottom - other.top)
        if across > _OVERLAP_POINTS and down > _OVERLAP_OF_LINE * height:
            yield f"page {one.page}: {one.text!r} over {other.text!r}"


def _outside(words: list[Word], width: float) -> Iterator[str]:
    for word in words:
        if word.left < _MARGIN_POINTS or word.right > width - _MARGIN_POINTS:
            yield f"page {word.page}: {word.text!r} leaves the page"


def untranslated(version: Version) -> list[str]:
    """Running text of a version that reads the same in English, or that the pseudo-locale left as it was."""
    state, language, audience = version
    if language == Language.EN:
        return []
    blocks = [text for tag, _, text in Blocks(html_of(version)).blocks if tag != "th"]
    if language == pseudo_locale.NAME:
        return [text for text in blocks if _PLAIN.search(text)]
    english = {text for _, _, text in Blocks(html_of((state, Language.EN, audience))).blocks}
    return [text for text in blocks if _PLAIN.search(text) and text in english]


def reading(version: Version) -> float:
    """Flesch-Kincaid grade (English) or Szigriszt-Pazos index (Spanish) of a report's running text, names masked."""
    language = Language(version[1])
    running = [
        text
        for tag, kind, text in Blocks(html_of(version)).blocks
        if tag in {"p", "li", "td"}
        and len(text.split()) >= SENTENCE_WORDS
        and text.endswith((".", "?", "!", ":"))
        and not _NOT_FOR_PARTICIPANTS & set(kind.split())
    ]
    formulas = textstat(language)
    measure = formulas.flesch_kincaid_grade if language is Language.EN else formulas.szigriszt_pazos
    return float(measure(masked(" ".join(running), language)))


def masked(text: str, language: Language) -> str:
    """The text with names of genes and medicines, which cannot be simpler, put as one short word."""
    return _names().sub({Language.EN: "drug", Language.ES: "gen"}[language], text)


@cache
def _names() -> re.Pattern[str]:
    drugs = content_file("medicines/drugs.json")["drugs"]
    names = {name for drug in drugs for name in (*drug["name"].values(), *drug["brands_us"])}
    names |= {entry["gene"] for entry in content_file("medicines/genes.json")["genes"]}
    names |= {gene for entry in content_file("hereditary/conditions.json")["conditions"] for gene in entry["genes"]}
    longest_first = sorted(names, key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(re.escape(name) for name in longest_first)})\b", re.IGNORECASE)
