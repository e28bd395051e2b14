"""A call set to compact bytes and back, limited to what a catalogue keeps. The same calls give the same bytes.

Lossless for all that interpreters read: what a panel site may lose is said by `interpreters.interpreter.PanelSite`'s
protocol, and anything else about it, such as a third allele, a filter or a second record, keeps its records whole. The
line number of a record is dropped.

Format 1: the magic bytes, the catalogue's SHA-256, then deflated: length of a JSON object (4 bytes, little-endian), the
object, and two bits for each panel site: 0 nothing or whole records, 1 reference twice, 2 one alternate, 3 two.
"""

from __future__ import annotations

import json
import struct
import zlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from interpreters.genotypes import (
    Build,
    CallSetKind,
    GenotypeCalls,
    Interval,
    OutsideCall,
    Record,
)
from interpreters.interpreter import PanelSite
from ror_service.genotypes.catalogue import BuildCatalogue, Catalogue

MAGIC = b"RORG\x01"
"""With the number of the format."""
_DIGEST = slice(len(MAGIC), len(MAGIC) + 32)
_LENGTH = struct.Struct("<I")
_LEVEL = 6
_NOT_PLAIN = -1
_GENOTYPES: tuple[tuple[int, int], ...] = ((0, 0), (0, 0), (0, 1), (1, 1))
"""By two-bit code; the first stands for nothing."""


def is_known(stored: bytes) -> bool:
    """Whether this program reads the format."""
    return stored.startswith(MAGIC)


def catalogue_digest(stored: bytes) -> str:
    """Digest of the catalogue that a stored call set was made by, hexadecimal."""
    return stored[_DIGEST].hex()


def encode(calls: GenotypeCalls, catalogue: Catalogue) -> bytes:
    """What the catalogue keeps of the calls; records elsewhere are left out."""
    part = catalogue.builds[calls.build]
    whole, codes = _split(calls, part)
    everything = part.everything
    declared, assayed = calls.callable_intervals, calls.assayed_sites
    content = {
        "build": calls.build.value,
        "kind": calls.kind.value,
        "records": _columns(whole),
        "callable": None if declared is None else [interval for interval in declared if everything.overlap(*interval)],
        "assayed": None
        if assayed is None
        else sorted(
            (chrom, pos, sorted(told)) for (chrom, pos), told in assayed.items() if everything.overlap(chrom, pos, pos)
        ),
        "outside": [(call.gene, call.diplotype, call.phenotype, call.activity_score) for call in calls.outside_calls],
    }
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=True).encode()
    body = _LENGTH.pack(len(text)) + text + _packed(codes)
    return MAGIC + bytes.fromhex(catalogue.digest) + zlib.compress(body, _LEVEL)


def decode(stored: bytes, catalogue: Catalogue, *, panel: bool = True) -> GenotypeCalls:
    """The calls that `encode` wrote.

    Args:
        stored: The bytes.
        catalogue: The one that they were made by.
        panel: Whether the panel sites are wanted too: most of the time goes there.

    Raises:
        ValueError: If the format or the catalogue is another one.
    """
    content, packed = _opened(stored, catalogue)
    build = Build(content["build"])
    records = list(_records(content["records"]))
    if panel:
        records += _panel_records(_unpacked(packed), catalogue.builds[build].panel)
    declared, assayed = content["callable"], content["assayed"]
    return GenotypeCalls(
        build,
        CallSetKind(content["kind"]),
        records,
        None if declared is None else [Interval(*interval) for interval in declared],
        assayed_sites=None if assayed is None else {(chrom, pos): frozenset(told) for chrom, pos, told in assayed},
        outside_calls=[OutsideCall(*call) for call in content["outside"]],
    )


def carried_alleles(stored: bytes, catalogue: Catalogue) -> Iterator[tuple[str, int, str, str]]:
    """Chromosome, position, REF and ALT of every allele that a record kept whole says is carried, filtered or not."""
    content, _ = _opened(stored, catalogue)
    columns = content["records"]
    shapes = list(map(_Shape.of, columns["shapes"]))
    for chrom, pos, number in zip(_chromosomes(columns), _positions(columns), columns["shape"], strict=True):
        shape = shapes[number]
        for allele in shape.carried:
            yield chrom, pos, shape.ref, shape.alts[allele - 1]


def _opened(stored: bytes, catalogue: Catalogue) -> tuple[dict[str, Any], bytes]:
    if not is_known(stored):
        raise ValueError("a stored call set of an unknown format; read the sample's file instead")
    if catalogue_digest(stored) != catalogue.digest:
        raise ValueError("a stored call set of another catalogue; give the one that it names")
    body = zlib.decompress(stored[_DIGEST.stop :])
    (length,) = _LENGTH.unpack_from(body)
    start = _LENGTH.size
    return json.loads(body[start : start + length]), body[start + length :]


def _split(calls: GenotypeCalls, part: BuildCatalogue) -> tuple[list[Record], NDArray[np.uint8]]:
    """Records that are kept whole, and the two-bit code of each panel site.

    A site has a code only if a single record speaks of it, and that record needs not be kept for any other reason.
    """
    whole: list[Record] = []
    reducible: list[tuple[Record, range, list[int]]] = []
    speaking = np.zeros(len(part.panel), dtype=np.int64)
    for record in calls:
        sites = _panel_sites(record, part)
        speaking[sites.start : sites.stop] += 1
        if part.regions.overlap(record.chrom, record.pos, record.end):
            whole.append(record)
        elif sites:
            reducible.append((record, sites, [_code(record, part.panel[site]) for site in sites]))
    codes = np.zeros(len(part.panel), dtype=np.uint8)
    for record, sites, found in reducible:
        if _NOT_PLAIN in found or (speaking[sites.start : sites.stop] > 1).any():
            whole.append(record)
        else:
            codes[sites.start : sites.stop] = found
    # The order of the call set, so that the same calls give the same bytes.
    order = {id(record): number for number, record in enumerate(calls)}
    whole.sort(key=lambda record: order[id(record)])
    return whole, codes


