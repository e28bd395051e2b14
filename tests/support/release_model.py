"""People, partners, reviewers and crashes in any order, in one process; hypothesis chooses what happens next.

The rules act on the real decision, state tables and protocol, on SQLite or PostgreSQL. What the model itself knows is
small and independent of the code under test: who said what last, and so what nobody may read or receive.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, ClassVar

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import event

from consent.types import Answer, Confirmation, DocumentType, ModuleAnswer, Participation, VitalStatus
from ror_service import identity_cases
from ror_service.errors import ServiceError
from ror_service.intake.qc import Verdict
from ror_service.review.queue import Disposition
from ror_service.sandbox.partner_faults import Fault
from ror_service.sealing import vault
from ror_service.states import CaseState, ReviewState
from ror_service.storage import jobs, results
from ror_service.storage.tables import JobRow
from ror_service.worker.jobs import run_job
from support.partner_in_process import partner_in_process
from support.promises_of_release import keys_live
from support.service import COUNSELOR, DIRECTOR, OPERATOR, POSITIVE, Service, running_service

if TYPE_CHECKING:
    from pathlib import Path

    from ror_service.storage.tables import ReviewCaseRow

PLAIN, HEREDITARY = "traits", "hereditary_risk"
MODULES = (PLAIN, HEREDITARY)
STEPS, EXAMPLES = 100, 50
"""Steps of an example at most, and examples that live side by side in one service."""
FAULTS = (Fault.LOST_ACKNOWLEDGEMENT, Fault.RESET, Fault.GARBAGE, Fault.INTERNAL_ERROR, Fault.WRONG_RECEIPT)
HOW = settings(
    stateful_step_count=STEPS,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)
_people, _suspicions = count(1), count(1)


class Killed(BaseException):
    """The process dies here; no handler of the service catches it."""


@contextmanager
def killed(service: Service, at: int | None) -> Iterator[None]:
    """End what runs here with its statement number `at`, if it comes so far; uncommitted work is lost."""
    left = count(0)

    def statement(*_: object) -> None:
        if next(left) == at:
            raise Killed

    engine = service.context.engine
    event.listen(engine, "before_cursor_execute", statement)
    try:
        yield
    except Killed:
        pass
    finally:
        event.remove(engine, "before_cursor_execute", statement)


@dataclass
class Known:
    """What the model knows of a person, from what was said alone: preconditions look at nothing else.

    (Identifiers are drawn at random by the service, so two runs may take jobs in another order.)
    """

    consent: Answer = Answer.YES
    modules: dict[str, ModuleAnswer] = field(default_factory=dict)
    participation: Participation = Participation.ACTIVE
    vital_status: VitalStatus = VitalStatus.ALIVE
    suspicion: str = ""
    """The open identity case."""
    interpreted: set[str] = field(default_factory=set)
    """Modules of which there ever was a result: of others nothing can be read."""
    disclosed: bool = False
    sampled: bool = False

    def may_receive(self, module: str) -> bool:
        """Whether a result of the module may reach the person, if all else is well."""
        return (
            self.consent is Answer.YES
            and self.modules.get(module) is ModuleAnswer.YES
            # Who is deactivated is left alone; what was chosen before still waits to be read.
            and self.participation in {Participation.ACTIVE, Participation.DEACTIVATED}
            and self.vital_status is VitalStatus.ALIVE
            and not self.suspicion
            and (module != HEREDITARY or self.disclosed)
        )


class ReleaseMachine(RuleBasedStateMachine):
    """One person at a time in a service that lives on; other examples' people stay where they are."""

    service: ClassVar[Service]
    seen: ClassVar[Counter[str]]
    """Steps, and how often each state of a case was met at the end of an example."""

    def __init__(self) -> None:
        super().__init__()
        self.person = f"P-{next(_people):06}"
        self.known = Known()
        service = self.service
        service.partner.faults.clear()
        service.register(self.person)
        for document in (DocumentType.PRIMARY, DocumentType.RETURN_OF_RESULTS):
            service.consent(document=document, participant_id=self.person)

    @initialize(far=st.sampled_from(["enrolled", "plain", "positive", "disclosed", "delivered"]))
    def begin(self, far: str) -> None:
        """Begin where something can go wrong: with a report under way, a candidate in review, or one disclosed."""
        if far == "enrolled":
            return
        module = PLAIN if far in {"plain", "delivered"} else HEREDITARY
        self.choose(module, ModuleAnswer.YES)
        self.sample(Verdict.PASS)
        self.interpret(module)
        if far == "disclosed":
            self.sign(COUNSELOR)
            self.sign(DIRECTOR)
            self.confirm(Confirmation.CONCORDANT)
            self.disclose()
        if far in {"delivered", "disclosed"}:
            self.work(None)
            self.work(None)

    # --- The person

    @rule(module=st.sampled_from(MODULES), answer=st.sampled_from([*[ModuleAnswer.YES] * 5, *ModuleAnswer]))
    def choose(self, module: str, answer: ModuleAnswer) -> None:
        self.service.clock.advance(minutes=1)
        self.service.choose(answer, module, self.person)
        self.known.modules[module] = answer
        self.known.disclosed &= module != HEREDITARY or answer is ModuleAnswer.YES
        self._told()

    @rule(answer=st.sampled_from([*[Answer.YES] * 5, *Answer]))
    def consent(self, answer: Answer) -> None:
        self.service.clock.advance(minutes=1)
        self.service.consent(answer, participant_id=self.person)
        self.known.consent = answer
        self.known.disclosed &= answer is Answer.YES
        self._told()

    @rule(status=st.sampled_from([VitalStatus.DEATH_REPORTED, VitalStatus.ALIVE]))
    def vital_status(self, status: VitalStatus) -> None:
        self.service.standing(self.person, vital_status=status)
        self.known.vital_status = status
        self._told()

    @precondition(lambda self: self.known.participation is not Participation.WITHDRAWN)
    @rule(participation=st.sampled_from([*[Participation.ACTIVE] * 5, *Participation]))
    def participation(self, participation: Participation) -> None:
        self.service.standing(self.person, participation=participation)
        self.known.participation = participation
        self._told()

    # --- The laboratory, the reviewers, the operator

    @precondition(lambda self: not self.known.sampled)
    @rule(verdict=st.sampled_from([Verdict.PASS, Verdict.PASS, Verdict.HOLD]))
    def sample(self, verdict: Verdict) -> None:
        self.known.sampled = True
        self._or_no(lambda: self.service.sample(self.person, verdict=verdict))

    @precondition(lambda self: self.known.sampled)
    @rule(module=st.sampled_from(MODULES))
    def interpret(self, module: str) -> None:
        case = self._case(module)
        if case is not None and CaseState(case.state) is CaseState.ACCEPTED and case.sample_id is not None:
            self._or_no(lambda: self.service.found(POSITIVE if module == HEREDITARY else module, self.person))
            self.known.interpreted.add(module)

    @precondition(lambda self: HEREDITARY in self.known.interpreted)
    @rule(signer=st.sampled_from([COUNSELOR, DIRECTOR]))
    def sign(self, signer: object) -> None:
        review = self._review()
        if review is not None:
            self._or_no(lambda: self.service.sign(review.review_id, signer, Disposition.REPORT))

    @precondition(lambda self: HEREDITARY in self.known.interpreted)
    @rule(outcome=st.sampled_from([*Confirmation, Confirmation.CONCORDANT]))
    def confirm(self, outcome: Confirmation) -> None:
        review = self._review(open_only=False)
        if review is not None:
            self._or_no(lambda: self.service.confirm(review.review_id, outcome))

    @precondition(lambda self: HEREDITARY in self.known.interpreted and not self.known.disclosed)
    @rule()
    def disclose(self) -> None:
        case = self._case(HEREDITARY)
        if case is not None and self._or_no(lambda: self.service.disclose(case.case_id)):
            self.known.disclosed = True
            self._told()

    @precondition(lambda self: not self.known.suspicion)
    @rule()
    def suspect(self) -> None:
        self.known.suspicion = f"identity-{next(_suspicions)}"
        self.service.identity_case(self.person, identity_case_id=self.known.suspicion)
        self._told()

    @precondition(lambda self: self.known.suspicion)
    @rule()
    def exonerate(self) -> None:
        with self.service.work(DIRECTOR) as work:
            identity_cases.resolve(work, self.known.suspicion, "looked at tubes and plates")
        self.known.suspicion = ""
        self._told()

    @rule(now=st.sampled_from([True, False, False, False]))
    def rotate_keys(self, *, now: bool) -> None:
        if not now:  # a rotation takes longer than three other steps
            return
        self.service.context.keys.rotate()
        with self.service.work(OPERATOR) as work:
            vault.rewrap_keys(work, self.service.context.keys, limit=1000)

    # --- Time, workers, the partner

    @rule(fault=st.sampled_from(FAULTS))
    def partner_fails(self, fault: Fault) -> None:
        self.service.partner.faults.next(fault)

    @rule(hours=st.sampled_from([0.01, 1, 5]))
    def time_passes(self, hours: float) -> None:
        self.service.clock.advance(hours=hours)
        self.work(None)

    @rule(killed_at=st.none() | st.none() | st.integers(0, 60))
    def work(self, killed_at: int | None) -> None:
        with self.service.work() as work:
            due = [job.job_id for job in jobs.open_jobs(work.session) if job.available_at <= work.at]
        for job_id in due:
            with killed(self.service, killed_at):
                run_job(self.service.context, job_id)

    # --- What must hold

    @invariant()
    def nothing_is_read_that_may_not_be(self) -> None:
        self.seen["steps"] += 1
        for module in self.known.interpreted:
            if not self.known.may_receive(module):
                read = partial(self.service.read, module, participant_id=self.person)
                assert not self._or_no(read), module

    def teardown(self) -> None:
        # In the end the partner works again: what it is owed must then come to an end in a few tries.
        self.service.partner.faults.clear()
        for _ in range(4):
            if not self._undone():
                break
            self.service.clock.advance(hours=5)
            self.service.run_jobs()
        broken = self.service.violations(self.person)
        assert broken == [], broken
        if self.known.participation is Participation.WITHDRAWN:
            assert not keys_live(self.service, self.person), "a key of somebody who withdrew"
        assert self._undone() == []
        for module in MODULES:
            case = self._case(module)
            self.seen["" if case is None else case.state] += 1
            waits = case is not None and CaseState(case.state) is CaseState.AVAILABLE
            if waits and self.known.may_receive(module):
                raise AssertionError("available, consented and never delivered")

    # --- Helpers

    def _undone(self) -> list[str]:
        return [row.task for row in self.service.rows(JobRow, JobRow.done_at.is_(None), JobRow.dead_at.is_(None))]

    def _told(self) -> None:
        """From now on nothing more may be accepted by the partner, or again it may."""
        if any(self.known.may_receive(module) for module in MODULES):
            self.service.forbidden_after.pop(self.person, None)
        else:
            self.service.forbidden_after.setdefault(self.person, self.service.last_entry())

    def _or_no(self, act: Callable[[], object]) -> bool:
        """Whether the service did it; a refusal is a way to say no, anything else a fault."""
        try:
            act()
        except ServiceError as error:
            if error.code == "internal":
                raise
            return False
        return True

    def _case(self, module: str):  # noqa: ANN202
        with self.service.work() as work:
            return results.current_case(work.session, self.person, module)

    def _review(self, *, open_only: bool = True) -> ReviewCaseRow | None:
        with self.service.work() as work:
            case = results.current_case(work.session, self.person, HEREDITARY)
            review = None if case is None else results.review_of(work.session, case.case_id)
        closed = review is not None and ReviewState(review.state) is ReviewState.CLOSED
        return None if open_only and closed else review


