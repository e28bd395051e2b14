"""Signing in and out, forms of other sites, headers, and refusals in the reader's words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import text
from support.api import Api, running_api
from support.consent_facts import PERSON
from support.portal import Browser, browser, text_of
from support.service import COUNSELOR, Service

from report_templates.content import Language
from ror_service.api.tokens import EmbeddedIssuer, Role
from ror_service.errors import AuditError, ErasedError, ServiceError, WithheldError
from ror_service.settings import Mode
from ror_service.web import demo_issuer, sign_in, site
from ror_service.web.pages import HEADERS
from ror_service.web.wording import Texts

SUBJECTS = {role: PERSON if role is Role.PARTICIPANT else f"{role}-1" for role in Role}


@pytest.fixture
def stranger(service: Service) -> Iterator[Browser]:
    """A browser without a session."""
    with browser(service) as opened:
        yield opened


@pytest.fixture
def api(service: Service) -> Iterator[Api]:
    """The service over real HTTP: signing in asks the issuer from within."""
    with running_api(service) as running:
        yield running


def to_issuer(api: Api, begin: str = "/portal/en/sign-in/begin") -> dict[str, str]:
    """Begin to sign in; what the browser is to bring to the issuer."""
    answer = api.client.get(begin)
    assert answer.status_code == 303
    address = urlsplit(answer.headers["location"])
    assert address.path == "/portal/demo-issuer/authorize"
    return {name: values[0] for name, values in parse_qs(address.query).items()}


def granted(api: Api, asked: dict[str, str], subject: str, role: Role) -> httpx.URL:
    """Say who one is; where the issuer sends the browser back to."""
    page = api.client.get("/portal/demo-issuer/authorize", params=asked)
    assert "Who are you?" in page.text
    form = {name: asked[name] for name in ("redirect_uri", "state", "code_challenge")}
    answer = api.client.post("/portal/demo-issuer/authorize", data=form | {"subject": subject, "role": role})
    return httpx.URL(answer.headers["location"])


def test_who_signs_in_comes_to_the_first_page_of_the_role(api: Api) -> None:
    api.service.register()
    for role in Role:
        asked = to_issuer(api, "/portal/es/sign-in/begin")
        assert asked["code_challenge_method"] == "S256"
        answer = api.client.get(granted(api, asked, SUBJECTS[role], role))
        assert answer.headers["location"] == "/portal" + site.STARTS.get(role, "/es/")
        cookie = next(line for line in answer.headers.get_list("set-cookie") if line.startswith(sign_in.SESSION))
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        page = api.client.get("/portal/es/")
        assert page.status_code == (200 if role is Role.PARTICIPANT else 403)
        assert "/portal/es/sign-out" in page.text


@pytest.mark.parametrize(
    ("role", "page", "leads_to"),
    [
        (Role.PARTICIPANT, "/portal/en/results/traits", "/portal/en/results/traits"),
        (Role.GENETIC_COUNSELOR, "/portal/queue?state=claimed&owner=", "/portal/queue?state=claimed&owner="),
        (Role.OPERATOR, "/portal/en/results/traits", "/portal/operations"),
        (Role.PARTICIPANT, "/portal/queue", "/portal/en/"),
    ],
)
def test_who_asked_for_a_page_comes_to_it(api: Api, role: Role, page: str, leads_to: str) -> None:
    api.service.register()
    to_sign_in = api.client.get(page, follow_redirects=True)
    begin = re.search(r'href="(/portal/en/sign-in/begin[^"]*)"', to_sign_in.text)
    assert begin is not None
    asked = to_issuer(api, begin[1].replace("&amp;", "&"))
    assert api.client.get(granted(api, asked, SUBJECTS[role], role)).headers["location"] == leads_to


@given(st.text() | st.from_regex(r"(//|/portal|\\\\|https:|/).*"))
@example("//elsewhere.example/portal/")
@example("/portal/\\\\elsewhere.example")
@example("/portal/../v1/participants")
@example("/portal/@elsewhere.example")
@example("/portal/\r\nSet-Cookie: a=b")
def test_nobody_is_sent_elsewhere(path: str) -> None:
    own = sign_in.own_page(path)
    assert own in {"", path}
    if own:
        address = urlsplit(urljoin("https://here.example/portal/en/signed-in", own))
        assert (address.scheme, address.netloc) == ("https", "here.example")
        assert address.path.startswith("/portal/")
        assert own.isprintable()


def test_a_code_counts_once_for_the_browser_that_asked(api: Api) -> None:
    back = granted(api, to_issuer(api), PERSON, Role.PARTICIPANT)
    assert api.client.get(back.copy_set_param("state", "another")).status_code == 401
    assert api.client.get(back.copy_remove_param("code")).status_code == 401
    assert api.client.get(back).status_code == 303
    again = api.client.get(back)
    assert again.status_code == 401
    assert "We could not sign you in" in again.text


def test_a_code_without_the_verifier_is_worth_nothing(api: Api) -> None:
    asked = to_issuer(api)
    back = granted(api, asked, PERSON, Role.PARTICIPANT)
    state = asked["state"]
    api.client.cookies.delete(sign_in.FLOW)
    assert api.client.get(back).status_code == 401
    api.client.cookies.set(sign_in.FLOW, f"{state}.of-another-attempt", path="/portal")
    assert api.client.get(back).status_code == 401


def test_a_code_ends_soon(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_issuer, "_CODE_SECONDS", -1)
    back = granted(api, to_issuer(api), PERSON, Role.PARTICIPANT)
    assert api.client.get(back).status_code == 401


def test_the_demonstrations_issuer_sends_nobody_elsewhere(api: Api) -> None:
    elsewhere = to_issuer(api) | {"redirect_uri": "https://elsewhere.example/portal"}
    assert api.client.get("/portal/demo-issuer/authorize", params=elsewhere).status_code == 422


def test_without_a_session_every_page_leads_to_signing_in(stranger: Browser) -> None:
    for language in ("en", "es"):
        for path in ("", "results", "choices/traits", "medicines", "access", "withdraw", "withdraw/leave", "talk"):
            answer = stranger.get(f"{language}/{path}")
            address = urlsplit(answer.headers["location"])
            assert (answer.status_code, address.path) == (303, f"/portal/{language}/sign-in")
            assert parse_qs(address.query).get("to", [""])[0] == (path and f"/portal/{language}/{path}")
        assert f"/portal/{language}/sign-in/begin" in stranger.get(f"{language}/sign-in").text
        assert stranger.send(f"{language}/choices/traits", answer="yes").status_code == 401


def test_the_first_page_is_in_the_language_of_the_browser(stranger: Browser) -> None:
    for wanted, language in (("es-MX,es;q=0.9", "es"), ("en", "en"), ("fr", "en"), ("", "en")):
        answer = stranger.get("", headers={"Accept-Language": wanted})
        assert answer.headers["location"] == f"/portal/{language}/"


def test_a_session_that_is_over_or_false_leads_to_signing_in(stranger: Browser) -> None:
    issuer = EmbeddedIssuer(stranger.service.context.settings)
    expired = issuer.issue(PERSON, Role.PARTICIPANT, timedelta(hours=-1))
    for token in ("nonsense", "a.b.c", expired):
        stranger.client.cookies.set(sign_in.SESSION, token, path="/portal")
        assert stranger.get("en/").headers["location"] == "/portal/en/sign-in"


def test_signing_out_ends_the_session(api: Api) -> None:
    api.service.register()
    api.client.get(granted(api, to_issuer(api), PERSON, Role.PARTICIPANT))
    assert api.client.get("/portal/es/").status_code == 200
    answer = api.client.post("/portal/es/sign-out", headers={"Origin": str(api.client.base_url).rstrip("/")})
    assert answer.status_code == 200
    assert Texts(Language.ES, "", "")("ui.sign_in.signed_out") in answer.text
    assert api.client.get("/portal/es/").status_code == 303


def test_a_form_of_another_site_changes_nothing(visitor: Browser) -> None:
    visitor.service.register()
    before = len(visitor.service.actions())
    for path, form in (
        ("choices/traits", {"answer": "no"}),
        ("choices/traits/answer", {"question": "likely", "option": "a"}),
        ("medicines", {"add": "codeine"}),
        ("withdraw/leave", {"sure": "yes"}),
        ("sign-out", {}),
    ):
        for origin in (None, "https://elsewhere.example", "null", "https://127.0.0.1"):
            assert visitor.send(f"en/{path}", origin=origin, **form).status_code == 403
    assert len(visitor.service.actions()) == before


def test_a_browser_that_says_the_form_is_of_another_site_is_believed(visitor: Browser) -> None:
    visitor.service.register()
    headers = {"Origin": visitor.origin, "Sec-Fetch-Site": "cross-site"}
    answer = visitor.client.post("/portal/en/medicines", data={"add": "codeine"}, headers=headers)
    assert answer.status_code == 403


def test_the_pages_of_participants_are_for_them_alone(stranger: Browser) -> None:
    stranger.service.available("traits")
    for role in set(Role) - {Role.PARTICIPANT}:
        stranger.enter(PERSON, role)
        for path in ("", "results", "results/traits", "results/traits/participant.en.html", "access", "withdraw"):
            answer = stranger.get(f"en/{path}")
            assert answer.status_code == 403
            assert "You cannot open this page" in answer.text
            assert "Traits" not in answer.text


def test_each_page_has_the_headers_that_keep_it_safe(visitor: Browser) -> None:
    visitor.service.register()
    for path in ("en/", "en/sign-in", "en/nowhere", "en/choices/astrology"):
        answer = visitor.get(path)
        assert HEADERS.items() <= {name: answer.headers.get(name) for name in HEADERS}.items()
    policy = HEADERS["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "script-src" not in policy


def test_what_is_not_there_is_told_plainly(visitor: Browser) -> None:
    visitor.service.register()
    for path in ("nowhere", "en/nowhere", "fr/", "en/results/Traits!", "static/css/none.css"):
        answer = visitor.get(path)
        assert (path, answer.status_code) == (path, 404)
        assert "<h1>" in answer.text


def test_only_styles_fonts_and_pictures_are_served(stranger: Browser) -> None:
    for path in ("css/portal.css", "css/uswds.min.css"):
        assert stranger.get(f"static/{path}").headers["content-type"].startswith("text/css")
    for path in ("..%2Fpages.py", "css/..%2F..%2Fpages.css", "uswds-LICENSE.md", "css"):
        assert stranger.get(f"static/{path}").status_code == 404


def test_style_sheets_ask_for_no_font_that_is_not_there(stranger: Browser) -> None:
    fonts = set()
    for path in ("css/uswds.min.css", "css/portal.css", "css/staff.css"):
        for rule in re.findall(r"@font-face *{[^}]*}", stranger.get(f"static/{path}").text):
            fonts |= set(re.findall(r"url\(\"?\.\./([^)\"]*)", rule))
    assert len(fonts) == 2
    assert {stranger.get(f"static/{font}").status_code for font in fonts} == {200}


def test_a_page_needs_nothing_from_elsewhere(visitor: Browser) -> None:
    visitor.service.register()
    for address in re.findall(r'(?:href|src|action)="([^"]*)"', visitor.get("en/").text):
        assert address.startswith(("/portal/", "#", "data:"))


@pytest.mark.parametrize(
    ("error", "status", "title"),
    [
        (AuditError("x"), 503, "We cannot open results right now"),
        (ErasedError("x"), 410, "This result is closed"),
        (WithheldError(("ror_consent_no",)), 403, "This result is not ready to open"),
        (ServiceError("secret"), 500, "Something went wrong on our side"),
    ],
)
def test_a_refusal_says_no_more_than_it_must(
    visitor: Browser, monkeypatch: pytest.MonkeyPatch, error: ServiceError, status: int, title: str
) -> None:
    def refuse(*_: object) -> None:
        raise error

    visitor.service.register()
    monkeypatch.setattr("ror_service.own_medicines.read", refuse)
    answer = visitor.send("en/medicines", add="codeine")
    assert answer.status_code == status
    assert title in text_of(answer)
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("en/medicines", "Something went wrong on our side"),
        ("es/medicines", "Algo falló de nuestro lado"),
        ("queue", "Something went wrong on our side"),
    ],
)
def test_what_nobody_thought_of_is_told_as_a_page_in_the_readers_language(
    visitor: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, path: str, title: str
) -> None:
    def fail(*_: object) -> None:
        raise LookupError("secret")

    monkeypatch.setattr("ror_service.context.ServiceContext.transaction", fail)
    if path == "queue":
        visitor.enter(COUNSELOR.name, Role.GENETIC_COUNSELOR)
    answer = visitor.get(path)
    assert answer.status_code == 500
    assert answer.headers["content-type"].startswith("text/html")
    assert title in text_of(answer)
    assert "secret" not in answer.text + caplog.text
    assert "request failed" in caplog.messages


def test_while_the_audit_log_cannot_be_written_the_reader_is_told_so(
    visitor: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    visitor.service.available()
    with visitor.service.context.engine.begin() as connection:
        connection.execute(
            text("CREATE TRIGGER no_room BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, 'no room'); END")
        )
    answer = visitor.get("es/results/traits/participant.es.html")
    assert answer.status_code == 503
    assert "Ahora no podemos abrir resultados" in text_of(answer)
    assert "request failed" in caplog.messages


def test_with_an_issuer_of_ones_own_the_portal_sends_there(stranger: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = stranger.service.context.settings
    own = settings.model_copy(update={"mode": Mode.PRODUCTION, "sign_in_url": None, "token_url": None})
    monkeypatch.setattr(stranger.service.context, "settings", own)
    assert stranger.get("en/sign-in/begin").status_code == 404
    urls = {"sign_in_url": "https://issuer.example/authorize", "token_url": "https://issuer.example/token"}
    https = {"public_url": "https://results.example"}
    monkeypatch.setattr(stranger.service.context, "settings", own.model_copy(update=urls | https))
    answer = stranger.get("en/sign-in/begin")
    assert answer.headers["location"].startswith("https://issuer.example/authorize?response_type=code")
    assert "Secure" in answer.headers["set-cookie"]
