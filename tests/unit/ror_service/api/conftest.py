"""The API over a service on a temporary database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.api import Api, running_api
from support.service import Service


@pytest.fixture
def api(service: Service) -> Iterator[Api]:
    with running_api(service) as running:
        yield running
