"""What tests of delivery share: the service's key, a bundle that the real gate let through, a client of a partner."""

from __future__ import annotations

from typing import Any

from ror_service.delivery.addresses import Reach
from ror_service.delivery.client import PartnerClient
from ror_service.delivery.partners import Partner
from ror_service.sandbox.partner import SandboxPartner
from ror_service.sealing.bundle import Artifact, BundleContent, build_bundle
from ror_service.sealing.recipients import RecipientKeyPair, RecipientPublicKey
from ror_service.sealing.signing import Signer
from ror_service.settings import LOOPBACK
from support.consent_facts import NOW, PERSON, released

SENDER = Signer.from_secret(bytes(range(32)))
STRANGER = Signer.from_secret(bytes(range(1, 33)))
SENDERS = {SENDER.key_id: SENDER.public_key}
RECEIPT_SIGNER = Signer.from_secret(bytes(range(2, 34)))
REPORT = b"<p>You probably have wet earwax.</p>"

RECIPIENT = RecipientKeyPair.generate()
HERE = Reach(LOOPBACK)
"""This machine alone may be asked: what the sandbox needs."""


async def _public(host: str, _port: int) -> list[str]:
    return [host] if host[0].isdigit() else ["93.184.216.34"]


NOWHERE = Reach(resolve=_public)
"""Every name has one public address, for partners that no server stands behind."""


def sealed_bundle(
    recipient: RecipientPublicKey,
    delivery_id: str = "delivery-1",
    *,
    report: bytes = REPORT,
    signer: Signer = SENDER,
    audience: str = "participant",
    language: str = "en",
    media_type: str = "text/html",
) -> bytes:
    """A bundle with one artifact."""
    artifacts = (Artifact(audience, language, media_type.rpartition("/")[2], media_type, report),)
    content = BundleContent(delivery_id, PERSON, "traits", "report-1", 1, "original", artifacts)
    return build_bundle(released(content), recipient=recipient, signer=signer, created_at=NOW)


def registered(base_url: str = "https://partner.example", *, recall_supported: bool = True) -> Partner:
    """A partner that no server stands behind."""
    keys = {RECEIPT_SIGNER.key_id: RECEIPT_SIGNER.public_key}
    return Partner("partner-1", base_url, RECIPIENT.public, keys, recall_supported)


def client_of(sandbox: SandboxPartner, **changes: object) -> PartnerClient:
    """A client of a sandbox partner as it is registered, with the service's key, unless told otherwise."""
    given: dict[str, Any] = {
        "partner": sandbox.registration,
        "signer": SENDER,
        "timeout": 20.0,
        "reach": HERE,
    } | changes
    return PartnerClient(given.pop("partner"), given.pop("signer"), **given)
