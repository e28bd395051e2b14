"""Sealed things in the database and genotype files on disk, each under a data key of its own.

The wrapped data key lives in a table of its own, so that destroying one row there erases every copy of what it sealed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interpreters.findings import Interpretation
from interpreters.genotypes import Build, OutsideCall
from interpreters.knowledge import Source
from interpreters.serial import interpretation_from_json, to_json
from ror_service.errors import ErasedError, NotFoundError
from ror_service.sealing.canonical import canonical_json
from ror_service.sealing.envelope import SealContext, new_data_key, open_sealed, seal
from ror_service.sealing.keys import KeyProvider, WrappedKey
from ror_service.sealing.stream import open_stream
from ror_service.storage import data_keys, indexes, participants, results
from ror_service.storage.results import must_get
from ror_service.storage.tables import (
    AmendmentRow,
    ArtifactRow,
    DataFileRow,
    DataKeyRow,
    DesigneeNamingRow,
    FingerprintRow,
    FingerprintSegmentRow,
    InterpretationRow,
    OutsideCallsRow,
    OwnMedicinesRow,
    ReportVersionRow,
    StoredGenotypesRow,
    VariantSegmentRow,
)
from ror_service.work import Work, new_id


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A new data key, in clear only until the object is sealed."""

    key_id: str
    data_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SealedFile:
    """A sealed file on disk with what opens it."""

    path: Path
    data_key: bytes = field(repr=False)
    context: SealContext

    def chunks(self) -> Generator[bytes, None, None]:
        """The clear bytes in order; only the end says that the file is whole.

        Raises:
            NotFoundError: If the bytes are not there: erased at this moment, or lost.
            SealError: If they do not open, or are not whole and unchanged.
        """
        try:
            file = self.path.open("rb")
        except FileNotFoundError as error:
            raise NotFoundError("the sealed file is not in the store; restore it from a copy") from error
        with file:
            yield from open_stream(file, self.data_key, self.context)


@dataclass(frozen=True, slots=True)
class LaboratorySays:
    """What the laboratory of a sample says beyond its row."""

    participant_id: str
    sample_id: str
    calls: Sequence[OutsideCall] = field(repr=False)
    """Results by another method."""
    laboratory: Mapping[str, Any] = field(repr=False)
    """What else it says, as plain JSON."""


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


def keep_own_medicines(work: Work, keys: KeyProvider, participant_id: str, medicines: Sequence[str]) -> None:
    """Seal and store a participant's list of medicines. The list before it is erased with its key."""
    row = participants.own_medicines(work.session, participant_id)
    if row is None:
        row = OwnMedicinesRow(list_id=new_id("medicines"), participant_id=participant_id)
    else:
        data_keys.destroy_keys(work.session, [row.data_key_id], work.at)
    key = _new_key(work, keys, participant_id, row.list_id)
    content = canonical_json({"medicines": list(medicines)})
    row.sealed = seal(content, key.data_key, _of_own_medicines(row, key.key_id))
    row.data_key_id = key.key_id
    row.entered_at = work.at
    work.session.add(row)
    work.session.flush()


def open_own_medicines(work: Work, keys: KeyProvider, row: OwnMedicinesRow) -> tuple[str, ...]:
    """The medicines that the participant named.

    Raises:
        ErasedError: If the list was removed.
        SealError: If the row was changed or belongs to somebody else.
    """
    data_key = _open_key(work, keys, row.data_key_id, row.participant_id, row.list_id)
    content = json.loads(open_sealed(row.sealed, data_key, _of_own_medicines(row, row.data_key_id)))
    return tuple(content["medicines"])


def keep_naming(work: Work, keys: KeyProvider, row: DesigneeNamingRow, said: Mapping[str, str]) -> None:
    """Seal the name of the person whom a participant names, and how to reach that person, under a key of its own."""
    key = _new_key(work, keys, row.participant_id, row.event_id)
    row.sealed = seal(canonical_json(dict(said)), key.data_key, _of_naming(row, key.key_id))
    row.data_key_id = key.key_id


def open_naming(work: Work, keys: KeyProvider, row: DesigneeNamingRow) -> Mapping[str, str]:
    """Who was named; empty where nobody was.

    Raises:
        ErasedError: If the data key was destroyed.
        SealError: If the row was changed or belongs to somebody else.
    """
    if row.sealed is None or row.data_key_id is None:
        return {}
    data_key = _open_key(work, keys, row.data_key_id, row.participant_id, row.event_id)
    said: Mapping[str, str] = json.loads(open_sealed(row.sealed, data_key, _of_naming(row, row.data_key_id)))
    return said


