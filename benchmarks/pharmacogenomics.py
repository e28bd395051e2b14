"""CPU time and memory of pharmacogenomics, beside what other programs need for the same sample.

    python benchmarks/pharmacogenomics.py [--copies N] [--repeat N] [--write-out N] [--genome VCF]
                                          [--peer-python PYTHON]...

Prints, all from this run: one sample by step; unphased heterozygous positions, beside a plain program that writes out
every permutation; the command on many copies of a real genome; and another program on the same file, from the Python
environment that holds it (pypgx or anukriti-pgx-core, see `pharmacogenomics_peer.py`). Times are CPU time of the
process; other work on the machine still lengthens them, so the least is told beside the median. No figure decides the
exit status.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import subprocess
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import combinations_with_replacement, islice, product
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from command_use import CommandUse, run_ror

from interpreters import pharmacogenomics
from interpreters.findings import Interpretation, PharmacogenomicFinding
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Record, Sample, Sex
from interpreters.pharmacogenomics import PharmacogenomicsInterpreter
from interpreters.pharmacogenomics.calling import call_gene
from interpreters.pharmacogenomics.interpreter import REVIEW_REASONS
from interpreters.pharmacogenomics.matcher import Match, pattern_of
from interpreters.pharmacogenomics.sites import SiteReading
from interpreters.pharmacogenomics.tables import IUPAC, Allele, Gene, Position, diplotype_name, diplotype_order
from ror_service.intake.isolation import read_in_child
from ror_service.intake.needs import Needs

GENOME = Path(__file__).resolve().parents[1].parent / "shared" / "genomes" / "1000g_GRCh38" / "NA18526.vcf.gz"
PEER = Path(__file__).with_name("pharmacogenomics_peer.py")
NEWER_RELEASE = "2026-02-05"
SAMPLE = Sample(Build.GRCH38, Assay.WGS, Sex.FEMALE)
UNPHASED = (("CYP2B6", 18), ("CYP2B6", 30), ("RYR1", 6), ("RYR1", 30))
FEW = 3
"""Runs of what takes longer or varies little."""
PUBLISHED = """\
Measured elsewhere, not in this run: PharmCAT 3.1.1 (not on PyPI, npm or Debian), from matching to the report, without
the preprocessing that its files need first.
   one sample: 7-8 CPU s, 0.65-0.73 GB; batch of 60: 0.47 CPU s a sample after start-up, 1.17 GB
   RYR1 with 3 unphased heterozygous positions: 16 CPU s; CYP2B6 with 18: 16.6 CPU s, 3.6 GB"""

Copies = tuple[str, ...]
"""What each copy of the gene holds at one position."""


# Measuring


def cpu_ms(run: Callable[[], object], repeat: int = 1) -> list[float]:
    """CPU time of this process for each of some runs, in milliseconds."""
    times = []
    for _ in range(repeat):
        start = time.process_time()
        run()
        times.append((time.process_time() - start) * 1000)
    return times


def grown_kb(run: Callable[[], object]) -> float:
    """Most memory that one run holds beyond what was held before, in kilobytes; Python's own allocations."""
    tracemalloc.start()
    run()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 1000


def peak_mb() -> float:
    """Largest resident size of this process so far, in megabytes."""
    words = Path("/proc/self/status").read_text(encoding="ascii").split()
    return int(words[words.index("VmHWM:") + 1]) * 1024 / 1e6


def spread(values: Sequence[float]) -> str:
    """Median, and the least in brackets."""
    return f"{median(values):.2f} ({min(values):.2f})"


# Samples made from the definitions


def from_sequence(interpreter: PharmacogenomicsInterpreter) -> list[Gene]:
    """The reported genes that small variants can call."""
    return [gene for gene in map(interpreter.tables.genes.__getitem__, interpreter.genes) if gene.from_sequence]


def record(gene: Gene, position: Position, copies: Copies) -> Record:
    """An unphased, well read genotype."""
    alleles = (position.ref, *position.alts)
    return Record(
        gene.chrom,
        position.pos,
        position.pos + len(position.ref) - 1,
        position.ref,
        position.alts,
        tuple(sorted(alleles.index(allele) for allele in copies)),
        depth=30,
        genotype_quality=99,
    )


