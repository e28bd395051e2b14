"""Key-encryption keys are rotated under living data keys, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.service import PERSON, Service, running_service

from ror_service.errors import ErasedError, SealError
from ror_service.sealing import vault
from ror_service.sealing.keys import FileKeyProvider, KeyProvider, WrappedKey
from ror_service.storage import data_keys, migrations
from ror_service.storage.database import make_engine
from ror_service.storage.tables import DataKeyRow, InterpretationRow


@pytest.fixture
def service(tmp_path: Path, database_url: str) -> Iterator[Service]:
    engine = make_engine(database_url)
    migrations.upgrade(engine)
    engine.dispose()
    with running_service(tmp_path / "service", database_url=database_url) as running:
        yield running


def _rotate(service: Service, batch: int = 1) -> tuple[str, str, int]:
    provider = service.context.keys
    assert isinstance(provider, FileKeyProvider)
    old, new = provider.current_key_id(), provider.rotate()
    return old, new, _rewrap(service, provider, batch)


def _rewrap(service: Service, provider: KeyProvider, batch: int = 1) -> int:
    total, after = 0, None
    while after != "":
        with service.work() as work:
            count, after = vault.rewrap_keys(work, provider, after or "", batch)
        total += count
    return total


def test_every_living_key_moves_and_everything_still_opens(service: Service) -> None:
    service.available()
    service.enter_medicines("warfarin")
    before = service.read()
    old, new, count = _rotate(service)
    rows = service.rows(DataKeyRow)
    assert count == len(rows) > 1
    assert {row.key_encryption_key_id for row in rows} == {new}
    service.context.keys.destroy(old)
    assert service.read() == before
    assert service.medicines() == ("warfarin",)
    for row in service.rows(InterpretationRow):
        with service.work() as work:
            vault.open_interpretation(work, service.context.keys, row)


def test_a_rotation_that_stops_in_the_middle_harms_nothing_and_goes_on(service: Service) -> None:
    service.available()
    provider = service.context.keys
    old = provider.current_key_id()
    provider.rotate()
    with service.work() as work:
        assert vault.rewrap_keys(work, provider, limit=1)[0] == 1
        assert data_keys.wraps_living_keys(work.session, old)
    assert service.read()
    with service.work() as work:
        vault.rewrap_keys(work, provider)
        assert not data_keys.wraps_living_keys(work.session, old)


class _Crashing:
    """A keeper of keys in whose hands the process dies at one of its wraps."""

    def __init__(self, provider: KeyProvider, at: int) -> None:
        self._provider, self._left = provider, at

    def current_key_id(self) -> str:
        return self._provider.current_key_id()

    def wrap(self, data_key: bytes, associated_data: bytes) -> WrappedKey:
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt
        return self._provider.wrap(data_key, associated_data)

    def unwrap(self, wrapped: WrappedKey, associated_data: bytes) -> bytes:
        return self._provider.unwrap(wrapped, associated_data)


def test_a_crash_at_any_key_harms_nothing(service: Service) -> None:
    service.available()
    before, count = service.read(), len(service.rows(DataKeyRow))
    provider = service.context.keys
    for at in range(count):
        provider.rotate()
        with pytest.raises(KeyboardInterrupt):
            _rewrap(service, _Crashing(provider, at), 2)
        assert service.read() == before
    assert _rewrap(service, provider, 2) == count
    assert {row.key_encryption_key_id for row in service.rows(DataKeyRow)} == {provider.current_key_id()}
    assert service.read() == before


def test_a_key_that_somebody_holds_is_left_for_later_and_stays_destroyed(service: Service) -> None:
    if service.context.engine.dialect.name == "sqlite":
        pytest.skip("has one writer: nobody holds a row while another writes")
    service.available()
    provider = service.context.keys
    provider.rotate()
    first, *others = sorted(row.key_id for row in service.rows(DataKeyRow))
    with service.work() as withdrawal:
        data_keys.destroy_keys(withdrawal.session, [first], withdrawal.at)
        assert _rewrap(service, provider, 500) == len(others), "and nobody waits for anybody"
    assert _rewrap(service, provider, 1) == 0
    gone, *living = sorted(service.rows(DataKeyRow), key=lambda row: row.key_id)
    assert gone.wrapped is None
    assert {row.key_encryption_key_id for row in living} == {provider.current_key_id()}


def test_a_destroyed_key_stays_destroyed_and_an_old_backup_of_it_is_worthless(service: Service) -> None:
    service.available()
    (interpretation,) = service.rows(InterpretationRow)
    backup = {row.key_id: (row.key_encryption_key_id, row.wrapped) for row in service.rows(DataKeyRow)}
    service.withdraw(PERSON)
    old, _, _ = _rotate(service)
    service.context.keys.destroy(old)
    with service.work() as work, pytest.raises(ErasedError):
        vault.open_interpretation(work, service.context.keys, interpretation)
    with service.work() as work:
        row = work.session.get_one(DataKeyRow, interpretation.data_key_id)
        row.key_encryption_key_id, row.wrapped = backup[row.key_id]
    with service.work() as work, pytest.raises(SealError):
        vault.open_interpretation(work, service.context.keys, interpretation)
