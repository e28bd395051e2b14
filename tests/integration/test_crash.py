"""Workers that die and people who leave while a send is in progress, on PostgreSQL and RabbitMQ."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from support.main_job import LEAVER, check_left
from support.stack import Processes, Stack, production, wait_until

from ror_service.sandbox.partner_faults import Fault

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

WANTED = ("ancestry", "traits")
TIMEOUT_SECONDS = 4
LEASE_SECONDS = 5
"""Short, so that another worker takes over soon; longer than a send may take."""


@dataclass
class Scene:
    """Two reports that are being sent: the partner does nothing with one, and has the other without saying so yet."""

    stack: Stack
    processes: Processes
    sender: subprocess.Popen[bytes]

    def replace_sender(self) -> None:
        """Kill the worker that sends, with all that belongs to it, and start another."""
        self.processes.kill(self.sender)
        self.sender = _sender(self.processes)


def _sender(processes: Processes) -> subprocess.Popen[bytes]:
    return processes.start("worker", "--queues=deliver", lease_seconds=LEASE_SECONDS)


@contextmanager
def _sends_in_progress(folder: Path, genome: Path, database_url: str, broker_url: str) -> Iterator[Scene]:
    with (
        production(folder, database_url, broker_url, partner_timeout_seconds=TIMEOUT_SECONDS) as stack,
        Processes(stack.context.settings, folder) as processes,
    ):
        processes.start("worker", "--queues=extract,interpret,release,recall")
        processes.start("relay", lease_seconds=LEASE_SECONDS)
        stack.take_in(LEAVER, genome, WANTED)
        wait_until(lambda: len(stack.deliveries()) == len(WANTED), "both reports are ready")
        stack.partner.faults.next(Fault.HANG, Fault.SLOW)
        sender = _sender(processes)
        wait_until(lambda: bool(stack.ledger("accepted")), "the partner has one report")
        yield Scene(stack, processes, sender)


def _states(stack: Stack) -> set[str]:
    return {delivery.state for delivery in stack.deliveries()}


def test_what_a_killed_worker_was_sending_is_delivered_once_by_another(
    tmp_path: Path, genomes: dict[str, Path], postgres_url: str, rabbitmq_url: str
) -> None:
    with _sends_in_progress(tmp_path, genomes[LEAVER.participant_id], postgres_url, rabbitmq_url) as scene:
        stack = scene.stack
        scene.replace_sender()
        assert _states(stack) == {"intended"}, "nobody knows of any receipt"
        wait_until(lambda: _states(stack) == {"received"}, "another worker finishes both")
        assert {state for module, state in stack.progress(LEAVER).items() if module in WANTED} == {"delivered"}
        accepted = [entry.delivery_id for entry in stack.ledger("accepted")]
        assert sorted(accepted) == sorted(delivery.delivery_id for delivery in stack.deliveries())
        stack.verify_audit()


@pytest.mark.parametrize("killed", [False, True], ids=["worker-lives", "worker-killed"])
def test_nothing_stays_with_the_partner_when_somebody_leaves_during_the_send(
    tmp_path: Path, genomes: dict[str, Path], postgres_url: str, rabbitmq_url: str, *, killed: bool
) -> None:
    with (
        _sends_in_progress(tmp_path, genomes[LEAVER.participant_id], postgres_url, rabbitmq_url) as scene,
        ThreadPoolExecutor() as pool,
    ):
        stack = scene.stack
        leaving = pool.submit(stack.withdraw, LEAVER)
        if killed:
            scene.replace_sender()
        leaving.result()
        left_at = datetime.now(UTC)
        wait_until(lambda: {case.state for case in stack.cases(LEAVER)} == {"deleted"}, "every recall acknowledged")
        check_left(stack, LEAVER)
        assert stack.ledger("accepted")
        assert all(entry.at < left_at for entry in stack.ledger("accepted")), "nothing is accepted after the withdrawal"
        assert len(stack.ledger("recalled")) == len(WANTED), "also of what hung: perhaps it arrived"
        stack.verify_audit()
