"""Callers of the HTTP API in tests: each role with a token of its own, against the real application."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from fastapi import FastAPI

from ror_service.api.app import create_app
from ror_service.api.tokens import EmbeddedIssuer, Role
from ror_service.sandbox.partner_server import LoopbackServer
from support.consent_facts import PERSON
from support.service import CENTER, LABORATORY, Service

SUBJECTS = {
    Role.PARTICIPANT: PERSON,
    Role.PORTAL: "portal-1",
    Role.GENETIC_COUNSELOR: "reviewer-1",
    Role.LABORATORY_DIRECTOR: "reviewer-1",
    Role.GENOME_CENTER: CENTER.name,
    Role.CLINICAL_LABORATORY: LABORATORY.name,
    Role.OPERATOR: "operator-1",
    Role.AUDITOR: "auditor-1",
}
"""Who calls in each role, unless a test says otherwise."""


class Api:
    """The API of a service, and callers of every role.

    Args:
        service: The service behind it.
        app: Its application.
        client: Connection to the application over HTTP.
    """

    def __init__(self, service: Service, app: FastAPI, client: httpx.Client) -> None:
        self.service = service
        self.app = app
        self.client = client
        self.issuer = EmbeddedIssuer(service.context.settings)

    def headers(self, role: Role, subject: str | None = None) -> dict[str, str]:
        """The token of a caller."""
        return {"Authorization": f"Bearer {self.issuer.issue(subject or SUBJECTS[role], role)}"}

    def call(self, role: Role, method: str, path: str, *, subject: str | None = None, **request: Any) -> httpx.Response:  # noqa: ANN401
        """One request of a role."""
        return self.client.request(method, path, headers=self.headers(role, subject), **request)

    def get(self, role: Role, path: str, **request: Any) -> httpx.Response:  # noqa: ANN401
        """GET as a role."""
        return self.call(role, "GET", path, **request)

    def post(self, role: Role, path: str, body: object = None, **request: Any) -> httpx.Response:  # noqa: ANN401
        """POST as a role."""
        return self.call(role, "POST", path, json=body, **request)


@contextmanager
def running_api(service: Service) -> Iterator[Api]:
    """The API of a service, over real HTTP on loopback."""
    app = create_app(service.context)
    with LoopbackServer() as server, httpx.Client(base_url=server.base_url, trust_env=False, timeout=30) as client:
        server.start(app)
        yield Api(service, app, client)


def problem_of(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal, which must be problem+json."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert all(problem[name] for name in ("title", "detail"))
    return answer.status_code, problem["type"].removeprefix("urn:ror:problem:")
