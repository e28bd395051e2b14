"""Samples: the manifest row that declares one, its file, and the verdict on what was read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Protocol

from sqlalchemy import update

from interpreters.genotypes import Assay, Build, OutsideCall, Sample, Sex
from ror_service import cases
from ror_service.audit.log import Event
from ror_service.errors import ConflictError, ErasedError, InvalidInputError, NotFoundError, SealError, ServiceError
from ror_service.intake.incoming import Incoming
from ror_service.intake.manifest import LaboratoryFacts
from ror_service.intake.qc import Declared, QcAssessment, Verdict
from ror_service.sealing import vault
from ror_service.sealing.canonical import canonical_json
from ror_service.sealing.keys import KeyProvider
from ror_service.sealing.vault import LaboratorySays, SealedFile
from ror_service.states import CaseState, SampleState
from ror_service.storage import participants, results
from ror_service.storage.participants import Lock, Standing
from ror_service.storage.tables import (
    DataFileRow,
    OutsideCallsRow,
    ParticipantRow,
    QcAssessmentRow,
    ResultCaseRow,
    SampleRow,
)
from ror_service.work import Work, new_id

_NOTHING_SEALED: tuple[tuple[OutsideCall, ...], LaboratoryFacts] = ((), LaboratoryFacts())
_AT_ONCE = 500
"""Values in one question to the database at most."""
_OTHER_FACTS = "the sample was submitted before with other facts"
_MUST_NOT_BE_KEPT = "this sample's data must not be kept; delete the file, and submit any later one anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestRow:
    """What a genome center declares about one sample and its genotype file."""

    sample_id: str
    participant_id: str
    specimen: str
    assay: Assay
    build: Build | None
    sex_at_birth: Sex
    contamination: float | None
    name_in_file: str | None
    collected_on: date | None
    file_sha256: str
    file_size: int
    outside_calls: tuple[OutsideCall, ...] = field(default=(), repr=False)
    laboratory: LaboratoryFacts = field(default_factory=LaboratoryFacts, repr=False)

    @property
    def sealed_part(self) -> tuple[tuple[OutsideCall, ...], LaboratoryFacts]:
        """What is kept under the participant's key alone."""
        return self.outside_calls, self.laboratory

    @property
    def seals(self) -> bool:
        """Whether there is a part that is sealed."""
        return self.sealed_part != _NOTHING_SEALED

    def digest(self) -> str:
        """SHA-256 of the canonical row but for its sealed part: the same row again is the same submission.

        The digest is stored in clear, and genetic results are few enough to be guessed from one.
        """
        facts = asdict(self)
        del facts["outside_calls"], facts["laboratory"]
        content = {name: None if value is None else str(value) for name, value in facts.items()}
        return hashlib.sha256(canonical_json(content)).hexdigest()


@dataclass(frozen=True, slots=True)
class Reading:
    """One file that is to be read: what opens it and what was declared about it."""

    sample_id: str
    participant_id: str
    file: SealedFile
    declared: Declared
    outside_calls: tuple[OutsideCall, ...] = field(default=(), repr=False)
    backfill: bool = False
    held: bool = False
    """Whether the quality gate holds the sample: nothing is interpreted."""
    verdict_before: str | None = None
    """Identifier of the last verdict on the sample when this began."""


def submit(work: Work, keys: KeyProvider, row: ManifestRow) -> None:
    """Accept a manifest row and seal what is to be sealed of it. The same row again changes nothing.

    Raises:
        NotFoundError: If there is no such participant.
        ConflictError: If the sample identifier was submitted with other facts or by another center, or the row brings
            sealed facts that must not be kept.
        ErasedError: If the row's sealed facts were erased since.
        SealError: If the row's sealed facts do not open.
        InvalidInputError: If a fact is out of range.
    """
    (refusal,) = submit_all(work, keys, [row])
    if refusal is not None:
        raise refusal


