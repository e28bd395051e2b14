"""Row-level security on PostgreSQL: who sees which rows of a person's data, table by table.

Every transaction says in whose name it is (`speak_for`); PostgreSQL shows it the rows below and no other, whatever a
query forgets to ask for. Without a name, or for a role or table that is not named here, there is no row. SQLite has no
such thing: there one process holds the database, and the queries alone decide.

Whoever sees a row may hold it (`FOR SHARE`, `FOR UPDATE`): the consent lock needs that. Writing is asked apart. The
service itself, role `service`, sees and writes everything: it takes over within a caller's transaction by
`Work.as_service`, after the caller was found to see what it asks for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

SERVICE = "service"
_SPOKEN = "ror.role"
"""Entry of `Session.info`: in which role the transaction is at this moment."""
_ROLE = "(SELECT current_setting('ror.role', true))"
_WHO = "(SELECT current_setting('ror.subject', true))"

PARTICIPANT, PORTAL, CENTER, PARTNER = "participant", "portal", "genome_center", "delivery_partner"
COUNSELOR, DIRECTOR, CLINICAL = "genetic_counselor", "laboratory_director", "clinical_laboratory"
OPERATOR, AUDITOR = "operator", "auditor"


@dataclass(frozen=True, slots=True)
class Rows:
    """Which rows of a table each role sees, may add, and may change; the service does all of it."""

    see: Mapping[str, str] = field(default_factory=dict)
    add: Mapping[str, str] = field(default_factory=dict)
    change: Mapping[str, str] = field(default_factory=dict)
    """What a row that is seen may be changed to."""


def _of(parent: str, key: str, column: str | None = None) -> str:
    """Rows whose parent row the same role sees: one look-up by an index."""
    return f"EXISTS (SELECT FROM {parent} parent WHERE parent.{column or key} = {{table}}.{key})"


_ALL = "true"
_OWN = f"participant_id = {_WHO}"
_GRANTED = (
    "EXISTS (SELECT FROM break_glass_grants given WHERE given.participant_id = {table}.participant_id "
    f"AND given.requested_by = {_WHO} AND given.approved_at IS NOT NULL AND given.ended_at IS NULL "
    "AND given.expires_at > clock_timestamp())"
)
"""A second person gave the caller access to this participant, for a time by the database's clock."""
_CASE, _SAMPLE, _REPORT = _of("result_cases", "case_id"), _of("samples", "sample_id"), _of("reports", "report_id")
_VERSION, _REVIEW, _DELIVERY = (
    _of("report_versions", "version_id"),
    _of("review_cases", "review_id"),
    _of("deliveries", "delivery_id"),
)
_WITH_A_CASE = _of("result_cases", "participant_id")
"""Participants with a case that the role sees, as who is under review."""
_KEY = " OR ".join(
    f"EXISTS (SELECT FROM {sealed} WHERE {sealed}.data_key_id = {{table}}.key_id)"
    for sealed in ("own_medicines", "designee_namings", "report_versions", "interpretations")
)
"""The keys of the sealed rows that the role sees, and no other key."""
_IN_REVIEW = (
    "ror_under_review({table}.case_id) OR {table}.state IN ('signed_off', 'disclosure_scheduled', 'disclosed') "
    f"OR {_GRANTED}"
)
_REVIEWERS = (COUNSELOR, DIRECTOR)


def _each(roles: tuple[str, ...], condition: str) -> dict[str, str]:
    return dict.fromkeys(roles, condition)


