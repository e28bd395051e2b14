"""One class for each case that the service refuses or cannot do.

A message names the object by its opaque id, what is wrong, and the remedy; never a genotype, a finding or a person.
At the HTTP edge each becomes a problem+json document (RFC 9457) with its `code` and `status`.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar


class ServiceError(Exception):
    """Base of everything the service says no with."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500


class NotFoundError(ServiceError):
    """There is no such object, or the caller may not know that there is."""

    code = "not_found"
    status = 404


class ForbiddenError(ServiceError):
    """The caller's role does not allow this."""

    code = "forbidden"
    status = 403


class UnauthenticatedError(ServiceError):
    """No valid token."""

    code = "unauthenticated"
    status = 401


class InvalidInputError(ServiceError):
    """The request is understood and wrong."""

    code = "invalid_input"
    status = 422


class IllegalTransitionError(ServiceError):
    """The object is in a state from which this step is not allowed."""

    code = "illegal_transition"
    status = 409


class ConflictError(ServiceError):
    """The same key was used before for something else."""

    code = "conflict"
    status = 409


class WithheldError(ServiceError):
    """The consent gate withholds; the reasons are codes of the decision."""

    code = "withheld"
    status = 403

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("withheld: " + ", ".join(reasons))
        self.reasons = reasons


class ErasedError(ServiceError):
    """The data key was destroyed: nobody can read this any more."""

    code = "erased"
    status = 410


class NoRoomError(ServiceError):
    """The disk of the store is full, or a limit on it is reached."""

    code = "no_room"
    status = 507


class NotExtractedError(ServiceError):
    """What is stored of a sample is not all that its interpreters need; its file is being read again."""

    code = "not_extracted"
    status = 503


class SealError(ServiceError):
    """A seal does not open: wrong key, wrong context, or changed bytes."""

    code = "seal_broken"
    status = 500


class KeysUnavailableError(ServiceError):
    """The hardware module that holds the key-encryption keys cannot be reached now."""

    code = "keys_unavailable"
    status = 503


class SignatureError(ServiceError):
    """A signature is missing, by an unknown key, or does not match."""

    code = "bad_signature"
    status = 401


class KnowledgeUnavailableError(ServiceError):
    """The knowledge release that is asked for is not at hand, or is not the one that a result rests on."""

    code = "knowledge_unavailable"
    status = 503


class RenderError(ServiceError):
    """A report could not be rendered, or is not accessible."""

    code = "render_failed"
    status = 500


class DeliveryUnavailableError(ServiceError):
    """The partner cannot be reached or asks to wait; try again.

    Attributes:
        retry_after: Seconds that the partner asked for, or None.
        partner_id: Who did not answer; None where it is not the partner's fault.
    """

    code = "partner_unavailable"
    status = 503

    def __init__(self, message: str, retry_after: float | None = None, partner_id: str | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.partner_id = partner_id


class PartnerAddressError(DeliveryUnavailableError):
    """The partner's name leads to an address where no partner may be; nothing was sent."""

    code = "partner_address"


class PartnerPausedError(ServiceError):
    """The partner did not answer lately and is left alone until a moment; that counts as no try.

    Attributes:
        until: From when on it may be tried, UTC.
    """

    code = "partner_paused"
    status = 503

    def __init__(self, partner_id: str, until: datetime) -> None:
        super().__init__(f"partner {partner_id} did not answer several times and is left alone until {until}")
        self.until = until


class DeliveryRefusedError(ServiceError):
    """The partner refuses for good; an operator must look."""

    code = "delivery_refused"
    status = 502


class DeliveryRecalledError(DeliveryRefusedError):
    """The partner holds a recall for this key (410): the delivery must never happen."""

    code = "delivery_recalled"
    status = 410


class UnsafeConfigurationError(ServiceError):
    """The settings would run production in an unsafe way; names the setting and the remedy."""

    code = "unsafe_configuration"


class AuditError(ServiceError):
    """The audit log cannot be written or does not verify; then nothing is read or done."""

    code = "audit_failed"