def submit_all(work: Work, keys: KeyProvider, rows: Sequence[ManifestRow]) -> list[ServiceError | None]:
    """Accept some hundred manifest rows in one transaction, each as `submit` accepts it alone.

    Nothing is written before it is decided on every row, so that one that is refused does not touch the others.

    Args:
        work: The transaction.
        keys: Holder of the key-encryption keys.
        rows: Rows of different samples.

    Returns:
        For each row None, or the error that `submit` raises.
    """
    with work.as_service():
        standings = participants.standings(work.session, (row.participant_id for row in rows), Lock.SHARED)
    refusals = {row.sample_id: _unfit(row, standings) for row in rows}
    left = {row.sample_id: row for row in rows if refusals[row.sample_id] is None}
    events: list[Event] = []
    # Another center may take the same ones at this moment: then they are known in a second round.
    for _ in range(2 if left else 0):
        with work.as_service():  # one may be another center's
            known = results.samples_by_id(work.session, left)
            refusals |= _compare(work, keys, known, left, events)
        new = [row for name, row in left.items() if name not in known]
        forbidden = {row.sample_id for row in new if row.seals and cases.must_be_erased(standings[row.participant_id])}
        refusals |= {name: ConflictError(_MUST_NOT_BE_KEPT) for name in forbidden}
        new = [row for row in new if row.sample_id not in forbidden]
        added = _add(work, keys, new, events)
        left = {row.sample_id: row for row in new if row.sample_id not in added}
    refusals |= {name: ConflictError(_OTHER_FACTS) for name in left}
    # Last, for from here on nobody else can write to the log.
    work.audit_all(events)
    return [refusals[row.sample_id] for row in rows]


def _unfit(row: ManifestRow, standings: Mapping[str, Standing]) -> ServiceError | None:
    if row.contamination is not None and not 0 <= row.contamination <= 1:
        return InvalidInputError("contamination is a share from 0 to 1")
    return None if row.participant_id in standings else NotFoundError("no such participant")


def _compare(
    work: Work,
    keys: KeyProvider,
    known: Mapping[str, SampleRow],
    rows: Mapping[str, ManifestRow],
    events: list[Event],
) -> dict[str, ServiceError | None]:
    """Whether known samples were submitted as these rows say; adds the events of what had to be opened for it."""
    compared: dict[str, ServiceError | None] = {
        name: None
        if (sample.manifest_sha256, sample.genome_center) == (rows[name].digest(), work.actor.name)
        else ConflictError(_OTHER_FACTS)
        for name, sample in known.items()
    }
    alike = [name for name, refusal in compared.items() if refusal is None]
    sealed = results.outside_calls_with_keys(work.session, alike)
    for name in alike:
        said, _ = sealed.get(name, (None, None))
        try:
            if _opened(work, keys, known[name], said, events) != rows[name].sealed_part:
                compared[name] = ConflictError(_OTHER_FACTS)
        except (ErasedError, SealError) as error:
            compared[name] = error
    return compared


def _add(work: Work, keys: KeyProvider, rows: Sequence[ManifestRow], events: list[Event]) -> set[str]:
    """Add new samples, but for those that somebody else adds at this moment; returns which were added."""
    if not rows:
        return set()
    digests = {row.sample_id: row.digest() for row in rows}
    added = results.add_samples(
        work.session,
        [
            {
                "sample_id": row.sample_id,
                "participant_id": row.participant_id,
                "genome_center": work.actor.name,
                "specimen": row.specimen,
                "assay": row.assay.value,
                "build": None if row.build is None else row.build.value,
                "sex_at_birth": row.sex_at_birth.value,
                "contamination": row.contamination,
                "name_in_file": row.name_in_file,
                "collected_on": row.collected_on,
                "file_sha256": row.file_sha256,
                "file_size": row.file_size,
                "manifest_sha256": digests[row.sample_id],
                "state": SampleState.AWAITING_FILE.value,
                "created_at": work.at,
            }
            for row in rows
        ],
    )
    mine = [row for row in rows if row.sample_id in added]
    said = [
        LaboratorySays(row.participant_id, row.sample_id, row.outside_calls, row.laboratory.to_json())
        for row in mine
        if row.seals
    ]
    with work.as_service():
        vault.keep_outside_calls(work, keys, said)
    for row in mine:
        details = {"manifest_sha256": digests[row.sample_id], "outside_calls": len(row.outside_calls)}
        events.append(Event("sample.submit", "sample", row.sample_id, row.participant_id, details))
    return added


def owned(work: Work, sample_id: str) -> SampleRow:
    """A sample of the acting genome center.

    Raises:
        NotFoundError: If there is none, or it is another center's.
    """
    sample = work.session.get(SampleRow, sample_id)
    if sample is None or sample.genome_center != work.actor.name:
        raise NotFoundError("no such sample")
    return sample


class DeclaredFile(Protocol):
    """A manifest row, received or stored."""

    @property
    def file_sha256(self) -> str:
        """SHA-256 in hexadecimal."""

    @property
    def file_size(self) -> int:
        """Bytes."""


