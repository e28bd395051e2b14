"""The model of release itself: its partner fails as the real one does, and it finds what is broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from support import broken_services
from support.partner_in_process import partner_in_process
from support.release_model import FAULTS, ReleaseMachine, machine
from support.service import Service, running_partner, running_service

from consent import decision
from consent.types import Participation, VitalStatus
from ror_service.sandbox.partner_faults import Fault

pytestmark = pytest.mark.no_cover


@pytest.fixture
def lasting(tmp_path: Path) -> Iterator[Service]:
    """A service in which the people of all examples live side by side."""
    with running_service(tmp_path / "service") as service, running_partner(service, tmp_path / "partner"):
        yield service


@pytest.mark.parametrize("fault", FAULTS)
def test_a_partner_in_this_process_fails_as_one_behind_sockets_does(tmp_path: Path, fault: Fault) -> None:
    told = []
    for kind in (running_partner, partner_in_process):
        place = tmp_path / kind.__name__
        with running_service(place / "service") as service, kind(service, place / "partner") as partner:
            service.available()
            partner.faults.next(fault)
            service.run_jobs()
            events = [entry.event for entry in partner.ledger.entries()]
            job = service.job("deliver_report", service.delivery().delivery_id)
            told.append((events, service.delivery().state, job.last_error, job.done_at is None, job.dead_at is None))
            service.clock.advance(hours=5)
            service.run_jobs()
            service.withdraw()
            service.run_jobs()
            told[-1] += ([entry.event for entry in partner.ledger.entries()], service.violations())
    assert told[0] == told[1]


def _rule_says_yes(name: str) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setitem(decision.RULES, name, lambda _: None)


def _dead(model: ReleaseMachine) -> None:
    model.begin("delivered")
    model.vital_status(VitalStatus.DEATH_REPORTED)


def _suspected(model: ReleaseMachine) -> None:
    model.begin("delivered")
    model.suspect()


def _gone(model: ReleaseMachine) -> None:
    model.begin("delivered")
    model.participation(Participation.WITHDRAWN)


def _fails_first(fault: Fault) -> Callable[[ReleaseMachine], None]:
    """The partner fails once when it gets the report."""

    def way(model: ReleaseMachine) -> None:
        model.begin("plain")
        model.work(None)
        model.partner_fails(fault)
        model.work(None)

    return way


def _recall_fails_first(model: ReleaseMachine) -> None:
    model.begin("delivered")
    model.participation(Participation.WITHDRAWN)
    model.partner_fails(Fault.INTERNAL_ERROR)
    model.work(None)


def _killed_in_the_send(model: ReleaseMachine) -> None:
    model.begin("plain")
    model.work(None)
    model.work(6)


BROKEN = [
    (_rule_says_yes("vital_status"), _dead),
    (_rule_says_yes("identity"), _suspected),
    (broken_services.no_recall, _gone),
    (broken_services.keys_that_live_on, _gone),
    (broken_services.a_new_key_at_each_try, _fails_first(Fault.LOST_ACKNOWLEDGEMENT)),
    (broken_services.received_before_it_was_sent, _fails_first(Fault.INTERNAL_ERROR)),
    (broken_services.acknowledged_before_it_was_recalled, _recall_fails_first),
    (broken_services.nobody_sweeps, _killed_in_the_send),
]
"""What is broken, and a way on which the model meets it."""


@pytest.mark.parametrize(("breaks", "way"), BROKEN)
@pytest.mark.parametrize("broken", [True, False])
def test_a_broken_service_is_caught(
    lasting: Service,
    breaks: Callable[[pytest.MonkeyPatch], None],
    way: Callable[[ReleaseMachine], None],
    *,
    broken: bool,
) -> None:
    model = machine(lasting, Counter())()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(AssertionError) if broken else nullcontext():
        if broken:
            breaks(patch)
        way(model)
        model.nothing_is_read_that_may_not_be()
        model.teardown()
