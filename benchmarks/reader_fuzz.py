"""Broken genotype files by the thousand: the reader refuses with a typed error, or reads what pysam reads.

    python benchmarks/reader_fuzz.py [--cases N] [--seed S] [--only CASE] [--scratch FOLDER]

Each case takes a good file (variants, gVCF or array), changes its text, its BGZF blocks or its gzip bytes a few times,
and reads it. A case fails when the reader ends with anything but a result or an `IntakeError`, when it takes longer
than ten seconds of CPU, or when it accepts a file and keeps something else than pysam reads there; records that pysam
itself cannot read are not compared. Ends with status 1 if a case fails, and names its number, with which
`--only` does it again.
"""

from __future__ import annotations

import argparse
import gzip
import random
import signal
import struct
import sys
import zlib
from collections import Counter
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

import promises
import pysam
from genome_files import BUILD, Genome, Style
from reader import as_pysam_reads, facts

from interpreters.genotypes import Interval
from ror_service.intake.builds import LENGTHS
from ror_service.intake.errors import IntakeError
from ror_service.intake.reader import read_genotypes
from ror_service.intake.results import Container, Flag, Limits, ReadResult
from ror_service.intake.wanted import WantedIntervals

CASES = 4_000
RECORDS = 40
CPU_SECONDS = 10
WHOLE = tuple(Interval(chrom, 1, length) for chrom, length in LENGTHS[BUILD].items())
LIMITS = Limits(text_bytes=64 << 20, line_bytes=1 << 20)
_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_PIECES = (
    *(b"\t", b"\n", b"\r\n", b"\r", b"\0", b"\xff", b"\xc3\xa9", b":", b";", b",", b"/", b"|", b".", b"-1", b"0", b"1"),
    *(b"9999999999", b"0/1", b"./.", b"1|2", b"0/0/1", b"<NON_REF>", b"<DEL>", b"*", b"END=", b"END=5;", b"N", b"acgt"),
    *(b"GT", b"GT:GT", b"nan", b"1e400", b"PASS", b"chrX", b"chrUn", b"#", b"##", b"=", b'"', b" "),
)


def good_texts() -> list[bytes]:
    """The files that are changed."""
    return ["".join(islice(Genome(style, 2_000).lines(), RECORDS + 1)).encode() for style in Style]


def changed_text(text: bytes, draw: random.Random) -> bytes:
    """The text with one change, seldom in its header."""
    body = text.find(b"\n#CHROM") + 1
    at = draw.randrange(body if draw.random() < 0.85 else 0, len(text))  # noqa: PLR2004
    lines = text.split(b"\n")
    match draw.randrange(8):
        case 0:
            return text[:at] + draw.choice(_PIECES) + text[at:]
        case 1:
            return text[:at] + text[at + draw.randint(1, 12) :]
        case 2:
            return text[:at] + bytes([draw.randrange(256)]) + text[at + 1 :]
        case 3:
            columns = lines[place := draw.randrange(len(lines))].split(b"\t")
            columns[draw.randrange(len(columns))] = draw.choice(_PIECES)
            lines[place] = b"\t".join(columns)
        case 4:
            lines.insert(draw.randrange(len(lines)), draw.choice(lines))
        case 5:
            del lines[draw.randrange(len(lines))]
        case 6:
            first, second = draw.randrange(len(lines)), draw.randrange(len(lines))
            lines[first], lines[second] = lines[second], lines[first]
        case _:
            return text[:at]
    return b"\n".join(lines)


def changed_bytes(data: bytes, draw: random.Random) -> bytes:
    """Compressed data with one change."""
    at, other = draw.randrange(len(data)), draw.randrange(len(data))
    match draw.randrange(5):
        case 0:
            return data[:at] + bytes([draw.randrange(256)]) + data[at + 1 :]
        case 1:
            return data[:at]
        case 2:
            return data[:at] + data[at + draw.randint(1, 40) :]
        case 3:
            return data[:at] + data[other : other + draw.randint(1, 400)] + data[at:]
        case _:
            return data + draw.choice((b"\0", b"rest", data, _END))


def blocks(text: bytes, size: int) -> list[bytes]:
    """BGZF blocks, the last one empty."""
    found = []
    for start in range(0, len(text), size):
        piece = text[start : start + size]
        packer = zlib.compressobj(1, zlib.DEFLATED, -15)
        packed = packer.compress(piece) + packer.flush()
        head = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0" + struct.pack("<H", len(packed) + 25)
        found.append(head + packed + struct.pack("<II", zlib.crc32(piece), len(piece)))
    return [*found, _END]


