"""The portal as an application of its own, below `/portal`: its addresses hold no person's identifier.

Each area brings its own routes. A participant's pages have their language first in the address, staff's are English.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from importlib.resources import files
from typing import cast
from urllib.parse import urlencode

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, RedirectResponse, Response

from report_templates.content import Language
from ror_service.api.problems import Faults, log_fault
from ror_service.api.tokens import Role, TokenVerifier
from ror_service.context import ServiceContext
from ror_service.errors import (
    AuditError,
    ConflictError,
    ErasedError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    ServiceError,
    UnauthenticatedError,
    WithheldError,
)
from ror_service.settings import Mode
from ror_service.web import (
    choices,
    demo_issuer,
    designee,
    laboratories,
    leaving,
    operations,
    participant,
    queue,
    sign_in,
)
from ror_service.web.pages import page
from ror_service.web.sign_in import Issuer, SignInError
from ror_service.web.staff import MENU
from ror_service.web.wording import Texts

PATH = "/portal"
STARTS = {
    Role.GENETIC_COUNSELOR: "/queue",
    Role.LABORATORY_DIRECTOR: "/queue",
    Role.OPERATOR: "/operations",
    Role.GENOME_CENTER: "/laboratory",
}
"""Where people of a role go once they are signed in; participants, and whoever has no pages, to the home page."""
_STATIC_TYPES = {".css": "text/css", ".js": "text/javascript", ".woff2": "font/woff2", ".svg": "image/svg+xml"}
_TOLD: tuple[tuple[type[Exception], str, int], ...] = (
    (AuditError, "audit_unavailable", 503),
    (ErasedError, "no_longer_available", 410),
    (WithheldError, "not_yet", 403),
    (SignInError, "sign_in_failed", 401),
    (UnauthenticatedError, "session_ended", 401),
    (ForbiddenError, "forbidden", 403),
    (NotFoundError, "not_found", 404),
    (ConflictError, "choice_conflict", 409),
    (InvalidInputError, "form_incomplete", 422),
    (RequestValidationError, "form_incomplete", 422),
    (HTTPException, "not_found", 404),
    (ServiceError, "server", 500),
)
"""Kind of error to the text that tells it and the HTTP status; the first that fits."""
_FOR_STAFF = {"choice_conflict", "not_found", "forbidden", "no_longer_available", "form_incomplete"}
"""What staff are told as the service says it, without a word of the programme's to participants."""
_router = APIRouter()


def create_site(context: ServiceContext, tokens: TokenVerifier) -> FastAPI:
    """The portal for one context."""
    site = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    site.state.context, site.state.tokens = context, tokens
    site.include_router(_router)
    if context.settings.mode is Mode.EMBEDDED:
        site.include_router(demo_issuer.router(context))
    # Those of staff first: a participant's addresses begin with a language.
    for area in (queue, operations, laboratories, participant, choices, designee, leaving):
        site.include_router(area.router)
    for kind in (ServiceError, RequestValidationError, HTTPException):
        site.add_exception_handler(kind, _refused)
    site.add_middleware(Faults, answer=lambda request: _page_of(request, "server", 500))
    return site


@_router.get("/")
def entry(request: Request) -> Response:
    """To the home page in the language that the browser asks for."""
    wanted = request.headers.get("accept-language", "")[:2]
    language = Language.ES if wanted == Language.ES.value else Language.EN
    return RedirectResponse(f"{PATH}/{language}/", status_code=303)


@_router.get("/static/{path:path}")
def static(path: str) -> Response:
    """A style sheet, font or picture of the package."""
    file = files("ror_service.web") / "static" / path
    ending = f".{path.rpartition('.')[2]}"
    if ".." in path or ending not in _STATIC_TYPES or not file.is_file():
        raise NotFoundError("no such file")
    headers = {"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"}
    return FileResponse(str(file), media_type=_STATIC_TYPES[ending], headers=headers)


@_router.get("/{language}/sign-in")
def sign_in_page(request: Request, language: Language, to: str = "") -> Response:
    """What signing in is, and the way to the issuer; from there one comes to the page `to`."""
    asked = f"?{urlencode({'to': to})}" if sign_in.own_page(to) else ""
    return page("sign_in", _texts(request, language), path="sign-in", signed_in=False, asked=asked)


