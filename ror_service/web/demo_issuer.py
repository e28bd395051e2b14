"""An issuer for laptops and demonstrations: whoever opens it chooses who to be. It refuses to exist in production."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Form, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from ror_service.api.tokens import EmbeddedIssuer, Role
from ror_service.context import ServiceContext
from ror_service.errors import InvalidInputError
from ror_service.web.pages import page

PATH = "/demo-issuer"
CLIENT = "portal"
_CODE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class _Granted:
    subject: str
    role: Role
    challenge: str
    redirect_uri: str
    until: datetime


def router(context: ServiceContext) -> APIRouter:
    """The issuer's pages.

    Raises:
        UnsafeConfigurationError: In production.
    """
    issuer = EmbeddedIssuer(context.settings)
    granted: dict[str, _Granted] = {}
    routes = APIRouter(prefix=PATH)

    @routes.get("/authorize")
    def authorize(request: Request, redirect_uri: str, state: str, code_challenge: str) -> Response:
        """Ask who to be."""
        _ours(request, redirect_uri)
        asked = {"redirect_uri": redirect_uri, "state": state, "code_challenge": code_challenge}
        return page("demo_issuer", None, roles=list(Role), asked=asked)

    @routes.post("/authorize")
    def grant(
        request: Request,
        *,
        redirect_uri: Annotated[str, Form()],
        state: Annotated[str, Form()],
        code_challenge: Annotated[str, Form()],
        subject: Annotated[str, Form(min_length=1, max_length=64)],
        role: Annotated[Role, Form()] = Role.PARTICIPANT,
    ) -> Response:
        """Send the browser back with a code."""
        _ours(request, redirect_uri)
        code = secrets.token_urlsafe(24)
        until = datetime.now(UTC) + timedelta(seconds=_CODE_SECONDS)
        granted[code] = _Granted(subject.strip(), role, code_challenge, redirect_uri, until)
        return RedirectResponse(f"{redirect_uri}?{urlencode({'code': code, 'state': state})}", status_code=303)

    @routes.post("/token")
    def token(
        code: Annotated[str, Form()], code_verifier: Annotated[str, Form()], redirect_uri: Annotated[str, Form()]
    ) -> Response:
        """Give the token for a code, once."""
        known = granted.pop(code, None)
        digest = hashlib.sha256(code_verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        facts = (challenge, redirect_uri)
        if known is None or known.until < datetime.now(UTC) or facts != (known.challenge, known.redirect_uri):
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        access = issuer.issue(known.subject, known.role)
        return JSONResponse({"access_token": access, "token_type": "Bearer", "expires_in": 3600})

    return routes


def _ours(request: Request, redirect_uri: str) -> None:
    if urlsplit(redirect_uri).netloc != request.url.netloc:
        raise InvalidInputError("the demonstration's issuer sends nobody to another site")