def keep_outside_calls(work: Work, keys: KeyProvider, said: Sequence[LaboratorySays]) -> None:
    """Seal and store what laboratories say of samples, each under a key of its own; never changed after."""
    made = [new_key() for _ in said]
    _keep_keys(work, keys, [(key, one.participant_id, one.sample_id) for key, one in zip(made, said, strict=True)])
    rows = []
    for key, one in zip(made, said, strict=True):
        facts = {"laboratory": dict(one.laboratory)} if one.laboratory else {}
        content = canonical_json({"calls": to_json(one.calls), **facts})
        context = _of_outside_calls(one.participant_id, one.sample_id, key.key_id)
        sealed = seal(content, key.data_key, context)
        rows.append({"sample_id": one.sample_id, "sealed": sealed, "data_key_id": key.key_id})
    results.add_rows(work.session, OutsideCallsRow, rows)


def open_outside_calls(work: Work, keys: KeyProvider, participant_id: str, row: OutsideCallsRow) -> LaboratorySays:
    """What the laboratory of a sample says beyond its row.

    Raises:
        ErasedError: If the data key was destroyed.
        SealError: If the row was changed or belongs to somebody else.
    """
    data_key = _open_key(work, keys, row.data_key_id, participant_id, row.sample_id)
    context = _of_outside_calls(participant_id, row.sample_id, row.data_key_id)
    plain = json.loads(open_sealed(row.sealed, data_key, context))
    calls = tuple(OutsideCall(**call) for call in plain["calls"])
    return LaboratorySays(participant_id, row.sample_id, calls, plain.get("laboratory", {}))


def keep_genotypes(
    work: Work,
    keys: KeyProvider,
    participant_id: str,
    sample_id: str,
    packed: bytes,
    *,
    build: Build,
    catalogue: str,
    carried: bytes | None = None,
) -> None:
    """Seal and store what interpreters need of a sample; what was stored of it before is erased with its key.

    Args:
        work: The transaction.
        keys: Holder of the key-encryption keys.
        participant_id: Whose sample.
        sample_id: Which sample.
        packed: What is stored.
        build: Build of its coordinates.
        catalogue: Digest of the catalogue that says what it holds, which is in the database.
        carried: Numbers of the alleles that it carries, where they are known.
    """
    row = work.session.get(StoredGenotypesRow, sample_id)
    if row is None:
        row = StoredGenotypesRow(sample_id=sample_id)
    else:
        indexes.dissolve_segments(work.session, [sample_id], work.at)
        data_keys.destroy_keys(work.session, [row.data_key_id], work.at)
    key = _new_key(work, keys, participant_id, sample_id)
    row.sealed = seal(packed, key.data_key, _of_genotypes(participant_id, sample_id, key.key_id))
    row.carried = None if carried is None else seal(carried, key.data_key, _of_carried(participant_id, row, key.key_id))
    row.data_key_id, row.build, row.catalogue_digest, row.created_at = key.key_id, build.value, catalogue, work.at
    work.session.add(row)
    work.session.flush()


def open_genotypes(work: Work, keys: KeyProvider, participant_id: str, row: StoredGenotypesRow) -> bytes:
    """What is stored of a sample.

    Raises:
        ErasedError: If the data key was destroyed.
        SealError: If the row was changed or belongs to somebody else.
    """
    data_key = _open_key(work, keys, row.data_key_id, participant_id, row.sample_id)
    return open_sealed(row.sealed, data_key, _of_genotypes(participant_id, row.sample_id, row.data_key_id))


def add_carried(work: Work, keys: KeyProvider, participant_id: str, row: StoredGenotypesRow, carried: bytes) -> None:
    """Seal the numbers of the alleles that a stored call set carries beside it, under its key.

    Raises:
        ErasedError: If the data key was destroyed.
        SealError: If the row was changed or belongs to somebody else.
    """
    data_key = _open_key(work, keys, row.data_key_id, participant_id, row.sample_id)
    row.carried = seal(carried, data_key, _of_carried(participant_id, row, row.data_key_id))


def open_carried(work: Work, keys: KeyProvider, participant_id: str, row: StoredGenotypesRow) -> bytes | None:
    """Numbers of the alleles that a stored call set carries; None where they were not stored beside it.

    Raises:
        ErasedError: If the data key was destroyed.
        SealError: If the row was changed or belongs to somebody else.
    """
    if row.carried is None:
        return None
    data_key = _open_key(work, keys, row.data_key_id, participant_id, row.sample_id)
    return open_sealed(row.carried, data_key, _of_carried(participant_id, row, row.data_key_id))


def keep_segment(work: Work, keys: KeyProvider, segment_id: str, content: bytes, samples: int) -> None:
    """Seal and store a piece of the index of carried variants, which belongs to nobody alone."""
    work.session.add(VariantSegmentRow(segment_id=segment_id, **_segment(work, keys, segment_id, content, samples)))
    work.session.flush()


