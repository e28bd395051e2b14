"""The tables. What a row means is said in the class docstring; ids are opaque and never derived from a person.

No genotype, finding or name stands in a column in clear: these are sealed bytes whose data keys live in `data_keys`,
so that destroying a key erases every copy of what it sealed.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from ror_service.storage.database import UtcDateTime

Json = dict[str, Any]

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


class Base(DeclarativeBase):
    """Base of all tables; constraint names are fixed, so that migrations can name them."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        str: String(200),
        datetime: UtcDateTime(),
        bytes: LargeBinary(),
        Json: JSON(),
        list[str]: JSON(),
        list[Json]: JSON(),
    }


class ParticipantRow(Base):
    """A participant as the service knows one: by programme identifier, without name or address.

    This row is the consent lock: a sender holds it shared, a withdrawal exclusively.
    """

    __tablename__ = "participants"

    participant_id: Mapped[str] = mapped_column(primary_key=True)
    language: Mapped[str]
    birth_date: Mapped[date | None]
    sex_at_birth: Mapped[str]
    residence_state: Mapped[str | None]
    vital_status: Mapped[str]
    participation: Mapped[str]
    created_at: Mapped[datetime]


class ConsentRecordRow(Base):
    """One answer to a consent document; append-only."""

    __tablename__ = "consent_records"

    event_id: Mapped[str] = mapped_column(primary_key=True)
    participant_id: Mapped[str] = mapped_column(ForeignKey("participants.participant_id"), index=True)
    document: Mapped[str]
    document_version: Mapped[str]
    language: Mapped[str]
    answer: Mapped[str]
    authored_at: Mapped[datetime]
    received_at: Mapped[datetime]
    evidence_sha256: Mapped[str]
    validation: Mapped[str]
    capacity: Mapped[str] = mapped_column(default="self", server_default="self")
    answered_by: Mapped[str | None]
    """The portal's identifier of a guardian who answered."""


class ModuleDecisionRow(Base):
    """One informing-loop answer; append-only."""

    __tablename__ = "module_decisions"

    event_id: Mapped[str] = mapped_column(primary_key=True)
    participant_id: Mapped[str] = mapped_column(ForeignKey("participants.participant_id"), index=True)
    module: Mapped[str]
    answer: Mapped[str]
    script_version: Mapped[str]
    authored_at: Mapped[datetime]
    received_at: Mapped[datetime]
    re_offer_at: Mapped[datetime | None] = mapped_column(index=True)
    """When "maybe later" becomes an offer again; None where it does not."""
    capacity: Mapped[str] = mapped_column(default="self", server_default="self")
    answered_by: Mapped[str | None]


class DesigneeNamingRow(Base):
    """The participant names the one person who may ask for results after a death, or nobody; append-only.

    The name is gone once its data key is destroyed: with the next naming, or with the participant's data.
    """

    __tablename__ = "designee_namings"

    event_id: Mapped[str] = mapped_column(primary_key=True)
    participant_id: Mapped[str] = mapped_column(ForeignKey("participants.participant_id"), index=True)
    sealed: Mapped[bytes | None]
    """The name and how to reach the person; None: nobody."""
    data_key_id: Mapped[str | None] = mapped_column(ForeignKey("data_keys.key_id"), index=True)
    authored_at: Mapped[datetime]
    received_at: Mapped[datetime]


class OwnMedicinesRow(Base):
    """The medicines that a participant says to take, sealed. A new list takes the place of the one before.

    A list that was removed is one whose data key was destroyed: nobody can read it any more.
    """

    __tablename__ = "own_medicines"

    list_id: Mapped[str] = mapped_column(primary_key=True)
    participant_id: Mapped[str] = mapped_column(ForeignKey("participants.participant_id"), unique=True)
    sealed: Mapped[bytes]
    data_key_id: Mapped[str] = mapped_column(ForeignKey("data_keys.key_id"), index=True)
    entered_at: Mapped[datetime]


