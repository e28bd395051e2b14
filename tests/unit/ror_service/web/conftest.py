"""A browser before the portal of a service on a temporary database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.portal import Browser, browser
from support.service import Service


@pytest.fixture
def visitor(service: Service) -> Iterator[Browser]:
    """The browser of the participant of the tests, signed in; nothing of the person is registered yet."""
    with browser(service) as opened:
        opened.enter()
        yield opened
