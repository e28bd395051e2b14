"""Signed states of the audit chain, kept in a second place that whoever administers the database cannot write to.

A chain of hashes alone does not show that its end was cut off, or that it was written anew with hashes that fit. A
checkpoint does: it names the last event of a moment by number and hash, signed by the audit key. Each is a file of its
own that is never written again, so that the second place may be a folder or bucket that refuses to change or remove.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fsspec.core import url_to_fs
from sqlalchemy.orm import Session

from ror_service.audit import log
from ror_service.audit.log import Checkpoint
from ror_service.errors import AuditError, SignatureError, UnsafeConfigurationError
from ror_service.sealing.canonical import canonical_json, utc_moment, utc_text
from ror_service.sealing.signing import Signer, sign_compact, verify_compact

CHECKPOINT_TYPE = "ror-audit-checkpoint+jws"
SCHEMA = "ror.audit-checkpoint/1"
_NAME = re.compile(r"checkpoint-(\d{15})\.jws")
_MOST_BYTES = 4096


class Checkpoints:
    """The second place.

    Args:
        url: A local folder, or a URL that fsspec knows, such as `s3://bucket/audit`.
        signer: The audit key.
        trusted: Public keys, by identifier, that checkpoints may also be signed by: earlier audit keys.

    Raises:
        UnsafeConfigurationError: If the URL is of no known kind, or its library is not installed.
    """

    def __init__(self, url: str, signer: Signer, trusted: Mapping[str, Ed25519PublicKey] | None = None) -> None:
        try:
            self._files, self._root = url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise UnsafeConfigurationError(
                "ROR_AUDIT_CHECKPOINTS is of no kind of store that is known here; `s3://` needs the extra `s3`"
            ) from error
        self._signer = signer
        self._trusted = {**(trusted or {}), signer.key_id: signer.public_key}

    def kept(self) -> list[Checkpoint]:
        """Every checkpoint, oldest first.

        Raises:
            AuditError: If one is not what a trusted key signed; the message names its file.
            UnsafeConfigurationError: If the place cannot be read.
        """
        return [self._read(name) for name in self._names()]

    def latest(self) -> Checkpoint | None:
        """The newest checkpoint, if there is any.

        Raises:
            AuditError: If it is not what a trusted key signed.
            UnsafeConfigurationError: If the place cannot be read.
        """
        *_, last = [None, *self._names()]
        return None if last is None else self._read(last)

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
            self._create(name, signed)
        except FileExistsError as error:
            if self._read(name).head != checkpoint.head:
                raise AuditError(
                    f"audit event {checkpoint.sequence} is not the one of {name}: the log was forked or written anew"
                ) from error

    def _create(self, name: str, content: bytes) -> None:
        # Under its own name at once: the place may refuse to rename and to remove.
        with _reached(but=FileExistsError):
            self._files.makedirs(self._root, exist_ok=True)
            self._files.pipe_file(f"{self._root}/{name}", content, mode="create")

    def _names(self) -> list[str]:
        self._files.invalidate_cache()
        with _reached():
            found = self._files.ls(self._root, detail=True) if self._files.exists(self._root) else []
        # An empty one is left by a process that was killed just then.
        names = (str(item["name"]).rpartition("/")[2] for item in found if item["size"])
        return sorted(name for name in names if _NAME.fullmatch(name))

    def _read(self, name: str) -> Checkpoint:
        with _reached():
            content = self._files.cat_file(f"{self._root}/{name}", end=_MOST_BYTES)
        token = content.decode("ascii", errors="replace")
        try:
            _, payload = verify_compact(token, self._trusted, CHECKPOINT_TYPE)
        except SignatureError as error:
            raise AuditError(f"{name} is not as it was signed, or by a key that is not trusted: {error}") from error
        members = json.loads(payload)
        checkpoint = Checkpoint(members["sequence"], members["head"], utc_moment(members["at"]))
        if members["schema"] != SCHEMA or name != f"checkpoint-{checkpoint.sequence:015d}.jws":
            raise AuditError(f"{name} was signed as another checkpoint; the files were exchanged")
        return checkpoint


@contextmanager
def _reached(but: type[OSError] | tuple[()] = ()) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, but):
            raise
        raise UnsafeConfigurationError(
            f"ROR_AUDIT_CHECKPOINTS: the place cannot be read or written now ({type(error).__name__})"
        ) from error


def take(session: Session, place: Checkpoints, at: datetime) -> Checkpoint | None:
    """Verify what was written since the newest checkpoint, then keep a new one; None if nothing was.

    Raises:
        AuditError: If the log does not hold, or does not go on from the newest checkpoint: that is never signed.
    """
    since = place.latest()
    verified = log.verify(session, since=since)
    if verified.events == (0 if since is None else since.sequence):
        return None
    checkpoint = Checkpoint(verified.events, verified.head, at)
    place.add(checkpoint)
    return checkpoint
