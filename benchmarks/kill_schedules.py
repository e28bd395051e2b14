"""Kills and stops at every point of release, delivery, recall and withdrawal on PostgreSQL, while people leave.

    python benchmarks/kill_schedules.py [--schedules 300] [--drawn 0] [--seed N] [--database URL]

Plays so many of the enumerated schedules, which strike every point once before any twice, and then so many drawn at
random, with faults of the partner and both ways of leaving. Without a database it starts one. Ends with status 1 and
the schedules by which a promise was broken. Each schedule forks this process: it is kept small.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

import promises
from support.kill_schedules import STEPS, drawn_schedules, every_schedule, theatre
from support.servers import postgres_server


def main() -> int:
    """Play schedules and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--schedules", type=int, default=300, help="of those that are enumerated")
    parser.add_argument("--drawn", type=int, default=0, help="more, drawn at random, with faults of the partner")
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--database", help="URL of an empty PostgreSQL database")
    asked = parser.parse_args()
    with ExitStack() as exits:
        url = asked.database or exits.enter_context(exits.enter_context(postgres_server()).database())
        folder = Path(exits.enter_context(TemporaryDirectory()))
        stage = exits.enter_context(theatre(folder, url))
        points = {step: stage.points(step) for step in STEPS}
        # Each point once at least, however many there are.
        enumerated = max(asked.schedules, sum(map(len, points.values())))
        schedules = [*every_schedule(points)[:enumerated], *drawn_schedules(points, asked.drawn, asked.seed)]
        broken = {schedule: found for schedule in schedules if (found := stage.play(schedule))}
        for schedule, found in broken.items():
            print(schedule, points[schedule.step][schedule.point], found)
        chain = stage.service.violations()
        struck = len({(schedule.step, schedule.point) for schedule in schedules})
        print(
            f"{len(schedules)} schedules struck {struck} of {sum(map(len, points.values()))} points with {stage.kills} "
            f"kills and {stage.stops} stops: {len(broken)} broke a promise, {len(chain)} faults of the ledgers together"
        )
    every = sum(map(len, points.values()))
    return not promises.tell(
        "a process that is killed or stopped at any point, while people leave, breaks no promise of release",
        f"{len(schedules):,} schedules at {struck} of {every} points: {len(broken)} violations",
        held=not broken and not chain and struck == every,
    )


if __name__ == "__main__":
    raise SystemExit(main())
