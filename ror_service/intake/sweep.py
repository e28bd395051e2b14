"""Removes sealed files that nobody waits for: what a crash left in the store between the file and its row."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from ror_service.intake.submission import Begin
from ror_service.storage.tables import DataFileRow

SAFE_AGE = timedelta(hours=24)
"""Since a file was last written to: whoever is still sending it writes to it meanwhile."""


def sweep(begin: Begin, store: Path, older_than: timedelta = SAFE_AGE) -> int:
    """Remove the files that no row names; returns how many.

    Nobody can read them: the data key of a file that no row names was never kept. A file whose row comes while this
    runs is younger than the safe age.

    Args:
        begin: Begins a transaction.
        store: Folder of sealed files.
        older_than: The safe age.
    """
    limit = time.time() - older_than.total_seconds()
    old = []
    for path in store.iterdir():
        with suppress(FileNotFoundError):  # erased at this moment
            if path.stat().st_mtime <= limit:
                old.append(path)
    if not old:
        return 0
    with begin() as work:
        named = set(work.session.scalars(select(DataFileRow.file_id)))
        orphans = [path for path in old if path.name not in named]
        if orphans:
            work.audit("store.sweep", "store", "genotypes", None, files=len(orphans))
    for path in orphans:
        path.unlink(missing_ok=True)
    return len(orphans)
