"""Builds a knowledge release of the traits interpreter from a table of traits, variants, models and references.

`python -m interpreters.traits.build SOURCE_FOLDER --release NAME [--returned TRAIT ...] [--data FOLDER]` reads
`traits.json` of the source folder. All of its traits are kept, so that a later release can return more of them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from interpreters.knowledge import KnowledgeError, KnowledgeRelease, Source, write_manifest
from interpreters.traits.interpreter import NAME, TABLE

DATA = Path(__file__).parent / "data"
RETURNED = ("bitter_taste", "cilantro", "earwax", "lactose")
_SOURCES_NEEDED = 2
"""Sources that must agree on a position; one chain file alone does not confirm it."""
_REFERENCE_CONFIRMED_BY = {
    "rs4988235": "dbSNP build 156: chr2:135851076 (GRCh38.p14) G>A",
    "rs10246939": "exome of a public genome, GRCh37 7:141672604 REF T",
}
"""Variants whose reference allele was looked up apart from the table."""

SOURCES = (
    Source(
        name="Table of traits, compiled from the publications that each trait names, HapMap 3 and public site lists",
        version="2026-11-22",
        date="2026-11-22",
        licence="Facts; own wording, Apache-2.0",
        url="https://www.ncbi.nlm.nih.gov/snp/",
    ),
    Source(
        name="dbSNP, reference allele of rs4988235",
        version="build 156",
        date="2022-09-21",
        licence="Public domain (United States government)",
        url="https://www.ncbi.nlm.nih.gov/snp/rs4988235",
    ),
)


def build(source: Path, folder: Path, release: str, returned: Sequence[str] = RETURNED) -> KnowledgeRelease:
    """Write the release `release` from `traits.json` in `source` into the new folder `folder`.

    Raises:
        KnowledgeError: If the folder exists already, the table is missing, or a returned trait is not in it.
    """
    if folder.exists():
        raise KnowledgeError(f"{folder}: a release is never changed; choose another name")
    path = source / TABLE
    if not path.is_file():
        raise KnowledgeError(f"{path}: missing; give the folder that holds {TABLE}")
    rows = json.loads(path.read_text(encoding="utf-8"))["traits"]
    unknown = sorted(set(returned) - {row["id"] for row in rows})
    if unknown:
        raise KnowledgeError(f"{path}: no such trait: {', '.join(unknown)}")
    table = {"traits": [_trait(row, returned=row["id"] in returned) for row in rows]}
    folder.mkdir(parents=True)
    (folder / TABLE).write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return write_manifest(folder, NAME, release, SOURCES)


def _trait(row: Mapping[str, Any], *, returned: bool) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "returned": returned,
        "sensitive": row.get("sensitive", False),
        "evidence": row["evidence"],
        "variants": [_variant(variant) for variant in row["variants"]],
        "model": row["model"],
        "effect": row["effect"],
        "studied_in": row["populations"],
        "limits": row["limits"],
        "references": row["references"],
    }


def _variant(variant: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "rsid": variant["rsid"],
        "gene": variant["gene"],
        "chrom": variant["chrom"],
        "pos38": variant["pos38"],
        "pos37": variant["pos37"],
        "ref": variant["ref"],
        "alt": variant["alt"],
        "position_confirmed": len(variant["position_checked_by"]) >= _SOURCES_NEEDED,
        "reference_confirmed": variant["ref_alt_checked"] or variant["rsid"] in _REFERENCE_CONFIRMED_BY,
        "note": variant.get("note", ""),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: see the module's description."""
    parser = argparse.ArgumentParser(prog="python -m interpreters.traits.build", description=__doc__)
    parser.add_argument("source", type=Path, help="folder with traits.json")
    parser.add_argument("--release", required=True, help="name of the new release, by convention its date")
    parser.add_argument("--returned", nargs="+", default=RETURNED, help="traits that are returned")
    parser.add_argument("--data", type=Path, default=DATA, help="folder that holds the releases")
    options = parser.parse_args(arguments)
    made = build(options.source, options.data / options.release, options.release, options.returned)
    print(f"{made.module} {made.release} {made.digest}")  # noqa: T201 - the command's answer


if __name__ == "__main__":
    main()
