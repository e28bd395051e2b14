"""Signing in by OpenID Connect (authorization code with PKCE), and the session that is the access token in a cookie.

The cookie holds the issuer's token as it is: it ends with the token, is checked as any bearer token is, and no session
is kept here. A page that changes something takes a form of its own origin alone.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote, unquote, urlencode

import httpx
from starlette.requests import Request
from starlette.responses import Response

from ror_service.api.tokens import Caller, TokenVerifier
from ror_service.errors import ForbiddenError, UnauthenticatedError

SESSION = "ror-session"
FLOW = "ror-sign-in"
_FLOW_SECONDS = 600
_OWN_PAGE = re.compile(r"/portal/(?!.*\.\.)[\w./?&=%-]{0,300}", re.ASCII)


class SignInError(UnauthenticatedError):
    """An attempt to sign in that came to nothing."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """Where people sign in."""

    authorize_url: str
    token_url: str
    client_id: str


def own_page(path: str) -> str:
    """The address of a page of the portal, or an empty one: nobody is sent to another site after signing in."""
    return path if _OWN_PAGE.fullmatch(path) else ""


def begin(issuer: Issuer, back_to: str, *, secure: bool, page: str = "") -> Response:
    """Send the browser to the issuer, and remember the attempt, and the page that was asked for, in a cookie."""
    state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = urlencode(
        {
            "response_type": "code",
            "client_id": issuer.client_id,
            "redirect_uri": back_to,
            "scope": "openid",
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
    )
    answer = Response(status_code=HTTPStatus.SEE_OTHER, headers={"Location": f"{issuer.authorize_url}?{query}"})
    answer.set_cookie(
        FLOW, f"{state}.{verifier}.{quote(own_page(page), safe='')}", max_age=_FLOW_SECONDS, httponly=True,
        secure=secure, samesite="lax", path="/portal",
    )  # fmt: skip
    return answer


def asked_for(request: Request) -> str:
    """The page that was asked for when this browser began to sign in, if it did so on one."""
    return own_page(unquote(request.cookies.get(FLOW, "").rpartition(".")[2]))


def finish(issuer: Issuer, request: Request, back_to: str) -> str:
    """The access token for the code that the issuer sent the browser back with.

    Raises:
        SignInError: If this browser began no such attempt, or the issuer does not take the code.
    """
    state, verifier, *_ = [*request.cookies.get(FLOW, "").split("."), ""]
    given = request.query_params
    if not state or not secrets.compare_digest(state, given.get("state", "")) or "code" not in given:
        raise SignInError("this browser did not begin to sign in; begin again")
    form = {
        "grant_type": "authorization_code",
        "code": given["code"],
        "redirect_uri": back_to,
        "client_id": issuer.client_id,
        "code_verifier": verifier,
    }
    try:
        answer = httpx.post(issuer.token_url, data=form, timeout=10, follow_redirects=False)
        token = answer.raise_for_status().json()["access_token"]
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise SignInError("the issuer did not take the code; begin again") from error
    return str(token)


def keep(answer: Response, token: str, *, secure: bool) -> None:
    """Put a token into the browser's session; it lasts no longer than the browser is open."""
    answer.set_cookie(SESSION, token, httponly=True, secure=secure, samesite="lax", path="/portal")
    answer.delete_cookie(FLOW, path="/portal")


def forget(answer: Response) -> None:
    """End the browser's session."""
    answer.delete_cookie(SESSION, path="/portal")


def caller(request: Request, tokens: TokenVerifier) -> Caller:
    """Who is signed in.

    Raises:
        UnauthenticatedError: If nobody is, or the session is over.
        ForbiddenError: If a form comes from another site.
    """
    token = request.cookies.get(SESSION)
    if not token:
        raise UnauthenticatedError("sign in first")
    if request.method == "POST":
        _same_origin(request)
    return tokens.verify(token)


def _same_origin(request: Request) -> None:
    """Every browser in use sends `Origin` with a form; one that sends neither header is not let through."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    here = f"{request.url.scheme}://{request.url.netloc}"
    if site not in {None, "same-origin"} or origin != here:
        raise ForbiddenError("the form comes from another site")
