"""Builds a knowledge release of the traits interpreter from a table of traits, variants, models and references.

`python -m interpreters.traits.build SOURCE_FOLDER --release NAME [--curation FILE] [--data FOLDER]` reads `traits.json`
of the source folder and `curation.json` beside this module: what was decided and looked up beyond the table.
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
CURATION = Path(__file__).parent / "curation.json"
_SOURCES_NEEDED = 2
"""Sources that must agree on a position; one chain file alone does not confirm it."""

SOURCES = (
    Source(
        name="Table of traits, compiled from the publications that each trait names, HapMap 3 and public site lists",
        version="2026-11-22",
        date="2026-11-22",
        licence="Facts; own wording, Apache-2.0",
        url="https://www.ncbi.nlm.nih.gov/snp/",
    ),
    Source(
        name="dbSNP, reference alleles of rs4988235 and rs1805009",
        version="builds 156 and 153",
        date="2022-09-21",
        licence="Public domain (United States government)",
        url="https://www.ncbi.nlm.nih.gov/snp/rs4988235",
    ),
    Source(
        name="ClinVar, strand of the lactase variants",
        version="RCV000008124.3",
        date="2018-11-20",
        licence="Public domain (United States government)",
        url="https://www.ncbi.nlm.nih.gov/clinvar/RCV000008124/",
    ),
    Source(
        name="Ensembl variation, reference alleles of rs72921001, rs4481887 and rs10427255",
        version="GRCh38",
        date="2026-09-06",
        licence="Open data",
        url="https://www.ensembl.org/",
    ),
    Source(
        name="1000 Genomes Project, reference alleles of rs1110400 and rs8176746",
        version="phase 3 and 30x",
        date="2013-05-02",
        licence="Open data",
        url="https://www.internationalgenome.org/",
    ),
)


def build(source: Path, folder: Path, release: str, curation: Path = CURATION) -> KnowledgeRelease:
    """Write the release `release` from `traits.json` in `source` and a curation into the new folder `folder`.

    The release holds the traits that the curation names, in the order of the table.

    Raises:
        KnowledgeError: If the folder exists already, a file is missing, or the curation names a trait, variant, outcome
            or base that is not in the table.
    """
    if folder.exists():
        raise KnowledgeError(f"{folder}: a release is never changed; choose another name")
    rows = _json(source / TABLE, "give the folder that holds it")["traits"]
    added = _json(curation, "give the file that holds it")
    known = {row["id"] for row in rows} | {variant["rsid"] for row in rows for variant in row["variants"]}
    strange = sorted({*added["traits"], *added["variants"]} - known)
    if strange:
        raise KnowledgeError(f"{curation}: not in {source / TABLE}: {', '.join(strange)}")
    try:
        table = [
            _trait(row, added["traits"][row["id"]], added["variants"]) for row in rows if row["id"] in added["traits"]
        ]
    except (KeyError, ValueError) as error:
        raise KnowledgeError(f"{curation}: does not fit {source / TABLE} ({error})") from error
    folder.mkdir(parents=True)
    (folder / TABLE).write_text(json.dumps({"traits": table}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return write_manifest(folder, NAME, release, SOURCES)


def _json(path: Path, remedy: str) -> dict[str, Any]:
    if not path.is_file():
        raise KnowledgeError(f"{path}: missing; {remedy}")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _trait(row: Mapping[str, Any], added: Mapping[str, Any], variants: Mapping[str, Any]) -> dict[str, Any]:
    meanings = row["model"].get("outcomes", {})
    outcomes = {
        key: {"means": outcome["means"] if "means" in outcome else meanings[key], "likelihood": outcome["likelihood"]}
        for key, outcome in added["outcomes"].items()
    }
    return {
        "id": row["id"],
        "name": row["name"],
        "returned": added["returned"],
        "sensitive": row.get("sensitive", False),
        "evidence": added.get("evidence", row["evidence"]),
        "variants": [_variant(variant, variants.get(variant["rsid"], {})) for variant in row["variants"]],
        "model": {**row["model"], **added.get("model", {}), "outcomes": outcomes},
        "effect": added.get("effect", row["effect"]),
        "studied_in": added["studied_in"],
        "limits": added.get("limits", row["limits"]),
        "references": row["references"],
    }


def _variant(variant: Mapping[str, Any], added: Mapping[str, Any]) -> dict[str, Any]:
    ref, alt = variant["ref"], variant["alt"]
    if added.get("ref", ref) == alt:
        ref, alt = alt, ref
    if added.get("ref", ref) != ref:
        raise ValueError(f"{variant['rsid']}: reference {added['ref']} is neither {ref} nor {alt}")
    checked = variant["position_checked_by"]
    row = {
        "rsid": variant["rsid"],
        "gene": variant["gene"],
        "chrom": variant["chrom"],
        "pos38": variant["pos38"],
        "pos37": variant["pos37"],
        "ref": ref,
        "alt": alt,
        "position_confirmed": len(checked) >= _SOURCES_NEEDED,
        "reference_confirmed": variant["ref_alt_checked"] or bool(added.get("confirmed_by")),
        "confirmed_by": [*checked, *added.get("confirmed_by", ())],
        "note": variant.get("note", ""),
    }
    return row | ({"cost_of_leaving_out": added["cost"]} if "cost" in added else {})


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: see the module's description."""
    parser = argparse.ArgumentParser(prog="python -m interpreters.traits.build", description=__doc__)
    parser.add_argument("source", type=Path, help="folder with traits.json")
    parser.add_argument("--release", required=True, help="name of the new release, by convention its date")
    parser.add_argument("--curation", type=Path, default=CURATION, help="what was decided and looked up")
    parser.add_argument("--data", type=Path, default=DATA, help="folder that holds the releases")
    options = parser.parse_args(arguments)
    made = build(options.source, options.data / options.release, options.release, options.curation)
    print(f"{made.module} {made.release} {made.digest}")  # noqa: T201 - the command's answer


if __name__ == "__main__":
    main()
