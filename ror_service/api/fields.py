"""Kinds of text that requests carry: short, of known characters, never a NUL, which PostgreSQL does not take."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

from ror_service import identifiers

Identifier = identifiers.Identifier
Sha256 = identifiers.Sha256
PartnerId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
ModuleName = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,64}$")]
Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,20}$")]
PlainText = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]


def _composed(text: object) -> object:
    """Letters with their accents as one character each, however the sender's keyboard writes them."""
    return unicodedata.normalize("NFC", text) if isinstance(text, str) else text


ShownLine = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=identifiers.SHOWN),
    BeforeValidator(_composed),
]
"""A line of text that a report repeats."""


class Body(BaseModel):
    """A request body; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
