"""PostgreSQL alone keeps people apart: requests and queries that forgot whom they are for find nothing of others."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session
from support.access_matrix import DEAD, MATRIX, OBJECTS, World, leaks, world_on_postgresql
from support.consent_facts import ANOTHER_PERSON, PERSON
from support.service import CENTER, COUNSELOR, DIRECTOR, OPERATOR, PORTAL, READER

from ror_service import break_glass, designees
from ror_service.api import people
from ror_service.api.tokens import Role
from ror_service.audit.log import Actor
from ror_service.delivery import dispatch
from ror_service.errors import AuditError, NotFoundError
from ror_service.intake import samples
from ror_service.states import DeliveryState
from ror_service.storage import row_security
from ror_service.storage.row_security import POLICY
from ror_service.storage.tables import Base, BreakGlassGrantRow, DeliveryRow, ReportRow, ReportVersionRow, SampleRow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from support.servers import PostgresServer

REVIEWER = Actor("reviewer-1", "genetic_counselor", break_glass.PURPOSE)
NAMED_FOR = Actor("reviewer-1", "genetic_counselor", designees.PURPOSE)
PARTNERS = (Actor("partner-a", "delivery_partner", "delivery events"), Actor("partner-b", "delivery_partner", "events"))
READING = sorted(route for route in MATRIX if route.startswith("GET") and "{" in route)
OF_PARTICIPANTS = sorted(route for route, rows in MATRIX.items() if Role.PARTICIPANT in rows)
SEALED = sorted(
    name for name, table in Base.metadata.tables.items() if {"sealed", "wrapped"}.intersection(table.columns.keys())
)


@pytest.fixture(scope="module")
def world(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world") / "service"
    with postgres_server.database() as url, world_on_postgresql(folder, url) as made:
        yield made


@pytest.fixture
def owner(world: World) -> Engine:
    """The database as its superuser, whom no policy binds."""
    return world.service.context.engine


def seen(world: World, actor: Actor | None) -> dict[str, list[dict[str, object]]]:
    """Every row of every table with a policy that a query without any condition gives."""
    with Session(world.api.service.context.engine) as session, session.begin():
        if actor is not None:
            row_security.speak_for(session, actor.role, actor.name)
        return {
            name: [dict(row) for row in session.execute(select(Base.metadata.tables[name])).mappings()]
            for name in POLICY
        }


def names(rows: list[dict[str, object]], column: str = "participant_id") -> set[object]:
    return {row[column] for row in rows}


def test_the_database_has_the_policy_of_the_code(owner: Engine) -> None:
    query = "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity"
    rules = "SELECT tablename, count(*) FROM pg_policies GROUP BY tablename"
    with owner.connect() as connection:
        assert set(connection.scalars(text(query))) == set(POLICY)
        assert {tuple(row) for row in connection.execute(text(rules))} == {(name, 4) for name in POLICY}


@pytest.mark.parametrize(
    "actor",
    [None, Actor(PERSON, "", ""), Actor(PERSON, "administrator", ""), Actor("P-9", "participant", "own results")],
)
def test_without_a_known_role_and_subject_there_is_no_row(world: World, actor: Actor | None) -> None:
    assert {name: rows for name, rows in seen(world, actor).items() if rows} == {}


def test_a_query_without_a_condition_gives_participants_their_own_rows_alone(world: World) -> None:
    found = seen(world, READER)
    named = {name for name in POLICY if "participant_id" in Base.metadata.tables[name].columns}
    assert {name for name in named if found[name]} >= {"participants", "result_cases", "reports", "audit_events"}
    assert {person for name in named for person in names(found[name])} == {PERSON}
    with world.service.work(PORTAL) as work:
        own = {report["report_id"] for report in found["reports"]}
        versions = {row.version_id for row in work.session.scalars(select(ReportVersionRow)) if row.report_id in own}
    assert names(found["artifacts"], "version_id") == names(found["report_versions"], "version_id") == versions
    assert names(found["data_keys"], "key_id") == names(found["report_versions"], "data_key_id")
    assert found["interpretations"] == found["stored_genotypes"] == found["fingerprints"] == []


def test_each_other_role_sees_what_is_its_own_and_nothing_sealed_that_is_not(world: World) -> None:
    center, portal, operator = (seen(world, actor) for actor in (CENTER, PORTAL, OPERATOR))
    assert names(center["samples"], "genome_center") == {CENTER.name}
    assert names(center["qc_assessments"], "sample_id") <= names(center["samples"], "sample_id")
    of_samples = {"samples", "qc_assessments", "listed_files", "data_files"}
    assert {name for name, rows in center.items() if rows} <= of_samples
    assert {name for name, rows in portal.items() if rows} == {"participants", "consent_records", "module_decisions"}
    assert {name: operator[name] for name in SEALED if operator[name]} == {}
    assert len(operator["samples"]) > len(center["samples"])
    auditor = seen(world, Actor("auditor-1", "auditor", "audit"))
    assert {name for name, rows in auditor.items() if rows} == {"audit_events", "break_glass_grants"}
    for reviewer in (COUNSELOR, DIRECTOR):
        under_review = seen(world, reviewer)
        assert names(under_review["interpretations"], "module") == {"hereditary_risk"}
        granted = {ANOTHER_PERSON, DEAD[1]} if reviewer is COUNSELOR else set()
        assert names(under_review["reports"]) == granted
        assert names(under_review["stored_genotypes"]) == set()


@pytest.mark.parametrize("route", READING)
def test_requests_find_on_postgresql_what_the_matrix_says(world: World, route: str) -> None:
    assert leaks(world, route)[1] == []


def _no_owner_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "own", lambda _, participant_id: participant_id)


@pytest.mark.parametrize("route", OF_PARTICIPANTS)
def test_routes_that_forget_whose_data_they_read_or_change_still_refuse(
    world: World, monkeypatch: pytest.MonkeyPatch, route: str
) -> None:
    _no_owner_is_asked_for(monkeypatch)
    for which in ("other", "absent"):
        answer = world.call(route, Role.PARTICIPANT, which)
        empty = route.endswith(("/results", "/access-log"))
        assert answer.status_code == 404 or (empty and answer.json() == []), answer.text


def test_without_the_policy_the_same_routes_tell_everything(
    world: World, owner: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    _no_owner_is_asked_for(monkeypatch)
    route = "GET /v1/participants/{participant_id}/results"
    assert world.call(route, Role.PARTICIPANT, "other").status_code == 404
    _policy_off(owner)
    try:
        assert len(world.call(route, Role.PARTICIPANT, "other").json()) > 1
        assert len(names(seen(world, READER)["result_cases"])) > 1
    finally:
        with owner.begin() as connection:
            row_security.install(connection)
    assert world.call(route, Role.PARTICIPANT, "other").status_code == 404


def _policy_off(owner: Engine) -> None:
    with owner.begin() as connection:
        row_security.remove(connection)
        for statement in row_security.statements(set()):  # the log needs its end
            connection.exec_driver_sql(statement)


def test_a_center_that_is_not_compared_reaches_no_other_sample(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(work: object, sample_id: str) -> SampleRow:
        row = work.session.get(SampleRow, sample_id)  # type: ignore[attr-defined]
        if row is None:
            raise NotFoundError("no such sample")
        return row

    monkeypatch.setattr(samples, "owned", careless)
    for route in ("GET /v1/samples/{sample_id}", "PUT /v1/samples/{sample_id}/file"):
        assert world.call(route, Role.GENOME_CENTER, "other").status_code == 404


def test_a_partner_reaches_its_own_deliveries_alone(world: World, owner: Engine) -> None:
    context = world.api.service.context
    with Session(owner) as session, session.begin():
        version = session.scalars(select(ReportVersionRow)).first()
        assert version is not None
        case_id = session.scalars(select(ReportRow.case_id).where(ReportRow.report_id == version.report_id))
        session.execute(text("INSERT INTO organizations VALUES ('partner-a', 'delivery_partner', '{}', now())"))
        session.add(
            DeliveryRow(
                delivery_id="delivery-a", version_id=version.version_id, case_id=case_id.one(), participant_id=PERSON,
                partner_id="partner-a", idempotency_key="key", state=DeliveryState.RECEIVED.value, manifest_sha256="m",
                bundle=None, created_at=world.service.clock.now,
            )
        )  # fmt: skip
    own, other = PARTNERS
    assert [len(seen(world, partner)["deliveries"]) for partner in PARTNERS] == [1, 0]
    with context.transaction(own) as work:
        assert dispatch.opened(work, "delivery-a", own.name) is not None
    with context.transaction(other) as work, pytest.raises(NotFoundError):
        dispatch.opened(work, "delivery-a", own.name)  # its own comparison would let this through


def test_nobody_writes_to_the_log_in_another_name_nor_reads_more_of_it_than_its_end(world: World) -> None:
    context = world.api.service.context
    with context.transaction(CENTER) as work:
        work.audit("test", "nothing", "nothing", None)
    with pytest.raises(AuditError) as refused, context.transaction(CENTER) as work:
        row_security.speak_for(work.session, CENTER.role, "center-2")
        work.audit("test", "nothing", "nothing", None)
    assert "row-level security" in str(refused.value.__cause__)
    assert seen(world, CENTER)["audit_events"] == []


def test_a_name_does_not_outlive_its_transaction(world: World) -> None:
    engine = create_engine(world.api.service.context.engine.url, pool_size=1, max_overflow=0)
    with Session(engine) as session, session.begin():
        row_security.speak_for(session, "service", "test")
        assert session.scalar(text("SELECT count(*) FROM participants"))
    with Session(engine) as session, session.begin():
        assert session.scalar(text("SELECT count(*) FROM participants")) == 0
    engine.dispose()


def test_the_service_steps_back_after_what_it_owed(world: World) -> None:
    count = select(SampleRow.sample_id)
    with world.api.service.context.transaction(CENTER) as work:
        own = len(work.session.scalars(count).all())
        with work.as_service(), work.as_service():
            assert len(work.session.scalars(count).all()) > own
        assert len(work.session.scalars(count).all()) == own
        with pytest.raises(NotFoundError), work.as_service():
            raise NotFoundError("whatever was asked for")
        assert len(work.session.scalars(count).all()) == own


# --- Break-glass

FILE = "participant.en.html"


def test_a_grant_ends_by_the_clock_of_the_database_even_when_the_code_forgets(
    world: World, owner: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with owner.connect() as connection:
        now: datetime = connection.scalars(text("SELECT clock_timestamp()")).one()
    director = Actor(DIRECTOR.name, DIRECTOR.role, break_glass.PURPOSE)
    world.service.grant("over", PERSON, DIRECTOR.name, allowed=True, expires_at=now, approved_at=now)
    monkeypatch.setattr(break_glass, "in_force", lambda work, name: work.session.get(BreakGlassGrantRow, name))
    context = world.api.service.context
    with pytest.raises(NotFoundError), context.transaction(director) as work:
        break_glass.read(work, context.keys, "over", "traits", FILE)
    with owner.begin() as connection:
        longer = "UPDATE break_glass_grants SET expires_at = now() + interval '1 h' WHERE grant_id = 'over'"
        connection.execute(text(longer))
    with context.transaction(director) as work:
        assert break_glass.read(work, context.keys, "over", "traits", FILE).content
    with pytest.raises(DBAPIError, match="row-level security"), context.transaction(director) as work:
        work.session.execute(text("UPDATE participants SET participation = 'withdrawn'"))


# --- The person who was named for after a death


def test_whom_a_participant_named_is_told_to_that_participant_and_under_a_grant_alone(world: World) -> None:
    own = seen(world, Actor(DEAD[0], "participant", "own results"))
    assert names(own["designee_namings"]) == {DEAD[0]}
    assert names(own["data_keys"], "key_id") >= names(own["designee_namings"], "data_key_id")
    asked = seen(world, Actor("reviewer-1", "genetic_counselor", designees.PURPOSE))
    assert names(asked["designee_namings"]) == {DEAD[0]}
    for actor in (DIRECTOR, PORTAL, OPERATOR, CENTER):
        assert seen(world, actor)["designee_namings"] == [], actor


@pytest.mark.parametrize("route", [route for route in MATRIX if "designee" in route and not route.startswith("GET")])
def test_what_is_named_recorded_and_allowed_is_written_in_each_ones_own_role(world: World, route: str) -> None:
    for role, expected in MATRIX[route].items():
        assert [world.call(route, role, which).status_code for which in OBJECTS] == list(expected), role


def test_the_database_lets_a_director_alone_allow_what_a_counselor_records(world: World) -> None:
    def grant(actor: Actor, name: str) -> None:
        with context.transaction(actor) as work:
            work.session.add(
                BreakGlassGrantRow(
                    grant_id=name, participant_id=DEAD[0], requested_by=actor.name, reason="checked",
                    requested_at=work.at, purpose=designees.PURPOSE,
                )
            )  # fmt: skip

    def allow(actor: Actor, name: str) -> None:
        with context.transaction(actor) as work:
            row = work.session.get_one(BreakGlassGrantRow, name)
            row.approved_by, row.approved_at, row.expires_at = actor.name, work.at, work.at + timedelta(days=1)

    context = world.api.service.context
    carla, boris = (
        Actor(name, role, designees.PURPOSE)
        for name, role in (("carla", "genetic_counselor"), ("boris", "laboratory_director"))
    )
    with pytest.raises(DBAPIError, match="row-level security"):
        grant(boris, "by-a-director")
    grant(COUNSELOR, "by-a-counselor")
    with pytest.raises(DBAPIError, match="row-level security"):
        allow(carla, "by-a-counselor")
    allow(boris, "by-a-counselor")


def test_what_was_kept_is_out_of_reach_by_the_clock_of_the_database(
    world: World, owner: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = world.api.service.context
    name = "designee-1-allowed"
    with context.transaction(NAMED_FOR) as work:
        assert designees.read(work, context.keys, name, "traits", FILE).content
    monkeypatch.setattr(break_glass, "in_force", lambda work, name, _: work.session.get(BreakGlassGrantRow, name))
    ended = "UPDATE break_glass_grants SET ended_at = :at WHERE participant_id = :person"
    with owner.begin() as connection:
        connection.execute(text(ended), {"at": world.service.clock.now, "person": DEAD[0]})
    with pytest.raises(NotFoundError), context.transaction(NAMED_FOR) as work:
        designees.read(work, context.keys, name, "traits", FILE)
    with owner.begin() as connection:
        connection.execute(text(ended), {"at": None, "person": DEAD[0]})


def test_the_database_takes_nobody_as_their_own_second_person(world: World) -> None:
    with pytest.raises(IntegrityError, match="second_person"):
        world.service.grant("alone", PERSON, "reviewer-1", allowed=True, approved_by="reviewer-1")