class OrganizationRow(Base):
    """A genome center, clinical laboratory, delivery partner or portal, with its registered public keys."""

    __tablename__ = "organizations"

    organization_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    registration: Mapped[Json]
    """For a delivery partner: its host and public keys, as `delivery.partners` reads them."""
    registered_at: Mapped[datetime]


class SampleRow(Base):
    """One assay run of a participant's specimen, as its manifest row declares it."""

    __tablename__ = "samples"

    sample_id: Mapped[str] = mapped_column(primary_key=True)
    participant_id: Mapped[str] = mapped_column(ForeignKey("participants.participant_id"), index=True)
    genome_center: Mapped[str] = mapped_column(index=True)
    specimen: Mapped[str]
    assay: Mapped[str]
    build: Mapped[str | None]
    sex_at_birth: Mapped[str]
    contamination: Mapped[float | None]
    """Contaminated share, 0 to 1, as the laboratory estimates it."""
    name_in_file: Mapped[str | None]
    collected_on: Mapped[date | None]
    file_sha256: Mapped[str]
    file_size: Mapped[int] = mapped_column(BigInteger)
    manifest_sha256: Mapped[str]
    """Of the canonical manifest row: the same row again changes nothing."""
    state: Mapped[str]
    created_at: Mapped[datetime]
    backfill: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether its jobs come after those of the weekly work."""


class ListedFileRow(Base):
    """Where the file of a sample lies that a genome center left in its folder, from when it was seen there."""

    __tablename__ = "listed_files"

    sample_id: Mapped[str] = mapped_column(ForeignKey("samples.sample_id"), primary_key=True)
    folder_url: Mapped[str] = mapped_column(String(2000))
    name: Mapped[str] = mapped_column(String(300))
    version: Mapped[str] = mapped_column(String(64))
    """SHA-256 of what the folder's listing says of the file (size, time, tag): another one is another file."""
    refused_as: Mapped[str | None]
    """Code of the refusal of this version; None: it was not refused."""
    problem: Mapped[str | None] = mapped_column(String(500))
    """The same in words."""
    listed_at: Mapped[datetime]


class DataFileRow(Base):
    """A received file, sealed on disk under its own id as its name. Size and SHA-256 are of its clear bytes."""

    __tablename__ = "data_files"

    file_id: Mapped[str] = mapped_column(primary_key=True)
    sample_id: Mapped[str] = mapped_column(ForeignKey("samples.sample_id"), index=True)
    role: Mapped[str]
    sha256: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    data_key_id: Mapped[str] = mapped_column(ForeignKey("data_keys.key_id"), index=True)
    received_at: Mapped[datetime]


class OutsideCallsRow(Base):
    """What a sample's laboratory says beyond its row, sealed; never changed.

    Pharmacogene results that it got by another method, and its own quality measures and names of tube, plate and well.
    """

    __tablename__ = "outside_calls"

    sample_id: Mapped[str] = mapped_column(ForeignKey("samples.sample_id"), primary_key=True)
    sealed: Mapped[bytes]
    data_key_id: Mapped[str] = mapped_column(ForeignKey("data_keys.key_id"), index=True)


class GenotypeCatalogueRow(Base):
    """What stored call sets hold: sites and regions, no one's data. Kept, so that each of them can always be read."""

    __tablename__ = "genotype_catalogues"

    digest: Mapped[str] = mapped_column(primary_key=True)
    packed: Mapped[bytes]
    created_at: Mapped[datetime]


class VariantSegmentRow(Base):
    """A piece of the index of carried variants, sealed under a data key of its own; nothing but a cache.

    It is dissolved, key destroyed and bytes removed, as soon as one of its samples is erased or stored anew.
    """

    __tablename__ = "variant_segments"

    segment_id: Mapped[str] = mapped_column(primary_key=True)
    sealed: Mapped[bytes | None]
    data_key_id: Mapped[str] = mapped_column(ForeignKey("data_keys.key_id"), index=True)
    samples: Mapped[int]
    created_at: Mapped[datetime]


