"""Files that lie in a center's folder: a pass over it lists them, a job fetches each, one version of a file once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ror_service.audit.log import Actor
from ror_service.errors import ServiceError
from ror_service.intake import samples, submission
from ror_service.intake.feedback import ReasonGiven, Taken
from ror_service.intake.manifest import Row
from ror_service.intake.submission import NoFileError, said_no
from ror_service.intake.watched import Inbox
from ror_service.sealing.keys import KeyProvider
from ror_service.states import SampleState
from ror_service.storage import results
from ror_service.storage.tables import ListedFileRow, SampleRow
from ror_service.work import Work

_OF = "genotypes_file"


def center(name: str) -> Actor:
    """A genome center, in whose name its samples come in."""
    return Actor(name, "genome_center", "sample submission")


def list_file(work: Work, row: Row, inbox: Inbox) -> Taken:
    """Order that the file of a submitted row is fetched, unless this version of it is on its way or was refused.

    Args:
        work: The transaction, in the center's name.
        row: The row, which was submitted.
        inbox: The folder, which was listed.

    Returns:
        Where the sample is. While nothing is said against a file that is there, it is being fetched.
    """
    sample = samples.owned(work, row.sample_id)
    if SampleState(sample.state) is not SampleState.AWAITING_FILE:
        return submission.standing(work, [row.sample_id])[row.sample_id]
    if row.genotypes_file not in inbox.versions:
        return Taken(SampleState.AWAITING_FILE, reasons=(said_no(NoFileError(), _OF),))
    version = hashlib.sha256(inbox.versions[row.genotypes_file].encode()).hexdigest()
    listed = work.session.get(ListedFileRow, row.sample_id)
    if listed is None or (listed.folder_url, listed.name, listed.version) != (inbox.url, row.genotypes_file, version):
        work.session.merge(
            ListedFileRow(
                sample_id=row.sample_id,
                folder_url=inbox.url,
                name=row.genotypes_file,
                version=version,
                refused_as=None,
                problem=None,
                listed_at=work.at,
            )
        )
        work.enqueue("fetch_file", row.sample_id, backfill=sample.backfill)
        return Taken(SampleState.AWAITING_FILE)
    refused = listed.refused_as and ReasonGiven(code=listed.refused_as, field=_OF, problem=listed.problem or "")
    return Taken(SampleState.AWAITING_FILE, reasons=(refused,) if refused else ())


@dataclass(frozen=True, slots=True)
class ToFetch:
    """A file that is to be fetched, and the sample that waits for it."""

    sample: SampleRow
    folder_url: str
    name: str
    version: str


def to_fetch(work: Work, sample_id: str) -> ToFetch | None:
    """What is to be fetched for a sample; None when it has its file, or the one that was listed was refused.

    Raises:
        NotFoundError: If there is no such sample.
    """
    sample = results.must_get(work.session, SampleRow, sample_id)
    listed = work.session.get(ListedFileRow, sample_id)
    if listed is None or listed.refused_as or SampleState(sample.state) is not SampleState.AWAITING_FILE:
        return None
    return ToFetch(sample, listed.folder_url, listed.name, listed.version)


def fetch(
    begin_as: Callable[[Actor], AbstractContextManager[Work]], keys: KeyProvider, file: ToFetch, store: Path
) -> None:
    """Bring a file into the store, or write down why it is not the declared one.

    Args:
        begin_as: Begins a transaction in somebody's name.
        keys: Holder of the key-encryption keys.
        file: What is fetched.
        store: Folder of sealed files.

    Raises:
        NoRoomError: If the store has no room.
        Exception: What the folder's store raises when it cannot be reached.
    """
    begin = partial(begin_as, center(file.sample.genome_center))
    try:
        with Inbox(file.folder_url).open(file.name) as content:
            submission.receive(begin, keys, file.sample, content, store)
    except ServiceError as error:
        said = said_no(error)
        with begin() as work:
            listed = results.must_get(work.session, ListedFileRow, file.sample.sample_id, lock=True)
            if listed.version == file.version:  # else another one was listed meanwhile
                listed.refused_as, listed.problem = said.code, said.problem[:500]
