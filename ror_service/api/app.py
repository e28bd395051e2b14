"""The FastAPI application."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException

from ror_service.api import (
    break_glass,
    designees,
    identity,
    labs,
    metrics,
    operations,
    partners,
    people,
    problems,
    reviews,
)
from ror_service.api.tokens import TokenVerifier
from ror_service.context import ServiceContext
from ror_service.errors import ServiceError
from ror_service.intake.manifest import SCHEMAS
from ror_service.standing import Readiness
from ror_service.storage import migrations
from ror_service.web import site


class _Application(FastAPI):
    """FastAPI whose OpenAPI document also holds the schemas of problem responses and of the rows of manifests."""

    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        template = "#/components/schemas/{model}"
        schema = problems.Problem.model_json_schema(ref_template=template)
        _, rows = models_json_schema([(row, "validation") for row in SCHEMAS.values()], ref_template=template)
        document["components"]["schemas"] |= schema.pop("$defs") | {"Problem": schema} | rows["$defs"]
        return document


def create_app(context: ServiceContext) -> FastAPI:
    """The application for one context.

    Raises:
        UnsafeConfigurationError: If the database has another schema than this program, or the issuer's keys cannot be
            read.
    """
    migrations.check(context.engine)
    app = _Application(
        title="Return of results",
        version="1",
        description="Samples in, consents and reviews, reports out. Errors are problem+json (RFC 9457).",
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        responses=problems.RESPONSES,
    )
    app.state.context = context
    app.state.readiness = Readiness(context)
    app.state.tokens = TokenVerifier(context.settings)
    for module in (labs, people, reviews, identity, break_glass, designees, partners, operations, metrics):
        app.include_router(module.router)
    app.mount(site.PATH, site.create_site(context, app.state.tokens))
    app.add_exception_handler(ServiceError, problems.refused)
    app.add_exception_handler(RequestValidationError, problems.invalid)
    app.add_exception_handler(HTTPException, problems.http_error)
    app.add_middleware(problems.Faults, answer=problems.internal)
    app.add_middleware(problems.Edge)
    return app
