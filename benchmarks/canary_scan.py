"""Is anything personal written where it does not belong? Plants it, runs everything, searches all that was written.

    python benchmarks/canary_scan.py [--quick] [--runs 1]

Runs the whole path with a made-up person: real PostgreSQL, RabbitMQ and again Redis (with its append-only file),
`ror api`, `ror worker` and `ror relay` as processes, a partner over HTTP, from the genome center's file to delivery,
withdrawal and recall. Planted are identifiers, names, a birth date, the laboratory's words, rsIDs, genotypes,
diplotypes, HGVS, findings and medicines (`tests/support/canary_run.py`). Each stage fails once with all of them in its
error; the database refuses a row, the partner answers 500 and repeats them, a worker dies by SIGABRT where core dumps
are allowed, files and requests are malformed.

Then database files, WAL and every row, the broker's files (RabbitMQ's all the time, since it forgets), output, traces,
refusals, metrics, what was ever in TMPDIR, shared memory, the store and the key folder are searched: as they are, in
base64, hexadecimal, UTF-16, JSON and percent escapes, and inside of gzip, zlib, zstd and ZIP streams. `ALLOWED` in
`tests/support/canaries.py` says what may be where. The same path with a service that is careless on purpose shows that
the search would find it.

--quick is one run with Redis and the medicines report alone. A run searches some 85 MB: --runs 6, with each broker,
makes a gigabyte of it. Ends with status 1 when a text was found.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from promises import tell

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from support import canary_run, servers
from support.canaries import Place, Search
from support.canary_run import ALL_STAGES, Written

MEDICINES = ("pharmacogenomics",)
EVERY_MODULE = ("ancestry", "hereditary_risk", "pharmacogenomics", "traits")
PROMISE = "Nothing personal is written where it does not belong: database, WAL, broker, logs, traces, temporary files"
BROKERS = ("rabbitmq", "redis")
KEEPS_ALL = {"wal_keep_size": "4GB", "full_page_writes": "on", "autovacuum": "off"}
"""Every segment of the WAL stays, whole pages are in it as in production, and no old row goes."""


def scan(broker: str, modules: tuple[str, ...], *, broken: bool = False) -> tuple[Search, list[str], int]:
    """One run, and the search after it.

    Returns:
        The search, the stages that failed as told, and how many core dumps and files without a name there were.
    """
    with ExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="ror-canaries-")))
        database = exits.enter_context(servers.postgres_server(**KEEPS_ALL))
        database_url = exits.enter_context(database.database())
        if broker == "redis":
            redis = exits.enter_context(servers.redis_server(keeps=True))
            broker_url, broker_folder = redis.url, redis.folder
        else:
            rabbitmq = exits.enter_context(servers.rabbitmq_server())
            broker_url, broker_folder = exits.enter_context(rabbitmq.virtual_host()), rabbitmq.folder.path
        failed, rows, meanwhile = canary_run.run(
            folder,
            database_url,
            broker_url,
            modules,
            broken=broken,
            forgets=broker_folder if broker == "rabbitmq" else None,
        )
        written = Written(database.folder / "data", database.folder / "postgres.log", broker_folder)
        left = [*(folder / "working").iterdir(), *folder.glob("unnamed")]
        search = canary_run.search(folder, written, rows)
        search.hits += meanwhile
        return search, failed, len(left)


def table(search: Search) -> str:
    """Place, what was searched of it, and what was found."""
    found = Counter(hit.place for hit in search.hits)
    lines = [f"  {place.value:<16} {search.searched[place] / 1e6:>10,.2f} MB {found[place]:>6} hits" for place in Place]
    kinds = Counter((hit.place.value, hit.kind.value, hit.form) for hit in search.hits)
    return "\n".join([*lines, *(f"  {number} x {' / '.join(which)}" for which, number in sorted(kinds.items()))])


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--runs", type=int, default=1, help="with each broker")
    options = parser.parse_args()
    planned = [("redis", MEDICINES)] if options.quick else [(each, EVERY_MODULE) for each in BROKERS] * options.runs
    searched = hits = left = 0
    stages: set[str] = set(ALL_STAGES)
    for broker, modules in planned:
        search, failed, dumps = scan(broker, modules)
        print(f"{broker}: errors at {', '.join(failed)}; {dumps} core dumps or temporary files without a name")
        print(table(search))
        searched += search.searched.total()
        hits += len(search.hits)
        left += dumps
        stages &= set(failed)
    caught: set[Place] = set()
    if not options.quick:
        search, *_ = scan("redis", MEDICINES, broken=True)
        caught = {hit.place for hit in search.hits}
        print(f"a careless service is found in: {', '.join(sorted(caught))}")
    careless = caught >= {Place.DATABASE, Place.BROKER, Place.LOGS, Place.TRACES, Place.TEMPORARY}
    figure = (
        f"{searched / 1e9:.2f} GB searched after {len(planned)} runs with errors at {len(stages)} stages, hits {hits}"
    )
    held = hits == left == 0 and stages == set(ALL_STAGES) and (careless or options.quick)
    return 0 if tell(PROMISE, figure, held=held) else 1


if __name__ == "__main__":
    sys.exit(main())
