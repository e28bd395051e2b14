"""The main job on the embedded default, from the genome center's file to the recalled report, with real HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from consent.types import ModuleAnswer
from interpreters.findings import (
    AncestryFinding,
    GeneAssessment,
    GeneStatus,
    Interpretation,
    PharmacogenomicFinding,
    TraitFinding,
)
from report_templates.content import Audience
from report_templates.render import audiences
from ror_service.api.app import create_app
from ror_service.api.tokens import EmbeddedIssuer
from ror_service.audit import log
from ror_service.audit.log import Actor, Verification
from ror_service.context import ServiceContext
from ror_service.delivery.client import LedgerEntry
from ror_service.errors import ErasedError
from ror_service.interchange.bundle import FILE
from ror_service.sandbox.genomes import GenomeWriter
from ror_service.sandbox.partner import SandboxPartner
from ror_service.sandbox.partner_server import LoopbackServer
from ror_service.sandbox.people import DELIVERED, MODULES, SyntheticPerson
from ror_service.sandbox.programme import Json, RefusedError, SyntheticProgramme
from ror_service.sealing import vault
from ror_service.settings import Settings
from ror_service.states import CaseState
from ror_service.storage import migrations, organizations, participants, results
from ror_service.storage.tables import InterpretationRow, ReportVersionRow
from ror_service.work import Work
from ror_service.worker import relay
from ror_service.worker.celery_app import make_app

Say = Callable[[str], None]
_DEMONSTRATION = Actor(name="demonstration", role="operator", purpose="demonstration")
_SENT = {CaseState.DELIVERED.value, CaseState.VIEWED.value}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the closing table."""

    participant_id: str
    module: str
    outcome: str
    reason: str
    versions: str
    seconds: float
    as_expected: bool


