"""Genome centers submit samples: the manifest row first, then the file that it declares."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from interpreters.genotypes import Assay, Build, Sex
from report_templates.content import SpecimenKind
from ror_service.api.access import Context, allowed, working
from ror_service.api.tokens import Caller, Role
from ror_service.audit.log import Actor
from ror_service.context import ServiceContext
from ror_service.errors import InvalidInputError
from ror_service.intake import samples
from ror_service.intake.samples import ManifestRow
from ror_service.storage import results
from ror_service.work import Work, new_id

router = APIRouter(prefix="/v1/samples", tags=["samples"])
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Laboratory = Annotated[Work, Depends(working("sample submission", Role.GENOME_CENTER))]


class Submission(BaseModel):
    """One row of a manifest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sample_id: Identifier
    participant_id: Identifier
    specimen: SpecimenKind
    assay: Assay
    build: Build | None = None
    sex_at_birth: Sex
    contamination: float | None = Field(default=None, ge=0, le=1)
    name_in_file: str | None = Field(default=None, max_length=200)
    collected_on: date | None = None
    file_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    file_size: int = Field(ge=1, le=16 << 30)


class SampleStatus(BaseModel):
    """Where a sample is, as its center may know it."""

    sample_id: str
    state: str
    reasons: list[str]


@router.post("", status_code=201)
def submit(submission: Submission, work: Laboratory) -> SampleStatus:
    """Submit a manifest row. Submitting the same row again changes nothing."""
    facts = submission.model_dump() | {"specimen": submission.specimen.value}
    samples.submit(work, ManifestRow(**facts))
    return _status(work, submission.sample_id)


@router.put("/{sample_id}/file", status_code=201)
async def send_file(
    sample_id: str,
    request: Request,
    context: Context,
    caller: Annotated[Caller, Depends(allowed(Role.GENOME_CENTER))],
) -> SampleStatus:
    """Send the genotype file: hashed while it is written, kept only if it is the declared one."""
    actor = Actor(caller.subject, caller.role.value, "sample submission")
    declared = await run_in_threadpool(_declared_size, context, actor, sample_id)
    scratch = context.store / new_id("incoming")
    digest, size = hashlib.sha256(), 0
    try:
        with scratch.open("xb") as file:
            async for chunk in request.stream():
                size += len(chunk)
                if size > declared:
                    raise InvalidInputError("the file is longer than its manifest row declares")
                digest.update(chunk)
                await run_in_threadpool(file.write, chunk)
        return await run_in_threadpool(_accept, context, actor, sample_id, scratch.name, digest.hexdigest())
    finally:
        scratch.unlink(missing_ok=True)


@router.get("/{sample_id}")
def status(sample_id: str, work: Laboratory) -> SampleStatus:
    """Where a sample of one's own is."""
    samples.owned(work, sample_id)
    return _status(work, sample_id)


def _declared_size(context: ServiceContext, actor: Actor, sample_id: str) -> int:
    with context.transaction(actor) as work:
        return samples.owned(work, sample_id).file_size


def _accept(context: ServiceContext, actor: Actor, sample_id: str, scratch: str, sha256: str) -> SampleStatus:
    path = context.store / scratch
    with context.transaction(actor) as work:
        file_id = samples.file_received(work, sample_id, sha256=sha256, size=path.stat().st_size)
        path.replace(context.store / file_id)
        return _status(work, sample_id)


def _status(work: Work, sample_id: str) -> SampleStatus:
    sample = samples.owned(work, sample_id)
    assessment = results.last_assessment(work.session, sample_id)
    reasons = [] if assessment is None else assessment.reasons
    return SampleStatus(sample_id=sample_id, state=sample.state, reasons=reasons)
