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
            "DROP DATABASE ror WITH (FORCE);\nDROP ROLE ror_owner, ror_service, ror_auditor;\n",
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
    assert _allowed(deployed, "ror_service", "DELETE") == {"sign_offs"}
    assert _allowed(deployed, "ror_service", "TRUNCATE") == set()
    assert _allowed(deployed, "ror_auditor", "SELECT") == {"audit_events"}
    assert _allowed(deployed, "ror_auditor", "INSERT, UPDATE, DELETE") == set()
