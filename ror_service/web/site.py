"""The participant portal as an application of its own, below `/portal`: its addresses hold no person's identifier."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from importlib.resources import files
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, RedirectResponse, Response

from report_templates.content import Language
from ror_service.api.tokens import Role, TokenVerifier
from ror_service.audit.log import Actor
from ror_service.context import ServiceContext
from ror_service.errors import AuditError, ErasedError, ForbiddenError, NotFoundError, ServiceError, WithheldError
from ror_service.settings import Mode
from ror_service.web import demo_issuer, participant, sign_in
from ror_service.web.pages import page
from ror_service.web.participant import Visitor
from ror_service.web.sign_in import Issuer
from ror_service.web.wording import Texts
from ror_service.work import Work

PATH = "/portal"
_STATIC_TYPES = {".css": "text/css", ".woff2": "font/woff2", ".svg": "image/svg+xml"}


def create_site(context: ServiceContext, tokens: TokenVerifier) -> FastAPI:
    """The portal for one context."""
    site = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    embedded = context.settings.mode is Mode.EMBEDDED
    secure = str(context.settings.public_url).startswith("https")

    def visitor(request: Request, language: Language) -> Visitor:
        caller = sign_in.caller(request, tokens)
        if caller.role is not Role.PARTICIPANT:
            raise ForbiddenError("these pages are for participants")
        actor = Actor(caller.subject, caller.role.value, "own results")
        begin: Callable[[], AbstractContextManager[Work]] = partial(context.transaction, actor)
        return Visitor(caller.subject, _texts(context, language), begin, context)

    site.dependency_overrides[participant.visitor] = visitor
    site.include_router(participant.router)
    if embedded:
        site.include_router(demo_issuer.router(context))

    @site.get("/")
    def entry(request: Request) -> Response:
        """To the home page in the language that the browser asks for."""
        wanted = request.headers.get("accept-language", "")[:2]
        language = Language.ES if wanted == "es" else Language.EN
        return RedirectResponse(f"{PATH}/{language}/", status_code=303)

    @site.get("/static/{path:path}")
    def static(path: str) -> Response:
        """A style sheet, font or picture of the package."""
        file = files("ror_service.web") / "static" / path
        ending = f".{path.rpartition('.')[2]}"
        if ".." in path or ending not in _STATIC_TYPES or not file.is_file():
            raise NotFoundError("no such file")
        return FileResponse(
            str(file), media_type=_STATIC_TYPES[ending], headers={"Cache-Control": "public, max-age=86400"}
        )

    @site.get("/{language}/sign-in")
    def sign_in_page(language: Language) -> Response:
        """What signing in is, and the way to the issuer."""
        return page("sign_in", _texts(context, language), path="sign-in", signed_in=False)

    @site.get("/{language}/sign-in/begin")
    def begin_sign_in(request: Request, language: Language) -> Response:
        """To the issuer."""
        _, answer = sign_in.begin(_issuer(context, request), _back_to(request, language), secure=secure)
        return answer

    @site.get("/{language}/signed-in")
    def signed_in(request: Request, language: Language) -> Response:
        """Back from the issuer."""
        token = sign_in.finish(_issuer(context, request), request, _back_to(request, language))
        tokens.verify(token)
        answer = RedirectResponse(f"{PATH}/{language}/", status_code=303)
        sign_in.keep(answer, token, secure=secure)
        return answer

    @site.post("/{language}/sign-out")
    def sign_out(language: Language, _visitor: Annotated[Visitor, Depends(participant.visitor)]) -> Response:
        """End the session in this browser."""
        answer = page("signed_out", _texts(context, language), path="sign-in", signed_in=False)
        sign_in.forget(answer)
        return answer

    def refused(request: Request, error: Exception) -> Response:
        return _error_page(context, request, error)

    for kind in (ServiceError, RequestValidationError, HTTPException):
        site.add_exception_handler(kind, refused)
    return site


def _texts(context: ServiceContext, language: Language) -> Texts:
    return Texts(language, context.settings.programme_name, context.settings.support_contact)


def _issuer(context: ServiceContext, request: Request) -> Issuer:
    settings = context.settings
    if settings.mode is Mode.EMBEDDED:
        here = f"{request.url.scheme}://{request.url.netloc}{PATH}{demo_issuer.PATH}"
        return Issuer(f"{here}/authorize", f"{here}/token", demo_issuer.CLIENT)
    if settings.sign_in_url is None or settings.token_url is None:
        raise NotFoundError("the portal is not set up: set ROR_SIGN_IN_URL and ROR_TOKEN_URL")
    return Issuer(str(settings.sign_in_url), str(settings.token_url), settings.client_id)


def _back_to(request: Request, language: Language) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{PATH}/{language}/signed-in"


def _error_page(context: ServiceContext, request: Request, error: Exception) -> Response:
    """Every refusal in the reader's words; what is wrong inside is never told."""
    parts = request.url.path.removeprefix(PATH).strip("/").split("/")
    language = Language.ES if parts[0] == Language.ES.value else Language.EN
    code, status = _told(error)
    if code == "session_ended" and request.method == "GET":
        return RedirectResponse(f"{PATH}/{language}/sign-in", status_code=303)
    t = _texts(context, language)
    return page("error", t, status, path="", signed_in=False, error=t.error(code))


def _told(error: Exception) -> tuple[str, int]:
    match error:
        case AuditError():
            return "audit_unavailable", 503
        case ErasedError():
            return "no_longer_available", 410
        case WithheldError():
            return "not_yet", 403
        case RequestValidationError():
            return "form_incomplete", 422
        case ServiceError(status=401):
            return "session_ended", 401
        case ServiceError(status=403):
            return "forbidden", 403
        case ServiceError(status=404) | HTTPException(status_code=404):
            return "not_found", 404
        case ServiceError(status=409):
            return "choice_conflict", 409
        case ServiceError(status=422):
            return "form_incomplete", 422
        case HTTPException():
            return "not_found", error.status_code
        case _:
            return "server", 500