def check_file(declared: DeclaredFile, sha256: str, size: int) -> None:
    """See whether a file is the one that its row declares.

    Raises:
        ConflictError: If it is another one.
    """
    if (declared.file_sha256, declared.file_size) != (sha256, size):
        raise ConflictError("the file's SHA-256 or size differs from the manifest row; send the declared file")


def file_received(work: Work, keys: KeyProvider, sample_id: str, incoming: Incoming) -> bool:
    """Accept the sample's file by its hash and size, keep its key, and order its extraction.

    Returns:
        True when these sealed bytes are the sample's file from now on; False when it has the same file already.

    Raises:
        NotFoundError: If the sample is not the acting center's.
        ConflictError: If the file is not the one that the manifest row declares, or must not be kept.
    """
    sample = owned(work, sample_id)
    check_file(sample, incoming.sha256, incoming.size)
    with work.as_service():
        return _keep_file(work, keys, sample, incoming)


def _keep_file(work: Work, keys: KeyProvider, sample: SampleRow, incoming: Incoming) -> bool:
    sample_id = sample.sample_id
    known = participants.history(work.session, sample.participant_id, Lock.SHARED)
    sample = results.must_get(work.session, SampleRow, sample_id, lock=True)
    if cases.must_be_erased(known) or SampleState(sample.state) is SampleState.ERASED:
        raise ConflictError(_MUST_NOT_BE_KEPT)
    if results.file_of(work.session, sample_id) is not None:
        return False
    vault.keep_key(work, keys, incoming.key, sample.participant_id, incoming.file_id)
    work.session.add(
        DataFileRow(
            file_id=incoming.file_id,
            sample_id=sample_id,
            role="genotypes",
            sha256=incoming.sha256,
            size=incoming.size,
            data_key_id=incoming.key.key_id,
            received_at=work.at,
        )
    )
    sample.state = SampleState.RECEIVED.value
    work.session.flush()
    work.audit("sample.file", "sample", sample_id, sample.participant_id, file_sha256=incoming.sha256)
    work.enqueue("extract_sample", sample_id, backfill=sample.backfill)
    return True


def begin_reading(work: Work, keys: KeyProvider, sample_id: str, store: Path) -> Reading | None:
    """What to read, or None when the participant's standing forbids any use, or there is no file or no more.

    A file that cannot be read is not read again: its verdict stands.

    Raises:
        NotFoundError: If there is no such sample.
        SealError: If the file's key does not open.
    """
    sample = results.must_get(work.session, SampleRow, sample_id)
    file = results.file_of(work.session, sample_id)
    known = participants.history(work.session, sample.participant_id)
    if file is None or results.is_erased(work.session, file) or cases.use_forbidden(known):
        return None
    if SampleState(sample.state) is SampleState.UNREADABLE:
        return None
    participant = participants.get(work.session, sample.participant_id)
    events: list[Event] = []
    calls, laboratory = _opened(work, keys, sample, results.outside_calls_of(work.session, sample_id), events)
    work.audit_all(events)
    before = results.last_assessment(work.session, sample_id)
    return Reading(
        sample_id=sample_id,
        participant_id=sample.participant_id,
        file=vault.open_file(work, keys, sample.participant_id, file, store),
        declared=_declared(sample, participant, laboratory),
        outside_calls=calls,
        backfill=sample.backfill,
        held=SampleState(sample.state) is SampleState.QC_HOLD,
        verdict_before=None if before is None else before.assessment_id,
    )


def is_newest(work: Work, reading: Reading) -> bool:
    """Whether no other worker read the sample since this reading began, as when this one was believed dead.

    Until the end of the transaction nobody else can.
    """
    participants.get(work.session, reading.participant_id, Lock.EXCLUSIVE)
    last = results.last_assessment(work.session, reading.sample_id)
    return reading.verdict_before == (None if last is None else last.assessment_id)


def mark_backfill(work: Work, sample_ids: Iterable[str]) -> None:
    """Let the jobs of the acting center's samples whose file has not come wait for the weekly work."""
    names = iter(sample_ids)
    while some := list(islice(names, _AT_ONCE)):
        work.session.execute(
            update(SampleRow)
            .where(SampleRow.sample_id.in_(some), SampleRow.genome_center == work.actor.name)
            .where(SampleRow.state == SampleState.AWAITING_FILE.value)
            .values(backfill=True)
        )


