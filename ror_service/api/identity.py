"""Identity cases: laboratory directors look at them, resolve them, and register who are relatives by birth."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from identity.alarms import Relationship
from identity.comparison import Relation
from ror_service import identity_cases
from ror_service.api.access import Begin, Context, working
from ror_service.api.fields import Body, Identifier, PlainText
from ror_service.api.tokens import Role
from ror_service.identity_cases import Resolution
from ror_service.storage.tables import IdentityCaseRow

router = APIRouter(prefix="/v1", tags=["identity"])
Director = Annotated[Begin, Depends(working("identity", Role.LABORATORY_DIRECTOR))]


class IdentityCase(BaseModel):
    """One identity case, without the people whom it concerns."""

    identity_case_id: str
    suspicion: str
    opened_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None
    resolution: str | None
    resolution_reason: str | None


class MemberSample(BaseModel):
    """A sample that gave rise to the case."""

    sample_id: str
    participant_id: str
    genome_center: str
    specimen: str
    assay: str
    state: str


class SamplePair(BaseModel):
    """Two of its samples beside each other; numbers are null where a fingerprint was erased."""

    one: str
    other: str
    relation: Relation | None
    shared_sites: int | None
    concordance: float | None
    kinship: float | None


class IdentityEvidence(BaseModel):
    """All that there is to decide on."""

    case: IdentityCase
    members: list[str]
    samples: list[MemberSample]
    pairs: list[SamplePair]


class NewResolution(Body):
    """Why a case is resolved, and which of its samples are not their participant's."""

    reason: PlainText
    wrong_samples: tuple[Identifier, ...] = ()


class Resolved(BaseModel):
    """How the case ended."""

    resolution: Resolution


class NewRelationship(Body):
    """Two participants who are related by birth."""

    participant_id: Identifier
    relative_id: Identifier
    kind: Relationship


@router.get("/identity-cases")
def listed(begin: Director, *, resolved: bool = False) -> list[IdentityCase]:
    """Open identity cases, or those that were resolved; audited."""
    with begin() as work:
        return [_case(row) for row in identity_cases.listed(work, resolved=resolved)]


@router.get("/identity-cases/{identity_case_id}")
def show(identity_case_id: Identifier, begin: Director, context: Context) -> IdentityEvidence:
    """Members, samples, and the samples compared anew. Reading it is audited."""
    with begin() as work:
        evidence = identity_cases.show(work, context.fingerprints, identity_case_id)
    return IdentityEvidence(
        case=_case(evidence.case),
        members=list(evidence.members),
        samples=[
            MemberSample(
                sample_id=sample.sample_id,
                participant_id=sample.participant_id,
                genome_center=sample.genome_center,
                specimen=sample.specimen,
                assay=sample.assay,
                state=sample.state,
            )
            for sample in evidence.samples
        ],
        pairs=[_pair(pair) for pair in evidence.pairs],
    )


@router.post("/identity-cases/{identity_case_id}/resolution", status_code=201)
def resolve(identity_case_id: Identifier, body: NewResolution, begin: Director) -> Resolved:
    """Resolve a case with a reason. What rests on a wrong sample is ended, erased and recalled."""
    with begin() as work:
        return Resolved(resolution=identity_cases.resolve(work, identity_case_id, body.reason, body.wrong_samples))


@router.post("/relationships", status_code=201)
def register(body: NewRelationship, begin: Director) -> None:
    """Register two participants as relatives by birth, who are expected to look alike."""
    with begin() as work:
        identity_cases.register_relationship(work, body.participant_id, body.relative_id, body.kind)


def _case(row: IdentityCaseRow) -> IdentityCase:
    return IdentityCase(
        identity_case_id=row.identity_case_id,
        suspicion=row.reason,
        opened_at=row.opened_at,
        resolved_at=row.resolved_at,
        resolved_by=row.resolved_by,
        resolution=row.resolution,
        resolution_reason=row.resolution_reason,
    )


def _pair(pair: identity_cases.SamplePair) -> SamplePair:
    found = pair.comparison
    return SamplePair(
        one=pair.one,
        other=pair.other,
        relation=None if found is None else found.relation,
        shared_sites=None if found is None else found.shared_sites,
        concordance=None if found is None else round(found.concordance, 4),
        kinship=None if found is None else round(found.kinship, 3),
    )
