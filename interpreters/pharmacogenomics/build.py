"""Builds a knowledge release from source tables.

Run as `python -m interpreters.pharmacogenomics.build SOURCE --release NAME`.

The same source gives the same bytes: text files, fixed order, no time stamps.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from interpreters.knowledge import KnowledgeRelease, Source, write_manifest
from interpreters.pharmacogenomics.recommendations import GUIDELINES
from interpreters.pharmacogenomics.tables import (
    DEFINITIONS,
    DRUG_CODES,
    NOT_CALLED,
    POLICY,
    REVIEW,
    diplotype_name,
)

MODULE = "pharmacogenomics"
DATA = Path(__file__).parent / "data"
FACTS = Path(__file__).parent / "facts"

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
    Source(
        name="Codes of medicines (drug_codes.json): CPIC's table of gene-drug pairs, as carried by pypgx; "
        "an ATC code only where our own list of medicines names the same",
        version="pypgx 0.27.0; the table's own date is not recorded by pypgx",
        date="2026-06-12",
        licence="CC0-1.0 (CPIC), MIT (pypgx)",
        url="https://github.com/sbslee/pypgx/blob/0.27.0/pypgx/api/data/cpic-table.csv",
    ),
    Source(
        name="What is not called (not_called.json): alleles without a definition by sequence in CPIC's tables, and "
        "what PharmVar says of their structure; wording ours",
        version="alleles of the release",
        date=RETRIEVED,
        licence="facts only, no text taken",
        url="https://www.pharmvar.org/genes",
    ),
)

NOT_CALLED_FROM_SEQUENCE = (
    "Variants that no definition lists.",
    "Deletions, duplications and rearrangements, also of single exons.",
)
"""Holds for every gene that is called from small variants."""

POLICY_FACTS: Mapping[str, Any] = {
    "minimum_depth": 10,
    "minimum_genotype_quality": 20,
    "minimum_allele_balance": 0.2,
    # When "no variant found" may be said without naming the positions that were not read: the programme's to decide.
    "coverage": {"sufficient_share": 0.95, "tier1_required": True},
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


class Approval(NamedTuple):
    """Who approved the statements of a release, and when; both None while they await review."""

    reviewer: str | None = None
    approved_on: str | None = None
    """Date as YYYY-MM-DD."""


class Changes(NamedTuple):
    """What is known to have changed since the source tables were made."""

    data_version: str = ""
    """Version of the data with these changes; empty for that of the source tables."""
    sources: tuple[Source, ...] = ()
    alleles: Mapping[str, Mapping[str, Mapping[str, str]]] = {}
    """Gene to allele to columns of `alleles.tsv` with their new content."""
    recommendations_to_review: frozenset[str] = frozenset()
    """Medicines whose CPIC recommendations were replaced by texts that are not in the source tables."""
    not_called: Mapping[str, Sequence[str]] = {}
    """Gene to what is not called in addition, because the source tables do not know it."""


AWAITING_REVIEW = Approval()
NO_CHANGES = Changes()


def read_changes(path: Path) -> Changes:
    """Changes from a file such as `facts/changes_2026-02-05.json`: JSON with the fields of `Changes`.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is no JSON.
        KeyError, TypeError: If it has other fields.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    content["sources"] = tuple(Source(**source) for source in content["sources"])
    content["recommendations_to_review"] = frozenset(content["recommendations_to_review"])
    return Changes(**content)


def build(
    source: Path,
    release: str,
    data: Path = DATA,
    changes: Changes = NO_CHANGES,
    approval: Approval = AWAITING_REVIEW,
) -> KnowledgeRelease:
    """Write the release folder `data/release` from the tables in `source` and the files in `facts`.

    Args:
        source: Folder of the source tables.
        release: Name of the release.
        data: Folder that holds the releases.
        changes: What changed since the source tables were made.
        approval: Approval of the statements.

    Raises:
        OSError: If a table is missing.
        KeyError: If a table lacks a column.
        ValueError: If `changes` names an allele, column or medicine that the tables do not have.
    """
    folder = data / release
    folder.mkdir(parents=True, exist_ok=True)
    definitions = _definitions(source, changes)
    _write(folder / DEFINITIONS, definitions)
    _write(folder / POLICY, POLICY_FACTS)
    _write(folder / REVIEW, approval._asdict())
    _write(folder / NOT_CALLED, _not_called(definitions, changes))
    _write(folder / DRUG_CODES, _drug_codes())
    for guideline, name in GUIDELINES.items():
        _write(folder / name, _recommendations(_recommendation_rows(source, guideline, changes)))
    return write_manifest(folder, MODULE, release, (*SOURCES, *changes.sources))