class FingerprintSegmentRow(Base):
    """Fingerprints of many samples, sealed under one data key, so that a process opens them at once; only a cache.

    It is dissolved, key destroyed and bytes removed, as soon as one of its samples is erased.
    """

    __tablename__ = "fingerprint_segments"

    segment_id: Mapped[str] = mapped_column(primary_key=True)
    panel_release: Mapped[str]
    sealed: Mapped[bytes | None]
    data_key_id: Mapped[str] = mapped_column(ForeignKey("data_keys.key_id"))
    samples: Mapped[int]
    created_at: Mapped[datetime]


class StoredGenotypesRow(Base):
    """What interpreters need of a sample's file, sealed; made by the reading of the file, and again by the next one."""

    __tablename__ = "stored_genotypes"
    # What the index of variants asks of every row, so that nobody's genotypes are passed on the way to it.
    __table_args__ = (Index(None, "segment_id", "catalogue_digest", "build", "sample_id"),)

    sample_id: Mapped[str] = mapped_column(ForeignKey("samples.sample_id"), primary_key=True)
    sealed: Mapped[bytes]
    data_key_id: Mapped[str] = mapped_column(ForeignKey("data_keys.key_id"), index=True)
    build: Mapped[str]
    catalogue_digest: Mapped[str] = mapped_column(ForeignKey("genotype_catalogues.digest"))
    created_at: Mapped[datetime]
    segment_id: Mapped[str | None] = mapped_column(ForeignKey("variant_segments.segment_id"))
    """Which piece of the index holds its variants; None: none does yet."""
    carried: Mapped[bytes | None]
    """Numbers of the alleles that it carries, sealed under the same key: what the index is made from."""


class FingerprintRow(Base):
    """The genotypes of a sample at the sites of a fingerprint panel, sealed; one a sample, of one panel release."""

    __tablename__ = "fingerprints"

    sample_id: Mapped[str] = mapped_column(ForeignKey("samples.sample_id"), primary_key=True)
    panel_release: Mapped[str]
    sealed: Mapped[bytes]
    data_key_id: Mapped[str] = mapped_column(ForeignKey("data_keys.key_id"), index=True)
    segment_id: Mapped[str | None] = mapped_column(ForeignKey("fingerprint_segments.segment_id"), index=True)
    """Which piece holds it as well; None: none does yet."""


class RelationshipRow(Base):
    """Two participants who are related by birth, as they or their families say. A pair stands once, in its order."""

    __tablename__ = "relationships"

    participant_id: Mapped[str] = mapped_column(ForeignKey("participants.participant_id"), primary_key=True)
    relative_id: Mapped[str] = mapped_column(ForeignKey("participants.participant_id"), primary_key=True, index=True)
    kind: Mapped[str]
    registered_by: Mapped[str]
    registered_at: Mapped[datetime]


class QcAssessmentRow(Base):
    """The verdict of the quality gate on one reading, rule by rule."""

    __tablename__ = "qc_assessments"

    assessment_id: Mapped[str] = mapped_column(primary_key=True)
    sample_id: Mapped[str] = mapped_column(ForeignKey("samples.sample_id"), index=True)
    verdict: Mapped[str]
    policy_version: Mapped[str]
    reasons: Mapped[list[str]]
    """Names of the rules that hold the sample, or the code of the reader's error."""
    rules: Mapped[list[Json]]
    assessed_at: Mapped[datetime]


class IdentityCaseRow(Base):
    """A suspected swap or mix-up; while it is open every result of every member is suspended."""

    __tablename__ = "identity_cases"
    __table_args__ = (
        # Nobody's results come back without a person who answers for it, whatever the code does.
        CheckConstraint(
            "resolved_at IS NULL OR "
            "(resolved_by <> '' AND resolution IS NOT NULL AND resolved_by IS NOT NULL "
            "AND resolution_reason IS NOT NULL AND resolution_reason <> '')",
            name="resolved_with_reason",
        ),
    )

    identity_case_id: Mapped[str] = mapped_column(primary_key=True)
    opened_at: Mapped[datetime]
    reason: Mapped[str]
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[str | None]
    resolution: Mapped[str | None]
    resolution_reason: Mapped[str | None] = mapped_column(String(2000))


