"""The index of carried variants: who carries an allele, answered without opening anybody's stored genotypes.

It is a cache in pieces of a thousand samples, each sealed under a key of its own. A piece is dissolved by the
transaction that erases one of its samples, and its other samples are indexed anew by the next question. Only records of
whole regions count, under the allele as it is written once common bases are dropped; whoever asks asks for every
spelling.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from interpreters.genotypes import Build
from interpreters.hereditary_risk.alleles import AlleleKey, trim
from ror_service.errors import SealError
from ror_service.genotypes import codec
from ror_service.genotypes.store import GenotypeStore
from ror_service.sealing import vault
from ror_service.sealing.keys import KeyProvider
from ror_service.storage import results
from ror_service.work import Work

SAMPLES = 1000
"""In one piece at most."""
Numbers = NDArray[np.uint64]
_LENGTHS = struct.Struct("<III")


def number_of(build: Build, key: AlleleKey) -> int:
    """64 bits that stand for an allele in the index."""
    text = f"{build}:{key.chrom}:{key.pos}:{key.deleted}:{key.inserted}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


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
    def of(cls, carried: Iterable[tuple[str, Iterable[int]]]) -> Segment:
        """The piece with these samples, each with the numbers of its alleles."""
        samples, numbers, places = [], [], []
        for place, (sample_id, found) in enumerate(carried):
            samples.append(sample_id)
            distinct = np.fromiter(set(found), dtype=np.uint64)
            numbers.append(distinct)
            places.append(np.full(len(distinct), place, dtype=np.uint16))
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
    samples: int
    unreadable: int
    """Samples whose stored genotypes do not open, or not in this program: they are not in the index."""


def index_some(work: Work, keys: KeyProvider, store: GenotypeStore, after: str = "") -> Indexed | None:
    """Index the next samples that are in no piece, at most `SAMPLES`; None when there are no more.

    The audit event of the piece names every sample that was opened for it.

    Args:
        work: The transaction.
        keys: Holder of the key-encryption keys.
        store: The genotype store.
        after: In order of their ids, samples after this one.
    """
    rows = results.not_indexed(work.session, after, SAMPLES)
    if not rows:
        return None
    carried: list[tuple[str, set[int]]] = []
    for row, participant_id in rows:
        try:
            packed = vault.open_genotypes(work, keys, participant_id, row)
        except SealError:
            continue
        if codec.is_known(packed):
            catalogue = store.catalogue_of(work, row.catalogue_digest)
            build = Build(row.build)
            written = codec.carried_alleles(packed, catalogue)
            keys_of = (AlleleKey(chrom, *trim(pos, ref, alt)) for chrom, pos, ref, alt in written)
            carried.append((row.sample_id, {number_of(build, key) for key in keys_of}))
    if carried:
        segment = Segment.of(carried)
        kept = vault.keep_segment(work, keys, segment.pack(), len(carried))
        read = set(segment.samples)
        for row, _ in rows:
            if row.sample_id in read:
                row.segment_id = kept.segment_id
        work.session.flush()
        work.audit("genotypes.index", "variant_segment", kept.segment_id, None, samples=list(segment.samples))
    return Indexed(rows[-1][0].sample_id, len(carried), len(rows) - len(carried))