POLICY: Mapping[str, Rows] = {
    # A person and what the person said.
    "participants": Rows(
        see={PARTICIPANT: _OWN, PORTAL: _ALL, OPERATOR: _ALL, COUNSELOR: _WITH_A_CASE, DIRECTOR: _WITH_A_CASE},
        add={PORTAL: _ALL},
        change={PARTICIPANT: _OWN, PORTAL: _ALL, OPERATOR: _ALL},
    ),
    "consent_records": Rows(
        see={PARTICIPANT: _OWN, PORTAL: _ALL, **_each(_REVIEWERS, _WITH_A_CASE)},
        add={PARTICIPANT: _OWN, PORTAL: _ALL},
    ),
    "module_decisions": Rows(
        see={PARTICIPANT: _OWN, PORTAL: _ALL, **_each(_REVIEWERS, _WITH_A_CASE)},
        add={PARTICIPANT: _OWN, PORTAL: _ALL},
    ),
    "own_medicines": Rows(see={PARTICIPANT: _OWN}),
    "designee_namings": Rows(see={PARTICIPANT: _OWN, **_each(_REVIEWERS, _GRANTED)}),
    "withdrawals": Rows(
        see={PARTICIPANT: _OWN, PORTAL: _ALL, OPERATOR: _ALL}, add={PARTICIPANT: _OWN, PORTAL: _ALL, OPERATOR: _ALL}
    ),
    # Samples: a center sees its own, with the verdicts; an operator how many are where.
    "samples": Rows(
        see={
            CENTER: f"genome_center = {_WHO}", PARTICIPANT: _OWN, OPERATOR: _ALL, COUNSELOR: _WITH_A_CASE,
            DIRECTOR: f"{_WITH_A_CASE} OR {_of('identity_case_samples', 'sample_id')}",
        },
        add={CENTER: f"genome_center = {_WHO}"},
        change={CENTER: f"genome_center = {_WHO}"},
    ),
    "listed_files": Rows(see={CENTER: _SAMPLE, OPERATOR: _ALL}, add={CENTER: _SAMPLE}, change={CENTER: _SAMPLE}),
    "data_files": Rows(see={CENTER: _SAMPLE, OPERATOR: _ALL}),
    "qc_assessments": Rows(see={CENTER: _SAMPLE, OPERATOR: _ALL, **_each(_REVIEWERS, _SAMPLE)}),
    # Sealed, and opened by the service alone.
    "outside_calls": Rows(),
    "stored_genotypes": Rows(),
    "fingerprints": Rows(),
    "variant_segments": Rows(),
    "fingerprint_segments": Rows(),
    # Whose sample it is.
    "identity_cases": Rows(see={DIRECTOR: _ALL, PARTICIPANT: _of("identity_case_members", "identity_case_id"),
                                COUNSELOR: _of("identity_case_members", "identity_case_id")}),
    "identity_case_samples": Rows(see={DIRECTOR: _ALL}),
    "identity_case_members": Rows(see={DIRECTOR: _ALL, PARTICIPANT: _OWN, COUNSELOR: _WITH_A_CASE}),
    "relationships": Rows(),
    # Results: what is under review for those who review, states for operators, findings and keys for neither of these.
    "data_keys": Rows(see={PARTICIPANT: _KEY, **_each(_REVIEWERS, _KEY)}),
    "interpretations": Rows(
        see=_each(_REVIEWERS, "EXISTS (SELECT FROM result_cases seen WHERE seen.participant_id = "
                              "{table}.participant_id AND seen.module = {table}.module "
                              "AND ror_under_review(seen.case_id))"),
    ),
    "result_cases": Rows(see={PARTICIPANT: _OWN, OPERATOR: _ALL, **_each(_REVIEWERS, _IN_REVIEW)}),
    # The next version of a report that was returned, beside its case.
    "amendments": Rows(see={PARTICIPANT: _OWN, **_each(_REVIEWERS, "ror_under_review({table}.case_id)")}),
    "review_cases": Rows(see={PARTICIPANT: _CASE, OPERATOR: _ALL, **_each(_REVIEWERS, _ALL)}),
    "sign_offs": Rows(see={PARTICIPANT: _REVIEW, **_each(_REVIEWERS, _ALL)}),
    "confirmation_orders": Rows(
        see={
            CLINICAL: f"reported_by IS NULL OR reported_by = {_WHO}", PARTICIPANT: _REVIEW, **_each(_REVIEWERS, _REVIEW)
        },
    ),
    "outreach_tries": Rows(
        see={PARTICIPANT: _OWN, **_each(_REVIEWERS, _of("interpretations", "interpretation_id"))}
    ),
    "appointments": Rows(see={PARTICIPANT: _OWN, **_each(_REVIEWERS, _of("interpretations", "interpretation_id"))}),
    "review_notes": Rows(see=_each(_REVIEWERS, _ALL)),
    "saved_filters": Rows(see=_each(_REVIEWERS, f"owner = {_WHO}")),
    # Reports: a reviewer reads one only by a grant of a second person.
    "reports": Rows(see={PARTICIPANT: _OWN, **_each(_REVIEWERS, _GRANTED)}),
    "report_versions": Rows(
        see={PARTICIPANT: _REPORT, PARTNER: _of("deliveries", "version_id"), **_each(_REVIEWERS, _REPORT)}
    ),
    "artifacts": Rows(see={PARTICIPANT: _VERSION, **_each(_REVIEWERS, _VERSION)}),
    "release_decisions": Rows(add={PARTICIPANT: _CASE, **_each(_REVIEWERS, _CASE)}),
    "view_events": Rows(see={PARTICIPANT: _VERSION}),
    # Deliveries: a partner sees its own, sealed to it; an operator where each is.
    "deliveries": Rows(see={PARTICIPANT: _OWN, PARTNER: f"partner_id = {_WHO}", OPERATOR: _ALL}),
    "delivery_attempts": Rows(see={PARTICIPANT: _DELIVERY, PARTNER: _DELIVERY, OPERATOR: _DELIVERY}),
    "receipts": Rows(see={PARTICIPANT: _DELIVERY, PARTNER: _DELIVERY, OPERATOR: _DELIVERY}),
    "recalls": Rows(see={PARTICIPANT: _DELIVERY, PARTNER: _DELIVERY, OPERATOR: _DELIVERY}),
    # Who may look behind all of this for a time; whoever asks is never the one who allows it. After a death, for the
    # person who was named, a counselor asks and a laboratory director allows.
    "break_glass_grants": Rows(
        see={PARTICIPANT: _OWN, AUDITOR: _ALL, **_each(_REVIEWERS, _ALL)},
        add={
            COUNSELOR: f"requested_by = {_WHO} AND approved_by IS NULL",
            DIRECTOR: f"requested_by = {_WHO} AND approved_by IS NULL AND purpose = 'break_glass'",
        },
        change={
            COUNSELOR: "approved_by IS NULL OR ended_at IS NOT NULL "
            f"OR (approved_by = {_WHO} AND purpose = 'break_glass')",
            DIRECTOR: f"approved_by IS NULL OR ended_at IS NOT NULL OR approved_by = {_WHO}",
            AUDITOR: "ended_at IS NOT NULL",
        },
    ),
    # Everybody writes to the log, in no name but their own.
    "audit_events": Rows(see={AUDITOR: _ALL, PARTICIPANT: _OWN}),
}  # fmt: skip
"""Table to who sees what of it."""

