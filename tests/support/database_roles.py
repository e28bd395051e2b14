"""The service's role in the database, with the rights that the deployment guide gives it and no more."""

from __future__ import annotations

import re

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from ror_service.storage import migrations
from ror_service.storage.database import make_engine
from support.shared import PROJECT

ROLES, GRANTS = re.findall(r"```sql\n(.*?)```", (PROJECT / "docs/howto/deploy.md").read_text(), flags=re.DOTALL)
"""Statements of the guide: as the database's superuser, and as its owner after each upgrade."""
_NAME = "tests_service"


def run_statements(url: str, statements: str) -> None:
    """Run statements, each in a transaction of its own."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements.split(";\n"):
            if statement.strip():
                connection.execute(text(statement))
    engine.dispose()


def migrated_for_the_service(url: str) -> str:
    """Bring an empty database forward as its owner; returns the URL of a role that owns nothing, as the guide says."""
    owner = make_engine(url)
    migrations.upgrade(owner)
    owner.dispose()
    return as_the_service(url)


def as_the_service(url: str) -> str:
    """The URL of a migrated database for a role that owns nothing in it."""
    parsed = make_url(url)
    of_service = [line for line in GRANTS.split(";\n") if "ror_auditor" not in line]
    run_statements(
        url,
        f"DO $$ BEGIN CREATE ROLE {_NAME} LOGIN PASSWORD '{parsed.password}'; "
        "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
    )
    run_statements(url, ";\n".join(of_service).replace("ror_service", _NAME))
    return parsed.set(username=_NAME).render_as_string(hide_password=False)