def _definitions(source: Path, changes: Changes) -> Mapping[str, Any]:
    positions, rules, priorities = (
        _by_gene(_rows(source / name)) for name in ("positions.tsv", "phenotype_rules.tsv", "unphased_priorities.tsv")
    )
    alleles = _by_gene(_allele_rows(source, changes))
    asked_for = _alleles_asked_for(source)
    genes = list(_rows(source / "genes.tsv"))
    return {
        "data_version": changes.data_version or max(gene["definition_version"] for gene in genes),
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
                "extra_positions": [
                    _position(row) for row in positions.get(gene["gene"], ()) if row["kind"] == "extra"
                ],
                "alleles": [_allele(row) for row in alleles.get(gene["gene"], ()) if row["source"] == "sequence"],
                "outside_alleles": [
                    *(
                        [row["allele"], row["function"], row["activity"]]
                        for row in alleles.get(gene["gene"], ())
                        if row["source"] != "sequence"
                    ),
                    *([allele, "", ""] for allele in asked_for.get(gene["gene"], ())),
                ],
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


def _allele_rows(source: Path, changes: Changes) -> Iterable[Row]:
    changed = {
        (gene, allele): columns for gene, alleles in changes.alleles.items() for allele, columns in alleles.items()
    }
    for row in _rows(source / "alleles.tsv"):
        columns = changed.pop((row["gene"], row["allele"]), {})
        if not columns.keys() <= row.keys():
            raise ValueError(f"changes: alleles.tsv has no column {', '.join(sorted(columns.keys() - row.keys()))}")
        yield {**row, **columns}
    if changed:
        raise ValueError(f"changes: alleles.tsv has no {', '.join(' '.join(key) for key in sorted(changed))}")


def _alleles_asked_for(source: Path) -> Mapping[str, Sequence[str]]:
    """Gene to the alleles of which guidelines ask only whether they are there (`*57:01 positive`), by name."""
    found: dict[str, set[str]] = {}
    for guideline in GUIDELINES:
        for row in _rows(source / f"recommendations_{guideline.lower()}.tsv"):
            for gene, value in json.loads(row["lookup"]).items():
                if isinstance(value, str) and (status := _STATUS.fullmatch(value)):
                    found.setdefault(gene, set()).add(status[1])
    return {gene: sorted(alleles) for gene, alleles in found.items()}


_STATUS = re.compile(r"(\*\d+:\d+) (?:positive|negative)")


def _recommendation_rows(source: Path, guideline: str, changes: Changes) -> Iterable[Row]:
    """Rows of one guideline source; those whose text is known to have changed ask for review."""
    listed = json.loads((source / "changed_since_2024-05.json").read_text(encoding="utf-8"))
    changed = [(drug, lookup) for name, drug, lookup in listed if name == guideline]
    to_review = changes.recommendations_to_review if guideline == "CPIC" else frozenset()
    drugs = set()
    for row in _rows(source / f"recommendations_{guideline.lower()}.tsv"):
        drugs.add(row["drug"])
        replaced = row["drug"] in to_review or (row["drug"], json.loads(row["lookup"])) in changed
        yield {**row, "needs_review": "1" if replaced else row["needs_review"]}
    if not to_review <= drugs:
        raise ValueError(f"changes: no {guideline} recommendation on {', '.join(sorted(to_review - drugs))}")


def _not_called(definitions: Mapping[str, Any], changes: Changes) -> Mapping[str, Any]:
    """Gene to sentences on what is not called: those written for the gene, then those that hold for every gene."""
    written = json.loads((FACTS / "not_called.json").read_text(encoding="utf-8"))
    return {
        gene["gene"]: [
            *written.get(gene["gene"], ()),
            *changes.not_called.get(gene["gene"], ()),
            *(NOT_CALLED_FROM_SEQUENCE if gene["from_sequence"] else ()),
        ]
        for gene in definitions["genes"]
    }


def _drug_codes() -> Mapping[str, Any]:
    return {
        row["drug"]: {"rxnorm": row["rxnorm"] or None, "atc": row["atc"] or None}
        for row in _rows(FACTS / "drug_codes.tsv")
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
    parser.add_argument("--changes", type=Path, help="file of changes since the tables were made")
    parser.add_argument("--reviewer", help="who approved the statements; with --approved-on")
    parser.add_argument("--approved-on", type=date.fromisoformat, help="date of the approval, YYYY-MM-DD")
    options = parser.parse_args(arguments)
    if bool(options.reviewer) != bool(options.approved_on):
        parser.error("--reviewer and --approved-on go together")
    changes = read_changes(options.changes) if options.changes else NO_CHANGES
    approval = Approval(options.reviewer, str(options.approved_on)) if options.reviewer else AWAITING_REVIEW
    built = build(options.source, options.release, options.data, changes, approval)
    print(f"{built.module} {built.release} {built.digest}")  # noqa: T201 - a command prints


if __name__ == "__main__":
    main()
