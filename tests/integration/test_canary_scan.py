"""Nothing personal is written where it does not belong; and a service that is careless is found out."""

from __future__ import annotations

import importlib
import os
import sys
from types import ModuleType

import pytest
from support.canaries import Place
from support.canary_run import ALL_STAGES
from support.servers import MissingProgramError
from support.shared import PROJECT

pytestmark = pytest.mark.services


@pytest.fixture
def canary_scan(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "path", [str(PROJECT / "benchmarks"), *sys.path])
    return importlib.import_module("canary_scan")


def _scan(canary_scan: ModuleType, broker: str, *, broken: bool):  # type: ignore[no-untyped-def]  # noqa: ANN202
    try:
        return canary_scan.scan(broker, canary_scan.MEDICINES, broken=broken)
    except MissingProgramError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


def test_everything_that_was_written_is_free_of_canaries(canary_scan: ModuleType) -> None:
    search, failed, left = _scan(canary_scan, "rabbitmq", broken=False)
    assert search.hits == []
    assert failed == ALL_STAGES, "else what the errors leave was not looked at"
    assert left == 0, "core dumps, or temporary files that nobody could search"
    for place in set(Place) - {Place.CORES, Place.TEMPORARY}:
        assert search.searched[place] > 100, f"nothing of the {place} was searched"


def test_a_careless_service_is_found_out(canary_scan: ModuleType) -> None:
    search, *_ = _scan(canary_scan, "redis", broken=True)
    found = {hit.place for hit in search.hits}
    assert found >= {Place.DATABASE, Place.BROKER, Place.LOGS, Place.TRACES, Place.TEMPORARY}