def case(number: int, seed: int, goods: list[bytes]) -> bytes:
    """The bytes of one case, the same for the same number and seed."""
    draw = random.Random(f"{seed}/{number}")  # noqa: S311 - no secret
    text = draw.choice(goods)
    kind = draw.randrange(4)
    if kind < 2:  # noqa: PLR2004 - half of the cases: the text, then packed without a fault
        for _ in range(draw.randint(1, 3)):
            text = changed_text(text, draw)
    packed = blocks(text, draw.choice((300, 2_000, 60_000)))
    if kind == 2:  # noqa: PLR2004
        if draw.random() < 0.5:  # noqa: PLR2004
            first, second = draw.randrange(len(packed)), draw.randrange(len(packed))
            packed[first], packed[second] = packed[second], packed[first]
            return b"".join(packed)
        return changed_bytes(b"".join(packed), draw)
    if kind > 2:  # noqa: PLR2004
        return changed_bytes(gzip.compress(text, 1, mtime=0), draw)
    return draw.choice((text, b"".join(packed), gzip.compress(text, 1, mtime=0)))


def outcome(path: Path) -> str:
    """How one case ends; begins with "FAILED" where it must not end so."""
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS)
    try:
        result = read_genotypes(path, lambda _: WHOLE, LIMITS)
    except IntakeError as error:
        return error.code.value
    except TimeoutError:
        return "FAILED: it hangs"
    except Exception as error:  # noqa: BLE001 - any other end is what this looks for
        return f"FAILED: {type(error).__name__}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return compared(result, path)


def compared(result: ReadResult, path: Path) -> str:
    """Whether what was accepted is what pysam reads."""
    if result.container is Container.GZIP:  # of which pysam opens no variants
        path = path.with_name("unpacked.vcf")
        path.write_bytes(gzip.decompress(path.with_name("case.vcf.gz").read_bytes()))
    try:
        theirs = set(as_pysam_reads(path, WantedIntervals.of(WHOLE)))
    except (OSError, ValueError, KeyError, UnicodeDecodeError, TypeError):
        return "accepted, and pysam cannot read it"
    ours = set(map(facts, result.calls))
    if ours == theirs:
        return "accepted, as pysam reads it"
    if result.flags.keys() & ODD:
        return "accepted with a flag that explains the difference to pysam"
    return "FAILED: another reading than pysam's"


ODD = frozenset(
    {
        *(Flag.LOWER_CASE_BASE, Flag.AMBIGUOUS_BASE, Flag.BAD_NUMBER, Flag.ALLELE_DEPTH_COUNT, Flag.UNDECLARED_FILTER),
        *(Flag.UNDECLARED_INFO, Flag.POSITION_ZERO),
    }
)
"""Flags under which the reader reads more strictly than pysam does: a value out of range is left out, letters are made
large, an END that the header does not declare counts."""


def _hangs(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError


def main() -> int:
    """Run the cases, print how they ended; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=CASES, help=f"number of cases ({CASES:,})")
    parser.add_argument("--seed", type=int, default=1, help="another seed makes other cases")
    parser.add_argument("--only", type=int, help="this case alone")
    parser.add_argument("--scratch", type=Path, help="folder for the files, which are removed at the end")
    given = parser.parse_args()
    pysam.set_verbosity(0)
    signal.signal(signal.SIGVTALRM, _hangs)
    goods, ends = good_texts(), Counter[str]()
    with TemporaryDirectory(dir=given.scratch) as folder:
        path = Path(folder) / "case.vcf.gz"
        for number in range(given.cases) if given.only is None else [given.only]:
            path.write_bytes(case(number, given.seed, goods))
            end = outcome(path)
            ends[end] += 1
            if end.startswith("FAILED"):
                print(f"case {number}: {end}")
    for end, count in ends.most_common():
        print(f"{count:8,}  {end}")
    failed = sum(count for end, count in ends.items() if end.startswith("FAILED"))
    print(f"{ends.total():,} cases, {failed:,} failed")
    return not promises.tell(
        "a broken genotype file is refused, or read as pysam reads it",
        f"{ends.total():,} files, {failed:,} read wrongly",
        held=not failed,
    )


if __name__ == "__main__":
    sys.exit(main())
