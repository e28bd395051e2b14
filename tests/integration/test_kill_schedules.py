"""A process killed or stopped at every point of release, delivery, recall and withdrawal, on PostgreSQL.

Some three hundred schedules, which strike each point at least once; ROR_KILL_SCHEDULES=10000 plays so many more, drawn
at random, with faults of the partner and both ways of leaving.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support import broken_services
from support.kill_schedules import LEAVE, Moment, Schedule, Theatre, theatre
from support.shared import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

LEAST = 300
ON_DEMAND = os.environ.get("ROR_KILL_SCHEDULES", "0")


@pytest.fixture
def stage(tmp_path: Path, postgres_url: str) -> Iterator[Theatre]:
    with theatre(tmp_path, postgres_url) as played:
        yield played


def test_every_promise_is_kept_at_every_point(postgres_url: str) -> None:
    command = [
        sys.executable,
        PROJECT / "benchmarks/kill_schedules.py",
        "--drawn",
        ON_DEMAND,
        "--database",
        postgres_url,
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert int(ran.stdout.split()[0]) >= LEAST


def test_the_points_are_those_of_the_protocol(stage: Theatre) -> None:
    points = stage.points("deliver_report")
    sent = points.index("before the partner")
    assert points[sent + 1] == "after the partner"
    assert points[:sent].count("committed") == 2, "the claim of the job and the intent are committed before the send"
    assert "commit" not in points[points.index("committed", points.index("committed") + 1) + 1 : sent], "then no more"


# --- Broken services that the same checker must catch


BROKEN = {
    broken_services.consent_is_read_once: ("deliver_report", "before the partner", Moment.STOPPED),
    broken_services.a_new_key_at_each_try: ("deliver_report", "after the partner", Moment.NEVER),
    broken_services.received_before_it_was_sent: ("deliver_report", "before the partner", Moment.NEVER),
    broken_services.no_recall: ("deliver_report", "after the partner", Moment.AFTER_KILL),
    broken_services.no_intent_before_the_send: ("deliver_report", "after the partner", Moment.AFTER_KILL),
    broken_services.keys_that_live_on: (LEAVE, "commit", Moment.AFTER_KILL),
    broken_services.nobody_sweeps: ("deliver_report", "before the partner", Moment.NEVER),
    broken_services.acknowledged_before_it_was_recalled: ("recall_delivery", "before the partner", Moment.NEVER),
}
"""What is broken, and a schedule that shows it."""


def test_each_broken_service_is_caught(stage: Theatre) -> None:
    caught: Mapping[str, Sequence[str]] = {}
    for breaks, (step, name, moment) in BROKEN.items():
        with pytest.MonkeyPatch.context() as patch:
            # Of the service as it is: a broken one goes through the same points up to where it is struck.
            breaks(patch)
            point = stage.points(step).index(name)
            stage.service.run_jobs()
            caught |= {breaks.__name__: stage.play(Schedule(step, point, moment))}
            stage.forget()
    assert all(caught.values()), {name for name, found in caught.items() if not found}