class IdentityCaseSampleRow(Base):
    """A sample that gave rise to an identity case."""

    __tablename__ = "identity_case_samples"

    identity_case_id: Mapped[str] = mapped_column(ForeignKey("identity_cases.identity_case_id"), primary_key=True)
    sample_id: Mapped[str] = mapped_column(ForeignKey("samples.sample_id"), primary_key=True, index=True)


class IdentityCaseMemberRow(Base):
    """A participant whom an identity case concerns."""

    __tablename__ = "identity_case_members"

    identity_case_id: Mapped[str] = mapped_column(ForeignKey("identity_cases.identity_case_id"), primary_key=True)
    participant_id: Mapped[str] = mapped_column(ForeignKey("participants.participant_id"), primary_key=True)


_UNJOURNALED = text("destroyed_at IS NOT NULL AND journaled_at IS NULL")


class DataKeyRow(Base):
    """A wrapped data key. `wrapped` becomes NULL when the key is destroyed: what it sealed is erased everywhere."""

    __tablename__ = "data_keys"
    __table_args__ = (
        Index("ix_data_keys_unjournaled", "key_id", postgresql_where=_UNJOURNALED, sqlite_where=_UNJOURNALED),
    )

    key_id: Mapped[str] = mapped_column(primary_key=True)
    key_encryption_key_id: Mapped[str]
    wrapped: Mapped[bytes | None]
    created_at: Mapped[datetime]
    destroyed_at: Mapped[datetime | None]
    journaled_at: Mapped[datetime | None]
    """When its destruction was written down outside of the database, so that no backup brings it back."""


class InterpretationRow(Base):
    """What one interpreter said about one sample, sealed; never changed."""

    __tablename__ = "interpretations"

    interpretation_id: Mapped[str] = mapped_column(primary_key=True)
    sample_id: Mapped[str] = mapped_column(ForeignKey("samples.sample_id"), index=True)
    participant_id: Mapped[str] = mapped_column(ForeignKey("participants.participant_id"), index=True)
    module: Mapped[str]
    interpreter_version: Mapped[str]
    knowledge_release: Mapped[str]
    knowledge_digest: Mapped[str]
    input_sha256: Mapped[str]
    sealed: Mapped[bytes]
    data_key_id: Mapped[str] = mapped_column(ForeignKey("data_keys.key_id"), index=True)
    created_at: Mapped[datetime]


class ResultCaseRow(Base):
    """A participant's result of one module. Consenting again after a withdrawal opens a new case."""

    __tablename__ = "result_cases"
    __table_args__ = (UniqueConstraint("participant_id", "module", "generation"),)

    case_id: Mapped[str] = mapped_column(primary_key=True)
    participant_id: Mapped[str] = mapped_column(ForeignKey("participants.participant_id"), index=True)
    module: Mapped[str]
    generation: Mapped[int] = mapped_column(Integer)
    sample_id: Mapped[str | None] = mapped_column(ForeignKey("samples.sample_id"))
    interpretation_id: Mapped[str | None] = mapped_column(ForeignKey("interpretations.interpretation_id"))
    state: Mapped[str] = mapped_column(index=True)
    requires_confirmation: Mapped[bool] = mapped_column(default=False)
    """Whether the result may be shown only after review, confirmation and disclosure."""
    confirmation: Mapped[str]
    disclosure: Mapped[str]
    updated_at: Mapped[datetime]


class ReviewCaseRow(Base):
    """An interpretation that people must look at.

    That of its case holds the result back. Another one stands beside a result that was returned: a reanalysis found it.
    """

    __tablename__ = "review_cases"

    review_id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("result_cases.case_id"), index=True)
    interpretation_id: Mapped[str] = mapped_column(ForeignKey("interpretations.interpretation_id"), unique=True)
    tier: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)
    reasons: Mapped[list[str]]
    """Why people must look: neutral codes without gene or variant."""
    urgency: Mapped[str]
    """`urgent`, `soon` or `routine`."""
    assignee: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class SignOffRow(Base):
    """One person's signature on a review; the database lets nobody sign twice."""

    __tablename__ = "sign_offs"
    __table_args__ = (UniqueConstraint("review_id", "signer"),)

    sign_off_id: Mapped[str] = mapped_column(primary_key=True)
    review_id: Mapped[str] = mapped_column(ForeignKey("review_cases.review_id"), index=True)
    signer: Mapped[str]
    role: Mapped[str]
    dispositions: Mapped[list[str]]
    """For each finding under review, in its order: `report` or `do_not_report`."""
    reason: Mapped[str] = mapped_column(String(2000))
    signed_at: Mapped[datetime]


