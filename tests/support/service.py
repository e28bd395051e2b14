"""A service for tests: real parts on a temporary SQLite database, a clock to set, people brought to any state.

Nothing is replaced but what is slow: genotypes are not read from a file but given as a hand-made interpretation, and
`FastContext.render` writes small files instead of PDFs.
"""

from __future__ import annotations

import functools
import itertools
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import httpx
from celery import Celery
from pydantic import SecretStr
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from consent.gate import Release
from consent.types import Answer, Confirmation, Disclosure, DocumentType, ModuleAnswer, Participation, VitalStatus
from interpreters import pharmacogenomics
from interpreters.findings import Interpretation
from interpreters.genotypes import Assay, Build, Sex
from interpreters.knowledge import choose_release
from report_templates.content import Audience, Language, ReportContent
from report_templates.render import audiences
from ror_service import evidence, interpretations, namings, own_medicines, participants, pipeline, reports
from ror_service.audit.log import Actor
from ror_service.context import ServiceContext
from ror_service.delivery.addresses import Reach
from ror_service.delivery.client import LedgerEntry, PartnerClient
from ror_service.intake import samples
from ror_service.intake.qc import Outcome, QcAssessment, RuleResult, Verdict
from ror_service.intake.samples import ManifestRow
from ror_service.namings import Named
from ror_service.participants import ConsentAnswer, ModuleChoice, Registration
from ror_service.rendering.artifacts import Artifact, difference
from ror_service.review import queue
from ror_service.review.appointments import Way
from ror_service.review.queue import Disposition
from ror_service.review.triage import findings_under_review
from ror_service.sandbox.partner import SandboxPartner
from ror_service.sealing import vault
from ror_service.sealing.vault import Interpreted
from ror_service.settings import Settings
from ror_service.states import CaseState
from ror_service.storage import jobs, migrations, organizations, results
from ror_service.storage.database import make_engine
from ror_service.storage.tables import (
    ArtifactRow,
    AuditEventRow,
    BreakGlassGrantRow,
    DeliveryRow,
    IdentityCaseMemberRow,
    IdentityCaseRow,
    InterpretationRow,
    JobRow,
    ResultCaseRow,
    ReviewCaseRow,
)
from ror_service.work import Work
from ror_service.worker import relay
from ror_service.worker.celery_app import make_app
from support import promises_of_release
from support import reports as contents
from support.consent_facts import MODULES, NOW, PERSON
from support.database_roles import as_the_service

PORTAL = Actor("portal-1", "portal", "participation")
READER = Actor(PERSON, "participant", "own results")
CENTER = Actor("center-1", "genome_center", "sample submission")
LABORATORY = Actor("laboratory-1", "clinical_laboratory", "confirmation")
OPERATOR = Actor("operator-1", "operator", "record keeping")
COUNSELOR = Actor("counselor-1", "genetic_counselor", "review")
DIRECTOR = Actor("director-1", "laboratory_director", "review")
PIPELINE = pipeline.PIPELINE

LEASE = timedelta(minutes=30)
EVIDENCE = "e" * 64
REPORT_TEXT = b"a report about "
FILES = ("participant.en.html", "participant.en.pdf", "participant.es.html", "participant.es.pdf")

INTERPRETATIONS: Mapping[str, Interpretation] = {
    "ancestry": contents.ancestry().interpretation,
    "traits": contents.traits().interpretation,
    "pharmacogenomics": contents.medicines_typical().interpretation,
    "hereditary_risk": contents.hereditary_negative().interpretation,
}
"""What each module says about somebody in whom nothing needs a second look."""
POSITIVE = contents.hereditary_positive().interpretation
TWO_POSITIVE = contents.hereditary_two().interpretation
_KNOWLEDGE = choose_release("pharmacogenomics", None, Path(pharmacogenomics.__file__).parent / "data")
UNCERTAIN_MEDICINES = replace(
    contents.medicines_held().interpretation,
    knowledge_release=_KNOWLEDGE.release,
    knowledge_digest=_KNOWLEDGE.digest,
)
"""A call that a person must look at, by a real knowledge release: what is decided is applied by that release."""
_HELD = {"requires_review": True, "reported_phenotype": None}
FOUR_MEDICINE_GENES = replace(
    UNCERTAIN_MEDICINES,
    findings=(
        contents.gene(
            "CYP2C19", "*2/*17", "Intermediate Metabolizer", reasons=("unread_alleles_change_phenotype",), **_HELD
        ),
        contents.gene(
            "NUDT15",
            "*2/*9",
            "Poor Metabolizer",
            phenotypes=("Poor Metabolizer", "Indeterminate"),
            consistent=tuple(f"*2/*{number}" for number in range(3, 40)),
            consistent_phenotypes=("Indeterminate", "Poor Metabolizer"),
            reasons=("ambiguous_phenotype",),
            **_HELD,
        ),
        contents.gene("SLCO1B1", "*15/*31", "Poor Function", reasons=("undocumented_allele",), **_HELD),
        contents.gene("TPMT", "*1/*1", "Normal Metabolizer"),
    ),
)
"""Two calls that may be reported, one in between that has no single result, and a clear one."""

