"""Builds a knowledge release from source tables.

Run as `python -m interpreters.pharmacogenomics.build SOURCE --release NAME`.

The same source gives the same bytes: text files, fixed order, no time stamps.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from interpreters.knowledge import KnowledgeRelease, Source, write_manifest
from interpreters.pharmacogenomics.recommendations import GUIDELINES
from interpreters.pharmacogenomics.tables import DEFINITIONS, POLICY, diplotype_name

MODULE = "pharmacogenomics"
DATA = Path(__file__).parent / "data"

Row = Mapping[str, str]

RETRIEVED = "2026-11-22"
CLINPGX = "https://www.clinpgx.org"

SOURCES = (
    Source(
        name="CPIC allele definitions, allele functions and phenotype rules, as bundled in PharmCAT 3.1.1",
        version="2025-11-05-00-25; functions of CYP2D6 2024-08-27, G6PD 2023-08-08, RYR1 2023-12-05",
        date="2025-11-19",
        licence="CC0-1.0",
        url="https://cpicpgx.org",
    ),
    Source(
        name="CPIC guideline recommendations; statements restated, awaiting clinical review",
        version="2024-05, with rows of hydralazine and metoprolol of 2025-11",
        date=RETRIEVED,
        licence="CC0-1.0",
        url="https://cpicpgx.org/guidelines/",
    ),
    Source(
        name="DPWG guideline annotations of ClinPGx (file recommendations_dpwg.json only); statements restated",
        version="2024-05",
        date=RETRIEVED,
        licence="CC-BY-SA-4.0",
        url=CLINPGX,
    ),
    Source(
        name="GRCh37 positions: UCSC chains hg38ToHg19 and hg19ToHg38",
        version="hg38 to hg19",
        date=RETRIEVED,
        licence="public data of UCSC",
        url="https://hgdownload.soe.ucsc.edu/goldenPath/hg38/liftOver/",
    ),
    Source(
        name="GRCh37 reference bases: variant table of pypgx",
        version="not recorded by the source tables",
        date=RETRIEVED,
        licence="MIT",
        url="https://github.com/sbslee/pypgx",
    ),
)

POLICY_FACTS: Mapping[str, Any] = {
    "minimum_depth": 10,
    "minimum_genotype_quality": 20,
    "minimum_allele_balance": 0.2,
    # The reference method's own list of positions where silence is known to be read wrongly as reference.
    "never_assumed_reference": ["rs3064744", "rs3758581", "rs776746"],
    "inference_rsid": {"SLCO1B1": "rs4149056"},
    "inference_alleles": {"SLCO1B1": {"C": "*5", "T": "*1"}},
    "haplotype_b3": {
        "alone": "c.1129-5923C>G",
        "exonic": "rs56038477",
        "intronic": "rs75017182",
        "together": "c.1129-5923C>G, c.1236G>A (HapB3)",
    },
}


def build(source: Path, release: str, data: Path = DATA) -> KnowledgeRelease:
    """Write the release folder `data/release` from the tables in `source`.

    Raises:
        OSError: If a table is missing.
        KeyError: If a table lacks a column.
    """
    folder = data / release
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / DEFINITIONS, _definitions(source))
    _write(folder / POLICY, POLICY_FACTS)
    for guideline, name in GUIDELINES.items():
        _write(folder / name, _recommendations(_rows(source / f"recommendations_{guideline.lower()}.tsv")))
    return write_manifest(folder, MODULE, release, SOURCES)


def _definitions(source: Path) -> Mapping[str, Any]:
    positions, alleles, rules, priorities = (
        _by_gene(_rows(source / name))
        for name in ("positions.tsv", "alleles.tsv", "phenotype_rules.tsv", "unphased_priorities.tsv")
    )
    genes = list(_rows(source / "genes.tsv"))
    return {
        "data_version": max(gene["definition_version"] for gene in genes),
        "genes": [
            {
                "gene": gene["gene"],
                "chrom": gene["chrom"].removeprefix("chr"),
                "lookup": gene["lookup"],
                "undocumented_as_reference": gene["undocumented_as_reference"] == "1",
                "lowest_function": gene["lowest_function_gene"] == "1",
                "from_sequence": gene["called_from"] == "sequence",
                "in_programme": gene["all_of_us"] == "1",
                "by_activity": any(row["by"] == "activity" for row in rules.get(gene["gene"], ())),
                "positions": [_position(row) for row in positions.get(gene["gene"], ()) if row["kind"] == "defining"],
                "alleles": [_allele(row) for row in alleles.get(gene["gene"], ()) if row["source"] == "sequence"],
                "rules": [
                    [[key for key in (row["a"], row["b"]) if key], row["phenotype"], row["activity_score"]]
                    for row in rules.get(gene["gene"], ())
                ],
                "priorities": [
                    [_pair(row["pick"]), sorted(_pair(pair) for pair in row["candidates"].split("|"))]
                    for row in priorities.get(gene["gene"], ())
                ],
            }
            for gene in genes
        ],
    }


def _position(row: Row) -> list[object]:
    return [
        int(row["pos"]), row["ref"], row["alts"], row["rsid"],
        int(row["required"]), int(row["amp_tier1"]), int(row["pos37"]), row["ref37"],
    ]  # fmt: skip


def _allele(row: Row) -> list[object]:
    bases = dict(part.split(":") for part in row["definition"].split(";") if part)
    return [row["allele"], bases, row["function"], row["activity"], row["reported_as"]]


def _pair(text: str) -> list[str]:
    return sorted(text.split("/"))


def _recommendations(rows: Iterable[Row]) -> Mapping[str, Any]:
    """Rows as `[drug, lookup, population, number of the advice]`; advices as they are shared by many rows."""
    advices: dict[tuple[str, ...], int] = {}
    columns = ("strength", "actions", "restatement", "url", "as_of", "text_sha", "needs_review")
    table = []
    for row in rows:
        number = advices.setdefault(tuple(row[column] for column in columns), len(advices))
        lookup = {gene: _lookup_value(value) for gene, value in json.loads(row["lookup"]).items()}
        table.append([row["drug"], lookup, row["population"], number])
    return {"columns": columns, "advices": list(advices), "rows": table}


def _lookup_value(value: str | Mapping[str, float]) -> str:
    """A lookup value as text; a count of alleles becomes the diplotype that it means."""
    if isinstance(value, str):
        return value
    return diplotype_name(tuple(allele for allele, count in value.items() for _ in range(int(count))))


def _rows(path: Path) -> Iterable[Row]:
    with path.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines, delimiter="\t")


def _by_gene(rows: Iterable[Row]) -> Mapping[str, Sequence[Row]]:
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row["gene"], []).append(row)
    return grouped


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(_text(content, lists=2) + "\n", encoding="utf-8")


def _text(value: object, lists: int) -> str:
    """JSON with each row of the outer `lists` levels on a line of its own, so that releases compare line by line."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{_text(value[key], lists)}" for key in sorted(value)) + "}"
    if lists and isinstance(value, list) and value and all(isinstance(item, list | dict) for item in value):
        return "[\n" + ",\n".join(_text(item, lists - 1) for item in value) + "\n]"
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Build a release and print its digest."""
    parser = argparse.ArgumentParser(description="Build a pharmacogenomics knowledge release from source tables.")
    parser.add_argument("source", type=Path, help="folder with genes.tsv, positions.tsv, alleles.tsv and the others")
    parser.add_argument("--release", required=True, help="name of the release: the date of the CPIC data")
    parser.add_argument("--data", type=Path, default=DATA, help="folder that holds the releases")
    options = parser.parse_args(arguments)
    built = build(options.source, options.release, options.data)
    print(f"{built.module} {built.release} {built.digest}")  # noqa: T201 - a command prints


if __name__ == "__main__":
    main()
