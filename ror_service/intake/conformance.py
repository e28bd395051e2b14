"""The verdicts of the service on a manifest and its files, with no service: what a center runs before it sends."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from contextlib import closing

from ror_service.errors import ServiceError
from ror_service.intake.errors import IntakeError
from ror_service.intake.feedback import Feedback, Taken, declared_facts, feedback_on
from ror_service.intake.incoming import check_length
from ror_service.intake.isolation import read_in_child
from ror_service.intake.manifest import Row
from ror_service.intake.manifest_check import CheckedManifest
from ror_service.intake.needs import Needs
from ror_service.intake.qc import Verdict
from ror_service.intake.results import Limits
from ror_service.intake.samples import check_file
from ror_service.intake.submission import PIECE, Files, said_no, submitted_row
from ror_service.states import SampleState


def check_with_files(manifest: CheckedManifest, files: Files, needs: Needs, limits: Limits | None = None) -> Feedback:
    """What the service will say once the rows and files are there and read.

    What only the service knows is not told: whether it knows the participant, whether the sample was submitted before,
    and whether the participant's own answers agree with the manifest.

    Args:
        manifest: The manifest.
        files: Opens the files.
        needs: What the interpreters need of a file.
        limits: Caps on each file.
    """
    return feedback_on(manifest, lambda row: _check(row, files, needs, limits))


def _check(row: Row, files: Files, needs: Needs, limits: Limits | None) -> Taken:
    try:
        _compare(row, files)
    except ServiceError as error:
        return Taken(SampleState.AWAITING_FILE, reasons=(said_no(error, "genotypes_file"),))
    try:
        # As bytes without a name, which is how the service reads them.
        with closing(_pieces(row, files)) as pieces:
            read = read_in_child(pieces, needs.wanted, limits)
    except IntakeError as error:
        return Taken(SampleState.UNREADABLE, (error.code.value,))
    assessment = needs.assess(read, declared_facts(row))
    passed = assessment.verdict is Verdict.PASS
    return Taken(SampleState.READ if passed else SampleState.QC_HOLD, assessment.holds)


def _compare(row: Row, files: Files) -> None:
    digest, size = hashlib.sha256(), 0
    with closing(_pieces(row, files)) as pieces:
        for piece in pieces:
            size += len(piece)
            check_length(size, row.genotypes_size)
            digest.update(piece)
    check_file(submitted_row(row), digest.hexdigest(), size)


def _pieces(row: Row, files: Files) -> Generator[bytes, None, None]:
    with files(row.genotypes_file) as file:
        while piece := file.read(PIECE):
            yield piece
