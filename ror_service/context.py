"""The one place where the parts of a running service are put together. API, workers and commands share it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from consent.gate import Release
from consent.policy import Policy, load_policy
from identity.panel import load_panel
from interpreters.findings import Interpretation
from interpreters.interpreter import Interpreter, SettlesReviewed
from interpreters.knowledge import KnowledgeError, KnowledgeRelease, load_release
from interpreters.registry import installed, releases
from report_templates.content import Programme, ReportContent
from ror_service import traces
from ror_service.audit.log import Actor
from ror_service.audit_checkpoints import Checkpoints
from ror_service.delivery.addresses import Reach
from ror_service.delivery.client import PartnerClient
from ror_service.delivery.dispatch import Sender
from ror_service.delivery.partners import Partner
from ror_service.erasures import ErasureJournal
from ror_service.errors import KnowledgeUnavailableError, NoRoomError, UnsafeConfigurationError
from ror_service.extraction import Extracted
from ror_service.fingerprints import FingerprintIndex
from ror_service.genotypes.catalogue import Catalogue
from ror_service.genotypes.store import GenotypeStore, Stored
from ror_service.intake import isolation
from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.needs import Needs
from ror_service.intake.qc import Declared, QcAssessment
from ror_service.intake.results import Limits, ReadResult
from ror_service.intake.samples import Reading
from ror_service.rendering.artifacts import Artifact, artifacts
from ror_service.rendering.process import RendererProcess
from ror_service.sealing.key_sets import PublishedKey
from ror_service.sealing.keys import FileKeyProvider, KeyProvider
from ror_service.sealing.private_files import make_private_folder, read_private, write_private
from ror_service.sealing.signing import Signer
from ror_service.sealing.signing_keys import SigningKeys
from ror_service.sealing.vault import SealedFile
from ror_service.settings import Settings
from ror_service.storage import jobs, organizations, row_security
from ror_service.storage.database import make_engine
from ror_service.work import Work

Clock = Callable[[Session], datetime]


def database_clock(session: Session) -> datetime:
    """Now by the clock that all workers share: PostgreSQL's, or this machine's for SQLite."""
    if session.get_bind().dialect.name == "postgresql":
        now: datetime = session.scalars(select(func.clock_timestamp())).one()
        return now.astimezone(UTC)
    return datetime.now(UTC)


def _hardware_keys(uri: str) -> KeyProvider:
    try:
        from ror_service.sealing.pkcs11_keys import Pkcs11KeyProvider, Token  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise UnsafeConfigurationError("ROR_KEY_PROVIDER: a hardware module needs the extra `pkcs11`") from error
    return Pkcs11KeyProvider(Token.from_uri(uri))


def _same(found: KnowledgeRelease, said: Interpretation) -> KnowledgeRelease:
    if found.digest != said.knowledge_digest:
        raise KnowledgeUnavailableError(
            f"{said.module} release {said.knowledge_release} differs from the one that the result rests on; "
            "restore that one"
        )
    return found


class ServiceContext:
    """Everything that one process of the service holds. Parts are made when first needed.

    Args:
        settings: The settings of the process.
        clock: Tells the time of a transaction; tests give a fixed one.
    """

    def __init__(self, settings: Settings, *, clock: Clock = database_clock) -> None:
        self.settings = settings
        self.engine = make_engine(settings.database)
        self.clock = clock
        self.work_ordered = threading.Event()
        """Set after every commit that ordered work: a relay in this process need not wait for its next round."""

    def close(self) -> None:
        """Let go of connections and child processes."""
        if "renderer" in self.__dict__:
            self.renderer.close()
        self.engine.dispose()

    @contextmanager
    def transaction(self, actor: Actor) -> Iterator[Work]:
        """One unit of work: committed at the end, rolled back on any error."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            row_security.speak_for(session, actor.role, actor.name)
            work = Work(session=session, at=self.clock(session), actor=actor, policy=self.policy)
            yield work
            work.write_audit()
        if session.info.get(jobs.ORDERED):
            self.work_ordered.set()

    @cached_property
    def policy(self) -> Policy:
        """The consent policy in force."""
        return load_policy()

    @cached_property
    def keys(self) -> KeyProvider:
        """Holder of the key-encryption keys.

        Raises:
            UnsafeConfigurationError: If `ROR_KEY_PROVIDER` names none, or a module without its library.
            KeysUnavailableError: If the module or its token is not there.
        """
        if self.settings.key_provider != "file":
            return _hardware_keys(self.settings.key_provider)
        make_private_folder(self.settings.keys)
        return FileKeyProvider(self.settings.keys / "key-encryption")

    @property
    def sender(self) -> Sender:
        """As `sender_at`, for what is signed now."""
        return self.sender_at(datetime.now(UTC))

    def sender_at(self, moment: datetime) -> Sender:
        """The service's own signing key of this moment and the secret that names deliveries."""
        return Sender(self.signing_keys.at(moment), self._idempotency_secret)

    @cached_property
    def signing_keys(self) -> SigningKeys:
        """The keys that sign bundles and requests, by their times."""
        make_private_folder(self.settings.keys)
        return SigningKeys(self.settings.keys, "signing")

    @cached_property
    def audit_keys(self) -> SigningKeys:
        """The keys that sign checkpoints of the audit log, by their times."""
        make_private_folder(self.settings.keys)
        return SigningKeys(self.settings.keys, "audit")

    @property
    def audit_signer(self) -> Signer:
        """The key that signs checkpoints of the audit log now."""
        return self.audit_keys.at(datetime.now(UTC))

    def checkpoints(self, trusted: Mapping[str, PublishedKey] = MappingProxyType({})) -> Checkpoints | None:
        """Where checkpoints of the audit log are kept, if the settings name a place; `trusted` are keys besides ours.

        Raises:
            UnsafeConfigurationError: If the place cannot be used.
        """
        place = self.settings.audit_checkpoints
        if place is None:
            return None
        ours = {key.key_id: key for key in self.audit_keys.published()}
        return Checkpoints(place, self.audit_signer, {**trusted, **ours})

    @cached_property
    def erasures(self) -> ErasureJournal | None:
        """The journal of erasures, beside the checkpoints of the audit log, if the settings name a place.

        Raises:
            UnsafeConfigurationError: If the place cannot be used.
        """
        if self.settings.audit_checkpoints is None:
            return None
        make_private_folder(self.settings.keys)
        return ErasureJournal(self.settings.audit_checkpoints, self._secret("erasures.secret"))

    @cached_property
    def _idempotency_secret(self) -> bytes:
        make_private_folder(self.settings.keys)
        return self._secret("idempotency.secret")

    @cached_property
    def variant_secret(self) -> bytes:
        """Key of the hash under which decisions on a variant are kept; without it they are not found again."""
        make_private_folder(self.settings.keys)
        return self._secret("variants.secret")

    def _secret(self, name: str) -> bytes:
        """A random secret in the key folder, made at first use."""
        file = self.settings.keys / name
        if not file.exists():
            # If another process was first, its secret counts.
            with suppress(FileExistsError):
                write_private(file, Signer.generate().private_key.private_bytes_raw())
        return read_private(file)

    @cached_property
    def store(self) -> Path:
        """Folder of received genotype files: sealed, each under a name of the service's own making."""
        folder = self.settings.store / "genotypes"
        make_private_folder(self.settings.store)
        make_private_folder(folder)
        return folder

    def free_bytes(self) -> int:
        """Free space of the disk that holds the store."""
        return shutil.disk_usage(self.store).free

    def check_room(self, size: int = 0) -> None:
        """See whether the reserve of the store stays free when a file of this size comes in.

        Raises:
            NoRoomError: If it does not.
        """
        if self.free_bytes() - size < self.settings.store_reserve_mebibytes << 20:
            raise NoRoomError("the store is nearly full: make room; nothing was fetched, and it is tried again")

    @cached_property
    def interpreters(self) -> dict[str, Interpreter]:
        """The installed interpreters by module.

        Raises:
            UnsafeConfigurationError: If a module does not know an option that it is given.
        """
        return self._installed(None, self.settings.knowledge_releases)

    def interpreter(self, module: str, release: str, options: Mapping[str, str] = MappingProxyType({})) -> Interpreter:
        """The interpreter of a module as this service runs it, but with a named knowledge release.

        Args:
            module: Which module.
            release: Name of the release.
            options: Options in place of those of the service's settings.

        Raises:
            KnowledgeUnavailableError: If the release is not at hand, or its files were changed.
        """
        try:
            return self._installed((module,), {module: release}, options)[module]
        except KnowledgeError as error:
            raise KnowledgeUnavailableError(str(error)) from error

    def _installed(
        self,
        modules: tuple[str, ...] | None,
        chosen_releases: Mapping[str, str],
        instead: Mapping[str, str] = MappingProxyType({}),
    ) -> dict[str, Interpreter]:
        chosen = dict(self.settings.module_options)
        for module in modules or ():
            chosen[module] = {**chosen.get(module, {}), **instead}
        try:
            return installed(
                modules=modules, releases=chosen_releases, extra=self.settings.knowledge_folder, options=chosen
            )
        except ValueError as error:
            raise UnsafeConfigurationError(f"ROR_MODULE_OPTIONS: {error}") from error

    def knowledge_of(self, said: Interpretation) -> KnowledgeRelease:
        """The very knowledge that an interpretation was made with.

        Raises:
            KnowledgeUnavailableError: If that release is not at hand, or holds other facts now.
        """
        folder = releases(said.module, self.settings.knowledge_folder).get(said.knowledge_release)
        if folder is None:
            raise KnowledgeUnavailableError(
                f"{said.module} release {said.knowledge_release}, which a result rests on, is not at hand; restore it"
            )
        return _same(load_release(folder), said)

    def made_by(self, said: Interpretation) -> Interpreter:
        """The interpreter with the very knowledge that an interpretation was made with.

        Raises:
            KnowledgeUnavailableError: If that release is not at hand, or holds other facts now.
        """
        interpreter = self.interpreter(said.module, said.knowledge_release)
        _same(interpreter.knowledge, said)
        return interpreter

    def settle(self, said: Interpretation, accepted: frozenset[str]) -> Interpretation:
        """An interpretation after its review, by the knowledge that it was made with and never by another.

        Args:
            said: What the interpreter said; it stays as it is.
            accepted: The genes under review whose call the signers let stand; no other is reported.

        Raises:
            KnowledgeUnavailableError: If the release that `said` rests on is not at hand, or holds other facts now.
        """
        interpreter = self.made_by(said)
        if not isinstance(interpreter, SettlesReviewed):
            raise KnowledgeUnavailableError(f"the installed {said.module} interpreter settles no reviewed findings")
        try:
            return interpreter.settle(said, accepted)
        except ValueError as error:
            raise KnowledgeUnavailableError(f"{error}; see ROR_MODULE_OPTIONS") from error

    @cached_property
    def renderer(self) -> RendererProcess:
        """The process that makes PDFs."""
        return RendererProcess()

    @property
    def programme(self) -> Programme:
        """The programme as reports name it."""
        return Programme(
            name=self.settings.programme_name,
            support_contact=self.settings.support_contact,
            counselor_contact=self.settings.counselor_contact,
        )

    @cached_property
    def needs(self) -> Needs:
        """What the interpreters together and the fingerprint need of a genotype file."""
        return Needs(self.interpreters, self.fingerprints.panel)

    @cached_property
    def fingerprints(self) -> FingerprintIndex:
        """The fingerprints of all samples, opened in the memory of this process when a sample is first examined."""
        return FingerprintIndex(load_panel(), self.keys)

    @cached_property
    def genotypes(self) -> GenotypeStore:
        """What is stored of the samples that were read."""
        return GenotypeStore(self.keys, lambda: Catalogue.of(self.interpreters))

    def read_genotypes(self, file: SealedFile, needs: Needs | None = None) -> ReadResult:
        """Read a sealed genotype file in a confined child process, which is fed its clear bytes.

        Args:
            file: What opens the file.
            needs: What to keep of it, where not all that the installed interpreters need.

        Raises:
            ror_service.intake.errors.IntakeError: If the file cannot be used.
            NotFoundError: If the sealed bytes are not in the store.
            SealError: If they do not open, or are not whole and unchanged.
        """
        limits = Limits(
            memory_bytes=self.settings.reader_memory_mebibytes << 20, cpu_seconds=self.settings.reader_cpu_seconds
        )
        with closing(file.chunks()) as chunks:
            return isolation.read_in_child(chunks, (needs or self.needs).wanted, limits)

    def extract(self, reading: Reading) -> Extracted | Problem:
        """Read a sample's file: what it gives, or why it cannot be used.

        Raises:
            NotFoundError: If the sealed bytes are not in the store.
            SealError: If they do not open, or are not whole and unchanged.
        """
        try:
            with traces.stage("read"):
                read = self.read_genotypes(reading.file)
        except IntakeError as error:
            return error.code
        assessment = self.assess(read, reading.declared)
        return Extracted(read.calls, assessment, self.genotypes.pack(read.calls, read.sha256))

    def stored(self, work: Work, sample_id: str, interpreters: Sequence[Interpreter]) -> Stored | None:
        """What is stored of a sample, if it covers these interpreters and it can be compared whose it is.

        Raises:
            ErasedError: If it was erased.
            SealError: If it does not open.
        """
        found = self.genotypes.find(work, sample_id) if self.fingerprints.has(work, sample_id) else None
        return found if found is not None and found.covers(interpreters) else None

    def assess(self, read: ReadResult, declared: Declared) -> QcAssessment:
        """The quality gate's verdict on a reading."""
        return self.needs.assess(read, declared)

    def render(self, release: Release[ReportContent]) -> tuple[Artifact, ...]:
        """Every file of a report.

        Raises:
            ror_service.errors.RenderError: If one cannot be made or is not accessible.
        """
        with traces.stage("render"):
            return artifacts(release, self.renderer, self.sign_pdf)

    @cached_property
    def sign_pdf(self) -> Callable[[bytes], bytes] | None:
        """Signs a PDF for the programme, if the settings name a key and its certificates.

        Raises:
            UnsafeConfigurationError: If they cannot be used, or the extra `pades` is not installed.
        """
        key, certificates = self.settings.pdf_signing_key, self.settings.pdf_signing_certificates
        if key is None or certificates is None:
            return None
        try:
            from ror_service.sealing.pdf_signatures import ReportSigner, load_signer  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise UnsafeConfigurationError("ROR_PDF_SIGNING_KEY: signed PDFs need the extra `pades`") from error
        return ReportSigner(load_signer(key, certificates), self.settings.programme_name).sign

    def partners(self, work: Work) -> list[Partner]:
        """The registered delivery partners."""
        return [Partner.from_document(document) for document in organizations.delivery_partners(work.session)]

    @property
    def trial(self) -> timedelta:
        """How long one send may take: its worker has the job for that time."""
        return timedelta(seconds=self.settings.lease_seconds)

    def partner_client(self, work: Work, partner_id: str) -> PartnerClient:
        """The client of one registered partner.

        Raises:
            NotFoundError: If there is no such partner.
        """
        document = organizations.delivery_partner(work.session, partner_id)
        timeout, reach = self.settings.partner_timeout_seconds, Reach(self.settings.partners_allowed_in)
        return PartnerClient(Partner.from_document(document), self.sender.signer, reach=reach, timeout=timeout)
