"""CPU time and memory of importing ClinVar's full file.

    python benchmarks/clinvar_import.py [--records N] [--source VCF] [--scratch FOLDER]

Writes a file of the size of NCBI's to a scratch folder, from the records of SOURCE: once as they are, three times at
other positions (one record in ten of the whole is then of a listed gene), and the rest with another gene's name. Then
runs `ror knowledge import clinvar` on it in a process of its own. Ends with status 1 above 120 s of CPU or 1 GB.
"""

from __future__ import annotations

import argparse
import gzip
import re
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from command_use import run_ror
from pysam import BGZFile

SOURCE = Path(__file__).resolve().parents[1].parent / "shared" / "hereditary" / "clinvar_acmg_subset.vcf.gz"
RECORDS = 4_000_000
"""About what NCBI's file holds."""
MOVED_COPIES = 3
"""Copies at other positions: together one record in ten is of a listed gene, and half of those are pathogenic."""
DISTANCE = 250_000_000
"""Bases between the copies, more than any chromosome has."""
MOST_CPU_SECONDS, MOST_BYTES = 120, 10**9

_GENES = re.compile(rb"GENEINFO=[^;\n]*")


def full_size(source: Path, records: int) -> Iterator[bytes]:
    """The lines of a full-size file, with the header of `source`."""
    with gzip.open(source) as lines:
        every = lines.readlines()
    header = [line for line in every if line.startswith(b"#")]
    listed = every[len(header) :]
    yield from header
    yield from islice(_records(listed), records)


def _records(listed: list[bytes]) -> Iterator[bytes]:
    yield from listed
    for copy in range(1, MOVED_COPIES + 1):
        for line in listed:
            chrom, pos, number, rest = line.split(b"\t", 3)
            yield b"%b\t%d\t%d\t%b" % (chrom, int(pos) + copy * DISTANCE, int(number) + copy * 10**8, rest)
    other = 0
    while True:
        other += 1
        gene = b"GENEINFO=OTHER%d:%d" % (other, other)
        yield from (_GENES.sub(gene, line) for line in listed)


def main() -> int:
    """Write the file, import it, print; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=RECORDS, help=f"records of the file ({RECORDS:,})")
    parser.add_argument("--source", type=Path, default=SOURCE, help="file in NCBI's format that the records come from")
    parser.add_argument("--scratch", type=Path, help="folder for the file, which is removed at the end")
    given = parser.parse_args()
    with TemporaryDirectory(dir=given.scratch) as folder:
        file = Path(folder) / "clinvar.vcf.gz"
        size = 0
        with BGZFile(str(file), "wb") as packed:
            for line in full_size(given.source, given.records):
                size += packed.write(line)
        print(f"{given.records:,} records, {size / 1e6:,.0f} MB, {file.stat().st_size / 1e6:,.0f} MB compressed")
        releases = Path(folder) / "releases"
        words = ("knowledge", "import", "clinvar", file, "--output", releases, "--release", "full")
        use = run_ror(words, Path(folder) / "printed")
        built = sum(path.stat().st_size for path in releases.rglob("*") if path.is_file())
    print(f"imported in {use.cpu:.1f} s of CPU ({use.wall:.1f} s), largest size {use.peak / 1e6:,.0f} MB")
    print(f"the release has {built / 1e6:,.1f} MB; goals: {MOST_CPU_SECONDS} s of CPU, {MOST_BYTES / 1e6:,.0f} MB")
    return int(use.cpu > MOST_CPU_SECONDS or use.peak > MOST_BYTES)


if __name__ == "__main__":
    sys.exit(main())
