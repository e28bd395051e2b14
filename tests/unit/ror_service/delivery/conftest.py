"""A sandbox partner on loopback for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.partners import SENDERS

from ror_service.sandbox.partner import SandboxPartner


@pytest.fixture
def partner(tmp_path: Path) -> Iterator[SandboxPartner]:
    """A working partner that accepts deliveries from the service's key."""
    with SandboxPartner(tmp_path / "partner", senders=SENDERS, keep_opened=True) as running:
        yield running