_names = itertools.count(1)


class SettableClock:
    """The database's clock, standing still until it is moved."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self, session: Session) -> datetime:
        del session
        return self.now

    def advance(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now


class FastContext(ServiceContext):
    """A context that renders in no time: each file names its report, audience and language."""

    partner_transport: httpx.AsyncBaseTransport | None = None
    """Stands in for the network to partners."""

    def partner_client(self, work: Work, partner_id: str) -> PartnerClient:
        client = super().partner_client(work, partner_id)
        if self.partner_transport is None:
            return client
        timeout, reach = self.settings.partner_timeout_seconds, Reach(self.settings.partners_allowed_in)
        transport, signer = self.partner_transport, self.sender.signer
        return PartnerClient(client.partner, signer, transport=transport, reach=reach, timeout=timeout)

    def render(self, release: Release[ReportContent]) -> tuple[Artifact, ...]:
        versions = audiences(release.payload.module)
        names = [f"{audience}.{language}.{kind}" for audience, language in versions for kind in ("html", "pdf")]
        return (*(artifact(name, release.payload.accession) for name in names), *difference(release.payload))


def artifact(name: str = FILES[0], text: str = "traits") -> Artifact:
    """A hand-made file of a report."""
    audience, language, kind = name.split(".")
    media_type = "application/pdf" if kind == "pdf" else "text/html; charset=utf-8"
    content = REPORT_TEXT + f"{text} for the {audience} in {language}".encode()
    return Artifact(name, media_type, Audience(audience), Language(language), content)


@functools.cache
def migrated_database() -> bytes:
    """An SQLite file with the newest schema; migrating takes longer than copying it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.sqlite3"
        engine = make_engine(f"sqlite:///{path}")
        migrations.upgrade(engine)
        engine.dispose()
        return path.read_bytes()


