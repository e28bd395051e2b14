"""A ZIP file that is a function of its entries alone: stored, fixed times, no room for hidden bytes.

The standard library's writer may change its flags between versions; these bytes must not. `read_entries` accepts only
what `write_entries` would write, so that every byte is accounted for. Layout: PKWARE APPNOTE 6.3.10, without
ZIP64.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

from ror_service.errors import SealError

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_VERSION = 20
_MADE_BY_UNIX = (3 << 8) | _VERSION
_OWNER_READS = 0o100600 << 16
_DATE = (1 << 5) | 1
"""The first of January 1980, midnight: the earliest that the format can say."""
_MAX_BYTES = 0xFFFFFFFF


def write_entries(entries: Sequence[tuple[str, bytes]]) -> bytes:
    """The file of these entries (name in ASCII, content), in this order.

    Raises:
        ValueError: If it would exceed 4 GiB.
    """
    body, directory = bytearray(), bytearray()
    for name, content in entries:
        encoded = name.encode("ascii")
        facts = (_VERSION, 0, 0, 0, _DATE, zlib.crc32(content), len(content), len(content), len(encoded), 0)
        offset = len(body)
        body += _LOCAL.pack(b"PK\x03\x04", *facts) + encoded + content
        if len(body) > _MAX_BYTES:
            raise ValueError("a bundle holds at most 4 GiB; deliver fewer artifacts in one")
        directory += _CENTRAL.pack(b"PK\x01\x02", _MADE_BY_UNIX, *facts, 0, 0, 0, _OWNER_READS, offset) + encoded
    count = len(entries)
    end = _END.pack(b"PK\x05\x06", 0, 0, count, count, len(directory), len(body), 0)
    return bytes(body + directory + end)


def read_entries(data: bytes) -> list[tuple[str, bytes]]:
    """The entries of a file that `write_entries` wrote.

    Raises:
        SealError: If it is not, byte for byte, such a file.
    """
    entries: list[tuple[str, bytes]] = []
    at = 0
    while data[at : at + 4] == b"PK\x03\x04" and at + _LOCAL.size <= len(data):
        size, name_size = _LOCAL.unpack_from(data, at)[8:10]
        start = at + _LOCAL.size + name_size
        entries.append((data[at + _LOCAL.size : start].decode("ascii", errors="replace"), data[start : start + size]))
        at = start + size
    if not all(name.isascii() for name, _ in entries) or write_entries(entries) != data:
        raise SealError("bundle: not a whole bundle as it was sent: bytes are missing, added or changed")
    return entries
