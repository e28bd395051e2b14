"""Traits: what a few well-studied variants say about taste, earwax and milk sugar. No health, no fate."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from interpreters.knowledge import choose_release
from interpreters.traits.interpreter import NAME, TraitsInterpreter

__all__ = ["TraitsInterpreter", "load"]

_DATA = Path(__file__).parent / "data"


def load(
    release: str | None = None, extra: Path | None = None, options: Mapping[str, str] | None = None
) -> TraitsInterpreter:
    """The interpreter with a knowledge release; see `registry.Factory`.

    Raises:
        ValueError: If there are options; which traits are returned is knowledge, not an option.
        interpreters.knowledge.KnowledgeError: If the release is missing, changed or malformed.
    """
    if options:
        raise ValueError(f"traits has no options, but was given {sorted(options)}")
    return TraitsInterpreter(choose_release(NAME, release, _DATA, extra))
