"""The issuer's public keys: from a file or its URL, read again as they rotate, and not more often than that needs."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from ror_service.errors import UnauthenticatedError, UnsafeConfigurationError

FRESH_SECONDS = 600
"""Age from which the keys are read again when next asked for: so long a key counts that its issuer took back."""
PAUSE_SECONDS = 60
"""Least time between two readings: tokens with made-up key names must not make this service knock at its issuer."""
LONGEST_SECONDS = 24 * 3600
"""Age from which keys count no more, where none can be read in their place."""
LARGEST_BYTES = 256 * 1024
TIMEOUT_SECONDS = 5.0
_log = logging.getLogger(__name__)


class IssuerKeys:
    """The issuer's keys of this moment. Reading them again fails softly: those at hand stay good for a day.

    Args:
        load: Reads them; raises UnsafeConfigurationError.
        clock: Seconds, only ever forward.

    Raises:
        UnsafeConfigurationError: If they cannot be read at the start.
    """

    def __init__(self, load: Callable[[], KeySet], clock: Callable[[], float] = time.monotonic) -> None:
        self._load, self._clock = load, clock
        self._reading = threading.Lock()
        self._keys = load()
        self._read_at = self._tried_at = clock()

    def for_token(self, key_id: str | None) -> KeySet:
        """The keys to check a token by that names this one; they are read again if it is not among them.

        Raises:
            UnauthenticatedError: If the keys are too old, and the issuer gave no others.
        """
        now = self._clock()
        unknown = key_id is not None and key_id not in {key.kid for key in self._keys.keys}
        if (unknown or now - self._read_at >= FRESH_SECONDS) and now - self._tried_at >= PAUSE_SECONDS:
            self._refresh(now)
        if now - self._read_at >= LONGEST_SECONDS:
            raise UnauthenticatedError("the issuer's keys cannot be read; try again later")
        return self._keys

    def _refresh(self, now: float) -> None:
        if not self._reading.acquire(blocking=False):
            return  # another request is at it; this one goes on with what there is
        try:
            self._tried_at = now
            self._keys = self._load()
            self._read_at = now
        except UnsafeConfigurationError:
            _log.warning("the issuer's keys cannot be read", extra={"code": "issuer_keys_unavailable"})
        finally:
            self._reading.release()


def from_file(path: Path) -> KeySet:
    """A key set from a file.

    Raises:
        UnsafeConfigurationError: If it cannot be used.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unusable(path) from error
    return _key_set(content, path)


def from_url(url: str) -> KeySet:
    """A key set from the issuer: one request to this very address, without a redirect.

    Raises:
        UnsafeConfigurationError: If it cannot be used.
    """
    try:
        with (
            httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False) as client,
            client.stream("GET", url, headers={"Accept": "application/jwk-set+json, application/json"}) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise _unusable(url)
            content = b""
            for piece in answer.iter_bytes():
                content += piece
                if len(content) > LARGEST_BYTES:
                    raise _unusable(url)
    except httpx.HTTPError as error:
        raise _unusable(url) from error
    return _key_set(content, url)


def _key_set(content: bytes, source: object) -> KeySet:
    try:
        keys = KeySet.import_key_set(json.loads(content))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, JoseError) as error:
        raise _unusable(source) from error
    if not keys.keys or any(key.key_type == "oct" or key.is_private for key in keys.keys):
        raise UnsafeConfigurationError(f"{source}: needs public keys, and public keys alone; fetch your issuer's keys")
    return keys


def _unusable(source: object) -> UnsafeConfigurationError:
    return UnsafeConfigurationError(f"{source}: not a JSON Web Key Set; fetch your issuer's keys again")