class ReviewNoteRow(Base):
    """What somebody who works on a review writes for the others. Never changed."""

    __tablename__ = "review_notes"

    note_id: Mapped[str] = mapped_column(primary_key=True)
    review_id: Mapped[str] = mapped_column(ForeignKey("review_cases.review_id"), index=True)
    author: Mapped[str]
    role: Mapped[str]
    text: Mapped[str] = mapped_column(String(2000))
    at: Mapped[datetime]


class SavedFilterRow(Base):
    """Filters of the work list that somebody of the staff keeps under a name."""

    __tablename__ = "saved_filters"

    owner: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    query: Mapped[str]
    """As in the address of the list."""


class VariantDecisionRow(Base):
    """What a finished review decided on a variant. No link to a person or review, and the month alone.

    The variant is a hash under a secret that is not in the database, so that a row tells nothing by itself.
    """

    __tablename__ = "variant_decisions"

    decision_id: Mapped[str] = mapped_column(primary_key=True)
    variant_hash: Mapped[str] = mapped_column(index=True)
    disposition: Mapped[str]
    genotype: Mapped[str]
    """Zygosity, or `two_variants`."""
    knowledge_release: Mapped[str]
    decided_in: Mapped[date]
    """First day of the month."""


class ConfirmationOrderRow(Base):
    """A confirmation on a second specimen by a clinical laboratory; ordered again where the first one failed."""

    __tablename__ = "confirmation_orders"

    order_id: Mapped[str] = mapped_column(primary_key=True)
    review_id: Mapped[str] = mapped_column(ForeignKey("review_cases.review_id"), index=True)
    laboratory: Mapped[str]
    result: Mapped[str | None]
    ordered_by: Mapped[str]
    ordered_at: Mapped[datetime]
    reported_by: Mapped[str | None]
    reported_at: Mapped[datetime | None]


class ReportRow(Base):
    """The report of one case to one audience; its content lives in versions.

    That audience is the participant, who also gets the files that are written for a clinician, to hand on.
    """

    __tablename__ = "reports"
    __table_args__ = (UniqueConstraint("case_id", "audience"),)

    report_id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("result_cases.case_id"))
    participant_id: Mapped[str] = mapped_column(ForeignKey("participants.participant_id"), index=True)
    module: Mapped[str]
    audience: Mapped[str]


class ReportVersionRow(Base):
    """One version of a report in all its languages and formats; its bytes never change."""

    __tablename__ = "report_versions"
    __table_args__ = (
        UniqueConstraint("report_id", "number"),
        # At most one version of a report can be read, whatever the code does.
        Index(
            "uq_report_versions_released",
            "report_id",
            unique=True,
            postgresql_where=text("state = 'released'"),
            sqlite_where=text("state = 'released'"),
        ),
    )

    version_id: Mapped[str] = mapped_column(primary_key=True)
    report_id: Mapped[str] = mapped_column(ForeignKey("reports.report_id"))
    interpretation_id: Mapped[str] = mapped_column(ForeignKey("interpretations.interpretation_id"))
    number: Mapped[int]
    kind: Mapped[str]
    reason: Mapped[str]
    state: Mapped[str]
    content_digest: Mapped[str]
    """SHA-256 over the names and SHA-256 of all artifacts."""
    template_digest: Mapped[str]
    knowledge_digest: Mapped[str]
    policy_version: Mapped[str]
    data_key_id: Mapped[str] = mapped_column(ForeignKey("data_keys.key_id"), index=True)
    created_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_cause: Mapped[str | None]
    """Code of what took it back."""
    kept_until: Mapped[datetime | None] = mapped_column(index=True)
    """After a death, until when its key is kept for the person who was named; nobody reads it but for that one."""


