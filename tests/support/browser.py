"""The portal in a real browser: Debian's Chromium against the service over HTTP, with people in every state.

`running_site` seeds the people, then serves; `Tab` is a browser window that writes down what must not happen (messages
on the console, requests to another host) and tells what axe finds and whether a page is wider than its window.
Pages and states are data: `STATES` says how somebody comes to be in a state, and `Tab.walk` finds the pages by their
links.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from consent.types import Answer, DocumentType, ModuleAnswer, Participation
from ror_service import pipeline
from ror_service.api.app import create_app
from ror_service.api.tokens import EmbeddedIssuer, Role
from ror_service.intake.qc import Verdict
from ror_service.review.queue import Disposition
from ror_service.sandbox.partner_server import LoopbackServer
from ror_service.web.sign_in import SESSION
from support.consent_facts import OFFERS_DESIGNEE
from support.servers import MissingProgramError
from support.service import COUNSELOR, DIRECTOR, POSITIVE, Service, running_service

PHONE, DESK = 360, 1000
"""Widths of a window in CSS pixels."""
_HEIGHT = 800
_PATIENCE = 120_000
"""Milliseconds to wait for a page on a machine that has other work."""
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_MOST_TABS = 120

# --- People


def _registered(service: Service, person: str) -> None:
    service.register(person)
    for document in (DocumentType.PRIMARY, DocumentType.RETURN_OF_RESULTS):
        service.consent(document=document, participant_id=person)


def offered(service: Service, person: str) -> None:
    """Traits can be read; the other results are offered."""
    _registered(service, person)
    service.sample(person)
    service.choose(module="traits", participant_id=person)
    case = service.found("traits", person)
    for module in ("ancestry", "pharmacogenomics", "hereditary_risk"):
        service.found(module, person)
    pipeline.release_report(service.context, case.case_id)


def _ready(service: Service, person: str) -> None:
    service.enroll(person)
    service.sample(person)
    for module in ("ancestry", "traits", "pharmacogenomics", "hereditary_risk"):
        pipeline.release_report(service.context, service.found(module, person).case_id)
    service.enter_medicines("simvastatin", participant_id=person)
    service.names_somebody(person)
    service.read(participant_id=person)


def _answered(answer: ModuleAnswer) -> Callable[[Service, str], None]:
    def reach(service: Service, person: str) -> None:
        _registered(service, person)
        service.sample(person)
        service.choose(answer, "traits", person)
        service.found("traits", person)

    return reach


def _in_review(service: Service, person: str) -> None:
    service.interpreted(POSITIVE, person)


def _to_be_told(service: Service, person: str) -> None:
    service.interpreted(POSITIVE, person)
    service.consent(document=DocumentType.RE_CONTACT, participant_id=person)
    review_id = service.review("hereditary_risk", person).review_id
    for signer in (COUNSELOR, DIRECTOR):
        service.sign(review_id, signer, Disposition.REPORT)
    service.confirm(review_id)


def _suspected(service: Service, person: str) -> None:
    service.available("traits", person)
    service.identity_case(person)


def _held(service: Service, person: str) -> None:
    service.enroll(person)
    service.sample(person, verdict=Verdict.HOLD)


def _refused(service: Service, person: str) -> None:
    service.register(person)
    service.consent(document=DocumentType.PRIMARY, participant_id=person)
    service.consent(Answer.NO, participant_id=person)


def _withdrawn(service: Service, person: str) -> None:
    service.available("traits", person)
    service.standing(person, participation=Participation.WITHDRAWN)


STATES: dict[str, Callable[[Service, str], None]] = {
    "ready": _ready,
    "offered": offered,
    "declined": _answered(ModuleAnswer.NO),
    "deferred": _answered(ModuleAnswer.MAYBE_LATER),
    "in-review": _in_review,
    "to-be-told": _to_be_told,
    "suspected": _suspected,
    "held": _held,
    "new": lambda service, person: service.register(person),
    "no-returns": _refused,
    "withdrawn": _withdrawn,
}
"""How the participant of that name comes to be in a state."""


class Visited(Protocol):
    """A site, and what a browser holds after signing in there."""

    @property
    def base_url(self) -> str: ...

    def token(self, subject: str, role: Role) -> str: ...


@dataclass
class Site:
    """A service with people in it, as browsers reach it."""

    service: Service
    base_url: str

    def token(self, subject: str, role: Role = Role.PARTICIPANT) -> str:
        """What a browser holds after signing in."""
        return EmbeddedIssuer(self.service.context.settings).issue(subject, role)


@contextmanager
def running_site(home: Path, people: dict[str, Callable[[Service, str], None]] = STATES) -> Iterator[Site]:
    """The service over HTTP on loopback, with these people; nothing changes them but the browser."""
    with running_service(home) as service:
        service.context.policy = OFFERS_DESIGNEE
        service.clock.advance(days=1)  # the form that speaks of a designee can be answered
        for person, reach in people.items():
            reach(service, person)
        service.clock.advance(minutes=1)  # what is said in the browser comes after what was said before
        server = LoopbackServer()
        try:
            server.start(create_app(service.context))
            yield Site(service, server.base_url)
        finally:
            server.close()


# --- The browser


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, without a window.

    Only one may run in a process at a time, and no `asyncio.run` beside it: Playwright's own loop is running.

    Raises:
        MissingProgramError: If it is not installed.
    """
    program = shutil.which("chromium")
    if program is None:
        raise MissingProgramError("chromium")
    with sync_playwright() as playwright:
        # The sandbox needs an ordinary user.
        browser = playwright.chromium.launch(
            executable_path=program, chromium_sandbox=os.geteuid() != 0, args=["--disable-dev-shm-usage"]
        )
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Tab:
    """One window, and what was seen of it that must not be."""

    page: Page
    base_url: str
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.page.on("request", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.faults.append(f"console: {message.text} {message.location['url']}")

    def _asked(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme != "data" and address.netloc != urlsplit(self.base_url).netloc:
            self.faults.append(f"request to {request.url}")

    def open(self, path: str) -> None:
        """Go to a path of the site."""
        self.page.goto(self.base_url + path)

    def violations(self) -> list[str]:
        """What axe finds against WCAG 2.2 AA: rule and element; needs a window with scripts.

        The page's own policy stays in force: the browser's debugger adds the checker, not the page.
        """
        if self.page.evaluate("typeof axe") == "undefined":
            self.page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
        found = self.page.evaluate("rules => axe.run({runOnly: rules, resultTypes: ['violations']})", _RULES)
        assert found["passes"], "axe looked at nothing"
        return [f"{each['id']}: {node['html']}" for each in found["violations"] for node in each["nodes"]]

    def is_too_wide(self) -> bool:
        """Whether the page has to be scrolled sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > innerWidth"))

    def complaints(self, widths: Sequence[int] = (PHONE, DESK)) -> list[str]:
        """All that is wrong with the page as it is, at these widths of a window, and with the way to it."""
        size = self.page.viewport_size
        found = []
        for width in widths:
            self.page.set_viewport_size({"width": width, "height": _HEIGHT})
            found += [f"{width} px: {each}" for each in self.violations()]
            found += [f"{width} px: scrolls sideways"] if self.is_too_wide() else []
        if size is not None:
            self.page.set_viewport_size(size)
        return [f"{urlsplit(self.page.url).path} {each}" for each in (*found, *self.faults)]

    def walk(self, start: str) -> Iterator[str]:
        """Open every page below `start` that links lead to; yields the path of each while it is open.

        Files to keep (`.pdf`, `.html`) are no pages, and what needs a form is not reached.
        """
        waiting, known = [start], {start}
        while waiting:
            path = waiting.pop(0)
            self.open(path)
            hrefs = self.page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)")
            paths = [urlsplit(href).path for href in hrefs if href.startswith(self.base_url)]
            for link in paths:
                if link.startswith(start) and not link.endswith((".pdf", ".html")) and link not in known:
                    known.add(link)
                    waiting.append(link)
            yield path


@contextmanager
def tab(
    browser: Browser,
    site: Visited,
    subject: str | None = None,
    role: Role = Role.PARTICIPANT,
    *,
    language: str = "en",
    width: int = PHONE,
    scripts: bool = True,
) -> Iterator[Tab]:
    """A window of its own, signed in as `subject` when one is given."""
    size = {"width": width, "height": _HEIGHT}
    context = browser.new_context(viewport=size, locale=language, java_script_enabled=scripts)
    context.set_default_timeout(_PATIENCE)
    try:
        if subject is not None:
            cookie = {"name": SESSION, "value": site.token(subject, role)}
            context.add_cookies([{**cookie, "domain": urlsplit(site.base_url).hostname, "path": "/portal"}])
        yield Tab(context.new_page(), site.base_url)
    finally:
        context.close()


# --- Two ways to use a page; elements are named by CSS selectors, so that one journey serves every language


class Pointer:
    """Somebody with a mouse or a finger."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, selector: str) -> None:
        """Follow a link, press a button, choose an answer; then the page that it leads to is there."""
        self._reach(selector)
        if self.page.locator(selector).first.evaluate("it => it.matches('input, a[href$=\".pdf\"]')"):
            self._act(selector)
            return
        with self.page.expect_navigation():
            self._act(selector)

    def _reach(self, selector: str) -> None:
        """Get to an element."""

    def _act(self, selector: str) -> None:
        self.page.click(selector)

    def write(self, selector: str, text: str) -> None:
        """Fill in a field."""
        self.page.fill(selector, text)


class Keyboard(Pointer):
    """Somebody with a keyboard alone."""

    def _act(self, selector: str) -> None:
        is_answer = self.page.locator(selector).first.evaluate("it => it.matches('input')")
        self.page.keyboard.press("Space" if is_answer else "Enter")

    def write(self, selector: str, text: str) -> None:
        self._reach(selector)
        self.page.keyboard.type(text)

    def _reach(self, selector: str) -> None:
        """Press Tab, and the arrow within a group of answers, until the element has the focus and shows it."""
        wanted = self.page.locator(selector).first
        for _ in range(_MOST_TABS):
            self.page.keyboard.press("Tab")
            if wanted.evaluate("it => it === document.activeElement"):
                assert wanted.evaluate("it => getComputedStyle(it).outlineStyle") != "none", (
                    f"{selector}: no focus seen"
                )
                return
            group = "it => it.type === 'radio' && it.name === document.activeElement.name"
            if wanted.evaluate(group):
                self._choose(selector)
                return
        raise AssertionError(f"{selector} is not reached by the Tab key")

    def _choose(self, selector: str) -> None:
        for _ in range(_MOST_TABS):
            self.page.keyboard.press("ArrowDown")
            if self.page.locator(selector).first.evaluate("it => it === document.activeElement"):
                return
        raise AssertionError(f"{selector} is not reached by the arrow keys")