def calls_of(held: Iterable[tuple[Gene, Sequence[Copies]]]) -> GenotypeCalls:
    """A file that lists every defining position of some genes, from what each position holds."""
    records = (
        record(gene, position, copies)
        for gene, found in held
        for position, copies in zip(gene.positions, found, strict=True)
    )
    return GenotypeCalls(SAMPLE.build, CallSetKind.ALL_SITES, records)


def bases_of(gene: Gene, allele: Allele) -> list[str]:
    """The bases of one named allele; an ambiguity code is the first alternate base that it stands for."""
    spelled = []
    for index, position in enumerate(gene.positions):
        code = allele.bases.get(index, position.ref)
        options = IUPAC.get(code, (code,))
        spelled.append(next(base for base in (*position.alts, position.ref) if base in options))
    return spelled


def diplotype_of(gene: Gene, first: Allele, second: Allele) -> list[Copies]:
    """What the positions hold in a person with these two alleles."""
    return list(zip(bases_of(gene, first), bases_of(gene, second), strict=True))


def heterozygous_at(gene: Gene, wanted: int) -> list[Copies]:
    """A gene with so many heterozygous positions: where two alleles differ, and others where these are too few."""

    def differing(pair: tuple[Allele, Allele]) -> int:
        first, second = (allele.bases.items() for allele in pair)
        return len(dict(first ^ second))

    pairs = combinations_with_replacement(gene.alleles, 2)
    held = diplotype_of(gene, *max((pair for pair in pairs if differing(pair) <= wanted), key=differing))
    same = (index for index, copies in enumerate(held) if len(set(copies)) == 1)
    for index in islice(same, wanted - sum(len(set(copies)) > 1 for copies in held)):
        held[index] = (gene.positions[index].ref, gene.positions[index].alts[0])
    return held


# 1. One sample


def steps(interpreter: PharmacogenomicsInterpreter, calls: GenotypeCalls) -> list[float]:
    """CPU milliseconds of reading the positions, of matching and phenotypes, of recommendations, and of all at once."""
    clock = time.process_time
    start = clock()
    readings = [(gene, interpreter.read(gene, SAMPLE, calls)[0]) for gene in from_sequence(interpreter)]
    read = clock()
    for gene, found in readings:
        if any(reading.alleles for reading in found):
            call_gene(gene, found, interpreter.tables.policy)
    matched = clock()
    said = interpreter.interpret(SAMPLE, calls)
    done = clock()
    # Settling looks up the recommendations of every finding once more, and does little else.
    interpreter.settle(said, ())
    settled = clock()
    return [seconds * 1000 for seconds in (read - start, matched - read, settled - done, done - matched)]


def one_sample(interpreter: PharmacogenomicsInterpreter, real: GenotypeCalls | None, repeat: int) -> None:
    """Print the table of one sample by step."""
    genes = from_sequence(interpreter)
    positions = sum(len(gene.positions) for gene in genes)
    chance = random.Random(1)  # noqa: S311 - no secret
    people: dict[str, list[GenotypeCalls]] = {"real": [real] * repeat} if real is not None else {}
    people["all 0/0"] = [calls_of((gene, [(at.ref,) * 2 for at in gene.positions]) for gene in genes)] * repeat
    people["random alleles"] = [
        calls_of((gene, diplotype_of(gene, *chance.choices(gene.alleles, k=2))) for gene in genes)
        for _ in range(repeat)
    ]
    print(f"\n1. One sample, {len(genes)} genes, records in memory. CPU ms: median (least) of {repeat} runs.")
    print("   Kept between samples are only tables worked out from the knowledge, not yet there in `first`.")
    print("   `random alleles` is another person in each run, unphased.")
    row = "{:15} {:>14} {:>17} {:>17} {:>17} {:>17} {:>7} {:>9}"
    print(
        row.format(
            "sample", "positions", "reading them", "match, phenotype", "recommendations", "all", "first", "grows KB"
        )
    )
    rows = []
    for name, samples in people.items():
        # Each time with knowledge just loaded.
        first = min(min(cpu_ms(partial(pharmacogenomics.load().interpret, SAMPLE, samples[0]))) for _ in range(FEW))
        measured = zip(*(steps(interpreter, calls) for calls in samples), strict=True)
        read = sum(finding.positions_read for finding in findings(interpreter.interpret(SAMPLE, samples[0])).values())
        rows.append((name, f"{read:,}/{positions:,}", *map(spread, measured), f"{first:.1f}"))
    largest = peak_mb()
    for cells in rows:
        grown = max(grown_kb(partial(interpreter.interpret, SAMPLE, calls)) for calls in people[cells[0]][:FEW])
        print(row.format(*cells, f"{grown:,.0f}"))
    print(f"   largest resident size of this process: {largest:.0f} MB (goals: 20 ms for matching, 150 MB)")


