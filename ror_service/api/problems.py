"""Every error as problem+json (RFC 9457), and the outermost layer of the application, which lets nothing else out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPMethod, HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from opentelemetry.trace import Span, SpanKind, get_current_span
from pydantic import BaseModel
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ror_service import traces
from ror_service.errors import AuditError, NoRoomError, ServiceError, WithheldError
from ror_service.intake.manifest_check import MOST_BYTES
from ror_service.logs import places

MEDIA_TYPE = "application/problem+json"
LARGEST_BODY = 1 << 20
"""Bytes of the largest request body, but for manifests, and genotype files, whose size is declared before."""
_METHODS = frozenset(HTTPMethod)
_log = logging.getLogger(__name__)


class WrongField(BaseModel):
    """Where a request is wrong, without the value that was sent."""

    field: str
    problem: str


class Problem(BaseModel):
    """Why a request was not done."""

    type: str
    title: str
    status: int
    detail: str
    reasons: list[str] | None = None
    """Codes of the consent decision, where it withholds."""
    fields: list[WrongField] | None = None
    """Where the request is wrong."""


_DOCUMENTED = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "The request is refused; `type` ends with the code of the reason.", "content": _DOCUMENTED},
    "5XX": {"description": "The service failed; trying again later may help.", "content": _DOCUMENTED},
}
"""What every operation may answer besides its result."""


def response(problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    """A problem as an HTTP answer."""
    content = problem.model_dump(exclude_none=True)
    return JSONResponse(content, status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


def log_fault(scope: Scope, error: Exception) -> None:
    """Tell operators of a fault inside: class and places of it, since a message may quote data."""
    about = {"code": type(error).__name__, "route": _route(scope), "trace": places(error.__traceback__)}
    _log.error("request failed", extra=about)


def refused(request: Request, error: Exception) -> JSONResponse:
    """What the service says no with. Of a fault inside nothing is told but a broken audit chain and a full disk."""
    if not isinstance(error, ServiceError):
        raise error
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log_fault(request.scope, error)
    told = error.status < HTTPStatus.INTERNAL_SERVER_ERROR or isinstance(error, (AuditError, NoRoomError))
    problem = _problem(error.status, error.code, str(error) if told else "the service cannot do this now")
    if isinstance(error, WithheldError):
        problem.reasons = list(error.reasons)
    return response(problem, {"WWW-Authenticate": "Bearer"} if error.code == "unauthenticated" else None)


def invalid(_request: Request, error: Exception) -> JSONResponse:
    """Says which field is wrong, and never repeats its value."""
    if not isinstance(error, RequestValidationError):
        raise error
    problem = _problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_input", "a field is missing, unknown or wrong")
    problem.fields = [
        WrongField(field=".".join(str(part) for part in item["loc"]), problem=item["type"]) for item in error.errors()
    ]
    return response(problem)


def http_error(_request: Request, error: Exception) -> JSONResponse:
    """What the web framework itself refuses: unknown paths, wrong methods, bodies that are no JSON or too large."""
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    code = status.name.lower()
    return response(_problem(status, code, status.phrase.lower()), dict(error.headers) if error.headers else None)


class Faults:
    """Answers what no handler caught, one layer for each application: what is mounted has its own way to say so.

    Args:
        app: The layer below.
        answer: What is said then; nothing of what it was.
    """

    def __init__(self, app: ASGIApp, answer: Callable[[Request], Response]) -> None:
        self._app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        started = False

        async def answering(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, answering)
        except Exception as error:  # one place for all that nobody thought of
            if scope["type"] != "http":
                raise
            get_current_span().set_attribute("error.type", type(error).__name__)
            log_fault(scope, error)
            if started:
                raise
            await self._answer(Request(scope))(scope, receive, send)


def internal(_request: Request) -> JSONResponse:
    """Says that something failed which nobody thought of."""
    return response(_problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "the service cannot do this now"))


class Edge:
    """The outermost layer: what no answer may lack, how long a body may be, and the trace of a request.

    Args:
        app: The layer below.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with traces.span("request", {}, kind=SpanKind.SERVER, root=True) as span:

            async def answering(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _describe(span, scope, message["status"])
                    headers = MutableHeaders(scope=message)
                    headers.setdefault("Cache-Control", "no-store")
                    headers.setdefault("X-Content-Type-Options", "nosniff")
                await send(message)

            await self._app(scope, receive if _is_file(scope) else _limited(receive, _largest(scope)), answering)


def _is_file(scope: Scope) -> bool:
    return scope["method"] == "PUT" and str(scope["path"]).endswith("/file")


def _largest(scope: Scope) -> int:
    return MOST_BYTES if scope["method"] == "POST" and scope["path"] == "/v1/manifests" else LARGEST_BODY


def _limited(receive: Receive, most: int) -> Receive:
    size = 0

    async def limited() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return message

    return limited


def _route(scope: Scope) -> str:
    """The path's pattern; the path itself may name a person."""
    return str(getattr(scope.get("route"), "path", "none"))


def _describe(span: Span, scope: Scope, status: int) -> None:
    """What is traced of a request. The method may be anything that a caller sends."""
    method = str(scope["method"])
    span.set_attribute("http.request.method", method if method in _METHODS else "_OTHER")
    span.set_attribute("http.route", _route(scope))
    span.set_attribute("http.response.status_code", status)


def _problem(status: int, code: str, detail: str) -> Problem:
    return Problem(type=f"urn:ror:problem:{code}", title=code.replace("_", " "), status=status, detail=detail)
