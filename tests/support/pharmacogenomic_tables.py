"""Small source tables of a pharmacogenomics release: one gene of one allele, one of none."""

from __future__ import annotations

import json
from pathlib import Path


def write_tables(folder: Path, **replaced: tuple[str, ...]) -> Path:
    """Write the tables into `folder`; `replaced` names a table and gives its lines, words with a space between."""
    tables = {
        "genes": (
            "gene chrom lookup undocumented_as_reference lowest_function_gene called_from definition_version all_of_us",
            "ABC1 chr1 phenotype 0 0 sequence 2030-01-01 1",
            "HLA  lookup 0 0 outside  0",
        ),
        "positions": (
            "gene kind pos ref alts rsid required amp_tier1 pos37 ref37",
            "ABC1 defining 100 A G rs1 0 1 90 A",
            "ABC1 extra 200 A G rs2 0 0 190 A",
        ),
        "alleles": (
            "gene allele definition function activity source reported_as",
            "ABC1 *1  Normal  sequence *1",
            "ABC1 *2 100:G None  sequence *2",
            "ABC1 *9 100:G None 0.0 outside-call *9",
        ),
        "phenotype_rules": ("gene by a b phenotype activity_score", "ABC1 function None Normal Slower "),
        "unphased_priorities": ("gene pick candidates", "ABC1 *1/*2 *2/*1|*2/*2"),
    }
    for guideline in ("cpic", "dpwg"):
        tables[f"recommendations_{guideline}"] = (
            "drug lookup population strength actions restatement url as_of text_sha needs_review",
            'tea {"ABC1":"Slower"} general Strong avoid,monitor None. https://example.org 2030-01 abc 1',
            'milk {"ABC1":{"*2":2.0}} general Strong  None. https://example.org 2030-01 abc 0',
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in (tables | replaced).items():
        text = "\n".join(line.replace(" ", "\t") for line in lines) + "\n"
        text = text.replace('"', '""').replace("\t{", '\t"{').replace("}\t", '}"\t')
        (folder / f"{name}.tsv").write_text(text)
    changed = [["DPWG", "milk", {"ABC1": {"*2": 2.0}}]]
    (folder / "changed_since_2024-05.json").write_text(json.dumps(changed))
    return folder
