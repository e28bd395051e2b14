"""No table with a person's data is without a policy."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, MetaData, String, Table

from ror_service.storage.row_security import POLICY, WITHOUT_PERSONS
from ror_service.storage.tables import Base


def of_persons(metadata: MetaData) -> set[str]:
    """Tables that name a participant, or hang from one that does, or hold sealed bytes."""
    telling = {"participant_id", "sealed"}
    found = {table.name for table in metadata.tables.values() if telling.intersection(table.columns.keys())}
    while more := {
        table.name
        for table in metadata.tables.values()
        if table.name not in found and any(key.column.table.name in found for key in table.foreign_keys)
    }:
        found |= more
    return found


def unprotected(metadata: MetaData) -> set[str]:
    return (of_persons(metadata) - POLICY.keys()) | (set(metadata.tables) - POLICY.keys() - WITHOUT_PERSONS.keys())


def test_every_table_has_a_policy_or_a_reason_for_none() -> None:
    assert unprotected(Base.metadata) == set()
    assert set(Base.metadata.tables) == POLICY.keys() | WITHOUT_PERSONS.keys()
    assert not POLICY.keys() & WITHOUT_PERSONS.keys()


def test_a_new_table_about_a_person_without_a_policy_is_named() -> None:
    metadata = MetaData()
    Table("participants", metadata, Column("participant_id", String, primary_key=True))
    Table("diaries", metadata, Column("participant_id", ForeignKey("participants.participant_id"), primary_key=True))
    Table("pages", metadata, Column("diary", ForeignKey("diaries.participant_id"), primary_key=True))
    Table("weather", metadata, Column("day", String, primary_key=True))
    assert of_persons(metadata) == {"participants", "diaries", "pages"}
    assert unprotected(metadata) == {"diaries", "pages", "weather"}
