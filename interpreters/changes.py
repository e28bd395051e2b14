"""The shape that every module's changes share when a result is made again with other knowledge."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class FollowUp(StrEnum):
    """What people must do about a change. Nothing is ever released because of one."""

    REVIEW = "review"
    """Review the result as they would a new one."""
    COUNSELOR_TASK = "counselor_task"
    """Look at a finding that does not hold any more, and at what its participant was told."""


class Change(Protocol):
    """One difference between two interpretations of one sample.

    `before` and `after` are a person's results: no log may hold them. Their `str` is what an operator may ask to see.
    """

    @property
    def gene(self) -> str:
        """Gene symbol."""

    @property
    def kind(self) -> StrEnum:
        """What differs; each module has its own kinds."""

    @property
    def before(self) -> object:
        """What was said."""

    @property
    def after(self) -> object:
        """What would be said."""

    @property
    def follow_up(self) -> FollowUp | None:
        """What people must do about it; None where it is only counted."""