class Demonstration:
    """A whole programme in one process: service, partner, people. A context manager.

    Args:
        folder: Everything is kept below it.
        say: Told of every step.
    """

    def __init__(self, folder: Path, say: Say) -> None:
        self.folder = folder
        self._say = say
        self._context = ServiceContext(Settings(home=folder / "service", programme_name="Demonstration Programme"))
        migrations.upgrade(self._context.engine)
        sender = self._context.sender.signer
        self._partner = SandboxPartner(folder / "partner", senders={sender.key_id: sender.public_key}, keep_opened=True)
        self._api = LoopbackServer()
        issuer = EmbeddedIssuer(self._context.settings)
        self.programme = SyntheticProgramme(self._api.base_url, issuer.issue)
        self._jobs = make_app(self._context)
        self._seconds: dict[str, float] = {}
        self.failures: list[str] = []
        """Expectations that did not hold."""

    def __enter__(self) -> Self:
        self._partner.start()
        with self._context.transaction(_DEMONSTRATION) as work:
            document = self._partner.registration.to_document()
            organizations.register_partner(work.session, document["partner_id"], document, work.at)
        self._api.start(create_app(self._context))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.programme.close()
        self._api.close()
        self._partner.close()
        self._context.close()

    def run_jobs(self) -> None:
        """Run everything that is due, in this process."""
        relay.drain(self._context, self._jobs)

    def take_in(self, person: SyntheticPerson, file: Path) -> None:
        """Enroll a person, record what the person says, submit the sample, and run what can run without people."""
        started = time.perf_counter()
        self._say(f"{person.participant_id}: {person.story}")
        self.programme.enroll(
            person.participant_id,
            language=person.language,
            birth_date=person.birth_date,
            sex=person.declared_sex,
        )
        for module in MODULES:
            answer = person.answers.get(module, ModuleAnswer.YES)
            self.programme.choose(person.participant_id, module, answer)
        if person.own_medicines:
            self.programme.enter_medicines(person.participant_id, person.own_medicines)
        self.programme.submit(person.participant_id, file, sex=person.declared_sex)
        self.run_jobs()
        self._seconds[person.participant_id] = time.perf_counter() - started
        self._say(f"    {_in_words(self._progress(person))}")

    def write_genomes(self, people: Sequence[SyntheticPerson]) -> dict[str, Path]:
        """Make every synthetic genome."""
        writer, files = GenomeWriter(), {}
        folder = self.folder / "genome-center"
        folder.mkdir(parents=True, exist_ok=True)
        for number, person in enumerate(people, 1):
            files[person.participant_id] = folder / f"{person.participant_id}.g.vcf.gz"
            writer.write(person.genome, files[person.participant_id], seed=number)
            self._say(f"wrote the genome of {person.participant_id}")
        return files

    def table(self, people: Sequence[SyntheticPerson]) -> list[Line]:
        """What became of every result, against what was expected."""
        lines = []
        for person in people:
            for row in self._progress(person):
                lines.append(self._line(person, row["module"], row["state"], row["waiting_for"]))
                whole = not row["readable"] or set(row["files"]) == _files(row["module"])
                self._expect(whole, f"{person.participant_id} {row['module']}: a file for every reader")
        self.failures += [
            f"{line.participant_id} {line.module}: {line.outcome}" for line in lines if not line.as_expected
        ]
        return lines

    def what_was_read(self, person: SyntheticPerson) -> list[str]:
        """For each module, in a line, what of the file could be read and what could not, and why."""
        said = []
        with self._context.transaction(_DEMONSTRATION) as work:
            for case in results.cases_of(work.session, person.participant_id):
                if case.interpretation_id is not None:
                    row = results.must_get(work.session, InterpretationRow, case.interpretation_id)
                    opened = vault.open_interpretation(work, self._context.keys, row)
                    said.append(f"{case.module}: {coverage(opened.interpretation)}")
            work.audit("demonstration.read", "participant", person.participant_id, person.participant_id)
        return said

    def read_everything(self, person: SyntheticPerson) -> Path:
        """The person opens every file of every report. Returns the folder of copies."""
        folder = self.folder / "opened" / person.participant_id
        folder.mkdir(parents=True, exist_ok=True)
        reader = self.programme.participant(person.participant_id)
        base = f"/v1/participants/{person.participant_id}/results"
        for row in self._progress(person):
            for name in row["files"]:
                content = reader.read(f"{base}/{row['module']}/{name}")
                (folder / f"{row['module']}.{name}").write_bytes(content)
        return folder

    def tell_viewed(self) -> None:
        """The partner reports that one delivery was opened."""
        accepted = [entry for entry in self.ledger() if entry.event == "accepted"]
        if accepted:
            self._partner.tell_viewed(self._api.base_url, accepted[0].delivery_id)

    def ledger(self) -> list[LedgerEntry]:
        """What the partner wrote down."""
        return list(self._partner.ledger.entries())

    def verify_audit(self) -> Verification:
        """Walk the audit chain."""
        with self._context.transaction(_DEMONSTRATION) as work:
            return log.verify(work.session)

    def withdraw(self, person: SyntheticPerson) -> None:
        """The person leaves the programme; everything that must follow is checked."""
        reader = self.programme.participant(person.participant_id)
        base = f"/v1/participants/{person.participant_id}"
        files = [(row["module"], name) for row in self._progress(person) for name in row["files"]]
        reader.post(f"{base}/withdrawal")
        for module, name in files:
            self._expect_refused(f"{base}/results/{module}/{name}", person)
        self._say(f"{person.participant_id} withdrew: {len(files)} files are unreadable at once")
        self.run_jobs()
        with self._context.transaction(_DEMONSTRATION) as work:
            cases = results.cases_of(work.session, person.participant_id)
            versions = results.versions_of_cases(work.session, [case.case_id for case in cases])
            recalls = [recall for case in cases for recall in results.recalls_of_case(work.session, case.case_id)]
            states = {case.state for case in cases}
            self._expect(states == {CaseState.DELETED.value}, f"every case ends deleted, not {sorted(states)}")
            acknowledged = all(recall.acknowledged_at for recall in recalls)
            self._expect(bool(recalls) and acknowledged, "every recall is acknowledged")
            opened = [version.version_id for version in versions if self._opens(work, person.participant_id, version)]
            self._expect(not opened, "no stored report opens any more, the keys are destroyed")
            self._expect(not self._list_opens(work, person.participant_id), "the own list of medicines is erased")
            samples = results.samples_of(work.session, person.participant_id)
            received = [results.file_of(work.session, sample.sample_id) for sample in samples]
            kept = [file for file in received if file is not None and (self._context.store / file.file_id).exists()]
            self._expect(not kept, "the sealed genotype file is gone")
        left = [entry for entry in self.ledger() if self._partner.opened_folder(entry.delivery_id).exists()]
        recalled = {entry.delivery_id for entry in self.ledger() if entry.event == "recalled"}
        self._expect(not [entry for entry in left if entry.delivery_id in recalled], "the partner erased its copies")
        self._say(f"the partner acknowledged {len(recalls)} recalls; keys of {len(versions)} reports are destroyed")

    def _progress(self, person: SyntheticPerson) -> list[Json]:
        rows: list[Json] = self.programme.participant(person.participant_id).get(
            f"/v1/participants/{person.participant_id}/results"
        )
        return rows

    def _opens(self, work: Work, participant_id: str, version: ReportVersionRow) -> bool:
        try:
            for artifact in results.artifacts_of(work.session, version.version_id):
                vault.open_artifact(work, self._context.keys, participant_id, version, artifact)
        except ErasedError:
            return False
        return True

    def _list_opens(self, work: Work, participant_id: str) -> bool:
        entered = participants.own_medicines(work.session, participant_id)
        try:
            return entered is not None and bool(vault.open_own_medicines(work, self._context.keys, entered))
        except ErasedError:
            return False

    def _expect_refused(self, path: str, person: SyntheticPerson) -> None:
        try:
            self.programme.participant(person.participant_id).read(path)
        except RefusedError:
            return
        self._expect(holds=False, what=f"reading {path} is refused")

    def _expect(self, holds: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence at the call
        if not holds:
            self.failures.append(what)
            self._say(f"NOT AS EXPECTED: {what}")

    def _line(self, person: SyntheticPerson, module: str, state: str, reason: str | None) -> Line:
        outcome = DELIVERED if state in _SENT else state
        with self._context.transaction(_DEMONSTRATION) as work:
            case = results.current_case(work.session, person.participant_id, module)
            version = (
                None if case is None else results.released_version(work.session, case.case_id, Audience.PARTICIPANT)
            )
        return Line(
            participant_id=person.participant_id,
            module=module,
            outcome=outcome,
            reason=reason or ("the consent gate let it through" if outcome == DELIVERED else ""),
            versions="" if version is None else f"v{version.number}, knowledge {version.knowledge_digest[:8]}",
            seconds=round(self._seconds.get(person.participant_id, 0.0), 1),
            as_expected=outcome == person.expectation(module),
        )


def write_summary(path: Path, lines: Sequence[Line], failures: Sequence[str]) -> None:
    """Keep the closing table as JSON, for a script to read."""
    rows = [{name: getattr(line, name) for name in Line.__slots__} for line in lines]
    path.write_text(json.dumps({"results": rows, "failures": list(failures)}, indent=1) + "\n", encoding="utf-8")


def _in_words(rows: Sequence[Json]) -> str:
    """The state of every result, states first, for example "delivered ancestry, traits; being checked ..."."""
    by_state: dict[str, list[str]] = {}
    for row in rows:
        by_state.setdefault(row["state"].replace("_", " "), []).append(row["module"])
    return "; ".join(f"{state}: {', '.join(modules)}" for state, modules in by_state.items())


def _files(module: str) -> set[str]:
    """Names of the files that a report of a module has."""
    pages = {f"{audience}.{language}.{kind}" for audience, language in audiences(module) for kind in ("html", "pdf")}
    return {*pages, FILE}


def coverage(interpretation: Interpretation) -> str:
    """In a line, how much of what a module asks for was read, and why the rest was not."""
    found = interpretation.findings
    parts = [
        f"{finding.sites_read} of {finding.sites_total} sites read"
        for finding in found
        if isinstance(finding, AncestryFinding)
    ]
    genes = [finding for finding in found if isinstance(finding, GeneAssessment)]
    if genes:
        read = sum(gene.status is GeneStatus.ASSESSED for gene in genes)
        unread = sum(gene.status is GeneStatus.NOT_ASSESSED for gene in genes)
        parts.append(f"{len(genes)} genes: {read} read, {unread} not read, {len(genes) - read - unread} in part")
    medicine_genes = [finding for finding in found if isinstance(finding, PharmacogenomicFinding)]
    if medicine_genes:
        clear = sum(not finding.requires_review for finding in medicine_genes)
        parts.append(f"{len(medicine_genes)} genes read, {clear} with a clear result")
    traits = [finding.trait for finding in found if isinstance(finding, TraitFinding)]
    if traits:
        parts.append(f"read: {', '.join(traits)}")
    reasons: dict[str, list[str]] = {}
    for item in interpretation.not_tested:
        reasons.setdefault(item.reason, []).append(item.subject)
    for reason, subjects in reasons.items():
        named = ", ".join(subjects) if len(subjects) <= _NAMED_AT_MOST else f"{len(subjects)} genes"
        parts.append(f"not tested ({reason.replace('_', ' ')}): {named}")
    return "; ".join(parts) or "nothing could be read"


_NAMED_AT_MOST = 5
