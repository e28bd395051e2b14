"""The database roles of the deployment guide: its own statements, run on a real PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, create_engine, text
from support.database_roles import GRANTS, ROLES, run_statements

from ror_service.storage import migrations
from ror_service.storage.tables import Base

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.servers import PostgresServer

APPEND_ONLY = {
    "audit_events",
    "consent_records",
    "module_decisions",
    "release_decisions",
    "receipts",
    "interpretations",
    "artifacts",
    "outside_calls",
    "outreach_tries",
    "designee_namings",
    "review_notes",
    "appointments",
}


@pytest.fixture
def deployed(postgres_server: PostgresServer) -> Iterator[Engine]:
    """A database set up as the guide says, seen by its superuser."""
    as_owner = f"{postgres_server.url('ror')}?options=-crole%3Dror_owner"
    run_statements(postgres_server.url("postgres"), ROLES)
    engine = create_engine(postgres_server.url("ror"))
    try:
        owner = create_engine(as_owner)
        migrations.upgrade(owner)
        owner.dispose()
        run_statements(as_owner, GRANTS)
        yield engine
    finally:
        engine.dispose()
        run_statements(
            postgres_server.url("postgres"),
            "DROP DATABASE ror WITH (FORCE);\nDROP ROLE ror_owner, ror_service, ror_auditor, ror_backup;\n",
        )


def _allowed(engine: Engine, role: str, action: str) -> set[str]:
    statement = (
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace "
        "AND has_table_privilege(:role, oid, :action)"
    )
    with engine.connect() as connection:
        return set(connection.scalars(text(statement), {"role": role, "action": action}))


def test_each_role_may_do_what_the_guide_says_and_no_more(deployed: Engine) -> None:
    tables = set(Base.metadata.tables)
    assert _allowed(deployed, "ror_service", "SELECT") == tables | {"alembic_version"}
    assert _allowed(deployed, "ror_service", "INSERT") == tables
    assert _allowed(deployed, "ror_service", "UPDATE") == tables - APPEND_ONLY
    assert _allowed(deployed, "ror_service", "DELETE") == {"sign_offs", "saved_filters"}
    assert _allowed(deployed, "ror_service", "TRUNCATE") == set()
    assert _allowed(deployed, "ror_auditor", "SELECT") == {"audit_events"}
    assert _allowed(deployed, "ror_auditor", "INSERT, UPDATE, DELETE") == set()


def test_the_auditor_sees_the_log_the_owner_and_the_nameless_service_no_row_and_a_backup_every_one(
    deployed: Engine, postgres_server: PostgresServer
) -> None:
    row = {column.name: "x" for column in Base.metadata.tables["audit_events"].columns}
    row |= {"sequence": "1", "at": "2026-01-02 03:04:05+00:00", "details": "{}"}
    with deployed.begin() as connection:
        names = ", ".join(row)
        connection.execute(text(f"INSERT INTO audit_events ({names}) VALUES (:{', :'.join(row)})"), row)
        # As at a sign-in: settings of a role count from there.
        settings = connection.scalars(text("SELECT unnest(rolconfig) FROM pg_roles WHERE rolname = 'ror_auditor'"))
        assert settings.all() == ["ror.role=auditor"]
    for role, own_settings, count in (
        ("ror_auditor", "-cror.role=auditor", 1), ("ror_owner", "", 0), ("ror_service", "", 0), ("ror_backup", "", 1),
    ):  # fmt: skip
        url = f"{postgres_server.url('ror')}?options=-crole%3D{role}%20{own_settings.replace('=', '%3D')}"
        engine = create_engine(url)
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM audit_events")) == count, role
        engine.dispose()
