"""The shape in which every module tells what differs between two of its knowledge releases."""

from __future__ import annotations

from typing import NamedTuple

WHOLE = ""
"""`FactChange.field` of a fact that only one of the releases has."""


class Subject(NamedTuple):
    """What a fact is about."""

    gene: str
    """Gene, several genes with commas, or empty for what belongs to none."""
    kind: str
    """Such as `allele`, `position`, `CPIC recommendation on azathioprine`, `policy`."""
    name: str


class FactChange(NamedTuple):
    """One fact that differs."""

    subject: Subject
    field: str
    """Which property of the subject; `WHOLE` where it was added or removed."""
    before: str | None
    """None where the subject was added."""
    after: str | None
    """None where it was removed."""


class Comparison(NamedTuple):
    """What differs between two releases."""

    facts: tuple[FactChange, ...]
    summary: tuple[str, ...] = ()
    """Sentences that count what differs, and say what could not be compared."""