_AMENDMENT_OPEN = text("state NOT IN ('available', 'revoked')")


class AmendmentRow(Base):
    """What people, or new knowledge, do to a report that was returned: its next version on the way, or its taking back.

    It goes through the states of a result case, beside the case: until its version is released, the case and the
    version that is read stay as they are. `available` means that its version was released, `revoked` that none came of
    it.
    """

    __tablename__ = "amendments"
    __table_args__ = (
        # One next version at a time, whatever the code does.
        Index(
            "uq_amendments_open",
            "case_id",
            unique=True,
            postgresql_where=_AMENDMENT_OPEN,
            sqlite_where=_AMENDMENT_OPEN,
        ),
    )

    amendment_id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("result_cases.case_id"), index=True)
    participant_id: Mapped[str] = mapped_column(ForeignKey("participants.participant_id"), index=True)
    module: Mapped[str]
    kind: Mapped[str]
    """`amended`, `corrected`, `addendum` or `withdrawn`."""
    reason: Mapped[str]
    """A code that tells nothing of a result."""
    urgent: Mapped[bool]
    """Whether what was returned does not hold any more: its version goes before all other work."""
    ordered_by: Mapped[str]
    role: Mapped[str]
    sealed: Mapped[bytes | None]
    """What the person who ordered it wrote, and the text that the report gets; it may name a result."""
    data_key_id: Mapped[str | None] = mapped_column(ForeignKey("data_keys.key_id"), index=True)
    sample_id: Mapped[str | None] = mapped_column(ForeignKey("samples.sample_id"))
    interpretation_id: Mapped[str | None] = mapped_column(ForeignKey("interpretations.interpretation_id"))
    requires_confirmation: Mapped[bool]
    confirmation: Mapped[str]
    disclosure: Mapped[str]
    state: Mapped[str]
    version_id: Mapped[str | None] = mapped_column(ForeignKey("report_versions.version_id"))
    """The version that came of it, or that was taken back."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ArtifactRow(Base):
    """One sealed file of a report version."""

    __tablename__ = "artifacts"
    __table_args__ = (UniqueConstraint("version_id", "name"),)

    artifact_id: Mapped[str] = mapped_column(primary_key=True)
    version_id: Mapped[str] = mapped_column(ForeignKey("report_versions.version_id"))
    name: Mapped[str]
    audience: Mapped[str]
    """Whom the file is written for. The participant gets, and may read, every one of them."""
    language: Mapped[str]
    media_type: Mapped[str]
    plaintext_sha256: Mapped[str]
    sealed: Mapped[bytes]


class ReleaseDecisionRow(Base):
    """A decision of the consent gate with every rule's outcome."""

    __tablename__ = "release_decisions"

    decision_id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("result_cases.case_id"), index=True)
    purpose: Mapped[str]
    released: Mapped[bool]
    outcomes: Mapped[list[Json]]
    policy_version: Mapped[str]
    decided_at: Mapped[datetime]


class DeliveryRow(Base):
    """A version on its way to one partner. An intent is committed before anything leaves."""

    __tablename__ = "deliveries"
    __table_args__ = (UniqueConstraint("version_id", "partner_id"),)

    delivery_id: Mapped[str] = mapped_column(primary_key=True)
    version_id: Mapped[str] = mapped_column(ForeignKey("report_versions.version_id"))
    case_id: Mapped[str] = mapped_column(ForeignKey("result_cases.case_id"), index=True)
    participant_id: Mapped[str] = mapped_column(ForeignKey("participants.participant_id"), index=True)
    partner_id: Mapped[str] = mapped_column(ForeignKey("organizations.organization_id"))
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(index=True)
    manifest_sha256: Mapped[str]
    """Of the bundle's manifest; the partner's receipts repeat it."""
    bundle: Mapped[bytes | None]
    """What is sent, sealed to the partner: the same bytes at every try; forgotten once it arrived or was recalled."""
    intended_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class DeliveryAttemptRow(Base):
    """One try to send or to recall."""

    __tablename__ = "delivery_attempts"

    attempt_id: Mapped[str] = mapped_column(primary_key=True)
    delivery_id: Mapped[str] = mapped_column(ForeignKey("deliveries.delivery_id"), index=True)
    action: Mapped[str]
    outcome: Mapped[str]
    attempted_at: Mapped[datetime]