def make_context(home: Path, clock: SettableClock, **settings: object) -> FastContext:
    """A context on a fresh database below `home`."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "ror.sqlite3").write_bytes(migrated_database())
    context = FastContext(Settings(home=home, **settings), clock=clock)
    if context.engine.dialect.name == "sqlite":
        event.listen(context.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    return context


@dataclass
class Service:
    """A running service with what the people around it do, a line each."""

    context: FastContext
    clock: SettableClock
    partner: SandboxPartner | None = None
    forbidden_after: dict[str, int] = field(default_factory=dict)
    """Participant to the partner's last ledger entry at the moment from which nothing may be sent."""
    entries: list[LedgerEntry] = field(default_factory=list)
    """What was read of the partner's ledger."""

    @functools.cached_property
    def app(self) -> Celery:
        return make_app(self.context)

    # --- Plain access

    @contextmanager
    def work(self, actor: Actor | None = None) -> Iterator[Work]:
        """A transaction of somebody; of nobody, for looking at what is there."""
        with self.context.transaction(actor or PORTAL) as work:
            yield work

    def rows(self, kind: type, *where: object) -> list:
        with self.work() as work:
            return list(work.session.scalars(select(kind).where(*where)))

    def case(self, participant_id: str = PERSON, module: str = "traits") -> ResultCaseRow:
        with self.work() as work:
            case = results.current_case(work.session, participant_id, module)
            assert case is not None
            return case

    def state(self, module: str = "traits", participant_id: str = PERSON) -> CaseState:
        return CaseState(self.case(participant_id, module).state)

    def actions(self, *names: str) -> list[AuditEventRow]:
        """Audit events of these actions, all when none is named."""
        found = self.rows(AuditEventRow)
        return [row for row in found if not names or row.action in names]

    def job(self, task: str, subject_id: str) -> JobRow:
        (row,) = self.rows(JobRow, JobRow.task == task, JobRow.subject_id == subject_id)
        return row

    # --- Participants

    def register(self, participant_id: str = PERSON, **changes: object) -> None:
        facts = {"language": "en", "birth_date": date(1980, 5, 17), "sex_at_birth": Sex.FEMALE, "residence_state": "CA"}
        with self.work() as work:
            participants.register(work, Registration(participant_id=participant_id, **(facts | changes)))

    def consent(
        self,
        answer: Answer = Answer.YES,
        document: DocumentType = DocumentType.RETURN_OF_RESULTS,
        participant_id: str = PERSON,
        **changes: object,
    ) -> ConsentAnswer:
        given = ConsentAnswer(
            **{
                "event_id": f"event-{next(_names):09}",
                "document": document,
                "document_version": "1.0",
                "language": "en",
                "answer": answer,
                "authored_at": self.clock.now,
                "evidence_sha256": EVIDENCE,
            }
            | changes
        )
        with self.work() as work:
            participants.answer_consent(work, participant_id, given)
        return given

    def choose(
        self,
        answer: ModuleAnswer = ModuleAnswer.YES,
        module: str = "traits",
        participant_id: str = PERSON,
        **changes: object,
    ) -> ModuleChoice:
        given = ModuleChoice(
            **{
                "event_id": f"event-{next(_names):09}",
                "module": module,
                "answer": answer,
                "script_version": "1.0",
                "authored_at": self.clock.now,
            }
            | changes
        )
        with self.work() as work:
            participants.choose(work, participant_id, given)
        return given

    def enroll(self, participant_id: str = PERSON, modules: Sequence[str] = MODULES) -> None:
        """Register somebody who says yes to everything."""
        self.register(participant_id)
        for document in (DocumentType.PRIMARY, DocumentType.RETURN_OF_RESULTS):
            self.consent(document=document, participant_id=participant_id)
        for module in modules:
            self.choose(module=module, participant_id=participant_id)

    def standing(
        self,
        participant_id: str = PERSON,
        *,
        participation: Participation | None = None,
        vital_status: VitalStatus | None = None,
    ) -> None:
        with self.work(OPERATOR) as work:
            participants.set_standing(work, participant_id, participation=participation, vital_status=vital_status)
        if participation is Participation.WITHDRAWN or vital_status not in {None, VitalStatus.ALIVE}:
            self.forbidden_after[participant_id] = self.last_entry()

    def enter_medicines(self, *medicines: str, participant_id: str = PERSON) -> None:
        with self.work(Actor(participant_id, "participant", "own choice")) as work:
            own_medicines.enter(work, self.context.keys, participant_id, medicines)

    def names_somebody(self, participant_id: str = PERSON) -> None:
        """The participant names somebody for after a death, and says yes to the form that speaks of it."""
        form = DocumentType.FAMILY_SHARING
        self.consent(document=form, participant_id=participant_id, document_version="1.2")
        with self.work(Actor(participant_id, "participant", "own choice")) as work:
            event = {"event_id": f"event-{next(_names):09}", "authored_at": self.clock.now}
            named = Named("Maria Example", "+1 555 0100")
            namings.name(work, self.context.keys, participant_id, named, **event)

    def medicines(self, participant_id: str = PERSON) -> tuple[str, ...]:
        """The participant's own list, as the participant reads it."""
        with self.work(Actor(participant_id, "participant", "own results")) as work:
            return own_medicines.read(work, self.context.keys, participant_id)

    def withdraw(self, participant_id: str = PERSON) -> None:
        self.standing(participant_id, participation=Participation.WITHDRAWN)

    def identity_case(self, *members: str, identity_case_id: str = "identity-1") -> str:
        with self.work() as work:
            work.session.add(
                IdentityCaseRow(identity_case_id=identity_case_id, opened_at=work.at, reason="different_people")
            )
            work.session.flush()
            for member in members:
                work.session.add(IdentityCaseMemberRow(identity_case_id=identity_case_id, participant_id=member))
        return identity_case_id

    def grant(self, grant_id: str, participant_id: str, requested_by: str, *, allowed: bool, **changes: object) -> None:
        """A break-glass request, allowed or not; by the test's clock and the database's in force for long."""
        long = datetime(2999, 1, 1, tzinfo=UTC)
        given = {"approved_by": "somebody-else", "approved_at": self.clock.now, "expires_at": long}
        with self.work(PIPELINE) as work:
            work.session.add(
                BreakGlassGrantRow(
                    grant_id=grant_id,
                    participant_id=participant_id,
                    requested_by=requested_by,
                    reason="an emergency",
                    requested_at=self.clock.now,
                    **((given if allowed else {}) | changes),
                )
            )

    # --- Samples and what is found in them

    def sample(
        self,
        participant_id: str = PERSON,
        *,
        assay: Assay = Assay.WGS,
        verdict: Verdict | None = Verdict.PASS,
        sample_id: str | None = None,
    ) -> str:
        """A sample that was submitted and read; `verdict` None: its file could not be used."""
        sample_id = sample_id or f"sample-of-{participant_id}"
        row = ManifestRow(
            sample_id=sample_id,
            participant_id=participant_id,
            specimen="saliva",
            assay=assay,
            build=Build.GRCH38,
            sex_at_birth=Sex.FEMALE,
            contamination=0.001,
            name_in_file=None,
            collected_on=date(2026, 8, 3),
            file_sha256="f" * 64,
            file_size=1000,
        )
        with self.work(CENTER) as work:
            samples.submit(work, self.context.keys, row)
        self.verdict(sample_id, verdict)
        return sample_id

    def verdict(self, sample_id: str, verdict: Verdict | None) -> None:
        """The quality gate's verdict on a sample."""
        with self.work(PIPELINE) as work:
            samples.record_verdict(work, sample_id, None if verdict is None else assessment(verdict), "not_a_vcf")

    def found(self, interpretation: Interpretation | str = "traits", participant_id: str = PERSON) -> ResultCaseRow:
        """Keep a hand-made interpretation as if it had been made from the participant's sample."""
        if isinstance(interpretation, str):
            interpretation = INTERPRETATIONS[interpretation]
        with self.work(PIPELINE) as work:
            sample_id = results.samples_of(work.session, participant_id)[0].sample_id
            interpretations.keep(
                work,
                self.context.keys,
                SimpleNamespace(sample_id=sample_id, backfill=False),
                SimpleNamespace(sha256="a" * 64),
                Interpreted(interpretation, Build.GRCH38, contents.SOURCES[interpretation.module]),
                review_due=self.context.settings.review_due,
            )
        return self.case(participant_id, interpretation.module)

    def interpreted(self, interpretation: Interpretation | str = "traits", participant_id: str = PERSON) -> str:
        """Somebody who said yes to everything, with a good sample and this result. Returns the case."""
        self.enroll(participant_id)
        self.sample(participant_id)
        return self.found(interpretation, participant_id).case_id

    # --- Reviews

    def review(self, module: str = "hereditary_risk", participant_id: str = PERSON) -> ReviewCaseRow:
        (row,) = self.rows(ReviewCaseRow, ReviewCaseRow.case_id == self.case(participant_id, module).case_id)
        return row

    def claim(self, review_id: str, signer: Actor) -> None:
        with self.work(signer) as work:
            queue.claim(work, review_id, LEASE)

    def sign(
        self, review_id: str, signer: Actor, *dispositions: Disposition, reason: str = "as the evidence shows"
    ) -> None:
        """Claim a review and sign it, a minute after whatever came before."""
        self.clock.advance(minutes=1)
        self.claim(review_id, signer)
        with self.work(signer) as work:
            row = results.must_get(work.session, ReviewCaseRow, review_id)
            made = results.must_get(work.session, InterpretationRow, row.interpretation_id)
            found = vault.open_interpretation(work, self.context.keys, made).interpretation
            queue.sign(work, review_id, dispositions, reason, findings=findings_under_review(found))

    def sign_evidence(self, review_id: str, signer: Actor, *dispositions: Disposition) -> None:
        """As `sign`, by the whole evidence: what the report that is read holds already counts on."""
        self.clock.advance(minutes=1)
        self.claim(review_id, signer)
        with self.work(signer) as work:
            evidence.sign(work, self.context, review_id, dispositions, "as the evidence shows")

    def confirm(self, review_id: str, outcome: Confirmation = Confirmation.CONCORDANT) -> None:
        with self.work(LABORATORY) as work:
            queue.report_confirmation(work, review_id, outcome)

    def disclose(self, case_id: str, outcome: Disclosure = Disclosure.COMPLETED) -> None:
        with self.work(COUNSELOR) as work:
            queue.complete_disclosure(work, case_id, outcome)

    def schedule(self, case_id: str) -> None:
        """A counselor and the participant meet tomorrow."""
        with self.work(COUNSELOR) as work:
            queue.schedule_disclosure(work, case_id, work.at + timedelta(days=1), Way.PHONE)

    def positive(self, interpretation: Interpretation = POSITIVE) -> tuple[str, str]:
        """Somebody with a hereditary candidate in review. Returns case and review."""
        case_id = self.interpreted(interpretation)
        return case_id, self.review().review_id

    # --- Reports and deliveries

    def run_jobs(self) -> None:
        """Run all that is due now, in this process."""
        relay.drain(self.context, self.app)

    def available(self, interpretation: Interpretation | str = "traits", participant_id: str = PERSON) -> str:
        """Somebody whose report can be read here and was not yet sent anywhere. Returns the case."""
        case_id = self.interpreted(interpretation, participant_id)
        pipeline.release_report(self.context, case_id)
        return case_id

    def read(self, module: str = "traits", name: str = FILES[0], participant_id: str = PERSON) -> bytes:
        with self.work(Actor(participant_id, "participant", "own results")) as work:
            return reports.read(work, self.context.keys, participant_id, module, name).content

    def register_partner(self, partner: SandboxPartner) -> None:
        """Make a running partner known to the service, and the service to it."""
        document = partner.registration.to_document()
        with self.work(OPERATOR) as work:
            organizations.register_partner(work.session, document["partner_id"], document, work.at)
        self.partner = partner

    def delivery(self, participant_id: str = PERSON) -> DeliveryRow:
        (row,) = self.rows(DeliveryRow, DeliveryRow.participant_id == participant_id)
        return row

    def artifacts(self, version_id: str) -> list[ArtifactRow]:
        return self.rows(ArtifactRow, ArtifactRow.version_id == version_id)

    def last_entry(self) -> int:
        entries = self.ledger()
        return entries[-1].sequence if entries else 0

    def ledger(self) -> list[LedgerEntry]:
        """All that the partner wrote down; only what is new is read."""
        if self.partner is not None:
            self.entries += self.partner.ledger.entries(self.entries[-1].sequence if self.entries else 0)
        return self.entries

    # --- The checker

    def violations(self, participant_id: str | None = None) -> list[str]:
        """What the partner's ledger, the database and the audit log say against the promises of delivery.

        Call it when nothing is left to do. With a participant, only what is about that one.
        """
        return promises_of_release.violations(self, participant_id)


