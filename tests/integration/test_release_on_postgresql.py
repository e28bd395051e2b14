"""The model of release on PostgreSQL, for people who see only the rows that they may: both stores keep the promises."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from support.release_model import play
from support.service import LimitedService, limited_service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.servers import PostgresServer

STEPS = 300


def test_every_promise_holds_in_every_order(tmp_path: Path, postgres_server: PostgresServer) -> None:
    @contextmanager
    def opened(place: Path) -> Iterator[LimitedService]:
        with postgres_server.database() as url, limited_service(place, url) as service:
            yield service

    seen = play(tmp_path, STEPS, 1, opened)
    assert seen["steps"] >= STEPS
