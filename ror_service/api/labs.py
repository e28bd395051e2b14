"""Genome centers submit samples: manifest rows first, then the file that each declares."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field, model_validator

from interpreters.genotypes import Assay, Build, OutsideCall, Sex
from report_templates.content import SpecimenKind
from ror_service.api.access import Begin, Context, allowed, working
from ror_service.api.fields import Body, Identifier, PlainText, Sha256
from ror_service.api.tokens import Caller, Role
from ror_service.audit.log import Actor
from ror_service.context import ServiceContext
from ror_service.intake import outside_calls, samples, submission
from ror_service.intake.feedback import Feedback
from ror_service.intake.incoming import Incoming
from ror_service.intake.manifest import SCHEMAS, Row
from ror_service.intake.manifest_check import check_manifest
from ror_service.intake.samples import ManifestRow
from ror_service.storage import results
from ror_service.work import Work

router = APIRouter(prefix="/v1", tags=["samples"])
Laboratory = Annotated[Begin, Depends(working("sample submission", Role.GENOME_CENTER))]


class OutsideCallBody(Body):
    """A pharmacogene's result by another method; at least one field besides the gene."""

    gene: str
    diplotype: str = ""
    phenotype: str = ""
    activity_score: str = ""

    @model_validator(mode="after")
    def _well_formed(self) -> Self:
        self.call()
        return self

    def call(self) -> OutsideCall:
        """The call, white space around its fields removed."""
        return outside_calls.checked_call(self.gene, self.diplotype, self.phenotype, self.activity_score)


class Submission(Body):
    """One row of a manifest."""

    sample_id: Identifier
    participant_id: Identifier
    specimen: SpecimenKind
    assay: Assay
    build: Build | None = None
    sex_at_birth: Sex
    contamination: float | None = Field(default=None, ge=0, le=1)
    name_in_file: PlainText | None = Field(default=None, max_length=200)
    collected_on: date | None = None
    file_sha256: Sha256
    file_size: int = Field(ge=1, le=16 << 30)
    outside_calls: list[OutsideCallBody] = Field(default=[], max_length=outside_calls.MOST_CALLS)


class SampleStatus(BaseModel):
    """Where a sample is, as its center may know it."""

    sample_id: str
    state: str
    reasons: list[str]


@router.post("/samples", status_code=201)
def submit(submission: Submission, context: Context, begin: Laboratory) -> SampleStatus:
    """Submit a manifest row. Submitting the same row again changes nothing."""
    facts = submission.model_dump() | {
        "specimen": submission.specimen.value,
        "outside_calls": tuple(body.call() for body in submission.outside_calls),
    }
    with begin() as work:
        samples.submit(work, context.keys, ManifestRow(**facts))
        return _status(work, submission.sample_id)


@router.put("/samples/{sample_id}/file", status_code=201)
async def send_file(
    sample_id: Identifier,
    request: Request,
    context: Context,
    caller: Annotated[Caller, Depends(allowed(Role.GENOME_CENTER))],
) -> SampleStatus:
    """Send the genotype file: hashed and sealed while it arrives, kept only if it is the declared one."""
    actor = Actor(caller.subject, caller.role.value, "sample submission")
    with await run_in_threadpool(_incoming, context, actor, sample_id) as incoming:
        async for chunk in request.stream():
            await run_in_threadpool(incoming.write, chunk)
        return await run_in_threadpool(_accept, context, actor, sample_id, incoming)


@router.get("/samples/{sample_id}")
def status(sample_id: Identifier, begin: Laboratory) -> SampleStatus:
    """Where a sample of one's own is."""
    with begin() as work:
        return _status(work, sample_id)


def _document(schema: str, row: type[Row]) -> dict[str, Any]:
    """A manifest in the OpenAPI document, which holds the schemas of rows among its own."""
    rows = {"type": "array", "minItems": 1, "items": {"$ref": f"#/components/schemas/{row.__name__}"}}
    properties = {"schema": {"const": schema}, "rows": rows}
    return {"type": "object", "required": [*properties], "properties": properties, "additionalProperties": False}


_MANIFEST_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/json": {"schema": {"oneOf": [_document(*item) for item in SCHEMAS.items()]}},
        },
    }
}


@router.post("/manifests", openapi_extra=_MANIFEST_BODY)
async def submit_manifest(request: Request, context: Context, begin: Laboratory) -> Feedback:
    """Submit a whole manifest, CSV or JSON. A row that is refused costs the others nothing; the files follow.

    The same manifest again, in whatever order, changes nothing and tells where its samples are.
    """
    content = await request.body()
    return await run_in_threadpool(lambda: submission.submit_manifest(begin, context.keys, check_manifest(content)))


def _incoming(context: ServiceContext, actor: Actor, sample_id: str) -> Incoming:
    with context.transaction(actor) as work:
        sample = samples.owned(work, sample_id)
    return Incoming(context.store, sample.participant_id, sample.file_size)


def _accept(context: ServiceContext, actor: Actor, sample_id: str, incoming: Incoming) -> SampleStatus:
    incoming.finish()
    with context.transaction(actor) as work:
        accepted = samples.file_received(work, context.keys, sample_id, incoming)
        status = _status(work, sample_id)
        if accepted:
            incoming.keep()
    return status


def _status(work: Work, sample_id: str) -> SampleStatus:
    sample = samples.owned(work, sample_id)
    assessment = results.last_assessment(work.session, sample_id)
    reasons = [] if assessment is None else assessment.reasons
    return SampleStatus(sample_id=sample_id, state=sample.state, reasons=reasons)
