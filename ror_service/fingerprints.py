"""The fingerprints of all samples: sealed in the database, and opened in the memory of a process that searches them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from itertools import islice

import numpy as np
from sqlalchemy import select

from identity.comparison import Hit, Index
from identity.fingerprint import Codes, pack, read_fingerprint, unpack
from identity.panel import FingerprintPanel
from interpreters.genotypes import GenotypeCalls
from ror_service import cases
from ror_service.sealing import vault
from ror_service.sealing.keys import KeyProvider
from ror_service.states import SampleState
from ror_service.storage import participants, results
from ror_service.storage.participants import Lock
from ror_service.storage.tables import FingerprintRow, SampleRow
from ror_service.work import Work

_AT_ONCE = 500
"""Rows of one query while the index is filled."""


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
            owners: Sample to participant, as `results.living_fingerprints` gives them.

        Raises:
            ErasedError: If one was erased.
        """
        return {name: unpack(content, len(self.panel)) for name, content in self._opened(work, owners).items()}

    def search(self, work: Work, codes: Codes, living: Mapping[str, str]) -> list[Hit]:
        """Samples of the same person or of a close relative among those that can be opened now.

        Args:
            work: The transaction.
            codes: Fingerprint that is searched for.
            living: Sample to participant, as `results.living_fingerprints` gives them in this transaction.
        """
        with self._turn:
            self._index.forget(self._index.keys - living.keys())
            missing = {name: living[name] for name in sorted(living.keys() - self._index.keys)}
            if missing:
                opened = self._opened(work, missing)
                content = np.frombuffer(b"".join(opened.values()), dtype=np.uint8)
                self._index.add(opened, content.reshape(len(opened), -1))
                work.audit("fingerprints.open", "fingerprint_panel", self.panel.release, None, samples=len(opened))
            return self._index.search(codes)

    def _opened(self, work: Work, owners: Mapping[str, str]) -> dict[str, bytes]:
        opened: dict[str, bytes] = {}
        names = iter(owners)
        while some := list(islice(names, _AT_ONCE)):
            for row in _rows(work, some):
                opened[row.sample_id] = vault.open_fingerprint(work, self._keys, owners[row.sample_id], row)
                work.session.expunge(row)
        return opened


def _rows(work: Work, sample_ids: Sequence[str]) -> Sequence[FingerprintRow]:
    return work.session.scalars(select(FingerprintRow).where(FingerprintRow.sample_id.in_(sample_ids))).all()
