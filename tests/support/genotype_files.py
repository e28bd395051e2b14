"""Small genotype files, made in memory."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence

from interpreters.genotypes import Build, Record
from ror_service.intake import builds

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


def record_line(record: Record, prefix: str = "chr") -> str:
    """A record as a line without its end."""
    joint = "|" if record.phased else "/"
    genotype = joint.join("." if number is None else str(number) for number in record.genotype)
    fields = {
        "GT": genotype,
        "AD": ",".join("." if depth is None else str(depth) for depth in record.allele_depths) or None,
        "DP": record.depth,
        "GQ": record.genotype_quality,
        "PS": record.phase_set,
    }
    given = {name: str(value) for name, value in fields.items() if value is not None}
    info = f"END={record.end}" if record.end >= record.pos + len(record.ref) else "."
    columns = (f"{prefix}{record.chrom}", record.pos, ".", record.ref, ",".join(record.alts) or ".", ".")
    filters = ";".join(record.filters) or "PASS"
    return "\t".join(map(str, (*columns, filters, info, ":".join(given), ":".join(given.values()))))


def genome_text(records: Iterable[Record], *, build: Build = Build.GRCH38, prefix: str = "chr") -> bytes:
    """A file that holds these records in their order, with every chromosome in its header."""
    contigs = "".join(f"##contig=<ID={prefix}{name},length={n}>\n" for name, n in builds.LENGTHS[build].items())
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"
    body = "".join(f"{record_line(record, prefix)}\n" for record in records)
    return f"##fileformat=VCFv4.2\n{contigs}{columns}{body}".encode()


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