def findings(said: Interpretation) -> dict[str, PharmacogenomicFinding]:
    """Findings by gene."""
    return {finding.gene: finding for finding in said.findings if isinstance(finding, PharmacogenomicFinding)}


# 2. Unphased heterozygous positions


def permuted(gene: Gene, readings: Sequence[SiteReading]) -> list[str]:
    """Top-scored diplotypes by writing out every permutation, as PharmCAT's authors describe their method.

    Plain on purpose: it shares the facts with ours and nothing else.
    """
    read = [(index, reading.alleles) for index, reading in enumerate(readings) if reading.alleles]
    references = [gene.positions[index].ref for index, _ in read]
    strands = list(product(*(dict.fromkeys(alleles) for _, alleles in read)))
    fitting: dict[int, dict[Copies, int]] = {}
    for number, allele in enumerate(gene.alleles):
        codes = [allele.bases.get(index, "") for index, _ in read]
        if number and not any(codes):
            continue
        wanted = [code or reference for code, reference in zip(codes, references, strict=True)]
        accepted = [IUPAC.get(code, (code,)) for code in wanted]
        # The score is the number of given bases; an ambiguity code counts where the strand differs from the reference.
        scores = {
            strand: sum(
                not number or (bool(code) and (code not in IUPAC or base != reference))
                for base, code, reference in zip(strand, codes, references, strict=True)
            )
            for strand in strands
            if all(base in options for base, options in zip(strand, accepted, strict=True))
        }
        if scores:
            fitting[number] = scores
    pairs: dict[tuple[int, int], int] = {}
    for one, other in combinations_with_replacement(fitting, 2):
        for strand, score in fitting[one].items():
            left = tuple(b if base == a else a for base, (_, (a, b)) in zip(strand, read, strict=True))
            if left in fitting[other]:
                pairs[one, other] = max(score + fitting[other][left], pairs.get((one, other), 0))
    top = max(pairs.values(), default=0)
    names = [tuple(gene.alleles[number].reported_as for number in pair) for pair, n in pairs.items() if n == top]
    return [diplotype_name(pair) for pair in sorted(set(names), key=diplotype_order)]


def matched(gene: Gene, readings: Sequence[SiteReading]) -> list[str]:
    """The same by our matcher."""
    match = Match(gene, pattern_of(readings))
    return list(dict.fromkeys(diplotype_name(match.names(pair)) for pair in match.best()))


