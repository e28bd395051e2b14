"""The page of a genome center: its own samples, where each is, and why one was held or refused."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from ror_service.api.tokens import Role
from ror_service.states import SampleState
from ror_service.storage import results
from ror_service.web.staff import Member, member

router = APIRouter(prefix="/laboratory")
Center = Annotated[Member, Depends(member("sample submission", Role.GENOME_CENTER))]
_SHOWN = 200


@router.get("")
def samples(who: Center, state: SampleState | None = None) -> Response:
    """The newest samples of the center, with the verdict of the quality gate."""
    with who.begin() as work:
        rows = results.samples_of_center(work.session, who.name, None if state is None else state.value, _SHOWN)
        told = []
        for row in rows:
            said = results.last_assessment(work.session, row.sample_id)
            told.append((row, () if said is None else tuple(said.reasons)))
    return who.page("laboratory", "laboratory", samples=told, states=list(SampleState), chosen=state or "")
