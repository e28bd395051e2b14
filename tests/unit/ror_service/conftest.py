"""A service on a temporary database, and one with a delivery partner on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.service import Service, running_partner, running_service


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service with nobody in it, its clock standing still."""
    with running_service(tmp_path / "service") as running:
        yield running


@pytest.fixture
def delivering(service: Service, tmp_path: Path) -> Iterator[Service]:
    """A service with one real delivery partner."""
    with running_partner(service, tmp_path / "delivery-partner"):
        yield service
