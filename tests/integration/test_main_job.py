"""The main job in its two shapes: embedded, and PostgreSQL with a broker and real processes. Same reports, to the byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.main_job import SAYS_YES_TO, Outcome, run_main_job
from support.stack import Processes, production

if TYPE_CHECKING:
    from pathlib import Path


def test_the_embedded_shape_takes_people_through_the_main_job(embedded_outcome: Outcome) -> None:
    wanted = {(participant_id, module) for participant_id, modules in SAYS_YES_TO.items() for module in modules}
    assert set(embedded_outcome.digests) == wanted


def test_processes_with_postgresql_and_a_broker_make_the_same_reports_byte_for_byte(
    tmp_path: Path, genomes: dict[str, Path], postgres_url: str, broker_url: str, embedded_outcome: Outcome
) -> None:
    with production(tmp_path, postgres_url, broker_url) as stack, Processes(stack.context.settings, tmp_path) as run:
        run.start("worker")
        run.start("relay")
        outcome = run_main_job(stack, genomes)
        assert "Traceback" not in run.output()
    if outcome.day != embedded_outcome.day:
        pytest.skip("midnight passed in UTC between the two runs: the reports carry two dates")
    assert outcome.digests == embedded_outcome.digests
    assert outcome.files == embedded_outcome.files
