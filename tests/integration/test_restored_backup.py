"""Yesterday's backup cannot bring back who withdrew, and gives everybody else back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.restored_backup import (
    Backups,
    keys_in_database,
    person,
    restored,
    rotate,
    tried,
    working_service,
)
from support.servers import PostgresServer
from support.service import Service

from consent.types import ModuleAnswer, Participation
from ror_service import restoring
from ror_service.errors import UnsafeConfigurationError
from ror_service.storage.tables import ParticipantRow
from ror_service.worker import relay

LEAVER, STAYER, REFUSER = person(0), person(1), person(2)
pytestmark = pytest.mark.services


@dataclass
class Disaster:
    """A service, and what is kept of it elsewhere."""

    service: Service
    backups: Backups
    url: str
    new_database: Callable[[], str]

    def restore(self) -> str:
        url = self.new_database()
        self.backups.restore(url)
        return url


@pytest.fixture
def disaster(tmp_path: Path, postgres_server: PostgresServer) -> Iterator[Disaster]:
    with ExitStack() as exits:
        url = exits.enter_context(postgres_server.database())
        service = exits.enter_context(working_service(tmp_path / "home", url, 3))
        backups = Backups(tmp_path / "backups")
        relay.keep_checkpoint(service.context)
        yield Disaster(
            service, backups, url, lambda: exits.enter_context(postgres_server.database(template="template0"))
        )


def leave(service: Service) -> None:
    """One person withdraws, another one takes the answer for one module back."""
    service.clock.advance(hours=20)
    service.withdraw(LEAVER)
    service.choose(ModuleAnswer.NO, "traits", REFUSER)
    relay.keep_erasures(service.context)


def test_restored_with_the_newest_keys_only_the_living_can_be_read(disaster: Disaster) -> None:
    service, backups = disaster.service, disaster.backups
    backups.take_main(disaster.url)
    backups.take_keys(disaster.url)
    yesterdays_keys = keys_in_database(service)
    leave(service)
    old = rotate(service)
    backups.take_keys(disaster.url)
    service.context.keys.destroy(old)
    with restored(service, disaster.restore()) as again:
        restoring.after_restore(again.context)
        found = tried(again, yesterdays_keys)
        total, opened = found[LEAVER]
        assert total >= 10
        assert not opened
        assert found[STAYER][0] == found[STAYER][1] == total
        assert again.read(participant_id=STAYER) == service.read(participant_id=STAYER)
        assert again.medicines(STAYER) == ("warfarin",)
        assert again.read("ancestry", participant_id=REFUSER), "only one module was refused"
        assert 0 < found[REFUSER][1] < total


def test_an_older_dump_of_the_keys_revives_nobody_once_erasures_are_applied(disaster: Disaster) -> None:
    service, backups = disaster.service, disaster.backups
    backups.take_main(disaster.url)
    backups.take_keys(disaster.url)
    leave(service)
    with restored(service, disaster.restore()) as again:
        assert tried(again)[LEAVER][1] > 0, (
            "the dump and the key-encryption key together: this is what the journal is for"
        )
        with pytest.raises(UnsafeConfigurationError, match="ror db after-restore"):
            restoring.check_not_behind(again.context)
        done = restoring.after_restore(again.context)
        assert done.lost is not None
        assert (done.applied.endings, done.applied.not_here, done.unreadable_keys) == (2, 0, 0)
        restoring.check_not_behind(again.context)
        found = tried(again)
        assert not found[LEAVER][1]
        assert found[STAYER][0] == found[STAYER][1]
        (row,) = again.rows(ParticipantRow, ParticipantRow.participant_id == LEAVER)
        assert row.participation == Participation.WITHDRAWN
        twice = restoring.after_restore(again.context)
        assert (twice.lost, twice.applied.keys_destroyed, twice.applied.endings) == (None, 0, 0)


def test_a_full_dump_with_a_kept_key_encryption_key_is_caught_by_the_same_check(
    disaster: Disaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, backups = disaster.service, disaster.backups
    from support import restored_backup  # noqa: PLC0415 - its commands are exchanged

    as_told = restored_backup.commands_of_guide()
    careless = {
        **as_told,
        "everything but the keys": as_told["everything but the keys"].replace("--exclude-table-data=data_keys", ""),
        "a restore": 'pg_restore --exit-on-error --no-owner --dbname="$PGDATABASE" main.dump\n',
    }
    monkeypatch.setattr(restored_backup, "commands_of_guide", lambda: careless)
    backups.take_main(disaster.url)
    leave(service)
    rotate(service)
    with restored(service, disaster.restore()) as again:
        total, opened = tried(again)[LEAVER]
        assert opened == total, "everything of somebody who withdrew opens"


def test_keys_under_a_destroyed_key_encryption_key_open_nothing_and_that_is_told(disaster: Disaster) -> None:
    service, backups = disaster.service, disaster.backups
    backups.take_main(disaster.url)
    backups.take_keys(disaster.url)
    service.context.keys.destroy(rotate(service))
    relay.keep_checkpoint(service.context)
    leave(service)
    with restored(service, disaster.restore()) as again:
        assert restoring.after_restore(again.context).unreadable_keys > 0
        assert not any(opened for _, opened in tried(again).values())
