"""The fingerprints of all samples: sealed in the database, and opened in the memory of a process that searches them.

Each is sealed by a data key of its own, and once more in a piece with those of a thousand others, so that a process
that has just started opens a hundred pieces and not a hundred thousand rows. A piece is a cache: the transaction that
erases one of its samples destroys its key, and the others are put into another one from their own rows.
"""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from itertools import islice
from typing import NamedTuple

import numpy as np

from identity.comparison import Hit, Index
from identity.fingerprint import Codes, pack, packed_size, read_fingerprint, unpack
from identity.panel import FingerprintPanel
from interpreters.genotypes import GenotypeCalls
from ror_service import cases
from ror_service.errors import SealError
from ror_service.sealing import vault
from ror_service.sealing.keys import KeyProvider
from ror_service.states import SampleState
from ror_service.storage import indexes, participants, results
from ror_service.storage.participants import Lock
from ror_service.storage.tables import FingerprintRow, FingerprintSegmentRow, SampleRow
from ror_service.work import Work, new_id

SAMPLES = 1000
"""In one piece at most; from so many on that are in none, a piece is made of them."""
_AT_ONCE = 500
"""Rows of one query while the index is filled; from so many on that are missing, pieces are opened."""
_LENGTH = struct.Struct("<I")
Begin = Callable[[], AbstractContextManager[Work]]
"""Begins a transaction."""


class Searched(NamedTuple):
    """What a search found, and how many fingerprints were opened for it."""

    hits: list[Hit]
    opened: int


