"""The consent documents: every version in each language, as data with the texts in `documents/`."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from consent.types import DocumentType

AWAITING = "awaiting"
"""Review status of a text that nobody has approved yet."""


class DocumentError(Exception):
    """The registry is not understood, or a text is not the registered one; the message names the document."""


@dataclass(frozen=True, slots=True)
class ConsentDocument:
    """One version of a consent document in one language. Never changed: a change is a new version."""

    type: DocumentType
    version: str
    language: str
    sha256: str
    """Of the UTF-8 bytes of the text."""
    effective_from: date
    """First day, UTC, on which it could be answered."""
    supersedes: str
    """The version before; empty for the first."""
    clinical_review: str
    """`awaiting`, or the day of the approval."""
    legal_review: str
    effective_until: date | None = None
    """Last day, UTC, on which it could be answered; None: still can."""

    def could_be_answered(self, at: datetime) -> bool:
        """Whether the document was in effect at a moment, UTC."""
        return self.effective_from <= at.date() and (self.effective_until is None or at.date() <= self.effective_until)

    def text(self) -> str:
        """The text, Markdown.

        Raises:
            DocumentError: If it is missing or not the registered one.
        """
        name = f"documents/{self.type.value}-{self.version}.{self.language}.md"
        try:
            content = files("consent").joinpath(name).read_bytes()
        except OSError as error:
            raise DocumentError(f"consent/{name} is missing; restore it") from error
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise DocumentError(f"consent/{name} is not the registered text; a change needs a new version")
        return content.decode("utf-8")


Key = tuple[DocumentType, str, str]
"""Type, version and language."""


@cache
def load_registry() -> MappingProxyType[Key, ConsentDocument]:
    """Every registered document by type, version and language.

    Raises:
        DocumentError: If the registry is not understood, or names a document twice.
    """
    try:
        rows = tomllib.loads(files("consent").joinpath("documents/registry.toml").read_text(encoding="utf-8"))
        documents = [_document(row) for row in rows["document"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DocumentError(f"consent/documents/registry.toml: not a usable registry ({error!r})") from error
    found = {(document.type, document.version, document.language): document for document in documents}
    if len(found) != len(documents):
        raise DocumentError("consent/documents/registry.toml: a document is registered twice")
    return MappingProxyType(found)


def _document(row: dict[str, Any]) -> ConsentDocument:
    return ConsentDocument(**{**row, "type": DocumentType(row["type"])})


def could_be_answered(document: DocumentType, version: str, language: str, at: datetime) -> bool:
    """Whether there was such a document to answer at a moment, UTC. An answer to none never counts as yes."""
    known = load_registry().get((document, version, language))
    return known is not None and known.could_be_answered(at)