class ReceiptRow(Base):
    """A partner's signed receipt, verified before it was stored."""

    __tablename__ = "receipts"

    receipt_id: Mapped[str] = mapped_column(primary_key=True)
    delivery_id: Mapped[str] = mapped_column(ForeignKey("deliveries.delivery_id"), index=True)
    status: Mapped[str]
    token: Mapped[str] = mapped_column(String(4000))
    manifest_sha256: Mapped[str]
    """Empty where the partner acknowledged the recall of something that it never had."""
    received_at: Mapped[datetime]


class RecallRow(Base):
    """An order to a partner to delete a delivery that it has, or may have."""

    __tablename__ = "recalls"

    recall_id: Mapped[str] = mapped_column(primary_key=True)
    delivery_id: Mapped[str] = mapped_column(ForeignKey("deliveries.delivery_id"), unique=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("result_cases.case_id"), index=True)
    cause: Mapped[str]
    state: Mapped[str]
    ordered_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    """Begin of the first try."""
    due_at: Mapped[datetime]
    acknowledged_at: Mapped[datetime | None]


class OutreachTryRow(Base):
    """One step that was taken to reach somebody whose result a counselor tells first. Never changed."""

    __tablename__ = "outreach_tries"
    __table_args__ = (UniqueConstraint("interpretation_id", "number"),)

    try_id: Mapped[str] = mapped_column(primary_key=True)
    participant_id: Mapped[str] = mapped_column(ForeignKey("participants.participant_id"), index=True)
    interpretation_id: Mapped[str] = mapped_column(ForeignKey("interpretations.interpretation_id"))
    """Of what result: the steps begin anew with another."""
    number: Mapped[int]
    """From 1 on, within the outreach of a result."""
    channel: Mapped[str]
    tried: Mapped[str]
    """How it ended, `consent.outreach.Tried`."""
    recorded_by: Mapped[str]
    at: Mapped[datetime]


class AppointmentRow(Base):
    """When a counselor and a participant meet about a result; the last one of a result counts. Never changed."""

    __tablename__ = "appointments"
    __table_args__ = (UniqueConstraint("interpretation_id", "number"),)

    appointment_id: Mapped[str] = mapped_column(primary_key=True)
    participant_id: Mapped[str] = mapped_column(ForeignKey("participants.participant_id"), index=True)
    interpretation_id: Mapped[str] = mapped_column(ForeignKey("interpretations.interpretation_id"))
    number: Mapped[int]
    """From 1 on, of a result."""
    starts_at: Mapped[datetime]
    way: Mapped[str]
    """`phone`, `video` or `in_person`."""
    recorded_by: Mapped[str]
    at: Mapped[datetime]


class WithdrawalRow(Base):
    """A participant's withdrawal of one kind, and once all of it is done the certificate that says so."""

    __tablename__ = "withdrawals"

    withdrawal_id: Mapped[str] = mapped_column(primary_key=True)
    participant_id: Mapped[str] = mapped_column(ForeignKey("participants.participant_id"), index=True)
    kind: Mapped[str]
    requested_at: Mapped[datetime]
    certified_at: Mapped[datetime | None]
    certificate: Mapped[str | None] = mapped_column(Text)
    """JSON Web Signature by the service's key."""


class PartnerBreakerRow(Base):
    """How often a partner failed to answer in a row, and until when it is left alone."""

    __tablename__ = "partner_breakers"

    partner_id: Mapped[str] = mapped_column(ForeignKey("organizations.organization_id"), primary_key=True)
    failures: Mapped[int]
    paused_until: Mapped[datetime | None]


