"""Every error is problem+json and tells nothing that it must not; the OpenAPI document says what there is."""

from __future__ import annotations

import asyncio
import inspect
import logging

import pytest
from fastapi import Request
from fastapi.openapi.models import OpenAPI
from starlette.types import Message, Receive, Scope, Send
from support.api import Api, problem_of
from support.consent_facts import NOW, PERSON

from ror_service import errors
from ror_service.api import problems
from ror_service.api.tokens import Role
from ror_service.errors import ServiceError

SECRET = "rs1801133 of P-0042"
HTTP_CODES = {
    "NotFoundError": 404, "ForbiddenError": 403, "UnauthenticatedError": 401, "InvalidInputError": 422,
    "IllegalTransitionError": 409, "ConflictError": 409, "WithheldError": 403, "ErasedError": 410, "SealError": 500,
    "SignatureError": 401, "RenderError": 500, "DeliveryUnavailableError": 503, "DeliveryRefusedError": 502,
    "DeliveryRecalledError": 410, "UnsafeConfigurationError": 500, "AuditError": 500, "ServiceError": 500,
    "KnowledgeUnavailableError": 503, "NoRoomError": 507, "NotExtractedError": 503,
    "PartnerPausedError": 503, "KeysUnavailableError": 503, "PartnerAddressError": 503,
}  # fmt: skip
CLASSES = {name: kind for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, ServiceError)}


def test_the_table_names_every_error() -> None:
    assert set(CLASSES) == set(HTTP_CODES)


@pytest.mark.parametrize("name", HTTP_CODES)
def test_every_service_error_becomes_a_problem(api: Api, name: str) -> None:
    kind = CLASSES[name]
    arguments = {errors.WithheldError: ((SECRET,),), errors.PartnerPausedError: (SECRET, NOW)}
    error = kind(*arguments.get(kind, (SECRET,)))

    @api.app.get("/fails")
    def fails() -> None:
        raise error

    answer = api.client.get("/fails")
    assert problem_of(answer) == (HTTP_CODES[name], kind.code)
    told = answer.status_code < 500 or kind in {errors.AuditError, errors.NoRoomError}
    assert (SECRET in answer.text) is told
    assert ("reasons" in answer.json()) is (kind is errors.WithheldError)
    assert ("www-authenticate" in answer.headers) is (kind is errors.UnauthenticatedError)


