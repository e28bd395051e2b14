"""How long it takes to check a manifest, and how the time grows with its rows.

    python benchmarks/manifests.py [--rows N ...] [--repeats N]

Manifests are made in memory: whole genomes with every field, one row in a hundred wrong in several ways. Printed is the
least CPU time of the repeats, and by what the time a row grew since the size before (1 is linear).
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import time
from collections.abc import Callable, Sequence

from ror_service.intake.manifest_check import Verdict, check_manifest

ROWS = (1000, 5000, 20_000)
SCHEMA = "ror.manifest.wgs/1"
Fields = dict[str, object]


def made_rows(count: int) -> list[Fields]:
    """Rows of which one in a hundred is wrong."""
    return [_wrong(_row(number)) if number % 100 == 99 else _row(number) for number in range(count)]  # noqa: PLR2004


def _row(number: int) -> Fields:
    return {
        "sample_id": f"S-{number:07}",
        "participant_id": f"P-{number:07}",
        "collection_tube": f"TUBE-{number:07}",
        "plate": f"PLATE-{number // 96:05}",
        "well": f"{'ABCDEFGH'[number % 96 // 12]}{number % 12 + 1:02}",
        "specimen": "whole_blood",
        "collected_on": "2026-09-01",
        "sex_at_birth": "female",
        "pipeline_id": "caller-4.2",
        "build": "GRCh38",
        "name_in_file": f"S-{number:07}",
        "contamination": 0.0012,
        "inferred_sex": "female",
        "sex_concordance": "concordant",
        "sex_chromosomes": "XX",
        "mean_coverage": 38.25,
        "callable_fraction": 0.961,
        "array_concordance": 0.9991,
        "genotypes_file": f"S-{number:07}.g.vcf.gz",
        "genotypes_sha256": f"{number:064x}",
        "genotypes_size": 1_500_000_000 + number,
    }


def _wrong(row: Fields) -> Fields:
    return row | {"specimen": "hair", "contamination": 2, "plate": "=1+1", "genotypes_size": 0}


def as_csv(rows: Sequence[Fields]) -> bytes:
    """A manifest as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ["schema", *rows[0]], lineterminator="\n")
    writer.writeheader()
    writer.writerows({"schema": SCHEMA, **row} for row in rows)
    return text.getvalue().encode()


def as_json(rows: Sequence[Fields]) -> bytes:
    """A manifest as JSON."""
    return json.dumps({"schema": SCHEMA, "rows": rows}, indent=1).encode()


def measure(content: bytes, repeats: int) -> float:
    """CPU seconds of the fastest check."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        manifest = check_manifest(content)
        times.append(time.process_time() - start)
    assert any(row.verdict is Verdict.REFUSED for row in manifest.rows)  # noqa: S101 - the work was done
    return min(times)


def table(sizes: Sequence[int], repeats: int) -> list[str]:
    """A line for each format and size."""
    lines = [f"{'format':8}{'rows':>8}{'MB':>8}{'CPU s':>9}{'µs/row':>9}{'growth':>8}"]
    formats: dict[str, Callable[[Sequence[Fields]], bytes]] = {"CSV": as_csv, "JSON": as_json}
    for name, write in formats.items():
        before: float | None = None
        for size in sizes:
            content = write(made_rows(size))
            seconds = measure(content, repeats)
            each = seconds / size
            growth = "" if before is None else f"{each / before:.2f}"
            lines.append(f"{name:8}{size:8}{len(content) / 1e6:8.1f}{seconds:9.3f}{each * 1e6:9.1f}{growth:>8}")
            before = each
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print("\n".join(table(options.rows, options.repeats)))


if __name__ == "__main__":
    main()
