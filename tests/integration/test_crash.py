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
LEASE_SECONDS = 2
"""Short, so that another worker takes over soon."""


@dataclass
class Scene:
    """A service whose reports are ready, with one hanging send and one that the partner accepted but does not answer."""

    stack: Stack
    processes: Processes
    sender: subprocess.Popen[bytes]

    def start_sender(self) -> None:
        self.sender = self.processes.start("worker", "--queues=deliver_report", lease_seconds=LEASE_SECONDS)


@contextmanager
def _sends_in_progress(folder: Path, genome: Path, database_url: str, broker_url: str, timeout: float) -> Iterator[Scene]:
    """Run until one send hangs and another was accepted without an answer."""
    started = production(folder, database_url, broker_url, partner_timeout_seconds=timeout)
    with started as stack, Processes(stack.context.settings, folder) as processes:
        stack.partner.faults.next(Fault.HANG, Fault.SLOW)
        processes.start("worker", "--queues=interpret_sample,release_report,recall_delivery")
        processes.start("relay", lease_seconds=LEASE_SECONDS)
        scene = Scene(stack, processes, processes.start("worker", "--queues=deliver_report", lease_seconds=LEASE_SECONDS))
        stack.take_in(LEAVER, genome, WANTED)
        wait_until(lambda: bool(stack.ledger("accepted")), "the partner has one report and tells nobody")
        yield scene


def _states(stack: Stack) -> set[str]:
    return {delivery.state for delivery in stack.deliveries()}


def test_what_a_killed_worker_was_sending_is_delivered_once_by_another(
    tmp_path: Path, genomes: dict[str, Path], postgres_url: str, rabbitmq_url: str
) -> None:
    genome = genomes[LEAVER.participant_id]
    with _sends_in_progress(tmp_path, genome, postgres_url, rabbitmq_url, timeout=60) as scene:
        stack = scene.stack
        scene.processes.kill(scene.sender)
        assert _states(stack) == {"intended"}, "nobody knows of any receipt"
        scene.start_sender()
        stack.settle()
        assert stack.progress(LEAVER) == {
            "ancestry": "delivered", "traits": "delivered", "hereditary_risk": "declined", "pharmacogenomics": "declined",
        }  # fmt: skip
        assert _states(stack) == {"received"}
        accepted = [entry.delivery_id for entry in stack.ledger("accepted")]
        assert sorted(accepted) == sorted(delivery.delivery_id for delivery in stack.deliveries())
        stack.verify_audit()


@pytest.mark.parametrize("killed", [False, True], ids=["worker-lives", "worker-killed"])
def test_nothing_stays_with_the_partner_when_somebody_leaves_during_the_send(
    tmp_path: Path, genomes: dict[str, Path], postgres_url: str, rabbitmq_url: str, *, killed: bool
) -> None:
    genome = genomes[LEAVER.participant_id]
    with _sends_in_progress(tmp_path, genome, postgres_url, rabbitmq_url, timeout=4) as scene, ThreadPoolExecutor() as pool:
        stack = scene.stack
        leaving = pool.submit(stack.withdraw, LEAVER)
        if killed:
            scene.processes.kill(scene.sender)
            scene.start_sender()
        leaving.result()
        left_at = datetime.now(UTC)
        wait_until(lambda: {case.state for case in stack.cases(LEAVER)} == {"deleted"}, "every recall acknowledged")
        check_left(stack, LEAVER)
        assert stack.ledger("accepted")
        assert all(entry.at < left_at for entry in stack.ledger("accepted")), "nothing is accepted after the withdrawal"
        assert {entry.delivery_id for entry in stack.ledger("recalled")} == {
            delivery.delivery_id for delivery in stack.deliveries() if delivery.intended_at
        }
        stack.verify_audit()
