"""The index of carried variants: who carries an allele, answered without opening anybody's stored genotypes.

It is a cache in pieces of a thousand samples, each sealed under a key of its own. A piece is dissolved by the
transaction that erases one of its samples, and its other samples go into another one later, from the numbers that are
sealed beside what is stored of them. Only records of whole regions count, under the allele as it is written once common
bases are dropped; whoever asks asks for every spelling.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from interpreters.genotypes import Build
from ror_service.errors import SealError
from ror_service.genotypes import carried, codec
from ror_service.genotypes.carried import Numbers
from ror_service.genotypes.store import GenotypeStore
from ror_service.sealing import vault
from ror_service.sealing.keys import KeyProvider
from ror_service.storage import indexes
from ror_service.storage.tables import StoredGenotypesRow, VariantSegmentRow
from ror_service.work import Work, new_id

SAMPLES = 1000
"""In one piece at most."""
_LENGTHS = struct.Struct("<III")
Begin = Callable[[], AbstractContextManager[Work]]
"""Begins a transaction."""


@dataclass(frozen=True, eq=False)
class Segment:
    """One piece of the index.

    Attributes:
        samples: Its samples.
        alleles: Numbers of all alleles that one of them carries, ascending.
        ends: For each allele where its carriers end in `carriers`.
        carriers: Places in `samples`, allele after allele.
    """

    samples: tuple[str, ...]
    alleles: Numbers
    ends: NDArray[np.uint32]
    carriers: NDArray[np.uint16]

    @classmethod
    def of(cls, found: Iterable[tuple[str, Numbers]]) -> Segment:
        """The piece with these samples, each with the numbers of its alleles, none twice."""
        samples, numbers, places = [], [], []
        for place, (sample_id, of_sample) in enumerate(found):
            samples.append(sample_id)
            numbers.append(of_sample)
            places.append(np.full(len(of_sample), place, dtype=np.uint16))
        joined = np.concatenate([np.empty(0, np.uint64), *numbers])
        order = np.argsort(joined, kind="stable")
        alleles, counts = np.unique(joined, return_counts=True)
        carriers = np.concatenate([np.empty(0, np.uint16), *places])[order]
        return cls(tuple(samples), alleles, np.cumsum(counts).astype(np.uint32), carriers)

    def carrying(self, wanted: Numbers) -> set[str]:
        """Samples that carry one of these alleles or more."""
        where = np.searchsorted(self.alleles, wanted)
        found = where[where < len(self.alleles)]
        found = found[np.isin(self.alleles[found], wanted)]
        starts = np.concatenate(([np.uint32(0)], self.ends))
        return {
            self.samples[place]
            for one in found.tolist()
            for place in self.carriers[starts[one] : self.ends[one]].tolist()
        }

    def pack(self) -> bytes:
        """The piece as bytes, little-endian."""
        names = json.dumps(self.samples).encode()
        lengths = _LENGTHS.pack(len(names), len(self.alleles), len(self.carriers))
        columns = (self.alleles.astype("<u8"), self.ends.astype("<u4"), self.carriers.astype("<u2"))
        return lengths + b"".join(column.tobytes() for column in columns) + names

    @classmethod
    def unpack(cls, packed: bytes) -> Segment:
        """The piece that `pack` wrote."""
        names, alleles, carriers = _LENGTHS.unpack_from(packed)
        at = _LENGTHS.size
        columns = []
        for kind, count in (("<u8", alleles), ("<u4", alleles), ("<u2", carriers)):
            columns.append(np.frombuffer(packed, kind, count, at))
            at += columns[-1].nbytes
        return cls(tuple(json.loads(packed[at : at + names])), *columns)


@dataclass(frozen=True, slots=True)
class Indexed:
    """What one step of indexing did."""

    last: str
    """Sample after which to go on."""
    unreadable: int
    """Samples whose stored genotypes do not open, or not in this program: they are not in the index."""


def refresh(begin: Begin, keys: KeyProvider, store: GenotypeStore) -> int:
    """Index every sample that is in no piece; returns how many do not open.

    Args:
        begin: Begins a transaction.
        keys: Holder of the key-encryption keys.
        store: The genotype store.
    """
    with begin() as work:
        if indexes.is_all_indexed(work.session):
            return 0
        if indexes.not_indexed(work.session, "", 1):
            # So that pieces of a few samples, one for each question, do not become many.
            indexes.dissolve_unfilled(work.session, VariantSegmentRow, SAMPLES // 2, work.at)
    last, unreadable = "", 0
    while (done := index_some(begin, keys, store, last)) is not None:
        last, unreadable = done.last, unreadable + done.unreadable
    return unreadable


def index_some(begin: Begin, keys: KeyProvider, store: GenotypeStore, after: str = "") -> Indexed | None:
    """Index the next samples that are in no piece, at most `SAMPLES`; None when there are no more.

    They are opened without a lock, and those that are still as they were go into the piece. Its audit event names every
    sample that was opened for it.

    Args:
        begin: Begins a transaction.
        keys: Holder of the key-encryption keys.
        store: The genotype store.
        after: In order of their ids, samples after this one.
    """
    found: dict[str, _Found] = {}
    with begin() as work:
        rows = indexes.not_indexed(work.session, after, SAMPLES)
        for row, _, participant_id in rows:
            numbers = _carried(work, keys, store, row, participant_id)
            if numbers is not None:
                found[row.sample_id] = _Found(row.data_key_id, participant_id, numbers)
    if not rows:
        return None
    if found:
        with begin() as work:
            _keep(work, keys, found)
    return Indexed(rows[-1][0].sample_id, len(rows) - len(found))


class _Found(NamedTuple):
    """What a sample carries, and the key under which that is stored."""

    data_key_id: str
    participant_id: str
    numbers: Numbers


def _carried(
    work: Work, keys: KeyProvider, store: GenotypeStore, row: StoredGenotypesRow, participant_id: str
) -> Numbers | None:
    """What a stored call set carries; None where it does not open."""
    try:
        numbers = vault.open_carried(work, keys, participant_id, row)
        if numbers is not None:
            return carried.unpack(numbers)
        packed = vault.open_genotypes(work, keys, participant_id, row)
    except SealError:
        return None
    if not codec.is_known(packed):
        return None
    return carried.carried_numbers(packed, store.catalogue_of(work, row.catalogue_digest), Build(row.build))


def _keep(work: Work, keys: KeyProvider, found: Mapping[str, _Found]) -> None:
    segment_id = new_id("segment")
    # First, since it takes the log's lock, which a withdrawal takes before the rows' as well.
    work.audit("genotypes.index", "variant_segment", segment_id, None, samples=list(found))
    locked = indexes.lock_not_indexed(work.session, list(found))
    rows = [row for row in locked if row.data_key_id == found[row.sample_id].data_key_id]
    if not rows:
        return
    segment = Segment.of((row.sample_id, found[row.sample_id].numbers) for row in rows)
    vault.keep_segment(work, keys, segment_id, segment.pack(), len(rows))
    for row in rows:
        row.segment_id = segment_id
        if row.carried is None:
            of_row = found[row.sample_id]
            vault.add_carried(work, keys, of_row.participant_id, row, carried.pack(of_row.numbers))
    work.session.flush()
