"""What a participant said on the form about family; the letter to relatives depends on it, and whom they may name."""

from __future__ import annotations

from datetime import datetime

from consent.types import Answer, Capacity, DocumentType, History, Validation, latest


def agreed_form(history: History, at: datetime) -> str | None:
    """Version of the form, if the last word on it is the participant's own and valid yes; None otherwise.

    Nobody says this yes for somebody else: what it shares is also about relatives.
    """
    said = latest([record for record in history.consents if record.document is DocumentType.FAMILY_SHARING])
    agreed = (
        said is not None
        and said.answer is Answer.YES
        and said.validation is Validation.VALID
        and said.capacity is Capacity.SELF
        and said.authored_at <= at
    )
    return said.document_version if said is not None and agreed else None
