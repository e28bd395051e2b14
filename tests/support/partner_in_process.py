"""The sandbox partner without a server: the same application and the same faults, called in this process."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import httpx

from ror_service.sandbox.partner import SandboxPartner
from ror_service.sandbox.partner_faults import FaultyApplication

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.service import Service


def _reset(client: tuple[str, int]) -> NoReturn:
    """What the client of a connection sees that is reset."""
    raise httpx.ReadError(f"the connection of {client[0]} was reset")


@contextmanager
def partner_in_process(service: Service, folder: Path) -> Iterator[SandboxPartner]:
    """A partner that the service knows and reaches without sockets; `running_partner` is the one with."""
    signer = service.context.sender.signer
    partner = SandboxPartner(folder, senders={signer.key_id: signer.public_key}, keep_opened=True)
    application = FaultyApplication(
        partner._application(),
        partner.faults,
        reset=_reset,
        wrong_receipt=partner._receipt_for_another,
    )
    service.context.partner_transport = httpx.ASGITransport(application)
    try:
        service.register_partner(partner)
        yield partner
    finally:
        partner.close()
