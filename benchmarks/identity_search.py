"""CPU time of the search for one new sample among many, of a process that has just started and of one that runs.

    .venv/bin/python benchmarks/identity_search.py [--people N ...]

The fingerprints are random; the time does not depend on what they hold. They are sealed in a database in a temporary
folder as the service does it, one by one and in pieces. `first` is the first search of a process that has opened
nothing yet (without starting Python), `further` each one after it: both ask the database who can still be found. `left`
is the first search after one participant withdrew, whose piece is gone, `pieces` what it takes to make all pieces once,
and `one by one` the first search without any piece. Filling the database takes about two minutes for 100,000.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from identity.fingerprint import Codes, pack_all, packed_size, unpack
from identity.panel import load_panel
from ror_service.audit.log import Actor
from ror_service.context import ServiceContext
from ror_service.fingerprints import FingerprintIndex
from ror_service.sealing import vault
from ror_service.settings import Settings
from ror_service.storage import indexes, migrations, results
from ror_service.storage.tables import FingerprintSegmentRow, ParticipantRow, SampleRow

SEARCHES = 5
AT_ONCE = 1000
ACTOR = Actor("benchmark", "service", "benchmark")


def fill(context: ServiceContext, numbers: range, packed: Codes) -> None:
    """Add people with a sample and its sealed fingerprint each."""
    release = context.fingerprints.panel.release
    for start in range(0, len(numbers), AT_ONCE):
        some = numbers[start : start + AT_ONCE]
        with context.transaction(ACTOR) as work:
            results.add_rows(work.session, ParticipantRow, list(map(_person, some)))
            results.add_rows(work.session, SampleRow, list(map(_sample, some)))
            for number in some:
                vault.keep_fingerprint(
                    work, context.keys, f"P-{number}", f"sample-{number}", packed[number].tobytes(),
                    panel_release=release,
                )  # fmt: skip


def _person(number: int) -> dict[str, object]:
    return {
        "participant_id": f"P-{number}", "language": "en", "sex_at_birth": "unknown", "vital_status": "alive",
        "participation": "active", "created_at": datetime.now(UTC),
    }  # fmt: skip


def _sample(number: int) -> dict[str, object]:
    return {
        "sample_id": f"sample-{number}", "participant_id": f"P-{number}", "genome_center": "center",
        "specimen": "saliva", "assay": "wgs", "sex_at_birth": "unknown", "file_sha256": "f" * 64, "file_size": 1,
        "manifest_sha256": "f" * 64, "state": "read", "created_at": datetime.now(UTC),
    }  # fmt: skip


def searches(context: ServiceContext, wanted: Iterable[tuple[int, Codes]]) -> list[float]:
    """CPU seconds of searches by a process that has opened nothing yet; each must find the sample itself."""
    index = FingerprintIndex(context.fingerprints.panel, context.keys)
    seconds = []
    for number, codes in wanted:
        began = time.process_time()
        with context.transaction(ACTOR) as work:
            living = indexes.living_fingerprints(work.session, index.panel.release)
            found = index.search(work, codes, living)
        seconds.append(time.process_time() - began)
        assert f"sample-{number}" in {hit.key for hit in found.hits}  # noqa: S101 - the work was done
    return seconds


def table(sizes: Sequence[int]) -> Iterable[str]:
    """A line for each number of people."""
    panel, random = load_panel(), np.random.default_rng(1)
    packed = random.integers(0, 256, (max(sizes), packed_size(len(panel))), dtype=np.uint8)
    alleles = random.random((2, SEARCHES, len(panel))) < 0.4  # noqa: PLR2004 - a usual frequency
    packed[:SEARCHES] = pack_all(alleles.sum(axis=0).astype(np.uint8))
    wanted = [(number, unpack(packed[number].tobytes(), len(panel))) for number in range(SEARCHES)]
    yield f"CPU s, {len(panel)} sites"
    yield f"{'samples':>9}{'one by one':>12}{'pieces':>8}{'first':>8}{'further':>9}{'left':>8}"
    filled = 0
    with TemporaryDirectory() as folder:
        context = ServiceContext(Settings(home=Path(folder)))
        migrations.upgrade(context.engine)
        for size in sizes:
            with context.transaction(ACTOR) as work:
                indexes.dissolve_unfilled(work.session, FingerprintSegmentRow, size + 1, work.at)
            fill(context, range(filled, size), packed)
            filled = size
            (alone,) = searches(context, wanted[:1])
            began = time.process_time()
            context.fingerprints.gather(partial(context.transaction, ACTOR), 0)
            pieces = time.process_time() - began
            first, *further = searches(context, wanted)
            with context.transaction(ACTOR) as work:
                indexes.dissolve_segments(work.session, [f"sample-{size - 1}"], work.at)
            (left,) = searches(context, wanted[:1])
            yield f"{size:9,}{alone:12.2f}{pieces:8.2f}{first:8.2f}{np.median(further):9.3f}{left:8.2f}"
        context.close()


def main() -> None:
    """Draw, search, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, nargs="+", default=[1000, 10_000], help="(default: 1000 10000)")
    for line in table(sorted(parser.parse_args().people)):
        print(line, flush=True)


if __name__ == "__main__":
    main()
