"""The main job, embedded and with PostgreSQL, a broker and real processes: the same reports, to the byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from _pytest.outcomes import Failed
from support.main_job import LEAVER, SAYS_YES_TO, Outcome, check_left, run_main_job
from support.stack import JOBS_SECONDS, Processes, embedded, production

from ror_service import participants
from ror_service.settings import Settings
from ror_service.storage import data_keys

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
        assert not [word for word in ("Traceback", '"trace"', '"critical"') if word in run.output()]
    if outcome.day != embedded_outcome.day:
        pytest.skip("midnight passed in UTC between the two runs: the reports carry two dates")
    assert outcome.digests == embedded_outcome.digests
    assert outcome.files == embedded_outcome.files


@pytest.mark.parametrize("broken", ["destroy_keys", "order_recall"])
def test_a_service_that_forgets_a_duty_of_the_withdrawal_is_caught(
    tmp_path: Path, genomes: dict[str, Path], monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    with embedded(tmp_path) as stack:
        stack.take_in(LEAVER, genomes[LEAVER.participant_id], ("traits",))
        stack.run_jobs()
        assert len(stack.ledger("accepted")) == 1
        where = data_keys if broken == "destroy_keys" else participants
        monkeypatch.setattr(where, broken, lambda *_: 0)
        stack.withdraw(LEAVER)
        stack.run_jobs()
        with pytest.raises((AssertionError, KeyError, Failed)):
            check_left(stack, LEAVER)


def test_a_worker_refuses_a_database_of_another_schema_and_a_missing_broker(tmp_path: Path) -> None:
    alone = Settings(home=tmp_path)
    with Processes(alone, tmp_path) as run:
        assert run.start("worker").wait(timeout=JOBS_SECONDS) == 1
        assert run.start("worker", broker_url="amqp://127.0.0.1:1").wait(timeout=JOBS_SECONDS) == 1
        assert run.output().count("unsafe_configuration") == 2
        assert "ROR_BROKER_URL" in run.output()
        assert "ror db upgrade" in run.output()
