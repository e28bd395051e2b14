"""Pages of reports in the pseudo-locale: no text on another, tags whole; and the benchmark that measures them all."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support import pseudo_locale
from support.report_pages import Word, _outside, _overlaps, html_of, overflows
from support.shared import PROJECT

from report_templates.content import Audience
from ror_service.rendering import RendererProcess, check_accessible

LONGEST = ("ancestry", "traits-ten", "hereditary-positive", "medicines-reviewed")
"""A state of each module that fills its template."""


@pytest.mark.parametrize("state", LONGEST)
def test_a_longer_language_fits(renderer: RendererProcess, state: str) -> None:
    pdf = renderer.render(html_of((state, pseudo_locale.NAME, Audience.PARTICIPANT)))
    assert overflows(pdf) == []
    check_accessible(pdf)


def test_words_that_overlap_or_leave_the_page_are_found(renderer: RendererProcess) -> None:
    style = (
        "<style>@page { size: Letter; margin: 20mm } p { margin: 0 } .over { margin-top: -12pt }"
        " .out { margin-left: 500pt }</style>"
    )
    page = (
        '<!DOCTYPE html><html lang="en"><head><title>t</title>{}</head><body><h1>t</h1><p>Underneath</p>'
        '<p class="over">Above</p><p class="out">Outside-of-the-page</p></body></html>'
    )
    found = overflows(renderer.render(page.format(style)))
    assert any("Underneath" in fault and "Above" in fault for fault in found)
    assert any("'page' leaves the page" in fault for fault in found)
    assert overflows(renderer.render(page.format("<style>p { font-size: 10pt }</style>"))) == []


def test_neighbors_do_not_overlap() -> None:
    first = Word(1, "first", 60, 100, 90, 112)
    assert list(_overlaps([first, Word(1, "next", 92, 100, 120, 112), Word(1, "below", 60, 111, 90, 123)])) == []
    assert list(_outside([first], 612)) == []


def test_the_benchmark_prints_a_line_for_each_version() -> None:
    script = PROJECT / "benchmarks" / "report_pages.py"
    words = ["--state", "traits-not-read"]
    done = subprocess.run([sys.executable, script, *words], capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[:3] for line in done.stdout.splitlines() if line.startswith("traits-not-read")] == [
        ["traits-not-read", "en", "participant"],
        ["traits-not-read", "es", "participant"],
        ["traits-not-read", "en-XA", "participant"],
    ]
