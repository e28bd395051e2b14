"""Key-encryption keys inside a hardware module, reached by PKCS#11: they are made there and never leave it.

A wrapped data key has the same layout and the same binding as one of the file provider; the AES-256-GCM runs in the
module. Which key is current follows from the keys themselves: each has a number as its `CKA_ID`, the highest counts.
"""

from __future__ import annotations

import os
import re
import secrets
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar, cast
from urllib.parse import unquote

import pkcs11
from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, ObjectClass, PKCS11Error, Session
from pkcs11.exceptions import (
    EncryptedDataInvalid,
    EncryptedDataLenRange,
    FunctionFailed,
    GeneralError,
    PinExpired,
    PinIncorrect,
    PinInvalid,
    PinLenRange,
    PinLocked,
    UserAlreadyLoggedIn,
)

from ror_service.errors import KeysUnavailableError, SealError, UnsafeConfigurationError
from ror_service.sealing.envelope import DATA_KEY_BYTES, FORMAT, NONCE_BYTES
from ror_service.sealing.keys import KEK_ID, WrappedKey, bound_to
from ror_service.sealing.private_files import read_private

Result = TypeVar("Result")

_ID_BYTES = 8
_TRIES = 2
_PIN_REFUSED = (PinExpired, PinIncorrect, PinInvalid, PinLenRange, PinLocked)
_DOES_NOT_OPEN = (EncryptedDataInvalid, EncryptedDataLenRange, GeneralError, FunctionFailed)
"""What modules say of a wrong tag; the last two also of other faults."""
_URI = re.compile(r"pkcs11:(?P<path>[^?]*)(\?(?P<query>.*))?")
_REMEDY = "as in pkcs11:token=ror?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=/etc/ror/pin"

_lock = threading.RLock()
"""One call at a time in this process: the module is not asked to lock for itself."""
_providers: weakref.WeakSet[Pkcs11KeyProvider] = weakref.WeakSet()