@dataclass
class LimitedService(Service):
    """A service whose role in PostgreSQL owns nothing: everybody sees and writes what row-level security lets them."""

    owners: FastContext | None = None
    """The same database as its superuser, for looking at what is there."""

    @contextmanager
    def work(self, actor: Actor | None = None) -> Iterator[Work]:
        with (self.owners or self.context if actor is None else self.context).transaction(actor or PORTAL) as work:
            yield work


def assessment(verdict: Verdict) -> QcAssessment:
    """A verdict of the quality gate with one rule behind it."""
    outcome = Outcome.PASS if verdict is Verdict.PASS else Outcome.HOLD
    return QcAssessment(verdict, (RuleResult("call_rate", outcome, 0.99, 0.98, ""),), "test-1")


@contextmanager
def running_service(home: Path, **settings: object) -> Iterator[Service]:
    """A service on a fresh database, closed at the end."""
    clock = SettableClock()
    context = make_context(home, clock, **settings)
    try:
        yield Service(context, clock)
    finally:
        context.close()
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def service_on_database(home: Path, url: str) -> Iterator[Service]:
    """A service on an empty PostgreSQL database; where the URL is not one, on SQLite, which is made faster."""
    postgresql = url.startswith("postgresql")
    with running_service(home, **({"database_url": SecretStr(url)} if postgresql else {})) as running:
        if postgresql:
            migrations.upgrade(running.context.engine)
        yield running


@contextmanager
def limited_service(home: Path, url: str) -> Iterator[LimitedService]:
    """A service on an empty PostgreSQL database, with the rights that the deployment guide gives it and no more."""
    with service_on_database(home, url) as owner:
        context = FastContext(Settings(home=home, database_url=SecretStr(as_the_service(url))), clock=owner.clock)
        try:
            yield LimitedService(context, owner.clock, owners=owner.context)
        finally:
            context.close()


@contextmanager
def running_partner(service: Service, folder: Path, partner_id: str = "sandbox-partner") -> Iterator[SandboxPartner]:
    """A real partner on loopback that the service knows."""
    signer = service.context.sender.signer
    senders = {signer.key_id: signer.public_key}
    with SandboxPartner(folder, senders=senders, partner_id=partner_id, keep_opened=True) as partner:
        service.register_partner(partner)
        yield partner


def dead_jobs(service: Service) -> list[JobRow]:
    """Jobs that an operator must look at."""
    with service.work() as work:
        return list(jobs.dead_jobs(work.session))
