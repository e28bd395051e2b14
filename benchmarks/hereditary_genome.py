"""CPU time and memory of hereditary risk on a whole genome, the reader's share and the module's apart.

    python benchmarks/hereditary_genome.py [--records N] [--scratch FOLDER]

Writes a gVCF of a woman on GRCh38 to a scratch folder: reference blocks and substitutions by turns over every
chromosome, none of the substitutions where the module looks, and a few known variants whose outcomes are checked. Then
runs `ror interpret --json --module hereditary_risk` on it. Ends with status 1 if an outcome is another one, or a gene
is not assessed.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from command_use import run_ror
from genome_files import BUILD, CHROMOSOMES, Genome, Style

from interpreters.genotypes import Interval
from interpreters.hereditary_risk import HereditaryRisk, load

RECORDS = 4_500_000
PLANTED = {
    ("13", 32340300, "GT", "G", "0/1"): ("BRCA2", "CANDIDATE_POSITIVE", "plp_ge2star_dominant"),
    ("1", 45331556, "C", "T", "0/1"): ("MUTYH", "CANDIDATE_POSITIVE", "compound_het_phase_unknown"),
    ("1", 45332803, "T", "C", "0/1"): ("MUTYH", "CANDIDATE_POSITIVE", "compound_het_phase_unknown"),
    ("6", 26092913, "G", "A", "1/1"): ("HFE", "CANDIDATE_POSITIVE", "hfe_c282y_homozygous"),
    ("17", 7670699, "C", "T", "0/1"): ("TP53", "REVIEW", "low_penetrance_term"),
    ("7", 5973452, "C", "A", "0/1"): ("PMS2", "REVIEW", "segdup_region"),
    ("2", 21005538, "G", "T", "0/1"): ("APOB", "NOT_REPORTABLE", "mechanism_excluded"),
    ("13", 51934780, "GC", "G", "0/1"): ("ATP7B", "NOT_REPORTABLE", "single_het_recessive"),
}
"""Chromosome, position, REF, ALT and genotype, to gene, outcome and reason."""


def genome(risk: HereditaryRisk, records: int) -> Genome:
    """A gVCF without any variant where the module looks, but for the planted ones."""
    read: dict[str, list[Interval]] = {chrom: [] for chrom in CHROMOSOMES}
    for interval in risk.intervals(BUILD):
        read[interval.chrom].append(interval)
    return Genome(Style.BLOCKS, records, base_at=risk.reference_bases(BUILD).at, untouched=read, planted=PLANTED)


def wrong(said: dict[str, object]) -> list[str]:
    """What differs from what was planted."""
    findings = said["findings"]
    if not isinstance(findings, list):
        raise TypeError
    found = {finding["gene"]: (finding["outcome"], finding["reason"]) for finding in findings if "outcome" in finding}
    expected = {gene: (outcome, reason) for gene, outcome, reason in PLANTED.values()}
    unread = [finding["gene"] for finding in findings if finding.get("status", "assessed") != "assessed"]
    return [
        *(f"{gene}: {found.get(gene)}, not {expected.get(gene)}" for gene in sorted(found.keys() | expected.keys())
          if found.get(gene) != expected.get(gene)),
        *(f"{gene} is not assessed" for gene in unread),
    ]  # fmt: skip


def main() -> int:
    """Write the file, interpret it, print; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=RECORDS, help=f"records of the file ({RECORDS:,})")
    parser.add_argument("--scratch", type=Path, help="folder for the file, which is removed at the end")
    given = parser.parse_args()
    with TemporaryDirectory(dir=given.scratch) as folder:
        file, printed = Path(folder) / "genome.g.vcf.gz", Path(folder) / "said.json"
        written = genome(load(), given.records).write(file)
        print(f"{written:,} records, {file.stat().st_size / 1e6:,.0f} MB compressed")
        words = ("interpret", "--json", "--module", "hereditary_risk", "--sex-at-birth", "female", file)
        use = run_ror(words, printed)
        said = json.loads(printed.read_bytes())
    differences = wrong(said)
    print(f"reading it: {use.reading:.1f} s of CPU, in a process of its own")
    print(f"starting, interpreting, writing: {use.own:.1f} s of CPU")
    print(f"in all {use.cpu:.1f} s of CPU, {use.wall:.1f} s; largest process {use.peak / 1e6:,.0f} MB")
    planted = "NOT as expected" if differences else "as expected"
    print(f"quality gate: {said['qc']['verdict']}; planted variants: {planted}")
    for difference in differences:
        print(f"  {difference}")
    return int(bool(differences))


if __name__ == "__main__":
    sys.exit(main())
