"""What a stored call set carries, as numbers: all that the index of carried variants is made from."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from interpreters.genotypes import Build
from interpreters.hereditary_risk.alleles import AlleleKey, trim
from ror_service.genotypes import codec
from ror_service.genotypes.catalogue import Catalogue

Numbers = NDArray[np.uint64]


def number_of(build: Build, key: AlleleKey) -> int:
    """64 bits that stand for an allele in the index."""
    text = f"{build}:{key.chrom}:{key.pos}:{key.deleted}:{key.inserted}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def carried_numbers(packed: bytes, catalogue: Catalogue, build: Build) -> Numbers:
    """Numbers of all alleles that a stored call set carries, ascending.

    Args:
        packed: The stored call set.
        catalogue: The one that it was made by.
        build: Of its coordinates.
    """
    written = codec.carried_alleles(packed, catalogue)
    numbers = {number_of(build, AlleleKey(chrom, *trim(pos, ref, alt))) for chrom, pos, ref, alt in written}
    return np.array(sorted(numbers), dtype=np.uint64)


def pack(numbers: Numbers) -> bytes:
    """The numbers as bytes, little-endian."""
    return numbers.astype("<u8").tobytes()


def unpack(packed: bytes) -> Numbers:
    """The numbers that `pack` packed."""
    return np.frombuffer(packed, "<u8")