WITHOUT_PERSONS: Mapping[str, str] = {
    "organizations": "registrations and public keys",
    "jobs": "opaque ids of what is to be done; messages of the broker carry the same",
    "partner_breakers": "how often a partner failed",
    "reconciliations": "counts, and ids of deliveries",
    "genotype_catalogues": "sites, nobody's genotypes",
    "variant_decisions": "a hash and a month, without a link to a person",
}
"""Tables without row-level security, and why nobody is told of by them."""

_AS_SERVICE = (
    "LANGUAGE plpgsql AS $$ DECLARE before text := current_setting('ror.role', true); BEGIN "
    "PERFORM set_config('ror.role', 'service', true); {} PERFORM set_config('ror.role', before, true); RETURN; END $$"
)
_FUNCTIONS = {
    "ror_audit_head(OUT number bigint, OUT head text)": _AS_SERVICE.format(
        "SELECT sequence, event_hash INTO number, head FROM audit_events ORDER BY sequence DESC LIMIT 1;"
    ),
    "ror_under_review(wanted text, OUT is_open boolean)": _AS_SERVICE.format(
        "is_open := EXISTS (SELECT FROM review_cases WHERE case_id = wanted AND state <> 'closed') OR "
        "EXISTS (SELECT FROM amendments WHERE case_id = wanted AND state NOT IN ('available', 'revoked'));"
    ),
}
"""What is told across the policy, and no more: the hash that the next event follows, and whether people have still
to do with a result or with the next version of its report."""


