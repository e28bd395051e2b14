"""Signed checkpoints of the audit chain: kept once, never written again, and only of a chain that holds."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from sqlalchemy import text
from support.consent_facts import NOW
from support.service import OPERATOR, Service

from ror_service import audit_checkpoints
from ror_service.audit import log
from ror_service.audit.log import Checkpoint
from ror_service.audit_checkpoints import CHECKPOINT_TYPE, SCHEMA, Checkpoints
from ror_service.errors import AuditError, UnsafeConfigurationError
from ror_service.sealing.canonical import canonical_json
from ror_service.sealing.key_sets import PublishedKey
from ror_service.sealing.signing import Signer, sign_compact

SIGNER = Signer.generate()
ONE, TWO = Checkpoint(3, "a" * 64, NOW), Checkpoint(5, "b" * 64, NOW + timedelta(hours=1))


@pytest.fixture(params=["folder", "memory://audit-checkpoints"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place of each kind: files on disk, and objects of a store."""
    MemoryFileSystem.store.clear()
    return str(tmp_path / "second-place") if request.param == "folder" else request.param


@pytest.fixture
def place(tmp_path: Path) -> Checkpoints:
    return Checkpoints(str(tmp_path / "second-place"), SIGNER)


def _files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "second-place").iterdir())


def _write(service: Service, count: int) -> None:
    for number in range(count):
        with service.work(OPERATOR) as work:
            work.audit("test.event", "thing", f"thing-{number}", None)


def _take(service: Service, place: Checkpoints) -> Checkpoint | None:
    with service.work() as work:
        return audit_checkpoints.take(work.session, place, work.at)


def test_what_was_kept_is_read_again_in_order(url: str) -> None:
    place = Checkpoints(url, SIGNER)
    assert place.kept() == []
    assert place.latest() is None
    place.add(TWO)
    place.add(ONE)
    assert place.kept() == Checkpoints(url, SIGNER).kept() == [ONE, TWO]
    assert place.latest() == TWO


def test_a_checkpoint_is_never_written_again(url: str) -> None:
    place = Checkpoints(url, SIGNER)
    place.add(ONE)
    place.add(Checkpoint(ONE.sequence, ONE.head, TWO.at))
    with pytest.raises(AuditError, match=r"event 3 is not the one of checkpoint-0{14}3\.jws: the log was forked"):
        place.add(Checkpoint(ONE.sequence, TWO.head, NOW))
    assert place.kept() == [ONE]


def test_every_changed_byte_of_a_checkpoint_is_found(place: Checkpoints, tmp_path: Path) -> None:
    place.add(ONE)
    (file,) = _files(tmp_path)
    signed = file.read_bytes()
    for position in range(0, len(signed), 7):
        file.write_bytes(signed[:position] + bytes([signed[position] ^ 1]) + signed[position + 1 :])
        with pytest.raises(AuditError, match=file.name):
            place.kept()
    file.write_bytes(signed[:1])
    with pytest.raises(AuditError, match="not as it was signed"):
        place.latest()


def test_what_a_killed_process_left_is_passed_over(place: Checkpoints, tmp_path: Path) -> None:
    place.add(ONE)
    (tmp_path / "second-place" / f"checkpoint-{TWO.sequence:015d}.jws").touch()
    (tmp_path / "second-place" / "notes.txt").write_text("not ours")
    assert place.kept() == [ONE]
    assert place.latest() == ONE


def test_a_place_out_of_reach_is_told(place: Checkpoints, tmp_path: Path) -> None:
    (tmp_path / "second-place").write_text("a file")
    with pytest.raises(UnsafeConfigurationError, match="ROR_AUDIT_CHECKPOINTS: the place cannot be"):
        place.add(ONE)
    (tmp_path / "second-place").unlink()
    (tmp_path / "second-place" / f"checkpoint-{ONE.sequence:015d}.jws").mkdir(parents=True)
    for action in (place.latest, place.kept):
        with pytest.raises(UnsafeConfigurationError, match=r"the place cannot be .* \(IsADirectoryError\)"):
            action()