class ReconciliationRow(Base):
    """One comparison of every delivery to a partner with the partner's ledger."""

    __tablename__ = "reconciliations"

    reconciliation_id: Mapped[str] = mapped_column(primary_key=True)
    partner_id: Mapped[str] = mapped_column(ForeignKey("organizations.organization_id"), index=True)
    began_at: Mapped[datetime]
    entries: Mapped[int]
    deliveries: Mapped[int]
    differences: Mapped[list[Json]]
    """Of each its kind and the delivery."""


class ViewEventRow(Base):
    """A participant opened a version, here or at a partner."""

    __tablename__ = "view_events"

    event_id: Mapped[str] = mapped_column(primary_key=True)
    version_id: Mapped[str] = mapped_column(ForeignKey("report_versions.version_id"), index=True)
    source: Mapped[str]
    viewed_at: Mapped[datetime]
    received_at: Mapped[datetime]


class BreakGlassGrantRow(Base):
    """Somebody asks to read a participant's reports without having the case; a second person allows it for a time.

    For what, `purpose` says: in an emergency, or after a death for the person whom the participant named.
    """

    __tablename__ = "break_glass_grants"
    __table_args__ = (
        # Whatever the code does: nobody allows it to themselves, and nothing is allowed without an end.
        CheckConstraint("approved_by IS NULL OR approved_by <> requested_by", name="second_person"),
        CheckConstraint(
            "(approved_by IS NULL AND approved_at IS NULL AND expires_at IS NULL) OR "
            "(approved_by <> '' AND approved_by IS NOT NULL AND approved_at IS NOT NULL AND expires_at IS NOT NULL)",
            name="approved_with_expiry",
        ),
        CheckConstraint("reason <> ''", name="reason"),
    )

    grant_id: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(default="break_glass", server_default="break_glass")
    """`break_glass` or `designee`."""
    participant_id: Mapped[str] = mapped_column(ForeignKey("participants.participant_id"), index=True)
    requested_by: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str] = mapped_column(String(2000))
    requested_at: Mapped[datetime]
    approved_by: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    """When somebody ended it before it expired, or refused it."""


class AuditEventRow(Base):
    """One link of the audit chain."""

    __tablename__ = "audit_events"

    sequence: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    role: Mapped[str]
    purpose: Mapped[str]
    action: Mapped[str]
    object_type: Mapped[str]
    object_id: Mapped[str]
    participant_id: Mapped[str | None] = mapped_column(index=True)
    details: Mapped[Json]
    previous_hash: Mapped[str]
    event_hash: Mapped[str] = mapped_column(unique=True)


_OPEN = text("done_at IS NULL AND dead_at IS NULL")
_ISSUED = text("done_at IS NULL AND dead_at IS NULL AND issued_at IS NOT NULL")


class JobRow(Base):
    """Work for the queue, written with the state change that causes it. The broker message carries only the id."""

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("task", "subject_id"),
        Index("ix_jobs_due", "done_at", "available_at"),
        # What the relay asks each second of a queue that may hold hundreds of thousands: what comes next, and how many
        # were issued and are not finished.
        Index("ix_jobs_open", "task", "urgent", "backfill", "available_at", postgresql_where=_OPEN, sqlite_where=_OPEN),
        Index("ix_jobs_issued", "task", "backfill", postgresql_where=_ISSUED, sqlite_where=_ISSUED),
    )

    job_id: Mapped[str] = mapped_column(primary_key=True)
    task: Mapped[str]
    subject_id: Mapped[str]
    created_at: Mapped[datetime]
    available_at: Mapped[datetime]
    issued_at: Mapped[datetime | None]
    """When a message was last sent to the broker."""
    lease_until: Mapped[datetime | None]
    lease_token: Mapped[str | None]
    """Names the claim: a worker that lost its lease cannot finish the job of another."""
    attempts: Mapped[int] = mapped_column(default=0)
    first_attempt_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    done_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    backfill: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether it comes after the weekly work."""
    urgent: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether it goes before all other work."""
    traceparent: Mapped[str | None] = mapped_column(String(55))
    """The traced step that ordered it, as numbers; None where nothing is traced."""
    claimed_at: Mapped[datetime | None] = mapped_column(index=True)
    """When a worker last took it."""
