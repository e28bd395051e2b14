"""Small genotype files, made in memory."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

from interpreters.genotypes import Build

LENGTHS = {
    Build.GRCH38: {"1": 248956422, "2": 242193529, "X": 156040895, "Y": 57227415, "MT": 16569},
    Build.GRCH37: {"1": 249250621, "2": 243199373, "X": 155270560, "Y": 59373566, "MT": 16569},
}
EOF_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def vcf_text(
    records: Sequence[str], *, build: Build = Build.GRCH38, prefix: str = "chr", extra: str = "", sample: str = "S1"
) -> bytes:
    """A file from records whose fields are separated by spaces."""
    contigs = "".join(
        f"##contig=<ID={prefix}{'M' if name == 'MT' and prefix else name},length={length}>\n"
        for name, length in LENGTHS[build].items()
    )
    columns = f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{sample}\n"
    body = "".join("\t".join(record.split(" ")) + "\n" for record in records)
    return f"##fileformat=VCFv4.2\n{contigs}{extra}{columns}{body}".encode()


def bgzf(text: bytes, *, block: int = 60000, end: bool = True) -> bytes:
    """Text in BGZF blocks."""
    parts = []
    for start in range(0, len(text), block):
        piece = text[start : start + block]
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        packed = packer.compress(piece) + packer.flush()
        parts.append(b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0" + struct.pack("<H", len(packed) + 25) + packed)
        parts.append(struct.pack("<II", zlib.crc32(piece), len(piece)))
    return b"".join(parts) + (EOF_BLOCK if end else b"")
