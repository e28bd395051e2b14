"""What the sandbox partner wrote down: one append-only table, from which everything else it knows is read."""

from __future__ import annotations

import sqlite3
import threading
from datetime import datetime
from pathlib import Path

from ror_service.delivery.client import LedgerEntry, LedgerEvent
from ror_service.sealing.canonical import utc_moment, utc_text

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  at TEXT NOT NULL,
  event TEXT NOT NULL CHECK (event IN ('accepted', 'refused', 'recalled')),
  delivery_id TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  manifest_sha256 TEXT,
  reason TEXT,
  receipt TEXT
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS one_acceptance_a_key ON entry (idempotency_key) WHERE event = 'accepted';
CREATE UNIQUE INDEX IF NOT EXISTS one_recall ON entry (delivery_id, idempotency_key) WHERE event = 'recalled';
CREATE INDEX IF NOT EXISTS by_delivery ON entry (delivery_id);
"""
_COLUMNS = "sequence, at, event, delivery_id, idempotency_key, manifest_sha256, reason, receipt"


class PartnerLedger:
    """A ledger in an SQLite file. Each entry is on disk before the partner answers, so that a kill loses none.

    Args:
        path: The file; created at first use.
    """

    def __init__(self, path: Path) -> None:
        # The server's thread writes and tests read; the lock takes turns.
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._lock = threading.Lock()
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.executescript(_SCHEMA)

    def append(
        self,
        event: LedgerEvent,
        *,
        at: datetime,
        delivery_id: str,
        idempotency_key: str,
        manifest_sha256: str | None = None,
        reason: str | None = None,
        receipt: str | None = None,
    ) -> None:
        """Write an entry.

        Raises:
            sqlite3.IntegrityError: If it is a second acceptance of a key, or a second recall of a delivery and key.
        """
        values = (utc_text(at), event.value, delivery_id, idempotency_key, manifest_sha256, reason, receipt)
        with self._lock:
            self._connection.execute(
                "INSERT INTO entry (at, event, delivery_id, idempotency_key, manifest_sha256, reason, receipt)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                values,
            )

    def entries(self, after: int = 0, limit: int = -1) -> list[LedgerEntry]:
        """Return entries with a greater sequence number, in order; at most `limit`, where it is not negative."""
        return self._select("sequence > ? ORDER BY sequence LIMIT ?", after, limit)

    def accepted(self, idempotency_key: str) -> LedgerEntry | None:
        """Return the acceptance under this key."""
        return _first(self._select("event = 'accepted' AND idempotency_key = ?", idempotency_key))

    def accepted_for(self, delivery_id: str) -> LedgerEntry | None:
        """Return the last acceptance of this delivery under any key."""
        where = "event = 'accepted' AND delivery_id = ? ORDER BY sequence DESC LIMIT 1"
        return _first(self._select(where, delivery_id))

    def recalled(self, delivery_id: str, idempotency_key: str) -> LedgerEntry | None:
        """Return the recall of exactly this delivery and key."""
        where = "event = 'recalled' AND delivery_id = ? AND idempotency_key = ?"
        return _first(self._select(where, delivery_id, idempotency_key))

    def tombstone(self, delivery_id: str, idempotency_key: str) -> LedgerEntry | None:
        """Return a recall that names this delivery or this key."""
        where = "event = 'recalled' AND (delivery_id = ? OR idempotency_key = ?) LIMIT 1"
        return _first(self._select(where, delivery_id, idempotency_key))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _select(self, where: str, *values: str | int) -> list[LedgerEntry]:
        with self._lock:
            rows = self._connection.execute(f"SELECT {_COLUMNS} FROM entry WHERE {where}", values).fetchall()  # noqa: S608 - the conditions are literals of this module
        return [LedgerEntry(row[0], utc_moment(row[1]), LedgerEvent(row[2]), *row[3:]) for row in rows]


def _first(entries: list[LedgerEntry]) -> LedgerEntry | None:
    return entries[0] if entries else None
