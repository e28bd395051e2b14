"""What happens to a report after it was returned, in any order; hypothesis chooses what comes next.

The rules act on the real service with a real partner, on SQLite. What the model itself knows is small and independent
of the code under test: which findings a counselor told, and whether the person still wants to know.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from types import SimpleNamespace
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from consent.types import Answer, Confirmation, DocumentType
from interpreters.changes import FollowUp
from interpreters.findings import HereditaryFinding, Interpretation
from interpreters.genotypes import Build
from ror_service import amendments, identity_cases, interpretations, reports
from ror_service.amendments import Added, Fault
from ror_service.delivery.client import LedgerEvent
from ror_service.errors import ServiceError
from ror_service.review import queue
from ror_service.review.queue import Disposition
from ror_service.review.triage import findings_under_review
from ror_service.sealing import vault
from ror_service.sealing.vault import Interpreted
from ror_service.states import CaseState, ReviewState, VersionState
from ror_service.storage import results
from ror_service.storage.tables import AmendmentRow, DeliveryRow, InterpretationRow, ReviewCaseRow, ViewEventRow
from ror_service.work import Work
from support import reports as contents
from support.service import (
    COUNSELOR,
    DIRECTOR,
    FILES,
    INTERPRETATIONS,
    PIPELINE,
    POSITIVE,
    READER,
    TWO_POSITIVE,
    Service,
)

MODULE = "hereditary_risk"
FOUND = {"nothing": INTERPRETATIONS[MODULE], "one": POSITIVE, "two": TWO_POSITIVE}
WEEK = timedelta(days=7)
NOTE = {"en": "We looked again.", "es": "Volvimos a mirar."}
Findings = frozenset[str]
_people, _suspicions = count(1), count(1)


class VersionMachine(RuleBasedStateMachine):
    """One person at a time, whose first report is there, in a service that lives on."""

    service: ClassVar[Service]
    seen: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self.person = f"P-{next(_people):06}"
        self.told: set[str] = set()
        """Genes of which a counselor told the person."""
        self.wanted = True
        self.suspicion = ""
        self.views: set[str] = set()
        self.wrong: set[str] = set()
        """Versions that somebody said are wrong."""
        self.service.partner.faults.clear()

    @initialize(start=st.sampled_from([("two", "one"), ("one", "two"), ("one", "nothing"), ("nothing", None)]))
    def start(self, start: tuple[str, str | None]) -> None:
        self.begin(*start)

    def begin(self, first: str, then: str | None = None) -> None:
        """Begin with a report that arrived, and often with a next version of it that two people signed."""
        service = self.service
        service.enroll(self.person, [MODULE])
        service.sample(self.person)
        service.found(FOUND[first], self.person)
        if first != "nothing":
            self.sign(report=True, people=2)
            self.confirm(Confirmation.CONCORDANT)
            self.disclose()
        self.work()
        assert service.state(MODULE, self.person) is CaseState.DELIVERED
        if then is not None:
            self.reanalyze(then, FollowUp.REVIEW)
            self.sign(report=True, people=2)
            self.work()

    # --- New knowledge, and those who review it

    @rule(found=st.sampled_from(sorted(FOUND)), follow_up=st.sampled_from(FollowUp))
    def reanalyze(self, found: str, follow_up: FollowUp) -> None:
        self.service.clock.advance(minutes=1)
        with self.service.work(PIPELINE) as work:
            case = results.current_case(work.session, self.person, MODULE)
            newest = results.interpretations_of_cases(work.session, [case.case_id])[0]
            interpretations.keep_again(
                work, self.service.context.keys, case.case_id, self._made(FOUND[found]),
                since=newest.interpretation_id, due={follow_up: WEEK},
            )  # fmt: skip

    @rule(report=st.booleans(), people=st.sampled_from([1, 2, 2]))
    def sign(self, *, report: bool, people: int) -> None:
        for _ in range(people):
            self._sign(report=report)

    def _sign(self, *, report: bool) -> None:
        review = self._review()
        if review is None or ReviewState(review.state) not in queue.OPEN_STATES:
            return
        with self.service.work() as work:
            signed = {row.signer for row in results.sign_offs(work.session, review.review_id)}
            row = results.must_get(work.session, InterpretationRow, review.interpretation_id)
            if not self.wanted:
                return
            number = len(findings_under_review(self._opened(work, row)))
        choice = [Disposition.REPORT if report else Disposition.DO_NOT_REPORT] * number
        signer = DIRECTOR if COUNSELOR.name in signed else COUNSELOR
        self._or_no(lambda: self.service.sign_evidence(review.review_id, signer, *choice))

    @rule(outcome=st.sampled_from([*Confirmation, Confirmation.CONCORDANT]))
    def confirm(self, outcome: Confirmation) -> None:
        review = self._review()
        if review is not None:
            self._or_no(lambda: self.service.confirm(review.review_id, outcome))

    @rule()
    def disclose(self) -> None:
        with self.service.work() as work:
            case = results.current_case(work.session, self.person, MODULE)
            on_its_way = results.open_amendment(work.session, case.case_id)
            interpretation_id = (on_its_way or case).interpretation_id
            told = self._reported(work, interpretation_id) if interpretation_id and self.wanted else frozenset()
        if self._or_no(lambda: self.service.disclose(case.case_id)):
            self.told |= told

    # --- Those who answer for the report

    @rule(fault=st.sampled_from(Fault), found=st.sampled_from(sorted(FOUND)))
    def correct(self, fault: Fault, found: str) -> None:
        def act() -> None:
            with self.service.work(DIRECTOR) as work:
                name = amendments.correct(
                    work, self.service.context.keys, self.person, MODULE, fault=fault, note="wrong"
                )
                with work.as_service():  # as `corrections.correct` does
                    amendment = results.must_get(work.session, AmendmentRow, name)
                    made = self._made(FOUND[found])
                    interpretations.keep_corrected(work, self.service.context.keys, amendment, made, review_due=WEEK)

        self._was_wrong(act)

    @rule(fault=st.sampled_from(Fault))
    def take_back(self, fault: Fault) -> None:
        def act() -> None:
            with self.service.work(DIRECTOR) as work:
                amendments.withdraw(work, self.service.context.keys, self.person, MODULE, fault=fault, note="wrong")

        self._was_wrong(act)

    def _was_wrong(self, act: Callable[[], None]) -> None:
        with self.service.work() as work:
            case = results.current_case(work.session, self.person, MODULE)
            before = {version.version_id for version in results.report_versions_of_case(work.session, case.case_id)}
        if self._or_no(act):
            self.wrong |= before
            # What was said was wrong: the counselor has to tell anew.
            self.told.clear()

    @rule()
    def add(self) -> None:
        def act() -> None:
            with self.service.work(COUNSELOR) as work:
                amendments.add(
                    work, self.service.context.keys, self.person, MODULE, what=Added.NOTE, note="asked", text=NOTE
                )

        self._or_no(act)

    # --- The person, time, workers

    @rule()
    def view(self) -> None:
        version_id = self._read()
        if version_id is not None:
            with self.service.work(READER) as work:
                reports.viewed(work, version_id, f"view-{self.person}-{len(self.views)}-{version_id}", "service")
            self.views.add(version_id)

    @precondition(lambda self: self.wanted)
    @rule()
    def say_no(self) -> None:
        self.service.clock.advance(minutes=1)
        self.service.consent(Answer.NO, DocumentType.RETURN_OF_RESULTS, self.person)
        self.wanted = False
        self.service.forbidden_after[self.person] = self.service.last_entry()

    @precondition(lambda self: not self.suspicion)
    @rule()
    def suspect(self) -> None:
        self.suspicion = f"suspicion-{next(_suspicions)}"
        self.service.identity_case(self.person, identity_case_id=self.suspicion)

    @precondition(lambda self: self.suspicion)
    @rule()
    def exonerate(self) -> None:
        with self.service.work(DIRECTOR) as work:
            identity_cases.resolve(work, self.suspicion, "looked at tubes")
        self.suspicion = ""

    @rule()
    def work(self) -> None:
        self.service.run_jobs()

    # --- What must hold

    @invariant()
    def what_is_read_is_the_one_current_version(self) -> None:
        self.seen["steps"] += 1
        version_id = self._read()
        with self.service.work() as work:
            case = results.current_case(work.session, self.person, MODULE)
            if case is None:
                return
            versions = results.report_versions_of_case(work.session, case.case_id)
            released = [version for version in versions if version.state == VersionState.RELEASED]
            self.seen.update(f"{version.kind} {version.state}" for version in versions)
            assert len(released) <= 1, "at most one is released"
            withdrawn = {version.version_id for version in versions if version.state == VersionState.WITHDRAWN}
            assert self.wrong <= withdrawn, "what was wrong is still there"
            if not self.wanted:
                assert not released, "everything ends with the yes"
                assert results.open_amendment(work.session, case.case_id) is None
            if version_id is not None:
                assert self.wanted, "read after a no"
                assert not self.suspicion, "read while it may be another's"
                assert version_id == versions[-1].version_id == released[0].version_id, "an older one was read"
                said = self._reported(work, versions[-1].interpretation_id)
                assert said <= self.told, "read before a counselor told of it"
            if case.state == CaseState.VIEWED:
                seen = {view.version_id for view in work.session.query(ViewEventRow)}
                assert released[0].version_id in seen, "a view of another version"

    def teardown(self) -> None:
        if self.suspicion:
            self.exonerate()
        self.work()
        self.what_is_read_is_the_one_current_version()
        entries = self.service.partner.ledger.entries()
        accepted = {entry.delivery_id for entry in entries if entry.event is LedgerEvent.ACCEPTED}
        recalled = {entry.delivery_id for entry in entries if entry.event is LedgerEvent.RECALLED}
        with self.service.work() as work:
            case = results.current_case(work.session, self.person, MODULE)
            states = {row.version_id: row.state for row in results.report_versions_of_case(work.session, case.case_id)}
            for delivery in work.session.query(DeliveryRow).filter_by(participant_id=self.person):
                if states.get(delivery.version_id) == VersionState.WITHDRAWN and delivery.delivery_id in accepted:
                    assert delivery.delivery_id in recalled, "delivered, withdrawn and not recalled"
        broken = self.service.violations(self.person)
        assert broken == [], broken

    # --- Helpers

    def _read(self) -> str | None:
        try:
            with self.service.work(READER) as work:
                return reports.read(work, self.service.context.keys, self.person, MODULE, FILES[0]).version_id
        except ServiceError as error:
            if error.code == "internal":
                raise
            return None

    def _or_no(self, act: Callable[[], object]) -> bool:
        try:
            act()
        except ServiceError as error:
            if error.code == "internal":
                raise
            return False
        return True

    def _review(self) -> ReviewCaseRow | None:
        """The newest review."""
        with self.service.work() as work:
            case = results.current_case(work.session, self.person, MODULE)
            found = work.session.query(ReviewCaseRow).filter_by(case_id=case.case_id)
            return max(found, key=lambda row: (row.created_at, row.state != "closed"), default=None)

    def _made(self, interpretation: Interpretation) -> tuple[object, object, Interpreted]:
        reading = SimpleNamespace(
            sample_id=f"sample-of-{self.person}", participant_id=self.person, backfill=False, held=False
        )
        interpreted = Interpreted(interpretation, Build.GRCH38, contents.SOURCES[MODULE])
        return reading, SimpleNamespace(sha256="a" * 64), interpreted

    def _opened(self, work: Work, row: InterpretationRow) -> Interpretation:
        return vault.open_interpretation(work, self.service.context.keys, row).interpretation

    def _reported(self, work: Work, interpretation_id: str) -> Findings:
        """Genes whose finding the signers of an interpretation want reported."""
        row = results.must_get(work.session, InterpretationRow, interpretation_id)
        found = findings_under_review(self._opened(work, row))
        review = results.review_about(work.session, interpretation_id)
        signed = [] if review is None else results.sign_offs(work.session, review.review_id)
        if not signed:
            return frozenset()
        return frozenset(
            finding.gene
            for finding, choice in queue.decided(found, signed)
            if choice is Disposition.REPORT and isinstance(finding, HereditaryFinding)
        )