class FingerprintIndex:
    """The index of one process. It holds nothing that the database does not: it is filled when it is first searched.

    Before each search it takes in what was added since, and drops what was erased. Threads take turns.

    Args:
        panel: The panel in use; fingerprints of another one are not compared.
        keys: Holder of the key-encryption keys.
    """

    def __init__(self, panel: FingerprintPanel, keys: KeyProvider) -> None:
        self.panel = panel
        self._keys = keys
        self._index = Index(panel)
        self._turn = threading.Lock()
        self._loose = 0
        """How many were opened from rows of their own since pieces were made."""

    def has(self, work: Work, sample_id: str) -> bool:
        """Whether there is a fingerprint of a sample that can be compared with others."""
        row = work.session.get(FingerprintRow, sample_id)
        return row is not None and row.panel_release == self.panel.release

    def keep(self, work: Work, sample_id: str, calls: GenotypeCalls) -> None:
        """Seal the fingerprint of a sample that was read; again changes nothing, unless the panel is a new one.

        A sample that must not be kept any more gets none.
        """
        sample = results.must_get(work.session, SampleRow, sample_id)
        known = participants.history(work.session, sample.participant_id, Lock.SHARED)
        sample = results.must_get(work.session, SampleRow, sample_id, lock=True)
        if self.has(work, sample_id) or cases.must_be_erased(known) or SampleState(sample.state) is SampleState.ERASED:
            return
        packed = pack(read_fingerprint(self.panel, calls))
        release = self.panel.release
        vault.keep_fingerprint(work, self._keys, sample.participant_id, sample_id, packed, panel_release=release)
        work.audit("sample.fingerprint", "sample", sample_id, sample.participant_id, panel_release=release)

    def open(self, work: Work, owners: Mapping[str, str]) -> dict[str, Codes]:
        """Fingerprints of a few samples, which can be opened.

        Args:
            work: The transaction.
            owners: Sample to participant, as `indexes.living_fingerprints` gives them.

        Raises:
            ErasedError: If one was erased.
        """
        return {name: unpack(content, len(self.panel)) for name, content in self._opened(work, owners).items()}

    def search(self, work: Work, codes: Codes, living: Mapping[str, str]) -> Searched:
        """Samples of the same person or of a close relative among those that can be opened now.

        The caller writes down how many were opened.

        Args:
            work: The transaction.
            codes: Fingerprint that is searched for.
            living: Sample to participant, as `indexes.living_fingerprints` gives them in this transaction.
        """
        with self._turn:
            self._index.forget(self._index.keys - living.keys())
            missing = living.keys() - self._index.keys
            opened = self._from_pieces(work, missing) if len(missing) > _AT_ONCE else {}
            loose = {name: living[name] for name in sorted(missing - opened.keys())}
            opened |= self._opened(work, loose)
            self._loose += len(loose)
            if opened:
                content = np.frombuffer(b"".join(opened.values()), dtype=np.uint8)
                self._index.add(opened, content.reshape(len(opened), -1))
            return Searched(self._index.search(codes), len(opened))

    def gather(self, begin: Begin, fewest: int = SAMPLES) -> int:
        """Put fingerprints that are in no piece into pieces, once this process met enough of them; returns how many.

        Args:
            begin: Begins a transaction.
            fewest: How many are enough; 0 looks at once, and takes the pieces that are not half full with them.
        """
        if self._loose < fewest:
            return 0
        self._loose = 0
        last, gathered = "", 0
        with begin() as work:
            if not fewest and indexes.loose_fingerprints(work.session, self.panel.release, last, 1):
                indexes.dissolve_unfilled(work.session, FingerprintSegmentRow, SAMPLES // 2, work.at)
        while True:
            # Opened without a lock: those that are still as they were go into the piece.
            with begin() as work:
                owners = indexes.loose_fingerprints(work.session, self.panel.release, last, SAMPLES)
                opened = self._opened(work, owners)
            if len(opened) < max(fewest, 1):
                return gathered
            with begin() as work:
                gathered += self._keep_piece(work, opened)
            last = list(owners)[-1]

    def _keep_piece(self, work: Work, opened: Mapping[str, bytes]) -> int:
        segment_id, release = new_id("segment"), self.panel.release
        # First, since it takes the log's lock, which a withdrawal takes before the rows' as well.
        work.audit("fingerprints.gather", "fingerprint_segment", segment_id, None, samples=list(opened))
        rows = indexes.lock_loose_fingerprints(work.session, release, list(opened))
        if rows:
            content = pack_piece((row.sample_id, opened[row.sample_id]) for row in rows)
            vault.keep_fingerprint_segment(work, self._keys, segment_id, content, len(rows), panel_release=release)
            for row in rows:
                row.segment_id = segment_id
            work.session.flush()
        return len(rows)

    def _from_pieces(self, work: Work, wanted: Iterable[str]) -> dict[str, bytes]:
        """Those of the wanted fingerprints that are in a piece which opens; the others have rows of their own."""
        opened: dict[str, bytes] = {}
        size = packed_size(len(self.panel))
        for piece in indexes.fingerprint_segments(work.session, self.panel.release):
            try:
                opened |= unpack_piece(vault.open_segment(work, self._keys, piece), size)
            except SealError:
                continue
        return {name: opened[name] for name in opened.keys() & set(wanted)}

    def _opened(self, work: Work, owners: Mapping[str, str]) -> dict[str, bytes]:
        opened: dict[str, bytes] = {}
        names = iter(owners)
        while some := list(islice(names, _AT_ONCE)):
            for row, key in indexes.fingerprints_with_keys(work.session, some):
                opened[row.sample_id] = vault.open_fingerprint(work, self._keys, owners[row.sample_id], row)
                work.session.expunge(row)
                work.session.expunge(key)
        return opened


def pack_piece(fingerprints: Iterable[tuple[str, bytes]]) -> bytes:
    """Packed fingerprints of one panel with the names of their samples: length and JSON of the names, then each."""
    held = dict(fingerprints)
    names = json.dumps(list(held)).encode()
    return _LENGTH.pack(len(names)) + names + b"".join(held.values())


def unpack_piece(packed: bytes, size: int) -> dict[str, bytes]:
    """The packed fingerprints that `pack_piece` packed, each of `size` bytes."""
    start = _LENGTH.size + _LENGTH.unpack_from(packed)[0]
    names = json.loads(packed[_LENGTH.size : start])
    return {name: packed[at : at + size] for name, at in zip(names, range(start, len(packed), size), strict=True)}