def keep_fingerprint_segment(
    work: Work, keys: KeyProvider, segment_id: str, content: bytes, samples: int, *, panel_release: str
) -> None:
    """Seal and store fingerprints of many samples together, which belong to nobody alone."""
    sealed = _segment(work, keys, segment_id, content, samples)
    work.session.add(FingerprintSegmentRow(segment_id=segment_id, panel_release=panel_release, **sealed))
    work.session.flush()


def _segment(work: Work, keys: KeyProvider, segment_id: str, content: bytes, samples: int) -> dict[str, Any]:
    key = _new_key(work, keys, "", segment_id)
    sealed = seal(content, key.data_key, _of_segment(segment_id, key.key_id))
    return {"sealed": sealed, "data_key_id": key.key_id, "samples": samples, "created_at": work.at}


def open_segment(work: Work, keys: KeyProvider, row: VariantSegmentRow | FingerprintSegmentRow) -> bytes:
    """A piece of the index of carried variants, or fingerprints of many samples.

    Raises:
        ErasedError: If it was dissolved.
        SealError: If the row was changed.
    """
    data_key = _open_key(work, keys, row.data_key_id, "", row.segment_id)
    return open_sealed(row.sealed or b"", data_key, _of_segment(row.segment_id, row.data_key_id))


def keep_fingerprint(
    work: Work, keys: KeyProvider, participant_id: str, sample_id: str, packed: bytes, *, panel_release: str
) -> None:
    """Seal and store the fingerprint of a sample. One of another panel release is erased with its key."""
    row = work.session.get(FingerprintRow, sample_id)
    if row is None:
        row = FingerprintRow(sample_id=sample_id)
    else:
        indexes.dissolve_segments(work.session, [sample_id], work.at)
        data_keys.destroy_keys(work.session, [row.data_key_id], work.at)
    key = _new_key(work, keys, participant_id, sample_id)
    row.sealed = seal(packed, key.data_key, _of_fingerprint(participant_id, sample_id, panel_release, key.key_id))
    row.panel_release, row.data_key_id, row.segment_id = panel_release, key.key_id, None
    work.session.add(row)
    work.session.flush()


def open_fingerprint(work: Work, keys: KeyProvider, participant_id: str, row: FingerprintRow) -> bytes:
    """The packed fingerprint of a sample.

    Raises:
        ErasedError: If the data key was destroyed.
        SealError: If the row was changed or belongs to somebody else.
    """
    data_key = _open_key(work, keys, row.data_key_id, participant_id, row.sample_id)
    return open_sealed(
        row.sealed, data_key, _of_fingerprint(participant_id, row.sample_id, row.panel_release, row.data_key_id)
    )


def new_key() -> SealedKey:
    """A data key that nobody else knows yet; what it seals is lost unless the key is kept."""
    return SealedKey(new_id("key"), new_data_key())


def keep_key(work: Work, keys: KeyProvider, key: SealedKey, participant_id: str, object_id: str) -> None:
    """Wrap and store a data key, bound to the one object that it seals."""
    _keep_keys(work, keys, [(key, participant_id, object_id)])


def _keep_keys(work: Work, keys: KeyProvider, made: Iterable[tuple[SealedKey, str, str]]) -> None:
    rows = []
    for key, participant_id, object_id in made:
        wrapped = keys.wrap(key.data_key, key_context(participant_id, object_id, key.key_id).associated_data())
        rows.append(
            {
                "key_id": key.key_id,
                "key_encryption_key_id": wrapped.kek_id,
                "wrapped": wrapped.wrapped,
                "created_at": work.at,
            }
        )
    results.add_rows(work.session, DataKeyRow, rows)


def key_context(participant_id: str, object_id: str, key_id: str) -> SealContext:
    """What a data key is wrapped as."""
    return SealContext(participant_id, object_id, 1, "data-key", "", key_id)


def file_context(participant_id: str, file_id: str, key_id: str) -> SealContext:
    """What a genotype file is sealed as."""
    return SealContext(participant_id, file_id, 1, "genotypes", "", key_id)


def open_file(work: Work, keys: KeyProvider, participant_id: str, row: DataFileRow, store: Path) -> SealedFile:
    """A genotype file, ready to be read outside the transaction.

    Raises:
        ErasedError: If the data key was destroyed.
        SealError: If the file belongs to somebody else.
    """
    data_key = _open_key(work, keys, row.data_key_id, participant_id, row.file_id)
    return SealedFile(store / row.file_id, data_key, file_context(participant_id, row.file_id, row.data_key_id))


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


def keep_amendment_text(work: Work, keys: KeyProvider, row: AmendmentRow, text: Mapping[str, Any]) -> None:
    """Seal what a person wrote about an amendment, under a key of its own."""
    key = _new_key(work, keys, row.participant_id, row.amendment_id)
    row.sealed = seal(canonical_json(dict(text)), key.data_key, _of_amendment(row, key.key_id))
    row.data_key_id = key.key_id


