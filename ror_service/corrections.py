"""Correcting a report that was wrong: taken back at once, then its result made again, for people to look at."""

from __future__ import annotations

from ror_service import amendments, interpretations
from ror_service.amendments import Fault
from ror_service.audit.log import Actor
from ror_service.context import ServiceContext
from ror_service.errors import ConflictError
from ror_service.genotypes.store import Genotypes
from ror_service.intake import samples
from ror_service.states import CaseState
from ror_service.storage import participants, results
from ror_service.storage.participants import Lock
from ror_service.storage.tables import AmendmentRow


def correct(
    context: ServiceContext, actor: Actor, participant_id: str, module: str, *, fault: Fault, note: str
) -> None:
    """Take a wrong report back, make its result again with what is installed now, and open a review of it.

    What is read is the participant's newest good sample. Stopped after the first step, it goes on when it is called
    again: nobody can read the wrong report meanwhile.

    Raises:
        NotFoundError: If there is no report, or its file is not in the store.
        ForbiddenError: If the actor is no laboratory director.
        InvalidInputError: If the note is missing.
        ConflictError: If a corrected version is in review already, or the sample cannot be read.
        ror_service.intake.errors.IntakeError: If the file cannot be used.
    """
    with context.transaction(actor) as work:
        amendment_id = amendments.correct(work, context.keys, participant_id, module, fault=fault, note=note)
    interpreter = context.interpreters[module]
    with context.transaction(actor) as work, work.as_service():
        amendment = results.must_get(work.session, AmendmentRow, amendment_id)
        sample_id = str(amendment.sample_id)
        reading = samples.begin_reading(work, context.keys, sample_id, context.store)
        stored = context.genotypes.find(work, sample_id)
        work.audit("interpretation.correct", "amendment", amendment_id, participant_id, module=module)
    if reading is None or reading.held:
        raise ConflictError("the sample cannot be read now; the report is withdrawn, its correction waits: try again")
    if stored is None or not stored.covers([interpreter]):
        found = context.read_genotypes(reading.file)
        genotypes = Genotypes(found.calls, found.sha256)
    else:
        genotypes = stored.genotypes([interpreter])
    interpreted = interpretations.interpret(interpreter, reading, genotypes)
    with context.transaction(actor) as work, work.as_service():
        participants.get(work.session, participant_id, Lock.SHARED)
        amendment = results.must_get(work.session, AmendmentRow, amendment_id, lock=True)
        if CaseState(amendment.state) is CaseState.INTERPRETING:
            due = context.settings.review_due
            made = (reading, genotypes, interpreted)
            interpretations.keep_corrected(work, context.keys, amendment, made, review_due=due)