def machine(service: Service, seen: Counter[str]) -> type[ReleaseMachine]:
    """The model over a service; it counts in `seen`."""
    return type("Machine", (ReleaseMachine,), {"service": service, "seen": seen})


def play(
    folder: Path,
    steps: int,
    seed_of_all: int,
    opened: Callable[[Path], AbstractContextManager[Service]] = running_service,
) -> Counter[str]:
    """Play so many steps at least, in services that each see some thousand; what was seen.

    Args:
        folder: Where the services are.
        steps: How many.
        seed_of_all: Chooses the steps.
        opened: Begins a service in a folder; each has a database of its own.

    Raises:
        AssertionError: If a promise was broken; hypothesis shows the shortest way to it.
    """
    seen: Counter[str] = Counter()
    for number in count():
        if seen["steps"] >= steps:
            return seen
        place = folder / f"{seed_of_all}-{number}"
        with opened(place / "service") as service, partner_in_process(service, place / "partner"):
            played = seed(1000 * seed_of_all + number)(machine(service, seen))
            examples = min(EXAMPLES, 1 + (steps - seen["steps"]) // STEPS)
            run_state_machine_as_test(played, settings=settings(HOW, max_examples=examples))
            broken = service.violations()
            assert broken == [], broken
    raise AssertionError
