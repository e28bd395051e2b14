"""Yesterday's backup, restored after somebody withdrew: with the very lines of the operator's guide, on PostgreSQL.

Then every sealed thing of everybody is tried by every means that the restored system has.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.engine import make_url

from ror_service import pipeline
from ror_service.context import ServiceContext
from ror_service.errors import ErasedError, SealError
from ror_service.sealing import vault
from ror_service.sealing.keys import WrappedKey
from ror_service.storage import data_keys, migrations, results
from ror_service.storage.tables import (
    ArtifactRow,
    DataKeyRow,
    InterpretationRow,
    OwnMedicinesRow,
    ReportRow,
    ReportVersionRow,
)
from ror_service.work import Work
from support.service import FastContext, Service, SettableClock, running_service
from support.shared import PROJECT

GUIDE = PROJECT / "docs/howto/operate.md"


def commands_of_guide() -> dict[str, str]:
    """The guide's shell lines, by the comment above each."""
    found = re.findall(r"^# (\w[^\n]*)\n((?:[^#`\n][^\n]*\n)+)", GUIDE.read_text(), flags=re.MULTILINE)
    return {name: lines for name, lines in found if "pg_dump" in lines or "pg_restore" in lines}


@dataclass
class Backups:
    """Dumps of one day."""

    folder: Path

    def run(self, name: str, url: str) -> None:
        """Run lines of the guide in the folder of the dumps, against a database."""
        at = make_url(url)
        environment = {
            "PATH": os.environ["PATH"],
            "PGHOST": str(at.host),
            "PGPORT": str(at.port),
            "PGUSER": str(at.username),
            "PGPASSWORD": str(at.password),
            "PGDATABASE": str(at.database),
        }
        lines = commands_of_guide()[name]
        subprocess.run(["/bin/sh", "-ec", lines], check=True, cwd=self.folder, env=environment, capture_output=True)  # noqa: S603

    def take_main(self, url: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.run("everything but the keys", url)

    def take_keys(self, url: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.run("the keys", url)

    def restore(self, url: str) -> None:
        """Into an empty database."""
        self.run("a restore", url)


@contextmanager
def working_service(home: Path, url: str, people: int, **settings: object) -> Iterator[Service]:
    """A service with a second place, and people who have reports, medicines and samples."""
    place = home.parent / "second-place"
    chosen = {"database_url": SecretStr(url), "audit_checkpoints": str(place), **settings}
    with running_service(home, **chosen) as service:
        migrations.upgrade(service.context.engine)
        for number in range(people):
            enter(service, person(number))
        yield service


def person(number: int) -> str:
    return f"P-{number:07d}"


def enter(service: Service, name: str) -> None:
    """Somebody with reports, a list of medicines and stored genotypes."""
    service.available("traits", name)
    case = service.found("ancestry", name)
    pipeline.release_report(service.context, case.case_id)
    service.enter_medicines("warfarin", participant_id=name)
    with service.work() as work:
        sample = results.samples_of(work.session, name)[0]
        vault.keep_fingerprint(work, service.context.keys, name, sample.sample_id, b"fingerprint", panel_release="test")


@contextmanager
def restored(original: Service, url: str) -> Iterator[Service]:
    """A service on a restored database, with the keys and the second place of the one that was lost."""
    settings = original.context.settings.model_copy(update={"database_url": SecretStr(url)})
    clock = SettableClock(original.clock.now)
    context = FastContext(settings, clock=clock)
    try:
        yield Service(context, clock)
    finally:
        context.close()


def tried(service: Service, wrapped: Mapping[str, WrappedKey] | None = None) -> dict[str, tuple[int, int]]:
    """Of each person: how many sealed things there are, and how many of them open.

    Args:
        service: On the restored database.
        wrapped: Wrapped keys beyond those in the database, as an old dump of them may hold.
    """
    found: dict[str, tuple[int, int]] = {}
    with service.work() as work:
        owned = data_keys._owned_keys()
        rows = {row.key_id: row for row in work.session.scalars(select(DataKeyRow))}
        for key_id, name, object_id in work.session.execute(select(owned)):
            candidates = [WrappedKey(row.key_encryption_key_id, row.wrapped) for row in [rows[key_id]] if row.wrapped]
            candidates += [wrapped[key_id]] if wrapped and key_id in wrapped else []
            bound = vault.key_context(name, object_id, key_id).associated_data()
            total, opened = found.get(name, (0, 0))
            found[name] = total + 1, opened + any(_unwraps(service.context, one, bound) for one in candidates)
        for name, (total, opened) in list(found.items()):
            for opens in _contents(service, work, name):
                total, opened = total + 1, opened + opens  # noqa: PLW2901 - they are counts
            found[name] = total, opened
    return found


def _unwraps(context: ServiceContext, wrapped: WrappedKey, bound: bytes) -> bool:
    try:
        return bool(context.keys.unwrap(wrapped, bound))
    except SealError:
        return False


def _contents(service: Service, work: Work, name: str) -> Iterator[bool]:
    """Whether each sealed content opens by the service's own functions."""
    session, keys = work.session, service.context.keys
    for row in session.scalars(select(InterpretationRow).where(InterpretationRow.participant_id == name)):
        yield _opens(lambda row=row: vault.open_interpretation(work, keys, row))
    for row in session.scalars(select(OwnMedicinesRow).where(OwnMedicinesRow.participant_id == name)):
        yield _opens(lambda row=row: vault.open_own_medicines(work, keys, row))
    versions = select(ReportVersionRow, ArtifactRow).join(ReportRow).join(ArtifactRow)
    for version, artifact in session.execute(versions.where(ReportRow.participant_id == name)):
        yield _opens(lambda v=version, a=artifact: vault.open_artifact(work, keys, name, v, a))


def _opens(use: Callable[[], object]) -> bool:
    try:
        use()
    except (SealError, ErasedError):
        return False
    return True


def keys_in_database(service: Service) -> dict[str, WrappedKey]:
    """Every wrapped key as it stands now, as a dump of them would hold it."""
    return {
        row.key_id: WrappedKey(row.key_encryption_key_id, row.wrapped)
        for row in service.rows(DataKeyRow)
        if row.wrapped
    }


def rotate(service: Service) -> str:
    """A new key-encryption key that wraps every living data key; returns the old one."""
    keys = service.context.keys
    old = keys.current_key_id()
    keys.rotate()
    with service.work() as work:
        vault.rewrap_keys(work, keys, limit=1_000_000)
    return old