def speak_for(session: Session, role: str, subject: str) -> None:
    """Say in whose name a transaction is; forgotten at its end, so that no later one on the connection inherits it."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(
            text("SELECT set_config('ror.role', :role, true), set_config('ror.subject', :subject, true)"),
            {"role": role, "subject": subject},
        )
        session.info[_SPOKEN] = role


def speak_as_service(connection: Connection) -> None:
    """The same for a transaction without a session: migrations have rows to move, and owners see none either."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT set_config('ror.role', :role, true)"), {"role": SERVICE})


@contextmanager
def seeing_all(session: Session) -> Iterator[None]:
    """Let the service take over for a while, in the caller's name; what was written before goes in the caller's role.

    Writes wait in the session until they are flushed: they are, before each change of the role.
    """
    before = session.info.get(_SPOKEN, SERVICE)
    if before == SERVICE:
        yield
        return
    session.flush()
    _take_role(session, SERVICE)
    try:
        yield
        session.flush()
    except DBAPIError:
        raise  # the transaction is over: nothing can be said in it any more
    except BaseException:
        _take_role(session, before)
        raise
    _take_role(session, before)


def _take_role(session: Session, role: str) -> None:
    session.execute(text("SELECT set_config('ror.role', :role, true)"), {"role": role})
    session.info[_SPOKEN] = role


def statements(tables: set[str]) -> Iterator[str]:
    """The statements that bring these tables under the policy, whatever was there before."""
    for signature, body in _FUNCTIONS.items():
        yield f"CREATE OR REPLACE FUNCTION {signature} {body}"
    for table, rows in POLICY.items():
        if table not in tables:
            continue
        yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
        yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
        add = f"actor = {_WHO}" if table == "audit_events" else _either(table, rows.add)
        see, change = _either(table, rows.see), _either(table, rows.change)
        for name, rule in {
            "see": f"FOR SELECT USING ({see})",
            "add": f"FOR INSERT WITH CHECK ({add})",
            "change": f"FOR UPDATE USING ({see}) WITH CHECK ({change})",
            "remove": f"FOR DELETE USING ({_either(table, {})})",
        }.items():
            yield f"DROP POLICY IF EXISTS ror_{name} ON {table}"
            yield f"CREATE POLICY ror_{name} ON {table} {rule}"


def install(connection: Connection) -> None:
    """Bring every table under the policy; nothing is done on SQLite. Run it after each change here.

    Nor is anything done to a schema that is still on its way here: rules name tables that come later. The step that
    brings the last of them calls this too, and nobody works on the schema before.
    """
    if connection.dialect.name != "postgresql":
        return
    tables = set(inspect(connection).get_table_names())
    if tables.issuperset(POLICY):
        for statement in statements(tables):
            connection.exec_driver_sql(statement)


def remove(connection: Connection) -> None:
    """Take the policy away again, as before there was one."""
    if connection.dialect.name != "postgresql":
        return
    for table in set(inspect(connection).get_table_names()).intersection(POLICY):
        for name in ("see", "add", "change", "remove"):
            connection.exec_driver_sql(f"DROP POLICY IF EXISTS ror_{name} ON {table}")
        connection.exec_driver_sql(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    for signature in _FUNCTIONS:
        connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {signature}")


def _either(table: str, roles: Mapping[str, str]) -> str:
    """One condition for all roles, so that only that of the role which asks is looked at."""
    cases = "".join(f" WHEN '{role}' THEN {condition.format(table=table)}" for role, condition in roles.items())
    return f"CASE {_ROLE} WHEN '{SERVICE}' THEN true{cases} ELSE false END"