def record_verdict(work: Work, sample_id: str, assessment: QcAssessment | None, problem: str | None = None) -> None:
    """Keep the quality verdict on a reading and let it take effect on every case of the participant.

    Args:
        work: The transaction.
        sample_id: Which sample.
        assessment: The gate's verdict, or None when the file could not be read.
        problem: Code of the reader's error when there is no assessment.
    """
    sample = results.must_get(work.session, SampleRow, sample_id)
    # The verdict and an answer that arrives at the same moment both move the cases: one after the other.
    participants.get(work.session, sample.participant_id, Lock.EXCLUSIVE)
    sample = results.must_get(work.session, SampleRow, sample_id, lock=True)
    if SampleState(sample.state) is SampleState.ERASED:
        return
    passed = assessment is not None and assessment.verdict is Verdict.PASS
    state = SampleState.UNREADABLE if assessment is None else SampleState.READ if passed else SampleState.QC_HOLD
    sample.state = state.value
    work.session.add(
        QcAssessmentRow(
            assessment_id=new_id("qc"),
            sample_id=sample_id,
            verdict="fail" if assessment is None else assessment.verdict.value,
            policy_version="" if assessment is None else assessment.policy_version,
            reasons=[problem or "unreadable"] if assessment is None else list(assessment.holds),
            rules=[] if assessment is None else [asdict(rule) for rule in assessment.rules],
            assessed_at=work.at,
        )
    )
    work.session.flush()
    work.audit("sample.quality", "sample", sample_id, sample.participant_id, state=state.value)
    cases.sample_read(work, sample)


def remove_erased(work: Work, sample_id: str, store: Path) -> None:
    """Remove the sealed bytes of a file whose key was destroyed; what is gone already stays so."""
    sample = results.must_get(work.session, SampleRow, sample_id)
    file = results.file_of(work.session, sample_id)
    if file is not None and results.is_erased(work.session, file):
        (store / file.file_id).unlink(missing_ok=True)
        work.audit("sample.file_removed", "sample", sample_id, sample.participant_id)


def accepted_modules(work: Work, sample_id: str) -> tuple[str, ...]:
    """Modules of this sample that are accepted now and not yet interpreted, under the shared consent lock."""
    sample = results.must_get(work.session, SampleRow, sample_id)
    participants.get(work.session, sample.participant_id, Lock.SHARED)
    return tuple(case.module for case in _accepted(work, sample))


def accepted_case(work: Work, sample_id: str, module: str) -> ResultCaseRow | None:
    """The case that an interpretation of this sample is for, locked; None when it is no longer wanted."""
    sample = results.must_get(work.session, SampleRow, sample_id)
    participants.get(work.session, sample.participant_id, Lock.SHARED)
    for case in _accepted(work, sample):
        if case.module == module:
            return results.must_get(work.session, ResultCaseRow, case.case_id, lock=True)
    return None


def facts(reading: Reading, build: Build) -> Sample:
    """The facts that an interpretation may depend on."""
    return Sample(build=build, assay=reading.declared.assay, sex_at_birth=reading.declared.sex_at_birth)


def _accepted(work: Work, sample: SampleRow) -> list[ResultCaseRow]:
    return [
        case
        for case in results.cases_of(work.session, sample.participant_id)
        if case.sample_id in {None, sample.sample_id} and CaseState(case.state) is CaseState.ACCEPTED
    ]


def _opened(
    work: Work, keys: KeyProvider, sample: SampleRow, said: OutsideCallsRow | None, events: list[Event]
) -> tuple[tuple[OutsideCall, ...], LaboratoryFacts]:
    """What is sealed of a sample's row; adds the event of its opening."""
    if said is None:
        return _NOTHING_SEALED
    events.append(Event("sample.outside_calls", "sample", sample.sample_id, sample.participant_id, {}))
    opened = vault.open_outside_calls(work, keys, sample.participant_id, said)
    return tuple(opened.calls), LaboratoryFacts.from_json(opened.laboratory)


def _declared(sample: SampleRow, participant: ParticipantRow, laboratory: LaboratoryFacts) -> Declared:
    own, written = Sex(participant.sex_at_birth), Sex(sample.sex_at_birth)
    return Declared(
        sex_at_birth=own,
        sex_in_manifest=None if Sex.UNKNOWN in {own, written} else written,
        inferred_sex=laboratory.inferred_sex,
        assay=Assay(sample.assay),
        specimen=sample.specimen,
        build=None if sample.build is None else Build(sample.build),
        contamination=sample.contamination,
        sample_name=sample.name_in_file,
        sha256=sample.file_sha256,
        laboratory=laboratory,
    )
