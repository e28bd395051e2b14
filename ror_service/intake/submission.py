"""Takes a whole manifest in: each row as if it had been sent alone, many in one transaction, and its file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from sqlalchemy.exc import DBAPIError

from ror_service.errors import ServiceError
from ror_service.intake import samples
from ror_service.intake.feedback import Feedback, ReasonGiven, Taken, feedback_on
from ror_service.intake.incoming import Incoming
from ror_service.intake.manifest import Row
from ror_service.intake.manifest_check import CheckedManifest
from ror_service.intake.samples import ManifestRow
from ror_service.sealing.keys import KeyProvider
from ror_service.states import SampleState
from ror_service.storage import results
from ror_service.storage.tables import SampleRow
from ror_service.work import Work

PIECE = 1 << 20
"""Bytes that are read at once."""
ROWS_AT_ONCE = 250
"""Rows of one transaction: it holds their participants and at its end the audit log, so it must be short."""
FIRST_FAULT = 500
"""From this status on an error is the service's own fault and stops the manifest; it may be sent again."""

Begin = Callable[[], AbstractContextManager[Work]]
Files = Callable[[str], AbstractContextManager[BinaryIO]]
"""Opens a file by its name. Raises NoFileError."""


class NoFileError(ServiceError):
    """A file that a manifest declares is not there."""

    code = "no_file"
    status = 404

    def __init__(self) -> None:
        super().__init__("the file has not come, or is a link or folder; send it under the declared name")


def submit_manifest(begin: Begin, keys: KeyProvider, manifest: CheckedManifest) -> Feedback:
    """Submit the rows of a manifest; the files follow. The same manifest again, in any order, changes nothing.

    Args:
        begin: Begins a transaction in the center's name.
        keys: Holder of the key-encryption keys.
        manifest: The manifest.
    """
    rows = list(dict.fromkeys(row.declared for row in manifest.rows if row.declared is not None))
    taken: dict[Row, Taken] = {}
    for start in range(0, len(rows), ROWS_AT_ONCE):
        some = rows[start : start + ROWS_AT_ONCE]
        taken |= zip(some, _submit(begin, keys, some), strict=True)
    return feedback_on(manifest, taken.__getitem__)


def submitted_row(row: Row) -> ManifestRow:
    """A manifest's row as a sample is submitted by."""
    return ManifestRow(
        sample_id=row.sample_id,
        participant_id=row.participant_id,
        specimen=row.specimen.value,
        assay=row.assay,
        build=row.build,
        sex_at_birth=row.sex_at_birth,
        contamination=row.contamination,
        name_in_file=row.name_in_file,
        collected_on=row.collected_on,
        file_sha256=row.genotypes_sha256,
        file_size=row.genotypes_size,
        laboratory=row.laboratory_facts(),
    )


def said_no(error: ServiceError, field: str | None = None) -> ReasonGiven:
    """A refusal as a reason, in the words that a single row or file gets.

    Raises:
        ServiceError: The error itself, if it is a fault of the service.
    """
    if error.status >= FIRST_FAULT:
        raise error
    return ReasonGiven(code=error.code, field=field, problem=str(error))


def submit_row(begin: Begin, keys: KeyProvider, row: Row) -> Taken:
    """Submit one row of a manifest in a transaction of its own."""
    (taken,) = _submit(begin, keys, [row])
    return taken


def _submit(begin: Begin, keys: KeyProvider, rows: Sequence[Row]) -> list[Taken]:
    try:
        with begin() as work:
            refusals = samples.submit_all(work, keys, [submitted_row(row) for row in rows])
            accepted = [row.sample_id for row, refusal in zip(rows, refusals, strict=True) if refusal is None]
            told = standing(work, accepted)
    except DBAPIError:
        if len(rows) == 1:
            raise
        # The database ended the transaction, as where somebody holds one of the participants: that costs no other row.
        return [taken for row in rows for taken in _submit(begin, keys, [row])]
    return [
        told[row.sample_id] if refusal is None else Taken(reasons=(said_no(refusal),), refused=True)
        for row, refusal in zip(rows, refusals, strict=True)
    ]


def receive(begin: Begin, keys: KeyProvider, row: ManifestRow | SampleRow, file: BinaryIO, store: Path) -> Taken:
    """Take the file of a submitted row into the store: read once, hashed and sealed on its way.

    Raises:
        ServiceError: If it is not the declared one or must not be kept, or the store has no room; nothing of it stays.
    """
    with Incoming(store, row.participant_id, row.file_size) as incoming:
        while piece := file.read(PIECE):
            incoming.write(piece)
        incoming.finish()
        with begin() as work:
            accepted = samples.file_received(work, keys, row.sample_id, incoming)
            told = standing(work, [row.sample_id])[row.sample_id]
            if accepted:
                incoming.keep()
    return told


def take_file(begin: Begin, keys: KeyProvider, row: Row, files: Files, store: Path) -> Taken:
    """Take the genotype file of a row that was submitted. Where it is missing or another one, the row waits for it.

    Args:
        begin: Begins a transaction in the center's name.
        keys: Holder of the key-encryption keys.
        row: The row, as it was checked.
        files: Opens the file.
        store: Folder of sealed files.
    """
    try:
        with files(row.genotypes_file) as file:
            return receive(begin, keys, submitted_row(row), file, store)
    except ServiceError as error:
        return Taken(SampleState.AWAITING_FILE, reasons=(said_no(error, "genotypes_file"),))


def standing(work: Work, sample_ids: Collection[str]) -> dict[str, Taken]:
    """Where samples of the acting center's own are."""
    assessments = results.last_assessments(work.session, sample_ids)
    return {
        name: Taken(SampleState(sample.state), tuple(assessments[name].reasons) if name in assessments else ())
        for name, sample in results.samples_by_id(work.session, sample_ids).items()
    }
