"""What the service promises about release, in any order of events that hypothesis thinks of."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from support import broken_services
from support.release_model import ReleaseMachine
from support.service import Service, running_partner, running_service

from consent import decision
from consent.types import Participation, VitalStatus
from ror_service.sandbox.partner_faults import Fault
from ror_service.states import CaseState

pytestmark = pytest.mark.no_cover
STEPS = 20
EXAMPLES = int(os.environ.get("ROR_MODEL_STEPS", "600")) // STEPS


@pytest.fixture
def lasting(tmp_path: Path) -> Iterator[Service]:
    """A service in which the people of all examples live side by side."""
    with running_service(tmp_path / "service") as service, running_partner(service, tmp_path / "partner"):
        yield service


def _machine(service: Service, seen: Counter[str]) -> type[ReleaseMachine]:
    return type("Machine", (ReleaseMachine,), {"service": service, "seen": seen})


def _run(service: Service) -> Counter[str]:
    seen: Counter[str] = Counter()
    run_state_machine_as_test(
        _machine(service, seen),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return seen


def test_every_promise_holds_in_every_order(lasting: Service) -> None:
    seen = _run(lasting)
    assert lasting.violations() == []
    print(f"{seen.pop('steps')} steps; cases ended {dict(seen.most_common())}")  # noqa: T201 - with -s
    reached = {CaseState.OFFERED, CaseState.IN_REVIEW, CaseState.DELIVERED}
    assert reached <= seen.keys(), "the model comes where something can go wrong"


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
    model = _machine(lasting, Counter())()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(AssertionError) if broken else nullcontext():
        if broken:
            breaks(patch)
        way(model)
        model.nothing_is_read_that_may_not_be()
        model.teardown()