def _panel_sites(record: Record, part: BuildCatalogue) -> range:
    """Numbers of the panel sites that a record speaks of."""
    positions = part.panel_positions.get(record.chrom)
    if positions is None:
        return range(0)
    first = part.panel_start[record.chrom]
    start = bisect_left(positions, record.pos)
    return range(first + start, first + bisect_left(positions, record.end + 1, lo=start))


def _code(record: Record, site: PanelSite) -> int:
    """Two bits for what one record says of one site, or `_NOT_PLAIN` where they do not say it all."""
    called = record.genotype
    if record.filters or len(called) != 2 or None in called:  # noqa: PLR2004 - two copies
        return _NOT_PLAIN
    if not any(called):
        offset = site.pos - record.pos
        return 1 if record.depth != 0 and record.ref[offset : offset + 1] in {"", site.ref} else _NOT_PLAIN
    if (record.pos, record.ref) != (site.pos, site.ref):
        return _NOT_PLAIN
    if any(allele not in {site.ref, site.alt} for allele in record.alleles):
        return _NOT_PLAIN
    return 1 + sum(allele == site.alt for allele in record.alleles)


def _packed(codes: NDArray[np.uint8]) -> bytes:
    """Four codes a byte, the first in the lowest bits."""
    padded = np.zeros((len(codes) + 3) // 4 * 4, dtype=np.uint8)
    padded[: len(codes)] = codes
    quads = padded.reshape(-1, 4)
    return (quads[:, 0] | quads[:, 1] << 2 | quads[:, 2] << 4 | quads[:, 3] << 6).astype(np.uint8).tobytes()


def _unpacked(packed: bytes) -> NDArray[np.uint8]:
    quads = np.frombuffer(packed, dtype=np.uint8)
    return np.stack([quads >> shift & 3 for shift in (0, 2, 4, 6)], axis=1).reshape(-1)


def _panel_records(codes: NDArray[np.uint8], panel: Sequence[PanelSite]) -> Iterator[Record]:
    for number in np.flatnonzero(codes).tolist():
        site, code = panel[number], int(codes[number])
        alts = (site.alt,) if code > 1 else ()
        yield Record(site.chrom, site.pos, site.pos, site.ref, alts, _GENOTYPES[code])


class _Shape(NamedTuple):
    """What many records of a call set have in common."""

    ref: str
    alts: tuple[str, ...]
    genotype: tuple[int | None, ...]
    phased: bool
    filters: tuple[str, ...]
    consequences: tuple[str, ...]

    @classmethod
    def of(cls, plain: Sequence[Any]) -> _Shape:
        """The shape that JSON holds as a list."""
        ref, alts, genotype, phased, filters, consequences = plain
        return cls(ref, tuple(alts), tuple(genotype), phased, tuple(filters), tuple(consequences))

    @property
    def carried(self) -> list[int]:
        """Numbers of the alternate alleles that the genotype names."""
        return sorted({number for number in self.genotype if number})


def _columns(records: Sequence[Record]) -> dict[str, Any]:
    """Records as columns: like stands beside like, and compresses."""
    shapes: dict[_Shape, int] = {}
    chromosomes: list[list[Any]] = []
    before = 0
    columns: dict[str, list[Any]] = {name: [] for name in ("step", "shape", *_PLAIN)}
    for record in records:
        if not chromosomes or chromosomes[-1][0] != record.chrom:
            chromosomes.append([record.chrom, 0])
            before = 0
        chromosomes[-1][1] += 1
        shape = _Shape(record.ref, record.alts, record.genotype, record.phased, record.filters, record.consequences)
        columns["step"].append(record.pos - before)
        before = record.pos
        columns["shape"].append(shapes.setdefault(shape, len(shapes)))
        columns["beyond"].append(record.end - record.pos - len(record.ref) + 1)
        for name in _PLAIN[1:]:
            columns[name].append(getattr(record, name))
    return {"chromosomes": chromosomes, "shapes": list(shapes), **columns}


_PLAIN = ("beyond", "phase_set", "depth", "genotype_quality", "allele_depths")
"""Columns that stand for themselves; the first is how far a record reaches beyond the bases that it spells."""


def _chromosomes(columns: dict[str, Any]) -> Iterator[str]:
    for chrom, count in columns["chromosomes"]:
        yield from repeat(chrom, count)


def _positions(columns: dict[str, Any]) -> Iterator[int]:
    steps = iter(columns["step"])
    for _, count in columns["chromosomes"]:
        pos = 0
        for _ in range(count):
            pos += next(steps)
            yield pos


def _records(columns: dict[str, Any]) -> Iterator[Record]:
    shapes = list(map(_Shape.of, columns["shapes"]))
    rows = zip(
        _chromosomes(columns),
        _positions(columns),
        columns["shape"],
        *(columns[name] for name in _PLAIN),
        strict=True,
    )
    for chrom, pos, number, beyond, phase_set, depth, quality, allele_depths in rows:
        shape = shapes[number]
        yield Record(
            chrom, pos, pos + len(shape.ref) - 1 + beyond, shape.ref, shape.alts, shape.genotype, shape.phased,
            phase_set, shape.filters, depth, quality, tuple(allele_depths), shape.consequences,
        )  # fmt: skip
