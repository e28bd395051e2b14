"""Who is signed in to the participants' pages, and what every one of these pages needs of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.responses import Response

from report_templates.content import Language
from ror_service.api.tokens import Role
from ror_service.audit.log import Actor
from ror_service.context import ServiceContext
from ror_service.errors import ForbiddenError
from ror_service.web import sign_in
from ror_service.web.pages import page
from ror_service.web.wording import Texts
from ror_service.work import Work


@dataclass(frozen=True, slots=True)
class Visitor:
    """A participant who is signed in."""

    participant_id: str
    t: Texts
    begin: Callable[[], AbstractContextManager[Work]]
    """Begins a transaction in the participant's name; it commits at the end of its `with` block."""
    context: ServiceContext

    def page(self, template: str, path: str, **facts: Any) -> Response:  # noqa: ANN401
        """A page for this participant; `path` is its address below the language."""
        return page(template, self.t, path=path, signed_in=True, **facts)


def visitor(request: Request, language: Language) -> Visitor:
    """The participant who is signed in.

    Raises:
        UnauthenticatedError: If nobody is, or the session is over.
        ForbiddenError: If it is somebody else than a participant, or a form comes from another site.
    """
    context: ServiceContext = request.app.state.context
    caller = sign_in.caller(request, request.app.state.tokens)
    if caller.role is not Role.PARTICIPANT:
        raise ForbiddenError("these pages are for participants")
    begin = partial(context.transaction, Actor(caller.subject, caller.role.value, "own results"))
    return Visitor(caller.subject, Texts.of_settings(language, context.settings), begin, context)


Who = Annotated[Visitor, Depends(visitor)]
