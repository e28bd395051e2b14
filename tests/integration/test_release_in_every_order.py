"""What the service promises about release, in any order of events that hypothesis thinks of, on both databases."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from support.release_model import play
from support.service import LimitedService, limited_service

from ror_service.states import CaseState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.servers import PostgresServer

STEPS = int(os.environ.get("ROR_MODEL_STEPS", "20000"))
ON_POSTGRESQL = 300


def test_every_promise_holds_in_every_order(tmp_path: Path) -> None:
    seen = play(tmp_path, STEPS, 1)
    print(f"{seen.pop('steps')} steps; cases ended {dict(seen.most_common())}")  # noqa: T201 - with -s
    reached = {CaseState.OFFERED, CaseState.IN_REVIEW, CaseState.DELIVERED}
    assert reached <= seen.keys(), "the model comes where something can go wrong"


def test_the_same_on_postgresql_for_people_who_see_only_their_rows(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    @contextmanager
    def opened(place: Path) -> Iterator[LimitedService]:
        with postgres_server.database() as url, limited_service(place, url) as service:
            yield service

    assert play(tmp_path, ON_POSTGRESQL, 1, opened)["steps"] >= ON_POSTGRESQL
