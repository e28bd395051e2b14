"""CPU time and memory of reading the raw text of consumer arrays, and agreement with the package `snps`.

    python benchmarks/raw_text.py [--probes N] [--share S] [--scratch FOLDER] [--snps PYTHON] [FILE ...]

Writes an invented man's genotypes (640,000 probes, half of the sites with known bases among them) as each company does,
and as a VCF of the known sites, and reads each as the service does: in a process of its own, with SHA-256 and every
check. All must give the genotypes of the VCF. With `--snps`, a Python that has the package snps, each text and every
FILE is loaded by that too, and the letters of every kept genotype are compared. Ends with status 1 if anything differs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from raw_text_files import WRITERS, array_vcf, person

from identity.panel import load_panel
from interpreters.genotypes import Build, CallState, GenotypeCalls
from interpreters.registry import installed
from ror_service.intake.isolation import read_in_child
from ror_service.intake.needs import Needs
from ror_service.intake.results import ReadResult

BUILD = Build.GRCH37
PROBES = 640_000
_LOAD = """
import json, sys, logging
logging.disable(logging.CRITICAL)
from snps import SNPs
table = SNPs(sys.argv[1], deduplicate=False).snps.dropna()
wanted = set(map(tuple, json.load(sys.stdin)))
found = [(str(c), int(p), str(g)) for c, p, g in zip(table["chrom"], table["pos"], table["genotype"])]
json.dump([each for each in found if each[:2] in wanted], sys.stdout)
"""

Genotypes = Mapping[tuple[str, int], str]


def letters(calls: GenotypeCalls) -> Genotypes:
    """The called letters of every kept position, one for a single copy or two in alphabetical order."""
    found: dict[tuple[str, int], str] = {}
    for record in calls:
        genotype = calls.at(record.chrom, record.pos)
        if genotype.state in {CallState.REFERENCE, CallState.VARIANT}:
            found[record.chrom, record.pos] = "".join(sorted(filter(None, genotype.alleles)))
    return found


def by_snps(python: str, path: Path, places: Iterable[tuple[str, int]]) -> Genotypes:
    """What the package snps reads at these positions."""
    done = subprocess.run(  # noqa: S603 - a Python that the caller names
        [python, "-c", _LOAD, str(path)], input=json.dumps(list(places)), capture_output=True, text=True, check=True
    )
    return {(chrom, pos): "".join(sorted(found)) for chrom, pos, found in json.loads(done.stdout)}


def differing(ours: Genotypes, theirs: Genotypes) -> int:
    """Positions of ours at which theirs is another genotype; one letter equals the same twice."""
    return sum(set(theirs.get(place, "")) != set(found) for place, found in ours.items())


def show(name: str, read: ReadResult) -> None:
    """One line of the table."""
    print(
        f"{name:14} {read.metrics.records:>9,} lines {read.size / 1e6:6.1f} MB  {read.cpu_seconds:5.2f} s CPU "
        f"with process start  {read.peak_memory_bytes / 1e6:4.0f} MB memory  {len(read.calls):,} kept, {read.build}"
    )


def main() -> int:
    """Run the benchmark; the status of the process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--probes", type=int, default=PROBES, help=f"probes besides the known sites ({PROBES:,})")
    parser.add_argument("--share", type=float, default=0.5, help="share of the sites with known bases (0.5)")
    parser.add_argument("--scratch", type=Path, help="folder for the files, which are removed at the end")
    parser.add_argument("--snps", help="a Python that has the package snps")
    parser.add_argument("files", type=Path, nargs="*", help="further files of raw text")
    chosen = parser.parse_args()
    needs = Needs(installed(), load_panel())
    known = needs.wanted[BUILD].known
    lines = person(known, BUILD, chosen.probes, share_known=chosen.share)
    at_known = {(chrom, pos) for chrom, sites in known.by_chromosome.items() for pos in sites.positions.tolist()}
    different = 0
    with TemporaryDirectory(dir=chosen.scratch) as folder:
        path = Path(folder) / "array.vcf"
        path.write_text("".join(array_vcf((line for line in lines if line[1:3] in at_known), known, BUILD)))
        read = read_in_child(path, needs.wanted)
        show("VCF", read)
        expected = letters(read.calls)
        made = []
        for name, write in WRITERS.items():
            made.append(Path(folder) / f"{name}.txt")
            made[-1].write_text("".join(write(lines)), newline="")
        for path in (*made, *chosen.files):
            read = read_in_child(path, needs.wanted)
            show(read.header.file_format, read)
            found = letters(read.calls)
            if path in made:
                different += (wrong := differing(found, expected) + abs(len(found) - len(expected)))
                print(f"{'':14} {wrong:,} of {len(expected):,} genotypes are not those of the VCF")
            if chosen.snps:
                different += (wrong := differing(found, by_snps(chosen.snps, path, found)))
                print(f"{'':14} {wrong:,} of {len(found):,} genotypes are not those that snps reads")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
