"""The one JSON form that is signed, hashed or bound: RFC 8785, the same bytes for the same value everywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import rfc8785


def canonical_json(value: Mapping[str, object]) -> bytes:
    """A JSON object as canonical bytes.

    Raises:
        ValueError: If `value` holds something that has no canonical JSON form.
    """
    return rfc8785.dumps(cast("Any", value))


def sha256_hex(data: bytes) -> str:
    """SHA-256 in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def utc_text(moment: datetime) -> str:
    """A moment as RFC 3339 text in UTC, for example "2026-11-22T09:30:00Z".

    Raises:
        ValueError: If `moment` has no time zone: nobody could say when it was.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone cannot be signed; give it one, as in datetime.now(UTC)")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def utc_moment(text: object) -> datetime:
    """Undo `utc_text`.

    Raises:
        ValueError: If `text` is not exactly what `utc_text` writes.
    """
    moment = datetime.fromisoformat(str(text))
    if utc_text(moment) != text:
        raise ValueError("a moment is written in UTC, as in 2026-11-22T09:30:00Z")
    return moment.astimezone(UTC)
