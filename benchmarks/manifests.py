"""How long it takes to check a manifest and to submit it, and how the times grow with its rows.

    python benchmarks/manifests.py [--rows N ...] [--repeats N] [--database URL] [--postgresql]

Manifests are made in memory: whole genomes with every field, one row in a hundred wrong in several ways. Printed of the
check is the least CPU time of the repeats, and by what the time a row grew since the size before (1 is linear).

Then the sizes are submitted, one after the other, to a database whose participants are registered: the check, the rows
with what is sealed of them, the audit log, and the feedback as CSV and JSON. `first` are the seconds by the clock, then
those of CPU of this process; `again` the same for the same manifest once more, when every row is known. The database is
SQLite in a temporary folder, or the empty one that --database names; with --postgresql a server of the tests' own too.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import SecretStr
from sqlalchemy import func, select

from ror_service.audit.log import Actor
from ror_service.context import ServiceContext
from ror_service.intake.manifest_check import Verdict, check_manifest
from ror_service.intake.submission import submit_manifest
from ror_service.settings import Settings
from ror_service.storage import migrations, results
from ror_service.storage.tables import ParticipantRow, SampleRow

ROWS = (1000, 5000, 20_000)
SCHEMA = "ror.manifest.wgs/1"
Fields = dict[str, object]


def made_rows(count: int, first: int = 0) -> list[Fields]:
    """Rows of which one in a hundred is wrong, of people and samples from number `first` on."""
    numbers = range(first, first + count)
    return [_wrong(_row(number)) if number % 100 == 99 else _row(number) for number in numbers]  # noqa: PLR2004


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


@contextmanager
def service(url: str | None) -> Iterator[ServiceContext]:
    """A service on a database that is empty; SQLite when no URL is given."""
    with TemporaryDirectory() as home:
        settings = Settings(home=Path(home)) if url is None else Settings(home=Path(home), database_url=SecretStr(url))
        context = ServiceContext(settings)
        migrations.upgrade(context.engine)
        try:
            yield context
        finally:
            context.close()


def submitted(context: ServiceContext, first: int, rows: int) -> tuple[tuple[float, float], ...]:
    """Seconds by the clock and of CPU to submit a manifest, and to submit it again."""
    content = as_csv(made_rows(rows, first))
    center = Actor("center-1", "genome_center", "sample submission")
    with context.transaction(center) as work:
        people = [
            {
                "participant_id": f"P-{number:07}", "language": "en", "sex_at_birth": "female", "vital_status": "alive",
                "participation": "active", "created_at": work.at,
            }
            for number in range(first, first + rows)
        ]  # fmt: skip
        results.add_rows(work.session, ParticipantRow, people)
    measured = []
    for _ in range(2):
        clock, cpu = time.perf_counter(), time.process_time()
        begin = partial(context.transaction, center)
        feedback = submit_manifest(begin, context.keys, check_manifest(content))
        answer = feedback.to_csv() + feedback.model_dump_json()
        measured.append((time.perf_counter() - clock, time.process_time() - cpu))
        assert answer.count("awaiting_file") == 2 * feedback.waiting  # noqa: S101 - the work was done
    with context.transaction(center) as work:
        kept = work.session.scalar(select(func.count()).where(SampleRow.sample_id >= f"S-{first:07}"))
    assert kept == feedback.waiting == rows - rows // 100, kept  # noqa: S101
    return tuple(measured)


def submissions(url: str | None, sizes: Sequence[int]) -> list[str]:
    """A line for each size."""
    lines = [
        f"{'database':12}{'rows':>8}{'first: s':>10}{'CPU s':>8}{'ms/row':>8}{'growth':>8}{'again: s':>10}{'CPU s':>8}"
    ]
    before, first = None, 0
    with service(url) as context:
        name = context.engine.dialect.name
        for size in sizes:
            (clock, cpu), (again, again_cpu) = submitted(context, first, size)
            each = clock / size
            growth = "" if before is None else f"{each / before:.2f}"
            start = f"{name:12}{size:8}{clock:10.2f}{cpu:8.2f}{each * 1e3:8.2f}{growth:>8}"
            lines.append(f"{start}{again:10.2f}{again_cpu:8.2f}")
            before, first = each, first + size
    return lines


@contextmanager
def a_server() -> Iterator[str]:
    """URL of a database of a PostgreSQL that the tests start."""
    sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
    from support.servers import postgres_server  # noqa: PLC0415 - only for this choice, and not installed

    with postgres_server() as server, server.database() as url:
        yield url


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--database", help="URL of an empty database, in place of SQLite")
    parser.add_argument("--postgresql", action="store_true", help="start a PostgreSQL as the tests do")
    options = parser.parse_args()
    print("\n".join(table(options.rows, options.repeats)), flush=True)
    print("\n".join(submissions(options.database, options.rows)), flush=True)
    if options.postgresql:
        with a_server() as url:
            print("\n".join(submissions(url, options.rows)))


if __name__ == "__main__":
    main()