def open_amendment_text(work: Work, keys: KeyProvider, row: AmendmentRow) -> Mapping[str, Any]:
    """What a person wrote about an amendment; empty where nobody wrote anything.

    Raises:
        ErasedError: If the data key was destroyed.
        SealError: If the row was changed or belongs to somebody else.
    """
    if row.data_key_id is None:
        return {}
    data_key = _open_key(work, keys, row.data_key_id, row.participant_id, row.amendment_id)
    text: dict[str, Any] = json.loads(open_sealed(row.sealed or b"", data_key, _of_amendment(row, row.data_key_id)))
    return text


def rewrap_keys(work: Work, keys: KeyProvider, after: str = "", limit: int = 500) -> tuple[int, str]:
    """Wrap living data keys by the current key-encryption key. What they seal is not touched.

    Call it again and again, a transaction each; it may stop anywhere. Of several keys it leaves out those that another
    transaction holds, so that no two wait for each other; for a single one (`limit` 1) it waits.

    Args:
        work: The transaction.
        keys: Holder of the key-encryption keys.
        after: In the order of their ids, keys behind this one.
        limit: Most of them.

    Returns:
        How many were wrapped anew, and behind which key to go on; empty at the end.
    """
    stale = data_keys.keys_not_under(work.session, keys.current_key_id(), after, limit)
    renewed = []
    for key in data_keys.locked_keys(work.session, stale, wait=limit == 1):
        bound = key_context(key.participant_id, key.object_id, key.key_id).associated_data()
        moved = keys.wrap(keys.unwrap(WrappedKey(key.key_encryption_key_id, key.wrapped), bound), bound)
        renewed.append((key.key_id, moved.kek_id, moved.wrapped))
    data_keys.replace_wrapped(work.session, renewed)
    return len(renewed), stale[-1] if stale else ""


def content_digest(artifacts: dict[str, bytes]) -> str:
    """SHA-256 over names and contents of a version's files: proves that a report was made again byte for byte."""
    digest = hashlib.sha256()
    for name in sorted(artifacts):
        digest.update(name.encode() + b"\0" + hashlib.sha256(artifacts[name]).digest())
    return digest.hexdigest()


def _new_key(work: Work, keys: KeyProvider, participant_id: str, object_id: str) -> SealedKey:
    key = new_key()
    keep_key(work, keys, key, participant_id, object_id)
    return key


def _open_key(work: Work, keys: KeyProvider, key_id: str, participant_id: str, object_id: str) -> bytes:
    row = must_get(work.session, DataKeyRow, key_id)
    if row.wrapped is None:
        raise ErasedError("the data key was destroyed; nobody can read this any more")
    context = key_context(participant_id, object_id, key_id)
    return keys.unwrap(WrappedKey(row.key_encryption_key_id, row.wrapped), context.associated_data())


def _of_interpretation(participant_id: str, interpretation_id: str, key_id: str) -> SealContext:
    return SealContext(participant_id, interpretation_id, 1, "interpretation", "", key_id)


def _of_outside_calls(participant_id: str, sample_id: str, key_id: str) -> SealContext:
    return SealContext(participant_id, sample_id, 1, "outside-calls", "", key_id)


def _of_genotypes(participant_id: str, sample_id: str, key_id: str) -> SealContext:
    return SealContext(participant_id, sample_id, 1, "stored-genotypes", "", key_id)


def _of_carried(participant_id: str, row: StoredGenotypesRow, key_id: str) -> SealContext:
    return SealContext(participant_id, row.sample_id, 1, "carried-alleles", "", key_id)


def _of_segment(segment_id: str, key_id: str) -> SealContext:
    return SealContext("", segment_id, 1, "variant-segment", "", key_id)


def _of_fingerprint(participant_id: str, sample_id: str, panel_release: str, key_id: str) -> SealContext:
    return SealContext(participant_id, sample_id, 1, "fingerprint", panel_release, key_id)


def _of_own_medicines(row: OwnMedicinesRow, key_id: str) -> SealContext:
    return SealContext(row.participant_id, row.list_id, 1, "own-medicines", "", key_id)


def _of_naming(row: DesigneeNamingRow, key_id: str) -> SealContext:
    return SealContext(row.participant_id, row.event_id, 1, "designee-naming", "", key_id)


def _of_amendment(row: AmendmentRow, key_id: str) -> SealContext:
    return SealContext(row.participant_id, row.amendment_id, 1, "amendment", "", key_id)


def _of_artifact(participant_id: str, version: ReportVersionRow, name: str, key_id: str) -> SealContext:
    return SealContext(
        participant_id, version.report_id, version.number, f"artifact:{name}", version.template_digest, key_id
    )
