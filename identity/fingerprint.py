"""A fingerprint: the genotypes of one sample at the sites of a panel, two bits a site. Unread is unread."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from identity.panel import FingerprintPanel
from interpreters.alleles import bases_at
from interpreters.genotypes import GenotypeCalls

Codes: TypeAlias = NDArray[np.uint8]
"""For each site the copies of its alternate allele, 0 to 2, or `UNREAD`."""

UNREAD = 3
_SITES_A_BYTE = 8


def read_fingerprint(panel: FingerprintPanel, calls: GenotypeCalls) -> Codes:
    """The genotypes of a sample at every site of the panel; what the calls do not answer is `UNREAD`."""
    codes = np.full(len(panel), UNREAD, dtype=np.uint8)
    for number, site in enumerate(panel.sites):
        bases = bases_at(calls, site.chrom, site.position(calls.build), site.ref, site.alt)
        if bases is not None:
            codes[number] = (bases.first == site.alt) + (bases.second == site.alt)
    return codes


def packed_size(sites: int) -> int:
    """Bytes of a packed fingerprint of so many sites."""
    return 2 * -(-sites // _SITES_A_BYTE)


def pack(codes: Codes) -> bytes:
    """A fingerprint in two bits a site: the low bits of all sites, then the high bits. Padding reads as unread."""
    return pack_all(codes[np.newaxis]).tobytes()


def pack_all(codes: Codes) -> Codes:
    """Many fingerprints (people x sites) packed as `pack` does it (people x bytes)."""
    padding = -codes.shape[1] % _SITES_A_BYTE
    padded = np.pad(codes, ((0, 0), (0, padding)), constant_values=UNREAD)
    return np.hstack([np.packbits(padded & 1, axis=1), np.packbits(padded >> 1, axis=1)])


def unpack(content: bytes, sites: int) -> Codes:
    """The fingerprint that `pack` packed.

    Raises:
        ValueError: If the bytes are not a fingerprint of so many sites.
    """
    if len(content) != packed_size(sites):
        raise ValueError(f"a fingerprint of {sites} sites has {packed_size(sites)} bytes, not {len(content)}")
    low, high = np.unpackbits(np.frombuffer(content, dtype=np.uint8).reshape(2, -1), axis=1, count=sites)
    codes: Codes = low + 2 * high
    return codes
