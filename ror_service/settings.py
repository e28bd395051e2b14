"""All settings in one frozen place, the only reader of the environment. Every name has the prefix `ROR_`."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Self

from pydantic import Field, HttpUrl, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from interpreters.registry import module_names
from report_templates.content import WordingReview
from ror_service.errors import UnsafeConfigurationError

Network = IPv4Network | IPv6Network
LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


def networks_of(text: str) -> tuple[Network, ...]:
    """Networks from a text such as `10.20.0.0/16, fd12:3456::/32`.

    Raises:
        ValueError: If one is malformed.
    """
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


class Mode(StrEnum):
    """How the service runs."""

    EMBEDDED = "embedded"
    """SQLite, Celery in-process, files on disk: for a laptop, a demo, a test."""
    PRODUCTION = "production"
    """PostgreSQL, a broker, workers; unsafe settings are refused at start."""


class Settings(BaseSettings):
    """Settings of one process; see `docs/howto/deploy.md` for the meaning in operation."""

    model_config = SettingsConfigDict(env_prefix="ROR_", frozen=True, extra="forbid")

    mode: Mode = Mode.EMBEDDED
    home: Path = Path("var")
    """Folder of the embedded database, keys and sealed files, where these are not set one by one."""
    database_url: SecretStr | None = None
    broker_url: SecretStr | None = None
    key_folder: Path | None = None
    """Key-encryption keys and signing keys of the file key provider; mode 0700."""
    key_provider: str = "file"
    """Holder of the key-encryption keys: `file` in the key folder, or the PKCS#11 URI of a token."""
    pdf_signing_key: Path | None = None
    """Private key, in PEM and of mode 0600, that PDFs of reports are signed by; they are not signed without one."""
    pdf_signing_certificates: Path | None = None
    """Its certificate in PEM, and behind it those that vouch for it."""
    store_folder: Path | None = None
    """Received genotype files and sealed reports."""
    knowledge_folder: Path | None = None
    """Knowledge releases built by the programme, one folder a module."""
    knowledge_releases: dict[str, str] = Field(default={})
    """Module to the knowledge release in use, as JSON, where it is not the module's default one."""
    module_options: dict[str, dict[str, str]] = Field(default={})
    """Module to its options, as JSON: choices of the programme that are no knowledge, such as the genes it returns."""
    wording_reviews: dict[str, WordingReview] = Field(default={})
    """Module to who approved its wording and when, as JSON. Reports of a health module without one say that it awaits
    clinical review."""
    programme_name: str = "Sample Research Programme"
    support_contact: str = "support.example.org"
    """Phone number or address that a report names for questions; the same in every language."""
    counselor_contact: str = "counseling.example.org"
    """The same, of the genetic counseling service."""
    public_url: HttpUrl = Field(default=HttpUrl("http://127.0.0.1:8080"))
    """Where partners and portals reach the API."""
    issuer: str = "urn:ror:embedded-issuer"
    """`iss` of accepted bearer tokens. The embedded issuer signs with a key of the key folder."""
    audience: str = "ror-api"
    issuer_keys_file: Path | None = None
    """JSON Web Key Set of the organisation's own issuer; in production this or its address is required."""
    issuer_keys_url: HttpUrl | None = None
    """Where the issuer publishes that set, by HTTPS; read again as its keys rotate."""
    issuer_clients: list[str] = Field(default=[])
    """Clients, as JSON, whose tokens are taken (`azp` or `client_id`); empty: all that the audience admits."""
    role_claim: str = Field(default="role", pattern=r"^[A-Za-z0-9_:/-]+(\.[A-Za-z0-9_:/-]+)*$")
    """Claim that names the caller's role, dots between levels: `scope`, `realm_access.roles`."""
    sign_in_url: HttpUrl | None = None
    """Authorization endpoint of the issuer, where the portal sends people to sign in; embedded, a page of its own."""
    token_url: HttpUrl | None = None
    """Token endpoint of the issuer, where the portal exchanges the code of a sign-in."""
    client_id: str = "portal"
    """The portal's name at the issuer."""
    lease_seconds: int = Field(default=300, ge=1)
    """How long a claimed job belongs to its worker before the sweeper gives it to another."""
    queue_depth: int = Field(default=50, ge=2)
    """Messages of one queue that may be unfinished at once; also how many of a backfill new weekly work waits for."""
    backfill_share: float = Field(default=0.1, gt=0, lt=1)
    """Share of these messages that a backfill gets though weekly work waits, so that it never stands still."""
    most_unread_samples: int = Field(default=1000, ge=1)
    """Samples that wait for extraction from which on no further file is fetched."""
    store_reserve_mebibytes: int = Field(default=1024, ge=0)
    """Free space of the store below which no further file is fetched."""
    partner_timeout_seconds: float = Field(default=10.0, gt=0, le=30)
    """Longest wait for a partner; also the longest that a withdrawal waits for a send in progress. Far below the minute
    after which PostgreSQL ends a transaction that does nothing, as one does while it sends."""
    partner_networks: str | None = None
    """Networks that are no public ones and where partners may be all the same: `10.20.0.0/16, fd12:3456::/32`."""
    audit_checkpoints: str | None = None
    """Where signed checkpoints of the audit log are kept: a folder or a URL that fsspec knows, out of reach of whoever
    administers the database."""
    audit_checkpoint_minutes: int = Field(default=60, ge=1)
    """How often the relay writes one."""
    health_waiting_minutes: int = Field(default=60, ge=1)
    """Health is degraded when weekly work waits longer; the next four likewise."""
    health_claim_minutes: int = Field(default=15, ge=1)
    """When work waits and no worker took any for so long."""
    health_intent_minutes: int = Field(default=60, ge=1)
    """When a delivery that was begun has no receipt for so long."""
    health_recall_minutes: int = Field(default=60, ge=1)
    """When a recall is not acknowledged for so long."""
    health_unsigned_minutes: int = Field(default=180, ge=1)
    """When an audit event is in no checkpoint for so long."""
    review_due_days: int = Field(default=14, ge=1)
    downgrade_due_days: int = Field(default=7, ge=1)
    """Days within which a counselor looks at a finding that a reanalysis no longer supports; a proposal that awaits the
    laboratory director."""
    review_lease_minutes: int = Field(default=60, ge=1)
    break_glass_minutes: int = Field(default=60, ge=1, le=1440)
    """How long somebody may read a participant's reports without having the case; a request lapses as fast."""
    reader_memory_mebibytes: int = Field(default=2048, ge=256)
    reader_cpu_seconds: int = Field(default=600, ge=1)

    @property
    def review_due(self) -> timedelta:
        """Time in which a review is to be finished."""
        return timedelta(days=self.review_due_days)

    @property
    def downgrade_due(self) -> timedelta:
        """Time in which the review of a finding that is no longer supported is to be finished."""
        return timedelta(days=self.downgrade_due_days)

    @property
    def messages_for_backfill(self) -> int:
        """Unfinished messages of a queue that a backfill gets in any case: one at least, and never all."""
        return min(math.ceil(self.backfill_share * self.queue_depth), self.queue_depth - 1)

    @property
    def keys(self) -> Path:
        """Folder of the keys that are kept in files."""
        return self.key_folder or self.home / "keys"

    @property
    def store(self) -> Path:
        """Folder of files."""
        return self.store_folder or self.home / "store"

    @property
    def database(self) -> str:
        """SQLAlchemy URL of the database."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{(self.home / 'ror.sqlite3').resolve()}"

    @property
    def broker(self) -> str | None:
        """Broker URL, or None when tasks run in-process."""
        return None if self.broker_url is None else self.broker_url.get_secret_value()

    @property
    def partners_allowed_in(self) -> tuple[Network, ...]:
        """Networks where partners may be though these are no public ones: this machine, where nothing else is set."""
        if self.partner_networks is None:
            return LOOPBACK if self.mode is Mode.EMBEDDED else ()
        return networks_of(self.partner_networks)

    @field_validator("partner_networks")
    @classmethod
    def _refuse_malformed_networks(cls, text: str | None) -> str | None:
        networks_of(text or "")
        return text

    @model_validator(mode="after")
    def _refuse_lease_shorter_than_a_send(self) -> Self:
        if self.lease_seconds <= self.partner_timeout_seconds:
            # Else the sweeper gives a job away while its worker sends, and the next one waits for the first one's lock.
            raise UnsafeConfigurationError("ROR_LEASE_SECONDS must be greater than ROR_PARTNER_TIMEOUT_SECONDS")
        return self

    @model_validator(mode="after")
    def _refuse_half_a_signature(self) -> Self:
        if (self.pdf_signing_key is None) != (self.pdf_signing_certificates is None):
            # Left alone, PDFs would silently not be signed.
            raise UnsafeConfigurationError("ROR_PDF_SIGNING_KEY and ROR_PDF_SIGNING_CERTIFICATES go together")
        return self

    @model_validator(mode="after")
    def _refuse_unknown_modules(self) -> Self:
        for setting in ("knowledge_releases", "module_options", "wording_reviews"):
            named = getattr(self, setting)
            unknown = sorted(set(named).difference(module_names() if named else ()))
            if unknown:
                # Left alone, a choice for a misspelled module would silently not be made.
                there = ", ".join(module_names())
                raise UnsafeConfigurationError(
                    f"ROR_{setting.upper()} names no module: {', '.join(unknown)}; there are {there}"
                )
        return self

    @model_validator(mode="after")
    def _refuse_approvals_that_nobody_gave(self) -> Self:
        for module, review in self.wording_reviews.items():
            if not review.reviewer.strip() or review.approved_on > datetime.now(UTC).date():
                raise UnsafeConfigurationError(
                    f"ROR_WORDING_REVIEWS: name who approved the wording of {module}, and a day that has come"
                )
        return self

    @model_validator(mode="after")
    def _refuse_unsafe_production(self) -> Self:
        if self.mode is not Mode.PRODUCTION:
            return self
        if not self.database.startswith("postgresql"):
            raise UnsafeConfigurationError("ROR_DATABASE_URL must name a PostgreSQL database in production")
        if self.broker is None:
            raise UnsafeConfigurationError("ROR_BROKER_URL must name RabbitMQ or Redis in production")
        if self.issuer_keys_file is None and self.issuer_keys_url is None:
            raise UnsafeConfigurationError(
                "ROR_ISSUER_KEYS_URL or ROR_ISSUER_KEYS_FILE must name your issuer's key set in production"
            )
        if self.issuer_keys_url is not None and self.issuer_keys_url.scheme != "https":
            raise UnsafeConfigurationError("ROR_ISSUER_KEYS_URL must begin with https: in production")
        if self.key_folder is None or self.store_folder is None:
            raise UnsafeConfigurationError("ROR_KEY_FOLDER and ROR_STORE_FOLDER must be set in production")
        return self


def settings() -> Settings:
    """The environment's settings.

    Raises:
        UnsafeConfigurationError: Naming the settings that are malformed, without their values.
    """
    try:
        return Settings()
    except ValidationError as error:
        names = ", ".join(_name(*item["loc"]) for item in error.errors())
        raise UnsafeConfigurationError(f"malformed: {names}; see docs/reference/settings.md") from error
    except SettingsError as error:
        raise UnsafeConfigurationError(f"not JSON: {error}; see docs/reference/settings.md") from error


def _name(setting: int | str, *within: int | str) -> str:
    return f"ROR_{setting}".upper() + (f" ({'.'.join(map(str, within))})" if within else "")
