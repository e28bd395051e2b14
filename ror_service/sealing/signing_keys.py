"""Signing keys of one purpose, one after the other: each signs in a time of its own, and stays published afterwards.

A folder holds the private key of the first one, `<purpose>.key`, that of each later one, `<purpose>-<key id>.key`, and,
once there was a rotation, `<purpose>.published.json`: the public keys with their times. It is read at each use, so that
a rotation by one process is seen by all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from ror_service.errors import ConflictError, InvalidInputError, SignatureError
from ror_service.sealing.key_sets import PublishedKey, read_key_set, write_key_set
from ror_service.sealing.private_files import read_private, write_private
from ror_service.sealing.signing import Signer

_WHOLE = timedelta(seconds=1)
"""A published time has whole seconds."""


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The keys of one purpose in a private folder; the first one is made at first use."""

    folder: Path
    purpose: str

    def published(self) -> list[PublishedKey]:
        """Every public key, in the order of their times: what checks everything that was ever signed.

        Raises:
            SignatureError: If the file of public keys is damaged.
        """
        if not self._set.exists():
            first = Signer.load_or_create(self._first)
            return [PublishedKey(first.key_id, first.public_key)]
        return list(read_key_set(read_private(self._set)).values())

    def at(self, moment: datetime) -> Signer:
        """The key that signs at this moment.

        Raises:
            SignatureError: If no key is for that moment, or its file is missing.
        """
        key = next((key for key in self.published() if key.signs_at(moment)), None)
        if key is None:
            raise SignatureError(f"no {self.purpose} key is for that time; look at the clock of this machine")
        for file in (self._file(key.key_id), self._first):
            if file.exists() and (signer := Signer.load_or_create(file)).key_id == key.key_id:
                return signer
        raise SignatureError(f"the {self.purpose} key {key.key_id} is missing; restore its file from safe keeping")

    def rotate(self, begins: datetime, now: datetime) -> PublishedKey:
        """Make the key that signs from `begins` on; the current one signs until then, so publish the set before.

        Raises:
            InvalidInputError: If `begins` is past.
            ConflictError: If the next key is made already.
        """
        begins = begins.replace(microsecond=0)
        if begins + _WHOLE <= now:
            raise InvalidInputError("a key cannot begin in the past: what was signed then has its signature")
        *earlier, last = self.published()
        if last.not_before is not None and last.not_before > now:
            raise ConflictError(f"the next key, {last.key_id}, is made and begins at {last.not_before.isoformat()}")
        signer = Signer.generate()
        # The private key first: what is published can be used.
        write_private(self._file(signer.key_id), signer.private_key.private_bytes_raw())
        added = PublishedKey(signer.key_id, signer.public_key, not_before=begins)
        published = [*earlier, replace(last, not_after=begins), added]
        write_private(self._set, write_key_set(published).encode(), replace=True)
        self._forget(published, now)
        return added

    def _forget(self, published: list[PublishedKey], now: datetime) -> None:
        """Remove the private keys whose time is over: nobody signs by them any more."""
        for key in published:
            if key.not_after is not None and key.not_after <= now:
                self._file(key.key_id).unlink(missing_ok=True)
                if self._first.exists() and Signer.load_or_create(self._first).key_id == key.key_id:
                    self._first.unlink()

    @property
    def _first(self) -> Path:
        return self.folder / f"{self.purpose}.key"

    @property
    def _set(self) -> Path:
        return self.folder / f"{self.purpose}.published.json"

    def _file(self, key_id: str) -> Path:
        return self.folder / f"{self.purpose}-{key_id}.key"
