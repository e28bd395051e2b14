"""Calls a genotype file with another program. Runs in that program's own environment, with nothing of ours installed.

    PYTHON benchmarks/pharmacogenomics_peer.py VCF SCRATCH < positions.json

`pharmacogenomics.py --peer-python PYTHON` starts it. PYTHON is of an environment that holds one of

- pypgx 0.27.0 (with pandas before 3): its pipeline for files whose phase is known in part, since that for short reads
  needs a reference panel that no package holds.
- anukriti-pgx-core 0.10.0: callers that are given genotypes by rsID, which are looked up in the file here.

The positions are gene to `chromosome:position` (GRCh38) to rsID. Prints one JSON object.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import resource
import shutil
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # threads that wait for each other would count as CPU time

Call = tuple[str, str, str, float]
"""Gene, diplotype, phenotype, CPU seconds."""


def pypgx(genome: Path, scratch: Path, positions: Mapping[str, Mapping[str, str]]) -> Iterator[Call]:
    """Run pypgx's pipeline for each gene that it has."""
    pipeline, core = (import_module(f"pypgx.api.{name}") for name in ("pipeline", "core"))
    archive = import_module("pypgx.sdk").Archive
    indexed = scratch / "genome.vcf.gz"
    shutil.copyfile(genome, indexed)
    import_module("pysam").tabix_index(str(indexed), preset="vcf", force=True)
    for gene in sorted(set(positions) & set(core.list_genes())):
        start = time.process_time()
        folder = scratch / gene
        pipeline.run_long_read_pipeline(gene, str(folder), str(indexed), assembly="GRCh38")
        result = archive.from_file(str(folder / "results.zip")).data.iloc[0]
        yield gene, result.Genotype, result.Phenotype, time.process_time() - start


def anukriti_pgx_core(genome: Path, _: Path, positions: Mapping[str, Mapping[str, str]]) -> Iterator[Call]:
    """Run the caller of each gene that there is one for."""
    peer = import_module("anukriti_pgx_core")
    rsids = {place: (gene, rsid) for gene, found in positions.items() for place, rsid in found.items()}
    variants: dict[str, dict[str, Any]] = {gene: {} for gene in positions}
    with gzip.open(genome, "rt", encoding="utf-8") as lines:
        for line in lines:
            place = ":".join(line.removeprefix("chr").split("\t", 2)[:2])
            if place in rsids:
                columns = line.rstrip("\n").split("\t")
                gene, rsid = rsids[place]
                # The caller takes one alternate allele.
                alternate, genotype = columns[4].partition(",")[0], columns[9].partition(":")[0]
                variants[gene][rsid] = peer.VCFVariant(columns[3], alternate, genotype)
    for gene, found in sorted(variants.items()):
        start = time.process_time()
        if caller := getattr(peer, f"{gene}Caller", None):
            call = caller().call(found)
            diplotype = getattr(call, "diplotype", None) or call.genotype
            yield gene, diplotype, getattr(call.phenotype, "phenotype", call.phenotype), time.process_time() - start


PEERS = {"pypgx": pypgx, "anukriti-pgx-core": anukriti_pgx_core}

REMARKS = {
    "pypgx": """\
   A position that the file does not list counts as the assembly's base. What its tables have no phenotype for is
   `Indeterminate`.""",
    "anukriti-pgx-core": """\
   For some alleles of CYP2B6, CYP2C19, CYP2C9, CYP3A4 and CYP3A5 its tables give the base of GRCh38 as the alternate
   one, so 0/0 counts as two copies of the allele. At VKORC1 it expects the bases of the gene's own strand.""",
}
"""What explains most differences between its calls and ours."""


def main(genome: Path, scratch: Path) -> None:
    """Run the program that is installed here."""
    installed = {found.name for found in metadata.distributions()}
    name = next((name for name in PEERS if name in installed), None)
    if name is None:
        sys.exit(f"none of {', '.join(PEERS)} is installed for {sys.executable}")
    warnings.simplefilter("ignore")
    with contextlib.redirect_stdout(sys.stderr):
        calls = list(PEERS[name](genome, scratch, json.load(sys.stdin)))
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    status = Path("/proc/self/status").read_text(encoding="ascii").split()
    said = {
        "name": f"{name} {metadata.version(name)}",
        "calls": calls,
        "remark": REMARKS[name],
        "cpu": sum(use.ru_utime + use.ru_stime for use in used),
        "peak": int(status[status.index("VmHWM:") + 1]) * 1024,
    }
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
