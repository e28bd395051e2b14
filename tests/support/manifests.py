"""Manifests of made-up samples, as CSV and JSON, and the reference page made from the schemas."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ror_service.intake.manifest import SCHEMAS, json_schema

WGS, ARRAY = SCHEMAS
Fields = dict[str, Any]


def fields(number: int = 1, schema: str | None = WGS, **changes: object) -> Fields:
    """The cells of one good row; None leaves a field out, and the schema where JSON names it once for all rows."""
    measured: Fields = {"call_rate": 0.995} if schema == ARRAY else {"mean_coverage": 35.2, "callable_fraction": 0.96}
    row: Fields = {
        "schema": schema,
        "sample_id": f"S-{number}",
        "participant_id": f"P-{number}",
        "collection_tube": f"T-{number}",
        "plate": f"PL-{number // 96}",
        "well": f"{'ABCDEFGH'[number % 96 // 12]}{number % 12 + 1:02}",
        "specimen": "saliva",
        "sex_at_birth": "female",
        "pipeline_id": "caller-4.2",
        "contamination": 0.001,
        "genotypes_file": f"S-{number}.vcf.gz",
        "genotypes_sha256": f"{number:064x}",
        "genotypes_size": 1000 + number,
    }
    return {name: value for name, value in (row | measured | changes).items() if value is not None}


def as_csv(rows: Sequence[Fields], end: str = "\n") -> bytes:
    """A manifest as CSV, with the columns of all rows."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator=end)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_json(rows: Sequence[Fields], schema: str = WGS) -> bytes:
    """A manifest as JSON, a row a line."""
    lines = (json.dumps({name: value for name, value in row.items() if name != "schema"}) for row in rows)
    return (f'{{"schema": "{schema}",\n"rows": [\n' + ",\n".join(lines) + "\n]}\n").encode()


def schema_files() -> dict[str, str]:
    """Name to content of the JSON Schema of each manifest schema, beside the reference page."""
    return {
        f"manifest-{schema.removeprefix('ror.manifest.').replace('/', '-')}.schema.json": json.dumps(
            json_schema(schema), indent=1
        )
        + "\n"
        for schema in SCHEMAS
    }


_HEAD = """# Fields of a manifest

Made from the schemas in `ror_service/intake/manifest.py`. [How to connect a genome
center](../howto/connect-a-genome-center.md) says how a manifest is checked and sent.

**CSV**: UTF-8, commas, one line a row, the last line ended too; a header with the column `schema` and any fields in any
order; an empty cell says nothing. **JSON**: `{"schema": "…", "rows": [{…}, …]}` with numbers as numbers. Both get the
same verdicts. Text is letters, digits, dots, hyphens and underscores, as the JSON Schemas say exactly.
"""


def document() -> str:
    """The page `docs/reference/manifest.md`."""
    return _HEAD + "".join(_section(schema, file) for schema, file in zip(SCHEMAS, schema_files(), strict=True))


def _section(schema: str, file: str) -> str:
    lines = [f"\n## `{schema}`\n", f"[JSON Schema]({file})\n", "| field | required | meaning |", "| --- | --- | --- |"]
    for name, field in SCHEMAS[schema].model_fields.items():
        choices = _choices(field.annotation)
        meaning = f"{field.description} {choices}".strip().replace("|", "\\|")
        lines.append(f"| `{name}` | {'yes' if field.is_required() else ''} | {meaning} |")
    return "\n".join(lines) + "\n"


def _choices(annotation: Any) -> str:  # noqa: ANN401 - whatever a field is declared as
    kinds = [annotation, *getattr(annotation, "__args__", ())]
    found = [f"`{member.value}`" for kind in kinds for member in getattr(kind, "__members__", {}).values()]
    return f"One of {', '.join(found)}." if found else ""


def write(folder: Path) -> None:
    """Write the page and the schemas: `PYTHONPATH=tests python -m support.manifests`."""
    for name, content in {"manifest.md": document(), **schema_files()}.items():
        (folder / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    from support.shared import PROJECT

    write(PROJECT / "docs" / "reference")