def unphased(interpreter: PharmacogenomicsInterpreter, repeat: int, most: int) -> None:
    """Print the tables of unphased heterozygous positions, up to `most` of them with all permutations written out."""
    print(f"\n2. Unphased heterozygous positions in one gene, the others 0/0. CPU ms: median (least) of {repeat} runs.")
    print("gene     heterozygous   the whole finding   grows KB")
    for name, wanted in UNPHASED:
        gene = interpreter.tables.genes[name]
        calls = calls_of([(gene, heterozygous_at(gene, wanted))])
        run = partial(pharmacogenomics.load(options={"genes": name}).interpret, SAMPLE, calls)
        print(f"{name:8} {wanted:12} {spread(cpu_ms(run, repeat)):>19} {grown_kb(run):10,.0f}")
    print("   (goal: 18 in CYP2B6 and 6 in RYR1 under 50 ms)")

    print("   Top-scored diplotypes of CYP2B6 by writing out all permutations (one run), and by our matcher:")
    print("heterozygous   permutations   written out ms   grows KB        matcher ms   grows KB    ratio   found")
    gene = interpreter.tables.genes["CYP2B6"]
    for wanted in range(6, most + 1, 2):
        readings, _ = interpreter.read(gene, SAMPLE, calls_of([(gene, heterozygous_at(gene, wanted))]))
        plainly, masked = partial(permuted, gene, readings), partial(matched, gene, readings)
        (slow,), times, found = cpu_ms(plainly), cpu_ms(masked, repeat), masked()
        same = "the same" if found == plainly() else "NOT THE SAME"
        print(
            f"{wanted:12} {2**wanted:14,} {slow:16.1f} {grown_kb(plainly):10,.0f} {spread(times):>17}"
            f" {grown_kb(masked):10,.0f} {slow / median(times):8,.0f}   {len(found)}, {same}"
        )


# 3. The command


def run_command(files: Sequence[Path], scratch: Path) -> CommandUse:
    """Run `ror interpret` on these files."""
    return run_ror(("interpret", "--json", "--module", "pharmacogenomics", *files), scratch / "findings.jsonl")


def renamed(stored: bytes, name: str) -> bytes:
    """The same BGZF file with another sample name; only its first blocks are written anew."""
    from ror_service.sandbox.genomes import bgzip  # noqa: PLC0415 - would count in the first section's memory

    text, end = b"", 0
    while b"\n" not in text.partition(b"\n#CHROM")[2]:
        size = int.from_bytes(stored[end + 16 : end + 18], "little") + 1
        text += zlib.decompress(stored[end : end + size], wbits=31)
        end += size
    before, column_names, rest = text.partition(b"\n#CHROM")
    columns, line_end, body = rest.partition(b"\n")
    columns = columns.rpartition(b"\t")[0] + b"\t" + name.encode()
    return bgzip(before + column_names + columns + line_end + body).removesuffix(bgzip(b"")) + stored[end:]


def command(genome: Path, copies: int, scratch: Path) -> CommandUse:
    """Print what the command uses for one file and for many; returns that for one."""
    stored = genome.read_bytes()
    files = [scratch / f"copy{number}.vcf.gz" for number in range(1, copies + 1)]
    for file in files:
        file.write_bytes(renamed(stored, file.name.partition(".")[0]))
    one = run_command(files[:1], scratch)
    print(f"\n3. ror interpret --json --module pharmacogenomics, files of {len(stored) / 1e6:.1f} MB. One run each.")
    print("files   CPU s   reading the files   own process   CPU s a file   largest process MB   JSON KB a file")
    for number, use in [(1, one)] + ([(copies, run_command(files, scratch))] if copies > 1 else []):
        print(
            f"{number:5} {use.cpu:7.2f} {use.reading:19.2f} {use.own:13.2f} {use.cpu / number:14.2f}"
            f" {use.peak / 1e6:20.0f} {use.printed / number / 1e3:16,.0f}"
        )
        if number > 1:
            interpreting = (use.own - one.own) / (number - 1)
            print(
                f"   a further file: {use.reading / number * 1000:.0f} ms of reading in a confined process, and"
                f" {interpreting * 1000:.0f} ms of interpreting and writing; starting takes"
                f" {(one.own - interpreting) * 1000:.0f} ms once"
            )
    return one


# 4. Other programs on the same file


def plain(gene: Gene, diplotype: str) -> list[str]:
    """Allele names of a diplotype as they can be compared; programs differ in the name of the normal allele."""
    normal = {gene.normal, "*1", "Reference"}
    return sorted("normal" if name in normal else name.partition(" variant")[0] for name in diplotype.split("/"))


