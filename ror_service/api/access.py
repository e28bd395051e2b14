"""Who may call what: every route names its roles here, and gets an open transaction in the caller's name."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ror_service.api.tokens import Caller, Role, TokenVerifier
from ror_service.audit.log import Actor
from ror_service.context import ServiceContext
from ror_service.errors import ForbiddenError, NotFoundError, UnauthenticatedError
from ror_service.work import Work

_bearer = HTTPBearer(
    auto_error=False, bearerFormat="JWT", scheme_name="bearer", description="JSON Web Token of the configured issuer"
)

Begin = Callable[[], AbstractContextManager[Work]]
"""Begins a transaction in the caller's name; it commits at the end of its `with` block."""


def context_of(request: Request) -> ServiceContext:
    """The context that the application was made with."""
    return cast("ServiceContext", request.app.state.context)


Context = Annotated[ServiceContext, Depends(context_of)]


def caller_of(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Caller:
    """The caller of a request.

    Raises:
        UnauthenticatedError: If there is no valid token.
    """
    if credentials is None:
        raise UnauthenticatedError("send a bearer token")
    return cast("TokenVerifier", request.app.state.tokens).verify(credentials.credentials)


def allowed(*roles: Role) -> Callable[[Caller], Caller]:
    """A dependency that lets only these roles through."""

    def check(caller: Annotated[Caller, Depends(caller_of)]) -> Caller:
        if caller.role not in roles:
            raise ForbiddenError("your role does not allow this")
        return caller

    return check


def working(purpose: str, *roles: Role) -> Callable[[ServiceContext, Caller], Begin]:
    """A dependency that lets only these roles through, and gives them the beginning of their transaction.

    The handler itself says `with begin() as work`: what a dependency holds open ends after the answer was sent, and no
    answer may promise what is not committed.
    """

    # As a default, not as an annotation: FastAPI could not see `roles` from a postponed annotation.
    def beginning(context: Context, caller: Caller = Depends(allowed(*roles))) -> Begin:
        return partial(context.transaction, Actor(caller.subject, caller.role.value, purpose))

    return beginning


def own(work: Work, participant_id: str) -> str:
    """The participant's identifier, if the caller may act for that participant.

    Raises:
        NotFoundError: If a participant asks for somebody else: not even that there is such a person is told.
    """
    if work.actor.role == Role.PARTICIPANT.value and work.actor.name != participant_id:
        raise NotFoundError("no such participant")
    return participant_id
