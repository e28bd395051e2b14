"""The page of a genome center: its own samples, where each is, why one was held or refused; and new manifests."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, UploadFile
from starlette.responses import Response

from ror_service.api.tokens import Role
from ror_service.intake import submission
from ror_service.intake.manifest_check import ManifestError, check_manifest
from ror_service.states import SampleState
from ror_service.storage import results
from ror_service.web.staff import Member, member

router = APIRouter(prefix="/laboratory")
Center = Annotated[Member, Depends(member("sample submission", Role.GENOME_CENTER))]
_SHOWN = 200


@router.get("")
def samples(who: Center, state: SampleState | None = None) -> Response:
    """The newest samples of the center, with the verdict of the quality gate; a manifest can be sent from here."""
    with who.begin() as work:
        rows = results.samples_of_center(work.session, who.name, None if state is None else state.value, _SHOWN)
        told = []
        for row in rows:
            said = results.last_assessment(work.session, row.sample_id)
            told.append((row, () if said is None else tuple(said.reasons)))
    return who.page("laboratory", "laboratory", samples=told, states=list(SampleState), chosen=state or "")


@router.post("/manifests")
def submit_manifest(who: Center, manifest: UploadFile) -> Response:
    """Submit a manifest, CSV or JSON, and tell of each row what became of it. A refused row costs the others nothing.

    The same manifest again changes nothing. The files that it declares follow by the API or the watched folder. A form
    is at most a megabyte, so that none is ever written to a temporary file.
    """
    try:
        checked = check_manifest(manifest.file.read())
    except ManifestError as error:
        return who.page("manifest", "laboratory", problem=str(error), feedback=None)
    feedback = submission.submit_manifest(who.begin, who.context.keys, checked)
    return who.page("manifest", "laboratory", problem="", feedback=feedback)
