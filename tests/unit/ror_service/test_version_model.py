"""What the service promises about versions of a report, in any order of events; broken variants are caught."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from support.service import Service, running_partner, running_service
from support.version_model import VersionMachine

from interpreters.changes import FollowUp
from ror_service import cases, evidence, participants, states
from ror_service.amendments import Fault
from ror_service.states import CaseState
from ror_service.storage import results

pytestmark = pytest.mark.no_cover
STEPS = 20
EXAMPLES = int(os.environ.get("ROR_VERSION_STEPS", "160")) // STEPS


@pytest.fixture
def lasting(tmp_path: Path) -> Iterator[Service]:
    """A service in which the people of all examples live side by side."""
    with running_service(tmp_path / "service") as service, running_partner(service, tmp_path / "partner"):
        yield service


def _machine(service: Service, seen: Counter[str]) -> type[VersionMachine]:
    return type("Machine", (VersionMachine,), {"service": service, "seen": seen})


def test_every_promise_holds_in_every_order(lasting: Service) -> None:
    seen: Counter[str] = Counter()
    run_state_machine_as_test(
        _machine(lasting, seen),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"{seen.pop('steps')} steps; versions met {dict(seen.most_common())}")  # noqa: T201 - with -s
    reached = {"original superseded", "original withdrawn", "amended released", "addendum released"}
    assert reached <= seen.keys(), "the model comes where something can go wrong"


def _amended(model: VersionMachine) -> None:
    model.begin("one")
    model.view()
    model.reanalyze("nothing", FollowUp.COUNSELOR_TASK)
    model.sign(report=True, people=2)
    model.work()


def _corrected(model: VersionMachine) -> None:
    model.begin("one")
    model.correct(Fault.WRONG_RULE, "one")
    model.work()


def _ended(model: VersionMachine) -> None:
    model.begin("nothing")
    model.add()
    model.say_no()


def _grown(model: VersionMachine) -> None:
    model.begin("one")
    model.reanalyze("two", FollowUp.REVIEW)
    model.sign(report=True, people=2)
    model.work()


def _everything_counts_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(evidence, "_confirmed", lambda *_: frozenset({"BRCA2", "HFE"}))


def _no_recall(patch: pytest.MonkeyPatch) -> None:
    def closed(work: object, delivery: object, cause: str) -> bool:
        del work, cause
        states.move(states.DELIVERY, delivery, states.DeliveryState.RECALLED)
        return False

    patch.setattr(participants, "order_recall", closed)


def _the_wrong_one_stays(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(participants, "withdraw_versions", lambda *_: 0)


def _what_is_on_its_way_stays(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(results, "amendments_of_cases", lambda *_: [])


def _the_case_stays_viewed(patch: pytest.MonkeyPatch) -> None:
    real = cases.advance

    def advance(work: object, track: object, target: CaseState) -> None:
        if not (target is CaseState.AVAILABLE and track.state == CaseState.VIEWED):
            real(work, track, target)

    patch.setattr(cases, "advance", advance)


BROKEN = [
    (_everything_counts_on, _grown),
    (_no_recall, _corrected),
    (_the_wrong_one_stays, _corrected),
    (_what_is_on_its_way_stays, _ended),
    (_the_case_stays_viewed, _amended),
]
"""What is broken, and a way on which the model meets it."""


@pytest.mark.parametrize(("breaks", "way"), BROKEN)
@pytest.mark.parametrize("broken", [True, False])
def test_a_broken_service_is_caught(
    lasting: Service,
    breaks: Callable[[pytest.MonkeyPatch], None],
    way: Callable[[VersionMachine], None],
    *,
    broken: bool,
) -> None:
    model = _machine(lasting, Counter())()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(AssertionError) if broken else nullcontext():
        if broken:
            breaks(patch)
        way(model)
        model.what_is_read_is_the_one_current_version()
        model.teardown()
