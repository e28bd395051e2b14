"""A withdrawal that waits for a send is not overtaken by the next one: on PostgreSQL they stand in one line."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from ror_service.storage import participants
from ror_service.storage.database import make_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.services
PERSON, ANOTHER = "P-1", "P-2"


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    made = make_engine(postgres_url)
    yield made
    made.dispose()


def a_sender_need_not_wait(engine: Engine, person: str) -> bool:
    """Whether one more sender would get its place at once."""
    with Session(engine) as session, session.begin():
        key = func.hashtext(person)
        return bool(session.scalar(select(func.pg_try_advisory_xact_lock_shared(participants.LINES, key))))


def test_senders_stand_together_and_behind_a_withdrawal_that_waits(engine: Engine) -> None:
    waits = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    withdrawn = threading.Event()

    def withdraw() -> None:
        with Session(engine) as session, session.begin():
            participants.take_turn(session, PERSON)
            withdrawn.set()

    with Session(engine) as sending, sending.begin():
        participants.stand_in_line(sending, PERSON)
        assert a_sender_need_not_wait(engine, PERSON)
        withdrawing = threading.Thread(target=withdraw)
        withdrawing.start()
        with Session(engine) as watching:
            while withdrawing.is_alive() and not watching.scalar(waits):
                watching.rollback()
        assert not withdrawn.is_set()
        assert not a_sender_need_not_wait(engine, PERSON)
        assert a_sender_need_not_wait(engine, ANOTHER)
    withdrawing.join()
    assert withdrawn.is_set()
    assert a_sender_need_not_wait(engine, PERSON)