class _Key(Protocol):
    """A key in the token, as far as it is used here."""

    label: str
    id: bytes

    def encrypt(self, data: bytes, *, mechanism: Mechanism, mechanism_param: GCMParams) -> bytes: ...

    def decrypt(self, data: bytes, *, mechanism: Mechanism, mechanism_param: GCMParams) -> bytes: ...

    def destroy(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Token:
    """Where the keys are: a PKCS#11 URI (RFC 7512) with `token`, `module-path` and `pin-source`."""

    label: str
    module: str
    pin_file: Path

    @classmethod
    def from_uri(cls, uri: str) -> Token:
        """Read a URI.

        Raises:
            UnsafeConfigurationError: If one of the three is missing, or there is more, such as the PIN itself.
        """
        match = _URI.fullmatch(uri)
        parts = (*match["path"].split(";"), *(match["query"] or "").split("&")) if match else ()
        found = {name: unquote(value) for name, _, value in (part.partition("=") for part in parts)}
        if set(found) != {"token", "module-path", "pin-source"} or not all(found.values()):
            raise UnsafeConfigurationError(
                f"ROR_KEY_PROVIDER: a PKCS#11 URI names token, module-path and pin-source and nothing else, {_REMEDY}"
            )
        return cls(found["token"], found["module-path"], Path(found["pin-source"].removeprefix("file:")))

    def pin(self) -> str:
        """The user PIN.

        Raises:
            UnsafeConfigurationError: If its file is missing, or others may read it.
        """
        try:
            return read_private(self.pin_file).decode().strip()
        except FileNotFoundError as error:
            raise UnsafeConfigurationError(
                f"PIN file {self.pin_file}: is not there; write it with mode 0600"
            ) from error


@dataclass(slots=True, weakref_slot=True, eq=False)
class Pkcs11KeyProvider:
    """Key-encryption keys in one token of a hardware module.

    May be shared by threads, and is good in a process that was forked: sessions are never used across a fork. Processes
    share the token: a rotation or a destruction by one is seen by all at their next wrap or unwrap. A session that the
    module lost is opened again once.
    """

    token: Token
    _session: Session | None = field(default=None, init=False, repr=False)
    _found: dict[str, _Key] = field(default_factory=dict, init=False, repr=False)
    _stale: bool = field(default=False, init=False, repr=False)
    """Whether the library has to be initialised anew: in a child, and after the module was gone."""

    def __post_init__(self) -> None:
        """Open the token and make a first key where there is none.

        Raises:
            KeysUnavailableError: If the module or the token is not there.
            UnsafeConfigurationError: If it refuses the PIN.
        """
        _providers.add(self)
        self._with_token(lambda session: self._keys(session) or _generate(session, 1))

    def current_key_id(self) -> str:
        """Identifier of the key-encryption key that new data keys are wrapped by."""
        return self._with_token(lambda session: self._current(session).label)

    def wrap(self, data_key: bytes, associated_data: bytes) -> WrappedKey:
        """Wrap by the current key-encryption key, inside the token, under a nonce of its random generator."""

        def wrap(session: Session) -> WrappedKey:
            nonce = session.generate_random(NONCE_BYTES * 8)
            key = self._current(session)
            sealed = key.encrypt(
                data_key, mechanism=Mechanism.AES_GCM, mechanism_param=_bound(nonce, key.label, associated_data)
            )
            return WrappedKey(key.label, FORMAT + nonce + bytes(sealed))

        return self._with_token(wrap)

    def unwrap(self, wrapped: WrappedKey, associated_data: bytes) -> bytes:
        """Undo `wrap`, inside the token.

        Raises:
            SealError: If the key-encryption key is not in the token or the wrapped key does not open.
            KeysUnavailableError: If the token cannot be reached.
        """
        start = len(FORMAT)
        nonce, sealed = wrapped.wrapped[start : start + NONCE_BYTES], wrapped.wrapped[start + NONCE_BYTES :]
        if not wrapped.wrapped.startswith(FORMAT) or len(nonce) < NONCE_BYTES:
            raise SealError(f"data key under {wrapped.kek_id}: not sealed in a known format; restore it from a copy")

        def unwrap(session: Session) -> bytes:
            session.generate_random(8)  # shows that the session lives, which a refused decryption does not
            key = self._key(session, wrapped.kek_id)
            try:
                opened = key.decrypt(
                    sealed, mechanism=Mechanism.AES_GCM, mechanism_param=_bound(nonce, key.label, associated_data)
                )
            except _DOES_NOT_OPEN as error:
                session.generate_random(8)
                raise SealError(
                    f"data key under {wrapped.kek_id}: does not open: another key, another context, or changed bytes"
                ) from error
            return bytes(opened)

        return self._with_token(unwrap)

    def holds(self, kek_id: str) -> bool:
        """Whether this key-encryption key is here."""
        return self._with_token(lambda session: any(key.label == kek_id for key in self._keys(session)))

    def rotate(self) -> str:
        """Make a new key-encryption key, which is the current one from then on; returns its identifier."""

        def rotate(session: Session) -> str:
            return _generate(session, int.from_bytes(self._current(session).id) + 1)

        return self._with_token(rotate)

    def destroy(self, kek_id: str) -> None:
        """Remove a key-encryption key from the token: every data key still under it is lost for good.

        Raises:
            SealError: If it is the current key, or not here.
        """

        def destroy(session: Session) -> None:
            if kek_id == self._current(session).label:
                raise SealError(f"key-encryption key {kek_id} is the current one; rotate and rewrap first")
            self._key(session, kek_id).destroy()

        self._with_token(destroy)
        self._found.pop(kek_id, None)

    def forget_session(self) -> None:
        """In a child process: what was opened belongs to the parent."""
        self._session, self._found, self._stale = None, {}, True

    def _with_token(self, use: Callable[[Session], Result]) -> Result:
        with _lock:
            for _ in range(_TRIES):
                try:
                    return use(self._session or self._open())
                except _PIN_REFUSED as error:
                    # Never tried again: a token locks itself after a few wrong ones.
                    raise UnsafeConfigurationError(f"the token refuses the PIN of {self.token.pin_file}") from error
                except PKCS11Error as error:
                    lost = error
                    self.forget_session()
        raise KeysUnavailableError(
            f"token {self.token.label!r} cannot be used now ({type(lost).__name__}); look at the module"
        ) from lost

    def _open(self) -> Session:
        library = pkcs11.lib(self.token.module)
        if self._stale:
            with suppress(PKCS11Error):  # a module that saw the fork says that it is not initialised
                library.finalize()
            library.initialize()
        token, pin = library.get_token(token_label=self.token.label), self.token.pin()
        try:
            self._session = token.open(rw=True, user_pin=pin)
        except UserAlreadyLoggedIn:  # by another provider of this process, for all sessions of it
            self._session = token.open(rw=True)
        self._stale = False
        return self._session

    def _keys(self, session: Session) -> list[_Key]:
        """The key-encryption keys of the token, the current one last."""
        session.generate_random(8)  # as above: a search that fails in the middle cannot be ended
        wanted = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.KEY_TYPE: KeyType.AES}
        found = [cast("_Key", key) for key in session.get_objects(wanted)]
        self._found = {key.label: key for key in found if KEK_ID.fullmatch(key.label or "")}
        # Two that were made at the same moment have one number; all processes decide between them alike.
        return sorted(self._found.values(), key=lambda key: (int.from_bytes(key.id), key.label))

    def _current(self, session: Session) -> _Key:
        keys = self._keys(session)
        if not keys:
            # Nothing is made here: a token that was exchanged must not go unnoticed.
            raise SealError(f"token {self.token.label!r} holds no key-encryption key any more; restore it")
        return keys[-1]

    def _key(self, session: Session, kek_id: str) -> _Key:
        # Looked for each time: a key that another process destroyed may still answer to a handle.
        self._keys(session)
        if kek_id not in self._found:
            raise SealError(f"key-encryption key {kek_id!r} is not in token {self.token.label!r}")
        return self._found[kek_id]


def _generate(session: Session, number: int) -> str:
    kek_id = f"kek-{secrets.token_hex(8)}"
    template = {
        Attribute.PRIVATE: True,
        Attribute.SENSITIVE: True,
        Attribute.EXTRACTABLE: False,
        Attribute.MODIFIABLE: False,
        **dict.fromkeys((Attribute.WRAP, Attribute.UNWRAP, Attribute.SIGN, Attribute.VERIFY, Attribute.DERIVE), False),
    }
    session.generate_key(
        KeyType.AES, DATA_KEY_BYTES * 8, id=number.to_bytes(_ID_BYTES), label=kek_id, store=True, template=template
    )
    return kek_id


def _bound(nonce: bytes, kek_id: str, associated_data: bytes) -> GCMParams:
    return GCMParams(nonce, FORMAT + bound_to(kek_id, associated_data), 128)


def _in_child() -> None:
    global _lock  # noqa: PLW0603 - another thread of the parent may hold it
    _lock = threading.RLock()
    for provider in list(_providers):
        provider.forget_session()


os.register_at_fork(after_in_child=_in_child)
