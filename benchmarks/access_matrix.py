"""Every route x every role x one's own, another's and no object: how many calls, and how many told what they must not.

    python benchmarks/access_matrix.py [--quick] [--postgresql | --database URL] [--people N]

The routes are those of the OpenAPI document; one that the matrix does not name counts as a leak. On the embedded
database; with `--postgresql` (a server of its own) or `--database` (an empty one) on PostgreSQL under row-level
security, called as a role that owns nothing, and it is measured what that security costs: one route, and one question
of the service, among so many people. `--quick` is the embedded database alone. Ends with status 1 when something
leaked.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from promises import tell

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from sqlalchemy import text
from support.access_matrix import MATRIX, WITHOUT_TOKEN, World, leaks, operations, world_on_postgresql, world_on_sqlite
from support.servers import postgres_server

from ror_service.api.tokens import Role
from ror_service.pipeline import PIPELINE
from ror_service.storage import results, row_security

CALLS = 200
_FILL = (
    """
    INSERT INTO participants SELECT 'F-' || n, 'en', NULL, 'unknown', NULL, 'alive', 'active', now()
    FROM generate_series(1, {people}) n
    """,
    """
    INSERT INTO result_cases (case_id, participant_id, module, generation, state, requires_confirmation, confirmation,
        disclosure, updated_at)
    SELECT 'F-' || module || n, 'F-' || n, module, 1, 'offered', false, 'not_ordered', 'not_started', now()
    FROM generate_series(1, {people}) n,
        unnest(ARRAY['ancestry', 'hereditary_risk', 'pharmacogenomics', 'traits']) module
    """,
    "ANALYZE",
)


def main() -> int:
    """Call everything, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the embedded database alone")
    parser.add_argument("--postgresql", action="store_true", help="start a PostgreSQL server for it")
    parser.add_argument("--database", help="URL of an empty PostgreSQL database, as its superuser")
    parser.add_argument("--people", type=int, default=100_000, help="among whom the cost is measured")
    asked = parser.parse_args()
    with ExitStack() as exits:
        folder = Path(exits.enter_context(TemporaryDirectory()))
        if asked.quick or not (asked.postgresql or asked.database):
            world = exits.enter_context(world_on_sqlite(folder / "service"))
            where = "on SQLite"
        else:
            url = asked.database or exits.enter_context(exits.enter_context(postgres_server()).database())
            world = exits.enter_context(world_on_postgresql(folder / "service", url))
            where = "on PostgreSQL with row-level security"
        held = _matrix(world, where)
        if where != "on SQLite":
            _cost(world, asked.people)
    return 0 if held else 1


def _matrix(world: World, where: str) -> bool:
    there = operations(world.api.client.get("/v1/openapi.json").json())
    found = [f"{route}: not in the matrix, or not there" for route in there ^ {*MATRIX, *WITHOUT_TOKEN}]
    cells = 0
    for route in sorted(there & {*MATRIX, *WITHOUT_TOKEN}):
        tested, leaked = leaks(world, route)
        cells += tested
        found += leaked
    for leak in found:
        print(leak)
    return tell(
        "Nobody reaches what is not theirs, and another's object looks like none",
        f"{len(there)} routes, {cells} cells {where}, {len(found)} leaks",
        held=not found,
    )


def _cost(world: World, people: int) -> None:
    """Time one route and one question of the service, with the policy and without."""
    with world.service.context.engine.begin() as connection:
        for statement in _FILL:
            connection.execute(text(statement.format(people=people)))
    for name in ("with the policy", "without"):
        if name == "without":
            with world.service.context.engine.begin() as connection:
                row_security.remove(connection)
                for statement in row_security.statements(set()):  # the log needs its end
                    connection.exec_driver_sql(statement)
        times = [_timed(lambda: world.call("GET /v1/participants/{participant_id}/results", Role.PARTICIPANT, "own"))
                 for _ in range(CALLS)]  # fmt: skip
        with world.api.service.context.transaction(PIPELINE) as work:
            counting = min(_timed(lambda: results.count_interpreted_cases(work.session, "traits")) for _ in range(5))
        print(
            f"{name}, among {people} people: GET .../results {statistics.median(times) * 1e3:.1f} ms at the median, "
            f"{statistics.quantiles(times, n=20)[-1] * 1e3:.1f} ms p95; the service counts {4 * people} cases in "
            f"{counting * 1e3:.0f} ms"
        )


def _timed(call: object) -> float:
    began = time.perf_counter()
    call()  # type: ignore[operator]
    return time.perf_counter() - began


if __name__ == "__main__":
    raise SystemExit(main())