def verdict(gene: Gene, finding: PharmacogenomicFinding, newer: PharmacogenomicFinding, theirs: str) -> str:
    """Whether another program's diplotype is ours, and as far as the data tell why not."""
    if any(plain(gene, theirs) == plain(gene, mine) for mine in finding.diplotypes):
        return "agree"
    if any(plain(gene, theirs) == plain(gene, mine) for mine in newer.diplotypes):
        return f"agree with our release {NEWER_RELEASE}"
    if not finding.diplotypes:
        return f"{theirs}; ours makes no call ({', '.join(sorted(REVIEW_REASONS.intersection(finding.reasons)))})"
    mine = f"{theirs}; ours {' or '.join(finding.diplotypes)}"
    if "/" not in theirs:
        return f"{mine} (its caller looks at one position)"
    return mine if finding.variant_found else f"{mine} (there is no variant among the positions read)"


def compare(python: str, genome: Path, real: GenotypeCalls, one: CommandUse, scratch: Path) -> None:
    """Print what another program uses for the same file, and where its calls and ours agree."""
    interpreter, newer = (pharmacogenomics.load(release) for release in (None, NEWER_RELEASE))
    found, found_newer = (findings(each.interpret(SAMPLE, real)) for each in (interpreter, newer))
    places = {
        gene.name: {f"{gene.chrom}:{position.pos}": position.rsid for position in gene.positions}
        for gene in from_sequence(interpreter)
        if gene.name in found
    }
    done = subprocess.run(  # noqa: S603 - whoever starts this names the program
        [python, str(PEER), str(genome), str(scratch)],
        input=json.dumps(places).encode(),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        print(f"\n4. left out: {python} ended with status {done.returncode}: {done.stderr.decode().strip()[-200:]}")
        return
    said = json.loads(done.stdout)
    calling = sum(seconds for *_, seconds in said["calls"])
    print(f"\n4. {said['name']} on the same file, {len(said['calls'])} of our {len(found)} genes. One run.")
    print(
        f"   whole process: {said['cpu']:.2f} CPU s (calls {calling:.3f}), {said['peak'] / 1e6:.0f} MB; ours:"
        f" {one.cpu:.2f} CPU s, {one.peak / 1e6:.0f} MB; ratio of CPU {said['cpu'] / one.cpu:.1f}"
    )
    row = "{:8} {:>9}  {:25} {:41} {:14} {}"
    print(row.format("gene", "its CPU s", "its phenotype", "ours, of the top score", "may be said", "diplotypes"))
    for name, theirs, phenotype, seconds in said["calls"]:
        finding = found[name]
        mine = " or ".join(finding.phenotypes) or "none defined"
        may_be_said = "yes" if finding.reported_phenotype else "not by ours"
        agreement = verdict(interpreter.tables.genes[name], finding, found_newer[name], theirs)
        print(row.format(name, f"{seconds:.3f}", phenotype, mine, may_be_said, agreement))
    print(said["remark"])


def main() -> None:
    """Print everything that can be measured here."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--genome", type=Path, default=GENOME, help="a BGZF file of one sample on GRCh38")
    parser.add_argument("--copies", type=int, default=60, help="how many copies of it the command reads (60)")
    parser.add_argument("--repeat", type=int, default=30, help="how often each measurement in memory is made (30)")
    parser.add_argument("--write-out", type=int, default=14, help="most positions with permutations written out (14)")
    parser.add_argument("--peer-python", action="append", default=[], help="Python that has another program installed")
    given = parser.parse_args()

    interpreter = pharmacogenomics.load()
    loading = min(cpu_ms(pharmacogenomics.load, FEW))
    print(f"Pharmacogenomics, release {interpreter.knowledge.release}, Python {platform.python_version()}.")
    print(f"Loading the release takes {loading:.0f} ms of CPU.")
    real = None
    if given.genome.is_file():
        real = read_in_child(given.genome, Needs({interpreter.name: interpreter}).wanted).calls
    one_sample(interpreter, real, given.repeat)
    unphased(interpreter, given.repeat, given.write_out)
    if real is None:
        print(f"\n3. and 4. left out: there is no {given.genome}")
    else:
        with TemporaryDirectory() as folder:
            one = command(given.genome, given.copies, Path(folder))
            for number, python in enumerate(given.peer_python):
                scratch = Path(folder) / str(number)
                scratch.mkdir()
                compare(python, given.genome, real, one, scratch)
    print(f"\n{PUBLISHED}")


if __name__ == "__main__":
    main()
