"""Reports as web pages on a phone: nothing has to be scrolled sideways, and they are accessible to WCAG 2.2 AA."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from support import browser as real
from support import report_pages
from support.browser import Tab
from support.report_pages import EVERY, Version
from support.service_fixtures import _or_skip

pytestmark = pytest.mark.browser
LOOKED_THROUGH = ("ancestry", "traits-ten", "medicines-sequence-only", "hereditary-positive", "hereditary-in-part")
"""States that axe looks through; every state is looked at for its width."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with _or_skip(real.chromium()) as browser:
        yield browser


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Tab]:
    context = chromium.new_context(viewport={"width": real.PHONE, "height": 800})
    try:
        yield Tab(context.new_page(), "about:blank")
    finally:
        context.close()


def shown(tab: Tab, version: Version) -> Tab:
    tab.page.set_content(report_pages.html_of(version))
    return tab


def test_no_report_is_wider_than_a_phone(tab: Tab) -> None:
    assert len(EVERY) > 100
    assert [version for version in EVERY if shown(tab, version).is_too_wide()] == []
    assert tab.faults == []


@pytest.mark.parametrize("version", [v for v in EVERY if v[0] in LOOKED_THROUGH and v[1] in {"en", "es"}], ids="-".join)
def test_reports_are_accessible(tab: Tab, version: Version) -> None:
    assert shown(tab, version).violations() == []


def test_a_wide_report_is_caught(tab: Tab) -> None:
    shown(tab, EVERY[0])
    tab.page.evaluate("document.querySelector('h1').style.width = '400px'")
    assert tab.is_too_wide()
