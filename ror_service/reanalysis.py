"""Which results another knowledge release would change: each stored one against a new one from the same file.

Nothing is kept and no state moves; each reading of a person's file is audited. One sample is in memory at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from interpreters.interpreter import Interpreter
from interpreters.pharmacogenomics.changes import Change, changes
from ror_service import interpretations
from ror_service.audit.log import Actor
from ror_service.context import ServiceContext
from ror_service.errors import ErasedError, NotFoundError, SealError
from ror_service.intake import samples
from ror_service.intake.errors import IntakeError
from ror_service.intake.needs import Needs
from ror_service.sealing import vault
from ror_service.storage import results
from ror_service.storage.tables import InterpretationRow

DRY_RUN = Actor(name="command-line", role="operator", purpose="reanalysis dry run")
_PAGE = 500
"""Cases that are listed at a time."""


@dataclass(frozen=True, slots=True)
class Reanalyzed:
    """What became of one case."""

    case_id: str
    sample_id: str
    changes: tuple[Change, ...] = ()
    problem: str | None = None
    """Code of what kept the file from being read."""
    passed_over: bool = False
    """The participant's standing forbids any use, or what the result rests on is erased: nothing was read."""


def count(context: ServiceContext, module: str) -> int:
    """How many cases of a module rest on an interpretation."""
    with context.transaction(DRY_RUN) as work:
        return results.count_interpreted_cases(work.session, module)


def reanalyze(context: ServiceContext, interpreter: Interpreter, limit: int | None = None) -> Iterator[Reanalyzed]:
    """Compare the current result of every participant with what `interpreter` says of the same file.

    Args:
        context: The service.
        interpreter: Interpreter of the module with another knowledge release.
        limit: Most cases to look at.
    """
    needs = Needs({interpreter.name: interpreter})
    for case_id, interpretation_id in islice(_cases(context, interpreter.name), limit):
        yield _compared(context, interpreter, needs, case_id, interpretation_id)


def _cases(context: ServiceContext, module: str) -> Iterator[tuple[str, str]]:
    """Case and interpretation of every current result, page by page: no transaction stays open meanwhile."""
    last = ""
    while True:
        with context.transaction(DRY_RUN) as work:
            page = results.interpreted_cases(work.session, module, last, _PAGE)
        yield from ((case.case_id, str(case.interpretation_id)) for case in page)
        if len(page) < _PAGE:
            return
        last = page[-1].case_id


def _compared(
    context: ServiceContext, interpreter: Interpreter, needs: Needs, case_id: str, interpretation_id: str
) -> Reanalyzed:
    with context.transaction(DRY_RUN) as work:
        row = results.must_get(work.session, InterpretationRow, interpretation_id)
        try:
            reading = samples.begin_reading(work, context.keys, row.sample_id, context.store)
            before = vault.open_interpretation(work, context.keys, row).interpretation
        except ErasedError:
            reading = None
        except SealError as error:
            return Reanalyzed(case_id, row.sample_id, problem=error.code)
        if reading is None:
            return Reanalyzed(case_id, row.sample_id, passed_over=True)
        work.audit(
            "interpretation.reanalyze", "interpretation", interpretation_id, row.participant_id,
            module=row.module, knowledge_digest=interpreter.knowledge.digest,
        )  # fmt: skip
    try:
        read = context.read_genotypes(reading.file, needs)
    except (IntakeError, NotFoundError, SealError) as error:
        return Reanalyzed(case_id, row.sample_id, problem=str(error.code))
    after = interpretations.interpret(interpreter, reading, read).interpretation
    return Reanalyzed(case_id, row.sample_id, changes(before, after))