def test_what_nobody_thought_of_tells_and_logs_nothing(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    @api.app.get("/v1/broken/{person}")
    def broken(person: str) -> None:
        raise RuntimeError(f"{SECRET} {person}")

    with caplog.at_level(logging.INFO):
        answer = api.client.get("/v1/broken/P-0042")
    assert problem_of(answer) == (500, "internal")
    assert "P-0042" not in answer.text
    (record,) = [row for row in caplog.records if row.name == problems.__name__]
    assert (record.code, record.route) == ("RuntimeError", "/v1/broken/{person}")
    assert "P-0042" not in str(vars(record))


def test_the_frameworks_own_refusals_are_problems_too(api: Api) -> None:
    assert problem_of(api.client.get("/nowhere")) == (404, "not_found")
    wrong_method = api.client.delete("/v1/jobs")
    assert problem_of(wrong_method) == (405, "method_not_allowed")
    assert wrong_method.headers["allow"] == "GET"
    no_json = api.call(Role.PORTAL, "POST", "/v1/participants", content=b"{")
    assert problem_of(no_json) == (422, "invalid_input")


@pytest.mark.parametrize("route", ["POST /v1/participants", "PUT /v1/participants/P-1/medicines"])
def test_a_body_that_is_too_large_is_refused_before_it_is_read(api: Api, route: str) -> None:
    method, _, path = route.partition(" ")
    chunks = (b" " * 65536 for _ in range(2 + problems.LARGEST_BODY // 65536))
    answer = api.call(Role.PORTAL, method, path, content=chunks)
    assert problem_of(answer) == (413, "request_entity_too_large")


def test_wrong_fields_are_named_and_never_repeated(api: Api) -> None:
    body = {"participant_id": f"{PERSON} {SECRET}", "language": SECRET, "sex_at_birth": SECRET, "name": SECRET}
    answer = api.post(Role.PORTAL, "/v1/participants", body)
    assert problem_of(answer) == (422, "invalid_input")
    assert SECRET not in answer.text
    fields = {item["field"]: item["problem"] for item in answer.json()["fields"]}
    assert fields == {
        "body.participant_id": "string_pattern_mismatch", "body.language": "enum", "body.sex_at_birth": "enum",
        "body.name": "extra_forbidden",
    }  # fmt: skip


BODIES = ("Submission", "NewParticipant", "NewConsent", "NewChoice", "NewMedicines", "Standing", "Signature",
          "Returned", "ConfirmationResult", "DisclosureResult", "OutreachResult", "NewResolution", "NewRelationship",
          "NewGrantRequest", "NewWithdrawal", "NewNaming", "NewRequest")  # fmt: skip


def test_every_body_refuses_unknown_fields(api: Api) -> None:
    document = api.client.get("/v1/openapi.json").json()
    schemas = [
        operation["requestBody"]["content"]["application/json"]["schema"]
        for item in document["paths"].values()
        for operation in item.values()
        if "requestBody" in operation and "text/csv" not in operation["requestBody"]["content"]
    ]
    # A body that may be left out is one of two things, nothing being the other.
    sent = {schema.get("anyOf", [schema])[0]["$ref"].rpartition("/")[2] for schema in schemas}
    assert sent == set(BODIES)
    known = document["components"]["schemas"]
    assert all(known[name]["additionalProperties"] is False for name in (*BODIES, "WholeGenomeRow", "ArrayRow"))


def test_the_openapi_document_is_whole(api: Api) -> None:
    document = api.client.get("/v1/openapi.json").json()
    OpenAPI.model_validate(document)
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    names = set()
    for path, item in document["paths"].items():
        for operation in item.values():
            assert all(operation[name] for name in ("summary", "description", "tags"))
            assert {"4XX", "5XX"} <= set(operation["responses"])
            assert "HTTPValidationError" not in str(operation)
            assert ("security" in operation) is (
                path not in {"/health", "/health/ready", "/v1/partners/{partner_id}/events"}
            )
            names.add(operation["operationId"])
    assert len(names) == sum(map(len, document["paths"].values()))
    schemas = document["components"]["schemas"]
    assert {reference.rpartition("/")[2] for reference in _references(document)} <= set(schemas)
    assert "Problem" in schemas


def _references(part: object) -> set[str]:
    if isinstance(part, list):
        return {found for item in part for found in _references(item)}
    if not isinstance(part, dict):
        return set()
    own = {part["$ref"]} if "$ref" in part else set()
    return own | {found for item in part.values() for found in _references(item)}


def test_handlers_leave_alone_what_is_not_theirs() -> None:
    request = Request({"type": "http"})
    for handler in (problems.refused, problems.invalid, problems.http_error):
        with pytest.raises(KeyError):
            handler(request, KeyError("x"))


def test_the_edge_passes_on_other_protocols_and_cannot_take_back_what_was_sent() -> None:
    seen: list[str] = []

    async def below(scope: Scope, _receive: Receive, send: Send) -> None:
        seen.append(scope["type"])
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            raise RuntimeError("half way")

    async def send(message: Message) -> None:
        seen.append(message["type"])

    async def receive() -> Message:
        return {"type": "http.request"}

    edge = problems.Edge(below)
    asyncio.run(edge({"type": "lifespan"}, receive, send))
    with pytest.raises(RuntimeError):
        asyncio.run(edge({"type": "http", "method": "GET"}, receive, send))
    assert seen == ["lifespan", "http", "http.response.start"]
