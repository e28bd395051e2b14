"""Which results another knowledge release would change: each stored one against a new one from the same genotypes.

The genotypes are those that were stored when the file was read; where these do not cover what the release needs, the
file is read again. Each reading of a person's genotypes is audited, and one sample is in memory at a time. Nothing is
ever released. A dry run keeps nothing; else, where a change asks people to act, one transaction keeps the new
interpretation and a review of it. What is compared is always the newest interpretation of a case, so that a second run
finds nothing new.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import islice

from interpreters.changes import Change, FollowUp
from interpreters.findings import Interpretation
from interpreters.interpreter import Interpreter, TellsChanges
from ror_service import cases, interpretations
from ror_service.audit.log import Actor
from ror_service.context import ServiceContext
from ror_service.errors import ErasedError, InvalidInputError, KnowledgeUnavailableError, NotFoundError, SealError
from ror_service.genotypes.store import Genotypes, Stored
from ror_service.intake import samples
from ror_service.intake.errors import IntakeError
from ror_service.intake.needs import Needs
from ror_service.intake.samples import Reading
from ror_service.review import queue
from ror_service.review.triage import findings_under_review
from ror_service.sealing import vault
from ror_service.states import CaseState
from ror_service.storage import results
from ror_service.storage.tables import ResultCaseRow

DRY_RUN = Actor(name="command-line", role="service", purpose="reanalysis dry run")
REANALYSIS = Actor(name="command-line", role="service", purpose="reanalysis")
_PAGE = 500
"""Cases that are listed at a time."""


@dataclass(frozen=True, slots=True)
class Reanalyzed:
    """What became of one case."""

    case_id: str
    sample_id: str
    changes: tuple[Change, ...] = ()
    problem: str | None = None
    """Code of what kept the file from being read, or the results from being compared."""
    passed_over: bool = False
    """The participant's standing or answers forbid it, or what the result rests on is erased or moved on meanwhile:
    nothing was read, or nothing kept of what was."""
    follow_ups: frozenset[FollowUp] = frozenset()
    """What people must do; a finding that they had decided not to report asks for nothing when it loses its support."""
    to_amend: bool = False
    """People must act, and a report was returned: it stays as it is until they let an amended one take its place."""
    opened: bool = False
    """A review was opened."""
    from_file: bool = False
    """The file was, or had to be, read again: nothing is stored of the sample, or not all that is needed now."""


@dataclass(frozen=True, slots=True)
class _Compared:
    """The newest interpretation of a case, with what is needed to make it again."""

    interpretation_id: str
    said: Interpretation
    not_reported: frozenset[str]
    """Genes whose finding people decided not to report."""
    reading: Reading
    stored: Stored | None
    returned: bool


def count(context: ServiceContext, module: str) -> int:
    """How many cases of a module rest on an interpretation."""
    with context.transaction(DRY_RUN) as work:
        return results.count_interpreted_cases(work.session, module)


def reanalyze(
    context: ServiceContext, interpreter: Interpreter, limit: int | None = None, *, dry_run: bool = True
) -> Iterator[Reanalyzed]:
    """Compare the newest result of every participant with what `interpreter` says of the same file.

    Args:
        context: The service.
        interpreter: Interpreter of the module with another knowledge release.
        limit: Most cases to look at.
        dry_run: Keep nothing.

    Raises:
        InvalidInputError: If the interpreter cannot tell changes.
    """
    if not isinstance(interpreter, TellsChanges):
        raise InvalidInputError(f"the installed {interpreter.name} interpreter tells no changes between results")
    run = _Run(context, interpreter, interpreter, dry_run=dry_run)
    return map(run.case, islice(run.cases(), limit))


class _Run:
    """One run over all cases of a module."""

    def __init__(
        self, context: ServiceContext, interpreter: Interpreter, teller: TellsChanges, *, dry_run: bool
    ) -> None:
        self.context, self.interpreter, self.teller, self.dry_run = context, interpreter, teller, dry_run
        self.actor = DRY_RUN if dry_run else REANALYSIS
        self.needs = Needs({interpreter.name: interpreter}, context.fingerprints.panel)

    def cases(self) -> Iterator[ResultCaseRow]:
        """Every current result, page by page: no transaction stays open meanwhile."""
        last = ""
        while True:
            with self.context.transaction(self.actor) as work:
                page = results.interpreted_cases(work.session, self.interpreter.name, last, _PAGE)
            yield from page
            if len(page) < _PAGE:
                return
            last = page[-1].case_id

    def case(self, case: ResultCaseRow) -> Reanalyzed:
        """Make the result of one case again and tell, or keep, what differs."""
        done = partial(Reanalyzed, case.case_id, str(case.sample_id))
        try:
            compared = self._opened(case.case_id)
            if compared is None:
                return done(passed_over=True)
            stored = compared.stored
            from_file = stored is None or not stored.covers([self.interpreter])
            done = partial(done, from_file=from_file)
            if stored is None or from_file:
                found = self.context.read_genotypes(compared.reading.file, self.needs)
                read = Genotypes(found.calls, found.sha256)
                self._renew(compared.reading.sample_id)
            else:
                read = stored.genotypes([self.interpreter])
            interpreted = interpretations.interpret(self.interpreter, compared.reading, read)
            earlier = partial(self.context.knowledge_of, compared.said)
            changes = self.teller.changes(compared.said, interpreted.interpretation, earlier)
        except (IntakeError, NotFoundError, SealError, KnowledgeUnavailableError) as error:
            return done(problem=str(error.code))
        due = self._due(changes, compared.not_reported)
        done = partial(done, changes=changes, follow_ups=frozenset(due), to_amend=bool(due) and compared.returned)
        if self.dry_run or not due:
            return done()
        with self.context.transaction(self.actor) as work:
            kept = interpretations.keep_again(
                work, self.context.keys, case.case_id, (compared.reading, read, interpreted),
                since=compared.interpretation_id, due=due,
            )  # fmt: skip
        return done(opened=True) if kept else done(passed_over=True)

    def _renew(self, sample_id: str) -> None:
        """Let what is stored of a sample be made again, if the installed interpreters need more than it holds."""
        if not self.dry_run:
            with self.context.transaction(self.actor) as work:
                work.enqueue("extract_sample", sample_id, backfill=True)

    def _opened(self, case_id: str) -> _Compared | None:
        """Open what a case rests on, with its audit event; None where nothing may or can be opened."""
        with self.context.transaction(self.actor) as work:
            case = results.must_get(work.session, ResultCaseRow, case_id)
            if not cases.may_be_reanalyzed(work, case):
                return None
            row = results.interpretations_of_cases(work.session, [case_id])[0]
            try:
                reading = samples.begin_reading(work, self.context.keys, row.sample_id, self.context.store)
                stored = self.context.genotypes.find(work, row.sample_id)
                said = vault.open_interpretation(work, self.context.keys, row).interpretation
            except ErasedError:
                return None
            if reading is None:
                return None
            # Named by what its report rests on, as in the participant's own access log.
            work.audit(
                "interpretation.reanalyze", "interpretation", str(case.interpretation_id), case.participant_id,
                module=case.module, knowledge_digest=self.interpreter.knowledge.digest,
            )  # fmt: skip
            return _Compared(
                interpretation_id=row.interpretation_id,
                said=said,
                not_reported=queue.not_reported(work, row.interpretation_id, findings_under_review(said)),
                reading=reading,
                stored=stored,
                returned=CaseState(case.state) in cases.RETURNED,
            )

    def _due(self, changes: tuple[Change, ...], not_reported: frozenset[str]) -> dict[FollowUp, timedelta]:
        """What people must do, and within which time."""
        settings = self.context.settings
        within = {FollowUp.REVIEW: settings.review_due, FollowUp.COUNSELOR_TASK: settings.downgrade_due}
        asked = {
            change.follow_up
            for change in changes
            if change.follow_up is FollowUp.REVIEW
            or (change.follow_up is FollowUp.COUNSELOR_TASK and change.gene not in not_reported)
        }
        return {follow_up: time for follow_up, time in within.items() if follow_up in asked}
