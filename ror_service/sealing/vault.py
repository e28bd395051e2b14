"""Sealed things in the database: interpretations and reports, each under a data key of its own.

The wrapped data key lives in a table of its own, so that destroying one row there erases every copy of what it sealed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from interpreters.findings import Interpretation
from interpreters.genotypes import Build
from interpreters.knowledge import Source
from interpreters.serial import interpretation_from_json, to_json
from ror_service.errors import ErasedError
from ror_service.sealing.canonical import canonical_json
from ror_service.sealing.envelope import SealContext, new_data_key, open_sealed, seal
from ror_service.sealing.keys import KeyProvider, WrappedKey
from ror_service.storage.results import must_get
from ror_service.storage.tables import ArtifactRow, DataKeyRow, InterpretationRow, ReportVersionRow
from ror_service.work import Work, new_id


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A new data key, in clear only until the object is sealed."""

    key_id: str
    data_key: bytes


@dataclass(frozen=True, slots=True)
class Interpreted:
    """An interpretation with what a report of it must name: its build and the sources of its knowledge."""

    interpretation: Interpretation
    build: Build
    sources: tuple[Source, ...]


def keep_interpretation(
    work: Work, keys: KeyProvider, interpreted: Interpreted, *, participant_id: str, sample_id: str, input_sha256: str
) -> InterpretationRow:
    """Seal and store what one interpreter said; the row never changes afterwards."""
    interpretation = interpreted.interpretation
    interpretation_id = new_id("interpretation")
    key = _new_key(work, keys, participant_id, interpretation_id)
    row = InterpretationRow(
        interpretation_id=interpretation_id,
        sample_id=sample_id,
        participant_id=participant_id,
        module=interpretation.module,
        interpreter_version=interpretation.version,
        knowledge_release=interpretation.knowledge_release,
        knowledge_digest=interpretation.knowledge_digest,
        input_sha256=input_sha256,
        sealed=seal(canonical_json(to_json(interpreted)), key.data_key, _of_interpretation(
            participant_id, interpretation_id, key.key_id
        )),
        data_key_id=key.key_id,
        created_at=work.at,
    )  # fmt: skip
    work.session.add(row)
    work.session.flush()
    return row


def open_interpretation(work: Work, keys: KeyProvider, row: InterpretationRow) -> Interpreted:
    """What the interpreter said.

    Raises:
        ErasedError: If the data key was destroyed.
        SealError: If the row was changed or belongs to somebody else.
    """
    data_key = _open_key(work, keys, row.data_key_id, row.participant_id, row.interpretation_id)
    context = _of_interpretation(row.participant_id, row.interpretation_id, row.data_key_id)
    data = json.loads(open_sealed(row.sealed, data_key, context))
    return Interpreted(
        interpretation=interpretation_from_json(data["interpretation"]),
        build=Build(data["build"]),
        sources=tuple(Source(**source) for source in data["sources"]),
    )


def new_report_key(work: Work, keys: KeyProvider, participant_id: str, version_id: str) -> SealedKey:
    """A data key for all artifacts of one report version."""
    return _new_key(work, keys, participant_id, version_id)


def seal_artifact(content: bytes, key: SealedKey, participant_id: str, version: ReportVersionRow, name: str) -> bytes:
    """Seal one file of a report version, bound to person, version, name and templates."""
    return seal(content, key.data_key, _of_artifact(participant_id, version, name, key.key_id))


def open_artifact(
    work: Work, keys: KeyProvider, participant_id: str, version: ReportVersionRow, artifact: ArtifactRow
) -> bytes:
    """One file of a report version in clear.

    Raises:
        ErasedError: If the data key was destroyed.
        SealError: If the bytes were changed, or belong to another person, version or name.
    """
    data_key = _open_key(work, keys, version.data_key_id, participant_id, version.version_id)
    context = _of_artifact(participant_id, version, artifact.name, version.data_key_id)
    return open_sealed(artifact.sealed, data_key, context)


def content_digest(artifacts: dict[str, bytes]) -> str:
    """SHA-256 over names and contents of a version's files: proves that a report was made again byte for byte."""
    digest = hashlib.sha256()
    for name in sorted(artifacts):
        digest.update(name.encode() + b"\0" + hashlib.sha256(artifacts[name]).digest())
    return digest.hexdigest()


def _new_key(work: Work, keys: KeyProvider, participant_id: str, object_id: str) -> SealedKey:
    key_id, data_key = new_id("key"), new_data_key()
    wrapped = keys.wrap(data_key, _of_key(participant_id, object_id, key_id).associated_data())
    work.session.add(
        DataKeyRow(key_id=key_id, key_encryption_key_id=wrapped.kek_id, wrapped=wrapped.wrapped, created_at=work.at)
    )
    work.session.flush()
    return SealedKey(key_id, data_key)


def _open_key(work: Work, keys: KeyProvider, key_id: str, participant_id: str, object_id: str) -> bytes:
    row = must_get(work.session, DataKeyRow, key_id)
    if row.wrapped is None:
        raise ErasedError("the data key was destroyed; nobody can read this any more")
    context = _of_key(participant_id, object_id, key_id)
    return keys.unwrap(WrappedKey(row.key_encryption_key_id, row.wrapped), context.associated_data())


def _of_key(participant_id: str, object_id: str, key_id: str) -> SealContext:
    return SealContext(participant_id, object_id, 1, "data-key", "", key_id)


def _of_interpretation(participant_id: str, interpretation_id: str, key_id: str) -> SealContext:
    return SealContext(participant_id, interpretation_id, 1, "interpretation", "", key_id)


def _of_artifact(participant_id: str, version: ReportVersionRow, name: str, key_id: str) -> SealContext:
    return SealContext(
        participant_id, version.report_id, version.number, f"artifact:{name}", version.template_digest, key_id
    )