def test_checkpoints_that_change_places_are_found(place: Checkpoints, tmp_path: Path) -> None:
    place.add(ONE)
    place.add(TWO)
    first, second = _files(tmp_path)
    second.write_bytes(first.read_bytes())
    with pytest.raises(AuditError, match=f"{second.name} was signed as another"):
        place.kept()


def test_only_the_audit_key_and_those_that_are_named_are_trusted(place: Checkpoints, tmp_path: Path) -> None:
    place.add(ONE)
    later = Signer.generate()
    with pytest.raises(AuditError, match="not trusted"):
        Checkpoints(str(tmp_path / "second-place"), later).kept()
    both = Checkpoints(
        str(tmp_path / "second-place"), later, {SIGNER.key_id: PublishedKey(SIGNER.key_id, SIGNER.public_key)}
    )
    both.add(TWO)
    assert both.kept() == [ONE, TWO]


def test_a_signature_for_another_purpose_is_none(place: Checkpoints, tmp_path: Path) -> None:
    place.add(ONE)
    (file,) = _files(tmp_path)
    content = {"schema": SCHEMA, "sequence": 3, "head": "c" * 64, "at": "2026-11-22T12:00:00Z"}
    file.write_text(sign_compact(canonical_json(content), SIGNER, "ror-receipt+jws"))
    with pytest.raises(AuditError, match=CHECKPOINT_TYPE.replace("+", r"\+")):
        place.kept()
    file.write_text(sign_compact(canonical_json(content | {"schema": "other/1"}), SIGNER, CHECKPOINT_TYPE))
    with pytest.raises(AuditError, match="another checkpoint"):
        place.kept()


def test_a_checkpoint_tells_nothing_but_number_hash_and_time(place: Checkpoints, tmp_path: Path) -> None:
    place.add(ONE)
    (file,) = _files(tmp_path)
    payload = file.read_text().split(".")[1]
    content = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert content == {"schema": SCHEMA, "sequence": 3, "head": "a" * 64, "at": "2026-11-22T12:00:00Z"}


@pytest.mark.parametrize("url", ["nothing-like-this://place", "gs://bucket/audit"])
def test_a_place_of_unknown_kind_is_refused(url: str) -> None:
    with pytest.raises(UnsafeConfigurationError, match="ROR_AUDIT_CHECKPOINTS"):
        Checkpoints(url, SIGNER)


def test_a_checkpoint_is_taken_when_something_was_written(service: Service, place: Checkpoints) -> None:
    assert _take(service, place) is None
    _write(service, 2)
    first = _take(service, place)
    assert first is not None
    assert (first.sequence, first.at) == (2, NOW)
    assert _take(service, place) is None
    _write(service, 3)
    assert _take(service, place) == place.latest()
    assert [point.sequence for point in place.kept()] == [2, 5]
    with service.work() as work:
        assert log.verify(work.session, checkpoints=place.kept()).events == 5


@pytest.mark.parametrize(
    "tampering",
    ["DELETE FROM audit_events WHERE sequence > 1", "UPDATE audit_events SET actor = 'x' WHERE sequence = 4",
     "DELETE FROM audit_events WHERE sequence = 3"],
)  # fmt: skip
def test_a_log_that_does_not_hold_is_never_signed(service: Service, place: Checkpoints, tampering: str) -> None:
    _write(service, 2)
    _take(service, place)
    _write(service, 3)
    with service.context.engine.begin() as connection:
        for action in ("update", "delete"):
            connection.execute(text(f"DROP TRIGGER append_only_audit_events_{action}"))
        connection.execute(text(tampering))
    with pytest.raises(AuditError):
        _take(service, place)
    assert [point.sequence for point in place.kept()] == [2]
