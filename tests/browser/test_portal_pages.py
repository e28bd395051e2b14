"""The portal in Chromium: accessible to WCAG 2.2 AA in every state, usable by finger and keyboard, with and without
scripts, on a phone, in both languages; it asks nobody else for anything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Error
from support import browser as real
from support.api import SUBJECTS
from support.browser import Keyboard, Pointer, Site, Tab
from support.service import COUNSELOR, DIRECTOR
from support.service_fixtures import _or_skip

from ror_service.api.tokens import Role
from ror_service.states import CaseState

pytestmark = pytest.mark.browser

LANGUAGES = ("en", "es")
JOURNEYS = [
    pytest.param("en", Pointer, True, id="en"),
    pytest.param("es", Pointer, True, id="es"),
    pytest.param("en", Pointer, False, id="en-without-scripts"),
    pytest.param("es", Pointer, False, id="es-without-scripts"),
    pytest.param("en", Keyboard, True, id="en-by-keyboard"),
    pytest.param("es", Keyboard, False, id="es-by-keyboard-without-scripts"),
]
STAFF = [
    (Role.GENETIC_COUNSELOR, "/portal/queue"),
    (Role.GENETIC_COUNSELOR, "/portal/disclosures"),
    (Role.LABORATORY_DIRECTOR, "/portal/identity"),
    (Role.OPERATOR, "/portal/operations"),
    (Role.GENOME_CENTER, "/portal/laboratory"),
]
"""Where the pages of staff begin."""
CONFIRMABLE = ("one_result", "all_results", "no_contact", "leave")


def traveler(language: str, hand: type[Pointer], scripts: object) -> str:
    """Each journey has somebody of its own, whom it changes."""
    return f"traveler-{language}-{hand.__name__}-{scripts}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    travelers = {traveler(*case.values): real.offered for case in JOURNEYS}
    with real.running_site(tmp_path_factory.mktemp("site"), {**real.STATES, **travelers}) as running:
        yield running


@pytest.fixture(scope="module")
def chromium(site: Site) -> Iterator[Browser]:
    del site  # people are brought to their states before the browser's loop runs
    with _or_skip(real.chromium()) as browser:
        yield browser


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_that_links_lead_to_is_accessible(site: Site, chromium: Browser, language: str) -> None:
    with real.tab(chromium, site, "ready", language=language) as tab:
        complaints, paths = [], set()
        for path in tab.walk(f"/portal/{language}/"):
            complaints += tab.complaints()
            paths.add(path.removeprefix(f"/portal/{language}/"))
    assert complaints == []
    assert paths >= {"", "results", "results/traits", "choices", "choices/ancestry", "medicines", "access", "help"}
    assert "designee" in paths
    assert paths >= {f"withdraw/{option}" for option in CONFIRMABLE}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pages_are_accessible_in_every_state(site: Site, chromium: Browser, language: str) -> None:
    complaints = []
    for person in real.STATES:
        with real.tab(chromium, site, person, language=language) as tab:
            for path in ("", "results", "choices", "access") if person == "new" else ("",):
                tab.open(f"/portal/{language}/{path}")
                # The texts of the other language may be wider; the elements are the same.
                wrong = tab.complaints([real.PHONE]) if language == "en" else [path] * tab.is_too_wide() + tab.faults
                complaints += [f"{person}: {each}" for each in wrong]
    assert complaints == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_of_refusal_is_accessible(site: Site, chromium: Browser, language: str) -> None:
    with real.tab(chromium, site, "new", language=language) as tab:
        for path in ("results/traits", "nowhere"):
            tab.open(f"/portal/{language}/{path}")
            tab.faults = [each for each in tab.faults if "status of 404" not in each]
            assert tab.complaints() == []


@pytest.mark.parametrize(("role", "start"), STAFF)
def test_every_page_of_staff_is_accessible(site: Site, chromium: Browser, role: Role, start: str) -> None:
    with real.tab(chromium, site, SUBJECTS[role], role, width=real.DESK) as tab:
        paths = []
        for path in tab.walk(start):
            assert tab.complaints() == []
            paths.append(path)
    assert len(paths) > (start in {"/portal/queue", "/portal/identity"}), "the pages behind the list were seen too"


def test_a_whole_review_by_keyboard_alone(site: Site, chromium: Browser) -> None:
    review = site.service.review("hereditary_risk", "in-review")
    for person, role in ((COUNSELOR.name, Role.GENETIC_COUNSELOR), (DIRECTOR.name, Role.LABORATORY_DIRECTOR)):
        with real.tab(chromium, site, person, role, width=real.DESK) as tab:
            keys, page = tab.page.keyboard, tab.page
            tab.open("/portal/queue?tier=laboratory_director&owner=nobody")
            keys.press("?")
            assert page.locator("#keys").is_visible()
            keys.press("Enter")
            assert not page.locator("#keys").is_visible()
            keys.press("j")
            with page.expect_navigation():
                keys.press("c")
            assert page.url.endswith(review.review_id)
            keys.press("s")
            keys.type("report")
            tab_to(tab, "#reason")
            keys.type("as the evidence shows")
            tab_to(tab, "form#sign button")
            with page.expect_navigation():
                keys.press("Enter")
            assert person in page.locator("main").inner_text()
            assert tab.complaints() == []
    assert site.service.state("hereditary_risk", "in-review") is CaseState.CONFIRMING


def tab_to(tab: Tab, selector: str) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(60):
        if tab.page.evaluate("it => document.activeElement.matches(it)", selector):
            return
        tab.page.keyboard.press("Tab")
    raise AssertionError(f"{selector} is not reached")


@pytest.mark.parametrize(("language", "hand", "scripts"), JOURNEYS)
def test_a_whole_visit(site: Site, chromium: Browser, language: str, hand: type[Pointer], scripts: bool) -> None:
    person = traveler(language, hand, scripts)
    home = f"/portal/{language}"
    with real.tab(chromium, site, language=language, scripts=scripts) as tab:
        use, page = hand(tab.page), tab.page
        check = scripts and hand is Pointer  # once for each language is enough

        tab.open("/portal/")
        looked(tab, f"{home}/sign-in", check=check)
        use.press("main a.usa-button")
        use.write("#subject", person)
        use.press("main button")
        looked(tab, f"{home}/", check=check)

        for module, answer in (("ancestry", "no"), ("pharmacogenomics", "yes"), ("hereditary_risk", "maybe_later")):
            use.press(f"nav a[href='{home}/choices']")
            use.press(f"main a[href='{home}/choices/{module}']")
            use.press(f"#{answer}")
            use.press("#choice button")
            looked(tab, f"{home}/choices/{module}", check=check)
            assert page.locator("[role=status]").inner_text()

        use.press(f"nav a[href='{home}/']")
        use.press(f"main a[href='{home}/results/traits']")
        looked(tab, f"{home}/results/traits", check=check)
        with page.expect_download() as kept:
            use.press("main a[href$='.pdf']")
        assert kept.value.path().read_bytes() == site.service.read("traits", f"participant.{language}.pdf", person)

        use.press(f"nav a[href='{home}/medicines']")
        use.write("#add", "warfarin")
        use.press("main form:has(#add) button")
        looked(tab, f"{home}/medicines", check=check)
        assert site.service.medicines(person) == ("warfarin",)
        use.press("main form:has([name=remove]) button")
        page.wait_for_selector("main form:has([name=remove])", state="detached")
        assert site.service.medicines(person) == ()

        use.press(f"nav a[href='{home}/access']")
        looked(tab, f"{home}/access", check=check)
        assert page.locator("main tbody tr").count() > 0

        use.press(f"nav a[href='{home}/withdraw']")
        use.press(f"main a[href='{home}/withdraw/all_results']")
        use.press("#sure")
        use.press("main form button")
        looked(tab, f"{home}/withdraw/done", check=check)
        assert page.locator("[role=status]").inner_text()
        tab.open(f"{home}/results")
        assert page.locator(f"main a[href='{home}/results/traits']").count() == 0

        use.press("header form button")
        looked(tab, f"{home}/sign-out", check=check)
        assert page.context.cookies() == []


def looked(tab: Tab, path: str, *, check: bool) -> None:
    """The page is the one expected, and nothing is wrong with it: by all rules, or by what needs no script."""
    tab.page.wait_for_url(tab.base_url + path)
    assert tab.page.locator("h1").count() == 1
    assert not tab.is_too_wide()
    assert (tab.complaints() if check else tab.faults) == []


def test_a_broken_page_is_caught(site: Site, chromium: Browser) -> None:
    breaks = {
        "image-alt": "document.querySelector('h1').append(document.createElement('img'))",
        "label": "document.querySelector('label[for=add]').remove()",
        "html-has-lang": "document.documentElement.removeAttribute('lang')",
        "color-contrast": "document.querySelector('main p').style.color = '#ddd'",
        "scrolls sideways": "document.querySelector('h1').style.width = '2000px'",
        "console": "document.head.insertAdjacentHTML('beforeend', '<style>p { color: red }</style>')",
    }
    for fault, script in breaks.items():
        with real.tab(chromium, site, "ready") as tab:
            tab.open("/portal/en/medicines")
            assert tab.complaints() == []
            tab.page.evaluate(script)
            assert any(fault in each for each in tab.complaints()), fault


def test_a_request_to_another_host_is_caught(site: Site, chromium: Browser) -> None:
    with real.tab(chromium, site) as tab:
        with pytest.raises(Error, match="ERR_"):
            tab.page.goto("http://127.0.0.2:9/")
        assert tab.faults[0] == "request to http://127.0.0.2:9/"


def test_an_element_out_of_reach_of_the_keyboard_is_caught(site: Site, chromium: Browser) -> None:
    with real.tab(chromium, site, "ready") as tab:
        tab.open("/portal/en/medicines")
        tab.page.evaluate("document.getElementById('add').tabIndex = -1")
        with pytest.raises(AssertionError, match="not reached"):
            Keyboard(tab.page).write("#add", "warfarin")