@_router.get("/{language}/sign-in/begin")
def begin_sign_in(request: Request, language: Language, to: str = "") -> Response:
    """To the issuer."""
    return sign_in.begin(_issuer(request), _back_to(request, language), secure=_is_secure(request), page=to)


@_router.get("/{language}/signed-in")
def signed_in(request: Request, language: Language) -> Response:
    """Back from the issuer, to the page that was asked for, or the first one of the caller's role."""
    token = sign_in.finish(_issuer(request), request, _back_to(request, language))
    caller = request.app.state.tokens.verify(token)
    asked = sign_in.asked_for(request)
    is_theirs = asked and _is_participants(asked) is (caller.role is Role.PARTICIPANT)
    first = f"{PATH}{STARTS.get(caller.role, f'/{language}/')}"
    answer = RedirectResponse(asked if is_theirs else first, status_code=303)
    sign_in.keep(answer, token, secure=_is_secure(request))
    return answer


@_router.post("/{language}/sign-out")
def sign_out(request: Request, language: Language) -> Response:
    """End the session in this browser, whoever it is of."""
    sign_in.caller(request, request.app.state.tokens)
    answer = page("signed_out", _texts(request, language), path="sign-in", signed_in=False)
    sign_in.forget(answer)
    return answer


def _context(request: Request) -> ServiceContext:
    return cast("ServiceContext", request.app.state.context)


def _texts(request: Request, language: Language) -> Texts:
    return Texts.of_settings(language, _context(request).settings)


def _is_secure(request: Request) -> bool:
    return str(_context(request).settings.public_url).startswith("https")


def _issuer(request: Request) -> Issuer:
    settings = _context(request).settings
    if settings.mode is Mode.EMBEDDED:
        here = f"{request.url.scheme}://{request.url.netloc}{PATH}{demo_issuer.PATH}"
        return Issuer(f"{here}/authorize", f"{here}/token", demo_issuer.CLIENT)
    if settings.sign_in_url is None or settings.token_url is None:
        raise NotFoundError("the portal is not set up: set ROR_SIGN_IN_URL and ROR_TOKEN_URL")
    return Issuer(str(settings.sign_in_url), str(settings.token_url), settings.client_id)


def _is_participants(path: str) -> bool:
    """Whether an address is of participants' pages, which begin with a language."""
    return path.removeprefix(PATH).split("/")[1] in set(Language)


def _back_to(request: Request, language: Language) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{PATH}/{language}/signed-in"


def _refused(request: Request, error: Exception) -> Response:
    """Every refusal in the reader's words; what is wrong inside is never told."""
    code, status = _told(error)
    if isinstance(error, ServiceError) and error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log_fault(request.scope, error)
    first, language, _ = _place(request)
    if code == "session_ended" and request.method == "GET":
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        query = "" if asked == f"{PATH}/{language}/" else f"?{urlencode({'to': asked})}"
        return RedirectResponse(f"{PATH}/{language}/sign-in{query}", status_code=303)
    if first in MENU and code in _FOR_STAFF:
        said = str(error) if isinstance(error, ServiceError) else "A field is missing, or its value cannot be chosen."
        return page("staff/error", None, status, path=first, menu={}, member=None, said=said)
    return _page_of(request, code, status, error.reasons if isinstance(error, WithheldError) else ())


def _page_of(request: Request, code: str, status: int, reasons: Sequence[str] = ()) -> Response:
    """The page that tells of an error, and why the consent gate withholds."""
    first, language, path = _place(request)
    t = _texts(request, language)
    known = sign_in.SESSION in request.cookies and code not in {"session_ended", "sign_in_failed"}
    path = path if first == language and request.method == "GET" else ""
    # Several rules read the same: each sentence is told once.
    told = list(dict.fromkeys(map(t.reason, reasons)))
    return page("error", t, status, path=path, signed_in=known, menu=False, error=t.error(code), reasons=told)


def _place(request: Request) -> tuple[str, Language, str]:
    """First part of the address, the language that it names (else English), and what follows."""
    first, _, path = request.url.path.removeprefix(PATH).strip("/").partition("/")
    return first, Language(first) if first in set(Language) else Language.EN, path


def _told(error: Exception) -> tuple[str, int]:
    code, status = next((code, status) for kind, code, status in _TOLD if isinstance(error, kind))
    if isinstance(error, RequestValidationError) and any(fault["loc"][0] == "path" for fault in error.errors()):
        return "not_found", 404
    return code, error.status_code if isinstance(error, HTTPException) else status
