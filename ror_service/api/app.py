"""The FastAPI application."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from ror_service.api import labs, operations, partners, people, reviews
from ror_service.api.tokens import TokenVerifier
from ror_service.context import ServiceContext
from ror_service.errors import ServiceError, WithheldError
from ror_service.storage import migrations

PROBLEM = "application/problem+json"


def create_app(context: ServiceContext) -> FastAPI:
    """The application for one context.

    Raises:
        UnsafeConfigurationError: If the database has another schema than this program.
    """
    migrations.check(context.engine)
    app = FastAPI(
        title="Return of results",
        version="1",
        description="Samples in, consents and reviews, reports out. Errors are problem+json (RFC 9457).",
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.context = context
    app.state.tokens = TokenVerifier(context.settings)
    for module in (labs, people, reviews, partners, operations):
        app.include_router(module.router)
    app.add_exception_handler(ServiceError, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    return app


def _problem(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, ServiceError):
        raise error
    content: dict[str, object] = {
        "type": f"urn:ror:problem:{error.code}",
        "title": error.code.replace("_", " "),
        "status": error.status,
        "detail": str(error),
    }
    if isinstance(error, WithheldError):
        content["reasons"] = list(error.reasons)
    headers = {"WWW-Authenticate": "Bearer"} if error.code == "unauthenticated" else None
    return JSONResponse(content, status_code=error.status, media_type=PROBLEM, headers=headers)


def _invalid(_request: Request, error: Exception) -> JSONResponse:
    """Says which field is wrong, and never repeats its value."""
    details = error.errors() if isinstance(error, RequestValidationError) else []
    fields = [{"field": ".".join(str(part) for part in item["loc"]), "problem": item["type"]} for item in details]
    content = {
        "type": "urn:ror:problem:invalid_input",
        "title": "invalid input",
        "status": 422,
        "detail": "a field is missing or wrong",
        "fields": fields,
    }
    return JSONResponse(content, status_code=422, media_type=PROBLEM)
