"""Who is signed in to the pages of staff, and what every one of these pages needs. They are in English alone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from ror_service.api.tokens import Role
from ror_service.audit.log import Actor
from ror_service.context import ServiceContext
from ror_service.errors import ForbiddenError
from ror_service.web import sign_in
from ror_service.web.pages import SCRIPTED, page
from ror_service.work import Work

MENU = {
    "queue": ("Work list", (Role.GENETIC_COUNSELOR, Role.LABORATORY_DIRECTOR)),
    "disclosures": ("Disclosures", (Role.GENETIC_COUNSELOR,)),
    "identity": ("Identity", (Role.LABORATORY_DIRECTOR,)),
    "operations": ("Status", (Role.OPERATOR,)),
    "laboratory": ("Samples", (Role.GENOME_CENTER,)),
}
"""Address to its name, and who has it."""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of the staff, or of a partner laboratory, who is signed in."""

    name: str
    role: Role
    context: ServiceContext
    begin: Callable[[], AbstractContextManager[Work]]
    """Begins a transaction in the member's name; it commits at the end of its `with` block."""

    def page(self, template: str, path: str, **facts: Any) -> Response:  # noqa: ANN401
        """A page for this member; `path` is its address below the portal."""
        menu = {at: name for at, (name, roles) in MENU.items() if self.role in roles}
        facts |= {"path": path, "menu": menu, "member": self}
        return page(f"staff/{template}", None, headers=SCRIPTED, **facts)


def member(purpose: str, *roles: Role) -> Callable[[Request], Member]:
    """Who is signed in, if it is one of these roles.

    Args:
        purpose: Why the pages are asked for, as the audit log keeps it.
        roles: Who may.
    """

    def signed_in(request: Request) -> Member:
        context: ServiceContext = request.app.state.context
        caller = sign_in.caller(request, request.app.state.tokens)
        if caller.role not in roles:
            raise ForbiddenError("these pages are for others")
        begin = partial(context.transaction, Actor(caller.subject, caller.role.value, purpose))
        return Member(caller.subject, caller.role, context, begin)

    return signed_in


def back_to(path: str) -> Response:
    """To a page below the portal, after a form was taken."""
    return RedirectResponse(f"/portal/{path}", status_code=303)
