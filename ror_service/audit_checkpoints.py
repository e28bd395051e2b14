"""Signed states of the audit chain, kept in a second place that whoever administers the database cannot write to.

A chain of hashes alone does not show that its end was cut off, or that it was written anew with hashes that fit. A
checkpoint does: it names the last event of a moment by number and hash, signed by the audit key. Each is a file of its
own that is never written again, so that the second place may be a folder or bucket that refuses to change or remove.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from ror_service.audit import log
from ror_service.audit.log import Checkpoint, Gap
from ror_service.errors import AuditError, SignatureError
from ror_service.sealing.canonical import canonical_json, utc_moment, utc_text
from ror_service.sealing.key_sets import PublishedKey
from ror_service.sealing.signing import Signer, sign_compact, verify_compact
from ror_service.second_place import SecondPlace

CHECKPOINT_TYPE = "ror-audit-checkpoint+jws"
SCHEMA = "ror.audit-checkpoint/1"
GAP_TYPE = "ror-audit-restored+jws"
GAP_SCHEMA = "ror.audit-restored/1"
_NAME = re.compile(r"checkpoint-(\d{15})\.jws")
_GAP_NAME = re.compile(r"restored-\d{15}-\d{15}\.jws")
_MOST_BYTES = 4096
_CLOCKS_DIFFER = timedelta(minutes=5)
"""The moment of a checkpoint is the database's; its key is chosen by the clock of the machine that signs."""


class Checkpoints:
    """The second place.

    Args:
        url: A local folder, or a URL that fsspec knows, such as `s3://bucket/audit`.
        signer: The audit key.
        trusted: Public keys that checkpoints may be signed by, each in its time: earlier audit keys too.

    Raises:
        UnsafeConfigurationError: If the URL is of no known kind, or its library is not installed.
    """

    def __init__(self, url: str, signer: Signer, trusted: Mapping[str, PublishedKey] | None = None) -> None:
        self._place = SecondPlace(url)
        self._signer = signer
        self._trusted = {signer.key_id: PublishedKey(signer.key_id, signer.public_key), **(trusted or {})}

    def kept(self) -> list[Checkpoint]:
        """Every checkpoint, oldest first, but for those of events that a restored database has lost.

        Raises:
            AuditError: If one is not what a trusted key signed; the message names its file.
            UnsafeConfigurationError: If the place cannot be read.
        """
        return [self._read(name) for name in self._valid_names()]

    def latest(self) -> Checkpoint | None:
        """The newest checkpoint, if there is any.

        Raises:
            AuditError: If it is not what a trusted key signed.
            UnsafeConfigurationError: If the place cannot be read.
        """
        *_, last = [None, *self._valid_names()]
        return None if last is None else self._read(last)

    def newest(self) -> int:
        """Number of the newest event of which any checkpoint is kept; 0 if there is none.

        Raises:
            UnsafeConfigurationError: If the place cannot be read.
        """
        return max((_sequence(name) for name in self._place.names(_NAME)), default=0)

    def gaps(self) -> frozenset[Gap]:
        """The events that restored databases have lost, as was acknowledged for each.

        Raises:
            AuditError: If an acknowledgement is not what a trusted key signed; the message names its file.
            UnsafeConfigurationError: If the place cannot be read.
        """
        return frozenset(self._read_gap(name) for name in self._place.names(_GAP_NAME))

    def acknowledge(self, gap: Gap, at: datetime) -> None:
        """Sign and keep that these events are lost: the log goes on behind them.

        Raises:
            UnsafeConfigurationError: If the place cannot be written.
        """
        content = {"schema": GAP_SCHEMA, "first": gap.first, "last": gap.last, "at": utc_text(at)}
        signed = sign_compact(canonical_json(content), self._signer, GAP_TYPE).encode()
        with suppress(FileExistsError):  # by a run that was stopped before its database knew
            self._place.create(f"restored-{gap.first:015d}-{gap.last:015d}.jws", signed)

    def add(self, checkpoint: Checkpoint) -> None:
        """Sign and keep a checkpoint. The same state of the chain is kept once.

        Raises:
            AuditError: If another state of the chain with as many events was kept: the log was forked.
            UnsafeConfigurationError: If the place cannot be written.
        """
        name = f"checkpoint-{checkpoint.sequence:015d}.jws"
        content = {
            "schema": SCHEMA,
            "sequence": checkpoint.sequence,
            "head": checkpoint.head,
            "at": utc_text(checkpoint.at),
        }
        signed = sign_compact(canonical_json(content), self._signer, CHECKPOINT_TYPE).encode()
        try:
            self._place.create(name, signed)
        except FileExistsError as error:
            if self._read(name).head != checkpoint.head:
                raise AuditError(
                    f"audit event {checkpoint.sequence} is not the one of {name}: the log was forked or written anew"
                ) from error

    def _read(self, name: str) -> Checkpoint:
        members = self._signed(name, CHECKPOINT_TYPE)
        checkpoint = Checkpoint(members["sequence"], members["head"], utc_moment(members["at"]))
        if members["schema"] != SCHEMA or name != f"checkpoint-{checkpoint.sequence:015d}.jws":
            raise AuditError(f"{name} was signed as another checkpoint; the files were exchanged")
        return checkpoint

    def _read_gap(self, name: str) -> Gap:
        members = self._signed(name, GAP_TYPE)
        gap = Gap(members["first"], members["last"])
        if members["schema"] != GAP_SCHEMA or name != f"restored-{gap.first:015d}-{gap.last:015d}.jws":
            raise AuditError(f"{name} was signed for another restored database; the files were exchanged")
        return gap

    def _signed(self, name: str, token_type: str) -> dict[str, Any]:
        token = self._place.read(name, _MOST_BYTES).decode("ascii", errors="replace")
        try:
            keys = {name: key.public_key for name, key in self._trusted.items()}
            key_id, payload = verify_compact(token, keys, token_type)
        except SignatureError as error:
            raise AuditError(f"{name} is not as it was signed, or by a key that is not trusted: {error}") from error
        members: dict[str, Any] = json.loads(payload)
        if not self._trusted[key_id].signs_at(utc_moment(members["at"]), _CLOCKS_DIFFER):
            raise AuditError(f"{name} is signed by {key_id} at a time that this audit key was not for")
        return members

    def _valid_names(self) -> list[str]:
        gaps = self.gaps()
        names = self._place.names(_NAME)
        return [name for name in names if not any(gap.first <= _sequence(name) <= gap.last for gap in gaps)]


def _sequence(name: str) -> int:
    match = _NAME.fullmatch(name)
    assert match is not None  # noqa: S101 - as the place was asked
    return int(match[1])


def take(session: Session, place: Checkpoints, at: datetime) -> Checkpoint | None:
    """Verify what was written since the newest checkpoint, then keep a new one; None if nothing was.

    Raises:
        AuditError: If the log does not hold, or does not go on from the newest checkpoint: that is never signed.
    """
    since = place.latest()
    verified = log.verify(session, since=since, gaps=place.gaps())
    if verified.events == (0 if since is None else since.sequence):
        return None
    checkpoint = Checkpoint(verified.events, verified.head, at)
    place.add(checkpoint)
    return checkpoint
