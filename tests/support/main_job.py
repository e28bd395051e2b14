"""The main job with two people, and everything that must be true of it whatever it runs on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from ror_service.errors import ErasedError
from ror_service.sandbox.people import MODULES, PEOPLE
from ror_service.sandbox.programme import RefusedError
from ror_service.sealing import vault
from ror_service.storage import results
from support.stack import TESTER, Stack

if TYPE_CHECKING:
    from pathlib import Path

    from ror_service.sandbox.people import SyntheticPerson


def _named(participant_id: str) -> SyntheticPerson:
    return next(person for person in PEOPLE if person.participant_id == participant_id)


CARRIER = _named("P0002")
"""Carries the BRCA2 variant: review by two, confirmation, disclosure."""
LEAVER = _named("P0010")
"""Needs no review; withdraws after delivery."""
SAYS_YES_TO = {
    CARRIER.participant_id: ("hereditary_risk", "pharmacogenomics"),
    LEAVER.participant_id: ("ancestry", "traits"),
}
"""Who wants to know what; each report takes seconds, so not everybody wants everything."""

_IN_EVERY_REPORT = (
    *("participant.en.html", "participant.en.pdf", "participant.es.html", "participant.es.pdf"),
    "clinician.en.json",
)
FILES = dict.fromkeys(MODULES, _IN_EVERY_REPORT) | dict.fromkeys(
    ("hereditary_risk", "pharmacogenomics"), (*_IN_EVERY_REPORT, "clinician.en.html", "clinician.en.pdf")
)
"""The files of each module's report."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of the main job made."""

    day: date
    """The UTC date on which all of it ran: reports carry it."""
    files: dict[str, bytes]
    """Files that the carrier read."""
    digests: dict[tuple[str, str], str]
    """Participant and module to the digest of the report's bytes."""


def run_main_job(stack: Stack, genomes: dict[str, Path]) -> Outcome:
    """Take both people from the genome center's file to delivery, and one of them out again."""
    day = _today()
    for person in (CARRIER, LEAVER):
        stack.take_in(person, genomes[person.participant_id], SAYS_YES_TO[person.participant_id])
    stack.run_jobs()
    assert stack.progress(CARRIER) == _all("delivered", CARRIER) | {"hereditary_risk": "being_checked"}
    assert stack.progress(LEAVER) == _all("delivered", LEAVER)
    told = list(stack.programme.work_reviews(stack.run_jobs))
    assert [step for step in told if "confirms" in step], "the variant went through confirmation"
    assert stack.progress(CARRIER) == _all("delivered", CARRIER)
    assert len(stack.ledger("accepted")) == len(stack.deliveries()) == sum(map(len, SAYS_YES_TO.values()))
    files = stack.read_all(CARRIER)
    assert set(files) == _files(CARRIER)
    for medicine in CARRIER.own_medicines:
        assert medicine.encode() in files["pharmacogenomics/participant.en.html"]
    assert set(stack.read_all(LEAVER)) == _files(LEAVER)
    _leave(stack)
    assert stack.read_all(CARRIER) == files, "the other person's reports are untouched"
    assert stack.progress(CARRIER) == _all("viewed", CARRIER)
    assert stack.verify_audit().events > 0
    if _today() != day:
        pytest.skip("midnight passed in UTC: the reports carry two dates")
    return Outcome(day, files, stack.content_digests())


def _all(state: str, person: SyntheticPerson) -> dict[str, str]:
    return dict.fromkeys(MODULES, "declined") | dict.fromkeys(SAYS_YES_TO[person.participant_id], state)


def _files(person: SyntheticPerson) -> set[str]:
    return {f"{module}/{name}" for module in SAYS_YES_TO[person.participant_id] for name in FILES[module]}


def _leave(stack: Stack) -> None:
    stack.withdraw(LEAVER)
    reader = stack.programme.participant(LEAVER.participant_id)
    for path in sorted(_files(LEAVER)):
        with pytest.raises(RefusedError):
            reader.read(f"/v1/participants/{LEAVER.participant_id}/results/{path}")
    stack.run_jobs()
    check_left(stack, LEAVER)


def check_left(stack: Stack, person: SyntheticPerson) -> None:
    """Everything that must be true of a person who withdrew: deleted, unreadable, recalled, erased at the partner."""
    cases = stack.cases(person)
    assert {case.state for case in cases} == {"deleted"}
    with stack.context.transaction(TESTER) as work:
        for version in results.versions_of_cases(work.session, [case.case_id for case in cases]):
            for artifact in results.artifacts_of(work.session, version.version_id):
                with pytest.raises(ErasedError):
                    vault.open_artifact(work, stack.context.keys, person.participant_id, version, artifact)
        for row in results.interpretations_of_cases(work.session, [case.case_id for case in cases]):
            with pytest.raises(ErasedError):
                vault.open_interpretation(work, stack.context.keys, row)
    recalled = {entry.delivery_id: entry.sequence for entry in stack.ledger("recalled")}
    own = {delivery.delivery_id for delivery in stack.deliveries() if delivery.participant_id == person.participant_id}
    for entry in stack.ledger("accepted"):
        if entry.delivery_id in own:
            assert recalled[entry.delivery_id] > entry.sequence
    for delivery_id in own:
        assert not stack.partner.opened_folder(delivery_id).exists()


def _today() -> date:
    return datetime.now(UTC).date()
